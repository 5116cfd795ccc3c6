//! Amounts as the ledger holds them: whole base units, printed exactly in the unit that people use.

use crate::ledger::interpret::round_half_even;
use serde::{Serialize, Serializer};
use std::fmt;
use wattledger_model::unit::Quantity;

/// A whole number of base units, shown in a unit that is a power of ten of them: kWh of µWh, L of mL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    base: i128,
    digits: u32,
}

impl Amount {
    /// Microwatt-hours, shown in kWh.
    pub const fn kwh(microwatt_hours: i128) -> Amount {
        Amount { base: microwatt_hours, digits: 9 }
    }

    /// Millilitres, shown in L.
    pub const fn litres(millilitres: i128) -> Amount {
        Amount { base: millilitres, digits: 3 }
    }

    /// The base units, and how many decimal digits they are of the unit that is shown.
    pub(super) const fn parts(self) -> (i128, u32) {
        (self.base, self.digits)
    }

    /// Base units of a quantity, shown in [`Amount::unit_of`] it.
    pub(crate) const fn of(base: i128, quantity: Quantity) -> Amount {
        let digits = match quantity {
            Quantity::Energy => 9,
            Quantity::Volume => 3,
            Quantity::Mass => 6,
            Quantity::Gauge => 0,
        };
        Amount { base, digits }
    }

    /// The unit in which amounts of a quantity are shown; empty for gauges, which have none.
    pub(crate) const fn unit_of(quantity: Quantity) -> &'static str {
        match quantity {
            Quantity::Energy => "kWh",
            Quantity::Volume => "L",
            Quantity::Mass => "kg",
            Quantity::Gauge => "",
        }
    }

    /// The nearest double, in the unit in which it is shown.
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().expect("a decimal number is written as one")
    }

    /// Rounded to three decimals at most, half to even, with the thousands apart: for people.
    pub fn grouped(self) -> String {
        let shown = self.digits.min(3);
        let rounded = round_half_even(self.base, 10_i128.pow(self.digits - shown));
        let magnitude = rounded.unsigned_abs();
        let scale = 10_u128.pow(shown);
        let whole = (magnitude / scale).to_string();
        let mut text = String::from(if rounded < 0 { "-" } else { "" });
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                text.push(' ');
            }
            text.push(digit);
        }
        format!("{text}.{:0width$}", magnitude % scale, width = shown as usize)
    }
}

impl fmt::Display for Amount {
    /// Every digit there is, without zeros at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u128.pow(self.digits);
        let (whole, rest) = (self.base.unsigned_abs() / scale, self.base.unsigned_abs() % scale);
        let decimals = format!("{rest:0width$}", width = self.digits as usize);
        let decimals = decimals.trim_end_matches('0');
        let sign = if self.base < 0 { "-" } else { "" };
        let point = if decimals.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{decimals}")
    }
}

impl Serialize for Amount {
    /// A JSON number with all its digits.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_is_lost_or_made_up() {
        let shown = |base| Amount::kwh(base).to_string();
        assert_eq!(shown(0), "0");
        assert_eq!(shown(1_300_000_000_000), "1300");
        assert_eq!(shown(-1), "-0.000000001");
        assert_eq!(shown(123_456_789_012_345_678_901), "123456789012.345678901");
        assert_eq!(Amount::litres(1_250).to_string(), "1.25");
        let json = serde_json::to_string(&Amount::kwh(9_007_199_254_740_993)).expect("plain data");
        assert_eq!(json, "9007199.254740993", "a double would end in 2");
    }

    #[test]
    fn people_read_three_decimals_with_the_thousands_apart() {
        assert_eq!(Amount::kwh(1_234_567_890_500_000).grouped(), "1 234 567.890", "half to even");
        assert_eq!(Amount::kwh(-999_999_600_000).grouped(), "-1 000.000");
        assert_eq!(Amount::kwh(12_000_000_000).grouped(), "12.000");
        assert_eq!(Amount::litres(1_000_001).grouped(), "1 000.001");
    }
}
