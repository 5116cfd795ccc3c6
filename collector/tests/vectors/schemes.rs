//! Chapters K and B: coal equivalent, and what is left of a target.

use super::case::*;
use super::ratios::{account, hour};
use wattledger_collector::indicators::coal::{
    CoalFactors, Convention, Item, KEY_ENERGY_USER_TCE, electricity_for,
};
use wattledger_collector::indicators::figure::UWH_PER_KWH;
use wattledger_collector::indicators::target_budget::{Course, TargetBudget, target_budget};
use wattledger_collector::indicators::{Figure, Indicator};
use wattledger_model::decimal::Decimal;
use wattledger_model::target::{Limit, Operator};

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "K01" => k01(case),
        "K02" => k02(case),
        "B01" => b01(case),
        "B02" => b02(case),
        _ => return false,
    }
    true
}

fn k01(case: &Case) {
    let factors = CoalFactors::default();
    for (item, input) in [
        (Item::Electricity, "kgce_per_kwh"),
        (Item::Diesel, "kgce_per_kg_diesel"),
        (Item::NaturalGas, "kgce_per_m3_gas"),
    ] {
        assert_eq!(factors.kgce(item).to_f64(), case.number(input), "{input}");
    }
    let electricity = (Item::Electricity, (case.number("electricity_kwh") * 1e9) as i128);
    let used = [
        electricity,
        (Item::Diesel, (case.number("diesel_kg") * 1e6) as i128),
        (Item::NaturalGas, (case.number("gas_m3") * 1e6) as i128),
    ];
    let found = factors.coal_equivalent(&used);
    case.agrees("electricity_tce", found.lines[0].tce);
    case.agrees("total_tce", found.total_tce);
    assert_eq!(*case.expected("key_energy_user"), found.is_key_energy_user());
    let alone = factors.coal_equivalent(&[electricity]);
    assert_eq!(*case.expected("electricity_only_key_energy_user"), alone.is_key_energy_user());
}

fn k02(case: &Case) {
    assert_eq!(case.number("threshold_tce"), KEY_ENERGY_USER_TCE);
    for (i, factor) in case.input("kgce_per_kwh").as_array().expect("factors").iter().enumerate() {
        let factor = Decimal::from_f64(factor.as_f64().expect("a number")).expect("finite");
        let convention = if i == 0 { Convention::Calorific } else { Convention::Generation(factor) };
        assert_eq!(convention.kgce_per_kwh().to_f64(), factor.to_f64());
        let kwh = electricity_for(KEY_ENERGY_USER_TCE, convention);
        case.near("kwh", kwh, case.expected("kwh")[i].as_f64().expect("a number"));
        let mean_kw = kwh / case.number("hours");
        case.near("mean_kw", mean_kw, case.expected("mean_kw")[i].as_f64().expect("a number"));
    }
}

fn left(case: &Case, expected_pue: Option<f64>) -> TargetBudget {
    let course = Course {
        total_kwh: case.number("ytd_e_dc_mwh") * 1e3,
        it_kwh: case.number("ytd_e_it_mwh") * 1e3,
        remaining_it_kwh: case.number("remaining_e_it_mwh") * 1e3,
        expected_pue,
    };
    let limit = Limit { operator: Operator::AtMost, value: case.number("limit") };
    target_budget(limit, course).expect("a budget")
}

fn b01(case: &Case) {
    let sums = account(
        case.number("ytd_e_dc_mwh") * 1e3 * UWH_PER_KWH,
        case.number("ytd_e_it_mwh") * 1e3 * UWH_PER_KWH,
    );
    case.agrees("ytd_pue", Figure::of(Indicator::Pue, hour(), &sums).value.expect("defined"));
    let left = left(case, Some(case.number("recent_pue")));
    case.agrees("permitted_pue", left.permitted_pue);
    case.agrees("overhead_burn_rate", left.burn_rate);
    case.agrees("forecast_pue", left.forecast_pue.expect("expected"));
    assert_eq!(case.expected("forecast_breach").as_bool(), left.breach_is_forecast);
    assert!(!left.breach_is_certain);
}

fn b02(case: &Case) {
    let left = left(case, None);
    case.agrees("permitted_pue", left.permitted_pue);
    assert_eq!(*case.expected("breach_certain"), left.breach_is_certain);
}
