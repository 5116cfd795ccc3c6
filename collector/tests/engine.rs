//! The engine's promises at its border: what is acknowledged is kept, what is bad harms only itself, and a
//! changed configuration changes the past as if it had always been so.

use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;
use wattledger_collector::engine::{Arrival, Engine, EngineConfig, Overlap};
use wattledger_collector::indicators::{Accounts, Pair, Reader, Term};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::store::{self, Layout, StoreError};
use wattledger_model::batch::{AgentKey, Batch, Lineage, Loss, LossCause};
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Kind, MeterKey};
use wattledger_model::reading::{Cause, Incarnation, Intake, Quality, Reading};
use wattledger_model::time::{Interval, Minute, Timestamp};
use wattledger_model::wire;

const START: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;

fn agent(name: &str) -> AgentKey {
    AgentKey { site: "hall".parse().expect("name"), agent: name.parse().expect("name") }
}

fn incarnation() -> Incarnation {
    Incarnation { started: Timestamp(START), id: 9 }
}

fn register(scale: i64) -> Interpretation {
    let unit = "kWh".parse().ok();
    Interpretation {
        kind: Kind::Register,
        unit,
        scale: Decimal::new(scale, 0),
        ..Interpretation::unclaimed(unit)
    }
}

fn config(dir: &Path, meters: &[(&str, Interpretation)]) -> EngineConfig {
    let key =
        |name: &str| MeterKey { site: "hall".parse().expect("name"), meter: name.parse().expect("name") };
    EngineConfig {
        layout: Layout::new(dir),
        raw_kept_ms: 400 * DAY_MS,
        meters: meters.iter().map(|(name, read)| (key(name), read.clone())).collect::<BTreeMap<_, _>>(),
    }
}

fn reading(minute: i64, value: i64) -> Reading {
    let at = Timestamp(START + minute * 60_000);
    Reading {
        at,
        arrived: at,
        value: Decimal::new(value, -1),
        unit: "kWh".parse().ok(),
        interval_ms: None,
        quality: Quality::Good,
        intake: Some(Intake { incarnation: incarnation(), number: minute as u64 }),
        evidence: None,
    }
}

fn batch(sequence: u64, readings: Vec<Reading>) -> Batch {
    Batch {
        agent: agent("a"),
        incarnation: incarnation(),
        sequence,
        meters: vec!["main".parse().expect("name")],
        readings: readings.into_iter().map(|reading| (0, reading)).collect(),
        refused: Vec::new(),
        losses: Vec::new(),
        lineage: Lineage::default(),
    }
}

fn arrival(batch: &Batch) -> Arrival {
    Arrival { agent: agent("a"), form: PayloadForm::Batch, payload: wire::encode_batch(batch) }
}

fn now() -> Timestamp {
    Timestamp(START + 10 * DAY_MS)
}

fn open(dir: &TempDir, scale: i64) -> Engine {
    Engine::open(config(dir.path(), &[("main", register(scale))])).expect("opens")
}

fn hour_of_readings(from: i64) -> Vec<Reading> {
    (from..from + 60).map(|minute| reading(minute, 1_000 + minute * 7)).collect()
}

#[test]
fn what_was_answered_survives_a_kill_before_any_flush() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    let arrivals: Vec<Arrival> =
        (0..5).map(|i| arrival(&batch(i, hour_of_readings(i as i64 * 60)))).collect();
    let answered = engine.take(&arrivals, now()).expect("taken");
    let known = &answered.committed[&(agent("a"), incarnation())];
    assert_eq!(known.floor(), 5);
    let store = engine.store_id();
    // As after kill -9: nothing was flushed on the way out.
    drop(engine);
    let mut engine = open(&dir, 1);
    assert_eq!(engine.store_id(), store, "it is the same store");
    assert_eq!(engine.committed_of(&(agent("a"), incarnation())).floor(), 5);
    assert_eq!(engine.digest().expect("digest").minutes, 299);
}

#[test]
fn a_batch_that_comes_again_is_answered_and_not_booked_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    let one = arrival(&batch(0, hour_of_readings(0)));
    engine.take(&[one.clone(), one.clone()], now()).expect("taken");
    let readings = engine.tally().readings();
    let answered = engine.take(&[one], now()).expect("taken");
    assert_eq!(answered.committed[&(agent("a"), incarnation())].floor(), 1);
    assert_eq!((engine.tally().readings(), engine.tally().duplicate_batches()), (readings, 2));
}

#[test]
fn a_corrected_scale_changes_the_past_as_if_it_had_always_been_so() {
    let (mended, right) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let arrivals: Vec<Arrival> =
        (0..4).map(|i| arrival(&batch(i, hour_of_readings(i as i64 * 500)))).collect();
    let mut wrong = open(&mended, 1);
    wrong.take(&arrivals, now()).expect("taken");
    let before = wrong.digest().expect("digest");
    drop(wrong);
    let mut fresh = open(&right, 40);
    fresh.take(&arrivals, now()).expect("taken");
    let mut mended = open(&mended, 40);
    assert_eq!(mended.digest().expect("digest"), fresh.digest().expect("digest"));
    assert_ne!(mended.digest().expect("digest"), before);
}

#[test]
fn a_meter_that_nobody_claims_is_kept_and_can_be_claimed_with_its_past() {
    let (late, early) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let one = [arrival(&batch(0, hour_of_readings(0)))];
    let mut unclaimed = Engine::open(config(late.path(), &[])).expect("opens");
    unclaimed.take(&one, now()).expect("taken");
    assert_eq!(unclaimed.digest().expect("digest").minutes, 59, "booked by the unit it sends");
    drop(unclaimed);
    let mut claimed = open(&late, 3);
    let mut always = open(&early, 3);
    always.take(&one, now()).expect("taken");
    assert_eq!(claimed.digest().expect("digest"), always.digest().expect("digest"));
}

#[test]
fn a_batch_on_another_agents_topic_is_refused_and_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    let good = arrival(&batch(0, hour_of_readings(0)));
    let forged = Arrival { agent: agent("b"), ..good.clone() };
    let garbage = Arrival { payload: b"not a batch".to_vec(), ..good.clone() };
    let answered = engine.take(&[forged, garbage, good], now()).expect("taken");
    assert_eq!(answered.refused.len(), 2);
    assert_eq!(answered.committed.len(), 1, "only the true sender is answered");
    assert_eq!(engine.digest().expect("digest").minutes, 59, "the good one is booked all the same");
    let counted: u64 = engine.tally().quarantined().values().map(|counted| counted.count).sum();
    assert_eq!(counted, 2);
}

#[test]
fn bad_readings_go_to_quarantine_with_their_cause_and_stay_counted_over_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    let mut readings = hour_of_readings(0);
    let mut ahead = reading(2_000, 5);
    ahead.arrived = Timestamp(ahead.at.0 - 301_000);
    let mut ancient = reading(0, 5);
    ancient.at = Timestamp(START - 395 * DAY_MS);
    let mut absurd = reading(0, 5);
    absurd.at = Timestamp(i64::MAX);
    readings.extend([ahead, ancient, absurd]);
    let mut with_loss = batch(0, readings);
    let (from, to) = (Timestamp(START), Timestamp(START + 1));
    let loss = Loss { from, to, readings: 17, meter: None, cause: LossCause::Dropped };
    with_loss.losses = vec![loss];
    engine.take(&[arrival(&with_loss)], now()).expect("taken");
    engine.compact().expect("compacted");
    drop(engine);
    let mut engine = open(&dir, 1);
    let causes: Vec<Cause> = engine.tally().quarantined().keys().map(|(cause, _, _)| *cause).collect();
    assert_eq!(causes, [Cause::Time, Cause::ClockSkew, Cause::TooLate]);
    assert_eq!(engine.tally().lost_readings(), 17);
    assert_eq!(engine.digest().expect("digest").minutes, 59);
    assert_eq!(
        engine.committed_of(&(agent("a"), incarnation())).floor(),
        1,
        "committed includes quarantined"
    );
}

#[test]
fn a_reading_in_another_unit_is_not_booked_and_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    let mut readings = hour_of_readings(0);
    let mut other = reading(30, 5);
    other.at = Timestamp(other.at.0 + 1_000);
    other.unit = "Wh".parse().ok();
    readings.push(other);
    engine.take(&[arrival(&batch(0, readings))], now()).expect("taken");
    let with = engine.digest().expect("digest");
    let meter = engine.meters().ids().next().expect("one meter");
    assert_eq!(engine.tally().meter(meter).expect("heard").unusable, 1);
    let clean = tempfile::tempdir().expect("a directory");
    let mut without = open(&clean, 1);
    without.take(&[arrival(&batch(0, hour_of_readings(0)))], now()).expect("taken");
    assert_eq!(with, without.digest().expect("digest"));
}

#[test]
fn the_store_has_one_writer() {
    let dir = tempfile::tempdir().expect("a directory");
    let _running = open(&dir, 1);
    let second = Engine::open(config(dir.path(), &[]));
    let Err(wattledger_collector::engine::EngineError::Store(StoreError::Locked(_))) = second else {
        panic!("a second writer was let in");
    };
}

#[test]
fn a_flush_that_changes_nothing_has_no_change_number() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    engine.take(&[arrival(&batch(0, hour_of_readings(0)))], now()).expect("taken");
    let first = engine.flush().expect("flushed");
    assert!(first.hours > 0);
    engine.take(&[arrival(&batch(1, hour_of_readings(0)))], now()).expect("taken");
    let second = engine.flush().expect("flushed");
    assert_eq!((second.hours, second.change), (0, first.change));
}

#[test]
fn a_series_that_never_settles_waits_for_the_next_move_and_the_others_do_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let meters = [("flickers", register(1)), ("main", register(1))];
    let mut engine = Engine::open(config(dir.path(), &meters)).expect("opens");
    // It stands still, and every other reading is a little less: no eight plain steps in a row.
    let flickering = |count: std::ops::Range<i64>| {
        let second = |at: i64| Timestamp(START + at * 5_000);
        let one = |at: i64| Reading { at: second(at), arrived: second(at), ..reading(0, 10_000 - at % 2) };
        count.map(one).collect::<Vec<_>>()
    };
    let take = |engine: &mut Engine, sequence: u64, name: &str, readings: Vec<Reading>| {
        let batch = Batch { meters: vec![name.parse().expect("name")], ..batch(sequence, readings) };
        engine.take(&[arrival(&batch)], now()).expect("taken");
    };
    take(&mut engine, 0, "flickers", flickering(0..21_000));
    take(&mut engine, 1, "main", hour_of_readings(0));
    let first = engine.flush_light().expect("what changed is nearly all of it: folded").change;
    take(&mut engine, 2, "flickers", flickering(21_000..21_100));
    let second = engine.flush_light().expect("found to be heavy").change;
    assert_eq!((first, second), (1, 2));
    take(&mut engine, 3, "flickers", flickering(21_100..21_200));
    assert_eq!(engine.flush_light().expect("left alone").change, second);
    take(&mut engine, 4, "main", hour_of_readings(60));
    assert_eq!(engine.flush_light().expect("others are folded").change, second + 1);
    assert_eq!(engine.compact().expect("moved").change, second + 2);
    let with_all = engine.digest().expect("digest");
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    assert_eq!(engine.digest().expect("digest"), with_all);
}

#[test]
fn long_steps_between_readings_at_odd_seconds_are_covered_but_for_the_two_ends() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    // Every two hours, half a minute past: each step is longer than the quarter of an hour that is bridged.
    let readings = (0..5).map(|i| {
        let at = Timestamp(START + i * 7_200_000 + 30_000);
        Reading { at, arrived: at, ..reading(i, 1_000 + i * 120) }
    });
    let readings = readings.collect();
    engine.take(&[arrival(&batch(0, readings))], now()).expect("taken");
    engine.flush().expect("flushed");
    let meter = engine.meters().ids().next().expect("one meter");
    let term = Term::all_of(meter);
    let mut accounts = Accounts::new(Pair::ratio(&[term], &[term]));
    let ledger = Reader::new(store::open_reader(&Layout::new(dir.path())).expect("opens"));
    let first = Timestamp(START).minute();
    let all = accounts.account(&ledger, Interval::new(first, Minute(first.0 + 481))).expect("read");
    assert_eq!(all.minutes, 479, "480 minutes between the readings, less the half ones at both ends");
    assert_eq!(all.numerator, all.denominator);
    let cut = accounts.account(&ledger, Interval::new(first, Minute(first.0 + 300))).expect("read");
    assert_eq!(cut.minutes, 239, "the step that the edge cuts is left out whole");
}

#[test]
fn what_comes_twice_for_one_instant_is_counted_by_whether_it_agrees() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    let mut readings = hour_of_readings(0);
    readings.extend([readings[3], Reading { value: Decimal::new(1, 0), ..readings[4] }]);
    engine.take(&[arrival(&batch(0, readings))], now()).expect("taken");
    let meter = engine.meters().ids().next().expect("one meter");
    let tally = engine.tally().meter(meter).expect("heard");
    assert_eq!((tally.again.duplicates, tally.again.conflicts), (1, 1));
}

/// The batch under a later sequence, as an agent sends what it got no answer to.
fn once_more(batch: &Batch, sequence: u64) -> Batch {
    let again = batch.lineage.again.iter().copied().chain([batch.sequence]).collect();
    Batch { sequence, lineage: Lineage { again, ..batch.lineage.clone() }, ..batch.clone() }
}

#[test]
fn what_came_under_several_sequences_is_taken_once_in_any_order_and_over_a_kill() {
    let first = batch(0, hour_of_readings(0));
    let second = once_more(&first, 1);
    let third = once_more(&second, 2);
    let orders = [[&first, &second, &third], [&third, &first, &second], [&second, &third, &first]];
    for order in orders {
        let dir = tempfile::tempdir().expect("a directory");
        let mut engine = open(&dir, 1);
        engine.take(&order.map(arrival), now()).expect("taken");
        let told = engine.tally().receipts().all()[&(agent("a"), incarnation())];
        assert_eq!((told.committed, told.duplicated), (60, 120), "all together");
    }
    for order in orders {
        let dir = tempfile::tempdir().expect("a directory");
        for batch in order {
            let mut engine = open(&dir, 1);
            engine.take(&[arrival(batch)], now()).expect("taken");
            // As after kill -9, between each two of them.
        }
        let mut engine = open(&dir, 1);
        let of = (agent("a"), incarnation());
        assert_eq!(engine.committed_of(&of).floor(), 3);
        engine.compact().expect("compacted");
        assert_eq!(engine.tally().receipts().all()[&of].committed, 60);
        assert_eq!(engine.digest().expect("digest").minutes, 59);
    }
}

/// A batch that stands for others: every quarter of an hour of their readings.
fn stand_in(sequence: u64, replaces: Vec<(u64, u64)>, of: &[&Batch]) -> Batch {
    let readings = of.iter().flat_map(|batch| &batch.readings).map(|(_, reading)| *reading);
    let mut made = batch(sequence, readings.step_by(15).collect());
    made.lineage = Lineage { floor: 0, replaces, again: Vec::new() };
    made
}

#[test]
fn of_batches_and_the_one_that_stands_for_them_one_side_counts_in_any_order_and_grouping() {
    let (first, second) = (batch(0, hour_of_readings(0)), batch(1, hour_of_readings(60)));
    let instead = stand_in(2, vec![(0, 1)], &[&first, &second]);
    let of = (agent("a"), incarnation());
    let digest_of = |batches: &[&Batch]| {
        let dir = tempfile::tempdir().expect("a directory");
        let mut engine = open(&dir, 1);
        let arrivals: Vec<Arrival> = batches.iter().map(|batch| arrival(batch)).collect();
        engine.take(&arrivals, now()).expect("taken");
        engine.digest().expect("digest")
    };
    let (theirs, its_own) = (digest_of(&[&first, &second]), digest_of(&[&instead]));
    assert_ne!(theirs, its_own);
    for (order, expected, counted) in [
        ([&first, &second, &instead], &theirs, (120, 8)),
        ([&second, &first, &instead], &theirs, (120, 8)),
        ([&instead, &first, &second], &its_own, (8, 120)),
        ([&instead, &second, &first], &its_own, (8, 120)),
    ] {
        for together in [1, 3] {
            let dir = tempfile::tempdir().expect("a directory");
            for batches in order.chunks(together) {
                let arrivals: Vec<Arrival> = batches.iter().map(|batch| arrival(batch)).collect();
                let mut engine = open(&dir, 1);
                engine.take(&arrivals, now()).expect("taken");
                // As after kill -9: what was taken is read from the journal again.
            }
            let mut engine = open(&dir, 1);
            let told = engine.tally().receipts().all()[&of];
            let order: Vec<u64> = order.iter().map(|batch| batch.sequence).collect();
            assert_eq!(told.committed, counted.0, "{order:?}, {together} together");
            if together == 3 {
                assert_eq!(told.duplicated, counted.1, "{order:?}");
            }
            assert_eq!(engine.committed_of(&of).floor(), 3);
            assert_eq!(engine.digest().expect("digest"), *expected, "{order:?}, {together} together");
        }
    }
}

#[test]
fn a_batch_that_stands_for_some_that_are_here_is_taken_in_for_the_others_and_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    let (first, second) = (batch(0, hour_of_readings(0)), batch(1, hour_of_readings(60)));
    let instead = stand_in(2, vec![(0, 1)], &[&first, &second]);
    engine.take(&[arrival(&first), arrival(&instead), arrival(&second)], now()).expect("taken");
    let whole = stand_in(3, vec![(0, 2)], &[&first]);
    engine.take(&[arrival(&whole)], now()).expect("taken");
    let empty = Batch { sequence: 4, readings: Vec::new(), ..whole.clone() };
    engine.take(&[arrival(&empty)], now()).expect("taken");
    let overlaps = engine.tally().overlaps();
    let told: Vec<_> = overlaps.iter().map(|((_, overlap), count)| (*overlap, *count)).collect();
    assert_eq!(
        told,
        [(Overlap::LeftOut, 1), (Overlap::TakenIn, 1)],
        "one without readings counts nothing twice"
    );
    let of = (agent("a"), incarnation());
    let receipt = engine.tally().receipts().all()[&of];
    assert_eq!((receipt.committed, receipt.duplicated), (60 + 8, 60 + 4));
    assert_eq!(engine.committed_of(&of).floor(), 5);
    // Registers: what both hold is the same reading, so nothing is booked twice.
    let minutes = engine.digest().expect("digest").minutes;
    assert_eq!(minutes, 105);
}

#[test]
fn a_batch_fills_the_place_of_those_it_stands_for_and_what_nobody_has_is_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1);
    let of = (agent("a"), incarnation());
    let (from, to) = (Timestamp(START), Timestamp(START + 1));
    let loss = |readings, cause| Loss { from, to, readings, meter: "main".parse().ok(), cause };
    let mut thinned = batch(8, hour_of_readings(0));
    thinned.lineage = Lineage { floor: 8, replaces: vec![(2, 7)], again: Vec::new() };
    thinned.losses = vec![loss(300, LossCause::Thinned), loss(7, LossCause::Dropped)];
    engine.take(&[arrival(&batch(0, hour_of_readings(60))), arrival(&thinned)], now()).expect("taken");
    let receipt = |engine: &Engine| engine.tally().receipts().all()[&of];
    // Number 1 was acknowledged by a store that this one is an old copy of.
    assert_eq!(engine.committed_of(&of).floor(), 9);
    let told = receipt(&engine);
    assert_eq!((told.missing_batches, told.told_thinned, told.told_lost), (1, 300, 7));
    assert_eq!(engine.tally().lost_readings(), 7, "what is thinned is not lost");
    // A later batch may come before one that stands for others: nothing is missing yet.
    let mut later = batch(30, hour_of_readings(120));
    later.lineage.floor = 29;
    engine.take(&[arrival(&later)], now()).expect("taken");
    assert_eq!(receipt(&engine).missing_batches, 1);
    let mut merged = batch(29, hour_of_readings(180));
    merged.lineage = Lineage { floor: 29, replaces: vec![(9, 28)], again: Vec::new() };
    engine.take(&[arrival(&merged)], now()).expect("taken");
    assert_eq!((receipt(&engine).missing_batches, engine.committed_of(&of).floor()), (1, 31));
    engine.compact().expect("compacted");
    drop(engine);
    let engine = open(&dir, 1);
    let told = receipt(&engine);
    assert_eq!((told.missing_batches, told.told_thinned, told.told_lost, told.committed), (1, 300, 7, 240));
}
