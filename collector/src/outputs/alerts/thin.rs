//! Stands in for who decides whom to tell.

use super::alarm;
use super::judge::Watched;
use super::message::Message;
use super::outbox;
use crate::outputs::remembered;
use rusqlite::Connection;
use std::collections::BTreeMap;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

const RECENT_MS: i64 = DAY_MINUTES * MINUTE_MS;

pub(super) fn pass_on(connection: &Connection, rules: &[Watched], now: Timestamp) -> rusqlite::Result<usize> {
    let before = remembered::cursor(connection, "alerts-told")?.unwrap_or_default();
    let mut told: BTreeMap<String, (Vec<String>, bool)> = serde_json::from_str(&before).unwrap_or_default();
    let transaction = connection.unchecked_transaction()?;
    let is_recent = |ms: i64| now.0 - ms <= RECENT_MS;
    let mut sent = 0;
    let mut send = |channels: &[String], message: &Message| -> rusqlite::Result<()> {
        for channel in channels {
            outbox::put(&transaction, channel, message, now)?;
            sent += 1;
        }
        Ok(())
    };
    for alarm in alarm::history(connection, 0, i64::MAX)? {
        if !told.contains_key(&alarm.id) {
            let rule = rules.iter().find(|one| one.rule.name.as_str() == alarm.rule);
            let channels: Vec<String> =
                rule.map_or_else(Vec::new, |one| one.rule.channels.iter().map(ToString::to_string).collect());
            if is_recent(alarm.raised_ms) {
                send(&channels, &alarm.raised)?;
            } else if alarm.cleared_ms.is_none() && is_recent(alarm.judged_ms) {
                send(&channels, &alarm.latest)?;
            } else {
                continue;
            }
            told.insert(alarm.id.clone(), (channels, false));
        }
        if let (Some(cleared), Some((channels, done @ false))) = (&alarm.cleared, told.get_mut(&alarm.id)) {
            send(channels, cleared)?;
            *done = true;
        }
    }
    let after = serde_json::to_string(&told).expect("plain data");
    if after != before {
        remembered::set_cursor(&transaction, "alerts-told", &after)?;
    }
    transaction.commit()?;
    Ok(sent)
}
