//! How much of the past has been filled, and how that is shown while it happens.

use std::io::{IsTerminal, Write};
use wattledger_agent::source::simulated::Progress;
use wattledger_collector::outputs::snapshot::Snapshot;
use wattledger_model::time::Timestamp;

/// Less than this to fill is done before anybody has read a line about it.
const WORTH_SHOWING_MS: i64 = 86_400_000;

/// How far the demo is from being live.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Filling {
    /// The earliest horizon of all facilities; `None` while one has none.
    pub(crate) as_of: Option<Timestamp>,
    /// Where live readings began at the last site; `None` while one is still filling.
    pub(crate) live_from: Option<Timestamp>,
    /// The instant that counts as the end of the past.
    pub(crate) target: Timestamp,
    /// Readings in the collector's store.
    pub(crate) readings: u64,
}

impl Filling {
    /// From the sources' own progress and the collector's snapshot; `started` stands for "now" until live.
    pub(crate) fn of(
        sources: impl Iterator<Item = Progress>,
        snapshot: &Snapshot,
        readings: u64,
        started: Timestamp,
    ) -> Filling {
        let live = sources.map(|source| source.live_from).collect::<Option<Vec<_>>>();
        let live_from = live.and_then(|live| live.into_iter().max());
        Filling { as_of: horizon(snapshot), live_from, target: live_from.unwrap_or(started), readings }
    }

    /// Whether live readings come and the collector has booked all that was before them.
    pub(crate) fn is_done(&self) -> bool {
        // The horizon is a minute edge: the one before the first live reading is all that can be asked.
        match (self.live_from, self.as_of) {
            (Some(live), Some(as_of)) => as_of >= live.minute().start(),
            _ => false,
        }
    }
}

/// The earliest horizon; `None` if a facility has none or there is none.
fn horizon(snapshot: &Snapshot) -> Option<Timestamp> {
    let horizons = snapshot.facilities.iter().map(|facility| facility.as_of).collect::<Option<Vec<_>>>()?;
    horizons.into_iter().min()
}

/// Shows progress on standard error: in place on a terminal, else a line now and then.
pub(crate) struct Shown {
    in_place: bool,
    first: Option<Timestamp>,
    last_tenth: i64,
}

impl Shown {
    pub(crate) fn new() -> Shown {
        Shown { in_place: std::io::stderr().is_terminal(), first: None, last_tenth: -1 }
    }

    pub(crate) fn show(&mut self, filling: &Filling) {
        let Some(as_of) = filling.as_of else { return };
        let first = *self.first.get_or_insert(as_of);
        if filling.target.0 - first.0 < WORTH_SHOWING_MS {
            return;
        }
        let percent = share(first, as_of, filling.target);
        let mut err = std::io::stderr().lock();
        // A closed standard error is no reason to end.
        let _ = if self.in_place {
            write!(err, "\r  filled to {} {percent:>3} %  {:>9} readings ", day(as_of), filling.readings)
                .and_then(|()| if filling.is_done() { writeln!(err) } else { err.flush() })
        } else if percent / 10 != self.last_tenth {
            self.last_tenth = percent / 10;
            writeln!(err, "  filled to {} {percent:>3} %  {:>9} readings", day(as_of), filling.readings)
        } else {
            Ok(())
        };
    }
}

fn share(first: Timestamp, as_of: Timestamp, target: Timestamp) -> i64 {
    let whole = (target.0 - first.0).max(1);
    ((as_of.0 - first.0) * 100 / whole).clamp(0, 100)
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use wattledger_collector::outputs::snapshot::{FacilityView, LastDayView, PowerView, WorkView};

    pub(crate) fn snapshot(horizons: &[Option<i64>]) -> Snapshot {
        let facility = |as_of: &Option<i64>| FacilityView {
            name: "hall".to_owned(),
            title: "Hall".to_owned(),
            site: "hamburg".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            as_of: as_of.map(Timestamp),
            lag_s: None,
            category: None,
            problem: None,
            power: PowerView::default(),
            last_day: LastDayView::default(),
            targets: Vec::new(),
            windows: Vec::new(),
        };
        Snapshot {
            version: String::new(),
            collector: "campus".to_owned(),
            generated_at: Timestamp(0),
            uptime_s: 0,
            facilities: horizons.iter().map(facility).collect(),
            agents: Vec::new(),
            meters: Vec::new(),
            quarantine: Vec::new(),
            outputs: Vec::new(),
            alerts: Vec::new(),
            channels: Vec::new(),
            work: WorkView::default(),
        }
    }

    fn source(live_from: Option<i64>) -> Progress {
        Progress { durable_to: Timestamp(0), live_from: live_from.map(Timestamp), readings: 5, ended: false }
    }

    #[test]
    fn it_is_done_when_every_horizon_has_reached_the_live_minute() {
        let done = |sources: &[Option<i64>], horizons: &[Option<i64>]| {
            let sources = sources.iter().map(|live| source(*live));
            Filling::of(sources, &snapshot(horizons), 0, Timestamp(600_000)).is_done()
        };
        assert!(done(&[Some(601_000), Some(602_000)], &[Some(600_000), Some(660_000)]));
        assert!(!done(&[Some(601_000), Some(602_000)], &[Some(540_000), Some(660_000)]));
        assert!(!done(&[Some(601_000), None], &[Some(660_000)]));
        assert!(!done(&[Some(601_000)], &[Some(660_000), None]));
        assert!(!done(&[Some(601_000)], &[]));
    }

    #[test]
    fn shares_stay_within_bounds() {
        let share = |first, as_of, target| share(Timestamp(first), Timestamp(as_of), Timestamp(target));
        assert_eq!(share(0, 50, 200), 25);
        assert_eq!(share(0, 300, 200), 100);
        assert_eq!(share(10, 10, 10), 0);
    }
}
