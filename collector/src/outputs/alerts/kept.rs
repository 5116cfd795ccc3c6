//! What alerts keep over a restart: how far each rule has judged, and of each subject its state and its open alarm.

use super::alarm::Alarm;
use super::conditions::{About, Recall, Sighting, Subject};
use super::decide::State;
use super::message::Message;
use crate::config::{AlertRule, Condition};
use rusqlite::{Connection, Transaction, params};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wattledger_model::time::Minute;

/// Spells of silence that are kept of one subject.
const SPELLS_KEPT: usize = 32;

/// One rule's row for one facility.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// What the rule looks at. Of anything else, what is kept says nothing.
    pub(super) watches: String,
    /// The last minute that was judged.
    pub(super) last: Option<i64>,
    /// What its condition remembers.
    pub(super) recall: Recall,
}

/// One subject's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What the state is about, as [`Progress::watches`].
    pub(super) watches: String,
    /// Whom it is about; `None` in a row of before subjects, where it is the facility.
    #[serde(default)]
    pub(super) subject: Option<Subject>,
    /// What the rule has seen.
    pub(super) state: State,
    /// The alarm, while it is raised.
    pub(super) open: Option<Open>,
    /// The last minute at which the condition told of the subject.
    #[serde(default)]
    pub(super) sighted: i64,
    /// Of a source that can fall silent: when it was, the latest spell last.
    #[serde(default)]
    pub(super) spells: VecDeque<Spell>,
    /// What was seen last, while the alarm is up.
    #[serde(skip)]
    pub(super) seen: Option<Box<Sighting>>,
}

/// An alarm that is up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    /// Its identity.
    pub(super) id: String,
    /// What it was raised with, and would have to say if its rule goes away.
    pub(super) severity: String,
    /// The threshold at which it is cleared.
    pub(super) limit: f64,
    /// What was said when it was raised; `None` in a row of before alarms.
    #[serde(default)]
    pub(super) raised: Option<Box<Message>>,
    /// What it explains, and is not told of by itself.
    #[serde(default)]
    pub(super) suppresses: BTreeSet<String>,
}

/// A time in which a source was silent, minutes since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Spell {
    /// Since when nothing came, which is before that was noticed.
    pub(super) from: i64,
    /// When it was over; `None` while it lasts.
    pub(super) to: Option<i64>,
    /// What explains it, where it is not a cause of its own: another subject of a rule.
    pub(super) by: Option<Source>,
}

/// A subject of a rule, as a cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) rule: String,
    pub(super) subject: Subject,
}

impl Kept {
    /// A subject that nothing was judged of, up to a minute.
    pub(super) fn new(rule: &AlertRule, subject: Subject, before: Option<i64>) -> Kept {
        Kept {
            watches: watches(rule),
            subject: Some(subject),
            state: before.map_or_else(State::default, |before| State::from(Minute(before))),
            open: None,
            sighted: 0,
            spells: VecDeque::new(),
            seen: None,
        }
    }

    /// Notes that the subject is silent, since a minute and explained by something or not, or that it is not. Gives
    /// whether that is new.
    pub(super) fn note_silence(&mut self, at: i64, silent: Option<(i64, Option<Source>)>) -> bool {
        let lasting = self.spells.back_mut().filter(|spell| spell.to.is_none());
        match (lasting, silent) {
            (Some(spell), Some((_, by))) if spell.by == by => return false,
            (Some(spell), Some((_, by))) => spell.by = by,
            (Some(spell), None) => spell.to = Some(at),
            (None, Some((from, by))) => {
                if self.spells.len() >= SPELLS_KEPT {
                    self.spells.pop_front();
                }
                self.spells.push_back(Spell { from, to: None, by });
            }
            (None, None) => return false,
        }
        true
    }

    /// The alarm that is up, as it is now.
    pub(super) fn alarm(&self, rule: &str, latest: Message) -> Option<Alarm> {
        let open = self.open.as_ref()?;
        let raised = open.raised.as_deref().cloned().unwrap_or_else(|| latest.clone());
        let ms = |text: &str| wattledger_model::time::Timestamp::from_rfc3339(text).map(|at| at.0);
        Some(Alarm {
            id: open.id.clone(),
            rule: rule.to_owned(),
            facility: raised.facility.clone(),
            subject: raised.subject.clone(),
            raised_ms: ms(&raised.raised_at).or_else(|| ms(&raised.as_of)).unwrap_or(0),
            cleared_ms: None,
            judged_ms: self.state.last().map_or(0, |last| last.start().0),
            raised,
            latest,
            cleared: None,
        })
    }
}

/// What a rule's state is about.
pub(super) fn watches(rule: &AlertRule) -> String {
    match &rule.condition {
        Condition::Indicator { indicator, window } => format!("{} {}", indicator.word(), window.word()),
        other => other.word().to_owned(),
    }
}

/// What is kept of one rule at one facility.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// How far it came; `None` where it was kept before subjects were, or cannot be read.
    pub(super) progress: Option<Progress>,
    /// What it has seen, by the subject in words; `None` where that cannot be read.
    pub(super) subjects: Vec<(String, Option<Kept>)>,
}

/// All rows, by rule and facility.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<BTreeMap<(String, String), Rows>> {
    let mut all: BTreeMap<(String, String), Rows> = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT rule, facility, subject, state FROM alert ORDER BY rule, facility, subject",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (rule, facility): (String, String) = (row.get(0)?, row.get(1)?);
        let (subject, state): (String, String) = (row.get(2)?, row.get(3)?);
        let of = all.entry((rule.clone(), facility.clone())).or_default();
        if subject.is_empty() {
            let read = serde_json::from_str(&state);
            of.progress = read
                .inspect_err(|error| {
                    tracing::error!(rule, facility, %error, "how far the rule has judged cannot be read; it goes on from what its subjects have seen, or from now");
                })
                .ok();
            continue;
        }
        let kept = serde_json::from_str(&state).ok().map(|mut kept: Kept| {
            kept.subject.get_or_insert(Subject { facility, about: About::Facility });
            kept
        });
        of.subjects.push((subject, kept));
    }
    Ok(all)
}

/// Keeps a row: of a subject, or where that is empty, how far the rule came.
pub(super) fn save(
    within: &Transaction<'_>,
    (rule, facility, subject): (&str, &str, &str),
    kept: &impl Serialize,
) -> rusqlite::Result<()> {
    let state = serde_json::to_string(kept).expect("what is kept is plain data");
    within
        .prepare_cached(
            "INSERT INTO alert VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET state = excluded.state",
        )?
        .execute(params![rule, facility, subject, state])
        .map(drop)
}

/// Lets go what is kept of one subject.
pub(super) fn forget(
    within: &Transaction<'_>,
    rule: &str,
    facility: &str,
    subject: &str,
) -> rusqlite::Result<()> {
    within
        .prepare_cached("DELETE FROM alert WHERE rule = ?1 AND facility = ?2 AND subject = ?3")?
        .execute([rule, facility, subject])
        .map(drop)
}
