//! One bad thing harms only itself: what a wrong clock, a wrong number or a forgotten unit must not do to
//! the rest of the ledger, to the next start, or to memory.

use std::collections::BTreeMap;
use std::path::Path;
use wattledger_collector::engine::{Arrival, Engine, EngineConfig};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::store::Layout;
use wattledger_model::batch::{AgentKey, Batch, Lineage, Loss, LossCause};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Kind, MeterKey};
use wattledger_model::reading::{Cause, Incarnation, Quality, Reading, Refused};
use wattledger_model::time::{Interval, Minute, Timestamp};
use wattledger_model::wire;

const START: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

fn agent() -> AgentKey {
    AgentKey { site: "hall".parse().expect("name"), agent: "a".parse().expect("name") }
}

fn register() -> Interpretation {
    let unit = "kWh".parse().ok();
    Interpretation { kind: Kind::Register, unit, ..Interpretation::unclaimed(unit) }
}

fn open(dir: &Path, configured: Option<Interpretation>) -> Engine {
    let key = MeterKey { site: "hall".parse().expect("name"), meter: "main".parse().expect("name") };
    let meters: BTreeMap<_, _> = configured.map(|read| (key, read)).into_iter().collect();
    Engine::open(EngineConfig { layout: Layout::new(dir), raw_kept_ms: 400 * DAY_MS, meters }).expect("opens")
}

fn reading(at: i64, value: i64) -> Reading {
    let at = Timestamp(at);
    Reading {
        at,
        arrived: at,
        value: Decimal::new(value, 0),
        unit: "kWh".parse().ok(),
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    }
}

fn batch(sequence: u64, readings: Vec<Reading>) -> Batch {
    Batch {
        agent: agent(),
        incarnation: Incarnation { started: Timestamp(START), id: 9 },
        sequence,
        meters: vec!["main".parse().expect("name")],
        readings: readings.into_iter().map(|reading| (0, reading)).collect(),
        refused: Vec::new(),
        losses: Vec::new(),
        lineage: Lineage::default(),
    }
}

fn take(engine: &mut Engine, batch: &Batch, now: i64) {
    let payload = wire::encode_batch(batch);
    let arrival = Arrival { agent: agent(), form: PayloadForm::Batch, payload };
    engine.take(&[arrival], Timestamp(now)).expect("taken");
}

fn hourly(from: i64, hours: i64) -> Vec<Reading> {
    (0..hours).map(|hour| reading(from + hour * HOUR_MS, 1_000 + (from - START) / HOUR_MS + hour)).collect()
}

#[test]
fn a_reading_without_unit_leaves_the_ledger_of_an_unclaimed_meter_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(dir.path(), None);
    take(&mut engine, &batch(0, hourly(START, 48)), START + 3 * DAY_MS);
    let before = engine.digest().expect("digest");
    let bare = Reading { unit: None, ..reading(START + 9 * DAY_MS, 5) };
    take(&mut engine, &batch(1, vec![bare]), START + 10 * DAY_MS);
    assert_eq!(engine.digest().expect("digest"), before);
}

#[test]
fn what_was_made_of_forgotten_readings_stays() {
    for (every_hours, count) in [(1, 24 * 60), (24 * 7, 60)] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut engine = open(dir.path(), Some(register()));
        let all: Vec<Reading> =
            (0..count).map(|i| reading(START + i * every_hours * HOUR_MS, 10 * i)).collect();
        for (sequence, some) in all.chunks(100).enumerate() {
            let now = some[some.len() - 1].at.0;
            take(&mut engine, &batch(sequence as u64, some.to_vec()), now);
            engine.compact().expect("compacted");
        }
        let end = all[all.len() - 1].at.0;
        let edge = START + (end - START) / 2;
        // Up to the last reading before the day of the edge; raw before that is not all there any more. A step that
        // ends at the edge has both of its readings, and follows them.
        let steps = ((edge - START) / DAY_MS * DAY_MS - 1) / (every_hours * HOUR_MS);
        let kept = Timestamp(START + steps * every_hours * HOUR_MS).minute();
        let old = Some(Interval::new(Timestamp(START).minute(), kept));
        let before = engine.digest_of(old).expect("digest");
        assert!(engine.forget_raw_before(Timestamp(edge)).expect("forgotten") > 0);
        take(&mut engine, &batch(1_000, vec![reading(end + every_hours * HOUR_MS, 10 * count)]), end);
        engine.flush().expect("flushed");
        assert_eq!(engine.digest_of(old).expect("digest"), before, "by a new reading, every {every_hours} h");
        let all = engine.digest().expect("digest");
        engine.rebuild().expect("rebuilt");
        assert_eq!(engine.digest_of(old).expect("digest"), before, "by a rebuild, every {every_hours} h");
        assert_eq!(engine.digest().expect("digest"), all, "every {every_hours} h");
        let late = reading(START + DAY_MS + 7_000, 1);
        take(&mut engine, &batch(1_001, vec![late]), START + 2 * DAY_MS);
        assert_eq!(engine.digest().expect("digest"), all, "raw for its time is gone: it is too late");
        drop(engine);
        let scaled = Interpretation { scale: Decimal::new(2, 0), ..register() };
        let mut engine = open(dir.path(), Some(scaled));
        assert_eq!(engine.digest_of(old).expect("digest"), before, "by a new scale, every {every_hours} h");
    }
}

#[test]
fn numbers_of_an_agent_that_cannot_be_do_not_stop_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(dir.path(), Some(register()));
    let mut bad = batch(0, hourly(START, 2));
    bad.readings[1].1.arrived = Timestamp(i64::MIN);
    let (from, to) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let loss = Loss { from, to, readings: i64::MAX as u64, meter: None, cause: LossCause::Dropped };
    bad.losses = vec![loss.clone(), loss.clone(), Loss { readings: u64::MAX, ..loss }];
    let refused = Refused {
        at: Timestamp(i64::MIN),
        cause: Cause::Payload,
        origin: "x".to_owned(),
        meter: None,
        detail: String::new(),
        sample: Vec::new(),
        count: u64::MAX,
    };
    bad.refused = vec![refused.clone(), refused];
    take(&mut engine, &bad, START + DAY_MS);
    engine.compact().expect("compacted");
    drop(engine);
    let engine = open(dir.path(), Some(register()));
    assert!(engine.tally().lost_readings() > 0);
}

#[test]
fn a_clock_decades_ahead_books_no_decades() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(dir.path(), Some(register()));
    let mut readings = hourly(START, 3);
    readings.push(reading(START + 60 * 365 * DAY_MS, 2_000));
    take(&mut engine, &batch(0, readings), START + DAY_MS);
    let digest = engine.digest().expect("digest");
    assert!(digest.minutes < 1_000, "{} minutes", digest.minutes);
}

#[test]
fn a_meter_that_is_no_longer_claimed_is_read_as_if_it_never_had_been() {
    let (was, never) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let one = batch(0, hourly(START, 48));
    let mut engine = open(was.path(), Some(register()));
    take(&mut engine, &one, START + 3 * DAY_MS);
    engine.compact().expect("compacted");
    drop(engine);
    let mut engine = open(was.path(), None);
    let mut fresh = open(never.path(), None);
    take(&mut fresh, &one, START + 3 * DAY_MS);
    assert_eq!(engine.digest().expect("digest"), fresh.digest().expect("digest"));
}

#[test]
fn nonsense_inside_a_minute_is_never_negative() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(dir.path(), Some(register()));
    let readings = (0..6).map(|i| reading(START + i * 1_000, i * 2_000_000_000)).collect();
    take(&mut engine, &batch(0, readings), START + DAY_MS);
    engine.compact().expect("compacted");
    drop(engine);
    let store = wattledger_collector::store::open_reader(&Layout::new(dir.path())).expect("opens");
    let sum: i64 = store.query_row("SELECT min(measured) FROM hour", [], |row| row.get(0)).expect("one hour");
    assert!(sum > 0, "{sum}");
    assert!(Minute(0) < Timestamp(START).minute());
}

fn corrected(corrections: Vec<Correction>) -> Interpretation {
    Interpretation { corrections, ..register() }
}

fn entry(from: i64, to: i64) -> Correction {
    let (from, to) = (Timestamp(START + from), Timestamp(START + to));
    Correction::Entry { from, to, amount: 5_000_000_000 }
}

/// What is estimated in all hours, µWh.
fn estimated(dir: &Path) -> i64 {
    let store = wattledger_collector::store::open_reader(&Layout::new(dir)).expect("opens");
    store.query_row("SELECT coalesce(sum(estimated), 0) FROM hour", [], |row| row.get(0)).expect("a sum")
}

#[test]
fn what_was_entered_far_from_all_readings_is_booked_once_and_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let entries = vec![entry(-30 * DAY_MS, -29 * DAY_MS), entry(60 * DAY_MS, 61 * DAY_MS + 7)];
    let mut engine = open(dir.path(), Some(corrected(entries.clone())));
    engine.flush().expect("flushed");
    assert_eq!(estimated(dir.path()), 10_000_000_000, "though nothing was ever heard");
    for day in 0..10 {
        // The last days first.
        take(&mut engine, &batch(day, hourly(START + (9 - day as i64) * DAY_MS, 24)), START + 20 * DAY_MS);
        engine.compact().expect("compacted");
        assert_eq!(estimated(dir.path()), 10_000_000_000, "after {day} days");
    }
    let before = engine.digest().expect("digest");
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    drop(engine);
    let mut reversed = open(dir.path(), Some(corrected(entries.into_iter().rev().collect())));
    assert_eq!(reversed.digest().expect("digest"), before, "in any order");
    drop(reversed);
    drop(open(dir.path(), Some(register())));
    assert_eq!(estimated(dir.path()), 0, "withdrawn");
}

#[test]
fn an_entry_is_spread_anew_when_a_late_reading_comes_into_its_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let gap = entry(DAY_MS - HOUR_MS, 3 * DAY_MS);
    let settle = Correction::Settle {
        from: Timestamp(START),
        to: Timestamp(START + 9 * DAY_MS),
        amount: 1_000_000_000,
    };
    let mut engine = open(dir.path(), Some(corrected(vec![gap, settle])));
    take(&mut engine, &batch(0, hourly(START, 24)), START + 9 * DAY_MS);
    engine.compact().expect("compacted");
    assert_eq!(estimated(dir.path()), 5_000_000_000);
    // A register that starts anew, two days on: the step between cannot be estimated from one side only, and
    // is settled; nothing is missing in the entry's time any more.
    take(&mut engine, &batch(1, vec![reading(START + 3 * DAY_MS, 1)]), START + 9 * DAY_MS);
    engine.compact().expect("compacted");
    assert_eq!(estimated(dir.path()), 1_000_000_000);
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
}

#[test]
fn an_entry_that_begins_in_forgotten_time_stays_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let edge = 40 * DAY_MS;
    // Readings on every other day: the entry fills part of the gaps, on both sides of the edge.
    let meter = Interpretation { kind: Kind::Power, unit: "kW".parse().ok(), ..register() };
    let corrections =
        vec![entry(edge - 5 * DAY_MS, edge + 5 * DAY_MS), entry(edge + 4 * DAY_MS, edge + 6 * DAY_MS)];
    let mut engine = open(dir.path(), Some(Interpretation { corrections, ..meter }));
    let power = |at: i64| Reading { unit: "kW".parse().ok(), ..reading(at, 3) };
    for day in (0..80).step_by(2) {
        let some = (0..60).map(|minute| power(START + day * DAY_MS + minute * 60_000)).collect();
        take(&mut engine, &batch(day as u64, some), START + 81 * DAY_MS);
        engine.compact().expect("compacted");
    }
    let before = engine.digest().expect("digest");
    assert!(engine.forget_raw_before(Timestamp(START + edge)).expect("forgotten") > 0);
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    let late = power(START + edge + 5 * DAY_MS + 70_000);
    take(&mut engine, &batch(900, vec![late]), START + 81 * DAY_MS);
    engine.compact().expect("compacted");
    assert_eq!(estimated(dir.path()), 10_000_000_000);
    assert_eq!(engine.digest().expect("digest"), before, "what the entry filled is not filled twice");
}

#[test]
fn an_hour_is_explained_by_the_readings_that_it_hangs_on_wherever_they_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(dir.path(), Some(register()));
    // Some in the store, some in the journal; a silence of ten days between them.
    take(&mut engine, &batch(0, hourly(START, 24)), START + 30 * DAY_MS);
    engine.compact().expect("compacted");
    take(&mut engine, &batch(1, hourly(START + 10 * DAY_MS, 24)), START + 30 * DAY_MS);
    let key = MeterKey { site: "hall".parse().expect("name"), meter: "main".parse().expect("name") };
    let first = Timestamp(START + 5 * DAY_MS).minute();
    let hour = Interval::new(first, Minute(first.0 + 60));
    let explained = engine.explain(&key, hour).expect("read").expect("known");
    assert_eq!(explained.steps.len(), 1, "{:?}", explained.steps);
    let step = &explained.steps[0];
    assert_eq!((step.from.0 - START, step.to.0 - START), (23 * HOUR_MS, 10 * DAY_MS));
    assert_eq!((step.amount, step.inside), (Some(217_000_000_000), Some(1_000_000_000)));
    assert_eq!(explained.booked[1], (1_000_000_000, HOUR_MS));
    assert!(step.rule.contains("217 h is longer than the limit of 15 min"), "{}", step.rule);
    let unknown = MeterKey { meter: "other".parse().expect("name"), ..key };
    assert_eq!(engine.explain(&unknown, hour).expect("read"), None);
}
