//! From a sensor's message to readings, by rules. Pure: the same message and rules give the same answer.
//!
//! Several rules may take one message; each gives a reading of its own or a refusal of its own, so one
//! bad field harms only its meter. Numbers keep the decimal digits of the device.

mod evidence;
mod json;
mod topic;

pub use evidence::EvidenceRule;
pub use topic::{MeterTemplate, TopicPattern};

use crate::instant::TimeRule;
use crate::source::Mapped;
use serde_json::Value;
use std::borrow::Cow;
use wattledger_model::decimal::{Decimal, DecimalError};
use wattledger_model::document::did_you_mean;
use wattledger_model::meter::Kind;
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Quality, Reading, Refused};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// How much of a refused payload is kept.
const SAMPLE_BYTES: usize = 1_024;
/// How much of a topic, a value or a reason is quoted.
const QUOTED_CHARS: usize = 200;

/// A path into a JSON document: a JSON Pointer such as `/ENERGY/Total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(String);

impl std::str::FromStr for Pointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Pointer, String> {
        if !text.starts_with('/') {
            return Err(format!("`{text}` is not a path such as /ENERGY/Total"));
        }
        Ok(Pointer(text.to_owned()))
    }
}

/// Where the unit of a reading comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitRule {
    /// Nothing is sent with the number; the collector's declaration of the meter says it.
    Unsaid,
    /// Always this one.
    Fixed(Unit),
    /// The payload says it, at this path.
    InPayload(Pointer),
}

/// One way to make a reading of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The topics it takes.
    pub topic: TopicPattern,
    /// The meter the reading is of.
    pub meter: MeterTemplate,
    /// Where the value stands; `None` if the whole payload is the number.
    pub value: Option<Pointer>,
    /// Where the sensor's time stands and how it is written; `None`: the arrival is the time.
    pub time: Option<(Pointer, TimeRule)>,
    /// The unit.
    pub unit: UnitRule,
    /// What the unit must be a unit of.
    pub kind: Option<Kind>,
    /// The length in ms of the interval whose mean the value is.
    pub interval_ms: Option<u32>,
    /// Where the device says which one it is and how often it started.
    pub evidence: EvidenceRule,
}

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
}

/// Applies every rule that takes the message's topic.
pub fn map(rules: &[Rule], message: &Message<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut document: Option<Result<Value, Wrong>> = None;
    for rule in rules {
        let Some(captured) = rule.topic.matched(message.topic) else { continue };
        if message.retained && rule.time.is_none() {
            outcome.stale += 1;
            continue;
        }
        let meter = rule.meter.name(&captured);
        let known = meter.as_ref().ok().cloned();
        let made = meter.map_err(|error| Wrong::new(Cause::Name, error)).and_then(|meter| {
            let document = match rule.needs_json() {
                true => Some(
                    document.get_or_insert_with(|| parse(message.payload)).as_ref().map_err(Wrong::clone)?,
                ),
                false => None,
            };
            let mut reading = rule.reading(message, document)?;
            let (evidence, unread) = document.map(|read| rule.evidence.read(read)).unwrap_or_default();
            reading.evidence = evidence;
            Ok((Mapped::Reading { meter, reading }, unread))
        });
        let refused =
            |wrong: Wrong| wrong.refused(message.arrived, message.topic, known.clone(), message.payload);
        match made {
            Ok((reading, unread)) => {
                outcome.mapped.push(reading);
                outcome.mapped.extend(unread.map(refused));
            }
            Err(wrong) => outcome.mapped.push(refused(wrong)),
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

fn parse(payload: &[u8]) -> Result<Value, Wrong> {
    json::parse(payload).map_err(|error| Wrong::new(Cause::Payload, format!("not JSON: {error}")))
}

impl Rule {
    fn needs_json(&self) -> bool {
        self.value.is_some()
            || self.time.is_some()
            || matches!(self.unit, UnitRule::InPayload(_))
            || self.evidence.is_some()
    }

    fn reading(&self, message: &Message<'_>, document: Option<&Value>) -> Result<Reading, Wrong> {
        let value = match (&self.value, document) {
            (Some(pointer), Some(document)) => number_at(document, pointer)?,
            _ => bare_number(message.payload)?,
        };
        let at = match (&self.time, document) {
            (Some((pointer, rule)), Some(document)) => instant_at(document, pointer, rule, message.arrived)?,
            _ => message.arrived,
        };
        let unit = self.unit_of(document)?;
        let arrived = message.arrived;
        let interval_ms = self.interval_ms;
        Ok(Reading {
            at,
            arrived,
            value,
            unit,
            interval_ms,
            quality: Quality::Good,
            intake: None,
            evidence: None,
        })
    }

    fn unit_of(&self, document: Option<&Value>) -> Result<Option<Unit>, Wrong> {
        let unit = match (&self.unit, document) {
            (UnitRule::Fixed(unit), _) => *unit,
            (UnitRule::InPayload(pointer), Some(document)) => unit_at(document, pointer)?,
            (UnitRule::Unsaid | UnitRule::InPayload(_), _) => return Ok(None),
        };
        match self.kind {
            Some(kind) if kind != unit.kind() => {
                let is = unit.kind();
                Err(Wrong::new(Cause::Unit, format!("`{unit}` is a unit of {is}, and the meter is a {kind}")))
            }
            _ => Ok(Some(unit)),
        }
    }
}

fn at<'v>(document: &'v Value, pointer: &Pointer, cause: Cause) -> Result<&'v Value, Wrong> {
    document.pointer(&pointer.0).ok_or_else(|| Wrong::new(cause, format!("nothing at {}", pointer.0)))
}

fn number_at(document: &Value, pointer: &Pointer) -> Result<Decimal, Wrong> {
    match at(document, pointer, Cause::Payload)? {
        Value::Number(number) => number_in(&number.to_string()),
        Value::String(text) => number_in(text),
        other => {
            Err(Wrong::new(Cause::Payload, format!("{} is {}, not a number", pointer.0, described(other))))
        }
    }
}

fn bare_number(payload: &[u8]) -> Result<Decimal, Wrong> {
    let text = std::str::from_utf8(payload)
        .map_err(|_| Wrong::new(Cause::Payload, "the payload is not text, so not a number"))?;
    number_in(text)
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

fn instant_at(
    document: &Value,
    pointer: &Pointer,
    rule: &TimeRule,
    arrived: Timestamp,
) -> Result<Timestamp, Wrong> {
    let text = match at(document, pointer, Cause::Time)? {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        other => {
            return Err(Wrong::new(
                Cause::Time,
                format!("{} is {}, not a time", pointer.0, described(other)),
            ));
        }
    };
    rule.read(&text, arrived).map_err(|no| Wrong::new(no.cause, no.detail))
}

fn unit_at(document: &Value, pointer: &Pointer) -> Result<Unit, Wrong> {
    let Value::String(text) = at(document, pointer, Cause::Unit)? else {
        return Err(Wrong::new(Cause::Unit, format!("{} is not a text", pointer.0)));
    };
    text.parse().map_err(|error: String| {
        Wrong::new(Cause::Unit, format!("{error}{}", did_you_mean(text, Unit::spellings())))
    })
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
