//! Digests are kept by meter and day: whatever is written, however often the collector is killed, they are those
//! of the minutes and steps that there are; and they are there when a report asks.

mod world;

use proptest::prelude::*;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wattledger_collector::engine::{Engine, EngineConfig, service};
use wattledger_collector::health::HealthBoard;
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::store::read::SeriesReader;
use wattledger_collector::store::{self, Layout, digest, history};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::Kind;
use wattledger_model::minute::Provenance;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Minute, Timestamp};
use world::{DAY_MS, at, batch, by, eva, key, meter, reading, register, steady};

const DAY: i64 = 1_440;

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// A register with a scale, another one, and a gauge.
fn config(dir: &Path, scale: i64) -> EngineConfig {
    let unit = "Cel".parse().ok();
    let meters = BTreeMap::from([
        (key("main"), Interpretation { scale: Decimal::new(scale, 0), ..register() }),
        (key("other"), register()),
        (key("warmth"), Interpretation { kind: Kind::Gauge, unit, ..Interpretation::unclaimed(unit) }),
    ]);
    EngineConfig { layout: Layout::new(dir), raw_kept_ms: 400 * DAY_MS, meters }
}

fn open(dir: &TempDir, scale: i64) -> Engine {
    Engine::open(config(dir.path(), scale)).expect("opens")
}

fn reader(dir: &TempDir) -> Connection {
    store::open_reader(&Layout::new(dir.path())).expect("opens")
}

fn degrees(minute: i64) -> Reading {
    Reading { unit: "Cel".parse().ok(), ..reading(minute, 200 + minute % 17) }
}

/// Rows of the table of digests: with one, and waiting for one.
fn rows(dir: &TempDir) -> (i64, i64) {
    reader(dir)
        .query_row("SELECT count(digest), count(*) - count(digest) FROM day_digest", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("read")
}

#[derive(Debug, Clone)]
enum Deed {
    Take { meter: usize, from: i64, minutes: i64, every: i64, step: i64 },
    Flush,
    Compact,
    Keep,
    Kill { scale: i64 },
    Later { hours: i64 },
    Rebuild,
    Forget { days: i64 },
    Correct { from: i64, minutes: i64, exclude: bool },
}

fn deed() -> impl Strategy<Value = Deed> {
    let minute = || -DAY..4 * DAY;
    prop_oneof![
        8 => (0..3_usize, minute(), 1_i64..2_000, 1_i64..40, -1_i64..9).prop_map(
            |(meter, from, minutes, every, step)| Deed::Take { meter, from, minutes, every, step }
        ),
        4 => Just(Deed::Flush),
        2 => Just(Deed::Compact),
        4 => Just(Deed::Keep),
        2 => (1_i64..4).prop_map(|scale| Deed::Kill { scale }),
        2 => (1_i64..40).prop_map(|hours| Deed::Later { hours }),
        1 => Just(Deed::Rebuild),
        1 => (-1_i64..5).prop_map(|days| Deed::Forget { days }),
        2 => (minute(), 1_i64..3_000, any::<bool>())
            .prop_map(|(from, minutes, exclude)| Deed::Correct { from, minutes, exclude }),
    ]
}

/// One store that things happen to.
struct Life {
    dir: TempDir,
    engine: Engine,
    now: Timestamp,
    sequence: u64,
}

impl Life {
    fn act(mut self, deed: &Deed) -> Life {
        match *deed {
            Deed::Take { meter, from, minutes, every, step } => {
                let name = ["main", "other", "warmth"][meter];
                let instants = (from..from + minutes).step_by(every as usize);
                // A step below zero falls, and what is already there is contradicted now and then.
                let readings = instants.map(|minute| match meter {
                    2 => degrees(minute),
                    _ => reading(minute, 100_000 + minute * 7 + (minute - from) * step),
                });
                self.sequence += 1;
                let arrival = batch(self.sequence, name, readings.collect());
                self.engine.take(&[arrival.clone(), arrival], self.now).expect("taken");
            }
            Deed::Flush => drop(self.engine.flush().expect("flushed")),
            Deed::Compact => drop(self.engine.compact().expect("compacted")),
            Deed::Keep => drop(self.engine.keep_digests().expect("kept")),
            Deed::Kill { scale } => {
                drop(self.engine);
                self.engine = open(&self.dir, scale);
                self.engine.tell_time(self.now);
            }
            Deed::Later { hours } => {
                self.now = Timestamp(self.now.0 + hours * 3_600_000);
                self.engine.tell_time(self.now);
            }
            Deed::Rebuild => drop(self.engine.rebuild().expect("rebuilt")),
            Deed::Forget { days } => drop(self.engine.forget_raw_before(at(days * DAY)).expect("forgotten")),
            Deed::Correct { from, minutes, exclude } => {
                let (from, to) = (at(from), at(from + minutes));
                let correction = if exclude {
                    Correction::Exclude { from, to }
                } else {
                    Correction::Entry { from, to, amount: 1_000_000 }
                };
                // What was deleted, or is not known yet, cannot be corrected.
                if let Some(main) = self.engine.meters().id(&key("main")) {
                    let _refused = self.engine.correct(main, correction, by(&eva(), self.now));
                }
            }
        }
        self
    }

    /// With digests of days, and without; now, or as it was known.
    fn both(&self, part: Option<Interval>, known: Option<Timestamp>) -> [digest::Digest; 2] {
        let connection = reader(&self.dir);
        if let Some(known) = known {
            let known = history::known_at(&connection, known).expect("noted");
            history::shadow(&connection, known).expect("shadowed");
        }
        [digest::of, digest::afresh].map(|read| read(&connection, part).expect("read"))
    }
}

#[test]
fn whatever_happens_digests_are_those_of_the_minutes_and_steps() {
    let cases = std::env::var("WATTLEDGER_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let input = (prop::collection::vec(deed(), 4..40), -2 * DAY..5 * DAY, 0..3 * DAY, 0..200_i64);
    let outcome =
        proptest::test_runner::TestRunner::new(config).run(&input, |(deeds, from, length, hours)| {
            let (dir, now) = (dir(), at(4 * DAY));
            let mut life = Life { engine: open(&dir, 1), dir, now, sequence: 0 };
            life.engine.tell_time(now);
            let ragged =
                Some(Interval::new(Minute(at(from).minute().0), Minute(at(from + length).minute().0)));
            for deed in &deeds {
                life = life.act(deed);
                for part in [None, ragged] {
                    let [kept, fresh] = life.both(part, None);
                    prop_assert_eq!(kept, fresh, "{:?} after {:?}", part, deed);
                }
                let known = Timestamp(now.0 + hours * 3_600_000);
                let [kept, fresh] = life.both(ragged, Some(known));
                prop_assert_eq!(kept, fresh, "as known at {} after {:?}", known, deed);
            }
            let kept = life.engine.digest().expect("digest");
            let [_, fresh] = life.both(None, None);
            prop_assert_eq!(&kept, &fresh);
            life.engine.rebuild().expect("rebuilt");
            prop_assert_eq!(life.engine.digest().expect("digest"), kept, "a rebuild finds it as it is");
            Ok(())
        });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Days of all three meters with a gap, a fall and a gauge, ended at some hour of the fourth.
fn four_days(dir: &TempDir) -> Engine {
    let mut engine = open(dir, 1);
    let mut readings = steady(-30, DAY + 300);
    readings.extend((DAY + 900..3 * DAY + 500).map(|minute| reading(minute, minute - DAY)));
    let arrivals = [
        batch(0, "main", readings),
        batch(1, "other", (0..30).map(|hour| reading(hour * 150, 5_000 + hour)).collect()),
        batch(2, "warmth", (10..2 * DAY + 10).step_by(7).map(degrees).collect()),
    ];
    engine.take(&arrivals, at(3 * DAY + 510)).expect("taken");
    engine.compact().expect("compacted");
    engine
}

/// Length and text.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// The digest of a period as its description has it, from what the store gives out.
fn as_described(dir: &TempDir, engine: &Engine, from: i64, to: i64) -> String {
    let store = SeriesReader::open(&Layout::new(dir.path())).expect("opens");
    let mut ledger = Vec::new();
    for name in ["main", "other", "warmth"] {
        let id = meter(engine, name);
        // What a day is the digest of: minutes come first, steps behind them.
        let mut days: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
        let is_in = |minute: i64| from <= minute && minute < to;
        let begun = |days: &mut BTreeMap<i64, Vec<u8>>, minute: i64, parts: &[&[u8]]| {
            days.entry(minute.div_euclid(DAY)).or_default().extend(parts.concat());
        };
        if name == "warmth" {
            let levels = store.levels(id).expect("a gauge");
            for (minute, level) in levels.into_iter().filter(|(minute, _)| is_in(*minute)) {
                let values = [level.mean, level.min, level.max].map(f64::to_le_bytes).concat();
                begun(&mut days, minute, &[&[2], &minute.to_le_bytes(), &values, &level.ms.to_le_bytes()]);
            }
        } else {
            let minutes = store.minutes(id).expect("a register");
            for (minute, sums) in minutes.into_iter().filter(|(minute, _)| is_in(*minute)) {
                let part = |which: usize| {
                    let part = sums.parts[which];
                    [&part.amount.to_le_bytes()[..], &part.ms.to_le_bytes()].concat()
                };
                begun(&mut days, minute, &[&[1], &minute.to_le_bytes(), &part(0), &part(1), &part(2)]);
            }
        }
        for step in store.steps(id).expect("steps") {
            let minute = step.from.minute().0;
            if is_in(minute) {
                let mut words = Vec::new();
                text(&mut words, step.class.word());
                text(&mut words, step.provenance.map_or("", Provenance::word));
                let amount = step.amount.map_or(vec![0], |amount| [&[1][..], &amount.to_le_bytes()].concat());
                let ends = [step.from.0.to_le_bytes(), step.to.0.to_le_bytes()].concat();
                begun(&mut days, minute, &[&[3], &ends, &words, &amount]);
            }
        }
        let mut of_meter = Vec::new();
        for (day, bytes) in days {
            of_meter.extend(day.to_le_bytes());
            of_meter.extend(Sha256::digest(&bytes));
        }
        if !of_meter.is_empty() {
            text(&mut ledger, "hall");
            text(&mut ledger, name);
            ledger.extend(Sha256::digest(&of_meter));
        }
    }
    Sha256::digest(&ledger).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_digest_is_what_its_description_says_also_where_a_period_ends_within_days() {
    let dir = dir();
    let mut engine = four_days(&dir);
    assert!(rows(&dir).0 >= 6, "{:?} are kept", rows(&dir));
    let start = at(0).minute().0;
    let parts = [(-DAY, 9 * DAY), (0, 2 * DAY), (317, 3 * DAY), (DAY, 2 * DAY + 182), (DAY + 1, DAY + 2)];
    let mut seen = BTreeSet::new();
    for (from, to) in parts.into_iter().chain([(317, 2 * DAY + 7), (400, 200 + DAY), (-20, 20)]) {
        let (from, to) = (start + from, start + to);
        let interval = Interval::new(Minute(from), Minute(to));
        let digest = engine.digest_of(Some(interval)).expect("digest");
        assert_eq!(digest.hex, as_described(&dir, &engine, from, to), "{interval}");
        seen.insert(digest.hex);
    }
    assert_eq!(seen.len(), 8, "no two periods have the same");
    let all = engine.digest().expect("digest");
    assert_eq!(all.hex, as_described(&dir, &engine, i64::MIN, i64::MAX));
    let empty = engine.digest_of(Some(Interval::new(Minute(start), Minute(start)))).expect("digest");
    assert_eq!((empty.minutes, empty.steps), (0, 0));
}

#[test]
fn days_that_are_over_have_their_digest_after_a_run_and_today_has_none() {
    let dir = dir();
    let mut engine = four_days(&dir);
    // Main from the day before on, two gauge days and a little, hours of a register.
    let today = at(3 * DAY).minute().day();
    let kept: Vec<(i64, bool)> = reader(&dir)
        .prepare("SELECT day, digest IS NOT NULL FROM day_digest")
        .and_then(|mut all| all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .expect("read");
    assert!(kept.len() > 8, "{kept:?}");
    assert!(kept.iter().all(|(day, is_kept)| *is_kept == (*day < today)), "{kept:?}, today {today}");
    // Late data voids one, and the next move of readings makes it again.
    let (all, waiting) = rows(&dir);
    engine.take(&[batch(9, "other", vec![reading(75, 5_001)])], at(3 * DAY + 511)).expect("taken");
    engine.flush().expect("flushed");
    assert_eq!(rows(&dir), (all - 1, waiting + 1));
    engine.compact().expect("compacted");
    assert_eq!(rows(&dir), (all, waiting));
}

#[test]
fn a_block_that_cannot_be_read_holds_no_other_day_up() {
    let dir = dir();
    let mut engine = four_days(&dir);
    let before = rows(&dir);
    let damage = "UPDATE hour SET block = x'ff00' WHERE hour = (SELECT min(hour) FROM hour)";
    let writer = Connection::open(Layout::new(dir.path()).database()).expect("opens");
    writer.execute(damage, []).expect("damaged");
    engine.take(&[batch(9, "main", vec![reading(DAY + 60, 110_505)])], at(3 * DAY + 511)).expect("taken");
    for _ in 0..3 {
        engine.compact().expect("compacted");
        assert_eq!(rows(&dir), (before.0 - 1, before.1 + 1), "only the damaged day waits");
    }
    let error = engine.digest().expect_err("it is not known what the day was").to_string();
    assert!(error.contains("in hour"), "{error}");
    engine.rebuild().expect("rebuilt");
    engine.digest().expect("mended");
    assert_eq!(rows(&dir), before);
}

#[test]
fn a_rebuild_makes_digests_from_minutes_whatever_was_kept() {
    let dir = dir();
    let mut engine = four_days(&dir);
    let good = engine.digest().expect("digest");
    let writer = Connection::open(Layout::new(dir.path()).database()).expect("opens");
    writer
        .execute("UPDATE day_digest SET digest = zeroblob(32) WHERE digest IS NOT NULL", [])
        .expect("forged");
    assert_ne!(engine.digest().expect("digest"), good);
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    assert_eq!(engine.digest().expect("digest"), good);
    writer.execute("DELETE FROM day_digest", []).expect("deleted");
    engine.rebuild().expect("rebuilt");
    assert_eq!(engine.digest().expect("digest"), good);
}

#[tokio::test]
async fn the_running_collector_makes_what_waits_beside_intake() {
    let dir = dir();
    let mut engine = open(&dir, 1);
    let days = 150;
    for (sequence, name) in [(0, "main"), (1, "other")] {
        let readings = (-days..0).map(|day| reading(day * DAY, 5_000 + day * 7)).collect();
        engine.take(&[batch(sequence, name, readings)], at(DAY)).expect("taken");
        engine.compact().expect("compacted");
    }
    engine.rebuild().expect("rebuilt, which forgets them");
    let (few, waiting) = rows(&dir);
    assert!(waiting > few && few + waiting >= 2 * (days - 1), "{few} are kept, {waiting} wait");
    let (handle, signals) = service::start(engine, HealthBoard::default(), 9_000 * DAY_MS).expect("starts");
    let since = Instant::now();
    // Whatever the engine is asked waits for a few digests at most.
    while handle.act(|_, _| ()).await.is_ok() && rows(&dir).1 > 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "{:?}", rows(&dir));
    }
    assert_eq!(rows(&dir), (few + waiting, 0));
    drop(handle);
    signals.thread.join().expect("ended");
}
