//! The ledger as it was known at an earlier time.
//!
//! A version of an hour's block is kept when it is replaced after it had stood at a *quarter-hour edge of the
//! collector's clock* at which its hour had been over for a quarter of an hour. So the minutes that come in
//! live cost nothing, and whatever could have been read in a figure of closed hours can be read again.
//!
//! What was known at a time T is what stood at the last such edge at or before T: every hour that had ended
//! a quarter of an hour before that edge, in the version that stood then; later hours are missing.

use super::{MeterId, StoreError};
use crate::audit::chain::{self, Head};
use rusqlite::{Connection, OptionalExtension, params};
use wattledger_model::time::{HOUR_MINUTES, MINUTE_MS, Timestamp};

/// Between two edges at which versions are kept.
pub const QUARTER_MS: i64 = 15 * MINUTE_MS;
const HOUR_MS: i64 = HOUR_MINUTES * MINUTE_MS;
/// In the `meta` table: the edge before which nothing was noted, ms; absent where all was noted from the first.
const NOTED_SINCE: &str = "known since";

/// The state of the ledger that was known at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The quarter-hour edge of the collector's clock.
    pub edge: Timestamp,
    /// The change number in force at that edge; 0 before the first change.
    pub change: u64,
}

/// Why it cannot be said what was known.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It had not begun to be noted.
    #[error(
        "what was known at {asked} was not noted: the store keeps it since {since}; ask for that time or a later one"
    )]
    NotNoted {
        /// The time that was asked about.
        asked: Timestamp,
        /// The first edge that can be asked about.
        since: Timestamp,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

impl Known {
    /// The first hour since the epoch that had not been closed.
    pub const fn open_hour(self) -> i64 {
        (self.edge.0 - QUARTER_MS).div_euclid(HOUR_MS)
    }
}

/// The last edge at or before an instant.
pub const fn edge_before(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(QUARTER_MS) * QUARTER_MS)
}

/// What was known at the last quarter-hour edge at or before `at`.
///
/// # Errors
/// [`HistoryError::NotNoted`] for times before the store kept this.
pub fn known_at(connection: &Connection, at: Timestamp) -> Result<Known, HistoryError> {
    let edge = edge_before(at);
    let since = super::meta(connection, NOTED_SINCE).map_err(failed)?;
    let since = since.and_then(|text| text.parse().ok()).map(Timestamp);
    match since {
        Some(since) if edge < since => Err(HistoryError::NotNoted { asked: at, since }),
        _ => Ok(standing(connection, edge).map_err(failed)?),
    }
}

/// What stood at an edge: the last change of the quarters before it.
pub(crate) fn standing(connection: &Connection, edge: Timestamp) -> rusqlite::Result<Known> {
    let change: Option<i64> = connection
        .prepare_cached("SELECT change FROM known WHERE quarter < ?1 ORDER BY quarter DESC LIMIT 1")?
        .query_row([edge.0.div_euclid(QUARTER_MS)], |row| row.get(0))
        .optional()?;
    Ok(Known { edge, change: change.unwrap_or(0) as u64 })
}

/// The last quarter in which a change was noted: where the clock of a run that tells no time begins.
pub(crate) fn last_noted(connection: &Connection) -> rusqlite::Result<Timestamp> {
    let quarter: Option<i64> =
        connection.query_row("SELECT max(quarter) FROM known", [], |row| row.get(0))?;
    Ok(Timestamp(quarter.unwrap_or(0) * QUARTER_MS))
}

/// Before a flush: notes the change number of a store that did not note them so far.
pub(crate) fn begin_noting(connection: &Connection, now: Timestamp, change: u64) -> rusqlite::Result<()> {
    let noted: Option<i64> =
        connection.prepare_cached("SELECT min(quarter) FROM known")?.query_row([], |row| row.get(0))?;
    if noted.is_some() || change == 0 {
        return Ok(());
    }
    let edge = edge_before(now);
    // It was made before this run began, so it stood at the last edge but for minutes.
    connection
        .prepare_cached("INSERT INTO known VALUES (?1, ?2)")?
        .execute(params![edge.0.div_euclid(QUARTER_MS) - 1, change as i64])?;
    super::set_meta(connection, NOTED_SINCE, &edge.0.to_string())
}

/// Notes that a flush at `now` made a change.
pub(crate) fn note(connection: &Connection, now: Timestamp, change: u64) -> rusqlite::Result<()> {
    let quarter = now.0.div_euclid(QUARTER_MS);
    // After a clock that was ahead was put right, what it noted of times to come is void.
    connection.prepare_cached("DELETE FROM known WHERE quarter > ?1")?.execute([quarter])?;
    connection
        .prepare_cached(
            "INSERT INTO known VALUES (?1, ?2) ON CONFLICT DO UPDATE SET change = excluded.change",
        )?
        .execute(params![quarter, change as i64])
        .map(drop)
}

/// Lets a reading connection see the ledger as it was known: temporary views of the names of the tables. A digest
/// of a day that was made then or earlier, and is not void since, is that of then, if all of the day was known. Of the
/// audit chain and the corrections there is what had been said before that edge.
///
/// # Errors
/// [`StoreError`] where the views cannot be made.
pub fn shadow(connection: &Connection, known: Known) -> Result<(), StoreError> {
    let head = chain::head_before(connection, known.edge).map_err(failed)?;
    shadow_to(connection, known, &head)
}

/// As [`shadow`], with the audit chain up to a head that was noted: a clock that is put back later adds entries that
/// seem to be earlier.
///
/// # Errors
/// As [`shadow`].
pub(crate) fn shadow_to(connection: &Connection, known: Known, head: &Head) -> Result<(), StoreError> {
    let (change, open) = (known.change, known.open_hour());
    let edge = open * HOUR_MS;
    // No parameter can be bound in a view, and a hash may be whatever somebody wrote into a chain.
    let (entries, hash) = (head.count, head.hash.replace('\'', "''"));
    // A connection that only reads may not even make a view of its own.
    connection.pragma_update(None, "query_only", false).map_err(failed)?;
    connection
        .execute_batch(&format!(
            "CREATE TEMP VIEW hour AS
               SELECT meter, hour, change, measured, measured_ms, interpolated, interpolated_ms, estimated,
                 estimated_ms, block FROM main.hour WHERE change <= {change} AND hour < {open}
               UNION ALL
               SELECT meter, hour, change, measured, measured_ms, interpolated, interpolated_ms, estimated,
                 estimated_ms, block FROM main.hour_past
               WHERE change <= {change} AND until > {change} AND hour < {open};
             CREATE TEMP VIEW step AS
               SELECT meter, from_ms, to_ms, class, amount, provenance, change FROM main.step
               WHERE change <= {change} AND to_ms <= {edge}
               UNION ALL
               SELECT meter, from_ms, to_ms, class, amount, provenance, change FROM main.step_past
               WHERE change <= {change} AND until > {change} AND to_ms <= {edge};
             CREATE TEMP VIEW day AS
               SELECT meter, hour / 24 AS day,
                 sum(measured) AS measured, sum(measured_ms) AS measured_ms,
                 sum(interpolated) AS interpolated, sum(interpolated_ms) AS interpolated_ms,
                 sum(estimated) AS estimated, sum(estimated_ms) AS estimated_ms
               FROM temp.hour GROUP BY meter, hour / 24;
             CREATE TEMP VIEW day_digest AS
               SELECT meter, day, minutes, steps,
                 CASE WHEN change <= {change} AND (day + 1) * 24 <= {open} AND NOT EXISTS (
                   SELECT 1 FROM main.step WHERE step.meter = kept.meter AND from_ms >= day * 86400000
                     AND from_ms < (day + 1) * 86400000 AND to_ms > {edge}) THEN digest END AS digest
               FROM main.day_digest AS kept;
             CREATE TEMP VIEW newest AS
               SELECT meter, min(at_ms, (last + 1) * {HOUR_MS}) AS at_ms, value, unit, arrived_ms FROM
                 (SELECT heard.*, max(
                    coalesce((SELECT hour FROM main.hour WHERE meter = heard.meter AND hour < {open}
                      AND change <= {change} ORDER BY hour DESC LIMIT 1), -1),
                    coalesce((SELECT hour FROM main.hour_past WHERE meter = heard.meter AND hour < {open}
                      AND change <= {change} AND until > {change} ORDER BY hour DESC LIMIT 1), -1)) AS last
                  FROM main.newest AS heard)
               WHERE last >= 0;
             CREATE TEMP VIEW meta AS
               SELECT key, CASE key WHEN 'change' THEN '{change}' WHEN 'audit head' THEN '{entries} {hash}'
                 ELSE value END AS value FROM main.meta;
             CREATE TEMP VIEW audit AS SELECT * FROM main.audit WHERE sequence <= {entries};
             CREATE TEMP VIEW correction AS
               SELECT sequence, meter, body, CASE WHEN withdrawn <= {entries} THEN withdrawn END AS withdrawn, frozen
               FROM main.correction WHERE sequence <= {entries};"
        ))
        .map_err(failed)?;
    connection.pragma_update(None, "query_only", true).map_err(failed)
}

/// A meter's newest reading, as far as a figure may go by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Newest {
    /// The meter.
    pub(crate) meter: MeterId,
    /// Its instant.
    pub(crate) at: Timestamp,
    /// Its value, as it was sent.
    pub(crate) value: String,
    /// Its unit, as it was sent.
    pub(crate) unit: Option<String>,
}

/// The newest readings that a connection sees.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub(crate) fn newest(connection: &Connection) -> Result<Vec<Newest>, StoreError> {
    connection
        .prepare("SELECT meter, at_ms, value, unit FROM newest ORDER BY meter")
        .and_then(|mut statement| {
            let row = |row: &rusqlite::Row<'_>| {
                let at = Timestamp(row.get(1)?);
                Ok(Newest { meter: row.get(0)?, at, value: row.get(2)?, unit: row.get(3)? })
            };
            statement.query_map([], row)?.collect()
        })
        .map_err(failed)
}

/// Lets a connection that sees the ledger as it was known see these newest readings, too: the table keeps no earlier
/// ones. With `afresh` it sees no digest of a day that was kept, so that each is made from its minutes.
///
/// # Errors
/// [`StoreError`] where that cannot be made.
pub(crate) fn shadow_newest(
    connection: &Connection,
    newest: &[Newest],
    afresh: bool,
) -> Result<(), StoreError> {
    connection.pragma_update(None, "query_only", false).map_err(failed)?;
    connection
        .execute_batch(
            "DROP VIEW temp.newest;
             CREATE TEMP TABLE newest (
               meter INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, value TEXT NOT NULL, unit TEXT,
               arrived_ms INTEGER NOT NULL);",
        )
        .map_err(failed)?;
    for Newest { meter, at, value, unit } in newest {
        connection
            .prepare_cached("INSERT INTO temp.newest VALUES (?1, ?2, ?3, ?4, ?2)")
            .and_then(|mut statement| statement.execute(params![meter, at.0, value, unit]))
            .map_err(failed)?;
    }
    if afresh {
        connection
            .execute_batch(
                "DROP VIEW temp.day_digest;
                 CREATE TEMP VIEW day_digest AS
                   SELECT meter, day, NULL AS minutes, NULL AS steps, NULL AS digest FROM
                     (SELECT meter, day FROM main.day_digest
                      UNION SELECT meter, hour / 24 FROM temp.hour UNION SELECT meter, from_ms / 86400000 FROM temp.step);",
            )
            .map_err(failed)?;
    }
    connection.pragma_update(None, "query_only", true).map_err(failed)
}
