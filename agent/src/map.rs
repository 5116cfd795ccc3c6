//! From a sensor's message to readings, by rules. Pure: the same messages and rules give the same answers.
//!
//! Several rules may take one message, and a rule several elements of it; each gives a reading of its own or
//! a refusal of its own, so one bad field harms only its meter. Numbers keep the decimal digits of the device.

mod claims;
mod element;
mod evidence;
mod json;
mod path;
mod rule;
mod state;
mod telegram;
mod topic;

pub use claims::Claims;
pub use element::Each;
pub use evidence::EvidenceRule;
pub use path::Path;
pub use rule::{Format, Rule, TimeAt, UnitRule};
pub use state::States;
pub use topic::{MeterTemplate, TopicPattern, UnnamedError};

pub(crate) use rule::unit_spelled;

use crate::source::Mapped;
use rule::Payload;
use serde_json::Value;
use std::borrow::Cow;
use wattledger_model::decimal::{Decimal, DecimalError};
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Refused};
use wattledger_model::time::Timestamp;

/// How much of a refused payload is kept.
const SAMPLE_BYTES: usize = 1_024;
/// How much of a topic, a value or a reason is quoted.
const QUOTED_CHARS: usize = 200;

/// A message as it came from a broker.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    /// Its topic.
    pub topic: &'m str,
    /// Its bytes.
    pub payload: &'m [u8],
    /// Whether the broker sent it from its memory: then it says nothing about now.
    pub retained: bool,
    /// When the agent received it.
    pub arrived: Timestamp,
}

/// What became of one message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Readings and refusals, in the order of the rules.
    pub mapped: Vec<Mapped>,
    /// Values of a retained message that have no time of their own: not fresh, so not read.
    pub stale: u64,
    /// Values that optional rules did not find.
    pub absent: u64,
}

/// Applies every rule that takes the message's topic, to one message alone.
pub fn map(rules: &[Rule], message: &Message<'_>) -> Outcome {
    map_among(rules, &mut Claims::default(), message)
}

/// The same for one of many messages: what two devices would be called alike is read of the first alone.
pub fn map_among(rules: &[Rule], claims: &mut Claims, message: &Message<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let payload = Payload::of(message.payload);
    for rule in rules {
        if let Some(captured) = rule.topic.matched(message.topic) {
            rule.apply(message, &captured, &payload, claims, &mut outcome);
        }
    }
    outcome
}

/// Why something gave no reading.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    pub(crate) cause: Cause,
    pub(crate) detail: String,
}

impl Wrong {
    pub(crate) fn new(cause: Cause, detail: impl ToString) -> Wrong {
        Wrong { cause, detail: detail.to_string() }
    }

    /// The refusal of what came from `origin`, with the beginning of what was said.
    pub(crate) fn refused(self, at: Timestamp, origin: &str, meter: Option<Name>, said: &[u8]) -> Mapped {
        Mapped::Refused(Refused {
            at,
            cause: self.cause,
            origin: quoted(origin).into_owned(),
            meter,
            detail: quoted(&self.detail).into_owned(),
            sample: said[..said.len().min(SAMPLE_BYTES)].to_vec(),
            count: 1,
        })
    }
}

fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A number as text: from a JSON number, a JSON string, a whole payload or a cell.
pub(crate) fn number_in(text: &str) -> Result<Decimal, Wrong> {
    text.parse().map_err(|error: DecimalError| {
        let cause = match &error {
            DecimalError::NotANumber(_) if !json::is_non_finite(text.trim()) => Cause::Payload,
            DecimalError::NotANumber(_) | DecimalError::TooLong(_) => Cause::NotFinite,
        };
        Wrong::new(cause, error)
    })
}

/// A word or a number as text.
fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
