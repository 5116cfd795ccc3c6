//! Exact conversion factors.

use crate::decimal::Decimal;

/// A rational number, reduced; the denominator is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    /// One.
    pub const ONE: Fraction = Fraction::whole(1);

    /// A whole number.
    pub const fn whole(number: i128) -> Fraction {
        Fraction { numerator: number, denominator: 1 }
    }

    /// `numerator / denominator`, reduced. The denominator must not be zero.
    pub fn new(numerator: i128, denominator: i128) -> Fraction {
        let shared = shared_factor(numerator.unsigned_abs(), denominator.unsigned_abs()).max(1) as i128;
        let sign = denominator.signum();
        Fraction { numerator: sign * numerator / shared, denominator: sign * denominator / shared }
    }

    /// A decimal; `None` beyond what fits.
    pub fn of(decimal: Decimal) -> Option<Fraction> {
        let decimal = decimal.normalized();
        let power = 10_i128.checked_pow(decimal.exponent.unsigned_abs().into())?;
        if decimal.exponent >= 0 {
            Some(Fraction::whole(i128::from(decimal.mantissa).checked_mul(power)?))
        } else {
            Some(Fraction::new(decimal.mantissa.into(), power))
        }
    }

    /// The product; `None` beyond what fits.
    pub fn times(self, other: Fraction) -> Option<Fraction> {
        // Reduced crosswise first, so that long decimals do not overflow on the way.
        let (a, b) = (
            Fraction::new(self.numerator, other.denominator),
            Fraction::new(other.numerator, self.denominator),
        );
        let numerator = a.numerator.checked_mul(b.numerator)?;
        Some(Fraction { numerator, denominator: a.denominator.checked_mul(b.denominator)? })
    }

    /// `1 / self`; `None` of zero.
    pub fn inverse(self) -> Option<Fraction> {
        (self.numerator != 0).then(|| Fraction::new(self.denominator, self.numerator))
    }

    /// The nearest binary float.
    pub fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// `self` if it is a whole number.
    pub fn exactly(self) -> Option<i128> {
        (self.denominator == 1).then_some(self.numerator)
    }

    /// The nearest whole number, halves to even.
    pub fn rounded(self) -> i128 {
        let quotient = self.numerator.div_euclid(self.denominator);
        let remainder = self.numerator.rem_euclid(self.denominator);
        match (remainder - (self.denominator - remainder)).signum() {
            -1 => quotient,
            1 => quotient + 1,
            _ => quotient + (quotient & 1),
        }
    }
}

fn shared_factor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_reduced_and_exact() {
        assert_eq!(Fraction::new(6, -4), Fraction::new(-3, 2));
        assert_eq!(Fraction::of(Decimal::new(990, -2)), Some(Fraction::new(99, 10)));
        assert_eq!(Fraction::new(1, 3).times(Fraction::new(3, 1)), Some(Fraction::ONE));
        assert_eq!(Fraction::whole(0).inverse(), None);
        assert_eq!(Fraction::of(Decimal::new(1, 90)), None);
        assert_eq!((Fraction::new(4, 2).exactly(), Fraction::new(1, 2).exactly()), (Some(2), None));
        let halves: Vec<i128> = [-3, -1, 1, 3, 5].map(|n| Fraction::new(n, 2).rounded()).to_vec();
        assert_eq!(halves, [-2, 0, 0, 2, 2]);
        assert_eq!(Fraction::new(2, 3).rounded(), 1);
    }
}
