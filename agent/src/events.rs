//! Every log line of the agent with its counter, in one place each. What may come thousands of times is
//! logged at its 1st, 10th, 100th, ... occurrence, with the count so far.

use crate::send::Distrust;
use crate::source::SourceError;
use std::collections::BTreeMap;
use std::fmt::Display;
use tracing::{debug, error, info, warn};
use wattledger_link::segment::Recovered;
use wattledger_model::batch::{AgentKey, Loss, LossCause};
use wattledger_model::reading::{Cause, Incarnation, Refused};

/// What happened since the start, counted.
#[derive(Debug, Default)]
pub(crate) struct Events {
    refused: BTreeMap<Cause, u64>,
    distrusted: BTreeMap<Distrust, u64>,
    lost: BTreeMap<LossCause, u64>,
    spool_failures: u64,
    sent_unsaved: u64,
    sent_unsure: u64,
    unsent: u64,
}

/// 1, 10, 100, ...
fn is_worth_a_line(count: u64) -> bool {
    count.checked_ilog10().is_some_and(|digits| 10_u64.pow(digits) == count)
}

fn counted<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, more: u64) -> (u64, bool) {
    let count = counts.entry(key).or_default();
    let before = *count;
    *count += more;
    let crossed = (before + 1..=*count).any(is_worth_a_line);
    (*count, crossed)
}

impl Events {
    /// Messages or values refused so far.
    pub(crate) fn refused_so_far(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(crate) fn started(&self, agent: &AgentKey, incarnation: Incarnation, held: u64) {
        let Incarnation { started, id } = incarnation;
        info!(%agent, spool_made = %started, spool_id = id, batches_held = held, "agent started");
    }

    pub(crate) fn stopped(&self, unacknowledged: u64) {
        info!(unacknowledged, "agent stopped; what is not acknowledged stays in the spool");
    }

    /// Bad input: it is on its way to the collector's quarantine.
    pub(crate) fn refused(&mut self, refused: &Refused) {
        let (count, crossed) = counted(&mut self.refused, refused.cause, refused.count);
        if crossed {
            let Refused { cause, origin, detail, .. } = refused;
            warn!(cause = cause.word(), %origin, %detail, count, "input refused");
        }
    }

    /// The spool was found damaged or cut short when it was opened.
    pub(crate) fn spool_recovered(&self, found: &Recovered) {
        if *found == Recovered::default() {
            return;
        }
        let Recovered { torn_bytes, damaged_records, detail } = found;
        let detail = detail.join("; ");
        if *damaged_records > 0 {
            error!(torn_bytes, damaged_records, %detail, "batches in the spool have become unreadable");
        } else {
            info!(torn_bytes, %detail, "a write cut short by the last stop was discarded");
        }
    }

    /// Readings went for want of space, or with damaged files.
    pub(crate) fn lost(&mut self, loss: &Loss) {
        let Loss { from, to, readings, cause, .. } = loss;
        let before = self.lost.entry(*cause).or_default();
        *before += 1;
        if !is_worth_a_line(*before) {
            return;
        }
        match cause {
            LossCause::Dropped => {
                error!(%from, %to, readings, times = *before, "the spool is full: readings dropped")
            }
            LossCause::Damaged => {
                error!(%from, %to, readings, "readings lost with damaged files of the spool")
            }
            LossCause::Thinned => {
                warn!(%from, %to, readings, times = *before, "the spool is full: readings thinned; quarter hours keep their amounts");
            }
        }
    }

    /// The machine's clock was set.
    pub(crate) fn clock_jumped(&self, by_ms: i64, suspect: u64) {
        warn!(by_ms, suspect, "the clock was set; readings stamped by arrival meanwhile are marked suspect");
    }

    /// The spool cannot be written. Intake waits; nothing is dropped for it.
    pub(crate) fn spool_failed(&mut self, error: &dyn Display) {
        self.spool_failures += 1;
        if is_worth_a_line(self.spool_failures) {
            error!(%error, tries = self.spool_failures, "cannot write the spool; intake waits");
        }
    }

    pub(crate) fn spool_mended(&mut self) {
        if self.spool_failures > 0 {
            info!(tries = self.spool_failures, "the spool can be written again");
            self.spool_failures = 0;
        }
    }

    pub(crate) fn sent_not_saved(&mut self, error: &dyn Display) {
        self.sent_unsaved += 1;
        if is_worth_a_line(self.sent_unsaved) {
            let tries = self.sent_unsaved;
            warn!(%error, tries, "cannot keep what was sent; after a restart nothing that is held now is thinned");
        }
    }

    /// What was written down may say less than was sent: nothing is sent until that is mended.
    pub(crate) fn sent_not_forgotten(&mut self, error: &dyn Display) {
        self.sent_unsure += 1;
        if is_worth_a_line(self.sent_unsure) {
            error!(%error, tries = self.sent_unsure, "cannot keep what was sent, nor remove what was kept; nothing is sent");
        }
    }

    /// The agent ends, and its spool could not be written to the last.
    pub(crate) fn held_back_lost(&self, readings: u64) {
        error!(
            readings,
            "stopped while the spool could not be written; readings that no source sends again are lost"
        );
    }

    pub(crate) fn standing_not_saved(&self, error: &dyn Display) {
        warn!(%error, "cannot keep what the collector holds; after a restart more is sent again than needed");
    }

    /// The session itself has said where and why.
    pub(crate) fn link_down(&self, unacknowledged: u64) {
        info!(unacknowledged, "no link; batches are kept in the spool");
    }

    pub(crate) fn link_not_subscribed(&self, filter: &str) {
        error!(
            filter,
            "the broker refused a subscription the link needs; grant it in the broker's access list"
        );
    }

    pub(crate) fn collector_answers(&self, unacknowledged: u64) {
        info!(unacknowledged, "the collector answers; sending");
    }

    pub(crate) fn collector_silent(&self) {
        warn!("the collector does not acknowledge; asking again before more is sent");
    }

    pub(crate) fn new_store(&self, before: Option<u64>, now: u64) {
        match before {
            None => info!(store = now, "first word of the collector's store; all that is held is sent to it"),
            Some(before) => {
                warn!(before, now, "the collector has another store; all that is held is sent again")
            }
        }
    }

    /// An acknowledgement that frees nothing: forged, misdirected, or of another time.
    pub(crate) fn distrusted(&mut self, why: Distrust) {
        let (count, crossed) = counted(&mut self.distrusted, why, 1);
        if crossed {
            warn!(reason = %why, count, "acknowledgement not believed; nothing is freed by it");
        }
    }

    /// A batch that the link will never take, or the disk does not give.
    pub(crate) fn batch_not_sent(&mut self, sequence: u64, error: &dyn Display) {
        self.unsent += 1;
        if is_worth_a_line(self.unsent) {
            error!(sequence, %error, count = self.unsent, "a batch cannot be sent");
        }
    }

    pub(crate) fn source_ended(&self, source: &str, outcome: &Result<(), SourceError>) {
        match outcome {
            Ok(()) => debug!(source, "source ended"),
            Err(error) => error!(source, %error, "source ended; it is not started again until the agent is"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gets_a_line_per_power_of_ten() {
        let mut counts = BTreeMap::new();
        let lines = (0..1_000).filter(|_| counted(&mut counts, Cause::Time, 1).1).count();
        assert_eq!((lines, counts[&Cause::Time]), (4, 1_000));
        assert_eq!(counted(&mut counts, Cause::Time, 20_000), (21_000, true));
        assert!(!counted(&mut counts, Cause::Time, 5).1);
    }
}
