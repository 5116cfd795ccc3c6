//! Mapping under any message: each value becomes a reading or a refusal with its reason, and whatever is
//! made of it passes the wire unchanged.

#[path = "../../tests/property/explore.rs"]
mod explore;
#[path = "../../tests/property/mutated.rs"]
mod mutated;

use explore::explore;
use mutated::mutated;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wattledger_agent::AgentConfig;
use wattledger_agent::instant::{TimeFormat, TimeRule};
use wattledger_agent::map::{Message, Rule, map};
use wattledger_agent::source::Mapped;
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Incarnation, Intake, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

/// Rules of every form beside those of the example configuration.
const MORE: &str = r##"
[[source.mqtt]]
name = "more"
broker = "mqtt://127.0.0.1:1884"

[[source.mqtt.rule]]
topic = "#"
meter = "any"

[[source.mqtt.rule]]
topic = "sensors/{building}/{meter}/SENSOR"
meter = "{meter}-of-{building}"
value = "/ENERGY/Power"
time = "/Time"
time_format = "%Y-%m-%dT%H:%M:%S"
time_zone = "Europe/Berlin"
unit_path = "/ENERGY/Unit"
kind = "power"

[[source.mqtt.rule]]
topic = "{meter}/#"
meter = "{meter}"
value = "/power"
time = "/end"
time_format = "epoch-ns"
unit = "kW"
interval = "15m"

[[source.mqtt.rule]]
topic = "bms/ups/{nr}/output_kw"
meter = "ups-{nr}"
value = "/readings/0/~1odd~0key"
unit = "kW"
"##;

fn rules() -> Vec<Rule> {
    let text = include_str!("../../config/agent.toml").to_owned() + MORE;
    let config = AgentConfig::parse("agent.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    config.mqtt.into_iter().flat_map(|source| source.rules).collect()
}

const TOPICS: &[&str] = &[
    "sensors/1/chiller/SENSOR",
    "sensors/hall-1/Main_Meter/SENSOR",
    "bms/ups/2/output_kw",
    "grid/utility-a/mean",
    "grid//x",
    "",
];

const PAYLOADS: &[&str] = &[
    r#"{"Time":"2026-03-02T09:58:00Z","ENERGY":{"Total":1234.567,"Power":-32,"Unit":"W"},"Temperature":21.5}"#,
    r#"{"power":"12.5","unit":"kW","end":1772445480.25,"readings":[{"/odd~key":1e-7}]}"#,
    r#"{"end":1772445480250000000,"power":NaN,"unit":"°C"}"#,
    "81234.567",
    "-Infinity",
    "[]",
];

const WORDS: &[&str] = &[
    "NaN",
    "null",
    "1e999",
    "-0.0",
    "9223372036854775808",
    "1e-100",
    "\"",
    "{",
    "[[[[",
    "\\u0000",
    "\\ud800",
    "9999-12-31T23:59:60Z",
    "2026-10-25T02:30:00",
    "2026-03-29T02:30:00",
    "+00:00",
    "kWh",
    "/",
    "é",
    "\u{feff}",
];

fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

const AGENT_BEGAN: Incarnation = Incarnation { started: Timestamp(1_790_000_000_000), id: 7 };

/// The batch that the spool would make of this, once around the wire.
fn passes_the_wire(mapped: Vec<Mapped>) -> Result<(), TestCaseError> {
    let (mut meters, mut readings, mut refused) = (Vec::<Name>::new(), Vec::new(), Vec::new());
    for mapped in mapped {
        match mapped {
            Mapped::Reading { meter, reading } => {
                let intake = Some(Intake { incarnation: AGENT_BEGAN, number: readings.len() as u64 });
                readings.push((meters.len() as u32, Reading { intake, ..reading }));
                meters.push(meter);
            }
            Mapped::Refused(refusal) => refused.push(refusal),
        }
    }
    let agent = AgentKey { site: "hall".parse().expect("a name"), agent: "floor".parse().expect("a name") };
    let batch = Batch {
        agent,
        incarnation: AGENT_BEGAN,
        sequence: 0,
        meters,
        readings,
        refused,
        losses: vec![],
        lineage: Lineage::default(),
    };
    prop_assert_eq!(wire::decode_batch(&wire::encode_batch(&batch)), Ok(batch));
    Ok(())
}

fn arrival() -> impl Strategy<Value = Timestamp> {
    let edges = select(&[i64::MIN, i64::MAX, 0, 946_684_800_000][..]);
    prop_oneof![4 => 1_700_000_000_000..1_800_000_000_000_i64, 1 => edges, 1 => any::<i64>()]
        .prop_map(Timestamp)
}

#[test]
fn any_message_gives_readings_or_refusals_with_a_reason() {
    let rules = rules();
    let topic =
        prop_oneof![2 => select(bytes(TOPICS)), 2 => mutated(bytes(TOPICS), &["/", "+", "#", "a-b", "é"])];
    let payload = prop_oneof![1 => vec(any::<u8>(), 0..80), 6 => mutated(bytes(PAYLOADS), WORDS)];
    let message = (topic, payload, any::<bool>(), arrival());
    explore("mapping", 20_000, message, |(topic, payload, retained, arrived)| {
        let topic = String::from_utf8_lossy(&topic);
        let outcome = map(&rules, &Message { topic: &topic, payload: &payload, retained, arrived });
        prop_assert!(retained || outcome.stale == 0);
        prop_assert!(!outcome.mapped.is_empty() || retained, "the rule for # takes every topic");
        for mapped in &outcome.mapped {
            match mapped {
                Mapped::Reading { reading, .. } => {
                    prop_assert!(reading.at == arrived || reading.at.is_believable(), "{reading:?}");
                    prop_assert_eq!(reading.arrived, arrived);
                }
                Mapped::Refused(refused) => {
                    prop_assert!(!refused.detail.is_empty() && refused.sample.len() <= 1_024, "{refused:?}");
                    prop_assert!(
                        refused.origin.chars().count() <= 201 && refused.detail.chars().count() <= 201
                    );
                }
            }
        }
        passes_the_wire(outcome.mapped)
    });
}

#[test]
fn what_once_failed_is_read_or_refused() {
    // An hour that occurs twice, and an arrival that is too far from both to count the distance in 64 bits.
    let rule = TimeRule { format: TimeFormat::Rfc3339, zone: Some(chrono_tz::Tz::Europe__Berlin) };
    for arrived in [i64::MIN, i64::MAX / 2, i64::MAX] {
        let refused = rule.read("2026-10-25 02:30:00", Timestamp(arrived)).expect_err("it occurs twice");
        assert_eq!(refused.cause, Cause::AmbiguousTime);
    }
}

#[test]
fn any_text_is_an_instant_or_refused_with_a_reason() {
    let formats =
        ["rfc3339", "epoch-s", "epoch-ms", "epoch-ns", "%Y-%m-%d %H:%M:%S%.3f", "%s", "%d.%m.%Y %H:%M %z"];
    let formats = formats.map(|format| format.parse::<TimeFormat>().expect(format));
    let zones = [None, Some(chrono_tz::Tz::Europe__Berlin), Some(chrono_tz::Tz::Australia__Lord_Howe)];
    let texts = bytes(&[
        "2026-03-02T09:58:00.123456789Z",
        "2026-10-25 02:30:00.000",
        "1772445480.25",
        "-1e15",
        "25.10.2026 02:30 +0100",
    ]);
    let input = (mutated(texts, WORDS), select(formats.to_vec()), select(zones.to_vec()), arrival());
    explore("instants", 20_000, input, |(text, format, zone, arrived)| {
        match (TimeRule { format, zone }).read(&String::from_utf8_lossy(&text), arrived) {
            Ok(at) => prop_assert!(at.is_believable(), "{at}"),
            Err(no) => prop_assert!(!no.detail.is_empty()),
        }
        Ok(())
    });
}

#[test]
fn any_text_is_a_time_pattern_or_refused_and_reads_nothing_in_panic() {
    let patterns = bytes(&["%Y-%m-%d %H:%M:%S", "%s%.9f", "%+", "%A %d %B %y %I:%M %p", "%j %U %Z"]);
    let input = (mutated(patterns, &["%", "%%", "%3f", "%:z", "%#z", "%-d", "%_H", "%0", "é"]), arrival());
    explore("time patterns", 20_000, input, |(pattern, arrived)| {
        let Ok(format) = String::from_utf8_lossy(&pattern).parse::<TimeFormat>() else { return Ok(()) };
        let rule = TimeRule { format, zone: Some(chrono_tz::Tz::Europe__Berlin) };
        for text in
            ["2026-03-02 09:58:00", "1772445480", "", "Monday 02 March 26 09:58 AM", "9999999999999999999"]
        {
            let _read = rule.read(text, arrived);
        }
        Ok(())
    });
}
