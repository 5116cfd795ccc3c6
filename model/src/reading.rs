//! What a device said, once an agent has mapped it: which meter, when, which raw number.

use crate::decimal::Decimal;
use crate::name::Name;
use crate::time::Timestamp;
use crate::unit::Unit;
use std::cmp::Ordering;

/// The random identity of an agent's spool, with the time it was made. Readings are numbered within it.
///
/// Ordered by start, then id: of two readings for one instant, the incarnation started later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Incarnation {
    /// When the spool was made.
    pub started: Timestamp,
    /// Random; tells two spools made in the same millisecond apart.
    pub id: u64,
}

/// Where in an agent's intake a reading was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Intake {
    /// The agent's incarnation.
    pub incarnation: Incarnation,
    /// Intake number within the incarnation, kept through batching, thinning and resending.
    pub number: u64,
}

/// How far the device itself trusts its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Quality {
    /// The device, or the rule that mapped it, marked the value as doubtful.
    Suspect,
    /// Nothing speaks against the value.
    #[default]
    Good,
}

/// One reading of one meter. The meter stands beside it: readings are always kept by meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reading {
    /// When it holds, UTC: the sensor's time where the payload has one, else the arrival.
    pub at: Timestamp,
    /// When the agent took it in, by the agent's clock.
    pub arrived: Timestamp,
    /// The number as the device wrote it.
    pub value: Decimal,
    /// The unit as sent; `None` where nothing came with the number.
    pub unit: Option<Unit>,
    /// The length of an interval mean, where the reading carries one; it overrides the declared form.
    pub interval_ms: Option<u32>,
    /// How far the device trusts it.
    pub quality: Quality,
    /// Where it was taken in; `None` for readings loaded by hand.
    pub intake: Option<Intake>,
}

impl Reading {
    /// Which of two readings of the same meter and instant is kept: `Greater` means `self`.
    ///
    /// Best quality; then numbered before unnumbered; then the incarnation started later, the higher
    /// id, the highest intake number; then the lowest value. What is left is settled by the remaining
    /// fields, so that the order is total and the choice does not depend on arrival. Source: domain.md 5.1.
    pub fn precedence(&self, other: &Reading) -> Ordering {
        self.quality
            .cmp(&other.quality)
            .then_with(|| self.intake.cmp(&other.intake))
            .then_with(|| other.value.cmp_value(self.value))
            .then_with(|| other.value.exponent.cmp(&self.value.exponent))
            .then_with(|| self.unit.cmp(&other.unit))
            .then_with(|| self.interval_ms.cmp(&other.interval_ms))
            .then_with(|| other.arrived.cmp(&self.arrived))
    }

    /// How far the reading's time is ahead of its arrival at the agent; negative when behind.
    pub const fn skew_ms(&self) -> i64 {
        self.at.0.saturating_sub(self.arrived.0)
    }
}

/// Something an agent could not turn into a reading, or turned away: kept with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// When it arrived at the agent.
    pub at: Timestamp,
    /// Why, as one of the words of [`Cause`].
    pub cause: Cause,
    /// The topic, file or device it came from.
    pub origin: String,
    /// The meter it would have been, where that is known.
    pub meter: Option<Name>,
    /// What is wrong, in words.
    pub detail: String,
    /// The beginning of the payload, at most 1 KiB.
    pub sample: Vec<u8>,
    /// How many of the same cause and origin this stands for; more than one where samples were spared.
    pub count: u64,
}

/// Why something was put in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The payload is not what the rule expects: no JSON, no such path, no number.
    Payload,
    /// The value is not finite or has too many digits.
    NotFinite,
    /// The unit is not understood, or does not fit the meter.
    Unit,
    /// The time is no time, or lies outside 2000 to 2199.
    Time,
    /// The reading is more than five minutes ahead of the agent's clock.
    ClockSkew,
    /// The local time occurs twice and nothing settles which is meant.
    AmbiguousTime,
    /// The reading is older than raw readings are kept.
    TooLate,
    /// The topic gives no valid meter name.
    Name,
    /// The batch could not be decoded.
    Batch,
}

impl Cause {
    /// Every cause.
    pub const ALL: &'static [Cause] = &[
        Cause::Payload,
        Cause::NotFinite,
        Cause::Unit,
        Cause::Time,
        Cause::ClockSkew,
        Cause::AmbiguousTime,
        Cause::TooLate,
        Cause::Name,
        Cause::Batch,
    ];

    /// The word used on the wire and in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Cause::Payload => "payload",
            Cause::NotFinite => "not-finite",
            Cause::Unit => "unit",
            Cause::Time => "time",
            Cause::ClockSkew => "clock-skew",
            Cause::AmbiguousTime => "ambiguous-time",
            Cause::TooLate => "too-late",
            Cause::Name => "name",
            Cause::Batch => "batch",
        }
    }

    /// The cause of a word, if it is one.
    pub fn from_word(word: &str) -> Option<Cause> {
        Cause::ALL.iter().copied().find(|cause| cause.word() == word)
    }
}
