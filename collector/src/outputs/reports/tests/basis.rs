//! What a report says of the basis of its figures: parts, shares, corrections, claims, budget, audit chain.

use crate::indicators::verdict::Reason;
use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::{Options, Report, csv, json, make, text};
use crate::store;
use crate::view::View;
use std::sync::Arc;
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::time::Timestamp;

const TABLES: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
targets = ["D130"]
emission_factor = "0.4 kg/kWh"
emission_factor_year = 2026
emission_factor_source = "the grid's own figure"
[[facility.certificate]]
kind = "goo"
energy = "3 MWh"
from = "2026-03-01"
to = "2026-04-01"
retired = "2026-03-31"
reference = "GOO-7"
[[facility.certificate]]
kind = "goo"
energy = "1 MWh"
from = "2026-03-01"
to = "2026-04-01"
reference = "GOO-8"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
gap_limit = "2h"
rated_power = "200 kW"
[[meter]]
name = "ups"
facility = "hall-1"
role = "ups-output"
kind = "register"
unit = "kWh"
gap_limit = "2h"
rated_power = "200 kW"
[[meter]]
name = "diesel"
facility = "hall-1"
role = "generator-fuel"
carrier = "diesel"
kind = "register"
unit = "L"
gap_limit = "2h"
"#;

const HOUR_MS: i64 = 3_600_000;
pub(super) const NOW: &str = "2026-04-05T00:00:00Z";

/// March 2026 by the hour: 10 kW of the facility, 8 kW of IT, an hour of diesel. `ups` says nothing for six hours on
/// the 10th and starts anew at zero on the 20th.
pub(super) fn march() -> Hall {
    let mut hall = Hall::new(TABLES);
    let from = at("2026-02-28T23:00:00Z").0;
    let (silent, restart) = (at("2026-03-10T00:00:00Z").0, at("2026-03-20T00:00:00Z").0);
    let mut readings = Vec::new();
    for hour in 0..=743 {
        let instant = Timestamp(from + hour * HOUR_MS);
        readings.push(("main", instant, 1_000.0 + 10.0 * hour as f64, "kWh", None));
        let since = if instant.0 < restart { from - 500 * HOUR_MS } else { restart };
        if !(silent < instant.0 && instant.0 < silent + 6 * HOUR_MS) {
            readings.push(("ups", instant, 8.0 * ((instant.0 - since) / HOUR_MS) as f64, "kWh", None));
        }
        readings.push(("diesel", instant, 70.0 + if hour > 400 { 100.0 } else { 0.0 }, "L", None));
    }
    hall.take(&readings);
    hall
}

fn report_by(hall: &Hall, view: &mut View, period: &str) -> Report {
    let options = Options { generated_at: at(NOW), configuration: &hall.config };
    make(view, "hall-1", period, options).expect("a report")
}

pub(super) fn report(hall: &Hall, period: &str) -> Report {
    report_by(hall, &mut hall.view(), period)
}

#[test]
fn the_parts_of_the_facilitys_energy_add_up_to_all_that_is_booked() {
    let report = report(&march(), "2026-03");
    let rows: Vec<_> = report
        .parts
        .iter()
        .map(|part| {
            (
                part.role,
                part.carrier.as_deref(),
                part.metered.to_string(),
                part.unit,
                part.counted.to_string(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("utility", None, "7430".to_owned(), "kWh", "7430".to_owned()),
            ("generator-fuel", Some("diesel"), "100".to_owned(), "L", "990".to_owned()),
        ]
    );
    assert!(report.parts[0].factor.is_none() && report.parts[0].electricity);
    assert!(
        report.parts[1].factor.as_ref().is_some_and(|factor| factor.to_string().contains("9.9")),
        "{:?}",
        report.parts[1]
    );
    let energies = &report.energies;
    assert_eq!(
        (energies.electricity.to_string(), energies.non_electric.to_string()),
        ("7430".into(), "990".into())
    );
    assert_eq!(energies.facility.total.to_string(), "8420");
    assert!(text(&report).contains("E_DC is made of"), "{}", text(&report));
}

#[test]
fn what_is_not_measured_is_told_by_meter_and_reason_and_adds_up() {
    let report = report(&march(), "2026-03");
    let rows: Vec<_> = report
        .shares
        .iter()
        .map(|row| {
            (row.sum, row.meter.as_str(), row.provenance, row.reason, row.steps, row.amount.to_string())
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("it", "ups", "interpolated", "long", 1, "48".to_owned()),
            ("it", "ups", "estimated", "reset", 1, "8".to_owned()),
        ]
    );
    let it = &report.energies.it;
    assert_eq!((it.interpolated.to_string(), it.estimated.to_string()), ("48".to_owned(), "8".to_owned()));
    assert!((report.shares[0].share - 48.0 / 5_944.0).abs() < 1e-12, "{:?}", report.shares[0]);
    assert_eq!(report.shares[0].share, report.pue.interpolated);
    // Of a step that the period's edge cuts, its part.
    let short = self::report(&march(), "2026-03-10T03:00:00Z..2026-03-12");
    let cut: Vec<_> = short.shares.iter().map(|row| (row.reason, row.amount.to_string())).collect();
    assert_eq!(cut, [("long", "24".to_owned())]);
}

#[test]
fn corrections_that_touch_the_period_are_listed_with_who_and_why() {
    let mut hall = march();
    let now = at(NOW);
    let entered = hall.correct(
        "ups",
        Correction::Settle {
            from: at("2026-03-19T23:00:00Z"),
            to: at("2026-03-20T00:00:00Z"),
            amount: 7_500_000_000,
        },
        "read off the old display",
        now,
    );
    let excluded = Correction::Exclude { from: at("2026-03-02T00:00:00Z"), to: at("2026-03-02T00:30:00Z") };
    let excluded = hall.correct("main", excluded, "test current", now);
    let taken_back = Correction::Exclude { from: at("2026-03-03T00:00:00Z"), to: at("2026-03-03T00:30:00Z") };
    let taken_back = hall.correct("main", taken_back, "by mistake", now);
    hall.withdraw(taken_back, now);
    let other = Correction::Exclude { from: at("2026-02-01T00:00:00Z"), to: at("2026-02-02T00:00:00Z") };
    hall.correct("main", other, "before the month", now);

    let report = report(&hall, "2026-03");
    let rows: Vec<_> = report
        .corrections
        .iter()
        .map(|row| (row.id, row.meter.as_str(), row.kind, row.reason.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            (entered, "ups", "settle", "read off the old display"),
            (excluded, "main", "exclude", "test current")
        ]
    );
    let settled = &report.corrections[0];
    assert_eq!((settled.amount.expect("an amount").to_string(), settled.unit), ("7.5".to_owned(), "kWh"));
    assert_eq!((settled.who.as_str(), settled.at), ("uid 4294900001", now));
    assert_eq!(report.corrections[1].amount, None);
    assert!(text(&report).contains("read off the old display (uid 4294900001"), "{}", text(&report));
    assert_eq!(
        report.shares[1].amount.to_string(),
        "7.5",
        "what was settled stays estimated, as the reset that it is"
    );

    // The chain has an entry of each, and one of the withdrawal; its head is noted.
    assert_eq!(report.audit.entries, 5);
    let connection = store::open_reader(&hall.layout).expect("opens");
    let head = crate::audit::chain::head(&connection).expect("readable");
    assert_eq!((report.audit.hash, report.audit.entries), (head.hash, head.count));
    assert!(self::report(&hall, "2026-04-01").corrections.is_empty());
}

#[test]
fn an_exchange_is_listed_with_its_registers_and_entries_stand_in_the_shares() {
    let mut hall = march();
    let now = at(NOW);
    let instant = at("2026-03-05T00:30:00Z");
    let exchange =
        Correction::Exchange { at: instant, last: Decimal::new(19_955, -1), first: Decimal::new(5, 0) };
    // What the new register shows from then on is told by the readings; here only that it is listed matters.
    hall.correct("main", exchange, "calibration", now);
    let row = report(&hall, "2026-03-05").corrections.remove(0);
    assert_eq!((row.kind, row.from, row.to), ("exchange", instant, None));
    assert_eq!(row.registers, Some(["1995.5".to_owned(), "5".to_owned()]));

    let mut hall = march();
    let gone = Correction::Exclude { from: at("2026-03-31T10:30:00Z"), to: at("2026-04-01T00:00:00Z") };
    hall.correct("ups", gone, "the clock was wrong", now);
    let (from, to) = (at("2026-03-31T12:00:00Z"), at("2026-03-31T22:00:00Z"));
    hall.correct("ups", Correction::Entry { from, to, amount: 80_000_000_000 }, "as on the days before", now);
    let report = report(&hall, "2026-03");
    let entry = report.shares.iter().find(|row| row.reason == "entry").expect("an entry");
    assert_eq!((entry.provenance, entry.steps, entry.amount.to_string()), ("estimated", 0, "80".to_owned()));
}

#[test]
fn as_it_was_known_before_a_correction_there_is_none_and_the_chain_ends_earlier() {
    let mut hall = march();
    let exclude = |hour: u32| Correction::Exclude {
        from: at(&format!("2026-03-02T{hour:02}:00:00Z")),
        to: at(&format!("2026-03-02T{hour:02}:30:00Z")),
    };
    let first = hall.correct("main", exclude(1), "one", at("2026-04-05T10:05:00Z"));
    let second = hall.correct("main", exclude(5), "two", at("2026-04-05T12:05:00Z"));
    hall.withdraw(first, at("2026-04-05T14:05:00Z"));
    let known = |instant: &str| {
        let topology = Arc::clone(hall.view().topology());
        let mut view = View::open_as_known(&hall.layout, topology, at(instant)).expect("noted");
        let report = report_by(&hall, &mut view, "2026-03");
        let ids: Vec<u64> = report.corrections.iter().map(|row| row.id).collect();
        (ids, report.audit.entries)
    };
    assert_eq!(known("2026-04-05T11:00:00Z"), (vec![first], 1));
    assert_eq!(known("2026-04-05T13:00:00Z"), (vec![first, second], 2));
    assert_eq!(known("2026-04-05T15:00:00Z"), (vec![second], 3));
    assert_eq!(known("2026-04-05T09:00:00Z").1, 0);
}

#[test]
fn as_it_was_known_in_the_middle_of_a_period_it_was_not_over_and_is_not_judged() {
    let mut hall = Hall::new(TABLES);
    let instant = |hour: i64| Timestamp(at("2026-02-28T23:00:00Z").0 + hour * HOUR_MS);
    for hours in [0..=336, 337..=743] {
        let readings: Vec<_> = hours
            .flat_map(|hour| {
                let kwh = |kw: f64| kw * hour as f64;
                [
                    ("main", instant(hour), kwh(10.0), "kWh", None),
                    ("ups", instant(hour), kwh(8.0), "kWh", None),
                    ("diesel", instant(hour), 70.0, "L", None),
                ]
            })
            .collect();
        hall.take(&readings);
    }
    let topology = Arc::clone(hall.view().topology());
    let mut view = View::open_as_known(&hall.layout, topology, at("2026-03-15T12:00:00Z")).expect("noted");
    let then = report_by(&hall, &mut view, "2026-03");
    assert!(!then.period.complete, "half of March was still to come, whenever this is asked");
    assert_eq!((then.period.to, then.pue.coverage, then.pue.value), (instant(336), 1.0, Some(1.25)));
    assert_eq!(then.verdicts[0].verdict, "not_assessable");
    assert!(then.verdicts[0].reasons.contains(&Reason::NotOver), "{:?}", then.verdicts[0].reasons);
    assert!(report(&hall, "2026-03").period.complete, "by now it is");
}

#[test]
fn meters_that_are_shared_or_behind_a_virtual_one_stand_among_those_of_the_boundary() {
    let register = "kind = \"register\"\nunit = \"kWh\"\n";
    let claim = |facility: &str| {
        format!("[[meter.claim]]\nfacility = \"{facility}\"\nrole = \"utility\"\nshare = \"0.5\"\n")
    };
    let tables = [
        "[[facility]]\nname = \"hall-1\"\nsite = \"hall\"\n[[facility]]\nname = \"hall-2\"\nsite = \"hall\"\n".to_owned(),
        format!("[[meter]]\nname = \"plant\"\nfacility = \"hall-2\"\n{register}"),
        claim("hall-2"),
        claim("hall-1"),
        format!("[[meter]]\nname = \"room\"\nsite = \"hall\"\n{register}"),
        "[[virtual]]\nname = \"it\"\nfacility = \"hall-1\"\nrole = \"ups-output\"\nsum = [\"room\"]\n".to_owned(),
    ];
    let mut hall = Hall::new(&tables.concat());
    let [from, to] = ["2026-03-05T10:00:00Z", "2026-03-05T10:10:00Z"].map(at);
    hall.take(&[
        ("plant", from, 0.0, "kWh", None),
        ("room", from, 0.0, "kWh", None),
        ("plant", to, 30.0, "kWh", None),
        ("room", to, 12.0, "kWh", None),
    ]);
    let report = report(&hall, "2026-03-05");
    assert_eq!(report.pue.value, Some(1.25), "half of the plant's feed over what the room used");
    let meters: Vec<_> = report.meters.iter().map(|row| (row.meter.as_str(), row.role)).collect();
    assert_eq!(meters, [("plant", Some("utility")), ("room", Some("ups-output"))]);
}

#[test]
fn carbon_is_told_by_location_and_by_contract() {
    let report = report(&march(), "2026-03");
    let location = report.carbon.as_ref().expect("a factor is declared");
    assert_eq!((location.basis, location.claims.is_none()), ("location-based", true));
    assert!((location.figure.value.expect("kg") - 2_972.0).abs() < 1e-6);
    let market = report.market.as_ref().expect("a factor is declared");
    assert_eq!((market.basis, market.figure.indicator), ("market-based", "carbon-market"));
    assert!((market.figure.value.expect("kg") - 0.4 * 4_430.0).abs() < 1e-6, "{:?}", market.figure);
    assert!(
        market.method.contains("location-based factor")
            && market.note.as_ref().is_some_and(|note| note.to_string().contains("0.4 kg/kWh"))
    );
    assert_eq!(market.factors[0].source.as_deref(), Some("the grid's own figure"));
    let claims = market.claims.as_ref().expect("certificates are declared");
    let amounts = [claims.electricity, claims.rest].map(|amount| amount.to_string());
    assert_eq!(amounts, ["7430".to_owned(), "4430".to_owned()]);
    assert_eq!(
        (claims.counted[0].lot.as_str(), claims.counted[0].amount.to_string()),
        ("GOO-7", "3000".to_owned())
    );
    assert_eq!((claims.refused[0].lot.as_str(), claims.rest_by), ("GOO-8", "location"));
    assert_eq!(text(&report).matches("CO2_market (").count(), 1, "{}", text(&report));
    let rows = csv(&report).lines().filter(|row| row.contains(",carbon-market,")).count();
    assert_eq!(rows, 1, "who adds up what is in kg has it once");
    assert!(report.indicators.iter().all(|figure| figure.indicator != "carbon-market"));
}

#[test]
fn a_period_of_the_running_year_has_its_budget_and_forecast() {
    let hall = march();
    let report = report(&hall, "2026-03");
    let budget = report.budget.as_ref().expect("2026 is running");
    assert_eq!((budget.year, budget.as_of.as_str(), budget.days_left), (2026, "2026-04-01", 275));
    assert!((budget.facility_kwh / budget.it_kwh - budget.value.expect("IT energy")).abs() < 1e-12);
    let forecast = budget.forecast.as_ref().expect("a month of data");
    assert!(forecast.low <= forecast.value && forecast.value <= forecast.high, "{forecast:?}");
    assert_eq!(budget.targets[0].target, "D130");
    assert!(text(&report).contains("Year 2026 up to 2026-04-01, 275 days left"), "{}", text(&report));
    // Half the month: as if nothing had been read from then on.
    let half = self::report(&hall, "2026-03-01..2026-03-16");
    assert_eq!(
        half.budget.map(|budget| (budget.as_of, budget.days_left)),
        Some(("2026-03-16".to_owned(), 291))
    );
    assert_eq!(self::report(&hall, "2025-12").budget, None, "that year is over");
}

#[test]
fn twelve_months_end_with_the_last_date_that_is_known_whole() {
    let hall = march();
    let rolling = report(&hall, "rolling-12m");
    assert_eq!((rolling.period.text.as_str(), rolling.period.complete), ("12m-to-2026-03-31", true));
    assert_eq!(rolling.pue.notation, "PUE1 (2026-03-31)");
    let named = report(&hall, "12m-to-2026-03-31");
    assert_eq!(json(&rolling), json(&named));
    assert_eq!(named.period.hours, 8_760.0);
}

#[test]
fn the_same_ledger_and_options_give_the_same_bytes() {
    let hall = march();
    let first = json(&report(&hall, "2026-03"));
    let mut view = hall.view();
    report_by(&hall, &mut view, "2026-Q1");
    assert_eq!(json(&report_by(&hall, &mut view, "2026-03")), first, "whatever a view was asked before");
}
