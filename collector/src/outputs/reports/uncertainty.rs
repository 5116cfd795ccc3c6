//! The uncertainty of a report's PUE, with the meter table that it rests on. Source: domain.md 6.

use crate::indicators::Figure;
use crate::indicators::uncertainty::{Budget, COVERAGE_FACTOR, Line, Unknown, with_uncertainty};
use crate::view::expanded;
use serde::{Serialize, Serializer};
use std::fmt;
use wattledger_model::instrument::{Accuracy, CurrentPath};

/// How uncertain the PUE is, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uncertainty {
    /// Expanded uncertainty U, in the unit of the figure; `None` where it is not known.
    pub expanded: Option<f64>,
    /// The coverage factor k of U.
    pub coverage_factor: f64,
    /// The figure with U, such as `1.300 ± 0.013 (k = 2)`.
    pub stated: Option<String>,
    /// Whether U is at most 5 % of the value; `None` where that cannot be said.
    pub resolved: Option<bool>,
    /// The shortest rolling window in which the figure would be resolved, where this one does not.
    pub shortest_resolved: Option<&'static str>,
    /// Why it is not known: meters with their reasons.
    pub unknown: Vec<UnknownMeter>,
    /// One row an instrument.
    pub meters: Vec<MeterRow>,
}

/// A meter whose uncertainty is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownMeter {
    /// The meter.
    pub meter: String,
    /// Why.
    pub why: Unknown,
}

impl fmt::Display for UnknownMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.meter, self.why)
    }
}

impl Serialize for UnknownMeter {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// How exact an instrument is, as a report shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exactness(pub Accuracy);

impl fmt::Display for Exactness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Accuracy::Class(class) => write!(f, "class {class}"),
            Accuracy::LimitPercent(limit) => write!(f, "limit {limit} %"),
            Accuracy::ChannelPercent(expanded) => write!(f, "channel {expanded} % (k = 2)"),
        }
    }
}

impl Serialize for Exactness {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// How current reaches an instrument, as a report shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current(pub CurrentPath);

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            CurrentPath::Direct => f.write_str("direct"),
            CurrentPath::Transformer(class) => write!(f, "CT class {class}"),
        }
    }
}

impl Serialize for Current {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// One instrument of the meter table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeterRow {
    /// The meter.
    pub meter: String,
    /// The serial number of the instrument.
    pub serial: Option<String>,
    /// Its make.
    pub make: Option<String>,
    /// Its class or stated limit.
    pub accuracy: Option<Exactness>,
    /// The class of the current transformer, or `direct`.
    pub current: Option<Current>,
    /// When it was calibrated last.
    pub calibrated: Option<String>,
    /// Mean load by the rated one.
    pub load: Option<f64>,
    /// Standard uncertainty of the channel, percent; `None` where it is not known.
    pub u_percent: Option<f64>,
    /// Its part of the square of the figure's standard uncertainty, 0 to 1; `None` where that is not known.
    pub share: Option<f64>,
}

/// The uncertainty of a figure from its budget.
pub(super) fn uncertainty(budget: &Budget, figure: &Figure) -> Uncertainty {
    let u = expanded(budget, figure);
    let square = budget.standard().map(|u| u * u).filter(|square| *square > 0.0);
    let is_resolved = budget.is_resolved();
    let shortest =
        (is_resolved == Some(false)).then(|| budget.shortest_resolved(figure.interval.minutes())).flatten();
    Uncertainty {
        expanded: u,
        coverage_factor: COVERAGE_FACTOR,
        stated: figure.value.zip(u).map(|(value, u)| with_uncertainty(value, u)),
        resolved: is_resolved,
        shortest_resolved: shortest.map(wattledger_model::calendar::Window::label),
        unknown: budget
            .unknown_channels()
            .map(|(meter, why)| UnknownMeter { meter: meter.to_owned(), why })
            .collect(),
        meters: budget.lines.iter().map(|line| row(line, square)).collect(),
    }
}

fn row(line: &Line, square: Option<f64>) -> MeterRow {
    MeterRow {
        meter: line.meter.clone(),
        serial: line.serial.clone(),
        make: line.make.clone(),
        accuracy: line.accuracy.map(Exactness),
        current: line.current.map(Current),
        calibrated: line.calibrated.map(|date| date.to_string()),
        load: line.load,
        u_percent: line.channel.as_ref().ok().map(|channel| channel.u_rel * 100.0),
        share: square.map(|square| line.contribution / square),
    }
}

impl Uncertainty {
    /// In a line, for people.
    pub(super) fn in_words(&self) -> String {
        match (&self.stated, self.unknown.first()) {
            (Some(stated), _) => {
                format!("{stated}; classes as rectangular limits, one make correlated, others independent")
            }
            (None, Some(first)) if self.unknown.len() > 1 => {
                format!("unknown: {first}; and {} more", self.unknown.len() - 1)
            }
            (None, Some(first)) => format!("unknown: {first}"),
            (None, None) => "unknown: nothing is covered".to_owned(),
        }
    }

    /// How verdicts are made with it.
    pub(super) fn decision_rule(&self) -> &'static str {
        match self.expanded {
            Some(_) => "guard band w = U (JCGM 106)",
            None => "simple acceptance without guard band, since the uncertainty is unknown",
        }
    }
}
