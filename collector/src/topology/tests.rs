//! From a configuration's text to the sums of its facilities.

use super::*;
use crate::indicators::account::{ALWAYS, MILLIONTHS};
use crate::ledger::interpret::Joint;
use wattledger_model::carrier::Carrier;
use wattledger_model::decimal::Decimal;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, Minute};

const HEAD: &str = "\
[collector]
name = \"c\"
data_dir = \"/d\"
[link]
broker = \"mqtt://127.0.0.1:1883\"
[[site]]
name = \"s\"
time_zone = \"Europe/Berlin\"
[[facility]]
name = \"f\"
site = \"s\"
";

/// A meter of energy registers.
fn energy(name: &str, lines: &str) -> String {
    format!(
        "[[meter]]\nname = \"{name}\"\nkind = \"register\"\nunit = \"kWh\"\nrated_power = \"1 MW\"\n{lines}\n"
    )
}

fn of_facility(name: &str, role: &str) -> String {
    energy(name, &format!("facility = \"f\"\nrole = \"{role}\""))
}

/// Utility and IT energy, so that there is a PUE.
fn both() -> String {
    of_facility("in", "utility") + &of_facility("it", "ups-output")
}

struct Compiled {
    config: CollectorConfig,
    topology: Topology,
}

impl Compiled {
    fn of(text: &str) -> Compiled {
        let config = CollectorConfig::parse("c.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
        let number = |key: &MeterKey| {
            config.meters.iter().position(|meter| meter.key == *key).map(|at| at as MeterId + 1)
        };
        let topology = Topology::compile(&config, number);
        Compiled { config, topology }
    }

    fn facility(&self) -> &Facility {
        &self.topology.facilities[0]
    }

    /// Terms as `(name, millionths)`, in the order of names.
    fn named(&self, terms: &[Term]) -> Vec<(String, i64)> {
        let name = |term: &Term| self.topology.meters[&term.meter].declared.key.meter.to_string();
        let mut named: Vec<(String, i64)> = terms.iter().map(|term| (name(term), term.millionths)).collect();
        named.sort();
        named
    }

    /// The sum for amounts by meter in base units, in base units.
    fn sum(&self, terms: &[Term], amounts: &[(&str, i128)]) -> i128 {
        let of = |(name, millionths): (String, i64)| {
            let amount = amounts.iter().find(|(other, _)| *other == name).map_or(0, |(_, amount)| *amount);
            i128::from(millionths) * amount
        };
        self.named(terms).into_iter().map(of).sum::<i128>() / i128::from(MILLIONTHS)
    }
}

fn terms(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(name, millionths)| ((*name).to_owned(), *millionths)).collect()
}

const KWH: i128 = 1_000_000_000;

#[test]
fn a_simple_site_is_what_it_always_was() {
    let compiled = Compiled::of(&format!("{HEAD}{}{}", both(), of_facility("plant", "cooling")));
    let facility = compiled.facility();
    assert_eq!(facility.total, [Term::all_of(1)]);
    assert_eq!(facility.it, [Term::all_of(2)]);
    assert_eq!((facility.category, &facility.problem), (Some(1), &None));
    assert_eq!(
        facility.components.iter().map(|(role, _)| *role).collect::<Vec<_>>(),
        [Role::Utility, Role::UpsOutput, Role::Cooling]
    );
    assert_eq!(facility.overhead, [(Role::Cooling, vec![Term::all_of(3)])]);
    assert_eq!(facility.cooling(), [Term::all_of(3)]);
    assert_eq!(facility.patience, [(1, 900_000), (2, 900_000)]);
    assert!(facility.water.is_empty() && facility.carbon().is_none() && facility.zones.is_empty());
}

#[test]
fn an_unassigned_meter_that_is_claimed_without_a_beginning_counts_in_all_of_its_past() {
    let compiled = Compiled::of(&format!(
        "{HEAD}{}{}",
        both(),
        energy("plant", "[[meter.claim]]\nfacility = \"f\"\nrole = \"cooling\"")
    ));
    assert_eq!(compiled.facility().overhead[0].1[0].during, ALWAYS);
}

#[test]
fn claims_count_by_their_share_and_only_in_their_time() {
    let claim = "[[meter.claim]]\nfacility = \"f\"\nrole = \"cooling\"\nshare = \"0.6\"\nfrom = 2026-04-01\nto = \"2026-05-01 00:00\"";
    let compiled = Compiled::of(&format!("{HEAD}{}{}", both(), energy("plant", claim)));
    let term = compiled.facility().cooling()[0];
    assert_eq!(term.millionths, 600_000);
    assert_eq!(term.during.to_string(), "[2026-03-31T22:00:00Z, 2026-04-30T22:00:00Z)", "the site's clocks");
}

/// Vector P10: self-consumed generation counts, export does not, and is never netted in a register.
#[test]
fn export_is_taken_off_once_and_storage_is_inside() {
    let roles = [
        ("pv", "on-site-renewable"),
        ("out", "export"),
        ("charge", "storage-charge"),
        ("discharge", "storage-discharge"),
    ];
    let more: String = roles.iter().map(|(name, role)| of_facility(name, role)).collect();
    let compiled = Compiled::of(&format!("{HEAD}{}{more}", both()));
    let facility = compiled.facility();
    let amounts = [
        ("in", 900_000 * KWH),
        ("pv", 150_000 * KWH),
        ("out", 30_000 * KWH),
        ("charge", 9 * KWH),
        ("discharge", 7 * KWH),
    ];
    assert_eq!(compiled.sum(&facility.total, &amounts), 1_020_000 * KWH);
    assert_eq!(compiled.sum(&facility.export, &amounts), 30_000 * KWH, "positive in its own sum");
    assert_eq!(compiled.sum(&facility.storage_losses(), &amounts), 2 * KWH);
}

fn non_electric(method: &str) -> String {
    let facility = format!(
        "{HEAD}non_electric = \"{method}\"\n[facility.factors]\nsource = \"supplier\"\ndistrict_cooling = \"0.25\"\n"
    );
    let facility = if method == "en-iso" {
        facility
    } else {
        facility.replace("[facility.factors]\nsource = \"supplier\"\ndistrict_cooling = \"0.25\"\n", "")
    };
    let gas = "[[meter]]\nname = \"gas\"\nfacility = \"f\"\nrole = \"fuel\"\ncarrier = \"gas\"\nkind = \"register\"\nunit = \"m3\"\nrated_flow = \"9 m3/h\"\n";
    let oil = "[[meter]]\nname = \"oil\"\nfacility = \"f\"\nrole = \"generator-fuel\"\ncarrier = \"diesel\"\nkind = \"register\"\nunit = \"L\"\nrated_flow = \"90 L/h\"\n";
    format!("{facility}{}{gas}{oil}{}", both(), of_facility("chilled", "district-cooling"))
}

/// Vector P06: fuels by their content, delivered cooling by its supplier's factor.
#[test]
fn what_is_not_electricity_enters_by_the_en_iso_method() {
    let compiled = Compiled::of(&non_electric("en-iso"));
    let facility = compiled.facility();
    let amounts = [
        ("in", 10_000_000 * KWH),
        ("gas", 20_000 * 1_000_000),
        ("oil", 5_000 * 1_000),
        ("chilled", 2_500_000 * KWH),
    ];
    assert_eq!(compiled.sum(&facility.total, &amounts), 10_884_500 * KWH);
    assert_eq!(
        facility.conversions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "gas × 10.5 kWh/m3 (EN 50600-4 factsheet), en-iso",
            "diesel × 9.9 kWh/L (EN 50600-4 factsheet), en-iso",
            "district-cooling × 0.25 (supplier), en-iso"
        ]
    );
    let fuels: Vec<_> = facility.fuels.iter().map(|fuel| (fuel.carrier, fuel.role)).collect();
    assert_eq!(fuels, [(Carrier::Diesel, Role::GeneratorFuel), (Carrier::Gas, Role::Fuel)]);
    // Vector C03: 12 000 L at 0.84 kg/L and 3.0959 kg/kg.
    let diesel = &facility.fuels[0];
    let per_base = diesel.co2_kg_per_base.expect("a factor");
    assert!((per_base * 12_000.0 * 1_000.0 - 31_206.672).abs() < 1e-6);
    assert_eq!(compiled.sum(&diesel.terms, &amounts), 5_000_000, "in its own unit");
    // Vector K01: gas by 1.33 kgce/m3.
    let coal = facility.fuels[1].coal_kg_per_base.expect("a factor");
    assert!((coal * 600_000.0 * 1e6 / 1_000.0 - 798.0).abs() < 1e-9);
}

/// Vector P05, with the gas and cooling of the other one: 10 GWh + 0.35 · (210 + 49.5) MWh + 0.4 · 2.5 GWh.
#[test]
fn or_by_source_weighting_and_never_by_both() {
    let compiled = Compiled::of(&non_electric("source-weighted"));
    let facility = compiled.facility();
    let amounts = [
        ("in", 10_000_000 * KWH),
        ("gas", 20_000 * 1_000_000),
        ("oil", 5_000 * 1_000),
        ("chilled", 2_500_000 * KWH),
    ];
    assert_eq!(compiled.sum(&facility.total, &amounts), 11_090_825 * KWH);
    assert!(
        facility.conversions.iter().all(|by| by.to_string().ends_with("source-weighted")),
        "{:?}",
        facility.conversions
    );
}

#[test]
fn a_generators_fuel_counts_only_while_no_meter_shows_what_it_gives() {
    let generator = energy(
        "gen",
        "[[meter.claim]]\nfacility = \"f\"\nrole = \"generator\"\nfrom = 2026-04-01\nto = 2026-05-01",
    );
    let compiled = Compiled::of(&format!("{}{generator}", non_electric("en-iso")));
    let facility = compiled.facility();
    let oil =
        compiled.config.meters.iter().position(|meter| meter.key.meter.as_str() == "oil").expect("declared")
            as MeterId
            + 1;
    let during: Vec<Interval> =
        facility.total.iter().filter(|term| term.meter == oil).map(|term| term.during).collect();
    let april = facility.generator[0].during;
    assert_eq!(during, [Interval::new(ALWAYS.from, april.from), Interval::new(april.to, ALWAYS.to)]);
    assert_eq!(facility.fuels[0].terms[0].during, ALWAYS, "Scope 1 and coal take all of it");
    let always = Compiled::of(&format!("{}{}", non_electric("en-iso"), of_facility("gen", "generator")));
    assert!(!always.facility().total.iter().any(|term| term.meter == oil));
}

#[test]
fn what_the_total_is_made_of_is_told_with_its_amounts_and_factors() {
    let more = of_facility("out", "export") + &of_facility("pv", "on-site-renewable");
    let compiled = Compiled::of(&format!("{}{more}", non_electric("en-iso")));
    let facility = compiled.facility();
    let amounts = [
        ("in", 900 * KWH),
        ("pv", 150 * KWH),
        ("out", 30 * KWH),
        ("gas", 2 * 1_000_000),
        ("oil", 3 * 1_000),
        ("chilled", 4 * KWH),
    ];
    let parts = facility.explain(|terms| Ok::<_, ()>(compiled.sum(terms, &amounts))).expect("no error");
    let told: Vec<_> =
        parts.iter().map(|part| (part.entry.role, part.amount, part.energy_uwh * 10 / KWH)).collect();
    let expected = [
        (Role::Utility, 900 * KWH, 9_000),
        (Role::Export, 30 * KWH, -300),
        (Role::OnSiteRenewable, 150 * KWH, 1_500),
        (Role::Fuel, 2_000_000, 210),
        (Role::GeneratorFuel, 3_000, 297),
        (Role::DistrictCooling, 4 * KWH, 10),
    ];
    assert_eq!(told, expected);
    assert_eq!(parts[3].entry.factor.as_ref(), facility.conversions.first());
    let total: i128 = parts.iter().map(|part| part.energy_uwh).sum();
    assert_eq!(total, compiled.sum(&facility.total, &amounts));
}

#[test]
fn electricity_counts_as_coal_once_and_that_of_generators_by_their_fuel() {
    let roles = [("pv", "on-site-renewable"), ("out", "export"), ("gen", "generator")];
    let more: String = roles.iter().map(|(name, role)| of_facility(name, role)).collect();
    let electricity = |text: String| {
        let compiled = Compiled::of(&text);
        compiled.named(&compiled.facility().coal_electricity())
    };
    let with_fuel = electricity(format!("{}{more}", non_electric("en-iso")));
    assert_eq!(with_fuel, terms(&[("in", MILLIONTHS), ("out", -MILLIONTHS), ("pv", MILLIONTHS)]));
    let without = electricity(format!("{HEAD}{}{more}", both()));
    assert!(without.contains(&("gen".to_owned(), MILLIONTHS)), "nothing else shows what it burnt");
}

#[test]
fn a_factor_of_another_year_is_told_for_as_long_as_it_stands_in() {
    let compiled = Compiled::of(&format!("{HEAD}grid = \"cn\"\n{}", both()));
    let facility = compiled.facility();
    assert_eq!(facility.region.as_deref(), Some("cn"));
    let origins = facility.factor_origins.as_ref().expect("a factor");
    let minute = |text: &str| Timestamp::from_rfc3339(text).expect(text).minute();
    let window = Interval::new(minute("2023-12-31T22:00:00Z"), minute("2024-01-01T00:00:00Z"));
    let year = |is_substitute| Origin::Year {
        year: Some(2023),
        is_substitute,
        is_unconfirmed: false,
        instead_of_series: false,
    };
    assert_eq!(origins.over(window), [(year(false), 60), (year(true), 60)], "years begin in Berlin");
}

#[test]
fn each_category_that_is_metered_can_be_computed_and_one_counts() {
    let text = format!("{HEAD}it_energy = \"pdu-output\"\n{}{}", both(), of_facility("pdu", "pdu-output"));
    let compiled = Compiled::of(&text);
    let facility = compiled.facility();
    assert_eq!(facility.it_levels.iter().map(|level| level.category).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((facility.category, compiled.named(&facility.it)), (Some(2), terms(&[("pdu", MILLIONTHS)])));
    assert_eq!(facility.pue_of(1).map(|pair| pair.denominator), Some(vec![Term::all_of(2)]));
    assert!(facility.pue_of(3).is_none());
}

#[test]
fn the_input_of_a_ups_is_in_no_figure() {
    let compiled = Compiled::of(&format!(
        "{HEAD}{}{}",
        of_facility("in", "utility"),
        of_facility("ups-in", "ups-input")
    ));
    let facility = compiled.facility();
    assert!(facility.it.is_empty() && facility.category.is_none() && facility.overhead.is_empty());
    assert_eq!(facility.problem, Some(Problem::NoItEnergy));
}

/// Vector E14: a sum with subtractions, claimed as a meter is, and to be had alone.
#[test]
fn a_virtual_meter_counts_as_the_meters_it_is_made_of() {
    let meters: String =
        ["incomer-a", "incomer-b", "office", "ev"].iter().map(|name| energy(name, "")).collect();
    let supply = "[[virtual]]\nname = \"supply\"\nfacility = \"f\"\nrole = \"utility\"\nsum = [\"incomer-a\", \"incomer-b\", \"-others\"]\n\
                  [[virtual]]\nname = \"others\"\nsum = [\"office\", \"ev\"]\n";
    let compiled = Compiled::of(&format!("{HEAD}{}{meters}{supply}", of_facility("it", "ups-output")));
    let expected = terms(&[
        ("ev", -MILLIONTHS),
        ("incomer-a", MILLIONTHS),
        ("incomer-b", MILLIONTHS),
        ("office", -MILLIONTHS),
    ]);
    assert_eq!(compiled.named(&compiled.facility().total), expected);
    let amounts = [("incomer-a", 412_500), ("incomer-b", 398_200), ("office", 21_700), ("ev", 4_400)];
    assert_eq!(compiled.sum(&compiled.facility().total, &amounts), 784_600);
    let key = compiled.config.virtuals[0].key.clone();
    assert_eq!(compiled.named(&compiled.topology.virtuals[&key]), expected);
    assert_eq!(compiled.facility().patience.len(), 5, "the horizon waits for each of them");
}

#[test]
fn a_share_of_a_virtual_meter_is_a_share_of_each_part() {
    let virtual_meter = "[[virtual]]\nname = \"cold\"\nsum = [\"0.5 * a\", \"-b\"]\n\
        [[virtual.claim]]\nfacility = \"f\"\nrole = \"cooling\"\nshare = \"0.4\"\n";
    let compiled =
        Compiled::of(&format!("{HEAD}{}{}{}{virtual_meter}", both(), energy("a", ""), energy("b", "")));
    assert_eq!(compiled.named(compiled.facility().cooling()), terms(&[("a", 200_000), ("b", -400_000)]));
}

/// Vector P09: a zone's own total over its own IT energy.
#[test]
fn a_zone_has_sums_of_its_own() {
    let zone = "[[zone]]\nname = \"room\"\nfacility = \"f\"\n";
    let claim = |role: &str| format!("[[meter.claim]]\nzone = \"room\"\nrole = \"{role}\"");
    let more = energy("all", &claim("zone-total")) + &energy("pdu", &claim("pdu-output"));
    let compiled = Compiled::of(&format!("{HEAD}{zone}{}{more}", both()));
    let facility = compiled.facility();
    let pair = facility.zones[0].ppue();
    assert_eq!(compiled.named(&pair.numerator), terms(&[("all", MILLIONTHS)]));
    assert_eq!(compiled.named(&pair.denominator), terms(&[("pdu", MILLIONTHS)]));
    assert_eq!((facility.zones[0].category, facility.category), (Some(2), Some(1)));
    assert_eq!(facility.it_levels.len(), 1, "the zone's meter is not the facility's");
}

#[test]
fn potable_water_is_a_part_of_the_water_or_all_of_it() {
    let water = |name: &str, role: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nfacility = \"f\"\nrole = \"{role}\"\nkind = \"flow\"\nunit = \"L/min\"\n"
        )
    };
    let alone = Compiled::of(&format!("{HEAD}{}{}", both(), water("tap", "potable-water")));
    assert_eq!(alone.facility().water, alone.facility().potable_water);
    let part =
        Compiled::of(&format!("{HEAD}{}{}{}", both(), water("tap", "potable-water"), water("all", "water")));
    assert_eq!(part.named(&part.facility().water), terms(&[("all", MILLIONTHS)]));
    assert_eq!(part.named(&part.facility().potable_water), terms(&[("tap", MILLIONTHS)]));
}

#[test]
fn two_feeds_and_all_that_hangs_on_either_are_one_node() {
    let meters = energy("a", "")
        + &energy("b", "")
        + &energy("x", "fed_by = [\"a\", \"b\"]")
        + &energy("y", "fed_by = [\"b\"]")
        + &energy("z", "fed_by = [\"x\"]");
    let compiled = Compiled::of(&format!("{HEAD}{}{meters}", both()));
    let names: Vec<String> = compiled.topology.balances.iter().map(Balance::name).collect();
    assert_eq!(names, ["a+b", "x"]);
    let node = &compiled.topology.balances[0];
    assert_eq!(node.children.iter().map(|child| child.name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    let expected = terms(&[("a", MILLIONTHS), ("b", MILLIONTHS), ("x", -MILLIONTHS), ("y", -MILLIONTHS)]);
    assert_eq!(compiled.named(&node.residual()), expected);
}

#[test]
fn an_exchange_and_a_changed_ratio_are_epochs_and_a_calibration_is_none() {
    let lines = "scale = 40\nresolution = 1\nserial = \"A\"\nclass = \"1\"\nlast = \"900\"\ndirection = \"both\"\n\
        [[meter.instrument]]\nfrom = \"2026-03-02T09:58:00Z\"\nserial = \"B\"\nclass = \"0.2S\"\nfirst = \"5\"\nrated_power = \"2 MW\"\nmodulus = 1000000\n\
        [[meter.instrument]]\nfrom = 2026-05-01\nscale = 80\nencoding = \"binary32\"\n\
        [[meter.instrument]]\nfrom = 2026-06-01\ncalibrated = 2026-06-01\n";
    let compiled = Compiled::of(&format!("{HEAD}{}{}", both(), energy("m", lines)));
    let known = &compiled.topology.meters[&3];
    let read = &known.interpretation;
    assert_eq!((read.scale, read.modulus, read.is_bidirectional), (Decimal::new(40, 0), None, true));
    assert_eq!(read.later.len(), 2, "nothing is read otherwise after a calibration");
    let (exchange, ratio) = (&read.later[0], &read.later[1]);
    let joint = Joint::Exchanged { last: Some(Decimal::new(900, 0)), first: Some(Decimal::new(5, 0)) };
    assert_eq!((exchange.joint, exchange.scale), (joint, Decimal::new(40, 0)));
    assert_eq!(exchange.rated, Some(2_000_000_000_000));
    assert_eq!((ratio.joint, ratio.scale, ratio.is_binary32), (Joint::Continues, Decimal::new(80, 0), true));
    assert_eq!(ratio.modulus, Some(Decimal::new(1_000_000, 0)), "goes on");
    let serial = |at: &str| {
        let at = Timestamp::from_rfc3339(at).expect(at);
        known.sitting_at(at).and_then(|sitting| sitting.instrument.serial.clone())
    };
    assert_eq!(serial("2026-03-02T09:57:59Z").as_deref(), Some("A"));
    assert_eq!(serial("2026-03-02T09:58:00Z").as_deref(), Some("B"));
}

#[test]
fn a_series_of_factors_counts_where_it_has_a_value_and_the_year_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("series.csv");
    std::fs::write(&file, "time,g/kWh\n2026-01-01T00:00:00Z,100\n2026-01-01T01:00:00Z,300\n")
        .expect("written");
    let text =
        format!("{HEAD}emission_factor = \"0.5 kg/kWh\"\nfactor_series = \"{}\"\n{}", file.display(), both());
    let compiled = Compiled::of(&text);
    let facility = compiled.facility();
    let weight = facility.factor.as_ref().expect("a factor");
    let at = |text: &str| weight.at(Timestamp::from_rfc3339(text).expect(text).minute()) * 1e9;
    assert!((at("2026-01-01T00:30:00Z") - 0.1).abs() < 1e-12);
    assert!((at("2026-01-01T01:00:00Z") - 0.3).abs() < 1e-12);
    assert!((at("2026-01-01T02:00:00Z") - 0.5).abs() < 1e-12, "after its end");
    assert!(
        facility
            .factor_note
            .as_ref()
            .map(ToString::to_string)
            .is_some_and(|note| note.starts_with("series ") && note.contains("else 0.5 kg/kWh"))
    );
    std::fs::remove_file(&file).expect("removed");
    let without = Compiled::of(&text);
    let note = without.facility().factor_note.as_ref().expect("a note").to_string();
    assert!(note.contains("cannot read the series"), "{note}");
    assert!(without.facility().factor.is_some(), "the year's factor stands in, and the note says why");
}

#[test]
fn market_factors_and_the_gauge_of_hourly_ones_are_at_hand() {
    let gauge = "[[meter]]\nname = \"kg\"\nkind = \"gauge\"\nunit = \"kg/kWh\"\n";
    let text = format!(
        "{HEAD}grid = \"cn-beijing\"\nfactor_meter = \"kg\"\nsupplier_factor = \"0.2 kg/kWh\"\nsupplier_factor_source = \"supplier\"\n{}{gauge}",
        both()
    );
    let compiled = Compiled::of(&text);
    let facility = compiled.facility();
    assert_eq!(facility.factor_gauge.as_ref().map(|gauge| gauge.meter), Some(3));
    assert!(
        facility
            .factor_note
            .as_ref()
            .map(ToString::to_string)
            .is_some_and(|note| note.starts_with("gauge kg in kg/kWh by 5 min, else grid cn-beijing"))
    );
    let at = |factor: &Option<Factor>| {
        factor.as_ref().map(|factor| (factor.weight.at(Minute(29_000_000)) * 1e9 * 1e4).round())
    };
    assert_eq!((at(&facility.supplier), at(&facility.residual)), (Some(2_000.0), Some(6_096.0)));
}

#[test]
fn every_sum_of_the_campus_is_there() {
    let compiled = Compiled::of(include_str!("../../../config/campus.toml"));
    let hall = &compiled.topology.facilities[3];
    for (what, terms) in [
        ("export", &compiled.topology.facilities[2].export),
        ("generator", &compiled.topology.facilities[0].generator),
        ("district cooling", &hall.district_cooling),
        ("district heat", &hall.district_heat),
        ("heat reuse", &hall.heat_reuse),
        ("heat removed", &hall.heat_removed),
        ("storage charge", &hall.storage_charge),
        ("storage discharge", &hall.storage_discharge),
        ("racks in use", &hall.racks_in_use),
        ("IT load", &compiled.topology.facilities[0].it_load),
        ("zone total", &hall.zones[0].total),
        ("zone IT", &hall.zones[0].it),
    ] {
        assert!(!terms.is_empty(), "{what}");
    }
    assert_eq!(compiled.named(hall.cooling()), terms(&[("chillers", 600_000)]));
    let nodes: Vec<String> = compiled.topology.balances.iter().map(Balance::name).collect();
    assert_eq!(nodes, ["h2-main-a+h2-main-b", "h2-ups", "h2-ups-in"]);
}
