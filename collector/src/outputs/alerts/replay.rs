//! What rules would have raised and cleared over a time of the past, by the same judgement as now: nothing is kept
//! and nobody is told. A threshold can be chosen on that evidence.

use super::causes::Causes;
use super::conditions;
use super::decide::Turn;
use super::judge::Watched;
use super::message::Message;
use super::watch::{next, note};
use crate::config::{AlertRule, Clock};
use crate::store::StoreError;
use crate::view::View;
use serde::Serialize;
use std::collections::HashMap;
use wattledger_model::time::Minute;

/// One turn that would have been.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// The rule.
    pub rule: String,
    /// What it looks at.
    pub condition: String,
    /// Whom the turn is about.
    pub subject: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// Which way.
    pub turn: Turn,
    /// When it would have been decided, RFC 3339.
    pub at: String,
    /// When its cause was first seen, RFC 3339.
    pub since: String,
    /// The figure that decided.
    pub value: f64,
    /// The threshold that it passed.
    pub limit: f64,
    /// Coverage of the figure, 0 to 1.
    pub coverage: f64,
    /// The unit of both, in UCUM.
    pub unit: String,
    /// Why, in words.
    pub reason: String,
    /// The numbers behind it; may be empty.
    pub cause: String,
    /// What moved a PUE, the greatest part first.
    pub changed: Vec<String>,
    /// What it explains until it is cleared, and would not have been told of by itself.
    pub suppresses: Vec<String>,
}

impl Replayed {
    fn of(message: Message) -> Replayed {
        Replayed {
            rule: message.rule,
            condition: message.condition,
            subject: message.subject,
            severity: message.severity,
            turn: message.event,
            at: message.as_of,
            since: message.since,
            value: message.value,
            limit: message.limit,
            coverage: message.coverage,
            unit: message.unit,
            reason: message.reason,
            cause: message.cause,
            changed: message.changed,
            suppresses: message.suppresses,
        }
    }
}

/// The names of the rules that cannot be judged over the past: what they look at is not kept.
pub fn unjudged(rules: &[AlertRule]) -> Vec<String> {
    let lost = rules.iter().filter(|rule| !conditions::is_replayed(&rule.condition));
    lost.map(|rule| rule.name.to_string()).collect()
}

/// What the rules would have raised and cleared from `from` to `to`, in the order of time. Begins with nothing seen, as
/// a rule does that is new at `from`; judges no minute beyond a facility's horizon. The view must not be in a round.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn replay(
    view: &mut View,
    rules: &[AlertRule],
    from: Minute,
    to: Minute,
) -> Result<Vec<Replayed>, StoreError> {
    let replayed: Vec<AlertRule> =
        rules.iter().filter(|rule| conditions::is_replayed(&rule.condition)).cloned().collect();
    view.begin()?;
    let judged = judge(view, &replayed, from, to);
    view.end()?;
    judged
}

fn judge(
    view: &mut View,
    rules: &[AlertRule],
    from: Minute,
    to: Minute,
) -> Result<Vec<Replayed>, StoreError> {
    let mut watched = Watched::all(rules, view);
    // Causes are seen before what derives from them.
    watched.sort_by_key(|one| one.clock() == Clock::Ledger);
    watched.iter_mut().for_each(|one| one.begin(from));
    let ends: Vec<i64> = watched
        .iter()
        .map(|one| view.horizon(one.facility).map_or(i64::MIN, |horizon| horizon.0.min(to.0)))
        .collect();
    let mut due: Vec<i64> =
        watched.iter().map(|one| next(from.0, one.rule.condition.cadence_minutes())).collect();
    let mut found = Vec::new();
    while let Some(at) = due.iter().zip(&ends).filter(|(due, end)| due <= end).map(|(due, _)| *due).min() {
        let mut suppressed = Vec::new();
        let mut causes = Causes::of(&watched);
        for one in 0..watched.len() {
            if due[one] != at || at > ends[one] {
                continue;
            }
            due[one] = next(at, watched[one].rule.condition.cadence_minutes());
            watched[one].judge(view, Minute(at), None, &causes, &mut suppressed)?;
            if watched[one].clock() == Clock::Wall {
                causes = Causes::of(&watched);
            }
        }
        note(&mut watched, &suppressed);
        for one in &mut watched {
            one.touched.clear();
            found.extend(one.turned.drain(..).map(|turning| turning.message));
        }
    }
    Ok(with_what_they_explain(found, &watched))
}

/// The turns, each raise with what its alarm came to explain until it was cleared, or until now.
fn with_what_they_explain(found: Vec<Message>, watched: &[Watched]) -> Vec<Replayed> {
    let cleared = found.iter().filter(|message| message.event == Turn::Cleared);
    let mut explained: HashMap<String, Vec<String>> =
        cleared.map(|message| (message.id.clone(), message.suppresses.clone())).collect();
    for open in watched.iter().flat_map(|one| one.kept.values()).filter_map(|kept| kept.open.as_ref()) {
        explained.insert(open.id.clone(), open.suppresses.iter().cloned().collect());
    }
    let told = |message: Message| {
        let suppresses = explained.get(&message.id).cloned().unwrap_or_default();
        Replayed::of(Message { suppresses, ..message })
    };
    found.into_iter().map(told).collect()
}
