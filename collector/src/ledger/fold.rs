//! From the readings of one meter to its minutes and steps: the pure function that the ledger is.

use super::curve::{self, Booked};
use super::interpret::{Interpretation, Unusable};
use super::power::{self, Sample, Spacing};
use super::register::{self, Point};
use wattledger_model::meter::Kind;
use wattledger_model::minute::{GaugeMinute, Minute, Step, StepClass};
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Timestamp};
use wattledger_model::unit::Unit;

use super::interpret::{POSITION_PER_BASE, round_half_even};

/// The minutes of one meter, by kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Minutes {
    /// Amounts of a register, or of integrated power or flow.
    Sums(Vec<(i64, Minute)>),
    /// Levels of a gauge.
    Levels(Vec<(i64, GaugeMinute)>),
}

/// What a stretch of readings comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// Ascending minutes that hold anything.
    pub minutes: Minutes,
    /// The step table's rows, ascending.
    pub steps: Vec<Step>,
    /// Failed reads that were dropped.
    pub dropped: usize,
    /// Readings that could not be interpreted, with one reason.
    pub unusable: Vec<(Timestamp, Unusable)>,
}

/// Folds readings of one meter, sorted by strictly ascending instant.
pub fn fold(readings: &[Reading], interpretation: &Interpretation) -> Folded {
    let mut unusable = Vec::new();
    match interpretation.kind {
        Kind::Register => {
            let points = points(readings, interpretation, &mut unusable);
            let unit = register_unit(readings, interpretation);
            let mut folded = match unit {
                Some(unit) => fold_register(&points, interpretation, unit),
                None => Folded {
                    minutes: Minutes::Sums(Vec::new()),
                    steps: Vec::new(),
                    dropped: 0,
                    unusable: Vec::new(),
                },
            };
            folded.unusable = unusable;
            folded
        }
        Kind::Power | Kind::Flow => {
            let samples = samples(readings, &mut unusable, |reading| interpretation.rate(reading));
            let mut booked = Booked::default();
            power::integrate(&samples, spacing(interpretation), &mut booked);
            let minutes = Minutes::Sums(booked.into_minutes());
            Folded { minutes, steps: Vec::new(), dropped: 0, unusable }
        }
        Kind::Gauge => {
            let samples = samples(readings, &mut unusable, |reading| interpretation.level(reading));
            let minutes = Minutes::Levels(power::average(&samples, spacing(interpretation)));
            Folded { minutes, steps: Vec::new(), dropped: 0, unusable }
        }
    }
}

/// The usable readings of a register as positions.
pub(super) fn points(
    readings: &[Reading],
    interpretation: &Interpretation,
    unusable: &mut Vec<(Timestamp, Unusable)>,
) -> Vec<Point> {
    let mut points = Vec::with_capacity(readings.len());
    for reading in readings {
        match interpretation.position(reading) {
            Ok(position) => points.push(Point { at: reading.at.0, position }),
            Err(why) => unusable.push((reading.at, why)),
        }
    }
    points
}

/// The unit that resolution and modulus are given in: the declared one, else any that was sent.
pub(super) fn register_unit(readings: &[Reading], interpretation: &Interpretation) -> Option<Unit> {
    interpretation.unit.or_else(|| readings.iter().find_map(|reading| reading.unit))
}

fn spacing(interpretation: &Interpretation) -> Spacing {
    Spacing {
        form: interpretation.form,
        nominal_interval_ms: interpretation.nominal_interval_ms,
        gap_limit_ms: interpretation.gap_limit(),
    }
}

fn samples<V>(
    readings: &[Reading],
    unusable: &mut Vec<(Timestamp, Unusable)>,
    value: impl Fn(&Reading) -> Result<V, Unusable>,
) -> Vec<Sample<V>> {
    let mut samples = Vec::with_capacity(readings.len());
    for reading in readings {
        match value(reading) {
            Ok(value) => {
                let interval_ms = reading.interval_ms.map(i64::from);
                samples.push(Sample { at: reading.at.0, value, interval_ms });
            }
            Err(why) => unusable.push((reading.at, why)),
        }
    }
    samples
}

fn fold_register(points: &[Point], interpretation: &Interpretation, unit: Unit) -> Folded {
    let walk = register::walk(points, &interpretation.register_rules(unit));
    let mut booked = Booked::default();
    curve::book(&walk.stretches, &mut booked);
    let rounded = |position| round_half_even(position, POSITION_PER_BASE);
    let steps = walk
        .stretches
        .iter()
        .map(|stretch| Step {
            from: Timestamp(stretch.from),
            to: Timestamp(stretch.to),
            class: stretch.class,
            amount: stretch.provenance.map(|_| rounded(stretch.end) - rounded(stretch.start)),
            provenance: stretch.provenance,
        })
        .filter(|step| step.is_long() || !matches!(step.class, StepClass::Normal | StepClass::Jitter))
        .collect();
    let minutes = Minutes::Sums(booked.into_minutes());
    Folded { minutes, steps, dropped: walk.dropped.len(), unusable: Vec::new() }
}

impl Folded {
    /// Keeps what lies in `range`: whole minutes, and the steps whose later reading lies after its start
    /// and whose earlier one before its end. `None` is an open end.
    pub fn clip(&mut self, range: Interval, steps_from: Timestamp, steps_to: Timestamp) {
        let inside = |minute: &i64| (range.from.0..range.to.0).contains(minute);
        match &mut self.minutes {
            Minutes::Sums(minutes) => minutes.retain(|(minute, _)| inside(minute)),
            Minutes::Levels(minutes) => minutes.retain(|(minute, _)| inside(minute)),
        }
        self.steps.retain(|step| steps_from <= step.from && step.from < steps_to);
    }
}
