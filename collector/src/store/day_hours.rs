//! The rollups of a meter's hours, a row a day: a year of a thousand meters has 8.8 million hours, and 365,000 days.
//!
//! A row says what the rows of its hours say, and is for speed only. It is made together with the digest of its day and
//! counts while that is kept: both are of the same minutes, and the digest is void as soon as any of them is written.

use super::{HourRow, MeterId, StoreError};
use crate::ledger::block::{Numbers, put_signed};
use rusqlite::{Connection, params};
use wattledger_model::time::{HOUR_MINUTES, MINUTE_MS};

/// Hours of a day.
pub(crate) const HOURS: usize = 24;
/// The rollups of a day's hours; `None` where nothing is known.
pub(crate) type DayHours = [Option<HourRow>; HOURS];

const HOUR_MS: i64 = HOUR_MINUTES * MINUTE_MS;
/// What an hour is: nothing is known, all of it is measured, or anything else.
const UNKNOWN: u8 = 0;
const MEASURED: u8 = 1;
const MIXED: u8 = 2;

/// Reads the rollups of a day's hours from their own rows.
fn found(connection: &Connection, meter: MeterId, day: i64) -> rusqlite::Result<DayHours> {
    let first = day * HOURS as i64;
    let mut hours: DayHours = [None; HOURS];
    let mut statement = connection.prepare_cached(
        "SELECT hour, measured, measured_ms, interpolated, interpolated_ms, estimated, estimated_ms
         FROM hour WHERE meter = ?1 AND hour >= ?2 AND hour < ?3",
    )?;
    let mut rows = statement.query(params![meter, first, first + HOURS as i64])?;
    while let Some(row) = rows.next()? {
        let part = |at: usize| Ok::<_, rusqlite::Error>((row.get(at)?, row.get(at + 1)?));
        hours[(row.get::<_, i64>(0)? - first) as usize] =
            Some(HourRow { parts: [part(1)?, part(3)?, part(5)?] });
    }
    Ok(hours)
}

/// Keeps the rollups of a day's hours as they stand.
pub(super) fn keep(connection: &Connection, meter: MeterId, day: i64) -> rusqlite::Result<()> {
    let block = encoded(&found(connection, meter, day)?);
    connection
        .prepare_cached(
            "INSERT INTO day_hours VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET block = excluded.block",
        )?
        .execute(params![meter, day, block])
        .map(drop)
}

/// The days in `[from, to)` whose hours are kept, ascending, each with its hours.
pub(crate) fn kept(
    connection: &Connection,
    meter: MeterId,
    (from, to): (i64, i64),
    mut each: impl FnMut(i64, &DayHours),
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut statement = connection
        .prepare_cached(
            "SELECT digested.day, kept.block FROM day_digest AS digested
             JOIN day_hours AS kept ON kept.meter = digested.meter AND kept.day = digested.day
             WHERE digested.meter = ?1 AND digested.day >= ?2 AND digested.day < ?3
             AND digested.digest IS NOT NULL ORDER BY digested.day",
        )
        .map_err(failed)?;
    let mut rows = statement.query(params![meter, from, to]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let day: i64 = row.get(0).map_err(failed)?;
        let block = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
        // A row that cannot be read is as good as none: the hours have rows of their own.
        if let Some(hours) = decoded(block) {
            each(day, &hours);
        }
    }
    Ok(())
}

fn encoded(hours: &DayHours) -> Vec<u8> {
    let mut block = Vec::with_capacity(HOURS * 8);
    for hour in hours {
        match hour {
            None => block.push(UNKNOWN),
            Some(HourRow { parts: [(amount, HOUR_MS), (0, 0), (0, 0)] }) => {
                block.push(MEASURED);
                put_signed(&mut block, *amount);
            }
            Some(HourRow { parts }) => {
                block.push(MIXED);
                for (amount, ms) in parts {
                    put_signed(&mut block, *amount);
                    put_signed(&mut block, *ms);
                }
            }
        }
    }
    block
}

/// What [`encoded`] wrote; `None` of anything else.
fn decoded(block: &[u8]) -> Option<DayHours> {
    let mut numbers = Numbers(block);
    let mut hours: DayHours = [None; HOURS];
    for hour in &mut hours {
        *hour = match numbers.byte()? {
            UNKNOWN => None,
            MEASURED => Some(HourRow { parts: [(numbers.signed()?, HOUR_MS), (0, 0), (0, 0)] }),
            MIXED => {
                let mut parts = [(0, 0); 3];
                for part in &mut parts {
                    *part = (numbers.signed()?, numbers.signed()?);
                }
                Some(HourRow { parts })
            }
            _ => return None,
        };
    }
    numbers.0.is_empty().then_some(hours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hours_read_back_as_they_were_written(
            hours in prop::collection::vec(
                prop_oneof![
                    Just(None),
                    any::<i64>().prop_map(|amount| Some([(amount, HOUR_MS), (0, 0), (0, 0)])),
                    any::<[(i64, i64); 3]>().prop_map(Some),
                ],
                HOURS,
            ),
            cut in 0..24_usize,
        ) {
            let mut day: DayHours = [None; HOURS];
            for (hour, parts) in day.iter_mut().zip(hours) {
                *hour = parts.map(|parts| HourRow { parts });
            }
            let block = encoded(&day);
            prop_assert_eq!(decoded(&block), Some(day));
            prop_assert_eq!(decoded(&block[..block.len() - 1 - cut.min(block.len() - 1)]), None);
        }
    }

    #[test]
    fn an_hour_that_is_all_measured_takes_a_few_bytes() {
        let hour = Some(HourRow { parts: [(100_000_000_000, HOUR_MS), (0, 0), (0, 0)] });
        assert_eq!(encoded(&[hour; HOURS]).len(), HOURS * 7);
        assert_eq!(decoded(&[9; HOURS]), None);
    }
}
