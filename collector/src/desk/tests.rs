//! What is said at the desk is kept, counted and shown.

use super::*;
use crate::outputs::alerts::Message;
use crate::outputs::alerts::alarm::Alarm;
use std::collections::BTreeMap;
use std::path::Path;

const NOW: Timestamp = Timestamp(1_780_000_000_000);

fn now() -> Timestamp {
    NOW
}

fn much_later() -> Timestamp {
    Timestamp(NOW.0 + 3 * 3_600_000)
}

fn message(id: &str, subject: &str, severity: &str) -> Message {
    Message {
        id: id.to_owned(),
        rule: "stale".to_owned(),
        condition: "stale".to_owned(),
        facility: "hall-1".to_owned(),
        subject: subject.to_owned(),
        severity: severity.to_owned(),
        since: Timestamp(NOW.0 - 600_000).to_string(),
        raised_at: Timestamp(NOW.0 - 480_000).to_string(),
        reason: format!("{subject} is silent"),
        value: 600.0,
        limit: 180.0,
        unit: "s".to_owned(),
        cause: "the newest reading is of 08:00".to_owned(),
        labels: BTreeMap::from([("team".to_owned(), "power".to_owned())]),
        ..Message::default()
    }
}

fn alarm(id: &str, subject: &str, severity: &str, cleared_ms: Option<i64>) -> Alarm {
    let raised = message(id, subject, severity);
    let latest = Message { value: 900.0, ..raised.clone() };
    Alarm {
        id: id.to_owned(),
        rule: raised.rule.clone(),
        facility: raised.facility.clone(),
        subject: subject.to_owned(),
        raised_ms: NOW.0 - 480_000,
        cleared_ms,
        judged_ms: NOW.0 - 60_000,
        raised,
        latest,
        cleared: None,
    }
}

/// A collector's file with two alerts that are up and one that is over.
fn file(folder: &Path) -> Layout {
    let layout = Layout::new(folder);
    let connection = remembered::open(&layout).expect("a new file");
    let transaction = connection.unchecked_transaction().expect("a transaction");
    for alarm in [
        alarm("stale-main", "hall-1 meter main", "warning", None),
        alarm("stale-ups", "hall-1 meter ups", "critical", None),
        alarm("stale-old", "hall-1 meter old", "info", Some(NOW.0 - 120_000)),
    ] {
        alarm::put(&transaction, &alarm).expect("put");
    }
    transaction.commit().expect("committed");
    layout
}

fn silence_of(matchers: &[&str]) -> SilenceRequest {
    SilenceRequest {
        matchers: matchers.iter().map(|matcher| matcher.parse().expect("a matcher")).collect(),
        for_s: 7_200,
        reason: "cabling".to_owned(),
    }
}

#[test]
fn the_listing_tells_what_is_up_with_its_figures_of_now_and_what_was_said_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = Desk::new(file(folder.path()), now);
    let silence =
        desk.silence(&silence_of(&["subject=hall-1 meter m*", "team=power"]), "ana").expect("silenced");
    let request = AckRequest { alert: "stale-ups".to_owned(), note: "on my way".to_owned() };
    let ack = desk.acknowledge(&request, "ben").expect("acknowledged");

    let listing = desk.listing(None).expect("read");
    let ids: Vec<&str> = listing.up.iter().map(|alert| alert.id.as_str()).collect();
    assert_eq!(ids, ["stale-ups", "stale-main"], "the gravest first");
    let [ups, main] = &listing.up[..] else { panic!("two are up") };
    assert_eq!((ups.acknowledged.as_ref(), &ups.silenced_by), (Some(&ack), &None));
    assert_eq!((main.silenced_by.as_ref(), &main.acknowledged), (Some(&silence), &None));
    assert_eq!(
        (main.value, main.limit, main.cause.as_str()),
        (900.0, 180.0, "the newest reading is of 08:00")
    );
    assert_eq!((main.since, main.raised_at), (Timestamp(NOW.0 - 600_000), Some(Timestamp(NOW.0 - 480_000))));
    assert!(listing.past.is_empty(), "nobody asked for it");
    assert_eq!(listing.silences, [silence]);

    let past = desk.listing(Some(Duration::from_secs(3_600))).expect("read").past;
    assert_eq!(past.len(), 1, "what is up is not over");
    assert_eq!((past[0].id.as_str(), past[0].cleared_at), ("stale-old", Timestamp(NOW.0 - 120_000)));
    assert!(desk.listing(Some(Duration::from_secs(60))).expect("read").past.is_empty());
}

#[test]
fn what_is_said_is_counted_shown_and_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = file(folder.path());
    let desk = Desk::new(layout.clone(), now);
    let said = desk.said();
    let up = || desk.listing(None).expect("read").up;
    let silence = desk.silence(&silence_of(&["rule=stale"]), "ana").expect("silenced");
    assert_eq!(*said.borrow(), 1);
    assert!(up().iter().all(|alert| alert.silenced_by.as_ref() == Some(&silence)));
    let longer = SilenceRequest { for_s: 9_000, ..silence_of(&["severity=critical"]) };
    let longer = desk.silence(&longer, "ana").expect("silenced");
    assert_eq!(up()[0].silenced_by.as_ref(), Some(&longer), "of several the one that lasts longest");
    let ended = desk.end_silence(&EndRequest { id: silence.id.clone() }, "ben").expect("ended");
    assert_eq!((*said.borrow(), ended.ended), (3, Some(NOW)));
    let ack = AckRequest { alert: "stale-main".to_owned(), note: "mine".to_owned() };
    desk.acknowledge(&ack, "ana").expect("acknowledged");
    drop(desk);

    let again = Desk::new(layout.clone(), now);
    assert_eq!(again.standing().expect("read"), std::slice::from_ref(&longer));
    let bare = again.listing(None).expect("read").up.into_iter().map(|alert| AlertView {
        silenced_by: None,
        acknowledged: None,
        ..alert
    });
    let marked = again.marked(bare.collect());
    assert_eq!(marked[0].silenced_by.as_ref(), Some(&longer));
    assert_eq!(marked[1].acknowledged.as_ref().map(|ack| ack.note.as_str()), Some("mine"));
    let later = Desk::new(layout, much_later);
    assert!(later.standing().expect("read").is_empty(), "it is over by itself");
    assert!(later.marked(marked).iter().all(|alert| alert.silenced_by.is_none()));
}

#[test]
fn what_cannot_be_done_is_said_and_wakes_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = Desk::new(file(folder.path()), now);
    let ack = |alert: &str, note: &str| {
        let request = AckRequest { alert: alert.to_owned(), note: note.to_owned() };
        desk.acknowledge(&request, "ana").expect_err("refused")
    };
    let unknown = ack("stale-nowhere", "mine");
    assert!(unknown.is_not_found() && unknown.to_string().contains("no alert `stale-nowhere` is up"));
    let over = ack("stale-old", "mine");
    assert!(over.is_not_found() && over.to_string().contains("was cleared at"), "{over}");
    let empty = ack("stale-main", " ");
    assert!(!empty.is_not_found() && !empty.is_failure(), "{empty}");
    let none = desk.end_silence(&EndRequest { id: "s9".to_owned() }, "ana").expect_err("refused");
    assert!(none.is_not_found(), "{none}");
    let short = SilenceRequest { for_s: 5, ..silence_of(&["rule=stale"]) };
    assert!(!desk.silence(&short, "ana").expect_err("refused").is_failure());
    assert_eq!(*desk.said().borrow(), 0);
    assert!(desk.standing().expect("read").is_empty());
}

#[test]
fn a_file_that_cannot_be_opened_is_a_failure_and_alerts_are_shown_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "in the way").expect("written");
    let desk = Desk::new(Layout::new(&folder.path().join("file")), now);
    assert!(desk.standing().expect_err("no directory").is_failure());
    let alerts = vec![AlertView { id: "a".to_owned(), ..AlertView::default() }];
    assert_eq!(desk.marked(alerts.clone()), alerts);
}
