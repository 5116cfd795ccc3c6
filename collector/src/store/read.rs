//! Reading whole series back: every minute, step and rollup of one meter, for checks of the ledger.

use super::{HourRow, Layout, MeterId, StoreError, open_reader, steps_between};
use crate::ledger::block;
use rusqlite::{Connection, params};
use wattledger_model::minute::{GaugeMinute, Minute, Step};
use wattledger_model::time::HOUR_MINUTES;

/// Reads a store, which others may write to meanwhile.
#[derive(Debug)]
pub struct SeriesReader {
    connection: Connection,
}

/// Which rollups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollup {
    /// By hour.
    Hour,
    /// By UTC day.
    Day,
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

fn named(meter: MeterId, hour: i64) -> impl FnOnce(block::BlockError) -> StoreError {
    move |source| StoreError::Block { what: format!("minutes of meter {meter} in hour {hour}"), source }
}

impl SeriesReader {
    /// Opens the store of a data directory.
    ///
    /// # Errors
    /// As [`open_reader`].
    pub fn open(layout: &Layout) -> Result<SeriesReader, StoreError> {
        Ok(SeriesReader { connection: open_reader(layout)? })
    }

    /// Every hour block of a meter, ascending.
    fn blocks(&self, meter: MeterId) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        self.connection
            .prepare_cached("SELECT hour, block FROM hour WHERE meter = ?1 ORDER BY hour")
            .and_then(|mut s| s.query_map([meter], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
            .map_err(failed)
    }

    /// Every minute of a summed quantity of which anything is known: `(its number, minute)`, ascending.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read, or the meter is a gauge.
    pub fn minutes(&self, meter: MeterId) -> Result<Vec<(i64, Minute)>, StoreError> {
        let mut all = Vec::new();
        for (hour, bytes) in self.blocks(meter)? {
            let minutes = block::decode_sums(&bytes).map_err(named(meter, hour))?;
            let numbered = (hour * HOUR_MINUTES..).zip(minutes);
            all.extend(numbered.filter(|(_, minute)| !minute.is_missing()));
        }
        Ok(all)
    }

    /// Every minute of a gauge of which anything is known: `(its number, minute)`, ascending.
    ///
    /// # Errors
    /// As [`SeriesReader::minutes`].
    pub fn levels(&self, meter: MeterId) -> Result<Vec<(i64, GaugeMinute)>, StoreError> {
        let mut all = Vec::new();
        for (hour, bytes) in self.blocks(meter)? {
            let minutes = block::decode_levels(&bytes).map_err(named(meter, hour))?;
            all.extend((hour * HOUR_MINUTES..).zip(minutes).filter(|(_, minute)| minute.ms > 0));
        }
        Ok(all)
    }

    /// Every row of a meter's step table, ascending.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn steps(&self, meter: MeterId) -> Result<Vec<Step>, StoreError> {
        steps_between(&self.connection, meter, i64::MIN, i64::MAX).map_err(failed)
    }

    /// The rollups of a meter: `(number of the hour, or of the UTC day, amounts and times)`, ascending.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn rollups(&self, meter: MeterId, by: Rollup) -> Result<Vec<(i64, HourRow)>, StoreError> {
        let table = match by {
            Rollup::Hour => "hour",
            Rollup::Day => "day",
        };
        let query = format!(
            "SELECT {table}, measured, measured_ms, interpolated, interpolated_ms, estimated, estimated_ms
             FROM {table} WHERE meter = ?1 ORDER BY {table}"
        );
        let row = |row: &rusqlite::Row<'_>| {
            let part = |at: usize| Ok::<_, rusqlite::Error>((row.get(at)?, row.get(at + 1)?));
            Ok((row.get(0)?, HourRow { parts: [part(1)?, part(3)?, part(5)?] }))
        };
        self.connection
            .prepare_cached(&query)
            .and_then(|mut statement| statement.query_map(params![meter], row)?.collect())
            .map_err(failed)
    }
}
