//! Sources that are silent: meters by the age of their newest reading, and the agents behind them.
//!
//! One alert per cause: where an agent is silent, or none of several meters that it brings is fresh, that is said of the
//! agent, and its meters derive from it. All comes from the ledger and the minute, so that it can be judged of the
//! past as well; only what an agent says of itself without readings is known by the running collector alone.
//! Source: domain.md 7.1.

use super::sources::{Source, sources};
use super::{About, Around, Sighting};
use crate::config::{AlertRule, Thresholds};
use crate::outputs::alerts::formulas::judged_age_ms;
use crate::store::StoreError;
use std::collections::BTreeMap;
use wattledger_model::name::Name;
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// An agent speaks every minute, readings or not; unheard for so long it is silent.
const AGENT_LIMIT_MS: i64 = 180_000;
/// So many meters that are silent together are so by their agent's fault; a single one may be by its own.
const TOGETHER: usize = 2;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let all = sources(rule, around)?;
    let mut by_agent: BTreeMap<&Name, Vec<&Source>> = BTreeMap::new();
    for source in &all {
        if let Some(agent) = &source.agent {
            by_agent.entry(agent).or_default().push(source);
        }
    }
    // Agents first: what is silent by an agent's fault finds it silent.
    let mut sightings: Vec<Sighting> = by_agent
        .iter()
        .filter(|(_, brought)| brought.iter().any(|source| source.is_own))
        .filter_map(|(agent, brought)| agent_sighting(rule, around, agent, brought))
        .collect();
    let own = all.iter().filter(|source| source.is_own);
    sightings.extend(own.map(|source| meter_sighting(rule, around, source)));
    Ok(sightings)
}

/// The age by which a source is judged, with what it is held against; no age where nothing is known.
fn judged(rule: &AlertRule, source: &Source, at: Timestamp) -> (Option<f64>, Thresholds) {
    let limit = source.limit_ms as f64 / 1e3;
    let thresholds = rule.thresholds(limit, limit);
    let limit_ms = (thresholds.raise * 1e3) as i64;
    let age_ms = match source.words.map(|words| (words.newest, words.second)) {
        Some((Some(newest), second)) => Some(judged_age_ms(at, newest, second, limit_ms)),
        Some((None, _)) => source.silent_since.map(|since| (at.0 - since.0).max(0)),
        None => None,
    };
    (age_ms.map(|ms| ms as f64 / 1e3), thresholds)
}

fn meter_sighting(rule: &AlertRule, around: &Around<'_>, source: &Source) -> Sighting {
    let at = around.at.start();
    let (age, thresholds) = judged(rule, source, at);
    let agent = source.agent.as_ref();
    let cause = match source.words.and_then(|words| words.newest) {
        Some(newest) => {
            let by = agent.map(|agent| format!(", by agent {agent}")).unwrap_or_default();
            format!("its last reading is of {newest}{by}; one is due every {}", spoken(source.interval_ms))
        }
        None => match source.silent_since {
            Some(since) => format!("it has never been read, and is expected since {since}"),
            None => "it has never been read".to_owned(),
        },
    };
    Sighting {
        subject: around.subject(About::Meter(source.name.to_string())),
        value: age,
        coverage: 1.0,
        thresholds,
        what: "age of the newest reading".to_owned(),
        unit: "s",
        derives_from: agent.iter().map(|agent| format!("agent {agent}")).collect(),
        cause,
    }
}

/// What is seen of an agent; `None` where one meter is all that is known of it.
fn agent_sighting(
    rule: &AlertRule,
    around: &Around<'_>,
    agent: &Name,
    brought: &[&Source],
) -> Option<Sighting> {
    let at = around.at.start();
    let count = match brought.len() {
        1 => "1 meter comes by it".to_owned(),
        several => format!("{several} meters come by it"),
    };
    let heard = last_heard(around, agent).map(|heard| {
        let limit = AGENT_LIMIT_MS as f64 / 1e3;
        let age = (at.0 - heard.0).max(0) as f64 / 1e3;
        (Some(age), rule.thresholds(limit, limit), format!("it was last heard at {heard}; {count}"))
    });
    let fed = (brought.len() >= TOGETHER).then(|| {
        let ages = brought.iter().map(|source| judged(rule, source, at));
        let known = ages.filter_map(|(age, thresholds)| Some((age?, thresholds)));
        let freshest = known.min_by(|a, b| beyond(a).total_cmp(&beyond(b)));
        let newest = brought.iter().filter_map(|source| source.words?.newest).max();
        let of = newest.map(|newest| format!(", the last reading of any is of {newest}")).unwrap_or_default();
        let (age, thresholds) = match freshest {
            Some((age, thresholds)) => (Some(age), thresholds),
            None => (None, judged(rule, brought[0], at).1),
        };
        (age, thresholds, format!("{count}{of}"))
    });
    // It is silent by either, and back by both.
    let both = heard.into_iter().chain(fed);
    let by_excess = |found: &(Option<f64>, Thresholds, String)| {
        found.0.map_or(f64::NEG_INFINITY, |age| beyond(&(age, found.1)))
    };
    let (value, thresholds, cause) = both.max_by(|a, b| by_excess(a).total_cmp(&by_excess(b)))?;
    Some(Sighting {
        subject: around.subject(About::Agent(agent.to_string())),
        value,
        coverage: 1.0,
        thresholds,
        what: "time since it was heard".to_owned(),
        unit: "s",
        derives_from: Vec::new(),
        cause,
    })
}

/// How far an age is beyond its limit, seconds.
fn beyond((age, thresholds): &(f64, Thresholds)) -> f64 {
    age - thresholds.raise
}

/// When the running collector last heard an agent of the facility's site.
fn last_heard(around: &Around<'_>, agent: &Name) -> Option<Timestamp> {
    let site = &around.of().site;
    let agents = around.live.map_or(&[][..], |live| &live.agents);
    let known = agents.iter().find(|known| known.site == site.as_str() && known.agent == agent.as_str());
    known.and_then(|known| known.last_seen)
}

/// A length of time for people: `10 s`, `15 min`.
fn spoken(ms: i64) -> String {
    if ms >= MINUTE_MS && ms % MINUTE_MS == 0 {
        format!("{} min", ms / MINUTE_MS)
    } else {
        format!("{} s", ms as f64 / 1e3)
    }
}
