//! The audit chain finds what was done to it, and says plainly what no chain can find.

mod world;

use rusqlite::Connection;
use tempfile::TempDir;
use wattledger_collector::audit::{self, Break, Head, Kind, configuration};
use wattledger_collector::config::Version;
use wattledger_collector::engine::Engine;
use wattledger_collector::store::{self, Layout};
use wattledger_model::correction::Correction;
use wattledger_model::time::Timestamp;
use world::{at, by, config, eva, meter, open};

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// Six corrections of two meters, the third withdrawn.
fn six(dir: &TempDir) -> Head {
    let mut engine = open(dir);
    for hour in 0..6 {
        let of = meter(&engine, if hour % 2 == 0 { "main" } else { "other" });
        let correction = Correction::Entry {
            from: at(hour * 60),
            to: at(hour * 60 + 30),
            amount: 1_000 + i128::from(hour),
        };
        engine.correct(of, correction, by(&eva(), at(10_000 + hour))).expect("made");
    }
    engine.withdraw(3, by(&eva(), at(10_010))).expect("withdrawn");
    drop(engine);
    verified(dir, None).expect("it holds")
}

fn verified(dir: &TempDir, anchor: Option<&Head>) -> Result<Head, Break> {
    let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
    audit::verify(&connection, anchor).expect("read")
}

/// What somebody with the file and SQLite at hand can do.
fn tamper(dir: &TempDir, with: &str) {
    let connection = Connection::open(Layout::new(dir.path()).database()).expect("opens");
    connection
        .execute_batch(&format!(
            "DROP TRIGGER IF EXISTS audit_keeps_what_it_has; DROP TRIGGER IF EXISTS audit_loses_nothing; {with}"
        ))
        .expect("tampered");
}

#[test]
fn any_edit_of_any_field_is_found_where_it_was_made() {
    for field in ["at_ms = at_ms + 1", "who = 'root'", "kind = 'rebuild'", "reason = ''", "body = '{}'"] {
        let dir = dir();
        six(&dir);
        tamper(&dir, &format!("UPDATE audit SET {field} WHERE sequence = 4"));
        let broken = verified(&dir, None).expect_err(field);
        assert!(matches!(broken, Break::Content { sequence: 4, .. }), "{field}: {broken}");
    }
    let dir = dir();
    six(&dir);
    tamper(&dir, "UPDATE audit SET hash = previous WHERE sequence = 4");
    assert!(matches!(verified(&dir, None), Err(Break::Content { sequence: 4, .. })));
}

#[test]
fn what_is_removed_from_the_middle_or_moved_is_found() {
    let removed = dir();
    six(&removed);
    tamper(&removed, "DELETE FROM audit WHERE sequence = 2");
    assert_eq!(verified(&removed, None), Err(Break::Sequence { expected: 2, found: 3 }));

    let closed_up = dir();
    six(&closed_up);
    tamper(
        &closed_up,
        "DELETE FROM audit WHERE sequence = 2;
         UPDATE audit SET sequence = sequence - 1 WHERE sequence = 3;",
    );
    assert!(matches!(verified(&closed_up, None), Err(Break::Content { sequence: 2, .. })));

    let swapped = dir();
    six(&swapped);
    tamper(
        &swapped,
        "UPDATE audit SET sequence = 99 WHERE sequence = 2;
         UPDATE audit SET sequence = 2 WHERE sequence = 3;
         UPDATE audit SET sequence = 3 WHERE sequence = 99;",
    );
    assert!(matches!(verified(&swapped, None), Err(Break::Content { sequence: 2, .. })));

    // A whole entry of another chain, right in itself.
    let (one, other) = (dir(), dir());
    six(&one);
    let mut engine = open(&other);
    let of = meter(&engine, "main");
    for hour in 0..4 {
        let correction = Correction::Exclude { from: at(hour), to: at(hour + 1) };
        engine.correct(of, correction, by(&eva(), at(10_000))).expect("made");
    }
    drop(engine);
    let foreign = Layout::new(other.path()).database();
    tamper(
        &one,
        &format!(
            "ATTACH '{}' AS foreign_store; DELETE FROM audit WHERE sequence = 4;
             INSERT INTO audit SELECT * FROM foreign_store.audit WHERE sequence = 4;",
            foreign.display()
        ),
    );
    assert_eq!(verified(&one, None), Err(Break::Link { sequence: 4 }));
}

#[test]
fn an_end_that_was_cut_off_is_missed_by_the_noted_head_and_a_forged_head_by_an_anchor() {
    let dir = dir();
    let whole = six(&dir);
    assert_eq!(whole.count, 7);
    let anchored = verified(&dir, Some(&whole));
    assert_eq!(anchored, Ok(whole.clone()));
    tamper(&dir, "DELETE FROM audit WHERE sequence = 7; UPDATE correction SET withdrawn = NULL");
    assert_eq!(verified(&dir, None), Err(Break::End { found: 6, noted: 7 }));
    tamper(
        &dir,
        "UPDATE meta SET value = (SELECT sequence || ' ' || hash FROM audit WHERE sequence = 6)
         WHERE key = 'audit head'",
    );
    // This is what cannot be found from the file alone.
    assert_eq!(verified(&dir, None).map(|head| head.count), Ok(6));
    assert!(matches!(verified(&dir, Some(&whole)), Err(Break::Anchor { sequence: 7, .. })));
}

#[test]
fn corrections_in_force_that_the_chain_does_not_tell_of_are_found() {
    for (with, says) in [
        ("UPDATE correction SET body = replace(body, '1004', '9004')", "the content differs"),
        ("UPDATE correction SET withdrawn = 7 WHERE sequence = 5", "withdrawn"),
        ("UPDATE correction SET withdrawn = NULL WHERE sequence = 3", "withdrawn"),
        ("UPDATE correction SET meter = 2 WHERE sequence = 5", "the meter differs"),
        ("DELETE FROM correction WHERE sequence = 5", "not in force"),
        (
            "INSERT INTO correction SELECT 50, meter, body, NULL, 0 FROM correction WHERE sequence = 5",
            "no such",
        ),
    ] {
        let dir = dir();
        six(&dir);
        tamper(&dir, with);
        let broken = verified(&dir, None).expect_err(with).to_string();
        assert!(broken.contains(says), "{with}: {broken}");
    }
}

#[test]
fn the_store_itself_refuses_to_change_or_delete_an_entry() {
    let dir = dir();
    six(&dir);
    let connection = Connection::open(Layout::new(dir.path()).database()).expect("opens");
    for with in ["UPDATE audit SET reason = 'another'", "DELETE FROM audit"] {
        let refused = connection.execute_batch(with).expect_err(with).to_string();
        assert!(refused.contains("only ever added to"), "{refused}");
    }
    verified(&dir, None).expect("it holds");
}

#[test]
fn each_new_version_of_the_configuration_is_noted_once_with_what_changed() {
    let dir = dir();
    let text = |scale: u32| {
        format!(
            "# {scale}\n[collector]\nname = \"c\"\n[[meter]]\nsite = \"hall\"\nname = \"main\"\nscale = \"{scale}\"\n"
        )
    };
    let open_with = |scale, now: Timestamp| {
        let version = Version::of(&text(scale)).expect("valid");
        drop(Engine::open_at(config(dir.path(), 400), Some(now), Some(&version)).expect("opens"));
    };
    open_with(1, at(0));
    open_with(1, at(10));
    open_with(40, at(20));
    let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
    let mut entries = Vec::new();
    audit::walk(&connection, None, Some(Kind::Configuration), |entry| entries.push(entry)).expect("read");
    assert_eq!(entries.len(), 2);
    assert!(
        entries[1].body.contains(r#""meter.hall/main.scale":{"after":"\"40\"","before":"\"1\""}"#),
        "{}",
        entries[1].body
    );
    let in_force = |minute| configuration::at(&connection, at(minute)).expect("read");
    assert_eq!(in_force(-1), None);
    assert!(in_force(15).expect("the first").version.text.contains("scale = \"1\""));
    assert_eq!(in_force(20).expect("the second").since, at(20));
    verified(&dir, None).expect("it holds");
}
