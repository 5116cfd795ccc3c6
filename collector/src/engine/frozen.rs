//! Entries for time of which raw readings were deleted with age.
//!
//! What the ledger made of deleted readings is never folded again, so an operator's entry is booked on top of
//! it: into the time of which nothing was known. What stood there before is kept, so that the result depends
//! on the entries in force alone, and an entry can be taken back.

use super::Engine;
use super::series::{Direction, Loaded};
use crate::audit::corrections::span;
use crate::ledger::block::{self, Hour, MINUTES};
use crate::ledger::corrections::joined;
use crate::ledger::fold::Minutes;
use crate::ledger::fold::countable;
use crate::ledger::interpret::round_half_even;
use crate::store::{MeterId, StoreError, Writer};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use wattledger_model::correction::Correction;
use wattledger_model::minute::{Minute as Booked, Provenance};
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Minute, Timestamp};

/// An amount for the time of `[from, to)` of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// What passed, in base units.
    pub amount: i128,
}

impl Entry {
    fn minutes(&self) -> Interval {
        Interval::new(self.from.minute(), self.to.minute_ceil())
    }

    fn hours(&self) -> std::ops::Range<i64> {
        let minutes = self.minutes();
        minutes.from.hour()..Minute(minutes.to.0 + HOUR_MINUTES - 1).hour()
    }

    /// Milliseconds of a minute that lie in the entry and of which nothing is known.
    fn missing_ms(&self, minute: Minute, booked: &Booked) -> i64 {
        let (start, end) = (minute.start().0, minute.start().0 + MINUTE_MS);
        let inside = self.to.0.min(end) - self.from.0.max(start);
        let known: i64 = booked.parts.iter().map(|part| i64::from(part.ms)).sum();
        inside.min(MINUTE_MS - known).max(0)
    }
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

impl Engine {
    /// The instant before which nothing of a meter is folded again: its last usable reading before the deleted
    /// ones end; or, where a correction in force reaches over that end, the end of the correction. `None` while
    /// nothing was deleted.
    pub(super) fn frozen_before(&self, meter: MeterId) -> Result<Option<Timestamp>, StoreError> {
        let Some(deleted) = self.forgotten.get(&meter).copied() else { return Ok(None) };
        let (_, interpretation) = self.meters.get(meter);
        let spread: Vec<_> = interpretation.corrections.iter().filter(|c| is_spread(c)).map(span).collect();
        let mut edge = deleted;
        while let Some((_, to)) = spread.iter().find(|(from, to)| *from < edge && edge < *to) {
            edge = *to;
        }
        if edge > deleted {
            return Ok(Some(edge));
        }
        let mut loaded = Loaded::days(&self.connection, &self.pending, meter, edge, edge)?;
        loop {
            let known = countable(&loaded.readings, interpretation);
            if let Some(last) = known.iter().rev().find(|reading| reading.at < edge) {
                return Ok(Some(last.at));
            }
            if !loaded.extend(Direction::Earlier)? {
                return Ok(Some(edge));
            }
        }
    }

    /// The first instant at which a correction of a meter may begin, to be made or taken back: from there on all is
    /// folded again that it changes. `None` while nothing was deleted.
    pub(super) fn may_begin(
        &self,
        meter: MeterId,
        correction: &Correction,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(edge) = self.frozen_before(meter)? else { return Ok(None) };
        Ok(Some(match correction {
            // What is folded again begins at the last reading that counts, which must stay the same.
            Correction::Exclude { .. } => {
                self.forgotten.get(&meter).map_or(edge, |deleted| edge.max(*deleted))
            }
            Correction::Exchange { .. } => Timestamp(edge.0 + 1),
            Correction::Entry { .. } | Correction::Settle { .. } => edge,
        }))
    }

    /// Where the deleted readings of a meter end, if a correction would be spread to both sides of that.
    pub(super) fn cut_by_deleted(&self, meter: MeterId, correction: &Correction) -> Option<Timestamp> {
        let deleted = self.forgotten.get(&meter).copied()?;
        let (from, to) = span(correction);
        (is_spread(correction) && from < deleted && deleted < to).then_some(deleted)
    }
}

/// Whether a correction spreads an amount over its time.
fn is_spread(correction: &Correction) -> bool {
    matches!(correction, Correction::Entry { .. } | Correction::Settle { .. })
}

/// The time in an entry of which nothing is known but by entries, ms. `booked` are those booked so far.
pub(super) fn missing_ms(
    connection: &Connection,
    meter: MeterId,
    entry: &Entry,
    booked: &[Entry],
) -> Result<i64, StoreError> {
    let mut missing = 0;
    for hour in entry.hours() {
        let before = before(connection, meter, hour, booked).map_err(failed)?;
        missing +=
            inside(entry, hour).map(|minute| entry.missing_ms(minute, &before[at(minute)])).sum::<i64>();
    }
    Ok(missing)
}

/// Books the entries in force on what there was before any of `ever`, those taken back included; `booked` are
/// those of them that were booked before. Where entries overlap their amounts add up, as they do where nothing
/// is deleted.
pub(super) fn book(
    writer: &mut Writer<'_>,
    meter: MeterId,
    ever: &[Entry],
    booked: &[Entry],
    in_force: &[Entry],
) -> rusqlite::Result<()> {
    let connection = writer.connection();
    let mut hours: BTreeMap<i64, Hour> = BTreeMap::new();
    for hour in ever.iter().flat_map(Entry::hours) {
        if let std::collections::btree_map::Entry::Vacant(free) = hours.entry(hour) {
            let before = *free.insert(before(connection, meter, hour, booked)?);
            connection
                .prepare_cached("INSERT OR REPLACE INTO frozen VALUES (?1, ?2, ?3)")?
                .execute(params![meter, hour, block::encode_sums(&before)])?;
        }
    }
    let mut entered = BTreeMap::new();
    in_force.iter().for_each(|entry| spread(entry, &hours, &mut entered));
    for (hour, before) in &hours {
        let mut now = stored(connection, meter, *hour)?;
        for minute in ever.iter().flat_map(|entry| inside(entry, *hour)) {
            now[at(minute)] = with(&before[at(minute)], entered.get(&minute));
        }
        let range = Interval::new(Minute(hour * HOUR_MINUTES), Minute((hour + 1) * HOUR_MINUTES));
        let all = (range.from.0..range.to.0).zip(now).collect();
        writer.minutes(meter, range, &Minutes::Sums(all))?;
    }
    Ok(())
}

/// What entries come to in a minute: their amounts, and the times in which they lie.
#[derive(Default)]
struct Entered {
    amount: i64,
    times: Vec<(i64, i64)>,
}

/// Spreads an amount evenly over the time of which nothing is known, rounding at edges so that the parts add
/// up to it exactly.
fn spread(entry: &Entry, hours: &BTreeMap<i64, Hour>, entered: &mut BTreeMap<Minute, Entered>) {
    let missing: Vec<(Minute, i64)> = hours
        .range(entry.hours())
        .flat_map(|(hour, before)| inside(entry, *hour).map(|minute| (minute, before[at(minute)])))
        .map(|(minute, before)| (minute, entry.missing_ms(minute, &before)))
        .filter(|(_, missing)| *missing > 0)
        .collect();
    let total: i64 = missing.iter().map(|(_, missing)| missing).sum();
    let edge = |passed: i64| round_half_even(entry.amount * i128::from(passed), i128::from(total));
    let mut passed = 0;
    for (minute, missing) in missing {
        let amount = edge(passed + missing) - edge(passed);
        passed += missing;
        let here = entered.entry(minute).or_default();
        here.amount = here.amount.saturating_add(i64::try_from(amount).unwrap_or(i64::MAX));
        let start = minute.start().0;
        here.times.push((entry.from.0.max(start), entry.to.0.min(start + MINUTE_MS)));
    }
}

/// A minute with what was entered for it.
fn with(before: &Booked, entered: Option<&Entered>) -> Booked {
    let mut now = *before;
    let Some(entered) = entered else { return now };
    let known: i64 = before.parts.iter().map(|part| i64::from(part.ms)).sum();
    let inside: i64 = joined(entered.times.clone()).iter().map(|(from, to)| to - from).sum();
    let part = &mut now.parts[Provenance::Estimated as usize];
    part.amount = part.amount.saturating_add(entered.amount);
    part.ms += u32::try_from(inside.min(MINUTE_MS - known)).unwrap_or(0);
    now
}

/// An hour without any entry. What was kept of it is of the minutes of entries; the others may have changed
/// since, while their readings were there.
fn before(connection: &Connection, meter: MeterId, hour: i64, booked: &[Entry]) -> rusqlite::Result<Hour> {
    let mut now = stored(connection, meter, hour)?;
    let kept: Option<Vec<u8>> = connection
        .prepare_cached("SELECT block FROM frozen WHERE meter = ?1 AND hour = ?2")?
        .query_row(params![meter, hour], |row| row.get(0))
        .optional()?;
    let Some(kept) = kept.and_then(|bytes| block::decode_sums(&bytes).ok()) else { return Ok(now) };
    for minute in booked.iter().flat_map(|entry| inside(entry, hour)) {
        now[at(minute)] = kept[at(minute)];
    }
    Ok(now)
}

fn inside(entry: &Entry, hour: i64) -> impl Iterator<Item = Minute> + use<> {
    let minutes = entry.minutes();
    let (first, end) = (hour * HOUR_MINUTES, (hour + 1) * HOUR_MINUTES);
    (first.max(minutes.from.0)..end.min(minutes.to.0)).map(Minute)
}

fn at(minute: Minute) -> usize {
    minute.0.rem_euclid(HOUR_MINUTES) as usize
}

fn stored(connection: &Connection, meter: MeterId, hour: i64) -> rusqlite::Result<Hour> {
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached("SELECT block FROM hour WHERE meter = ?1 AND hour = ?2")?
        .query_row(params![meter, hour], |row| row.get(0))
        .optional()?;
    Ok(bytes.and_then(|bytes| block::decode_sums(&bytes).ok()).unwrap_or([Booked::default(); MINUTES]))
}
