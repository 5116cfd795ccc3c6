//! The digest of the ledger: one number that two ledgers share exactly if their content is the same.
//!
//! It is over minutes and steps, sorted by meter and time, in one canonical encoding; without revisions,
//! arrival times or counters, so it depends on the set of readings and the configuration alone.
//!
//! Three levels of SHA-256. Integers are little-endian; a *text* is its length in bytes (`u64`) and its UTF-8.
//!
//! - **A meter's UTC day**: its minutes that hold anything, ascending, then the steps that start in it, ascending
//!   by start and end.
//!   - A minute of sums: byte 1, minutes since the epoch (`i64`), then for measured, interpolated and estimated
//!     the amount (`i64`, µWh, mL, ...) and the milliseconds it covers (`u32`).
//!   - A minute of a gauge: byte 2, minutes since the epoch (`i64`), mean, least and greatest level (IEEE 754
//!     binary64) and the milliseconds they cover (`u32`).
//!   - A step: byte 3, start and end (`i64`, ms since the epoch), class (text), provenance (text; empty where it
//!     has none), and byte 0 where it has no amount, or byte 1 and the amount (`i128`).
//! - **A meter**: for each day that has any of them, ascending, the number of days since the epoch (`i64`) and the
//!   32 bytes of the day's digest.
//! - **The ledger**: for each meter that has any day, sorted by site and name, site and name (texts) and the 32
//!   bytes of the meter's digest. This one is shown, hexadecimal.
//!
//! The digest of a period is the same over what lies in it: of the days at its ends only the minutes in it and
//! the steps that start in it. Whole days are read from the table `day_digest`, whose rows are void, by triggers
//! of the schema, as soon as a minute or step of their day is written; what is not kept is made from the minutes.

use super::write::steps_between;
use super::{MeterId, StoreError, day_hours, schema};
use crate::ledger::block;
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};
use wattledger_model::minute::{Provenance, Step};
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, MINUTE_MS};

const SUMS: u8 = 1;
const LEVELS: u8 = 2;
const STEP: u8 = 3;

/// A ledger's digest and what it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256, hexadecimal.
    pub hex: String,
    /// Minutes that hold anything.
    pub minutes: u64,
    /// Steps in the step table.
    pub steps: u64,
}

/// The digest of a meter's day, or of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DayDigest {
    minutes: u64,
    steps: u64,
    hash: [u8; 32],
}

/// A meter's day as the table has it; without a digest where it is to be made from the minutes.
type KeptDay = (i64, Option<DayDigest>);

/// Which days of a meter there are in a range of days, both ends included.
type Days = fn(&Connection, MeterId, (i64, i64)) -> rusqlite::Result<Vec<KeptDay>>;

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

/// The digest of the whole ledger, or of the minutes, and the steps that start, in an interval.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn of(connection: &Connection, interval: Option<Interval>) -> Result<Digest, StoreError> {
    over_days(connection, interval, kept_days)
}

/// The same from minutes and steps alone, whatever digests of days are kept.
///
/// # Errors
/// As [`of`].
pub fn afresh(connection: &Connection, interval: Option<Interval>) -> Result<Digest, StoreError> {
    over_days(connection, interval, found_days)
}

fn over_days(connection: &Connection, interval: Option<Interval>, days: Days) -> Result<Digest, StoreError> {
    let meters: Vec<(MeterId, String, String)> = connection
        .prepare("SELECT id, site, name FROM meter ORDER BY site, name")
        .and_then(|mut s| s.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect())
        .map_err(failed)?;
    let (from, to) = interval.map_or((i64::MIN, i64::MAX), |i| (i.from.0, i.to.0));
    let range = (from.div_euclid(DAY_MINUTES), to.saturating_sub(1).div_euclid(DAY_MINUTES));
    let mut digest = Digest { hex: String::new(), minutes: 0, steps: 0 };
    let (mut hash, mut text) = (Sha256::new(), Vec::new());
    for (id, site, name) in meters {
        let mut of_meter: Option<Sha256> = None;
        for (day, kept) in days(connection, id, range).map_err(failed)? {
            let (start, end) = (day * DAY_MINUTES, (day + 1) * DAY_MINUTES);
            let part = match kept {
                Some(whole) if from <= start && end <= to => whole,
                _ => of_part(connection, id, (from.max(start), to.min(end)), &mut text)?,
            };
            // A day without content, and a meter that never said anything, are not content.
            if part.minutes + part.steps > 0 {
                let of_meter = of_meter.get_or_insert_with(Sha256::new);
                of_meter.update(day.to_le_bytes());
                of_meter.update(part.hash);
                digest.minutes += part.minutes;
                digest.steps += part.steps;
            }
        }
        if let Some(of_meter) = of_meter {
            text.clear();
            put_text(&mut text, &site);
            put_text(&mut text, &name);
            hash.update(&text);
            hash.update(of_meter.finalize());
        }
    }
    digest.hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(digest)
}

/// The days of the table, with the digests that are kept.
fn kept_days(
    connection: &Connection,
    meter: MeterId,
    (first, last): (i64, i64),
) -> rusqlite::Result<Vec<KeptDay>> {
    connection
        .prepare_cached(
            "SELECT day, digest, minutes, steps FROM day_digest
             WHERE meter = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day",
        )?
        .query_map(params![meter, first, last], |row| {
            let hash = row.get_ref(1)?.as_blob_or_null()?.and_then(|bytes| bytes.try_into().ok());
            let (minutes, steps): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
            let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
            let kept = hash.zip(count(minutes)).zip(count(steps));
            Ok((row.get(0)?, kept.map(|((hash, minutes), steps)| DayDigest { minutes, steps, hash })))
        })?
        .collect()
}

/// The days of which there are minutes or steps.
fn found_days(
    connection: &Connection,
    meter: MeterId,
    (first, last): (i64, i64),
) -> rusqlite::Result<Vec<KeptDay>> {
    let (of_hour, of_step) =
        (schema::day_of("hour", schema::DAY_HOURS), schema::day_of("from_ms", schema::DAY_MS));
    connection
        .prepare_cached(&format!(
            "SELECT day FROM (SELECT {of_hour} AS day FROM hour WHERE meter = ?1
               UNION SELECT {of_step} FROM step WHERE meter = ?1)
             WHERE day BETWEEN ?2 AND ?3 ORDER BY day"
        ))?
        .query_map(params![meter, first, last], |row| Ok((row.get(0)?, None)))?
        .collect()
}

/// The digest of a meter's minutes, and of the steps that start, in `[from, to)` minutes of one day.
fn of_part(
    connection: &Connection,
    meter: MeterId,
    (from, to): (i64, i64),
    text: &mut Vec<u8>,
) -> Result<DayDigest, StoreError> {
    text.clear();
    let minutes = put_minutes(connection, meter, (from, to), text)?;
    let (start, end) = (from.saturating_mul(MINUTE_MS), to.saturating_mul(MINUTE_MS));
    let steps = steps_between(connection, meter, start, end).map_err(failed)?;
    steps.iter().for_each(|step| put_step(text, step));
    Ok(DayDigest { minutes, steps: steps.len() as u64, hash: Sha256::digest(text).into() })
}

/// Appends the minutes in `[from, to)` that hold anything; how many they are.
fn put_minutes(
    connection: &Connection,
    meter: MeterId,
    (from, to): (i64, i64),
    text: &mut Vec<u8>,
) -> Result<u64, StoreError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT hour, block FROM hour WHERE meter = ?1 AND hour BETWEEN ?2 AND ?3 ORDER BY hour",
        )
        .map_err(failed)?;
    let hours = (from.div_euclid(HOUR_MINUTES), (to - 1).div_euclid(HOUR_MINUTES));
    let mut rows = statement.query(params![meter, hours.0, hours.1]).map_err(failed)?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let hour: i64 = row.get(0).map_err(failed)?;
        let bytes = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
        let numbered = hour * HOUR_MINUTES..;
        let is_in = |minute: i64| from <= minute && minute < to;
        if let Ok(levels) = block::decode_levels(bytes) {
            for (minute, level) in numbered.zip(levels).filter(|(at, level)| level.ms > 0 && is_in(*at)) {
                count += 1;
                text.push(LEVELS);
                text.extend(minute.to_le_bytes());
                for value in [level.mean, level.min, level.max] {
                    text.extend(value.to_le_bytes());
                }
                text.extend(level.ms.to_le_bytes());
            }
            continue;
        }
        let sums = block::decode_sums(bytes).map_err(|source| StoreError::Block {
            what: format!("minutes of meter {meter} in hour {hour}"),
            source,
        })?;
        for (minute, sums) in numbered.zip(sums).filter(|(at, sums)| !sums.is_missing() && is_in(*at)) {
            count += 1;
            text.push(SUMS);
            text.extend(minute.to_le_bytes());
            for part in sums.parts {
                text.extend(part.amount.to_le_bytes());
                text.extend(part.ms.to_le_bytes());
            }
        }
    }
    Ok(count)
}

fn put_step(text: &mut Vec<u8>, step: &Step) {
    text.push(STEP);
    text.extend(step.from.0.to_le_bytes());
    text.extend(step.to.0.to_le_bytes());
    put_text(text, step.class.word());
    put_text(text, step.provenance.map_or("", Provenance::word));
    text.push(u8::from(step.amount.is_some()));
    if let Some(amount) = step.amount {
        text.extend(amount.to_le_bytes());
    }
}

fn put_text(text: &mut Vec<u8>, word: &str) {
    text.extend((word.len() as u64).to_le_bytes());
    text.extend(word.as_bytes());
}

/// A meter's day: `(day since the epoch, meter)`, in the order in which digests are made.
pub(crate) type MeterDay = (i64, MeterId);

/// Days before `before` without a digest, in order from the first after `after`, so many at most.
pub(crate) fn waiting(
    connection: &Connection,
    after: Option<MeterDay>,
    before: i64,
    limit: usize,
) -> Result<Vec<MeterDay>, StoreError> {
    let (day, meter) = after.unwrap_or((i64::MIN, i64::MIN));
    connection
        .prepare_cached(
            "SELECT day, meter FROM day_digest WHERE digest IS NULL AND (day, meter) > (?1, ?2) AND day < ?3
             ORDER BY day, meter LIMIT ?4",
        )
        .and_then(|mut statement| {
            let rows = statement
                .query_map(params![day, meter, before, limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
        .map_err(failed)
}

/// Makes the digest of a meter's day and keeps it, as of the change number in force, and the rollups of its hours.
pub(crate) fn keep(
    connection: &Connection,
    (day, meter): MeterDay,
    change: u64,
    text: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let whole = of_part(connection, meter, (day * DAY_MINUTES, (day + 1) * DAY_MINUTES), text)?;
    // Before the digest, which says that they hold.
    day_hours::keep(connection, meter, day).map_err(failed)?;
    connection
        .prepare_cached(
            "UPDATE day_digest SET digest = ?3, minutes = ?4, steps = ?5, change = ?6
             WHERE meter = ?1 AND day = ?2",
        )
        .and_then(|mut statement| {
            let counts = (whole.minutes as i64, whole.steps as i64);
            statement.execute(params![meter, day, whole.hash, counts.0, counts.1, change as i64])
        })
        .map(drop)
        .map_err(failed)
}

/// Lets every digest be made again from its minutes.
pub(crate) fn forget_all(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(&schema::every_day_without_digest()).map_err(failed)
}

#[cfg(test)]
mod tests;
