//! Chapter A: what the conditions of alerts compare.

use super::case::*;
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::outputs::alerts::formulas::{imbalance_percent, judged_age_ms, load_by_capacity};

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "A02" => a02(case),
        "A03" => a03(case),
        _ => return false,
    }
    true
}

fn a02(case: &Case) {
    let nominal_interval_ms = case.number("nominal_interval_s") as i64 * 1_000;
    let meter = Interpretation { nominal_interval_ms, ..Interpretation::unclaimed(None) };
    let limit = meter.stale_after_ms();
    let factor = case.number("stale_factor") * case.number("nominal_interval_s");
    assert_eq!(limit as f64 / 1e3, factor.max(case.number("stale_min_s")));
    let last = time(case.input("last_reading"));
    let instants = case.input("now").as_array().expect("instants");
    let stale = instants.iter().map(|now| judged_age_ms(time(now), last, None, limit) > limit);
    let expected = case.expected("stale").as_array().expect("a list").iter();
    assert_eq!(
        stale.collect::<Vec<_>>(),
        expected.map(|is| is.as_bool().expect("a word")).collect::<Vec<_>>()
    );
}

fn a03(case: &Case) {
    let phases = case.input("phase_kw").as_array().expect("phases");
    let phases: Vec<f64> = phases.iter().map(|kw| kw.as_f64().expect("kW")).collect();
    case.agrees("phase_imbalance_percent", imbalance_percent(&phases).expect("loaded"));
    let feeds = case.input("feed_kw").as_object().expect("feeds");
    let feeds: Vec<f64> = feeds.values().map(|kw| kw.as_f64().expect("kW")).collect();
    case.agrees("feed_imbalance_percent", imbalance_percent(&feeds).expect("loaded"));
    let load = load_by_capacity(&feeds, case.number("single_feed_capacity_kw")).expect("two feeds");
    assert_eq!(*case.expected("redundancy_lost"), load > 1.0);
}
