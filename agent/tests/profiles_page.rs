//! `agent/profiles/README.md` is true: each example is read by the rule above it, and gives what the table
//! below it says, no more and no less.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use wattledger_agent::AgentConfig;
use wattledger_agent::map::{Message, Rule, map};
use wattledger_agent::profile;
use wattledger_agent::source::Mapped;
use wattledger_model::time::Timestamp;

const ARRIVED: Timestamp = Timestamp(1_790_000_000_000);

/// One example of the page.
#[derive(Debug, Default)]
struct Example {
    profile: String,
    rule: String,
    topic: String,
    payload: String,
    expected: Vec<String>,
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rules(rule: &str) -> Vec<Rule> {
    let head = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n";
    let text = format!("{head}[[source.mqtt]]\nname='m'\n[[source.mqtt.rule]]\n{rule}");
    let config = AgentConfig::parse("README.md", &text).unwrap_or_else(|problems| panic!("{rule}{problems}"));
    config.mqtt.into_iter().flat_map(|source| source.rules).collect()
}

/// The text between back-quotes that follows `after`.
fn quoted<'l>(line: &'l str, after: &str) -> Option<&'l str> {
    line.split_once(after)?.1.split_once('`')?.1.split('`').next()
}

/// Every example: a rule, a topic with a payload or a file, and a table of readings.
fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut profile, mut rule) = (String::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            profile = name.trim_matches('`').to_owned();
            rule.clear();
        } else if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let block = block.join("\n");
            match (language, examples.last_mut()) {
                ("toml", _) => rule = block + "\n",
                (_, Some(example)) if example.payload.is_empty() => example.payload = block,
                _ => panic!("a block of {language} belongs to nothing:\n{block}"),
            }
        } else if let Some(topic) = quoted(line, "On ").or_else(|| quoted(line, ", on ")) {
            let file = quoted(line, "the file ").map(|file| folder().join(file));
            let payload = file.map(|file| fs::read_to_string(&file).expect("the recording can be read"));
            let (profile, rule, topic) = (profile.clone(), rule.clone(), topic.to_owned());
            let payload = payload.unwrap_or_default();
            examples.push(Example { profile, rule, topic, payload, expected: Vec::new() });
        } else if let (Some(row), Some(example)) = (line.strip_prefix("| "), examples.last_mut()) {
            let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
            if cells.len() == 4 && cells[0] != "meter" {
                example.expected.push(cells.join(" "));
            }
        }
        // Where a rule stands between topic and table, it is that example's.
        if let Some(example) = examples.last_mut().filter(|example| example.expected.is_empty()) {
            example.rule.clone_from(&rule);
        }
    }
    examples
}

fn read(example: &Example) -> Vec<String> {
    let rules = rules(&example.rule);
    let (topic, payload) = (example.topic.as_str(), example.payload.as_bytes());
    let outcome = map(&rules, &Message { topic, payload, retained: false, arrived: ARRIVED });
    let line = |mapped: Mapped| match mapped {
        Mapped::Reading { meter, reading } => {
            let unit = reading.unit.map(|unit| unit.to_string()).unwrap_or_default();
            let at = if reading.at == ARRIVED { "arrival".to_owned() } else { reading.at.to_string() };
            format!("{meter} {} {unit} {at}", reading.value)
        }
        Mapped::Refused(refused) => format!("refused: {}", refused.detail),
    };
    outcome.mapped.into_iter().map(line).collect()
}

#[test]
fn every_example_gives_the_readings_that_the_page_says() {
    let page = fs::read_to_string(folder().join("profiles/README.md")).expect("the page");
    let examples = examples(&page);
    for example in &examples {
        assert!(!example.expected.is_empty(), "{example:?} has no table");
        assert!(example.rule.contains(&format!("profile = \"{}\"", example.profile)), "{example:?}");
        let mut expected = example.expected.clone();
        let mut found = read(example);
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{} on {}", example.profile, example.topic);
    }
    let shown: BTreeSet<&str> = examples.iter().map(|example| example.profile.as_str()).collect();
    assert_eq!(shown, profile::names().collect(), "every profile has an example, and no other");
}

#[test]
fn the_rule_at_the_head_of_the_page_is_one() {
    let page = fs::read_to_string(folder().join("profiles/README.md")).expect("the page");
    let block = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    let rule = block.split("[[source.mqtt.rule]]\n").nth(1).expect("a rule");
    assert!(!rules(rule).is_empty());
}

#[test]
fn a_telegram_that_was_damaged_on_the_way_gives_nothing() {
    let rules = rules("profile = \"dsmr\"\nreadings = [\"power\"]\n");
    let telegram =
        fs::read_to_string(folder().join("tests/recorded/dsmr_v5_iskra.txt")).expect("a recording");
    let damaged = telegram.replace("00.244", "90.244");
    let message =
        Message { topic: "dsmr/m/telegram", payload: damaged.as_bytes(), retained: false, arrived: ARRIVED };
    let [Mapped::Refused(refused)] = &map(&rules, &message).mapped[..] else { panic!("one refusal") };
    assert!(refused.detail.contains("damaged on the way"), "{}", refused.detail);
}

#[test]
fn the_phases_of_the_recorded_telegram_add_up_to_its_power() {
    let rules =
        rules("profile = \"dsmr\"\nreadings = [\"power\", \"l1-power\", \"l2-power\", \"l3-power\"]\n");
    let telegram =
        fs::read_to_string(folder().join("tests/recorded/dsmr_v5_iskra.txt")).expect("a recording");
    let message =
        Message { topic: "dsmr/m/telegram", payload: telegram.as_bytes(), retained: false, arrived: ARRIVED };
    let watts = |mapped: &Mapped| match mapped {
        Mapped::Reading { reading, .. } => {
            assert_eq!(reading.value.exponent, -3, "kW with three decimals, as the meter wrote it");
            reading.value.mantissa
        }
        Mapped::Refused(refused) => panic!("{refused:?}"),
    };
    let watts: Vec<i64> = map(&rules, &message).mapped.iter().map(watts).collect();
    assert_eq!(watts, [244, 70, 32, 142]);
    assert_eq!(watts[0], watts[1..].iter().sum::<i64>());
}
