//! Chapter A: when an alert is raised and cleared.

use super::case::*;
use std::time::Duration;
use wattledger_collector::config::{Side, Thresholds};
use wattledger_collector::outputs::alerts::State;
use wattledger_model::time::Minute;

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "A01" => a01(case),
        _ => return false,
    }
    true
}

fn a01(case: &Case) {
    let minutes = |key: &str| Duration::from_secs_f64(case.number(key) * 60.0);
    let thresholds = Thresholds {
        side: Side::Above,
        raise: case.number("raise_above"),
        clear: case.number("clear_below"),
        raise_after: minutes("raise_after_min"),
        clear_after: minutes("clear_after_min"),
        min_coverage: 0.9,
    };
    let mut state = State::default();
    let mut events = Vec::new();
    for row in case.input("minute_value").as_array().expect("minutes and values") {
        let (minute, value) = (row[0].as_i64().expect("a minute"), row[1].as_f64());
        if let Some(event) = state.step(Minute(minute), value, 1.0, &thresholds) {
            events.push(serde_json::json!([event.at.0, event.turn.word()]));
        }
    }
    assert_eq!(serde_json::Value::from(events), *case.expected("events"), "{}", case.id());
}
