//! How much of a meter's series a change can touch, and how many readings around it settle that.
//!
//! The ledger is defined on the whole series; recomputing all of it for each new reading would be right
//! and slow. A *settled* reading makes what follows independent of what came before: for a register the
//! middle one of nine readings that go plainly forward, because within four of them every run of failed
//! reads has ended, every reference held by jitter has been passed or given up, and no estimate reaches
//! across. For power and gauges only the neighbours matter.

use super::corrections;
use super::interpret::Interpretation;
use super::series::Register;
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

/// Decides which part of `readings`, sorted by instant and all [countable](super::fold::countable), a change
/// of the readings in `changed` touches.
///
/// An operator's entry or settlement is spread over a time of its own, so that a change anywhere in it touches
/// all of it.
pub fn needed(
    readings: &[Reading],
    changed: (Timestamp, Timestamp),
    ends: Ends,
    meter: &Interpretation,
) -> Needed {
    let mut changed = changed;
    loop {
        let first = readings.partition_point(|reading| reading.at < changed.0);
        let last = readings.partition_point(|reading| reading.at <= changed.1).saturating_sub(1);
        let needed = match meter.kind {
            Kind::Register => register_part(readings, first, last, ends, meter),
            _ => neighbour_part(readings, first, last, ends),
        };
        let Needed::Enough(part) = needed else { return needed };
        match widened(&part, changed, meter) {
            Some(wider) => changed = wider,
            None => return Needed::Enough(part),
        }
    }
}

/// The change with the time of each correction that the part holds some of and not all of.
fn widened(
    part: &Part,
    changed: (Timestamp, Timestamp),
    meter: &Interpretation,
) -> Option<(Timestamp, Timestamp)> {
    let is_cut = |(from, to): &(Timestamp, Timestamp)| {
        let minutes = from.minute() >= part.minutes.from && to.minute_ceil() <= part.minutes.to;
        part.steps_from < *to && *from < part.steps_to && !minutes
    };
    let cut = meter.corrections.iter().filter_map(corrections::reach).filter(is_cut);
    let wider = cut.fold(changed, |wider, (from, to)| (wider.0.min(from), wider.1.max(to)));
    (wider != changed).then_some(wider)
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
    let register = Register::new(readings, meter);
    let settled = |at: usize| {
        at >= SETTLING
            && at + SETTLING < readings.len()
            && (at - SETTLING..at + SETTLING).all(|i| is_plain(&register, readings, i))
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

/// Whether the step from a reading to the next is plainly forward, or either way where it counts both, and
/// no epoch begins in it.
fn is_plain(register: &Register<'_>, readings: &[Reading], at: usize) -> bool {
    let point = |at: usize| register.point(at, register.era_at(readings[at].at.0));
    match (point(at), point(at + 1)) {
        (Ok(earlier), Ok(later)) => {
            earlier.era == later.era && register.classify(&earlier, &later) == StepClass::Normal
        }
        _ => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::fold::{self, Folded, Minutes, fold};
    use super::super::interpret::{Epoch, Joint};
    use super::*;
    use proptest::prelude::*;
    use wattledger_model::correction::Correction;
    use wattledger_model::decimal::Decimal;
    use wattledger_model::meter::Form;
    use wattledger_model::reading::{Evidence, Quality, Serial};

    fn meter(kind: Kind, unit: &str, form: Form) -> Interpretation {
        let unit = unit.parse().ok();
        Interpretation { kind, unit, form, ..Interpretation::unclaimed(unit) }
    }

    pub(in crate::ledger) const START: i64 = 1_767_225_600_000;

    /// One of each kind, and registers with and without rating, modulus and resolution, that count both ways
    /// or are sent as binary32.
    fn meters() -> Vec<Interpretation> {
        let register = meter(Kind::Register, "Wh", Form::Instant);
        let rated = Interpretation { rated: Some(1_200_000_000), ..register.clone() };
        let fine = Interpretation { resolution: Decimal::new(1, 0), ..register.clone() };
        let both = |meter: &Interpretation| Interpretation { is_bidirectional: true, ..meter.clone() };
        let float = |meter: &Interpretation| Interpretation { is_binary32: true, ..meter.clone() };
        let modulus = Some(Decimal::new(100, 0));
        vec![
            register.clone(),
            fine.clone(),
            rated.clone(),
            Interpretation { rated: rated.rated, ..fine.clone() },
            Interpretation { modulus, ..rated.clone() },
            Interpretation { modulus, ..register.clone() },
            both(&rated),
            both(&Interpretation { modulus, ..rated.clone() }),
            float(&register),
            float(&rated),
            meter(Kind::Power, "W", Form::Instant),
            meter(Kind::Power, "W", Form::OnChange),
            meter(Kind::Power, "W", Form::IntervalMean),
            meter(Kind::Gauge, "Cel", Form::Instant),
            meter(Kind::Gauge, "Cel", Form::OnChange),
        ]
    }

    /// An instant in or around the time of a series.
    fn instant() -> impl Strategy<Value = Timestamp> {
        prop_oneof![4 => -500_000_i64..4_000_000, 1 => -10_000_000_i64..30_000_000]
            .prop_map(|at| Timestamp(START + at))
    }

    fn joint() -> impl Strategy<Value = Joint> {
        let raw = || prop::option::weighted(0.7, (0_i64..150).prop_map(|value| Decimal::new(value, 0)));
        prop_oneof![
            Just(Joint::Continues),
            (raw(), raw()).prop_map(|(last, first)| Joint::Exchanged { last, first }),
        ]
    }

    /// Epochs that begin anywhere, with other scales, moduli and resolutions.
    fn epochs() -> impl Strategy<Value = Vec<Epoch>> {
        let epoch = (instant(), joint(), 1_i64..4, prop::option::of(80_i64..120), 0_i64..2).prop_map(
            |(from, joint, scale, modulus, resolution)| Epoch {
                from,
                joint,
                unit: None,
                scale: Decimal::new(scale, 0),
                modulus: modulus.map(|modulus| Decimal::new(modulus, 0)),
                resolution: Decimal::new(resolution, 0),
                rated: None,
                is_binary32: false,
            },
        );
        prop::collection::vec(epoch, 0..3).prop_map(|mut epochs| {
            epochs.sort_by_key(|epoch| epoch.from);
            epochs
        })
    }

    fn corrections() -> impl Strategy<Value = Vec<Correction>> {
        let raw = || (0_i64..150).prop_map(|value| Decimal::new(value, 0));
        let held = || 0_i64..1_500_000;
        let amount = || 0_i128..1_000_000_000;
        let one = prop_oneof![
            (instant(), 0_i64..200_000)
                .prop_map(|(from, held)| Correction::Exclude { from, to: Timestamp(from.0 + held) }),
            (instant(), held(), amount()).prop_map(|(from, held, amount)| Correction::Entry {
                from,
                to: Timestamp(from.0 + held),
                amount
            }),
            (instant(), held(), amount()).prop_map(|(from, held, amount)| Correction::Settle {
                from,
                to: Timestamp(from.0 + held),
                amount
            }),
            (instant(), raw(), raw()).prop_map(|(at, last, first)| Correction::Exchange { at, last, first }),
        ];
        prop::collection::vec(one, 0..4)
    }

    /// Any of the meters, in half of the cases with epochs and corrections.
    pub(in crate::ledger) fn any_meter() -> impl Strategy<Value = Interpretation> {
        let changes = prop_oneof![Just((Vec::new(), Vec::new())), (epochs(), corrections()),];
        (0..meters().len(), changes).prop_map(|(meter, (epochs, corrections))| {
            let meter = meters().swap_remove(meter);
            let alike = |epoch| Epoch {
                unit: meter.unit,
                rated: meter.rated,
                is_binary32: meter.is_binary32,
                ..epoch
            };
            let later = epochs.into_iter().map(alike).collect();
            Interpretation { later, corrections, ..meter }
        })
    }

    /// One reading: when, what it shows, whether it is a mean, and what the device says of itself.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::ledger) struct Shown {
        at: i64,
        value: i64,
        is_mean: bool,
        evidence: Option<Evidence>,
    }

    /// Readings that go up, and from time to time down for as long, back, to zero, or far away; with device
    /// evidence of none, some or all of them.
    pub(in crate::ledger) fn series() -> impl Strategy<Value = Vec<Shown>> {
        let run = (0..8_u8, 1..9_usize, 1..20_i64, any::<u8>(), 0..6_u8);
        let told = prop_oneof![2 => Just(0_u8), 1 => Just(1_u8), 1 => Just(2_u8)];
        (prop::collection::vec(run, 1..14), 0..200_000_i64, told).prop_map(|(runs, first, told)| {
            let (mut at, mut value, mut all) = (first, 50_i64, Vec::new());
            let (mut device, mut boots) = (0, 1);
            for (what, length, size, odd, change) in runs {
                match change {
                    0 => device += 1,
                    1 => boots += 1,
                    _ => {}
                }
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
                    let is_silent = told == 0 || (told == 1 && (i + size) % 3 == 0);
                    let serial = Serial::of(&format!("device {device}")).filter(|_| size % 4 != 0);
                    let evidence = if is_silent { None } else { Evidence::of(serial, Some(boots)) };
                    all.push(Shown { at, value: shown, is_mean: odd % 11 == 0, evidence });
                }
                if odd % 5 == 0 {
                    value %= 60;
                }
            }
            all
        })
    }

    pub(in crate::ledger) fn readings(series: &[Shown], meter: &Interpretation) -> Vec<Reading> {
        // Where a binary32's resolution goes from one to two units.
        let offset = if meter.is_binary32 { (1 << 24) - 60 } else { 0 };
        let reading = |shown: &Shown| Reading {
            at: Timestamp(START + shown.at),
            arrived: Timestamp(START + shown.at),
            value: Decimal::new(if shown.value == 0 { 0 } else { offset + shown.value }, 0),
            unit: None,
            interval_ms: shown.is_mean.then_some(90_000),
            quality: Quality::Good,
            intake: None,
            evidence: shown.evidence,
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
        before.steps.sort_by_key(|step| (step.from, step.to));
        (before.minutes, before.steps)
    }

    /// Whatever reading comes last, folding the part it touches gives what folding everything gives.
    fn check(all: &[Reading], late: usize, meter: &Interpretation) -> Result<(), TestCaseError> {
        let mut before = all.to_vec();
        let reading = before.remove(late);
        let countable = fold::countable(all, meter);
        let (part, loaded) = asked(&countable, (reading.at, reading.at), meter);
        let folded = fold(&loaded[part.readings.clone()], meter);
        let (minutes, steps) = replaced(fold(&before, meter), folded, &part);
        let whole = fold(all, meter);
        prop_assert_eq!(steps, whole.steps);
        prop_assert_eq!(minutes, whole.minutes);
        Ok(())
    }

    #[test]
    fn a_slow_fall_and_rise_is_the_same_whichever_reading_comes_last() {
        let meter = &meters()[0];
        let values = [51, 52, 51, 50, 49, 48, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62];
        let mut at = 3_000_000;
        let shown = values.map(|value| {
            at += if matches!(value, 54 | 56) { 3_000_000 } else { 21_000 + value };
            Shown { at, value, is_mean: false, evidence: None }
        });
        for late in 0..values.len() {
            check(&readings(&shown, meter), late, meter).expect("the same");
        }
    }

    fn cases() -> u32 {
        std::env::var("WATTLEDGER_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

        #[test]
        fn a_part_folded_again_is_what_the_whole_would_be(
            all in series(), late in any::<prop::sample::Index>(), meter in any_meter(),
        ) {
            check(&readings(&all, &meter), late.index(all.len()), &meter)?;
        }
    }
}
