mod shapes;

use super::*;
use crate::instant::{TimeFormat, TimeRule};
use chrono_tz::Tz;
use wattledger_model::meter::Kind;
use wattledger_model::reading::{Evidence, Reading, Serial};
use wattledger_model::unit::Unit;

const ARRIVED: Timestamp = Timestamp(1_700_000_000_000);

fn rule(topic: &str, meter: &str) -> Rule {
    let topic: TopicPattern = topic.parse().expect(topic);
    let meter = MeterTemplate::parse(meter, &topic).expect(meter);
    Rule::new(topic, meter)
}

fn path(text: &str) -> Path {
    text.parse().expect(text)
}

fn unit(text: &str) -> Unit {
    text.parse().expect(text)
}

/// `/value`, `/time` and `/unit` of a JSON message on `s/{meter}`.
fn full() -> Rule {
    Rule {
        value: Some(path("/value")),
        time: Some(TimeAt { path: path("/time"), rule: TimeRule::default(), optional: false }),
        unit: UnitRule::InPayload { path: path("/unit"), spellings: Vec::new() },
        kind: Some(Kind::Register),
        ..rule("s/{meter}", "{meter}")
    }
}

fn map_one(rules: &[Rule], topic: &str, payload: &str) -> Vec<Mapped> {
    map(rules, &Message { topic, payload: payload.as_bytes(), retained: false, arrived: ARRIVED }).mapped
}

fn reading(mapped: &Mapped) -> (&str, Reading) {
    match mapped {
        Mapped::Reading { meter, reading } => (meter.as_str(), *reading),
        Mapped::Refused(refused) => panic!("refused: {refused:?}"),
    }
}

fn refusal(mapped: &Mapped) -> &Refused {
    match mapped {
        Mapped::Refused(refused) => refused,
        Mapped::Reading { meter, reading } => panic!("taken: {meter} {reading:?}"),
    }
}

#[test]
fn digits_pass_from_the_payload_to_the_reading() {
    for digits in ["14.68738", "12345678901234.5", "0.00054", "9007199254740993", "1.50"] {
        let json = format!(r#"{{"value":{digits},"time":"2026-03-02T09:58:00Z","unit":"kWh"}}"#);
        let text = format!(r#"{{"value":"{digits}","time":"2026-03-02T09:58:00Z","unit":"kWh"}}"#);
        for payload in [json, text] {
            let mapped = map_one(&[full()], "s/m1", &payload);
            let (meter, reading) = reading(&mapped[0]);
            assert_eq!((meter, reading.value.to_string().as_str()), ("m1", digits));
            assert_eq!(reading.at.to_string(), "2026-03-02T09:58:00Z");
            assert_eq!((reading.arrived, reading.unit), (ARRIVED, Some(unit("kWh"))));
        }
        let mapped = map_one(&[rule("s/{meter}", "{meter}")], "s/m1", &format!(" {digits}\n"));
        assert_eq!(reading(&mapped[0]).1.value.to_string(), digits);
    }
}

#[test]
fn every_kind_of_bad_payload_has_its_cause() {
    for (topic, payload, cause, says) in [
        ("s/m", "not json", Cause::Payload, "not JSON"),
        ("s/m", "", Cause::Payload, "not JSON"),
        ("s/m", "{\"value\":1", Cause::Payload, "not JSON"),
        (
            "s/m",
            r#"{"valeu":1,"time":"2026-03-02T09:58:00Z","unit":"kWh"}"#,
            Cause::Payload,
            "nothing at /value",
        ),
        ("s/m", r#"{"value":null,"time":"2026-03-02T09:58:00Z","unit":"kWh"}"#, Cause::Payload, "is null"),
        ("s/m", r#"{"value":[1],"time":"2026-03-02T09:58:00Z","unit":"kWh"}"#, Cause::Payload, "a list"),
        ("s/m", r#"{"value":"ON","time":"2026-03-02T09:58:00Z","unit":"kWh"}"#, Cause::Payload, "`ON`"),
        ("s/m", r#"{"value":NaN,"time":"2026-03-02T09:58:00Z","unit":"kWh"}"#, Cause::NotFinite, "NaN"),
        ("s/m", r#"{"value":"-inf","time":"2026-03-02T09:58:00Z","unit":"kWh"}"#, Cause::NotFinite, "-inf"),
        ("s/m", r#"{"value":1e999,"time":"2026-03-02T09:58:00Z","unit":"kWh"}"#, Cause::NotFinite, "1e"),
        (
            "s/m",
            r#"{"value":1,"time":"2026-03-02T09:58:00Z","unit":"kWhh"}"#,
            Cause::Unit,
            "did you mean `kWh`?",
        ),
        ("s/m", r#"{"value":1,"time":"2026-03-02T09:58:00Z","unit":"bananas"}"#, Cause::Unit, "bananas"),
        ("s/m", r#"{"value":1,"time":"2026-03-02T09:58:00Z","unit":7}"#, Cause::Unit, "not a text"),
        ("s/m", r#"{"value":1,"time":"2026-03-02T09:58:00Z","unit":"kW"}"#, Cause::Unit, "unit of power"),
        ("s/m", r#"{"value":1,"time":"2026-03-02T09:58:00Z"}"#, Cause::Unit, "nothing at /unit"),
        ("s/m", r#"{"value":1,"time":"noon","unit":"kWh"}"#, Cause::Time, "noon"),
        ("s/m", r#"{"value":1,"time":"1970-01-01T00:00:03Z","unit":"kWh"}"#, Cause::Time, "outside 2000"),
        ("s/m", r#"{"value":1,"time":false,"unit":"kWh"}"#, Cause::Time, "not a time"),
        ("s/m", r#"{"value":1,"unit":"kWh"}"#, Cause::Time, "nothing at /time"),
        (
            "s/Main_Meter",
            r#"{"value":1,"time":"2026-03-02T09:58:00Z","unit":"kWh"}"#,
            Cause::Name,
            "Main_Meter",
        ),
        ("s/", r#"{"value":1,"time":"2026-03-02T09:58:00Z","unit":"kWh"}"#, Cause::Name, "is not a name"),
    ] {
        let mapped = map_one(&[full()], topic, payload);
        let refused = refusal(&mapped[0]);
        assert_eq!(refused.cause, cause, "{payload}: {}", refused.detail);
        assert!(refused.detail.contains(says), "{payload}: {}", refused.detail);
        assert_eq!((refused.at, refused.origin.as_str(), refused.count), (ARRIVED, topic, 1));
        assert_eq!(refused.sample, payload.as_bytes());
        assert_eq!(refused.meter.is_some(), cause != Cause::Name);
    }
}

#[test]
fn bare_payloads_are_numbers_or_refused() {
    let bare = [rule("s/{meter}", "{meter}")];
    for (payload, cause) in [
        (&b"NaN"[..], Cause::NotFinite),
        (b"Infinity", Cause::NotFinite),
        (b"99999999999999999999.5", Cause::NotFinite),
        (b"12,5", Cause::Payload),
        (b"12 kWh", Cause::Payload),
        (b"\xff\xfe", Cause::Payload),
        (b"", Cause::Payload),
    ] {
        let message = Message { topic: "s/m", payload, retained: false, arrived: ARRIVED };
        assert_eq!(refusal(&map(&bare, &message).mapped[0]).cause, cause, "{payload:?}");
    }
    let (_, zero) = reading(&map_one(&bare, "s/m", "0")[0]);
    assert!(zero.value.is_zero() && zero.at == ARRIVED && zero.unit.is_none());
}

#[test]
fn one_bad_field_harms_only_its_meter() {
    let of = |at: &str, meter: &str, symbol: &str| Rule {
        value: Some(path(at)),
        unit: UnitRule::Fixed(unit(symbol)),
        ..rule("pdu/{id}", meter)
    };
    let rules =
        [of("/kwh", "{id}-energy", "kWh"), of("/watts", "{id}-power", "W"), of("/t", "{id}-inlet", "Cel")];
    let mapped = map_one(&rules, "pdu/r1", r#"{"kwh":81234.567,"watts":NaN,"t":21.5}"#);
    assert_eq!(reading(&mapped[0]).0, "r1-energy");
    assert_eq!(refusal(&mapped[1]).cause, Cause::NotFinite);
    assert_eq!(refusal(&mapped[1]).meter.as_ref().map(Name::as_str), Some("r1-power"));
    assert_eq!(reading(&mapped[2]).1.value.to_string(), "21.5");
}

#[test]
fn a_retained_message_without_a_time_of_its_own_is_not_fresh() {
    let rules = [Rule { value: Some(path("/value")), ..rule("s/+", "m-now") }, full()];
    let payload = br#"{"value":5,"time":"2026-03-02T09:58:00Z","unit":"kWh"}"#;
    let outcome = map(&rules, &Message { topic: "s/m", payload, retained: true, arrived: ARRIVED });
    assert_eq!((outcome.stale, outcome.mapped.len()), (1, 1));
    assert_eq!(reading(&outcome.mapped[0]).0, "m");
}

#[test]
fn samples_and_quotes_are_bounded() {
    let topic = format!("s/{}", "X".repeat(5_000));
    let payload = "y".repeat(5_000);
    let mapped = map_one(&[full()], &topic, &payload);
    let refused = refusal(&mapped[0]);
    assert_eq!(refused.sample.len(), SAMPLE_BYTES);
    assert!(refused.origin.chars().count() <= QUOTED_CHARS + 1);
    assert!(refused.detail.chars().count() <= QUOTED_CHARS + 1);
}

#[test]
fn an_interval_mean_carries_its_interval_and_no_rule_no_reading() {
    let rules = [Rule { interval_ms: Some(900_000), unit: UnitRule::Fixed(unit("kW")), ..rule("s/m", "m") }];
    assert_eq!(reading(&map_one(&rules, "s/m", "5")[0]).1.interval_ms, Some(900_000));
    assert_eq!(map_one(&rules, "other/m", "5"), []);
}

#[derive(serde::Deserialize)]
struct Traced {
    seq: u64,
    topic: String,
    payload: String,
}

#[test]
fn recorded_plugs_are_read_digit_by_digit() {
    let lines = include_str!("../../tests/recorded/tasmota_traces.jsonl").lines();
    let traced: Vec<Traced> = lines.map(|line| serde_json::from_str(line).expect(line)).collect();
    let zone = TimeRule { format: TimeFormat::Rfc3339, zone: Some(Tz::Europe__Berlin) };
    let of = |topic: &str, meter: &str, at: &str, symbol: &str| Rule {
        value: Some(path(at)),
        time: Some(TimeAt { path: path("/Time"), rule: zone.clone(), optional: false }),
        unit: UnitRule::Fixed(unit(symbol)),
        ..rule(topic, meter)
    };
    let rules = [
        of("home/tele/{plug}/ENERGY", "{plug}", "/Total", "kWh"),
        of("tele/{plug}/SENSOR", "{plug}", "/ENERGY/Total", "kWh"),
        of("tele/{plug}/SENSOR", "{plug}-power", "/ENERGY/Power", "W"),
    ];
    let mut read = Vec::new();
    for message in &traced {
        for mapped in map_one(&rules, &message.topic, &message.payload) {
            let (meter, reading) = reading(&mapped);
            read.push(format!("{} {meter} {} {} {:?}", message.seq, reading.at, reading.value, reading.unit));
        }
    }
    assert_eq!(
        read,
        [
            "1 home214 2017-08-03T19:04:58Z 1.944 Some(kWh)",
            // Printed by the device as 0.000: zero is a value, and a reset is for the ledger to see.
            "3 home214 2017-08-03T19:05:16Z 0.000 Some(kWh)",
            "1 tasmota 2023-04-04T15:01:33Z 14.68792 Some(kWh)",
            "1 tasmota-power 2023-04-04T15:01:33Z 32 Some(W)",
            "1 tasmota 2023-04-13T09:15:37Z 0.00512 Some(kWh)",
            "1 tasmota-power 2023-04-13T09:15:37Z 0 Some(W)",
        ]
    );
}

#[test]
fn a_recorded_meter_that_exports_keeps_its_sign_and_both_registers() {
    let of = |meter: &str, at: &str, symbol: &str| Rule {
        value: Some(path(at)),
        unit: UnitRule::Fixed(unit(symbol)),
        ..rule("homewizard/{id}/data", meter)
    };
    let rules = [
        of("{id}-power", "/active_power_w", "W"),
        of("{id}-import", "/total_power_import_kwh", "kWh"),
        of("{id}-export", "/total_power_export_kwh", "kWh"),
        of("{id}-ssid", "/wifi_ssid", "%"),
    ];
    let payload = include_str!("../../tests/recorded/homewizard_sdm230_data.json");
    let mapped = map_one(&rules, "homewizard/sdm230/data", payload);
    let values: Vec<String> = mapped[..3].iter().map(|m| reading(m).1.value.to_string()).collect();
    assert_eq!(values, ["-45.252", "122.376", "579.813"]);
    assert_eq!(refusal(&mapped[3]).cause, Cause::Payload);
}

#[test]
fn a_device_may_say_which_one_it_is_and_how_often_it_started() {
    let evidence = EvidenceRule { serial: Some(path("/sn")), boots: Some(path("/up/boots")) };
    let rule = Rule { value: Some(path("/v")), evidence, ..rule("s/{meter}", "{meter}") };
    let told = |payload: &str| {
        let mapped = map_one(std::slice::from_ref(&rule), "s/m", payload);
        let refusals: Vec<String> = mapped[1..].iter().map(|more| refusal(more).detail.clone()).collect();
        (reading(&mapped[0]).1.evidence, refusals)
    };
    let known = Evidence { serial: Serial::of("A-17"), boots: Some(3) };
    assert_eq!(told(r#"{"v":1,"sn":"A-17","up":{"boots":3}}"#), (Some(known), vec![]));
    assert_eq!(told(r#"{"v":1,"sn":" A-17 ","up":{"boots":"3"}}"#), (Some(known), vec![]));
    assert_eq!(told(r#"{"v":1,"sn":null}"#), (None, vec![]));
    let (evidence, refusals) = told(r#"{"v":1,"sn":"A-17","up":{"boots":2.5}}"#);
    assert_eq!(evidence, Some(Evidence { boots: None, ..known }), "the reading counts all the same");
    assert!(refusals[0].contains("/up/boots is a number, not a count of starts"), "{refusals:?}");
}
