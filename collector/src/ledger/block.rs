//! An hour of one meter's minutes in a few bytes: the form in which the store keeps them.
//!
//! The encoding is canonical: equal minutes give equal bytes, so a block that did not change is not written.

use wattledger_model::minute::{GaugeMinute, Minute, Part};
use wattledger_model::time::HOUR_MINUTES;

/// Minutes in an hour, as a length.
pub const MINUTES: usize = HOUR_MINUTES as usize;

/// The sums of one hour, minute by minute.
pub type Hour = [Minute; MINUTES];
/// The levels of one hour, minute by minute; `ms` is 0 where nothing is known.
pub type GaugeHour = [GaugeMinute; MINUTES];

/// Why a block cannot be read: the store is damaged or was written by a newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The first byte names no version that is known.
    #[error("minute block of unknown version {0}; was the store written by a newer version?")]
    Version(u8),
    /// The block ends early or holds a number that cannot be.
    #[error("minute block is damaged; run `wattledger rebuild` to make the ledger again from the readings")]
    Damaged,
}

const SUMS: u8 = 1;
const LEVELS: u8 = 2;
/// All 60 minutes are measured in full: only amounts follow.
const SUMS_FULL: u8 = 3;
const FULL_MS: u32 = 60_000;

/// Appends an unsigned number, 7 bits a byte.
pub fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, zig-zag.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Reads the numbers that [`put_unsigned`] and [`put_signed`] wrote.
pub struct Numbers<'a>(pub &'a [u8]);

impl Numbers<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next unsigned number.
    pub fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The next signed number.
    pub fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn float(&mut self) -> Option<f64> {
        let (bytes, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(f64::from_le_bytes(*bytes))
    }
}

/// Encodes an hour of sums.
pub fn encode_sums(hour: &Hour) -> Vec<u8> {
    let full = |minute: &Minute| {
        minute.parts[0].ms == FULL_MS && minute.parts[1..].iter().all(|part| *part == Part::default())
    };
    let mut out = Vec::with_capacity(160);
    if hour.iter().all(full) {
        out.push(SUMS_FULL);
        let mut previous = 0;
        for minute in hour {
            put_signed(&mut out, minute.parts[0].amount.wrapping_sub(previous));
            previous = minute.parts[0].amount;
        }
        return out;
    }
    out.push(SUMS);
    let known = MINUTES - hour.iter().rev().take_while(|minute| minute.is_missing()).count();
    out.push(known as u8);
    let mut previous = [0_i64; 3];
    for minute in &hour[..known] {
        let flags = minute.parts.map(|part| flag(&part));
        out.push(flags[0] | flags[1] << 2 | flags[2] << 4);
        for ((part, flag), previous) in minute.parts.iter().zip(flags).zip(&mut previous) {
            if flag == PARTLY {
                put_unsigned(&mut out, u64::from(part.ms));
            }
            if flag != NOTHING {
                put_signed(&mut out, part.amount.wrapping_sub(*previous));
                *previous = part.amount;
            }
        }
    }
    out
}

const NOTHING: u8 = 0;
const PARTLY: u8 = 1;
const WHOLLY: u8 = 2;

/// How much of its minute a part covers.
fn flag(part: &Part) -> u8 {
    match (part.ms, part.amount) {
        (0, 0) => NOTHING,
        (FULL_MS, _) => WHOLLY,
        _ => PARTLY,
    }
}

/// Decodes an hour of sums.
///
/// # Errors
/// [`BlockError`] for bytes that [`encode_sums`] did not write.
pub fn decode_sums(bytes: &[u8]) -> Result<Hour, BlockError> {
    let mut numbers = Numbers(bytes);
    let mut hour = [Minute::default(); MINUTES];
    let version = numbers.byte().ok_or(BlockError::Damaged)?;
    match version {
        SUMS_FULL => decode_full(&mut numbers, &mut hour),
        SUMS => decode_parts(&mut numbers, &mut hour),
        other => return Err(BlockError::Version(other)),
    }
    .filter(|()| numbers.0.is_empty())
    .ok_or(BlockError::Damaged)?;
    Ok(hour)
}

fn decode_full(numbers: &mut Numbers<'_>, hour: &mut Hour) -> Option<()> {
    let mut previous = 0_i64;
    for minute in hour {
        previous = previous.wrapping_add(numbers.signed()?);
        minute.parts[0] = Part { amount: previous, ms: FULL_MS };
    }
    Some(())
}

fn decode_parts(numbers: &mut Numbers<'_>, hour: &mut Hour) -> Option<()> {
    let known = usize::from(numbers.byte()?);
    let mut previous = [0_i64; 3];
    for minute in hour.get_mut(..known)? {
        let flags = numbers.byte()?;
        for (i, part) in minute.parts.iter_mut().enumerate() {
            let flag = flags >> (2 * i) & 3;
            part.ms = match flag {
                NOTHING => continue,
                PARTLY => u32::try_from(numbers.unsigned()?).ok().filter(|ms| *ms <= FULL_MS)?,
                WHOLLY => FULL_MS,
                _ => return None,
            };
            previous[i] = previous[i].wrapping_add(numbers.signed()?);
            part.amount = previous[i];
        }
    }
    Some(())
}

/// Encodes an hour of levels.
pub fn encode_levels(hour: &GaugeHour) -> Vec<u8> {
    let known = MINUTES - hour.iter().rev().take_while(|minute| minute.ms == 0).count();
    let mut out = Vec::with_capacity(2 + known * 27);
    out.extend([LEVELS, known as u8]);
    for minute in &hour[..known] {
        put_unsigned(&mut out, u64::from(minute.ms));
        if minute.ms > 0 {
            for level in [minute.mean, minute.min, minute.max] {
                out.extend(level.to_le_bytes());
            }
        }
    }
    out
}

/// Decodes an hour of levels.
///
/// # Errors
/// [`BlockError`] for bytes that [`encode_levels`] did not write.
pub fn decode_levels(bytes: &[u8]) -> Result<GaugeHour, BlockError> {
    let mut numbers = Numbers(bytes);
    match numbers.byte() {
        Some(LEVELS) => {}
        Some(other) => return Err(BlockError::Version(other)),
        None => return Err(BlockError::Damaged),
    }
    let mut hour = [GaugeMinute::default(); MINUTES];
    let mut read = || {
        let known = usize::from(numbers.byte()?);
        for minute in hour.get_mut(..known)? {
            minute.ms = u32::try_from(numbers.unsigned()?).ok().filter(|ms| *ms <= FULL_MS)?;
            if minute.ms > 0 {
                (minute.mean, minute.min, minute.max) =
                    (numbers.float()?, numbers.float()?, numbers.float()?);
            }
        }
        numbers.0.is_empty().then_some(())
    };
    read().ok_or(BlockError::Damaged)?;
    Ok(hour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part() -> impl Strategy<Value = Part> {
        prop_oneof![
            3 => Just(Part::default()),
            2 => any::<i64>().prop_map(|amount| Part { amount, ms: FULL_MS }),
            1 => (any::<i64>(), 0..=FULL_MS).prop_map(|(amount, ms)| Part { amount, ms }),
        ]
    }

    proptest! {
        #[test]
        fn hours_of_sums_round_trip(parts in prop::collection::vec([part(), part(), part()], MINUTES)) {
            let mut hour = [Minute::default(); MINUTES];
            for (minute, parts) in hour.iter_mut().zip(parts) {
                minute.parts = parts;
            }
            prop_assert_eq!(decode_sums(&encode_sums(&hour)), Ok(hour));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = (decode_sums(&bytes), decode_levels(&bytes));
        }

        #[test]
        fn hours_of_levels_round_trip(levels in prop::collection::vec((0..=FULL_MS, -1e9..1e9), MINUTES)) {
            let mut hour = [GaugeMinute::default(); MINUTES];
            for (minute, (ms, mean)) in hour.iter_mut().zip(levels) {
                if ms > 0 {
                    *minute = GaugeMinute { mean, min: mean - 1.0, max: mean + 1.0, ms };
                }
            }
            prop_assert_eq!(decode_levels(&encode_levels(&hour)), Ok(hour));
        }
    }

    #[test]
    fn a_measured_hour_takes_few_bytes() {
        let mut hour = [Minute::default(); MINUTES];
        for (i, minute) in hour.iter_mut().enumerate() {
            // 100 kW, give or take a kilowatt.
            minute.parts[0] =
                Part { amount: 1_666_666_666 + (i as i64 * 7_919 % 33) * 1_000_000, ms: FULL_MS };
        }
        assert!(encode_sums(&hour).len() < 60 * 5);
        assert_eq!(encode_sums(&[Minute::default(); MINUTES]).len(), 2, "an empty hour is two bytes");
    }
}
