//! The dashboards as they are described here, and the files that are made of them.

pub(crate) mod ask;
mod carbon;
pub(crate) mod dashboard;
mod facility;
mod itself;
pub(crate) mod panel;
mod portfolio;
mod quality;
mod targets;

use crate::read::folder;
use dashboard::{CARBON, FACILITY, ITSELF, Named, PORTFOLIO, QUALITY, TARGETS};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Colours of a PUE: the limits of D125 and D130 of config/targets, from which on each is missed.
const PUE_STEPS: &[(&str, f64)] = &[("yellow", 1.25), ("red", 1.3)];
/// Colours of a coverage: what a verdict on a day and one on a month need. Source: domain.md 5.4.
const COVERAGE_STEPS: &[(&str, f64)] = &[("yellow", 0.95), ("green", 0.99)];
/// No amount of energy is good or bad by itself.
const ENERGY_STEPS: &[(&str, f64)] = &[];
/// What a list of what is wrong says while nothing is.
const NO_EVENT: &str = "None";

/// Every dashboard, by its file.
pub(crate) fn all() -> Vec<(Named, Value)> {
    vec![
        (PORTFOLIO, portfolio::dashboard()),
        (FACILITY, facility::dashboard()),
        (CARBON, carbon::dashboard()),
        (TARGETS, targets::dashboard()),
        (QUALITY, quality::dashboard()),
        (ITSELF, itself::dashboard()),
    ]
}

/// With `WATTLEDGER_BLESS=1` writes a file anew, whole at once since other tests read it, and says so.
pub(crate) fn blessed(path: &Path, text: &str) -> bool {
    let asked = std::env::var("WATTLEDGER_BLESS").as_deref() == Ok("1");
    if asked {
        let beside = path.with_extension("new");
        fs::write(&beside, text).expect("a file can be written");
        fs::rename(&beside, path).expect("a file can be renamed");
    }
    asked
}

#[test]
fn the_files_are_what_is_described_here() {
    for (named, json) in all() {
        let path = folder().join("grafana").join(named.file);
        let text = serde_json::to_string_pretty(&json).expect("JSON can be printed") + "\n";
        if blessed(&path, &text) {
            continue;
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "{} is not what tests/dashboards/made describes: run WATTLEDGER_BLESS=1 cargo test --test dashboards",
            path.display()
        );
    }
}
