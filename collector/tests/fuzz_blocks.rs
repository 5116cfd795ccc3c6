//! What the store and the journal keep, under any bytes: read or refused, and what was read is written
//! again as the same.

#[path = "../../tests/property/explore.rs"]
mod explore;
#[path = "../../tests/property/mutated.rs"]
mod mutated;

use explore::explore;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use mutated::mutated;
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{Read, Write};
use wattledger_collector::journal::{PayloadForm, Record};
use wattledger_collector::ledger::block;
use wattledger_collector::store::raw;
use wattledger_model::batch::AgentKey;
use wattledger_model::decimal::Decimal;
use wattledger_model::minute::{GaugeMinute, Minute, Part};
use wattledger_model::reading::{Incarnation, Intake, Quality, Reading};
use wattledger_model::time::Timestamp;

const NUMBERS: &[&str] = &["\u{0}", "\u{7f}", "\u{1}\u{1}\u{1}", "kWh"];

fn hours() -> Vec<Vec<u8>> {
    let mut full = [Minute::default(); block::MINUTES];
    let mut parts = [Minute::default(); block::MINUTES];
    let mut levels = [GaugeMinute::default(); block::MINUTES];
    for i in 0..block::MINUTES {
        full[i].parts[0] = Part { amount: 1_666_666_666 + i as i64 * 7_919, ms: 60_000 };
        parts[i].parts[i % 3] = Part { amount: i64::MAX - i as i64, ms: (i as u32) * 1_000 };
        levels[i] = GaugeMinute { mean: i as f64, min: -1.0, max: 1e300, ms: (i as u32 % 2) * 60_000 };
    }
    vec![block::encode_sums(&full), block::encode_sums(&parts), block::encode_levels(&levels)]
}

fn day() -> Vec<u8> {
    let incarnation = Incarnation { started: Timestamp(1_790_000_000_000), id: 7 };
    let reading = |i: i64| Reading {
        at: Timestamp(1_790_000_000_000 + i * 60_000),
        arrived: Timestamp(1_790_000_000_040 + i * 60_000),
        value: Decimal::new(81_234_567 + i * 11, -3),
        unit: if i % 5 == 0 { None } else { "kWh".parse().ok() },
        interval_ms: (i % 7 == 0).then_some(900_000),
        quality: if i % 11 == 0 { Quality::Suspect } else { Quality::Good },
        intake: (i % 3 != 0).then_some(Intake { incarnation, number: i as u64 }),
        evidence: None,
    };
    raw::encode(&(0..40).map(reading).collect::<Vec<_>>())
}

/// A raw block without its compression, and back: changes then reach what is inside.
fn unpacked(block: &[u8]) -> Vec<u8> {
    let mut flat = Vec::new();
    flate2::read::DeflateDecoder::new(&block[1..]).read_to_end(&mut flat).expect("our own block");
    flat
}

fn packed(version: u8, flat: &[u8]) -> Vec<u8> {
    let mut out = vec![version];
    let mut packer = DeflateEncoder::new(&mut out, Compression::fast());
    packer.write_all(flat).and_then(|()| packer.finish().map(drop)).expect("memory takes it");
    out
}

fn read_hour(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(hour) = block::decode_sums(bytes) {
        prop_assert_eq!(block::decode_sums(&block::encode_sums(&hour)), Ok(hour));
    }
    if let Ok(hour) = block::decode_levels(bytes) {
        // Bit by bit: a damaged block may hold a float that is no number.
        let bits = |hour: &block::GaugeHour| {
            hour.map(|minute| [minute.mean, minute.min, minute.max].map(f64::to_bits).map(|b| (b, minute.ms)))
        };
        let again = block::decode_levels(&block::encode_levels(&hour));
        prop_assert_eq!(again.as_ref().map(bits), Ok(bits(&hour)));
    }
    Ok(())
}

fn read_day(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(readings) = raw::decode(bytes) {
        prop_assert_eq!(raw::decode(&raw::encode(&readings)), Ok(readings));
    }
    Ok(())
}

#[test]
fn any_bytes_are_an_hour_or_refused() {
    let bytes = prop_oneof![1 => vec(any::<u8>(), 0..200), 4 => mutated(hours(), NUMBERS)];
    explore("hour blocks", 50_000, bytes, |bytes| read_hour(&bytes));
}

#[test]
fn any_bytes_are_a_day_of_readings_or_refused() {
    let bytes = prop_oneof![1 => vec(any::<u8>(), 0..200), 4 => mutated(vec![day()], NUMBERS)];
    explore("raw blocks", 20_000, bytes, |bytes| read_day(&bytes));
}

#[test]
fn any_bytes_under_the_compression_are_a_day_of_readings_or_refused() {
    let version = day()[0];
    let flat = prop_oneof![1 => vec(any::<u8>(), 0..200), 4 => mutated(vec![unpacked(&day())], NUMBERS)];
    explore("raw blocks, inside", 20_000, flat, |flat| read_day(&packed(version, &flat)));
}

#[test]
fn any_bytes_are_a_record_of_the_journal_or_none() {
    let agent = AgentKey { site: "hall".parse().expect("a name"), agent: "floor".parse().expect("a name") };
    let record =
        |form| Record { received: Timestamp(1), agent: agent.clone(), form, payload: b"payload".to_vec() };
    let records = [PayloadForm::Batch, PayloadForm::Json].map(|form| record(form).encode()).to_vec();
    let bytes = prop_oneof![1 => vec(any::<u8>(), 0..60), 4 => mutated(records, &["hall", "Hall", "\u{0}"])];
    explore("journal records", 50_000, bytes, |bytes| {
        if let Some(record) = Record::decode(&bytes) {
            prop_assert_eq!(record.encode(), bytes);
        }
        Ok(())
    });
}
