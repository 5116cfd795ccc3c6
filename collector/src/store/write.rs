//! Writing minutes and steps: only blocks that really change are written, and they carry the change
//! number that outputs resume from.

use super::MeterId;
use super::history::Known;
use crate::ledger::block::{self, MINUTES};
use crate::ledger::fold::Minutes;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::minute::{GaugeMinute, Minute, Step};
use wattledger_model::time::{HOUR_MINUTES, Interval, Timestamp};

/// The rollup of an hour or a day: amounts and milliseconds of measured, interpolated and estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HourRow {
    /// `(amount, ms)` by provenance.
    pub parts: [(i64, i64); 3],
}

/// Only nonsense reaches this; a day of such hours must still fit the database's integers.
const HOUR_LIMIT: i64 = i64::MAX / 32;

impl HourRow {
    /// The rollup of an hour of a summed quantity.
    pub(crate) fn of_sums(hour: &block::Hour) -> HourRow {
        let mut row = HourRow::default();
        for minute in hour {
            for (sum, part) in row.parts.iter_mut().zip(minute.parts) {
                sum.0 = sum.0.saturating_add(part.amount).clamp(-HOUR_LIMIT, HOUR_LIMIT);
                sum.1 += i64::from(part.ms);
            }
        }
        row
    }

    /// The rollup of an hour of a gauge: nothing is summed, times are.
    pub(crate) fn of_levels(hour: &block::GaugeHour) -> HourRow {
        let ms = hour.iter().map(|minute| i64::from(minute.ms)).sum();
        HourRow { parts: [(0, ms), (0, 0), (0, 0)] }
    }
}

/// Collects the changes of one flush.
pub struct Writer<'a> {
    connection: &'a Connection,
    /// The number that changed blocks get.
    change: u64,
    /// Versions of closed hours that stood at this edge are kept when they are replaced.
    standing: Known,
    changed_hours: u64,
    has_changed_steps: bool,
    touched_days: BTreeSet<(MeterId, i64)>,
}

impl<'a> Writer<'a> {
    /// A writer inside an open transaction, for the flush numbered `change`. `standing` is what stood at the
    /// last quarter-hour edge of the collector's clock.
    pub fn new(connection: &'a Connection, change: u64, standing: Known) -> Writer<'a> {
        Writer {
            connection,
            change,
            standing,
            changed_hours: 0,
            has_changed_steps: false,
            touched_days: BTreeSet::new(),
        }
    }

    /// The connection that is written to.
    pub fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Number of hour blocks that changed so far.
    pub fn changed_hours(&self) -> u64 {
        self.changed_hours
    }

    /// Whether anything changed so far. A step of which nothing is booked may have no hour to change.
    pub fn is_changed(&self) -> bool {
        self.changed_hours > 0 || self.has_changed_steps
    }

    /// Replaces the minutes of `range` by `minutes`: those not listed become missing.
    pub fn minutes(&mut self, meter: MeterId, range: Interval, minutes: &Minutes) -> rusqlite::Result<()> {
        match minutes {
            Minutes::Sums(minutes) => self.replace(meter, range, minutes, &SUMS),
            Minutes::Levels(minutes) => self.replace(meter, range, minutes, &LEVELS),
        }
    }

    fn replace<M: Copy + Default>(
        &mut self,
        meter: MeterId,
        range: Interval,
        minutes: &[(i64, M)],
        codec: &Codec<M>,
    ) -> rusqlite::Result<()> {
        let (first, last) = (range.from.hour(), range.to.0.saturating_sub(1).div_euclid(HOUR_MINUTES));
        let mut stored = self.stored_blocks(meter, first, last)?;
        let mut hours: BTreeSet<i64> = stored.keys().copied().collect();
        hours.extend(minutes.iter().map(|(minute, _)| minute.div_euclid(HOUR_MINUTES)));
        let mut rest = minutes;
        for hour in hours {
            let before = stored.remove(&hour);
            // A block of another kind, or one that cannot be read, is made anew from nothing.
            let mut block =
                before.as_deref().and_then(|bytes| (codec.decode)(bytes)).unwrap_or([M::default(); MINUTES]);
            let start = hour * HOUR_MINUTES;
            for (at, slot) in block.iter_mut().enumerate() {
                let minute = start + at as i64;
                if range.from.0 <= minute && minute < range.to.0 {
                    *slot = M::default();
                }
            }
            let here = rest.partition_point(|(minute, _)| *minute < start + HOUR_MINUTES);
            for (minute, value) in &rest[..here] {
                block[(minute - start) as usize] = *value;
            }
            rest = &rest[here..];
            let bytes = (codec.encode)(&block);
            if before.as_deref() != Some(&bytes[..]) {
                self.write_block(meter, hour, (codec.totals)(&block), &bytes)?;
            }
        }
        Ok(())
    }

    fn stored_blocks(
        &self,
        meter: MeterId,
        first: i64,
        last: i64,
    ) -> rusqlite::Result<BTreeMap<i64, Vec<u8>>> {
        self.connection
            .prepare_cached("SELECT hour, block FROM hour WHERE meter = ?1 AND hour BETWEEN ?2 AND ?3")?
            .query_map(params![meter, first, last], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    }

    fn write_block(
        &mut self,
        meter: MeterId,
        hour: i64,
        totals: HourRow,
        bytes: &[u8],
    ) -> rusqlite::Result<()> {
        self.keep_hour(meter, hour)?;
        let [(m, m_ms), (i, i_ms), (e, e_ms)] = totals.parts;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO hour VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
            .execute(params![meter, hour, self.change as i64, m, m_ms, i, i_ms, e, e_ms, bytes])?;
        self.changed_hours += 1;
        self.touched_days.insert((meter, hour.div_euclid(24)));
        Ok(())
    }

    /// Keeps the version of an hour that is about to be replaced, if it had stood and the hour was closed.
    fn keep_hour(&self, meter: MeterId, hour: i64) -> rusqlite::Result<()> {
        if hour >= self.standing.open_hour() {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT INTO hour_past
                 SELECT meter, hour, change, ?3, measured, measured_ms, interpolated, interpolated_ms, estimated,
                   estimated_ms, block
                 FROM hour WHERE meter = ?1 AND hour = ?2 AND change <= ?4",
            )?
            .execute(params![meter, hour, self.change as i64, self.standing.change as i64])
            .map(drop)
    }

    /// Keeps a step that is about to be deleted, if it had stood.
    fn keep_step(&self, meter: MeterId, step: &Step) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO step_past
                 SELECT meter, from_ms, to_ms, class, amount, provenance, change, ?4
                 FROM step WHERE meter = ?1 AND from_ms = ?2 AND to_ms = ?3 AND change <= ?5",
            )?
            .execute(params![meter, step.from.0, step.to.0, self.change as i64, self.standing.change as i64])
            .map(drop)
    }

    /// Replaces the steps that start in `[from, to)` milliseconds. A step that differs marks the hours of
    /// its ends as changed, because coverage is computed from steps too.
    pub fn steps(&mut self, meter: MeterId, from: i64, to: i64, steps: &[Step]) -> rusqlite::Result<()> {
        let stored: Vec<Step> = steps_between(self.connection, meter, from, to)?;
        if stored == steps {
            return Ok(());
        }
        self.has_changed_steps = true;
        let (before, after) = (by_time(&stored), by_time(steps));
        let gone: Vec<&Step> =
            stored.iter().filter(|step| after.get(&(step.from, step.to)) != Some(step)).collect();
        let new: Vec<&Step> =
            steps.iter().filter(|step| before.get(&(step.from, step.to)) != Some(step)).collect();
        for step in &gone {
            self.keep_step(meter, step)?;
            self.connection
                .prepare_cached("DELETE FROM step WHERE meter = ?1 AND from_ms = ?2 AND to_ms = ?3")?
                .execute(params![meter, step.from.0, step.to.0])?;
        }
        for step in &new {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO step VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute(params![
                    meter,
                    step.from.0,
                    step.to.0,
                    step.class.word(),
                    step.amount.map(|amount| amount as i64),
                    step.provenance.map(wattledger_model::minute::Provenance::word),
                    self.change as i64,
                ])?;
        }
        for step in gone.into_iter().chain(new) {
            for at in [step.from, step.to] {
                self.mark_changed(meter, at.minute().hour())?;
            }
        }
        Ok(())
    }

    /// Gives an hour whose coverage changed this flush's number. A step of which nothing is booked may lie where there
    /// is no hour yet: one without content is made, since outputs see what changed by its hours.
    fn mark_changed(&mut self, meter: MeterId, hour: i64) -> rusqlite::Result<()> {
        self.keep_hour(meter, hour)?;
        let nothing = block::encode_sums(&[Minute::default(); MINUTES]);
        let touched = self
            .connection
            .prepare_cached(
                "INSERT INTO hour VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, 0, ?4)
                 ON CONFLICT (meter, hour) DO UPDATE SET change = ?3 WHERE change < ?3",
            )?
            .execute(params![meter, hour, self.change as i64, nothing])?;
        self.changed_hours += touched as u64;
        Ok(())
    }

    /// Rolls the touched days up from their hours; the last thing before the commit.
    pub fn finish(self) -> rusqlite::Result<u64> {
        for (meter, day) in &self.touched_days {
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO day SELECT ?1, ?2,
                     sum(measured), sum(measured_ms), sum(interpolated), sum(interpolated_ms),
                     sum(estimated), sum(estimated_ms)
                     FROM hour WHERE meter = ?1 AND hour >= ?2 * 24 AND hour < ?2 * 24 + 24",
                )?
                .execute(params![meter, day])?;
        }
        if self.is_changed() {
            super::set_meta(self.connection, "change", &self.change.to_string())?;
        }
        Ok(self.changed_hours)
    }
}

/// Steps by what tells them apart.
fn by_time(steps: &[Step]) -> BTreeMap<(Timestamp, Timestamp), &Step> {
    steps.iter().map(|step| ((step.from, step.to), step)).collect()
}

/// The steps of a meter that start in `[from, to)` milliseconds, ascending.
pub(crate) fn steps_between(
    connection: &Connection,
    meter: MeterId,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<Step>> {
    use wattledger_model::minute::{Provenance, StepClass};
    connection
        .prepare_cached(
            "SELECT from_ms, to_ms, class, amount, provenance FROM step
             WHERE meter = ?1 AND from_ms >= ?2 AND from_ms < ?3 ORDER BY from_ms, to_ms",
        )?
        .query_map(params![meter, from, to], |row| {
            let class: String = row.get(2)?;
            let provenance: Option<String> = row.get(4)?;
            Ok(Step {
                from: Timestamp(row.get(0)?),
                to: Timestamp(row.get(1)?),
                class: StepClass::from_word(&class).unwrap_or(StepClass::Undecidable),
                amount: row.get::<_, Option<i64>>(3)?.map(i128::from),
                provenance: Provenance::ALL.into_iter().find(|p| Some(p.word()) == provenance.as_deref()),
            })
        })?
        .collect()
}

/// How one kind of minute is kept in a block.
struct Codec<M> {
    decode: fn(&[u8]) -> Option<[M; MINUTES]>,
    encode: fn(&[M; MINUTES]) -> Vec<u8>,
    totals: fn(&[M; MINUTES]) -> HourRow,
}

const SUMS: Codec<Minute> = Codec {
    decode: |bytes| block::decode_sums(bytes).ok(),
    encode: block::encode_sums,
    totals: HourRow::of_sums,
};

const LEVELS: Codec<GaugeMinute> = Codec {
    decode: |bytes| block::decode_levels(bytes).ok(),
    encode: block::encode_levels,
    totals: HourRow::of_levels,
};

/// Reads one raw block.
pub(crate) fn raw_block(
    connection: &Connection,
    meter: MeterId,
    day: i64,
) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT block FROM raw WHERE meter = ?1 AND day = ?2")?
        .query_row(params![meter, day], |row| row.get(0))
        .optional()
}
