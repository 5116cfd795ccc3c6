//! From the readings of one meter to its minutes and steps: the pure function that the ledger is.

use super::corrections;
use super::curve::{self, Booked};
use super::interpret::{Interpretation, POSITION_PER_BASE, Unusable, round_half_even};
use super::power::{self, Sample, Spacing};
use super::register::{self, Stretch, Walk};
use wattledger_model::meter::Kind;
use wattledger_model::minute::{GaugeMinute, Minute, Provenance, Step, StepClass};
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Timestamp};

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
    match interpretation.kind {
        Kind::Register => fold_register(readings, interpretation),
        Kind::Power | Kind::Flow => {
            let mut unusable = Vec::new();
            let rate = |reading: &Reading| interpretation.rate(reading);
            let samples = samples(readings, interpretation, &mut unusable, rate);
            let mut booked = Booked::default();
            power::integrate(&samples, spacing(interpretation), &mut booked);
            let known = || power::covered(&samples, spacing(interpretation));
            let minutes = Minutes::Sums(entered(booked, known, interpretation));
            Folded { minutes, steps: Vec::new(), dropped: 0, unusable }
        }
        Kind::Gauge => {
            let mut unusable = Vec::new();
            let level = |reading: &Reading| interpretation.level(reading);
            let samples = samples(readings, interpretation, &mut unusable, level);
            let minutes = Minutes::Levels(power::average(&samples, spacing(interpretation)));
            Folded { minutes, steps: Vec::new(), dropped: 0, unusable }
        }
    }
}

/// The readings that the ledger is made of: those that can be interpreted and that no operator excluded.
/// The others stay in the raw store until the configuration is mended or the correction withdrawn.
pub fn countable(readings: &[Reading], interpretation: &Interpretation) -> Vec<Reading> {
    let counts =
        |reading: &&Reading| interpretation.usable(reading).is_ok() && interpretation.counts(reading.at);
    readings.iter().filter(counts).copied().collect()
}

pub(super) fn spacing(interpretation: &Interpretation) -> Spacing {
    Spacing {
        form: interpretation.form,
        nominal_interval_ms: interpretation.nominal_interval_ms,
        gap_limit_ms: interpretation.gap_limit(),
    }
}

pub(super) fn samples<V>(
    readings: &[Reading],
    interpretation: &Interpretation,
    unusable: &mut Vec<(Timestamp, Unusable)>,
    value: impl Fn(&Reading) -> Result<V, Unusable>,
) -> Vec<Sample<V>> {
    let has_corrections = !interpretation.corrections.is_empty();
    let mut samples = Vec::with_capacity(readings.len());
    for reading in readings {
        if has_corrections && !interpretation.counts(reading.at) {
            continue;
        }
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

/// The booked minutes with what operators entered.
fn entered(
    booked: Booked,
    known: impl FnOnce() -> Vec<(i64, i64)>,
    interpretation: &Interpretation,
) -> Vec<(i64, Minute)> {
    let minutes = booked.into_minutes();
    if !corrections::has_entries(&interpretation.corrections) {
        return minutes;
    }
    corrections::enter(minutes, &known(), &interpretation.corrections)
}

/// The times of which a register's stretches say anything.
pub(super) fn known(stretches: &[Stretch]) -> Vec<(i64, i64)> {
    let known = stretches.iter().filter(|stretch| stretch.provenance.is_some());
    corrections::joined(known.map(|stretch| (stretch.from, stretch.to)).collect())
}

fn fold_register(readings: &[Reading], interpretation: &Interpretation) -> Folded {
    let walk = register::walk(readings, interpretation);
    let mut booked = Booked::default();
    curve::book(&walk.stretches, &mut booked);
    let minutes = Minutes::Sums(entered(booked, || known(&walk.stretches), interpretation));
    Folded { minutes, steps: rows(&walk), dropped: walk.dropped.len(), unusable: walk.unusable }
}

/// The step table: what is long or not simply forward, and declared exchanges at their instants.
fn rows(walk: &Walk) -> Vec<Step> {
    let mut rows = Vec::new();
    let is_told = |first: &Stretch| {
        first.provenance == Some(Provenance::Interpolated)
            || !matches!(first.class, StepClass::Normal | StepClass::Jitter)
    };
    for (at, first) in walk.stretches.iter().enumerate() {
        if !is_told(first) || first.is_continued {
            continue;
        }
        let step = &walk.stretches[at..register::step_end(&walk.stretches, at)];
        let amount = || step.iter().map(difference).sum();
        rows.push(Step {
            from: Timestamp(first.from),
            to: Timestamp(step[step.len() - 1].to),
            class: first.class,
            amount: first.provenance.map(|_| amount()),
            provenance: first.provenance,
        });
    }
    if !walk.exchanges.is_empty() {
        rows.extend(walk.exchanges.iter().map(|&at| exchange_row(at)));
        rows.sort_by_key(|row| (row.from, row.to));
    }
    rows
}

/// What a stretch adds up to in base units, each end rounded once.
pub(super) fn difference(stretch: &Stretch) -> i128 {
    let rounded = |position| round_half_even(position, POSITION_PER_BASE);
    rounded(stretch.end) - rounded(stretch.start)
}

/// A declared exchange takes no time and passes nothing: it joins what is metered on both sides.
fn exchange_row(at: i64) -> Step {
    Step {
        from: Timestamp(at),
        to: Timestamp(at),
        class: StepClass::Exchange,
        amount: Some(0),
        provenance: Some(Provenance::Measured),
    }
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
