//! Sums of a numerator and a denominator over any interval, from cached hours.

use super::reader;
use super::support;
use crate::ledger::block::MINUTES;
use crate::ledger::interpret::round_half_even;
use crate::store::{HourRow, MeterId, StoreError};
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use wattledger_model::minute::Minute as Booked;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Minute};

/// A meter in a sum, with its coefficient, while it belongs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The meter.
    pub meter: MeterId,
    /// What its amounts are multiplied by, in millionths: a share, a sign, µWh in a millilitre of fuel.
    pub millionths: i64,
    /// When it belongs to the sum. Outside it adds nothing and needs no coverage.
    pub during: Interval,
}

/// Millionths in 1.
pub const MILLIONTHS: i64 = 1_000_000;

/// All of time.
pub const ALWAYS: Interval = Interval { from: Minute(i64::MIN), to: Minute(i64::MAX) };

impl Term {
    /// All of a meter, always.
    pub const fn all_of(meter: MeterId) -> Term {
        Term { meter, millionths: MILLIONTHS, during: ALWAYS }
    }
}

/// What weights the numerator's amount of an hour: an emission factor in kg per base unit.
pub type Weight = Arc<dyn Fn(Minute) -> f64 + Send + Sync>;

/// A numerator and a denominator. The denominator may be empty: then only the numerator must be covered.
#[derive(Clone)]
pub struct Pair {
    /// Summed above.
    pub numerator: Vec<Term>,
    /// Summed below.
    pub denominator: Vec<Term>,
    /// Weight of the numerator by hour; `None` leaves it unweighted.
    pub weight: Option<Weight>,
}

/// Sums over an interval.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Account {
    /// Minutes of common support.
    pub minutes: i64,
    /// Numerator over the support, base units.
    pub numerator: i128,
    /// Denominator over the support, base units.
    pub denominator: i128,
    /// Weighted numerator over the support.
    pub weighted: f64,
    /// Numerator by provenance, wherever anything is booked.
    pub all_numerator: [i128; 3],
    /// Denominator by provenance, wherever anything is booked.
    pub all_denominator: [i128; 3],
    /// Weighted numerator, wherever anything is booked.
    pub all_weighted: f64,
}

impl Account {
    fn add(&mut self, other: &Account) {
        self.minutes += other.minutes;
        self.numerator += other.numerator;
        self.denominator += other.denominator;
        self.weighted += other.weighted;
        self.all_weighted += other.all_weighted;
        for i in 0..3 {
            self.all_numerator[i] += other.all_numerator[i];
            self.all_denominator[i] += other.all_denominator[i];
        }
    }
}

/// Hours kept minute by minute; the edges of windows come back to the same few.
const FINE_HOURS: usize = 512;
/// Hours read in one go.
const CHUNK_HOURS: i64 = 24 * 31;

/// Joined long steps, and what they come to where every meter is known throughout.
type Block = (Interval, Option<Account>);

/// The amount and milliseconds of one hour by provenance.
type HourParts = (i64, [(i64, i64); 3]);

/// The accounts of one pair, with caches that a change of the ledger invalidates by hour.
pub struct Accounts {
    pair: Pair,
    coarse: BTreeMap<i64, Account>,
    fine: HashMap<i64, Box<[Account; MINUTES]>>,
    blocks: Option<Vec<Block>>,
}

impl Accounts {
    /// Accounts of a pair; nothing is read yet.
    pub fn new(pair: Pair) -> Accounts {
        Accounts { pair, coarse: BTreeMap::new(), fine: HashMap::new(), blocks: None }
    }

    /// The pair.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Whether the meter is on either side.
    pub fn concerns(&self, meter: MeterId) -> bool {
        self.terms().any(|(term, _)| term.meter == meter)
    }

    /// Forgets what an hour came to, and the long steps.
    pub fn invalidate(&mut self, hour: i64) {
        self.coarse.remove(&hour);
        self.fine.remove(&hour);
        self.blocks = None;
    }

    fn terms(&self) -> impl Iterator<Item = (Term, bool)> + '_ {
        let numerator = self.pair.numerator.iter().map(|term| (*term, true));
        numerator.chain(self.pair.denominator.iter().map(|term| (*term, false)))
    }

    /// Sums over an interval, rounded once to base units (half to even) where coefficients are no integers.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn account(&mut self, connection: &Connection, interval: Interval) -> Result<Account, StoreError> {
        Ok(self.in_millionths(connection, interval)?.rounded())
    }

    fn in_millionths(&mut self, connection: &Connection, interval: Interval) -> Result<Account, StoreError> {
        let mut sum = Account::default();
        if interval.is_empty() || self.pair.numerator.is_empty() {
            return Ok(sum);
        }
        let first_whole = (interval.from.0 + HOUR_MINUTES - 1).div_euclid(HOUR_MINUTES);
        let after_whole = interval.to.0.div_euclid(HOUR_MINUTES);
        if first_whole <= after_whole {
            self.add_minutes(connection, &mut sum, interval.from.0, first_whole * HOUR_MINUTES)?;
            self.read_hours(connection, first_whole, after_whole)?;
            for account in self.coarse.range(first_whole..after_whole).map(|(_, account)| account) {
                sum.add(account);
            }
            self.add_minutes(connection, &mut sum, after_whole * HOUR_MINUTES, interval.to.0)?;
        } else {
            self.add_minutes(connection, &mut sum, interval.from.0, interval.to.0)?;
        }
        for (span, block) in self.blocks(connection)? {
            if let Some(block) = block
                && interval.from <= span.from
                && span.to <= interval.to
            {
                // What is booked inside is in the hours already; the support is what the block adds.
                sum.minutes += block.minutes;
                sum.numerator += block.numerator;
                sum.denominator += block.denominator;
                sum.weighted += block.weighted;
            }
        }
        Ok(sum)
    }

    /// Minutes of an interval that are not in the support, as intervals.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn gaps(&mut self, connection: &Connection, interval: Interval) -> Result<Vec<Interval>, StoreError> {
        let inside = |span: &Interval| interval.from <= span.from && span.to <= interval.to;
        let covered: Vec<Interval> = self
            .blocks(connection)?
            .iter()
            .filter(|(span, block)| block.is_some() && inside(span))
            .map(|(span, _)| *span)
            .collect();
        let (first, last) = (interval.from.hour(), Minute(interval.to.0 - 1).hour());
        self.read_hours(connection, first, last + 1)?;
        let mut gaps: Vec<Interval> = Vec::new();
        let mut miss = |from: i64, to: i64| match gaps.last_mut() {
            Some(gap) if gap.to.0 == from => gap.to = Minute(to),
            _ => gaps.push(Interval::new(Minute(from), Minute(to))),
        };
        for hour in first..=last {
            let start = hour * HOUR_MINUTES;
            if self.coarse.get(&hour).is_some_and(|account| account.minutes == HOUR_MINUTES) {
                continue;
            }
            let known = self.coarse.get(&hour).is_some_and(|account| account.minutes > 0);
            let minutes = if known { Some(self.fine(connection, hour)?) } else { None };
            for at in 0..HOUR_MINUTES {
                let minute = Minute(start + at);
                let clean = minutes.is_some_and(|minutes| minutes[at as usize].minutes > 0);
                let here = covered.partition_point(|span| span.to <= minute);
                let blocked = covered.get(here).is_some_and(|span| span.contains(minute));
                if interval.contains(minute) && !clean && !blocked {
                    miss(minute.0, minute.0 + 1);
                }
            }
        }
        Ok(gaps)
    }

    fn add_minutes(
        &mut self,
        connection: &Connection,
        sum: &mut Account,
        from: i64,
        to: i64,
    ) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let hour = Minute(from).hour();
        let start = hour * HOUR_MINUTES;
        for minute in &self.fine(connection, hour)?[(from - start) as usize..(to - start) as usize] {
            sum.add(minute);
        }
        Ok(())
    }

    fn weight(&self, hour: i64) -> f64 {
        self.pair.weight.as_ref().map_or(0.0, |weight| weight(Minute(hour * HOUR_MINUTES)))
    }

    /// Fills the cache of whole hours in `[from, to)`.
    fn read_hours(&mut self, connection: &Connection, from: i64, to: i64) -> Result<(), StoreError> {
        let mut at = from;
        while at < to {
            if self.coarse.contains_key(&at) {
                at += 1;
                continue;
            }
            let known = self.coarse.range(at..to).next().map_or(to, |(hour, _)| *hour);
            let end = known.min(at + CHUNK_HOURS);
            self.read_chunk(connection, at, end)?;
            at = end;
        }
        Ok(())
    }

    fn read_chunk(&mut self, connection: &Connection, from: i64, to: i64) -> Result<(), StoreError> {
        let rows: Vec<(Term, bool, Vec<Option<HourRow>>)> = self
            .terms()
            .map(|(term, above)| Ok((term, above, reader::hours(connection, term.meter, from, to)?)))
            .collect::<Result<_, StoreError>>()?;
        for hour in from..to {
            let at = (hour - from) as usize;
            let mut account = Account::default();
            let (mut measured, mut any) = (true, true);
            for (term, above, hours) in &rows {
                let Some(row) = hours[at] else {
                    (measured, any) = (false, false);
                    continue;
                };
                measured &= row.parts[0].1 == HOUR_MINUTES * MINUTE_MS;
                any &= row.parts[0].1 > 0;
                account.book_all(*term, *above, row.parts.map(|(amount, _)| amount));
            }
            if measured {
                account.minutes = HOUR_MINUTES;
                account.numerator = account.all_numerator[0];
                account.denominator = account.all_denominator[0];
            } else if any {
                for minute in self.fine(connection, hour)?.iter() {
                    account.minutes += minute.minutes;
                    account.numerator += minute.numerator;
                    account.denominator += minute.denominator;
                }
            }
            account.apply(self.weight(hour));
            self.coarse.insert(hour, account);
        }
        Ok(())
    }

    /// One hour minute by minute: each in the support where all meters measured all of it.
    fn fine(&mut self, connection: &Connection, hour: i64) -> Result<&[Account; MINUTES], StoreError> {
        if !self.fine.contains_key(&hour) {
            if self.fine.len() >= FINE_HOURS {
                self.fine.clear();
            }
            let blocks = self
                .terms()
                .map(|(term, above)| Ok((term, above, reader::minutes(connection, term.meter, hour)?)))
                .collect::<Result<Vec<_>, StoreError>>()?;
            let mut minutes = Box::new([Account::default(); MINUTES]);
            let weight = self.weight(hour);
            for (at, account) in minutes.iter_mut().enumerate() {
                let mut measured = true;
                for (term, above, block) in &blocks {
                    let minute = block.as_ref().map_or(Booked::default(), |block| block[at]);
                    measured &= i64::from(minute.parts[0].ms) == MINUTE_MS;
                    account.book_all(*term, *above, minute.parts.map(|part| part.amount));
                }
                if measured {
                    account.minutes = 1;
                    account.numerator = account.all_numerator[0];
                    account.denominator = account.all_denominator[0];
                }
                account.apply(weight);
            }
            self.fine.insert(hour, minutes);
        }
        Ok(&self.fine[&hour])
    }

    fn blocks(&mut self, connection: &Connection) -> Result<&[Block], StoreError> {
        if self.blocks.is_none() {
            let mut spans = Vec::new();
            for (term, _) in self.terms() {
                let steps = reader::long_steps(connection, term.meter, i64::MIN, i64::MAX)?;
                spans.extend(support::spans(&steps));
            }
            let mut blocks = Vec::new();
            for span in support::join(spans) {
                blocks.push(self.block(connection, span)?);
            }
            self.blocks = Some(blocks);
        }
        Ok(self.blocks.as_deref().unwrap_or_default())
    }

    /// What a joined block comes to. Where a series begins or ends inside a minute, that minute is not known
    /// throughout; the block is then the whole minutes between.
    fn block(&self, connection: &Connection, span: Interval) -> Result<Block, StoreError> {
        let inner = |from, to| Interval::new(Minute(span.from.0 + from), Minute(span.to.0 - to));
        for trimmed in [span, inner(1, 0), inner(0, 1), inner(1, 1)] {
            if let Some(account) = self.whole(connection, trimmed)? {
                return Ok((trimmed, Some(account)));
            }
        }
        Ok((span, None))
    }

    /// What a joined block comes to, if every meter is known throughout: measured, or in a long step.
    fn whole(&self, connection: &Connection, span: Interval) -> Result<Option<Account>, StoreError> {
        if span.is_empty() {
            return Ok(None);
        }
        let mut account = Account { minutes: span.minutes(), ..Account::default() };
        for (term, above) in self.terms() {
            let mut known_ms = 0;
            let mut sum = 0_i128;
            let mut weighted = 0.0;
            for (hour, parts) in span_parts(connection, term.meter, span)? {
                known_ms += parts[0].1 + parts[1].1;
                let amount = i128::from(parts[0].0) + i128::from(parts[1].0);
                sum += amount;
                weighted += self.weight(hour) * amount as f64;
            }
            if known_ms != span.minutes() * MINUTE_MS {
                return Ok(None);
            }
            let millionths = i128::from(term.millionths);
            if above {
                account.numerator += millionths * sum;
                account.weighted += term.millionths as f64 * weighted;
            } else {
                account.denominator += millionths * sum;
            }
        }
        Ok(Some(account))
    }
}

impl Account {
    /// From millionths of base units, as all sums are kept, to base units.
    fn rounded(self) -> Account {
        let round = |sum| round_half_even(sum, i128::from(MILLIONTHS));
        Account {
            minutes: self.minutes,
            numerator: round(self.numerator),
            denominator: round(self.denominator),
            weighted: self.weighted / MILLIONTHS as f64,
            all_numerator: self.all_numerator.map(round),
            all_denominator: self.all_denominator.map(round),
            all_weighted: self.all_weighted / MILLIONTHS as f64,
        }
    }

    fn book_all(&mut self, term: Term, above: bool, amounts: [i64; 3]) {
        let side = if above { &mut self.all_numerator } else { &mut self.all_denominator };
        for (sum, amount) in side.iter_mut().zip(amounts) {
            *sum += i128::from(term.millionths) * i128::from(amount);
        }
    }

    fn apply(&mut self, weight: f64) {
        self.weighted = weight * self.numerator as f64;
        self.all_weighted = weight * self.all_numerator.iter().sum::<i128>() as f64;
    }
}

/// `(hour, (amount, ms) by provenance)` of one meter over a span of minutes.
fn span_parts(connection: &Connection, meter: MeterId, span: Interval) -> Result<Vec<HourParts>, StoreError> {
    let (first, after) = (span.from.hour(), Minute(span.to.0 - 1).hour() + 1);
    let rows = reader::hours(connection, meter, first, after)?;
    let mut all = Vec::with_capacity(rows.len());
    for (row, hour) in rows.into_iter().zip(first..) {
        let start = hour * HOUR_MINUTES;
        let inside = span.intersect(Interval::new(Minute(start), Minute(start + HOUR_MINUTES)));
        let parts = match row {
            None => continue,
            Some(row) if inside.minutes() == HOUR_MINUTES => row.parts,
            Some(_) => {
                let minutes =
                    reader::minutes(connection, meter, hour)?.unwrap_or([Booked::default(); MINUTES]);
                let mut parts = [(0_i64, 0_i64); 3];
                for minute in &minutes[(inside.from.0 - start) as usize..(inside.to.0 - start) as usize] {
                    for (sum, part) in parts.iter_mut().zip(minute.parts) {
                        *sum = (sum.0.saturating_add(part.amount), sum.1 + i64::from(part.ms));
                    }
                }
                parts
            }
        };
        all.push((hour, parts));
    }
    Ok(all)
}
