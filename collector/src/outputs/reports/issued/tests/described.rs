//! What is handed over of an issued report is as its schemas say.

use super::world::{ID, ISSUED_AT, World, at, kept, of, restating};
use crate::outputs::reports::Schema;
use crate::outputs::reports::issued::{export, file};
use crate::outputs::reports::tests::schemas::{accepted_of, assert_described, without_value};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const AGAIN: &str = "hall-1_2026-03-02_2";

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("it was exported")).expect("it is JSON")
}

fn names(all: &BTreeSet<String>) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

#[test]
fn statement_manifest_and_report_are_as_their_schemas_say_and_take_nothing_else() {
    let kept = kept();
    let [mut statement, manifest, report] =
        ["issue.json", "manifest.json", "report.json"].map(|name| read(&kept.evidence().join(name)));
    assert_eq!(names(&accepted_of(Schema::Report, &report).left_out), ["versions.known_at"]);

    let mut accepted = accepted_of(Schema::Issued, &statement);
    accepted.left_out.retain(|place| !place.starts_with("series."));
    assert_eq!(names(&accepted.left_out), ["files.series-1.csv"]);
    assert_eq!(accepted.null, BTreeSet::new(), "it is signed, and by a key that is told");
    (statement["public_key"], statement["signature"]) = (Value::Null, Value::Null);
    assert_described(Schema::Issued, &statement);

    let accepted = accepted_of(Schema::Evidence, &manifest);
    assert!(accepted.null.is_empty());
    let may_be_missing = |place: &str| {
        ["files.ledger/", "files.tables/", "files.series-"].iter().any(|folder| place.starts_with(folder))
    };
    assert!(!accepted.left_out.is_empty() && accepted.left_out.iter().all(|place| may_be_missing(place)));
}

#[test]
fn a_restated_report_and_its_evidence_are_as_their_schemas_say() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let late = [("hall/ups", at("2026-03-02T12:30:00Z"), "43700.5".to_owned(), "kWh")];
    world.take(&late, at("2026-03-06T09:00:00Z"));
    world.exclude("2026-03-02T08:00:00Z", at("2026-03-06T09:30:00Z"));
    world.issue(&restating(ID), "2026-03-06T10:07:00Z").expect("restated");
    let read_kept = |name: &str| -> Value {
        serde_json::from_slice(&file(&world.layout, AGAIN, name).expect("kept")).expect("it is JSON")
    };
    let (report, statement) = (read_kept("report.json"), read_kept("issue.json"));
    assert_described(Schema::Report, &report);
    assert_described(Schema::Issued, &statement);
    assert_eq!(without_value(Schema::Issued, &[statement]), BTreeSet::new());
    let restatement = [
        "after",
        "before",
        "causes",
        "changes",
        "issued_at",
        "known_at",
        "more",
        "of",
        "restatement",
        "what",
    ];
    let without = without_value(Schema::Report, &[report]);
    assert!(restatement.iter().all(|name| !without.contains(*name)), "{without:?}");

    let into = tempfile::tempdir().expect("a directory");
    export(&world.layout, AGAIN, into.path()).expect("exported");
    let manifest = read(&into.path().join("manifest.json"));
    assert!(manifest["files"]["restated/report.json"].is_object(), "{manifest}");
    assert_described(Schema::Evidence, &manifest);
}
