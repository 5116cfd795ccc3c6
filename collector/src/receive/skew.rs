//! How far an agent's clock is off the collector's, by when it says it speaks.

use std::collections::VecDeque;
use wattledger_model::batch::AgentStatus;
use wattledger_model::time::Timestamp;

/// Statuses that are looked at: an agent sends one a minute.
const KEPT: usize = 5;

/// What an agent's last statuses tell of its clock.
#[derive(Debug, Clone, Default)]
pub struct Skew {
    /// The agent's time less the collector's at receipt, ms; the oldest first.
    recent: VecDeque<i64>,
    /// How often the agent's clock had been set by then.
    jumps: u64,
}

impl Skew {
    /// Takes note of a status as it is received, which no broker kept from some other day.
    pub fn note(&mut self, status: &AgentStatus, received: Timestamp) {
        if status.clock_jumps != self.jumps {
            self.recent.clear();
            self.jumps = status.clock_jumps;
        }
        if self.recent.len() >= KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(status.at.0.saturating_sub(received.0));
    }

    /// How far the agent's clock is ahead, ms; below zero where it is behind. The way takes time and makes any clock look
    /// late, so the status that took least of it tells. `None` before the first.
    pub fn ms(&self) -> Option<i64> {
        self.recent.iter().copied().max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::wire;

    fn status(at: i64, clock_jumps: u64) -> AgentStatus {
        // What else it says does not matter here.
        let nothing = AgentStatus {
            agent: wattledger_model::batch::AgentKey {
                site: "hall".parse().expect("name"),
                agent: "a".parse().expect("name"),
            },
            incarnation: wattledger_model::reading::Incarnation::default(),
            at: Timestamp(at),
            version: String::new(),
            oldest_sequence: 1,
            next_sequence: 1,
            unacknowledged: 0,
            spool_bytes: 0,
            spool_limit_bytes: 0,
            taken_in: 0,
            refused: 0,
            lost: 0,
            thinned: 0,
            waiting: 0,
            sent: 0,
            held_back: 0,
            spool_trouble: String::new(),
            clock_jumps,
            clock_jumped_ms: 0,
            sources: Vec::new(),
        };
        wire::decode_agent_status(&wire::encode_agent_status(&nothing)).expect("as it was")
    }

    #[test]
    fn the_status_that_took_the_shortest_way_tells_the_skew() {
        let mut skew = Skew::default();
        assert_eq!(skew.ms(), None);
        for (sent, on_its_way) in [(0, 900), (60_000, 40), (120_000, 30_000)] {
            skew.note(&status(sent + 7_000, 0), Timestamp(sent + on_its_way));
        }
        assert_eq!(skew.ms(), Some(6_960), "7 s ahead, less the shortest way");
        for minute in 3..8 {
            skew.note(&status(60_000 * minute, 0), Timestamp(60_000 * minute + 50));
        }
        assert_eq!(skew.ms(), Some(-50), "what was said long ago does not count for ever");
    }

    #[test]
    fn what_was_said_before_the_clock_was_set_says_nothing_of_it() {
        let mut skew = Skew::default();
        skew.note(&status(20_000, 0), Timestamp(10_000));
        assert_eq!(skew.ms(), Some(10_000));
        skew.note(&status(70_000, 1), Timestamp(70_010));
        assert_eq!(skew.ms(), Some(-10));
    }
}
