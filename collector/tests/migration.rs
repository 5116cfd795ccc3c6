//! A store of an earlier schema is brought up to this one in place, and one of a later schema is refused.

mod world;

use rusqlite::{Connection, params};
use std::path::Path;
use wattledger_collector::engine::{Engine, EngineError};
use wattledger_collector::store::quarantine::Filter;
use wattledger_collector::store::{self, Layout, StoreError, digest, schema};
use wattledger_model::reading::{Cause, Reading};
use wattledger_model::time::Timestamp;
use world::{DAY_MS, START, at, batch, by, config, eva, open, reading, steady};

/// The tables of schema version 1.
const ONE: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meter (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL,
    interpretation TEXT NOT NULL, UNIQUE (site, name)) STRICT;
CREATE TABLE raw (
    meter INTEGER NOT NULL, day INTEGER NOT NULL, block BLOB NOT NULL,
    PRIMARY KEY (meter, day)) STRICT, WITHOUT ROWID;
CREATE TABLE hour (
    meter INTEGER NOT NULL, hour INTEGER NOT NULL, change INTEGER NOT NULL,
    measured INTEGER NOT NULL, measured_ms INTEGER NOT NULL,
    interpolated INTEGER NOT NULL, interpolated_ms INTEGER NOT NULL,
    estimated INTEGER NOT NULL, estimated_ms INTEGER NOT NULL,
    block BLOB NOT NULL, PRIMARY KEY (meter, hour)) STRICT, WITHOUT ROWID;
CREATE INDEX hour_change ON hour (change);
CREATE TABLE day (
    meter INTEGER NOT NULL, day INTEGER NOT NULL,
    measured INTEGER NOT NULL, measured_ms INTEGER NOT NULL,
    interpolated INTEGER NOT NULL, interpolated_ms INTEGER NOT NULL,
    estimated INTEGER NOT NULL, estimated_ms INTEGER NOT NULL,
    PRIMARY KEY (meter, day)) STRICT, WITHOUT ROWID;
CREATE TABLE step (
    meter INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
    class TEXT NOT NULL, amount INTEGER, provenance TEXT,
    PRIMARY KEY (meter, from_ms)) STRICT, WITHOUT ROWID;
CREATE TABLE newest (
    meter INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, value TEXT NOT NULL, unit TEXT,
    arrived_ms INTEGER NOT NULL) STRICT;
CREATE TABLE agent (
    site TEXT NOT NULL, name TEXT NOT NULL, started_ms INTEGER NOT NULL, incarnation TEXT NOT NULL,
    floor INTEGER NOT NULL, ranges TEXT NOT NULL,
    PRIMARY KEY (site, name, started_ms, incarnation)) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, cause TEXT NOT NULL, site TEXT NOT NULL, agent TEXT NOT NULL,
    origin TEXT NOT NULL, meter TEXT, at_ms INTEGER NOT NULL, detail TEXT NOT NULL,
    sample BLOB NOT NULL) STRICT;
CREATE INDEX quarantine_cause ON quarantine (cause);
CREATE TABLE quarantine_count (
    cause TEXT NOT NULL, site TEXT NOT NULL, agent TEXT NOT NULL, origin TEXT NOT NULL,
    count INTEGER NOT NULL, last_ms INTEGER NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (cause, site, agent, origin)) STRICT, WITHOUT ROWID;
CREATE TABLE loss (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, agent TEXT NOT NULL,
    from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, readings INTEGER NOT NULL) STRICT;
";

/// Tables that version 1 has and this one reads alike.
const ALIKE: [&str; 8] = ["meta", "meter", "raw", "hour", "day", "newest", "agent", "loss"];

/// A store as a program of version 1 left it: what this one made, in the tables of then.
fn as_of_version_one(dir: &Path) {
    let now = Layout::new(dir).database();
    let then = dir.join("one.sqlite");
    let connection = Connection::open(&then).expect("opens");
    schema::prepare(&connection).expect("prepared");
    connection.execute_batch(ONE).expect("made");
    connection.execute("ATTACH ?1 AS two", params![now.to_string_lossy()]).expect("attached");
    for table in ALIKE.iter().chain(&["quarantine_count"]) {
        connection.execute_batch(&format!("INSERT INTO {table} SELECT * FROM two.{table}")).expect(table);
    }
    connection
        .execute_batch(
            "INSERT INTO step SELECT meter, from_ms, to_ms, class, amount, provenance FROM two.step;
             INSERT INTO quarantine
               SELECT id, cause, site, agent, origin, meter, at_ms, detail, sample FROM two.quarantine;
             DETACH two; PRAGMA user_version = 1;",
        )
        .expect("copied");
    drop(connection);
    for end in ["", "-wal", "-shm"] {
        let file = format!("{}{end}", now.display());
        if Path::new(&file).exists() {
            std::fs::remove_file(&file).expect("removed");
        }
    }
    std::fs::rename(then, now).expect("moved");
}

#[test]
fn everything_in_a_store_of_version_one_is_there_after_the_first_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir);
    let mut readings = steady(0, 300);
    readings.extend((600..800).map(|minute| reading(minute, minute - 599)));
    readings.push(Reading { at: Timestamp(START - 395 * DAY_MS), ..reading(0, 5) });
    engine.take(&[batch(0, "main", readings)], at(14_400)).expect("taken");
    engine.compact().expect("compacted");
    let before = engine.digest().expect("digest");
    assert!(before.steps > 0);
    let committed = engine.committed_of(&(world::agent(), world::incarnation()));
    drop(engine);
    let schema = schema_of(dir.path());
    as_of_version_one(dir.path());

    let error = store::open_reader(&Layout::new(dir.path())).expect_err("older");
    assert!(error.to_string().contains("start the collector once"), "{error}");

    let mut engine = Engine::open_at(config(dir.path(), 400), Some(at(20_000)), None).expect("opens");
    assert_eq!(schema_of(dir.path()), schema, "as if it had been made so");
    assert_eq!(engine.digest().expect("digest"), before);
    assert_eq!(engine.rebuild().expect("rebuilt").changed_hours, 0);
    assert_eq!(engine.committed_of(&(world::agent(), world::incarnation())), committed);
    assert_eq!(engine.tally().readings(), 500);
    let (count, held) = engine.quarantined(&Filter::default(), 10).expect("read");
    assert_eq!((count, held[0].cause, held[0].reading), (1, Cause::TooLate, None));
    let error =
        engine.admit_refused(&Filter { ids: vec![held[0].id], ..Filter::default() }, by(&eva(), at(20_000)));
    assert!(error.expect_err("not whole").to_string().contains("by hand"));
    // What stood before stays readable after it changes.
    engine.take(&[batch(1, "main", steady(300, 400))], at(20_100)).expect("taken");
    let after = engine.digest().expect("digest");
    assert_ne!(after, before);
    let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
    let known = store::history::known_at(&connection, at(20_030)).expect("known");
    store::history::shadow(&connection, known).expect("shadowed");
    assert_eq!(digest::of(&connection, None).expect("read"), before);
    let error = store::history::known_at(&connection, at(10_000)).expect_err("not noted").to_string();
    assert!(error.contains("ask for that time or a later one"), "{error}");
}

/// A store as a program of version 2 left it: all but what versions 3 and 4 added.
fn as_of_version_two(dir: &Path) {
    let connection = Connection::open(Layout::new(dir).database()).expect("opens");
    let triggers: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_voids_digest'")
        .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
        .expect("read");
    assert_eq!(triggers.len(), 6);
    for trigger in triggers {
        connection.execute_batch(&format!("DROP TRIGGER {trigger}")).expect("dropped");
    }
    connection
        .execute_batch("DROP TABLE day_hours; DROP TABLE day_digest; PRAGMA user_version = 2;")
        .expect("dropped");
}

/// Everything that the schema of a store is made of.
fn schema_of(dir: &Path) -> Vec<(String, String)> {
    let connection = Connection::open(Layout::new(dir).database()).expect("opens");
    connection
        .prepare("SELECT name, coalesce(sql, '') FROM sqlite_master ORDER BY name")
        .and_then(|mut all| all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .expect("read")
}

/// Digests of days that are kept, and days that wait for theirs.
fn kept(dir: &Path) -> (i64, i64) {
    let connection = store::open_reader(&Layout::new(dir)).expect("opens");
    connection
        .query_row("SELECT count(digest), count(*) - count(digest) FROM day_digest", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("read")
}

/// Two hundred days with steps and some without minutes, so that no one start makes all their digests.
fn two_hundred_days(dir: &tempfile::TempDir) -> Engine {
    let mut engine = open(dir);
    let day = |day: i64| [reading(day * 1_440, day * 9), reading(day * 1_440 + 5, day * 9 + 1)];
    engine.take(&[batch(0, "main", (0..200).flat_map(day).collect())], at(201 * 1_440)).expect("taken");
    // A fall without a neighbour: a reset of which nothing is booked.
    let fall = vec![reading(-1_440, 900), reading(-1_430, 5)];
    engine.take(&[batch(1, "other", fall)], at(201 * 1_440)).expect("taken");
    engine.compact().expect("compacted");
    engine
}

#[test]
fn a_store_of_version_two_gets_its_digests_by_and_by_however_often_it_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = two_hundred_days(&dir);
    let before = engine.digest().expect("digest");
    let (days, _) = kept(dir.path());
    drop(engine);
    let schema = schema_of(dir.path());
    as_of_version_two(dir.path());
    let error = store::open_reader(&Layout::new(dir.path())).expect_err("older");
    assert!(error.to_string().contains("start the collector once"), "{error}");

    let digests = |engine: Engine| {
        drop(engine);
        let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
        [digest::of, digest::afresh].map(|read| read(&connection, None).expect("read"))
    };
    let open = || Engine::open_at(config(dir.path(), 400), Some(at(201 * 1_440)), None).expect("opens");
    // Killed at once, then after a few digests.
    assert_eq!(digests(open()), [before.clone(), before.clone()]);
    assert_eq!(schema_of(dir.path()), schema, "as if it had been made so");
    let (some, waiting) = kept(dir.path());
    assert!(0 < some && 0 < waiting && some + waiting == days, "{some} and {waiting} of {days}");
    let mut engine = open();
    while engine.keep_digests().expect("kept") {}
    assert_eq!(kept(dir.path()), (days, 0));
    assert_eq!(digests(engine), [before.clone(), before.clone()]);
    // What is written from then on is seen.
    let mut engine = open();
    engine.take(&[batch(2, "main", vec![reading(50 * 1_440 + 3, 451)])], at(201 * 1_440)).expect("taken");
    let after = engine.digest().expect("digest");
    assert_ne!(after, before);
    assert_eq!(digests(engine), [after.clone(), after]);
}

#[test]
fn a_store_of_version_three_gets_the_hours_of_its_days_with_their_digests() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = two_hundred_days(&dir);
    while engine.keep_digests().expect("kept") {}
    let before = engine.digest().expect("digest");
    drop(engine);
    let hours = |dir: &Path| -> i64 {
        let connection = store::open_reader(&Layout::new(dir)).expect("opens");
        connection.query_row("SELECT count(*) FROM day_hours", [], |row| row.get(0)).expect("read")
    };
    let (schema, days, all) = (schema_of(dir.path()), kept(dir.path()), hours(dir.path()));
    assert_eq!((days.1, all), (0, days.0), "each day that has a digest has its hours");
    let connection = Connection::open(Layout::new(dir.path()).database()).expect("opens");
    connection.execute_batch("DROP TABLE day_hours; PRAGMA user_version = 3;").expect("dropped");
    drop(connection);

    let mut engine = Engine::open_at(config(dir.path(), 400), Some(at(201 * 1_440)), None).expect("opens");
    assert_eq!(schema_of(dir.path()), schema, "as if it had been made so");
    assert_eq!(engine.digest().expect("digest"), before);
    while engine.keep_digests().expect("kept") {}
    assert_eq!((kept(dir.path()), hours(dir.path())), (days, all));
    assert_eq!(engine.digest().expect("digest"), before);
}

#[test]
fn a_migration_that_cannot_be_finished_leaves_the_store_as_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(two_hundred_days(&dir));
    as_of_version_two(dir.path());
    let connection = Connection::open(Layout::new(dir.path()).database()).expect("opens");
    // Its last statements fail.
    connection
        .execute_batch("CREATE TRIGGER step_update_voids_digest AFTER UPDATE ON meta BEGIN SELECT 1; END;")
        .expect("in the way");
    let before = schema_of(dir.path());
    assert!(Engine::open(config(dir.path(), 400)).is_err());
    assert_eq!((schema_of(dir.path()), schema::version(&connection).expect("read")), (before, 2));
    connection.execute_batch("DROP TRIGGER step_update_voids_digest").expect("dropped");
    let mut engine = Engine::open(config(dir.path(), 400)).expect("opens");
    let digest = engine.digest().expect("digest");
    let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
    assert_eq!(digest::afresh(&connection, None).expect("read"), digest);
}

#[test]
fn a_store_of_a_later_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(&dir));
    let path = Layout::new(dir.path()).database();
    let connection = Connection::open(&path).expect("opens");
    connection.pragma_update(None, "user_version", 99).expect("set");
    let Err(EngineError::Store(error)) = Engine::open(config(dir.path(), 400)) else {
        panic!("a later schema was taken");
    };
    assert!(matches!(error, StoreError::Version { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("use the newer program"), "{error}");
    assert_eq!(schema::version(&connection).expect("read"), 99);
}
