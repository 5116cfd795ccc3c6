//! Live figures and agents' health: what was shown, at the time it was shown. Few points, never restated.

use super::catalog;
use super::line::{Lines, encoded};
use super::points::{figure_values, indicators};
use crate::outputs::snapshot::{AgentState, AgentView, Snapshot};
use crate::store::StoreError;
use crate::view::View;
use influxdb2::models::DataPoint;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wattledger_model::calendar::{Window, interval};
use wattledger_model::time::{Minute, Timestamp};

/// Time between two writings at least.
const EVERY: Duration = Duration::from_secs(5);

/// Writes live points at their pace.
#[derive(Debug, Default)]
pub(crate) struct Live {
    last: Option<Instant>,
    /// Horizon and change number of what was written of each facility.
    facilities: HashMap<usize, (Minute, u64)>,
    agents: Option<Timestamp>,
}

impl Live {
    /// Writes what is due. If that is too early, gives the time at which it will be.
    pub(crate) fn write(
        &mut self,
        view: &mut View,
        head: u64,
        now: Instant,
        snapshot: Option<&Snapshot>,
        lines: &mut Lines,
    ) -> Result<Option<Instant>, StoreError> {
        if let Some(due) = self.last.map(|last| last + EVERY)
            && now < due
        {
            return Ok(Some(due));
        }
        self.last = Some(now);
        for facility in 0..view.topology().facilities.len() {
            let Some(horizon) = view.horizon(facility) else { continue };
            if self.facilities.insert(facility, (horizon, head)) != Some((horizon, head)) {
                write_facility(view, facility, horizon, lines)?;
            }
        }
        if let Some(snapshot) = snapshot
            && self.agents != Some(snapshot.generated_at)
        {
            self.agents = Some(snapshot.generated_at);
            snapshot.agents.iter().for_each(|agent| write_agent(agent, snapshot.generated_at, lines));
        }
        Ok(None)
    }
}

fn write_facility(
    view: &mut View,
    facility: usize,
    horizon: Minute,
    lines: &mut Lines,
) -> Result<(), StoreError> {
    let topology = Arc::clone(view.topology());
    let of = &topology.facilities[facility];
    for indicator in indicators(of) {
        for window in Window::ALL {
            let Some(figure) = view.figure(facility, indicator, interval(*window, of.zone, horizon))? else {
                continue;
            };
            let mut point = DataPoint::builder(catalog::NOW.name)
                .tag("facility", of.name.as_str())
                .tag("indicator", indicator.word())
                .tag("site", of.site.as_str())
                .tag("window", window.word())
                .timestamp(horizon.start().0);
            for (field, value) in figure_values(&figure).filter(|(_, value)| value.is_finite()) {
                point = point.field(catalog::NOW.fields[field].name, value);
            }
            lines.add_line(&encoded(point));
        }
    }
    Ok(())
}

fn write_agent(agent: &AgentView, at: Timestamp, lines: &mut Lines) {
    let mut point = DataPoint::builder(catalog::AGENT.name)
        .tag("agent", agent.agent.as_str())
        .tag("site", agent.site.as_str())
        .timestamp(at.0)
        .field("live", if agent.state == AgentState::Live { 1.0 } else { 0.0 })
        .field("unacknowledged", agent.unacknowledged as f64)
        .field("spool_bytes", agent.spool_bytes as f64)
        .field("spool_limit_bytes", agent.spool_limit_bytes as f64)
        .field("taken_in", agent.taken_in as f64)
        .field("refused", agent.refused as f64)
        .field("lost", agent.lost as f64)
        .field("thinned", agent.receipt.thinned as f64);
    if let Some(seen) = agent.last_seen {
        point = point.field("silent_s", (at.0 - seen.0).max(0) as f64 / 1_000.0);
    }
    lines.add_line(&encoded(point));
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
            sources: Vec::new(),
        };
        let mut lines = Lines::default();
        write_agent(&agent, Timestamp(61_500), &mut lines);
        let text = String::from_utf8(lines.take().remove(0).text).expect("UTF-8");
        assert_eq!(
            text,
            "wl_agent,agent=a-1,site=hall live=0,lost=0,refused=1,silent_s=60.5,spool_bytes=1048576,\
             spool_limit_bytes=268435456,taken_in=12,thinned=7,unacknowledged=3 61500\n"
        );
        let fields = text.split(' ').nth(1).expect("fields").split(',');
        let mut written: Vec<&str> = fields.filter_map(|field| field.split('=').next()).collect();
        let mut declared: Vec<&str> = catalog::AGENT.fields.iter().map(|field| field.name).collect();
        written.sort_unstable();
        declared.sort_unstable();
        assert_eq!(written, declared);
    }
}
