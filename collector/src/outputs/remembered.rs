//! What outputs remember over a restart: cursors over change numbers, alert state and turns, undelivered messages,
//! silences and acknowledgements, and which scheduled reports were made.
//!
//! In a file of its own beside the ledger, so that no output ever waits for the ledger's writer or makes it
//! wait. Everything in it can be lost without loss to the ledger: an output without a cursor starts over,
//! and writing the same points again changes nothing.

use crate::store::{Layout, StoreError, schema};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS cursor (output TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert (
    rule TEXT NOT NULL, facility TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (rule, facility, subject)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarm (
    id TEXT PRIMARY KEY, rule TEXT NOT NULL, facility TEXT NOT NULL, subject TEXT NOT NULL,
    raised_ms INTEGER NOT NULL, cleared_ms INTEGER, judged_ms INTEGER NOT NULL,
    raised TEXT NOT NULL, latest TEXT NOT NULL, cleared TEXT) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alarm_cleared ON alarm (cleared_ms);
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, channel TEXT NOT NULL, event TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT, facility TEXT NOT NULL, is_raised INTEGER NOT NULL,
    apart_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS turn_apart ON turn (facility, is_raised, apart_ms);
CREATE TABLE IF NOT EXISTS told (
    channel TEXT NOT NULL, alarm TEXT NOT NULL, turn TEXT NOT NULL, at_ms INTEGER NOT NULL, key TEXT NOT NULL,
    times INTEGER NOT NULL, PRIMARY KEY (channel, alarm, turn)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS told_alarm ON told (alarm);
CREATE TABLE IF NOT EXISTS noticed (
    channel TEXT NOT NULL, alarm TEXT NOT NULL, turn TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, alarm, turn)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS silence (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ack (alarm TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS schedule (name TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scheduled (
    name TEXT NOT NULL, period TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (name, period)) STRICT, WITHOUT ROWID;
";

/// Rows of alerts that had one subject for each rule, their facility.
const ONE_SUBJECT: &str = "
ALTER TABLE alert RENAME TO alert_before;
CREATE TABLE alert (
    rule TEXT NOT NULL, facility TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (rule, facility, subject)) STRICT, WITHOUT ROWID;
INSERT INTO alert SELECT rule, facility, facility, state FROM alert_before;
DROP TABLE alert_before;
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
    bring_up(&connection).map_err(failed)?;
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

/// Brings a file of an earlier version to the tables of this one; several connections may open it at once.
fn bring_up(connection: &Connection) -> rusqlite::Result<()> {
    if !has_one_subject(connection)? {
        return Ok(());
    }
    let transaction = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if has_one_subject(&transaction)? {
        transaction.execute_batch(ONE_SUBJECT)?;
    }
    transaction.commit()
}

/// Whether the alerts' table is there and knows no subjects.
fn has_one_subject(connection: &Connection) -> rusqlite::Result<bool> {
    let columns: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info('alert')")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(!columns.is_empty() && !columns.iter().any(|column| column == "subject"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn nobody_who_opens_the_file_fails_for_others_that_open_or_close_it() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().expect("a folder");
            let layout = Layout::new(folder.path());
            let start = Barrier::new(4);
            thread::scope(|scope| {
                for output in ["a", "b", "c", "d"] {
                    let (layout, start) = (&layout, &start);
                    scope.spawn(move || {
                        start.wait();
                        for round in 0..5 {
                            let connection = open(layout).expect("opens");
                            set_cursor(&connection, output, &round.to_string()).expect("written");
                            assert_eq!(cursor(&connection, output), Ok(Some(round.to_string())));
                        }
                    });
                }
            });
        }
    }

    #[test]
    fn alerts_of_a_version_with_one_subject_a_rule_are_those_of_the_facility() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(folder.path());
        let before = Connection::open(layout.outputs()).expect("opens");
        before
            .execute_batch(
                "CREATE TABLE alert (rule TEXT NOT NULL, facility TEXT NOT NULL, state TEXT NOT NULL,
                 PRIMARY KEY (rule, facility)) STRICT, WITHOUT ROWID;
                 INSERT INTO alert VALUES ('pue', 'hall-1', '{}'), ('pue', 'hall-2', '{\"a\":1}');",
            )
            .expect("written");
        drop(before);
        for _ in 0..2 {
            let connection = open(&layout).expect("opens");
            let rows: Vec<(String, String, String, String)> = connection
                .prepare("SELECT rule, facility, subject, state FROM alert ORDER BY facility")
                .expect("a query")
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .expect("rows")
                .collect::<Result<_, _>>()
                .expect("rows");
            let row = |facility: &str, state: &str| {
                ("pue".to_owned(), facility.to_owned(), facility.to_owned(), state.to_owned())
            };
            assert_eq!(rows, [row("hall-1", "{}"), row("hall-2", "{\"a\":1}")]);
        }
    }
}
