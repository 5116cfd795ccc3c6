//! Chapters P and W: ratios of energies and water.

use super::bench::{Bench, key};
use super::case::*;
use super::site::{Metered, Site, certificate};
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;
use wattledger_collector::indicators::category::Category;
use wattledger_collector::indicators::figure::{ML_PER_LITRE, UWH_PER_KWH};
use wattledger_collector::indicators::gb40879::{self, Condition, Grade};
use wattledger_collector::indicators::renewable::{Renewable, renewable};
use wattledger_collector::indicators::utilisation::{computational_efficiency, rack_utilisation};
use wattledger_collector::indicators::{Account, Figure, Indicator, Known, Pair, Status};
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_model::carrier::{Carrier, CarrierTable};
use wattledger_model::meter::{Form, Kind};
use wattledger_model::reading::Reading;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, Minute, Timestamp};

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
    case.agrees("dcie_percent", Figure::of(Indicator::Dcie, hour(), &turned).value.expect("defined"));
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
    let sums = account(numerator_kwh * UWH_PER_KWH, denominator_kwh * UWH_PER_KWH);
    Figure::of(indicator, hour(), &sums).value.expect("defined")
}

fn nested(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// What `E_DC` is made of by its parts agrees with the sum that figures are made of.
fn e_dc_kwh(site: &Site) -> f64 {
    let total = site.sum(&site.facility().total);
    let parts = site.facility().explain(|terms| Ok::<_, Infallible>(site.sum(terms)));
    let parts = parts.unwrap_or_else(|never| match never {});
    assert_eq!(parts.iter().map(|part| part.energy_uwh).sum::<i128>(), total);
    assert!(parts.iter().all(|part| part.amount == site.sum(&part.entry.metered)));
    total as f64 / UWH_PER_KWH
}

fn p05(case: &Case) {
    let energy = |name: &str| nested(&case.input("energy_kwh")[name]);
    let site = Site::metering(
        "non_electric = \"source-weighted\"",
        &[
            Metered::of_role("grid", "utility", "kWh", energy("electricity")),
            Metered::of_role("ups", "ups-output", "kWh", case.number("e_it_kwh")),
            Metered::of_fuel("gas", "fuel", "gas", "kWh", energy("natural_gas")),
            Metered::of_fuel("oil", "fuel", "fuel-oil", "kWh", energy("fuel_oil")),
            Metered::of_role("cold", "district-cooling", "kWh", energy("district_chilled_water")),
        ],
    );
    let factors = &site.facility().factors;
    let weight = |name: &str| nested(&case.input("weights")[name]);
    assert_eq!(CarrierTable::embedded().electricity_weight.value.to_f64(), weight("electricity"));
    for (carrier, name) in [(Carrier::Gas, "natural_gas"), (Carrier::FuelOil, "fuel_oil")] {
        assert_eq!(factors.fuel(carrier).source_weight.value.to_f64(), weight(name));
    }
    let cold = factors.district(Role::DistrictCooling).expect("a weight");
    assert_eq!(cold.value.to_f64(), weight("district_chilled_water"));
    case.agrees("e_dc_weighted_kwh", e_dc_kwh(&site));
    case.agrees("pue", site.value(Indicator::Pue, site.facility().pue()));
}

fn p06(case: &Case) {
    let factor = case.number("chilled_water_factor");
    let site = Site::metering(
        &format!("[facility.factors]\nsource = \"supplier\"\ndistrict_cooling = \"{factor}\""),
        &[
            Metered::of_role("grid", "utility", "kWh", case.number("electricity_kwh")),
            Metered::of_role("ups", "ups-output", "kWh", case.number("e_it_kwh")),
            Metered::of_fuel("gas", "fuel", "gas", "m3", case.number("gas_m3")),
            Metered::of_fuel("oil", "generator-fuel", "diesel", "L", case.number("diesel_l")),
            Metered::of_role("cold", "district-cooling", "kWh", case.number("chilled_water_kwh_thermal")),
        ],
    );
    let content = |carrier| site.facility().factors.fuel(carrier).content.value.to_f64();
    assert_eq!(content(Carrier::Gas), case.number("kwh_per_m3_gas"));
    assert_eq!(content(Carrier::Diesel), case.number("kwh_per_l_diesel"));
    case.agrees("e_dc_kwh", e_dc_kwh(&site));
    case.agrees("pue", site.value(Indicator::Pue, site.facility().pue()));
}

/// Category 1 takes the UPS output, and no figure takes the input.
fn p07(case: &Case) {
    let (dc, output) = (case.number("e_dc_kwh"), case.number("e_ups_output_kwh"));
    let input = output / case.number("ups_efficiency");
    let site = Site::metering(
        "",
        &[
            Metered::of_role("grid", "utility", "kWh", dc),
            Metered::of_role("ups-in", "ups-input", "kWh", input),
            Metered::of_role("ups", "ups-output", "kWh", output),
        ],
    );
    let facility = site.facility();
    case.agrees("pue1", site.value(Indicator::Pue, facility.pue()));
    assert_eq!((facility.category, facility.it_levels.len()), (Some(1), 1));
    case.near("dc / input", dc / input, case.expected("wrong_ups_input").as_f64().expect("a number"));
    let (_, wrong) = facility.components.iter().find(|(role, _)| *role == Role::UpsInput).expect("metered");
    assert!(facility.it.iter().all(|term| !wrong.contains(term)));
}

fn p08(case: &Case) {
    let site = Site::metering(
        "it_energy = \"ups-output\"",
        &[
            Metered::of_role("grid", "utility", "kWh", case.number("e_dc_kwh")),
            Metered::of_role("ups", "ups-output", "kWh", case.number("ups_output_kwh")),
            Metered::of_role("pdu", "pdu-output", "kWh", case.number("pdu_output_kwh")),
            Metered::of_role("it", "it-input", "kWh", case.number("it_input_kwh")),
        ],
    );
    for category in Category::ALL {
        let indicator = Indicator::pue_of(category);
        let pair = site.facility().pue_of(category.number()).expect("metered");
        case.agrees(indicator.word(), site.value(indicator, pair));
    }
}

fn p09(case: &Case) {
    let it = case.number("e_it_kwh");
    let roles = [("cooling", Role::Cooling), ("power_path", Role::PowerPath), ("other", Role::Other)];
    let overhead = |name: &str| nested(&case.input("overhead_kwh")[name]);
    let zone = |name: &str| nested(&case.input("zone")[name]);
    let all: f64 = it + roles.iter().map(|(name, _)| overhead(name)).sum::<f64>();
    let mut meters = vec![
        Metered::of_role("grid", "utility", "kWh", all),
        Metered::of_role("ups", "ups-output", "kWh", it),
        Metered::of_zone("room-all", "zone-total", zone("total_kwh")),
        Metered::of_zone("room-it", "pdu-output", zone("it_kwh")),
    ];
    meters.extend(
        roles.iter().map(|(name, role)| {
            Metered::of_role(&name.replace('_', "-"), role.word(), "kWh", overhead(name))
        }),
    );
    let site = Site::metering("[[zone]]\nname = \"room\"\nfacility = \"f\"", &meters);
    let facility = site.facility();
    let pue = site.value(Indicator::Pue, facility.pue());
    case.agrees("pue", pue);
    let mut partial = 0.0;
    for (name, role) in roles {
        let (_, terms) = facility.overhead.iter().find(|(other, _)| *other == role).expect("metered");
        let indicator = Indicator::partial_of(role).expect("an overhead");
        let found = site.value(indicator, Pair::ratio(terms, &facility.it));
        case.near(name, found, nested(&case.expected("ppue")[name]));
        partial += found - 1.0;
    }
    case.near("1 + Σ (pPUE − 1)", 1.0 + partial, pue);
    case.agrees("zone_ppue", site.value(Indicator::PpueZone, facility.zones[0].ppue()));
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

/// The renewable energy of a site by its certificates and meters.
fn renewable_of(site: &Site) -> Renewable {
    let facility = site.facility();
    renewable(site.sum(&facility.total), site.window, &site.claims())
}

fn p10(case: &Case) {
    let of = |certificate: &str| {
        Site::metering(
            certificate,
            &[
                Metered::of_role("grid", "utility", "kWh", case.number("grid_import_kwh")),
                Metered::of_role("pv", "on-site-renewable", "kWh", case.number("pv_generation_kwh")),
                Metered::of_role("out", "export", "kWh", case.number("export_kwh")),
                Metered::of_role("ups", "ups-output", "kWh", case.number("e_it_kwh")),
            ],
        )
    };
    assert_eq!(case.input("certificates_retained").as_bool(), Some(true));
    let kept = of(&certificate("on-site", 1, ""));
    case.agrees("e_dc_kwh", e_dc_kwh(&kept));
    case.agrees("pue", kept.value(Indicator::Pue, kept.facility().pue()));
    case.agrees("ref", shown(&renewable_of(&kept)));
    let all = format!("sold = \"{} kWh\"", case.number("pv_generation_kwh"));
    let sold = of(&certificate("on-site", 1, &all));
    assert_eq!(shown(&renewable_of(&sold)), 0.0, "what was sold counts nowhere, whatever flows");
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

/// A facility of so much energy with certificates.
fn certified(e_dc_mwh: f64, certificates: &[String]) -> Site {
    let grid = Metered::of_role("grid", "utility", "MWh", e_dc_mwh);
    Site::metering(&certificates.concat(), &[grid, Metered::of_role("ups", "ups-output", "MWh", 1.0)])
}

fn w03(case: &Case) {
    let mwh = |key: &str, name: &str| format!("{key} = \"{} MWh\"\n", case.number(name));
    let ppa = mwh("energy", "ppa_mwh") + &mwh("sold", "ppa_certificates_sold_mwh");
    let roof = mwh("energy", "on_site_mwh") + &mwh("sold", "on_site_certificates_sold_mwh");
    let certificates = [
        certificate("goo", 1, &mwh("energy", "goo_retired_mwh")),
        certificate("ppa", 1, &ppa),
        certificate("on-site", 1, &roof),
    ];
    let found = renewable_of(&certified(case.number("e_dc_mwh"), &certificates));
    case.agrees("e_ren_mwh", found.counted_uwh as f64 / UWH_PER_KWH / 1e3);
    case.agrees("ref", shown(&found));
}

fn w04(case: &Case) {
    let energy = format!("energy = \"{} MWh\"", case.number("goo_retired_mwh"));
    let found = renewable_of(&certified(case.number("e_dc_mwh"), &[certificate("goo", 1, &energy)]));
    case.agrees("ref", shown(&found));
    case.agrees("unused_mwh", found.excess_uwh as f64 / UWH_PER_KWH / 1e3);
}
