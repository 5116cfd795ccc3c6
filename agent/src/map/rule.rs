//! One way to make readings of a message.

use super::claims::Claims;
use super::element::{Each, Element};
use super::path::{Found, Path, Scope};
use super::state::States;
use super::telegram;
use super::topic::{MeterTemplate, TopicPattern};
use super::{EvidenceRule, Message, Outcome, Wrong, described, json, number_in};
use crate::instant::TimeRule;
use crate::source::Mapped;
use serde_json::Value;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::did_you_mean;
use wattledger_model::meter::Kind;
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Quality, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// What to do where elements of one message have one name.
const SAY_WHICH: &str = "say with `element` or `element_id` what tells them apart (of a profile, choose the reading \
                         that ends in -by-id)";

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// JSON; or, where a rule names no path, a bare number or word.
    #[default]
    Json,
    /// A telegram of a Dutch or Belgian smart meter's P1 port, read as the document that
    /// `agent/profiles/README.md` describes.
    Dsmr,
}

/// Where the unit of a reading comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitRule {
    /// Nothing is sent with the number; the collector's declaration of the meter says it.
    Unsaid,
    /// Always this one.
    Fixed(Unit),
    /// The payload says it.
    InPayload {
        /// Where.
        path: Path,
        /// The device's own spellings, before the usual ones.
        spellings: Vec<(String, Unit)>,
    },
}

/// Where the sensor's time stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeAt {
    /// The place.
    pub path: Path,
    /// How it is written.
    pub rule: TimeRule,
    /// Whether it may be missing or null; the arrival is the time then.
    pub optional: bool,
}

/// One way to make readings of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The topics it takes.
    pub topic: TopicPattern,
    /// The meter the reading is of.
    pub meter: MeterTemplate,
    /// How the payload is written.
    pub format: Format,
    /// The parts of the message that give a reading each; `None`: the message gives one.
    pub each: Option<Each>,
    /// Where the value stands; `None` if the whole payload is the number.
    pub value: Option<Path>,
    /// Whether nothing is wrong where no single value stands at `value`: nothing, null, a list.
    pub optional: bool,
    /// Where the sensor's time stands; `None`: the arrival is the time.
    pub time: Option<TimeAt>,
    /// The unit.
    pub unit: UnitRule,
    /// What the unit must be a unit of.
    pub kind: Option<Kind>,
    /// What words mean, where the value is a state and no number.
    pub states: Option<States>,
    /// The length in ms of the interval whose mean the value is.
    pub interval_ms: Option<u32>,
    /// Where the device says which one it is and how often it started.
    pub evidence: EvidenceRule,
}

/// A payload, read once for all rules.
pub(super) struct Payload<'m> {
    bytes: &'m [u8],
    json: OnceCell<Result<Value, Wrong>>,
    telegram: OnceCell<Result<Value, Wrong>>,
}

impl<'m> Payload<'m> {
    pub(super) fn of(bytes: &'m [u8]) -> Payload<'m> {
        Payload { bytes, json: OnceCell::new(), telegram: OnceCell::new() }
    }

    fn document(&self, format: Format) -> Result<&Value, Wrong> {
        let read = match format {
            Format::Json => self.json.get_or_init(|| {
                json::parse(self.bytes)
                    .map_err(|error| Wrong::new(Cause::Payload, format!("not JSON: {error}")))
            }),
            Format::Dsmr => self.telegram.get_or_init(|| telegram::parse(self.bytes)),
        };
        read.as_ref().map_err(Wrong::clone)
    }
}

/// What a value gave.
enum Taken {
    Reading(Reading, Option<Wrong>),
    /// There is none, and the rule allows that.
    Absent,
    /// The message is a retained one and has no time.
    Stale,
}

impl Rule {
    /// A rule for bare numbers, at the time of their arrival.
    pub fn new(topic: TopicPattern, meter: MeterTemplate) -> Rule {
        Rule {
            topic,
            meter,
            format: Format::Json,
            each: None,
            value: None,
            optional: false,
            time: None,
            unit: UnitRule::Unsaid,
            kind: None,
            states: None,
            interval_ms: None,
            evidence: EvidenceRule::default(),
        }
    }

    fn needs_document(&self) -> bool {
        self.value.is_some()
            || self.each.is_some()
            || self.time.is_some()
            || self.format != Format::Json
            || matches!(self.unit, UnitRule::InPayload { .. })
            || self.evidence.is_some()
    }

    /// Makes what the rule makes of a message on a topic that it takes.
    pub(super) fn apply(
        &self,
        message: &Message<'_>,
        captured: &[&str],
        payload: &Payload<'_>,
        claims: &mut Claims,
        outcome: &mut Outcome,
    ) {
        if message.retained && self.time.is_none() {
            outcome.stale += 1;
            return;
        }
        let Some(each) = &self.each else {
            let named = self.named(captured);
            let known = named.as_ref().ok().cloned();
            let taken = named.and_then(|meter| {
                let document = self.needs_document().then(|| payload.document(self.format)).transpose()?;
                let taken =
                    self.take(message, document.map(|message| Scope { message, element: message }))?;
                self.claimed(taken, captured, &meter, claims)
            });
            return outcome.add(message, known, taken);
        };
        match payload.document(self.format).and_then(|document| Ok((document, each.elements(document)?))) {
            Ok((_, elements)) if elements.is_empty() => {
                let wrong = || Wrong::new(Cause::Payload, format!("no element at {}", each.path.as_str()));
                let none = if self.optional { Ok(Taken::Absent) } else { Err(wrong()) };
                outcome.add(message, None, none);
            }
            Ok((document, elements)) => {
                self.apply_each(message, document, captured, elements, claims, outcome);
            }
            Err(wrong) => outcome.add(message, None, Err(wrong)),
        }
    }

    /// The same for each element. Which of several of one name came first says nothing, so none of them counts.
    fn apply_each(
        &self,
        message: &Message<'_>,
        document: &Value,
        captured: &[&str],
        elements: Vec<Element<'_>>,
        claims: &mut Claims,
        outcome: &mut Outcome,
    ) {
        let mut all = Vec::with_capacity(elements.len());
        for element in elements {
            let named = element.name.and_then(|own| {
                let captured: Vec<&str> = captured.iter().copied().chain([&*own]).collect();
                Ok((self.named(&captured)?, own.into_owned()))
            });
            all.push((named, element.value));
        }
        let mut of_name: BTreeMap<Name, usize> = BTreeMap::new();
        for (meter, _) in all.iter().filter_map(|(named, _)| named.as_ref().ok()) {
            *of_name.entry(meter.clone()).or_default() += 1;
        }
        for (named, element) in all {
            let known = named.as_ref().ok().map(|(meter, _)| meter.clone());
            let taken = named.and_then(|(meter, own)| {
                let alike = of_name.get(&meter).copied().unwrap_or_default();
                if alike > 1 {
                    return Err(Wrong::new(
                        Cause::Name,
                        format!("{alike} elements of the message are `{meter}`; {SAY_WHICH}"),
                    ));
                }
                let captured: Vec<&str> = captured.iter().copied().chain([&*own]).collect();
                let taken = self.take(message, Some(Scope { message: document, element }))?;
                self.claimed(taken, &captured, &meter, claims)
            });
            outcome.add(message, known, taken);
        }
    }

    fn named(&self, captured: &[&str]) -> Result<Name, Wrong> {
        self.meter.name(captured).map_err(|error| Wrong::new(Cause::Name, error))
    }

    /// What was taken, if the meter's name is not another thing's already.
    fn claimed(
        &self,
        taken: Taken,
        captured: &[&str],
        meter: &Name,
        claims: &mut Claims,
    ) -> Result<Taken, Wrong> {
        if matches!(taken, Taken::Reading(..)) {
            claims.claim(&self.meter, captured, meter)?;
        }
        Ok(taken)
    }

    fn take(&self, message: &Message<'_>, scope: Option<Scope<'_>>) -> Result<Taken, Wrong> {
        let Some(value) = self.value(message, scope.as_ref())? else { return Ok(Taken::Absent) };
        let Some(at) = self.instant(message, scope.as_ref())? else { return Ok(Taken::Stale) };
        let unit = self.unit_of(scope.as_ref())?;
        let (evidence, unread) = scope.map(|scope| self.evidence.read(&scope)).unwrap_or_default();
        let reading = Reading {
            at,
            arrived: message.arrived,
            value,
            unit,
            interval_ms: self.interval_ms,
            quality: Quality::Good,
            intake: None,
            evidence,
        };
        Ok(Taken::Reading(reading, unread))
    }

    /// The value; `None` where there is none and the rule allows that.
    fn value(&self, message: &Message<'_>, scope: Option<&Scope<'_>>) -> Result<Option<Decimal>, Wrong> {
        let (Some(path), Some(scope)) = (&self.value, scope) else {
            let text = std::str::from_utf8(message.payload)
                .map_err(|_| Wrong::new(Cause::Payload, "the payload is not text, so not a number"))?;
            return self.number(text).map(Some);
        };
        match path.follow(scope) {
            Found::Nothing | Found::Several(_) if self.optional => Ok(None),
            Found::One(Value::Null | Value::Array(_) | Value::Object(_)) if self.optional => Ok(None),
            Found::Nothing => Err(Wrong::new(Cause::Payload, format!("nothing at {}", path.as_str()))),
            Found::Several(count) => Err(Wrong::new(
                Cause::Payload,
                format!("{} gives {count} values; one rule reads several with `each`", path.as_str()),
            )),
            Found::One(Value::Bool(word)) if self.states.is_some() => {
                self.number(if *word { "true" } else { "false" }).map(Some)
            }
            Found::One(Value::Number(number)) => self.number(&number.to_string()).map(Some),
            Found::One(Value::String(text)) => self.number(text).map(Some),
            Found::One(other) => {
                let hint = if other.is_boolean() { "; with kind = \"state\" it is a state" } else { "" };
                let is = described(other);
                Err(Wrong::new(Cause::Payload, format!("{} is {is}, not a number{hint}", path.as_str())))
            }
        }
    }

    fn number(&self, text: &str) -> Result<Decimal, Wrong> {
        match &self.states {
            Some(states) => states.number(text),
            None => number_in(text),
        }
    }

    /// When the value holds; `None` where only the arrival could say it, and says nothing.
    fn instant(&self, message: &Message<'_>, scope: Option<&Scope<'_>>) -> Result<Option<Timestamp>, Wrong> {
        let (Some(TimeAt { path, rule, optional }), Some(scope)) = (&self.time, scope) else {
            return Ok(Some(message.arrived));
        };
        let text = match path.follow(scope) {
            Found::Nothing | Found::One(Value::Null) if *optional => {
                return Ok((!message.retained).then_some(message.arrived));
            }
            Found::Nothing => Err(format!("nothing at {}", path.as_str())),
            Found::Several(count) => Err(format!("{} gives {count} values, not one time", path.as_str())),
            Found::One(Value::String(text)) => Ok(Cow::Borrowed(text.as_str())),
            Found::One(Value::Number(number)) => Ok(Cow::Owned(number.to_string())),
            Found::One(other) => Err(format!("{} is {}, not a time", path.as_str(), described(other))),
        };
        let text = text.map_err(|detail| Wrong::new(Cause::Time, detail))?;
        // A broker may have kept a retained message for hours: its arrival settles nothing.
        let read = if message.retained { rule.read_kept(&text) } else { rule.read(&text, message.arrived) };
        read.map(Some).map_err(|no| Wrong::new(no.cause, no.detail))
    }

    fn unit_of(&self, scope: Option<&Scope<'_>>) -> Result<Option<Unit>, Wrong> {
        let unit = match (&self.unit, scope) {
            (UnitRule::Fixed(unit), _) => *unit,
            (UnitRule::InPayload { path, spellings }, Some(scope)) => unit_at(path, spellings, scope)?,
            (UnitRule::Unsaid | UnitRule::InPayload { .. }, _) => return Ok(None),
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

impl Outcome {
    fn add(&mut self, message: &Message<'_>, meter: Option<Name>, taken: Result<Taken, Wrong>) {
        let refused =
            |wrong: Wrong, meter| wrong.refused(message.arrived, message.topic, meter, message.payload);
        match (taken, meter) {
            (Ok(Taken::Reading(reading, unread)), Some(meter)) => {
                self.mapped.push(Mapped::Reading { meter: meter.clone(), reading });
                self.mapped.extend(unread.map(|wrong| refused(wrong, Some(meter))));
            }
            (Ok(Taken::Stale), _) => self.stale += 1,
            (Ok(Taken::Absent | Taken::Reading(..)), _) => self.absent += 1,
            (Err(wrong), meter) => self.mapped.push(refused(wrong, meter)),
        }
    }
}

fn unit_at(path: &Path, spellings: &[(String, Unit)], scope: &Scope<'_>) -> Result<Unit, Wrong> {
    let text = match path.follow(scope) {
        Found::One(Value::String(text)) => text.trim(),
        Found::One(_) => return Err(Wrong::new(Cause::Unit, format!("{} is not a text", path.as_str()))),
        _ => return Err(Wrong::new(Cause::Unit, format!("nothing at {}", path.as_str()))),
    };
    unit_spelled(text, spellings)
}

/// The unit of a device's spelling: one of those declared for it, or a usual one.
pub(crate) fn unit_spelled(text: &str, spellings: &[(String, Unit)]) -> Result<Unit, Wrong> {
    if let Some((_, unit)) = spellings.iter().find(|(spelling, _)| spelling == text) {
        return Ok(*unit);
    }
    text.parse().map_err(|error: String| {
        Wrong::new(Cause::Unit, format!("{error}{}", did_you_mean(text, Unit::spellings())))
    })
}
