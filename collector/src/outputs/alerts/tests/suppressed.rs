//! A source that falls silent is one alarm, whatever derives from it.

use super::{START, after, alarms, hall, judge_now, take_minutes, turns, watch};
use crate::outputs::hall::Hall;
use wattledger_model::time::{DAY_MINUTES, Minute};

const DERIVED: &str = r#"
[[alert]]
name = "known"
condition = "coverage"
[[alert]]
name = "pue"
condition = "pue-excursion"
[[alert]]
name = "pue-now"
facility = "hall-1"
indicator = "pue"
window = "15m"
raise_above = 1.35
raise_after = "1m"
"#;
const STALE: &str = "[[alert]]\nname = \"silent\"\ncondition = \"stale\"\n";

/// A day and more of readings, then the IT meter is silent for two hours while the hall takes more and more; then it
/// speaks again. Each minute is judged.
fn a_meter_that_falls_silent(rules: &str) -> Hall {
    let mut hall = hall(rules);
    let day = vec![Some(1.3); usize::try_from(DAY_MINUTES + 120).expect("forward")];
    take_minutes(&mut hall, Minute(START.0 - DAY_MINUTES - 120), &day);
    let mut watch = watch(&hall, after(0));
    judge_now(&mut watch, after(0));
    for minute in 1..=180 {
        let mut readings = vec![("main", after(minute), 78.0 + minute as f64, "kW", Some(60))];
        if minute > 120 {
            readings = vec![
                ("main", after(minute), 78.0, "kW", Some(60)),
                ("ups", after(minute), 60.0, "kW", Some(60)),
            ];
        }
        hall.take(&readings);
        judge_now(&mut watch, after(minute));
    }
    hall
}

#[test]
fn a_silent_meter_leaves_exactly_one_alarm() {
    let hall = a_meter_that_falls_silent(&format!("{DERIVED}{STALE}"));
    let all = alarms(&hall);
    let told = turns(&hall);
    assert_eq!(all.len(), 1, "{told:?}");
    let silent = "silent hall-1 meter ups";
    assert_eq!(told[0], (4, format!("+{silent}")), "older than three minutes");
    let (cleared, whom) = &told[1];
    assert!((121..=123).contains(cleared) && *whom == format!("-{silent}"), "{told:?}");
    // It says what it stands for.
    assert_eq!(all[0].cleared.as_ref().expect("cleared").suppresses, ["known hall-1"]);
}

#[test]
fn without_a_rule_for_silence_what_derives_from_it_is_told() {
    let told = turns(&a_meter_that_falls_silent(DERIVED));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].1, "+known hall-1");
}

#[test]
fn time_in_which_the_collector_did_not_run_is_held_against_nothing() {
    let rule = format!("{STALE}raise_above = 60\nraise_after = \"10m\"\n");
    let mut hall = hall(&rule);
    take_minutes(&mut hall, Minute(START.0 - 5), &[Some(1.3); 5]);
    let mut first = watch(&hall, after(0));
    for minute in 0..=6 {
        judge_now(&mut first, after(minute));
    }
    drop(first);
    // Four minutes of silence were seen; an hour later six more are needed.
    let mut again = watch(&hall, after(60));
    for minute in 60..=64 {
        judge_now(&mut again, after(minute));
        assert!(alarms(&hall).is_empty(), "at {minute}");
    }
    for minute in 65..=70 {
        judge_now(&mut again, after(minute));
    }
    let raised: Vec<i64> =
        alarms(&hall).iter().map(|alarm| (alarm.raised_ms - START.start().0) / 60_000).collect();
    assert_eq!(raised, [66, 66], "both meters");
}

#[test]
fn a_clock_that_was_set_back_by_years_stops_no_rule() {
    let mut hall = hall(STALE);
    take_minutes(&mut hall, Minute(START.0 - 5), &[Some(1.3); 5]);
    let mut watch = watch(&hall, after(0));
    judge_now(&mut watch, after(2 * 525_600));
    let before = alarms(&hall).len();
    for minute in 0..10 {
        judge_now(&mut watch, after(minute));
    }
    let since: Vec<Option<i64>> = alarms(&hall).iter().map(|alarm| alarm.cleared_ms).collect();
    assert_eq!(before, 2, "both are silent by that clock");
    assert!(since.iter().any(Option::is_some), "and speak by the right one: {since:?}");
}
