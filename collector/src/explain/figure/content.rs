//! What an explanation of a figure holds. The fields and their names are the published JSON.

use super::super::pending::Pending;
use super::super::{Span, instant};
use super::beside::{ClaimRow, FactorTold, GaugeRow, Given, RefusedClaim, Rest};
use crate::outputs::reports::Amount;
use serde::Serialize;
use wattledger_model::time::Timestamp;

/// Why a figure of a facility is what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureExplanation {
    /// The shape: `wattledger/explain-figure/v1`.
    pub explanation: &'static str,
    /// The facility's name.
    pub facility: String,
    /// Its name for people.
    pub title: String,
    /// The indicator's word.
    pub indicator: &'static str,
    /// Its formula, in the standards' symbols.
    pub formula: &'static str,
    /// What sets it.
    pub source: &'static str,
    /// Over which time.
    pub period: Span,
    /// The figure.
    pub figure: Value,
    /// What was divided by what to get it.
    pub equation: Equation,
    /// The sums of meters behind numerator and denominator. What is counted in several units, as fuel is, has a sum
    /// for each.
    pub sides: Vec<Side>,
    /// The meters of all sums, in the order in which they are added.
    pub meters: Vec<MeterRow>,
    /// The gauges whose means make the figure.
    pub gauges: Vec<GaugeRow>,
    /// What is known without a meter and stands in the figure.
    pub given: Vec<Given>,
    /// The renewable energy that counts, by the lot that it rests on.
    pub claims: Vec<ClaimRow>,
    /// Claims that do not count, with reasons.
    pub refused: Vec<RefusedClaim>,
    /// What was claimed beyond the facility's energy, and is dropped, kWh.
    pub excess: Option<Amount>,
    /// What nothing claims, in a market-based figure.
    pub rest: Option<Rest>,
    /// What is covered and what is not; `None` where gauges or facts make the figure: each says what it knows.
    pub coverage: Option<Coverage>,
    /// Which category the IT energy makes it, and why; `None` where the figure has no IT energy.
    pub category: Option<String>,
    /// What was converted into energy, by which factor.
    pub conversions: Vec<String>,
    /// The emission factor of electricity, where the figure is weighted by one.
    pub factor: Option<String>,
    /// Constant factors by which sums are weighted, with their sources.
    pub factors: Vec<FactorTold>,
    /// Certificates whose generation period meets this one, where the figure is of emissions.
    pub certificates: Vec<String>,
    /// What else a reader must know.
    pub notes: Vec<String>,
    /// The command that explains the meter which costs most coverage.
    pub next: Option<String>,
}

/// How the published value follows: `offset + scale · numerator / denominator`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Equation {
    /// What is above.
    pub numerator: f64,
    /// Its unit.
    pub numerator_unit: &'static str,
    /// What is below; `None` of a sum or a mean.
    pub denominator: Option<f64>,
    /// Its unit; empty where there is none.
    pub denominator_unit: &'static str,
    /// What the quotient is multiplied by.
    pub scale: f64,
    /// What is added then.
    pub offset: f64,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// Its full name, such as `iPUE2 (2026-10-01:2026-10-31)`.
    pub notation: String,
    /// The value, unrounded.
    pub value: Option<f64>,
    /// As it is to be printed.
    pub rounded: Option<String>,
    /// Its unit; empty for a bare number.
    pub unit: &'static str,
    /// `ok`, `provisional`, `undefined`, `implausible` or `no-data`.
    pub status: &'static str,
    /// Share of the period in the common support.
    pub coverage: f64,
    /// The coverage below which a figure is provisional.
    pub coverage_needed: f64,
}

/// A sum of meters in numerator or denominator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// `numerator` or `denominator`; `claims` of the meters that claims of on-site generation rest on.
    pub side: &'static str,
    /// What it is the sum of, where the side has several.
    pub of: Option<String>,
    /// `kWh`, `L` or `kg`.
    pub unit: &'static str,
    /// Which of its two sums stands in the figure: `supported` or `booked`; `None` where neither does by itself.
    pub counts: Option<&'static str>,
    /// Over the common support; all that is booked of what needs no coverage.
    pub supported: Amount,
    /// All that is booked in the period.
    pub booked: Booked,
    /// Over the common support and weighted by its factor, kg of CO₂, or of coal equivalent; `None` where it is not
    /// weighted.
    pub supported_kg: Option<f64>,
    /// All that is booked, weighted, kg.
    pub booked_kg: Option<f64>,
}

/// An amount by provenance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Booked {
    /// All of it.
    pub total: Amount,
    /// Measured.
    pub measured: Amount,
    /// Measured in total, spread over long steps.
    pub interpolated: Amount,
    /// Estimated.
    pub estimated: Amount,
}

/// A meter in a sum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeterRow {
    /// The side of the sum that it belongs to.
    pub side: &'static str,
    /// What that sum is of, where the side has several.
    pub of: Option<String>,
    /// Site and name.
    pub meter: String,
    /// Its name for people.
    pub title: String,
    /// What it counts as.
    pub role: Option<&'static str>,
    /// The virtual meter through which it counts.
    pub through: Option<String>,
    /// What its amounts are multiplied by: sign, share and conversion.
    pub coefficient: String,
    /// Since when it belongs to the sum; `None` from the first.
    #[serde(serialize_with = "instant_if_any")]
    pub from: Option<Timestamp>,
    /// Until when; `None` without end.
    #[serde(serialize_with = "instant_if_any")]
    pub to: Option<Timestamp>,
    /// What it adds, all that is booked, in the unit of its sum.
    pub adds: Booked,
    /// What it adds over the common support.
    pub supported: Amount,
    /// The same weighted by the factor of its sum, kg; `None` where that is not weighted.
    pub supported_kg: Option<f64>,
    /// All that is booked of it, weighted, kg.
    pub booked_kg: Option<f64>,
    /// Time in the period that is measured, interpolated and estimated, s.
    pub known_s: [f64; 3],
    /// Share of the time in which it belongs to the sum that is measured, or in long steps that lie wholly inside.
    pub coverage: f64,
    /// Share of what it adds that is estimated.
    pub estimated_share: f64,
    /// What it adds of long steps that the edges of the period cut.
    pub cut: Amount,
    /// Minutes that are outside the common support and in which it is not measured.
    pub takes: Taken,
    /// Steps that began in the period and are not simply measured, by class.
    pub steps: Vec<StepCount>,
    /// Of those, the estimated ones.
    pub estimated: Vec<Estimated>,
    /// Steps that readings to come may still decide otherwise: their minutes are provisional.
    pub pending: Vec<Pending>,
}

/// Minutes outside the common support in which a meter is not measured throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Taken {
    /// All of them.
    pub minutes: i64,
    /// Of those, in which something is not known.
    pub missing: i64,
    /// Of those, known but in part estimated.
    pub estimated: i64,
    /// Of those, in long steps that reach out of the period or over what another meter misses.
    pub long: i64,
    /// Of all, in which it is the only such meter.
    pub alone: i64,
}

/// How many steps of one class a meter had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepCount {
    /// `long` for forward steps beyond the gap limit, or `rollover`, `reset`, `jump`, ...
    pub class: &'static str,
    /// How many.
    pub count: usize,
}

/// A step whose amount is estimated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimated {
    /// Its class.
    pub class: &'static str,
    /// The earlier reading.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// The later reading.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
    /// What it adds, in the unit of its side.
    pub adds: Option<Amount>,
}

/// What is covered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// Minutes of the period.
    pub minutes: i64,
    /// Minutes in the common support.
    pub supported: i64,
    /// Minutes in which no meter belongs to one of the sides.
    pub no_meter: i64,
    /// How many gaps there are.
    pub gaps: usize,
    /// The longest of them, longest first.
    pub longest: Vec<Gap>,
}

/// Time outside the common support.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// First instant.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// First instant after it.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
    /// Its length.
    pub minutes: i64,
    /// The meters that are not measured throughout, with the minutes of each.
    pub because: Vec<GapMeter>,
}

/// A meter's part in a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapMeter {
    /// Site and name.
    pub meter: String,
    /// Minutes of the gap in which it is not measured throughout.
    pub minutes: i64,
}

fn instant_if_any<S: serde::Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.collect_str(at),
        None => to.serialize_none(),
    }
}
