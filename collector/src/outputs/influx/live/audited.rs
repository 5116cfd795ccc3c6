//! Entries of the audit chain as events: corrections, decisions on what was refused, and configurations.
//!
//! A withdrawal is told as a `correction` and a discard as an `admission`: each undoes or denies one. Rebuilds and
//! deletions with age change no figure and are not told.

use super::super::cursor::Told;
use super::super::line::Lines;
use super::event::{ByKey, Event, Place, exchange_told_at};
use super::exchanged;
use crate::audit::{Entry, Kind, chain};
use crate::store::StoreError;
use crate::view::View;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use wattledger_model::time::Timestamp;

/// Entries that one round writes at most.
const MOST: usize = 500;
/// Settings that are named of a configuration that changed.
const NAMED: usize = 10;

/// Writes entries from the last one that was told on; gives whether there are more.
///
/// # Errors
/// [`StoreError`] where the chain cannot be read.
pub(super) fn write(view: &View, told: &mut Told, lines: &mut Lines) -> Result<bool, StoreError> {
    let connection = &view.connection;
    if told.entry > 0 && chain::hash_of(connection, told.entry)?.as_ref() != Some(&told.hash) {
        tracing::warn!(
            entry = told.entry,
            "the audit chain is not the one that was written as events before; it is written again"
        );
        (told.entry, told.hash) = (0, String::new());
    }
    if chain::hash_of(connection, told.entry + 1)?.is_none() {
        return Ok(false);
    }
    let apart = apart(connection, told.entry)?;
    let meters = ByKey::new(view.topology());
    let mut count = 0;
    chain::after(connection, told.entry, MOST, |entry| {
        let at = apart.get(&entry.sequence).copied().unwrap_or(entry.at);
        let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
        if let Some(event) = event(&entry, &body, at, &meters) {
            event.add_to(lines);
        }
        if let Some(event) = exchange(&entry, &body, &meters) {
            event.add_to(lines);
        }
        (told.entry, told.hash) = (entry.sequence, entry.hash.clone());
        count += 1;
    })?;
    Ok(count == MOST)
}

/// When each of the next entries is told: apart from all that came before it in the chain, so that it does not
/// depend on where one begins.
fn apart(connection: &Connection, after: u64) -> Result<HashMap<u64, Timestamp>, StoreError> {
    let (mut taken, mut found) = (HashSet::new(), HashMap::new());
    chain::instants(connection, |sequence, at| {
        let mut at = at.0;
        while !taken.insert(at) {
            at += 1;
        }
        if sequence > after && found.len() < MOST {
            found.insert(sequence, Timestamp(at));
        }
    })?;
    Ok(found)
}

fn event<'e>(entry: &'e Entry, body: &'e Value, at: Timestamp, meters: &ByKey<'e>) -> Option<Event<'e>> {
    let text = |value: &'e Value| value.as_str().unwrap_or_default();
    let number = entry.sequence;
    let (kind, place, title, text) = match entry.kind.parse().ok()? {
        Kind::Correction => {
            let (meter, made) = (text(&body["meter"]), &body["correction"]);
            let title = format!("correction {number} of {meter}: {}", text(&made["kind"]));
            let span = match (made["from"].as_str(), made["to"].as_str(), made["at"].as_str()) {
                (Some(from), Some(to), _) => format!(" ({from} to {to})"),
                (_, _, Some(at)) => format!(" ({at})"),
                _ => String::new(),
            };
            ("correction", meters.place([meter]), title, format!("{}{span}", entry.reason))
        }
        Kind::Withdrawal => {
            let meter = text(&body["meter"]);
            let title = format!("correction {} of {meter} withdrawn", body["withdrawn"]);
            ("correction", meters.place([meter]), title, entry.reason.clone())
        }
        Kind::Admission => {
            let (place, title) = decided(&body["readings"], "admitted", meters);
            ("admission", place, title, entry.reason.clone())
        }
        Kind::Discard => {
            let (place, title) = decided(&body["discarded"], "discarded", meters);
            ("admission", place, title, entry.reason.clone())
        }
        Kind::Configuration => {
            let (title, text) = configured(body);
            ("configuration", Place::ALL, title, text)
        }
        Kind::Rebuild | Kind::Retention | Kind::Issue => return None,
    };
    Some(Event { kind, at, place, title, text, who: &entry.who })
}

/// An exchange that was entered is told when it was, too.
fn exchange<'e>(entry: &'e Entry, body: &'e Value, meters: &ByKey<'e>) -> Option<Event<'e>> {
    let made = &body["correction"];
    if entry.kind != Kind::Correction.word() || made["kind"] != "exchange" {
        return None;
    }
    let meter = body["meter"].as_str()?;
    let known = meters.get(meter)?;
    let at = Timestamp::from_rfc3339(made["at"].as_str()?)?;
    let register = |key: &str| made[key].as_str().unwrap_or_default();
    Some(Event {
        kind: "exchange",
        at: exchange_told_at(at, known.id),
        place: Place::of_meter(known),
        title: exchanged::title(meter),
        text: format!("last {}; first {}; {}", register("last"), register("first"), entry.reason),
        who: &entry.who,
    })
}

/// Where refused things came from, and what became of them.
fn decided<'e>(list: &'e Value, word: &str, meters: &ByKey<'e>) -> (Place<'e>, String) {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let of = list.iter().filter_map(|thing| thing["meter"].as_str());
    let title = match list.len() {
        1 => format!("1 refused reading {word}"),
        count => format!("{count} refused readings {word}"),
    };
    (meters.place(of), title)
}

/// What changed in a configuration: the names of settings, never their values.
fn configured(body: &Value) -> (String, String) {
    let program = format!("program {}", body["program"].as_str().unwrap_or_default());
    let changed: Vec<&str> =
        body["changed"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    if changed.is_empty() {
        return ("configuration in force".to_owned(), program);
    }
    let more = changed.len().saturating_sub(NAMED);
    let named = changed[..changed.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let title = match changed.len() {
        1 => "configuration changed: 1 setting".to_owned(),
        count => format!("configuration changed: {count} settings"),
    };
    (title, format!("{named}{more}; {program}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_told_by_the_names_of_what_changed() {
        let changed = |count: usize| -> Value {
            let settings: serde_json::Map<String, Value> = (0..count)
                .map(|at| (format!("meter.hall/m{at:02}.scale"), json!({ "after": "40" })))
                .collect();
            json!({ "program": "0.2.0", "changed": settings })
        };
        assert_eq!(
            configured(&changed(0)),
            ("configuration in force".to_owned(), "program 0.2.0".to_owned())
        );
        let (title, text) = configured(&changed(1));
        assert_eq!(title, "configuration changed: 1 setting");
        assert_eq!(text, "meter.hall/m00.scale; program 0.2.0");
        let (title, text) = configured(&changed(12));
        assert_eq!(title, "configuration changed: 12 settings");
        assert!(text.ends_with("meter.hall/m09.scale and 2 more; program 0.2.0"), "{text}");
    }
}
