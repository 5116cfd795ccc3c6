//! Readings to columns and back.

use super::{MAX_METERS, MAX_READINGS, MAX_UNITS, WireError, limited, v1};
use crate::decimal::Decimal;
use crate::name::Name;
use crate::reading::{Cause, Evidence, Incarnation, Intake, Quality, Reading, Refused, Serial};
use crate::time::Timestamp;
use crate::unit::Unit;
use std::collections::BTreeMap;

/// Fills the columns of a batch.
pub(super) fn write(
    batch: &mut v1::Batch,
    incarnation: Incarnation,
    meters: &[Name],
    readings: &[(u32, Reading)],
) {
    batch.meters = meters.iter().map(Name::to_string).collect();
    let mut units: BTreeMap<Unit, u32> = BTreeMap::new();
    let mut serials: BTreeMap<Serial, u32> = BTreeMap::new();
    let mut before = Before::new(meters.len());
    for (meter, reading) in readings {
        let number = match reading.intake {
            Some(intake) if intake.incarnation == incarnation => intake.number.wrapping_add(1),
            _ => 0,
        };
        let unit = match reading.unit {
            None => 0,
            Some(unit) => *units.entry(unit).or_insert_with(|| {
                batch.units.push(unit.symbol().to_owned());
                batch.units.len() as u32
            }),
        };
        batch.meter.push(*meter);
        batch.at.push(difference(&mut before.at, reading.at.0));
        batch.arrived.push(difference(&mut before.arrived, reading.arrived.0));
        batch.mantissa.push(match before.mantissa.get_mut(*meter as usize) {
            Some(before) => difference(before, reading.value.mantissa),
            None => reading.value.mantissa,
        });
        batch.exponent.push(i32::from(reading.value.exponent));
        batch.unit.push(unit);
        batch.interval_ms.push(reading.interval_ms.unwrap_or(0));
        batch.quality.push(match reading.quality {
            Quality::Good => 0,
            Quality::Suspect => 1,
        });
        batch.number.push(difference(&mut before.number, number as i64));
        batch.serial.push(match reading.evidence.and_then(|evidence| evidence.serial) {
            None => 0,
            Some(serial) => *serials.entry(serial).or_insert_with(|| {
                batch.serials.push(serial.digest());
                batch.serials.len() as u32
            }),
        });
        let boots = reading.evidence.and_then(|evidence| evidence.boots);
        batch.boots.push(boots.map_or(0, |boots| u64::from(boots) + 1));
    }
    for column in [&mut batch.unit, &mut batch.interval_ms, &mut batch.quality, &mut batch.serial] {
        empty_if_zero(column);
    }
    empty_if_zero(&mut batch.boots);
    empty_if_zero(&mut batch.exponent);
    empty_if_zero(&mut batch.number);
}

/// The names, the readings by position in them, and what had to be refused.
pub(super) struct Read {
    pub(super) meters: Vec<Name>,
    pub(super) readings: Vec<(u32, Reading)>,
    pub(super) refused: Vec<Refused>,
}

/// Reads the columns of a batch. A reading whose meter, unit or value is not understood is refused, the
/// others stay. Columns that do not fit together are an error: nothing can be said about any reading then.
pub(super) fn read(batch: &v1::Batch, incarnation: Incarnation) -> Result<Read, WireError> {
    let count = limited("readings", batch.meter.len(), MAX_READINGS)?;
    limited("meters", batch.meters.len(), MAX_METERS)?;
    limited("units", batch.units.len(), MAX_UNITS)?;
    limited("serials", batch.serials.len(), MAX_READINGS)?;
    check_lengths(batch, count)?;

    let (meters, positions) = read_names(&batch.meters);
    let units: Vec<Option<Unit>> = batch.units.iter().map(|unit| unit.parse().ok()).collect();
    let mut before = Before::new(batch.meters.len());
    let mut readings = Vec::with_capacity(count);
    let mut refusals = Refusals::default();
    for i in 0..count {
        let meter = batch.meter[i] as usize;
        let position = *positions.get(meter).ok_or(WireError::Position {
            column: "meter",
            position: batch.meter[i],
            entries: batch.meters.len(),
        })?;
        let raw = RawReading {
            meter,
            at: sum(&mut before.at, entry(&batch.at, i)),
            arrived: sum(&mut before.arrived, entry(&batch.arrived, i)),
            mantissa: sum(&mut before.mantissa[meter], entry(&batch.mantissa, i)),
            exponent: entry(&batch.exponent, i),
            unit: entry(&batch.unit, i),
        };
        let number = sum(&mut before.number, entry(&batch.number, i)) as u64;
        let unit = match raw.unit {
            0 => Ok(None),
            at => match units.get(at as usize - 1) {
                Some(unit) => unit.map(Some).ok_or(()),
                None => {
                    let entries = units.len();
                    return Err(WireError::Position { column: "unit", position: at, entries });
                }
            },
        };
        let serial = read_serial(batch, entry(&batch.serial, i))?;
        let boots = entry(&batch.boots, i).checked_sub(1).map(|boots| boots as u32);
        let exponent = i8::try_from(raw.exponent).ok().filter(|e| (-100..=100).contains(e));
        match (position, unit, exponent) {
            (Some(position), Ok(unit), Some(exponent)) => {
                let interval_ms = entry(&batch.interval_ms, i);
                let reading = Reading {
                    at: Timestamp(raw.at),
                    arrived: Timestamp(raw.arrived),
                    value: Decimal::new(raw.mantissa, exponent),
                    unit,
                    interval_ms: (interval_ms != 0).then_some(interval_ms),
                    quality: if entry(&batch.quality, i) == 0 { Quality::Good } else { Quality::Suspect },
                    intake: number.checked_sub(1).map(|number| Intake { incarnation, number }),
                    evidence: Evidence::of(serial, boots),
                };
                readings.push((position, reading));
            }
            (None, _, _) => refusals.add(Cause::Name, batch, raw),
            (_, Err(()), _) => refusals.add(Cause::Unit, batch, raw),
            (_, _, None) => refusals.add(Cause::NotFinite, batch, raw),
        }
    }
    Ok(Read { meters, readings, refused: refusals.0.into_values().collect() })
}

fn read_serial(batch: &v1::Batch, position: u32) -> Result<Option<Serial>, WireError> {
    let Some(at) = position.checked_sub(1) else { return Ok(None) };
    match batch.serials.get(at as usize) {
        Some(digest) => Ok(Serial::from_digest(*digest)),
        None => Err(WireError::Position { column: "serial", position, entries: batch.serials.len() }),
    }
}

/// One row of the columns, before anything is believed of it.
struct RawReading {
    meter: usize,
    at: i64,
    arrived: i64,
    mantissa: i64,
    exponent: i32,
    unit: u32,
}

/// One entry for each cause, meter and unit, however many readings it concerns.
#[derive(Default)]
struct Refusals(BTreeMap<(Cause, usize, u32), Refused>);

impl Refusals {
    fn add(&mut self, cause: Cause, batch: &v1::Batch, raw: RawReading) {
        let RawReading { meter, at, arrived, mantissa, exponent, unit } = raw;
        let known = self.0.entry((cause, meter, unit)).or_insert_with(|| {
            let name: String = batch.meters[meter].chars().take(80).collect();
            let unit = unit.checked_sub(1).map_or("", |at| batch.units[at as usize].as_str());
            let unit: String = unit.chars().take(40).collect();
            let detail = match cause {
                Cause::Name => format!("`{name}` is not a meter's name"),
                Cause::Unit => format!("`{unit}` is not a unit that is understood"),
                _ => format!("an exponent of {exponent} is beyond ±100"),
            };
            Refused {
                at: Timestamp(arrived),
                cause,
                origin: format!("batch {} of {}/{}", batch.sequence, batch.site, batch.agent),
                meter: name.parse().ok(),
                detail,
                sample: format!("{name} {} {mantissa}e{exponent} {unit}", Timestamp(at)).into_bytes(),
                count: 0,
            }
        });
        known.count += 1;
    }
}

/// The valid names in order, and for each entry its position among them.
fn read_names(texts: &[String]) -> (Vec<Name>, Vec<Option<u32>>) {
    let mut names = Vec::with_capacity(texts.len());
    let positions = texts
        .iter()
        .map(|text| {
            let name = text.parse().ok()?;
            names.push(name);
            Some(names.len() as u32 - 1)
        })
        .collect();
    (names, positions)
}

/// Every column is empty, or as long as `meter`.
fn check_lengths(batch: &v1::Batch, readings: usize) -> Result<(), WireError> {
    let columns = [
        ("at", batch.at.len()),
        ("arrived", batch.arrived.len()),
        ("mantissa", batch.mantissa.len()),
        ("exponent", batch.exponent.len()),
        ("unit", batch.unit.len()),
        ("interval_ms", batch.interval_ms.len()),
        ("quality", batch.quality.len()),
        ("number", batch.number.len()),
        ("serial", batch.serial.len()),
        ("boots", batch.boots.len()),
    ];
    match columns.into_iter().find(|&(_, entries)| entries != 0 && entries != readings) {
        Some((column, entries)) => Err(WireError::Columns { column, entries, readings }),
        None => Ok(()),
    }
}

/// The values before, from which differences are taken.
struct Before {
    at: i64,
    arrived: i64,
    number: i64,
    mantissa: Vec<i64>,
}

impl Before {
    fn new(meters: usize) -> Before {
        Before { at: 0, arrived: 0, number: 0, mantissa: vec![0; meters] }
    }
}

fn difference(before: &mut i64, value: i64) -> i64 {
    let difference = value.wrapping_sub(*before);
    *before = value;
    difference
}

fn sum(before: &mut i64, difference: i64) -> i64 {
    *before = before.wrapping_add(difference);
    *before
}

fn entry<T: Copy + Default>(column: &[T], i: usize) -> T {
    column.get(i).copied().unwrap_or_default()
}

fn empty_if_zero<T: PartialEq + Default>(column: &mut Vec<T>) {
    if column.iter().all(|value| *value == T::default()) {
        column.clear();
    }
}
