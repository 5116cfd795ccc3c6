//! Numbers as forms print them: rounded once, with the thousands apart.

use crate::ledger::interpret::round_half_even;
use crate::outputs::reports::Amount;

/// Sets the thousands apart; narrower than a space, so that a number stays one.
const THIN: char = '\u{202f}';

/// A number in its dimension's own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::outputs::reports) enum Number {
    /// A whole number of base units, ten to the power of `digits` of which make the unit.
    Exact {
        /// Base units.
        base: i128,
        /// The power of ten.
        digits: u32,
    },
    /// Any other.
    Float(f64),
}

impl From<Amount> for Number {
    fn from(amount: Amount) -> Number {
        let (base, digits) = amount.parts();
        Number::Exact { base, digits }
    }
}

impl Number {
    /// A number of things.
    pub(in crate::outputs::reports) const fn count(of: u32) -> Number {
        Number::Exact { base: of as i128, digits: 0 }
    }

    /// The number in a unit that is ten to the power of `tens` of its own, and how it is printed with so many
    /// decimals: halves to even, thousands apart.
    pub(in crate::outputs::reports) fn shown(self, tens: i8, decimals: u8) -> (f64, String) {
        match self {
            Number::Exact { base, digits } => {
                let digits = digits as i32 + i32::from(tens);
                let value = base as f64 / 10_f64.powi(digits);
                (value, grouped(&exactly(base, digits, decimals)))
            }
            Number::Float(value) => {
                let value = value * 10_f64.powi(-i32::from(tens));
                (value, grouped(&format!("{value:.*}", usize::from(decimals))))
            }
        }
    }
}

fn exactly(base: i128, digits: i32, decimals: u8) -> String {
    let beyond = digits - i32::from(decimals);
    let rounded = match beyond {
        1.. => round_half_even(base, 10_i128.pow(beyond.unsigned_abs())),
        _ => base * 10_i128.pow(beyond.unsigned_abs()),
    };
    let sign = if rounded < 0 { "-" } else { "" };
    let width = usize::from(decimals) + 1;
    let text = format!("{:0>width$}", rounded.unsigned_abs());
    let (whole, rest) = text.split_at(text.len() - usize::from(decimals));
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

fn grouped(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    // A number that rounds to zero has no sign.
    let sign = if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) { "" } else { sign };
    let (whole, rest) = text.find('.').map_or((text, ""), |at| text.split_at(at));
    let mut shown = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            shown.push(THIN);
        }
        shown.push(digit);
    }
    shown + rest
}

/// A share in percent with two decimals. What is not all is never shown as all, and what is not nothing never as
/// nothing.
pub(in crate::outputs::reports) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match share {
        _ if share < 1.0 && percent >= 99.995 => "> 99.99 %".to_owned(),
        _ if share > 0.0 && percent < 0.005 => "< 0.01 %".to_owned(),
        _ => format!("{percent:.2} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_from_all_their_digits() {
        let kwh = |base, tens, decimals| Number::from(Amount::kwh(base)).shown(tens, decimals).1;
        assert_eq!(kwh(1_234_567_500_000_000, 0, 0), "1\u{202f}234\u{202f}568");
        assert_eq!(kwh(1_234_566_500_000_000, 0, 0), "1\u{202f}234\u{202f}566", "half to even");
        assert_eq!(kwh(1_234_567_890_000_000, 3, 3), "1\u{202f}234.568");
        assert_eq!(kwh(-400_000_000, 0, 0), "0");
        assert_eq!(kwh(-1_500_000_000_000, 0, 1), "-1\u{202f}500.0");
        assert_eq!(Number::from(Amount::litres(1_500_250)).shown(3, 2), (1.50025, "1.50".to_owned()));
        assert_eq!(Number::count(3_200).shown(0, 0), (3_200.0, "3\u{202f}200".to_owned()));
        assert_eq!(Number::count(7).shown(0, 2).1, "7.00");
    }

    #[test]
    fn quotients_are_rounded_once_and_shares_stay_apart_from_all_and_nothing() {
        assert_eq!(Number::Float(1.25714).shown(0, 2).1, "1.26");
        assert_eq!(Number::Float(0.8619).shown(-2, 2).1, "86.19");
        assert_eq!(Number::Float(-0.001).shown(0, 2).1, "0.00");
        assert_eq!(percent(0.861_9), "86.19 %");
        assert_eq!(percent(1.0), "100.00 %");
        assert_eq!(percent(0.999_99), "> 99.99 %");
        assert_eq!(percent(0.0), "0.00 %");
        assert_eq!(percent(1e-7), "< 0.01 %");
    }
}
