//! What alerts keep over a restart: the state of each rule, its open alert, and its last turns.

use super::decide::{Event, State, Turn};
use crate::config::AlertRule;
use rusqlite::{Connection, Transaction, params};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use wattledger_model::time::Timestamp;

/// Turns that are kept of one rule.
const TURNS_KEPT: usize = 50;

/// One rule's row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What the state is about. Of another indicator or window it says nothing.
    pub(super) watches: String,
    /// What the rule has seen.
    pub(super) state: State,
    /// The alert, while it is raised.
    pub(super) open: Option<Open>,
    /// The last turns, the oldest first, sent or not.
    pub(super) turns: VecDeque<RecordedTurn>,
}

/// A raised alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    /// Its identity.
    pub(super) id: String,
    /// Who was told that it was raised, and so must be told when it is cleared; `None` while nobody was, because
    /// its cause lay too far back.
    pub(super) told: Option<Vec<String>>,
    /// What it would have to say, for the case that its rule goes away.
    pub(super) severity: String,
    pub(super) limit: f64,
}

/// A turn as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedTurn {
    pub(super) id: String,
    pub(super) turn: Turn,
    pub(super) at: String,
    pub(super) value: f64,
    pub(super) coverage: f64,
    /// When it was decided, by the collector's clock.
    pub(super) decided: String,
    pub(super) sent: bool,
}

impl Kept {
    /// A rule's row that has judged nothing.
    pub(super) fn new(rule: &AlertRule) -> Kept {
        Kept { watches: watches(rule), ..Kept::default() }
    }

    pub(super) fn record(&mut self, id: &str, event: Event, now: Timestamp, sent: bool) {
        if self.turns.len() >= TURNS_KEPT {
            self.turns.pop_front();
        }
        self.turns.push_back(RecordedTurn {
            id: id.to_owned(),
            turn: event.turn,
            at: event.at.to_string(),
            value: event.value,
            coverage: event.coverage,
            decided: now.to_string(),
            sent,
        });
    }
}

/// What a rule's state is about.
pub(super) fn watches(rule: &AlertRule) -> String {
    format!("{} {}", rule.indicator.word(), rule.window.word())
}

/// All rows: rule, facility, and what is kept; `None` where it cannot be read.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<(String, String, Option<Kept>)>> {
    connection
        .prepare_cached("SELECT rule, facility, state FROM alert ORDER BY rule, facility")?
        .query_map([], |row| {
            let state: String = row.get(2)?;
            Ok((row.get(0)?, row.get(1)?, serde_json::from_str(&state).ok()))
        })?
        .collect()
}

pub(super) fn save(
    within: &Transaction<'_>,
    rule: &str,
    facility: &str,
    kept: &Kept,
) -> rusqlite::Result<()> {
    let state = serde_json::to_string(kept).expect("what is kept is plain data");
    within
        .prepare_cached(
            "INSERT INTO alert VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET state = excluded.state",
        )?
        .execute(params![rule, facility, state])
        .map(drop)
}

pub(super) fn forget(within: &Transaction<'_>, rule: &str, facility: &str) -> rusqlite::Result<()> {
    within
        .prepare_cached("DELETE FROM alert WHERE rule = ?1 AND facility = ?2")?
        .execute(params![rule, facility])
        .map(drop)
}
