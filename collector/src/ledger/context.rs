//! How much of a meter's series a change can touch, and how many readings around it settle that.
//!
//! The ledger is defined on the whole series; recomputing all of it for each new reading would be right
//! and slow. A *settled* reading makes what follows independent of what came before: for a register the
//! middle one of nine readings that go plainly forward, because within four of them every run of failed
//! reads has ended, every reference held by jitter has been passed or given up, and no estimate reaches
//! across. For power and gauges only the neighbours matter.

use super::interpret::{Interpretation, RegisterRules};
use super::register::{self, Point};
use wattledger_model::meter::Kind;
use wattledger_model::minute::StepClass;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, MINUTE_MS, Minute, Timestamp};

/// Readings before and after a change that it can influence directly.
const REACH: usize = 8;
/// Plain steps on each side of a settled reading.
const SETTLING: usize = 4;

/// The part of a series to fold again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Positions of the readings to fold.
    pub readings: std::ops::Range<usize>,
    /// The minutes that the fold determines; open ends are `i64::MIN` and `i64::MAX`.
    pub minutes: Interval,
    /// Steps from this instant on are determined.
    pub steps_from: Timestamp,
    /// Steps before this instant are determined.
    pub steps_to: Timestamp,
}

/// What to fold again, or what must be read first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// This is enough.
    Enough(Part),
    /// Readings before the first one given are needed.
    Earlier,
    /// Readings after the last one given are needed.
    Later,
}

/// Whether the given readings are all there are on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// No earlier reading exists.
    pub first: bool,
    /// No later reading exists.
    pub last: bool,
}

/// Decides which part of `readings`, sorted by instant, a change of the readings in `changed` touches.
pub fn needed(
    readings: &[Reading],
    changed: (Timestamp, Timestamp),
    ends: Ends,
    meter: &Interpretation,
) -> Needed {
    let first = readings.partition_point(|reading| reading.at < changed.0);
    let last = readings.partition_point(|reading| reading.at <= changed.1).saturating_sub(1);
    match meter.kind {
        Kind::Register => register_part(readings, first, last, ends, meter),
        _ => neighbour_part(readings, first, last, ends),
    }
}

fn part(readings: &[Reading], start: Option<usize>, end: Option<usize>, margin: usize) -> Part {
    let from = start.map_or(i64::MIN, |at| readings[at].at.0);
    let to = end.map_or(i64::MAX, |at| readings[at].at.0);
    Part {
        readings: start.map_or(0, |at| at - margin.min(at))
            ..end.map_or(readings.len(), |at| (at + margin + 1).min(readings.len())),
        minutes: Interval::new(
            Minute(start.map_or(i64::MIN, |_| Timestamp(from).minute_ceil().0)),
            Minute(end.map_or(i64::MAX, |_| Timestamp(to).minute().0)),
        ),
        steps_from: Timestamp(from),
        steps_to: Timestamp(to),
    }
}

fn neighbour_part(readings: &[Reading], first: usize, last: usize, ends: Ends) -> Needed {
    // The reading at or before the start of the minute in which the previous reading lies.
    let edge = first.checked_sub(1).map(|previous| readings[previous].at.minute().start());
    let start = edge.and_then(|edge| readings[..first].partition_point(|r| r.at <= edge).checked_sub(1));
    if start.is_none() && !ends.first {
        return Needed::Earlier;
    }
    let edge = readings.get(last + 1).map(|next| next.at.minute_ceil().start());
    let end = edge.and_then(|edge| {
        let at = readings.partition_point(|r| r.at < edge);
        (at < readings.len()).then_some(at)
    });
    if end.is_none() && !ends.last {
        return Needed::Later;
    }
    Needed::Enough(part(readings, start, end, 1))
}

fn register_part(
    readings: &[Reading],
    first: usize,
    last: usize,
    ends: Ends,
    meter: &Interpretation,
) -> Needed {
    let Some(unit) = super::fold::register_unit(readings, meter) else {
        // Nothing here can be read; there may be something further away.
        return match ends {
            Ends { first: false, .. } => Needed::Earlier,
            Ends { last: false, .. } => Needed::Later,
            _ => Needed::Enough(part(readings, None, None, 0)),
        };
    };
    let rules = meter.register_rules(unit);
    let settled = |at: usize| {
        at >= SETTLING
            && at + SETTLING < readings.len()
            && (at - SETTLING..at + SETTLING).all(|i| is_plain(&readings[i], &readings[i + 1], meter, &rules))
    };
    let start = first.checked_sub(REACH).and_then(|reached| {
        let edge = readings[reached].at.minute().start();
        let latest = readings[..=reached].partition_point(|r| r.at <= edge);
        (0..latest).rev().find(|at| settled(*at))
    });
    if start.is_none() && !ends.first {
        return Needed::Earlier;
    }
    let end = readings.get(last + REACH).and_then(|reached| {
        let edge = reached.at.0.div_euclid(MINUTE_MS) * MINUTE_MS + MINUTE_MS;
        let earliest = readings.partition_point(|r| r.at.0 < edge);
        (earliest..readings.len()).find(|at| settled(*at))
    });
    if end.is_none() && !ends.last {
        return Needed::Later;
    }
    Needed::Enough(part(readings, start, end, SETTLING))
}

fn is_plain(earlier: &Reading, later: &Reading, meter: &Interpretation, rules: &RegisterRules) -> bool {
    let point =
        |reading: &Reading| meter.position(reading).ok().map(|position| Point { at: reading.at.0, position });
    match (point(earlier), point(later)) {
        (Some(earlier), Some(later)) => register::classify(earlier, later, rules) == StepClass::Normal,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fold::{Folded, Minutes, fold};
    use super::*;
    use proptest::prelude::*;
    use wattledger_model::decimal::Decimal;
    use wattledger_model::meter::Form;
    use wattledger_model::reading::Quality;

    fn meter(kind: Kind, unit: &str, form: Form) -> Interpretation {
        let unit = unit.parse().ok();
        Interpretation { kind, unit, form, ..Interpretation::unclaimed(unit) }
    }

    /// One of each kind, and registers with and without rating, modulus and resolution.
    fn meters() -> Vec<Interpretation> {
        let register = meter(Kind::Register, "Wh", Form::Instant);
        let rated = Interpretation { rated: Some(1_200_000_000), ..register.clone() };
        let fine = Interpretation { resolution: Decimal::new(1, 0), ..register.clone() };
        vec![
            register.clone(),
            fine.clone(),
            rated.clone(),
            Interpretation { rated: rated.rated, ..fine },
            Interpretation { modulus: Some(Decimal::new(100, 0)), ..rated },
            Interpretation { modulus: Some(Decimal::new(100, 0)), ..register },
            meter(Kind::Power, "W", Form::Instant),
            meter(Kind::Power, "W", Form::OnChange),
            meter(Kind::Power, "W", Form::IntervalMean),
            meter(Kind::Gauge, "Cel", Form::Instant),
            meter(Kind::Gauge, "Cel", Form::OnChange),
        ]
    }

    /// Readings that go up, and from time to time down for as long, back, to zero, or far away.
    fn series() -> impl Strategy<Value = Vec<(i64, i64, bool)>> {
        let run = (0..8_u8, 1..9_usize, 1..20_i64, any::<u8>());
        (prop::collection::vec(run, 1..14), 0..200_000_i64).prop_map(|(runs, first)| {
            let (mut at, mut value, mut all) = (first, 50_i64, Vec::new());
            for (what, length, size, odd) in runs {
                for i in 0..length as i64 {
                    at += if odd % 7 == 0 && i == 0 { 3_000_000 } else { 20_000 + 1_000 * size + i };
                    let rise = match what {
                        0..=2 => 1 + size / 5,
                        3 => -(1 + size / 5),
                        4 => -1,
                        5 => i64::from(i % 2 == 0) * 2 - 1,
                        _ => 0,
                    };
                    value = (value + rise).max(0);
                    let shown = match (what, i) {
                        (6, 0..=3) => 0,
                        (7, 0..=3) => value + 90 * (1 + i % 2),
                        _ => value,
                    };
                    all.push((at, shown, odd % 11 == 0));
                }
                if odd % 5 == 0 {
                    value %= 60;
                }
            }
            all
        })
    }

    fn readings(series: &[(i64, i64, bool)]) -> Vec<Reading> {
        let reading = |&(at, value, is_mean): &(i64, i64, bool)| Reading {
            at: Timestamp(at),
            arrived: Timestamp(at),
            value: Decimal::new(value, 0),
            unit: None,
            interval_ms: is_mean.then_some(90_000),
            quality: Quality::Good,
            intake: None,
            evidence: None,
        };
        series.iter().map(reading).collect()
    }

    /// What is asked for, with as few readings around the change as suffice.
    fn asked(
        all: &[Reading],
        changed: (Timestamp, Timestamp),
        meter: &Interpretation,
    ) -> (Part, Vec<Reading>) {
        let mut from = all.partition_point(|r| r.at < changed.0);
        let mut to = all.partition_point(|r| r.at <= changed.1);
        loop {
            let ends = Ends { first: from == 0, last: to == all.len() };
            match needed(&all[from..to], changed, ends, meter) {
                Needed::Enough(part) => return (part, all[from..to].to_vec()),
                Needed::Earlier => from -= 1,
                Needed::Later => to += 1,
            }
        }
    }

    fn replaced(
        mut before: Folded,
        mut part: Folded,
        of: &Part,
    ) -> (Minutes, Vec<wattledger_model::minute::Step>) {
        part.clip(of.minutes, of.steps_from, of.steps_to);
        let outside = |minute: &i64| !of.minutes.contains(Minute(*minute));
        match (&mut before.minutes, part.minutes) {
            (Minutes::Sums(old), Minutes::Sums(new)) => {
                old.retain(|(minute, _)| outside(minute));
                old.extend(new);
                old.sort_by_key(|(minute, _)| *minute);
            }
            (Minutes::Levels(old), Minutes::Levels(new)) => {
                old.retain(|(minute, _)| outside(minute));
                old.extend(new);
                old.sort_by_key(|(minute, _)| *minute);
            }
            _ => panic!("one meter has one kind"),
        }
        before.steps.retain(|step| step.from < of.steps_from || of.steps_to <= step.from);
        before.steps.extend(part.steps);
        before.steps.sort_by_key(|step| step.from);
        (before.minutes, before.steps)
    }

    /// Whatever reading comes last, folding the part it touches gives what folding everything gives.
    fn check(all: &[Reading], late: usize, meter: &Interpretation) -> Result<(), TestCaseError> {
        let mut before = all.to_vec();
        let reading = before.remove(late);
        let (part, loaded) = asked(all, (reading.at, reading.at), meter);
        let folded = fold(&loaded[part.readings.clone()], meter);
        let (minutes, steps) = replaced(fold(&before, meter), folded, &part);
        let whole = fold(all, meter);
        prop_assert_eq!(steps, whole.steps);
        prop_assert_eq!(minutes, whole.minutes);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        #[test]
        fn a_part_folded_again_is_what_the_whole_would_be(
            all in series(), late in any::<prop::sample::Index>(), meter in 0..meters().len(),
        ) {
            check(&readings(&all), late.index(all.len()), &meters()[meter])?;
        }
    }
}
