//! What is proposed for what real devices sent can be used, and reads it: the recordings, and each example of the
//! profiles' page.

use super::assemble::{Source, text};
use super::heard::Heard;
use super::zone::{self, Zone};
use crate::config::{AgentConfig, BrokerConfig};
use crate::map::map;
use crate::source::Mapped;
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;
use wattledger_link::session::{Secret, SecretSource};
use wattledger_model::document::{Place, Placed};
use wattledger_model::time::Timestamp;

const ARRIVED: Timestamp = Timestamp(1_790_000_000_000);

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

fn heard(messages: &[(String, String)]) -> Heard {
    let mut heard = Heard::default();
    for (topic, payload) in messages {
        heard.take(topic.clone(), payload.as_bytes(), false, ARRIVED);
    }
    heard
}

fn proposed(heard: &Heard, zone: Tz) -> String {
    let mut broker = BrokerConfig { broker: "mqtt://10.0.0.7".parse().expect("a broker"), password: None };
    broker.broker.username = Some("me".to_owned());
    broker.broker.password = Some(Secret::new("correct horse"));
    let file = SecretSource::File("/etc/secret".into());
    broker.password = Some(Placed { value: file, place: Place::START });
    let source = Source::of_broker("sensors", &broker);
    let zone = Zone { guessed: Some("a guess"), ..zone::of(Some(zone)) };
    text(heard, &source, &["#".to_owned()], Duration::from_secs(30), &zone)
}

/// What the proposed rules read of what was heard: value, unit and time by meter. That they can be used at all, and
/// refuse nothing, is seen to.
fn read(text: &str, heard: &Heard) -> BTreeMap<String, (String, String, String)> {
    let head = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n";
    let config = AgentConfig::parse("proposed.toml", &format!("{head}{text}"));
    let config = config.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert!(config.warnings.is_empty() && !text.contains("correct horse"), "{text}");
    let rules: Vec<_> = config.mqtt.into_iter().flat_map(|source| source.rules).collect();
    let mut found = BTreeMap::new();
    for message in heard.messages() {
        for mapped in map(&rules, &message).mapped {
            let Mapped::Reading { meter, reading } = mapped else { panic!("{mapped:?}\n{text}") };
            let unit = reading.unit.map(|unit| unit.to_string()).unwrap_or_default();
            let at = if reading.at == ARRIVED { "arrival".to_owned() } else { reading.at.to_string() };
            found.insert(meter.to_string(), (reading.value.to_string(), unit, at));
        }
    }
    found
}

/// The topics of the page with their payloads, the zone of the rule, and the table's rows.
struct Example {
    message: (String, String),
    zone: Tz,
    rows: Vec<Vec<String>>,
}

fn quoted<'l>(line: &'l str, after: &str) -> Option<&'l str> {
    line.split_once(after)?.1.split('`').next()
}

fn examples() -> Vec<Example> {
    let page = file("profiles/README.md");
    let mut found: Vec<Example> = Vec::new();
    let (mut zone, mut lines) = (Tz::UTC, page.lines());
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let block = lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n");
            if line == "```toml" {
                let said =
                    block.lines().find_map(|line| line.strip_prefix("time_zone = \"")?.strip_suffix('"'));
                zone = said.map_or(Tz::UTC, |zone| zone.parse().expect(zone));
            } else if let Some(example) = found.last_mut() {
                example.message.1 = block;
            }
        } else if let Some(topic) = quoted(line, "On `").or_else(|| quoted(line, ", on `")) {
            let payload = quoted(line, "the file `").map(file).unwrap_or_default();
            found.push(Example { message: (topic.to_owned(), payload), zone, rows: Vec::new() });
        } else if let (Some(row), Some(example)) = (line.strip_prefix("| "), found.last_mut()) {
            let cells: Vec<String> =
                row.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            if cells.len() == 4 && cells[0] != "meter" {
                example.rows.push(cells);
            }
        }
        if let Some(example) = found.last_mut().filter(|example| example.rows.is_empty()) {
            example.zone = zone;
        }
    }
    found
}

#[test]
fn each_example_of_each_profile_is_recognised_and_read_as_the_page_says() {
    let examples = examples();
    assert!(examples.len() >= 20, "{} examples", examples.len());
    for Example { message, zone, rows } in &examples {
        let heard = heard(std::slice::from_ref(message));
        let text = proposed(&heard, *zone);
        let found = read(&text, &heard);
        assert!(!found.is_empty(), "{} gives nothing\n{text}", message.0);
        let mut alike = 0;
        for row in rows {
            let Some((value, unit, at)) = found.get(&row[0]) else { continue };
            assert_eq!(value, &row[1], "{row:?}\n{text}");
            // What only the device's owner knows is asked, not guessed.
            assert!(
                unit == &row[2] || unit.is_empty() && text.contains("QUESTION"),
                "{row:?} {unit}\n{text}"
            );
            assert_eq!(at, &row[3], "{row:?}\n{text}");
            alike += 1;
        }
        assert!(alike > 0, "{}: none of {rows:?}\n{found:?}\n{text}", message.0);
    }
}

#[test]
fn all_examples_at_once_give_one_text_that_refuses_nothing() {
    let messages: Vec<(String, String)> = examples().into_iter().map(|example| example.message).collect();
    let heard = heard(&messages);
    let text = proposed(&heard, Tz::Europe__Berlin);
    assert!(read(&text, &heard).len() > 25, "{text}");
    for profile in ["dsmr", "homewizard", "shelly-gen1", "shelly-gen2", "tasmota", "zigbee2mqtt"] {
        assert!(text.contains(&format!("profile = \"{profile}\"\n")), "{profile}\n{text}");
    }
}

#[test]
fn recorded_messages_are_read_and_what_is_not_sure_is_asked() {
    #[derive(serde::Deserialize)]
    struct Traced {
        topic: String,
        payload: String,
    }
    let traces = file("tests/recorded/tasmota_traces.jsonl");
    let traces = traces.lines().map(|line| serde_json::from_str::<Traced>(line).expect(line));
    let heard = heard(&traces.map(|traced| (traced.topic, traced.payload)).collect::<Vec<_>>());
    let text = proposed(&heard, Tz::Europe__Berlin);
    let found = read(&text, &heard);
    let value = |meter: &str| found.get(meter).map(|(value, unit, _)| (value.as_str(), unit.as_str()));
    assert_eq!(value("tasmota-energy"), Some(("0.00512", "kWh")), "{text}");
    assert_eq!(value("tasmota-power"), Some(("0", "W")), "{text}");
    assert!(text.contains("QUESTION: is it their zone? It is a guess, and with it a time is"), "{text}");
    // An older firmware's message has no unit, and a time without a zone.
    assert_eq!(value("home-home214-energy-total"), Some(("0.000", "")), "{text}");
    assert!(text.contains("QUESTION: the unit of this energy: kWh or Wh?"), "{text}");
    assert!(!text.contains("value = \"/Yesterday\"") && !text.contains("value = \"/Today\""), "{text}");
}

#[test]
fn profiles_are_known_behind_prefixes_and_on_topics_of_any_form() {
    let tasmota = r#"{"Time":"2026-09-21T16:13:20","ENERGY":{"Total":1.5,"Today":0.1,"Power":7}}"#;
    let telegram = file("tests/recorded/dsmr_v5_iskra.txt");
    let messages = [
        ("site/hall/shellies/s1/relay/0/power", "7"),
        ("site/hall/shellies/s2/relay/0/power", "8"),
        ("meters/rack1/json", tasmota),
        ("meters/rack2/json", tasmota),
        ("p1", &telegram),
        ("misc/password", "hunter2"),
        ("misc/device", r#"{"serial":"x","wifi":{"psk":"hunter2"}}"#),
        ("wattledger/v1/agent/hall/a1/status", "own"),
    ];
    let heard = heard(&messages.map(|(topic, payload)| (topic.to_owned(), payload.to_owned())));
    let text = proposed(&heard, Tz::Europe__Berlin);
    let found = read(&text, &heard);
    for meter in
        ["s1-relay-0-power", "s2-relay-0-power", "rack1-energy", "rack2-power", "p1-power", "p1-gas-1"]
    {
        assert!(found.contains_key(meter), "{meter}\n{found:?}\n{text}");
    }
    for line in [
        "topic = \"site/hall/shellies/{device}\"",
        "topic = \"meters/{meter}/json\"\nmeter = \"{meter}\"",
        "time_zone = \"Europe/Berlin\"   # with it their times are those of their arrival",
        "password_file = \"/etc/secret\"",
        "# NOT understood: 2 topics",
        "#   misc/device (once): {\"serial\":\"x\",\"wifi\":{\"psk\":\"…\"}}",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("hunter2") && !text.contains("wattledger/v1"), "{text}");
}

#[test]
fn where_nothing_is_understood_all_of_the_text_is_comment() {
    let heard = heard(&[("a/b".to_owned(), "hello".to_owned())]);
    let text = proposed(&heard, Tz::UTC);
    assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{text}");
    assert!(text.contains("a/b (once): hello"), "{text}");
    let nothing = Heard::default().nothing(&["x/#".to_owned()], Duration::from_secs(5));
    assert!(nothing.contains("access list") && nothing.contains("--topic '#'"), "{nothing}");
}
