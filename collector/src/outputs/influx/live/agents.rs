//! Agents' health.

use super::super::catalog;
use super::super::line::Lines;
use super::point::Point;
use crate::outputs::snapshot::{AgentState, AgentView, Snapshot};
use wattledger_model::time::Timestamp;

/// Writes a point of each agent.
pub(super) fn write(snapshot: &Snapshot, lines: &mut Lines) {
    snapshot.agents.iter().for_each(|agent| point(agent, snapshot.generated_at).add_to(lines));
}

fn point(agent: &AgentView, at: Timestamp) -> Point {
    Point::new(&catalog::AGENT, [&agent.agent, &agent.site], at)
        .flag("live", agent.state == AgentState::Live)
        .known("silent_s", agent.last_seen.map(|seen| (at.0 - seen.0).max(0) as f64 / 1_000.0))
        .count("unacknowledged", agent.unacknowledged)
        .count("spool_bytes", agent.spool_bytes)
        .count("spool_limit_bytes", agent.spool_limit_bytes)
        .count("taken_in", agent.taken_in)
        .count("refused", agent.refused)
        .count("lost", agent.lost)
        .count("thinned", agent.receipt.thinned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::snapshot::ReceiptView;

    #[test]
    fn an_agent_is_written_as_declared() {
        let agent = AgentView {
            site: "hall".to_owned(),
            agent: "a-1".to_owned(),
            state: AgentState::Silent,
            last_seen: Some(Timestamp(1_000)),
            version: String::new(),
            unacknowledged: 3,
            spool_bytes: 1 << 20,
            spool_limit_bytes: 1 << 28,
            taken_in: 12,
            refused: 1,
            lost: 0,
            receipt: ReceiptView { thinned: 7, ..ReceiptView::default() },
            held_back: 0,
            spool_trouble: String::new(),
            clock_jumps: 0,
            clock_jumped_ms: 0,
            clock_skew_ms: None,
            sources: Vec::new(),
        };
        let mut lines = Lines::default();
        point(&agent, Timestamp(61_500)).add_to(&mut lines);
        let text = String::from_utf8(lines.take().remove(0).text).expect("UTF-8");
        assert_eq!(
            text,
            "wl_agent,agent=a-1,site=hall live=0,lost=0,refused=1,silent_s=60.5,spool_bytes=1048576,\
             spool_limit_bytes=268435456,taken_in=12,thinned=7,unacknowledged=3 61500\n"
        );
    }
}
