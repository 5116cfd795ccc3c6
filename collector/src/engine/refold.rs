//! Folds again what new readings touch, and writes what really changed.

use super::series::{Direction, Loaded, Pending};
use crate::ledger::context::{self, Ends, Needed, Part};
use crate::ledger::corrections::reach;
use crate::ledger::explain::{self, Explained};
use crate::ledger::fold;
use crate::ledger::interpret::Interpretation;
use crate::store::{MeterId, StoreError, Writer};
use rusqlite::Connection;
use std::borrow::Cow;
use wattledger_model::correction::Correction;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Minute, Timestamp};

/// Changes further apart than this are folded apart, so that one late reading does not fold a year.
const APART_MS: i64 = 2 * 86_400_000;
/// A whole series is folded in pieces of this length, so that memory does not grow with its age.
const PIECE_DAYS: i64 = 31;

/// Splits sorted instants into runs that are near enough to fold together.
pub fn runs(changed: &[Timestamp]) -> Vec<(Timestamp, Timestamp)> {
    changed
        .chunk_by(|earlier, later| later.0 - earlier.0 <= APART_MS)
        .map(|run| (run[0], run[run.len() - 1]))
        .collect()
}

/// Folds what a change of readings in `[from, to]` touches. Raw readings before `frozen` are not all there. Gives how
/// many readings had to be read for it.
///
/// # Errors
/// [`StoreError`] where the store cannot be read or written.
pub fn refold(
    connection: &Connection,
    pending: &Pending,
    meter: MeterId,
    interpretation: &Interpretation,
    changed: (Timestamp, Timestamp),
    frozen: Option<Timestamp>,
    writer: &mut Writer<'_>,
) -> Result<usize, StoreError> {
    let loaded = Loaded::days(connection, pending, meter, changed.0, changed.1)?;
    let (loaded, usable, mut part) = settled(loaded, interpretation, changed)?;
    if let Some(frozen) = frozen {
        freeze(&mut part, &usable, frozen, &interpretation.corrections);
    }
    let concerning = concerning(interpretation, &part);
    let mut folded = fold::fold(&usable[part.readings], &concerning);
    folded.clip(part.minutes, part.steps_from, part.steps_to);
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    writer.minutes(meter, part.minutes, &folded.minutes).map_err(failed)?;
    writer.steps(meter, part.steps_from.0, part.steps_to.0, &folded.steps).map_err(failed)?;
    Ok(loaded.readings.len())
}

/// Loads more readings until they settle what a change touches; gives all of them, those that count, and
/// which part of these to fold.
fn settled<'a>(
    mut loaded: Loaded<'a>,
    interpretation: &Interpretation,
    changed: (Timestamp, Timestamp),
) -> Result<(Loaded<'a>, Vec<Reading>, Part), StoreError> {
    let mut ends = Ends { first: false, last: false };
    loop {
        let usable = fold::countable(&loaded.readings, interpretation);
        match context::needed(&usable, changed, ends, interpretation) {
            Needed::Enough(part) => return Ok((loaded, usable, part)),
            Needed::Earlier => ends.first = !loaded.extend(Direction::Earlier)?,
            Needed::Later => ends.last = !loaded.extend(Direction::Later)?,
        }
    }
}

/// Why an interval of a meter is what it is, from the readings that it hangs on.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn explain(
    connection: &Connection,
    pending: &Pending,
    meter: MeterId,
    interpretation: &Interpretation,
    interval: Interval,
) -> Result<Explained, StoreError> {
    let changed = (interval.from.start(), interval.to.start());
    let loaded = Loaded::days(connection, pending, meter, changed.0, changed.1)?;
    let (loaded, _, _) = settled(loaded, interpretation, changed)?;
    Ok(explain::explain(&loaded.readings, interpretation, interval))
}

/// The interpretation without the amounts that are spread over other time only: a fold books each minute of an
/// entry, and there can be years of them. A part has all of each that it touches, or begins after it.
fn concerning<'i>(interpretation: &'i Interpretation, part: &Part) -> Cow<'i, Interpretation> {
    let touches = |correction: &Correction| match correction {
        Correction::Entry { .. } | Correction::Settle { .. } => {
            reach(correction).is_some_and(|(from, to)| part.steps_from < to && from < part.steps_to)
        }
        Correction::Exclude { .. } | Correction::Exchange { .. } => true,
    };
    if interpretation.corrections.iter().all(touches) {
        return Cow::Borrowed(interpretation);
    }
    let mut concerning = interpretation.clone();
    concerning.corrections.retain(touches);
    Cow::Owned(concerning)
}

/// Leaves alone what was made of readings that are deleted: all before the last reading before `frozen`, and what
/// an operator's correction that begins before it spread over later time.
fn freeze(part: &mut Part, usable: &[Reading], frozen: Timestamp, corrections: &[Correction]) {
    // Not one at `frozen` itself: it may have come late, and then divides a step that begins before it.
    let known = usable.partition_point(|reading| reading.at < frozen);
    let from = known.checked_sub(1).map_or(frozen, |last| usable[last].at);
    part.minutes.from = part.minutes.from.max(from.minute_ceil());
    part.steps_from = part.steps_from.max(from);
    let mut edge = frozen;
    let reaches: Vec<_> = corrections.iter().filter_map(reach).collect();
    while let Some((_, to)) = reaches.iter().find(|(from, to)| *from < edge && edge < *to) {
        edge = *to;
    }
    if edge > frozen {
        part.minutes.from = part.minutes.from.max(edge.minute_ceil());
        part.steps_from = part.steps_from.max(edge);
    }
}

/// Folds the whole series of a meter anew, after its interpretation changed or to check the ledger.
///
/// # Errors
/// As [`refold`].
pub fn refold_all(
    connection: &Connection,
    pending: &Pending,
    meter: MeterId,
    interpretation: &Interpretation,
    frozen: Option<Timestamp>,
    writer: &mut Writer<'_>,
) -> Result<(), StoreError> {
    // Nothing of the old interpretation may stay, not even where the new one books nothing.
    let everywhere = Interval::new(Minute(i64::MIN), Minute(i64::MAX));
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let days = days(connection, pending, meter).map_err(failed)?;
    if days.is_empty() {
        // What operators entered needs no reading.
        let folded = fold::fold(&[], interpretation);
        writer.minutes(meter, everywhere, &folded.minutes).map_err(failed)?;
        return writer.steps(meter, i64::MIN, i64::MAX, &folded.steps).map_err(failed);
    }
    for piece in days.chunk_by(|a, b| a.div_euclid(PIECE_DAYS) == b.div_euclid(PIECE_DAYS)) {
        let (first, last) = (piece[0], piece[piece.len() - 1]);
        let start = Timestamp(first * 86_400_000);
        let end = Timestamp((last + 1) * 86_400_000 - 1);
        refold(connection, pending, meter, interpretation, (start, end), frozen, writer)?;
    }
    Ok(())
}

fn days(connection: &Connection, pending: &Pending, meter: MeterId) -> rusqlite::Result<Vec<i64>> {
    let mut days: Vec<i64> = connection
        .prepare_cached("SELECT day FROM raw WHERE meter = ?1")?
        .query_map([meter], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    days.extend(pending.by_day().filter(|(of, _, _)| *of == meter).map(|(_, day, _)| day));
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_folded_with_the_corrections_that_touch_it_only() {
        let entry = |from, to| Correction::Entry { from: at(from), to: at(to), amount: 7 };
        let settle = |from, to| Correction::Settle { from: at(from), to: at(to), amount: 7 };
        let exclude = Correction::Exclude { from: at(0), to: at(1) };
        let mut interpretation = Interpretation::unclaimed("kWh".parse().ok());
        interpretation.corrections = (0..1_000).map(|day| entry(day * 10, day * 10 + 9)).collect();
        interpretation.corrections.extend([settle(0, 5_000), settle(0, 5_001), exclude]);
        let part = Part {
            readings: 0..0,
            minutes: Interval::new(at(5_000).minute(), at(5_019).minute()),
            steps_from: at(5_000),
            steps_to: at(5_019),
        };
        let all = [entry(5_000, 5_009), entry(5_010, 5_019), settle(0, 5_001), exclude];
        assert_eq!(concerning(&interpretation, &part).corrections, all);
        interpretation.corrections = all.to_vec();
        assert!(matches!(concerning(&interpretation, &part), Cow::Borrowed(_)));
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp(1_767_225_600_000 + minute * 60_000)
    }
}
