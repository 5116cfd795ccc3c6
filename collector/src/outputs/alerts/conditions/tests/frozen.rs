//! Registers that stand still.

use super::*;

const RULE: &str = "[[alert]]\nname = \"frozen\"\ncondition = \"frozen\"\n";

fn register(more: &str) -> String {
    format!(
        "[[meter]]\nname = \"chiller\"\nfacility = \"hall-1\"\nrole = \"cooling\"\nkind = \"register\"\nunit = \"kWh\"\n\
         rated_power = \"1 MW\"\n{more}\n"
    )
}

const POWER: &str = "[[meter]]\nname = \"chiller-kw\"\nsite = \"hall\"\nkind = \"power\"\nunit = \"kW\"\nform = \"instant\"\n";

/// Both sides of the facility from 8:00 to 14:00, so that the ledger is known to then.
fn plant(tables: &str) -> Hall {
    let mut hall = hall(&format!("{tables}{RULE}"));
    let all = minutes("2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z");
    let readings: Vec<_> = all
        .into_iter()
        .flat_map(|at| [("main", at, 50.0, "kW", None), ("ups", at, 40.0, "kW", None)])
        .collect();
    hall.take(&readings);
    hall
}

/// The register, by minute, with what it shows after so many of them.
fn counts(hall: &mut Hall, from: &str, to: &str, shows: impl Fn(f64) -> f64) {
    let all = minutes(from, to);
    let start = all[0].0;
    let shown = |at: Timestamp| shows((at.0 - start) as f64 / 60_000.0);
    let readings: Vec<_> = all.iter().map(|at| ("chiller", *at, shown(*at), "kWh", None)).collect();
    hall.take(&readings);
}

/// The power meter beside it.
fn takes(hall: &mut Hall, kw: f64, from: &str, to: &str) {
    let all = minutes(from, to).into_iter();
    let readings: Vec<_> = all.map(|at| ("chiller-kw", at, kw, "kW", None)).collect();
    hall.take(&readings);
}

/// It counts 10 kW to 10:00, stands still to 12:00, and goes on.
fn stands_for_two_hours(minute: f64) -> f64 {
    let counted = minute.min(120.0) + (minute - 240.0).max(0.0);
    (5_000.0 + counted / 6.0).mul_add(10.0, 0.0).round() / 10.0
}

#[test]
fn a_register_that_stands_for_an_hour_while_power_flows_is_frozen_until_it_moves() {
    let mut hall = plant(&format!("{}{POWER}", register("power_meter = \"chiller-kw\"")));
    counts(&mut hall, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z", stands_for_two_hours);
    takes(&mut hall, 10.0, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z");
    let story = turns(&hall, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z");
    let chiller = "hall-1 meter chiller";
    assert_eq!(
        story,
        [turn("2026-06-01T11:15:00Z", "raised", chiller), turn("2026-06-01T12:15:00Z", "cleared", chiller)]
    );
    let then = seen(&hall, "2026-06-01T11:30:00Z", None);
    assert_eq!(then.len(), 1, "what is no register does not freeze");
    let frozen = of(&then, meter("chiller"));
    assert_eq!((frozen.value, frozen.unit), (Some(5_400.0), "s"));
    assert_eq!(
        frozen.cause,
        "chiller has shown the same since 2026-06-01T10:00:00Z, while 15.00 kWh have passed by chiller-kw"
    );
    assert_eq!(frozen.derives_from, ["chiller"]);
}

#[test]
fn a_register_without_power_rests() {
    let mut hall = plant(&format!("{}{POWER}", register("power_meter = \"chiller-kw\"")));
    counts(&mut hall, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z", stands_for_two_hours);
    takes(&mut hall, 10.0, "2026-06-01T08:00:00Z", "2026-06-01T10:00:00Z");
    takes(&mut hall, 0.0, "2026-06-01T10:01:00Z", "2026-06-01T14:00:00Z");
    assert_eq!(turns(&hall, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z"), []);
    assert_eq!(of(&seen(&hall, "2026-06-01T11:30:00Z", None), meter("chiller")).value, None);
}

#[test]
fn a_coarse_register_may_stand_until_its_step_has_passed() {
    let resolution = "power_meter = \"chiller-kw\"\nresolution = \"10\"";
    let mut hall = plant(&format!("{}{POWER}", register(resolution)));
    counts(&mut hall, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z", |_| 5_000.0);
    takes(&mut hall, 10.0, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z");
    let value = |time: &str| of(&seen(&hall, time, None), meter("chiller")).value;
    assert_eq!(value("2026-06-01T08:59:00Z"), Some(3_540.0));
    assert_eq!(value("2026-06-01T10:00:00Z"), None, "20 kWh may be two steps that it has not shown yet");
    assert_eq!(value("2026-06-01T10:30:00Z"), Some(9_000.0));
}

#[test]
fn while_no_readings_come_a_register_is_not_frozen() {
    let mut hall = plant(&format!("{}{POWER}", register("power_meter = \"chiller-kw\"")));
    counts(&mut hall, "2026-06-01T08:00:00Z", "2026-06-01T10:00:00Z", stands_for_two_hours);
    takes(&mut hall, 10.0, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z");
    assert_eq!(of(&seen(&hall, "2026-06-01T13:00:00Z", None), meter("chiller")).value, Some(0.0));
    assert_eq!(turns(&hall, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z"), []);
}

#[test]
fn what_a_register_alone_feeds_shows_that_it_should_move() {
    let below = POWER.replace("site = \"hall\"", "site = \"hall\"\nfed_by = [\"chiller\"]");
    let mut hall = plant(&format!("{}{below}", register("")));
    counts(&mut hall, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z", stands_for_two_hours);
    takes(&mut hall, 10.0, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z");
    assert_eq!(of(&seen(&hall, "2026-06-01T11:30:00Z", None), meter("chiller")).value, Some(5_400.0));
}

#[test]
fn of_two_feeds_the_other_may_have_carried_all() {
    let other = register("").replace("\"chiller\"", "\"chiller-b\"");
    let below = POWER.replace("site = \"hall\"", "site = \"hall\"\nfed_by = [\"chiller\", \"chiller-b\"]");
    let mut hall = plant(&format!("{}{other}{below}", register("")));
    counts(&mut hall, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z", stands_for_two_hours);
    takes(&mut hall, 10.0, "2026-06-01T08:00:00Z", "2026-06-01T14:00:00Z");
    assert_eq!(seen(&hall, "2026-06-01T11:30:00Z", None), []);
}
