//! Whatever is tampered with is found, and named.

use super::world::{ID, kept};
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::sign::SigningKey;
use crate::outputs::reports::issued::sign::tests::PUBLIC;
use crate::outputs::reports::issued::verify::pdf_of;
use crate::outputs::reports::issued::{Given, Verified, against_evidence, against_ledger, file};
use crate::store::Layout;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

/// A way to tamper with a bundle of evidence, and what must be said of it.
type Tampering = (&'static str, fn(&Path), &'static str);

pub(super) fn edit(path: &Path, change: impl FnOnce(&str) -> String) {
    let text = fs::read_to_string(path).expect("read");
    let changed = change(&text);
    assert_ne!(text, changed, "{} is tampered with", path.display());
    fs::write(path, changed).expect("written");
}

pub(super) fn replace(path: &Path, what: &str, with: &str) {
    edit(path, |text| text.replacen(what, with, 1));
}

/// Changes a value of a JSON file, laid out as the file is.
pub(super) fn set(path: &Path, pointer: &str, value: Value) {
    edit(path, |text| {
        let mut all: Value = serde_json::from_str(text).expect("JSON");
        *all.pointer_mut(pointer).expect(pointer) = value;
        format!("{}\n", serde_json::to_string_pretty(&all).expect("JSON"))
    });
}

/// Changes the rows of a compressed file.
pub(super) fn edit_rows(path: &Path, change: impl FnOnce(&str) -> String) {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).expect("opened")).read_to_string(&mut text).expect("unpacked");
    let changed = change(&text);
    assert_ne!(text, changed, "{} is tampered with", path.display());
    let mut packer = GzEncoder::new(fs::File::create(path).expect("made"), Compression::default());
    packer.write_all(changed.as_bytes()).and_then(|()| packer.finish().map(drop)).expect("packed");
}

/// Adds a µWh to the minute that begins at a time.
fn more(path: &Path, time: &str) {
    edit_rows(path, |text| {
        let raise = |line: &str| match line.strip_prefix(time).and_then(|rest| rest.strip_prefix(',')) {
            Some(rest) => {
                let (amount, rest) = rest.split_once(',').expect("fields");
                format!("{time},{},{rest}\n", amount.parse::<i64>().expect("a number") + 1)
            }
            None => format!("{line}\n"),
        };
        text.lines().map(raise).collect()
    });
}

/// Makes the manifest anew, as somebody does who hides that a file was changed.
pub(super) fn cover_up(bundle: &Path) {
    let path = bundle.join("manifest.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).expect("read")).expect("JSON");
    let files = manifest["files"].as_object_mut().expect("files");
    files.retain(|name, _| bundle.join(name).exists());
    for (name, state) in files {
        let bytes = fs::read(bundle.join(name)).expect("read");
        *state = json!({ "bytes": bytes.len(), "sha256": hash(&bytes) });
    }
    fs::write(path, manifest.to_string()).expect("written");
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the statement fix a changed file.
pub(super) fn fix(directory: &Path, name: &str) {
    let bytes = fs::read(directory.join(name)).expect("read");
    set(&directory.join("issue.json"), &format!("/files/{name}"), Value::String(hash(&bytes)));
}

/// Signs a statement with a key of the tamperer's own.
fn sign_anew(directory: &Path) {
    let path = directory.join("issue.json");
    let text = fs::read_to_string(&path).expect("read");
    let mut statement: Statement = serde_json::from_str(&text).expect("a statement");
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n\
               -----END PRIVATE KEY-----\n";
    let file = directory.parent().expect("a folder").join("own.pem");
    fs::write(&file, pem).expect("written");
    let key = SigningKey::read(&file).expect("a key");
    statement.public_key = Some(key.public());
    statement.signature = Some(key.sign(&statement.signed_bytes()));
    fs::write(&path, statement.text()).expect("written");
}

pub(super) fn told(verified: &Verified) -> String {
    verified.findings.iter().map(|finding| format!("{finding}\n")).collect()
}

pub(super) const MAIN: &str = "ledger/hall/main.minutes.csv.gz";
const NOON: &str = "2026-03-02T11:17:00Z";

/// What is done to a bundle as it is, so that the manifest tells.
const OPENLY: [Tampering; 9] = [
    ("a minute", |dir| more(&dir.join(MAIN), NOON), "main.minutes.csv.gz is not what the manifest says"),
    ("a figure", |dir| set(&dir.join("report.json"), "/pue/value", json!(1.2)), "report.json: pue.value: "),
    (
        "a word of the read-me",
        |dir| replace(&dir.join("README.txt"), "Evidence", "Proof"),
        "README.txt is not",
    ),
    (
        "a missing file",
        |dir| fs::remove_file(dir.join(MAIN)).expect("removed"),
        "main.minutes.csv.gz is missing",
    ),
    (
        "a file too many",
        |dir| fs::write(dir.join("ledger/x.csv"), "x").expect("written"),
        "ledger/x.csv is not in",
    ),
    (
        "a hash of the manifest",
        |dir| set(&dir.join("manifest.json"), "/files/README.txt/sha256", json!("00")),
        "README.txt is not what the manifest says",
    ),
    (
        "the name in the manifest",
        |dir| set(&dir.join("manifest.json"), "/id", json!("hall-1_2026-03-02_9")),
        "the report that the bundle is of",
    ),
    (
        "a file that is no longer packed",
        |dir| fs::write(dir.join(MAIN), "minute").expect("written"),
        "main.minutes.csv.gz: it cannot be unpacked",
    ),
    (
        "no tables",
        |dir| fs::remove_dir_all(dir.join("tables")).expect("removed"),
        "tables/factors-cn.json is missing",
    ),
];

/// What is done to a bundle by somebody who makes the manifest anew.
const COVERED: [Tampering; 23] = [
    ("a minute of the facility", |dir| more(&dir.join(MAIN), NOON), "report.json: energies.facility.total: "),
    ("the digest of a minute", |dir| more(&dir.join(MAIN), NOON), "the ledger in the period: digest: "),
    (
        "a minute of another site",
        |dir| more(&dir.join("ledger/annex/elsewhere.minutes.csv.gz"), NOON),
        "the ledger in the period: merkle_root: ",
    ),
    (
        "a minute of a gauge",
        |dir| {
            edit_rows(&dir.join("ledger/hall/air.levels.csv.gz"), |rows| {
                rows.replacen("2026-03-02T10:00:00Z,", "2026-03-02T10:00:00Z,1", 1)
            })
        },
        "the ledger in the period: digest: ",
    ),
    (
        "a minute less",
        |dir| {
            edit_rows(&dir.join(MAIN), |rows| {
                rows.lines().filter(|line| !line.starts_with(NOON)).map(|line| format!("{line}\n")).collect()
            });
        },
        "report.json: gaps",
    ),
    (
        "a step",
        |dir| replace(&dir.join("ledger/hall/ups.steps.csv"), ",normal,", ",jump,"),
        "the ledger in the period: digest: ",
    ),
    (
        "no steps",
        |dir| fs::remove_file(dir.join("ledger/hall/ups.steps.csv")).expect("removed"),
        "report.json: meters[",
    ),
    (
        "a correction",
        |dir| replace(&dir.join("audit.jsonl"), "2026-03-02T05:20:00Z", "2026-03-02T05:30:00Z"),
        "the audit chain does not hold: entry",
    ),
    (
        "an entry that is gone",
        |dir| {
            edit(&dir.join("audit.jsonl"), |text| {
                let kept = text.lines().enumerate().filter(|(at, _)| *at != 1);
                kept.map(|(_, line)| format!("{line}\n")).collect()
            });
        },
        "the audit chain does not hold: where entry 2",
    ),
    (
        "the end of the chain",
        |dir| {
            edit(&dir.join("audit.jsonl"), |text| {
                let lines: Vec<&str> = text.lines().collect();
                lines[..lines.len() - 1].iter().map(|line| format!("{line}\n")).collect()
            });
        },
        "has no entry that hall-1_2026-03-02_1 was issued",
    ),
    (
        "who made a correction",
        |dir| replace(&dir.join("audit.jsonl"), "\"who\":\"collector\"", "\"who\":\"eva\""),
        "the audit chain does not hold: entry",
    ),
    (
        "the configuration",
        |dir| replace(&dir.join("configuration.toml"), "\"D130\"", "\"D125\""),
        "configuration.toml is not what was issued",
    ),
    (
        "a factor",
        |dir| replace(&dir.join("series-1.csv"), "0.440", "0.044"),
        "series-1.csv is not what was issued",
    ),
    (
        "what a factor comes to",
        |dir| replace(&dir.join("series-1.csv"), "0.440", "0.044"),
        "report.json: carbon.figure.value: ",
    ),
    (
        "a factor of a table",
        |dir| replace(&dir.join("tables/factors-cn.json"), "0.", "1."),
        "tables/factors-cn.json is not the table that the report was made with",
    ),
    (
        "a target of a table",
        |dir| replace(&dir.join("tables/targets-default.json"), "1.3", "1.5"),
        "tables/targets-default.json is not the table that the report was made with",
    ),
    (
        "a newest reading",
        |dir| replace(&dir.join("meters.json"), "\"kWh\"", "\"MWh\""),
        "meters.json is not what was issued",
    ),
    (
        "a target's limit",
        |dir| set(&dir.join("report.json"), "/verdicts/0/limit", json!(1.5)),
        "verdicts[0 D130].limit: ",
    ),
    (
        "a verdict",
        |dir| set(&dir.join("report.json"), "/verdicts/0/verdict", json!("compliant!")),
        "report.json: verdicts[0 D130].verdict: compliant! -> ",
    ),
    (
        "a figure that the statement is made to fix",
        |dir| {
            set(&dir.join("report.json"), "/pue/value", json!(1.2));
            fix(dir, "report.json");
        },
        "the signature is not that of this statement",
    ),
    (
        "a byte of the signature",
        |dir| {
            edit(&dir.join("issue.json"), |text| {
                let at = text.find("\"signature\": \"").expect("signed") + 14;
                let other = if &text[at..=at] == "0" { "1" } else { "0" };
                format!("{}{other}{}", &text[..at], &text[at + 1..])
            });
        },
        "the signature is not that of this statement",
    ),
    (
        "another key",
        |dir| {
            set(&dir.join("report.json"), "/pue/value", json!(1.2));
            fix(dir, "report.json");
            sign_anew(dir);
        },
        "it is signed with another key",
    ),
    (
        "no signature",
        |dir| {
            set(&dir.join("issue.json"), "/signature", Value::Null);
            set(&dir.join("issue.json"), "/public_key", Value::Null);
        },
        "it is not signed with the key that is asked for",
    ),
];

#[test]
fn every_tampering_with_evidence_is_found_and_named() {
    for (tampering, covered) in OPENLY.iter().map(|of| (of, false)).chain(COVERED.iter().map(|of| (of, true)))
    {
        let (name, tamper, says) = tampering;
        let kept = kept();
        tamper(&kept.evidence());
        if covered {
            cover_up(&kept.evidence());
        }
        let verified = against_evidence(&kept.evidence(), None, Some(PUBLIC)).expect(name);
        assert!(told(&verified).contains(says), "{name}: {verified:#?}");
    }
}

#[test]
fn nothing_is_found_where_nothing_was_done() {
    let kept = kept();
    assert_eq!(told(&against_evidence(&kept.evidence(), None, Some(PUBLIC)).expect("verifiable")), "");
    let layout = Layout::new(&kept.data());
    let given = Given::Id(ID.to_owned());
    assert_eq!(told(&against_ledger(&layout, &given, Some(PUBLIC)).expect("verifiable")), "");
    cover_up(&kept.evidence());
    assert_eq!(told(&against_evidence(&kept.evidence(), None, Some(PUBLIC)).expect("verifiable")), "");
}

/// What somebody with the file and SQLite at hand does, without leaving traces that the schema would.
pub(super) fn in_store(dir: &Path, statements: &str) {
    let connection = Connection::open(dir.join("ledger.sqlite")).expect("opens");
    let triggers: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
        .expect("listed");
    let drops: String = triggers.iter().map(|name| format!("DROP TRIGGER {name};")).collect();
    connection.execute_batch(&format!("{drops}{statements}")).expect("tampered");
}

pub(super) const OF_MAIN: &str = "meter = (SELECT id FROM meter WHERE name = 'main')";

/// Changes an amount in the block of an hour of the period, and nothing else.
fn in_block(dir: &Path) {
    let hour = crate::outputs::reports::issued::tests::world::at(NOON).minute().hour();
    let path = dir.join("ledger.sqlite");
    let connection = Connection::open(path).expect("opens");
    let block: Vec<u8> = connection
        .query_row(&format!("SELECT block FROM hour WHERE {OF_MAIN} AND hour = {hour}"), [], |row| row.get(0))
        .expect("there");
    let mut sums = crate::ledger::block::decode_sums(&block).expect("sums");
    sums[17].parts[0].amount += 1;
    let hex: String =
        crate::ledger::block::encode_sums(&sums).iter().map(|byte| format!("{byte:02x}")).collect();
    drop(connection);
    in_store(dir, &format!("UPDATE hour SET block = x'{hex}' WHERE {OF_MAIN} AND hour = {hour}"));
}

/// What is done to the ledger and to what is kept beside it.
const IN_LEDGER: [Tampering; 13] = [
    ("a minute, and not the digest of its day", in_block, "the ledger in the period: digest: "),
    (
        "the rollup of an hour",
        |dir| {
            let hour = crate::outputs::reports::issued::tests::world::at(NOON).minute().hour();
            in_store(
                dir,
                &format!("UPDATE hour SET measured = measured + 1 WHERE {OF_MAIN} AND hour = {hour}"),
            );
        },
        "hall/main: the sums that are kept of the hour from 2026-03-02T11:00:00Z are not those of its minutes",
    ),
    ("a step", |dir| in_store(dir, "DELETE FROM step WHERE class = 'normal'"), "report.json: meters["),
    (
        "a correction in force",
        |dir| in_store(dir, "UPDATE correction SET body = replace(body, '05:20', '05:30')"),
        "the audit chain does not hold: correction",
    ),
    (
        "an entry of the chain",
        |dir| in_store(dir, "UPDATE audit SET reason = 'none' WHERE kind = 'correction'"),
        "the audit chain does not hold: entry",
    ),
    (
        "the entry of the issue",
        |dir| {
            in_store(
                dir,
                "DELETE FROM audit WHERE kind = 'issue';
                 UPDATE meta SET value = (SELECT sequence || ' ' || hash FROM audit ORDER BY sequence DESC LIMIT 1)
                 WHERE key = 'audit head'",
            );
        },
        "has no entry that",
    ),
    (
        "the change of an hour",
        |dir| in_store(dir, &format!("UPDATE hour SET change = 1000 WHERE {OF_MAIN}")),
        "the ledger in the period: digest: ",
    ),
    (
        "a version of the configuration",
        |dir| {
            in_store(
                dir,
                "UPDATE audit SET body = replace(body, 'D130', 'D125') WHERE kind = 'configuration'",
            )
        },
        "configuration.toml is not the configuration in entry 1",
    ),
    (
        "the kept report",
        |dir| set(&dir.join("issued").join(ID).join("report.json"), "/pue/rounded", json!("1.20")),
        "report.json: pue.rounded: 1.20 -> ",
    ),
    (
        "the kept statement",
        |dir| set(&dir.join("issued").join(ID).join("issue.json"), "/who", json!("nobody")),
        "issue.json is not what entry",
    ),
    (
        "the kept configuration",
        |dir| replace(&dir.join("issued").join(ID).join("configuration.toml"), "Hall 1", "Hall 2"),
        "configuration.toml is not what was issued",
    ),
    (
        "the kept series of factors",
        |dir| replace(&dir.join("issued").join(ID).join("series-1.csv"), "0.440", "0.044"),
        "report.json: carbon.figure.value: ",
    ),
    (
        "the kept meters",
        |dir| fs::remove_file(dir.join("issued").join(ID).join("meters.json")).expect("removed"),
        "meters.json is missing",
    ),
];

#[test]
fn every_tampering_with_the_ledger_is_found_and_named() {
    for (name, tamper, says) in IN_LEDGER {
        let kept = kept();
        tamper(&kept.data());
        let given = Given::Id(ID.to_owned());
        let verified = against_ledger(&Layout::new(&kept.data()), &given, Some(PUBLIC)).expect(name);
        assert!(told(&verified).contains(says), "{name}: {verified:#?}");
    }
}

#[test]
fn a_changed_copy_of_a_report_is_told_from_what_was_issued() {
    let kept = kept();
    let layout = Layout::new(&kept.data());
    let report = file(&layout, ID, "report.json").expect("kept");
    let statement = file(&layout, ID, "issue.json").expect("kept");
    let text = String::from_utf8(report.clone()).expect("text");
    let changed = text.replacen("\"rounded\": \"1.", "\"rounded\": \"0.", 1);
    assert_ne!(text, changed);
    let against = |name: &str, bytes: Vec<u8>| {
        let given = Given::File { name: name.to_owned(), bytes };
        told(&against_ledger(&layout, &given, Some(PUBLIC)).expect("verifiable"))
    };
    let told_of = against("copy.json", changed.clone().into_bytes());
    assert!(told_of.starts_with("copy.json: pue.rounded: 1."), "{told_of}");
    assert_eq!(told_of.lines().count(), 1, "nothing else is wrong: {told_of}");
    for is_deflated in [true, false] {
        let right = pdf_of(&[&report, &statement], is_deflated);
        assert_eq!(against("right.pdf", right), "");
        let wrong = against("wrong.pdf", pdf_of(&[changed.as_bytes(), &statement], is_deflated));
        assert!(wrong.contains("wrong.pdf (report.json in it): pue.rounded: 1."), "{wrong}");
        let other = String::from_utf8(statement.clone()).expect("text").replace("\"collector\"", "\"eva\"");
        let forged = against("forged.pdf", pdf_of(&[&report, other.as_bytes()], is_deflated));
        assert!(forged.contains("forged.pdf (issue.json in it): who: collector -> eva"), "{forged}");
    }
}
