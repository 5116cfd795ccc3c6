//! The checks that ledger and bundle have in common, on a store.

use super::restated::{self, Earlier};
use super::{Verified, statement, sums};
use crate::audit::{self, configuration};
use crate::outputs::reports::issued::content::{LedgerState, Statement};
use crate::outputs::reports::issued::differences::{differences, is_same_but_for_space};
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::freeze::{self, Frozen, FrozenMeter};
use crate::outputs::reports::issued::sign::hex;
use crate::outputs::reports::issued::{CONFIGURATION, METERS, REPORT, STATEMENT, keep};
use crate::outputs::reports::{Report, json};
use crate::store::{self, Layout, history};
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use wattledger_model::time::Interval;

/// What a report is verified by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The ledger that it was issued from.
    Ledger,
    /// A store that was made of a bundle of evidence.
    Evidence,
}

/// What is kept of an issued report.
pub(super) struct Material {
    /// The statement.
    pub(super) statement: Statement,
    /// The frozen files that are there, by name.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// The report that is restated, or why it is not at hand; `None` where none is restated.
    pub(super) restated: Option<Result<Earlier, IssueError>>,
    /// What it is verified by.
    pub(super) source: Source,
}

impl Material {
    /// The text of a frozen file, where it is there and is one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(name)?).ok()
    }
}

/// Makes every check against a store. `key` is the public key that is pinned.
pub(super) fn check(material: &Material, layout: &Layout, key: Option<&str>, verified: &mut Verified) {
    statement::check(&material.statement, key, verified);
    files(material, verified);
    let other_program = statement::other_program(&material.statement);
    let connection = match store::open_reader(layout) {
        Ok(connection) => connection,
        Err(error) => return verified.cannot(error.to_string()),
    };
    chain(&connection, &material.statement, verified);
    change_then(&connection, material, verified);
    let config = in_force(&connection, material, verified);
    let other = other_program.as_deref();
    match made_again(layout, material, config.as_deref()) {
        Ok(again) => compare(material, again, other, verified),
        Err(error) => {
            let other = other.map(|other| format!("; {other}")).unwrap_or_default();
            verified.cannot(format!("the report cannot be made again: {error}{other}"));
        }
    }
    match freeze::as_issued(layout, &material.statement) {
        Ok(then) => {
            kept_sums(&then, material, verified);
            restated::check(&connection, &then, material, other, verified);
        }
        Err(error) => verified.cannot(error.to_string()),
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

fn chain(connection: &Connection, statement: &Statement, verified: &mut Verified) {
    let head = freeze::head(statement);
    match audit::verify(connection, Some(&head).filter(|head| head.count > 0)) {
        Ok(Ok(_)) => {}
        Ok(Err(broken)) => verified.says(format!("the audit chain does not hold: {broken}")),
        Err(error) => verified.cannot(format!("the audit chain cannot be read: {error}")),
    }
    let entries = match keep::entries_of(connection, &statement.id) {
        Ok(entries) => entries,
        Err(error) => return verified.cannot(format!("the audit chain cannot be read: {error}")),
    };
    let Some(entry) = entries.first() else {
        return verified.says(format!("the audit chain has no entry that {} was issued", statement.id));
    };
    if entries.len() > 1 {
        let numbers: Vec<String> = entries.iter().map(|entry| entry.sequence.to_string()).collect();
        verified.says(format!(
            "the entries {} of the audit chain all say that {} was issued, and a report is issued once",
            numbers.join(", "),
            statement.id
        ));
    }
    if entry.sequence <= head.count {
        verified.says(format!(
            "{STATEMENT}: the chain that it was made with has {} entries, and that of its issue is entry {}",
            head.count, entry.sequence
        ));
    }
    match serde_json::from_str::<Value>(&entry.body) {
        Ok(body) => {
            let at = format!("{STATEMENT} is not what entry {} of the audit chain says", entry.sequence);
            verified.changed(&at, differences(&body, &statement.value()));
        }
        Err(error) => verified.says(format!("entry {} of the audit chain: {error}", entry.sequence)),
    }
}

/// What the store notes of the change number then. The report goes by the statement's, which the chain fixes.
fn change_then(connection: &Connection, material: &Material, verified: &mut Verified) {
    let Statement { known_at, ledger, .. } = &material.statement;
    match history::standing(connection, *known_at) {
        Ok(noted) if noted.change == ledger.change => {}
        Ok(noted) => verified.note(format!(
            "the store notes change {} for {known_at}, and the report was made by change {}: the collector's clock was put \
             back since, or somebody wrote there; the report is made again by the latter",
            noted.change, ledger.change
        )),
        Err(error) => verified.cannot(format!("what was known then cannot be read: {error}")),
    }
}

/// The text of the configuration by the audit chain, which is compared with what was frozen.
fn in_force(connection: &Connection, material: &Material, verified: &mut Verified) -> Option<String> {
    let stated = &material.statement.configuration;
    let found = match configuration::as_of(connection, material.statement.audit.entries) {
        Ok(found) => found,
        Err(error) => {
            verified.cannot(format!("the audit chain cannot be read: {error}"));
            return None;
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
    report: Report,
    ledger: Value,
}

fn made_again(layout: &Layout, material: &Material, config: Option<&str>) -> Result<Again, IssueError> {
    let (report, ledger) = remade(layout, material, config)?;
    let ledger = serde_json::to_value(ledger).map_err(|error| IssueError::content("ledger", error))?;
    Ok(Again { report, ledger })
}

/// The report as it was issued, made from the ledger by what was frozen with it.
pub(super) fn remade(
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
        known: freeze::known(statement),
        head: freeze::head(statement),
        config,
        meters,
    };
    let (mut report, ledger) = frozen.report(layout, true)?;
    // What was restated is no matter of the ledger; it is looked at by itself.
    report.restatement = restated::said(material);
    Ok((report, ledger))
}

/// What of a report tells which program made it.
const OF_PROGRAM: [&str; 3] = ["versions.engine", "versions.targets", "versions.factors"];

fn compare(material: &Material, again: Again, other: Option<&str>, verified: &mut Verified) {
    let statement = &material.statement;
    let stated = serde_json::to_value(&statement.ledger).unwrap_or_default();
    verified.changed("the ledger in the period", differences(&stated, &again.ledger));
    let period = &again.report.period;
    for (what, stated, found) in [("from", statement.from, period.from), ("to", statement.to, period.to)] {
        if stated != found {
            verified.differs(format!("{STATEMENT}: {what}"), stated.to_string(), found.to_string());
        }
    }
    let Some(bytes) = material.files.get(REPORT) else { return };
    let again = json(&again.report);
    if bytes == again.as_bytes() {
        return verified
            .notes
            .extend(other.map(|other| format!("{other}; every figure is the same all the same")));
    }
    let issued: Value = match serde_json::from_slice(bytes) {
        Ok(issued) => issued,
        Err(error) => return verified.says(format!("{REPORT} is no JSON: {error}")),
    };
    let mut all = differences(&issued, &serde_json::from_str(&again).unwrap_or_default());
    let Some(other) = other else {
        if all.is_empty() && !is_same_but_for_space(bytes, again.as_bytes()) {
            verified
                .says(format!("{REPORT} is written otherwise than it is made: a key may stand twice in it"));
        } else if all.is_empty() {
            verified.note(format!("{REPORT} is laid out otherwise than it is made, with the same content"));
        }
        return verified.changed(REPORT, all);
    };
    all.retain(|change| !OF_PROGRAM.iter().any(|of| change.what.starts_with(of)));
    match all.first() {
        None => verified.note(format!("{other}; every figure is the same all the same")),
        Some(first) => verified.cannot(format!(
            "{other}; so what was issued and what this program makes of it may differ by that alone: {} in {} places, first \
             in {} ({} -> {}). Verify it with the program that issued it",
            REPORT,
            all.len(),
            first.what,
            first.before.as_deref().unwrap_or("nothing"),
            first.after.as_deref().unwrap_or("nothing"),
        )),
    }
}

/// Hours that are told one by one.
const MOST_HOURS: usize = 20;

fn kept_sums(then: &Connection, material: &Material, verified: &mut Verified) {
    let Statement { from, to, .. } = &material.statement;
    if material.source == Source::Evidence || to <= from {
        // A bundle has minutes alone: the sums are made of them.
        return;
    }
    match sums::wrong(then, Interval::new(from.minute(), to.minute())) {
        Ok(all) => {
            for sums::Wrong { meter, hour } in all.iter().take(MOST_HOURS) {
                verified.says(format!(
                    "the ledger in the period: {meter}: the sums that are kept of the hour from {hour} are not those of \
                     its minutes"
                ));
            }
            if all.len() > MOST_HOURS {
                verified
                    .says(format!("the ledger in the period: and of {} more hours", all.len() - MOST_HOURS));
            }
        }
        Err(error) => verified.cannot(format!("the minutes of the period cannot be read: {error}")),
    }
}
