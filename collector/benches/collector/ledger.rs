//! The ledger's pure core: readings are merged by instant, what they touch is found and folded again.
//! No store, no journal, one thread; in processor time.

use crate::hall::{DAY_MS, QUARTER_HOUR_MS, Register, START, kwh, reading};
use crate::measure::{Bar, Row, by_turns, processor_time};
use std::collections::BTreeMap;
use std::time::Duration;
use wattledger_collector::engine::merge;
use wattledger_collector::ledger::context::{Ends, Needed, needed};
use wattledger_collector::ledger::fold::{Minutes, fold};
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::Kind;
use wattledger_model::reading::Reading;
use wattledger_model::time::Timestamp;

const METERS: usize = 10;
/// Of each meter, every ten seconds: nearly six days.
const READINGS: usize = 50_000;
/// Readings of one meter that a flush finds: half a second of a million a second over a thousand meters.
const FLUSH: usize = 500;
const ROUNDS: usize = 5;

/// Of which a rating, a resolution and a scale make every step's class a question.
fn interpretation() -> Interpretation {
    Interpretation {
        kind: Kind::Register,
        unit: Some(kwh()),
        scale: Decimal::new(40, 0),
        resolution: Decimal::new(1, -2),
        rated: Some(400_000_000_000_000),
        nominal_interval_ms: 10_000,
        ..Interpretation::unclaimed(Some(kwh()))
    }
}

fn series(meter: usize) -> Vec<Reading> {
    let mut register = Register::new(meter, 28);
    (0..READINGS).map(|i| reading(START + i as i64 * 10_000, register.next(), i as u64)).collect()
}

/// A small generator, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// One in ten comes up to six hours late.
fn late(readings: &[Reading]) -> Vec<Reading> {
    let mut dice = Dice(3);
    let mut keyed: Vec<(usize, Reading)> = readings
        .iter()
        .enumerate()
        .map(|(i, reading)| (if dice.below(10) == 0 { i + dice.below(2_160) } else { i }, *reading))
        .collect();
    keyed.sort_by_key(|(when, _)| *when);
    keyed.into_iter().map(|(_, reading)| reading).collect()
}

fn shuffled(readings: &[Reading]) -> Vec<Reading> {
    let (mut dice, mut all) = (Dice(5), readings.to_vec());
    for last in (1..all.len()).rev() {
        all.swap(last, dice.below(last + 1));
    }
    all
}

/// One meter's readings by day, as the store has them.
#[derive(Default)]
struct Series {
    days: BTreeMap<i64, Vec<Reading>>,
    /// Minutes folded, those folded again too.
    minutes: usize,
}

impl Series {
    /// Takes new readings in and folds what they touch.
    fn take(&mut self, new: &[Reading], meter: &Interpretation) {
        let day = |reading: &Reading| reading.at.0.div_euclid(DAY_MS);
        let mut by_day: BTreeMap<i64, Vec<Reading>> = BTreeMap::new();
        for reading in new {
            by_day.entry(day(reading)).or_default().push(*reading);
        }
        for (day, readings) in by_day {
            let there = self.days.entry(day).or_default();
            let in_order = readings.windows(2).all(|pair| pair[0].at < pair[1].at);
            if in_order && there.last().is_none_or(|last| last.at < readings[0].at) {
                there.extend(readings);
            } else {
                *there = merge(std::mem::take(there), readings);
            }
        }
        let instants = || new.iter().map(|reading| reading.at);
        let (Some(first), Some(last)) = (instants().min(), instants().max()) else { return };
        self.fold((first, last), meter);
    }

    fn fold(&mut self, changed: (Timestamp, Timestamp), meter: &Interpretation) {
        let (mut from, mut to) = (changed.0.0.div_euclid(DAY_MS), changed.1.0.div_euclid(DAY_MS));
        loop {
            let loaded: Vec<Reading> = self.days.range(from..=to).flat_map(|(_, day)| day).copied().collect();
            let ends = Ends {
                first: self.days.range(..from).next().is_none(),
                last: self.days.range(to + 1..).next().is_none(),
            };
            match needed(&loaded, changed, ends, meter) {
                Needed::Earlier => from -= 1,
                Needed::Later => to += 1,
                Needed::Enough(part) => {
                    let mut folded = fold(&loaded[part.readings], meter);
                    folded.clip(part.minutes, part.steps_from, part.steps_to);
                    if let Minutes::Sums(minutes) = &folded.minutes {
                        self.minutes += minutes.len();
                    }
                    return;
                }
            }
        }
    }
}

/// Time to take all meters' readings in, so many of one meter at a time.
fn taken(all: &[Vec<Reading>], flush: usize) -> Duration {
    let meter = interpretation();
    let start = processor_time();
    for readings in all {
        let mut series = Series::default();
        readings.chunks(flush).for_each(|some| series.take(some, &meter));
        assert!(series.minutes >= READINGS / 6, "every minute is folded");
    }
    processor_time() - start
}

/// Time to fold what is sorted already, all at once.
fn folded(all: &[Vec<Reading>]) -> Duration {
    let meter = interpretation();
    let start = processor_time();
    for readings in all {
        let folded = fold(readings, &meter);
        assert!(matches!(folded.minutes, Minutes::Sums(minutes) if minutes.len() >= READINGS / 6));
    }
    processor_time() - start
}

/// Quarter-hour readings, of which each books fifteen minutes.
fn quarter_hours() -> Vec<Vec<Reading>> {
    let series = |meter| {
        let mut register = Register::new(meter, 2_500);
        let reading = |i| reading(START + i as i64 * QUARTER_HOUR_MS, register.next(), i as u64);
        (0..READINGS / 10).map(reading).collect()
    };
    (0..METERS).map(series).collect()
}

pub(crate) fn rows() -> Vec<Row> {
    let in_order: Vec<Vec<Reading>> = (0..METERS).map(series).collect();
    let late: Vec<Vec<Reading>> = in_order.iter().map(|readings| late(readings)).collect();
    let shuffled: Vec<Vec<Reading>> = in_order.iter().map(|readings| shuffled(readings)).collect();
    let quarter_hours = quarter_hours();
    let times = by_turns(
        ROUNDS,
        &mut [
            Box::new(|| folded(&in_order)),
            Box::new(|| taken(&in_order, FLUSH)),
            Box::new(|| taken(&late, FLUSH)),
            Box::new(|| taken(&shuffled, READINGS)),
            Box::new(|| taken(&shuffled, READINGS / 10)),
            Box::new(|| folded(&quarter_hours)),
        ],
    );
    let rate = |time: Duration, readings: usize| readings as f64 / time.as_secs_f64();
    let all = METERS * READINGS;
    let bar = Bar::AtLeast(5e6);
    let quarters = METERS * READINGS / 10;
    vec![
        Row::new("sorted, folded at once", rate(times[0], all), "readings/s", bar),
        Row::new(format!("in order, {FLUSH} a meter and flush"), rate(times[1], all), "readings/s", bar),
        Row::new(
            format!("10 % up to 6 h late, {FLUSH} a meter and flush"),
            rate(times[2], all),
            "readings/s",
            bar,
        ),
        Row::new("fully shuffled, six days in one flush", rate(times[3], all), "readings/s", bar),
        Row::new("fully shuffled, six days in ten flushes", rate(times[4], all), "readings/s", Bar::None),
        Row::new("quarter-hour readings, folded at once", rate(times[5], quarters), "readings/s", Bar::None),
        Row::new("the same, in minutes booked", rate(times[5], quarters * 15), "minutes/s", Bar::None),
    ]
}
