//! Keys of the conditions of alerts that name meters.

use super::*;

const PHASES: &str = "\
[[meter]]
name = \"l1\"
kind = \"power\"
unit = \"kW\"
[[meter]]
name = \"l2\"
kind = \"power\"
unit = \"kW\"
";

fn rule(lines: &str) -> String {
    format!("{LEAST}{PHASES}[[alert]]\nname = \"a\"\n{lines}\n")
}

fn names(meters: &[Placed<Name>]) -> Vec<&str> {
    meters.iter().map(|meter| meter.as_str()).collect()
}

#[test]
fn phases_and_feeds_name_meters_of_the_facilitys_site() {
    let config = good(&rule("condition = \"phase-imbalance\"\nfacility = \"f\"\nphases = [\"l1\", \"l2\"]"));
    let Condition::PhaseImbalance(phases) = &config.alerts[0].condition else {
        panic!("{:?}", config.alerts)
    };
    assert_eq!(names(&phases.meters), ["l1", "l2"]);
    let redundancy = "condition = \"redundancy\"\nfacility = \"f\"\ncapacity = \"0.4 MW\"\n";
    let config = good(&rule(&format!("{redundancy}feeds = [\"in\", [\"l1\", \"l2\"]]")));
    let Condition::Redundancy(feeds) = &config.alerts[0].condition else { panic!("{:?}", config.alerts) };
    let each: Vec<Vec<&str>> = feeds.feeds.iter().map(|feed| names(feed)).collect();
    assert_eq!((each, feeds.capacity_w), (vec![vec!["in"], vec!["l1", "l2"]], 400_000.0));
}

#[test]
fn what_is_wrong_with_phases_and_feeds_is_said() {
    let phases = |lines: &str| messages(&rule(&format!("condition = \"phase-imbalance\"\n{lines}")));
    says(&phases("facility = \"f\""), &["`phases` is missing"]);
    says(&phases("facility = \"f\"\nphases = [\"l1\"]"), &["`phases` names at least two meters"]);
    says(&phases("facility = \"f\"\nphases = [\"l1\", \"l1\"]"), &["meter `l1` is named twice"]);
    says(&phases("facility = \"f\"\nphases = [\"l1\", \"l3\"]"), &["there is no meter `l3` in site s"]);
    says(&phases("phases = [\"l1\", \"l2\"]"), &["`facility` is missing"]);
    let feeds =
        |lines: &str| messages(&rule(&format!("condition = \"redundancy\"\nfacility = \"f\"\n{lines}")));
    says(&feeds("feeds = [\"l1\", \"l2\"]"), &["`capacity`"]);
    says(&feeds("feeds = [\"l1\"]\ncapacity = \"4 kW\""), &["`feeds` names at least two feeds"]);
    says(&feeds("feeds = [\"l1\", []]\ncapacity = \"4 kW\""), &["a feed has at least one meter"]);
    says(&feeds("feeds = [\"l1\", \"l2\"]\ncapacity = \"4 kWh\""), &["such as \"400 kW\", not 4 kWh"]);
    says(&feeds("feeds = [\"l1\", \"l2\"]\ncapacity = \"0 kW\""), &["such as \"400 kW\", not 0 kW"]);
    says(&feeds("feeds = [\"l1\", \"zz\"]\ncapacity = \"4 kW\""), &["there is no meter `zz` in site s"]);
}

#[test]
fn a_register_can_name_the_power_meter_beside_it() {
    let register = "[[meter]]\nname = \"m\"\nkind = \"register\"\nunit = \"kWh\"\nrated_power = \"1 MW\"\n";
    let config = good(&format!("{LEAST}{register}power_meter = \"in\"\n"));
    let named = config.meters.iter().find_map(|meter| meter.power_meter.as_ref());
    assert_eq!(named.map(|name| name.as_str()), Some("in"));
    let of = |meter: &str, named: &str| after_least(&format!("{meter}power_meter = \"{named}\"\n"));
    says(&of(register, "im"), &["there is no meter `im`; did you mean `in`?"]);
    says(&of(register, "m"), &["there is no meter `m`"]);
    let water = register.replace("kWh", "m3").replace("rated_power = \"1 MW\"", "rated_flow = \"1 m3/h\"");
    says(&of(&water, "in"), &["only a register of energy has a `power_meter`"]);
    let power = "[[meter]]\nname = \"m\"\nkind = \"power\"\nunit = \"kW\"\n";
    says(&of(power, "in"), &["only a register of energy has a `power_meter`"]);
    let gauge = "[[meter]]\nname = \"g\"\nkind = \"gauge\"\n";
    says(&of(&format!("{gauge}{register}"), "g"), &["`g` does not measure power"]);
}
