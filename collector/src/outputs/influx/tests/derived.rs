//! Each measurement that derives from the ledger: its values against figures that are reckoned here.

use super::super::cardinality::most_series;
use super::super::catalog::{self, FieldKind, Measurement};
use super::memory::Memory;
use super::plant::{Plant, QUARTER_MS, START_MS, reading};
use super::rounds::Output;
use crate::config::CollectorConfig;
use std::collections::BTreeSet;

/// 2026-03-28 and the date after it, in Kathmandu: 18:15 UTC of the day before.
pub(super) const DATE_MS: i64 = 1_774_635_300_000;
pub(super) const DAY_MS: i64 = 86_400_000;
pub(super) const QUARTERS: i64 = 4 * 96;

/// A facility with a meter for everything, a meter of no facility, and days that begin at a quarter past an hour.
const PLACES: &str = r#"
[collector]
name = "campus"
data_dir = "/nowhere"
[link]
broker = "mqtt://127.0.0.1:1883"
[retention]
raw = "4000d"
[[site]]
name = "site-a"
time_zone = "Asia/Kathmandu"
[[facility]]
name = "hall"
site = "site-a"
targets = ["D130"]
emission_factor = "0.4 kg/kWh"
it_energy = "it-input"
racks = 100
racks_in_use = 60
compute_fp32_flops = 4e17
[[facility.certificate]]
kind = "goo"
energy = "0.36 MWh"
from = 2026-03-28
to = 2026-03-29
retired = 2026-03-29
reference = "R-1"
[[zone]]
name = "room"
facility = "hall"
"#;

/// Name, role, unit, what it rises by in a quarter of an hour, and further lines.
const REGISTERS: &[(&str, &str, &str, f64, &str)] = &[
    ("in", "utility", "kWh", 15.0, "uncertainty = \"1 %\"\nrated_power = \"100 kW\""),
    (
        "ups",
        "ups-output",
        "kWh",
        11.0,
        "uncertainty = \"1 %\"\nfed_by = [\"in\"]\n[[meter.claim]]\nzone = \"room\"\nrole = \"zone-total\"",
    ),
    (
        "it",
        "it-input",
        "kWh",
        10.0,
        "uncertainty = \"0.5 %\"\n[[meter.claim]]\nzone = \"room\"\nrole = \"it-input\"",
    ),
    ("chill", "cooling", "kWh", 3.0, "uncertainty = \"1 %\"\nfed_by = [\"in\"]"),
    ("path", "power-path", "kWh", 0.5, ""),
    ("light", "lighting", "kWh", 0.25, ""),
    ("rest", "other", "kWh", 0.25, ""),
    ("water", "water", "m3", 0.03, ""),
    ("potable", "potable-water", "m3", 0.01, ""),
    ("reuse", "heat-reuse", "kWh", 1.5, ""),
    ("removed", "heat-removed", "kWh", 12.0, ""),
];

pub(super) fn config(more: &str) -> CollectorConfig {
    let mut text = PLACES.to_owned();
    for (name, role, unit, _, lines) in REGISTERS {
        text += &format!(
            "[[meter]]\nname = \"{name}\"\nfacility = \"hall\"\nrole = \"{role}\"\nkind = \"register\"\n\
             unit = \"{unit}\"\nnominal_interval = \"15m\"\ngap_limit = \"1h\"\n{lines}\n"
        );
    }
    for (name, role, unit) in [("busy", "it-load", "%"), ("outside", "outdoor", "Cel")] {
        text += &format!(
            "[[meter]]\nname = \"{name}\"\nfacility = \"hall\"\nrole = \"{role}\"\nkind = \"gauge\"\n\
             unit = \"{unit}\"\nform = \"interval-mean\"\nnominal_interval = \"15m\"\n"
        );
    }
    // Nobody's: its days are those of UTC.
    text += "[[meter]]\nname = \"odd\"\nsite = \"site-a\"\nkind = \"register\"\nunit = \"kWh\"\nrated_power = \"10 kW\"\n\
             modulus = \"1000\"\nresolution = \"0.1\"\nnominal_interval = \"15m\"\ngap_limit = \"1h\"\n";
    text += more;
    CollectorConfig::parse("plant.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What the outdoor gauge says of the quarter of an hour that ends at an instant.
fn outside(quarter: i64) -> f64 {
    5.0 + (quarter % 7) as f64
}

/// Where the odd register stands: it rolls over, falls, jumps, goes back a little, which is no step to tell, and is
/// silent for two hours.
fn odd(quarter: i64) -> Option<f64> {
    let risen = |from: i64| (quarter - from) as f64;
    match quarter {
        0..75 => Some(925.0 + risen(0)),
        75..85 => Some(risen(75)),
        85..95 => Some(0.5 + risen(85)),
        95..105 => Some(80.0 + risen(95)),
        105 => Some(88.9),
        106..110 => Some(90.0 + risen(106)),
        110..117 => None,
        _ => Some(90.0 + risen(106)),
    }
}

pub(super) fn readings_between(from: i64, to: i64) -> Vec<String> {
    let mut all = Vec::new();
    for quarter in from..to {
        let at = START_MS + quarter * QUARTER_MS;
        for (name, _, unit, step, _) in REGISTERS {
            all.push(reading(name, at, 100.0 + step * quarter as f64, unit));
        }
        all.push(reading("busy", at, 40.0, "%"));
        all.push(reading("outside", at, outside(quarter), "Cel"));
        all.extend(odd(quarter).map(|value| reading("odd", at, value, "kWh")));
    }
    all
}

pub(super) fn all() -> Vec<String> {
    readings_between(0, QUARTERS + 1)
}

pub(super) fn written(config: CollectorConfig, readings: &[String]) -> Memory {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config);
    plant.book(readings);
    let mut output = Output::new(&plant);
    output.catch_up();
    output.memory
}

#[track_caller]
pub(super) fn near(memory: &Memory, key: &str, at: i64, field: &str, expected: f64) {
    let seen = memory.field(key, at, field).unwrap_or_else(|| {
        panic!("no {field} of {key} at {at}: {:?}", memory.points.get(&(key.to_owned(), at)))
    });
    assert!(
        (seen - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{key} {field}: {seen}, not {expected}"
    );
}

#[test]
fn every_indicator_is_written_with_its_uncertainty() {
    let memory = written(config(""), &all());
    let day =
        |indicator: &str| format!("wl_indicator,facility=hall,indicator={indicator},site=site-a,window=day");
    let kwh = 96.0 * 15.0;
    let expected = [
        ("pue", 1.5),
        ("pue1", 15.0 / 11.0),
        ("pue3", 1.5),
        ("ppue-cooling", 1.3),
        ("ppue-power-path", 1.05),
        ("ppue-lighting", 1.025),
        ("ppue-other", 1.025),
        ("dcie", 100.0 / 1.5),
        ("energy-ratio", 1.5),
        ("wue", 3.0),
        ("wue-potable", 1.0),
        ("cue", 0.6),
        ("carbon", 0.4 * kwh),
        ("carbon-market", 0.4 * (kwh - 360.0)),
        ("cue-market", 0.4 * (kwh - 360.0) / 960.0),
        ("ref", 0.25),
        ("erf", 0.1),
        ("ere", 1.35),
        ("cer", 4.0),
        ("ce", 1e13),
        ("rack-utilisation", 60.0),
        ("iteu", 40.0),
        ("coal-equivalent", 0.1229 * kwh / 1_000.0),
    ];
    for (indicator, value) in expected {
        near(&memory, &day(indicator), DATE_MS, "value", value);
        near(&memory, &day(indicator), DATE_MS, "coverage", 1.0);
    }
    // Expanded uncertainties of 1 % above and 0.5 % below, of instruments whose registers resolve everything.
    let relative = f64::hypot(0.01, 0.005);
    near(&memory, &day("pue"), DATE_MS, "expanded", 1.5 * relative);
    near(&memory, &day("dcie"), DATE_MS, "expanded", 100.0 / 1.5 * relative);
    near(&memory, &day("carbon"), DATE_MS, "expanded", 0.4 * kwh * 0.01);
    for unknown in ["wue", "ref", "iteu", "coal-equivalent"] {
        assert_eq!(memory.field(&day(unknown), DATE_MS, "expanded"), None, "{unknown}");
    }
    let windows = |indicator: &str| -> BTreeSet<String> {
        let start = format!("wl_indicator,facility=hall,indicator={indicator},site=site-a,window=");
        memory.points.keys().filter_map(|(key, _)| key.strip_prefix(&start).map(str::to_owned)).collect()
    };
    assert!(windows("pue").contains("1m") && windows("pue").contains("7d"));
    // No week, month, quarter or year has ended; a calendar window says what it came to up to the last midnight.
    let fewer = ["12mo", "24h", "30d", "day", "month", "quarter", "week", "year"];
    assert_eq!(windows("coal-equivalent"), fewer.map(str::to_owned).into());
    let long = ["12mo", "24h", "30d", "7d", "day", "month", "quarter", "week", "year"];
    for ((key, _), point) in memory.points.iter().filter(|((key, _), _)| key.starts_with("wl_indicator,")) {
        let window = key.rsplit('=').next().expect("a window");
        assert!(!point.contains_key("expanded") || long.contains(&window), "{key}");
    }
}

#[test]
fn zones_have_their_partial_pue_and_nodes_their_residual() {
    let memory = written(config(""), &all());
    let zone = "wl_zone,facility=hall,site=site-a,window=day,zone=room";
    near(&memory, zone, DATE_MS, "value", 1.1);
    near(&memory, zone, DATE_MS, "numerator", 96.0 * 11.0);
    near(&memory, zone, DATE_MS, "denominator", 960.0);
    near(&memory, zone, DATE_MS, "expanded", 1.1 * f64::hypot(0.01, 0.005));
    near(&memory, "wl_zone,facility=hall,site=site-a,window=24h,zone=room", DATE_MS + DAY_MS, "value", 1.1);
    assert_eq!(memory.count("wl_zone,facility=hall,site=site-a,window=1h"), 0);

    let node = "wl_balance,facility=hall,meter=in,site=site-a";
    let (parent, children) = (96.0 * 15.0, 96.0 * 14.0);
    near(&memory, node, DATE_MS, "parent_kwh", parent);
    near(&memory, node, DATE_MS, "children_kwh", children);
    near(&memory, node, DATE_MS, "residual_kwh", 96.0);
    // The fed meters are of one unknown make: their errors add up.
    near(&memory, node, DATE_MS, "allowed_kwh", f64::hypot(0.01 * parent, 0.01 * children));
    near(&memory, node, DATE_MS, "coverage", 1.0);
}

#[test]
fn a_budget_is_what_the_year_to_date_and_the_last_30_days_make_of_a_target() {
    let memory = written(config(""), &all());
    let budget = "wl_budget,facility=hall,site=site-a,target=D130";
    let year_end_ms = 1_798_740_900_000; // 2026-12-31T18:15Z
    let year_start_ms = 1_767_204_900_000; // 2025-12-31T18:15Z
    // The date is over; the one that lasts is as of the last full hour, 06:00Z.
    for (date, end) in
        [(DATE_MS, DATE_MS + DAY_MS), (DATE_MS + 3 * DAY_MS, START_MS + 4 * DAY_MS - 1_200_000)]
    {
        let hours = (end - START_MS) as f64 / 3_600_000.0;
        let left = (year_end_ms - end) as f64 / 3_600_000.0;
        let (total, it, rest) = (60.0 * hours, 40.0 * hours, 40.0 * left);
        near(&memory, budget, date, "limit", 1.3);
        near(&memory, budget, date, "value", 1.5);
        near(&memory, budget, date, "coverage", (end - START_MS) as f64 / (end - year_start_ms) as f64);
        near(&memory, budget, date, "permitted", (1.3 * (it + rest) - total) / rest);
        let overhead_left = 0.3 * (it + rest) - (total - it);
        near(&memory, budget, date, "overhead_left_kwh", overhead_left);
        near(&memory, budget, date, "days_left", overhead_left / (20.0 * 24.0));
        for rate in ["burn_rate", "burn_rate_1d", "burn_rate_7d", "burn_rate_30d"] {
            near(&memory, budget, date, rate, 20.0 / (0.3 * 40.0));
        }
        near(&memory, budget, date, "forecast", 1.5);
    }
    assert_eq!(memory.count("wl_budget,"), 5);
}

#[test]
fn a_day_of_a_meter_counts_its_steps_and_what_is_known_of_it() {
    let memory = written(config(""), &all());
    let main = "wl_meter_day,meter=in,site=site-a";
    near(&memory, main, DATE_MS, "amount", 96.0 * 15.0);
    near(&memory, main, DATE_MS, "coverage", 1.0);
    near(&memory, main, DATE_MS, "measured", 1.0);
    near(&memory, main, DATE_MS - DAY_MS, "coverage", (DATE_MS - START_MS) as f64 / DAY_MS as f64);
    near(&memory, "wl_meter_day,meter=water,site=site-a", DATE_MS, "amount", 96.0 * 30.0);
    let gauge = "wl_meter_day,meter=outside,site=site-a";
    near(&memory, gauge, DATE_MS, "measured", 1.0);
    assert!(!memory.points[&(gauge.to_owned(), DATE_MS)].contains_key("amount"));
    assert!(!memory.points[&(gauge.to_owned(), DATE_MS)].contains_key("resets"));
    // 2026-03-28 in UTC: quarters 71 to 166 begin in it.
    let odd = "wl_meter_day,meter=odd,site=site-a";
    let utc = 1_774_656_000_000;
    let point = &memory.points[&(odd.to_owned(), utc)];
    let counts = ["resets", "rollovers", "exchanges", "jumps", "undecidable", "long_steps"];
    let seen = counts.map(|count| point.get(count).map(String::as_str));
    assert_eq!(seen, ["1i", "1i", "0i", "1i", "0i", "1i"].map(Some), "{point:?}");
    // The fall and the jump are a quarter of an hour each; the two hours lie wholly inside.
    near(&memory, odd, utc, "estimated", 30.0 / 1_440.0);
    near(&memory, odd, utc, "interpolated", 120.0 / 1_440.0);
    near(&memory, odd, utc, "coverage", 1_410.0 / 1_440.0);
    near(&memory, odd, utc, "measured", 1_290.0 / 1_440.0);
    assert!(memory.field(main, DATE_MS + 3 * DAY_MS, "coverage").is_none(), "that day is not over");
}

#[test]
fn weather_is_told_by_the_hour() {
    let memory = written(config(""), &all());
    let key = "wl_weather,facility=hall,meter=outside,site=site-a";
    let hour_ms = 1_774_695_600_000; // 2026-03-28T11:00Z
    let minutes: Vec<f64> = (0..60)
        .map(|minute| {
            let since = hour_ms + minute * 60_000 - START_MS;
            outside(since.div_euclid(QUARTER_MS) + 1)
        })
        .collect();
    near(&memory, key, hour_ms, "mean", minutes.iter().sum::<f64>() / 60.0);
    near(&memory, key, hour_ms, "min", minutes.iter().copied().fold(f64::INFINITY, f64::min));
    near(&memory, key, hour_ms, "max", minutes.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    near(&memory, key, hour_ms, "coverage", 1.0);
    let first_ms = START_MS - 1_200_000;
    // The first mean is of the quarter of an hour before it came.
    near(&memory, key, first_ms, "coverage", 55.0 / 60.0);
}

/// The measurements that derive from the ledger.
pub(super) const DERIVED: &[&Measurement] = &[
    &catalog::METER,
    &catalog::METER_DAY,
    &catalog::COMPONENT,
    &catalog::ENERGY_HOUR,
    &catalog::ENERGY_DAY,
    &catalog::INDICATOR,
    &catalog::ZONE,
    &catalog::TARGET,
    &catalog::BUDGET,
    &catalog::BALANCE,
    &catalog::WEATHER,
];

#[test]
fn every_measurement_has_exactly_the_declared_fields_and_no_more_series_than_was_said() {
    let config = config("");
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config);
    plant.book(&all());
    let mut output = Output::new(&plant);
    output.catch_up();
    let view = plant.view(&plant.config);
    let most = most_series(view.topology());
    for measurement in DERIVED {
        let prefix = format!("{},", measurement.name);
        let points = output.memory.points.iter().filter(|((key, _), _)| key.starts_with(&prefix));
        let (mut seen, mut series) = (BTreeSet::new(), BTreeSet::new());
        for ((key, _), point) in points {
            series.insert(key.as_str());
            for (name, value) in point {
                let declared = measurement.fields.iter().find(|field| field.name == name);
                let declared = declared.unwrap_or_else(|| panic!("{key} has {name}, which is not declared"));
                let kind = match value {
                    _ if value.starts_with('"') => FieldKind::Text,
                    _ if value.ends_with('i') => FieldKind::Integer,
                    _ => FieldKind::Float,
                };
                assert_eq!(kind, declared.kind, "{key} {name}={value}");
                seen.insert(name.as_str());
            }
            let tags: Vec<&str> = key.split(',').skip(1).filter_map(|tag| tag.split('=').next()).collect();
            assert_eq!(tags, measurement.tags, "{key}");
        }
        let declared: BTreeSet<&str> = measurement.fields.iter().map(|field| field.name).collect();
        assert_eq!(seen, declared, "{}", measurement.name);
        let (_, most) = most.iter().find(|(of, _)| of.name == measurement.name).expect("a bound");
        assert!(series.len() <= *most, "{}: {} series, not {most}", measurement.name, series.len());
        // The bound is near, but for indicators that this facility has nothing for.
        assert!(series.len() == *most || measurement.name == "wl_indicator", "{}", measurement.name);
    }
}
