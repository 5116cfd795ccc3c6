//! Configurations that are nearly right: read without panic, refused with places that lie in the file, and
//! what is accepted can be used.

#[path = "property/explore.rs"]
mod explore;
#[path = "property/mutated.rs"]
mod mutated;

use explore::explore;
use mutated::mutated;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wattledger_agent::AgentConfig;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::ledger::fold::fold;
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::topology::{Topology, interpretations};
use wattledger_model::decimal::Decimal;
use wattledger_model::document::Problems;
use wattledger_model::reading::{Quality, Reading};
use wattledger_model::time::{Minute, Timestamp};

const AGENTS: &[&str] = &[include_str!("../config/agent.toml")];
const COLLECTORS: &[&str] =
    &[include_str!("../config/collector.toml"), include_str!("../config/campus.toml")];

/// What people and their editors put where it does not belong.
const WORDS: &[&str] = &[
    "\"\"",
    "\"é\"",
    "''",
    "[[",
    "]]",
    "[",
    "{",
    "= ",
    "#",
    "\"\"\"",
    "\\u0000",
    "\u{feff}",
    "\r",
    "\t",
    "0x7f",
    "1e999",
    "-1",
    "0",
    "nan",
    "inf",
    "true",
    "1979-05-27T07:32:00Z",
    "99999999999999999999",
    "\"1e100\"",
    "\"1e-100\"",
    "\"99999999d\"",
    "\"0s\"",
    "\"2 furlong\"",
    "\"kWh\"",
    "\"m3\"",
    "\"Europe/Atlantis\"",
    "\"mqtt://[::1]:99999\"",
    "a.b.c = 1\n",
    "[meter.x]\n",
    "[[meter]]\n",
    "[[source.mqtt.rule]]\n",
];

/// A line of one of the examples in place of, before, or instead of the value of another.
#[derive(Debug, Clone)]
enum Edit {
    Drop(Index),
    Double(Index),
    Swap(Index, Index),
    Insert(Index, Index),
    Value(Index, String),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<Index>().prop_map(Edit::Drop),
        any::<Index>().prop_map(Edit::Double),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Swap(a, b)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Insert(a, b)),
        (any::<Index>(), select(WORDS)).prop_map(|(at, word)| Edit::Value(at, word.to_owned())),
    ]
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits {
        let place = |at: &Index| at.index(lines.len());
        match edit {
            Edit::Drop(at) if lines.len() > 1 => drop(lines.remove(place(at))),
            Edit::Drop(_) => {}
            Edit::Double(at) => lines.insert(place(at), lines[place(at)].clone()),
            Edit::Swap(a, b) => {
                let (a, b) = (place(a), place(b));
                lines.swap(a, b);
            }
            Edit::Insert(to, from) => lines.insert(place(to), lines[place(from)].clone()),
            Edit::Value(at, word) => {
                let at = place(at);
                let key = lines[at].split_once('=').map_or("key", |(key, _)| key).to_owned();
                lines[at] = format!("{key}= {word}");
            }
        }
    }
    lines.join("\n")
}

fn configurations(examples: &'static [&'static str]) -> impl Strategy<Value = String> {
    let bytes = examples.iter().map(|text| text.as_bytes().to_vec()).collect();
    prop_oneof![
        3 => (select(examples), vec(edit(), 0..6)).prop_map(|(text, edits)| edited(text, &edits)),
        2 => mutated(bytes, WORDS).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        1 => vec(prop_oneof![select(WORDS).prop_map(str::to_owned), ".{0,4}"], 0..20).prop_map(|all| all.concat()),
    ]
}

/// Every problem names the file and a place in it: a character of a line, or the end of one.
fn lie_in_the_file(problems: &Problems, text: &str) -> Result<(), TestCaseError> {
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in problems.all() {
        prop_assert_eq!(&problem.file, "some.toml");
        prop_assert!(!problem.message.is_empty() && !problem.message.contains(char::is_control), "{problem}");
        prop_assert!(problem.message.chars().count() < 700, "{problem}");
        let line = lines.get(problem.place.line as usize - 1);
        prop_assert!(line.is_some(), "{problem}: the file has {} lines", lines.len());
        let columns = line.map_or(0, |line| line.chars().count());
        prop_assert!(
            (1..=columns as u32 + 1).contains(&problem.place.column),
            "{problem}: {columns} columns"
        );
    }
    Ok(())
}

/// A few readings as a meter of this kind could send them, with extremes among them.
fn readings(meter: &Interpretation) -> Vec<Reading> {
    let values = [0, 1, 5, 4, 0, 0, 7, i64::MAX, 8, i64::MIN, 9, 10, 11, 12, 13, 14, 15, 16];
    let reading = |(i, mantissa): (usize, i64)| Reading {
        at: Timestamp(1_790_000_000_000 + i as i64 * 55_000),
        arrived: Timestamp(1_790_000_000_000),
        value: Decimal::new(mantissa, if i % 4 == 3 { 30 } else { -1 }),
        unit: meter.unit,
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    values.into_iter().enumerate().map(reading).collect()
}

#[test]
fn what_once_failed_is_refused_with_one_line_for_each_problem() {
    // A quotation mark too many makes a text of many lines, which is then quoted as what is no name.
    let text = format!("[agent]\nname = \"\"\"{}\"\"\"\n", "site = 'hall'\n".repeat(200));
    let problems = AgentConfig::parse("some.toml", &text).expect_err("no name");
    lie_in_the_file(&problems, &text).expect("one line each");
    assert!(problems.to_string().lines().count() <= problems.all().len());
}

#[test]
fn any_collector_configuration_is_usable_or_refused_with_places() {
    explore(
        "collector configurations",
        3_000,
        configurations(COLLECTORS),
        |text| match CollectorConfig::parse("some.toml", &text) {
            Err(problems) => {
                prop_assert!(problems.has_errors());
                lie_in_the_file(&problems, &text)
            }
            Ok(config) => {
                lie_in_the_file(&config.warnings, &text)?;
                for meter in interpretations(&config).values() {
                    let _folded = fold(&readings(meter), meter);
                }
                let numbers = config.meters.iter().zip(1..);
                let topology = Topology::compile(&config, |key| {
                    numbers.clone().find(|(meter, _)| meter.key == *key).map(|(_, number)| number)
                });
                for facility in &topology.facilities {
                    if let Some(factor) = &facility.factor {
                        prop_assert!(factor.at(Minute(29_000_000)).is_finite());
                    }
                }
                Ok(())
            }
        },
    );
}

#[test]
fn any_agent_configuration_is_usable_or_refused_with_places() {
    explore("agent configurations", 20_000, configurations(AGENTS), |text| {
        match AgentConfig::parse("some.toml", &text) {
            Err(problems) => {
                prop_assert!(problems.has_errors());
                lie_in_the_file(&problems, &text)
            }
            Ok(config) => lie_in_the_file(&config.warnings, &text),
        }
    });
}
