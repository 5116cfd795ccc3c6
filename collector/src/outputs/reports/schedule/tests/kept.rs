//! What is due is made once, whatever fails or is killed in between.

use super::super::folder::FolderError;
use super::super::record::{self, LetterState, State};
use super::super::shelf::{ShelfError, file, shelved};
use super::{MONTHLY, Place, at};
use wattledger_model::time::Timestamp;

const NOV_10: &str = "2026-11-10T00:00:00Z";

#[test]
fn a_report_is_made_once_with_all_its_files() {
    let place = Place::new(MONTHLY);
    let next = place.round(NOV_10).remove(0);
    assert_eq!(
        (next.report.as_str(), next.about.as_str(), next.every),
        ("monthly", "facility hall-1", "month")
    );
    assert_eq!(next.next, Some(("2026-11".to_owned(), at("2026-12-03T00:00:00Z"))));
    assert_eq!(place.files(), ["monthly_2026-10.json", "monthly_2026-10.txt"], "these have no language");
    let entry = place.entry("2026-10").expect("remembered");
    assert_eq!((entry.state, entry.made_ms), (State::Made, Some(at(NOV_10).0)));
    assert_eq!(entry.files[0].name, "monthly_2026-10.txt", "in the order that was asked for");
    // Other looks, and other starts, make nothing anew.
    place.round("2026-11-10T00:01:00Z");
    place.round("2026-11-30T00:01:00Z");
    assert_eq!(place.press.asked(), ["2026-10 text json"]);
    place.round("2026-12-03T00:00:00Z");
    assert_eq!(place.press.asked(), ["2026-10 text json", "2026-11 text json"]);
}

#[test]
fn what_fails_is_tried_again_ever_more_rarely_and_then_made() {
    let place = Place::new(MONTHLY);
    place.press.fail(Some("the store cannot be read"));
    let mut keeper = place.keeper();
    let start = at(NOV_10).0;
    let mut tried_at = Vec::new();
    for ms in 0..60 {
        let before = place.press.asked().len();
        keeper.round(Timestamp(start + ms), &|| false);
        if place.press.asked().len() > before {
            tried_at.push(ms);
        }
    }
    assert_eq!(tried_at, [0, 5, 15, 35, 55], "5, 10, 20 ms and then no longer");
    let entry = place.entry("2026-10").expect("remembered");
    assert_eq!((entry.state, entry.attempts), (State::Failing, 5));
    assert_eq!(entry.problem.as_deref(), Some("the store cannot be read"));
    assert_eq!(place.files(), Vec::<String>::new(), "nothing half");
    // Also by another start, that knows of the tries.
    place.press.fail(None);
    place.keeper().round(Timestamp(start + 60), &|| false);
    assert_eq!(place.files(), Vec::<String>::new(), "not before its time");
    place.keeper().round(Timestamp(start + 75), &|| false);
    let entry = place.entry("2026-10").expect("remembered");
    assert_eq!((entry.state, entry.problem, entry.files.len()), (State::Made, None, 2));
}

#[test]
fn a_folder_that_cannot_be_written_is_a_failure_like_any_other() {
    let place = Place::new(MONTHLY);
    // A file where the folder should be.
    std::fs::write(place.folder(), b"in the way").expect("written");
    place.round(NOV_10);
    let problem = place.entry("2026-10").expect("remembered").problem.expect("a problem");
    assert!(problem.starts_with("cannot make the folder"), "{problem}");
    std::fs::remove_file(place.folder()).expect("out of the way");
    place.round("2026-11-10T00:01:00Z");
    assert_eq!(place.files().len(), 2);
}

#[test]
fn what_cannot_be_issued_is_not_made_and_says_why() {
    let place = Place::new(&format!("{MONTHLY}issue = true\n"));
    place.round(NOV_10);
    let entry = place.entry("2026-10").expect("remembered");
    assert_eq!((entry.problem.as_deref(), entry.files.len()), (Some("no key"), 0));
    assert_eq!(place.press.asked(), ["frozen 2026-10"]);
}

#[test]
fn one_schedule_that_fails_costs_no_other_anything() {
    let yearly = MONTHLY.replace("monthly", "yearly").replace("\"month\"", "\"year\"");
    let place = Place::new(&format!("{yearly}{MONTHLY}"));
    record::put(
        &place.connection(),
        "yearly",
        "2025",
        &record::Entry::new(State::Failing, String::new(), None),
    )
    .expect("written");
    place.connection().execute("UPDATE scheduled SET body = '{'", []).expect("spoilt");
    let told = place.round(NOV_10);
    assert!(
        told[0].problem.as_ref().is_some_and(|problem| problem.contains("`yearly` over 2025")),
        "{told:?}"
    );
    assert_eq!((told[1].problem.as_ref(), place.files().len()), (None, 2));
    let all = shelved(&place.layout).expect("listed");
    assert_eq!((all.len(), all[0].entry.problem.as_ref()), (2, None));
    assert!(all[1].entry.problem.as_ref().is_some_and(|problem| problem.contains("cannot be read")));
}

#[test]
fn missed_months_are_made_the_latest_twelve_of_them() {
    let place = Place::new(MONTHLY);
    place.round("2025-01-10T00:00:00Z");
    assert_eq!(place.files(), Vec::<String>::new(), "nothing is known of the time before 2025");
    place.round("2025-02-10T00:00:00Z");
    assert_eq!(place.files(), ["monthly_2025-01.json", "monthly_2025-01.txt"]);
    place.round(NOV_10);
    assert_eq!(place.files().len(), 2 + 12 * 2);
    let all = shelved(&place.layout).expect("listed");
    let count = |state: State| all.iter().filter(|one| one.entry.state == state).count();
    assert_eq!((count(State::Made), count(State::LeftOut)), (13, 9), "February to October 2025 are left out");
    assert_eq!((all[0].id().as_str(), all[0].entry.letters.len()), ("monthly_2026-10", 0));
}

#[test]
fn only_what_was_made_is_given_and_only_as_it_was_made() {
    let place = Place::new(MONTHLY);
    assert!(matches!(file(&place.layout, "monthly_2026-10", "a.txt"), Err(ShelfError::NoSuchFile(_))));
    place.round(NOV_10);
    let (id, name) = ("monthly_2026-10", "monthly_2026-10.txt");
    assert_eq!(file(&place.layout, id, name).expect("read"), b"monthly 2026-10 text of None\n");
    std::fs::write(place.folder().join("secret.txt"), b"secret").expect("written");
    for (id, name) in [
        (id, "secret.txt"),
        (id, "../outputs.sqlite"),
        (id, "..%2foutputs.sqlite"),
        ("monthly_2026-09", name),
        ("monthly", name),
        ("../reports", name),
        ("", ""),
    ] {
        assert!(matches!(file(&place.layout, id, name), Err(ShelfError::NoSuchFile(_))), "{id} {name}");
    }
    std::fs::write(place.folder().join(name), b"monthly 2026-10 text of Nobody").expect("changed");
    let changed = file(&place.layout, id, name);
    assert!(matches!(changed, Err(ShelfError::Folder(FolderError::Changed(_)))), "{changed:?}");
}

#[test]
fn who_gets_it_by_mail_stands_in_the_record_with_what_was_made() {
    let mail = "[[channel.mail]]\nname = \"post\"\nhost = \"localhost\"\ntls = \"none\"\nfrom = \"w@example.org\"\n\
                to = [\"Ana <ana@example.org>\", \"b@example.org\"]\n";
    let place = Place::new(&format!("{mail}{MONTHLY}channel = \"post\"\n"));
    place.round(NOV_10);
    let letters = place.entry("2026-10").expect("remembered").letters;
    let to: Vec<&str> = letters.iter().map(|letter| letter.to.as_str()).collect();
    assert_eq!(to, ["Ana <ana@example.org>", "b@example.org"]);
    assert!(letters.iter().all(|letter| letter.state == LetterState::Waiting));
}

#[test]
fn a_record_of_a_version_that_kept_nothing_for_the_printer_is_read() {
    let place = Place::new(MONTHLY);
    place.round(NOV_10);
    let kept = place.entry("2026-10").expect("remembered");
    place
        .connection()
        .execute("UPDATE scheduled SET body = json_remove(body, '$.missing')", [])
        .expect("older");
    assert_eq!(place.entry("2026-10"), Some(kept));
}
