//! Alarms: one raise with what became of it, as those read it who tell people of it.
//!
//! A row is written in the transaction that decides it, and never deleted while it is up. `raised` stays as it was
//! told, `latest` has the figures of now.

use super::message::Message;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

/// What has been cleared for this long is let go.
const KEPT_MS: i64 = 400 * DAY_MINUTES * MINUTE_MS;

const COLUMNS: &str =
    "id, rule, facility, subject, raised_ms, cleared_ms, judged_ms, raised, latest, cleared";

/// One alert from its raise on.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Its identity.
    pub id: String,
    /// The rule that raised it.
    pub rule: String,
    /// The facility.
    pub facility: String,
    /// Whom it is about, in words.
    pub subject: String,
    /// When it was raised, ms since the epoch.
    pub raised_ms: i64,
    /// When it was cleared; `None` while it is up.
    pub cleared_ms: Option<i64>,
    /// The last minute for which it was judged.
    pub judged_ms: i64,
    /// What was said when it was raised.
    pub raised: Message,
    /// The same with the figures of now, while it is up.
    pub latest: Message,
    /// What was said when it was cleared.
    pub cleared: Option<Message>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Alarm> {
    let message = |at: usize| -> rusqlite::Result<Option<Message>> {
        let Some(text) = row.get::<_, Option<String>>(at)? else { return Ok(None) };
        let failed =
            |error| rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, error);
        serde_json::from_str(&text).map(Some).map_err(|error| failed(Box::new(error)))
    };
    let needed = |at: usize| {
        message(at)?
            .ok_or_else(|| rusqlite::Error::InvalidColumnType(at, String::new(), rusqlite::types::Type::Null))
    };
    Ok(Alarm {
        id: row.get(0)?,
        rule: row.get(1)?,
        facility: row.get(2)?,
        subject: row.get(3)?,
        raised_ms: row.get(4)?,
        cleared_ms: row.get(5)?,
        judged_ms: row.get(6)?,
        raised: needed(7)?,
        latest: needed(8)?,
        cleared: message(9)?,
    })
}

fn all(connection: &Connection, which: &str, with: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Vec<Alarm>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM alarm WHERE {which} ORDER BY raised_ms, id"))?
        .query_map(with, read)?
        .collect()
}

/// The alarms that are up, in the order in which they were raised.
///
/// # Errors
/// SQLite's.
pub fn open(connection: &Connection) -> rusqlite::Result<Vec<Alarm>> {
    all(connection, "cleared_ms IS NULL", &[])
}

/// The alarms that were up at some time of `[from_ms, to_ms)`, in the order in which they were raised.
///
/// # Errors
/// SQLite's.
pub fn history(connection: &Connection, from_ms: i64, to_ms: i64) -> rusqlite::Result<Vec<Alarm>> {
    all(connection, "raised_ms < ?2 AND (cleared_ms IS NULL OR cleared_ms >= ?1)", params![from_ms, to_ms])
}

/// The alarm of an identity.
///
/// # Errors
/// SQLite's.
pub fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<Alarm>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM alarm WHERE id = ?1"))?
        .query_row([id], read)
        .optional()
}

/// Writes an alarm as it is now, inside the transaction that decides it.
///
/// # Errors
/// SQLite's.
pub fn put(within: &Transaction<'_>, alarm: &Alarm) -> rusqlite::Result<()> {
    let text = |message: &Message| serde_json::to_string(message).expect("a message is plain data");
    within
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO alarm ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute(params![
            alarm.id,
            alarm.rule,
            alarm.facility,
            alarm.subject,
            alarm.raised_ms,
            alarm.cleared_ms,
            alarm.judged_ms,
            text(&alarm.raised),
            text(&alarm.latest),
            alarm.cleared.as_ref().map(text),
        ])
        .map(drop)
}

/// Lets go what was cleared long ago.
pub(super) fn forget_old(within: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    within
        .prepare_cached("DELETE FROM alarm WHERE cleared_ms < ?1")?
        .execute([now.0.saturating_sub(KEPT_MS)])
        .map(drop)
}
