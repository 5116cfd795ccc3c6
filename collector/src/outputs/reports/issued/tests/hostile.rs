//! Bundles, files and ledgers of people who mean harm.

use super::tampered::{MAIN, OF_MAIN, cover_up, edit, fix, in_store, replace, set, told};
use super::world::{ID, ISSUED_AT, World, at, kept, of};
use crate::audit::Who;
use crate::engine::By;
use crate::outputs::reports::issued::sign::tests::PUBLIC;
use crate::outputs::reports::issued::verify::pdf_of;
use crate::outputs::reports::issued::{Given, Verified, against_evidence, against_ledger, file};
use crate::store::Layout;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

fn of_bundle(bundle: &Path) -> Verified {
    against_evidence(bundle, None, Some(PUBLIC)).expect("something to tell")
}

fn of_ledger(layout: &Layout) -> Verified {
    against_ledger(layout, &Given::Id(ID.to_owned()), Some(PUBLIC)).expect("something to tell")
}

#[test]
fn nothing_that_a_chain_says_is_run_as_sql() {
    let evil =
        |target: &Path| format!("x' END AS value FROM main.meta; VACUUM INTO '{}'; /*", target.display());
    // The hash of the last entry that was known, and the same where the statement repeats it.
    for (file, is_in_chain) in [("audit.jsonl", true), ("issue.json", false)] {
        let kept = kept();
        let bundle = kept.evidence();
        let target = bundle.parent().expect("a folder").join("taken");
        let statement = fs::read_to_string(bundle.join("issue.json")).expect("read");
        let statement: Value = serde_json::from_str(&statement).expect("JSON");
        let hash = statement["audit"]["hash"].as_str().expect("a hash");
        let evil = evil(&target);
        if is_in_chain {
            edit(&bundle.join(file), |text| {
                text.replace(&format!("\"hash\":\"{hash}\""), &format!("\"hash\":\"{evil}\""))
            });
        } else {
            set(&bundle.join(file), "/audit/hash", json!(evil));
        }
        cover_up(&bundle);
        let verified = of_bundle(&bundle);
        assert!(!target.exists(), "{file} wrote a file: {verified:#?}");
        let says =
            if is_in_chain { "audit.jsonl: line 4 is no entry" } else { "the audit chain does not hold" };
        assert!(told(&verified).contains(says), "{file}: {verified:#?}");
    }
}

#[test]
fn links_lead_nowhere_and_devices_are_not_read() {
    let links: [(&str, &str); 4] = [
        ("ledger/loop", ".."),
        ("series-2.csv", "/dev/zero"),
        ("manifest.json", "/dev/zero"),
        ("tables", "/"),
    ];
    for (name, to) in links {
        let kept = kept();
        let path = kept.evidence().join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).expect("removed");
        } else if path.exists() {
            fs::remove_file(&path).expect("removed");
        }
        symlink(to, &path).expect("linked");
        let verified = of_bundle(&kept.evidence());
        assert!(told(&verified).contains(&format!("{name} is a link")), "{name}: {verified:#?}");
    }
}

#[test]
fn what_only_seems_to_be_evidence_is_named() {
    let kept = kept();
    let bundle = kept.evidence();
    fs::write(bundle.join("ledger/hall/more.csv"), "kWh\n1\n").expect("written");
    set(&bundle.join("manifest.json"), "/files", {
        let text = fs::read_to_string(bundle.join("manifest.json")).expect("read");
        let mut files = serde_json::from_str::<Value>(&text).expect("JSON")["files"].take();
        files["ledger/hall/more.csv"] = Value::Null;
        files
    });
    replace(&bundle.join("README.txt"), "wattledger verify", "sh verify");
    cover_up(&bundle);
    let told = told(&of_bundle(&bundle));
    assert!(told.contains("ledger/hall/more.csv is no part of the evidence"), "{told}");
    assert!(told.contains("README.txt is not what the program writes"), "{told}");
}

#[test]
fn a_second_part_of_a_compressed_file_is_read_as_others_read_it() {
    let kept = kept();
    let path = kept.evidence().join(MAIN);
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(b"2026-03-02T11:17:00Z,9000000000,60000,0,0,0,0\n").expect("packed");
    let part = packer.finish().expect("packed");
    let mut file = OpenOptions::new().append(true).open(&path).expect("opened");
    file.write_all(&part).expect("written");
    cover_up(&kept.evidence());
    let told = told(&of_bundle(&kept.evidence()));
    assert!(
        told.contains("main.minutes.csv.gz: line") && told.contains("is not after the one before"),
        "{told}"
    );
}

#[test]
fn a_meter_that_stands_twice_hides_nothing_else() {
    let kept = kept();
    let bundle = kept.evidence();
    let path = bundle.join("meters.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(&path).expect("read")).expect("JSON");
    set(&path, "/1/number", all[0]["number"].clone());
    cover_up(&bundle);
    let told = told(&of_bundle(&bundle));
    assert!(told.contains("meters.json: number or name of") && told.contains("stand in it twice"), "{told}");
    assert!(told.contains("meters.json is not what was issued"), "{told}");
}

#[test]
fn a_copy_may_be_laid_out_otherwise_and_have_no_key_twice() {
    let kept = kept();
    let layout = Layout::new(&kept.data());
    let text = String::from_utf8(file(&layout, ID, "report.json").expect("kept")).expect("text");
    let against = |text: String| {
        let given = Given::File { name: "copy.json".to_owned(), bytes: text.into_bytes() };
        against_ledger(&layout, &given, Some(PUBLIC)).expect("verifiable")
    };
    let spaced = against(text.replace('\n', "\r\n"));
    assert!(spaced.is_verified(), "{spaced:#?}");
    assert!(spaced.notes.iter().any(|note| note.contains("laid out otherwise")), "{spaced:#?}");
    // Who reads the first of the two reads another figure.
    let twice = against(text.replacen("\"rounded\": ", "\"rounded\": \"1.01\", \"rounded\": ", 1));
    assert!(told(&twice).contains("copy.json is written otherwise"), "{twice:#?}");
}

#[test]
fn a_pdf_with_a_second_report_is_found() {
    let kept = kept();
    let layout = Layout::new(&kept.data());
    let report = file(&layout, ID, "report.json").expect("kept");
    let statement = file(&layout, ID, "issue.json").expect("kept");
    let text = String::from_utf8(report.clone()).expect("text");
    let forged = text.replacen("\"rounded\": \"1.", "\"rounded\": \"0.", 1);
    for order in [[&report[..], forged.as_bytes()], [forged.as_bytes(), &report[..]]] {
        let bytes = pdf_of(&[order[0], &statement, order[1]], true);
        let given = Given::File { name: "two.pdf".to_owned(), bytes };
        let verified = against_ledger(&layout, &given, Some(PUBLIC)).expect("verifiable");
        let told = told(&verified);
        assert!(told.contains("two.pdf: 2 files in it say that they are report.json"), "{told}");
        assert!(told.contains("two.pdf (report.json in it): pue.rounded: 1."), "{told}");
        assert!(verified.notes.iter().any(|note| note.contains("not what its pages show")), "{verified:#?}");
    }
}

#[test]
fn sums_that_were_changed_before_the_issue_are_found_by_their_minutes() {
    let mut world = World::new();
    let hour = at("2026-03-02T11:00:00Z").minute().hour();
    in_store(
        &world.layout.dir,
        &format!("UPDATE hour SET measured = measured - 1000000000 WHERE {OF_MAIN} AND hour = {hour}"),
    );
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let told = told(&of_ledger(&world.layout));
    assert!(
        told.contains("hall/main: the sums that are kept of the hour from 2026-03-02T11:00:00Z are not"),
        "{told}"
    );
}

#[test]
fn an_issued_report_that_was_removed_is_missed() {
    let kept = kept();
    let layout = Layout::new(&kept.data());
    let report = file(&layout, ID, "report.json").expect("kept");
    let path = kept.data().join("issued").join(ID);
    fs::remove_file(path.join("issue.json")).expect("removed");
    assert_eq!(
        told(&of_ledger(&layout)),
        "issue.json is missing\n",
        "everything else is looked at all the same"
    );
    fs::remove_dir_all(path).expect("removed");
    let gone = told(&of_ledger(&layout));
    assert!(
        gone.starts_with(&format!("the audit chain says that {ID} was issued, and its files are not in")),
        "{gone}"
    );
    let given = Given::File { name: "copy.json".to_owned(), bytes: report };
    let by_copy = against_ledger(&layout, &given, Some(PUBLIC)).expect("found by the chain");
    assert_eq!(by_copy.id, ID);
    assert!(told(&by_copy).contains("its files are not in"), "{by_copy:#?}");
    let unknown = against_ledger(&layout, &Given::Id("hall-1_2026_9".to_owned()), None).expect_err("none");
    assert!(unknown.to_string().contains("--issued"), "{unknown}");
}

#[test]
fn a_report_is_issued_by_one_entry_of_the_chain() {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let path = world.layout.dir.join("issued").join(ID);
    set(&path.join("issue.json"), "/who", json!("nobody"));
    let text = fs::read_to_string(path.join("issue.json")).expect("read");
    let statement: Value = serde_json::from_str(&text).expect("JSON");
    let who = Who::collector();
    let by = By { who: &who, reason: "", now: at("2026-03-06T09:00:00Z") };
    world.engine.note_issue(&statement, by).expect("noted");
    let told = told(&of_ledger(&world.layout));
    assert!(told.contains("the entries 5, 6 of the audit chain all say"), "{told}");
    assert!(
        told.contains("issue.json is not what entry 5 of the audit chain says: who: collector -> nobody"),
        "{told}"
    );
}

#[test]
fn a_statement_is_what_was_written_to_the_last_space() {
    let kept = kept();
    let path = kept.data().join("issued").join(ID).join("issue.json");
    edit(&path, |text| text.replace('\n', "\r\n"));
    let layout = Layout::new(&kept.data());
    assert!(told(&of_ledger(&layout)).contains("issue.json is not what was written: its spaces"));
    edit(&path, |text| text.replacen("{", "{ \"who\": \"x\",", 1));
    let twice = told(&of_ledger(&layout));
    assert!(twice.contains("issue.json is no statement: duplicate field"), "{twice}");
}

#[test]
fn what_another_program_makes_is_not_called_tampered_with() {
    let kept = kept();
    let bundle = kept.evidence();
    set(&bundle.join("issue.json"), "/engine", json!("0.0.1"));
    set(&bundle.join("issue.json"), "/tables/0/version", json!("1999-1"));
    cover_up(&bundle);
    let verified = of_bundle(&bundle);
    let same = "every figure is the same all the same";
    assert!(
        verified.notes.iter().any(|note| note.contains("version 0.0.1") && note.contains(same)),
        "{verified:#?}"
    );
    assert!(verified.hindrances.is_empty(), "{verified:#?}");
    // Another figure may come of another program; that the file is another than was issued is found all the same.
    set(&bundle.join("report.json"), "/pue/rounded", json!("1.20"));
    cover_up(&bundle);
    let verified = of_bundle(&bundle);
    assert!(told(&verified).contains("report.json is not what was issued"), "{verified:#?}");
    assert!(!told(&verified).contains("pue.rounded"), "{verified:#?}");
    let [hindrance] = &verified.hindrances[..] else { panic!("{verified:#?}") };
    for says in ["version 0.0.1", "version 1999-1 of the table", "first in pue.rounded (1.20 -> "] {
        assert!(hindrance.contains(says), "{hindrance}");
    }
    // As long as the statement says that it is this one, it has to be the same.
    let again = super::world::kept();
    set(&again.evidence().join("report.json"), "/pue/rounded", json!("1.20"));
    fix(&again.evidence(), "report.json");
    cover_up(&again.evidence());
    let verified = of_bundle(&again.evidence());
    assert!(told(&verified).contains("report.json: pue.rounded: 1.20 -> ") && verified.hindrances.is_empty());
}

#[test]
fn a_statement_of_a_later_shape_is_left_to_a_later_program() {
    let kept = kept();
    let path = kept.evidence().join("issue.json");
    edit(&path, |text| {
        text.replace("wattledger/issue/v1", "wattledger/issue/v2").replacen("{", "{ \"new\": 1,", 1)
    });
    cover_up(&kept.evidence());
    let verified = of_bundle(&kept.evidence());
    assert_eq!(told(&verified), "");
    assert!(verified.hindrances[0].contains("wattledger/issue/v2"), "{verified:#?}");
    assert!(!verified.is_verified());
}
