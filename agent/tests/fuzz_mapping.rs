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
use wattledger_agent::profile;
use wattledger_agent::source::Mapped;
use wattledger_agent::sparkplug::Sparkplug;
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
topic = "lists/{meter}"
meter = "{meter}-{element}"
fold_names = true
each = "$..[?@.v]"
element = "@.id"
value = "@.v"
optional = true
unit_path = "@.u"
units = { kilos = "kg" }
time = "$.t"
time_format = "epoch-ms"
time_optional = true
serial_path = "@.id"

[[source.mqtt.rule]]
topic = "lists/{meter}"
meter = "{meter}-state-{element}"
fold_names = true
each = "/list"
elements = ["l1", "l2"]
value = "@['s']"
kind = "state"
states = { ON = 1, off = 0, true = 2 }

[[source.mqtt.rule]]
topic = "bms/ups/{nr}/output_kw"
meter = "ups-{nr}"
value = "/readings/0/~1odd~0key"
unit = "kW"
"##;

fn config() -> AgentConfig {
    let profile =
        |name: &str| format!("[[source.mqtt.rule]]\nprofile = \"{name}\"\ntime_zone = \"Europe/Berlin\"\n");
    let profiles: String = profile::names().map(profile).collect();
    let text = include_str!("../../config/agent.toml").to_owned() + MORE + &profiles;
    AgentConfig::parse("agent.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn rules() -> Vec<Rule> {
    config().mqtt.into_iter().flat_map(|source| source.rules).collect()
}

const TOPICS: &[&str] = &[
    "sensors/1/chiller/SENSOR",
    "sensors/hall-1/Main_Meter/SENSOR",
    "bms/ups/2/output_kw",
    "grid/utility-a/mean",
    "lists/Main_1",
    "pdu/7/phases",
    "chillers/c1/state",
    "dsmr/main/telegram",
    "homewizard/p1/data",
    "shellyplug/events/rpc",
    "zigbee2mqtt/plug",
    "tele/plug/SENSOR",
    "grid//x",
    "",
];

const PAYLOADS: &[&str] = &[
    r#"{"Time":"2026-03-02T09:58:00Z","ENERGY":{"Total":1234.567,"Power":-32,"Unit":"W"},"Temperature":21.5}"#,
    r#"{"power":"12.5","unit":"kW","end":1772445480.25,"readings":[{"/odd~key":1e-7}]}"#,
    r#"{"end":1772445480250000000,"power":NaN,"unit":"°C"}"#,
    r#"{"t":1772445480250,"list":[{"id":"A 1","v":"1.50","u":"kilos","s":"ON"},{"id":7,"v":-2,"u":"kWh","s":true}]}"#,
    r#"{"phases":[{"energy":1.5,"unit":"kWh"},{"energy":null}],"time":1772445480250,"compressor":"fault"}"#,
    r#"{"params":{"ts":1757591520.01,"switch:0":{"apower":32.4,"aenergy":{"total":14687.92}}}}"#,
    include_str!("recorded/dsmr_v5_iskra.txt"),
    include_str!("recorded/dsmr_v2_2_no_crc.txt"),
    include_str!("recorded/dsmr_fluvius_v171_be.txt"),
    include_str!("recorded/homewizard_sdm230_data.json"),
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

/// Payloads of Sparkplug, put together by hand: a birth with two metrics, data by alias, a death, each with
/// `bdSeq` or a sequence number.
const SPARKPLUG: &[&[u8]] = &[
    b"\x08\x90\x4e\x12\x0b\x0a\x05bdSeq\x20\x08\x58\x01\x12\x23\x0a\x16Circuits/main-1/Energy\x10\x07\x69\x00\x00\x00\x00\x00\x00\x59\x40\x18\x00",
    b"\x12\x0b\x10\x07\x69\x00\x00\x00\x00\x00\x00\x59\x40\x18\x01",
    b"\x12\x0f\x10\x07\x18\x80\xd0\x95\xff\xbc\x31\x50\xff\xff\xff\xff\x0f\x18\x02",
    b"\x12\x0b\x0a\x05bdSeq\x20\x08\x58\x01",
    b"\x12\x0d\x10\x07\x7a\x09not a num\x18\x03",
];

#[test]
fn any_sequence_of_sparkplug_messages_gives_readings_or_refusals_and_few_requests() {
    let config = config().mqtt.into_iter().find_map(|source| source.sparkplug).expect("the example has it");
    let topics = ["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH", "NCMD", "STATE"];
    let topic = (select(topics.to_vec()), any::<bool>()).prop_map(|(verb, device)| {
        format!("spBv1.0/hall/{verb}/gateway-1{}", if device { "/pm" } else { "" })
    });
    let payloads: Vec<Vec<u8>> = SPARKPLUG.iter().map(|payload| payload.to_vec()).collect();
    let payload = prop_oneof![1 => vec(any::<u8>(), 0..80), 6 => mutated(payloads, WORDS)];
    let messages = vec((topic, payload, any::<bool>(), arrival()), 1..12);
    explore("sparkplug", 5_000, messages, |messages| {
        let mut host = Sparkplug::new(config.clone());
        let mut all = Vec::new();
        for (topic, payload, retained, arrived) in messages {
            let answer = host.take(&Message { topic: &topic, payload: &payload, retained, arrived });
            prop_assert!(answer.requests.len() <= 1);
            for request in &answer.requests {
                prop_assert_eq!(request.topic.as_str(), "spBv1.0/hall/NCMD/gateway-1");
            }
            for mapped in &answer.mapped {
                if let Mapped::Reading { reading, .. } = mapped {
                    prop_assert!(reading.at == arrived || reading.at.is_believable(), "{reading:?}");
                }
            }
            all.extend(answer.mapped);
        }
        passes_the_wire(all)
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
