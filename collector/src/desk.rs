//! The desk at which people say what they know of alerts: one for a collector, shared by its socket, its page and
//! whoever tells of alerts. Without a running collector, commands use one of their own on the same file.

pub mod silence;

use self::silence::{Ack, Matcher, Silence, SilenceError};
use crate::outputs::alerts::alarm;
use crate::outputs::alerts::listing::{self, Listing};
use crate::outputs::remembered;
use crate::outputs::snapshot::AlertView;
use crate::store::{Layout, StoreError};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use wattledger_model::time::Timestamp;

/// Alerts that nobody shall be told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceRequest {
    /// Which: all of these must hold.
    pub matchers: Vec<Matcher>,
    /// For how long from now, s.
    pub for_s: u64,
    /// Why.
    pub reason: String,
}

/// A silence that shall end now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndRequest {
    /// The silence.
    pub id: String,
}

/// An alert that somebody looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AckRequest {
    /// The alert.
    pub alert: String,
    /// What they say.
    pub note: String,
}

/// Why something said is not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// It cannot be meant so, or cannot be kept.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// There is no such alert.
    #[error("no alert `{id}` is up; `wattledger alerts list` shows those that are")]
    Unknown {
        /// What was named.
        id: String,
    },
    /// It is over.
    #[error("alert `{id}` was cleared at {at}; there is nothing to look after")]
    Cleared {
        /// The alert.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// The outputs' file cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be read or written.
    #[error("what alerts remember cannot be read or written: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl DeskError {
    /// Whether what was named is not there, or no more.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            DeskError::Unknown { .. }
                | DeskError::Cleared { .. }
                | DeskError::Silence(SilenceError::NoSilence { .. })
        )
    }

    /// Whether the disk is to blame, and not who asked.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            DeskError::Store(_) | DeskError::Sqlite(_) | DeskError::Silence(SilenceError::Sqlite(_))
        )
    }
}

/// See the module.
pub struct Desk {
    layout: Layout,
    now: fn() -> Timestamp,
    /// How often something was said.
    said: watch::Sender<u64>,
    open: Mutex<Option<Open>>,
}

struct Open {
    connection: Connection,
    silences: Vec<Silence>,
    acks: Vec<Ack>,
}

impl Desk {
    /// A desk on a collector's outputs' file, which is opened when it is first needed.
    pub fn new(layout: Layout, now: fn() -> Timestamp) -> Desk {
        Desk { layout, now, said: watch::Sender::new(0), open: Mutex::new(None) }
    }

    /// Counts what is said at this desk: whoever tells of alerts looks again when it moves.
    pub fn said(&self) -> watch::Receiver<u64> {
        self.said.subscribe()
    }

    /// What is up, the silences, and what was up in the last `past` time. Reads the disk.
    ///
    /// # Errors
    /// [`DeskError`] where the file cannot be read.
    pub fn listing(&self, past: Option<Duration>) -> Result<Listing, DeskError> {
        self.with(|open| Ok(listing::read(&open.connection, (self.now)(), past)?))
    }

    /// Silences alerts. Durable on return.
    ///
    /// # Errors
    /// [`DeskError`] by what the caller does next.
    pub fn silence(&self, request: &SilenceRequest, by: &str) -> Result<Silence, DeskError> {
        let lasts = Duration::from_secs(request.for_s);
        let silence = Silence::new(request.matchers.clone(), (self.now)(), lasts, by, &request.reason)?;
        let kept = self.with(|open| {
            let kept = silence::keep_silence(&open.connection, silence)?;
            open.silences = silence::silences(&open.connection)?;
            Ok(kept)
        })?;
        let Silence { id, until, reason, .. } = &kept;
        let matchers: Vec<String> = kept.matchers.iter().map(Matcher::to_string).collect();
        tracing::info!(id, by, %until, reason, matchers = matchers.join(" "), "alerts silenced");
        self.said.send_modify(|said| *said += 1);
        Ok(kept)
    }

    /// Ends a silence before its time. Durable on return.
    ///
    /// # Errors
    /// [`DeskError`] by what the caller does next.
    pub fn end_silence(&self, request: &EndRequest, by: &str) -> Result<Silence, DeskError> {
        let ended = self.with(|open| {
            let ended = silence::end_silence(&open.connection, &request.id, (self.now)())?;
            open.silences = silence::silences(&open.connection)?;
            Ok(ended)
        })?;
        tracing::info!(id = ended.id, by, "silence ended");
        self.said.send_modify(|said| *said += 1);
        Ok(ended)
    }

    /// Acknowledges an alert that is up. Durable on return.
    ///
    /// # Errors
    /// [`DeskError`] by what the caller does next.
    pub fn acknowledge(&self, request: &AckRequest, by: &str) -> Result<Ack, DeskError> {
        let ack = Ack::new(&request.alert, (self.now)(), by, &request.note)?;
        self.with(|open| {
            let id: String = request.alert.chars().take(100).collect();
            match alarm::find(&open.connection, &request.alert)? {
                None => return Err(DeskError::Unknown { id }),
                Some(alarm) => {
                    if let Some(at) = alarm.cleared_ms {
                        return Err(DeskError::Cleared { id, at: Timestamp(at) });
                    }
                }
            }
            silence::keep_ack(&open.connection, &ack)?;
            open.acks = silence::acks(&open.connection)?;
            Ok(())
        })?;
        tracing::info!(alert = ack.alarm, by, note = ack.note, "alert acknowledged");
        self.said.send_modify(|said| *said += 1);
        Ok(ack)
    }

    /// Silences in force or to come.
    ///
    /// # Errors
    /// [`DeskError`] where the file cannot be read.
    pub fn standing(&self) -> Result<Vec<Silence>, DeskError> {
        let now = (self.now)();
        self.with(|open| Ok(open.silences.iter().filter(|silence| now < silence.over()).cloned().collect()))
    }

    /// Alerts with what was said of them. Where the file cannot be read, as they are.
    pub fn marked(&self, mut alerts: Vec<AlertView>) -> Vec<AlertView> {
        if alerts.is_empty() {
            return alerts;
        }
        let now = (self.now)();
        let marked = self.with(|open| {
            for alert in &mut alerts {
                listing::mark(alert, &open.silences, &open.acks, now);
            }
            Ok(())
        });
        if let Err(error) = marked {
            tracing::debug!(%error, "alerts are shown without their silences");
        }
        alerts
    }

    fn with<T>(&self, job: impl FnOnce(&mut Open) -> Result<T, DeskError>) -> Result<T, DeskError> {
        let mut open: MutexGuard<'_, Option<Open>> = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = match open.take() {
            Some(ready) => ready,
            None => {
                let connection = remembered::open(&self.layout)?;
                let (silences, acks) = (silence::silences(&connection)?, silence::acks(&connection)?);
                Open { connection, silences, acks }
            }
        };
        job(open.insert(ready))
    }
}

#[cfg(test)]
mod tests;
