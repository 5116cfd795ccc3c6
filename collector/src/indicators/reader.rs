//! Reads hours, minutes and long steps of single meters from the store.

use crate::ledger::block::{self, Hour};
use crate::store::{HourRow, MeterId, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use wattledger_model::time::Timestamp;

/// A long step of one meter: `[from, to)` in ms, measured in total.
pub(super) type LongStep = (Timestamp, Timestamp);

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

/// The rollups of hours `[from, to)`, one slot an hour; `None` where nothing is known.
pub(super) fn hours(
    connection: &Connection,
    meter: MeterId,
    from: i64,
    to: i64,
) -> Result<Vec<Option<HourRow>>, StoreError> {
    let mut all = vec![None; (to - from).max(0) as usize];
    let mut statement = connection
        .prepare_cached(
            "SELECT hour, measured, measured_ms, interpolated, interpolated_ms, estimated, estimated_ms
             FROM hour WHERE meter = ?1 AND hour >= ?2 AND hour < ?3",
        )
        .map_err(failed)?;
    let mut rows = statement.query(params![meter, from, to]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let number = |at| row.get::<_, i64>(at).map_err(failed);
        let parts = [(number(1)?, number(2)?), (number(3)?, number(4)?), (number(5)?, number(6)?)];
        all[(number(0)? - from) as usize] = Some(HourRow { parts });
    }
    Ok(all)
}

/// The minutes of one hour; `None` where nothing is known or the meter is a gauge.
pub(super) fn minutes(
    connection: &Connection,
    meter: MeterId,
    hour: i64,
) -> Result<Option<Hour>, StoreError> {
    let block: Option<Vec<u8>> = connection
        .prepare_cached("SELECT block FROM hour WHERE meter = ?1 AND hour = ?2")
        .and_then(|mut s| s.query_row(params![meter, hour], |row| row.get(0)).optional())
        .map_err(failed)?;
    let Some(block) = block else { return Ok(None) };
    block::decode_sums(&block).map(Some).map_err(|source| StoreError::Block {
        what: format!("minutes of meter {meter} in hour {hour}"),
        source,
    })
}

/// The long steps of a meter that overlap `[from, to)` ms, ascending.
pub(super) fn long_steps(
    connection: &Connection,
    meter: MeterId,
    from: i64,
    to: i64,
) -> Result<Vec<LongStep>, StoreError> {
    connection
        .prepare_cached(
            "SELECT from_ms, to_ms FROM step WHERE meter = ?1 AND from_ms < ?3 AND to_ms > ?2
             AND provenance = 'interpolated' ORDER BY from_ms",
        )
        .and_then(|mut s| {
            s.query_map(params![meter, from, to], |row| Ok((Timestamp(row.get(0)?), Timestamp(row.get(1)?))))?
                .collect()
        })
        .map_err(failed)
}
