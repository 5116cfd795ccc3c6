//! When which report is made: a pure decision from the calendar, from how far the facilities are known, and from what
//! was made before.
//!
//! A period is reported once it is over by the clocks of every facility in the report and its `after` has passed since,
//! for what comes late. A facility that is not known to the period's end yet (its agents still send what they kept
//! over an outage) is waited for, but not for ever: `after`, and a day at least, from the end of the period or from the
//! start of this collector, whichever is later. Then what is missing is missing, and the report says so.

use super::slot::Slot;
use crate::config::Every;
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Minute, Timestamp};

/// Of what was missed, so many of the latest periods are made.
pub(super) const MOST_MISSED: usize = 12;
/// After its start a collector makes nothing for so long: what waited on the link comes first.
pub(super) const SETTLING_MS: i64 = 10 * MINUTE_MS;
/// Nobody who is silent is waited for less. As long as alerts wait (domain.md 5.8).
const PATIENCE_MS: i64 = DAY_MINUTES * MINUTE_MS;

/// What is known of a facility that a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its clocks.
    pub zone: Tz,
    /// Up to where it is known; `None` where nothing has been read yet.
    pub horizon: Option<Minute>,
    /// From where on anything is known of it.
    pub first: Option<Minute>,
}

/// How it stands with a period that was looked at before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The report was made, or left out for good.
    Done,
    /// It could not be made; it is tried again then.
    Again(Timestamp),
}

/// What was decided before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// The first period that the schedule is for; `None` where it was never looked at.
    pub(super) since: Option<Slot>,
    /// By the periods' texts.
    pub(super) periods: BTreeMap<String, Standing>,
}

/// When things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// The collector's clock.
    pub(super) now: Timestamp,
    /// When this collector started.
    pub(super) started: Timestamp,
    /// What a report waits for after the end of its period, ms.
    pub(super) after_ms: i64,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// The first period that the schedule is for, to be remembered.
    pub(super) since: Slot,
    /// The periods to report now, the oldest first.
    pub(super) due: Vec<Slot>,
    /// Periods that nobody will report: they were missed, and there are [`MOST_MISSED`] later ones.
    pub(super) left_out: Vec<Slot>,
    /// The next period that will be due, and when as far as is known.
    pub(super) next: (Slot, Timestamp),
}

/// What is to be done; `None` while nothing has been read of any facility.
pub(super) fn decide(every: Every, known: &[Known], before: &Before, times: Times) -> Option<Decision> {
    let first = known.iter().filter_map(|one| Some((one.zone, one.first?))).min_by_key(|(_, first)| *first);
    let (zone, first) = first.filter(|_| known.iter().any(|one| one.horizon.is_some()))?;
    // It is over where it is over everywhere.
    let running = known.iter().map(|one| Slot::at(every, one.zone, times.now.minute())).min()?;
    // A new schedule begins with the latest period that is over, if anything is known of that.
    let since = before.since.unwrap_or_else(|| Slot::at(every, zone, first).max(running.before()));
    let mut over = Vec::new();
    let mut slot = running.before();
    while slot >= since {
        over.push(slot);
        slot = slot.before();
    }
    over.reverse();
    let is_open = |slot: &Slot| before.periods.get(&slot.text()) != Some(&Standing::Done);
    let late = over.len().saturating_sub(MOST_MISSED);
    let left_out = over[..late].iter().copied().filter(is_open).collect();
    let (mut due, mut next) = (Vec::new(), (running.max(since), i64::MAX));
    for slot in over[late..].iter().copied().filter(is_open) {
        let mut at = due_at(slot, known, times);
        if let Some(Standing::Again(again)) = before.periods.get(&slot.text()) {
            at = at.max(*again);
        }
        if at <= times.now {
            due.push(slot);
        } else if at.0 < next.1 {
            next = (slot, at.0);
        }
    }
    if next.1 == i64::MAX {
        next.1 = end(next.0, known).saturating_add(times.after_ms);
    }
    Some(Decision { since, due, left_out, next: (next.0, Timestamp(next.1)) })
}

/// When the period is over by the clocks of all, ms.
fn end(slot: Slot, known: &[Known]) -> i64 {
    known.iter().map(|one| slot.interval(one.zone).to.start().0).max().unwrap_or(i64::MAX)
}

/// When a period that is over is reported.
fn due_at(slot: Slot, known: &[Known], times: Times) -> Timestamp {
    let of = |one: &Known| {
        let end = slot.interval(one.zone).to;
        if one.horizon.is_some_and(|horizon| horizon >= end) {
            end.start().0 + times.after_ms
        } else {
            end.start().0.max(times.started.0) + times.after_ms.max(PATIENCE_MS)
        }
    };
    let all = known.iter().map(of).max().unwrap_or(i64::MAX);
    Timestamp(all.max(times.started.0.saturating_add(SETTLING_MS)))
}
