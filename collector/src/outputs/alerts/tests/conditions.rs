//! Each condition of a facility over a real ledger, with the defaults of domain.md 7.1.

use super::{RULE, START, TABLES, after, alarms, hall, judge, known_now, take_minutes, turns, watch};
use crate::outputs::alerts::watch::Watch;
use crate::outputs::hall::Hall;
use crate::outputs::snapshot::{MeterState, MeterView};
use wattledger_model::time::{DAY_MINUTES, Minute};

const EXCURSION: &str = "[[alert]]\nname = \"pue\"\ncondition = \"pue-excursion\"\n";
const COVERAGE: &str = "[[alert]]\nname = \"known\"\ncondition = \"coverage\"\n";
const OCCURRENCE: &str = "[[alert]]\nname = \"once\"\ncondition = \"occurrence\"\n";

/// The same PUE for some minutes; `None` for minutes without IT energy.
fn minutes(hall: &mut Hall, from: i64, to: i64, pue: Option<f64>) {
    let story = vec![pue; usize::try_from(to - from).expect("forward")];
    take_minutes(hall, Minute(START.0 + from), &story);
}

/// A hall that has had this PUE for a while, and a watch that begins at the start.
fn watched(mut hall: Hall, since: i64, pue: f64) -> (Hall, Watch) {
    minutes(&mut hall, -since, 0, Some(pue));
    let mut watch = watch(&hall, after(0));
    judge(&mut watch, after(0));
    (hall, watch)
}

#[test]
fn an_hour_above_the_lowest_target_is_an_excursion_and_says_what_changed() {
    let (mut hall, mut watch) = watched(hall(EXCURSION), DAY_MINUTES + 120, 1.3);
    minutes(&mut hall, 0, 60, Some(1.5));
    minutes(&mut hall, 60, 200, Some(1.3));
    judge(&mut watch, after(200));
    // 1.3 + 0.2 × 16/60 is the first above 1.35, and 1.3 + 0.2 × 5/60 the first below 1.32 on the way down.
    assert_eq!(turns(&hall), [(31, "+pue hall-1".to_owned()), (130, "-pue hall-1".to_owned())]);
    let alarm = alarms(&hall).remove(0);
    assert_eq!(alarm.raised.limit, 1.35);
    assert_eq!(alarm.cleared.as_ref().expect("cleared").limit, 1.32);
    assert_eq!(
        alarm.raised.cause,
        "the facility takes 84.2 kW, its IT equipment 60.0 kW; the limit is 1.3 of D130"
    );
    let changed = "what no subsystem's meter sees adds +0.1033: 24.2 kW, 18.0 kW a day before";
    assert_eq!(alarm.raised.changed, [changed]);
    assert_eq!(alarm.cleared.expect("cleared").changed, [changed]);
}

#[test]
fn there_is_no_excursion_below_a_tenth_of_the_design_load() {
    for (rated, expected) in [("1 MW", 0), ("599 kW", 1)] {
        let facility = format!("site = \"hall\"\nit_rated_power = \"{rated}\"\n");
        let tables = TABLES.replacen("site = \"hall\"\n", &facility, 1);
        let (mut hall, mut watch) = watched(Hall::new(&format!("{tables}{EXCURSION}")), 120, 1.3);
        minutes(&mut hall, 0, 90, Some(1.5));
        judge(&mut watch, after(90));
        assert_eq!(alarms(&hall).len(), expected, "60 kW of {rated}");
    }
}

#[test]
fn a_limit_and_distances_of_its_own_go_before_the_targets() {
    let rule = format!("{EXCURSION}limit = 1.4\nraise_by = 0.01\nclear_by = 0.0\nraise_after = \"1m\"\n");
    let (mut hall, mut watch) = watched(hall(&rule), 120, 1.3);
    minutes(&mut hall, 0, 60, Some(1.5));
    judge(&mut watch, after(60));
    let alarm = alarms(&hall).remove(0);
    assert_eq!((alarm.raised.limit, alarm.raised_ms), (1.41, after(35).0));
    assert!(alarm.raised.changed.is_empty(), "nothing is known of a day before");
}

#[test]
fn low_coverage_is_an_alarm_of_its_own_and_never_one_of_pue() {
    let (mut hall, mut watch) = watched(hall(&format!("{EXCURSION}{COVERAGE}")), 26 * 60, 1.3);
    minutes(&mut hall, 0, 120, None);
    minutes(&mut hall, 120, 120 + DAY_MINUTES, Some(1.3));
    judge(&mut watch, after(200 + DAY_MINUTES));
    let told = turns(&hall);
    let whom: Vec<&str> = told.iter().map(|(_, whom)| whom.as_str()).collect();
    assert_eq!(whom, ["+known hall-1", "-known hall-1"]);
    // More than 72 of 1440 minutes are too many, 43 are few enough; judged every quarter of an hour.
    assert_eq!((told[0].0, told[1].0), (75, DAY_MINUTES + 90));
    let alarm = alarms(&hall).remove(0);
    assert_eq!(alarm.raised.limit, 0.95);
    assert!(alarm.raised.cause.starts_with("ups is known for 9"), "{}", alarm.raised.cause);
}

#[test]
fn what_is_not_known_yet_is_not_missing() {
    let (mut hall, mut watch) = watched(hall(COVERAGE), 60, 1.3);
    minutes(&mut hall, 0, 600, Some(1.3));
    judge(&mut watch, after(600));
    assert_eq!(turns(&hall), []);
}

const REGISTER: &str = r#"
[[meter]]
name = "reg"
facility = "hall-1"
role = "cooling"
kind = "register"
unit = "kWh"
nominal_interval = "1m"
"#;

#[test]
fn a_reset_is_told_once_and_is_over_on_the_next_local_day() {
    let mut hall = hall(&format!("{REGISTER}{OCCURRENCE}"));
    // It is two in the morning in Berlin.
    minutes(&mut hall, -60, 0, Some(1.3));
    let readings: Vec<_> = (-60..=0).map(|at| ("reg", after(at), 5_000.0 + at as f64, "kWh", None)).collect();
    hall.take(&readings);
    let mut watch = watch(&hall, after(0));
    judge(&mut watch, after(0));
    let readings: Vec<_> = (1..60)
        .map(|at| {
            ("reg", after(at), if at < 20 { 5_000.0 + at as f64 } else { at as f64 - 20.0 }, "kWh", None)
        })
        .collect();
    hall.take(&readings);
    minutes(&mut hall, 0, 24 * 60, Some(1.3));
    judge(&mut watch, after(24 * 60));
    let reset = "once hall-1 meter reg reset";
    let midnight = 22 * 60;
    assert_eq!(turns(&hall), [(30, format!("+{reset}")), (midnight + 15, format!("-{reset}"))]);
    let alarm = alarms(&hall).remove(0);
    assert_eq!(alarm.raised.reason, "meter reg: reset of the register, 1 on this local day");
    let between = format!("between its readings of {} and {}", after(19), after(20));
    assert_eq!(alarm.raised.cause, between);
    assert!(alarm.raised.look_at.starts_with("wattledger explain meter hall/reg --from "));
}

#[test]
fn conflicts_are_told_on_the_day_on_which_their_count_grows() {
    let (mut hall, mut watch) = watched(hall(OCCURRENCE), 60, 1.3);
    let mut known = known_now();
    let meter = MeterView {
        site: "hall".to_owned(),
        meter: "main".to_owned(),
        title: String::new(),
        facility: Some("hall-1".to_owned()),
        role: None,
        kind: String::new(),
        unit: String::new(),
        state: MeterState::Fresh,
        assigned: true,
        last_at: None,
        age_s: None,
        last_value: None,
        power_w: None,
        coverage_24h: 1.0,
        resets: 0,
        pending: 0,
        duplicates: 0,
        conflicts: 7,
        refused: 0,
    };
    known.meters.push(meter);
    let mut until = |hall: &mut Hall, from: i64, to: i64, conflicts: u64| {
        known.meters[0].conflicts = conflicts;
        minutes(hall, from, to, Some(1.3));
        while watch.round(after(to), Some(&known)).expect("judged").more {}
        alarms(hall).into_iter().map(|alarm| alarm.cleared_ms.is_some()).collect::<Vec<bool>>()
    };
    assert!(until(&mut hall, 0, 60, 7).is_empty(), "what was before is no news");
    assert_eq!(until(&mut hall, 60, 120, 9), [false]);
    assert_eq!(until(&mut hall, 120, 180, 12), [false], "once a day");
    assert_eq!(until(&mut hall, 180, 22 * 60 + 30, 12), [true], "the next day");
    assert_eq!(until(&mut hall, 22 * 60 + 30, 23 * 60, 13), [true, false]);
    assert_eq!(alarms(&hall)[0].subject, "hall-1 meter main conflict");
}

#[test]
fn outside_its_schedule_a_rule_neither_raises_nor_clears() {
    // It is two in the morning in Berlin.
    let rule = format!("{RULE}schedule = [{{ from = \"03:00\", to = \"04:00\" }}]\n");
    let rule = rule.replace("channels = [\"ops\"]\n", "");
    let (mut hall, mut watch) = watched(hall(&rule), 5, 1.2);
    minutes(&mut hall, 0, 110, Some(1.4));
    minutes(&mut hall, 110, DAY_MINUTES + 120, Some(1.2));
    minutes(&mut hall, DAY_MINUTES + 120, DAY_MINUTES + 130, Some(1.4));
    judge(&mut watch, after(DAY_MINUTES + 130));
    // From 3:00 to 4:00 are minutes 60 to 120: three from the end of the first on, and two after 3:50.
    let whom = "hall-1-pue hall-1";
    assert_eq!(turns(&hall), [(64, format!("+{whom}")), (113, format!("-{whom}"))]);
}

#[test]
fn in_maintenance_nothing_is_raised_and_what_is_raised_clears() {
    let work = "[[maintenance]]\nfacility = \"hall-1\"\nfrom = \"2026-06-21 02:10\"\nto = \"2026-06-21 02:30\"\n\
                reason = \"chiller service\"\n";
    let rule = RULE.replace("channels = [\"ops\"]\n", "");
    let (mut hall, mut watch) = watched(hall(&format!("{rule}{work}")), 5, 1.2);
    minutes(&mut hall, 0, 12, Some(1.4));
    minutes(&mut hall, 12, 20, Some(1.2));
    minutes(&mut hall, 20, 40, Some(1.4));
    judge(&mut watch, after(40));
    let whom = "hall-1-pue hall-1";
    let expected = [(4, format!("+{whom}")), (15, format!("-{whom}")), (34, format!("+{whom}"))];
    assert_eq!(turns(&hall), expected);
}

#[test]
fn labels_and_annotations_go_with_the_alarm() {
    let words = "labels = { team = \"cooling\" }\n\
                 annotations = { summary = \"{{ subject }} at {{ value|round(2) }} ({{ labels.team }})\" }\n";
    let rule = RULE.replace("channels = [\"ops\"]\n", words);
    let (mut hall, mut watch) = watched(hall(&rule), 5, 1.2);
    minutes(&mut hall, 0, 10, Some(1.4));
    judge(&mut watch, after(10));
    let raised = alarms(&hall).remove(0).raised;
    assert_eq!(raised.annotations["summary"], "hall-1 at 1.4 (cooling)");
    let labels = raised.all_labels();
    assert_eq!((labels["team"].as_str(), labels["subject"].as_str()), ("cooling", "hall-1"));
}
