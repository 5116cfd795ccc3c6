//! What single devices published: plugs that were reset, a meter that exports.

use crate::path::{Ledger, Said, agent, at, heard, minute, recorded};
use serde_json::Value;
use std::fs;
use wattledger_agent::AgentConfig;
use wattledger_model::decimal::Decimal;
use wattledger_model::minute::StepClass;
use wattledger_model::time::{Interval, Timestamp};

fn plugs() -> AgentConfig {
    let rule = |topic: &str, meter: &str, path: &str, unit: &str, time: &str| {
        format!(
            "[[source.mqtt.rule]]\ntopic = \"{topic}\"\nmeter = \"{meter}\"\nvalue = \"{path}\"\nunit = \"{unit}\"\n{time}\n"
        )
    };
    let local = "time = \"/Time\"\ntime_zone = \"Europe/Berlin\"\n";
    agent(
        &[
            "[[source.mqtt]]\nname = \"plugs\"\n".to_owned(),
            rule("home/tele/{plug}/ENERGY", "{plug}", "/Total", "kWh", local),
            rule("home/stat/{plug}/RESULT", "{plug}", "/EnergyReset/Total", "kWh", ""),
            rule("tele/{plug}/SENSOR", "{plug}", "/ENERGY/Total", "kWh", local),
            rule("tele/{plug}/SENSOR", "{plug}-power", "/ENERGY/Power", "W", local),
        ]
        .concat(),
    )
}

fn traces(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(recorded("tasmota_traces.jsonl")).expect("the recording can be read");
    let all = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON"));
    all.filter(|trace: &Value| trace["trace"] == name).collect()
}

fn text<'v>(trace: &'v Value, key: &str) -> &'v str {
    trace[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {trace}"))
}

fn register(name: &str) -> String {
    format!(
        "[[meter]]\nname = \"{name}\"\nkind = \"register\"\nunit = \"kWh\"\nresolution = \"0.001\"\nnominal_interval = \"10s\"\n\n"
    )
}

#[test]
fn a_total_that_falls_from_1_944_to_0_is_one_reset_and_no_energy() {
    let plugs = plugs();
    let mut said = Said::default();
    for trace in traces("reset-today-also-resets-total") {
        // The device's log is in its local time, two hours ahead of UTC that day.
        let arrived = at(&format!("2017-08-03T{}+02:00", text(&trace, "device_log_time")));
        let more = heard(&plugs, text(&trace, "topic"), text(&trace, "payload"), arrived);
        assert_eq!((more.readings.len(), more.refused.len()), (1, 0), "{trace}");
        said.readings.extend(more.readings);
    }
    let values: Vec<String> = said.readings.iter().map(|(_, reading)| reading.value.to_string()).collect();
    assert_eq!(values, ["1.944", "0.000", "0.000"]);
    let day = Interval::new(minute("2017-08-03T00:00:00Z"), minute("2017-08-04T00:00:00Z"));
    let rated = register("home214") + "rated_power = \"3.68 kW\"\n";
    for meters in [register("home214"), rated] {
        let ledger = Ledger::of(&meters, &said.readings);
        let steps = ledger.steps("home214", day);
        assert_eq!(steps.len(), 1, "{steps:?}");
        assert_eq!(steps[0].class, StepClass::Reset);
        assert_eq!((steps[0].from, steps[0].to), (at("2017-08-03T19:04:58Z"), at("2017-08-03T19:05:09Z")));
        assert_eq!(ledger.sums("home214", day).map(|(amount, _)| amount), [0, 0, 0], "never negative");
    }
}

#[test]
fn a_register_step_of_half_a_watt_hour_in_a_minute_is_32_watts() {
    let plugs = plugs();
    let [trace] = &traces("power-from-register")[..] else { panic!("one message is recorded") };
    let logged = &trace["logged_by_that_program"];
    let said = heard(&plugs, text(trace, "topic"), text(trace, "payload"), at("2023-04-04T15:01:34Z"));
    assert_eq!((said.readings.len(), said.refused.len()), (2, 0));
    let mut readings = said.readings;
    let (meter, last) = readings[0].clone();
    assert_eq!(
        (meter.as_str(), last.value.to_string()),
        ("tasmota", logged["current_total_kwh"].to_string())
    );
    assert_eq!(readings[1].1.value, Decimal::new(32, 0), "what the device says of itself");
    // The message before is not recorded; the program that heard it logged what it said and when.
    let before = logged["diff_time_ms"].as_i64().expect("a time");
    let first = wattledger_model::reading::Reading {
        at: Timestamp(last.at.0 - before),
        arrived: Timestamp(last.arrived.0 - before),
        value: logged["previous_total_kwh"].to_string().parse().expect("a number"),
        ..last
    };
    readings.push((meter, first));
    let ledger = Ledger::of(&register("tasmota"), &readings);
    let hour = Interval::new(minute("2023-04-04T15:00:00Z"), minute("2023-04-04T16:00:00Z"));
    let [(uwh, ms), interpolated, estimated] = ledger.sums("tasmota", hour);
    assert_eq!((uwh, ms, interpolated, estimated), (540_000, 60_000, (0, 0), (0, 0)));
    let watts = uwh as f64 / 1e6 * 3_600_000.0 / ms as f64;
    assert!((watts - 32.4).abs() < 1e-9, "{watts}");
    assert_eq!(watts.round() as i64, logged["power_w"].as_i64().expect("a power"));
}

#[test]
fn a_meter_that_exports_has_negative_power_and_two_registers() {
    let rule = |meter: &str, path: &str, unit: &str| {
        format!(
            "[[source.mqtt.rule]]\ntopic = \"homewizard/{{id}}/data\"\nmeter = \"{{id}}-{meter}\"\nvalue = \"{path}\"\nunit = \"{unit}\"\n\n"
        )
    };
    let source = "[[source.mqtt]]\nname = \"meters\"\n".to_owned()
        + &rule("power", "/active_power_w", "W")
        + &rule("import", "/total_power_import_kwh", "kWh")
        + &rule("export", "/total_power_export_kwh", "kWh");
    let payload =
        fs::read_to_string(recorded("homewizard_sdm230_data.json")).expect("the recording can be read");
    let agent = agent(&source);
    let mut readings = Vec::new();
    for arrived in ["2026-06-01T12:00:00Z", "2026-06-01T12:01:00Z"] {
        let said = heard(&agent, "homewizard/sdm230/data", &payload, at(arrived));
        assert_eq!(said.refused, []);
        readings.extend(said.readings);
    }
    let said: Vec<String> = readings[..3].iter().map(|(_, reading)| reading.value.to_string()).collect();
    assert_eq!(said, ["-45.252", "122.376", "579.813"]);
    let data: Value = serde_json::from_str(&payload).expect("JSON");
    let number = |key: &str| data[key].as_f64().unwrap_or_else(|| panic!("no number `{key}`"));
    let active = number("active_apparent_power_va") * number("active_power_factor");
    assert!((active - 45.25).abs() < 0.005, "74.052 VA x 0.611 = {active}");

    let meters = "[[meter]]\nname = \"sdm230-power\"\nkind = \"power\"\nunit = \"W\"\n\n".to_owned()
        + &register("sdm230-import")
        + &register("sdm230-export");
    let ledger = Ledger::of(&meters, &readings);
    let span = Interval::new(minute("2026-06-01T12:00:00Z"), minute("2026-06-01T12:01:00Z"));
    // -45.252 W for a minute, in microwatt-hours; nothing is netted, nothing clamped.
    assert_eq!(ledger.sums("sdm230-power", span), [(-754_200, 60_000), (0, 0), (0, 0)]);
    for register in ["sdm230-import", "sdm230-export"] {
        assert_eq!(ledger.sums(register, span), [(0, 60_000), (0, 0), (0, 0)], "{register}");
    }
}
