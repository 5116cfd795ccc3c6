//! Cumulative registers with gaps and with a reset: a register loses no energy in a gap.

use crate::path::{Ledger, Order, agent, at, minute, play, recorded, reordered, replay};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::name::Name;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Minute};

const HOUR_MS: i64 = 3_600_000;
/// Steps longer than three hourly intervals are long (domain.md 5.4).
const LONG_MS: i64 = 3 * HOUR_MS;
/// Microwatt-hours in a watt-hour, the last digit of these registers.
const WH: i64 = 1_000_000;
/// Before the household's first reading and after its last.
const YEARS: (&str, &str) = ("2015-01-01T00:00:00Z", "2018-01-01T00:00:00Z");
const OPSD: &str = "registers/opsd_residential4_appliances_60min.csv";
const APPLIANCES: [(&str, &str, i64); 3] = [
    ("dishwasher", "DE_KN_residential4_dishwasher", 118_827),
    ("freezer", "DE_KN_residential4_freezer", 210_258),
    ("refrigerator", "DE_KN_residential4_refrigerator", 191_951),
];

fn years() -> Interval {
    Interval::new(minute(YEARS.0), minute(YEARS.1))
}

fn household(readings: &[(Name, Reading)]) -> Ledger {
    let meter = |(name, _, _): &(&str, &str, i64)| {
        format!(
            "[[meter]]\nname = \"{name}\"\nkind = \"register\"\nunit = \"kWh\"\nresolution = \"0.001\"\nnominal_interval = \"1h\"\n\n"
        )
    };
    Ledger::of(&APPLIANCES.iter().map(meter).collect::<String>(), readings)
}

async fn household_readings(file: &Path) -> Vec<(Name, Reading)> {
    let columns = APPLIANCES.map(|(meter, column, _)| (column, meter, "kWh"));
    let said = play(&agent(&replay(file, "time_column = \"utc_timestamp\"", &columns, ""))).await;
    assert_eq!(said.refused, [], "an empty cell is no reading, not a bad one");
    said.readings
}

/// `(instant in ms, register in Wh)` of one appliance, read from the file without the product.
fn column(text: &str, name: &str) -> Vec<(i64, i64)> {
    let heading: Vec<&str> = text.lines().next().expect("a heading").split(',').collect();
    let position = heading.iter().position(|column| *column == name).expect("the column is there");
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    rows.filter(|row| !row[position].is_empty())
        .map(|row| {
            let kwh: f64 = row[position].parse().expect("a number");
            (at(row[0]).0, (kwh * 1_000.0).round() as i64)
        })
        .collect()
}

#[tokio::test]
async fn a_register_gives_last_minus_first_whatever_the_gaps() {
    let file = recorded(OPSD);
    let text = fs::read_to_string(&file).expect("the recording can be read");
    let ledger = household(&household_readings(&file).await);
    for (meter, name, expected) in APPLIANCES {
        let column = column(&text, name);
        let (mut measured, mut interpolated) = ((0, 0), (0, 0));
        for pair in column.windows(2) {
            let (wh, ms) = (pair[1].1 - pair[0].1, pair[1].0 - pair[0].0);
            let part = if ms > LONG_MS { &mut interpolated } else { &mut measured };
            *part = (part.0 + wh * WH, part.1 + ms);
        }
        assert_eq!(measured.0 + interpolated.0, expected * WH, "{meter}: the file says so too");
        assert_eq!(ledger.sums(meter, years()), [measured, interpolated, (0, 0)], "{meter}");
        // Every minute from the first reading to the last is known.
        let (first, last) = (column[0].0 / 60_000, column[column.len() - 1].0 / 60_000);
        let all = ledger.account(&[meter], &[], Interval::new(Minute(first), Minute(last)));
        assert_eq!((all.minutes, all.numerator), (last - first, i128::from(expected * WH)), "{meter}");
    }
}

#[tokio::test]
async fn the_freezers_69_missing_hours_keep_their_energy_and_are_interpolated() {
    let file = recorded(OPSD);
    let text = fs::read_to_string(&file).expect("the recording can be read");
    let freezer = column(&text, APPLIANCES[1].1);
    let gaps: Vec<_> = freezer.windows(2).filter(|pair| pair[1].0 - pair[0].0 > HOUR_MS).collect();
    assert_eq!(gaps.len(), 42);
    let longest = gaps.into_iter().max_by_key(|pair| pair[1].0 - pair[0].0).expect("there are gaps");
    let (from, to) = (longest[0].0 / 60_000, longest[1].0 / 60_000);
    assert_eq!((to - from) / 60, 70, "69 readings are missing between two");

    let ledger = household(&household_readings(&file).await);
    let gap = Interval::new(Minute(from), Minute(to));
    let minutes = ledger.minutes("freezer", gap);
    assert_eq!(minutes.len() as i64, gap.minutes());
    for (at, booked) in &minutes {
        assert_eq!(booked.part(Provenance::Interpolated).ms, 60_000, "minute {at}");
        assert!(booked.part(Provenance::Measured).ms == 0 && booked.part(Provenance::Estimated).ms == 0);
    }
    assert_eq!(ledger.sums("freezer", gap), [(0, 0), (959 * WH, 70 * HOUR_MS), (0, 0)]);
    let step = ledger.steps("freezer", gap);
    assert_eq!((step.len(), step[0].class, step[0].amount), (1, StepClass::Normal, Some(959_000_000)));

    // The total is measured, so a period with the whole step in it is covered; one whose edge cuts the step
    // is not, although the energy up to the edge is booked (domain.md 5.4).
    let whole = ledger.account(&["freezer"], &[], Interval::new(Minute(from - 60), Minute(to + 60)));
    assert_eq!(whole.minutes, gap.minutes() + 120);
    let cut = ledger.account(&["freezer"], &[], Interval::new(Minute(from - 60), Minute(to - 60)));
    assert_eq!(cut.minutes, 60);
    assert!(cut.all_numerator[1] > 900_000_000, "{:?}", cut.all_numerator);
}

#[tokio::test]
async fn any_order_of_the_rows_gives_the_same_ledger() {
    let file = recorded(OPSD);
    let digest = household(&household_readings(&file).await).digest;
    let folder = tempfile::tempdir().expect("a directory");
    for order in [Order::Reversed, Order::Shuffled(7)] {
        let other = reordered(folder.path(), &file, order);
        assert_eq!(household(&household_readings(&other).await).digest, digest, "{order:?}");
    }
}

#[tokio::test]
async fn what_the_publisher_filled_is_named_in_the_file_and_carries_no_energy_of_its_own() {
    let text = fs::read_to_string(recorded(OPSD)).expect("the recording can be read");
    let heading: Vec<&str> = text.lines().next().expect("a heading").split(',').collect();
    let mut filled: BTreeMap<&str, usize> = BTreeMap::new();
    let mut without = vec![heading.join(",")];
    for line in text.lines().skip(1) {
        let mut row: Vec<&str> = line.split(',').collect();
        let named: BTreeSet<&str> = row[heading.len() - 1].split(" | ").collect();
        for (position, column) in heading.iter().enumerate() {
            if named.contains(column) {
                assert!(!row[position].is_empty(), "a filled value is a value: {line}");
                row[position] = "";
                *filled.entry(column).or_default() += 1;
            }
        }
        without.push(row.join(","));
    }
    let counts = APPLIANCES.map(|(_, column, _)| filled[column]);
    assert_eq!(counts, [670, 174, 164]);
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("measured-only.csv");
    fs::write(&path, without.join("\n")).expect("the copy can be written");
    let ledger = household(&household_readings(&path).await);
    for (meter, _, expected) in APPLIANCES {
        let [measured, interpolated, estimated] = ledger.sums(meter, years());
        assert_eq!(measured.0 + interpolated.0, expected * WH, "{meter}");
        assert_eq!(estimated, (0, 0), "{meter}");
    }
}

#[tokio::test]
async fn a_register_that_its_owner_reset_gives_nothing_and_one_reset() {
    let columns = [("energy_wh", "pzem", "Wh"), ("power_w", "pzem-power", "W")];
    let time = "time_column = \"datetime\"\ntime_format = \"%Y-%m-%d %H:%M:%S\"";
    let mut readings = Vec::new();
    for file in ["registers/pzem_usb1_2025-08-04.csv", "pzem_usb1_2025-08-05_reset.csv"] {
        let said = play(&agent(&replay(&recorded(file), time, &columns, ""))).await;
        assert_eq!(said.refused, []);
        readings.extend(said.readings);
    }
    let days = Interval::new(minute("2025-08-04T00:00:00Z"), minute("2025-08-06T00:00:00Z"));
    // Without a rating and with one: a fall to exactly 0 is never jitter, and never a rollover here.
    for rating in ["", "rated_power = \"2.3 kW\"\n"] {
        let meters = format!(
            "[[meter]]\nname = \"pzem\"\nkind = \"register\"\nunit = \"Wh\"\nresolution = \"1\"\nnominal_interval = \"7s\"\n{rating}\n\
             [[meter]]\nname = \"pzem-power\"\nkind = \"power\"\nunit = \"W\"\nnominal_interval = \"7s\"\n"
        );
        let ledger = Ledger::of(&meters, &readings);
        let amounts = ledger.sums("pzem", days).map(|(amount, _)| amount);
        assert_eq!(amounts, [0, 0, 0], "{rating}");
        let steps = ledger.steps("pzem", days);
        let resets: Vec<_> = steps.iter().filter(|step| step.class == StepClass::Reset).collect();
        assert_eq!(resets.len(), 1, "{steps:?}");
        assert_eq!((resets[0].from, resets[0].to), (at("2025-08-05T18:02:50Z"), at("2025-08-05T20:33:49Z")));
        assert!(steps.iter().all(|step| step.class == StepClass::Reset || step.is_long()), "{steps:?}");
        let [power, ..] = ledger.sums("pzem-power", days);
        assert!(power.0 == 0 && power.1 > 0, "the power beside it says the same: {power:?}");
    }
}
