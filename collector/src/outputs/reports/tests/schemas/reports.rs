//! Reports of every sample against the schema of their JSON.

use super::mutated::cut;
use super::{Accepted, accepted_of, assert_described, assert_refused, without_value};
use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::tests::{basis, esif, laid_out};
use crate::outputs::reports::{Report, Schema, json};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;

const OCTOBER: &str = include_str!("../october.json");

fn read(report: &Report) -> Value {
    serde_json::from_str(&json(report)).expect("it is JSON")
}

fn october() -> Value {
    serde_json::from_str(OCTOBER).expect("it is JSON")
}

/// A month with fuel, certificates, an exchange, an entry and readings that do not count.
fn corrected() -> Value {
    let (mut hall, now) = (basis::march(), at(basis::NOW));
    let correct = |hall: &mut Hall, meter: &str, correction| hall.correct(meter, correction, "by hand", now);
    let (last, first) = (Decimal::new(19_955, -1), Decimal::new(5, 0));
    correct(&mut hall, "main", Correction::Exchange { at: at("2026-03-05T00:30:00Z"), last, first });
    let to = at("2026-04-01T00:00:00Z");
    correct(&mut hall, "ups", Correction::Exclude { from: at("2026-03-31T10:30:00Z"), to });
    let (from, to) = (at("2026-03-31T12:00:00Z"), at("2026-03-31T22:00:00Z"));
    correct(&mut hall, "ups", Correction::Entry { from, to, amount: 80_000_000_000 });
    read(&basis::report(&hall, "2026-03"))
}

#[test]
fn what_is_printed_is_as_the_schema_says_and_every_field_of_it_has_a_value_somewhere() {
    let mut all = vec![october(), corrected(), read(&esif::report())];
    all.extend(laid_out::reports().iter().map(read));
    all.iter().for_each(|report| assert_described(Schema::Report, report));
    // Restated reports have these, and their tests look at them.
    let restated = [
        "after",
        "before",
        "causes",
        "changes",
        "issued_at",
        "known_at",
        "more",
        "of",
        "restatement",
        "what",
    ];
    let without = without_value(Schema::Report, &all);
    assert_eq!(without, restated.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn a_report_with_anything_more_less_or_other_is_refused() {
    let mut october = october();
    cut(&mut october, &["/hours/pue", "/hours/it_kw"], 2);
    let expected = [
        "budget",
        "budget.best_month",
        "budget.forecast",
        "budget.targets.*.breach_probability",
        "budget.targets.*.burn_rates.*",
        "budget.targets.*.lasts_days",
        "budget.targets.*.overhead_left_kwh",
        "budget.targets.*.permitted",
        "budget.value",
        "carbon",
        "carbon.factors.*.factor_year",
        "carbon.factors.*.source",
        "cue",
        "facility.category",
        "facility.measuring_point",
        "hours",
        "hours.it_kw.*",
        "hours.pue.*",
        "market",
        "market.factors.*.factor_year",
        "market.factors.*.source",
        "meters.*.form",
        "meters.*.rated",
        "meters.*.role",
        "meters.*.unit",
        "uncertainty.meters.*.load",
        "wue",
    ];
    let null = expected.iter().map(|place| (*place).to_owned()).collect();
    assert_eq!(accepted_of(Schema::Report, &october), Accepted { left_out: BTreeSet::new(), null });

    let mut march = corrected();
    cut(&mut march, &["/hours/pue", "/hours/it_kw"], 1);
    assert_eq!(accepted_of(Schema::Report, &march).left_out, BTreeSet::new());
}

#[test]
fn values_that_no_report_has_are_refused() {
    for (place, other) in [
        ("/report", value!("wattledger/report/v1")),
        ("/facility/name", value!("Hall 1")),
        ("/facility/category", value!(0)),
        ("/period/from", value!("2026-10-01T00:00:00+02:00")),
        ("/period/from", value!("2026-13-01T00:00:00Z")),
        ("/period/complete", value!(false)),
        ("/pue/status", value!("fine")),
        ("/pue/indicator", value!("pue4")),
        ("/pue/unit", value!("kWh")),
        ("/pue/value", value!(null)),
        ("/pue/denominator", value!(null)),
        ("/pue/coverage", value!(99.46)),
        ("/pue/estimated", value!(-0.1)),
        ("/verdicts/0/verdict", value!("pass")),
        ("/verdicts/0/operator", value!("≤")),
        ("/verdicts/0/horizon", value!("for good")),
        ("/budget/days_left", value!(0)),
        ("/budget/days_left", value!(30.5)),
        ("/budget/targets/0/burn_rates", value!([1.0, 1.0, 1.0])),
        ("/energies/unit", value!("MWh")),
        ("/parts/0/electricity", value!(false)),
        ("/components/0/role", value!("mains")),
        ("/gaps/count", value!(-1)),
        ("/gaps/longest/0/unknown", value!("nothing")),
        ("/carbon/basis", value!("market-based")),
        ("/market/claims/rest_by", value!("guess")),
        ("/meters/0/kind", value!("counter")),
        ("/versions/ledger_digest", value!("1aa1")),
        ("/audit/hash", value!("Z".repeat(64))),
    ] {
        let mut report = october();
        *report.pointer_mut(place).expect("the place is in the report") = other.clone();
        assert_refused(Schema::Report, &report, &format!("{place} is {other}"));
    }
}

#[test]
fn energies_of_more_digits_than_a_double_has_are_numbers_like_any_others() {
    let mut report = october();
    let exact: Value = serde_json::from_str("123456789012345678.901234567").expect("a number");
    report["energies"]["facility"]["total"] = exact;
    assert_described(Schema::Report, &report);
}
