//! What a restated report says of the one before it: checked against that one, the audit chain and the ledger.

use super::check::{Material, Source};
use super::{Verified, statement};
use crate::outputs::reports::issued::content::{Restatement, Statement};
use crate::outputs::reports::issued::differences::differences;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::sign::hex;
use crate::outputs::reports::issued::{REPORT, STATEMENT, keep, restate};
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A report that is restated.
pub(super) struct Earlier {
    /// Its statement.
    pub(super) statement: Statement,
    /// The report.
    pub(super) report: String,
}

impl Earlier {
    /// Reads it from its two files.
    pub(super) fn of(read: impl Fn(&str) -> Result<Vec<u8>, IssueError>) -> Result<Earlier, IssueError> {
        let statement = serde_json::from_slice(&read(STATEMENT)?)
            .map_err(|error| IssueError::content(format!("its {STATEMENT}"), error))?;
        let report = String::from_utf8(read(REPORT)?)
            .map_err(|error| IssueError::content(format!("its {REPORT}"), error))?;
        Ok(Earlier { statement, report })
    }
}

/// What a report says of the one that it restates.
pub(super) fn said(material: &Material) -> Option<Restatement> {
    let mut report: Value = serde_json::from_str(material.text(REPORT)?).ok()?;
    serde_json::from_value(report.get_mut("restatement")?.take()).ok()
}

/// What the report says of the one that it restates, and that one itself. `then` is the store as it was when this one was
/// issued.
pub(super) fn check(
    connection: &Connection,
    then: &Connection,
    material: &Material,
    other: Option<&str>,
    verified: &mut Verified,
) {
    let (own, of) = (said(material), &material.statement.restates);
    if own.as_ref().map(|own| &own.of) != of.as_ref() {
        let shown = |of: Option<&String>| of.cloned().unwrap_or_else(|| "nothing".to_owned());
        verified.differs("what is restated", shown(of.as_ref()), shown(own.as_ref().map(|own| &own.of)));
    }
    let earlier = match &material.restated {
        None => return,
        Some(Ok(earlier)) => earlier,
        Some(Err(error)) if error.is_absence() => {
            return verified.says(format!("the report that is restated is missing: {error}"));
        }
        Some(Err(error @ IssueError::Content { .. })) => {
            return verified.says(format!("the report that is restated is not what was issued: {error}"));
        }
        Some(Err(error)) => {
            return verified.cannot(format!("the report that is restated cannot be read: {error}"));
        }
    };
    is_as_issued(connection, earlier, of.as_deref().unwrap_or_default(), verified);
    if let Some(own) = own {
        what_changed(&own, earlier, material, verified);
        what_happened(&own, then, earlier, material, other, verified);
    }
}

fn what_changed(own: &Restatement, earlier: &Earlier, material: &Material, verified: &mut Verified) {
    let issued_at = earlier.statement.issued_at;
    if own.issued_at != issued_at {
        let (stated, found) = (issued_at.to_string(), own.issued_at.to_string());
        verified.differs(format!("{REPORT}: restatement.issued_at"), stated, found);
    }
    if own.reason != material.statement.reason {
        let what = format!("{REPORT}: restatement.reason");
        verified.differs(what, &material.statement.reason, &own.reason);
    }
    match restate::changes(&earlier.report, material.text(REPORT).unwrap_or_default()) {
        Ok(mut changes) => {
            let count = changes.len();
            changes.truncate(own.changes.len());
            if changes != own.changes || count != own.changes.len() + own.more {
                verified.says(format!(
                    "{REPORT}: restatement.changes: what it says that changed since {} is not what differs between the two",
                    own.of
                ));
            }
        }
        Err(error) => verified.says(format!("the report that is restated is no JSON: {error}")),
    }
}

fn what_happened(
    own: &Restatement,
    then: &Connection,
    earlier: &Earlier,
    material: &Material,
    other: Option<&str>,
    verified: &mut Verified,
) {
    let mut causes = match restate::causes(then, &earlier.statement, &material.statement) {
        Ok(causes) => causes,
        Err(error) => return verified.cannot(format!("what happened in between cannot be read: {error}")),
    };
    let mut told = own.causes.clone();
    if material.source == Source::Evidence {
        for all in [&mut causes, &mut told] {
            all.retain(|cause| cause.kind != restate::LEDGER);
        }
    }
    if told == causes {
        return;
    }
    let what = format!(
        "{REPORT}: restatement.causes: what it says that happened since {} is not what audit chain and ledger say",
        own.of
    );
    match other {
        Some(other) => verified.cannot(format!("{what}; {other}")),
        None => verified.says(what),
    }
}

/// The report that is restated is what was issued, by the audit chain.
fn is_as_issued(connection: &Connection, earlier: &Earlier, id: &str, verified: &mut Verified) {
    let Earlier { statement, report } = earlier;
    match keep::entries_of(connection, id) {
        Ok(entries) => match entries.first() {
            Some(entry) => {
                let body = serde_json::from_str::<Value>(&entry.body).unwrap_or_default();
                let at = format!(
                    "the {STATEMENT} of {id}, which is restated, is not what entry {} of the audit chain says",
                    entry.sequence
                );
                verified.changed(&at, differences(&body, &statement.value()));
            }
            None => verified
                .says(format!("the audit chain has no entry that {id}, which is restated, was issued")),
        },
        Err(error) => verified.cannot(format!("the audit chain cannot be read: {error}")),
    }
    if statement::is_forged(statement) {
        verified.says(format!(
            "the signature of {id}, which is restated, is not that of its statement by its key"
        ));
    }
    let found = hex(&Sha256::digest(report));
    let stated = statement.files.get(REPORT).map_or("", String::as_str);
    if found != stated {
        let what = format!("the {REPORT} of {id}, which is restated, is not what was issued, by SHA-256");
        verified.differs(what, stated, found);
    }
}
