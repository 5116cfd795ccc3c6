//! What is issued is frozen, noted and listed, and a kill leaves no half of it.

use super::world::{ID, ISSUED_AT, World, at, of, restating};
use crate::admin::ReportFormat;
use crate::admin::issue::IssueRequest;
use crate::audit::{Entry, Kind, chain};
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::sign::is_of;
use crate::outputs::reports::issued::sign::tests::PUBLIC;
use crate::outputs::reports::issued::{
    IssueError, Issued, file, file_as_issued, folder, list, mend, missing,
};
use crate::store;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

fn entries(world: &World) -> Vec<Entry> {
    let connection = store::open_reader(&world.layout).expect("opens");
    let mut all = Vec::new();
    chain::walk(&connection, None, Some(Kind::Issue), |entry| all.push(entry)).expect("read");
    all
}

fn refusal(world: &mut World, request: &IssueRequest, now: &str) -> String {
    world.issue(request, now).expect_err("refused").to_string()
}

#[test]
fn an_issued_report_is_frozen_signed_noted_and_listed() {
    let mut world = World::new();
    let request = IssueRequest {
        formats: vec![ReportFormat::Csv],
        who: Some("Eva".to_owned()),
        ..of("hall-1", "2026-03-02")
    };
    let answer = world.issue(&request, ISSUED_AT).expect("issued");
    let Issued { id, headline, verdicts, signed, files, trouble, .. } = &answer.issued;
    assert_eq!((id.as_str(), *signed, trouble.as_deref()), (ID, true, None));
    assert!(headline.starts_with("iPUE1 (2026-03-02:2026-03-02) = 1."), "{headline}");
    assert_eq!(verdicts.iter().map(|(target, _)| target.as_str()).collect::<Vec<_>>(), ["D130", "D125"]);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let expected =
        ["configuration.toml", "issue.json", "meters.json", "report.csv", "report.json", "series-1.csv"];
    assert_eq!(names, expected);
    let statement: Statement =
        serde_json::from_slice(&file(&world.layout, ID, "issue.json").expect("kept")).expect("a statement");
    assert_eq!((statement.who.as_str(), statement.public_key.as_deref()), ("Eva", Some(PUBLIC)));
    assert_eq!(statement.known_at, at("2026-03-05T10:00:00Z"));
    let [entry] = &entries(&world)[..] else { panic!("one entry") };
    assert_eq!(serde_json::from_str::<Value>(&entry.body).expect("JSON"), statement.value());
    assert_eq!((entry.sequence, &entry.hash), (answer.sequence, &answer.hash));
    assert_eq!(statement.audit.entries, entry.sequence - 1, "what was known before it");
    assert_eq!(list(&world.layout).expect("listed"), [answer.issued]);
    assert_eq!(missing(&world.layout).expect("read"), []);
    let report: Value =
        serde_json::from_slice(&file(&world.layout, ID, "report.json").expect("kept")).expect("a report");
    assert_eq!(report["versions"]["ledger_digest"], Value::String(statement.ledger.digest.clone()));
}

#[test]
fn what_is_signed_can_be_made_from_the_file_by_whoever_has_another_program() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let bytes = file(&world.layout, ID, "issue.json").expect("kept");
    let statement: Statement = serde_json::from_slice(&bytes).expect("a statement");
    // As the read-me of the evidence says: without the signature, with sorted keys and without spaces.
    let mut fields: BTreeMap<String, Value> = serde_json::from_slice(&bytes).expect("JSON");
    assert!(fields.remove("signature").is_some());
    let signed = serde_json::to_vec(&fields).expect("JSON");
    assert_eq!(signed, statement.signed_bytes());
    assert!(signed.starts_with(b"{\"audit\":{\"entries\":4,\"hash\":\""), "inner keys are sorted, too");
    let signature = statement.signature.expect("signed");
    assert!(is_of(PUBLIC, &signed, &signature));
}

#[test]
fn only_what_is_over_and_new_is_issued_and_the_refusal_says_what_to_do() {
    let mut world = World::new();
    let running = refusal(&mut world, &of("hall-1", "2026-03-05"), ISSUED_AT);
    assert!(running.contains("is not over"), "{running}");
    let unknown = refusal(&mut world, &of("hall-2", "2026-03-02"), ISSUED_AT);
    assert!(unknown.contains("hall-1"), "{unknown}");
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let again = refusal(&mut world, &of("hall-1", "2026-03-02"), "2026-03-06T10:00:00Z");
    assert!(again.contains(&format!("--restate {ID}")), "{again}");
    let otherwise = refusal(&mut world, &of("hall-1", "2026-03-02..2026-03-03"), "2026-03-06T10:00:00Z");
    assert!(otherwise.contains(&format!("--restate {ID}")), "the same day in other words: {otherwise}");
    let same = refusal(&mut world, &restating(ID), "2026-03-06T10:00:00Z");
    assert!(same.contains("nothing is other"), "{same}");
    let reasonless = IssueRequest { reason: String::new(), ..restating(ID) };
    assert!(refusal(&mut world, &reasonless, "2026-03-06T10:00:00Z").contains("reason"));
    assert!(refusal(&mut world, &restating("hall-1_2026_1"), "2026-03-06T10:00:00Z").contains("--issued"));
    assert_eq!(entries(&world).len(), 1);
}

#[test]
fn a_restatement_says_what_changed_and_what_happened_and_each_report_has_one() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let before = file(&world.layout, ID, "report.json").expect("kept");
    // What was spooled in the hole comes, with another course than the straight line.
    let late = [("hall/ups", at("2026-03-02T12:30:00Z"), "43700.5".to_owned(), "kWh")];
    world.take(&late, at("2026-03-06T09:00:00Z"));
    world.exclude("2026-03-02T08:00:00Z", at("2026-03-06T09:30:00Z"));
    let answer = world.issue(&restating(ID), "2026-03-06T10:07:00Z").expect("restated");
    assert_eq!(answer.issued.id, "hall-1_2026-03-02_2");
    let report: Value =
        serde_json::from_slice(&file(&world.layout, "hall-1_2026-03-02_2", "report.json").expect("kept"))
            .expect("a report");
    let restatement = &report["restatement"];
    assert_eq!(restatement["of"], ID);
    let changes = restatement["changes"].as_array().expect("a list");
    assert!(!changes.is_empty());
    assert!(
        changes
            .iter()
            .all(|change| change["what"].as_str().is_some_and(|what| !what.starts_with("versions")))
    );
    let causes: Vec<(&str, &str)> = restatement["causes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|cause| Some((cause["kind"].as_str()?, cause["what"].as_str()?)))
        .collect();
    let told = |kind: &str, what: &str| causes.iter().any(|(k, w)| *k == kind && w.contains(what));
    assert!(told("ledger", "hall/ups") && told("ledger", "on 2026-03-02"), "{causes:?}");
    assert!(told("correction", "hall/main"), "{causes:?}");
    assert_eq!(file(&world.layout, ID, "report.json").expect("kept"), before, "the first is what it was");
    let all = list(&world.layout).expect("listed");
    assert_eq!(all[1].restated_by.as_deref(), Some("hall-1_2026-03-02_2"));
    let later = [("hall/ups", at("2026-03-02T13:00:00Z"), "43750.25".to_owned(), "kWh")];
    world.take(&later, at("2026-03-07T09:30:00Z"));
    let twice = refusal(&mut world, &restating(ID), "2026-03-07T10:07:00Z");
    assert!(twice.contains("restated already, by hall-1_2026-03-02_2"), "{twice}");
    let third = world.issue(&restating("hall-1_2026-03-02_2"), "2026-03-07T10:07:00Z").expect("restated");
    assert_eq!(third.issued.id, "hall-1_2026-03-02_3");
}

#[test]
fn a_kill_before_the_entry_leaves_nothing_and_after_it_everything() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let folder = folder(&world.layout);
    let (whole, partial) = (folder.join(ID), folder.join(format!(".{ID}.partial")));
    let never = folder.join(".hall-1_2026-03-03_1.partial");
    // Killed after the entry: all is written and synced, and only the name is not there.
    fs::rename(&whole, &partial).expect("renamed");
    // Killed before it.
    fs::create_dir(&never).expect("made");
    fs::copy(partial.join("issue.json"), never.join("issue.json")).expect("copied");
    assert_eq!(list(&world.layout).expect("listed"), []);
    assert_eq!(missing(&world.layout).expect("read"), [(entries(&world)[0].sequence, ID.to_owned())]);
    mend(&world.layout).expect("mended");
    assert!(whole.is_dir() && !partial.exists() && !never.exists());
    assert_eq!(list(&world.layout).expect("listed").len(), 1);
    assert_eq!(missing(&world.layout).expect("read"), []);
    // What was issued is not thrown away, whatever became of it.
    fs::rename(&whole, &partial).expect("renamed");
    fs::write(partial.join("issue.json"), "{").expect("damaged");
    mend(&world.layout).expect("looked at");
    assert!(partial.join("report.json").is_file() && !whole.exists());
    fs::rename(&partial, &whole).expect("renamed");
    // The next issue mends by itself, and takes no name twice.
    fs::remove_dir_all(&whole).expect("lost");
    let next = world.issue(&of("hall-1", "2026-03-01..2026-03-03"), ISSUED_AT).expect("issued");
    assert_eq!(next.issued.id, "hall-1_2026-03-01..2026-03-03_1");
    assert!(refusal(&mut world, &of("hall-1", "2026-03-02"), ISSUED_AT).contains("issued already"));
}

#[test]
fn what_is_printed_names_the_statement_that_it_is_held_against() {
    let mut world = World::new();
    let formats = vec![ReportFormat::Html, ReportFormat::Text];
    let request = IssueRequest { formats, ..of("hall-1", "2026-03-02") };
    world.issue(&request, ISSUED_AT).expect("issued");
    let read = |name: &str| {
        String::from_utf8(file(&world.layout, ID, name).expect("kept")).expect("text").replace("&nbsp;", " ")
    };
    let statement: Statement = serde_json::from_str(&read("issue.json")).expect("a statement");
    for name in ["report.en.html", "report.txt"] {
        let printed = read(name);
        for what in [ID, &statement.ledger.merkle_root, &statement.audit.hash, PUBLIC] {
            assert!(printed.contains(what), "{name}: {what}");
        }
    }
    assert!(!read("report.json").contains(ID), "it is printed, and no part of the data");
}

#[test]
fn a_kept_file_that_was_altered_is_not_handed_out() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    file_as_issued(&world.layout, ID, "report.json").expect("as it was issued");
    let path = folder(&world.layout).join(ID).join("report.json");
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, text.replacen("1.", "0.", 1)).expect("written");
    let error = file_as_issued(&world.layout, ID, "report.json").expect_err("altered");
    assert!(matches!(&error, IssueError::Altered { .. }), "{error}");
    file_as_issued(&world.layout, ID, "issue.json").expect("of the statement the chain tells");
}

#[test]
fn names_lead_nowhere_but_to_issued_reports() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    for (id, name) in [
        ("..", "ledger.sqlite"),
        (ID, "../../ledger.sqlite"),
        ("../issued/hall-1_2026-03-02_1", "report.json"),
        (ID, ""),
        ("", "report.json"),
        (ID, ".."),
        (ID, "/etc/passwd"),
        (ID, "report.json\0"),
    ] {
        let error = file(&world.layout, id, name).expect_err(name);
        assert!(matches!(error, IssueError::Name(_)), "{id} {name}: {error}");
    }
    assert!(matches!(file(&world.layout, "hall-1_2026_9", "report.json"), Err(IssueError::NotIssued(_))));
    assert!(matches!(file(&world.layout, ID, "report.pdf"), Err(IssueError::Io { .. })));
}
