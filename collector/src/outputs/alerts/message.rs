//! What is said of an alert, to every channel in the same words.

use super::conditions::{About, Sighting, Subject};
use super::decide::{Event, Turn};
use crate::config::{AlertRule, Condition, Side, Thresholds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::time::{HOUR_MINUTES, Minute};

/// The message about one turn of an alert. Its JSON is the body of a webhook's request and the payload on MQTT.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Message {
    /// The shape of this message: 1. Fields are added to it, never taken out.
    pub version: u8,
    /// The alert: the same when it is raised and when it is cleared.
    pub id: String,
    /// This message: a repetition has the same.
    pub key: String,
    /// What happened.
    pub event: Turn,
    /// What the alert is now: the same word.
    pub state: Turn,
    /// The rule.
    pub rule: String,
    /// The facility.
    pub facility: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// `pue`, `wue` or `cue`; the condition's word where it is about none of these.
    pub indicator: String,
    /// The figure that decided.
    pub value: f64,
    /// The threshold it passed.
    pub limit: f64,
    /// The window of the figure; empty where it is of the moment.
    pub window: String,
    /// Coverage of that window, 0 to 1.
    pub coverage: f64,
    /// When the cause was first seen, RFC 3339.
    pub since: String,
    /// The end of the window, RFC 3339.
    pub as_of: String,
    /// Why, in words.
    pub reason: String,
    /// What the rule looks at, such as `pue-excursion`.
    #[serde(default)]
    pub condition: String,
    /// Whom it is about: the facility, or a meter, agent or target of it.
    #[serde(default)]
    pub subject: String,
    /// What the figure is, such as `PUE over 1 hour`.
    #[serde(default)]
    pub what: String,
    /// The unit of value and limit in UCUM; `1` for a ratio or a number.
    #[serde(default)]
    pub unit: String,
    /// The rule's own labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The rule's annotations, rendered.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// The numbers behind it; may be empty.
    #[serde(default)]
    pub cause: String,
    /// What moved a PUE since the same window a day or a week before, the greatest part first; empty for others.
    #[serde(default)]
    pub changed: Vec<String>,
    /// What this alert explains, and is not told of by itself: rule and subject of each.
    #[serde(default)]
    pub suppresses: Vec<String>,
    /// A command that shows the evidence.
    #[serde(default)]
    pub look_at: String,
    /// When it was raised, RFC 3339.
    #[serde(default)]
    pub raised_at: String,
}

/// A turn with everything that a message says of it.
pub(super) struct Said<'a> {
    pub(super) id: &'a str,
    pub(super) event: Event,
    pub(super) rule: &'a AlertRule,
    pub(super) sighting: &'a Sighting,
    pub(super) raised_at: Minute,
    pub(super) changed: &'a [String],
    pub(super) suppresses: Vec<String>,
    /// The site of the facility, and its clocks.
    pub(super) site: (&'a str, Tz),
}

impl Message {
    /// The message about a turn of a rule's alert.
    pub(super) fn about(said: Said<'_>) -> Message {
        let Said { id, event, rule, sighting, raised_at, changed, suppresses, site } = said;
        let thresholds = sighting.thresholds;
        let mut message = Message {
            version: 1,
            id: id.to_owned(),
            key: key(id, event.turn),
            event: event.turn,
            state: event.turn,
            rule: rule.name.to_string(),
            facility: sighting.subject.facility.clone(),
            severity: rule.severity.word().to_owned(),
            indicator: indicator(&rule.condition).to_owned(),
            value: event.value,
            limit: limit(thresholds, event.turn),
            window: rule.condition.window_word().to_owned(),
            coverage: event.coverage,
            since: event.since.to_string(),
            as_of: event.at.to_string(),
            reason: reason(&rule.condition, sighting, event.turn, event.value),
            condition: rule.condition.word().to_owned(),
            subject: sighting.subject.to_string(),
            what: sighting.what.clone(),
            unit: sighting.unit.to_owned(),
            labels: rule.labels.clone(),
            annotations: BTreeMap::new(),
            cause: sighting.cause.clone(),
            changed: changed.to_vec(),
            suppresses,
            look_at: look_at(&rule.condition, &sighting.subject, event.at, site),
            raised_at: raised_at.to_string(),
        };
        message.annotations = annotations(rule, &message);
        message
    }

    /// The labels by which alerts are told apart, sorted and silenced: those that every alert has, and the rule's.
    pub fn all_labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        for (name, value) in [
            ("rule", &self.rule),
            ("condition", &self.condition),
            ("facility", &self.facility),
            ("subject", &self.subject),
            ("severity", &self.severity),
        ] {
            labels.insert(name.to_owned(), value.clone());
        }
        labels
    }
}

/// The threshold that a turn passes.
pub(super) fn limit(thresholds: Thresholds, turn: Turn) -> f64 {
    match turn {
        Turn::Raised => thresholds.raise,
        Turn::Cleared => thresholds.clear,
    }
}

fn indicator(condition: &Condition) -> &'static str {
    match condition {
        Condition::Indicator { indicator, .. } => indicator.word(),
        Condition::PueExcursion { .. } => "pue",
        other => other.word(),
    }
}

fn annotations(rule: &AlertRule, message: &Message) -> BTreeMap<String, String> {
    let render = |(name, words): (&String, &crate::config::Words)| {
        // They were tried when the configuration was read; a text that says what is wrong is better than none.
        let text = words.render(message).unwrap_or_else(|error| error.to_string());
        (name.clone(), text)
    };
    rule.annotations.iter().map(render).collect()
}

/// The key of a message: every repetition has the same.
pub(super) fn key(id: &str, turn: Turn) -> String {
    format!("{id}-{}", turn.word())
}

/// The identity of the alert that a rule raises at a minute: made again, it is the same.
pub(super) fn identity(rule: &AlertRule, subject: &Subject, at: Minute) -> String {
    let whom = match (&rule.facility, &subject.about) {
        (Some(_), About::Facility) => String::new(),
        _ => format!("{}-", subject.to_string().replace(' ', "-")),
    };
    format!("{}-{whom}{}", rule.name, at.start().to_utc().format("%Y%m%dt%H%Mz"))
}

/// Why an alert turned.
pub(super) fn reason(condition: &Condition, sighting: &Sighting, turn: Turn, value: f64) -> String {
    let whom = match &sighting.subject.about {
        About::Facility => String::new(),
        about => format!("{}: ", name_of(about)),
    };
    if matches!(condition, Condition::Occurrence) {
        let what = &sighting.what;
        return match turn {
            Turn::Raised => format!("{whom}{what}, {value:.0} on this local day"),
            Turn::Cleared => format!("{whom}no {what} on the next local day"),
        };
    }
    let words = passed(sighting, turn);
    format!("{whom}{words}: {}", shown(value, sighting.unit))
}

/// Why an alert is up: the threshold it went through, not the figure of the moment, which stands beside it.
pub(super) fn lasting(condition: &Condition, sighting: &Sighting, value: f64) -> String {
    if matches!(condition, Condition::Occurrence) {
        return reason(condition, sighting, Turn::Raised, value);
    }
    let whom = match &sighting.subject.about {
        About::Facility => String::new(),
        about => format!("{}: ", name_of(about)),
    };
    format!("{whom}{}", passed(sighting, Turn::Raised).replacen(" is ", " was ", 1))
}

/// Which threshold was passed, and for how long.
fn passed(sighting: &Sighting, turn: Turn) -> String {
    let Thresholds { side, raise_after, clear_after, .. } = sighting.thresholds;
    let (hold, above) = match turn {
        Turn::Raised => (raise_after, side == Side::Above),
        Turn::Cleared => (clear_after, side == Side::Below),
    };
    let held = match hold.as_secs().div_ceil(60) {
        0 => String::new(),
        1 => " for 1 minute".to_owned(),
        minutes => format!(" for {minutes} minutes"),
    };
    let limit = told(limit(sighting.thresholds, turn));
    let unit = suffix(sighting.unit);
    format!("{} is {} {limit}{unit}{held}", sighting.what, if above { "above" } else { "below" })
}

/// A threshold for people: one that was found, such as the best of thirty days, has more digits than anybody has use for.
fn told(limit: f64) -> f64 {
    (limit * 1e4).round() / 1e4
}

fn suffix(unit: &str) -> String {
    match unit {
        "1" | "" | "L/kW.h" | "kg/kW.h" => String::new(),
        unit => format!(" {unit}"),
    }
}

/// A value with so many decimals as its unit has use for.
pub(super) fn shown(value: f64, unit: &str) -> String {
    match unit {
        "s" => format!("{value:.0} s"),
        "kW" | "%" => format!("{value:.1} {unit}"),
        _ => format!("{value:.3}{}", suffix(unit)),
    }
}

fn name_of(about: &About) -> String {
    match about {
        About::Facility => String::new(),
        About::Meter(name) | About::Happening { meter: name, .. } => format!("meter {name}"),
        About::Node(name) => format!("node {name}"),
        About::Agent(name) => format!("agent {name}"),
        About::Target(name) => format!("target {name}"),
        About::Point(name) => name.clone(),
    }
}

/// A command that shows the evidence of the time before a minute.
fn look_at(condition: &Condition, subject: &Subject, at: Minute, (site, zone): (&str, Tz)) -> String {
    let date = calendar::date_of(zone, Minute(at.0 - 1));
    match &subject.about {
        About::Meter(meter) | About::Happening { meter, .. } | About::Node(meter) => {
            let from = Minute(at.0 - condition.window_minutes().max(HOUR_MINUTES));
            format!("wattledger explain meter {site}/{meter} --from {from} --to {at} --config FILE")
        }
        About::Agent(_) => "wattledger receipts --config FILE".to_owned(),
        About::Target(_) => "wattledger budget --config FILE".to_owned(),
        About::Facility | About::Point(_) => {
            let indicator = match condition {
                Condition::Indicator { indicator, .. } => indicator.word(),
                _ => "pue",
            };
            format!(
                "wattledger explain figure {} {date} --indicator {indicator} --config FILE",
                subject.facility
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn templates_are_tried_over_a_sample_with_every_field_of_a_message() {
        let message = serde_json::to_value(Message::default()).expect("plain data");
        let sample = crate::config::sample_message(&BTreeMap::new());
        let sample = serde_json::to_value(sample).expect("plain data");
        let keys = |value: &serde_json::Value| -> BTreeSet<String> {
            value.as_object().expect("an object").keys().cloned().collect()
        };
        assert_eq!(keys(&message), keys(&sample));
        let read: Message = serde_json::from_value(sample).expect("the sample is a message");
        assert_eq!(read.all_labels()["subject"], "hall-1");
    }

    #[test]
    fn a_threshold_is_told_as_it_is_written_and_with_four_decimals_at_most() {
        let texts = [1.35, 900.0, 0.95, 1.244_679_202_696_270_5].map(|limit| told(limit).to_string());
        assert_eq!(texts, ["1.35", "900", "0.95", "1.2447"]);
    }

    #[test]
    fn a_message_of_before_the_fields_were_added_is_read_still() {
        let old = r#"{"version":1,"id":"a","key":"a-raised","event":"raised","state":"raised","rule":"a",
            "facility":"hall-1","severity":"warning","indicator":"pue","value":1.4,"limit":1.35,"window":"1h",
            "coverage":1.0,"since":"2026-06-10T08:00:00Z","as_of":"2026-06-10T08:15:00Z","reason":"why"}"#;
        let message: Message = serde_json::from_str(old).expect("it is read");
        assert_eq!((message.reason.as_str(), message.subject.as_str()), ("why", ""));
    }
}
