//! Time of which raw readings were deleted with age: what is entered for it, and what still changes beside it.

mod world;

use std::collections::BTreeMap;
use tempfile::TempDir;
use wattledger_collector::engine::{AmendError, Engine, EngineConfig};
use wattledger_collector::indicators::{Accounts, Pair, Reader, Term};
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::store::{self, Layout};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::Kind;
use wattledger_model::reading::Reading;
use wattledger_model::time::Interval;
use world::{DAY_MS, at, batch, by, eva, key, meter, open, reading, steady};

const DAY: i64 = 1_440;

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn entry(from: i64, to: i64, amount: i128) -> Correction {
    Correction::Entry { from: at(from), to: at(to), amount }
}

/// Forty days with readings in their first three hours.
fn forty_days(dir: &TempDir) -> Engine {
    let mut engine = open(dir);
    for day in 0..40 {
        let readings = steady(day * DAY, day * DAY + 180);
        engine.take(&[batch(day as u64, "main", readings)], at(40 * DAY)).expect("taken");
    }
    engine.compact().expect("compacted");
    engine
}

/// Measured, interpolated, estimated.
fn sum(dir: &TempDir, engine: &Engine, name: &str, from: i64, to: i64) -> [i128; 3] {
    let term = Term::all_of(meter(engine, name));
    let mut accounts = Accounts::new(Pair::alone(&[term]));
    let ledger = Reader::new(store::open_reader(&Layout::new(dir.path())).expect("opens"));
    let interval = Interval::new(at(from).minute(), at(to).minute());
    accounts.account(&ledger, interval).expect("read").all_numerator
}

#[test]
fn entries_that_overlap_add_up_whichever_was_made_first() {
    let narrow_first = [entry(-50, -40, 77), entry(-60, 0, 1_000), entry(-45, 0, 9)];
    let digests = [[0, 1, 2], [0, 2, 1]].map(|order| {
        let dir = dir();
        let mut engine = forty_days(&dir);
        engine.forget_raw_before(at(40 * DAY)).expect("forgotten");
        let main = meter(&engine, "main");
        for which in order {
            engine.correct(main, narrow_first[which], by(&eva(), at(41 * DAY))).expect("made");
        }
        assert_eq!(sum(&dir, &engine, "main", -60, 0), [0, 0, 1_086]);
        engine.digest().expect("digest")
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn entries_come_to_the_same_as_if_nothing_had_been_deleted_yet() {
    let entries = [entry(-50, -40, 77), entry(-60, -3, 1_001), entry(-45, 0, 9)];
    let digests = [true, false].map(|deleted_first| {
        let dir = dir();
        let mut engine = forty_days(&dir);
        let forget = |engine: &mut Engine| engine.forget_raw_before(at(40 * DAY)).expect("forgotten");
        if deleted_first {
            forget(&mut engine);
        }
        let main = meter(&engine, "main");
        for entry in entries {
            engine.correct(main, entry, by(&eva(), at(41 * DAY))).expect("made");
        }
        if !deleted_first {
            forget(&mut engine);
        }
        engine.digest().expect("digest").hex
    });
    assert_eq!(digests[0], digests[1]);
}

/// A power meter whose gaps are bridged up to three hours.
fn with_power(dir: &TempDir) -> Engine {
    let unit = "kW".parse().ok();
    let power = Interpretation {
        kind: Kind::Power,
        unit,
        gap_limit_ms: Some(3 * 3_600_000),
        ..Interpretation::unclaimed(unit)
    };
    let meters = BTreeMap::from([(key("main"), power)]);
    let config = EngineConfig { layout: Layout::new(dir.path()), raw_kept_ms: 400 * DAY_MS, meters };
    Engine::open(config).expect("opens")
}

fn kilowatts(minute: i64) -> Reading {
    Reading { unit: "kW".parse().ok(), ..reading(minute, 600) }
}

#[test]
fn an_entry_beside_one_made_earlier_keeps_what_was_measured_since() {
    let dir = dir();
    let mut engine = with_power(&dir);
    for day in 0..40 {
        // The last one of the day at 22:50, more than three hours after the one before.
        let readings = vec![kilowatts(day * DAY), kilowatts(day * DAY + 60), kilowatts(day * DAY + 1_370)];
        engine.take(&[batch(day as u64, "main", readings)], at(40 * DAY)).expect("taken");
    }
    engine.compact().expect("compacted");
    engine.forget_raw_before(at(40 * DAY)).expect("forgotten");
    let main = meter(&engine, "main");
    let last = 39 * DAY + 1_370;
    engine.correct(main, entry(last - 30, last - 20, 1_000), by(&eva(), at(41 * DAY))).expect("made");
    // Comes late, and tells of the rest of the hour.
    let late = vec![kilowatts(40 * DAY + 20), kilowatts(40 * DAY + 30)];
    engine.take(&[batch(90, "main", late)], at(41 * DAY)).expect("taken");
    engine.compact().expect("compacted");
    assert_eq!(sum(&dir, &engine, "main", last, last + 5), [5_000_000_000, 0, 0]);
    engine.forget_raw_before(at(41 * DAY)).expect("forgotten");
    engine.correct(main, entry(last - 10, last + 5, 70), by(&eva(), at(41 * DAY))).expect("made");
    assert_eq!(sum(&dir, &engine, "main", last - 60, last + 5), [5_000_000_000, 0, 1_070]);
}

#[test]
fn what_the_last_reading_before_the_deleted_ones_end_hangs_on_can_no_longer_be_changed() {
    let last = 39 * DAY + 179;
    let exchange = Correction::Exchange { at: at(last), last: Decimal::new(1, 0), first: Decimal::ZERO };
    for correction in [Correction::Exclude { from: at(last), to: at(40 * DAY + 5) }, exchange] {
        let dir = dir();
        let mut engine = forty_days(&dir);
        engine.take(&[batch(90, "main", steady(40 * DAY + 3, 40 * DAY + 99))], at(41 * DAY)).expect("taken");
        engine.compact().expect("compacted");
        engine.forget_raw_before(at(40 * DAY)).expect("forgotten");
        let before = engine.digest().expect("digest");
        let main = meter(&engine, "main");
        let refused = engine.correct(main, correction, by(&eva(), at(41 * DAY))).map(|made| made.sequence);
        assert!(matches!(refused, Err(AmendError::Deleted { .. })), "{refused:?}");
        assert_eq!(engine.digest().expect("digest"), before);
    }
}

#[test]
fn a_correction_that_changed_what_is_deleted_by_now_cannot_be_taken_back() {
    let dir = dir();
    let mut engine = forty_days(&dir);
    engine.take(&[batch(90, "main", steady(40 * DAY + 3, 40 * DAY + 99))], at(41 * DAY)).expect("taken");
    let main = meter(&engine, "main");
    let exclude = Correction::Exclude { from: at(39 * DAY + 100), to: at(40 * DAY + 7) };
    let made = engine.correct(main, exclude, by(&eva(), at(41 * DAY))).expect("made");
    engine.compact().expect("compacted");
    engine.forget_raw_before(at(40 * DAY)).expect("forgotten");
    let before = engine.digest().expect("digest");
    let refused = engine.withdraw(made.sequence, by(&eva(), at(41 * DAY))).map(|made| made.sequence);
    assert!(matches!(refused, Err(AmendError::Fixed { .. })), "{refused:?}");
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    assert_eq!(engine.digest().expect("digest"), before);
}

#[test]
fn a_late_reading_where_the_deleted_ones_end_is_booked_as_if_it_had_come_in_time() {
    let digests = [true, false].map(|is_late| {
        let dir = dir();
        let mut engine = forty_days(&dir);
        let (edge, after) = (40 * DAY, 40 * DAY + 100);
        let late = || batch(90, "main", vec![reading(edge, 100_000 + 40 * DAY * 7 + 3)]);
        engine.take(&[batch(91, "main", steady(after, after + 60))], at(41 * DAY)).expect("taken");
        if !is_late {
            engine.take(&[late()], at(41 * DAY)).expect("taken");
        }
        engine.compact().expect("compacted");
        engine.forget_raw_before(at(edge)).expect("forgotten");
        if is_late {
            engine.take(&[late()], at(41 * DAY)).expect("taken");
        }
        engine.compact().expect("compacted");
        // 7 tenths of a kWh a minute, whatever the reading between says.
        let all = sum(&dir, &engine, "main", 39 * DAY + 179, after).iter().sum::<i128>();
        assert_eq!(all, i128::from(after - 39 * DAY - 179) * 700_000_000);
        engine.digest().expect("digest").hex
    });
    assert_eq!(digests[0], digests[1]);
}
