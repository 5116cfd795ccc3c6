//! What outputs remember over a restart: cursors over change numbers, alert state and turns, undelivered messages,
//! silences and acknowledgements.
//!
//! In a file of its own beside the ledger, so that no output ever waits for the ledger's writer or makes it
//! wait. Everything in it can be lost without loss to the ledger: an output without a cursor starts over,
//! and writing the same points again changes nothing.

use crate::store::{Layout, StoreError, schema};
use rusqlite::{Connection, OptionalExtension, params};

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS cursor (output TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert (
    rule TEXT NOT NULL, facility TEXT NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (rule, facility)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, channel TEXT NOT NULL, event TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT, facility TEXT NOT NULL, is_raised INTEGER NOT NULL,
    apart_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS turn_apart ON turn (facility, is_raised, apart_ms);
CREATE TABLE IF NOT EXISTS silence (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ack (alarm TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// Opens the outputs' file, making it if it is new. Every output has a connection of its own.
///
/// # Errors
/// [`StoreError::Sqlite`].
pub fn open(layout: &Layout) -> Result<Connection, StoreError> {
    let path = layout.outputs();
    let failed = |source| StoreError::Sqlite { path: path.clone(), source };
    let connection = Connection::open(&path).map_err(failed)?;
    schema::prepare(&connection).map_err(failed)?;
    connection.execute_batch(TABLES).map_err(failed)?;
    Ok(connection)
}

/// Opens the outputs' file where there is one.
///
/// # Errors
/// [`StoreError::Absent`] where the collector has never run; [`StoreError::Sqlite`].
pub fn open_existing(layout: &Layout) -> Result<Connection, StoreError> {
    if !layout.outputs().exists() {
        return Err(StoreError::Absent(layout.dir.clone()));
    }
    open(layout)
}

/// What an output wrote with [`set_cursor`].
///
/// # Errors
/// SQLite's.
pub fn cursor(connection: &Connection, output: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT state FROM cursor WHERE output = ?1")?
        .query_row([output], |row| row.get(0))
        .optional()
}

/// Remembers how far an output has come; durable on return.
///
/// # Errors
/// SQLite's.
pub fn set_cursor(connection: &Connection, output: &str, state: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO cursor VALUES (?1, ?2) ON CONFLICT DO UPDATE SET state = excluded.state",
        )?
        .execute(params![output, state])
        .map(drop)
}
