//! Chapter E: power that is integrated.

use super::case::*;
use wattledger_collector::ledger::fold::{Folded, fold};
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_model::meter::{Form, Kind};
use wattledger_model::reading::Reading;
use wattledger_model::time::Timestamp;

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "E11" => e11(case),
        "E12" => e12(case),
        "E13" => e13(case),
        _ => return false,
    }
    true
}

pub(crate) fn power(form: Form, gap_limit_ms: i64) -> Interpretation {
    let unit = Some("kW".parse().expect("unit"));
    Interpretation {
        kind: Kind::Power,
        form,
        gap_limit_ms: Some(gap_limit_ms),
        ..Interpretation::unclaimed(unit)
    }
}

fn all(folded: &Folded) -> (f64, i64) {
    let sums = summed(folded, Timestamp(0), Timestamp(i64::MAX));
    (kwh(sums[MEASURED].0), sums[MEASURED].1)
}

fn e11(case: &Case) {
    let samples = readings(case, "samples", "kW");
    let energy = |form| all(&fold(&samples, &power(form, 900_000))).0;
    case.agrees("energy_kwh_instant_trapezoid", energy(Form::Instant));
    case.agrees("energy_kwh_on_change_step", energy(Form::OnChange));
}

fn e12(case: &Case) {
    let limit = (case.number("max_gap_s") * 1e3) as i64;
    let folded = fold(&readings(case, "samples", "kW"), &power(Form::Instant, limit));
    let (energy, ms) = all(&folded);
    case.agrees("energy_kwh", energy);
    case.agrees("covered_s", ms as f64 / 1e3);
    case.agrees(
        "coverage",
        coverage(&folded, time(&case.input("period")[0]), time(&case.input("period")[1])),
    );
}

fn e13(case: &Case) {
    let interval_ms = (case.number("interval_s") * 1e3) as i64;
    let means: Vec<Reading> = case
        .input("means")
        .as_array()
        .expect("means")
        .iter()
        .zip(1..)
        .map(|(mean, at)| reading(Timestamp(at * interval_ms), decimal(mean), "kW"))
        .collect();
    let meter = Interpretation { nominal_interval_ms: interval_ms, ..power(Form::IntervalMean, interval_ms) };
    case.agrees("energy_kwh", all(&fold(&means, &meter)).0);
}
