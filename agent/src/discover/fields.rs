//! JSON that no profile has: its numbers by the names of their fields, the time by its name and form.

use super::heard::{Heard, Topic};
use super::names::{self, Shape, fold};
use super::plain::meant;
use super::profiles::{kept, role};
use super::proposal::{Proposal, named, quoted};
use super::words::{Meaning, meaning, words};
use crate::map::number_in;
use serde_json::Value;
use std::collections::BTreeMap;
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// How deep fields are looked for, and how many a message may have.
const DEEPEST: usize = 8;
const MOST_FIELDS: usize = 64;
/// Names of a message's time.
const TIMES: [&str; 9] =
    ["time", "timestamp", "ts", "datetime", "date_time", "last_seen", "measured_at", "updated_at", "end"];
/// Names of a unit beside a value.
const UNIT_KEYS: [&str; 4] = ["unit", "units", "uom", "unit_of_measurement"];
/// Names of a value that say nothing of it.
const VALUE_KEYS: [&str; 5] = ["value", "val", "v", "reading", "state"];

/// A number in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    pointer: String,
    /// The pointer of the unit beside it.
    unit: Option<String>,
    meaning: Meaning,
    /// What its meter's name ends with.
    name: String,
}

/// What is understood of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    fields: Vec<Field>,
    /// The lines of the time.
    time: String,
    /// Numbers that are not understood.
    others: Vec<String>,
}

/// Proposals for JSON on topics that no profile has.
pub(super) fn propose(heard: &Heard, is_taken: impl Fn(&str) -> bool) -> Vec<Proposal> {
    let mut found: BTreeMap<String, (Reading, Vec<&str>)> = BTreeMap::new();
    let topics = heard.topics.iter().filter(|(topic, _)| names::is_plain(topic) && !is_taken(topic));
    for (topic, message) in topics {
        let Some(reading) = read(topic, message) else { continue };
        let key = format!("{} {:?} {}", topic.split('/').count(), reading.fields, reading.time);
        found.entry(key).or_insert_with(|| (reading, Vec::new())).1.push(topic);
    }
    let mut made = Vec::new();
    for (reading, topics) in found.values() {
        for group in names::groups(topics) {
            let joined = proposal(heard, &group, reading, &names::pattern(&group, None));
            if joined.tried(heard).is_ok() {
                made.push(joined);
            } else {
                made.extend(
                    group.iter().map(|topic| proposal(heard, &[topic], reading, &names::literal(topic))),
                );
            }
        }
    }
    made
}

/// What a message says; `None` where nothing of it is understood.
fn read(topic: &str, message: &Topic) -> Option<Reading> {
    let document: Value = serde_json::from_str(message.text()?).ok()?;
    if !document.is_object() && !document.is_array() {
        return None;
    }
    let around: Vec<String> = topic.split('/').flat_map(words).collect();
    let mut walk = Walk {
        fields: Vec::new(),
        others: Vec::new(),
        last_level: topic.rsplit('/').next().unwrap_or_default(),
    };
    walk.down(&document, "", &[], &around, 0);
    let Walk { fields, others, .. } = walk;
    let time = time(&document, message.arrived);
    (!fields.is_empty()).then_some(Reading { fields, time, others })
}

struct Walk<'t> {
    fields: Vec<Field>,
    others: Vec<String>,
    last_level: &'t str,
}

impl Walk<'_> {
    fn down(&mut self, value: &Value, pointer: &str, keys: &[&str], around: &[String], depth: usize) {
        if depth > DEEPEST || self.fields.len() + self.others.len() >= MOST_FIELDS {
            return;
        }
        match value {
            Value::Object(object) => {
                for (key, inner) in object {
                    let pointer = format!("{pointer}/{}", escaped(key));
                    if inner.is_object() || inner.is_array() {
                        let keys: Vec<&str> = keys.iter().copied().chain([key.as_str()]).collect();
                        self.down(inner, &pointer, &keys, around, depth + 1);
                    } else if is_number(inner) && !TIMES.contains(&key.to_lowercase().as_str()) {
                        self.number(key, pointer, keys, around, unit_beside(object));
                    }
                }
            }
            Value::Array(list) => {
                for (at, inner) in list.iter().enumerate() {
                    let pointer = format!("{pointer}/{at}");
                    if is_number(inner) {
                        let key = keys.last().copied().unwrap_or_default();
                        self.number(key, pointer, keys, around, None);
                    } else {
                        self.down(inner, &pointer, keys, around, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    fn number(
        &mut self,
        key: &str,
        pointer: String,
        keys: &[&str],
        around: &[String],
        said: Option<(&str, Unit)>,
    ) {
        let around: Vec<String> =
            around.iter().cloned().chain(keys.iter().flat_map(|key| words(key))).collect();
        // `{"power": {"value": 5}}` and `.../power {"value": 5}` are named by what stands around them.
        let is_value = VALUE_KEYS.contains(&key.to_lowercase().as_str());
        let name = if is_value { keys.last().copied().unwrap_or(self.last_level) } else { key };
        let unit = said.map(|(_, unit)| unit);
        let Some(found) = meaning(name, &around, unit).or_else(|| meaning("", &around, unit)) else {
            self.others.push(pointer.trim_start_matches('/').replace('/', "."));
            return;
        };
        // The unit is the message's to say, each time, where it is known by that.
        let beside = said.filter(|_| matches!(found, Meaning::Known { .. }));
        let unit = beside.map(|(unit_key, _)| match pointer.rsplit_once('/') {
            Some((parent, _)) => format!("{parent}/{}", escaped(unit_key)),
            None => format!("/{}", escaped(unit_key)),
        });
        let own = if is_value { keys.last().copied().unwrap_or_default() } else { "" };
        let name = if is_value { fold(own) } else { fold(&pointer) };
        self.fields.push(Field { pointer, unit, meaning: found, name });
    }
}

fn is_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => {
            text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && number_in(text).is_ok()
        }
        _ => false,
    }
}

fn unit_beside(object: &serde_json::Map<String, Value>) -> Option<(&str, Unit)> {
    object.iter().find_map(|(key, value)| {
        let is_unit = UNIT_KEYS.contains(&key.to_lowercase().as_str());
        Some((key.as_str(), value.as_str().filter(|_| is_unit)?.trim().parse().ok()?))
    })
}

/// A key in a JSON Pointer. Source: RFC 6901, 3.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The lines for a message's time; what has no zone is a question, since the arrival is a better time than a wrong one.
fn time(document: &Value, arrived: Timestamp) -> String {
    let Some(object) = document.as_object() else { return String::new() };
    let found = object.iter().find(|(key, _)| TIMES.contains(&key.to_lowercase().as_str()));
    let Some((key, value)) = found else { return String::new() };
    let line = format!("time = {}\n", quoted(&format!("/{}", escaped(key))));
    let is_near = |ms: f64| (ms - arrived.0 as f64).abs() < 20.0 * 365.25 * 86_400_000.0;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return String::new(),
    };
    if Timestamp::from_rfc3339(&text).is_some_and(Timestamp::is_believable) {
        return line;
    }
    if let Ok(number) = text.parse::<f64>() {
        let formats = [("epoch-s", 1e3), ("epoch-ms", 1.0), ("epoch-ns", 1e-6)];
        let fits = formats.iter().find(|(_, ms)| is_near(number * ms) && number >= 9e8);
        return fits.map(|(format, _)| format!("{line}time_format = \"{format}\"\n")).unwrap_or_default();
    }
    let shown = super::payload::shown(text.as_bytes());
    format!(
        "# {line}# QUESTION: `{shown}` has no offset from UTC; with the line above and `time_zone` it is the time\n"
    )
}

fn proposal(heard: &Heard, topics: &[&str], reading: &Reading, shape: &Shape) -> Proposal {
    let count = if topics.len() == 1 { "1 topic".to_owned() } else { format!("{} topics", topics.len()) };
    let first = topics.first().copied().unwrap_or_default();
    let shown = heard
        .topics
        .get(first)
        .map(|heard| super::payload::shown_on(first, &heard.payload))
        .unwrap_or_default();
    let mut comments = vec![format!("{count} with JSON, such as {}: {shown}", named(first))];
    let owned: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    comments.extend(role(&owned));
    comments.extend(kept(heard, &owned));
    if !reading.others.is_empty() {
        comments
            .push(format!("numbers in it that were NOT understood: {}", named(&reading.others.join(", "))));
    }
    let rules = reading.fields.iter().map(|field| rule(shape, field, &reading.time));
    Proposal { comments, rules: rules.collect(), topics: owned, is_exact: true }
}

fn rule(shape: &Shape, field: &Field, time: &str) -> String {
    let dash = if field.name.is_empty() { "" } else { "-" };
    let meter = format!("{}{dash}{}", shape.meter, field.name);
    let head = format!(
        "[[source.mqtt.rule]]\ntopic = {}\nmeter = {}\nfold_names = true\nvalue = {}\n{time}",
        quoted(&shape.topic),
        quoted(&meter),
        quoted(&field.pointer)
    );
    match &field.unit {
        Some(unit) => head + &format!("unit_path = {}   # the message says it\n", quoted(unit)),
        None => head + &meant(&field.meaning),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(messages: &[(&str, &str)]) -> String {
        let mut heard = Heard::default();
        for (topic, payload) in messages {
            heard.take((*topic).to_owned(), payload.as_bytes(), false, Timestamp(1_790_000_000_000));
        }
        let made = propose(&heard, |_| false);
        for proposal in &made {
            proposal.tried(&heard).unwrap_or_else(|why| panic!("{why}\n{}", proposal.text(None)));
        }
        made.iter().map(|proposal| proposal.text(None)).collect()
    }

    #[test]
    fn fields_are_read_by_their_names_and_units() {
        let text = proposed(&[
            (
                "hall/pdus/7/tele",
                r#"{"ts":1790000000,"power_w":5.5,"total":{"import_kwh":"12.5"},"rssi":-70,"x":3}"#,
            ),
            (
                "hall/pdus/8/tele",
                r#"{"ts":1790000001,"power_w":6,"total":{"import_kwh":"13"},"rssi":-60,"x":4}"#,
            ),
            ("grid/mean", r#"{"power":{"value":500,"unit":"kW"},"end":"2026-09-21T14:13:20Z"}"#),
        ]);
        for part in [
            "topic = \"hall/pdus/{pdu}/tele\"\nmeter = \"{pdu}-power-w\"",
            "value = \"/power_w\"\ntime = \"/ts\"\ntime_format = \"epoch-s\"\nunit = \"W\"",
            "meter = \"{pdu}-total-import-kwh\"",
            "kind = \"register\"",
            "NOT understood: rssi, x",
            "meter = \"grid-mean-power\"",
            "value = \"/power/value\"\ntime = \"/end\"\nunit_path = \"/power/unit\"",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn what_is_not_sure_is_asked() {
        let text = proposed(&[(
            "a/b",
            r#"{"Time":"2026-09-21T14:13:20","power":5,"energy_kwh":7,"temperature":20}"#,
        )]);
        assert_eq!(text.matches("QUESTION").count(), 6, "three units, and the time of each\n{text}");
        assert!(!text.lines().any(|line| line.starts_with("unit") || line.starts_with("time")), "{text}");
    }

    #[test]
    fn messages_with_nothing_to_measure_are_not_proposed() {
        assert_eq!(
            proposed(&[("a", r#"{"version":3,"uptime":7}"#), ("b", "[1,2]"), ("c", "true"), ("d", "{")]),
            ""
        );
    }
}
