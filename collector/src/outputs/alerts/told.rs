//! Who was told of which turn of which alert, and when: what decides whether anybody has to be told now.

use super::decide::Turn;
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeMap;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

/// How long it is remembered, of alerts that are remembered no more.
const KEPT_MS: i64 = 400 * DAY_MINUTES * MINUTE_MS;

/// What one channel knows of one alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// That it was raised.
    pub(crate) raised: Option<Raised>,
    /// When it was told that it is cleared, or when it was settled that it will not be.
    pub(crate) cleared: Option<Timestamp>,
    /// Since when a turn waits for others of its group.
    pub(crate) noticed: BTreeMap<&'static str, Timestamp>,
}

/// A channel was told that an alert is raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raised {
    /// When, the last time.
    pub(crate) at: Timestamp,
    /// The key of the first message that said so.
    pub(crate) key: String,
    /// How often.
    pub(crate) times: u32,
}

/// What every channel knows of every alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told(BTreeMap<(String, String), Heard>);

impl Told {
    /// What a channel knows of an alert.
    pub(crate) fn of(&self, channel: &str, alarm: &str) -> Option<&Heard> {
        self.0.get(&(channel.to_owned(), alarm.to_owned()))
    }

    /// Notes that a channel was told of a turn, under a key: what [`keep`] does on disk.
    #[cfg(test)]
    pub(crate) fn tell(&mut self, channel: &str, alarm: &str, turn: Turn, key: &str, now: Timestamp) {
        let heard = self.heard(channel, alarm);
        heard.noticed.remove(turn.word());
        match (turn, &mut heard.raised) {
            (Turn::Cleared, _) => heard.cleared = Some(now),
            (Turn::Raised, Some(raised)) => {
                (raised.at, raised.times) = (now, raised.times.saturating_add(1));
            }
            (Turn::Raised, none) => *none = Some(Raised { at: now, key: key.to_owned(), times: 1 }),
        }
    }

    /// Notes since when a turn waits.
    pub(crate) fn notice(&mut self, channel: &str, alarm: &str, turn: Turn, now: Timestamp) {
        self.heard(channel, alarm).noticed.entry(turn.word()).or_insert(now);
    }

    fn heard(&mut self, channel: &str, alarm: &str) -> &mut Heard {
        self.0.entry((channel.to_owned(), alarm.to_owned())).or_default()
    }

    /// What is remembered of these alerts.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) fn load<'a>(
        connection: &Connection,
        alarms: impl Iterator<Item = &'a str>,
    ) -> rusqlite::Result<Told> {
        let mut told = Told::default();
        let mut turns = connection
            .prepare_cached("SELECT channel, turn, at_ms, key, times FROM told WHERE alarm = ?1")?;
        let mut waits =
            connection.prepare_cached("SELECT channel, turn, at_ms FROM noticed WHERE alarm = ?1")?;
        for alarm in alarms {
            let mut rows = turns.query([alarm])?;
            while let Some(row) = rows.next()? {
                let (channel, turn): (String, String) = (row.get(0)?, row.get(1)?);
                let at = Timestamp(row.get(2)?);
                let heard = told.heard(&channel, alarm);
                if turn == Turn::Raised.word() {
                    heard.raised = Some(Raised { at, key: row.get(3)?, times: row.get(4)? });
                } else {
                    heard.cleared = Some(at);
                }
            }
            let mut rows = waits.query([alarm])?;
            while let Some(row) = rows.next()? {
                let (channel, turn): (String, String) = (row.get(0)?, row.get(1)?);
                let turn = if turn == Turn::Raised.word() { Turn::Raised } else { Turn::Cleared };
                told.notice(&channel, alarm, turn, Timestamp(row.get(2)?));
            }
        }
        Ok(told)
    }
}

/// Alerts of which somebody knows that they were raised, and not that they are cleared.
///
/// # Errors
/// SQLite's.
pub(crate) fn unfinished(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(
            "SELECT DISTINCT alarm FROM told AS raised WHERE turn = 'raised' AND NOT EXISTS (
                 SELECT 1 FROM told AS cleared WHERE cleared.channel = raised.channel
                 AND cleared.alarm = raised.alarm AND cleared.turn = 'cleared')",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// The keys under which a channel was told that these alerts are raised.
///
/// # Errors
/// SQLite's.
pub(super) fn raised_as<'a>(
    connection: &Connection,
    channel: &str,
    alarms: impl Iterator<Item = &'a str>,
) -> rusqlite::Result<Vec<String>> {
    let mut keys = Vec::new();
    let mut select = connection
        .prepare_cached("SELECT key FROM told WHERE channel = ?1 AND alarm = ?2 AND turn = 'raised'")?;
    for alarm in alarms {
        let mut rows = select.query([channel, alarm])?;
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

/// Keeps that a channel is told of a turn under a key.
pub(super) fn keep(
    within: &Transaction<'_>,
    channel: &str,
    alarm: &str,
    turn: Turn,
    key: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    within
        .prepare_cached(
            "INSERT INTO told VALUES (?1, ?2, ?3, ?4, ?5, 1)
             ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, times = times + 1",
        )?
        .execute(params![channel, alarm, turn.word(), now.0, key])?;
    within
        .prepare_cached("DELETE FROM noticed WHERE channel = ?1 AND alarm = ?2 AND turn = ?3")?
        .execute(params![channel, alarm, turn.word()])
        .map(drop)
}

/// Keeps since when a turn waits for others of its group.
pub(super) fn keep_noticed(
    within: &Transaction<'_>,
    channel: &str,
    alarm: &str,
    turn: Turn,
    now: Timestamp,
) -> rusqlite::Result<()> {
    within
        .prepare_cached("INSERT OR IGNORE INTO noticed VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![channel, alarm, turn.word(), now.0])
        .map(drop)
}

/// Forgets what is older than what is remembered of alerts, and was of one that is over.
pub(super) fn forget_old(within: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let before = now.0.saturating_sub(KEPT_MS);
    for table in ["told", "noticed"] {
        within.execute(
            &format!("DELETE FROM {table} WHERE at_ms < ?1 AND alarm NOT IN (SELECT id FROM alarm)"),
            [before],
        )?;
    }
    Ok(())
}
