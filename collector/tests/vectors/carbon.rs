//! Chapter C: carbon.

use super::bench::{Bench, key};
use super::case::*;
use super::ratios::{account, hour};
use std::collections::BTreeMap;
use wattledger_collector::indicators::carbon::{
    Annual, Consumption, DIESEL, Instruments, LocationFactors, RestBy, cue, scope1, scope2,
};
use wattledger_collector::indicators::claim::{Claim, ClaimKind};
use wattledger_collector::indicators::figure::UWH_PER_KWH;
use wattledger_collector::indicators::{Account, Accounts, Figure, Indicator, Pair, Term, Weight};
use wattledger_collector::store::{self, Layout};
use wattledger_model::calendar::{self, Tz};
use wattledger_model::decimal::Decimal;
use wattledger_model::factor::FactorTable;
use wattledger_model::factor_series::FactorSeries;
use wattledger_model::time::{Interval, Minute, Timestamp};

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "C01" => c01(case),
        "C02" => c02(case),
        "C03" => c03(case),
        "C04" => c04(case),
        "C05" => c05(case),
        _ => return false,
    }
    true
}

fn carbon(weighted: f64, e_it_kwh: f64) -> Account {
    Account { weighted, all_weighted: weighted, ..account(1.0, e_it_kwh * UWH_PER_KWH) }
}

fn c01(case: &Case) {
    let table = FactorTable::embedded();
    for (region, factor, expected) in
        [("cn-beijing", "factor_beijing_2023", "beijing_kg"), ("cn", "factor_national_2023", "national_kg")]
    {
        let found = table.find(region, 2023).expect(region);
        case.near(factor, found.factor.kg_per_kwh.to_f64(), case.number(factor));
        let kg = case.number("grid_kwh") * found.factor.kg_per_kwh.to_f64();
        case.agrees(
            expected,
            Figure::of(Indicator::Carbon, hour(), &carbon(kg, 1.0)).value.expect("defined"),
        );
    }
}

/// Hourly factors weight each hour's own energy: in a real ledger, and by consumption.
fn c04(case: &Case) {
    let list = |name: &str| -> Vec<f64> {
        case.input(name).as_array().expect("list").iter().map(|v| v.as_f64().expect("number")).collect()
    };
    let energies = list("e_kwh");
    let mut bench = Bench::new(BTreeMap::from([(
        key("grid"),
        register(&Case(
            serde_json::json!({"inputs": {"register_unit": "kWh", "interpolation_limit_s": 7200}, "id": "C04"}),
        )),
    )]));
    let start = 1_780_000_000_000_i64.div_euclid(3_600_000) * 3_600_000;
    let from = Timestamp(start).minute();
    let series = FactorSeries::from_values(from, 60, list("factor_kg_per_kwh")).expect("factors by hour");
    let mut total = 0.0;
    let mut given = vec![reading(Timestamp(start), Decimal::ZERO, "kWh")];
    let mut consumption = Vec::new();
    for (energy, hour) in energies.iter().zip(1..) {
        total += energy;
        let value = Decimal::from_f64(total).expect("finite");
        given.push(reading(Timestamp(start + hour * 3_600_000), value, "kWh"));
        let interval = Interval::new(Minute(from.0 + (hour - 1) * 60), Minute(from.0 + hour * 60));
        consumption.push(Consumption { interval, energy_uwh: (energy * UWH_PER_KWH) as i128 });
    }
    let factors = LocationFactors { series: Some(&series), annual: Annual::Unknown, zone: Tz::UTC };
    let none = Instruments { market: "home", claims: &[], supplier: None, residual: None };
    case.agrees("kg", scope2(&consumption, &factors, &none).expect("reckoned").location_kg);

    bench.give("grid", &given);
    let steps = list("factor_kg_per_kwh").into_iter().zip((from.0..).step_by(60));
    let weight = Weight::steps(steps.map(|(factor, at)| (Minute(at), factor / UWH_PER_KWH)).collect());
    let connection = store::open_reader(&Layout::new(bench.dir.path())).expect("opens");
    let term = Term::all_of(bench.engine.meters().id(&key("grid")).expect("known"));
    let mut accounts = Accounts::new(Pair { weight: Some(weight), ..Pair::alone(&[term]) });
    let interval = Interval::new(from, Minute(from.0 + 60 * energies.len() as i64));
    let sums = accounts.account(&connection, interval).expect("read");
    case.agrees("kg", Figure::of(Indicator::Carbon, interval, &sums).value.expect("defined"));
}

fn c02(case: &Case) {
    let year = calendar::dates(
        Tz::UTC,
        "2023-01-01".parse().expect("a date"),
        "2024-01-01".parse().expect("a date"),
    );
    let claim = |lot: &str, kind, kwh: f64| Claim {
        lot: lot.to_owned(),
        kind,
        market: "cn".to_owned(),
        generated: year,
        energy_uwh: (kwh * UWH_PER_KWH) as i128,
        sold_uwh: 0,
        is_owned: true,
        is_retired: true,
        is_renewable: true,
        kg_per_kwh: Decimal::ZERO,
    };
    let claims = [
        claim("gec", ClaimKind::Certificate, case.number("gec_retired_mwh") * 1e3),
        claim("ppa", ClaimKind::Contract, case.number("ppa_kwh")),
    ];
    let residual =
        FactorTable::embedded().find("cn-excluding-traded", 2023).expect("a factor").factor.kg_per_kwh;
    assert_eq!(residual.to_f64(), case.number("residual_factor"));
    // A year of constant load, day by day: a whole number of µWh each, the last day with what is left.
    let all = (case.number("grid_kwh") * UWH_PER_KWH) as i128;
    let days = i128::from(year.minutes() / 1_440);
    let consumption: Vec<Consumption> = (0..days)
        .map(|day| {
            let from = Minute(year.from.0 + day as i64 * 1_440);
            let energy_uwh = all * (day + 1) / days - all * day / days;
            Consumption { interval: Interval::new(from, Minute(from.0 + 1_440)), energy_uwh }
        })
        .collect();
    let annual = Annual::Region { table: FactorTable::embedded(), region: "cn" };
    let factors = LocationFactors { series: None, annual, zone: Tz::UTC };
    let instruments = Instruments { market: "cn", claims: &claims, supplier: None, residual: Some(residual) };
    let both = scope2(&consumption, &factors, &instruments).expect("reckoned");
    assert_eq!((both.rest_by, both.energy_uwh), (RestBy::Residual, all));
    case.agrees("residual_kwh", both.rest_uwh as f64 / UWH_PER_KWH);
    case.agrees("market_kg", both.market_kg);
}

fn c03(case: &Case) {
    assert_eq!(DIESEL.kg_per_litre.to_f64(), case.number("density_kg_per_l"));
    assert_eq!(DIESEL.kg_co2_per_kg.to_f64(), case.number("kg_co2_per_kg"));
    let burnt = scope1(DIESEL, (case.number("diesel_l") * 1e3) as i128);
    case.agrees("diesel_kg", burnt.fuel_kg);
    case.agrees("scope1_kg", burnt.co2_kg);
}

/// By the formula, and as a figure of an account whose weights make both scopes.
fn c05(case: &Case) {
    for (scope2, expected, indicator) in [
        ("scope2_location_kg", "cue_location", Indicator::Cue),
        ("scope2_market_kg", "cue_market", Indicator::CueMarket),
    ] {
        let (scope1, scope2, it) = (case.number("scope1_kg"), case.number(scope2), case.number("e_it_kwh"));
        case.agrees(expected, cue(scope1, scope2, it).expect("defined"));
        let sums = carbon(scope1 + scope2, it);
        case.agrees(expected, Figure::of(indicator, hour(), &sums).value.expect("defined"));
    }
}
