//! What is said of an alert, to every channel in the same words.

use super::decide::{Event, Turn};
use crate::config::{AlertRule, Side};
use serde::{Deserialize, Serialize};
use wattledger_model::time::Minute;

/// The message about one turn of an alert. Its JSON is the body of a webhook's request and the payload on MQTT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The shape of this message: 1.
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
    /// `pue`, `wue` or `cue`.
    pub indicator: String,
    /// The figure that decided.
    pub value: f64,
    /// The threshold it passed.
    pub limit: f64,
    /// The window of the figure.
    pub window: String,
    /// Coverage of that window, 0 to 1.
    pub coverage: f64,
    /// When the cause was first seen, RFC 3339.
    pub since: String,
    /// The end of the window, RFC 3339.
    pub as_of: String,
    /// Why, in words.
    pub reason: String,
}

impl Message {
    /// The message about a turn of a rule's alert.
    pub(super) fn about(id: &str, event: Event, rule: &AlertRule) -> Message {
        let limit = match event.turn {
            Turn::Raised => rule.raise,
            Turn::Cleared => rule.clear,
        };
        Message {
            version: 1,
            id: id.to_owned(),
            key: key(id, event.turn),
            event: event.turn,
            state: event.turn,
            rule: rule.name.to_string(),
            facility: rule.facility.to_string(),
            severity: rule.severity.word().to_owned(),
            indicator: rule.indicator.word().to_owned(),
            value: event.value,
            limit,
            window: rule.window.word().to_owned(),
            coverage: event.coverage,
            since: event.since.to_string(),
            as_of: event.at.to_string(),
            reason: reason(rule, event.turn, event.value),
        }
    }
}

/// The key of a message: every repetition has the same.
pub(super) fn key(id: &str, turn: Turn) -> String {
    format!("{id}-{}", turn.word())
}

/// The identity of the alert that a rule raises at a minute: made again, it is the same.
pub(super) fn identity(rule: &AlertRule, at: Minute) -> String {
    format!("{}-{}", rule.name, at.start().to_utc().format("%Y%m%dt%H%Mz"))
}

/// Why an alert turned.
pub(super) fn reason(rule: &AlertRule, turn: Turn, value: f64) -> String {
    let (limit, hold, beyond) = match turn {
        Turn::Raised => (rule.raise, rule.raise_after, rule.side == Side::Above),
        Turn::Cleared => (rule.clear, rule.clear_after, rule.side == Side::Below),
    };
    let held = match hold.as_secs().div_ceil(60) {
        0 => String::new(),
        1 => " for 1 minute".to_owned(),
        minutes => format!(" for {minutes} minutes"),
    };
    format!(
        "{} over {} is {} {limit}{held}: {value:.3}",
        rule.indicator.word().to_uppercase(),
        rule.window.label(),
        if beyond { "above" } else { "below" },
    )
}
