//! The uncertainty of a report's PUE, with the meter table that it rests on. Source: domain.md 6.

use crate::indicators::Figure;
use crate::indicators::uncertainty::{Budget, COVERAGE_FACTOR, Line, with_uncertainty};
use crate::view::expanded;
use serde::Serialize;
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
    pub unknown: Vec<String>,
    /// One row an instrument.
    pub meters: Vec<MeterRow>,
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
    pub accuracy: Option<String>,
    /// The class of the current transformer, or `direct`.
    pub current: Option<String>,
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
        unknown: budget.unknown(),
        meters: budget.lines.iter().map(|line| row(line, square)).collect(),
    }
}

fn row(line: &Line, square: Option<f64>) -> MeterRow {
    MeterRow {
        meter: line.meter.clone(),
        serial: line.serial.clone(),
        make: line.make.clone(),
        accuracy: line.accuracy.map(|accuracy| match accuracy {
            Accuracy::Class(class) => format!("class {class}"),
            Accuracy::LimitPercent(limit) => format!("limit {limit} %"),
            Accuracy::ChannelPercent(expanded) => format!("channel {expanded} % (k = 2)"),
        }),
        current: line.current.map(|current| match current {
            CurrentPath::Direct => "direct".to_owned(),
            CurrentPath::Transformer(class) => format!("CT class {class}"),
        }),
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
