//! What one meter came to over any interval, kept in large parts: the uncertainty of each figure asks for each of its
//! meters, window by window, and most of a window is what the last one was.

use super::super::reader::{self, Reader};
use super::term::{Term, TermSum};
use super::{ALWAYS, Place};
use crate::ledger::block::Hour;
use crate::store::{HourRow, MeterId, StoreError};
use rusqlite::Connection;
use std::collections::HashMap;
use wattledger_model::minute::Minute as Booked;
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, Minute};

const DAY_HOURS: i64 = DAY_MINUTES / HOUR_MINUTES;
/// Parts of each size that are kept: somewhat more than the windows of one instant look at.
const MOST_HOURS: usize = 6;
const MOST_MINUTES: usize = 4;
const MOST_EDGES: usize = 256;

type Sums = [(i128, i64); 3];
type Rows = Box<[Option<HourRow>]>;

/// See the module. It holds up to 32 KiB.
#[derive(Debug, Default)]
pub(crate) struct MeterSums {
    /// Rollups of hours, by day.
    hours: HashMap<i64, Rows>,
    /// Minutes, by hour.
    minutes: HashMap<i64, Option<Box<Hour>>>,
    /// The long step that an edge cuts, by the edge, ms.
    edges: HashMap<i64, Option<Cut>>,
    /// What was asked for last: each indicator of a facility asks for the same.
    last: Option<(Interval, Sums)>,
}

/// A long step, ms and base units.
#[derive(Debug, Clone, Copy)]
struct Cut {
    from: i64,
    to: i64,
    amount: i128,
}

impl MeterSums {
    /// Forgets what an hour came to, and all steps.
    pub(crate) fn forget(&mut self, hour: i64) {
        let day = hour.div_euclid(DAY_HOURS);
        self.hours.remove(&day);
        self.minutes.remove(&hour);
        self.edges.clear();
        self.last = None;
    }

    /// As [`TermSum::read`].
    pub(crate) fn term(
        &mut self,
        ledger: &Reader,
        term: Term,
        place: Place,
        interval: Interval,
    ) -> Result<TermSum, StoreError> {
        let during = term.during.intersect(interval);
        let mut sum = TermSum { term, place, amounts: [0; 3], ms: [0; 3], cut: Vec::new(), during };
        if during.is_empty() {
            return Ok(sum);
        }
        let parts = self.sums(ledger, term.meter, during)?;
        sum.amounts = parts.map(|(amount, _)| amount);
        sum.ms = parts.map(|(_, ms)| ms);
        sum.cut = self.cut(ledger, term.meter, during)?;
        Ok(sum)
    }

    /// Amounts and milliseconds by provenance over any minutes.
    pub(crate) fn sums(
        &mut self,
        ledger: &Reader,
        meter: MeterId,
        interval: Interval,
    ) -> Result<Sums, StoreError> {
        if let Some((_, known)) = self.last.filter(|(of, _)| *of == interval) {
            return Ok(known);
        }
        let mut sums = Sums::default();
        let mut at = interval.from.0;
        while at < interval.to.0 {
            let (hour, day) = (Minute(at).hour(), Minute(at).day());
            let left = interval.to.0 - at;
            let is_at = |size: i64| at.rem_euclid(size) == 0 && left >= size;
            at += if is_at(DAY_MINUTES) {
                let days = left / DAY_MINUTES;
                ledger.days(meter, day, day + days)?.into_iter().for_each(|row| add_row(&mut sums, row));
                days * DAY_MINUTES
            } else if is_at(HOUR_MINUTES) {
                add_row(&mut sums, self.hour(ledger, meter, hour)?);
                HOUR_MINUTES
            } else {
                let end = ((hour + 1) * HOUR_MINUTES).min(interval.to.0);
                let inside = (at - hour * HOUR_MINUTES) as usize..(end - hour * HOUR_MINUTES) as usize;
                if let Some(minutes) = self.minutes(ledger, meter, hour)? {
                    minutes[inside].iter().for_each(|minute| add_minute(&mut sums, minute));
                }
                end - at
            };
        }
        self.last = Some((interval, sums));
        Ok(sums)
    }

    fn hour(&mut self, ledger: &Reader, meter: MeterId, hour: i64) -> Result<Option<HourRow>, StoreError> {
        let day = hour.div_euclid(DAY_HOURS);
        if !self.hours.contains_key(&day) {
            make_room(&mut self.hours, MOST_HOURS);
            let rows = reader::hours(ledger, meter, day * DAY_HOURS, (day + 1) * DAY_HOURS)?;
            self.hours.insert(day, rows.into());
        }
        Ok(self.hours[&day][hour.rem_euclid(DAY_HOURS) as usize])
    }

    fn minutes(&mut self, ledger: &Reader, meter: MeterId, hour: i64) -> Result<Option<&Hour>, StoreError> {
        if !self.minutes.contains_key(&hour) {
            make_room(&mut self.minutes, MOST_MINUTES);
            let minutes = reader::minutes(ledger, meter, hour)?.map(Box::new);
            self.minutes.insert(hour, minutes);
        }
        Ok(self.minutes[&hour].as_deref())
    }

    /// Milliseconds that are known of the hours in which anything passed. Of an hour that the edges cut only what
    /// lies inside is looked at: what is outside must not matter.
    pub(crate) fn loaded_ms(
        &mut self,
        ledger: &Reader,
        meter: MeterId,
        during: Interval,
    ) -> Result<i64, StoreError> {
        let first = Minute(during.from.0 + HOUR_MINUTES - 1).hour();
        let after = during.to.hour();
        let whole = first * HOUR_MINUTES..after.max(first) * HOUR_MINUTES;
        let before = Interval::new(during.from, Minute(whole.start.min(during.to.0)));
        let behind = Interval::new(Minute(whole.end.max(before.to.0)), during.to);
        let mut loaded = reader::loaded_ms(ledger, meter, first, after)?;
        for edge in [before, behind].into_iter().filter(|edge| !edge.is_empty()) {
            let parts = self.sums(ledger, meter, edge)?;
            if parts.iter().any(|(amount, _)| *amount != 0) {
                loaded += parts.iter().map(|(_, ms)| ms).sum::<i64>();
            }
        }
        Ok(loaded)
    }

    /// Base units that lie inside of each long step which the edges cut.
    fn cut(&mut self, ledger: &Reader, meter: MeterId, during: Interval) -> Result<Vec<i128>, StoreError> {
        if during == ALWAYS {
            return Ok(Vec::new());
        }
        let (from, to) = (during.from.start().0, during.to.start().0);
        let first = self.across(ledger, meter, from)?;
        let last = self.across(ledger, meter, to)?.filter(|last| last.from >= from);
        let inside = |step: Cut| {
            let (inside, length) = (step.to.min(to) - step.from.max(from), step.to - step.from);
            step.amount * i128::from(inside) / i128::from(length.max(1))
        };
        Ok(first.into_iter().chain(last).map(inside).collect())
    }

    fn across(&mut self, ledger: &Reader, meter: MeterId, edge: i64) -> Result<Option<Cut>, StoreError> {
        if let Some(known) = self.edges.get(&edge) {
            return Ok(*known);
        }
        make_room(&mut self.edges, MOST_EDGES);
        let found = reader::step_across(ledger, meter, edge)?;
        let found = found.map(|step| Cut { from: step.from.0, to: step.to.0, amount: step.amount });
        self.edges.insert(edge, found);
        Ok(found)
    }
}

/// As [`MeterSums::sums`], of a meter that is asked for once.
pub(crate) fn booked(
    connection: &Connection,
    meter: MeterId,
    interval: Interval,
) -> Result<Sums, StoreError> {
    reader::sums(connection, meter, interval)
}

fn make_room<V>(kept: &mut HashMap<i64, V>, most: usize) {
    if kept.len() >= most {
        kept.clear();
    }
}

fn add_row(sums: &mut Sums, row: Option<HourRow>) {
    for (sum, (amount, ms)) in sums.iter_mut().zip(row.unwrap_or_default().parts) {
        *sum = (sum.0 + i128::from(amount), sum.1 + ms);
    }
}

fn add_minute(sums: &mut Sums, minute: &Booked) {
    for (sum, part) in sums.iter_mut().zip(minute.parts) {
        *sum = (sum.0 + i128::from(part.amount), sum.1 + i64::from(part.ms));
    }
}
