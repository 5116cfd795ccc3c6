//! Days and months in which clocks change, and a zone whose offset is not of whole hours: vectors D01 to D05.

use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::{Options, Report, make};
use wattledger_model::time::Timestamp;

const METERS: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
nominal_interval = "15m"
[[meter]]
name = "ups"
facility = "hall-1"
role = "ups-output"
kind = "register"
unit = "kWh"
nominal_interval = "15m"
"#;

/// 100 kW of the facility and 80 kW of IT from one instant to another, read every quarter of an hour.
fn steady(zone: &str, from: &str, to: &str) -> Hall {
    let mut hall = Hall::in_zone(zone, METERS);
    let (from, to) = (at(from).0, at(to).0);
    let mut readings = Vec::new();
    for quarter in 0..=(to - from) / 900_000 {
        let instant = Timestamp(from + quarter * 900_000);
        readings.push(("main", instant, 1_000.0 + 25.0 * quarter as f64, "kWh", None));
        readings.push(("ups", instant, 1_000.0 + 20.0 * quarter as f64, "kWh", None));
    }
    hall.take(&readings);
    hall
}

fn report(hall: &Hall, period: &str) -> Report {
    let options = Options { generated_at: at("2027-01-10T00:00:00Z"), configuration: &hall.config };
    make(&mut hall.view(), "hall-1", period, options).expect("a report")
}

/// Start and end in UTC, hours, and facility and IT energy of a report that covers all of them.
fn said(report: &Report) -> (String, String, f64, String, String) {
    assert_eq!((report.pue.value, report.pue.coverage), (Some(1.25), 1.0), "{}", report.period.text);
    assert_eq!((report.gaps.count, report.energies.common_hours), (0, report.period.hours));
    let (facility, it) = (report.energies.facility.common, report.energies.it.common);
    let period = &report.period;
    (period.from.to_string(), period.to.to_string(), period.hours, facility.to_string(), it.to_string())
}

fn expected(from: &str, to: &str, hours: f64) -> (String, String, f64, String, String) {
    (from.to_owned(), to.to_owned(), hours, (hours * 100.0).to_string(), (hours * 80.0).to_string())
}

#[test]
fn a_report_over_a_march_or_october_has_every_hour_once() {
    let spring = steady("Europe/Berlin", "2026-02-28T22:00:00Z", "2026-04-01T00:00:00Z");
    let autumn = steady("Europe/Berlin", "2026-09-30T21:00:00Z", "2026-11-01T00:00:00Z");
    let d01 = report(&spring, "2026-03-29");
    assert_eq!(said(&d01), expected("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 23.0));
    assert_eq!(
        (d01.period.from_local.as_str(), d01.period.to_local.as_str()),
        ("2026-03-29 00:00", "2026-03-30 00:00")
    );
    assert_eq!(
        said(&report(&autumn, "2026-10-25")),
        expected("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 25.0)
    );
    let march = report(&spring, "2026-03");
    assert_eq!(said(&march), expected("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", 743.0));
    let october = report(&autumn, "2026-10");
    assert_eq!(said(&october), expected("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", 745.0));
    assert_eq!(october.pue.notation, "iPUE1 (2026-10-01:2026-10-31)");
    for (report, hours) in [(march, 743), (october, 745)] {
        let told = report.hours.expect("longer than a week");
        assert_eq!(told.from, report.period.from, "a local midnight is a full hour here");
        assert_eq!((told.pue.len(), told.it_kw.len()), (hours, hours));
        assert!(told.pue.iter().all(|pue| *pue == Some(1.25)));
        assert!(told.it_kw.iter().all(|load| *load == Some(80.0)));
    }
}

#[test]
fn a_midnight_that_is_gone_begins_the_date_an_hour_later() {
    let hall = steady("America/Santiago", "2024-09-08T03:00:00Z", "2024-09-09T04:00:00Z");
    assert_eq!(
        said(&report(&hall, "2024-09-08")),
        expected("2024-09-08T04:00:00Z", "2024-09-09T03:00:00Z", 23.0)
    );
}

#[test]
fn days_and_months_at_a_quarter_to_are_whole() {
    let hall = steady("Asia/Kathmandu", "2026-05-31T17:00:00Z", "2026-07-01T00:00:00Z");
    let d04 = report(&hall, "2026-06-01");
    assert_eq!(said(&d04), expected("2026-05-31T18:15:00Z", "2026-06-01T18:15:00Z", 24.0));
    let june = report(&hall, "2026-06");
    assert_eq!(said(&june), expected("2026-05-31T18:15:00Z", "2026-06-30T18:15:00Z", 720.0));
    assert_eq!(june.period.from_local, "2026-06-01 00:00");
    let told = june.hours.expect("longer than a week");
    assert_eq!(told.from, at("2026-05-31T18:00:00Z"), "the hour in which the local month begins");
    assert_eq!(told.pue.len(), 721, "three quarters of the first hour and one of the last");
    assert!(told.pue.iter().all(|pue| *pue == Some(1.25)));
    assert!(told.it_kw.iter().all(|load| *load == Some(80.0)), "the load of a part is that of its minutes");
}

#[test]
fn months_of_a_year_with_its_clock_changes_add_up_to_it() {
    let hall = steady("Asia/Shanghai", "2026-09-30T15:00:00Z", "2026-11-01T00:00:00Z");
    assert_eq!(
        said(&report(&hall, "2026-10")),
        expected("2026-09-30T16:00:00Z", "2026-10-31T16:00:00Z", 744.0)
    );
    let berlin = steady("Europe/Berlin", "2026-02-28T22:00:00Z", "2026-05-01T00:00:00Z");
    let both = report(&berlin, "2026-03-01..2026-05-01");
    let months: Vec<_> = both.months.iter().map(|month| (month.month.as_str(), month.hours)).collect();
    assert_eq!(months, [("2026-03", 743.0), ("2026-04", 720.0)]);
    assert_eq!(both.period.hours, 1_463.0);
    assert_eq!(both.energies.facility.common.to_string(), "146300");
}
