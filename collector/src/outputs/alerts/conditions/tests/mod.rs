//! Conditions over small real ledgers: what raises, what clears, what is not known, and what is not said.

mod balance;
mod budget;
mod clock;
mod frozen;
mod load;
mod stale;

use super::{About, Around, Recall, Sighting, look};
use crate::outputs::alerts::replay;
use crate::outputs::hall::{Hall, at};
use crate::outputs::snapshot::{AgentState, AgentView, ReceiptView, Snapshot, WorkView};
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// A hall with a power meter on each side, read every minute, and whatever else is declared.
fn hall(tables: &str) -> Hall {
    let both = "\
[[facility]]
name = \"hall-1\"
site = \"hall\"
[[meter]]
name = \"main\"
facility = \"hall-1\"
role = \"utility\"
kind = \"power\"
unit = \"kW\"
form = \"instant\"
[[meter]]
name = \"ups\"
facility = \"hall-1\"
role = \"ups-output\"
kind = \"power\"
unit = \"kW\"
form = \"instant\"
";
    Hall::new(&format!("{both}{tables}"))
}

/// Every minute from one time to another, both among them.
fn minutes(from: &str, to: &str) -> Vec<Timestamp> {
    every(1, from, to)
}

/// Every so many minutes from one time to another, both among them.
fn every(minutes: i64, from: &str, to: &str) -> Vec<Timestamp> {
    let step = minutes * MINUTE_MS;
    (0..=(at(to).0 - at(from).0) / step).map(|count| Timestamp(at(from).0 + count * step)).collect()
}

/// What the first rule sees at a time, with what is known by then.
fn seen(hall: &Hall, time: &str, live: Option<&Snapshot>) -> Vec<Sighting> {
    let mut view = hall.view();
    view.begin().expect("a round");
    let mut recall = Recall::new();
    let mut around =
        Around { view: &mut view, facility: 0, at: at(time).minute(), live, recall: &mut recall };
    look(&hall.config.alerts[0], &mut around).expect("the ledger is readable")
}

/// The sighting of one subject.
#[track_caller]
fn of(sightings: &[Sighting], about: About) -> &Sighting {
    let found = sightings.iter().find(|sighting| sighting.subject.about == about);
    found.unwrap_or_else(|| panic!("{about:?} is not among {sightings:#?}"))
}

fn meter(name: &str) -> About {
    About::Meter(name.to_owned())
}

/// What all rules would have raised and cleared: time, turn and subject.
fn turns(hall: &Hall, from: &str, to: &str) -> Vec<(String, &'static str, String)> {
    let found = replay(&mut hall.view(), &hall.config.alerts, at(from).minute(), at(to).minute());
    let found = found.expect("the ledger is readable");
    found.into_iter().map(|turn| (turn.at, turn.turn.word(), turn.subject)).collect()
}

fn turn(at: &str, turn: &'static str, subject: &str) -> (String, &'static str, String) {
    (at.to_owned(), turn, subject.to_owned())
}

/// What the collector knows of agents at a time: their names, when each was heard, and its clock's skew.
fn snapshot(now: &str, agents: &[(&str, &str, Option<i64>)]) -> Snapshot {
    let now = at(now);
    let agent = |(name, last_seen, clock_skew_ms): &(&str, &str, Option<i64>)| AgentView {
        site: "hall".to_owned(),
        agent: (*name).to_owned(),
        state: if now.0 - at(last_seen).0 > 180_000 { AgentState::Silent } else { AgentState::Live },
        last_seen: Some(at(last_seen)),
        version: String::new(),
        unacknowledged: 0,
        spool_bytes: 0,
        spool_limit_bytes: 0,
        taken_in: 0,
        refused: 0,
        lost: 0,
        receipt: ReceiptView::default(),
        held_back: 0,
        spool_trouble: String::new(),
        clock_jumps: 0,
        clock_jumped_ms: 0,
        clock_skew_ms: *clock_skew_ms,
        sources: Vec::new(),
    };
    Snapshot {
        version: String::new(),
        collector: "campus".to_owned(),
        generated_at: now,
        uptime_s: 60,
        facilities: Vec::new(),
        agents: agents.iter().map(agent).collect(),
        meters: Vec::new(),
        quarantine: Vec::new(),
        outputs: Vec::new(),
        alerts: Vec::new(),
        channels: Vec::new(),
        work: WorkView::default(),
    }
}
