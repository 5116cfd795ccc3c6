//! Messages that wait for their channel, durable until it has taken them.

use super::deliver::Failure;
use super::group::Parcel;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use wattledger_model::time::Timestamp;

/// Messages that wait in one queue at most; beyond, the oldest is given up. Each channel has a queue, and each
/// recipient of mail.
const MOST_WAITING: i64 = 1_000;

/// A message that waits.
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

impl Waiting {
    /// What it is.
    ///
    /// # Errors
    /// [`Failure::Refused`] where it cannot be read, which will never change.
    pub(super) fn parcel(&self) -> Result<Parcel, Failure> {
        Parcel::read(&self.body)
            .map_err(|error| Failure::Refused(format!("the message in the outbox cannot be read: {error}")))
    }
}

/// Puts a message into a queue. Gives how many had to be given up for it.
pub(super) fn put(
    within: &Transaction<'_>,
    queue: &str,
    key: &str,
    body: &str,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    within
        .prepare_cached(
            "INSERT INTO outbox (channel, event, attempts, next_ms, body) VALUES (?1, ?2, 0, ?3, ?4)",
        )?
        .execute(params![queue, key, now.0, body])?;
    within
        .prepare_cached(
            "DELETE FROM outbox WHERE channel = ?1 AND id NOT IN
             (SELECT id FROM outbox WHERE channel = ?1 ORDER BY id DESC LIMIT ?2)",
        )?
        .execute(params![queue, MOST_WAITING])
}

/// Gives up what waits in queues that nobody reads any more.
///
/// # Errors
/// SQLite's.
pub(super) fn drop_gone(connection: &Connection, known: &BTreeSet<&str>) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let waiting: Vec<(String, i64)> = transaction
        .prepare_cached("SELECT channel, count(*) FROM outbox GROUP BY channel")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (queue, messages) in waiting.iter().filter(|(queue, _)| !known.contains(queue.as_str())) {
        tracing::error!(queue, messages, "alert messages dropped: their channel is not configured any more");
        transaction.prepare_cached("DELETE FROM outbox WHERE channel = ?1")?.execute([queue])?;
    }
    transaction.commit()
}

/// Everything that waits in a queue, the oldest first.
pub(super) fn all(connection: &Connection, queue: &str) -> rusqlite::Result<Vec<Waiting>> {
    connection
        .prepare_cached(
            "SELECT id, event, attempts, next_ms, body FROM outbox WHERE channel = ?1 ORDER BY id",
        )?
        .query_map([queue], waiting_row)?
        .collect()
}

fn waiting_row(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        id: row.get(0)?,
        key: row.get(1)?,
        attempts: row.get(2)?,
        due: Timestamp(row.get(3)?),
        body: row.get(4)?,
    })
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

    /// The oldest message of a queue.
    pub(super) async fn head(&self, queue: String) -> rusqlite::Result<Option<Waiting>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, event, attempts, next_ms, body FROM outbox WHERE channel = ?1 ORDER BY id LIMIT 1",
                )?
                .query_row([queue], waiting_row)
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

    /// Does something with the connection.
    pub(super) async fn with<T: Send + 'static>(
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
