//! A meter in a sum, and what it came to over an interval.

use super::super::reader;
use super::Place;
use crate::store::{MeterId, StoreError};
use rusqlite::Connection;
use wattledger_model::time::{Interval, Minute};

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

    /// Whether it belongs to the sum at some time of the interval.
    pub fn touches(&self, interval: Interval) -> bool {
        !self.during.intersect(interval).is_empty()
    }

    /// Whether it belongs to the sum all through the interval.
    pub fn spans(&self, interval: Interval) -> bool {
        self.during.intersect(interval) == interval
    }
}

/// Whether every minute of a span has a term, so that the sum means something there.
pub(super) fn are_in_force(terms: &[Term], span: Interval) -> bool {
    if terms.iter().any(|term| term.spans(span)) {
        return true;
    }
    let mut parts: Vec<Interval> = terms.iter().map(|term| term.during.intersect(span)).collect();
    parts.retain(|part| !part.is_empty());
    parts.sort();
    let mut reached = span.from;
    for part in parts {
        if part.from > reached {
            return false;
        }
        reached = reached.max(part.to);
    }
    reached >= span.to
}

/// What one meter of a sum came to over an interval, before its coefficient. For uncertainty and evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct TermSum {
    /// The meter and its coefficient.
    pub term: Term,
    /// Where it stands.
    pub place: Place,
    /// Base units measured, interpolated, estimated.
    pub amounts: [i128; 3],
    /// Milliseconds measured, interpolated, estimated.
    pub ms: [i64; 3],
    /// Base units that lie in the interval of each long step which its edges cut.
    pub cut: Vec<i128>,
    /// When in the interval it belonged to the sum.
    pub during: Interval,
}

impl TermSum {
    /// What a term came to over an interval.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(crate) fn read(
        connection: &Connection,
        term: Term,
        place: Place,
        interval: Interval,
    ) -> Result<TermSum, StoreError> {
        let during = term.during.intersect(interval);
        let mut sum = TermSum { term, place, amounts: [0; 3], ms: [0; 3], cut: Vec::new(), during };
        if during.is_empty() {
            return Ok(sum);
        }
        let parts = reader::sums(connection, term.meter, during)?;
        sum.amounts = parts.map(|(amount, _)| amount);
        sum.ms = parts.map(|(_, ms)| ms);
        let (from, to) = (during.from.start().0, during.to.start().0);
        for step in reader::measured_long_steps(connection, term.meter, from, to)? {
            let inside = step.to.0.min(to) - step.from.0.max(from);
            let length = step.to.0 - step.from.0;
            if inside < length {
                sum.cut.push(step.amount * i128::from(inside) / i128::from(length.max(1)));
            }
        }
        Ok(sum)
    }

    /// Whether it adds to the numerator, with the pair's weight or one of its own.
    pub fn is_above(&self) -> bool {
        self.place != Place::Below
    }

    /// All that was booked, base units.
    pub fn amount(&self) -> i128 {
        self.amounts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn during(from: i64, to: i64) -> Term {
        Term { during: Interval::new(Minute(from), Minute(to)), ..Term::all_of(1) }
    }

    #[test]
    fn a_sum_is_in_force_where_some_meter_belongs_to_it() {
        let span = Interval::new(Minute(0), Minute(100));
        assert!(are_in_force(&[Term::all_of(1)], span));
        assert!(are_in_force(&[during(50, 200), during(-5, 50)], span));
        assert!(!are_in_force(&[during(51, 200), during(-5, 50)], span));
        assert!(!are_in_force(&[], span));
        assert!(during(0, 100).spans(span) && !during(1, 100).spans(span) && !during(100, 101).touches(span));
    }
}
