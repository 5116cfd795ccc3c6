//! Chapter U: uncertainty and verdicts.

use super::case::*;
use wattledger_collector::indicators::Indicator;
use wattledger_collector::indicators::uncertainty::{Budget, Metered, channel, quotient, with_uncertainty};
use wattledger_collector::indicators::verdict::decide;
use wattledger_model::instrument::{Accuracy, CurrentPath, CurrentTransformerClass, Instrument, MeterClass};
use wattledger_model::target::{Limit, Operator};
use wattledger_model::time::Timestamp;

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "U01" => u01(case),
        "U02" => u02(case),
        "U03" => u03(case),
        "U04" => u04(case),
        "U05" => u05(case),
        _ => return false,
    }
    true
}

fn instrument(make: &str, accuracy: Accuracy, current: CurrentPath) -> Instrument {
    Instrument {
        from: Timestamp(0),
        serial: None,
        make: Some(make.to_owned()),
        accuracy: Some(accuracy),
        current: Some(current),
        rated_load: None,
        voltage_transformer: None,
        calibrated: None,
    }
}

/// A channel whose standard uncertainty, in percent, is stated as its expanded one.
fn stated(make: &str, u_percent: f64) -> Instrument {
    instrument(make, Accuracy::ChannelPercent(2.0 * u_percent), CurrentPath::Direct)
}

fn metered(instrument: &Instrument, kwh: f64) -> Metered<'_> {
    Metered {
        meter: "m",
        instrument: Some(instrument),
        amount: (kwh * 1e9) as i128,
        estimated: 0,
        loaded_ms: 3_600_000,
        resolution: 0,
        differences: 1,
        cut: &[],
    }
}

fn u01(case: &Case) {
    let class = MeterClass::S05;
    assert_eq!(class.limit_percent(), case.number("meter_class_percent"));
    let transformer = CurrentPath::Transformer(CurrentTransformerClass::Half);
    let found = channel(&instrument("a", Accuracy::Class(class), transformer), Some(1.0)).expect("known");
    assert_eq!(found.current_limit_percent, Some(case.number("ct_limit_percent")));
    case.agrees("u_rel_percent", found.u_rel * 100.0);
}

/// PUE with one meter for the facility and several for IT energy.
fn pue(total: &Metered<'_>, it: &[Metered<'_>]) -> Budget {
    let all: Vec<Metered<'_>> = std::iter::once(total).chain(it).cloned().collect();
    let below: Vec<(usize, f64)> = (1..all.len()).map(|at| (at, 1.0)).collect();
    quotient(&all, &[(0, 1.0)], &below, 1.0, 0.0)
}

fn u02(case: &Case) {
    let main = stated("main", case.number("u_dc_rel_percent"));
    let kwh: Vec<f64> = case
        .input("it_channels_kwh")
        .as_array()
        .expect("channels")
        .iter()
        .map(|kwh| kwh.as_f64().expect("a number"))
        .collect();
    let makes: Vec<Instrument> = (0..kwh.len())
        .map(|at| stated(&format!("make {at}"), case.number("it_channel_u_rel_percent")))
        .collect();
    let it: Vec<Metered<'_>> = makes.iter().zip(kwh).map(|(make, kwh)| metered(make, kwh)).collect();
    let found = pue(&metered(&main, case.number("e_dc_kwh")), &it);
    let value = found.value.expect("defined");
    case.agrees("pue", value);
    case.agrees("u_pue_rel_percent", found.relative().expect("known") * 100.0);
    case.agrees("u_pue", found.standard().expect("known"));
    case.agrees("expanded_u_k2", found.expanded().expect("known"));
    let of_it: f64 = found.lines[1..].iter().map(|line| line.contribution).sum();
    case.agrees("u_it_rel_percent", of_it.sqrt() / value * 100.0);
    assert_eq!(with_uncertainty(value, found.expanded().expect("known")), "1.300 ± 0.013 (k = 2)");
}

/// All of one make, the facility's meter too: correlated within IT energy, not across the quotient.
fn u03(case: &Case) {
    let main = stated("one", case.number("u_dc_rel_percent"));
    let make = stated("one", case.number("u_it_rel_percent"));
    let it: Vec<Metered<'_>> = (0..10).map(|_| metered(&make, 1_000_000.0)).collect();
    let found = pue(&metered(&main, case.number("pue") * 1e7), &it);
    case.agrees("u_pue_rel_percent", found.relative().expect("known") * 100.0);
    case.agrees("expanded_u_k2", found.expanded().expect("known"));
}

/// The meters of IT energy stand above and below.
fn u04(case: &Case) {
    let (it, overhead) =
        (stated("a", case.number("u_it_rel_percent")), stated("b", case.number("u_overhead_rel_percent")));
    let meters = [metered(&it, case.number("e_it_kwh")), metered(&overhead, case.number("overhead_kwh"))];
    let found = quotient(&meters, &[(0, 1.0), (1, 1.0)], &[(0, 1.0)], 1.0, 0.0);
    case.agrees("pue", found.value.expect("defined"));
    case.agrees("u_pue", found.standard().expect("known"));
    case.agrees("expanded_u_k2", found.expanded().expect("known"));
}

fn u05(case: &Case) {
    for (i, row) in case.input("value_u_operator").as_array().expect("rows").iter().enumerate() {
        let number = |at: usize| row[at].as_f64().expect("a number");
        let word = row[2].as_str().expect("an operator");
        let operator = Operator::ALL.iter().copied().find(|operator| operator.word() == word);
        let limit = Limit { operator: operator.expect("known"), value: case.number("limit") };
        assert_eq!(case.expected("verdict")[i], decide(limit, number(0), number(1)).word(), "row {i}");
        assert_eq!(case.expected("shown_2_decimals")[i], Indicator::Pue.shown(number(0)), "row {i}");
    }
}
