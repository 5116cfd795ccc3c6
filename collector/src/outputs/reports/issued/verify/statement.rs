//! What a statement says of itself, and by whom it is signed.

use super::Verified;
use crate::outputs::reports::issued::content::{SHAPE, Statement};
use crate::outputs::reports::issued::differences::is_same_but_for_space;
use crate::outputs::reports::issued::{STATEMENT, keep, sign, tables};
use serde_json::Value;

/// Reads a statement from its file. One of a shape that this program does not know is nobody's fault.
pub(super) fn read(bytes: &[u8], verified: &mut Verified) -> Option<Statement> {
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    let shape = value.as_ref().and_then(|value| value["issue"].as_str()).unwrap_or(SHAPE);
    if shape != SHAPE && shape.starts_with("wattledger/issue/") {
        verified.cannot(format!(
            "{STATEMENT} has the shape {shape}, and this program reads {SHAPE}; verify it with the version that issued it"
        ));
        return None;
    }
    match serde_json::from_slice::<Statement>(bytes) {
        Ok(statement) => {
            laid_out(bytes, &statement, verified);
            Some(statement)
        }
        Err(error) => {
            verified.says(format!("{STATEMENT} is no statement: {error}"));
            None
        }
    }
}

/// The file is the statement and nothing beside it: a key that stands twice is another thing to each who reads it.
fn laid_out(bytes: &[u8], statement: &Statement, verified: &mut Verified) {
    let text = statement.text();
    if text.as_bytes() == bytes {
        return;
    }
    if is_same_but_for_space(text.as_bytes(), bytes) {
        verified.says(format!("{STATEMENT} is not what was written: its spaces or line ends are others"));
    } else {
        verified.says(format!(
            "{STATEMENT} is not what was written: keys stand twice in it, or in another order"
        ));
    }
}

/// Name, shape and signature. `key` is the public key that is pinned.
pub(super) fn check(statement: &Statement, key: Option<&str>, verified: &mut Verified) {
    if statement.issue != SHAPE {
        verified.differs(format!("{STATEMENT}: issue"), SHAPE, &statement.issue);
    }
    if !statement.id.starts_with(&keep::stem(&statement.facility, &statement.period)) {
        verified.says(format!(
            "{STATEMENT}: {} is not the name of a report of {} over {}",
            statement.id, statement.facility, statement.period
        ));
    }
    let is_forged = is_forged(statement);
    if is_forged {
        verified.says(format!("{STATEMENT}: the signature is not that of this statement by its key"));
    }
    match (&statement.public_key, &statement.signature) {
        (Some(_), Some(_)) => {}
        (None, None) => verified.note(
            "the report is not signed: whoever can write the audit chain can make all of it anew, but for a head of the \
             chain that was noted elsewhere",
        ),
        _ => verified.says(format!("{STATEMENT}: of key and signature one is missing")),
    }
    match (key, &statement.public_key) {
        (Some(pinned), Some(own)) if pinned != own => {
            verified.differs(format!("{STATEMENT}: it is signed with another key"), pinned, own);
        }
        (Some(pinned), Some(_)) if !is_forged => {
            verified.note(format!("signed with the key that was given, {pinned}"))
        }
        (Some(_), None) => {
            verified.says(format!("{STATEMENT}: it is not signed with the key that is asked for"))
        }
        (None, Some(own)) => verified.note(format!(
            "signed with the key {own}; whose that is, only --key with the issuer's public key can say"
        )),
        (Some(_), Some(_)) | (None, None) => {}
    }
    let (entries, hash) = (statement.audit.entries, &statement.audit.hash);
    verified.note(format!(
        "made with the audit chain up to {entries}:{hash}; compare that with what was noted elsewhere"
    ));
}

/// Whether there are key and signature, and the signature is another's.
pub(super) fn is_forged(statement: &Statement) -> bool {
    match (&statement.public_key, &statement.signature) {
        (Some(public), Some(signature)) => !sign::is_of(public, &statement.signed_bytes(), signature),
        _ => false,
    }
}

/// In what this program is another than the one that issued it; `None` where it is the same.
pub(super) fn other_program(statement: &Statement) -> Option<String> {
    let mut all = Vec::new();
    let own = env!("CARGO_PKG_VERSION");
    if statement.engine != own {
        all.push(format!("it was issued by version {} of the program, and this is {own}", statement.engine));
    }
    let tables: Vec<_> = tables::all().into_iter().map(|table| table.state).collect();
    for table in &statement.tables {
        match tables.iter().find(|own| own.name == table.name) {
            Some(own) if own == table => {}
            Some(own) if own.version == table.version => all.push(format!(
                "it was issued with another table {} ({}) than this program has ({})",
                table.name, table.sha256, own.sha256
            )),
            Some(own) => all.push(format!(
                "it was issued with version {} of the table {}, and this program has {}",
                table.version, table.name, own.version
            )),
            None => all.push(format!("this program has no table {}", table.name)),
        }
    }
    for table in tables.iter().filter(|own| !statement.tables.iter().any(|table| table.name == own.name)) {
        all.push(format!("it was issued without the table {}, which this program has", table.name));
    }
    (!all.is_empty()).then(|| all.join("; "))
}
