//! The accounts of one pair, with caches by day, hour and minute that a change of the ledger invalidates.

use super::super::reader::{self, Reader};
use super::super::support;
use super::super::weight::Weight;
use super::block::{self, Block};
use super::{Account, Own, Pair, Place, Term, TermSum};
use crate::ledger::block::MINUTES;
use crate::store::{HourRow, MeterId, StoreError};
use rusqlite::Connection;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use wattledger_model::minute::Minute as Booked;
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, MINUTE_MS, Minute};

/// Hours kept minute by minute; the edges of windows come back to the same few.
const FINE_HOURS: usize = 64;
/// Hours or days read in one go.
const CHUNK: i64 = 24 * 31;
const DAY_HOURS: i64 = DAY_MINUTES / HOUR_MINUTES;

/// See the module.
pub struct Accounts {
    pair: Pair,
    /// Whole UTC days.
    days: BTreeMap<i64, Account>,
    /// Whole hours.
    hours: BTreeMap<i64, Account>,
    fine: HashMap<i64, Box<[Account; MINUTES]>>,
    /// The long steps of each meter.
    spans: HashMap<MeterId, Vec<Interval>>,
    /// What joined long steps come to, by where they lie.
    known_blocks: BTreeMap<Interval, Block>,
    /// The joined long steps; `None` where a change may have moved them.
    blocks: Option<Vec<Block>>,
}

/// The sizes in which time is counted up, from its edges inwards.
#[derive(Clone, Copy)]
enum Level {
    Day,
    Hour,
}

impl Level {
    const fn minutes(self) -> i64 {
        match self {
            Level::Day => DAY_MINUTES,
            Level::Hour => HOUR_MINUTES,
        }
    }

    fn interval(self, at: i64) -> Interval {
        Interval::new(Minute(at * self.minutes()), Minute((at + 1) * self.minutes()))
    }

    /// The whole ones in `[from, to)` minutes.
    fn whole_in(self, from: i64, to: i64) -> (i64, i64) {
        let size = self.minutes();
        (from.div_euclid(size) + i64::from(from.rem_euclid(size) != 0), to.div_euclid(size))
    }
}

impl Accounts {
    /// Accounts of a pair; nothing is read yet.
    pub fn new(pair: Pair) -> Accounts {
        Accounts {
            pair,
            days: BTreeMap::new(),
            hours: BTreeMap::new(),
            fine: HashMap::new(),
            spans: HashMap::new(),
            known_blocks: BTreeMap::new(),
            blocks: None,
        }
    }

    /// The pair.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Whether the meter is on either side.
    pub fn concerns(&self, meter: MeterId) -> bool {
        self.terms().any(|(term, _)| term.meter == meter)
    }

    /// Forgets what an hour came to, and the long steps of the meter that changed in it.
    pub fn invalidate(&mut self, meter: MeterId, hour: i64) {
        self.forget(hour);
        self.spans.remove(&meter);
    }

    /// Weights the numerator anew, if it is weighted: the weight is another one in these hours alone.
    pub fn weigh(&mut self, weight: &Weight, hours: &[i64]) {
        if let Some(known) = &mut self.pair.weight {
            known.clone_from(weight);
            hours.iter().for_each(|hour| self.forget(*hour));
        }
    }

    /// Forgets what an hour came to.
    fn forget(&mut self, hour: i64) {
        self.days.remove(&hour.div_euclid(DAY_HOURS));
        self.hours.remove(&hour);
        self.fine.remove(&hour);
        let changed = Level::Hour.interval(hour);
        self.known_blocks.retain(|span, _| span.intersect(changed).is_empty());
        self.blocks = None;
    }

    fn terms(&self) -> impl Iterator<Item = (Term, Place)> + '_ {
        self.pair.terms()
    }

    /// Sums over an interval, rounded once to base units (half to even) where coefficients are no integers.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn account(&mut self, ledger: &Reader, interval: Interval) -> Result<Account, StoreError> {
        let mut sum = Account::default();
        if interval.is_empty() || self.pair.numerator.is_empty() && self.pair.own.is_empty() {
            return Ok(sum);
        }
        self.add_days(ledger, &mut sum, interval.from.0, interval.to.0)?;
        let blocks = self.blocks(ledger)?;
        // They ascend and do not overlap.
        let first = blocks.partition_point(|(span, _)| span.from < interval.from);
        for (span, block) in blocks[first..].iter().take_while(|(span, _)| span.from < interval.to) {
            if let Some(block) = block
                && span.to <= interval.to
            {
                // What is booked inside is in the hours already; the support is what the block adds.
                sum.minutes += block.minutes;
                sum.numerator += block.numerator;
                sum.denominator += block.denominator;
                sum.weighted += block.weighted;
            }
        }
        Ok(sum.rounded())
    }

    /// All that is booked of the numerator in each hour of an interval, or part of one at its ends, base units.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn by_hour(
        &mut self,
        ledger: &Reader,
        interval: Interval,
    ) -> Result<Vec<(Interval, i128)>, StoreError> {
        if interval.is_empty() {
            return Ok(Vec::new());
        }
        let (first, last) = (interval.from.hour(), Minute(interval.to.0 - 1).hour());
        self.read_hours(ledger, first, last + 1)?;
        let mut all = Vec::with_capacity((last - first + 1) as usize);
        for hour in first..=last {
            let whole = Level::Hour.interval(hour);
            let inside = whole.intersect(interval);
            let account = if inside == whole {
                self.hours.get(&hour).copied().unwrap_or_default().rounded()
            } else {
                self.account(ledger, inside)?
            };
            all.push((inside, account.all_numerator.iter().sum()));
        }
        Ok(all)
    }

    /// Sums over each hour of an interval, or part of one at its ends.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn hourly(&mut self, ledger: &Reader, interval: Interval) -> Result<Vec<Account>, StoreError> {
        if interval.is_empty() {
            return Ok(Vec::new());
        }
        // At once: an hour by itself costs a look for each meter.
        self.read_ahead(ledger, interval)?;
        let (first, last) = (interval.from.hour(), Minute(interval.to.0 - 1).hour());
        (first..=last)
            .map(|hour| self.account(ledger, Level::Hour.interval(hour).intersect(interval)))
            .collect()
    }

    /// Reads the hours of an interval into the cache, by the day where it can.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(crate) fn read_ahead(&mut self, ledger: &Reader, interval: Interval) -> Result<(), StoreError> {
        if interval.is_empty() {
            return Ok(());
        }
        self.read_hours(ledger, interval.from.hour(), Minute(interval.to.0 - 1).hour() + 1)
    }

    /// What each meter came to over an interval, in the order of the pair.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn by_term(&self, connection: &Connection, interval: Interval) -> Result<Vec<TermSum>, StoreError> {
        self.terms().map(|(term, place)| TermSum::read(connection, term, place, interval)).collect()
    }

    /// Minutes of an interval that are not in the support, as intervals.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn gaps(&mut self, ledger: &Reader, interval: Interval) -> Result<Vec<Interval>, StoreError> {
        let inside = |span: &Interval| interval.from <= span.from && span.to <= interval.to;
        let covered: Vec<Interval> = self
            .blocks(ledger)?
            .iter()
            .filter(|(span, block)| block.is_some() && inside(span))
            .map(|(span, _)| *span)
            .collect();
        let mut gaps: Vec<Interval> = Vec::new();
        let (first, last) = (interval.from.day(), Minute(interval.to.0 - 1).day());
        self.read_days(ledger, first, last + 1)?;
        for day in first..=last {
            if self.days.get(&day).is_some_and(|account| account.minutes == DAY_MINUTES) {
                continue;
            }
            self.read_hours(ledger, day * DAY_HOURS, (day + 1) * DAY_HOURS)?;
            for hour in day * DAY_HOURS..(day + 1) * DAY_HOURS {
                self.gaps_of_hour(ledger, hour, interval, &covered, &mut gaps)?;
            }
        }
        Ok(gaps)
    }

    fn gaps_of_hour(
        &mut self,
        ledger: &Reader,
        hour: i64,
        interval: Interval,
        covered: &[Interval],
        gaps: &mut Vec<Interval>,
    ) -> Result<(), StoreError> {
        let supported = self.hours.get(&hour).map_or(0, |account| account.minutes);
        if supported == HOUR_MINUTES {
            return Ok(());
        }
        let start = hour * HOUR_MINUTES;
        let minutes = if supported > 0 { Some(self.fine(ledger, hour)?) } else { None };
        for at in 0..HOUR_MINUTES {
            let minute = Minute(start + at);
            let clean = minutes.is_some_and(|minutes| minutes[at as usize].minutes > 0);
            let here = covered.partition_point(|span| span.to <= minute);
            let blocked = covered.get(here).is_some_and(|span| span.contains(minute));
            if interval.contains(minute) && !clean && !blocked {
                match gaps.last_mut() {
                    Some(gap) if gap.to == minute => gap.to = Minute(minute.0 + 1),
                    _ => gaps.push(Interval::new(minute, Minute(minute.0 + 1))),
                }
            }
        }
        Ok(())
    }

    fn add_days(&mut self, ledger: &Reader, sum: &mut Account, from: i64, to: i64) -> Result<(), StoreError> {
        let (first, after) = Level::Day.whole_in(from, to);
        if first >= after {
            return self.add_hours(ledger, sum, from, to);
        }
        self.add_hours(ledger, sum, from, first * DAY_MINUTES)?;
        self.read_days(ledger, first, after)?;
        self.days.range(first..after).for_each(|(_, account)| sum.add(account));
        self.add_hours(ledger, sum, after * DAY_MINUTES, to)
    }

    fn add_hours(
        &mut self,
        ledger: &Reader,
        sum: &mut Account,
        from: i64,
        to: i64,
    ) -> Result<(), StoreError> {
        let (first, after) = Level::Hour.whole_in(from, to);
        if first > after {
            return self.add_minutes(ledger, sum, from, to);
        }
        self.add_minutes(ledger, sum, from, first * HOUR_MINUTES)?;
        self.read_hours(ledger, first, after)?;
        self.hours.range(first..after).for_each(|(_, account)| sum.add(account));
        self.add_minutes(ledger, sum, after * HOUR_MINUTES, to)
    }

    fn add_minutes(
        &mut self,
        ledger: &Reader,
        sum: &mut Account,
        from: i64,
        to: i64,
    ) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let hour = Minute(from).hour();
        let start = hour * HOUR_MINUTES;
        for minute in &self.fine(ledger, hour)?[(from - start) as usize..(to - start) as usize] {
            sum.add(minute);
        }
        Ok(())
    }

    /// Fills the cache of whole days in `[from, to)`.
    fn read_days(&mut self, ledger: &Reader, from: i64, to: i64) -> Result<(), StoreError> {
        for (at, end) in unread(&self.days, from, to) {
            for (day, known) in (at..).zip(self.whole(ledger, Level::Day, at, end)?) {
                let account = match known {
                    Some(account) => account,
                    None => {
                        let mut sum = Account::default();
                        self.add_hours(ledger, &mut sum, day * DAY_MINUTES, (day + 1) * DAY_MINUTES)?;
                        sum
                    }
                };
                self.days.insert(day, account);
            }
        }
        Ok(())
    }

    /// Fills the cache of whole hours in `[from, to)`.
    fn read_hours(&mut self, ledger: &Reader, from: i64, to: i64) -> Result<(), StoreError> {
        for (at, end) in unread(&self.hours, from, to) {
            for (hour, known) in (at..).zip(self.whole(ledger, Level::Hour, at, end)?) {
                let account = match known {
                    Some(account) => account,
                    None => {
                        let mut sum = Account::default();
                        self.fine(ledger, hour)?.iter().for_each(|minute| sum.add(minute));
                        sum
                    }
                };
                self.hours.insert(hour, account);
            }
        }
        Ok(())
    }

    /// What each of the days or hours `[from, to)` comes to, where its rollups suffice; a meter at a time, so that
    /// those of one are all that is held.
    fn whole(
        &self,
        ledger: &Reader,
        level: Level,
        from: i64,
        to: i64,
    ) -> Result<Vec<Option<Account>>, StoreError> {
        let mut all: Vec<(Interval, Whole)> =
            (from..to).map(|at| (level.interval(at), Whole::default())).collect();
        for (term, place) in self.terms() {
            let rows = match level {
                Level::Day => ledger.days(term.meter, from, to)?,
                Level::Hour => reader::hours(ledger, term.meter, from, to)?,
            };
            for ((interval, whole), row) in all.iter_mut().zip(rows) {
                whole.book(*interval, term, place, row.unwrap_or_default());
            }
        }
        Ok(all.into_iter().map(|(interval, whole)| whole.account(interval, &self.pair)).collect())
    }

    /// One hour minute by minute: each in the support where all meters that belong there measured all of it.
    fn fine(&mut self, ledger: &Reader, hour: i64) -> Result<&[Account; MINUTES], StoreError> {
        if !self.fine.contains_key(&hour) {
            if self.fine.len() >= FINE_HOURS {
                self.fine.clear();
            }
            let blocks = self
                .terms()
                .map(|(term, place)| Ok((term, place, reader::minutes(ledger, term.meter, hour)?)))
                .collect::<Result<Vec<_>, StoreError>>()?;
            let whole = Level::Hour.interval(hour);
            let always = self.pair.is_in_force(whole);
            let mut minutes = Box::new([Account::default(); MINUTES]);
            for (at, account) in minutes.iter_mut().enumerate() {
                let minute = Minute(whole.from.0 + at as i64);
                let (mut measured, mut own) = (true, Own::default());
                for (term, place, block) in blocks.iter().filter(|(term, _, _)| term.during.contains(minute))
                {
                    let booked = block.as_ref().map_or(Booked::default(), |block| block[at]);
                    measured &= i64::from(booked.parts[0].ms) == MINUTE_MS;
                    account.book(&mut own, *term, *place, booked.parts.map(|part| part.amount));
                }
                let means_something =
                    || always || self.pair.is_in_force(Interval::new(minute, Minute(minute.0 + 1)));
                if measured && means_something() {
                    account.support_all(1);
                }
                account.apply(self.pair.weight.as_ref().map_or(0.0, |weight| weight.at(minute)), own);
            }
            self.fine.insert(hour, minutes);
        }
        Ok(&self.fine[&hour])
    }

    fn blocks(&mut self, ledger: &Reader) -> Result<&[Block], StoreError> {
        if self.blocks.is_none() {
            let meters: Vec<MeterId> = self.terms().map(|(term, _)| term.meter).collect();
            for meter in meters {
                if let Entry::Vacant(unread) = self.spans.entry(meter) {
                    let steps = reader::long_steps(ledger, meter, i64::MIN, i64::MAX)?;
                    unread.insert(support::spans(&steps));
                }
            }
            let spans: Vec<Interval> = self
                .terms()
                .flat_map(|(term, _)| self.spans[&term.meter].iter().filter(move |span| term.touches(**span)))
                .copied()
                .collect();
            let mut blocks = Vec::new();
            for span in support::join(spans) {
                if !self.known_blocks.contains_key(&span) {
                    let cuts = |meter, edge| lies_inside(&self.spans, meter, edge);
                    let block = block::block(ledger, &self.pair, span, &cuts)?;
                    self.known_blocks.insert(span, block);
                }
                blocks.push(self.known_blocks[&span]);
            }
            self.blocks = Some(blocks);
        }
        Ok(self.blocks.as_deref().unwrap_or_default())
    }
}

/// What rollups say of a whole day or hour. They suffice where every meter that belongs there does so throughout, and
/// all are measured throughout or one not at all.
#[derive(Debug, Clone, Default)]
struct Whole {
    account: Account,
    own: Own,
    /// Some meter belongs there for a part of the time only.
    is_cut: bool,
    /// Some meter is not measured throughout.
    is_missing_some: bool,
    /// Some meter is not measured at all.
    is_hopeless: bool,
    any_weighted: bool,
}

impl Whole {
    fn book(&mut self, interval: Interval, term: Term, place: Place, row: HourRow) {
        if !term.spans(interval) {
            self.is_cut |= term.touches(interval);
            return;
        }
        let (_, measured_ms) = row.parts[0];
        self.is_missing_some |= measured_ms != interval.minutes() * MINUTE_MS;
        self.is_hopeless |= measured_ms == 0;
        self.any_weighted |= place == Place::Above && row.parts.iter().any(|(amount, _)| *amount != 0);
        self.account.book(&mut self.own, term, place, row.parts.map(|(amount, _)| amount));
    }

    /// The sums, where the rollups suffice.
    fn account(mut self, interval: Interval, pair: &Pair) -> Option<Account> {
        let means_something = pair.is_in_force(interval);
        if self.is_cut || self.is_missing_some && !self.is_hopeless && means_something {
            return None;
        }
        if !self.is_missing_some && means_something {
            self.account.support_all(interval.minutes());
        }
        let weight = match &pair.weight {
            Some(weight) if self.any_weighted => weight.over(interval)?,
            _ => 0.0,
        };
        self.account.apply(weight, self.own);
        Some(self.account)
    }
}

/// The runs in `[from, to)` that are not in the cache.
fn unread(cache: &BTreeMap<i64, Account>, from: i64, to: i64) -> Vec<(i64, i64)> {
    let mut runs = Vec::new();
    let mut at = from;
    for known in cache.range(from..to.max(from)).map(|(at, _)| *at).chain([to]) {
        while at < known {
            let end = known.min(at + CHUNK);
            runs.push((at, end));
            at = end;
        }
        at = known + 1;
    }
    runs
}

fn lies_inside(spans: &HashMap<MeterId, Vec<Interval>>, meter: MeterId, edge: Minute) -> bool {
    let Some(spans) = spans.get(&meter) else { return false };
    let after = spans.partition_point(|span| span.from < edge);
    after > 0 && spans[after - 1].to > edge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_cached_is_read() {
        let cache: BTreeMap<i64, Account> =
            [3, 4, 900].into_iter().map(|at| (at, Account::default())).collect();
        assert_eq!(unread(&cache, 0, 10), [(0, 3), (5, 10)]);
        assert_eq!(unread(&cache, 3, 5), []);
        assert_eq!(unread(&cache, 5, 900), [(5, 5 + CHUNK), (5 + CHUNK, 900)]);
        assert_eq!(unread(&cache, 5, 5), []);
    }
}
