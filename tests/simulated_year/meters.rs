//! What the hall's meters show and when.

use crate::world::{Flow, SILENT, World, at};
use wattledger_model::decimal::Decimal;
use wattledger_model::name::Name;
use wattledger_model::reading::{Quality, Reading};
use wattledger_model::time::Timestamp;

const MINUTE_MS: i64 = 60_000;
pub(crate) const OUTDOOR: &str = "outdoor-temperature";

/// A register, in steps of 0.1 kWh.
pub(crate) struct Register {
    pub(crate) name: &'static str,
    pub(crate) flow: Flow,
    /// What it showed when the world began, kWh.
    first: i64,
    /// Minutes between two readings; in the year before a quarter of an hour for all.
    every: i64,
}

const fn register(name: &'static str, flow: Flow, first: i64, every: i64) -> Register {
    Register { name, flow, first, every }
}

pub(crate) const REGISTERS: [Register; 13] = [
    register("main-a", Flow::MainA, 41_206_118, 5),
    register("main-b", Flow::MainB, 38_790_402, 5),
    register("ups-in-1", Flow::UpsIn1, 24_118_630, 15),
    register("ups-in-2", Flow::UpsIn2, 20_907_351, 15),
    register("ups-1", Flow::Ups1, 9_120_665, 5),
    register("ups-2", Flow::Ups2, 8_034_219, 5),
    register("rows-3", Flow::Rows3, 4_820_531, 15),
    register("rows-4", Flow::Rows4, 3_213_688, 15),
    register("chiller-1", Flow::Chiller1, 3_300_871, 5),
    register("chiller-2", Flow::Chiller2, 904_310, 5),
    register("pumps", Flow::Pumps, 840_551, 5),
    register("air-handlers", Flow::AirHandlers, 2_207_733, 15),
    register("lighting", Flow::Lighting, 377_120, 15),
];

impl Register {
    fn shows(&self, world: &World, now: i64) -> Decimal {
        Decimal::new(self.first * 10 + world.by(self.flow, now) / 100, -1)
    }

    fn is_silent(&self, now: i64) -> bool {
        self.flow == Flow::Ups2 && (at(SILENT[0])..at(SILENT[1])).contains(&now)
    }
}

/// All readings in `[from, to)`, in the order of time. `from` is a full quarter of an hour.
pub(crate) fn readings(world: &World, from: i64, to: i64, seldom: bool) -> Vec<(Name, Reading)> {
    let mut all = Vec::new();
    for register in &REGISTERS {
        let every = if seldom { 15 } else { register.every };
        for now in (from..to).step_by((every * MINUTE_MS) as usize).filter(|now| !register.is_silent(*now)) {
            all.push((name(register.name), reading(now, register.shows(world, now), "kWh")));
        }
    }
    for now in (from..to).step_by((15 * MINUTE_MS) as usize) {
        all.push((name(OUTDOOR), reading(now, Decimal::new(world.outdoor(now), -1), "°C")));
    }
    all.sort_by_key(|(_, reading)| reading.at);
    all
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn reading(now: i64, value: Decimal, unit: &str) -> Reading {
    Reading {
        at: Timestamp(now),
        arrived: Timestamp(now),
        value,
        unit: unit.parse().ok(),
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    }
}
