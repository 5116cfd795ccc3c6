//! When an alert is raised and when it is cleared. Pure: the same minutes give the same events, in one run or
//! with a restart at any of them.

use crate::config::{AlertRule, Side};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wattledger_model::time::Minute;

/// Which way an alert turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// The figure was beyond the raise threshold for long enough.
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

/// What a rule has seen. Minutes as numbers since the epoch.
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

    /// Judges the figure of the window that ends at `at`. Minutes come in ascending order; one that was judged
    /// before changes nothing.
    ///
    /// A figure that is missing or thinly covered neither raises nor clears and resets neither: the clock of the
    /// hold stands still until there is one again.
    pub fn step(&mut self, at: Minute, value: Option<f64>, coverage: f64, rule: &AlertRule) -> Option<Event> {
        let before = self.last.unwrap_or(at.0);
        if self.last.is_some_and(|last| at.0 <= last) {
            return None;
        }
        self.last = Some(at.0);
        let counts = coverage >= rule.min_coverage;
        let Some(value) = value.filter(|value| value.is_finite() && counts) else {
            if let Some(hold) = &mut self.hold {
                hold.runs = false;
            }
            return None;
        };
        self.seen = Some((value, coverage));
        let (asks, needed) = match self.raised_since {
            None => (rule.side.is_beyond(value, rule.raise), rule.raise_after),
            Some(_) => (is_back(rule.side, value, rule.clear), rule.clear_after),
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
