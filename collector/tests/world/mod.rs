//! What the tests of changes by operators share: one agent, one hall, and readings in it.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use wattledger_collector::audit::Who;
use wattledger_collector::engine::{Arrival, By, Engine, EngineConfig};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::store::{Layout, MeterId};
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Kind, MeterKey};
use wattledger_model::reading::{Incarnation, Intake, Quality, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

/// 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600_000;
pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 86_400_000;

pub fn at(minute: i64) -> Timestamp {
    Timestamp(START + minute * MINUTE_MS)
}

pub fn agent() -> AgentKey {
    AgentKey { site: "hall".parse().expect("name"), agent: "a".parse().expect("name") }
}

pub fn key(meter: &str) -> MeterKey {
    MeterKey { site: "hall".parse().expect("name"), meter: meter.parse().expect("name") }
}

pub fn incarnation() -> Incarnation {
    Incarnation { started: Timestamp(START), id: 9 }
}

pub fn register() -> Interpretation {
    let unit = "kWh".parse().ok();
    Interpretation { kind: Kind::Register, unit, ..Interpretation::unclaimed(unit) }
}

pub fn config(dir: &Path, kept_days: i64) -> EngineConfig {
    EngineConfig {
        layout: Layout::new(dir),
        raw_kept_ms: kept_days * DAY_MS,
        meters: BTreeMap::from([(key("main"), register()), (key("other"), register())]),
    }
}

pub fn open(dir: &TempDir) -> Engine {
    Engine::open(config(dir.path(), 400)).expect("opens")
}

/// A reading of a register that counts `value` tenths of a kWh.
pub fn reading(minute: i64, value: i64) -> Reading {
    Reading {
        at: at(minute),
        arrived: at(minute),
        value: Decimal::new(value, -1),
        unit: "kWh".parse().ok(),
        interval_ms: None,
        quality: Quality::Good,
        intake: Some(Intake { incarnation: incarnation(), number: minute.unsigned_abs() }),
        evidence: None,
    }
}

/// Readings every minute of `[from, to)` minutes after the start.
pub fn steady(from: i64, to: i64) -> Vec<Reading> {
    (from..to).map(|minute| reading(minute, 100_000 + minute * 7)).collect()
}

pub fn batch(sequence: u64, meter: &str, readings: Vec<Reading>) -> Arrival {
    let batch = Batch {
        agent: agent(),
        incarnation: incarnation(),
        sequence,
        meters: vec![meter.parse().expect("name")],
        readings: readings.into_iter().map(|reading| (0, reading)).collect(),
        refused: Vec::new(),
        losses: Vec::new(),
        lineage: Lineage::default(),
    };
    Arrival { agent: agent(), form: PayloadForm::Batch, payload: wire::encode_batch(&batch) }
}

pub fn meter(engine: &Engine, name: &str) -> MeterId {
    engine.meters().id(&key(name)).expect("the meter is known")
}

/// Somebody with a reason.
pub fn eva() -> Who {
    Who::user(Some(4_294_900_001))
}

pub fn by(who: &Who, now: Timestamp) -> By<'_> {
    By { who, reason: "the display was photographed", now }
}
