//! Sums of a numerator and a denominator over any interval.

mod block;
mod cached;
mod metered;
mod term;

pub use cached::Accounts;
pub(crate) use metered::{MeterSums, booked};
pub use term::{ALWAYS, MILLIONTHS, Term, TermSum};

use super::weight::Weight;
use crate::ledger::interpret::round_half_even;
use wattledger_model::time::Interval;

/// A numerator and a denominator. The denominator may be empty: then only the numerator must be covered.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Summed above.
    pub numerator: Vec<Term>,
    /// Summed below.
    pub denominator: Vec<Term>,
    /// Weight of the numerator by time; `None` leaves it unweighted.
    pub weight: Option<Weight>,
    /// Further terms of the weighted numerator, each with a constant weight of its own, such as kg of CO₂ in a
    /// millilitre of fuel. They stand in no unweighted sum.
    pub own: Vec<(Term, f64)>,
}

impl Pair {
    /// A ratio of two sums.
    pub fn ratio(numerator: &[Term], denominator: &[Term]) -> Pair {
        Pair {
            numerator: numerator.to_vec(),
            denominator: denominator.to_vec(),
            weight: None,
            own: Vec::new(),
        }
    }

    /// A sum by itself.
    pub fn alone(terms: &[Term]) -> Pair {
        Pair::ratio(terms, &[])
    }
}

/// Where a term of a pair stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// In the numerator.
    Above,
    /// In the denominator.
    Below,
    /// In the weighted numerator only, with this weight for a base unit.
    Own(f64),
}

impl Pair {
    /// All terms with where they stand.
    pub fn terms(&self) -> impl Iterator<Item = (Term, Place)> + '_ {
        let above = self.numerator.iter().map(|term| (*term, Place::Above));
        let below = self.denominator.iter().map(|term| (*term, Place::Below));
        above.chain(below).chain(self.own.iter().map(|(term, weight)| (*term, Place::Own(*weight))))
    }

    /// Whether every minute of a span has a meter on each side that has any.
    fn is_in_force(&self, span: Interval) -> bool {
        let own: Vec<Term> = self.own.iter().map(|(term, _)| *term).collect();
        [&self.numerator, &self.denominator, &own]
            .into_iter()
            .all(|side| side.is_empty() || term::are_in_force(side, span))
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

    /// Books one term; what has a weight of its own is weighted at once, in `own`.
    fn book(&mut self, own: &mut Own, term: Term, place: Place, amounts: [i64; 3]) {
        let side = match place {
            Place::Above => &mut self.all_numerator,
            Place::Below => &mut self.all_denominator,
            Place::Own(weight) => {
                let weight = weight * (term.millionths as f64 / MILLIONTHS as f64);
                own.measured += weight * amounts[0] as f64;
                own.all += weight * amounts.iter().map(|amount| *amount as f64).sum::<f64>();
                return;
            }
        };
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

    /// Weights what was booked, and adds what has weights of its own.
    fn apply(&mut self, weight: f64, own: Own) {
        let in_base = |millionths: i128| millionths as f64 / MILLIONTHS as f64;
        self.weighted = weight * in_base(self.numerator) + if self.minutes > 0 { own.measured } else { 0.0 };
        self.all_weighted = weight * in_base(self.all_numerator.iter().sum()) + own.all;
    }
}

/// Sums of terms with weights of their own.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    measured: f64,
    all: f64,
}
