//! Chapters P and W: ratios of energies and water.

use super::bench::{Bench, key};
use super::case::*;
use serde_json::Value;
use std::collections::BTreeMap;
use wattledger_collector::indicators::category::Category;
use wattledger_collector::indicators::claim::{Claim, ClaimKind};
use wattledger_collector::indicators::energy::{Carrier, Conversion, Delivered, Supply};
use wattledger_collector::indicators::figure::{ML_PER_LITRE, UWH_PER_KWH};
use wattledger_collector::indicators::gb40879::{self, Condition, Grade};
use wattledger_collector::indicators::renewable::{Renewable, renewable};
use wattledger_collector::indicators::utilisation::{computational_efficiency, rack_utilisation};
use wattledger_collector::indicators::{Account, Figure, Indicator, Known, Status};
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Form, Kind};
use wattledger_model::reading::Reading;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, Minute, Timestamp};
use wattledger_model::unit::Quantity;

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "P01" => p01(case),
        "P02" => p02(case),
        "P03" => p03(case),
        "P04" => p04(case),
        "P05" => p05(case),
        "P06" => p06(case),
        "P07" => p07(case),
        "P08" => p08(case),
        "P09" => p09(case),
        "P10" => p10(case),
        "P11" => p11(case),
        "P12" => p12(case),
        "P13" => p13(case),
        "P14" => p14(case),
        "P15" => p15(case),
        "W01" => w01(case),
        "W02" => w02(case),
        "W03" => w03(case),
        "W04" => w04(case),
        _ => return false,
    }
    true
}

pub(crate) fn account(numerator: f64, denominator: f64) -> Account {
    let (numerator, denominator) = (numerator as i128, denominator as i128);
    Account { minutes: 60, numerator, denominator, all_numerator: [numerator, 0, 0], ..Account::default() }
}

pub(crate) fn hour() -> Interval {
    Interval::new(Minute(0), Minute(60))
}

fn p01(case: &Case) {
    let sums = account(case.number("e_dc_kwh") * UWH_PER_KWH, case.number("e_it_kwh") * UWH_PER_KWH);
    let pue = Figure::of(Indicator::Pue, hour(), &sums).value.expect("defined");
    case.agrees("pue", pue);
    let turned = account(case.number("e_it_kwh") * UWH_PER_KWH, case.number("e_dc_kwh") * UWH_PER_KWH);
    case.agrees("dcie_percent", value(Indicator::Dcie, &turned));
}

/// Hourly means of power for both sides, `null` for an hour without reading, through a real engine.
fn p02(case: &Case) {
    let unit = Some("kW".parse().expect("unit"));
    let mean = Interpretation {
        kind: Kind::Power,
        form: Form::IntervalMean,
        nominal_interval_ms: 3_600_000,
        ..Interpretation::unclaimed(unit)
    };
    let mut bench = Bench::new(BTreeMap::from([(key("dc"), mean.clone()), (key("it"), mean)]));
    let start = 1_780_000_000_000_i64.div_euclid(3_600_000) * 3_600_000;
    let sides = [("dc", "e_dc_kwh_per_hour"), ("it", "e_it_kwh_per_hour")];
    let mut hours = 0;
    for (meter, input) in sides {
        let values = case.input(input).as_array().expect("hours");
        hours = values.len() as i64;
        let readings: Vec<Reading> = values
            .iter()
            .zip(1..)
            .filter(|(value, _)| !value.is_null())
            .map(|(value, hour)| reading(Timestamp(start + hour * 3_600_000), decimal(value), "kW"))
            .collect();
        bench.give(meter, &readings);
    }
    let from = Timestamp(start).minute();
    let interval = Interval::new(from, Minute(from.0 + hours * 60));
    let figure = Figure::of(Indicator::Pue, interval, &bench.account("dc", Some("it"), interval));
    case.agrees("pue", figure.value.expect("defined"));
    case.agrees("coverage", figure.coverage);
}

/// The sums over hours, divided once.
fn p03(case: &Case) {
    let sum = |name: &str| -> f64 {
        case.input(name).as_array().expect("hours").iter().map(|value| value.as_f64().expect("number")).sum()
    };
    let sums = account(sum("e_dc_kwh") * UWH_PER_KWH, sum("e_it_kwh") * UWH_PER_KWH);
    case.agrees("pue", Figure::of(Indicator::Pue, hour(), &sums).value.expect("defined"));
}

/// The sums over sites, divided once.
fn p04(case: &Case) {
    let (mut dc, mut it) = (0.0, 0.0);
    for site in case.input("sites").as_array().expect("sites") {
        let e_it = site["e_it_mwh"].as_f64().expect("number") * 1e3;
        it += e_it;
        dc += e_it * site["pue"].as_f64().expect("number");
    }
    let sums = account(dc * UWH_PER_KWH, it * UWH_PER_KWH);
    case.agrees("fleet_pue", Figure::of(Indicator::Pue, hour(), &sums).value.expect("defined"));
}

fn p15(case: &Case) {
    let pairs = case.input("pairs_kwh").as_array().expect("pairs");
    for (i, pair) in pairs.iter().enumerate() {
        let of = |at: usize| pair[at].as_f64().expect("number") * UWH_PER_KWH;
        let figure = Figure::of(Indicator::Pue, hour(), &account(of(0), of(1)));
        let word = match figure.status {
            Status::Implausible => "implausible",
            Status::Undefined => "undefined",
            other => panic!("{other:?}"),
        };
        assert_eq!(case.expected("status")[i], word);
        match case.expected("pue")[i].as_f64() {
            Some(expected) => case.near("pue", figure.value.expect("defined"), expected),
            None => assert_eq!(figure.value, None),
        }
    }
}

fn w01(case: &Case) {
    let litres = case.number("water_m3") * 1e3;
    let sums = account(litres * ML_PER_LITRE, case.number("e_it_kwh") * UWH_PER_KWH);
    let wue = Figure::of(Indicator::Wue, hour(), &sums).value.expect("defined");
    case.agrees("wue_l_per_kwh", wue);
    case.agrees("wue_m3_per_mwh", wue);
}

/// The indicator of two sums in kWh.
fn ratio(indicator: Indicator, numerator_kwh: f64, denominator_kwh: f64) -> f64 {
    value(indicator, &account(numerator_kwh * UWH_PER_KWH, denominator_kwh * UWH_PER_KWH))
}

fn value(indicator: Indicator, sums: &Account) -> f64 {
    Figure::of(indicator, hour(), sums).value.expect("defined")
}

/// Whole µWh of kWh, or mL of m³ where those are meant; exact for the cases' numbers.
fn whole(number: f64, base_units: f64) -> i128 {
    (number * base_units).round() as i128
}

fn uwh(kwh: f64) -> i128 {
    whole(kwh, UWH_PER_KWH)
}

fn nested(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn p05(case: &Case) {
    let conversion = Conversion::source_weighted();
    let carriers = [
        ("electricity", Carrier::Electricity),
        ("natural_gas", Carrier::NaturalGas),
        ("fuel_oil", Carrier::FuelOil),
        ("district_chilled_water", Carrier::ChilledWater),
    ];
    let mut delivered = Vec::new();
    for (name, carrier) in carriers {
        let (_, weight) = conversion.factors(carrier, Quantity::Energy).expect("a weight");
        assert_eq!(weight.to_f64(), nested(&case.input("weights")[name]), "{name}");
        let amount = uwh(nested(&case.input("energy_kwh")[name]));
        delivered.push(Delivered { carrier, quantity: Quantity::Energy, amount });
    }
    let energy = conversion.convert(&delivered).expect("converts");
    case.agrees("e_dc_weighted_kwh", energy.total_uwh as f64 / UWH_PER_KWH);
    let total_kwh = energy.total_uwh as f64 / UWH_PER_KWH;
    case.agrees("pue", ratio(Indicator::Pue, total_kwh, case.number("e_it_kwh")));
}

fn p06(case: &Case) {
    let factor = Decimal::from_f64(case.number("chilled_water_factor")).expect("finite");
    let conversion = Conversion::energy_content().with_weight(Carrier::ChilledWater, factor);
    let of = |carrier, quantity, amount| Delivered { carrier, quantity, amount };
    let delivered = [
        of(Carrier::Electricity, Quantity::Energy, uwh(case.number("electricity_kwh"))),
        of(Carrier::NaturalGas, Quantity::Volume, whole(case.number("gas_m3"), 1e3 * ML_PER_LITRE)),
        of(Carrier::FuelOil, Quantity::Volume, whole(case.number("diesel_l"), ML_PER_LITRE)),
        of(Carrier::ChilledWater, Quantity::Energy, uwh(case.number("chilled_water_kwh_thermal"))),
    ];
    let energy = conversion.convert(&delivered).expect("converts");
    // µWh a mL are 10⁶ for a kWh a litre, 10³ for a kWh a m³.
    assert_eq!(energy.parts[1].content.to_f64(), case.number("kwh_per_m3_gas") * 1e3);
    assert_eq!(energy.parts[2].content.to_f64(), case.number("kwh_per_l_diesel") * 1e6);
    let total_kwh = energy.total_uwh as f64 / UWH_PER_KWH;
    case.agrees("e_dc_kwh", total_kwh);
    case.agrees("pue", ratio(Indicator::Pue, total_kwh, case.number("e_it_kwh")));
}

/// Category 1 takes the UPS output, and no role takes the input.
fn p07(case: &Case) {
    assert_eq!(Category::Basic.role(), Role::UpsOutput);
    let indicator = Indicator::pue_of(Category::Basic);
    case.agrees("pue1", ratio(indicator, case.number("e_dc_kwh"), case.number("e_ups_output_kwh")));
}

fn p08(case: &Case) {
    for category in Category::ALL {
        let input = match category.role() {
            Role::UpsOutput => "ups_output_kwh",
            Role::PduOutput => "pdu_output_kwh",
            Role::ItInput => "it_input_kwh",
            other => panic!("{other}"),
        };
        let indicator = Indicator::pue_of(category);
        case.agrees(indicator.word(), ratio(indicator, case.number("e_dc_kwh"), case.number(input)));
    }
}

fn p09(case: &Case) {
    let it = case.number("e_it_kwh");
    let (mut overhead, mut partial) = (0.0, 0.0);
    for (name, role) in [("cooling", Role::Cooling), ("power_path", Role::PowerPath), ("other", Role::Other)]
    {
        let energy = nested(&case.input("overhead_kwh")[name]);
        let found = ratio(Indicator::partial_of(role).expect("an overhead"), energy, it);
        case.near(name, found, nested(&case.expected("ppue")[name]));
        (overhead, partial) = (overhead + energy, partial + found - 1.0);
    }
    let pue = ratio(Indicator::Pue, it + overhead, it);
    case.agrees("pue", pue);
    case.near("1 + Σ (pPUE − 1)", 1.0 + partial, pue);
    let zone = case.input("zone");
    let zone = ratio(Indicator::PpueZone, nested(&zone["total_kwh"]), nested(&zone["it_kwh"]));
    case.agrees("zone_ppue", zone);
}

fn claim(lot: &str, kind: ClaimKind, energy_uwh: i128, sold_uwh: i128) -> Claim {
    Claim {
        lot: lot.to_owned(),
        kind,
        market: "home".to_owned(),
        generated: hour(),
        energy_uwh,
        sold_uwh,
        is_owned: true,
        is_retired: true,
        is_renewable: true,
        kg_per_kwh: Decimal::ZERO,
    }
}

/// REF as outputs show it.
fn shown(found: &Renewable) -> f64 {
    let sides = (found.counted_uwh as f64, found.facility_uwh as f64);
    let figure = Figure::composed(
        Indicator::Ref,
        hour(),
        sides,
        Known { coverage: 1.0, interpolated: 0.0, estimated: 0.0 },
    );
    assert_eq!((figure.value, figure.status), (found.factor(), Status::Ok));
    figure.value.expect("defined")
}

fn p10(case: &Case) {
    let supply = Supply {
        imported_uwh: uwh(case.number("grid_import_kwh")),
        renewable_uwh: uwh(case.number("pv_generation_kwh")),
        exported_uwh: uwh(case.number("export_kwh")),
        ..Supply::default()
    };
    let facility_uwh = supply.facility_uwh().expect("more came than left");
    case.agrees("e_dc_kwh", facility_uwh as f64 / UWH_PER_KWH);
    let it = case.number("e_it_kwh");
    case.agrees("pue", ratio(Indicator::Pue, facility_uwh as f64 / UWH_PER_KWH, it));
    let kept = case.input("certificates_retained").as_bool().expect("a flag");
    let roof = Claim { is_owned: kept, ..claim("roof", ClaimKind::OnSite, supply.renewable_used_uwh(), 0) };
    case.agrees("ref", shown(&renewable(facility_uwh, hour(), &[roof])));
}

fn p11(case: &Case) {
    let (total, it, reused) =
        (case.number("e_dc_mwh") * 1e3, case.number("e_it_mwh") * 1e3, case.number("e_reuse_mwh") * 1e3);
    case.agrees("pue", ratio(Indicator::Pue, total, it));
    case.agrees("erf", ratio(Indicator::Erf, reused, total));
    // The account of ERE has the reused heat as a term of coefficient −1.
    case.agrees("ere", ratio(Indicator::Ere, total - reused, it));
}

fn p12(case: &Case) {
    let ratios = case.input("energy_ratio").as_array().expect("ratios");
    let grades: Vec<Option<u8>> =
        ratios.iter().map(|ratio| Grade::of(nested(ratio)).map(Grade::number)).collect();
    assert_eq!(serde_json::json!(grades), *case.expected("grade"));
}

fn p13(case: &Case) {
    let at = |name: &str, condition: usize| nested(&case.input(name)[condition]);
    let conditions = std::array::from_fn(|condition| Condition {
        weight: at("temperature_weights", condition),
        total_kw: at("p_total_kw", condition),
        it_kw: at("p_it_kw", condition),
    });
    let found = gb40879::characteristic(case.number("hours"), &conditions).expect("a year");
    case.agrees("e_c_kwh", found.total_kwh);
    case.agrees("e_cit_kwh", found.it_kwh);
    case.agrees("r_m1", found.ratio);
}

fn p14(case: &Case) {
    let racks = |name: &str| case.number(name) as u32;
    let utilisation = rack_utilisation(racks("racks_in_use"), racks("racks_total"));
    case.agrees("rack_utilisation_percent", utilisation.expect("racks"));
    let efficiency = computational_efficiency(case.number("compute_fp32_flops"), case.number("p_it_w"));
    case.agrees("ce_flops_per_w", efficiency.expect("power"));
}

fn w02(case: &Case) {
    let heat_kwh = case.number("heat_removed_mwh") * 1e3;
    case.agrees("cer", ratio(Indicator::Cer, heat_kwh, case.number("cooling_electricity_mwh") * 1e3));
}

fn w03(case: &Case) {
    let mwh = |name: &str| uwh(case.number(name) * 1e3);
    let claims = [
        claim("goo", ClaimKind::Certificate, mwh("goo_retired_mwh"), 0),
        claim("ppa", ClaimKind::Contract, mwh("ppa_mwh"), mwh("ppa_certificates_sold_mwh")),
        claim("roof", ClaimKind::OnSite, mwh("on_site_mwh"), mwh("on_site_certificates_sold_mwh")),
    ];
    let found = renewable(mwh("e_dc_mwh"), hour(), &claims);
    case.agrees("e_ren_mwh", found.counted_uwh as f64 / UWH_PER_KWH / 1e3);
    case.agrees("ref", shown(&found));
}

fn w04(case: &Case) {
    let mwh = |name: &str| uwh(case.number(name) * 1e3);
    let claims = [claim("goo", ClaimKind::Certificate, mwh("goo_retired_mwh"), 0)];
    let found = renewable(mwh("e_dc_mwh"), hour(), &claims);
    case.agrees("ref", shown(&found));
    case.agrees("unused_mwh", found.excess_uwh as f64 / UWH_PER_KWH / 1e3);
}
