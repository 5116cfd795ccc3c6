//! When an alert is raised and when it is cleared. Pure: the same minutes give the same events, in one run or
//! with a restart at any of them.

use crate::config::{Side, Thresholds};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wattledger_model::time::Minute;

/// Which way an alert turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// The figure was beyond the raise threshold for long enough.
    #[default]
    Raised,
    /// It was back within the clear threshold for long enough.
    Cleared,
}

impl Turn {
    /// The word used in messages.
    pub const fn word(self) -> &'static str {
        match self {
            Turn::Raised => "raised",
            Turn::Cleared => "cleared",
        }
    }
}

/// An alert turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Which way.
    pub turn: Turn,
    /// When it was decided: the end of the window that decided it.
    pub at: Minute,
    /// When the figure was first beyond the raise threshold.
    pub since: Minute,
    /// The figure at `at`.
    pub value: f64,
    /// Its coverage.
    pub coverage: f64,
}

/// What a rule has seen of one subject. Minutes as numbers since the epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The last minute that was judged.
    last: Option<i64>,
    /// The way to the next turn, while the figure is on it.
    hold: Option<Hold>,
    /// Since when the alert is raised, while it is.
    raised_since: Option<i64>,
    /// The last figure that counted, with its coverage.
    seen: Option<(f64, f64)>,
}

/// The figure asks for a turn: out of quiet beyond the raise threshold, out of raised within the clear one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Hold {
    since: i64,
    /// Minutes for which it is known to have asked; time that nothing is known of is not among them.
    minutes: i64,
    /// Whether the minute judged last was one of them, so that the time from it counts.
    runs: bool,
}

impl State {
    /// A state that has judged everything up to a minute, and found nothing.
    pub fn from(minute: Minute) -> State {
        State { last: Some(minute.0), ..State::default() }
    }

    /// The last minute that was judged.
    pub fn last(&self) -> Option<Minute> {
        self.last.map(Minute)
    }

    /// Since when the figure has been beyond its limit, while the alert is raised.
    pub fn raised_since(&self) -> Option<Minute> {
        self.raised_since.map(Minute)
    }

    /// The last figure that counted, and its coverage.
    pub fn seen(&self) -> Option<(f64, f64)> {
        self.seen
    }

    /// Since when the value asks to be raised, while it is not.
    pub fn on_its_way_since(&self) -> Option<Minute> {
        self.hold.as_ref().filter(|_| self.raised_since.is_none()).map(|hold| Minute(hold.since))
    }

    /// Passes a minute of which nothing is known: it neither raises nor clears.
    pub fn pass(&mut self, at: Minute) {
        if self.last.is_none_or(|last| at.0 > last) {
            self.last = Some(at.0);
            self.pause();
        }
    }

    /// Goes on at a minute after time that was not looked at, or with a clock that was set back: what lies between
    /// counts for nothing.
    pub fn resume(&mut self, at: Minute) {
        self.last = Some(at.0);
        self.pause();
    }

    /// Takes up a state that was kept before the last minutes were judged, in which nothing of it changed.
    pub fn reach(&mut self, last: Minute) {
        self.last = Some(last.0);
    }

    /// Whether the other state differs in nothing but the minute that was judged last, and in the figure of a quiet
    /// one.
    pub fn is_as(&self, other: &State) -> bool {
        let is_raised = self.raised_since.is_some();
        self.hold == other.hold
            && self.raised_since == other.raised_since
            && (!is_raised || self.seen == other.seen)
    }

    fn pause(&mut self) {
        if let Some(hold) = &mut self.hold {
            hold.runs = false;
        }
    }

    /// Clears at a minute, whatever the value: nobody looks at it any more. `None` where it is not raised.
    pub fn end(&mut self, at: Minute) -> Option<Event> {
        let since = Minute(self.raised_since.take()?);
        self.last = Some(self.last.map_or(at.0, |last| last.max(at.0)));
        self.hold = None;
        let (value, coverage) = self.seen.unwrap_or_default();
        Some(Event { turn: Turn::Cleared, at, since, value, coverage })
    }

    /// Judges the value of the minute `at`, or of the window that ends there. Minutes come in ascending order; one
    /// that was judged before changes nothing.
    ///
    /// A value that is missing or thinly covered neither raises nor clears and resets neither: the clock of the
    /// hold stands still until there is one again.
    pub fn step(
        &mut self,
        at: Minute,
        value: Option<f64>,
        coverage: f64,
        thresholds: &Thresholds,
    ) -> Option<Event> {
        let before = self.last.unwrap_or(at.0);
        if self.last.is_some_and(|last| at.0 <= last) {
            return None;
        }
        self.last = Some(at.0);
        let counts = coverage >= thresholds.min_coverage;
        let Some(value) = value.filter(|value| value.is_finite() && counts) else {
            self.pause();
            return None;
        };
        self.seen = Some((value, coverage));
        let (asks, needed) = match self.raised_since {
            None => (thresholds.side.is_beyond(value, thresholds.raise), thresholds.raise_after),
            Some(_) => (is_back(thresholds.side, value, thresholds.clear), thresholds.clear_after),
        };
        if !asks {
            self.hold = None;
            return None;
        }
        let hold = self.hold.get_or_insert(Hold { since: at.0, minutes: 0, runs: false });
        if hold.runs {
            hold.minutes += at.0 - before;
        }
        hold.runs = true;
        // Minutes are never negative, since they ascend.
        if Duration::from_secs(hold.minutes.unsigned_abs() * 60) < needed {
            return None;
        }
        let begun = hold.since;
        self.hold = None;
        let (turn, since) = match self.raised_since.take() {
            Some(since) => (Turn::Cleared, since),
            None => {
                self.raised_since = Some(begun);
                (Turn::Raised, begun)
            }
        };
        Some(Event { turn, at, since: Minute(since), value, coverage })
    }
}

/// Whether the value is strictly on the good side of the clear threshold.
fn is_back(side: Side, value: f64, clear: f64) -> bool {
    match side {
        Side::Above => value < clear,
        Side::Below => value > clear,
    }
}
