//! What an agent thins for want of space changes no quarter of an hour: the same readings through a spool that
//! is too small on purpose, and through one that is not, give the same amounts.

use crate::collector::configured;
use crate::disk::WorldDisk;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use wattledger_agent::spool::{Contents, Spool, SpoolConfig};
use wattledger_collector::engine::{Arrival, Engine};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::store::Layout;
use wattledger_collector::store::read::SeriesReader;
use wattledger_link::ranges::RangeSet;
use wattledger_model::batch::AgentKey;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::reading::{Incarnation, Quality, Reading};
use wattledger_model::time::Timestamp;

/// Ten hours, every ten seconds.
const READS: i64 = 3_600;
const QUARTER: i64 = 15;

fn agent() -> AgentKey {
    AgentKey { site: "hall".parse().expect("name"), agent: "small".parse().expect("name") }
}

/// What stands in the configuration of the collector about the meters.
fn meters() -> String {
    let register = |name: &str, more: &str| {
        format!(
            "[[meter]]\nsite = \"hall\"\nname = \"{name}\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"10s\"\n{more}\n"
        )
    };
    let power = "[[meter]]\nsite = \"hall\"\nname = \"power\"\nkind = \"power\"\nunit = \"kW\"\nnominal_interval = \"10s\"\n";
    let gauge = "[[meter]]\nsite = \"hall\"\nname = \"inlet\"\nkind = \"gauge\"\nunit = \"Cel\"\nnominal_interval = \"10s\"\n";
    ["even", "coarse", "restarts", "falters", "pauses"].map(|name| register(name, "")).concat()
        + power
        + gauge
}

/// What every meter shows at a read, and whether it says anything.
fn shown(read: i64) -> Vec<(&'static str, Decimal, &'static str)> {
    // A load that wanders between 60 and 140 kW; energy in Wh.
    let wave = |t: i64| 100_000 + 40_000 * ((t % 720) - 360).abs() / 360 - 20_000;
    let energy = |t: i64| (0..4).map(|k| wave(t - k)).sum::<i64>() / 4 * 10 / 3_600 + 277 * t;
    let restarted = if read < 2_000 { 50_000_000 + energy(read) } else { energy(read) - energy(2_000) };
    let falters = if read % 911 == 500 { 0 } else { 7_000_000 + energy(read) };
    let mut all = vec![
        ("even", Decimal::new(1_000_000 + energy(read), -3), "kWh"),
        ("coarse", Decimal::new((1_000_000 + energy(read)) / 1_000, 0), "kWh"),
        ("restarts", Decimal::new(restarted, -3), "kWh"),
        ("falters", Decimal::new(falters, -3), "kWh"),
        ("power", Decimal::new(wave(read) / 10 + read % 13, -2), "kW"),
        ("inlet", Decimal::new(180 + (read * 7) % 90, -1), "°C"),
    ];
    // Silent for forty minutes, and for three.
    if !(1_200..1_440).contains(&read) && !(3_000..3_018).contains(&read) {
        all.push(("pauses", Decimal::new(3_000_000 + energy(read), -3), "kWh"));
    }
    all
}

fn contents(read: i64) -> Contents {
    let reading = |(i, (name, value, unit)): (usize, (&str, Decimal, &str))| {
        let at = Timestamp(crate::START + read * 10_000 + 1_300 * i as i64);
        let reading = Reading {
            at,
            arrived: at,
            value,
            unit: unit.parse().ok(),
            interval_ms: None,
            quality: Quality::Good,
            intake: None,
            evidence: None,
        };
        (name.parse::<Name>().expect("name"), reading)
    };
    Contents { readings: shown(read).into_iter().enumerate().map(reading).collect(), refused: Vec::new() }
}

/// Fills a spool without a link, then hands all of it to a collector.
fn delivered(limit_bytes: u64, dir: &Path) -> (Engine, u64, u64) {
    let config = SpoolConfig { dir: "/spool".into(), agent: agent(), limit_bytes };
    let fresh = Incarnation { started: Timestamp(crate::START), id: 7 };
    let (mut spool, _) =
        Spool::open_on(Arc::new(WorldDisk::default()), config, fresh).expect("a healthy disk");
    spool.may_have_sent(RangeSet::default());
    for read in 0..READS {
        assert_eq!(spool.append(&[contents(read)]).expect("a healthy disk"), 1);
        assert!(spool.bytes() <= limit_bytes);
    }
    let mut engine =
        Engine::open_on(Arc::new(WorldDisk::default()), configured(dir, &meters()), 1).expect("opens");
    let now = Timestamp(crate::START + READS * 10_000 + 60_000);
    for sequence in spool.oldest_sequence()..spool.next_sequence() {
        let payload = spool.batch(sequence).expect("disk").expect("held").to_vec();
        let arrival = Arrival { agent: agent(), form: PayloadForm::Batch, payload };
        engine.take(&[arrival], now).expect("taken");
    }
    engine.compact().expect("compacted");
    (engine, spool.thinned(), spool.lost())
}

/// What was booked of each meter in each quarter of an hour.
fn quarters(engine: &Engine, dir: &Path) -> BTreeMap<String, BTreeMap<i64, i64>> {
    let reader = SeriesReader::open(&Layout::new(dir)).expect("a store");
    let of = |name: &str| {
        let key = MeterKey { site: "hall".parse().expect("name"), meter: name.parse().expect("name") };
        let id = engine.meters().id(&key).expect("known");
        let mut sums = BTreeMap::new();
        if name == "inlet" {
            for (minute, level) in reader.levels(id).expect("readable") {
                // Thousandths of a degree times the time held.
                *sums.entry(minute.div_euclid(QUARTER)).or_default() +=
                    (level.mean * f64::from(level.ms)) as i64;
            }
            return (name.to_owned(), sums);
        }
        for (minute, booked) in reader.minutes(id).expect("readable") {
            *sums.entry(minute.div_euclid(QUARTER)).or_default() += booked.amount();
        }
        (name.to_owned(), sums)
    };
    ["even", "coarse", "restarts", "falters", "pauses", "power", "inlet"].into_iter().map(of).collect()
}

#[test]
fn a_spool_that_is_too_small_changes_no_quarter_of_an_hour() {
    let home = tempfile::tempdir_in(crate::home()).expect("a directory");
    let (small, large) = (home.path().join("small"), home.path().join("large"));
    let (whole, thinned, lost) = delivered(64 << 20, &large);
    assert_eq!((thinned, lost), (0, 0));
    let (less, thinned, lost) = delivered(256 << 10, &small);
    assert!(thinned > 10_000 && lost == 0, "{thinned} thinned, {lost} lost");
    let (expected, found) = (quarters(&whole, &large), quarters(&less, &small));
    for (meter, expected) in &expected {
        let found = &found[meter];
        assert_eq!(expected.len(), found.len(), "{meter}");
        for (quarter, amount) in expected {
            let off = (amount - found[quarter]).abs();
            // A mean has so many digits that a minute may be off by its rounding, and no more.
            let most = match meter.as_str() {
                "power" => QUARTER,
                "inlet" => 2 * QUARTER,
                _ => 0,
            };
            assert!(off <= most, "{meter} in quarter {quarter}: {} instead of {amount}", found[quarter]);
        }
    }
    // Both ends agree on what went.
    let receipt = less.tally().receipts().all().values().next().copied().expect("one agent");
    assert_eq!((receipt.told_thinned, receipt.told_lost, receipt.missing_batches), (thinned, 0, 0));
    let everything: u64 = (0..READS).map(|read| shown(read).len() as u64).sum();
    assert_eq!(receipt.committed + thinned, everything);
}
