//! What a report holds. The fields and their names are the published JSON: see [`super::json`].

use super::amount::Amount;
use super::budget::YearBudget;
use super::corrected::{AuditHead, CorrectionRow};
use super::hours::Hours;
use super::issued::{Restatement, Seal};
use super::market::Claims;
use super::parts::PartRow;
use super::shares::ShareRow;
use super::uncertainty::Uncertainty;
use crate::indicators::verdict::Reason;
use crate::topology::note::Noted;
use crate::topology::{Conversion, Problem};
use chrono::NaiveDate;
use serde::{Serialize, Serializer};
use std::fmt;
use wattledger_model::time::Timestamp;

/// A report of one facility over one period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The shape of this report: `wattledger/report/v2`.
    pub report: &'static str,
    /// What it is about.
    pub facility: Facility,
    /// Over which time.
    pub period: Period,
    /// Facility energy over IT energy.
    pub pue: Figure,
    /// How uncertain that is, and from which instruments.
    pub uncertainty: Uncertainty,
    /// One verdict a target, in the order of the configuration.
    pub verdicts: Vec<Verdict>,
    /// What the running year's targets still permit, and how it will end; `None` where the period is not of a year
    /// that is running.
    pub budget: Option<YearBudget>,
    /// Numerator and denominator, with how they are known.
    pub energies: Energies,
    /// What `E_DC` is made of.
    pub parts: Vec<PartRow>,
    /// Sums of the meters of one role each.
    pub components: Vec<Component>,
    /// What is interpolated and estimated, by meter and reason.
    pub shares: Vec<ShareRow>,
    /// Time outside the common support.
    pub gaps: Gaps,
    /// The calendar months of a period that is longer than a month.
    pub months: Vec<MonthRow>,
    /// Water over IT energy; `None` without a water meter.
    pub wue: Option<Figure>,
    /// CO₂ over IT energy; `None` without an emission factor.
    pub cue: Option<Figure>,
    /// CO₂ of the facility's grid electricity by location; `None` without an emission factor.
    pub carbon: Option<Carbon>,
    /// CO₂ of the same by contract; `None` without an emission factor.
    pub market: Option<Carbon>,
    /// Every other indicator that the facility has meters or facts for.
    pub indicators: Vec<Figure>,
    /// The corrections in force that touch the period.
    pub corrections: Vec<CorrectionRow>,
    /// The meters that make the boundary, by role.
    pub meters: Vec<BoundaryMeter>,
    /// The hours of a period that is longer than a week, for drawings.
    pub hours: Option<Hours>,
    /// How it was reckoned, in words.
    pub methods: Methods,
    /// What is other than in the issued report that this one restates; absent where it restates none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restatement: Option<Restatement>,
    /// From what, by which program.
    pub versions: Versions,
    /// The end of the audit chain.
    pub audit: AuditHead,
    /// As what it was issued. It is printed, and stands in the statement beside the data, which it is not part of.
    #[serde(skip)]
    pub seal: Option<Seal>,
}

/// The facility.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facility {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The site it is in.
    pub site: String,
    /// PUE category by where IT energy is measured, 1 to 3; `None` where it is not.
    pub category: Option<u8>,
    /// The role at which IT energy is measured.
    pub measuring_point: Option<&'static str>,
    /// Why there is no PUE.
    #[serde(serialize_with = "words_if_any")]
    pub problem: Option<Problem>,
}

/// The period of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Period {
    /// As it was asked for.
    pub text: String,
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
    /// Hours from `from` to `to`, elapsed.
    pub hours: f64,
    /// Whether the period is over; if not, `cut` says where it was cut.
    pub complete: bool,
    /// Where and why the period was cut.
    pub cut: Option<Cut>,
}

/// A period that is not over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cut {
    /// Its own end.
    #[serde(serialize_with = "instant")]
    pub would_end: Timestamp,
    /// Why it is cut.
    pub reason: String,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// `pue`, `wue`, `cue` or `carbon`.
    pub indicator: &'static str,
    /// Its full name, such as `PUE2 (2025-12-31)`.
    pub notation: String,
    /// Its unit; empty for a ratio of energies.
    pub unit: &'static str,
    /// The value, unrounded. Targets are compared with this one.
    pub value: Option<f64>,
    /// The value as it is to be printed.
    pub rounded: Option<String>,
    /// What was divided, over the common support: kWh, litres or kg. `None` where nothing is covered, and for
    /// carbon, which is no ratio.
    pub numerator: Option<f64>,
    /// By how many kWh of IT energy.
    pub denominator: Option<f64>,
    /// `ok`, `provisional`, `undefined`, `implausible` or `no-data`.
    pub status: &'static str,
    /// Share of the period in the common support.
    pub coverage: f64,
    /// The coverage below which a figure is provisional.
    pub coverage_needed: f64,
    /// Share of the booked amount whose split over time is interpolated; its total is measured.
    pub interpolated: f64,
    /// Share of the booked amount that is estimated.
    pub estimated: f64,
}

/// A target and what the PUE says about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Identity of the target.
    pub target: String,
    /// Which facilities it is meant for.
    pub scope: String,
    /// The indicator it is about.
    pub indicator: String,
    /// `<=`, `<`, `>=` or `>`.
    pub operator: &'static str,
    /// The limit.
    pub limit: f64,
    /// `facility`, `average` or `gate`.
    pub kind: &'static str,
    /// Whether its document only aspires to it.
    pub aspirational: bool,
    /// The document that sets it.
    pub document: String,
    /// Its words, where they are kept.
    pub quote: Option<String>,
    /// The time it is for: `open`, or its dates.
    pub horizon: Horizon,
    /// Whether that time is over.
    pub horizon_passed: bool,
    /// `compliant`, `conditional_pass`, `conditional_fail`, `non_compliant`, `pass_unguarded`, `fail_unguarded` or
    /// `not_assessable`.
    pub verdict: &'static str,
    /// Why, in words.
    pub reasons: Vec<Reason>,
}

/// The time that a target is for: local dates, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// First date it holds; `None` from ever.
    pub from: Option<NaiveDate>,
    /// Last date it holds; `None` for good.
    pub until: Option<NaiveDate>,
}

impl fmt::Display for Horizon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.until) {
            (None, None) => f.write_str("open"),
            (Some(from), None) => write!(f, "from {from}, open"),
            (None, Some(until)) => write!(f, "until {until}"),
            (Some(from), Some(until)) => write!(f, "from {from} until {until}"),
        }
    }
}

impl Serialize for Horizon {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Facility energy and IT energy, kWh.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Energies {
    /// `kWh`.
    pub unit: &'static str,
    /// `E_DC`: what enters the facility less what leaves it.
    pub facility: EnergyParts,
    /// `E_IT`, at the measuring point of the category.
    pub it: EnergyParts,
    /// Hours that both are covered.
    pub common_hours: f64,
    /// Of all of `E_DC` that is booked, electricity, less what leaves.
    pub electricity: Amount,
    /// Of all of `E_DC` that is booked, fuel, delivered cooling and heat as they count.
    pub non_electric: Amount,
}

/// One energy and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EnergyParts {
    /// Over the common support: what ratios are made of.
    pub common: Amount,
    /// All that is booked in the period.
    pub total: Amount,
    /// Of that, measured.
    pub measured: Amount,
    /// Of that, in steps longer than the gap limit: measured in total, interpolated in time.
    pub interpolated: Amount,
    /// Of that, estimated: resets and jumps of registers.
    pub estimated: Amount,
}

/// The sum of the meters of one role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Component {
    /// The role.
    pub role: &'static str,
    /// `kWh` or `L`.
    pub unit: &'static str,
    /// All that is booked in the period.
    pub total: Amount,
    /// Of that, measured.
    pub measured: Amount,
    /// Of that, interpolated.
    pub interpolated: Amount,
    /// Of that, estimated.
    pub estimated: Amount,
    /// Share of the period that all meters of the role cover.
    pub coverage: f64,
}

/// Time of the period outside the common support.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gaps {
    /// How many there are.
    pub count: usize,
    /// Their minutes altogether.
    pub minutes: i64,
    /// The longest of them, longest first.
    pub longest: Vec<Gap>,
}

/// One gap.
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
    /// What is not known in it.
    pub unknown: NotKnown,
}

/// What is not known in a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKnown {
    /// Neither side of the PUE.
    Both,
    /// `E_DC`.
    FacilityEnergy,
    /// `E_IT`.
    ItEnergy,
    /// Both are known in total: a long step of one side reaches beyond what the other covers.
    Split,
}

impl NotKnown {
    /// The words in JSON and on a terminal.
    pub const fn words(self) -> &'static str {
        match self {
            NotKnown::Both => "facility and IT energy",
            NotKnown::FacilityEnergy => "facility energy",
            NotKnown::ItEnergy => "IT energy",
            NotKnown::Split => "how a long step is split",
        }
    }
}

impl fmt::Display for NotKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Serialize for NotKnown {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.words())
    }
}

/// One calendar month, or the part of it in the period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MonthRow {
    /// Year and month, local.
    pub month: String,
    /// First instant.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// First instant after it.
    #[serde(serialize_with = "instant")]
    pub to: Timestamp,
    /// Its hours.
    pub hours: f64,
    /// `E_DC` over the common support, kWh.
    pub facility_kwh: Amount,
    /// `E_IT` over the common support, kWh.
    pub it_kwh: Amount,
    /// Facility energy over IT energy of this month.
    pub pue: Figure,
    /// Its expanded uncertainty U (k = 2); `None` where it is not known.
    pub expanded: Option<f64>,
}

/// Carbon of the facility's electricity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Carbon {
    /// The mass, kg.
    pub figure: Figure,
    /// `location-based` or `market-based`.
    pub basis: &'static str,
    /// What is counted and what is not.
    pub method: &'static str,
    /// What the factor is; empty where there is none.
    #[serde(serialize_with = "words_or_empty")]
    pub note: Option<Noted>,
    /// The factor by year of consumption; of the market-based figure that of what nothing claims.
    pub factors: Vec<Factor>,
    /// What is claimed; of the market-based figure alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claims>,
}

/// An emission factor used for one year of consumption.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Factor {
    /// Year of consumption.
    pub year: i32,
    /// kg CO₂ per kWh.
    pub kg_per_kwh: f64,
    /// The generation year it is of; `None` where it is not said.
    pub factor_year: Option<i32>,
    /// Whether it stands in for a factor that is not published yet: the figure is restated once it is.
    pub substitute: bool,
    /// Whether its value was found in no official source.
    pub unconfirmed: bool,
    /// Where it comes from.
    pub source: Option<String>,
}

/// A meter of the boundary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BoundaryMeter {
    /// Its role.
    pub role: Option<&'static str>,
    /// Its name.
    pub meter: String,
    /// Its name for people.
    pub title: String,
    /// `register`, `power`, `flow` or `gauge`.
    pub kind: &'static str,
    /// The unit of its readings.
    pub unit: Option<&'static str>,
    /// What multiplies its readings.
    pub scale: String,
    /// The most that the installation carries.
    pub rated: Option<String>,
    /// How values of power, flow or a gauge stand for time; `None` for registers.
    pub form: Option<&'static str>,
    /// The usual time between readings, s.
    pub nominal_interval_s: f64,
    /// Longer steps are not measured, s.
    pub gap_limit_s: f64,
    /// Steps in the period that are not simply measured.
    pub steps: Vec<StepCount>,
    /// Of those, falls and jumps that readings to come could still decide otherwise when the report was made.
    pub pending: usize,
}

/// How many steps of one kind a meter had.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepCount {
    /// `long` for forward steps beyond the gap limit, or `rollover`, `reset`, `jump`, ...
    pub class: &'static str,
    /// How many.
    pub count: usize,
}

/// How the report was reckoned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Methods {
    /// What ratios are made of.
    pub ratio: &'static str,
    /// Fuel, heat and cooling fluid.
    pub non_electric: NonElectric,
    /// Uncertainty of the meters.
    pub uncertainty: String,
    /// How verdicts are made.
    pub decision_rule: &'static str,
}

/// How what is not electricity entered `E_DC`: one conversion each; none where none is metered.
#[derive(Debug, Clone, PartialEq)]
pub struct NonElectric(pub Vec<Conversion>);

impl fmt::Display for NonElectric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none metered: electricity alone is counted");
        }
        for (at, conversion) in self.0.iter().enumerate() {
            write!(f, "{}{conversion}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl Serialize for NonElectric {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// From what and by which program the report was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versions {
    /// When.
    #[serde(serialize_with = "instant")]
    pub generated_at: Timestamp,
    /// The earlier time as of which the ledger was read; `None` for the latest.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant_if_any")]
    pub known_at: Option<Timestamp>,
    /// The program's version.
    pub engine: &'static str,
    /// The tables that the facility's targets are from.
    pub targets: Vec<Table>,
    /// The table of emission factors that comes with the program.
    pub factors: Table,
    /// Change number of the ledger.
    pub change: u64,
    /// SHA-256 of the ledger's minutes and steps in the period, of all meters.
    pub ledger_digest: String,
    /// Minutes in the digest.
    pub ledger_minutes: u64,
    /// Steps in the digest.
    pub ledger_steps: u64,
}

/// A versioned table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

pub(super) fn instant<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

pub(super) fn instant_if_any<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.collect_str(at),
        None => to.serialize_none(),
    }
}

pub(super) fn words_if_any<T: fmt::Display, S: Serializer>(
    words: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match words {
        Some(words) => to.collect_str(words),
        None => to.serialize_none(),
    }
}

fn words_or_empty<T: fmt::Display, S: Serializer>(words: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
    match words {
        Some(words) => to.collect_str(words),
        None => to.serialize_str(""),
    }
}
