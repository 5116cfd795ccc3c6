//! Alerts from the decision to the receiver.

mod alertmanagers;
mod conditions;
mod decisions;
mod deliveries;
mod mails;
mod receiver;
mod replays;
mod rounds;
mod suppressed;
mod telling;
mod templates;
mod told_twice;
mod webhooks;

use super::alarm::{self, Alarm};
use super::watch::Watch;
use crate::outputs::hall::Hall;
use crate::outputs::remembered;
use crate::outputs::snapshot::{Snapshot, WorkView};
use wattledger_model::time::{Minute, Timestamp};

/// One hall with a power meter on each side, both in means over a minute.
const TABLES: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1m"
[[meter]]
name = "ups"
facility = "hall-1"
role = "ups-output"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1m"
"#;

/// PUE of one minute, raised above 1.35 for 3 minutes, cleared below 1.32 for 2.
const RULE: &str = r#"
[[alert]]
name = "hall-1-pue"
facility = "hall-1"
indicator = "pue"
window = "1m"
raise_above = 1.35
raise_after = "3m"
clear_below = 1.32
clear_after = "2m"
channels = ["ops"]
"#;

const OPS: &str = "[[channel.webhook]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/hook\"\n";

/// The first minute of these stories.
const START: Minute = Minute(29_700_000);

fn hall(tables: &str) -> Hall {
    Hall::new(&format!("{TABLES}{tables}"))
}

fn watch(hall: &Hall, now: Timestamp) -> Watch {
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    Watch::open(hall.view(), connection, &hall.layout, &hall.config.alerts, now).expect("the watch opens")
}

/// Judges all that the ledger has.
fn judge(watch: &mut Watch, now: Timestamp) {
    while watch.round(now, None).expect("judged").more {}
}

/// Judges all that the ledger has, and the minute of the collector's clock.
fn judge_now(watch: &mut Watch, now: Timestamp) {
    while watch.round(now, Some(&known_now())).expect("judged").more {}
}

/// All alarms there ever were.
fn alarms(hall: &Hall) -> Vec<Alarm> {
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    alarm::history(&connection, 0, i64::MAX).expect("alarms")
}

/// Each turn: `+` for a raise, `-` for a clear, with minutes after the start and the subject.
fn turns(hall: &Hall) -> Vec<(i64, String)> {
    let minutes = |ms: i64| Timestamp(ms).minute().0 - START.0;
    let mut turns: Vec<(i64, String)> = Vec::new();
    for alarm in alarms(hall) {
        let whom = format!("{} {}", alarm.rule, alarm.subject);
        turns.push((minutes(alarm.raised_ms), format!("+{whom}")));
        turns.extend(alarm.cleared_ms.map(|cleared| (minutes(cleared), format!("-{whom}"))));
    }
    turns.sort();
    turns
}

/// What the collector knows of itself, where that does not matter.
fn known_now() -> Snapshot {
    Snapshot {
        version: String::new(),
        collector: "campus".to_owned(),
        generated_at: START.start(),
        uptime_s: 0,
        facilities: Vec::new(),
        agents: Vec::new(),
        meters: Vec::new(),
        quarantine: Vec::new(),
        outputs: Vec::new(),
        alerts: Vec::new(),
        channels: Vec::new(),
        work: WorkView::default(),
    }
}

/// Takes in one minute after another from `from`, each with the PUE it comes to; `None` is a minute without IT
/// reading.
fn take_minutes(hall: &mut Hall, from: Minute, pue: &[Option<f64>]) {
    let mut readings = Vec::new();
    for (minute, pue) in (from.0 + 1..).map(Minute).zip(pue) {
        readings.push(("main", minute.start(), 60.0 * pue.unwrap_or(1.2), "kW", Some(60)));
        if pue.is_some() {
            readings.push(("ups", minute.start(), 60.0, "kW", Some(60)));
        }
    }
    hall.take(&readings);
}

/// So many minutes after the start.
fn after(minutes: i64) -> Timestamp {
    Minute(START.0 + minutes).start()
}
