//! What must be true once the world is quiet: everything that was made durable is in the ledger or told of as
//! lost, and what is booked is what flowed.

mod delivery;
mod power;
mod register;
mod rules;

use crate::meter::{Kind, Truth};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wattledger_collector::store::read::{Rollup, SeriesReader};
use wattledger_collector::store::{HourRow, Layout, MeterId};
use wattledger_model::decimal::Decimal;
use wattledger_model::minute::{Minute, Step};
use wattledger_model::reading::{Quality, Reading};

fn in_words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What a world came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    /// Readings in the ledger.
    pub readings: u64,
    /// Register meters, and those of them whose every step is decided by what was read.
    pub registers: u64,
    pub decided: u64,
    /// Readings told of as lost, and as thinned.
    pub lost: u64,
    pub thinned: u64,
}

/// A reading that counts: the one that precedence keeps of its instant.
#[derive(Debug, Clone, Copy)]
struct Counted {
    /// As stamped, ms since the epoch.
    at: i64,
    truth: Truth,
}

/// Which of several readings of an instant counts: the best, then the one taken in last.
type Rank = (Quality, u64);

/// What one meter's readings are known by: when they are stamped, and their digits.
type Said = (usize, i64, i64, i8);

fn said(meter: usize, reading: &Reading) -> Said {
    let Decimal { mantissa, exponent } = reading.value.normalized();
    (meter, reading.at.0, mantissa, exponent)
}

/// Judges a world that has come to rest.
pub fn judge(world: &mut World<'_>, dir: &Path) -> Result<Report, String> {
    let mut report = Report::default();
    delivery::judge(world, dir, &mut report)?;
    let (counted, averaged) = counted(world)?;
    let reader = SeriesReader::open(&Layout::new(dir)).map_err(in_words)?;
    for (at, (meter, readings)) in world.meters.iter().zip(&counted).enumerate() {
        let key = meter.key();
        let engine = world.collector.engine().ok_or("the collector is down")?;
        let Some(id) = engine.meters().id(&key) else {
            if readings.is_empty() {
                continue;
            }
            return Err(format!("{key} is not known"));
        };
        report.readings += readings.len() as u64;
        let wrong = |what: String| format!("{}: {what}\n{meter:#?}", meter.name);
        match &meter.kind {
            Kind::Register(register) => {
                let booked = Booked::read(&reader, id).map_err(wrong)?;
                let clock = world.agents[meter.agent].clock_jumped && !meter.stamps;
                let set_back = world.agents[meter.agent].clock_was_set_back && !meter.stamps;
                let clocks = register::Clocks {
                    jumped: clock || meter.clock_jumped(),
                    set_back: set_back || meter.clock_was_set_back(),
                };
                let exchanges = world.exchanges.iter().filter(|(of, _)| *of == at);
                let readings = register::with_exchanges(readings, exchanges.map(|(_, exchange)| exchange));
                report.registers += 1;
                let decided = register::judge(meter, register, clocks, &readings, &booked).map_err(wrong)?;
                report.decided += u64::from(decided);
            }
            // What was thinned to means is judged where it is thinned alone.
            _ if averaged.contains(&at) => {}
            Kind::Power(sampling) => {
                let booked = Booked::read(&reader, id).map_err(wrong)?;
                power::judge(meter, *sampling, readings, &booked).map_err(wrong)?;
            }
            Kind::Gauge => {
                let levels = reader.levels(id).map_err(in_words)?;
                power::judge_gauge(meter, readings, &levels).map_err(wrong)?;
            }
        }
    }
    Ok(report)
}

/// What the ledger says of one summed meter.
struct Booked {
    minutes: Vec<(i64, Minute)>,
    steps: Vec<Step>,
}

impl Booked {
    fn read(reader: &SeriesReader, id: MeterId) -> Result<Booked, String> {
        let minutes = reader.minutes(id).map_err(in_words)?;
        let booked = Booked { minutes, steps: reader.steps(id).map_err(in_words)? };
        booked.check_rollups(&reader.rollups(id, Rollup::Hour).map_err(in_words)?, 60)?;
        booked.check_rollups(&reader.rollups(id, Rollup::Day).map_err(in_words)?, 1_440)?;
        Ok(booked)
    }

    /// Hours and days are the sums of their minutes, and there is one for each that has any.
    fn check_rollups(&self, rollups: &[(i64, HourRow)], minutes: i64) -> Result<(), String> {
        let mut sums: BTreeMap<i64, [(i64, i64); 3]> = BTreeMap::new();
        for (minute, booked) in &self.minutes {
            let sum = sums.entry(minute.div_euclid(minutes)).or_default();
            for (sum, part) in sum.iter_mut().zip(booked.parts) {
                sum.0 += part.amount;
                sum.1 += i64::from(part.ms);
            }
        }
        for (at, row) in rollups {
            let sum = sums.remove(at).unwrap_or_default();
            if row.parts != sum {
                return Err(format!(
                    "the rollup of {at} ({minutes} min) is {:?}, its minutes {sum:?}",
                    row.parts
                ));
            }
        }
        if sums.is_empty() { Ok(()) } else { Err(format!("no rollups of {:?} ({minutes} min)", sums.keys())) }
    }

    /// The amount and time of each provenance.
    fn totals(&self) -> [(i128, i64); 3] {
        let mut totals = [(0, 0); 3];
        for (_, minute) in &self.minutes {
            for (total, part) in totals.iter_mut().zip(minute.parts) {
                total.0 += i128::from(part.amount);
                total.1 += i64::from(part.ms);
            }
        }
        totals
    }
}

/// What counts of each meter: of several readings of an instant the one taken in last, and none that is more
/// than five minutes ahead of its agent's clock.
/// Beside it the meters of which an agent has sent means of its own.
fn counted(world: &mut World<'_>) -> Result<(Vec<Vec<Counted>>, BTreeSet<usize>), String> {
    let mut averaged = BTreeSet::new();
    let mut truths: BTreeMap<Said, Truth> = BTreeMap::new();
    let numbers: BTreeMap<String, usize> =
        world.meters.iter().enumerate().map(|(at, meter)| (meter.name.clone(), at)).collect();
    let mut winners: Vec<BTreeMap<i64, (Rank, Said)>> = vec![BTreeMap::new(); world.meters.len()];
    let (mut admitted, mut skewed) = (0, 0);
    for agent in &world.agents {
        for (meter, reading, truth) in &agent.mapped {
            truths.insert(said(numbers[meter], reading), *truth);
        }
        let committed = delivery::committed(&mut world.collector, agent)?;
        for kept in committed.iter().filter_map(|sequence| agent.kept.get(sequence)) {
            for (position, reading) in &kept.batch.readings {
                if reading.skew_ms() > 300_000 {
                    skewed += 1;
                    continue;
                }
                admitted += 1;
                let meter = numbers[kept.batch.meters[*position as usize].as_str()];
                if reading.interval_ms.is_some() {
                    averaged.insert(meter);
                    continue;
                }
                let number = (reading.quality, reading.intake.map_or(0, |intake| intake.number));
                let winner = winners[meter].entry(reading.at.0).or_insert((number, said(meter, reading)));
                if winner.0 <= number {
                    *winner = (number, said(meter, reading));
                }
            }
        }
    }
    delivery::check_counts(&mut world.collector, admitted, skewed)?;
    let truth_of = |(at, (_, said)): (i64, (Rank, Said))| match truths.get(&said) {
        Some(truth) => Ok(Counted { at, truth: *truth }),
        None => Err(format!("nobody ever said {said:?}")),
    };
    let counted: Result<_, String> =
        winners.into_iter().map(|of_meter| of_meter.into_iter().map(truth_of).collect()).collect();
    Ok((counted?, averaged))
}
