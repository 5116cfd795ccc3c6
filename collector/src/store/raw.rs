//! A day of one meter's readings in a compressed block: the ground state that the ledger is made from.
//!
//! Columns of variable-length numbers, differences where values grow, then deflate.

use crate::ledger::block::{BlockError, Numbers, put_signed, put_unsigned};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{Read, Write};
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Evidence, Incarnation, Intake, Quality, Reading, Serial};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// Readings without device evidence.
const BARE: u8 = 1;
/// The columns of a bare block, then what devices said of themselves.
const WITH_EVIDENCE: u8 = 2;
/// A block that unpacks to more than this is damaged: a day has 86.4 million milliseconds at most.
const UNPACKED_LIMIT: u64 = 1 << 30;

/// Encodes readings sorted by ascending instant.
pub fn encode(readings: &[Reading]) -> Vec<u8> {
    let mut flat = Vec::with_capacity(readings.len() * 10 + 64);
    let mut units: Vec<Option<Unit>> = Vec::new();
    let mut incarnations: Vec<Incarnation> = Vec::new();
    for reading in readings {
        if !units.contains(&reading.unit) {
            units.push(reading.unit);
        }
        if let Some(intake) = reading.intake
            && !incarnations.contains(&intake.incarnation)
        {
            incarnations.push(intake.incarnation);
        }
    }
    put_unsigned(&mut flat, readings.len() as u64);
    put_unsigned(&mut flat, units.len() as u64);
    for unit in &units {
        let symbol = unit.map_or("", Unit::symbol);
        put_unsigned(&mut flat, symbol.len() as u64);
        flat.extend(symbol.as_bytes());
    }
    put_unsigned(&mut flat, incarnations.len() as u64);
    for incarnation in &incarnations {
        put_signed(&mut flat, incarnation.started.0);
        put_unsigned(&mut flat, incarnation.id);
    }
    put_columns(&mut flat, readings, &units, &incarnations);
    let has_evidence = readings.iter().any(|reading| reading.evidence.is_some());
    if has_evidence {
        put_evidence(&mut flat, readings);
    }
    let mut out = vec![if has_evidence { WITH_EVIDENCE } else { BARE }];
    let mut packer = DeflateEncoder::new(&mut out, Compression::new(3));
    packer
        .write_all(&flat)
        .and_then(|()| packer.finish().map(drop))
        .expect("writing to memory does not fail");
    out
}

fn put_columns(
    out: &mut Vec<u8>,
    readings: &[Reading],
    units: &[Option<Unit>],
    incarnations: &[Incarnation],
) {
    differences(out, readings.iter().map(|r| r.at.0));
    differences(out, readings.iter().map(|r| r.arrived.0.wrapping_sub(r.at.0)));
    differences(out, readings.iter().map(|r| r.value.mantissa));
    out.extend(readings.iter().map(|r| r.value.exponent as u8));
    out.extend(readings.iter().map(|r| r.quality as u8));
    for r in readings {
        put_unsigned(out, units.iter().position(|unit| *unit == r.unit).unwrap_or(0) as u64);
    }
    for r in readings {
        put_unsigned(out, r.interval_ms.map_or(0, |ms| u64::from(ms) + 1));
    }
    for r in readings {
        let at = r.intake.and_then(|intake| incarnations.iter().position(|i| *i == intake.incarnation));
        put_unsigned(out, at.map_or(0, |at| at as u64 + 1));
    }
    differences(out, readings.iter().map(|r| r.intake.map_or(0, |intake| intake.number as i64)));
}

/// The serial numbers there are, then for each reading which of them, then the boot counters.
fn put_evidence(out: &mut Vec<u8>, readings: &[Reading]) {
    let evidence = |reading: &Reading| reading.evidence.unwrap_or(Evidence { serial: None, boots: None });
    let mut serials: Vec<Serial> = readings.iter().filter_map(|r| evidence(r).serial).collect();
    serials.sort_unstable();
    serials.dedup();
    put_unsigned(out, serials.len() as u64);
    for serial in &serials {
        put_unsigned(out, serial.digest());
    }
    for r in readings {
        let at = evidence(r).serial.and_then(|serial| serials.binary_search(&serial).ok());
        put_unsigned(out, at.map_or(0, |at| at as u64 + 1));
    }
    for r in readings {
        put_unsigned(out, evidence(r).boots.map_or(0, |boots| u64::from(boots) + 1));
    }
}

fn differences(out: &mut Vec<u8>, values: impl Iterator<Item = i64>) {
    let mut previous = 0_i64;
    for value in values {
        put_signed(out, value.wrapping_sub(previous));
        previous = value;
    }
}

/// Decodes a block of readings.
///
/// # Errors
/// [`BlockError`] for bytes that [`encode`] did not write.
pub fn decode(block: &[u8]) -> Result<Vec<Reading>, BlockError> {
    let has_evidence = match block.first() {
        Some(&BARE) => false,
        Some(&WITH_EVIDENCE) => true,
        Some(&other) => return Err(BlockError::Version(other)),
        None => return Err(BlockError::Damaged),
    };
    let mut flat = Vec::new();
    DeflateDecoder::new(&block[1..])
        .take(UNPACKED_LIMIT)
        .read_to_end(&mut flat)
        .map_err(|_| BlockError::Damaged)?;
    let mut numbers = Numbers(&flat);
    let mut all = || {
        let mut readings = read(&mut numbers)?;
        if has_evidence {
            read_evidence(&mut numbers, &mut readings)?;
        }
        numbers.0.is_empty().then_some(readings)
    };
    all().ok_or(BlockError::Damaged)
}

fn read_evidence(numbers: &mut Numbers<'_>, readings: &mut [Reading]) -> Option<()> {
    let serials = (0..numbers.unsigned()?)
        .map(|_| Serial::from_digest(numbers.unsigned()?))
        .collect::<Option<Vec<_>>>()?;
    let which = readings.iter().map(|_| numbers.unsigned()).collect::<Option<Vec<_>>>()?;
    for (reading, which) in readings.iter_mut().zip(which) {
        let serial = match which.checked_sub(1) {
            Some(at) => Some(*serials.get(at as usize)?),
            None => None,
        };
        let boots = match numbers.unsigned()?.checked_sub(1) {
            Some(boots) => Some(u32::try_from(boots).ok()?),
            None => None,
        };
        reading.evidence = Evidence::of(serial, boots);
    }
    Some(())
}

fn read(numbers: &mut Numbers<'_>) -> Option<Vec<Reading>> {
    let count = numbers.unsigned()? as usize;
    // Each reading takes at least nine bytes: a damaged count asks for no memory.
    if count > numbers.0.len() {
        return None;
    }
    let units = (0..numbers.unsigned()?).map(|_| read_unit(numbers)).collect::<Option<Vec<_>>>()?;
    let incarnations = (0..numbers.unsigned()?)
        .map(|_| Some(Incarnation { started: Timestamp(numbers.signed()?), id: numbers.unsigned()? }))
        .collect::<Option<Vec<_>>>()?;
    let at = column(numbers, count)?;
    let lag = column(numbers, count)?;
    let mantissa = column(numbers, count)?;
    let exponents = bytes(numbers, count)?;
    let qualities = bytes(numbers, count)?;
    let mut unsigned = || (0..count).map(|_| numbers.unsigned()).collect::<Option<Vec<_>>>();
    let (unit, interval, incarnation) = (unsigned()?, unsigned()?, unsigned()?);
    let number = column(numbers, count)?;
    (0..count)
        .map(|i| {
            let intake = match incarnation[i].checked_sub(1) {
                Some(at) => {
                    Some(Intake { incarnation: *incarnations.get(at as usize)?, number: number[i] as u64 })
                }
                None => None,
            };
            Some(Reading {
                at: Timestamp(at[i]),
                arrived: Timestamp(at[i].wrapping_add(lag[i])),
                value: Decimal::new(mantissa[i], exponents[i] as i8),
                unit: *units.get(unit[i] as usize)?,
                interval_ms: match interval[i].checked_sub(1) {
                    Some(ms) => Some(u32::try_from(ms).ok()?),
                    None => None,
                },
                quality: if qualities[i] == Quality::Good as u8 { Quality::Good } else { Quality::Suspect },
                intake,
                evidence: None,
            })
        })
        .collect()
}

fn read_unit(numbers: &mut Numbers<'_>) -> Option<Option<Unit>> {
    let length = numbers.unsigned()? as usize;
    let symbol = std::str::from_utf8(numbers.0.get(..length)?).ok()?;
    numbers.0 = &numbers.0[length..];
    if symbol.is_empty() { Some(None) } else { symbol.parse().ok().map(Some) }
}

fn column(numbers: &mut Numbers<'_>, count: usize) -> Option<Vec<i64>> {
    let mut previous = 0_i64;
    (0..count)
        .map(|_| {
            previous = previous.wrapping_add(numbers.signed()?);
            Some(previous)
        })
        .collect()
}

fn bytes(numbers: &mut Numbers<'_>, count: usize) -> Option<Vec<u8>> {
    let taken = numbers.0.get(..count)?.to_vec();
    numbers.0 = &numbers.0[count..];
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reading() -> impl Strategy<Value = Reading> {
        let intake = prop::option::of((any::<i64>(), any::<u64>(), any::<u64>()));
        let unit = prop::option::of(prop::sample::select(vec!["kWh", "W", "J", "°C"]));
        (
            any::<i64>(),
            any::<i64>(),
            any::<i64>(),
            any::<i8>(),
            unit,
            prop::option::of(any::<u32>()),
            any::<bool>(),
            intake,
            prop::option::weighted(0.2, (prop::option::of("[a-c]"), prop::option::of(any::<u32>()))),
        )
            .prop_map(
                |(at, arrived, mantissa, exponent, unit, interval_ms, good, intake, evidence)| Reading {
                    at: Timestamp(at),
                    arrived: Timestamp(arrived),
                    value: Decimal::new(mantissa, exponent),
                    unit: unit.map(|unit| unit.parse().expect("known unit")),
                    interval_ms,
                    quality: if good { Quality::Good } else { Quality::Suspect },
                    intake: intake.map(|(started, id, number)| Intake {
                        incarnation: Incarnation { started: Timestamp(started), id },
                        number,
                    }),
                    evidence: evidence.and_then(|(serial, boots)| {
                        Evidence::of(serial.and_then(|text| Serial::of(&text)), boots)
                    }),
                },
            )
    }

    proptest! {
        #[test]
        fn blocks_round_trip(readings in prop::collection::vec(reading(), 0..60)) {
            prop_assert_eq!(decode(&encode(&readings)), Ok(readings));
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for version in [BARE, WITH_EVIDENCE] {
                bytes.insert(0, version);
                let _read = decode(&bytes);
            }
        }
    }

    #[test]
    fn a_block_without_evidence_is_as_it_was_before_there_was_any() {
        let at = |at: i64| Reading {
            at: Timestamp(at),
            arrived: Timestamp(at + 5),
            value: Decimal::new(12_345, -1),
            unit: "kWh".parse().ok(),
            interval_ms: None,
            quality: Quality::Good,
            intake: None,
            evidence: None,
        };
        let readings = vec![at(1_000), at(2_000)];
        let block = encode(&readings);
        assert_eq!(block[0], 1, "an earlier program reads it");
        assert_eq!(decode(&block), Ok(readings.clone()));
        let evidence = Evidence::of(None, Some(3));
        let told = vec![readings[0], Reading { evidence, ..readings[1] }];
        assert_eq!(encode(&told)[0], 2);
        assert_eq!(decode(&encode(&told)), Ok(told));
    }
}
