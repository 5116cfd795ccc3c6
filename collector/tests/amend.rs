//! What operators change: durable once answered, the same in any order, told in the audit chain, and kept by
//! restart, rebuild and compaction.

mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use wattledger_collector::audit::{self, Entry, Kind, corrections};
use wattledger_collector::engine::{AmendError, Engine};
use wattledger_collector::indicators::{Accounts, Pair, Reader, Term};
use wattledger_collector::store::quarantine::Filter;
use wattledger_collector::store::{self, Layout};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Cause, Reading};
use wattledger_model::time::{Interval, Timestamp};
use world::{DAY_MS, START, at, batch, by, config, eva, meter, open, reading, steady};

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn entry(from: i64, to: i64, amount: i128) -> Correction {
    Correction::Entry { from: at(from), to: at(to), amount }
}

fn chain(dir: &TempDir, kind: Option<Kind>) -> Vec<Entry> {
    let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
    let mut all = Vec::new();
    audit::walk(&connection, None, kind, |entry| all.push(entry)).expect("read");
    all
}

fn holds(dir: &TempDir) {
    let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
    audit::verify(&connection, None).expect("read").expect("the chain holds");
}

fn now() -> Timestamp {
    Timestamp(START + 10 * DAY_MS)
}

#[test]
fn a_correction_that_was_answered_survives_a_kill_and_is_what_the_ledger_is_folded_with() {
    let dir = dir();
    let mut engine = open(&dir);
    engine.take(&[batch(0, "main", steady(0, 300))], now()).expect("taken");
    let main = meter(&engine, "main");
    let made = engine.correct(main, entry(400, 460, 12_500_000_000), by(&eva(), now())).expect("made");
    let exchange = Correction::Exchange { at: at(310), last: Decimal::new(10_210, -2), first: Decimal::ZERO };
    engine.correct(main, exchange, by(&eva(), now())).expect("made");
    let digest = engine.digest().expect("digest");
    // As after kill -9.
    drop(engine);
    let mut engine = open(&dir);
    let main = meter(&engine, "main");
    let in_force = &engine.meters().get(main).1.corrections;
    assert_eq!(in_force.len(), 2);
    assert!(in_force.contains(&exchange) && in_force.contains(&entry(400, 460, 12_500_000_000)));
    assert_eq!(engine.digest().expect("digest"), digest);
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    drop(engine);
    let told = &chain(&dir, Some(Kind::Correction))[0];
    assert_eq!((told.sequence, &told.hash), (made.sequence, &made.hash));
    assert_eq!((told.who.as_str(), told.reason.as_str()), ("uid 4294900001", "the display was photographed"));
    assert!(
        told.body.contains("\"meter\":\"hall/main\"") && told.body.contains("12500000000"),
        "{}",
        told.body
    );
    holds(&dir);
}

#[test]
fn a_withdrawn_correction_leaves_the_ledger_as_it_was_and_stays_in_the_chain() {
    let dir = dir();
    let mut engine = open(&dir);
    engine.take(&[batch(0, "main", steady(0, 300))], now()).expect("taken");
    let before = engine.digest().expect("digest");
    let main = meter(&engine, "main");
    let made = engine.correct(main, entry(400, 460, 1_000), by(&eva(), now())).expect("made");
    let taken_back = engine.withdraw(made.sequence, by(&eva(), now())).expect("withdrawn");
    assert_eq!(engine.digest().expect("digest"), before);
    assert!(engine.meters().get(main).1.corrections.is_empty());
    let again = engine.withdraw(made.sequence, by(&eva(), now())).expect_err("withdrawn already");
    assert!(matches!(again, AmendError::WithdrawnAlready { by, .. } if by == taken_back.sequence), "{again}");
    let nothing = engine.withdraw(99, by(&eva(), now())).expect_err("no such");
    assert!(nothing.to_string().contains("`wattledger correct list`"), "{nothing}");
    let kinds: Vec<String> = chain(&dir, None).into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["correction", "withdrawal"]);
    holds(&dir);
}

#[test]
fn what_cannot_be_meant_is_refused_and_changes_nothing() {
    let dir = dir();
    let mut engine = open(&dir);
    engine.take(&[batch(0, "main", steady(0, 300))], now()).expect("taken");
    let main = meter(&engine, "main");
    let who = eva();
    let mut refused = |correction, says: &str| {
        let error = engine.correct(main, correction, by(&who, now())).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    };
    refused(entry(460, 400, 1), "must lie after");
    refused(entry(400, 20 * 1_440, 1), "ahead of the collector's clock");
    refused(entry(-400 * 1_440, 400, 1), "longer than a year");
    refused(entry(400, 460, -1), "not negative");
    refused(entry(400, 460, i128::MAX), "cannot be");
    let reasonless = wattledger_collector::engine::By { reason: "  ", ..by(&who, now()) };
    let error = engine.correct(main, entry(400, 460, 1), reasonless).expect_err("no reason");
    assert!(matches!(error, AmendError::NoReason));
    engine.correct(main, entry(400, 460, 1), by(&who, now())).expect("made");
    let again = engine.correct(main, entry(400, 460, 1), by(&who, now())).expect_err("in force");
    assert!(matches!(again, AmendError::Again(1)), "{again}");
    assert_eq!(chain(&dir, None).len(), 1);
}

/// A reading that is refused as older than raw readings are kept.
fn too_late() -> Reading {
    Reading { at: Timestamp(START - 395 * DAY_MS), ..reading(0, 99_000) }
}

#[test]
fn an_admitted_reading_is_booked_as_if_it_had_not_been_refused() {
    let (strict, lenient) = (dir(), dir());
    let skewed = Reading { arrived: Timestamp(at(60).0 - 400_000), ..reading(60, 100_420) };
    let mut all = steady(0, 60);
    all.extend([skewed, Reading { at: Timestamp(START - 394 * DAY_MS), ..reading(1, 99_500) }, too_late()]);
    let mut engine = open(&strict);
    engine.take(&[batch(0, "main", all.clone())], now()).expect("taken");
    let which = |cause| Filter { cause: Some(cause), ..Filter::default() };
    let done = engine.admit_refused(&which(Cause::TooLate), by(&eva(), now())).expect("admitted");
    assert_eq!((done.done, done.left, done.passed_over.len()), (2, 0, 0));
    let done = engine.admit_refused(&which(Cause::ClockSkew), by(&eva(), now())).expect("admitted");
    assert!(done.done == 1 && done.amended.expect("done").flushed.hours > 0);
    let digest = engine.digest().expect("digest");
    let mut free = Engine::open(config(lenient.path(), 4_000)).expect("opens");
    let unskewed: Vec<Reading> =
        all.iter().map(|reading| Reading { arrived: reading.at, ..*reading }).collect();
    free.take(&[batch(0, "main", unskewed)], now()).expect("taken");
    assert_eq!(digest, free.digest().expect("digest"));

    // It stays so over a kill, a rebuild, and with nothing left in quarantine.
    drop(engine);
    let mut engine = open(&strict);
    assert_eq!(engine.digest().expect("digest"), digest);
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    assert_eq!(engine.quarantined(&Filter::default(), 10).expect("read").0, 0);
    let body = &chain(&strict, Some(Kind::Admission))[0].body;
    assert!(body.contains("\"value\":\"9900.0\"") && body.contains("\"cause\":\"too-late\""), "{body}");
    holds(&strict);
}

#[test]
fn what_is_discarded_is_gone_and_told_and_its_number_is_not_used_again() {
    let dir = dir();
    let mut engine = open(&dir);
    engine.take(&[batch(0, "main", vec![too_late()])], now()).expect("taken");
    let (count, held) = engine.quarantined(&Filter::default(), 10).expect("read");
    assert_eq!(count, 0, "not in the store yet: {held:?}");
    let counted = |engine: &Engine| engine.tally().quarantined().values().map(|of| of.count).sum::<u64>();
    let waiting = |engine: &Engine| engine.tally().held().values().sum::<u64>();
    assert_eq!((counted(&engine), waiting(&engine)), (1, 1));
    engine.discard_refused(&Filter::default(), by(&eva(), now())).expect("discarded");
    assert_eq!((counted(&engine), waiting(&engine)), (1, 0), "one was refused, none waits for a decision");
    assert!(chain(&dir, Some(Kind::Discard))[0].body.contains("too-late"));
    let none = engine.discard_refused(&Filter::default(), by(&eva(), now())).expect("nothing there");
    assert_eq!((none.done, none.amended), (0, None));
    engine.take(&[batch(1, "main", vec![too_late()])], now()).expect("taken");
    engine.compact().expect("compacted");
    let (_, held) = engine.quarantined(&Filter::default(), 10).expect("read");
    assert_eq!(held[0].id, 2, "1 was the one that was discarded");
    let one = Filter { ids: vec![1], ..Filter::default() };
    let error = engine.admit_refused(&one, by(&eva(), now())).expect_err("it is gone");
    assert!(matches!(error, AmendError::NotHeld(1)), "{error}");
    assert_eq!(held[0].reading, Some(too_late()), "whole, as it came");
}

#[test]
fn what_is_no_reading_cannot_be_admitted_and_the_mend_is_named() {
    let dir = dir();
    let mut engine = open(&dir);
    let absurd = Reading { at: Timestamp(i64::MAX), ..reading(0, 5) };
    let garbage = wattledger_collector::engine::Arrival {
        payload: b"no batch".to_vec(),
        ..batch(0, "main", Vec::new())
    };
    engine.take(&[garbage, batch(0, "main", vec![absurd, too_late()])], now()).expect("taken");
    engine.compact().expect("compacted");
    let (_, held) = engine.quarantined(&Filter::default(), 10).expect("read");
    for (cause, says) in [(Cause::Batch, "`wattledger correct entry`"), (Cause::Time, "cannot be right")] {
        let id = held.iter().find(|held| held.cause == cause).expect("held").id;
        let which = Filter { ids: vec![id], ..Filter::default() };
        let error = engine.admit_refused(&which, by(&eva(), now())).expect_err("not admissible").to_string();
        assert!(error.contains(says), "{error}");
    }
    let decided = engine.admit_refused(&Filter::default(), by(&eva(), now())).expect("admitted");
    assert_eq!((decided.done, decided.passed_over.len()), (1, 2), "the others stay");
    assert_eq!(engine.quarantined(&Filter::default(), 10).expect("read").0, 2);
}

/// Forty days with readings in their first hours, of which all but the last sixteen are deleted.
fn with_deleted(dir: &TempDir) -> Engine {
    let mut engine = open(dir);
    for day in 0..40 {
        let readings = steady(day * 1_440, day * 1_440 + 180);
        engine.take(&[batch(day as u64, "main", readings)], at(40 * 1_440)).expect("taken");
    }
    engine.compact().expect("compacted");
    let days = engine.forget_raw_before(at(40 * 1_440)).expect("forgotten");
    assert_eq!(days, 24);
    engine
}

fn sum(dir: &TempDir, engine: &Engine, from: i64, to: i64) -> [i128; 3] {
    let term = Term::all_of(meter(engine, "main"));
    let mut accounts = Accounts::new(Pair::alone(&[term]));
    let ledger = Reader::new(store::open_reader(&Layout::new(dir.path())).expect("opens"));
    let interval = Interval::new(at(from).minute(), at(to).minute());
    accounts.account(&ledger, interval).expect("read").all_numerator
}

#[test]
fn where_raw_readings_were_deleted_only_an_entry_into_what_is_missing_can_be_made() {
    let dir = dir();
    let mut engine = with_deleted(&dir);
    let later = at(41 * 1_440);
    let who = eva();
    let main = meter(&engine, "main");
    let before = engine.digest().expect("digest");
    let told = chain(&dir, Some(Kind::Retention));
    assert!(told.len() == 1 && told[0].who == "collector" && told[0].body.contains("hall/main"), "{told:?}");

    let deleted = engine
        .correct(main, Correction::Exclude { from: at(10), to: at(20) }, by(&who, later))
        .expect_err("deleted");
    assert!(deleted.to_string().contains("`wattledger correct entry`"), "{deleted}");
    let full = engine.correct(main, entry(10, 20, 5), by(&who, later)).expect_err("nothing is missing");
    assert!(matches!(full, AmendError::NothingMissing { .. }), "{full}");
    let across = engine.correct(main, entry(-60, 39 * 1_440 + 200, 5), by(&who, later)).expect_err("across");
    assert!(matches!(across, AmendError::Across { .. }), "{across}");

    // The hour before the first reading is missing; the first reading lies at its end.
    let made = engine.correct(main, entry(-60, 0, 1_000_000_007), by(&who, later)).expect("made");
    assert!(made.flushed.hours > 0);
    assert_eq!(sum(&dir, &engine, -60, 0), [0, 0, 1_000_000_007], "exactly, and as estimated");
    let corrected = engine.digest().expect("digest");
    assert_ne!(corrected, before);
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    drop(engine);
    let mut engine = open(&dir);
    assert_eq!(engine.digest().expect("digest"), corrected);
    engine.withdraw(made.sequence, by(&who, later)).expect("withdrawn");
    assert_eq!(sum(&dir, &engine, -60, 0), [0; 3]);
    holds(&dir);
}

#[test]
fn entries_for_deleted_time_come_to_the_same_in_any_order() {
    let digest_of = |order: &[usize]| {
        let dir = dir();
        let mut engine = with_deleted(&dir);
        let main = meter(&engine, "main");
        let entries = [entry(-60, -10, 700_000), entry(-90, -40, 90_001), entry(-95, -65, 33)];
        let mut made = Vec::new();
        for at_ in order {
            let amended = engine.correct(main, entries[*at_], by(&eva(), at(41 * 1_440))).expect("made");
            made.push((*at_, amended.sequence));
        }
        let first = made.iter().find(|(at_, _)| *at_ == 1).expect("made").1;
        engine.withdraw(first, by(&eva(), at(41 * 1_440))).expect("withdrawn");
        engine.digest().expect("digest")
    };
    assert_eq!(digest_of(&[0, 1, 2]), digest_of(&[2, 1, 0]));
}

#[test]
fn too_late_readings_are_admitted_only_where_their_neighbours_are_left() {
    let dir = dir();
    let mut engine = with_deleted(&dir);
    let late = Reading { value: Decimal::new(100_001, -1), ..reading(0, 0) };
    let elsewhere = Reading { at: Timestamp(START - 500 * DAY_MS), ..reading(0, 7) };
    let later = at(41 * 1_440);
    engine.take(&[batch(90, "main", vec![late]), batch(91, "other", vec![elsewhere])], later).expect("taken");
    let decided = engine.admit_refused(&Filter::default(), by(&eva(), later)).expect("admitted");
    assert_eq!((decided.done, decided.passed_over.len()), (1, 1));
    let why = &decided.passed_over[0].1;
    assert!(why.contains("deleted with age") && why.contains("`wattledger correct entry`"), "{why}");
}

/// A change in a random history.
#[derive(Debug, Clone)]
enum Deed {
    Take(u64),
    Correct(usize),
    /// Make and take back.
    Waver(usize),
    Admit,
    Flush,
    Compact,
    Kill,
}

fn corrections_made() -> Vec<Correction> {
    vec![
        Correction::Exclude { from: at(130), to: at(150) },
        Correction::Exclude { from: at(140), to: at(260) },
        entry(320, 600, 5_000_000_001),
        entry(500, 700, 77),
        Correction::Settle { from: at(0), to: at(700), amount: 3_000_000_000 },
        Correction::Exchange { at: at(410), last: Decimal::new(123_456, -1), first: Decimal::new(5, 0) },
    ]
}

/// Readings with a gap, a reset, and some that are refused.
fn pieces() -> Vec<Vec<Reading>> {
    let mut readings = steady(0, 320);
    readings.extend((600..900).map(|minute| reading(minute, minute - 590)));
    readings.extend([too_late(), Reading { arrived: at(900 - 7), ..reading(900, 400) }]);
    readings.chunks(90).map(<[Reading]>::to_vec).collect()
}

fn lived(deeds: &[Deed]) -> (String, Vec<Correction>) {
    let dir = dir();
    let mut engine = open(&dir);
    let pieces = pieces();
    let made = corrections_made();
    let who = eva();
    for deed in deeds {
        let main = meter(&engine, "main");
        match deed {
            Deed::Take(piece) => {
                let readings = pieces[*piece as usize].clone();
                engine.take(&[batch(*piece, "main", readings)], now()).expect("taken");
            }
            Deed::Correct(which) => {
                drop(engine.correct(main, made[*which], by(&who, now())).expect("made"));
            }
            Deed::Waver(which) => match engine.correct(main, made[*which], by(&who, now())) {
                Ok(made) => drop(engine.withdraw(made.sequence, by(&who, now())).expect("withdrawn")),
                Err(AmendError::Again(_)) => {}
                Err(error) => panic!("{error}"),
            },
            Deed::Admit => drop(engine.admit_refused(&Filter::default(), by(&who, now())).expect("admitted")),
            Deed::Flush => drop(engine.flush().expect("flushed")),
            Deed::Compact => drop(engine.compact().expect("compacted")),
            Deed::Kill => {
                drop(engine);
                engine = open(&dir);
            }
        }
    }
    engine.admit_refused(&Filter::default(), by(&who, now())).expect("admitted");
    let digest = engine.digest().expect("digest").hex;
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0, "a rebuild finds the ledger as it is");
    let in_force = engine.meters().get(meter(&engine, "main")).1.corrections.clone();
    holds(&dir);
    (digest, in_force)
}

#[test]
fn corrections_admissions_and_withdrawals_in_any_order_give_the_same_ledger() {
    let pieces = pieces().len() as u64;
    let made = corrections_made().len();
    let needed: Vec<Deed> = (0..pieces).map(Deed::Take).chain((0..made).map(Deed::Correct)).collect();
    let (calm, in_force) = lived(&needed);
    assert_eq!(in_force.len(), made);
    let extra = prop_oneof![
        (0..made).prop_map(Deed::Waver),
        (0..pieces).prop_map(Deed::Take),
        Just(Deed::Admit),
        Just(Deed::Flush),
        Just(Deed::Compact),
        Just(Deed::Kill),
    ];
    let strategy = prop::collection::vec(extra, 0..16).prop_flat_map(move |mut all| {
        all.extend(needed.iter().cloned());
        Just(all).prop_shuffle()
    });
    let cases = std::env::var("WATTLEDGER_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&strategy, |deeds| {
        let (digest, order) = lived(&deeds);
        prop_assert_eq!(&digest, &calm);
        prop_assert_eq!(&order, &in_force);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn corrections_are_listed_with_what_became_of_them() {
    let dir = dir();
    let mut engine = open(&dir);
    let main = meter(&engine, "main");
    let kept = engine.correct(main, entry(10, 20, 1), by(&eva(), now())).expect("made");
    let gone = engine.correct(main, entry(30, 40, 2), by(&eva(), now())).expect("made");
    let taken_back = engine.withdraw(gone.sequence, by(&eva(), now())).expect("withdrawn");
    drop(engine);
    let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
    let all = corrections::load(&connection).expect("read");
    let states: Vec<_> = all.iter().map(|kept| (kept.sequence, kept.withdrawn)).collect();
    assert_eq!(states, [(kept.sequence, None), (gone.sequence, Some(taken_back.sequence))]);
    assert_eq!(all[0].correction, entry(10, 20, 1));
}

#[test]
fn an_admission_that_the_disk_refuses_changes_nothing() {
    let dir = dir();
    let mut engine = open(&dir);
    let watts: Vec<Reading> =
        (0..30).map(|minute| Reading { unit: "W".parse().ok(), ..reading(minute, 600) }).collect();
    // Admitted, the first would be of a meter that nobody claims and that is a register from then on.
    let skewed = |minute| Reading { arrived: Timestamp(at(minute).0 - 400_000), ..reading(minute, 5) };
    let arrivals = [
        batch(0, "loose", watts.clone()),
        batch(1, "loose", vec![skewed(40)]),
        batch(2, "unheard", vec![skewed(50)]),
    ];
    engine.take(&arrivals, now()).expect("taken");
    engine.compact().expect("compacted");
    let before = engine.digest().expect("digest");
    let meters = engine.meters().ids().count();
    let readings = engine.tally().readings();
    let full = rusqlite::Connection::open(Layout::new(dir.path()).database()).expect("opens");
    full.execute_batch(
        "CREATE TRIGGER full BEFORE DELETE ON quarantine BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .expect("made");
    engine.admit_refused(&Filter::default(), by(&eva(), now())).expect_err("refused");
    full.execute_batch("DROP TRIGGER full").expect("dropped");
    assert_eq!(engine.digest().expect("digest"), before);
    assert_eq!(engine.meters().ids().count(), meters);
    assert_eq!(engine.tally().readings(), readings);
    assert_eq!(chain(&dir, None).len(), 0);
    // A meter that comes next is not taken for the one that did not.
    engine.take(&[batch(3, "next", vec![reading(7, 1)])], now()).expect("taken");
    let next = meter(&engine, "next");
    let newest = engine.tally().meter(next).and_then(|tally| tally.newest.clone()).expect("heard");
    assert_eq!(newest.at, at(7));
    let done = engine.admit_refused(&Filter::default(), by(&eva(), now())).expect("admitted");
    assert_eq!(done.done, 2);
    let digest = engine.digest().expect("digest");
    drop(engine);
    assert_eq!(open(&dir).digest().expect("digest"), digest);
}
