//! Why the ledger says what it says: which readings made a meter's figure, and which rules fired.
//!
//! Made with the very walk that books, so that what is told is what was done. Source: domain.md 5.2 to 5.5.

mod rule;

pub(crate) use rule::duration;

use super::corrections::{self, Spread};
use super::failed::{Dropped, FailedRead};
use super::fold::{self, Minutes};
use super::interpret::{Interpretation, POSITION_PER_BASE, Unusable, round_parts};
use super::power::{self, Sample};
use super::register::{self, Stretch, Told, Walk};
use super::series::Register;
use std::fmt;
use wattledger_model::correction::Correction;
use wattledger_model::meter::{Form, Kind};
use wattledger_model::minute::{Part, Provenance, StepClass};
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, MINUTE_MS, Timestamp};
use wattledger_model::unit::Quantity;

/// What happened to a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It counts.
    Kept,
    /// It was taken for a failed read and dropped.
    FailedRead(Dropped),
    /// An operator excluded it.
    Excluded,
    /// A signed-off register of a declared exchange stands at its very instant.
    Superseded,
    /// It could not be interpreted.
    Unusable(Unusable),
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Kept => f.write_str("kept"),
            Fate::FailedRead(dropped) => {
                let why = match dropped.why {
                    FailedRead::OutIsNotNormal => "the step back is not normal either",
                    FailedRead::AllZero => "all in between are exactly 0",
                    FailedRead::Returned => {
                        "without a rating, a fall that is back within three readings is one"
                    }
                };
                let (from, to) = (Timestamp(dropped.from), Timestamp(dropped.to));
                write!(
                    f,
                    "dropped as a failed read: the register left its way after {from}, from where the step to {to} is normal; {why}"
                )
            }
            Fate::Excluded => f.write_str("excluded by an operator"),
            Fate::Superseded => f.write_str("superseded by the register signed off at its instant"),
            Fate::Unusable(why) => write!(f, "not used: {}", why.text()),
        }
    }
}

/// A reading and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedReading {
    /// The reading.
    pub reading: Reading,
    /// What happened to it.
    pub fate: Fate,
}

/// What lies between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// A step of a register.
    Step(StepClass),
    /// Values of power, flow or a gauge that stand for the time up to the later reading.
    Span(Form),
    /// Time that no value stands for.
    Gap,
}

/// What lies between two readings, what was booked for it and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedStep {
    /// The earlier reading, or the begin of an interval mean.
    pub from: Timestamp,
    /// The later reading.
    pub to: Timestamp,
    /// What it was taken for.
    pub between: Between,
    /// How its amount is known; `None` where it is missing.
    pub provenance: Option<Provenance>,
    /// What was booked for all of it, in base units; `None` where nothing was, and for gauges.
    pub amount: Option<i128>,
    /// What of that lies inside the interval. Of a register these add up to what is booked in it.
    pub inside: Option<i128>,
    /// The rule, in words, with the figures that were compared.
    pub rule: String,
    /// What could still change what it is taken for; `None` of what the readings at hand settle.
    pub undecided: Option<Undecided>,
}

/// Readings after a jump or fall that settle what it was: a run of failed reads has at most so many readings, and
/// one more shows whether the register is back. Source: domain.md 5.3.
const SETTLING_READINGS: usize = 3;

/// What a jump or fall is taken for while the readings that settle it have not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided {
    /// Readings that are still to come.
    pub readings: usize,
    /// When they are waited for no longer: the gap limit G after its later reading.
    pub until: Timestamp,
}

impl ExplainedStep {
    /// Whether it is pending at a time. The ledger knows no clock: this is for views. Source: domain.md 5.3.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.undecided.is_some_and(|undecided| now < undecided.until)
    }
}

/// A correction that concerns the interval, and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedCorrection {
    /// What an operator entered.
    pub correction: Correction,
    /// What an entry booked inside the interval, in base units. What a settlement booked stands with its steps.
    pub inside: i128,
    /// What it did, in words.
    pub effect: String,
}

/// Why an interval of one meter is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The readings that its steps lie between, and those between them that do not count; ascending.
    pub readings: Vec<ExplainedReading>,
    /// What has a part in it, ascending.
    pub steps: Vec<ExplainedStep>,
    /// The corrections that concern it.
    pub corrections: Vec<ExplainedCorrection>,
    /// What is booked in it by provenance: amounts in base units, and ms. A gauge has no amounts.
    pub booked: [(i128, i64); 3],
    /// Time of which nothing is known, ms.
    pub missing_ms: i64,
}

/// Explains an interval of one meter. The readings are sorted by strictly ascending instant, and are all
/// those that [`super::context::needed`] asks for a change of the whole interval, or more; readings that
/// cannot be interpreted or do not count among them.
pub fn explain(readings: &[Reading], meter: &Interpretation, interval: Interval) -> Explained {
    let (from, to) = (interval.from.start().0, interval.to.start().0);
    let inside = Inside { from, to: to.max(from) };
    let (steps, dropped, exchanges, known) = match meter.kind {
        Kind::Register => register_steps(readings, meter, inside),
        Kind::Power | Kind::Flow => {
            let rate = |reading: &Reading| meter.rate(reading);
            let samples = fold::samples(readings, meter, &mut Vec::new(), rate);
            let amount = |span: &power::Span<i128>, from, to| Some(i128::from(span.amount(from, to)));
            sample_steps(&samples, meter, inside, amount)
        }
        Kind::Gauge => {
            let level = |reading: &Reading| meter.level(reading);
            let samples = fold::samples(readings, meter, &mut Vec::new(), level);
            sample_steps(&samples, meter, inside, |_, _, _| None)
        }
    };
    let booked = booked(readings, meter, interval);
    let covered: i64 = booked.iter().map(|(_, ms)| ms).sum();
    Explained {
        readings: told_readings(readings, meter, inside, &steps, &dropped, &exchanges),
        corrections: told_corrections(readings, meter, inside, &steps, &known, &exchanges),
        steps,
        booked,
        missing_ms: interval.minutes() * MINUTE_MS - covered,
    }
}

/// The interval, in ms.
#[derive(Debug, Clone, Copy)]
struct Inside {
    from: i64,
    to: i64,
}

impl Inside {
    fn touches(self, from: i64, to: i64) -> bool {
        from < self.to && self.from < to
    }

    fn clip(self, from: i64, to: i64) -> Option<(i64, i64)> {
        let clipped = (from.max(self.from), to.min(self.to));
        (clipped.0 < clipped.1).then_some(clipped)
    }
}

/// Steps, failed reads, instants of declared exchanges, and the times of which anything is known.
type Made = (Vec<ExplainedStep>, Vec<Dropped>, Vec<i64>, Vec<(i64, i64)>);

fn register_steps(readings: &[Reading], meter: &Interpretation, inside: Inside) -> Made {
    let mut register = Register::new(readings, meter);
    let mut told: Vec<Told> = Vec::new();
    let walk = register::walk_telling(&mut register, meter, &mut |step| told.push(step));
    let words = rule::Words::new(&register, meter, readings);
    let undecided = |step: &Told| {
        let is_cut = walk.exchanges.iter().any(|at| *at > step.to.at);
        let may_change = matches!(step.class, StepClass::Jump | StepClass::Reset)
            // What a device tells of itself overrides inference, and so does an operator.
            && register.is_one_device([step.from, step.to])
            && !words.is_settled(step.from.at, step.to.at);
        if is_cut || !may_change {
            return None;
        }
        let after = readings.iter().rev().take_while(|reading| reading.at.0 > step.to.at);
        let counts = |reading: &&Reading| meter.counts(reading.at) && meter.usable(reading).is_ok();
        let come = after.filter(counts).take(SETTLING_READINGS).count();
        let until = Timestamp(step.to.at + meter.gap_limit());
        (come < SETTLING_READINGS).then_some(Undecided { readings: SETTLING_READINGS - come, until })
    };
    let mut steps = Vec::new();
    for step in told.iter().filter(|step| inside.touches(step.from.at, step.to.at)) {
        let end = register::step_end(&walk.stretches, step.first_stretch);
        let parts = &walk.stretches[step.first_stretch..end];
        let provenance = parts[0].provenance;
        let within = |inside: Inside| parts.iter().map(|part| amount_inside(part, inside)).sum();
        steps.push(ExplainedStep {
            from: Timestamp(step.from.at),
            to: Timestamp(step.to.at),
            between: Between::Step(step.class),
            provenance,
            amount: provenance.map(|_| within(Inside { from: i64::MIN, to: i64::MAX })),
            inside: provenance.map(|_| within(inside)),
            rule: words.of(step, parts),
            undecided: undecided(step),
        });
    }
    let Walk { stretches, dropped, exchanges, .. } = walk;
    for at in exchanges.iter().filter(|at| (inside.from..=inside.to).contains(at)) {
        steps.push(ExplainedStep {
            from: Timestamp(*at),
            to: Timestamp(*at),
            between: Between::Step(StepClass::Exchange),
            provenance: Some(Provenance::Measured),
            amount: Some(0),
            inside: Some(0),
            rule: "a declared exchange: the signed-off registers join both sides exactly".to_owned(),
            undecided: None,
        });
    }
    steps.sort_by_key(|step| (step.from, step.to));
    (steps, dropped, exchanges, fold::known(&stretches))
}

/// What of a stretch lies inside, each of its ends there rounded once, as the minutes are.
fn amount_inside(stretch: &Stretch, inside: Inside) -> i128 {
    let Some((from, to)) = inside.clip(stretch.from, stretch.to) else { return 0 };
    let length = i128::from(stretch.to - stretch.from);
    let denominator = POSITION_PER_BASE * length;
    let (whole, part) =
        (stretch.start.div_euclid(POSITION_PER_BASE), stretch.start.rem_euclid(POSITION_PER_BASE));
    let rounded = |at: i64| {
        let exact = part * length + (stretch.end - stretch.start) * i128::from(at - stretch.from);
        round_parts(whole + exact.div_euclid(denominator), exact.rem_euclid(denominator), denominator)
    };
    rounded(to) - rounded(from)
}

fn sample_steps<V: Copy>(
    samples: &[Sample<V>],
    meter: &Interpretation,
    inside: Inside,
    amount: impl Fn(&power::Span<V>, i64, i64) -> Option<i128>,
) -> Made {
    let spacing = fold::spacing(meter);
    let mut spans = power::spans(samples, spacing).peekable();
    let mut steps = Vec::new();
    let gap = |from: i64, to: i64, rule: String, steps: &mut Vec<ExplainedStep>| {
        if from < to && inside.touches(from, to) {
            let (from, to) = (Timestamp(from), Timestamp(to));
            let nothing = ExplainedStep {
                from,
                to,
                between: Between::Gap,
                provenance: None,
                amount: None,
                inside: None,
                rule,
                undecided: None,
            };
            steps.push(nothing);
        }
    };
    let mut before: Option<i64> = None;
    for sample in samples {
        let span = spans.next_if(|span| span.to == sample.at);
        let is_mean = sample.interval_ms.is_some() || spacing.form == Form::IntervalMean;
        match span {
            None => {
                let rule = rule::gap(before.map_or(0, |before| sample.at - before), spacing.gap_limit_ms);
                gap(before.unwrap_or(sample.at), sample.at, rule, &mut steps);
            }
            Some(span) => {
                let rule = "no interval mean reaches back so far: missing".to_owned();
                gap(before.unwrap_or(span.from), span.from, rule, &mut steps);
                let form = if is_mean { Form::IntervalMean } else { spacing.form };
                if let Some((from, to)) = inside.clip(span.from, span.to) {
                    steps.push(ExplainedStep {
                        from: Timestamp(span.from),
                        to: Timestamp(span.to),
                        between: Between::Span(form),
                        provenance: Some(Provenance::Measured),
                        amount: amount(&span, span.from, span.to),
                        inside: amount(&span, from, to),
                        rule: rule::span(form).to_owned(),
                        undecided: None,
                    });
                }
            }
        }
        before = Some(sample.at);
    }
    (steps, Vec::new(), Vec::new(), power::covered(samples, spacing))
}

/// What the minutes of the interval hold.
fn booked(readings: &[Reading], meter: &Interpretation, interval: Interval) -> [(i128, i64); 3] {
    let mut sums = [(0, 0); 3];
    let inside = |minute: &i64| (interval.from.0..interval.to.0).contains(minute);
    match fold::fold(readings, meter).minutes {
        Minutes::Sums(minutes) => {
            for (_, minute) in minutes.iter().filter(|(at, _)| inside(at)) {
                for (sum, Part { amount, ms }) in sums.iter_mut().zip(minute.parts) {
                    *sum = (sum.0 + i128::from(amount), sum.1 + i64::from(ms));
                }
            }
        }
        Minutes::Levels(minutes) => {
            let held = minutes.iter().filter(|(at, _)| inside(at)).map(|(_, minute)| i64::from(minute.ms));
            sums[Provenance::Measured as usize].1 = held.sum();
        }
    }
    sums
}

fn told_readings(
    readings: &[Reading],
    meter: &Interpretation,
    inside: Inside,
    steps: &[ExplainedStep],
    dropped: &[Dropped],
    exchanges: &[i64],
) -> Vec<ExplainedReading> {
    let first = steps.first().map_or(inside.from, |step| step.from.0.min(inside.from));
    let last = steps.last().map_or(inside.to, |step| step.to.0.max(inside.to));
    let fate = |index: usize, reading: &Reading| {
        if !meter.counts(reading.at) {
            return Fate::Excluded;
        }
        if let Err(why) = meter.usable(reading) {
            return Fate::Unusable(why);
        }
        if exchanges.binary_search(&reading.at.0).is_ok() {
            return Fate::Superseded;
        }
        match dropped.binary_search_by_key(&index, |dropped| dropped.index) {
            Ok(at) => Fate::FailedRead(dropped[at]),
            Err(_) => Fate::Kept,
        }
    };
    let around = readings.partition_point(|reading| reading.at.0 < first)
        ..readings.partition_point(|reading| reading.at.0 <= last);
    let told = around.map(|at| ExplainedReading { reading: readings[at], fate: fate(at, &readings[at]) });
    told.collect()
}

fn told_corrections(
    readings: &[Reading],
    meter: &Interpretation,
    inside: Inside,
    steps: &[ExplainedStep],
    known: &[(i64, i64)],
    exchanges: &[i64],
) -> Vec<ExplainedCorrection> {
    let quantity = meter.quantity(readings.iter().find_map(|reading| reading.unit));
    let (mut first, mut last) = (inside.from, inside.to);
    for step in steps {
        (first, last) = (first.min(step.from.0), last.max(step.to.0));
    }
    let around = Inside { from: first, to: last };
    let mut told = Vec::new();
    for correction in &meter.corrections {
        let (concerns, booked, effect) = match *correction {
            Correction::Exclude { from, to } => {
                let count = readings.iter().filter(|reading| (from..to).contains(&reading.at)).count();
                (around.touches(from.0, to.0), 0, format!("{count} of the readings do not count"))
            }
            Correction::Exchange { at, .. } => {
                let joins = match exchanges.binary_search(&at.0) {
                    Ok(_) => "the registers on both sides are joined exactly at this instant",
                    Err(_) => "joins nothing: no readings are on both sides, or a register makes no sense",
                };
                (around.from <= at.0 && at.0 <= around.to, 0, joins.to_owned())
            }
            Correction::Settle { from, to, .. } => {
                (around.touches(from.0, to.0), 0, settled(correction, readings, meter))
            }
            Correction::Entry { from, to, .. } => {
                let (booked, effect) = entered(correction, meter, inside, known, quantity);
                (inside.touches(from.0, to.0), booked, effect)
            }
        };
        if concerns {
            told.push(ExplainedCorrection { correction: *correction, inside: booked, effect });
        }
    }
    told
}

fn settled(correction: &Correction, readings: &[Reading], meter: &Interpretation) -> String {
    let settled = match corrections::settlement(correction) {
        Some(Ok(settled)) if meter.kind == Kind::Register => settled,
        Some(Err(why)) => return format!("not booked: {}", why.text()),
        _ => return "not booked: only steps of a register can be settled".to_owned(),
    };
    // As they are without any settlement.
    let alone: Vec<Correction> =
        meter.corrections.iter().filter(|other| corrections::settlement(other).is_none()).copied().collect();
    let walk = register::walk(readings, &Interpretation { corrections: alone, ..meter.clone() });
    match corrections::concerned(&walk.stretches, settled).count() {
        0 => "books nothing: every step that lies wholly in it is metered".to_owned(),
        1 => "takes the place of what was estimated or missing for one step".to_owned(),
        count => format!("takes the place of what was estimated or missing for {count} steps"),
    }
}

fn entered(
    correction: &Correction,
    meter: &Interpretation,
    inside: Inside,
    known: &[(i64, i64)],
    quantity: Quantity,
) -> (i128, String) {
    let entry: Spread = match corrections::entry(correction) {
        Some(Ok(_)) if meter.kind == Kind::Gauge => {
            return (0, "not booked: a gauge has no amounts".to_owned());
        }
        Some(Ok(entry)) => entry,
        Some(Err(why)) => return (0, format!("not booked: {}", why.text())),
        None => return (0, String::new()),
    };
    let missing = corrections::gaps(known, entry.from, entry.to);
    let total: i64 = missing.iter().map(|(from, to)| to - from).sum();
    if total == 0 {
        return (0, "books nothing: all of its time is known".to_owned());
    }
    let booked = corrections::amounts(&missing, entry.amount)
        .into_iter()
        .filter(|(minute, _)| (inside.from..inside.to).contains(&(minute * MINUTE_MS)))
        .map(|(_, amount)| i128::from(amount))
        .sum();
    let effect = format!(
        "{} spread evenly over {} of which nothing else is known, {} of it here",
        rule::amount(entry.amount, quantity),
        rule::duration(total),
        rule::amount(booked, quantity)
    );
    (booked, effect)
}

#[cfg(test)]
mod tests;
