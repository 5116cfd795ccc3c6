//! A number as a device wrote it: decimal digits, never passed through a binary float.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A decimal number: `mantissa × 10^exponent`.
///
/// The digits are kept as the device wrote them, so `1.0` and `1.00` are different spellings of one
/// value: they compare equal with [`Decimal::cmp_value`] and differ with `==`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The digits, with the sign.
    pub mantissa: i64,
    /// The power of ten.
    pub exponent: i8,
}

/// Why a text is no [`Decimal`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is not a number at all, or is not finite.
    #[error("`{0}` is not a finite decimal number")]
    NotANumber(String),
    /// The number has more digits than 64 bits hold, or an exponent beyond ±100.
    #[error("`{0}` has more digits than a register can have")]
    TooLong(String),
}

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal { mantissa: 0, exponent: 0 };

    /// `mantissa × 10^exponent`, as given.
    pub const fn new(mantissa: i64, exponent: i8) -> Decimal {
        Decimal { mantissa, exponent }
    }

    /// The nearest binary float, for gauges and for people; never for energy.
    pub fn to_f64(self) -> f64 {
        // The standard parser rounds correctly; scaling by a power of ten would not.
        format!("{}e{}", self.mantissa, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// The decimal with the shortest digits that read back as `value`; `None` unless it is finite.
    pub fn from_f64(value: f64) -> Option<Decimal> {
        if !value.is_finite() {
            return None;
        }
        format!("{value:e}").parse().ok()
    }

    /// Whether the value is exactly zero.
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The same value with no trailing zero digit.
    pub fn normalized(self) -> Decimal {
        let Decimal { mut mantissa, mut exponent } = self;
        if mantissa == 0 {
            return Decimal::ZERO;
        }
        while mantissa % 10 == 0 && exponent < i8::MAX {
            mantissa /= 10;
            exponent += 1;
        }
        Decimal { mantissa, exponent }
    }

    /// Compares values, not spellings: `1.0` equals `1.00`.
    pub fn cmp_value(self, other: Decimal) -> Ordering {
        let (a, b) = (self.normalized(), other.normalized());
        if a.mantissa.signum() != b.mantissa.signum() || a.mantissa == 0 {
            return a.mantissa.signum().cmp(&b.mantissa.signum());
        }
        // Align the one with the larger exponent; if that overflows, it is the larger in magnitude.
        let shift = i32::from(a.exponent) - i32::from(b.exponent);
        let scaled = |m: i64, by: i32| {
            10_i128.checked_pow(by.unsigned_abs()).and_then(|p| i128::from(m).checked_mul(p))
        };
        if shift >= 0 {
            match scaled(a.mantissa, shift) {
                Some(m) => m.cmp(&i128::from(b.mantissa)),
                None => a.mantissa.cmp(&0),
            }
        } else {
            match scaled(b.mantissa, shift) {
                Some(m) => i128::from(a.mantissa).cmp(&m),
                None => 0.cmp(&b.mantissa),
            }
        }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Reads `[+-]digits[.digits][e[+-]digits]`. Leading and trailing white space is ignored.
    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        let not = || DecimalError::NotANumber(text.chars().take(40).collect());
        let long = || DecimalError::TooLong(text.chars().take(40).collect());
        let trimmed = text.trim();
        let (negative, unsigned) = match trimmed.as_bytes().first() {
            Some(b'-') => (true, &trimmed[1..]),
            Some(b'+') => (false, &trimmed[1..]),
            _ => (false, trimmed),
        };
        let (digits, power) = match unsigned.find(['e', 'E']) {
            Some(at) => {
                let power = &unsigned[at + 1..];
                let bare = power.strip_prefix(['+', '-']).unwrap_or(power);
                if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(not());
                }
                (&unsigned[..at], power.parse::<i32>().map_err(|_| long())?)
            }
            None => (unsigned, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(not());
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(not());
        }
        let mut mantissa: i128 = 0;
        let mut exponent = power.checked_sub(fraction.len() as i32).ok_or_else(long)?;
        for digit in whole.bytes().chain(fraction.bytes()) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|m| m.checked_add(i128::from(digit - b'0')))
                .ok_or_else(long)?;
        }
        // Binary floats printed in full carry zeros that fit once they are dropped.
        while mantissa > i128::from(i64::MAX) && mantissa % 10 == 0 {
            mantissa /= 10;
            exponent = exponent.checked_add(1).ok_or_else(long)?;
        }
        if mantissa == 0 {
            exponent = exponent.clamp(-100, 100);
        }
        let mantissa = i64::try_from(mantissa).map_err(|_| long())?;
        if !(-100..=100).contains(&exponent) {
            return Err(long());
        }
        Ok(Decimal { mantissa: if negative { -mantissa } else { mantissa }, exponent: exponent as i8 })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = i32::from(self.exponent);
        if exponent >= 0 {
            if exponent <= 18 {
                let zeros = if self.mantissa == 0 { 0 } else { exponent as usize };
                return write!(f, "{}{}", self.mantissa, "0".repeat(zeros));
            }
            return write!(f, "{}e{exponent}", self.mantissa);
        }
        let places = exponent.unsigned_abs() as usize;
        if places > 30 {
            return write!(f, "{}e{exponent}", self.mantissa);
        }
        let digits = format!("{:0>width$}", self.mantissa.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    #[test]
    fn keeps_the_digits_of_the_device() {
        assert_eq!(read("81234.567"), Decimal::new(81_234_567, -3));
        assert_eq!(read("-1.50"), Decimal::new(-150, -2));
        assert_eq!(read("1e3"), Decimal::new(1, 3));
        assert_eq!(read("2.5E-3"), Decimal::new(25, -4));
        assert_eq!(read(".5"), Decimal::new(5, -1));
        assert_eq!(read("0.000"), Decimal::new(0, -3));
        assert_eq!(read("1.50").to_string(), "1.50");
        assert_eq!(read("-0.05").to_string(), "-0.05");
    }

    #[test]
    fn refuses_what_is_no_finite_number() {
        for text in ["", "-", "NaN", "inf", "1e", "1e+", "0x10", "1,5", "--1", "1.2.3", "."] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        for text in ["1e999", "99999999999999999999", "1e99999999999", "92233720368547758080e2147483647"] {
            assert!(matches!(text.parse::<Decimal>(), Err(DecimalError::TooLong(_))), "{text}");
        }
    }

    #[test]
    fn compares_values_not_spellings() {
        assert_eq!(read("1.0").cmp_value(read("1.00")), Ordering::Equal);
        assert_eq!(read("-2").cmp_value(read("1")), Ordering::Less);
        assert_eq!(read("1e90").cmp_value(read("5")), Ordering::Greater);
        assert_eq!(read("-1e90").cmp_value(read("-5")), Ordering::Less);
        assert_eq!(read("5e-90").cmp_value(read("5")), Ordering::Less);
        assert_eq!(read("0e5").cmp_value(read("-0.0")), Ordering::Equal);
    }

    #[test]
    fn floats_round_trip() {
        for value in [0.0, 1.5, -2.25e-7, 12_345.678_9, 1e22] {
            assert_eq!(Decimal::from_f64(value).expect("finite").to_f64(), value);
        }
        assert_eq!(Decimal::from_f64(f64::NAN), None);
    }
}
