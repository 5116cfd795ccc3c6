//! Reading whole series back: every minute, step and rollup of one meter, for checks of the ledger.

use super::{HourRow, MeterId, StoreError, steps_between};
use crate::ledger::block;
use rusqlite::{Connection, params};
use wattledger_model::minute::{GaugeMinute, Minute, Step};
use wattledger_model::time::HOUR_MINUTES;

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

/// Every hour block of a meter, ascending.
fn blocks(connection: &Connection, meter: MeterId) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    connection
        .prepare_cached("SELECT hour, block FROM hour WHERE meter = ?1 ORDER BY hour")
        .and_then(|mut s| s.query_map([meter], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .map_err(failed)
}

fn named(meter: MeterId, hour: i64) -> impl FnOnce(block::BlockError) -> StoreError {
    move |source| StoreError::Block { what: format!("minutes of meter {meter} in hour {hour}"), source }
}

/// Every minute of a summed quantity of which anything is known: `(number of the minute, minute)`, ascending.
///
/// # Errors
/// [`StoreError`] where the store cannot be read, or the meter is a gauge.
pub fn minutes(connection: &Connection, meter: MeterId) -> Result<Vec<(i64, Minute)>, StoreError> {
    let mut all = Vec::new();
    for (hour, bytes) in blocks(connection, meter)? {
        let minutes = block::decode_sums(&bytes).map_err(named(meter, hour))?;
        let known = (hour * HOUR_MINUTES..).zip(minutes).filter(|(_, minute)| !minute.is_missing());
        all.extend(known);
    }
    Ok(all)
}

/// Every minute of a gauge of which anything is known: `(number of the minute, minute)`, ascending.
///
/// # Errors
/// As [`minutes`].
pub fn levels(connection: &Connection, meter: MeterId) -> Result<Vec<(i64, GaugeMinute)>, StoreError> {
    let mut all = Vec::new();
    for (hour, bytes) in blocks(connection, meter)? {
        let minutes = block::decode_levels(&bytes).map_err(named(meter, hour))?;
        all.extend((hour * HOUR_MINUTES..).zip(minutes).filter(|(_, minute)| minute.ms > 0));
    }
    Ok(all)
}

/// Every row of a meter's step table, ascending.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn steps(connection: &Connection, meter: MeterId) -> Result<Vec<Step>, StoreError> {
    steps_between(connection, meter, i64::MIN, i64::MAX).map_err(failed)
}

/// The rollups of a meter: `(number of the hour, or of the UTC day, amounts and times)`, ascending.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn rollups(
    connection: &Connection,
    meter: MeterId,
    by: Rollup,
) -> Result<Vec<(i64, HourRow)>, StoreError> {
    let (table, at) = match by {
        Rollup::Hour => ("hour", "hour"),
        Rollup::Day => ("day", "day"),
    };
    let query = format!(
        "SELECT {at}, measured, measured_ms, interpolated, interpolated_ms, estimated, estimated_ms
         FROM {table} WHERE meter = ?1 ORDER BY {at}"
    );
    connection
        .prepare_cached(&query)
        .and_then(|mut statement| {
            let row = |row: &rusqlite::Row<'_>| {
                let part = |at: usize| Ok::<_, rusqlite::Error>((row.get(at)?, row.get(at + 1)?));
                Ok((row.get(0)?, HourRow { parts: [part(1)?, part(3)?, part(5)?] }))
            };
            statement.query_map(params![meter], row)?.collect()
        })
        .map_err(failed)
}

/// Which rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollup {
    /// By hour.
    Hour,
    /// By UTC day.
    Day,
}
