//! A data centre's own figures: minute rows, hourly means, and monthly means of its components.

use crate::path::{Ledger, agent, at, minute, play, recorded, replay};
use chrono::TimeZone;
use chrono_tz::America::Denver;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use wattledger_model::time::{Interval, Minute, Timestamp};

/// Facility energy is what these five come to; IT is one of them.
const COLUMNS: [(&str, &str, &str); 5] = [
    ("it_power_kw", "it", "kW"),
    ("cooling_kw", "cooling", "kW"),
    ("hvac_kw", "hvac", "kW"),
    ("pump_kw", "pump", "kW"),
    ("plug_and_light_kw", "plug-and-light", "kW"),
];
const OVERHEADS: [(&str, &str, &str); 5] = [
    ("cooling_kw", "cooling", "kW"),
    ("hvac_kw", "hvac", "kW"),
    ("pump_kw", "pump", "kW"),
    ("plug_and_light_kw", "plug-and-light", "kW"),
    ("filter_pump_kw", "filter-pump", "kW"),
];

fn meters(columns: &[(&str, &str, &str)], form: &str) -> String {
    let meter = |(_, name, unit): &(&str, &str, &str)| {
        format!("[[meter]]\nname = \"{name}\"\nkind = \"power\"\nunit = \"{unit}\"\n{form}\n\n")
    };
    columns.iter().map(meter).collect()
}

fn names(columns: &[(&'static str, &'static str, &'static str)]) -> Vec<&'static str> {
    columns.iter().map(|(_, name, _)| *name).collect()
}

/// The rows of a recorded table, each by the name of its columns.
fn table(name: &str) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(recorded(name)).expect("the recording can be read");
    let heading: Vec<&str> = text.lines().next().expect("a heading").split(',').collect();
    let rows = text.lines().skip(1);
    rows.map(|line| {
        heading.iter().copied().map(str::to_owned).zip(line.split(',').map(str::to_owned)).collect()
    })
    .collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

const MINUTES: &str = "pue-esif/esif_minute_excerpt.csv";

/// Each row taken for the second before it, so that each minute holds the energies of one row.
async fn row_by_row() -> Ledger {
    let source = replay(&recorded(MINUTES), "time_column = \"ts_utc\"", &COLUMNS, "interval = \"1s\"");
    let said = play(&agent(&source)).await;
    assert_eq!((said.readings.len(), said.refused.len()), (25, 0), "five rows of ten have power");
    Ledger::of(&meters(&COLUMNS, "form = \"interval-mean\"\nnominal_interval = \"1s\""), &said.readings)
}

#[tokio::test]
async fn the_owners_minute_values_come_out_of_the_components_energies() {
    let ledger = row_by_row().await;
    for row in table(MINUTES).iter().filter(|row| !row["it_power_kw"].is_empty()) {
        let before = Timestamp(at(&row["ts_utc"]).0 - 1).minute();
        let span = Interval::new(before, Minute(before.0 + 1));
        let energy = |meter: &str| ledger.sums(meter, span)[0].0;
        let facility: i64 = names(&COLUMNS).into_iter().map(energy).sum();
        let pue = facility as f64 / energy("it") as f64;
        assert_eq!(format!("{pue:.3}"), row["pue_reported"], "{row:?}");
    }
}

#[tokio::test]
async fn a_row_without_power_is_missing_not_zero() {
    let ledger = row_by_row().await;
    let empty: Vec<_> = table(MINUTES).into_iter().filter(|row| row["it_power_kw"].is_empty()).collect();
    assert!(empty.len() == 5 && empty.iter().all(|row| !row["pue_reported"].is_empty()));
    let day = Interval::new(minute("2015-11-10T00:00:00Z"), minute("2015-11-11T00:00:00Z"));
    for meter in names(&COLUMNS) {
        assert!(ledger.minutes(meter, day).is_empty(), "{meter}");
    }
    let account = ledger.account(&names(&COLUMNS), &["it"], day);
    assert_eq!((account.minutes, account.numerator, account.denominator), (0, 0, 0));
}

#[tokio::test]
async fn power_read_every_minute_gives_the_same_pue_over_the_time_it_covers() {
    let source = replay(&recorded(MINUTES), "time_column = \"ts_utc\"", &COLUMNS, "");
    let said = play(&agent(&source)).await;
    let ledger = Ledger::of(&meters(&COLUMNS, "nominal_interval = \"60s\""), &said.readings);
    let hour = Interval::new(minute("2016-06-12T06:00:00Z"), minute("2016-06-12T07:00:00Z"));
    let account = ledger.account(&names(&COLUMNS), &["it"], hour);
    // From 18 s past to 17 s past four minutes later: three whole minutes.
    assert_eq!(account.minutes, 3);
    let pue = account.numerator as f64 / account.denominator as f64;
    assert_eq!(format!("{pue:.3}"), "1.025", "{pue}");
}

#[tokio::test]
async fn hourly_energies_give_the_mean_of_the_owners_minute_values() {
    const HOURS: &str = "pue-esif/esif_hourly_excerpt.csv";
    let source = replay(&recorded(HOURS), "time_column = \"ts_utc\"", &COLUMNS, "interval = \"1h\"");
    let said = play(&agent(&source)).await;
    assert_eq!((said.readings.len(), said.refused.len()), (25, 0));
    let form = "form = \"interval-mean\"\nnominal_interval = \"1h\"";
    let ledger = Ledger::of(&meters(&COLUMNS, form), &said.readings);
    for row in table(HOURS) {
        let end = at(&row["ts_utc"]).minute();
        let account = ledger.account(&names(&COLUMNS), &["it"], Interval::new(Minute(end.0 - 60), end));
        assert_eq!(account.minutes, 60);
        let pue = account.numerator as f64 / account.denominator as f64;
        let owner = number(&row, "pue_reported_mean");
        assert!((pue - owner).abs() < 1e-4, "{pue}, the owner says {owner}");
    }
}

#[tokio::test]
async fn a_months_components_times_its_hours_are_the_facility_less_it() {
    let months: BTreeMap<String, BTreeMap<String, String>> =
        table("pue-esif/esif_monthly_2017.csv").into_iter().map(|row| (row["month"].clone(), row)).collect();
    let components = table("pue-esif/esif_components_monthly_mean_kw_2017.csv");
    assert_eq!(components.len(), 4);
    let folder = tempfile::tempdir().expect("a directory");
    let start_of = |year: i32, month: u32| {
        Denver.with_ymd_and_hms(year, month, 1, 0, 0, 0).single().expect("clocks change at 2").timestamp()
    };
    for row in components {
        let month = &months[&row["month"]];
        let number_of_month: u32 = row["month"][5..].parse().expect("a month");
        let (from, to) = (start_of(2017, number_of_month), start_of(2017, number_of_month + 1));
        let hours = (to - from) / 3_600;
        assert_eq!(
            hours,
            month["valid_hours"].parse::<i64>().expect("hours"),
            "these months are covered whole"
        );
        let mut text = format!("time,{}\n", OVERHEADS.map(|(column, ..)| column).join(","));
        let values = OVERHEADS.map(|(column, ..)| row[column].as_str()).join(",");
        for hour in 1..=hours {
            let end = Timestamp((from + hour * 3_600) * 1_000);
            writeln!(text, "{end},{values}").expect("memory takes it");
        }
        let path = folder.path().join(format!("{}.csv", row["month"]));
        fs::write(&path, text).expect("a file can be written");
        let said =
            play(&agent(&replay(&path, "time_column = \"time\"", &OVERHEADS, "interval = \"1h\""))).await;
        let form = "form = \"interval-mean\"\nnominal_interval = \"1h\"";
        let ledger = Ledger::of(&meters(&OVERHEADS, form), &said.readings);
        let span = Interval::new(Timestamp(from * 1_000).minute(), Timestamp(to * 1_000).minute());
        let account = ledger.account(&names(&OVERHEADS), &[], span);
        assert_eq!(account.minutes, hours * 60);
        let overhead = account.numerator as f64;
        let difference = (number(month, "facility_mwh") - number(month, "it_mwh")) * 1e12;
        // Each meter's minute is rounded once, to a microwatt-hour.
        let rounding = 0.5 * (account.minutes * OVERHEADS.len() as i64) as f64;
        assert!((overhead - difference).abs() <= rounding, "{overhead} uWh, published {difference}");
    }
}
