//! The list of alerts of the year: what befell the hall, in the order of cause and effect, and nothing else.

use crate::hall::{Hall, JUDGED_FROM};
use crate::world::{FAILS, HEAT, MENDED, SILENT, at};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use wattledger_model::time::Timestamp;

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
    fn of(told: Value) -> Turned {
        let text = |key: &str| told[key].as_str().unwrap_or_else(|| panic!("`{key}` in {told}")).to_owned();
        let at = at(&text("at"));
        Turned { rule: text("rule"), subject: text("subject"), turn: text("turn"), at, told }
    }
}
