//! Targets held against two facilities of a month: one of 100 kW at a PUE of 1.4, one of 300 kW at 1.2.

use super::outlook::temperatures;
use super::{Listing, Row, State, TargetsError, of_facility, of_group, outlook};
use crate::outputs::hall::{Hall, at};
use chrono::NaiveDate;
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::time::Timestamp;

const HOUR_MS: i64 = 3_600_000;

fn tables(of_both: &str) -> String {
    let facility = |name: &str| {
        let meter = |role: &str| {
            format!(
                "[[meter]]\nname = \"{name}-{role}\"\nfacility = \"{name}\"\nrole = \"{role}\"\nkind = \"power\"\n\
                 unit = \"kW\"\nform = \"interval-mean\"\nnominal_interval = \"1h\"\n"
            )
        };
        format!(
            "[[facility]]\nname = \"{name}\"\nsite = \"hall\"\n{of_both}\n{}{}",
            meter("utility"),
            meter("ups-output")
        )
    };
    [facility("small"), facility("great")].concat()
}

/// October 2026, hour by hour.
fn october(of_both: &str) -> Hall {
    october_by(&tables(of_both))
}

fn october_by(tables: &str) -> Hall {
    let mut hall = Hall::new(tables);
    let from = at("2026-09-30T22:00:00Z").0;
    let powers = [
        ("small-utility", 140.0),
        ("small-ups-output", 100.0),
        ("great-utility", 360.0),
        ("great-ups-output", 300.0),
    ];
    let readings: Vec<_> = (1..=745)
        .flat_map(|hour| {
            powers.map(|(meter, kw)| (meter, Timestamp(from + hour * HOUR_MS), kw, "kW", Some(3_600)))
        })
        .collect();
    hall.take(&readings);
    hall
}

const CHINESE: &str = "country = \"CN\"\nstage = \"new\"\nstandard_racks = 4000\nhub_node = true\ndesign_pue = \"1.25\"\n\
                       racks = 1000\nracks_in_use = 500";

fn now() -> Timestamp {
    at("2026-11-02T08:00:00Z")
}

fn facility(hall: &Hall, name: &str, period: Option<&str>) -> Listing {
    of_facility(&mut hall.view(), &hall.config, name, period, now()).expect("a listing")
}

fn row<'l>(listing: &'l Listing, id: &str) -> &'l Row {
    listing.rows.iter().find(|row| row.id == id).expect(id)
}

/// But for the first and the last interval, of which the minutes' edges are rounded.
fn is_near(value: Option<f64>, expected: f64) {
    let value = value.expect("a value");
    assert!((value - expected).abs() < 1e-6, "{value}");
}

#[test]
fn each_target_that_applies_has_a_verdict_and_the_others_a_reason() {
    let hall = october(CHINESE);
    let listing = facility(&hall, "small", Some("2026-10"));
    let shown = |id: &str| {
        let row = row(&listing, id);
        (row.applies, row.verdict.unwrap_or("-"), row.in_use)
    };
    assert_eq!(shown("D130"), ("yes", "fail_unguarded", true));
    assert_eq!(shown("T22"), ("yes", "fail_unguarded", true));
    assert_eq!(
        shown("T19"),
        ("yes", "fail_unguarded", false),
        "it has passed, so nobody is held against it unasked"
    );
    assert_eq!(shown("T10"), ("yes", "pass_unguarded", false), "a design PUE of 1.25");
    assert_eq!(shown("T20"), ("yes", "-", false), "never a verdict on one facility");
    assert_eq!(shown("T23"), ("yes", "not_triggered", false));
    assert_eq!(shown("T27"), ("yes", "triggered", false));
    assert_eq!(shown("T28"), ("yes", "not_assessable", false));
    assert_eq!(shown("T12"), ("yes", "fail_unguarded", false));
    assert_eq!(shown("T15"), ("unknown", "-", false));
    assert_eq!(shown("EU-1"), ("no", "-", false));
    assert!(
        row(&listing, "T19").horizon_passed
            && row(&listing, "T19").reasons.contains(&"horizon passed".to_owned())
    );
    is_near(row(&listing, "D130").value, 1.4);
    assert_eq!(row(&listing, "T28").reasons, ["`green_grade` of the facility is not declared"]);
    let text = listing.to_string();
    assert!(text.contains("D130   pue <= 1.3                      fail_unguarded\n"), "{text}");
    assert!(
        text.contains("  T15    climate (new data centre, large and above, in a severe-cold or cold region)"),
        "{text}"
    );
    assert!(text.contains("  EU-1   it is in CN\n"), "{text}");
}

#[test]
fn a_gauge_tells_the_weather_only_while_it_hangs_outside() {
    let mut hall = Hall::new(&format!(
        "{}[[meter]]\nname = \"outside\"\nkind = \"gauge\"\nunit = \"Cel\"\nform = \"interval-mean\"\n\
         nominal_interval = \"1h\"\n[[meter.claim]]\nfacility = \"small\"\nrole = \"outdoor\"\nfrom = 2026-10-10\n",
        tables("")
    ));
    let from = at("2026-09-30T22:00:00Z").0;
    // It was above a rack before.
    let said = |hour: i64| if hour <= 9 * 24 { 35.0 } else { 12.0 };
    let readings: Vec<_> = (1..=20 * 24)
        .map(|hour| ("outside", Timestamp(from + hour * HOUR_MS), said(hour), "Cel", Some(3_600)))
        .collect();
    hall.take(&readings);
    let october: Vec<NaiveDate> = (1..=20).map(date).collect();
    let mut view = hall.view();
    let small = view.facility("small").expect("it is there");
    let told = temperatures(&mut view, small, &october, Tz::Europe__Berlin);
    let expected: BTreeMap<NaiveDate, f64> = (10..=20).map(|day| (date(day), 12.0)).collect();
    assert_eq!(told.expect("readable"), expected);
}

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, day).expect("a date")
}

#[test]
fn a_group_is_judged_on_its_energies() {
    let hall = october(CHINESE);
    let listing = of_group(&mut hall.view(), &hall.config, Some("2026-10"), now()).expect("a listing");
    // (140 + 360) / (100 + 300); the mean of the two PUEs would be 1.3.
    let hubs = row(&listing, "T21");
    is_near(hubs.value, 1.25);
    assert_eq!(hubs.verdict, Some("pass_unguarded"));
    assert_eq!((hubs.applies, hubs.why.as_str()), ("yes", "small, great"));
    assert_eq!(hubs.coverage, Some(1.0));
    let racks = row(&listing, "T18");
    assert_eq!((racks.value, racks.verdict), (Some(0.5), Some("fail_unguarded")));
    assert!(listing.rows.iter().all(|row| row.kind == "average"));
    let western = row(&listing, "T25");
    assert_eq!((western.applies, western.verdict), ("no", Some("not_assessable")));
}

#[test]
fn the_uncertainty_of_a_group_counts_each_it_meter_by_the_pue_of_all() {
    // 20 % of the IT energy of the small one, next to none elsewhere, each of a make of its own.
    let exact = ["small-utility", "small-ups-output", "great-utility", "great-ups-output"];
    let tables = exact.iter().fold(tables(CHINESE), |tables, meter| {
        let percent = if *meter == "small-ups-output" { "20" } else { "0.2" };
        let name = format!("name = \"{meter}\"\n");
        tables.replace(&name, &format!("{name}uncertainty = \"{percent} %\"\nmake = \"{meter}\"\n"))
    });
    let hall = october_by(&tables);
    let listing = of_group(&mut hall.view(), &hall.config, Some("2026-10"), now()).expect("a listing");
    let parts = [140.0 * 0.001, 1.25 * 100.0 * 0.1, 360.0 * 0.001, 1.25 * 300.0 * 0.001];
    let expected = 2.0 * parts.iter().map(|u| u * u).sum::<f64>().sqrt() / 400.0;
    is_near(row(&listing, "T21").expanded, expected);
}

#[test]
fn twelve_months_that_are_not_there_are_not_judged() {
    let hall = october(CHINESE);
    let listing = facility(&hall, "great", None);
    assert_eq!(listing.period, "2025-11-01 to 2026-11-01, the latest twelve months");
    let default = row(&listing, "D130");
    assert_eq!(default.verdict, Some("not_assessable"));
    assert_eq!(default.reasons, ["coverage 8.50 % is below the 99 % that a verdict needs"]);
    let group = of_group(&mut hall.view(), &hall.config, None, now()).expect("a listing");
    assert_eq!(row(&group, "T20").verdict, Some("not_assessable"));
    let nothing = Hall::new(&tables(""));
    let listing = facility(&nothing, "small", None);
    assert_eq!(
        (listing.period.as_str(), row(&listing, "D130").verdict),
        ("no data yet", Some("not_assessable"))
    );
}

#[test]
fn an_european_facility_is_told_what_to_report() {
    let hall = october("country = \"DE\"\nit_rated_power = \"600 kW\"\ntargets = [\"D130\", \"T22\"]");
    let listing = facility(&hall, "great", Some("2026-10"));
    let duty = row(&listing, "EU-1");
    assert_eq!((duty.value, duty.verdict), (Some(600.0), Some("triggered")));
    let figures: Vec<&str> = listing.key_figures.iter().map(|(figure, _)| figure.as_str()).collect();
    assert_eq!(figures, ["pue", "wue", "erf", "ref"]);
    // Named, so it is judged; that it is not meant for this facility is said.
    let named = row(&listing, "T22");
    assert_eq!((named.applies, named.verdict, named.in_use), ("no", Some("pass_unguarded"), true));
    let text = listing.to_string();
    assert!(text.contains("named by the facility, although it is in DE; from 2021-11-30, open\n"), "{text}");
    assert!(text.contains("To be reported without a limit: pue (eu-2024-1364)"), "{text}");
}

#[test]
fn an_unknown_facility_is_answered_by_the_nearest() {
    let hall = october("");
    let asked = of_facility(&mut hall.view(), &hall.config, "smal", None, now());
    let Err(error @ TargetsError::UnknownFacility { .. }) = asked else { panic!("{asked:?}") };
    assert_eq!(error.to_string(), "facility `smal` is not configured; did you mean `small`?");
}

/// 400 days up to 1 November 2026, a reading a day: a PUE of 1.3 in summer's half, of 1.2 in winter's.
fn two_summers() -> Hall {
    let mut hall = Hall::new(
        "[[facility]]\nname = \"hall-1\"\nsite = \"hall\"\ntargets = [\"D130\", \"D125\", \"T22\"]\n\
         [[meter]]\nname = \"utility\"\nfacility = \"hall-1\"\nrole = \"utility\"\nkind = \"register\"\nunit = \"kWh\"\ngap_limit = \"25h\"\n\
         [[meter]]\nname = \"ups\"\nfacility = \"hall-1\"\nrole = \"ups-output\"\nkind = \"register\"\nunit = \"kWh\"\ngap_limit = \"25h\"\n",
    );
    let last = at("2026-10-31T23:00:00Z").0;
    let (mut total, mut it) = (0.0, 0.0);
    let mut readings = Vec::new();
    for day in (0..=400).rev() {
        let instant = Timestamp(last - day * 24 * HOUR_MS);
        readings.push(("utility", instant, total, "kWh", None));
        readings.push(("ups", instant, it, "kWh", None));
        let month: u32 = instant.to_string()[5..7].parse().expect("a month");
        it += 1_000.0;
        total += if (4..=9).contains(&month) { 1_300.0 } else { 1_200.0 };
    }
    hall.take(&readings);
    hall
}

#[test]
fn a_budget_says_what_is_left_and_how_the_year_will_end() {
    let hall = two_summers();
    let of = |on: Option<&str>| {
        outlook(&mut hall.view(), "hall-1", on.map(|on| on.parse().expect("a date"))).expect("an outlook")
    };
    let now = of(None);
    assert_eq!((now.year, now.now.as_str(), now.days_left), (2026, "2026-11-01", 61));
    // 121 days of winter, 183 of summer; the rest of the year at 1.2 as in the last 30 days.
    let value = now.value.expect("a PUE");
    assert!((value - (121.0 * 1.2 + 183.0 * 1.3) / 304.0).abs() < 1e-3, "{value}");
    let expected = now.forecast.as_ref().expect("a forecast");
    assert!((expected.value - (182.0 * 1.2 + 183.0 * 1.3) / 365.0).abs() < 2e-3, "{expected:?}");
    assert!(expected.low < expected.value && expected.value < expected.high);
    let states: Vec<(&str, State)> = now.targets.iter().map(|of| (of.target.as_str(), of.state)).collect();
    // The rest would have to be at 1.2: the best there ever was.
    assert_eq!(states[0], ("D130", State::OnCourse));
    assert!(matches!(states[1].1, State::Critical | State::Warning), "{now}");
    let d130 = &now.targets[0];
    let permitted = d130.permitted.expect("left");
    assert!((permitted - (1.3 * 365.0 - value * 304.0) / 61.0).abs() < 2e-3, "{permitted}");
    assert!(d130.breach_probability.expect("one") < 0.05 && d130.burn_rates[0].expect("one") < 1.0);
    let lasts = d130.lasts_days.expect("some");
    assert!((lasts - (0.3 * 365_000.0 - 304_000.0 * (value - 1.0)) / 200.0).abs() < 2.0, "{lasts}");
    let text = now.to_string();
    assert!(
        text.starts_with("Budget of facility hall-1, 2026 before 2026-11-01: 61 days are left\n"),
        "{text}"
    );

    let earlier = of(Some("2026-07-01"));
    assert_eq!((earlier.now.as_str(), earlier.days_left), ("2026-07-01", 184));
    assert!(earlier.value < now.value);
    let after: Vec<State> = of(Some("2026-01-01")).targets.iter().map(|of| of.state).collect();
    assert_eq!(after, [State::Unknown; 3], "the year is over");
    let before = outlook(&mut hall.view(), "hall-1", "2020-01-01".parse().ok());
    assert!(matches!(before, Err(TargetsError::NoData { .. })), "{before:?}");
    let nothing = Hall::new(&tables(""));
    assert!(matches!(outlook(&mut nothing.view(), "small", None), Err(TargetsError::NoData { .. })));
}
