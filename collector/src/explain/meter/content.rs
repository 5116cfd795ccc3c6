//! What an explanation of a meter holds. The fields and their names are the published JSON.

use super::super::pending::Pending;
use super::super::{Span, instant};
use crate::outputs::reports::Amount;
use serde::Serialize;
use wattledger_model::time::Timestamp;

/// Why a meter's figure is what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeterExplanation {
    /// The shape: `wattledger/explain-meter/v1`.
    pub explanation: &'static str,
    /// Site and name.
    pub meter: String,
    /// Its name for people; that of the meter where nobody declares it.
    pub title: String,
    /// Over which time.
    pub period: Span,
    /// Unit of all amounts; empty for a gauge, which has none.
    pub unit: &'static str,
    /// What was booked in the period, and how it is known.
    pub booked: Booked,
    /// Whether the ledger in the store holds the same.
    pub ledger: Check,
    /// The part of the period of which raw readings were deleted with age.
    pub deleted: Option<Deleted>,
    /// The readings behind it.
    pub readings: Readings,
    /// What lies between them, ascending; runs of plain steps are one entry unless every step was asked for.
    pub steps: Vec<Run>,
    /// Steps that readings to come may still decide otherwise: their minutes are provisional.
    pub pending: Vec<Pending>,
    /// Readings for one instant, of all of the meter's time.
    pub again: Again,
    /// What operators entered that concerns the time.
    pub corrections: Vec<CorrectionTold>,
    /// How its numbers were read.
    pub read: Read,
    /// What the meter counts as, and where.
    pub claims: Vec<String>,
    /// What was refused of it in that time.
    pub quarantine: Vec<Refused>,
    /// Refused things of it in that time that are not listed.
    pub quarantine_more: u64,
    /// What agents told of as thinned or lost in that time, of it or of meters that are not known.
    pub losses: Vec<LossTold>,
    /// What else a reader must know.
    pub notes: Vec<String>,
}

/// Amounts and times by provenance.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Booked {
    /// All of it; `None` for a gauge.
    pub total: Option<Amount>,
    /// Measured.
    pub measured: Known,
    /// Measured in total, spread over long steps.
    pub interpolated: Known,
    /// Estimated.
    pub estimated: Known,
    /// Time of which nothing is known, s.
    pub missing_s: f64,
}

/// An amount and the time it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Known {
    /// The amount; `None` for a gauge.
    pub amount: Option<Amount>,
    /// The time, s.
    pub seconds: f64,
}

/// The explanation against the ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Whether amounts and times are the same to the last digit; `None` where there is nothing to compare.
    pub same: Option<bool>,
    /// What the ledger holds, where that differs.
    pub holds: Option<Booked>,
    /// Why it may differ, in words.
    pub why: Option<String>,
}

/// Time of which only minutes remain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deleted {
    /// Raw readings before this instant were deleted.
    #[serde(serialize_with = "instant")]
    pub before: Timestamp,
    /// What the ledger's minutes hold of the period until then.
    pub booked: Booked,
    /// The steps told apart that began there: long ones, and those not simply forward.
    pub steps: Vec<Run>,
}

/// The readings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Readings {
    /// How many count.
    pub used: usize,
    /// The first that has a part in it.
    #[serde(serialize_with = "instant_if_any")]
    pub first: Option<Timestamp>,
    /// The last.
    #[serde(serialize_with = "instant_if_any")]
    pub last: Option<Timestamp>,
    /// Those that do not count, each with why; every one where all were asked for.
    pub told: Vec<ReadingTold>,
}

/// Readings that came for an instant that had one. They are telemetry: the ledger holds one reading an instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Again {
    /// Readings that came again with the same value, since the store was made.
    pub duplicates: u64,
    /// Readings for an instant that had another value.
    pub conflicts: u64,
    /// Which reading of an instant counts.
    pub rule: &'static str,
}

/// One reading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadingTold {
    /// When it holds.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// When its agent took it in.
    #[serde(serialize_with = "instant")]
    pub arrived: Timestamp,
    /// The number as the device wrote it.
    pub value: String,
    /// The unit as sent.
    pub unit: Option<&'static str>,
    /// Whether the device doubts it.
    pub suspect: bool,
    /// Incarnation and number of the agent's intake; `None` of readings loaded by hand.
    pub intake: Option<String>,
    /// Whether it counts.
    pub used: bool,
    /// What happened to it.
    pub fate: String,
}

/// One step, or consecutive steps of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The earlier reading of the first.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// The later reading of the last.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
    /// How many steps.
    pub count: usize,
    /// The longest of them, s.
    pub longest_s: f64,
    /// The class of a register's step, the form of a value that stands for time, or `gap`.
    pub class: &'static str,
    /// How its amount is known; `None` where it is missing.
    pub provenance: Option<&'static str>,
    /// All that was booked for it.
    pub amount: Option<Amount>,
    /// What of that lies in the period.
    pub inside: Option<Amount>,
    /// The rule, in words, with the figures that were compared.
    pub rule: String,
}

/// A correction with who made it and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CorrectionTold {
    /// Its number in the audit chain; `None` of what the configuration declares.
    pub number: Option<u64>,
    /// When it was made.
    #[serde(serialize_with = "instant_if_any")]
    pub at: Option<Timestamp>,
    /// Who made it.
    pub who: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The entry that took it back: it has no effect any more.
    pub withdrawn_by: Option<u64>,
    /// What it says, in words.
    pub says: String,
    /// What it did, in words.
    pub effect: String,
}

/// How the numbers of a meter are read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Read {
    /// Whether the configuration declares the meter; if not, it is read by the unit it sends.
    pub declared: bool,
    /// `register`, `power`, `flow` or `gauge`.
    pub kind: &'static str,
    /// How values stand for time; `None` for registers.
    pub form: Option<&'static str>,
    /// Whether the register counts both directions.
    pub both_directions: bool,
    /// The usual time between readings, s.
    pub nominal_interval_s: f64,
    /// Longer steps are long, longer gaps missing, s.
    pub gap_limit_s: f64,
    /// What held when, ascending.
    pub epochs: Vec<Epoch>,
}

/// What numbers meant from an instant on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Epoch {
    /// Since when; `None` from the first.
    #[serde(serialize_with = "instant_if_any")]
    pub from: Option<Timestamp>,
    /// The unit; `None` takes each reading's own.
    pub unit: Option<&'static str>,
    /// What multiplies each value.
    pub scale: String,
    /// Where a register starts again, in raw units.
    pub modulus: Option<String>,
    /// The smallest step of a register, in raw units.
    pub resolution: Option<String>,
    /// The most that the installation carries.
    pub rated: Option<String>,
    /// Whether values are sent as binary32.
    pub binary32: bool,
    /// How it joins what was before, in words.
    pub joins: Option<String>,
    /// The instrument: serial number, maker and type.
    pub instrument: Option<String>,
}

/// Readings of one UTC day that an agent took in and did not send, or sent less of. The instants are those of the
/// readings; not all of them need lie in the period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LossTold {
    /// The agent that told of them: site and name.
    pub agent: String,
    /// Whether they are told of this meter. If not, some of them may be its own.
    pub of_meter: bool,
    /// `thinned`, `dropped` or `damaged`.
    pub cause: &'static str,
    /// How many.
    pub readings: u64,
    /// The earliest of them.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// The latest of them.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
}

/// Something in quarantine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refused {
    /// Its number, for `wattledger quarantine`.
    pub id: i64,
    /// Why it was refused.
    pub cause: &'static str,
    /// When the reading holds, or when it was refused where it is no reading.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// The reading; `None` where it is none.
    pub value: Option<String>,
    /// What is wrong, in words.
    pub detail: String,
}

fn instant_if_any<S: serde::Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.collect_str(at),
        None => to.serialize_none(),
    }
}
