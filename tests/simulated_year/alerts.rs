//! The list of alerts of the year: what befell the hall, in the order of cause and effect, and nothing else.

use crate::hall::Hall;
use crate::world::{FAILS, HEAT, MENDED, SILENT, at};
use serde_json::Value;
use std::process::Command;

const HOUR_MS: i64 = 3_600_000;

/// What is typed, where the configuration is at hand.
const ASKED: &str = "wattledger alerts test --all --config collector.toml --from 2025-01-01 --to 2026-01-01";

/// What the program prints for it.
fn printed(hall: &Hall, more: &[&str]) -> String {
    let arguments = ASKED.split(' ').skip(1).chain(more.iter().copied());
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattledger"));
    let folder = hall.file.parent().expect("the configuration is in a folder");
    let output = command.args(arguments).current_dir(folder).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// One line of the list.
#[derive(Debug)]
struct Turned {
    rule: String,
    subject: String,
    turn: String,
    at: i64,
    told: Value,
}

impl Turned {
    fn of(told: &Value) -> Turned {
        let text = |key: &str| told[key].as_str().unwrap_or_else(|| panic!("`{key}` in {told}")).to_owned();
        let (rule, subject, turn) = (text("rule"), text("subject"), text("turn"));
        Turned { rule, subject, turn, at: at(&text("at")), told: told.clone() }
    }

    fn texts(&self, key: &str) -> Vec<&str> {
        let all = self.told[key].as_array().unwrap_or_else(|| panic!("`{key}` in {}", self.told));
        all.iter().filter_map(Value::as_str).collect()
    }
}

/// What should turn, and from when to when at the latest.
struct Due {
    rule: &'static str,
    subject: &'static str,
    turn: &'static str,
    from: i64,
    within_hours: i64,
}

/// What befell the hall and what follows from it, in the order of time.
fn due() -> Vec<Due> {
    let due = |rule, subject, turn, from: &str, within_hours| Due {
        rule,
        subject,
        turn,
        from: at(from),
        within_hours,
    };
    vec![
        // A quarter of an hour beyond the limit, of an hour of which the first minutes are as before.
        due("pue", "hall-1", "raised", FAILS, 2),
        // Four days of it cost more of the year than was left; two days in a row must say so.
        due("year", "hall-1 target D130", "raised", FAILS, 8 * 24),
        // The night after it was mended.
        due("pue", "hall-1", "cleared", MENDED, 12),
        // The first afternoon that is hot at all, and the night after the thunderstorm.
        due("pue", "hall-1", "raised", HEAT[0], 36),
        due("pue", "hall-1", "cleared", HEAT[1], 18),
        due("silent", "hall-1 meter ups-2", "raised", SILENT[0], 1),
        due("silent", "hall-1 meter ups-2", "cleared", SILENT[1], 1),
    ]
}

#[test]
fn the_list_is_what_befell_the_hall_in_the_order_of_cause_and_effect() {
    let hall = Hall::shared();
    let printed = printed(&hall, &["--json"]);
    let outcome: Value = serde_json::from_str(&printed).expect("JSON");
    let turns: Vec<Turned> = outcome["turns"].as_array().expect("turns").iter().map(Turned::of).collect();
    let told: Vec<String> = turns.iter().map(|turn| format!("{turn:?}")).collect();
    let due = due();
    for (turn, due) in turns.iter().zip(&due) {
        let is_right = (turn.rule.as_str(), turn.subject.as_str(), turn.turn.as_str())
            == (due.rule, due.subject, due.turn);
        let late = turn.at - due.from;
        assert!(
            is_right && (0..=due.within_hours * HOUR_MS).contains(&late),
            "{turn:?}\n{}",
            told.join("\n")
        );
    }
    assert_eq!(turns.len(), due.len(), "{}", told.join("\n"));
}
