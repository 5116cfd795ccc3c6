//! Invariant 1: the ledger is a function of the set of readings. Whatever the order, the duplicates, the
//! batches, the flushes, the restarts: the digest is the same, and `rebuild` finds nothing to change.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::path::Path;
use wattledger_collector::engine::{Arrival, Engine, EngineConfig};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::ledger::interpret::{Epoch, Interpretation, Joint};
use wattledger_collector::store::{self, Layout, digest};
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Form, Kind, MeterKey};
use wattledger_model::reading::{Evidence, Incarnation, Intake, Quality, Reading, Serial};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;
use wattledger_model::wire;

const START: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;

fn agent() -> AgentKey {
    AgentKey { site: "hall".parse().expect("name"), agent: "a".parse().expect("name") }
}

fn key(meter: &str) -> MeterKey {
    MeterKey { site: "hall".parse().expect("name"), meter: meter.parse().expect("name") }
}

fn config(dir: &Path) -> EngineConfig {
    let unit = |text: &str| Some(text.parse::<Unit>().expect(text));
    let base = Interpretation::unclaimed(None);
    let register = Interpretation { kind: Kind::Register, unit: unit("kWh"), ..base.clone() };
    let rated = Interpretation {
        modulus: Some(Decimal::new(100_000, 0)),
        resolution: Decimal::new(1, -1),
        rated: Some(400_000_000_000),
        nominal_interval_ms: 900_000,
        ..register.clone()
    };
    let (epochs, corrected) = with_history(&rated);
    let meters = BTreeMap::from([
        (key("epochs"), epochs),
        (key("corrected"), corrected),
        (key("told"), rated.clone()),
        (key("float"), Interpretation { is_binary32: true, ..rated.clone() }),
        (key("both"), Interpretation { is_bidirectional: true, ..rated.clone() }),
        (key("rated"), rated),
        (key("plain"), Interpretation { nominal_interval_ms: 900_000, ..register }),
        (
            key("power"),
            Interpretation {
                kind: Kind::Power,
                unit: unit("kW"),
                nominal_interval_ms: 900_000,
                ..base.clone()
            },
        ),
        (
            key("held"),
            Interpretation {
                kind: Kind::Power,
                unit: unit("W"),
                form: Form::OnChange,
                nominal_interval_ms: 3_600_000,
                ..base.clone()
            },
        ),
        (
            key("mean"),
            Interpretation {
                kind: Kind::Power,
                unit: unit("kW"),
                form: Form::IntervalMean,
                nominal_interval_ms: 900_000,
                ..base.clone()
            },
        ),
        (
            key("gauge"),
            Interpretation { kind: Kind::Gauge, unit: unit("Cel"), nominal_interval_ms: 900_000, ..base },
        ),
    ]);
    EngineConfig { layout: Layout::new(dir), raw_kept_ms: 400 * DAY_MS, meters }
}

/// The same register with epochs that go on and exchanges with and without signed-off registers; and with
/// everything that operators enter, near the readings and far from them.
fn with_history(register: &Interpretation) -> (Interpretation, Interpretation) {
    let day = |days: i64| Timestamp(START + days * DAY_MS + 12_345);
    let epoch = |from, scale, joint| Epoch {
        from,
        joint,
        unit: register.unit,
        scale: Decimal::new(scale, 0),
        modulus: register.modulus,
        resolution: register.resolution,
        rated: register.rated,
        is_binary32: false,
    };
    let raw = |value| Some(Decimal::new(value, -1));
    let epochs = vec![
        epoch(day(3), 2, Joint::Continues),
        epoch(day(20), 2, Joint::Exchanged { last: raw(1_000_000), first: raw(5) }),
        epoch(day(40), 1, Joint::Exchanged { last: raw(700), first: None }),
    ];
    let kwh = |kwh: i128| kwh * 1_000_000_000;
    let corrections = vec![
        Correction::Exclude { from: day(10), to: day(11) },
        Correction::Entry { from: day(2), to: day(30), amount: kwh(1_000) },
        Correction::Entry { from: day(29), to: day(33), amount: kwh(7) },
        Correction::Entry { from: day(-20), to: day(-19), amount: kwh(10) },
        Correction::Entry { from: day(150), to: day(151), amount: kwh(10) },
        Correction::Settle { from: day(5), to: day(25), amount: kwh(300) },
        Correction::Exchange { at: day(15), last: Decimal::new(99_900, 0), first: Decimal::ZERO },
    ];
    (Interpretation { later: epochs, ..register.clone() }, Interpretation { corrections, ..register.clone() })
}

const METERS: [(&str, &str); 12] = [
    ("rated", "kWh"),
    ("plain", "kWh"),
    ("power", "kW"),
    ("held", "W"),
    ("mean", "kW"),
    ("gauge", "Cel"),
    ("unclaimed", "Wh"),
    ("epochs", "kWh"),
    ("corrected", "kWh"),
    ("told", "kWh"),
    ("float", "kWh"),
    ("both", "kWh"),
];

/// A small generator of its own, so that months of readings cost proptest nothing to shrink.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Months of readings every quarter of an hour or so, with gaps, falls, spikes, zeros, rollovers, readings
/// a little back, failed reads in a row, slow falls that rise as slowly, conflicting ones and units that do not fit or are absent.
fn world(seed: u64, days: i64) -> Vec<(usize, Reading)> {
    let mut dice = Dice(seed | 1);
    let mut all = Vec::new();
    let mut number = 0;
    for (meter, (name, unit)) in METERS.iter().enumerate() {
        let mut at = START + dice.roll(900_000) as i64;
        let mut register = 990_000_i64 + dice.roll(5_000) as i64;
        let mut bend: Vec<i64> = Vec::new();
        let mut failing = 0;
        let (mut device, mut boots) = (0, 0);
        while at < START + days * DAY_MS {
            at += match dice.roll(60) {
                0 => dice.roll(5 * DAY_MS as u64) as i64,
                1..=4 => 1 + dice.roll(50_000) as i64,
                _ => 880_000 + dice.roll(40_000) as i64,
            };
            register += bend.pop().unwrap_or_else(|| dice.roll(600) as i64);
            failing = match dice.roll(40) {
                0 => 1 + dice.roll(5),
                _ => failing.saturating_sub(1),
            };
            let shown = match dice.roll(80) {
                _ if failing > 0 => dice.roll(3) as i64,
                0 => 0,
                1 => register + 50_000_000,
                2 => register - 2,
                3 => {
                    register = dice.roll(50) as i64;
                    register
                }
                4 if bend.is_empty() => {
                    let length = 1 + dice.roll(30) as usize;
                    bend = [vec![3; length], vec![-3; length]].concat();
                    register
                }
                _ => register,
            };
            if *unit == "kWh" && register > 1_000_000 {
                register -= 1_000_000;
            }
            device += u32::from(dice.roll(300) == 0);
            boots += u32::from(dice.roll(60) == 0);
            let says = *name == "told" && dice.roll(6) > 0;
            let serial = Serial::of(&format!("device {device}")).filter(|_| says);
            let mut reading = Reading {
                at: Timestamp(at),
                arrived: Timestamp(at + dice.roll(5_000) as i64),
                value: Decimal::new(shown, -1),
                unit: match dice.roll(200) {
                    0 => "%".parse().ok(),
                    1 => None,
                    _ => unit.parse().ok(),
                },
                interval_ms: (dice.roll(40) == 0).then(|| 60_000 + dice.roll(3_600_000) as u32),
                quality: if dice.roll(50) == 0 { Quality::Suspect } else { Quality::Good },
                intake: None,
                evidence: Evidence::of(serial, says.then_some(boots)),
            };
            let copies = if dice.roll(25) == 0 { 2 } else { 1 };
            for _ in 0..copies {
                let incarnation = Incarnation { started: Timestamp(START), id: dice.roll(2) };
                reading.intake = (dice.roll(30) > 0).then_some(Intake { incarnation, number });
                number += 1;
                all.push((meter, reading));
                reading.value.mantissa += 1;
            }
        }
    }
    all
}

/// Sends readings in batches of random size and lets flushes, compactions and restarts happen in between.
fn run(readings: &[(usize, Reading)], dice: &mut Dice, calm: bool) -> (String, u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = Engine::open(config(dir.path())).expect("opens");
    let now = Timestamp(START + 390 * DAY_MS);
    let mut rest = readings;
    let mut sequence = 0;
    while !rest.is_empty() {
        let size = if calm { rest.len().min(50_000) } else { (1 + dice.roll(900) as usize).min(rest.len()) };
        let (now_sent, later) = rest.split_at(size);
        rest = later;
        let batch = Batch {
            agent: agent(),
            incarnation: Incarnation { started: Timestamp(START), id: 7 },
            sequence,
            meters: METERS.iter().map(|(name, _)| name.parse().expect("name")).collect(),
            readings: now_sent.iter().map(|(meter, reading)| (*meter as u32, *reading)).collect(),
            refused: Vec::new(),
            losses: Vec::new(),
            lineage: Lineage::default(),
        };
        sequence += 1;
        let arrival =
            Arrival { agent: agent(), form: PayloadForm::Batch, payload: wire::encode_batch(&batch) };
        let again = !calm && dice.roll(4) == 0;
        let arrivals = if again { vec![arrival.clone(), arrival] } else { vec![arrival] };
        engine.take(&arrivals, now).expect("taken");
        if calm {
            continue;
        }
        match dice.roll(12) {
            0..=3 => drop(engine.flush().expect("flushed")),
            4 => drop(engine.compact().expect("compacted")),
            5 => {
                // As after a kill: nothing was flushed on the way out.
                drop(engine);
                engine = Engine::open(config(dir.path())).expect("opens again");
            }
            _ => {}
        }
    }
    let digest = engine.digest().expect("digest");
    let reader = store::open_reader(&Layout::new(dir.path())).expect("opens");
    assert_eq!(
        digest::afresh(&reader, None).expect("read"),
        digest,
        "digests of days are those of their minutes"
    );
    let rebuilt = engine.rebuild().expect("rebuilt");
    assert_eq!(rebuilt.changed_hours, 0, "a rebuild finds the ledger as it is");
    assert_eq!(engine.digest().expect("digest").hex, digest.hex);
    (digest.hex, digest.minutes)
}

#[test]
fn any_order_duplication_and_batching_gives_the_same_digest() {
    let cases = std::env::var("WATTLEDGER_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 8,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (any::<u64>(), any::<u64>(), 5_i64..100);
    let outcome = runner.run(&strategy, |(seed, order, days)| {
        let mut readings = world(seed, days);
        let (calm, minutes) = run(&readings, &mut Dice(1), true);
        prop_assert!(minutes > 0);
        let mut dice = Dice(order | 1);
        // Some runs only swap neighbours, as late data does; others shuffle everything.
        let reach = if dice.roll(2) == 0 { 40 } else { readings.len() as u64 };
        for at in (1..readings.len()).rev() {
            let other = at - (dice.roll(reach.min(at as u64 + 1)) as usize).min(at);
            readings.swap(at, other);
        }
        let repeated = dice.roll(readings.len() as u64) as usize;
        let copies: Vec<_> = readings[..repeated.min(2_000)].to_vec();
        readings.extend(copies);
        let (wild, _) = run(&readings, &mut dice, false);
        prop_assert_eq!(calm, wild, "seed {} order {} days {}", seed, order, days);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
