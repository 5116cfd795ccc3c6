//! A report is made again to the last bit, whatever came after it, here and on another machine.

use super::world::{ID, ISSUED_AT, World, at, factors, kept, of, restating};
use crate::audit::{self, Who, chain, corrections};
use crate::engine::By;
use crate::outputs::reports::issued::sign::tests::PUBLIC;
use crate::outputs::reports::issued::{
    Given, IssueError, Verified, against_evidence, against_ledger, export, file,
};
use crate::store::{self, Layout, history};
use std::fs;

fn verified(layout: &Layout, id: &str) -> Verified {
    against_ledger(layout, &Given::Id(id.to_owned()), Some(PUBLIC)).expect("verifiable")
}

fn is_right(verified: &Verified) {
    assert!(verified.is_verified(), "{verified:#?}");
}

#[test]
fn what_comes_after_an_issue_changes_nothing_of_it() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    is_right(&verified(&world.layout, ID));
    // Late readings in the period; newer ones by which registers resolve otherwise; a meter that had never spoken.
    let now = at("2026-03-06T09:00:00Z");
    world.take(
        &[
            ("hall/ups", at("2026-03-02T12:30:00Z"), "43700.5".to_owned(), "kWh"),
            ("hall/main", at("2026-03-06T08:00:00Z"), "98.765".to_owned(), "MWh"),
            ("hall/late", at("2026-03-02T08:00:00Z"), "5".to_owned(), "kWh"),
            ("hall/late", at("2026-03-02T09:00:00Z"), "55".to_owned(), "kWh"),
        ],
        now,
    );
    world.exclude("2026-03-02T08:00:00Z", at("2026-03-06T09:30:00Z"));
    fs::write(&world.series, factors(0.9)).expect("written");
    is_right(&verified(&world.layout, ID));
    // Another configuration: another target, another ratio, no series of factors.
    let edit = |text: &str| text.replace("\"D130\", \"D125\"", "\"D125\"").replace("factor_series", "#");
    let scaled = |text: &str| edit(text).replace("name = \"ups\"", "name = \"ups\"\nscale = \"2\"");
    let mut world = world.reconfigure(scaled, at("2026-03-06T12:00:00Z"));
    is_right(&verified(&world.layout, ID));
    world.engine.rebuild().expect("rebuilt");
    is_right(&verified(&world.layout, ID));
    let answer = world.issue(&restating(ID), "2026-03-06T13:07:00Z").expect("restated");
    is_right(&verified(&world.layout, &answer.issued.id));
    is_right(&verified(&world.layout, ID));
}

#[test]
fn a_clock_that_is_put_back_after_an_issue_changes_nothing_of_it() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    // By its time in the chain it was known when the report was made.
    world.exclude("2026-03-02T08:00:00Z", at("2026-03-05T09:30:00Z"));
    is_right(&verified(&world.layout, ID));
    let elsewhere = tempfile::tempdir().expect("a directory");
    let bundle = elsewhere.path().join("bundle");
    export(&world.layout, ID, &bundle).expect("exported");
    is_right(&against_evidence(&bundle, None, Some(PUBLIC)).expect("verifiable"));
    // What the store notes of the quarters is void with such a clock, and said.
    let connection = rusqlite::Connection::open(world.layout.dir.join("ledger.sqlite")).expect("opens");
    connection.execute_batch("UPDATE known SET change = change - 1").expect("written");
    let verified = verified(&world.layout, ID);
    is_right(&verified);
    assert!(verified.notes.iter().any(|note| note.contains("clock was put back")), "{verified:#?}");
}

#[test]
fn rolling_months_are_issued_as_the_months_that_they_are() {
    let mut world = World::new();
    let issued = world.issue(&of("hall-1", "rolling-12m"), ISSUED_AT).expect("issued").issued;
    assert_eq!(issued.id, "hall-1_12m-to-2026-03-04_1");
    is_right(&verified(&world.layout, &issued.id));
    let bytes = file(&world.layout, &issued.id, "report.json").expect("kept");
    let changed = String::from_utf8(bytes).expect("text").replacen("\"status\": \"", "\"status\": \"x", 1);
    let given = Given::File { name: "copy.json".to_owned(), bytes: changed.into_bytes() };
    let told = against_ledger(&world.layout, &given, Some(PUBLIC)).expect("verifiable");
    assert_eq!(told.id, issued.id);
    assert!(!told.findings.is_empty());
}

#[test]
fn the_evidence_alone_is_enough_in_another_place() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    world.exclude("2026-03-02T08:00:00Z", at("2026-03-06T09:30:00Z"));
    let second = world.issue(&restating(ID), "2026-03-06T10:07:00Z").expect("restated").issued.id;
    let elsewhere = tempfile::tempdir().expect("a directory");
    for id in [ID, &second] {
        let bundle = elsewhere.path().join(id);
        let written = export(&world.layout, id, &bundle).expect("exported");
        assert_eq!((written.id.as_str(), written.directory.as_path()), (id, bundle.as_path()));
        assert!(matches!(export(&world.layout, id, &bundle), Err(IssueError::Occupied(_))));
    }
    let report = file(&world.layout, ID, "report.json").expect("kept");
    drop(world);
    let given = Given::File { name: "report.json".to_owned(), bytes: report };
    is_right(&against_evidence(&elsewhere.path().join(ID), Some(&given), Some(PUBLIC)).expect("verifiable"));
    is_right(&against_evidence(&elsewhere.path().join(&second), None, Some(PUBLIC)).expect("verifiable"));
    let other = against_evidence(&elsewhere.path().join(&second), Some(&Given::Id(ID.to_owned())), None);
    assert!(!other.expect("verifiable").findings.is_empty(), "it is another report");
}

#[test]
fn the_same_evidence_is_written_twice() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let manifests = ["one", "other"].map(|name| {
        export(&world.layout, ID, &elsewhere.path().join(name)).expect("exported");
        fs::read_to_string(elsewhere.path().join(name).join("manifest.json")).expect("read")
    });
    assert_eq!(manifests[0], manifests[1]);
}

#[test]
fn a_report_is_found_by_its_content_whatever_its_file_is_called() {
    let kept = kept();
    let layout = Layout::new(&kept.data());
    let bytes = file(&layout, ID, "report.json").expect("kept");
    let given = Given::File { name: "mine.json".to_owned(), bytes };
    let verified = against_ledger(&layout, &given, Some(PUBLIC)).expect("verifiable");
    assert_eq!(verified.id, ID);
    is_right(&verified);
    let foreign = Given::File { name: "x.json".to_owned(), bytes: b"{}".to_vec() };
    assert!(against_ledger(&layout, &foreign, None).expect_err("none").to_string().contains("was issued"));
}

#[test]
fn what_was_known_then_is_known_of_chain_and_corrections_too() {
    let mut world = World::new();
    let then = at("2026-03-05T10:00:00Z");
    let seen = |world: &World| {
        let connection = store::open_reader(&world.layout).expect("opens");
        let known = history::known_at(&connection, then).expect("noted");
        history::shadow(&connection, known).expect("shadowed");
        let in_force = corrections::load(&connection).expect("read");
        (chain::head(&connection).expect("read"), in_force, audit::verify(&connection, None).expect("read"))
    };
    let before = seen(&world);
    assert_eq!((before.0.count, before.1.len()), (4, 2));
    assert_eq!(before.2, Ok(before.0.clone()));
    let number = before.1.iter().find(|kept| kept.withdrawn.is_none()).expect("in force").sequence;
    let who = Who::collector();
    let by = By { who: &who, reason: "it was right", now: at("2026-03-05T10:01:00Z") };
    world.engine.withdraw(number, by).expect("withdrawn");
    world.exclude("2026-03-02T08:00:00Z", at("2026-03-05T10:02:00Z"));
    assert_eq!(seen(&world), before);
}
