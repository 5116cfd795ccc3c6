//! What a restated report says of the one before it is checked, and that one is looked at, too.

use super::tampered::{cover_up, edit, fix, set, told};
use super::world::{ID, ISSUED_AT, World, at, of, restating};
use crate::outputs::reports::issued::sign::tests::PUBLIC;
use crate::outputs::reports::issued::{Given, Verified, again, against_evidence, against_ledger, export};
use crate::outputs::reports::json as printed;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const SECOND: &str = "hall-1_2026-03-02_2";

/// A report, one that restates it, and the evidence of that.
struct Both {
    world: World,
    _elsewhere: TempDir,
    bundle: PathBuf,
}

fn both() -> Both {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    // What was spooled in the hole comes, with another course than the straight line.
    let late = [("hall/ups", at("2026-03-02T12:30:00Z"), "43700.5".to_owned(), "kWh")];
    world.take(&late, at("2026-03-06T09:00:00Z"));
    world.exclude("2026-03-02T08:00:00Z", at("2026-03-06T09:30:00Z"));
    world.issue(&restating(ID), "2026-03-06T10:07:00Z").expect("restated");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let bundle = elsewhere.path().join("bundle");
    export(&world.layout, SECOND, &bundle).expect("exported");
    Both { world, _elsewhere: elsewhere, bundle }
}

impl Both {
    fn kept(&self, id: &str, name: &str) -> PathBuf {
        self.world.layout.dir.join("issued").join(id).join(name)
    }

    fn of_ledger(&self) -> Verified {
        let given = Given::Id(SECOND.to_owned());
        against_ledger(&self.world.layout, &given, Some(PUBLIC)).expect("verifiable")
    }

    fn of_bundle(&self) -> Verified {
        cover_up(&self.bundle);
        against_evidence(&self.bundle, None, Some(PUBLIC)).expect("verifiable")
    }
}

#[test]
fn a_restated_report_that_cannot_be_read_is_told_from_one_that_is_missing() {
    let both = both();
    assert!(both.of_ledger().is_verified() && both.of_bundle().is_verified());
    let first = both.kept(ID, "report.json");
    fs::remove_file(&first).expect("removed");
    assert!(told(&both.of_ledger()).contains("the report that is restated is missing"));
    // A folder in its place cannot be read, by whomever.
    fs::create_dir(&first).expect("made");
    let unreadable = both.of_ledger();
    assert_eq!(told(&unreadable), "");
    assert!(
        unreadable.hindrances[0].contains("the report that is restated cannot be read"),
        "{unreadable:#?}"
    );
    assert!(!unreadable.is_verified());
    let path = both.bundle.join("restated/report.json");
    fs::write(&path, [0xff, 0xfe]).expect("written");
    assert!(told(&both.of_bundle()).contains("the report that is restated is not what was issued"));
    fs::remove_file(&path).expect("removed");
    assert!(told(&both.of_bundle()).contains("the report that is restated is missing"));
}

#[test]
fn what_was_altered_is_not_restated_nor_printed_again() {
    let mut both = both();
    let text = fs::read_to_string(both.kept(SECOND, "report.json")).expect("read");
    assert_eq!(printed(&again(&both.world.layout, SECOND).expect("made again")), text);
    set(&both.kept(SECOND, "report.json"), "/pue/rounded", json!("1.01"));
    let altered = format!("report.json of {SECOND} is not what was issued; `wattledger verify {SECOND}`");
    let error = again(&both.world.layout, SECOND).expect_err("altered").to_string();
    assert!(error.starts_with(&altered), "{error}");
    both.world.exclude("2026-03-02T09:00:00Z", at("2026-03-07T09:30:00Z"));
    let error =
        both.world.issue(&restating(SECOND), "2026-03-07T10:07:00Z").expect_err("altered").to_string();
    assert!(error.starts_with(&altered), "{error}");
}

#[test]
fn the_report_that_is_restated_is_what_was_issued() {
    let both = both();
    let changed =
        "the report.json of hall-1_2026-03-02_1, which is restated, is not what was issued, by SHA-256";
    // A place that says nothing of what changed between the two.
    let path = both.kept(ID, "report.json");
    set(&path, "/versions/engine", json!("9.9.9"));
    assert!(told(&both.of_ledger()).contains(changed));
    set(&both.bundle.join("restated/report.json"), "/versions/engine", json!("9.9.9"));
    assert!(told(&both.of_bundle()).contains(changed));
    set(&both.bundle.join("restated/issue.json"), "/who", json!("nobody"));
    let told = told(&both.of_bundle());
    assert!(
        told.contains("the issue.json of hall-1_2026-03-02_1, which is restated, is not what entry")
            && told.contains("who: collector -> nobody"),
        "{told}"
    );
    assert!(told.contains("the signature of hall-1_2026-03-02_1"), "{told}");
}

#[test]
fn why_and_when_and_what_happened_are_checked_against_chain_and_ledger() {
    let says = [
        (
            "/restatement/reason",
            json!("nothing of importance"),
            "report.json: restatement.reason: late readings came -> ",
        ),
        (
            "/restatement/issued_at",
            json!("2026-03-05T11:00:00Z"),
            "report.json: restatement.issued_at: 2026-03-05T10:07:00Z",
        ),
        ("/restatement/causes/0/who", json!("somebody else"), "report.json: restatement.causes: "),
        ("/restatement/changes/0/before", json!("7"), "report.json: restatement.changes: "),
    ];
    for (place, value, says) in says {
        let both = both();
        let kept = both.kept(SECOND, "report.json");
        set(&kept, place, value.clone());
        assert!(told(&both.of_ledger()).contains(says), "{place}: {:#?}", both.of_ledger());
        set(&both.bundle.join("report.json"), place, value);
        fix(&both.bundle, "report.json");
        assert!(told(&both.of_bundle()).contains(says), "{place}: {:#?}", both.of_bundle());
    }
    // That hours were booked anew only the ledger tells.
    let both = both();
    edit(&both.kept(SECOND, "report.json"), |text| text.replacen("booked anew", "booked twice", 1));
    assert!(told(&both.of_ledger()).contains("report.json: restatement.causes: "), "{:#?}", both.of_ledger());
}
