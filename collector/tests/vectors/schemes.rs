//! Chapters K and B: coal equivalent, and what is left of a target.

use super::case::*;
use super::ratios::{account, hour};
use super::site::{Metered, Site};
use wattledger_collector::indicators::coal::{coal_equivalent, electricity_for, key_energy_user};
use wattledger_collector::indicators::figure::UWH_PER_KWH;
use wattledger_collector::indicators::target_budget::{Course, TargetBudget, target_budget};
use wattledger_collector::indicators::{Figure, Indicator};
use wattledger_model::carrier::{Carrier, Cited};
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
    let meters = [
        Metered::of_role("grid", "utility", "kWh", case.number("electricity_kwh")),
        Metered::of_fuel("diesel", "generator-fuel", "diesel", "kg", case.number("diesel_kg")),
        Metered::of_fuel("gas", "fuel", "gas", "m3", case.number("gas_m3")),
    ];
    let site = Site::metering("", &meters);
    let facility = site.facility();
    let factor = |cited: Option<&Cited>| cited.expect("a factor").value.to_f64();
    assert_eq!(factor(Some(&facility.factors.electricity_coal)), case.number("kgce_per_kwh"));
    for (carrier, input) in [(Carrier::Diesel, "kgce_per_kg_diesel"), (Carrier::Gas, "kgce_per_m3_gas")] {
        let fuel = facility.fuels.iter().find(|fuel| fuel.carrier == carrier).expect("metered");
        assert_eq!(factor(fuel.coal.as_ref()), case.number(input), "{input}");
    }
    let electricity_uwh = site.sum(&facility.coal_electricity());
    let found = coal_equivalent(&facility.factors, electricity_uwh, &site.fuels());
    case.agrees("electricity_tce", found.electricity_tce);
    case.agrees("total_tce", found.total_tce);
    assert_eq!(case.expected("key_energy_user").as_bool(), found.is_key_energy_user());
    let alone = coal_equivalent(&facility.factors, electricity_uwh, &[]);
    assert_eq!(case.expected("electricity_only_key_energy_user").as_bool(), alone.is_key_energy_user());
}

/// By both conventions of the configuration: the electricity at the line, and that so much comes to the line.
fn k02(case: &Case) {
    let line = key_energy_user().expect("target T26").value;
    assert_eq!(case.number("threshold_tce"), line);
    for (i, convention) in ["calorific", "generation-equivalent"].into_iter().enumerate() {
        let site = Site::metering(
            &format!("coal_equivalent = \"{convention}\""),
            &[Metered::of_role("grid", "utility", "kWh", 1.0)],
        );
        let factors = &site.facility().factors;
        let expected = |key: &str| case.expected(key)[i].as_f64().expect("a number");
        assert_eq!(Some(factors.electricity_coal.value.to_f64()), case.input("kgce_per_kwh")[i].as_f64());
        let kwh = electricity_for(line, factors);
        case.near("kwh", kwh, expected("kwh"));
        case.near("mean_kw", kwh / case.number("hours"), expected("mean_kw"));
        let found = coal_equivalent(factors, (kwh * UWH_PER_KWH) as i128, &[]);
        assert_eq!(found.convention.word(), convention);
        case.near("tce", found.total_tce, line);
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
