//! What a facility declares beside its meters: facts, factors, certificates; fuel, cooling and heat; notes.

use super::*;
use wattledger_model::carrier::Carrier;
use wattledger_model::facility::Scale;
use wattledger_model::time::Timestamp;

/// The least configuration with more lines in its facility.
fn with(lines: &str) -> String {
    LEAST.replace(
        "site = \"s\"\n[[meter]]\nname = \"in\"",
        &format!("site = \"s\"\n{lines}\n[[meter]]\nname = \"in\""),
    )
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect(text)
}

#[test]
fn targets_follow_from_what_the_facility_is_unless_it_names_them() {
    let ids = |lines: &str| -> Vec<String> {
        good(&with(lines)).facilities[0].targets.iter().map(|target| target.id.clone()).collect()
    };
    assert_eq!(ids(""), ["D130"]);
    assert_eq!(ids("climate = \"mild\""), ["D130"]);
    assert_eq!(ids("climate = \"severe-cold\""), ["D130", "D125"]);
    assert_eq!(ids("hub_node = true"), ["D130", "D125"]);
    assert_eq!(ids("hub_node = true\ntargets = [\"T22\", \"T26\"]"), ["T22", "T26"]);
    assert!(ids("targets = []").is_empty());
    // What never expires of the country's tables, where the facility surely is what they are for.
    let new = "country = \"CN\"\nstage = \"new\"\nstandard_racks = 3000";
    assert_eq!(ids(new), ["D130", "T22"]);
    assert_eq!(ids("country = \"CN\"\nstage = \"retrofitted\"\nstandard_racks = 3000"), ["D130", "T11"]);
    assert_eq!(ids("country = \"CN\"\nstage = \"new\""), ["D130"], "its scale is not known");
    assert_eq!(ids(&new.replace("CN", "DE")), ["D130"]);
    assert_eq!(ids(&format!("{new}\nin_service = 2021-11-29")), ["D130"], "older than the document");
    says(&messages(&with("country = \"Germany\"")), &["is no country: write its two letters"]);
    says(&messages(&with("design_pue = \"0.9\"")), &["a PUE is 1 at least, not 0.9"]);
    says(&messages(&with("green_grade = \"6A\"")), &["`6A` is not known; did you mean"]);
    says(&messages(&with("targets = [\"T99\"]")), &["T99"]);
}

#[test]
fn facts_hold_from_their_date_on() {
    let config = good(&with(
        "racks = 800\nracks_in_use = 400\nstandard_racks = 3000\ncompute_fp32_flops = 4.2e17\n\
         [[facility.since]]\nfrom = 2026-07-01\nracks = 1000\n[[facility.since]]\nfrom = 2026-09-01\nracks_in_use = 700",
    ));
    let facility = &config.facilities[0];
    let utilisation = |instant: &str| facility.facts_at(at(instant)).and_then(Facts::rack_utilisation);
    assert_eq!(utilisation("2020-01-01T00:00:00Z"), Some(0.5));
    assert_eq!(utilisation("2026-07-01T00:00:00Z"), Some(0.4));
    assert_eq!(utilisation("2027-01-01T00:00:00Z"), Some(0.7));
    assert_eq!(facility.facts[2].scale(), Some(Scale::Large));
    assert_eq!(facility.facts[2].compute_fp32_flops, Some(4.2e17));
    says(&messages(&with("racks = 10\nracks_in_use = 11")), &["11 racks in use are more than all 10"]);
    says(
        &messages(&with("[[facility.since]]\nfrom = 2026-07-01\n[[facility.since]]\nfrom = 2026-06-01")),
        &["write what changes in the order of time"],
    );
    says(&messages(&with("[[facility.since]]\nracks = 5")), &["`from` is missing"]);
    says(&messages(&with("it_rated_power = \"5 kWh\"")), &["is a power above zero"]);
    says(&messages(&with("compute_fp32_flops = 0")), &["must be above zero"]);
}

#[test]
fn certificates_say_when_they_were_generated_and_count_once() {
    let certificate =
        |kind: &str, lines: &str| format!("[[facility.certificate]]\nkind = \"{kind}\"\n{lines}\n");
    let year = "from = 2026-01-01\nto = 2027-01-01\nretired = 2027-01-15\n";
    let config = good(&with(&certificate("ppa", &format!("energy = \"3 GWh\"\nsold = \"400 MWh\"\n{year}"))));
    let found = &config.facilities[0].certificates[0];
    assert_eq!((found.energy, found.sold), (Some(3_000_000_000_000_000), 400_000_000_000_000));
    assert_eq!(found.generated.from.to_string(), "2026-01-01T00:00:00Z");
    says(&messages(&with(&certificate("on-site", year))), &[]);
    says(&messages(&with(&certificate("goo", year))), &["`energy` is missing"]);
    says(
        &messages(&with(&certificate("goo", "energy = \"1 MWh\"\nretired = 2027-01-01"))),
        &["`from` and `to` of the generation are missing"],
    );
    says(
        &messages(&with(&certificate("goo", "energy = \"1 MWh\"\nfrom = 2026-01-01\nto = 2027-01-01"))),
        &["warning: not `retired`"],
    );
    says(&messages(&with(&certificate("gec", &format!("energy = \"1.5 MWh\"\n{year}")))), &["is of 1 MWh"]);
    says(
        &messages(&with(&certificate("goo", &format!("energy = \"1 MWh\"\nsold = \"2 MWh\"\n{year}")))),
        &["more is `sold`"],
    );
    says(
        &messages(&with(&certificate("goo", &format!("energy = \"1 m3\"\n{year}")))),
        &["is an energy such as"],
    );
    let twice = certificate("goo", &format!("energy = \"1 MWh\"\nreference = \"X\"\n{year}")).repeat(2);
    says(&messages(&with(&twice)), &["certificate `X` stands in line 12 already"]);
    let elsewhere = certificate("gec", &format!("energy = \"1 MWh\"\nmarket = \"de\"\n{year}"));
    says(
        &messages(&with(&format!("grid = \"cn-beijing\"\n{elsewhere}"))),
        &["warning: the market `de` is not"],
    );
    let national = elsewhere.replace("\"de\"", "\"cn\"");
    says(&messages(&with(&format!("grid = \"cn-beijing\"\n{national}"))), &[]);
}

#[test]
fn market_factors_have_a_source_and_china_has_its_residual_mix() {
    let market = |lines: &str| good(&with(lines)).facilities[0].market.clone();
    assert_eq!(market(""), Market::default());
    assert_eq!(market("grid = \"cn-east\"").residual, Some(Carbon::Grid("cn-excluding-traded".to_owned())));
    assert!(market("residual_factor = \"0.7 kg/kWh\"\nresidual_factor_source = \"x\"").residual.is_some());
    says(
        &messages(&with("supplier_factor = \"0.1 kg/kWh\"")),
        &["warning: `supplier_factor` has no `supplier_factor_source`"],
    );
    says(&messages(&with("residual_factor_year = 2024")), &["belongs to a `residual_factor`"]);
    says(&messages(&with("residual_mix = \"cn-beijing\"")), &["is no residual mix"]);
    says(&messages(&with("residual_mix = \"cn-excluding-trade\"")), &["did you mean `cn-excluding-traded`?"]);
}

#[test]
fn hourly_factors_come_from_a_file_or_a_gauge_and_have_one_to_fall_back_on() {
    let declared = |name: &str, more: &str, gauge: &str| {
        let gauge = format!("[[meter]]\nname = \"grid-kg\"\nkind = \"gauge\"\n{gauge}\n");
        messages(&format!("{}{gauge}", with(&format!("factor_meter = \"{name}\"\n{more}"))))
    };
    let hourly = "form = \"on-change\"\nnominal_interval = \"1h\"";
    let meter = |name: &str, more: &str| declared(name, more, &format!("unit = \"kg/kWh\"\n{hourly}"));
    let gauge = |lines: &str| declared("grid-kg", "grid = \"cn\"", lines);
    says(&gauge(&format!("unit = \"g/kWh\"\n{hourly}")), &[]);
    says(&gauge("unit = \"g/kWh\""), &["warning: `grid-kg` is read as instants"]);
    says(&gauge(hourly), &["give the `unit` of `grid-kg`, kg/kWh or g/kWh"]);
    says(&gauge(&format!("unit = \"%\"\n{hourly}")), &["`grid-kg` is no gauge in kg/kWh or g/kWh"]);
    let later = format!(
        "unit = \"g/kWh\"\n{hourly}\n[[meter.instrument]]\nserial = \"a\"\n[[meter.instrument]]\nfrom = 2026-02-01\nserial = \"b\"\nunit = \"kg/kWh\""
    );
    says(&gauge(&later), &["`grid-kg` changes its unit"]);
    says(&meter("grid-kg", "grid = \"cn\""), &[]);
    says(&meter("grid-kg", ""), &["`factor_meter` needs a `grid` or an `emission_factor` beside it"]);
    says(&meter("grid-kgs", "grid = \"cn\""), &["there is no meter `grid-kgs`; did you mean `grid-kg`?"]);
    says(&meter("it", "grid = \"cn\""), &["`it` is no gauge in kg/kWh"]);
    says(&meter("grid-kg", "grid = \"cn\"\nfactor_series = \"a.csv\""), &["exclude each other"]);
    let config = good(&with("factor_series = \"/nowhere/series.csv\"\ngrid = \"cn\""));
    let problems = config.check_secrets().to_string();
    assert!(problems.starts_with("c.toml:12:17: cannot read the series of emission factors"), "{problems}");
}

#[test]
fn fuel_needs_its_carrier_and_delivered_cooling_the_factor_of_its_supplier() {
    let fuel = |lines: &str| of_meter(&format!("role = \"fuel\"\nkind = \"register\"\n{lines}"));
    let litres = "unit = \"L\"\nrated_flow = \"50 L/h\"";
    says(&fuel(&format!("{litres}\ncarrier = \"diesel\"")), &[]);
    says(&fuel(litres), &["a meter in the role fuel needs its `carrier`: diesel, gas"]);
    says(&fuel(&format!("{litres}\ncarrier = \"disel\"")), &["did you mean `diesel`?"]);
    says(&fuel("carrier = \"diesel\""), &["give the `unit` of `m`"]);
    says(
        &fuel("unit = \"kg\"\ncarrier = \"gas\""),
        &["gas by mass has no known energy content: give its `density`"],
    );
    says(
        &of_meter("role = \"cooling\"\nkind = \"power\"\ncarrier = \"gas\""),
        &["only a meter of fuel has a `carrier`"],
    );
    let cooling =
        "[[meter]]\nname = \"m\"\nfacility = \"f\"\nrole = \"district-cooling\"\nkind = \"power\"\n";
    says(&after_least(cooling), &["counts by the conversion factor of the supplying system"]);
    let told = |lines: &str| messages(&format!("{}{cooling}", with(lines)));
    says(&told("non_electric = \"source-weighted\""), &[]);
    says(&told("[facility.factors]\nsource = \"supplier 2025\"\ndistrict_cooling = \"0.25\""), &[]);
    says(
        &told("[facility.factors]\ndistrict_cooling = \"0.25\""),
        &["`district_cooling` needs a `source`", "counts by the conversion"],
    );
}

#[test]
fn what_the_operator_knows_better_takes_the_place_of_the_table_with_its_source() {
    let config = good(&with(
        "coal_equivalent = \"generation-equivalent\"\n[facility.factors]\nsource = \"own\"\nyear = 2025\n\
         electricity_coal = \"0.302 kgce/kWh\"\n[facility.factors.diesel]\ncontent = \"10 kWh/L\"\nsource = \"laboratory\"\n\
         [facility.factors.gas]\nco2 = \"2 kg/m3\"",
    ));
    let factors = &config.facilities[0].factors;
    assert_eq!(factors.electricity_coal.to_string(), "0.302 kgce/kWh (own, 2025)");
    assert_eq!(factors.fuel(Carrier::Diesel).content.to_string(), "10 kWh/L (laboratory, 2025)");
    assert_eq!(
        factors.fuel(Carrier::Gas).co2.as_ref().map(|co2| co2.to_string()).as_deref(),
        Some("2 kg/m3 (own, 2025)")
    );
    assert_eq!(factors.fuel(Carrier::Gas).content.value.to_string(), "10.5", "the table's");
    let table = &good(&with("coal_equivalent = \"generation-equivalent\"")).facilities[0].factors;
    assert_eq!(table.electricity_coal.value.to_string(), "0.31");
    says(
        &messages(&with("[facility.factors.diesel]\ncontent = \"10 kWh/kWh\"\nsource = \"x\"")),
        &["needs a value such as \"9.9 kWh/L\""],
    );
}

#[test]
fn the_input_of_a_ups_is_refused_as_it_energy_with_the_reason() {
    let text = LEAST.replace("ups-output", "ups-input");
    says(
        &messages(&text),
        &["no IT energy meter (ups-output, pdu-output, it-input): no PUE; ups-input is not IT energy"],
    );
}

#[test]
fn notes_say_what_makes_the_category_and_why_the_uncertainty_is_unknown() {
    let config = good(CAMPUS);
    let notes: Vec<String> = config.notes().iter().map(ToString::to_string).collect();
    let told =
        |expected: &str| assert!(notes.iter().any(|note| note.contains(expected)), "{expected}: {notes:#?}");
    told(
        "facility `beijing-1`: PUE2, because IT energy is measured at pdu-output (b1-pdu); PUE1 can be had too, from ups-output (b1-ups)",
    );
    told(
        "`h2-diesel` (generator-fuel) counts in E_DC only while no `generator` meter measures what it gives, by the method en-iso",
    );
    told("facility `berlin-2` has 0.6 of `chillers` (cooling)");
    told(
        "its uncertainty is unknown, so its verdicts are unguarded: no `class`, `limit` or `uncertainty` for h2-ups",
    );
    assert!(notes.iter().all(|note| note.starts_with("c.toml:") && note.contains(": note: ")));
}
