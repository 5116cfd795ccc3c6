//! Chapter C: carbon, from configurations and readings.

use super::case::*;
use super::ratios::hour;
use super::site::{Metered, Site, certificate};
use wattledger_collector::indicators::carbon::{Instruments, RestBy, Scope2, scope1, scope2};
use wattledger_collector::indicators::figure::UWH_PER_KWH;
use wattledger_collector::indicators::{Figure, Indicator, Known};
use wattledger_model::carrier::Carrier;

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

/// Both figures of a site's grid electricity, hour by hour.
fn both(site: &Site) -> Scope2 {
    let facility = site.facility();
    let claims = site.claims();
    let instruments = Instruments {
        region: facility.region.as_deref(),
        claims: &claims,
        supplier: facility.supplier.as_ref().map(|factor| &factor.weight),
        residual: facility.residual.as_ref().map(|factor| &factor.weight),
    };
    let location = facility.factor.as_ref().expect("a factor");
    scope2(site.window, &site.hours(&facility.grid), location, &instruments)
}

/// Grid electricity over four hours, unevenly.
fn grid(kwh: f64) -> Metered {
    let by_hour = [0.1, 0.4, 0.2, 0.3].map(|part| part * kwh);
    Metered::of_role("grid", "utility", "kWh", kwh).by_hour(&by_hour)
}

/// As a figure of the ledger's weighted sums, and by consumption.
fn c01(case: &Case) {
    for (region, factor, expected) in
        [("cn-beijing", "factor_beijing_2023", "beijing_kg"), ("cn", "factor_national_2023", "national_kg")]
    {
        let site = Site::metering(&format!("grid = \"{region}\""), &[grid(case.number("grid_kwh"))]);
        let weight = site.facility().factor.as_ref().expect("a factor");
        case.near(factor, weight.at(site.window.from) * UWH_PER_KWH, case.number(factor));
        case.agrees(
            expected,
            site.value(Indicator::Carbon, site.facility().carbon().expect("grid and factor")),
        );
        case.agrees(expected, both(&site).location_kg);
    }
}

fn c02(case: &Case) {
    let energy = |unit, name| format!("energy = \"{} {unit}\"", case.number(name));
    let certificates = certificate("gec", 4, &energy("MWh", "gec_retired_mwh"))
        + &certificate("ppa", 4, &energy("kWh", "ppa_kwh"));
    let site = Site::metering(&format!("grid = \"cn\"\n{certificates}"), &[grid(case.number("grid_kwh"))]);
    let residual = site.facility().residual.as_ref().expect("China has one");
    case.near(
        "residual_factor",
        residual.weight.at(site.window.from) * UWH_PER_KWH,
        case.number("residual_factor"),
    );
    let found = both(&site);
    assert_eq!((found.rest_by, found.refused.len(), found.claimed.len()), (RestBy::Residual, 0, 2));
    case.agrees("residual_kwh", found.rest_uwh as f64 / UWH_PER_KWH);
    case.agrees("market_kg", found.market_kg);
}

fn diesel(case: &Case) -> Metered {
    Metered::of_fuel("oil", "generator-fuel", "diesel", "L", case.number("diesel_l"))
}

fn c03(case: &Case) {
    let site = Site::metering("", &[diesel(case)]);
    let known = site.facility().factors.fuel(Carrier::Diesel).clone();
    let factor = known.co2.as_ref().expect("a factor").value.to_f64();
    assert_eq!(known.density.expect("a density").value.to_f64(), case.number("density_kg_per_l"));
    assert_eq!(factor, case.number("kg_co2_per_kg"));
    let fuels = site.fuels();
    let burnt = scope1(&fuels);
    case.agrees("diesel_kg", burnt.kg / factor);
    case.agrees("scope1_kg", burnt.kg);
    assert!(!burnt.fuels[0].is_missing());
}

/// Hourly factors from a file weight each hour's own energy: in the ledger's sums, and by consumption.
fn c04(case: &Case) {
    let list = |name: &str| -> Vec<f64> {
        case.input(name).as_array().expect("list").iter().map(|v| v.as_f64().expect("number")).collect()
    };
    let (energies, factors) = (list("e_kwh"), list("factor_kg_per_kwh"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("factors.csv");
    let hours = (0..).map(|hour| format!("2023-06-01T{hour:02}:00:00Z"));
    let rows: String = hours.zip(&factors).map(|(at, factor)| format!("{at},{factor}\n")).collect();
    std::fs::write(&file, format!("time,kg/kWh\n{rows}")).expect("written");
    let site = Site::metering(
        &format!("emission_factor = \"9 kg/kWh\"\nfactor_series = \"{}\"", file.display()),
        &[grid(0.0).by_hour(&energies)],
    );
    case.agrees("kg", site.value(Indicator::Carbon, site.facility().carbon().expect("grid and factor")));
    case.agrees("kg", both(&site).location_kg);
}

/// Both scopes of one facility, whose location-based factor and rest are those of C01 and C02.
fn c05(case: &Case) {
    let kwh = case.number("scope2_location_kg") / 0.5554;
    let certified =
        format!("grid = \"cn-beijing\"\n{}", certificate("gec", 4, "market = \"cn\"\nenergy = \"5000 MWh\""));
    let litres = case.number("scope1_kg") / 0.84 / 3.0959;
    let meters = [
        grid(kwh),
        Metered::of_role("ups", "ups-output", "kWh", case.number("e_it_kwh")),
        Metered::of_fuel("oil", "generator-fuel", "diesel", "L", litres),
        // The generators' output is metered, so that their fuel is Scope 1 and no part of E_DC.
        Metered::of_role("gen", "generator", "kWh", 1.0),
    ];
    let site = Site::metering(&certified, &meters);
    let (fuels, found) = (site.fuels(), both(&site));
    let burnt = scope1(&fuels).kg;
    case.near("scope1_kg", burnt, case.number("scope1_kg"));
    case.near("scope2_location_kg", found.location_kg, case.number("scope2_location_kg"));
    case.near("scope2_market_kg", found.market_kg, case.number("scope2_market_kg"));
    let it_kwh = site.sum(&site.facility().it) as f64 / UWH_PER_KWH;
    for (kg, expected, indicator) in [
        (found.location_kg, "cue_location", Indicator::Cue),
        (found.market_kg, "cue_market", Indicator::CueMarket),
    ] {
        let known = Known { coverage: 1.0, interpolated: 0.0, estimated: 0.0 };
        let cue = Figure::composed(indicator, hour(), (burnt + kg, it_kwh), known);
        case.agrees(expected, cue.value.expect("defined"));
    }
}
