//! What stands in a figure beside sums of meters: gauges, facts, certificates and factors. The fields and their names
//! are the published JSON.

use crate::outputs::reports::Amount;
use serde::Serialize;

/// A gauge whose mean is in the figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GaugeRow {
    /// Site and name.
    pub meter: String,
    /// Its name for people.
    pub title: String,
    /// What it counts as.
    pub role: Option<&'static str>,
    /// The virtual meter through which it counts.
    pub through: Option<String>,
    /// Its time-weighted mean over the time it knows; `None` where it knows none.
    pub mean: Option<f64>,
    /// Time of which its level is known, s.
    pub known_s: f64,
    /// Time in which it belongs to the figure, s.
    pub of_s: f64,
    /// What it adds to the numerator: its mean by how much of the interval it belongs there, of a mean over
    /// servers in proportion to the time it knows.
    pub adds: f64,
}

/// A number that is declared and not metered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Given {
    /// `numerator` or `denominator`.
    pub side: &'static str,
    /// What it is.
    pub what: &'static str,
    /// How much.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Where it comes from.
    pub source: String,
}

/// Renewable energy that counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimRow {
    /// The lot, by its number or its place in the configuration.
    pub lot: String,
    /// What it rests on: `goo`, `gec`, `ppa` or `on-site`.
    pub kind: &'static str,
    /// How much of it counts, kWh.
    pub counts: Amount,
}

/// Renewable energy that does not count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RefusedClaim {
    /// The lot.
    pub lot: String,
    /// How much of it, kWh.
    pub amount: Amount,
    /// Why, in words.
    pub why: &'static str,
}

/// What no claim covers of the grid electricity of a market-based figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rest {
    /// How much, kWh.
    pub amount: Amount,
    /// By which factor it counts: `supplier`, `residual-mix` or `location`.
    pub by: &'static str,
    /// That factor, with year and source.
    pub factor: Option<String>,
    /// What it comes to, kg of CO₂.
    pub kg: f64,
}

/// A factor that is the same all through the period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactorTold {
    /// What it weights.
    pub of: String,
    /// The factor, for the unit in which its sum is told.
    pub value: f64,
    /// Its unit, such as `kg CO₂/L`.
    pub unit: String,
    /// Where it comes from, and by which density it was converted.
    pub source: String,
}
