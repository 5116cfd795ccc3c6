//! Numbers as text, fast: a meter's minutes repeat the same few values, so that the text of most is known.
//!
//! The text is that of Rust's `Display`, the shortest that reads back as the same number.

use std::io::Write;

/// Texts that are kept.
const KEPT: usize = 256;
/// No text that is longer is kept.
const LENGTH: usize = 24;

/// The text of one number.
#[derive(Debug, Clone, Copy)]
struct Text {
    bits: u64,
    length: u8,
    bytes: [u8; LENGTH],
}

/// Prints floats; remembers the latest texts.
#[derive(Debug)]
pub(crate) struct Decimals {
    kept: Box<[Text; KEPT]>,
}

impl Default for Decimals {
    fn default() -> Decimals {
        // A text without bytes is none: no number has such a one.
        Decimals { kept: Box::new([Text { bits: 0, length: 0, bytes: [0; LENGTH] }; KEPT]) }
    }
}

impl Decimals {
    /// Appends a finite number; of zeros there is but one.
    pub(crate) fn push(&mut self, value: f64, text: &mut Vec<u8>) {
        // Most shares are 0 or 1. This also turns −0 into 0.
        if value == 0.0 {
            return text.push(b'0');
        }
        if value == 1.0 {
            return text.push(b'1');
        }
        let bits = value.to_bits();
        // Fibonacci hashing: the upper bits of the product depend on all bits of the number.
        let place = (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize;
        let known = &mut self.kept[place];
        if known.bits == bits && known.length > 0 {
            text.extend_from_slice(&known.bytes[..usize::from(known.length)]);
            return;
        }
        let start = text.len();
        write!(text, "{value}").expect("memory takes every byte");
        let new = &text[start..];
        if new.len() <= LENGTH {
            known.bits = bits;
            known.length = new.len() as u8;
            known.bytes[..new.len()].copy_from_slice(new);
        }
    }
}

/// Appends a whole number.
pub(crate) fn push_integer(value: i64, text: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        text.push(b'-');
    }
    text.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// New or known, the text of a number is that of `Display`, whatever else has its place.
        #[test]
        fn texts_are_those_of_display(values in prop::collection::vec(any::<f64>(), 1..600), again in any::<u16>()) {
            let mut decimals = Decimals::default();
            let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
            let twice = values.iter().chain(values.iter().skip(usize::from(again) % 600)).chain(&values);
            for value in twice {
                let mut text = Vec::new();
                decimals.push(*value, &mut text);
                let expected = if *value == 0.0 { "0".to_owned() } else { value.to_string() };
                prop_assert_eq!(String::from_utf8_lossy(&text), expected);
            }
        }

        #[test]
        fn whole_numbers_are_those_of_display(value in any::<i64>()) {
            let mut text = Vec::new();
            push_integer(value, &mut text);
            prop_assert_eq!(String::from_utf8_lossy(&text), value.to_string());
        }
    }

    #[test]
    fn the_ends_of_the_range_are_printed() {
        for value in [i64::MIN, -10, -1, 0, 9, 10, i64::MAX] {
            let mut text = Vec::new();
            push_integer(value, &mut text);
            assert_eq!(String::from_utf8_lossy(&text), value.to_string());
        }
    }
}
