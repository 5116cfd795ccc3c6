//! Live points: what was shown, and what happened, at the time of it. Few, and never restated.
//!
//! They are made when they are written: while the database is down none pile up, and what was shown meanwhile
//! is not told afterwards. Events are told afterwards: the cursor remembers up to which entry of the audit chain
//! and which turn of an alert they are written, so that each reaches the database, once, whatever was killed.

mod agents;
mod alerts;
mod audited;
mod collector;
mod event;
mod exchanged;
mod facilities;
mod meters;
mod point;
mod turned;

use super::cursor::Told;
use super::line::Lines;
use crate::outputs::snapshot::Snapshot;
use crate::store::StoreError;
use crate::view::View;
use rusqlite::Connection;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use wattledger_model::time::{Minute, Timestamp};

/// Time between two writings at least.
const EVERY: Duration = Duration::from_secs(5);
/// Between two points of the collector, its outputs and the horizons.
const TEN_SECONDS: Duration = Duration::from_secs(10);
/// Between two points of meters, quarantine, channels and raised alerts.
const MINUTE: Duration = Duration::from_secs(60);

/// Writes live points at their pace.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// Where turns of alerts are kept; `None` where nobody tells of them.
    turns: Option<Connection>,
    /// Whether turns could not be read the last time.
    turns_failed: bool,
    pace: Pace,
}

/// What was written, and when.
#[derive(Debug, Default)]
struct Pace {
    last: Option<Instant>,
    ten_seconds: Option<Instant>,
    minute: Option<Instant>,
    /// When the snapshot was made that was written last.
    shown: Option<Timestamp>,
    /// Horizon and change number of what was written of each facility.
    facilities: HashMap<usize, (Minute, u64)>,
    /// Readings taken in as of the last point of the collector.
    readings: Option<(Timestamp, u64)>,
    /// Declared exchanges up to this time are written.
    exchanged: Option<Timestamp>,
    /// Whether there are more events than one round writes.
    more: bool,
}

impl Live {
    /// Tells of the turns of alerts too.
    pub(crate) fn tell_turns(&mut self, turns: Connection) {
        self.turns = Some(turns);
    }

    /// Forgets what was written.
    pub(crate) fn begin_anew(&mut self) {
        self.pace = Pace::default();
    }

    /// Whether there are more events to be written at once.
    pub(crate) fn has_more(&self) -> bool {
        self.pace.more
    }

    /// Writes what is due, and gives the time at which the next will be. `told` says up to where events are
    /// written, and is moved on.
    pub(crate) fn write(
        &mut self,
        view: &mut View,
        head: u64,
        now: Instant,
        snapshot: Option<&Snapshot>,
        told: &mut Told,
        lines: &mut Lines,
    ) -> Result<Instant, StoreError> {
        let due = self.pace.last.map(|last| last + EVERY).filter(|due| now < *due);
        if due.is_none() || self.pace.more {
            let more_entries = audited::write(view, told, lines)?;
            self.pace.more = self.write_turns(view, told, lines) || more_entries;
        }
        if let Some(due) = due {
            return Ok(due);
        }
        self.pace.last = Some(now);
        for facility in 0..view.topology().facilities.len() {
            let Some(horizon) = view.horizon(facility) else { continue };
            if self.pace.facilities.insert(facility, (horizon, head)) != Some((horizon, head)) {
                facilities::write_now(view, facility, horizon, lines)?;
            }
        }
        // Before the first snapshot there is one that knows nothing.
        let is_new = |snapshot: &&Snapshot| {
            self.pace.shown != Some(snapshot.generated_at) && snapshot.work.started.is_some()
        };
        if let Some(snapshot) = snapshot.filter(is_new) {
            self.pace.shown = Some(snapshot.generated_at);
            self.write_snapshot(view, now, snapshot, lines);
        }
        Ok(now + EVERY)
    }

    fn write_snapshot(&mut self, view: &View, now: Instant, snapshot: &Snapshot, lines: &mut Lines) {
        let pace = &mut self.pace;
        agents::write(snapshot, lines);
        if is_due(&mut pace.ten_seconds, TEN_SECONDS, now) {
            collector::write(snapshot, &mut pace.readings, lines);
            collector::write_outputs(snapshot, lines);
            facilities::write_horizons(snapshot, lines);
        }
        if is_due(&mut pace.minute, MINUTE, now) {
            meters::write(view.topology(), snapshot, lines);
            collector::write_quarantine(snapshot, lines);
            collector::write_channels(snapshot, lines);
            alerts::write_raised(snapshot, lines);
        }
        exchanged::write(view.topology(), pace.exchanged, snapshot.generated_at, lines);
        pace.exchanged = Some(snapshot.generated_at);
    }

    /// Writes turns of alerts; gives whether there are more. Where they cannot be read the rest goes on.
    fn write_turns(&mut self, view: &View, told: &mut Told, lines: &mut Lines) -> bool {
        let Some(turns) = &self.turns else { return false };
        match turned::write(turns, view.topology(), told, lines) {
            Ok(more) => {
                self.turns_failed = false;
                more
            }
            Err(error) => {
                if !std::mem::replace(&mut self.turns_failed, true) {
                    tracing::warn!(%error, "turns of alerts cannot be read, so they are not written; trying on");
                }
                false
            }
        }
    }
}

/// Whether the time has come again. Live points are looked at every five seconds; what is nearly due is not put
/// off to the next look.
fn is_due(last: &mut Option<Instant>, every: Duration, now: Instant) -> bool {
    let is_due = last.is_none_or(|last| now.saturating_duration_since(last) + EVERY / 2 >= every);
    if is_due {
        *last = Some(now);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_every_five_seconds_keeps_its_pace() {
        let began = Instant::now();
        let looks = (0..13).map(|look| began + Duration::from_millis(5_040 * look));
        let mut last = None;
        let due: Vec<bool> = looks.map(|now| is_due(&mut last, TEN_SECONDS, now)).collect();
        assert!(due.iter().step_by(2).all(|due| *due), "{due:?}");
        assert!(due.iter().skip(1).step_by(2).all(|due| !due), "{due:?}");
    }
}
