//! A collector that is killed while it makes a report and sends it.
//!
//! Each step is on the disk before the next one begins. So what a kill leaves is what there is when a step cannot be done
//! and nothing is noted of that: something is in its way, and the record takes no write that would follow.

use super::super::keep::{Keeper, Waits};
use super::super::maker::Maker;
use super::super::record::{LetterState, State};
use super::super::shelf::file;
use super::mailed::{self, Running, all_are};
use super::{MONTHLY, Place, Press, QUICK, at, started};
use crate::post::mail;
use crate::post::mail_server::{MailServer, Manners};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use wattledger_model::time::Timestamp;

const NOV_10: &str = "2026-11-10T00:00:00Z";
const TEXT: &str = "monthly_2026-10.txt";
const JSON: &str = "monthly_2026-10.json";

/// A kill in front of a step.
struct Kill {
    before: &'static str,
    /// What is where the step puts something: the folder itself, or a file of it.
    in_the_way: Option<&'static str>,
    /// What the record would be told next, by SQL's `LIKE`.
    untold: &'static str,
}

/// In the order of the steps. What makes the files' content leaves nothing behind.
const KILLS: [Kill; 7] = [
    Kill { before: "it is noted that it is begun", in_the_way: None, untold: "%" },
    Kill { before: "it is noted that it is issued", in_the_way: None, untold: "%\"issued\":\"%" },
    Kill { before: "there is a folder", in_the_way: Some(""), untold: "%cannot make the folder%" },
    Kill { before: "the first file has its name", in_the_way: Some(TEXT), untold: "%cannot rename%" },
    Kill { before: "the second is begun", in_the_way: Some(".PART"), untold: "%cannot write%" },
    Kill { before: "the second file has its name", in_the_way: Some(JSON), untold: "%cannot rename%" },
    Kill { before: "it is noted that all are there", in_the_way: None, untold: "%\"state\":\"made\"%" },
];

impl Kill {
    fn strike(&self, place: &Place) {
        refuse(place, self.untold);
        let obstacle = self.in_the_way.map(|name| match name {
            "" => place.folder(),
            ".PART" => place.folder().join(format!(".{JSON}.wattledger-part")),
            name => place.folder().join(name),
        });
        match (&obstacle, self.in_the_way) {
            (Some(folder), Some("")) => fs::write(folder, b"no folder").expect("written"),
            (Some(name), _) => fs::create_dir_all(name).expect("made"),
            (None, _) => {}
        }
        let told = place.round(NOV_10).remove(0);
        assert!(told.problem.is_some_and(|why| why.contains("killed")), "{}", self.before);
        match (obstacle, self.in_the_way) {
            (Some(folder), Some("")) => fs::remove_file(folder).expect("removed"),
            (Some(name), _) => fs::remove_dir(name).expect("removed"),
            (None, _) => {}
        }
        place.connection().execute_batch("DROP TRIGGER killed").expect("dropped");
    }
}

/// Has the record take nothing like this any more.
fn refuse(place: &Place, untold: &str) {
    let refusing = format!(
        "CREATE TRIGGER killed BEFORE INSERT ON scheduled WHEN new.body LIKE '{untold}'
         BEGIN SELECT RAISE(ABORT, 'killed'); END;"
    );
    place.connection().execute_batch(&refusing).expect("a trigger");
}

#[test]
fn killed_in_front_of_any_step_a_report_is_issued_once_and_its_files_are_there_once_and_whole() {
    for kill in &KILLS {
        let press = Press { issues: true, ..Press::default() };
        let place = Place::with(&format!("{MONTHLY}issue = true\n"), press);
        kill.strike(&place);
        let before = kill.before;
        let content = |word: &str| format!("monthly 2026-10 {word} of Some(\"hall-1_2026-10_1\")\n");
        // Nobody sees half of one.
        for (name, word) in [(TEXT, "text"), (JSON, "json")] {
            if let Ok(there) = fs::read_to_string(place.folder().join(name)) {
                assert_eq!(there, content(word), "{before}");
            }
        }
        place.round("2026-11-10T00:01:00Z");
        assert_eq!(place.files(), [JSON, TEXT], "{before}");
        let entry = place.entry("2026-10").expect("remembered");
        assert_eq!((entry.state, entry.files.len(), entry.problem), (State::Made, 2, None), "{before}");
        for (name, word) in [(TEXT, "text"), (JSON, "json")] {
            let handed = file(&place.layout, "monthly_2026-10", name).expect("handed out");
            assert_eq!(String::from_utf8_lossy(&handed), content(word), "{before}");
        }
        let asked = place.press.asked();
        let issued = asked.iter().filter(|asked| asked.starts_with("frozen")).count();
        // Only of what is not noted it is asked a second time, and gets the same answer.
        let twice = kill.untold.contains("issued");
        assert_eq!(issued, if twice { 2 } else { 1 }, "{before}: {asked:?}");
        place.round("2026-11-10T00:02:00Z");
        assert_eq!(place.press.asked(), asked, "{before}: and never again");
    }
}

#[test]
fn what_ends_the_collector_while_it_is_made_is_not_made_at_once_by_the_next_start() {
    let place = Place::new(MONTHLY);
    let round = |after_s: i64| {
        let maker: Arc<dyn Maker> = Arc::<Press>::clone(&place.press);
        let reports = place.config.scheduled.clone();
        let connection = place.connection();
        let mut keeper = Keeper::new(reports, place.folder(), maker, connection, started(), Waits::USUAL);
        keeper.round(Timestamp(at(NOV_10).0 + after_s * 1_000), &|| false);
    };
    *place.press.ends.lock().expect("no panic") = true;
    for (after_s, tries) in [(0, 1), (30, 1), (60, 2), (170, 2), (180, 3)] {
        // Ended by a panic, it leaves what a kill does.
        let ended = catch_unwind(AssertUnwindSafe(|| round(after_s)));
        let asked = place.press.asked().len();
        assert_eq!(asked, tries, "{after_s} s: a minute, then two");
        assert_eq!(ended.is_err(), [0, 60, 180].contains(&after_s));
    }
    let entry = place.entry("2026-10").expect("remembered");
    assert!(entry.problem.is_some_and(|why| why.contains("or the collector ended while it was")));
    *place.press.ends.lock().expect("no panic") = false;
    round(419);
    assert_eq!(place.files(), Vec::<String>::new(), "then four");
    round(420);
    assert_eq!(place.files(), [JSON, TEXT]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_delivery_and_record_a_letter_goes_out_once_more_under_its_id_and_never_again() {
    let mut server = MailServer::start(Manners::default());
    let place = mailed::place(server.port, "\"ana@example.org\", \"b@example.org\"");
    place.round(NOV_10);
    {
        let keeper = place.keeper();
        let due = keeper.posting(&place.config.channels, None, at(NOV_10)).expect("read").expect("due");
        let Ok(letter) = &due.letter else { panic!("it cannot be written") };
        mail::send(&letter.mail, &letter.to, &letter.message, QUICK.answer).await.expect("taken");
    }
    let mut came = vec![server.next().await];
    for _ in 0..2 {
        let mut running = Running::start(&place);
        running.until(&place, |letters| all_are(letters, LetterState::Sent)).await;
        running.round().await;
        running.stop().await;
    }
    while !server.is_empty() {
        came.push(server.next().await);
    }
    let to: Vec<&str> = came.iter().map(|letter| letter.to.as_str()).collect();
    assert_eq!(to, ["ana@example.org", "ana@example.org", "b@example.org"]);
    let ids: Vec<_> = came.iter().map(|letter| letter.header("Message-ID")).collect();
    assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
    assert_eq!(place.press.asked(), ["2026-10 text json"], "what was made is not made again for it");
}

#[test]
fn killed_between_the_paper_and_the_record_it_is_printed_once_more_under_its_name() {
    let pdf = MONTHLY.replace("\"text\", \"json\"", "\"html\", \"pdf\"").replace("\"zh\", ", "");
    let place = Place::new(&pdf);
    place.press.take_printer(Some("out of paper"));
    place.round(NOV_10);
    place.press.take_printer(None);
    refuse(&place, "%\"missing\":[]%");
    let told = place.round("2026-11-10T00:01:00Z").remove(0);
    assert!(told.problem.is_some_and(|why| why.contains("killed")));
    assert_eq!(
        place.unprinted(),
        ["monthly_2026-10.en.pdf.json"],
        "kept until the record says that it is printed"
    );
    place.connection().execute_batch("DROP TRIGGER killed").expect("dropped");
    place.round("2026-11-10T00:02:00Z");
    assert_eq!(place.files(), [".unprinted", "monthly_2026-10.en.html", "monthly_2026-10.en.pdf"]);
    assert_eq!(place.unprinted(), Vec::<String>::new());
    // And killed right after the record, what it kept goes with the next start, but for what is still needed.
    place.press.take_printer(Some("out of paper"));
    place.round("2026-12-10T00:00:00Z");
    for name in ["monthly_2026-10.en.pdf.json", ".monthly_2026-10.en.pdf.json.wattledger-part"] {
        fs::write(place.folder().join(".unprinted").join(name), b"{}").expect("written");
    }
    drop(place.keeper());
    assert_eq!(place.unprinted(), ["monthly_2026-11.en.pdf.json"]);
}
