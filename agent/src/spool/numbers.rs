//! Whole numbers as bytes: small ones take little, as most in a record's header are.

/// Bytes of the largest number.
pub(super) const MOST_BYTES: usize = 10;

/// Appends a number, seven bits a byte, the lowest first; all bytes but the last have the highest bit set.
pub(super) fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a number that may be below zero.
pub(super) fn write_signed(bytes: &mut Vec<u8>, number: i64) {
    write(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Takes a number off the front; `None` where none stands there.
pub(super) fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for at in 0..MOST_BYTES {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * at as u32;
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a number that may be below zero off the front.
pub(super) fn read_signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = read(bytes)?;
    Some(((number >> 1) ^ (number & 1).wrapping_neg()).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_what_is_cut_short_or_too_large_is_none() {
        for number in [0, 1, 127, 128, 300, 1 << 56, u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            write(&mut bytes, number);
            write_signed(&mut bytes, number.cast_signed());
            assert!(bytes.len() <= 2 * MOST_BYTES);
            let mut left = &bytes[..];
            assert_eq!(read(&mut left), Some(number));
            assert_eq!((read_signed(&mut left), left.len()), (Some(number.cast_signed()), 0));
        }
        assert_eq!(read(&mut &[0x80, 0x80][..]), None);
        assert_eq!(read(&mut &[0xff; 11][..]), None);
        let beyond = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
        assert_eq!(read(&mut &beyond[..]), None, "the 64th bit is the last");
    }
}
