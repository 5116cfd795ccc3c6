//! The yearly report of a recorded data centre: ESIF in 2017, whose months were not covered throughout.

use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::{Options, Report, json, make, text};
use chrono::NaiveDate;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::time::{HOUR_MINUTES, MINUTE_MS, Minute};

const METERS: &str = r#"
[[facility]]
name = "esif"
site = "hall"
targets = ["D130"]
[[meter]]
name = "main"
facility = "esif"
role = "utility"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1h"
[[meter]]
name = "it"
facility = "esif"
role = "it-input"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1h"
"#;

const HOUR_MS: i64 = HOUR_MINUTES * MINUTE_MS;

/// One month of the recording.
struct Month {
    name: String,
    hours: i64,
    valid: i64,
    pue: f64,
}

/// The year as hourly means: in each month as many hours as were covered, the others spread evenly over it.
fn recorded() -> (Hall, Vec<Month>) {
    let text = include_str!("../../../../../tests/recorded/pue-esif/esif_monthly_2017.csv");
    let zone: Tz = "America/Denver".parse().expect("a zone");
    let mut hall = Hall::in_zone("America/Denver", METERS);
    let mut months = Vec::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |at: usize| fields[at].parse::<f64>().expect("a number");
        let first: NaiveDate = format!("{}-01", fields[0]).parse().expect("a month");
        let month = calendar::month(zone, first);
        let (hours, valid) = (month.minutes() / HOUR_MINUTES, number(3) as i64);
        let [it, facility] = [number(1), number(2)].map(|mwh| mwh * 1_000.0 / valid as f64);
        let mut readings = Vec::new();
        for hour in 0..hours {
            // As many of the first n hours are covered as the share of the month says.
            if (hour + 1) * valid / hours > hour * valid / hours {
                let end = Minute(month.from.0 + (hour + 1) * HOUR_MINUTES).start();
                readings.push(("main", end, facility, "kW", Some(3_600)));
                readings.push(("it", end, it, "kW", Some(3_600)));
            }
        }
        assert_eq!(readings.len() as i64, 2 * valid, "{}", fields[0]);
        hall.take(&readings);
        months.push(Month { name: fields[0].to_owned(), hours, valid, pue: number(4) });
    }
    (hall, months)
}

/// The report of the year.
pub(super) fn report() -> Report {
    year().0
}

fn year() -> (Report, Vec<Month>) {
    let (hall, months) = recorded();
    let options = Options { generated_at: at("2018-01-05T00:00:00Z"), configuration: &hall.config };
    (make(&mut hall.view(), "esif", "2017", options).expect("a report"), months)
}

#[test]
fn the_recorded_year_states_its_pue_its_coverage_and_why_there_is_no_verdict() {
    let (year, months) = year();
    assert_eq!(year.pue.notation, "PUE3 (2017-12-31)");
    let value = year.pue.value.expect("most of it is covered");
    assert_eq!((format!("{value:.3}"), format!("{value:.4}")), ("1.036".to_owned(), "1.0357".to_owned()));
    assert!((value - 1.035_703_291_969_954_3).abs() < 1e-9, "{value}");
    let mean = months.iter().map(|month| month.pue).sum::<f64>() / 12.0;
    assert!((value - mean).abs() > 1e-4, "it is not the mean of its months");
    assert_eq!(year.pue.coverage, 7_550.0 / 8_760.0);
    assert_eq!((year.pue.status, year.gaps.minutes), ("provisional", 1_210 * 60));

    let [verdict] = &year.verdicts[..] else { panic!("one target: {:?}", year.verdicts) };
    assert_eq!(verdict.verdict, "not_assessable");
    assert!(
        verdict.reasons.iter().any(|reason| reason.to_string().contains("86.19")),
        "{:?}",
        verdict.reasons
    );
    let printed = text(&year);
    for said in ["86.19 %", "provisional", "D130 cannot be assessed", "unrounded 1.0357"] {
        assert!(printed.contains(said), "no {said} in {printed}");
    }
    assert!(json(&year).contains("\"value\": 1.0357"));
}

#[test]
fn months_that_were_not_covered_are_provisional_and_the_others_are_not() {
    let (year, months) = year();
    assert_eq!(year.months.len(), 12);
    let mut provisional = 0;
    for (row, month) in year.months.iter().zip(&months) {
        let name = &month.name;
        assert_eq!((&row.month, row.hours), (name, month.hours as f64));
        assert!((row.pue.value.expect("covered") - month.pue).abs() < 1e-9, "{name}");
        assert_eq!(row.pue.coverage, month.valid as f64 / month.hours as f64, "{name}");
        let covered = row.pue.coverage >= 0.99;
        assert_eq!(row.pue.status, if covered { "ok" } else { "provisional" }, "{name}");
        provisional += i32::from(!covered);
    }
    assert_eq!(provisional, 6);
}

#[test]
fn hours_that_are_not_covered_are_null_in_the_years_hours() {
    let (year, months) = year();
    let hours = year.hours.expect("a year has its hours");
    assert_eq!((hours.pue.len(), hours.from), (8_760, year.period.from));
    let covered = hours.pue.iter().filter(|pue| pue.is_some()).count() as i64;
    assert_eq!(covered, months.iter().map(|month| month.valid).sum::<i64>());
    assert_eq!(hours.it_kw.iter().filter(|load| load.is_some()).count() as i64, covered);
    let last = hours.iter().last().map(|(at, ..)| at.start().0 + HOUR_MS);
    assert_eq!(last, Some(year.period.to.0));
}
