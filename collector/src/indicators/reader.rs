//! Reads hours, minutes and long steps of single meters from the store.

use crate::ledger::block::{self, Hour};
use crate::store::{HourRow, MeterId, StoreError, day_hours};
use rusqlite::{Connection, OptionalExtension, params};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute, Timestamp};

/// Days that are read together.
const PART_DAYS: i64 = 32;
/// Such parts that are kept of a meter: somewhat more than a year, which is the longest window of most figures.
const MOST_PARTS: usize = 16;

/// A connection to the store with the rollups of days that were read over it: all sums a meter stands in ask for
/// the same days. It holds up to 28 KiB a meter.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    /// By the number of their 32 days.
    days: RefCell<HashMap<MeterId, HashMap<i64, Days>>>,
}

type Days = Box<[Option<HourRow>]>;

impl Reader {
    /// A reader that has read nothing yet.
    pub fn new(connection: Connection) -> Reader {
        Reader { connection, days: RefCell::default() }
    }

    /// Forgets what the day of an hour came to at a meter.
    pub fn forget(&self, meter: MeterId, hour: i64) {
        if let Some(parts) = self.days.borrow_mut().get_mut(&meter) {
            parts.remove(&hour.div_euclid(DAY_HOURS).div_euclid(PART_DAYS));
        }
    }

    /// The rollups of UTC days `[from, to)`, one slot a day; `None` where nothing is known.
    pub(super) fn days(
        &self,
        meter: MeterId,
        from: i64,
        to: i64,
    ) -> Result<Vec<Option<HourRow>>, StoreError> {
        let mut kept = self.days.borrow_mut();
        let parts = kept.entry(meter).or_default();
        let mut all = Vec::with_capacity((to - from).max(0) as usize);
        let mut at = from;
        while at < to {
            let part = at.div_euclid(PART_DAYS);
            let (first, after) = (part * PART_DAYS, (part + 1) * PART_DAYS);
            if !parts.contains_key(&part) {
                if parts.len() >= MOST_PARTS {
                    parts.clear();
                }
                parts.insert(part, days(&self.connection, meter, first, after)?.into());
            }
            let end = after.min(to);
            all.extend_from_slice(&parts[&part][(at - first) as usize..(end - first) as usize]);
            at = end;
        }
        Ok(all)
    }
}

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// A long step of one meter: `[from, to)` in ms, measured in total.
pub(super) type LongStep = (Timestamp, Timestamp);

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

/// Hours of a day: as many are looked for by the day, fewer are as quickly had from their own rows.
const DAY_HOURS: i64 = day_hours::HOURS as i64;

/// The rollups of hours `[from, to)`, one slot an hour; `None` where nothing is known.
pub(super) fn hours(
    connection: &Connection,
    meter: MeterId,
    from: i64,
    to: i64,
) -> Result<Vec<Option<HourRow>>, StoreError> {
    let mut all = vec![None; (to - from).max(0) as usize];
    if to - from < DAY_HOURS {
        fill_hours(connection, meter, (from, to), from, &mut all)?;
        return Ok(all);
    }
    // The days of both ends too: an hour's own row lies among the minutes, far from the next meter's.
    let days =
        (from.div_euclid(DAY_HOURS), to.div_euclid(DAY_HOURS) + i64::from(to.rem_euclid(DAY_HOURS) != 0));
    let mut kept = Vec::new();
    day_hours::kept(connection, meter, days, |day, hours| {
        let origin = day * DAY_HOURS;
        let (first, after) = (origin.max(from), (origin + DAY_HOURS).min(to));
        all[(first - from) as usize..(after - from) as usize]
            .copy_from_slice(&hours[(first - origin) as usize..(after - origin) as usize]);
        kept.push((first, after));
    })?;
    let mut at = from;
    for (first, after) in kept {
        fill_hours(connection, meter, (at, first), from, &mut all)?;
        at = after;
    }
    fill_hours(connection, meter, (at, to), from, &mut all)?;
    Ok(all)
}

/// The same from the hours' own rows into their slots, of which the first is hour `origin`.
fn fill_hours(
    connection: &Connection,
    meter: MeterId,
    (from, to): (i64, i64),
    origin: i64,
    all: &mut [Option<HourRow>],
) -> Result<(), StoreError> {
    const HOURS: &str = "SELECT hour, measured, measured_ms, interpolated, interpolated_ms, estimated, \
                         estimated_ms FROM hour WHERE meter = ?1 AND hour >= ?2 AND hour < ?3";
    if from < to {
        fill(
            connection,
            HOURS,
            meter,
            (from, to),
            &mut all[(from - origin) as usize..(to - origin) as usize],
        )?;
    }
    Ok(())
}

/// As [`Reader::days`], from the store.
fn days(
    connection: &Connection,
    meter: MeterId,
    from: i64,
    to: i64,
) -> Result<Vec<Option<HourRow>>, StoreError> {
    const DAYS: &str = "SELECT day, measured, measured_ms, interpolated, interpolated_ms, estimated, \
                        estimated_ms FROM day WHERE meter = ?1 AND day >= ?2 AND day < ?3";
    let mut all = vec![None; (to - from).max(0) as usize];
    fill(connection, DAYS, meter, (from, to), &mut all)?;
    Ok(all)
}

fn fill(
    connection: &Connection,
    query: &str,
    meter: MeterId,
    (from, to): (i64, i64),
    all: &mut [Option<HourRow>],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(query).map_err(failed)?;
    let mut rows = statement.query(params![meter, from, to]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let number = |at| row.get::<_, i64>(at).map_err(failed);
        let parts = [(number(1)?, number(2)?), (number(3)?, number(4)?), (number(5)?, number(6)?)];
        all[(number(0)? - from) as usize] = Some(HourRow { parts });
    }
    Ok(())
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

/// Amounts and milliseconds by provenance of one meter over any minutes: whole days and hours from their
/// rollups, the rest minute by minute.
pub(super) fn sums(
    connection: &Connection,
    meter: MeterId,
    interval: Interval,
) -> Result<[(i128, i64); 3], StoreError> {
    let mut sums = [(0_i128, 0_i64); 3];
    let up = |value: i64, size: i64| value.div_euclid(size) + i64::from(value.rem_euclid(size) != 0);
    let (from, to) = (interval.from.0, interval.to.0);
    let (first_hour, after_hour) = (up(from, HOUR_MINUTES), to.div_euclid(HOUR_MINUTES));
    if first_hour > after_hour {
        add_minutes(connection, meter, interval, &mut sums)?;
        return Ok(sums);
    }
    let edge = |hour: i64| Minute(hour * HOUR_MINUTES);
    add_minutes(connection, meter, Interval::new(interval.from, edge(first_hour)), &mut sums)?;
    add_minutes(connection, meter, Interval::new(edge(after_hour), interval.to), &mut sums)?;
    let (first_day, after_day) = (up(first_hour, 24), after_hour.div_euclid(24));
    if first_day >= after_day {
        add_rollup(connection, SUM_OF_HOURS, meter, (first_hour, after_hour), &mut sums)?;
        return Ok(sums);
    }
    add_rollup(connection, SUM_OF_HOURS, meter, (first_hour, first_day * 24), &mut sums)?;
    add_rollup(connection, SUM_OF_DAYS, meter, (first_day, after_day), &mut sums)?;
    add_rollup(connection, SUM_OF_HOURS, meter, (after_day * 24, after_hour), &mut sums)?;
    Ok(sums)
}

const SUM_OF_HOURS: &str = "SELECT measured, measured_ms, interpolated, interpolated_ms, estimated, \
                            estimated_ms FROM hour WHERE meter = ?1 AND hour >= ?2 AND hour < ?3";
const SUM_OF_DAYS: &str = "SELECT measured, measured_ms, interpolated, interpolated_ms, estimated, \
                           estimated_ms FROM day WHERE meter = ?1 AND day >= ?2 AND day < ?3";

fn add_rollup(
    connection: &Connection,
    query: &str,
    meter: MeterId,
    (from, to): (i64, i64),
    sums: &mut [(i128, i64); 3],
) -> Result<(), StoreError> {
    if from >= to {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(query).map_err(failed)?;
    let mut rows = statement.query(params![meter, from, to]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        for (at, sum) in sums.iter_mut().enumerate() {
            sum.0 += i128::from(row.get::<_, i64>(2 * at).map_err(failed)?);
            sum.1 += row.get::<_, i64>(2 * at + 1).map_err(failed)?;
        }
    }
    Ok(())
}

fn add_minutes(
    connection: &Connection,
    meter: MeterId,
    interval: Interval,
    sums: &mut [(i128, i64); 3],
) -> Result<(), StoreError> {
    if interval.is_empty() {
        return Ok(());
    }
    let hour = interval.from.hour();
    let start = hour * HOUR_MINUTES;
    let Some(minutes) = minutes(connection, meter, hour)? else { return Ok(()) };
    for minute in &minutes[(interval.from.0 - start) as usize..(interval.to.0 - start) as usize] {
        for (sum, part) in sums.iter_mut().zip(minute.parts) {
            *sum = (sum.0 + i128::from(part.amount), sum.1 + i64::from(part.ms));
        }
    }
    Ok(())
}

/// A long step whose total is measured.
pub(super) struct MeasuredStep {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// Base units.
    pub(super) amount: i128,
}

/// The long steps of a meter that overlap `[from, to)` ms, with what passed in them.
pub(super) fn measured_long_steps(
    connection: &Connection,
    meter: MeterId,
    from: i64,
    to: i64,
) -> Result<Vec<MeasuredStep>, StoreError> {
    connection
        .prepare_cached(
            "SELECT from_ms, to_ms, coalesce(amount, 0) FROM step
             WHERE meter = ?1 AND from_ms < ?3 AND to_ms > ?2 AND provenance = 'interpolated'",
        )
        .and_then(|mut statement| {
            let step = |row: &rusqlite::Row<'_>| {
                let amount: i64 = row.get(2)?;
                let (from, to) = (Timestamp(row.get(0)?), Timestamp(row.get(1)?));
                Ok(MeasuredStep { from, to, amount: i128::from(amount) })
            };
            statement.query_map(params![meter, from, to], step)?.collect()
        })
        .map_err(failed)
}

/// Milliseconds that are known of those hours of `[from, to)` in which anything passed.
pub(super) fn loaded_ms(
    connection: &Connection,
    meter: MeterId,
    from: i64,
    to: i64,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum(measured_ms + interpolated_ms + estimated_ms), 0) FROM hour
             WHERE meter = ?1 AND hour >= ?2 AND hour < ?3
             AND (measured <> 0 OR interpolated <> 0 OR estimated <> 0)",
        )
        .and_then(|mut s| s.query_row(params![meter, from, to], |row| row.get(0)))
        .map_err(failed)
}

/// The long step of a meter that an instant cuts, ms: it starts before and ends after. Steps of one meter follow
/// each other, so the last that starts before is the only one that can.
pub(super) fn step_across(
    connection: &Connection,
    meter: MeterId,
    at: i64,
) -> Result<Option<MeasuredStep>, StoreError> {
    connection
        .prepare_cached(
            "SELECT from_ms, to_ms, coalesce(amount, 0) FROM step
             WHERE meter = ?1 AND from_ms < ?2 AND provenance = 'interpolated'
             ORDER BY from_ms DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            let step = |row: &rusqlite::Row<'_>| {
                let amount: i64 = row.get(2)?;
                let (from, to) = (Timestamp(row.get(0)?), Timestamp(row.get(1)?));
                Ok(MeasuredStep { from, to, amount: i128::from(amount) })
            };
            statement.query_row(params![meter, at], step).optional()
        })
        .map(|found| found.filter(|step| step.to.0 > at))
        .map_err(failed)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::hall::{Hall, at};
    use wattledger_model::time::Timestamp;

    const METER: &str =
        "[[meter]]\nname = \"main\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\n";

    fn by_row(connection: &Connection, from: i64, to: i64) -> Vec<Option<HourRow>> {
        let mut all = vec![None; (to - from) as usize];
        fill_hours(connection, 1, (from, to), from, &mut all).expect("readable");
        all
    }

    fn kept(connection: &Connection) -> Vec<i64> {
        let mut days = Vec::new();
        day_hours::kept(connection, 1, (i64::MIN, i64::MAX), |day, _| days.push(day)).expect("readable");
        days
    }

    #[test]
    fn days_are_those_of_their_rows_however_many_are_asked_for_and_until_one_is_forgotten() {
        let mut hall = Hall::new(METER);
        let start = at("2026-06-01T00:00:00Z");
        let quarter = |at: i64| Timestamp(start.0 + at * 900_000);
        hall.take(&[("main", quarter(0), 5.0, "kWh", None), ("main", quarter(1), 6.0, "kWh", None)]);
        let ledger = hall.view().connection;
        let (first, long) = (start.minute().day(), MOST_PARTS as i64 * PART_DAYS + 100);
        for (from, to) in
            [(first - long, first + 2), (first, first + 1), (first - 1, first + long), (first, first)]
        {
            let found = ledger.days(1, from, to).expect("readable");
            assert_eq!(found, days(&ledger, 1, from, to).expect("readable"), "{from} {to}");
            assert_eq!(found.iter().flatten().count(), usize::from(from < to));
        }
        let before = ledger.days(1, first, first + 1).expect("readable");
        hall.take(&[("main", quarter(2), 7.5, "kWh", None)]);
        assert_eq!(ledger.days(1, first, first + 1).expect("readable"), before, "one state until it is told");
        ledger.forget(1, start.minute().hour());
        let after = ledger.days(1, first, first + 1).expect("readable");
        assert_ne!(after, before);
        assert_eq!(after, days(&ledger, 1, first, first + 1).expect("readable"));
    }

    #[test]
    fn hours_by_the_day_are_those_of_their_rows_whatever_comes_late() {
        let mut hall = Hall::new(METER);
        let start = at("2026-06-01T00:00:00Z");
        let quarter = |at: i64| Timestamp(start.0 + at * 900_000);
        // Ten days, half of one missing.
        let readings = (0..=960).filter(|at| !(200..240).contains(at));
        let all: Vec<_> =
            readings.map(|at| ("main", quarter(at), 5.0 + at as f64 * 2.5, "kWh", None)).collect();
        hall.take(&all);
        let view = hall.view();
        let connection = &view.connection;
        let first = start.minute().hour();
        assert_eq!(kept(connection).len(), 10, "all days that are over");
        for (from, to) in [
            (first, first + 240),
            (first - 30, first + 100),
            (first + 5, first + 53),
            (first + 5, first + 20),
        ] {
            assert_eq!(
                hours(connection, 1, from, to).expect("readable"),
                by_row(connection, from, to),
                "{from} {to}"
            );
        }
        let before = by_row(connection, first, first + 240);
        // A reading in the gap: the hours of two days change.
        hall.take(&[("main", quarter(220), 5.0 + 220.0 * 2.5 + 1.0, "kWh", None)]);
        let after = hours(connection, 1, first, first + 240).expect("readable");
        assert_ne!(after, before);
        assert_eq!(after, by_row(connection, first, first + 240));
    }
}
