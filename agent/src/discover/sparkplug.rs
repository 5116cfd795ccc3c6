//! Sparkplug B: what births tell of metrics.

use super::heard::Heard;
use super::names::fold;
use super::proposal::{comment, configured, named, quoted};
use super::words::{Meaning, meaning, role, words};
use crate::source::Mapped;
use crate::sparkplug::{BirthMetric, Owned, Sparkplug, born};
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::meter::Kind;

/// Metrics that are named as not understood.
const SHOWN: usize = 40;

/// The same metric of a node's devices.
type Key = (String, String, String);

/// What is known of it.
struct Found {
    devices: BTreeSet<String>,
    meaning: Meaning,
    /// Whether the node says the unit itself.
    is_said: bool,
    number: String,
}

/// The part of the text that is about Sparkplug; empty where none was heard.
pub(super) struct Told {
    /// Comments, and the table if any metric is proposed.
    pub(super) text: String,
    pub(super) metrics: usize,
}

/// Tells of all nodes.
pub(super) fn told(heard: &Heard) -> Option<Told> {
    let topics = || heard.topics.iter().filter(|(topic, _)| Sparkplug::takes(topic));
    topics().next()?;
    let births: Vec<(Owned, Vec<BirthMetric>)> =
        topics().filter_map(|(topic, message)| born(topic, &message.payload)).collect();
    let mut text = comment(&format!("Sparkplug B: {} topics, {} births", topics().count(), births.len()));
    let mut unborn: BTreeSet<String> = topics().filter_map(|(topic, _)| node(topic)).collect();
    for (owner, _) in &births {
        unborn.remove(&format!("{}/{}", owner.group, owner.edge));
    }
    for node in unborn {
        text.push_str(&comment(&format!(
            "node {}: its birth was not heard, and only that says what its metrics are called. With --rebirth it is asked \
             to tell",
            named(&node)
        )));
    }
    let (found, unknown) = sorted(&births);
    if !unknown.is_empty() {
        let more = unknown.len().saturating_sub(SHOWN);
        let shown: Vec<&str> = unknown.iter().take(SHOWN).map(String::as_str).collect();
        let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
        text.push_str(&comment(&format!("metrics NOT understood: {}{rest}", named(&shown.join(", ")))));
    }
    let rules: Vec<String> = found.iter().map(|(key, found)| rule(key, found)).collect();
    if rules.is_empty() {
        return Some(Told { text, metrics: 0 });
    }
    let table = format!("[source.mqtt.sparkplug]\n\n{}", rules.join("\n"));
    match tried(heard, &table) {
        Ok(()) => text.push_str(&table),
        Err(why) => {
            text.push_str(&comment(&format!("LEFT OUT: {why}")));
            text.extend(table.lines().map(|line| format!("# {line}\n")));
            return Some(Told { text, metrics: 0 });
        }
    }
    Some(Told { text, metrics: rules.len() })
}

fn node(topic: &str) -> Option<String> {
    let mut levels = topic.split('/').skip(1);
    let (group, verb, edge) = (levels.next()?, levels.next()?, levels.next()?);
    (verb.starts_with('N') || verb.starts_with('D')).then(|| format!("{group}/{edge}"))
}

/// Metrics with a meaning, and the names of the others that are numbers.
fn sorted(births: &[(Owned, Vec<BirthMetric>)]) -> (BTreeMap<Key, Found>, BTreeSet<String>) {
    let (mut found, mut unknown) = (BTreeMap::<Key, Found>::new(), BTreeSet::new());
    for (owner, metrics) in births {
        for metric in metrics {
            let Some(number) = &metric.number else { continue };
            let (before, last) = metric.name.rsplit_once('/').unwrap_or(("", &metric.name));
            let around: Vec<String> = [before, &owner.device].iter().flat_map(|text| words(text)).collect();
            let said = metric.unit.as_deref().and_then(|unit| unit.trim().parse().ok());
            let is_writable =
                |text: &str| !text.contains(['{', '}', '+', '#', '/']) && !text.contains(char::is_control);
            let can_be_named = metric.name.split('/').all(is_writable)
                && [&owner.group, &owner.edge, &owner.device].iter().all(|text| is_writable(text));
            match meaning(last, &around, said).filter(|_| can_be_named) {
                Some(meaning) => {
                    let key = (owner.group.clone(), owner.edge.clone(), metric.name.clone());
                    let is_said = said.is_some() && matches!(meaning, Meaning::Known { .. });
                    let fresh = Found { devices: BTreeSet::new(), meaning, is_said, number: number.clone() };
                    found.entry(key).or_insert(fresh).devices.insert(owner.device.clone());
                }
                None => {
                    unknown.insert(metric.name.clone());
                }
            }
        }
    }
    (found, unknown)
}

fn rule(key: &Key, found: &Found) -> String {
    let (group, edge, metric) = key;
    let all: Vec<String> = found.devices.iter().flat_map(|device| words(device)).collect();
    let perhaps = role(&all)
        .map(|(word, role)| format!("; role at the collector, perhaps: {} (`{word}`)", role.word()));
    let mut text = comment(&format!("{} {}{}", named(metric), found.number, perhaps.unwrap_or_default()));
    text.push_str(&format!(
        "[[source.mqtt.sparkplug.metric]]\ngroup = {}\nedge = {}\n",
        quoted(group),
        quoted(edge)
    ));
    let name = fold(metric);
    let one = if found.devices.len() == 1 { found.devices.first() } else { None };
    let meter = match one {
        Some(device) => {
            text.push_str(&format!("device = {}\n", quoted(device)));
            fold(&format!("{}/{name}", if device.is_empty() { edge } else { device }))
        }
        None => format!("{{device}}-{name}"),
    };
    text.push_str(&format!("metric = {}\nmeter = {}\nfold_names = true\n", quoted(metric), quoted(&meter)));
    match &found.meaning {
        Meaning::Known { unit, .. } if found.is_said => {
            text.push_str(&format!("# The node says the unit itself: {unit}\n"));
        }
        Meaning::Known { unit, why } => {
            text.push_str(&format!("unit = {}   # {why}\n", quoted(unit.symbol())));
        }
        Meaning::Unsure { question } => text.push_str(&format!("# unit = \"?\"   # QUESTION: {question}\n")),
    }
    if matches!(&found.meaning, Meaning::Known { unit, .. } if unit.kind() == Kind::Register) {
        text.push_str("kind = \"register\"\n");
    }
    text
}

/// Whether the metrics read the births that were heard, and refuse nothing of them.
fn tried(heard: &Heard, table: &str) -> Result<(), String> {
    let config = configured(table)?.mqtt.into_iter().find_map(|source| source.sparkplug);
    let mut sparkplug = Sparkplug::new(config.ok_or_else(|| "no table was made".to_owned())?);
    let mut read = 0;
    // A node's own birth before those of its devices, as it is sent.
    let births = heard.messages().filter(|message| message.topic.contains("/NBIRTH/"));
    let devices = heard.messages().filter(|message| message.topic.contains("/DBIRTH/"));
    for message in births.chain(devices) {
        for mapped in sparkplug.take(&message).mapped {
            match mapped {
                Mapped::Reading { .. } => read += 1,
                Mapped::Refused(refused) => return Err(format!("{}: {}", message.topic, refused.detail)),
            }
        }
    }
    if read == 0 { Err("nothing is read by them".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sparkplug::tests::birth;
    use wattledger_model::time::Timestamp;

    #[test]
    fn births_give_metrics_and_nodes_without_one_are_told() {
        let mut heard = Heard::default();
        let metrics = [("Meters/Energy_total_kWh", 12.5), ("Meters/Power", 3.0), ("Temperature Limit", 1.0)];
        for device in ["pdu1", "pdu2"] {
            let topic = format!("spBv1.0/hall/DBIRTH/gw/{device}");
            heard.take(topic, &birth(1, &metrics), false, Timestamp(1_790_000_000_000));
        }
        heard.take("spBv1.0/hall/NBIRTH/gw".to_owned(), &birth(0, &[]), false, Timestamp(1_790_000_000_000));
        heard.take(
            "spBv1.0/hall/NDATA/other".to_owned(),
            &birth(5, &[]),
            false,
            Timestamp(1_790_000_000_000),
        );
        let Told { text, metrics } = told(&heard).expect("Sparkplug");
        assert_eq!(metrics, 2, "{text}");
        for part in [
            "node hall/other: its birth was not heard",
            "NOT understood: Temperature Limit",
            "metric = \"Meters/Energy_total_kWh\"\nmeter = \"{device}-meters-energy-total-kwh\"",
            "unit = \"kWh\"",
            "kind = \"register\"",
            "# unit = \"?\"   # QUESTION: the unit of this power",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(told(&Heard::default()).is_none());
    }
}
