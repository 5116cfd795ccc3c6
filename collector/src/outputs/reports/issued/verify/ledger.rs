//! Verification against the ledger that a report was issued from.

use super::Verified;
use super::check::{Material, Source, check, remade};
use super::given::{Given, Held};
use super::restated::Earlier;
use super::statement;
use crate::outputs::reports::issued::content::{Seal, Statement};
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::{REPORT, STATEMENT, keep, list};
use crate::outputs::reports::{Report, json};
use crate::store::{self, Layout};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Makes a report that was issued from a ledger again, and tells every difference. A running collector is not held up.
/// `key` is the issuer's public key, hexadecimal, where it is known.
///
/// # Errors
/// [`IssueError`] where there is no such report, or nothing can be read.
pub fn against_ledger(layout: &Layout, given: &Given, key: Option<&str>) -> Result<Verified, IssueError> {
    let connection = store::open_reader(layout)?;
    let (id, held) = match given {
        Given::Id(id) => (id.clone(), None),
        Given::File { name, bytes } => {
            let held = Held::of(name, bytes);
            (held.which(&statements(layout, &connection)?)?.id.clone(), Some(held))
        }
    };
    let noted = keep::entries_of(&connection, keep::checked(&id)?)?.into_iter().next();
    if noted.is_none() {
        keep::directory(layout, &id)?;
    }
    let mut verified = Verified { id: id.clone(), ..Verified::default() };
    let kept = kept_statement(layout, &id, &mut verified);
    // The audit chain has it, too.
    let told = || serde_json::from_str(&noted.as_ref()?.body).ok();
    let Some(statement): Option<Statement> = kept.or_else(told) else { return Ok(verified) };
    if statement.id != id {
        verified.differs(format!("{STATEMENT}: id"), &id, &statement.id);
    }
    let files = frozen(layout, &id, &statement, &mut verified);
    if let Some(held) = held {
        held.compare(files.get(REPORT).map(Vec::as_slice), &statement, &mut verified);
    }
    let earlier = |of: &String| Earlier::of(|name| keep::file(layout, of, name));
    let restated = statement.restates.as_ref().map(earlier);
    let material = Material { statement, files, restated, source: Source::Ledger };
    check(&material, layout, key, &mut verified);
    Ok(verified)
}

/// The statement as it is kept beside the report.
fn kept_statement(layout: &Layout, id: &str, verified: &mut Verified) -> Option<Statement> {
    match keep::file(layout, id, STATEMENT) {
        Ok(bytes) => return statement::read(&bytes, verified),
        Err(IssueError::NotIssued(_)) => verified.says(format!(
            "the audit chain says that {id} was issued, and its files are not in {}: start the collector, which ends an \
             issue that was cut off, or put them back from a backup",
            keep::folder(layout).display()
        )),
        Err(error) if error.is_absence() => verified.says(format!("{STATEMENT} is missing")),
        Err(error) => verified.cannot(error.to_string()),
    }
    None
}

/// The frozen files that are there.
fn frozen(
    layout: &Layout,
    id: &str,
    statement: &Statement,
    verified: &mut Verified,
) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in statement.files.keys().map(String::as_str).chain([REPORT]) {
        match keep::file(layout, id, name) {
            Ok(bytes) => drop(files.insert(name.to_owned(), bytes)),
            // What is missing is told by whoever looks at it.
            Err(error) if error.is_absence() => {}
            Err(error) => verified.cannot(error.to_string()),
        }
    }
    files
}

/// The statements of all issued reports: as the audit chain has them, and those that are kept and not in it.
fn statements(layout: &Layout, connection: &Connection) -> Result<Vec<Statement>, IssueError> {
    let mut all = keep::noted(connection)?;
    for issued in list::list(layout)? {
        if let Ok(kept) = keep::directory(layout, &issued.id).and_then(|at| keep::statement(&at))
            && !all.iter().any(|one| one.id == kept.id)
        {
            all.push(kept);
        }
    }
    Ok(all)
}

/// The report that was issued under this name, made again from the ledger, to be printed once more.
///
/// # Errors
/// [`IssueError`] where there is none, or where what comes out is not what was issued: then verify it.
pub fn again(layout: &Layout, id: &str) -> Result<Report, IssueError> {
    let (statement, files) = keep::as_issued(layout, id)?;
    let material = Material { statement, files, restated: None, source: Source::Ledger };
    let (mut report, _) = remade(layout, &material, None)?;
    if material.files.get(REPORT).is_none_or(|bytes| json(&report).as_bytes() != bytes) {
        return Err(IssueError::content(REPORT, "the ledger gives it no longer; see `wattledger verify`"));
    }
    report.seal = Some(Seal::of(&material.statement));
    Ok(report)
}
