//! Stopping, the way the data goes: first the sources hand in what they have, then the collector is given
//! a moment for what is on its way. What it does not acknowledge stays in the spool.

use super::Agent;
use std::time::Duration;
use wattledger_link::session::Session;

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
    pub(super) fn stop_further(
        &mut self,
        session: &Session,
        stopping: Stopping,
        sources_run: bool,
    ) -> Stopping {
        let now = self.now();
        if stopping != Stopping::No {
            // Sources wait for what they have handed in to become durable.
            self.write_all(session);
        }
        match stopping {
            Stopping::Sources { until } if !sources_run || until <= now => {
                Stopping::Collector { until: now + COLLECTOR }
            }
            Stopping::Collector { until } if until <= now || self.post.has_nothing_to_wait_for() => {
                Stopping::Done
            }
            other => other,
        }
    }
}
