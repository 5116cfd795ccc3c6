//! Chapter D, and what time itself does.

use super::case::*;
use super::power::power;
use wattledger_collector::indicators::figure::UWH_PER_KWH;
use wattledger_collector::ledger::fold::fold;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::meter::Form;
use wattledger_model::time::Timestamp;

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "E19" => e19(case),
        "D01" | "D02" | "D03" | "D04" => local_day(case),
        "D05" => local_months(case),
        _ => return false,
    }
    true
}

/// Constant power from `from` to `to`, as the ledger books it.
fn constant_power(case: &Case, from: Timestamp, to: Timestamp) -> f64 {
    let kw = decimal(case.input("constant_power_kw"));
    let readings = [reading(from, kw, "kW"), reading(to, kw, "kW")];
    let folded = fold(&readings, &power(Form::OnChange, i64::MAX));
    kwh(summed(&folded, from, to)[MEASURED].0)
}

fn e19(case: &Case) {
    let (from, to) = (time(&case.input("interval")[0]), time(&case.input("interval")[1]));
    case.agrees("duration_s", ((to.0 - from.0) / 1_000) as f64);
    // Exact but for what integers cannot hold: each minute of power is rounded once, to a whole µWh.
    let minutes = (to.0 - from.0) / 60_000;
    let off_uwh = (constant_power(case, from, to) - case.expected("energy_kwh").as_f64().expect("number"))
        * UWH_PER_KWH;
    assert!(off_uwh.abs() <= 0.5 * minutes as f64, "E19: off by {off_uwh} µWh");
}

fn local_day(case: &Case) {
    let zone: Tz = case.input("time_zone").as_str().expect("zone").parse().expect("zone");
    let date = case.input("local_date").as_str().expect("date").parse().expect("date");
    let day = calendar::day(zone, date);
    assert_eq!(day.from.start(), time(case.expected("start")));
    assert_eq!(day.to.start(), time(case.expected("end")));
    case.agrees("duration_s", (day.minutes() * 60) as f64);
    case.agrees("energy_kwh", constant_power(case, day.from.start(), day.to.start()));
}

fn local_months(case: &Case) {
    for (i, row) in case.input("months").as_array().expect("months").iter().enumerate() {
        let zone: Tz = row[0].as_str().expect("zone").parse().expect("zone");
        let date = format!("{}-01", row[1].as_str().expect("month")).parse().expect("date");
        let month = calendar::month(zone, date);
        assert_eq!(month.from.start(), time(&case.expected("start")[i]));
        assert_eq!(month.to.start(), time(&case.expected("end")[i]));
        assert_eq!(case.expected("hours")[i], month.minutes() / 60);
    }
}
