//! Rounds over a real ledger: which minutes are judged, what is committed, what a restart changes.

use super::{OPS, RULE, START, after, hall, rules_and_channels, take_minutes};
use crate::outputs::alerts::kept::{self, Kept};
use crate::outputs::alerts::message::Message;
use crate::outputs::alerts::watch::Watch;
use crate::outputs::hall::Hall;
use crate::outputs::remembered;
use wattledger_model::time::{Minute, Timestamp};

fn watch(hall: &Hall, now: Timestamp) -> Watch {
    let (rules, channels) = rules_and_channels(&hall.config);
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    Watch::open(hall.view(), connection, &hall.layout, &rules, &channels, now).expect("the watch opens")
}

/// Judges all there is.
fn judge(watch: &mut Watch, now: Timestamp) {
    while watch.round(now).expect("judged").more {}
}

/// Messages in the outbox: channel, key and body.
fn outbox(hall: &Hall) -> Vec<(String, String, Message)> {
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let mut statement =
        connection.prepare("SELECT channel, event, body FROM outbox ORDER BY id").expect("a query");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)));
    let rows = rows.expect("rows").map(|row| row.expect("a row"));
    rows.map(|(channel, key, body)| (channel, key, serde_json::from_str(&body).expect("a message"))).collect()
}

fn kept(hall: &Hall) -> Kept {
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let mut rows = kept::load(&connection).expect("rows");
    assert_eq!(rows.len(), 1);
    rows.remove(0).2.expect("it can be read")
}

/// A quiet minute, then the watch, so that it begins there.
fn begun(tables: &str) -> (Hall, Watch) {
    let mut hall = hall(&format!("{tables}{OPS}"));
    take_minutes(&mut hall, Minute(START.0 - 1), &[Some(1.2)]);
    let mut watch = watch(&hall, after(0));
    judge(&mut watch, after(0));
    (hall, watch)
}

const UP: Option<f64> = Some(1.4);
const DOWN: Option<f64> = Some(1.3);

#[test]
fn an_excursion_is_raised_and_cleared_with_one_message_each() {
    let (mut hall, mut watch) = begun(RULE);
    take_minutes(&mut hall, START, &[DOWN, UP, UP, UP]);
    judge(&mut watch, after(4));
    assert!(outbox(&hall).is_empty());
    take_minutes(&mut hall, Minute(START.0 + 4), &[UP]);
    let round = watch.round(after(5)).expect("judged");
    assert_eq!(round.messages, 1);
    let active = &round.active[0];
    assert_eq!(
        (active.rule.as_str(), active.value, active.limit, active.coverage),
        ("hall-1-pue", 1.4, 1.35, 1.0)
    );
    assert_eq!(active.since, after(2));
    assert_eq!(active.reason, "PUE over 1 minute was above 1.35 for 3 minutes");
    take_minutes(&mut hall, Minute(START.0 + 5), &[DOWN, DOWN, DOWN, DOWN]);
    judge(&mut watch, after(9));
    let sent = outbox(&hall);
    let keys: Vec<&str> = sent.iter().map(|(_, key, _)| key.as_str()).collect();
    let id = &sent[0].2.id;
    assert_eq!(keys, [format!("{id}-raised"), format!("{id}-cleared")]);
    let (raised, cleared) = (&sent[0].2, &sent[1].2);
    assert_eq!((raised.as_of.clone(), raised.since.clone()), (after(5).to_string(), after(2).to_string()));
    assert_eq!((cleared.as_of.clone(), &cleared.id), (after(8).to_string(), id));
    assert_eq!(raised.reason, "PUE over 1 minute is above 1.35 for 3 minutes: 1.400");
    assert_eq!((cleared.limit, cleared.value), (1.32, 1.3));
    assert!(watch.round(after(9)).expect("judged").active.is_empty());
}

#[test]
fn the_first_start_begins_at_the_horizon_not_in_the_past() {
    let mut hall = hall(&format!("{RULE}{OPS}"));
    take_minutes(&mut hall, START, &[UP; 10]);
    let mut watch = watch(&hall, after(10));
    judge(&mut watch, after(10));
    assert_eq!(kept(&hall).state.last(), Some(Minute(START.0 + 10)));
    take_minutes(&mut hall, Minute(START.0 + 10), &[UP, UP, UP]);
    judge(&mut watch, after(13));
    assert!(outbox(&hall).is_empty(), "its three minutes begin with the first one judged");
    take_minutes(&mut hall, Minute(START.0 + 13), &[UP]);
    judge(&mut watch, after(14));
    assert_eq!(outbox(&hall).len(), 1);
}

#[test]
fn a_restart_before_any_round_decides_the_same_once() {
    let story = [
        DOWN, UP, UP, UP, UP, UP, None, UP, DOWN, None, DOWN, DOWN, DOWN, // cleared
        UP, UP, None, UP, UP, UP, // raised again
        DOWN, DOWN, DOWN, DOWN,
    ];
    let whole = {
        let (mut hall, mut watch) = begun(RULE);
        take_minutes(&mut hall, START, &story);
        judge(&mut watch, after(25));
        (outbox(&hall), kept(&hall).state)
    };
    assert_eq!(whole.0.len(), 4, "raised and cleared twice");
    let (mut hall, mut first) = begun(RULE);
    judge(&mut first, after(0));
    drop(first);
    for (at, pue) in (0..).zip(story) {
        take_minutes(&mut hall, Minute(START.0 + at), &[pue]);
        let mut anew = watch(&hall, after(25));
        judge(&mut anew, after(25));
        // As if it had been killed after its commit; the same minutes are offered again.
        drop(anew);
    }
    // The horizon waits for a silent meter; in the end it has passed all of the story in both.
    let mut last = watch(&hall, after(25));
    judge(&mut last, after(25));
    assert_eq!((outbox(&hall), kept(&hall).state), whole);
}

#[test]
fn a_round_that_cannot_be_committed_decides_nothing_and_the_next_decides_it() {
    let (mut hall, mut watch) = begun(RULE);
    take_minutes(&mut hall, START, &[UP; 5]);
    let before = kept(&hall);
    let blocker = remembered::open(&hall.layout).expect("the outputs' file");
    // The message cannot be written: then neither can the state.
    let refusal = "CREATE TRIGGER refusal BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END";
    blocker.execute_batch(refusal).expect("a trigger");
    watch.round(after(5)).expect_err("it fails");
    assert_eq!(kept(&hall), before);
    blocker.execute_batch("DROP TRIGGER refusal").expect("no trigger");
    assert_eq!(watch.round(after(5)).expect("judged").messages, 1);
    assert_eq!(outbox(&hall).len(), 1);
}

#[test]
fn what_turned_more_than_a_day_ago_is_recorded_and_not_sent() {
    let (mut hall, mut watch) = begun(RULE);
    take_minutes(&mut hall, START, &[UP, UP, UP, UP, DOWN, DOWN, DOWN]);
    let two_days_later = after(2 * 1_440);
    judge(&mut watch, two_days_later);
    assert!(outbox(&hall).is_empty());
    let turns: Vec<_> = kept(&hall).turns.iter().map(|turn| (turn.turn.word(), turn.sent)).collect();
    assert_eq!(turns, [("raised", false), ("cleared", false)]);
}

#[test]
fn what_was_raised_long_ago_and_lasts_is_told_once_it_is_today() {
    let (mut hall, mut watch) = begun(RULE);
    take_minutes(&mut hall, START, &[UP; 4]);
    let now = after(1_440 + 6);
    judge(&mut watch, now);
    assert!(outbox(&hall).is_empty());
    take_minutes(&mut hall, Minute(START.0 + 4), &[UP; 4]);
    judge(&mut watch, now);
    judge(&mut watch, now);
    let sent = outbox(&hall);
    assert_eq!(sent.len(), 1, "once");
    assert_eq!(
        (sent[0].2.since.clone(), sent[0].2.as_of.clone()),
        (after(1).to_string(), after(8).to_string())
    );
    take_minutes(&mut hall, Minute(START.0 + 8), &[DOWN; 3]);
    judge(&mut watch, after(9 * 1_440));
    assert_eq!(outbox(&hall).len(), 2, "who was told of it is told that it is over, however late");
}

#[test]
fn without_it_energy_there_is_no_excursion() {
    let (mut hall, mut watch) = begun(&RULE.replace("window = \"1m\"", "window = \"15m\""));
    let readings: Vec<_> = (1..30)
        .flat_map(|minute| {
            let at = after(minute);
            [("main", at, 60.0, "kW", Some(60)), ("ups", at, 0.0, "kW", Some(60))]
        })
        .collect();
    hall.take(&readings);
    let round = watch.round(after(30)).expect("judged");
    // The first windows still hold the quiet minute's IT energy, and all of the new overhead.
    assert!(round.active.is_empty() || round.active[0].value > 1.35);
    let last = kept(&hall).state;
    assert_eq!(last.last(), Some(Minute(START.0 + 29)));
    assert!(last.seen().is_none_or(|(value, _)| value.is_finite()));
}

#[test]
fn an_alert_whose_rule_is_gone_is_cleared() {
    let (mut hall, mut first) = begun(RULE);
    take_minutes(&mut hall, START, &[UP; 5]);
    judge(&mut first, after(5));
    drop(first);
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let (_, channels) = rules_and_channels(&hall.config);
    let mut without = Watch::open(hall.view(), connection, &hall.layout, &[], &channels, after(6))
        .expect("the watch opens");
    judge(&mut without, after(6));
    let sent = outbox(&hall);
    assert_eq!(sent.len(), 2);
    assert_eq!((sent[1].2.event.word(), &sent[1].2.id), ("cleared", &sent[0].2.id));
    assert!(sent[1].2.reason.contains("taken out of the configuration"));
    assert_eq!(sent[1].2.since, after(1).to_string());
    drop(without);
    let mut again = watch(&hall, after(7));
    judge(&mut again, after(7));
    assert_eq!(outbox(&hall).len(), 2, "and not again");
}

#[test]
fn a_rule_that_watches_something_else_now_begins_anew() {
    let (mut hall, mut first) = begun(RULE);
    take_minutes(&mut hall, START, &[UP; 5]);
    judge(&mut first, after(5));
    drop(first);
    let (mut rules, channels) = rules_and_channels(&hall.config);
    rules[0].window = wattledger_model::calendar::Window::QuarterHour;
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let mut other = Watch::open(hall.view(), connection, &hall.layout, &rules, &channels, after(6))
        .expect("the watch opens");
    judge(&mut other, after(6));
    assert_eq!(outbox(&hall).len(), 2, "the old alert is cleared");
    assert_eq!(kept(&hall).watches, "pue 15m");
    assert!(kept(&hall).open.is_none());
}

#[test]
fn messages_for_a_channel_that_is_gone_are_dropped() {
    let (mut hall, mut first) = begun(RULE);
    take_minutes(&mut hall, START, &[UP; 5]);
    judge(&mut first, after(5));
    drop(first);
    let (rules, _) = rules_and_channels(&hall.config);
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    Watch::open(hall.view(), connection, &hall.layout, &rules, &[], after(6)).expect("the watch opens");
    assert!(outbox(&hall).is_empty());
    assert!(kept(&hall).open.is_some(), "the alert itself stays");
}

#[test]
fn months_at_once_are_judged_in_short_rounds() {
    let (mut hall, mut watch) = begun(RULE);
    let story: Vec<Option<f64>> =
        (0..10_000).map(|minute| Some(if (8_000..8_005).contains(&minute) { 1.4 } else { 1.3 })).collect();
    take_minutes(&mut hall, START, &story);
    let now = after(10_000);
    let first = watch.round(now).expect("judged");
    assert!(first.more);
    assert_eq!(kept(&hall).state.last(), Some(Minute(START.0 + 4_000)));
    judge(&mut watch, now);
    let keys: Vec<String> = outbox(&hall).into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys.len(), 0, "the excursion was more than a day ago");
    assert_eq!(kept(&hall).turns.len(), 2);
}
