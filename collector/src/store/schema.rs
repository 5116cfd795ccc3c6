//! The tables of the embedded store, and how a store of an earlier version is brought up to this one.

use rusqlite::Connection;

/// Version of the schema that this program writes, kept in SQLite's `user_version`.
pub const VERSION: i64 = 1;

const TABLES: &str = "
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

/// Settings of every connection: a write-ahead log, and each commit on disk before it counts.
pub fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // Takes effect in a new file only. On smaller pages an hour of a gauge would spill to a page of its own.
    connection.pragma_update(None, "page_size", 8_192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The version found in the file; 0 where it is new.
pub fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the tables of a new store.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"))
}
