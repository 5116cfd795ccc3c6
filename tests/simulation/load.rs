//! What truly flows: a rate that changes linearly between knots, and so an exact amount between any two
//! instants, in integers.
//!
//! A *grain* is what flows in one millisecond at a rate of one: a microjoule at a milliwatt, and a nanolitre of
//! water at a nanolitre a millisecond.

use crate::dice::Dice;

/// A true load. Time is in ms since the world began.
#[derive(Debug)]
pub struct Load {
    /// Between two knots, ms; even.
    spacing: i64,
    /// Grains per ms at each knot.
    rates: Vec<i64>,
    /// Grains before each knot.
    before: Vec<i128>,
    most: i64,
}

impl Load {
    /// A load of at most `most` grains per ms that lasts at least `length` ms.
    pub fn new(dice: &mut Dice, most: i64, length: i64) -> Load {
        let spacing = 2 * dice.between(60_000, (length / 40).max(60_001));
        let mut level = dice.between(most / 20, most);
        let mut rates = Vec::new();
        let mut before = vec![0_i128];
        while (rates.len() as i64) * spacing < length + 2 * spacing {
            level = match dice.below(12) {
                0 => 0,
                1 => most,
                2 => dice.between(0, most + 1),
                _ => (level + dice.between(-most / 15, most / 15 + 1)).clamp(0, most),
            };
            rates.push(level);
        }
        for pair in rates.windows(2) {
            let rise = i128::from(pair[0] + pair[1]) * i128::from(spacing / 2);
            before.push(before[before.len() - 1] + rise);
        }
        Load { spacing, rates, before, most }
    }

    /// Grains that flowed until then. Never less than for an earlier instant.
    pub fn until(&self, at: i64) -> i128 {
        let (knot, past) = self.place(at);
        let (rate, next) = (i128::from(self.rates[knot]), i128::from(self.rates[knot + 1]));
        let past = i128::from(past);
        let linear = (next - rate) * past * past;
        self.before[knot] + rate * past + linear.div_euclid(2 * i128::from(self.spacing))
    }

    /// No rate was ever greater than this, grains per ms.
    pub fn most(&self) -> i64 {
        self.most
    }

    /// How long it is known, ms.
    pub fn length(&self) -> i64 {
        self.spacing * (self.rates.len() as i64 - 1)
    }

    /// Grains per ms at an instant, rounded down.
    pub fn rate(&self, at: i64) -> i64 {
        let (knot, past) = self.place(at);
        self.rates[knot] + ((self.rates[knot + 1] - self.rates[knot]) * past).div_euclid(self.spacing)
    }

    fn place(&self, at: i64) -> (usize, i64) {
        let knot = (at / self.spacing).clamp(0, self.rates.len() as i64 - 2);
        (knot as usize, (at - knot * self.spacing).clamp(0, self.spacing))
    }
}
