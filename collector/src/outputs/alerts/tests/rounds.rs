//! Rounds over a real ledger: which minutes are judged, what is committed, what a restart changes.

use super::{OPS, RULE, START, after, alarms, hall, judge, take_minutes, turns, watch};
use crate::outputs::alerts::State;
use crate::outputs::alerts::alarm::Alarm;
use crate::outputs::alerts::kept::{self, Kept, Progress};
use crate::outputs::alerts::watch::Watch;
use crate::outputs::hall::Hall;
use crate::outputs::remembered;
use proptest::prelude::*;
use wattledger_model::calendar::Window;
use wattledger_model::time::Minute;

/// What is kept of the one rule and its one subject, as a start takes it up: a quiet subject's row is not written
/// each minute.
fn kept(hall: &Hall) -> (Progress, Kept) {
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let rows = kept::load(&connection).expect("rows");
    assert_eq!(rows.len(), 1);
    let (_, mut rows) = rows.into_iter().next().expect("one rule");
    assert_eq!(rows.subjects.len(), 1);
    let progress = rows.progress.expect("it can be read");
    let mut kept = rows.subjects.remove(0).1.expect("it can be read");
    let last = Minute(progress.last.expect("it has begun"));
    kept.state.reach(last);
    let quiet = State::from(last);
    if kept.state.is_as(&quiet) {
        kept.state = quiet;
    }
    kept.sighted = last.0;
    (progress, kept)
}

/// The last minute that was judged.
fn reached(hall: &Hall) -> Option<i64> {
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let rows = kept::load(&connection).expect("rows");
    rows.into_values().next()?.progress?.last.map(|last| last - START.0)
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
fn an_excursion_is_one_alarm_that_says_what_it_was_raised_and_cleared_for() {
    let (mut hall, mut watch) = begun(RULE);
    take_minutes(&mut hall, START, &[DOWN, UP, UP, UP]);
    judge(&mut watch, after(4));
    assert!(alarms(&hall).is_empty());
    take_minutes(&mut hall, Minute(START.0 + 4), &[UP]);
    let round = watch.round(after(5), None).expect("judged");
    let active = &round.active[0];
    assert_eq!(
        (active.rule.as_str(), active.value, active.limit, active.coverage),
        ("hall-1-pue", 1.4, 1.35, 1.0)
    );
    assert_eq!(active.since, after(2));
    assert_eq!(active.reason, "PUE over 1 minute was above 1.35 for 3 minutes");
    take_minutes(&mut hall, Minute(START.0 + 5), &[Some(1.5), DOWN, DOWN, DOWN, DOWN]);
    judge(&mut watch, after(6));
    judge(&mut watch, after(10));
    let all = alarms(&hall);
    assert_eq!(all.len(), 1);
    let Alarm { id, raised, cleared, raised_ms, cleared_ms, .. } = &all[0];
    let cleared = cleared.as_ref().expect("cleared");
    assert_eq!((raised.key.clone(), cleared.key.clone()), (format!("{id}-raised"), format!("{id}-cleared")));
    assert_eq!((*raised_ms, *cleared_ms), (after(5).0, Some(after(9).0)));
    assert_eq!((raised.as_of.clone(), raised.since.clone()), (after(5).to_string(), after(2).to_string()));
    assert_eq!((cleared.as_of.clone(), &cleared.id), (after(9).to_string(), id));
    assert_eq!(raised.reason, "PUE over 1 minute is above 1.35 for 3 minutes: 1.400");
    assert_eq!((cleared.limit, cleared.value), (1.32, 1.3));
    assert_eq!((raised.value, &raised.raised_at, &cleared.raised_at), (1.4, &raised.as_of, &raised.as_of));
    assert_eq!(raised.cause, "the facility takes 84.0 kW, its IT equipment 60.0 kW");
    assert_eq!(
        (raised.condition.as_str(), raised.subject.as_str(), raised.unit.as_str(), raised.window.as_str()),
        ("indicator", "hall-1", "1", "1m")
    );
    assert!(raised.look_at.starts_with("wattledger explain figure hall-1 2026-06-2"), "{}", raised.look_at);
    assert!(watch.round(after(10), None).expect("judged").active.is_empty());
}

#[test]
fn while_it_is_up_an_alarm_has_the_figures_of_now_beside_those_it_was_raised_with() {
    let (mut hall, mut watch) = begun(RULE);
    take_minutes(&mut hall, START, &[UP, UP, UP, UP, Some(1.6)]);
    judge(&mut watch, after(5));
    let of = |hall: &Hall| alarms(hall).remove(0);
    let up = of(&hall);
    assert_eq!((up.raised.value, up.latest.value, up.cleared_ms), (1.4, 1.6, None));
    assert_eq!(up.judged_ms, after(5).0);
    // After a restart too, before anything was seen.
    drop(watch);
    let mut again = super::watch(&hall, after(5));
    let active = again.round(after(5), None).expect("judged").active;
    assert_eq!((active[0].value, active[0].limit), (1.6, 1.35));
    take_minutes(&mut hall, Minute(START.0 + 5), &[Some(1.7)]);
    judge(&mut again, after(6));
    assert_eq!((of(&hall).raised, of(&hall).latest.value), (up.raised, 1.7));
}

#[test]
fn the_first_start_begins_at_the_horizon_not_in_the_past() {
    let mut hall = hall(&format!("{RULE}{OPS}"));
    take_minutes(&mut hall, START, &[UP; 10]);
    let mut watch = watch(&hall, after(10));
    judge(&mut watch, after(10));
    assert_eq!(reached(&hall), Some(10));
    take_minutes(&mut hall, Minute(START.0 + 10), &[UP, UP, UP]);
    judge(&mut watch, after(13));
    assert!(alarms(&hall).is_empty(), "its three minutes begin with the first one judged");
    take_minutes(&mut hall, Minute(START.0 + 13), &[UP]);
    judge(&mut watch, after(14));
    assert_eq!(alarms(&hall).len(), 1);
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
        (alarms(&hall), kept(&hall))
    };
    assert_eq!(whole.0.len(), 2, "raised and cleared twice");
    assert!(whole.0.iter().all(|alarm| alarm.cleared.is_some()));
    assert_eq!(restarted(&story, |_| true), whole);
}

/// The same story with a restart before some of its minutes.
fn restarted(story: &[Option<f64>], restarts: impl Fn(usize) -> bool) -> (Vec<Alarm>, (Progress, Kept)) {
    let now = after(i64::try_from(story.len()).expect("short") + 2);
    let (mut hall, mut watch) = begun(RULE);
    for (at, pue) in story.iter().enumerate() {
        take_minutes(&mut hall, Minute(START.0 + i64::try_from(at).expect("short")), &[*pue]);
        if restarts(at) {
            // As if it had been killed after its last commit; the same minutes are offered again.
            drop(watch);
            watch = super::watch(&hall, now);
        }
        // The view sees the meters of its own opening.
        judge(&mut watch, now);
    }
    let mut last = super::watch(&hall, now);
    judge(&mut last, now);
    (alarms(&hall), kept(&hall))
}

proptest! {
    // Each case makes two ledgers.
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_restart_at_any_minute_changes_no_alarm(
        story in prop::collection::vec(prop_oneof![4 => Just(UP), 4 => Just(DOWN), 1 => Just(None)], 10..20),
        restarts in prop::collection::vec(any::<bool>(), 20),
    ) {
        // Runs of a few minutes, so that something turns.
        let story: Vec<Option<f64>> = story.iter().flat_map(|pue| [*pue; 3]).collect();
        let whole = restarted(&story, |_| false);
        prop_assert_eq!(restarted(&story, |at| restarts[at % restarts.len()]), whole.clone());
        // Every raise is followed by exactly one clear or by the end.
        let ends: Vec<Option<i64>> = whole.0.iter().map(|alarm| alarm.cleared_ms).collect();
        prop_assert!(ends.iter().rev().skip(1).all(Option::is_some));
        for pair in whole.0.windows(2) {
            prop_assert!(pair[0].cleared_ms < Some(pair[1].raised_ms));
        }
    }
}

#[test]
fn a_round_that_cannot_be_committed_decides_nothing_and_the_next_decides_it() {
    for table in ["alarm", "alert", "turn"] {
        let (mut hall, mut watch) = begun(RULE);
        take_minutes(&mut hall, START, &[UP; 5]);
        let blocker = remembered::open(&hall.layout).expect("the outputs' file");
        let counts = || -> (Option<i64>, i64, i64) {
            let count = |of: &str| {
                let query = format!("SELECT count(*) FROM {of}");
                blocker.query_row(&query, [], |row| row.get(0)).expect("a count")
            };
            (reached(&hall), count("alarm"), count("turn"))
        };
        let before = counts();
        // One part of what was decided cannot be written: then neither can the rest, as if it had been killed there.
        let refusal =
            format!("CREATE TRIGGER refused BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END");
        blocker.execute_batch(&refusal).expect("a trigger");
        watch.round(after(5), None).expect_err("it fails");
        assert_eq!(counts(), before, "{table}");
        blocker.execute_batch("DROP TRIGGER refused").expect("no trigger");
        judge(&mut watch, after(5));
        assert_eq!(counts(), (Some(5), 1, 1), "{table}");
        // Killed before the round: another start decides it, and nothing twice.
        drop(watch);
        let mut again = super::watch(&hall, after(5));
        judge(&mut again, after(5));
        assert_eq!(counts(), (Some(5), 1, 1), "{table}");
    }
}

#[test]
fn what_turned_long_ago_is_an_alarm_of_then() {
    let (mut hall, mut watch) = begun(RULE);
    take_minutes(&mut hall, START, &[UP, UP, UP, UP, DOWN, DOWN, DOWN]);
    judge(&mut watch, after(2 * 1_440));
    let whom = "hall-1-pue hall-1";
    assert_eq!(turns(&hall), [(4, format!("+{whom}")), (7, format!("-{whom}"))]);
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
    let round = watch.round(after(30), None).expect("judged");
    // The first windows still hold the quiet minute's IT energy, and all of the new overhead.
    assert!(round.active.is_empty() || round.active[0].value > 1.35);
    assert_eq!(reached(&hall), Some(29));
    assert!(round.active.iter().all(|alert| alert.value.is_finite()));
}

#[test]
fn an_alarm_whose_rule_is_gone_is_cleared() {
    let (mut hall, mut first) = begun(RULE);
    take_minutes(&mut hall, START, &[UP; 5]);
    judge(&mut first, after(5));
    drop(first);
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let mut without =
        Watch::open(hall.view(), connection, &hall.layout, &[], after(6)).expect("the watch opens");
    judge(&mut without, after(6));
    let all = alarms(&hall);
    assert_eq!(all.len(), 1);
    let cleared = all[0].cleared.as_ref().expect("cleared");
    assert_eq!((cleared.event.word(), &cleared.id), ("cleared", &all[0].id));
    assert!(cleared.reason.contains("taken out of the configuration"));
    assert_eq!((cleared.since.clone(), cleared.value), (after(1).to_string(), 1.4));
    drop(without);
    let mut again = watch(&hall, after(7));
    judge(&mut again, after(7));
    assert_eq!(alarms(&hall), all, "and not again");
}

#[test]
fn a_rule_that_watches_something_else_now_begins_anew() {
    let (mut hall, mut first) = begun(RULE);
    take_minutes(&mut hall, START, &[UP; 5]);
    judge(&mut first, after(5));
    drop(first);
    let mut rules = hall.config.alerts.clone();
    rules[0].condition = crate::config::Condition::Indicator {
        indicator: crate::config::Indicator::Pue,
        window: Window::QuarterHour,
    };
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let mut other =
        Watch::open(hall.view(), connection, &hall.layout, &rules, after(6)).expect("the watch opens");
    judge(&mut other, after(6));
    assert!(alarms(&hall)[0].cleared.is_some(), "the old alert is cleared");
    take_minutes(&mut hall, Minute(START.0 + 5), &[UP; 2]);
    judge(&mut other, after(7));
    let (progress, kept) = kept(&hall);
    assert_eq!((progress.watches.as_str(), kept.watches.as_str()), ("pue 15m", "pue 15m"));
    assert!(kept.open.is_none());
}

#[test]
fn an_alert_of_the_version_before_alarms_goes_on_and_is_cleared_as_what_it_was() {
    let mut hall = hall(&format!("{RULE}{OPS}"));
    take_minutes(&mut hall, Minute(START.0 - 1), &[UP]);
    {
        let before = rusqlite::Connection::open(hall.layout.outputs()).expect("opens");
        before
            .execute_batch(
                "CREATE TABLE alert (rule TEXT NOT NULL, facility TEXT NOT NULL, state TEXT NOT NULL,
                 PRIMARY KEY (rule, facility)) STRICT, WITHOUT ROWID;",
            )
            .expect("a table");
        let state = serde_json::json!({
            "watches": "pue 1m",
            "state": {"last": START.0, "hold": null, "raised_since": START.0 - 9, "seen": [1.5, 1.0]},
            "open": {"id": "hall-1-pue-then", "told": ["ops"], "severity": "warning", "limit": 1.32},
            "turns": [],
        });
        let row = ["hall-1-pue", "hall-1", &state.to_string()];
        before.execute("INSERT INTO alert VALUES (?1, ?2, ?3)", row).expect("a row");
    }
    let mut watch = watch(&hall, after(0));
    take_minutes(&mut hall, START, &[UP, UP, DOWN]);
    judge(&mut watch, after(2));
    let up = alarms(&hall).remove(0);
    assert_eq!((up.id.as_str(), up.cleared_ms, up.latest.value), ("hall-1-pue-then", None, 1.3));
    assert_eq!(up.latest.since, after(-9).to_string());
    take_minutes(&mut hall, Minute(START.0 + 3), &[DOWN, DOWN]);
    judge(&mut watch, after(5));
    let down = alarms(&hall);
    assert_eq!((down.len(), down[0].cleared_ms), (1, Some(after(5).0)));
}

#[test]
fn months_at_once_are_judged_in_short_rounds() {
    let (mut hall, mut watch) = begun(RULE);
    let story: Vec<Option<f64>> =
        (0..10_000).map(|minute| Some(if (8_000..8_005).contains(&minute) { 1.4 } else { 1.3 })).collect();
    take_minutes(&mut hall, START, &story);
    let now = after(10_000);
    let first = watch.round(now, None).expect("judged");
    assert!(first.more);
    assert_eq!(reached(&hall), Some(4_000));
    judge(&mut watch, now);
    assert_eq!(turns(&hall).len(), 2);
}
