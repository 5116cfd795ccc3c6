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
    as_of_version_one(dir.path());

    let error = store::open_reader(&Layout::new(dir.path())).expect_err("older");
    assert!(error.to_string().contains("start the collector once"), "{error}");

    let mut engine = Engine::open_at(config(dir.path(), 400), Some(at(20_000)), None).expect("opens");
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
