//! Messages that wait for their channel, durable until it has taken them.

use super::message::Message;
use crate::config::Channel;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::sync::{Arc, Mutex, PoisonError};
use wattledger_model::time::Timestamp;

/// Messages that wait for one channel at most; beyond, the oldest is given up.
const MOST_WAITING: i64 = 1_000;

/// A message at the head of a channel's queue.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    pub(super) id: i64,
    /// The message's key.
    pub(super) key: String,
    /// Deliveries that have failed.
    pub(super) attempts: u32,
    /// Not before.
    pub(super) due: Timestamp,
    /// The message.
    pub(super) body: String,
}

/// Puts a message into the queue of a channel. Gives how many had to be given up for it.
pub(super) fn put(
    within: &Transaction<'_>,
    channel: &str,
    message: &Message,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let body = serde_json::to_string(message).expect("a message is plain data");
    within
        .prepare_cached(
            "INSERT INTO outbox (channel, event, attempts, next_ms, body) VALUES (?1, ?2, 0, ?3, ?4)",
        )?
        .execute(params![channel, message.key, now.0, body])?;
    within
        .prepare_cached(
            "DELETE FROM outbox WHERE channel = ?1 AND id NOT IN
             (SELECT id FROM outbox WHERE channel = ?1 ORDER BY id DESC LIMIT ?2)",
        )?
        .execute(params![channel, MOST_WAITING])
}

/// The channels that have messages waiting, and how many.
fn waiting(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    connection
        .prepare_cached("SELECT channel, count(*) FROM outbox GROUP BY channel")?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?
        .collect()
}

/// Gives up what waits for channels that are not configured any more.
pub(super) fn drop_gone(connection: &Connection, channels: &[Channel]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    for (channel, messages) in waiting(&transaction)? {
        if !channels.iter().any(|known| known.name.as_str() == channel) {
            tracing::error!(
                channel,
                messages,
                "alert messages dropped: their channel is not configured any more"
            );
            drop_channel(&transaction, &channel)?;
        }
    }
    transaction.commit()
}

/// Gives up all that waits for a channel.
fn drop_channel(within: &Transaction<'_>, channel: &str) -> rusqlite::Result<()> {
    within.prepare_cached("DELETE FROM outbox WHERE channel = ?1")?.execute([channel]).map(drop)
}

/// The outbox as couriers use it: on a connection of their own, off the runtime's threads.
#[derive(Clone)]
pub(super) struct Outbox {
    connection: Arc<Mutex<Connection>>,
}

impl Outbox {
    pub(super) fn new(connection: Connection) -> Outbox {
        Outbox { connection: Arc::new(Mutex::new(connection)) }
    }

    /// The oldest message of a channel.
    pub(super) async fn head(&self, channel: String) -> rusqlite::Result<Option<Waiting>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, event, attempts, next_ms, body FROM outbox WHERE channel = ?1 ORDER BY id LIMIT 1",
                )?
                .query_row([channel], |row| {
                    Ok(Waiting {
                        id: row.get(0)?,
                        key: row.get(1)?,
                        attempts: row.get(2)?,
                        due: Timestamp(row.get(3)?),
                        body: row.get(4)?,
                    })
                })
                .optional()
        })
        .await
    }

    /// Takes a message out: it is delivered, or given up.
    pub(super) async fn remove(&self, id: i64) -> rusqlite::Result<()> {
        self.with(move |connection| {
            connection.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([id]).map(drop)
        })
        .await
    }

    /// Notes a failed delivery and when to try again.
    pub(super) async fn postpone(&self, id: i64, attempts: u32, due: Timestamp) -> rusqlite::Result<()> {
        self.with(move |connection| {
            connection
                .prepare_cached("UPDATE outbox SET attempts = ?2, next_ms = ?3 WHERE id = ?1")?
                .execute(params![id, attempts, due.0])
                .map(drop)
        })
        .await
    }

    async fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> rusqlite::Result<T> {
        let connection = self.connection.clone();
        let done = tokio::task::spawn_blocking(move || {
            // A panic elsewhere leaves the connection as usable as it was.
            job(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        // Only a runtime that shuts down takes a blocking job away.
        done.await.unwrap_or(Err(rusqlite::Error::InvalidQuery))
    }
}
