//! What a device said, once an agent has mapped it: which meter, when, which raw number.

use crate::decimal::Decimal;
use crate::name::Name;
use crate::time::Timestamp;
use crate::unit::Unit;
use std::cmp::Ordering;
use std::num::NonZeroU64;

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

/// A device's serial number, as a 64-bit digest of its text: enough to tell that another device sits there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(NonZeroU64);

impl Serial {
    /// The digest (FNV-1a, 64 bits) of a serial number, without the white space around it; `None` where
    /// nothing else is there. It is the same on every machine and in every version.
    pub fn of(text: &str) -> Option<Serial> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
        Some(Serial(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN)))
    }

    /// The digest as it travels; 0 is no digest.
    pub const fn digest(self) -> u64 {
        self.0.get()
    }

    /// What [`Serial::digest`] gave; `None` for 0.
    pub fn from_digest(digest: u64) -> Option<Serial> {
        NonZeroU64::new(digest).map(Serial)
    }
}

/// What a device says of itself beside its value. It overrides what would be inferred from the value
/// alone. Source: domain.md 5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Evidence {
    /// Its serial number: another one is another device.
    pub serial: Option<Serial>,
    /// How often it started, modulo 2³²: where this differs it restarted in between.
    pub boots: Option<u32>,
}

impl Evidence {
    /// The evidence there is; `None` where there is none.
    pub fn of(serial: Option<Serial>, boots: Option<u32>) -> Option<Evidence> {
        (serial.is_some() || boots.is_some()).then_some(Evidence { serial, boots })
    }

    /// Whether another device sits there than at `other`. What is not known differs from nothing.
    pub fn is_other_device(&self, other: &Evidence) -> bool {
        matches!((self.serial, other.serial), (Some(a), Some(b)) if a != b)
    }

    /// Whether the device started between this and `other`. What is not known differs from nothing.
    pub fn is_restarted(&self, other: &Evidence) -> bool {
        matches!((self.boots, other.boots), (Some(a), Some(b)) if a != b)
    }
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
    /// What the device said of itself with it, where it said anything.
    pub evidence: Option<Evidence>,
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
            .then_with(|| self.evidence.cmp(&other.evidence))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_told_by_its_text_without_the_space_around_it() {
        assert_eq!(Serial::of(" A-17\n"), Serial::of("A-17"));
        assert_ne!(Serial::of("A-17"), Serial::of("A-18"));
        assert_eq!(Serial::of(" \t"), None);
        // Written down once: a store made today must be understood by every later version.
        assert_eq!(Serial::of("a").map(Serial::digest), Some(0xaf63_dc4c_8601_ec8c));
        assert_eq!(Serial::of("A-17").and_then(|s| Serial::from_digest(s.digest())), Serial::of("A-17"));
    }

    #[test]
    fn what_is_not_known_differs_from_nothing() {
        let evidence = |serial: &str, boots| Evidence { serial: Serial::of(serial), boots };
        assert!(evidence("a", None).is_other_device(&evidence("b", None)));
        assert!(!evidence("a", Some(1)).is_other_device(&evidence("", Some(2))));
        assert!(evidence("a", Some(1)).is_restarted(&evidence("", Some(2))));
        assert!(!evidence("a", Some(1)).is_restarted(&evidence("b", None)));
        assert_eq!(Evidence::of(None, None), None);
    }
}
