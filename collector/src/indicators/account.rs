//! Sums of a numerator and a denominator over any interval.

mod block;
mod cached;
mod term;

pub use cached::Accounts;
pub use term::{ALWAYS, MILLIONTHS, Term, TermSum};

use super::weight::Weight;
use crate::ledger::interpret::round_half_even;

/// A numerator and a denominator. The denominator may be empty: then only the numerator must be covered.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Summed above.
    pub numerator: Vec<Term>,
    /// Summed below.
    pub denominator: Vec<Term>,
    /// Weight of the numerator by time; `None` leaves it unweighted.
    pub weight: Option<Weight>,
}

impl Pair {
    /// A ratio of two sums.
    pub fn ratio(numerator: &[Term], denominator: &[Term]) -> Pair {
        Pair { numerator: numerator.to_vec(), denominator: denominator.to_vec(), weight: None }
    }

    /// A sum by itself.
    pub fn alone(terms: &[Term]) -> Pair {
        Pair::ratio(terms, &[])
    }
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

    /// From millionths of base units, as the unweighted sums are kept, to base units.
    fn rounded(self) -> Account {
        let round = |sum| round_half_even(sum, i128::from(MILLIONTHS));
        Account {
            minutes: self.minutes,
            numerator: round(self.numerator),
            denominator: round(self.denominator),
            weighted: self.weighted,
            all_numerator: self.all_numerator.map(round),
            all_denominator: self.all_denominator.map(round),
            all_weighted: self.all_weighted,
        }
    }

    fn book_all(&mut self, term: Term, above: bool, amounts: [i64; 3]) {
        let side = if above { &mut self.all_numerator } else { &mut self.all_denominator };
        for (sum, amount) in side.iter_mut().zip(amounts) {
            *sum += i128::from(term.millionths) * i128::from(amount);
        }
    }

    /// Everything is measured: the support is all there is.
    fn support_all(&mut self, minutes: i64) {
        self.minutes = minutes;
        self.numerator = self.all_numerator[0];
        self.denominator = self.all_denominator[0];
    }

    fn apply(&mut self, weight: f64) {
        let in_base = |millionths: i128| millionths as f64 / MILLIONTHS as f64;
        self.weighted = weight * in_base(self.numerator);
        self.all_weighted = weight * in_base(self.all_numerator.iter().sum());
    }
}
