//! How far agents' clocks are off the collector's. Source: domain.md 7.1.

use super::sources::sources;
use super::{About, Around, Sighting};
use crate::config::AlertRule;
use crate::outputs::snapshot::{AgentState, AgentView};
use crate::store::StoreError;
use std::collections::BTreeSet;
use wattledger_model::name::Name;

/// Seconds.
const RAISE: f64 = 5.0;
const CLEAR: f64 = 1.0;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let Some(live) = around.live else { return Ok(Vec::new()) };
    let all = sources(rule, around)?;
    let name = |agent: &Name| agent.to_string();
    let own: BTreeSet<String> = all
        .iter()
        .filter(|source| source.is_own)
        .filter_map(|source| source.agent.as_ref().map(name))
        .collect();
    let elsewhere: BTreeSet<String> =
        all.iter().filter_map(|source| source.agent.as_ref().map(name)).collect();
    let site = around.of().site.clone();
    let facilities = &around.topology().facilities;
    // Whoever brings nothing yet is told of with the first facility of its site.
    let is_first = facilities.iter().position(|other| other.site == site) == Some(around.facility);
    let belongs = |agent: &&AgentView| {
        agent.site == site.as_str()
            && (own.contains(&agent.agent) || is_first && !elsewhere.contains(&agent.agent))
    };
    Ok(live.agents.iter().filter(belongs).map(|agent| sighting(rule, around, agent)).collect())
}

fn sighting(rule: &AlertRule, around: &Around<'_>, agent: &AgentView) -> Sighting {
    // What a silent agent said last is no skew of now.
    let skew = agent.clock_skew_ms.filter(|_| agent.state == AgentState::Live).map(|ms| ms as f64 / 1e3);
    let cause = skew.map(|skew| {
        let way = if skew > 0.0 { "ahead of" } else { "behind" };
        let jumps = match agent.clock_jumps {
            0 => String::new(),
            1 => format!("; it was set once since the agent started, by {} ms", agent.clock_jumped_ms),
            times => {
                format!(
                    "; it was set {times} times since the agent started, the last time by {} ms",
                    agent.clock_jumped_ms
                )
            }
        };
        format!("the agent's clock is {:.1} s {way} the collector's{jumps}", skew.abs())
    });
    Sighting {
        subject: around.subject(About::Agent(agent.agent.clone())),
        value: skew.map(f64::abs),
        coverage: 1.0,
        thresholds: rule.thresholds(RAISE, CLEAR),
        what: "skew of the agent's clock".to_owned(),
        unit: "s",
        derives_from: vec![format!("agent {}", agent.agent)],
        cause: cause.unwrap_or_default(),
    }
}
