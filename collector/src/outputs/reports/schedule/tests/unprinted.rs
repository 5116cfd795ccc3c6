//! What the printer was not there for.

use super::super::record::State;
use super::super::shelf::{file, shelved};
use super::{MONTHLY, Place, Press, at};
use wattledger_model::time::Timestamp;

const NOV_10: &str = "2026-11-10T00:00:00Z";
const ID: &str = "monthly_2026-10";

/// A monthly report in these formats.
fn in_formats(formats: &str) -> String {
    MONTHLY.replace("\"text\", \"json\"", formats)
}

/// With a reader.
fn mailed(formats: &str) -> String {
    let mail = "[[channel.mail]]\nname = \"post\"\nhost = \"localhost\"\ntls = \"none\"\nfrom = \"w@example.org\"\n\
                to = [\"ana@example.org\"]\n";
    format!("{mail}{}channel = \"post\"\n", in_formats(formats))
}

/// What goes to the reader so many minutes after the tenth of November began.
fn letter(place: &Place, minutes: i64) -> Option<String> {
    let now = Timestamp(at(NOV_10).0 + minutes * 60_000);
    let due = place.keeper().posting(&place.config.channels, None, now).expect("read")?;
    let Ok(letter) = due.letter else { panic!("it cannot be written") };
    let text = String::from_utf8_lossy(&letter.message.formatted()).into_owned();
    // Long lines are broken on the way (RFC 2045, 6.7).
    Some(text.replace("=\r\n", ""))
}

#[test]
fn a_missing_printer_holds_up_no_other_file_and_what_waits_for_it_is_printed_as_it_was() {
    let place = Place::new(&in_formats("\"html\", \"pdf\", \"json\""));
    place.press.take_printer(Some("out of paper"));
    place.round(NOV_10);
    let there = [".unprinted", "monthly_2026-10.en.html", "monthly_2026-10.json", "monthly_2026-10.zh.html"];
    assert_eq!(place.files(), there);
    let entry = place.entry("2026-10").expect("remembered");
    assert_eq!((entry.state, entry.files.len(), entry.missing.len()), (State::Made, 3, 2));
    let lacks = "monthly_2026-10.zh.pdf, monthly_2026-10.en.pdf not there: out of paper";
    assert_eq!(entry.problem.as_deref(), Some(lacks));
    assert!(file(&place.layout, ID, "monthly_2026-10.en.pdf").is_err());

    place.round("2026-11-10T00:01:00Z");
    let still = place.entry("2026-10").expect("remembered");
    assert_eq!((still.attempts, still.missing), (2, entry.missing));
    assert!(still.again_ms > entry.again_ms, "it is tried again");
    place.press.take_printer(None);
    place.round("2026-11-10T00:02:00Z");
    let whole = place.entry("2026-10").expect("remembered");
    assert_eq!((whole.files.len(), whole.missing.len(), whole.problem, whole.again_ms), (5, 0, None, None));
    assert_eq!(whole.made_ms, entry.made_ms, "it is the report that it was");
    let printed = file(&place.layout, ID, "monthly_2026-10.zh.pdf").expect("handed out");
    assert_eq!(printed, b"monthly 2026-10 pdf of None\n");
    assert_eq!(place.unprinted(), Vec::<String>::new());
    let made = place.press.asked().into_iter().filter(|asked| !asked.starts_with("print"));
    assert_eq!(made.collect::<Vec<_>>(), ["2026-10 html html pdf pdf json"], "made of the ledger once");
    place.round("2026-11-10T00:03:00Z");
    assert_eq!(place.entry("2026-10").expect("remembered").files, whole.files);
}

#[test]
fn letters_wait_an_hour_for_the_printer_and_then_say_what_is_not_there() {
    let place = Place::new(&mailed("\"html\", \"pdf\""));
    place.press.take_printer(Some("out of paper"));
    place.round(NOV_10);
    assert_eq!((letter(&place, 0), letter(&place, 59)), (None, None));
    let text = letter(&place, 60).expect("it goes");
    assert!(text.contains("filename=\"monthly_2026-10.en.html\""), "{text}");
    assert!(text.contains("Not printed: ") && text.contains("It is tried again"), "{text}");
    assert!(!text.contains("filename=\"monthly_2026-10.en.pdf\""), "{text}");
    // Once it is printed, they go at once.
    place.press.take_printer(None);
    place.round("2026-11-10T00:05:00Z");
    let text = letter(&place, 5).expect("it goes");
    assert!(text.contains("filename=\"monthly_2026-10.en.pdf\"") && !text.contains("Not printed"), "{text}");
}

#[test]
fn where_nothing_at_all_can_be_printed_nothing_is_made_and_all_of_it_is_tried_again() {
    let place = Place::new(&in_formats("\"pdf\""));
    place.press.take_printer(Some("out of paper"));
    place.round(NOV_10);
    let entry = place.entry("2026-10").expect("remembered");
    assert_eq!((entry.state, entry.problem.as_deref()), (State::Failing, Some("out of paper")));
    assert_eq!(place.files(), Vec::<String>::new());
    place.press.take_printer(None);
    place.round("2026-11-10T00:01:00Z");
    assert_eq!(place.files(), ["monthly_2026-10.en.pdf", "monthly_2026-10.zh.pdf"]);
    assert_eq!(place.press.asked().len(), 2);
}

#[test]
fn what_no_other_try_can_help_is_left_out_and_told() {
    let press = Press { too_large: true, ..Press::default() };
    let place = Place::with(&mailed("\"html\", \"xlsx\""), press);
    place.round(NOV_10);
    let entry = place.entry("2026-10").expect("remembered");
    assert_eq!((entry.state, entry.again_ms), (State::Made, None));
    assert!(entry.problem.is_some_and(|why| why.ends_with("not there: it has too many rows")));
    let text = letter(&place, 0).expect("nobody waits for it");
    assert!(text.contains("Not printed: ") && !text.contains("It is tried again"), "{text}");
    place.round("2026-11-10T00:01:00Z");
    assert_eq!(place.press.asked().len(), 1, "not tried again");
}

#[test]
fn a_paper_of_an_earlier_try_that_nobody_knows_of_is_taken_away_if_it_is_not_printed_now() {
    let place = Place::new(&in_formats("\"html\", \"pdf\""));
    std::fs::create_dir_all(place.folder()).expect("made");
    std::fs::write(place.folder().join("monthly_2026-10.en.pdf"), b"another state of the ledger")
        .expect("written");
    place.press.take_printer(Some("out of paper"));
    place.round(NOV_10);
    assert!(!place.files().contains(&"monthly_2026-10.en.pdf".to_owned()));
    assert_eq!(shelved(&place.layout).expect("listed")[0].entry.files.len(), 2);
}
