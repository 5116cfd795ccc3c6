//! The tables of the embedded store, and how a store of an earlier version is brought up to this one.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use std::thread;
use std::time::{Duration, Instant};

/// Version of the schema that this program writes, kept in SQLite's `user_version`.
pub const VERSION: i64 = 4;

/// What all versions have in common.
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
CREATE TABLE newest (
    meter INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, value TEXT NOT NULL, unit TEXT,
    arrived_ms INTEGER NOT NULL) STRICT;
CREATE TABLE agent (
    site TEXT NOT NULL, name TEXT NOT NULL, started_ms INTEGER NOT NULL, incarnation TEXT NOT NULL,
    floor INTEGER NOT NULL, ranges TEXT NOT NULL,
    PRIMARY KEY (site, name, started_ms, incarnation)) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine_count (
    cause TEXT NOT NULL, site TEXT NOT NULL, agent TEXT NOT NULL, origin TEXT NOT NULL,
    count INTEGER NOT NULL, last_ms INTEGER NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (cause, site, agent, origin)) STRICT, WITHOUT ROWID;
CREATE TABLE loss (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, agent TEXT NOT NULL,
    from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, readings INTEGER NOT NULL) STRICT;
";

/// Tables that differ from those of version 1.
const MENDED: &str = "
CREATE TABLE step (
    meter INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
    class TEXT NOT NULL, amount INTEGER, provenance TEXT, change INTEGER NOT NULL,
    PRIMARY KEY (meter, from_ms, to_ms)) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, cause TEXT NOT NULL, site TEXT NOT NULL, agent TEXT NOT NULL,
    origin TEXT NOT NULL, meter TEXT, at_ms INTEGER NOT NULL, detail TEXT NOT NULL,
    sample BLOB NOT NULL, reading BLOB) STRICT;
CREATE INDEX quarantine_cause ON quarantine (cause);
";

/// Tables that are new in version 2: what people did, and what the ledger was before.
const ADDED: &str = "
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, kind TEXT NOT NULL,
    reason TEXT NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TRIGGER audit_keeps_what_it_has BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit chain is only ever added to'); END;
CREATE TRIGGER audit_loses_nothing BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit chain is only ever added to'); END;
CREATE TABLE correction (
    sequence INTEGER PRIMARY KEY, meter INTEGER NOT NULL, body TEXT NOT NULL, withdrawn INTEGER,
    frozen INTEGER NOT NULL) STRICT;
CREATE TABLE hour_past (
    meter INTEGER NOT NULL, hour INTEGER NOT NULL, change INTEGER NOT NULL, until INTEGER NOT NULL,
    measured INTEGER NOT NULL, measured_ms INTEGER NOT NULL,
    interpolated INTEGER NOT NULL, interpolated_ms INTEGER NOT NULL,
    estimated INTEGER NOT NULL, estimated_ms INTEGER NOT NULL,
    block BLOB NOT NULL, PRIMARY KEY (meter, hour, until)) STRICT, WITHOUT ROWID;
CREATE TABLE step_past (
    meter INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
    class TEXT NOT NULL, amount INTEGER, provenance TEXT, change INTEGER NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (meter, from_ms, to_ms, until)) STRICT, WITHOUT ROWID;
CREATE TABLE known (quarter INTEGER PRIMARY KEY, change INTEGER NOT NULL) STRICT;
CREATE TABLE frozen (
    meter INTEGER NOT NULL, hour INTEGER NOT NULL, block BLOB NOT NULL,
    PRIMARY KEY (meter, hour)) STRICT, WITHOUT ROWID;
";

/// From version 1. Steps that were there count as known since ever; numbers of quarantine stay.
const FROM_ONE: &str = "
ALTER TABLE step RENAME TO step_one;
ALTER TABLE quarantine RENAME TO quarantine_one;
DROP INDEX quarantine_cause;
";
const FROM_ONE_MOVED: &str = "
INSERT INTO step SELECT meter, from_ms, to_ms, class, amount, provenance, 0 FROM step_one;
INSERT INTO quarantine
    SELECT id, cause, site, agent, origin, meter, at_ms, detail, sample, NULL FROM quarantine_one;
DROP TABLE step_one;
DROP TABLE quarantine_one;
";

/// Hours of a day.
pub(super) const DAY_HOURS: i64 = 24;
/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Table that is new in version 3: digests of meters' days. `digest` is absent where a minute or step of the day
/// was written since it was made; `change` is the change number in force when it was made.
const DIGESTS: &str = "
CREATE TABLE day_digest (
    meter INTEGER NOT NULL, day INTEGER NOT NULL,
    digest BLOB, minutes INTEGER, steps INTEGER, change INTEGER,
    PRIMARY KEY (meter, day)) STRICT, WITHOUT ROWID;
CREATE INDEX day_digest_waiting ON day_digest (day, meter) WHERE digest IS NULL;
";

/// Table that is new in version 4: the rollups of a day's hours in one row, which hold while the day's digest does.
const DAY_HOURS_KEPT: &str = "
CREATE TABLE day_hours (
    meter INTEGER NOT NULL, day INTEGER NOT NULL, block BLOB NOT NULL,
    PRIMARY KEY (meter, day)) STRICT, WITHOUT ROWID;
";

/// In SQL, the UTC day of a column that counts so many units a day since the epoch; times before it too.
pub(super) fn day_of(column: &str, a_day: i64) -> String {
    format!("{column} / {a_day} - ({column} % {a_day} < 0)")
}

/// Triggers that make the digest of a day void in the statement that writes any minute or step of it, whoever
/// writes. A row that is void already is not written again, so a flush of minutes that come in live costs a look.
fn void_digests() -> String {
    let content = [
        ("hour", "hour", DAY_HOURS, "meter, hour, block"),
        ("step", "from_ms", DAY_MS, "meter, from_ms, to_ms, class, amount, provenance"),
    ];
    let events = [("insert", &["new"][..]), ("delete", &["old"]), ("update", &["old", "new"])];
    let mut text = String::new();
    for (table, column, a_day, columns) in content {
        for (event, rows) in events {
            let of = if event == "update" { format!("UPDATE OF {columns}") } else { event.to_uppercase() };
            text += &format!("CREATE TRIGGER {table}_{event}_voids_digest AFTER {of} ON {table} BEGIN\n");
            for row in rows {
                let day = day_of(&format!("{row}.{column}"), a_day);
                text += &format!(
                    "INSERT INTO day_digest (meter, day) VALUES ({row}.meter, {day})
                     ON CONFLICT (meter, day) DO UPDATE SET digest = NULL WHERE digest IS NOT NULL;\n"
                );
            }
            text += "END;\n";
        }
    }
    text
}

/// A row without a digest for each day that ever had a minute or step.
pub(super) fn every_day_without_digest() -> String {
    let day = day_of("from_ms", DAY_MS);
    format!(
        "UPDATE day_digest SET digest = NULL WHERE digest IS NOT NULL;
         INSERT OR IGNORE INTO day_digest (meter, day)
           SELECT meter, day FROM day UNION SELECT meter, {day} FROM step UNION SELECT meter, {day} FROM step_past;"
    )
}

/// For so long another connection is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries where SQLite itself does not wait.
const AGAIN_AFTER: Duration = Duration::from_millis(5);

/// Settings of every connection: a write-ahead log, and each commit on disk before it counts.
pub fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // Before all else: settings read the file, too, and wait for whoever has it.
    connection.busy_timeout(PATIENCE)?;
    // Takes effect in a new file only. On smaller pages an hour of a gauge would spill to a page of its own.
    connection.pragma_update(None, "page_size", 8_192)?;
    write_ahead(connection, || thread::sleep(AGAIN_AFTER))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Otherwise plans may look at the values that are bound, and a cached statement is prepared anew for each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Has the file written ahead, where it is not already.
///
/// Two connections that do so to a new file at once both read it and both want it alone. SQLite refuses one of them
/// without waiting, since neither would ever let go; it is tried again after a pause, by which the other has done it.
fn write_ahead(connection: &Connection, mut pause: impl FnMut()) -> rusqlite::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
        let asked = match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => connection.pragma_update(None, "journal_mode", "WAL"),
            Err(error) => Err(error),
        };
        match asked {
            Err(error) if is_in_the_way(&error) && Instant::now() < deadline => pause(),
            asked => return asked,
        }
    }
}

/// Whether another connection is all that is wrong.
fn is_in_the_way(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The version found in the file; 0 where it is new.
pub fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the tables of a new store.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    let void_digests = void_digests();
    connection.execute_batch(&format!(
        "BEGIN; {TABLES} {MENDED} {ADDED} {DIGESTS} {void_digests} {DAY_HOURS_KEPT} PRAGMA user_version = {VERSION};
         COMMIT;"
    ))
}

/// Brings a store of an earlier version up to this one, all or nothing. Digests of its days, and the rollups of their
/// hours, are made later, by and by or by whoever needs them.
pub fn migrate(connection: &Connection, from: i64) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    if from < 2 {
        transaction.execute_batch(&format!("{FROM_ONE} {MENDED} {FROM_ONE_MOVED} {ADDED}"))?;
    }
    if from < 3 {
        transaction.execute_batch(&format!("{DIGESTS} {}", void_digests()))?;
    }
    // Also of digests that were kept: the hours of their days are made with them.
    let every_day = every_day_without_digest();
    transaction.execute_batch(&format!("{DAY_HOURS_KEPT} {every_day} PRAGMA user_version = {VERSION};"))?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    #[test]
    fn who_comes_to_a_new_file_while_another_writes_it_waits_for_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("new.sqlite");
        let open = || Connection::open(&path).expect("opens");
        let (first, second) = (open(), open());
        first.execute_batch("BEGIN IMMEDIATE").expect("nobody else is there");
        let refused = second.pragma_update(None, "journal_mode", "WAL").expect_err("SQLite does not wait");
        assert!(is_in_the_way(&refused), "{refused}");
        let mut pauses = 0;
        write_ahead(&second, || {
            pauses += 1;
            first.execute_batch("COMMIT").expect("done");
        })
        .expect("the other is done");
        assert_eq!(pauses, 1);
        let mode: String =
            first.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("readable");
        assert_eq!(mode, "wal");
    }

    #[test]
    fn a_statement_that_is_kept_is_not_prepared_anew_for_other_values() {
        let connection = Connection::open_in_memory().expect("memory");
        prepare(&connection).expect("it can be set up");
        create(&connection).expect("tables");
        let mut statement = connection
            .prepare(
                "SELECT from_ms FROM step WHERE meter = ?1 AND from_ms < ?2 AND provenance = 'interpolated'
                 ORDER BY from_ms DESC LIMIT 1",
            )
            .expect("a statement");
        for meter in 0..5 {
            assert!(!statement.exists([meter, 1_000 * meter]).expect("it can be asked"));
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
