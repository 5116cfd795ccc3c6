//! What a report says about periods: years, running ones, those without data.

use crate::indicators::verdict::Reason;
use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::document::{Block, Lang};
use crate::outputs::reports::{NotKnown, Options, Report, ReportError, csv, document, make, text};
use wattledger_model::calendar::{self, Tz};
use wattledger_model::correction::Correction;
use wattledger_model::time::Timestamp;

const REGISTERS: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
targets = ["D130", "D125"]
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "pdu"
facility = "hall-1"
role = "pdu-output"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[facility]]
name = "hall-2"
site = "hall"
"#;

fn options<'h>(hall: &'h Hall, now: &str) -> Options<'h> {
    Options { generated_at: at(now), configuration: &hall.config }
}

/// Registers read at the first instant of each month of 2025: a light summer with much cooling.
fn year_2025() -> Hall {
    registers_from(0)
}

/// The last quarter of [`year_2025`]: quicker to make.
fn autumn() -> Hall {
    registers_from(9)
}

fn registers_from(first: u32) -> Hall {
    let mut hall = Hall::new(REGISTERS);
    let zone: Tz = "Europe/Berlin".parse().expect("a zone");
    let (mut main, mut pdu) = (1_000.0, 200.0);
    let mut readings = Vec::new();
    for month in first..=12 {
        let date =
            chrono::NaiveDate::from_ymd_opt(2025 + (month / 12) as i32, month % 12 + 1, 1).expect("a date");
        let edge = calendar::day_start(zone, date).start();
        readings.push(("main", edge, main, "kWh", None));
        readings.push(("pdu", edge, pdu, "kWh", None));
        let (total, it) = if (5..8).contains(&month) { (80_000.0, 50_000.0) } else { (120_000.0, 100_000.0) };
        main += total;
        pdu += it;
    }
    hall.take(&readings);
    hall
}

fn report(hall: &Hall, period: &str, now: &str) -> Report {
    make(&mut hall.view(), "hall-1", period, options(hall, now)).expect("a report")
}

#[test]
fn a_years_pue_is_a_sum_over_a_sum_and_bears_its_last_day() {
    let hall = year_2025();
    let year = report(&hall, "2025", "2026-01-02T00:00:00Z");
    assert_eq!(year.pue.notation, "PUE2 (2025-12-31)");
    assert_eq!(year.pue.value, Some(1_320_000.0 / 1_050_000.0));
    assert_eq!(year.pue.rounded.as_deref(), Some("1.26"));
    assert_eq!(year.period.hours, 8_760.0);
    assert_eq!((year.pue.coverage, year.pue.interpolated), (1.0, 1.0), "one long step after another");
    assert_eq!(year.facility.measuring_point, Some("pdu-output"));
    assert_eq!(year.energies.facility.interpolated.to_string(), "1320000");
    assert_eq!(year.meters[0].steps[0].count, 12);
    let verdicts: Vec<_> =
        year.verdicts.iter().map(|verdict| (verdict.target.as_str(), verdict.verdict)).collect();
    assert_eq!(verdicts, [("D130", "pass_unguarded"), ("D125", "fail_unguarded")]);

    let months: Vec<_> = year.months.iter().map(|month| month.pue.value.expect("covered")).collect();
    assert_eq!((months.len(), months[0], months[6]), (12, 1.2, 1.6));
    let mean = months.iter().sum::<f64>() / 12.0;
    assert!((mean - 1.3).abs() < 1e-9, "the mean of months is another number: {mean}");
    assert_eq!(year.months[2].hours, 743.0);
    assert_eq!(year.months[9].hours, 745.0);
    assert_eq!(year.months[0].pue.notation, "iPUE2 (2025-01-01:2025-01-31)");
    assert_eq!(year.months.iter().map(|month| month.pue.coverage).sum::<f64>(), 12.0);

    let october = report(&hall, "2025-10", "2026-01-02T00:00:00Z");
    assert_eq!(october.pue.notation, "iPUE2 (2025-10-01:2025-10-31)");
    assert!(october.months.is_empty());
}

#[test]
fn a_running_period_says_that_it_is_cut_and_is_not_judged() {
    let hall = autumn();
    let report = report(&hall, "2025-12-20..2026-01-10", "2026-01-01T00:10:00Z");
    assert!(!report.period.complete);
    let cut = report.period.cut.as_ref().expect("a cut");
    assert_eq!(cut.would_end, at("2026-01-09T23:00:00Z"));
    assert_eq!(report.period.to, at("2025-12-31T23:00:00Z"));
    assert_eq!(report.pue.notation, "iPUE2 (2025-12-20:2025-12-31)");
    for verdict in &report.verdicts {
        assert_eq!(verdict.verdict, "not_assessable");
        assert!(verdict.reasons.contains(&Reason::NotOver), "{:?}", verdict.reasons);
    }
    let printed = text(&report);
    assert!(
        printed.contains("cut: the period is not over: all meters are known up to 2025-12-31T23:00:00Z"),
        "{printed}"
    );
    assert!(
        printed.starts_with("hall-1 (hall-1), 2025-12-20..2026-01-10: D130 cannot be assessed"),
        "{printed}"
    );
    assert_eq!(
        (report.pue.coverage, report.gaps.count),
        (0.0, 1),
        "the long step is cut by the period's edge"
    );
    assert_eq!(report.gaps.longest[0].unknown, NotKnown::Both);
    assert!(
        report.energies.facility.total.to_string().starts_with("46451.6129"),
        "it still gives its energy"
    );
}

#[test]
fn a_year_whose_last_hours_never_came_is_over_nevertheless() {
    let mut hall = Hall::new(REGISTERS);
    let edges = ["2025-01-01T00:00:00+01:00", "2025-12-31T20:00:00+01:00"];
    for (day, edge) in edges.into_iter().enumerate() {
        let value = 1_000.0 + 87_560.0 * day as f64;
        hall.take(&[("main", at(edge), value, "kWh", None), ("pdu", at(edge), value, "kWh", None)]);
    }
    let fresh = report(&hall, "2025", "2026-01-01T12:00:00Z");
    assert!(!fresh.period.complete, "its last readings may be on their way");
    let later = report(&hall, "2025", "2026-01-03T00:00:00Z");
    assert!(later.period.complete);
    assert_eq!(later.pue.notation, "PUE2 (2025-12-31)");
    assert_eq!(later.gaps.minutes, 240);
    assert_eq!(later.pue.coverage, 8_756.0 / 8_760.0);
}

#[test]
fn a_year_with_a_gap_of_two_days_is_judged_once_an_operator_entered_what_passed() {
    const DAY_MS: i64 = 86_400_000;
    let mut hall = Hall::new(&REGISTERS.replace(
        "kind = \"register\"\nunit = \"kWh\"\ngap_limit = \"1h\"",
        "kind = \"power\"\nunit = \"kW\"\nform = \"interval-mean\"\nnominal_interval = \"24h\"",
    ));
    let edge = |day: i64| Timestamp(at("2024-12-31T23:00:00Z").0 + day * DAY_MS);
    let mut readings = Vec::new();
    for day in 0..365 {
        readings.push(("main", edge(day + 1), 15.0, "kW", Some(86_400)));
        if !(100..102).contains(&day) {
            readings.push(("pdu", edge(day + 1), 12.0, "kW", Some(86_400)));
        }
    }
    hall.take(&readings);
    let now = "2026-01-05T00:00:00Z";
    let before = report(&hall, "2025", now);
    assert_eq!((before.gaps.count, before.gaps.minutes), (1, 2_880));
    assert_eq!(before.verdicts[0].verdict, "not_assessable");
    assert!(before.verdicts[0].reasons.contains(&Reason::LongGaps { count: 1 }));

    let entry = |from, to, kwh: i128| Correction::Entry { from, to, amount: kwh * 1_000_000_000 };
    let half = hall.correct("pdu", entry(edge(100), edge(101), 288), "the panel's own log", at(now));
    let then = report(&hall, "2025", now);
    assert_eq!(then.gaps.minutes, 2_880, "what is estimated is not covered");
    assert_eq!(then.verdicts[0].verdict, "pass_unguarded", "a day is left, which needs no entry");
    hall.withdraw(half, at(now));
    let entered = entry(edge(99), edge(101), 288);
    hall.correct("main", entered, "of the other side, which was known", at(now));
    assert_eq!(report(&hall, "2025", now).verdicts[0].verdict, "not_assessable");
}

#[test]
fn what_cannot_be_reported_is_refused_with_the_mend() {
    let hall = autumn();
    let refused = |facility: &str, period: &str| {
        let error = make(&mut hall.view(), facility, period, options(&hall, "2026-01-02T00:00:00Z"));
        error.expect_err("nothing to report").to_string()
    };
    assert_eq!(refused("hal-1", "2025"), "facility `hal-1` is not declared; did you mean `hall-1`?");
    assert_eq!(
        refused("warehouse", "2025"),
        "facility `warehouse` is not declared; there are: hall-1, hall-2"
    );
    assert!(refused("hall-1", "last year").starts_with("`last year` is not a period: write 2025, 2025-Q2"));
    assert!(refused("hall-1", "2027").contains("ask for an earlier period"));
    assert_eq!(
        refused("hall-2", "2025"),
        "nothing has been read yet of facility `hall-2`: there is nothing to report"
    );
    let error = make(&mut hall.view(), "hall-1", "2025-13", options(&hall, "2026-01-02T00:00:00Z"));
    assert!(matches!(error, Err(ReportError::Period(_))));
}

#[test]
fn a_period_before_the_first_reading_has_no_figure_and_no_zero() {
    let hall = autumn();
    let report = report(&hall, "2024-03", "2026-01-02T00:00:00Z");
    assert_eq!((report.pue.value, report.pue.status, report.pue.coverage), (None, "no-data", 0.0));
    assert_eq!(report.gaps.minutes, 743 * 60);
    assert!(report.verdicts[0].reasons.contains(&Reason::NothingCovered));
    let rows = csv(&report);
    assert!(rows.contains(",no-data,0.0000,0.0000,0.0000,,,,,,D130=not_assessable"), "{rows}");
    assert!(!rows.contains(",0,"), "{rows}");
    let year = self::report(&hall, "2025", "2026-01-02T00:00:00Z");
    let laid_out = document(&year, Lang::En);
    let tables =
        laid_out.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
            Block::Table(table) if table.name == "monthly" => Some(table),
            _ => None,
        });
    let months = tables.flat_map(|table| &table.rows).collect::<Vec<_>>();
    assert_eq!([months[0][2].shown(), months[0][3].shown()], ["", ""], "January is not known to be zero");
    assert_eq!(months[11][2].shown(), "120\u{202f}000.000");
}

#[test]
fn without_it_energy_there_is_no_pue_and_the_report_says_why() {
    let mut hall = Hall::new(&REGISTERS.replace("pdu-output", "cooling"));
    let reading = |value, text| ("main", at(text), value, "kWh", None);
    hall.take(&[reading(1.0, "2025-02-01T00:00:00Z"), reading(2.0, "2025-02-01T00:10:00Z")]);
    let report = report(&hall, "2025-02-01", "2026-01-02T00:00:00Z");
    assert_eq!((report.pue.value, report.facility.category), (None, None));
    assert_eq!(report.verdicts[0].verdict, "not_assessable");
    assert!(text(&report).contains("no PUE: no IT energy meter"), "{}", text(&report));
    // The ten minutes of the facility's energy are not covered on both sides.
    assert_eq!((report.pue.status, report.pue.coverage), ("no-data", 0.0));
    assert_eq!(report.energies.common_hours, 0.0);
    assert_eq!(report.energies.facility.common.to_string(), "0");
    assert_eq!(report.energies.facility.total.to_string(), "1");
    assert_eq!((report.gaps.count, report.gaps.longest[0].unknown), (1, NotKnown::Both));
    assert!(!report.verdicts[0].reasons.contains(&Reason::NoItEnergy), "it is not zero, it is not measured");
}

#[test]
fn gaps_are_counted_all_and_listed_longest_first() {
    let mut hall = Hall::new(&REGISTERS.replace(
        "kind = \"register\"\nunit = \"kWh\"\ngap_limit = \"1h\"",
        "kind = \"power\"\nunit = \"kW\"\nform = \"interval-mean\"\nnominal_interval = \"1h\"",
    ));
    let from = at("2025-01-31T23:00:00Z").0;
    let mut readings = Vec::new();
    for hour in 0..28 * 24_i64 {
        let end = Timestamp(from + (hour + 1) * 3_600_000);
        readings.push(("main", end, 15.6, "kW", Some(3_600)));
        if hour % 10 != 0 && !(301..=302).contains(&hour) {
            readings.push(("pdu", end, 12.0, "kW", Some(3_600)));
        }
    }
    hall.take(&readings);
    let report = report(&hall, "2025-02", "2026-01-02T00:00:00Z");
    assert_eq!((report.gaps.count, report.gaps.minutes), (68, 70 * 60));
    assert_eq!(report.gaps.longest.len(), 50);
    let first = &report.gaps.longest[0];
    assert_eq!((first.minutes, first.unknown), (180, NotKnown::ItEnergy));
    assert_eq!(first.from, Timestamp(from + 300 * 3_600_000));
    assert!(report.gaps.longest[1..].iter().all(|gap| gap.minutes == 60));
    assert_eq!(report.pue.value, Some(1.3));
    assert_eq!(report.pue.status, "provisional");
}

#[test]
fn the_digest_is_of_the_period_and_of_nothing_else() {
    let mut hall = autumn();
    let digest = |hall: &Hall, period| report(hall, period, "2026-03-02T00:00:00Z").versions.ledger_digest;
    let before = (digest(&hall, "2025-10"), digest(&hall, "2025-12"));
    assert_ne!(before.0, before.1);
    hall.take(&[("main", at("2025-12-15T00:00:00Z"), 300_000.0, "kWh", None)]);
    let after = (digest(&hall, "2025-10"), digest(&hall, "2025-12"));
    assert_eq!(before.0, after.0);
    assert_ne!(before.1, after.1, "late data shows in the digest");
}
