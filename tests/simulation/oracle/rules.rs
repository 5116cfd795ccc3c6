//! What two readings of a register say by themselves, in the words of the standard. Source: domain.md 5.3.

use super::Counted;
use crate::meter::{Meter, Register};

/// The register as the rules see it, in ninths of the base unit.
pub(super) struct Rules<'m> {
    pub(super) meter: &'m Meter,
    pub(super) register: &'m Register,
}

impl Rules<'_> {
    pub(super) fn ninths(&self, counts: i128) -> i128 {
        let (numerator, denominator) = self.register.measure.ninths;
        counts * self.register.count * numerator / denominator
    }

    /// Whether so much in so many ms is more than the installation carries: 1.2 P Δt + 2q.
    pub(super) fn is_too_much(&self, counts: i128, elapsed: i64) -> bool {
        let Some(rated) = self.register.rated else { return false };
        let (_, denominator) = self.register.measure.ninths;
        let per_hour: i128 = if denominator == 3_600 { 1_000_000 } else { 1_000 };
        let resolution = if self.register.resolution { self.ninths(2) } else { 0 };
        let most = i128::from(rated) * per_hour * i128::from(elapsed) * 3 + resolution * 1_000_000;
        self.ninths(counts) * 1_000_000 > most
    }

    /// The register may have gone round unseen.
    pub(super) fn may_wrap_unseen(&self, elapsed: i64) -> bool {
        self.register.rated.is_some()
            && self.register.modulus.is_some_and(|modulus| {
                // E_max >= M, that is: not (M > E_max).
                !self.is_too_much(modulus, elapsed)
            })
    }

    pub(super) fn looks_rolled_over(&self, delta: i128, elapsed: i64) -> bool {
        self.register.rated.is_some()
            && self.register.modulus.is_some_and(|modulus| {
                delta < 0 && delta + modulus >= 0 && !self.is_too_much(delta + modulus, elapsed)
            })
    }

    pub(super) fn looks_jittery(&self, delta: i128, to: i128) -> bool {
        let depth = if self.register.resolution { 2 } else { 0 };
        (-depth..0).contains(&delta) && to != 0
    }

    /// Forward, and by no more than can be.
    pub(super) fn is_plain(&self, from: &Counted, to: &Counted) -> bool {
        let (delta, elapsed) = (to.truth.shown - from.truth.shown, to.at - from.at);
        delta >= 0 && !self.is_too_much(delta, elapsed) && !self.may_wrap_unseen(elapsed)
    }

    /// Plainly no number that the register can have come to.
    pub(super) fn is_break(&self, from: &Counted, to: &Counted) -> bool {
        let (delta, elapsed) = (to.truth.shown - from.truth.shown, to.at - from.at);
        if self.may_wrap_unseen(elapsed) {
            return false;
        }
        if delta >= 0 {
            return self.is_too_much(delta, elapsed);
        }
        !self.looks_jittery(delta, to.truth.shown) && !self.looks_rolled_over(delta, elapsed)
    }
}
