//! Whether the sums that the ledger keeps beside minutes are those of the minutes. Digest and Merkle root are over the
//! minutes, and figures of whole hours are made from the sums: one must not be changed without the other.

use crate::ledger::block::{decode_levels, decode_sums};
use crate::store::{HourRow, StoreError};
use rusqlite::{Connection, params};
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute, Timestamp};

/// An hour whose sums are others.
pub(super) struct Wrong {
    /// The meter, with its site.
    pub(super) meter: String,
    /// The first instant of the hour.
    pub(super) hour: Timestamp,
}

/// The hours of an interval whose sums are not those of their minutes, by meter and hour.
pub(super) fn wrong(connection: &Connection, interval: Interval) -> Result<Vec<Wrong>, StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut statement = connection
        .prepare(
            "SELECT site, name, hour, measured, measured_ms, interpolated, interpolated_ms, estimated, estimated_ms, block
             FROM hour JOIN meter ON meter.id = hour.meter WHERE hour BETWEEN ?1 AND ?2 ORDER BY site, name, hour",
        )
        .map_err(failed)?;
    let (first, last) = (interval.from.hour(), Minute(interval.to.0 - 1).hour());
    let mut rows = statement.query(params![first, last]).map_err(failed)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let part = |at: usize| Ok::<(i64, i64), rusqlite::Error>((row.get(at)?, row.get(at + 1)?));
        let kept = [part(3), part(5), part(7)].into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let block = row.get_ref(9).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
        if of_block(block).is_none_or(|row| row.parts[..] != kept[..]) {
            let (site, name): (String, String) =
                row.get(0).and_then(|site| Ok((site, row.get(1)?))).map_err(failed)?;
            let hour: i64 = row.get(2).map_err(failed)?;
            all.push(Wrong { meter: format!("{site}/{name}"), hour: Minute(hour * HOUR_MINUTES).start() });
        }
    }
    Ok(all)
}

fn of_block(block: &[u8]) -> Option<HourRow> {
    match decode_levels(block) {
        Ok(levels) => Some(HourRow::of_levels(&levels)),
        Err(_) => decode_sums(block).ok().map(|sums| HourRow::of_sums(&sums)),
    }
}
