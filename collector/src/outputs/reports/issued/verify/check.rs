//! The checks that ledger and bundle have in common, on a store.

use super::Verified;
use crate::audit::{self, Head, configuration};
use crate::outputs::reports::issued::content::{LedgerState, Restatement, SHAPE, Statement};
use crate::outputs::reports::issued::differences::differences;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::freeze::{self, Frozen, FrozenMeter};
use crate::outputs::reports::issued::sign::{self, hex};
use crate::outputs::reports::issued::{CONFIGURATION, METERS, REPORT, STATEMENT, keep, restate, tables};
use crate::outputs::reports::{Report, json};
use crate::store::{self, Layout, history};
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is kept of an issued report.
pub(super) struct Material {
    /// The statement.
    pub(super) statement: Statement,
    /// The frozen files that are there, by name.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// The report that is restated, where it is at hand.
    pub(super) restated: Option<String>,
}

impl Material {
    fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(name)?).ok()
    }
}

/// Makes every check against a store. `key` is the public key that is pinned.
pub(super) fn check(material: &Material, layout: &Layout, key: Option<&str>, verified: &mut Verified) {
    signature(&material.statement, key, verified);
    files(material, verified);
    told_tables(&material.statement, verified);
    let connection = match store::open_reader(layout) {
        Ok(connection) => connection,
        Err(error) => return verified.says(error.to_string()),
    };
    chain(&connection, &material.statement, verified);
    let config = in_force(&connection, material, verified);
    match made_again(&connection, layout, material, config.as_deref()) {
        Ok(again) => compare(material, again, verified),
        Err(error) => verified.says(format!("the report cannot be made again: {error}")),
    }
    restated(material, verified);
}

fn signature(statement: &Statement, key: Option<&str>, verified: &mut Verified) {
    if statement.issue != SHAPE {
        verified.differs(format!("{STATEMENT}: issue"), SHAPE, &statement.issue);
    }
    match (&statement.public_key, &statement.signature) {
        (Some(public), Some(signature)) => {
            if !sign::is_of(public, &statement.signed_bytes(), signature) {
                verified.says(format!("{STATEMENT}: the signature is not that of this statement by its key"));
            }
        }
        (None, None) => verified.notes.push("the report is not signed".to_owned()),
        _ => verified.says(format!("{STATEMENT}: of key and signature one is missing")),
    }
    match (key, &statement.public_key) {
        (Some(pinned), Some(own)) if pinned != own => {
            verified.differs(format!("{STATEMENT}: it is signed with another key"), pinned, own);
        }
        (Some(_), None) => {
            verified.says(format!("{STATEMENT}: it is not signed with the key that is asked for"))
        }
        (None, Some(own)) => verified.notes.push(format!(
            "signed with the key {own}; whose that is, only --key with the issuer's public key can say"
        )),
        _ => {}
    }
}

fn files(material: &Material, verified: &mut Verified) {
    for (name, hash) in &material.statement.files {
        match material.files.get(name) {
            None => verified.says(format!("{name} is missing")),
            Some(bytes) => {
                let found = hex(&Sha256::digest(bytes));
                if found != *hash {
                    verified.differs(format!("{name} is not what was issued, by SHA-256"), hash, found);
                }
            }
        }
    }
    for name in [REPORT, CONFIGURATION, METERS] {
        if !material.statement.files.contains_key(name) {
            verified.says(format!("{STATEMENT}: it does not fix {name}"));
        }
    }
}

fn told_tables(statement: &Statement, verified: &mut Verified) {
    let own: Vec<_> = tables::all().into_iter().map(|table| table.state).collect();
    for table in &statement.tables {
        match own.iter().find(|own| own.name == table.name) {
            Some(own) if own == table => {}
            Some(own) => verified.differs(
                format!("the table {} is another in this program", table.name),
                format!("version {} ({})", table.version, table.sha256),
                format!("version {} ({})", own.version, own.sha256),
            ),
            None => verified.says(format!("this program has no table {}", table.name)),
        }
    }
}

fn chain(connection: &Connection, statement: &Statement, verified: &mut Verified) {
    let head = Head { count: statement.audit.entries, hash: statement.audit.hash.clone() };
    match audit::verify(connection, Some(&head).filter(|head| head.count > 0)) {
        Ok(Ok(_)) => {}
        Ok(Err(broken)) => verified.says(format!("the audit chain does not hold: {broken}")),
        Err(error) => verified.says(format!("the audit chain cannot be read: {error}")),
    }
    match keep::entry_of(connection, &statement.id) {
        Ok(Some(entry)) => match serde_json::from_str::<Value>(&entry.body) {
            Ok(body) => {
                let at = format!("{STATEMENT} is not what entry {} of the audit chain says", entry.sequence);
                verified.changed(&at, differences(&body, &statement.value()));
            }
            Err(error) => verified.says(format!("entry {} of the audit chain: {error}", entry.sequence)),
        },
        Ok(None) => verified.says(format!("the audit chain has no entry that {} was issued", statement.id)),
        Err(error) => verified.says(format!("the audit chain cannot be read: {error}")),
    }
}

/// The text of the configuration by the audit chain, which is compared with what was frozen.
fn in_force(connection: &Connection, material: &Material, verified: &mut Verified) -> Option<String> {
    let stated = &material.statement.configuration;
    let found = match configuration::as_of(connection, material.statement.audit.entries) {
        Ok(found) => found,
        Err(error) => {
            verified.says(format!("the audit chain cannot be read: {error}"));
            None
        }
    };
    let Some(found) = found else {
        verified.says("the audit chain tells of no configuration that was in force".to_owned());
        return None;
    };
    if found.sequence != stated.entry {
        let (before, after) = (stated.entry.to_string(), found.sequence.to_string());
        verified.differs("the configuration in force, by its entry in the audit chain", before, after);
    }
    let hash = hex(&Sha256::digest(&found.version.text));
    if hash != stated.digest {
        verified.differs("the configuration in force, by SHA-256", &stated.digest, hash);
    }
    if material.text(CONFIGURATION).is_some_and(|text| text != found.version.text) {
        verified.says(format!("{CONFIGURATION} is not the configuration in entry {}", found.sequence));
    }
    Some(found.version.text)
}

/// A report that was made again, with the ledger that it was made from.
struct Again {
    report: String,
    ledger: Value,
}

fn made_again(
    connection: &Connection,
    layout: &Layout,
    material: &Material,
    config: Option<&str>,
) -> Result<Again, IssueError> {
    let (report, ledger) = remade(connection, layout, material, config)?;
    let ledger = serde_json::to_value(ledger).map_err(|error| IssueError::content("ledger", error))?;
    Ok(Again { report: json(&report), ledger })
}

/// The report as it was issued, made from the ledger by what was frozen with it.
pub(super) fn remade(
    connection: &Connection,
    layout: &Layout,
    material: &Material,
    config: Option<&str>,
) -> Result<(Report, LedgerState), IssueError> {
    let statement = &material.statement;
    let text = config.or_else(|| material.text(CONFIGURATION)).unwrap_or_default();
    let config = freeze::configuration(statement.configuration.entry, text, &statement.facility, |file| {
        let name = statement.series.get(&file.display().to_string());
        let text = name.and_then(|name| material.text(name));
        text.map(Arc::from).ok_or_else(|| IssueError::content(file, "the series of factors was not kept"))
    })?;
    let meters: Vec<FrozenMeter> = serde_json::from_str(material.text(METERS).unwrap_or_default())
        .map_err(|error| IssueError::content(METERS, error))?;
    let frozen = Frozen {
        facility: statement.facility.clone(),
        period: statement.period.clone(),
        generated_at: statement.issued_at,
        known: history::known_at(connection, statement.known_at)?,
        config,
        meters,
    };
    let (mut report, ledger) = frozen.report(layout, true)?;
    // What was restated is no matter of the ledger; it is looked at by itself.
    report.restatement = restatement_in(material);
    Ok((report, ledger))
}

fn restatement_in(material: &Material) -> Option<Restatement> {
    let mut report: Value = serde_json::from_str(material.text(REPORT)?).ok()?;
    serde_json::from_value(report.get_mut("restatement")?.take()).ok()
}

fn compare(material: &Material, again: Again, verified: &mut Verified) {
    let stated = serde_json::to_value(&material.statement.ledger).unwrap_or_default();
    verified.changed("the ledger in the period", differences(&stated, &again.ledger));
    let Some(issued) = material.text(REPORT) else { return };
    if issued == again.report {
        return;
    }
    let read = |text: &str| serde_json::from_str::<Value>(text);
    match (read(issued), read(&again.report)) {
        (Ok(issued), Ok(found)) => {
            let mut all = differences(&issued, &found);
            let own = &material.statement.engine;
            if own != env!("CARGO_PKG_VERSION") {
                all.retain(|change| change.what != "versions.engine");
                verified.notes.push(format!(
                    "issued by version {own} of the program, verified by {}",
                    env!("CARGO_PKG_VERSION")
                ));
            }
            if all.is_empty() && issued == found {
                verified.notes.push(format!("{REPORT} is set otherwise, with the same content"));
            }
            verified.changed(REPORT, all);
        }
        (Err(error), _) | (_, Err(error)) => verified.says(format!("{REPORT} is no JSON: {error}")),
    }
}

fn restated(material: &Material, verified: &mut Verified) {
    let (own, of) = (restatement_in(material), &material.statement.restates);
    if own.as_ref().map(|own| &own.of) != of.as_ref() {
        let shown = |of: Option<&String>| of.cloned().unwrap_or_else(|| "nothing".to_owned());
        verified.differs("what is restated", shown(of.as_ref()), shown(own.as_ref().map(|own| &own.of)));
    }
    let (Some(own), Some(before), Some(after)) = (own, &material.restated, material.text(REPORT)) else {
        return;
    };
    match restate::changes(before, after) {
        Ok(mut changes) => {
            let count = changes.len();
            changes.truncate(own.changes.len());
            if changes != own.changes || count != own.changes.len() + own.more {
                verified.says(format!(
                    "{REPORT}: what it says that changed since {} is not what differs between the two",
                    own.of
                ));
            }
        }
        Err(error) => verified.says(format!("the restated report is no JSON: {error}")),
    }
}
