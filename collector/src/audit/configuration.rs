//! The versions of the configuration that the ledger was kept by, in the chain.

use super::chain::{self, Entry, Kind};
use super::who::Who;
use crate::config::Version;
use crate::store::StoreError;
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use wattledger_model::time::Timestamp;

/// A version that was in force, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Its entry in the chain.
    pub sequence: u64,
    /// Since when.
    pub since: Timestamp,
    /// The version.
    pub version: Version,
}

/// The version in force at a time, by the chain; `None` where none had been noted.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn at(connection: &Connection, time: Timestamp) -> Result<Option<InForce>, StoreError> {
    last(connection, |entry| entry.at <= time)
}

/// The version in force when the chain had so many entries; `None` where none had been noted.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub(crate) fn as_of(connection: &Connection, entries: u64) -> Result<Option<InForce>, StoreError> {
    last(connection, |entry| entry.sequence <= entries)
}

fn last(connection: &Connection, counts: impl Fn(&Entry) -> bool) -> Result<Option<InForce>, StoreError> {
    let mut found = None;
    chain::walk(connection, None, Some(Kind::Configuration), |entry| {
        if !counts(&entry) {
            return;
        }
        let Ok(body) = serde_json::from_str::<Value>(&entry.body) else { return };
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let version = Version { text: text("text"), digest: text("digest"), program: text("program") };
        found = Some(InForce { sequence: entry.sequence, since: entry.at, version });
    })?;
    Ok(found)
}

/// Notes a version in the chain, unless it is the one in force.
pub(crate) fn note(connection: &Connection, now: Timestamp, version: &Version) -> Result<(), StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let before = at(connection, Timestamp(i64::MAX))?.map(|before| before.version);
    if before.as_ref() == Some(version) {
        return Ok(());
    }
    let changed = before.map_or_else(Map::new, |before| changes(&before.text, &version.text));
    let body = json!({
        "digest": version.digest, "program": version.program, "text": version.text, "changed": changed,
    });
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let entry = chain::append(&transaction, now, &Who::collector(), Kind::Configuration, "", &body);
    let entry = entry.and_then(|entry| transaction.commit().map(|()| entry)).map_err(failed)?;
    tracing::info!(entry = entry.sequence, hash = %entry.hash, "a new version of the configuration is in force");
    Ok(())
}

/// What differs, by meter, facility and key: `meter.hall/main.scale` with its value before and after.
fn changes(before: &str, after: &str) -> Map<String, Value> {
    let flat = |text: &str| {
        let mut all = BTreeMap::new();
        if let Ok(table) = text.parse::<toml::Table>() {
            flatten("", &toml::Value::Table(table), &mut all);
        }
        all
    };
    let (before, after) = (flat(before), flat(after));
    let paths = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
    paths
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| (path.clone(), json!({ "before": before.get(path), "after": after.get(path) })))
        .collect()
}

fn flatten(path: &str, value: &toml::Value, all: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flatten(&below(key), value, all);
            }
        }
        toml::Value::Array(values) if values.iter().all(toml::Value::is_table) && !values.is_empty() => {
            for (at, value) in values.iter().enumerate() {
                flatten(&below(&called(value, at)), value, all);
            }
        }
        other => {
            all.insert(path.to_owned(), other.to_string());
        }
    }
}

/// What a table of a list is called: by its site and name, so that another order is no change.
fn called(table: &toml::Value, at: usize) -> String {
    let text = |key: &str| table.get(key).and_then(toml::Value::as_str);
    match (text("site"), text("name"), text("from")) {
        (Some(site), Some(name), _) => format!("{site}/{name}"),
        (None, Some(name), _) => name.to_owned(),
        (_, None, Some(from)) => from.to_owned(),
        (_, None, None) => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
        [collector]
        name = "campus"
        [[meter]]
        site = "hall"
        name = "main"
        scale = "1"
        [[meter]]
        site = "hall"
        name = "it"
    "#;

    #[test]
    fn what_changed_is_told_by_meter_and_key() {
        let before = Version::of(ONE).expect("valid");
        let swapped =
            ONE.replace("\"main\"", "\"x\"").replace("\"it\"", "\"main\"").replace("\"x\"", "\"it\"");
        let after = Version::of(&swapped.replace("scale = \"1\"", "scale = \"40\"")).expect("valid");
        let changed = Value::Object(changes(&before.text, &after.text));
        let expected = json!({
            "meter.hall/it.scale": { "before": null, "after": "\"40\"" },
            "meter.hall/main.scale": { "before": "\"1\"", "after": null },
        });
        assert_eq!(changed, expected, "and nothing of the order");
    }
}
