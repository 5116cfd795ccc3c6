//! What was made of which period, durable in the outputs' file.

use super::due::{Before, Standing};
use super::slot::Slot;
use crate::config::Every;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use wattledger_model::time::Timestamp;

/// What became of the report of one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// How it stands.
    pub state: State,
    /// Whom it is about, such as `facility hall-1`.
    pub about: String,
    /// The form it fills in.
    pub form: Option<String>,
    /// The issued report that it prints.
    pub issued: Option<String>,
    /// Tries that failed.
    pub attempts: u32,
    /// The next try, ms since the epoch.
    pub again_ms: Option<i64>,
    /// Why the latest try failed.
    pub problem: Option<String>,
    /// When its files were there, ms since the epoch.
    pub made_ms: Option<i64>,
    /// The folder that they are in.
    pub folder: PathBuf,
    /// Its files.
    pub files: Vec<KeptFile>,
    /// What could not be printed with them.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Who gets it by mail.
    pub letters: Vec<Letter>,
}

/// How it stands with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is not made yet; it is tried again.
    Failing,
    /// Its files are in the folder.
    Made,
    /// It was missed, and so were many later ones that come first.
    LeftOut,
}

/// A file in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of what was made, hexadecimal.
    pub sha256: String,
}

/// A file that could not be printed with the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// Why it is not there.
    pub problem: String,
    /// What the printer is to be told, in the folder of what waits for it; `None` where no other try can help.
    pub job: Option<KeptFile>,
}

/// A report on its way to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The recipient, as `Name <name@example.org>`.
    pub to: String,
    /// How it stands.
    pub state: LetterState,
    /// Tries that failed.
    pub attempts: u32,
    /// The next try, ms since the epoch.
    pub again_ms: i64,
    /// Why the latest try failed.
    pub problem: Option<String>,
}

/// How it stands with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// It waits for its server.
    Waiting,
    /// The server has taken it.
    Sent,
    /// Nobody will take it.
    GivenUp,
}

/// Why it is not known what was made.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The outputs' file.
    #[error("the record of scheduled reports cannot be read or written: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// One row of it.
    #[error("the record of report `{name}` over {period} cannot be read: {source}")]
    Body {
        /// The schedule's name.
        name: String,
        /// The period.
        period: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Entry {
    /// Of a report that was not tried yet.
    pub(super) fn new(state: State, about: String, form: Option<String>) -> Entry {
        Entry {
            state,
            about,
            form,
            issued: None,
            attempts: 0,
            again_ms: None,
            problem: None,
            made_ms: None,
            folder: PathBuf::new(),
            files: Vec::new(),
            missing: Vec::new(),
            letters: Vec::new(),
        }
    }

    /// Where it cannot be known what was made.
    pub(super) fn unreadable(error: &RecordError) -> Entry {
        let mut entry = Entry::new(State::LeftOut, "?".to_owned(), None);
        entry.problem = Some(error.to_string());
        entry
    }

    /// Whether something of it waits for the printer.
    pub fn waits_for_printer(&self) -> bool {
        self.missing.iter().any(|missing| missing.job.is_some())
    }

    fn standing(&self) -> Standing {
        match (self.state, self.again_ms) {
            (State::Made | State::LeftOut, _) => Standing::Done,
            (State::Failing, again) => Standing::Again(Timestamp(again.unwrap_or_default())),
        }
    }
}

/// What was decided of a schedule before.
pub(super) fn before(connection: &Connection, name: &str, every: Every) -> Result<Before, RecordError> {
    let since: Option<String> = connection
        .prepare_cached("SELECT since FROM schedule WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let periods = entries(connection, name)?;
    Ok(Before {
        // What was a monthly report and is a yearly one now begins anew.
        since: since.and_then(|since| Slot::parse(every, &since)),
        periods: periods.into_iter().map(|(period, entry)| (period, entry.standing())).collect(),
    })
}

/// Remembers the first period that a schedule is for.
pub(super) fn set_since(connection: &Connection, name: &str, since: Slot) -> Result<(), RecordError> {
    connection
        .prepare_cached(
            "INSERT INTO schedule VALUES (?1, ?2) ON CONFLICT DO UPDATE SET since = excluded.since",
        )?
        .execute([name, &since.text()])?;
    Ok(())
}

/// The entries of a schedule, by period.
pub(super) fn entries(connection: &Connection, name: &str) -> Result<BTreeMap<String, Entry>, RecordError> {
    let all = connection
        .prepare_cached("SELECT period, body FROM scheduled WHERE name = ?1")?
        .query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    all.into_iter().map(|(period, body)| Ok((period.clone(), read(name, period, &body)?))).collect()
}

/// One entry.
pub(super) fn entry(connection: &Connection, name: &str, period: &str) -> Result<Option<Entry>, RecordError> {
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM scheduled WHERE name = ?1 AND period = ?2")?
        .query_row([name, period], |row| row.get(0))
        .optional()?;
    body.map(|body| read(name, period.to_owned(), &body)).transpose()
}

/// A schedule, a period, and what is kept of the two.
pub(super) type Kept = (String, String, Result<Entry, RecordError>);

/// Every entry of every schedule, also of those that are not configured any more.
pub(super) fn all(connection: &Connection) -> Result<Vec<Kept>, RecordError> {
    let rows = connection
        .prepare_cached("SELECT name, period, body FROM scheduled ORDER BY period DESC, name")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<Vec<(String, String, String)>, _>>()?;
    let entry = |(name, period, body): (String, String, String)| {
        let entry = read(&name, period.clone(), &body);
        (name, period, entry)
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Writes an entry; durable on return.
pub(super) fn put(
    connection: &Connection,
    name: &str,
    period: &str,
    entry: &Entry,
) -> Result<(), RecordError> {
    let body = serde_json::to_string(entry).map_err(|source| RecordError::Body {
        name: name.to_owned(),
        period: period.to_owned(),
        source,
    })?;
    connection
        .prepare_cached(
            "INSERT INTO scheduled VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET body = excluded.body",
        )?
        .execute(params![name, period, body])?;
    Ok(())
}

fn read(name: &str, period: String, body: &str) -> Result<Entry, RecordError> {
    let wrong = |source| RecordError::Body { name: name.to_owned(), period, source };
    serde_json::from_str(body).map_err(wrong)
}
