//! One report over many facilities: sums of their energies, a row for each, and never a mean of PUEs.
//!
//! Each facility's period is that of its own time zone. What is summed is what the facilities' own reports divide;
//! the PUE of all is `Σ E_DC / Σ E_IT`. Source: domain.md 5.9.

mod layout;
mod make;

#[cfg(test)]
mod tests;

pub use layout::document;
pub use make::make;

use super::amount::Amount;
use super::content::Figure;
use serde::{Serialize, Serializer};
use wattledger_model::time::Timestamp;

/// A report over many facilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Portfolio {
    /// The shape of this report: `wattledger/portfolio/v1`.
    pub portfolio: &'static str,
    /// Its name; `all` for every facility.
    pub name: String,
    /// Its name for people; empty for every facility.
    pub title: String,
    /// The period as it was asked for; each facility has it in its own time zone.
    pub period: String,
    /// Whether the period is over for every facility.
    pub complete: bool,
    /// `PUE` where every facility has twelve months, `iPUE` otherwise.
    pub figure: &'static str,
    /// Facility energies over IT energies, unrounded; `None` where nothing is covered.
    pub pue: Option<f64>,
    /// `ok`, `provisional`, `undefined`, `implausible` or `no-data`.
    pub status: &'static str,
    /// The least coverage of a facility; 0 where one has no figure.
    pub coverage: f64,
    /// Expanded uncertainty U (k = 2) of that one quotient of all meters: instruments of one make are taken as correlated,
    /// in whichever facility they are. `None` where that of a meter is not known. Source: domain.md 6.2.
    pub expanded: Option<f64>,
    /// The figure with U.
    pub stated: Option<String>,
    /// The categories of the facilities in the figure. Of more than one, the figure is of no one category.
    pub categories: Vec<u8>,
    /// Sums over all facilities.
    pub energies: Energies,
    /// Scope 2, location-based, of all facilities, kg; `None` where it is not known of one with energy.
    pub carbon_kg: Option<f64>,
    /// The least coverage of the grid energy behind it of a facility with energy; 0 where it is not known of one.
    pub carbon_coverage: f64,
    /// One row a facility, in the order of the configuration.
    pub facilities: Vec<Row>,
    /// Facilities of which there is nothing in the period.
    pub without: Vec<Without>,
    /// From what, by which program.
    pub versions: Versions,
}

/// Energies of a facility or of all, kWh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Energies {
    /// `kWh`.
    pub unit: &'static str,
    /// `E_DC` over the time that both are covered: what ratios are made of.
    pub facility: Amount,
    /// `E_IT` over the time that both are covered.
    pub it: Amount,
    /// All facility energy that is booked.
    pub facility_total: Amount,
    /// All IT energy that is booked.
    pub it_total: Amount,
}

/// One facility.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The site it is in.
    pub site: String,
    /// IANA name of the time zone in which its days begin.
    pub time_zone: &'static str,
    /// First instant.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// First instant that is not in it any more.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
    /// The first instant in local time.
    pub from_local: String,
    /// The end in local time.
    pub to_local: String,
    /// Whether the period is over.
    pub complete: bool,
    /// PUE category by where IT energy is measured, 1 to 3.
    pub category: Option<u8>,
    /// Its energies.
    pub energies: Energies,
    /// Its own figure.
    pub pue: Figure,
    /// Expanded uncertainty of that.
    pub expanded: Option<f64>,
    /// The figure with U.
    pub stated: Option<String>,
    /// Scope 2, location-based, kg.
    pub carbon_kg: Option<f64>,
    /// How much of the period the grid energy behind it covers, 0 to 1.
    pub carbon_coverage: f64,
    /// Its own targets with their verdicts.
    pub verdicts: Vec<Held>,
}

/// A target with its verdict on one facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The target.
    pub target: String,
    /// The verdict's word.
    pub verdict: &'static str,
}

/// A facility of which there is nothing in the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Without {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Why.
    pub why: Why,
}

/// Why there is nothing of a facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It has no reading.
    NothingRead,
    /// The period lies ahead of what is known.
    Ahead,
}

/// From what and by which program it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Versions {
    /// When, by the collector's clock.
    #[serde(serialize_with = "instant")]
    pub generated_at: Timestamp,
    /// The program's version.
    pub engine: &'static str,
    /// Change number of the ledger.
    pub change: u64,
    /// SHA-256 of the ledger's minutes and steps from the first facility's first instant to the last one's end, of
    /// all meters; empty where there is no facility.
    pub ledger_digest: String,
}

/// The portfolio as indented JSON with a line end.
pub fn json(portfolio: &Portfolio) -> String {
    let mut text = serde_json::to_string_pretty(portfolio).expect("a portfolio is plain data");
    text.push('\n');
    text
}

fn instant<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}
