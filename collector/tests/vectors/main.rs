//! The domain's test vectors, run from their file, chapter by chapter. What is not run yet is listed, so that
//! nobody takes a green run for more than it is; a case that is neither run nor listed fails.

mod alerts;
mod bench;
mod calendar;
mod carbon;
mod case;
mod conditions;
mod power;
mod ratios;
mod registers;
mod schemes;
mod site;
mod uncertainty;
mod virtuals;

use case::Case;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Cases of the ledger that nothing computes yet.
const NOT_YET: &[&str] = &[];

/// Cases of alerts, which this program does not run yet.
const ALERTS: &[&str] = &[];

const CHAPTERS: &[fn(&Case) -> bool] = &[
    registers::run,
    power::run,
    virtuals::run,
    calendar::run,
    ratios::run,
    carbon::run,
    uncertainty::run,
    schemes::run,
    alerts::run,
    conditions::run,
];

#[test]
fn the_vectors_agree_and_what_is_not_run_is_listed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/accounting.json");
    let text = std::fs::read_to_string(&path).expect("the vectors");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let mut left: BTreeSet<&str> = NOT_YET.iter().chain(ALERTS).copied().collect();
    let mut ran = 0;
    for case in cases.into_iter().map(Case) {
        let runs = CHAPTERS.iter().filter(|run| run(&case)).count();
        match runs {
            0 => assert!(left.remove(case.id()), "{} is neither run nor listed", case.id()),
            1 => {
                ran += 1;
                assert!(!left.contains(case.id()), "{} runs; take it off the list", case.id());
            }
            _ => panic!("{} runs in {runs} chapters", case.id()),
        }
    }
    assert!(left.is_empty(), "listed but not in the file: {left:?}");
    println!("{ran} vectors agree; not run yet: {} {}", NOT_YET.join(" "), ALERTS.join(" "));
}
