//! Stopping, the way the data goes: first the sources hand in what they have, then the collector is given
//! a moment for what is on its way. What it does not acknowledge stays in the spool.

use super::Agent;
use crate::send::Held;
use std::time::Duration;

/// How long sources may take to end.
pub(super) const SOURCES: Duration = Duration::from_secs(4);
/// How long the collector may take for the last batches.
const COLLECTOR: Duration = Duration::from_secs(2);
/// How long the broker may take for the last packets.
pub(super) const LINK: Duration = Duration::from_secs(1);

/// How far the stop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    Sources { until: Duration },
    Collector { until: Duration },
    Done,
}

impl Stopping {
    /// When the next stage comes at the latest.
    pub(super) fn until(self) -> Option<Duration> {
        match self {
            Stopping::Sources { until } | Stopping::Collector { until } => Some(until),
            Stopping::No | Stopping::Done => None,
        }
    }
}

impl Agent {
    /// The stage after this event.
    pub(super) fn stop_further(&mut self, stopping: Stopping, sources_run: bool) -> Stopping {
        let now = self.now();
        if stopping != Stopping::No {
            // Sources wait for what they have handed in to become durable.
            self.write(true);
        }
        match stopping {
            Stopping::Sources { until } if !sources_run || until <= now => {
                Stopping::Collector { until: now + COLLECTOR }
            }
            Stopping::Collector { until } if until <= now || self.nothing_to_wait_for() => Stopping::Done,
            other => other,
        }
    }

    /// Whether the collector has everything, or is not there to take it.
    fn nothing_to_wait_for(&self) -> bool {
        let unreadable = self.spool.unreadable();
        let held = Held {
            from: self.spool.oldest_sequence(),
            next: self.spool.next_sequence(),
            unreadable: &unreadable,
        };
        !self.sender.is_sending() || self.sender.is_done(held)
    }
}
