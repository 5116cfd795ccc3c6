//! Verification against the ledger that a report was issued from.

use super::Verified;
use super::check::{Material, check, remade};
use super::given::{Given, Held};
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::{REPORT, STATEMENT, keep};
use crate::outputs::reports::{Report, json};
use crate::store::{self, Layout};
use std::collections::BTreeMap;

/// Makes a report that was issued from a ledger again, and tells every difference. A running collector is not held up.
/// `key` is the issuer's public key, hexadecimal, where it is known.
///
/// # Errors
/// [`IssueError`] where there is no such report, or nothing can be read.
pub fn against_ledger(layout: &Layout, given: &Given, key: Option<&str>) -> Result<Verified, IssueError> {
    let (id, held) = match given {
        Given::Id(id) => (id.clone(), None),
        Given::File { name, bytes } => {
            let held = Held::of(name, bytes);
            (held.which(&statements(layout)?)?.id.clone(), Some(held))
        }
    };
    keep::directory(layout, &id)?;
    let mut verified = Verified { id: id.clone(), ..Verified::default() };
    let text = String::from_utf8_lossy(&keep::file(layout, &id, STATEMENT)?).into_owned();
    let statement: Statement = match serde_json::from_str(&text) {
        Ok(statement) => statement,
        Err(error) => {
            verified.says(format!("{STATEMENT} is no statement: {error}"));
            return Ok(verified);
        }
    };
    if statement.id != id {
        verified.differs(format!("{STATEMENT}: id"), &id, &statement.id);
    }
    let mut files = BTreeMap::new();
    for name in statement.files.keys().map(String::as_str).chain([REPORT]) {
        // What is missing is told by whoever looks at it.
        if let Ok(bytes) = keep::file(layout, &id, name) {
            files.insert(name.to_owned(), bytes);
        }
    }
    if let Some(held) = held {
        held.compare(files.get(REPORT).map_or(&[], Vec::as_slice), &statement, &mut verified);
    }
    let restated =
        statement.restates.as_ref().and_then(|of| keep::read(layout, of).ok()).map(|(_, text)| text);
    let material = Material { statement, files, restated };
    check(&material, layout, key, &mut verified);
    Ok(verified)
}

/// The statements of all issued reports that can be read.
fn statements(layout: &Layout) -> Result<Vec<Statement>, IssueError> {
    let all = keep::list(layout)?;
    Ok(all.iter().filter_map(|issued| Some(keep::read(layout, &issued.id).ok()?.0)).collect())
}

/// The report that was issued under this name, made again from the ledger, to be printed once more.
///
/// # Errors
/// [`IssueError`] where there is none, or where what comes out is not what was issued: then verify it.
pub fn again(layout: &Layout, id: &str) -> Result<Report, IssueError> {
    let (statement, text) = keep::read(layout, id)?;
    let names = statement.files.keys().cloned();
    let files = names.map(|name| Ok((name.clone(), keep::file(layout, id, &name)?)));
    let files: BTreeMap<String, Vec<u8>> = files.collect::<Result<_, IssueError>>()?;
    let material = Material { statement, files, restated: None };
    let connection = store::open_reader(layout)?;
    let (report, _) = remade(&connection, layout, &material, None)?;
    if json(&report) == text { Ok(report) } else { Err(IssueError::content(REPORT, NO_LONGER)) }
}

const NO_LONGER: &str = "the ledger gives it no longer; see `wattledger verify`";
