//! What a restated report has that is other than before, and what happened in between.

use super::content::{Cause, Change, Restatement, Statement};
use super::differences::differences;
use super::error::IssueError;
use super::freeze;
use crate::audit::{Entry, Kind, chain};
use crate::store::{Layout, StoreError};
use rusqlite::{Connection, params};
use serde_json::Value;
use std::collections::BTreeMap;
use wattledger_model::calendar;
use wattledger_model::time::{HOUR_MINUTES, Minute};

/// What is not compared: when and of which state a report was made is other each time, and says nothing of the figures.
const BESIDE: [&str; 4] = ["report", "versions", "audit", "restatement"];
/// Changes that are listed one by one.
const MOST_CHANGES: usize = 500;
/// Causes that are listed of each kind.
const MOST_CAUSES: usize = 100;

/// What is other in a report than in the one before, both as JSON.
pub(crate) fn changes(before: &str, after: &str) -> Result<Vec<Change>, serde_json::Error> {
    let read = |text: &str| -> Result<Value, serde_json::Error> {
        let mut value: Value = serde_json::from_str(text)?;
        if let Some(fields) = value.as_object_mut() {
            BESIDE.iter().for_each(|beside| drop(fields.remove(*beside)));
        }
        Ok(value)
    };
    Ok(differences(&read(before)?, &read(after)?))
}

/// The restatement of a report: `changes`, with everything between the two that may have made them.
pub(super) fn restatement(
    layout: &Layout,
    before: &Statement,
    after: &Statement,
    mut changes: Vec<Change>,
) -> Result<Restatement, IssueError> {
    let more = changes.len().saturating_sub(MOST_CHANGES);
    changes.truncate(MOST_CHANGES);
    let connection = freeze::as_issued(layout, after)?;
    let causes = causes(&connection, before, after)?;
    Ok(Restatement {
        of: before.id.clone(),
        issued_at: before.issued_at,
        reason: after.reason.clone(),
        changes,
        more,
        causes,
    })
}

/// The kind of causes that only the ledger itself can tell of: a bundle of evidence does not say when an hour was booked.
pub(crate) const LEDGER: &str = "ledger";

/// Everything between two reports that may have made them differ, as a connection sees it that is as of the later one.
pub(crate) fn causes(
    connection: &Connection,
    before: &Statement,
    after: &Statement,
) -> Result<Vec<Cause>, StoreError> {
    let mut all = told(connection, before, after)?;
    all.extend(moved(connection, before)?);
    all.extend(of_program(before, after));
    Ok(all)
}

/// The entries of the audit chain between the two that change figures.
fn told(connection: &Connection, before: &Statement, after: &Statement) -> Result<Vec<Cause>, StoreError> {
    let kinds = [Kind::Configuration, Kind::Correction, Kind::Withdrawal, Kind::Admission, Kind::Rebuild];
    let mut all = Vec::new();
    chain::after(connection, before.audit.entries, usize::MAX >> 1, |entry| {
        let counts = kinds.iter().any(|kind| kind.word() == entry.kind);
        if counts && entry.sequence <= after.audit.entries && all.len() < MOST_CAUSES {
            all.push(cause(entry));
        }
    })?;
    Ok(all)
}

fn cause(entry: Entry) -> Cause {
    let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let what = match entry.kind.as_str() {
        "correction" => format!("{}: {}", text("meter"), body["correction"]),
        "withdrawal" => format!("{}: correction {} taken back", text("meter"), body["withdrawn"]),
        "configuration" => {
            let changed: Vec<&String> =
                body["changed"].as_object().map_or(Vec::new(), |all| all.keys().collect());
            let named: Vec<&str> = changed.iter().take(20).map(|path| path.as_str()).collect();
            match changed.len() {
                0 => format!("version {} of the program", text("program")),
                count if count > named.len() => {
                    format!("{} and {} more", named.join(", "), count - named.len())
                }
                _ => named.join(", "),
            }
        }
        "admission" => format!("{} readings admitted", body["readings"].as_array().map_or(0, Vec::len)),
        _ => format!("{} hours changed", body["changed_hours"]),
    };
    Cause {
        kind: entry.kind,
        what: format!("entry {}: {what}", entry.sequence),
        at: Some(entry.at),
        who: Some(entry.who),
        reason: Some(entry.reason).filter(|reason| !reason.is_empty()),
    }
}

/// Hours of the period that are other than they were, whatever made them so: by meter, with the days.
fn moved(connection: &Connection, before: &Statement) -> Result<Vec<Cause>, StoreError> {
    let (first, last) = (before.from.minute().hour(), Minute(before.to.minute().0 - 1).hour());
    let rows: Vec<(String, String, i64)> = connection
        .prepare(
            "SELECT site, name, hour FROM hour JOIN meter ON meter.id = hour.meter
             WHERE change > ?1 AND hour BETWEEN ?2 AND ?3 ORDER BY site, name, hour",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![before.ledger.change as i64, first, last], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?
                .collect()
        })
        .map_err(|source| StoreError::Sqlite { path: "ledger.sqlite".into(), source })?;
    let mut by_meter: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (site, name, hour) in rows {
        by_meter.entry(format!("{site}/{name}")).or_default().push(hour);
    }
    let date = |hour: i64| calendar::date_of(calendar::Tz::UTC, Minute(hour * HOUR_MINUTES));
    let of = |(meter, hours): (String, Vec<i64>)| {
        let (first, last) = (date(hours[0]), date(hours[hours.len() - 1]));
        let count = hours.len();
        let many = if count == 1 { "1 hour".to_owned() } else { format!("{count} hours") };
        let days = if first == last { format!("on {first}") } else { format!("from {first} to {last}") };
        Cause {
            kind: LEDGER.to_owned(),
            what: format!("{meter}: {many} {days} (UTC) booked anew"),
            at: None,
            who: None,
            reason: None,
        }
    };
    Ok(by_meter.into_iter().take(MOST_CAUSES).map(of).collect())
}

/// Another version of the program or of its tables.
fn of_program(before: &Statement, after: &Statement) -> Vec<Cause> {
    let told =
        |kind: &str, what: String| Cause { kind: kind.to_owned(), what, at: None, who: None, reason: None };
    let mut all = Vec::new();
    if before.engine != after.engine {
        all.push(told("engine", format!("version {} before, {} now", before.engine, after.engine)));
    }
    for table in &after.tables {
        let was = before.tables.iter().find(|was| was.name == table.name);
        if was.is_none_or(|was| was.sha256 != table.sha256) {
            let was = was.map_or("none", |was| &was.version);
            all.push(told("table", format!("{}: version {was} before, {} now", table.name, table.version)));
        }
    }
    all
}
