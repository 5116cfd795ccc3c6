//! What forms and portfolios are declared with.

use super::*;

/// The least configuration with a register of its facility.
fn register(lines: &str) -> String {
    LEAST.replace(
        "site = \"s\"\n[[meter]]\nname = \"in\"",
        &format!("site = \"s\"\n[facility.register]\n{lines}\n[[meter]]\nname = \"in\""),
    )
}

#[test]
fn the_campus_declares_all_that_forms_ask_for() {
    let config = good(CAMPUS);
    let register = &config.facility(&"berlin-2".parse().expect("a name")).expect("declared").register;
    assert_eq!(register.kind, Some(CentreKind::Colocation));
    assert_eq!(register.computer_room_area_m2, Some(Decimal::new(2_100, 0)));
    let year = &register.years[0];
    assert_eq!((year.year, year.inlet_celsius), (2026, Some(Decimal::new(24, 0))));
    assert_eq!(year.battery_offered_microwatts, Some(200_000_000_000));
    // Every key has an example, so that nobody has to look for one.
    let Register {
        owner,
        operator,
        address,
        boundary,
        kind: _,
        mixed_use,
        electrical_redundancy,
        cooling_redundancy,
        floor_area_m2,
        computer_room_area_m2: _,
        refrigerants,
        years: _,
    } = register;
    assert!(owner.is_some() && operator.is_some() && address.is_some() && boundary.is_some());
    assert!(mixed_use.is_some() && electrical_redundancy.is_some() && cooling_redundancy.is_some());
    assert!(floor_area_m2.is_some() && refrigerants.is_some());
    assert!(year.cooling_degree_days.is_some() && year.reused_heat_celsius.is_some());
    assert!(
        year.grid_functions.is_some() && year.server_capacity.is_some() && year.storage_capacity.is_some()
    );
    assert!(year.bandwidth_in.is_some() && year.bandwidth_out.is_some());
    assert!(year.traffic_in.is_some() && year.traffic_out.is_some());
    assert_eq!(config.reports.forms_dir.as_deref(), Some(std::path::Path::new("/etc/wattledger/forms")));
    assert_eq!(config.portfolios[0].facilities.len(), 2);
}

#[test]
fn what_cannot_be_of_a_facility_is_told_at_its_place() {
    assert_eq!(good(LEAST).facilities[0].register, Register::default(), "nothing of it must be said");
    let none = good(&register("refrigerants = []\n[[facility.register.year]]\nyear = 2025"));
    assert_eq!(none.facilities[0].register.refrigerants.as_deref(), Some(&[][..]), "none is something said");
    for (lines, message) in [
        ("owner = \"\"", "is empty"),
        ("owner = \"  \"", "needs words on one line"),
        ("address = \"a\\nb\"", "needs words on one line"),
        ("type = \"colo\"", "`colo` is not known"),
        ("floor_area_m2 = 0", "must be above zero"),
        (
            "floor_area_m2 = 100\ncomputer_room_area_m2 = 101",
            "101 m² of computer rooms are more than all 100 m²",
        ),
        ("ownr = \"x\"", "unknown key `ownr`; did you mean `owner`?"),
        ("[[facility.register.year]]\ncooling_degree_days = 4", "`year` is missing"),
        ("[[facility.register.year]]\nyear = 25", "25 is not a year from 2000 to 2199"),
        ("[[facility.register.year]]\nyear = 2025\ncooling_degree_days = -1", "cannot be below zero"),
        (
            "[[facility.register.year]]\nyear = 2025\ninlet_temperature = \"24 kW\"",
            "is a temperature such as",
        ),
        (
            "[[facility.register.year]]\nyear = 2025\ninlet_temperature = \"240 °C\"",
            "is a temperature such as",
        ),
        ("[[facility.register.year]]\nyear = 2025\nbattery_offered = \"4 kWh\"", "is a power such as"),
        (
            "[[facility.register.year]]\nyear = 2025\n[[facility.register.year]]\nyear = 2025",
            "the year 2025 stands here a second time",
        ),
    ] {
        says(&messages(&register(lines)), &[message]);
    }
}

#[test]
fn a_portfolio_is_of_facilities_that_there_are_each_once() {
    let of = |lines: &str| after_least(&format!("[[portfolio]]\nname = \"p\"\n{lines}\n"));
    says(&of("facilities = [\"f\"]"), &[]);
    says(&of("facilities = [\"g\"]"), &["there is no facility `g`"]);
    says(&of("facilities = [\"f\", \"f\"]"), &["`f` is named twice: it would count twice"]);
    says(&of("facilities = []"), &["one facility at least"]);
    says(&of(""), &["`facilities` is missing"]);
    says(
        &after_least("[[portfolio]]\nname = \"all\"\nfacilities = [\"f\"]\n"),
        &["`all` is every facility already"],
    );
    let twice = "[[portfolio]]\nname = \"p\"\nfacilities = [\"f\"]\n";
    says(&after_least(&format!("{twice}{twice}")), &["portfolio `p` is declared already"]);
    says(&after_least("[reports]\nforms_dir = 3\n"), &["needs a text in quotes"]);
}
