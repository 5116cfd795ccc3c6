//! The admin API: what commands ask of a running collector, over the Unix socket `<data_dir>/admin.sock`.
//!
//! Only the collector's own user (and root) can open the socket; who asks for what is in the log. The routes are
//! below `/v1/`: `GET snapshot`, `GET digest`, `POST rebuild`, `GET report`, `GET quarantine`, `POST change`,
//! `GET alerts`, `POST alerts/silence`, `POST alerts/silence/end`, `POST alerts/ack`. What changes the ledger stands
//! in the audit chain with the user at the other end; silences and acknowledgements bear that user's name.
//! [`client`] is the other end.

pub mod alerts;
pub mod change;
pub mod client;
pub mod instant;
pub mod quarantine;
mod routes;
mod socket;

use crate::audit::Who;
use crate::desk::silence::{Ack, Silence};
use crate::desk::{AckRequest, EndRequest, SilenceRequest};
use crate::outputs::alerts::listing::Listing;
use crate::outputs::snapshot::Snapshot;
use alerts::AlertsQuestion;
use change::{ChangeAnswer, ChangeRequest};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wattledger_model::time::Interval;

pub use socket::AdminSocket;

/// The socket's name in the data directory.
pub const SOCKET_NAME: &str = "admin.sock";

/// Time for open requests to end after the stop.
const DRAIN: Duration = Duration::from_secs(5);

/// The socket of the collector with that data directory.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(SOCKET_NAME)
}

/// An answer that comes later: the engine works on its own thread.
pub type Answer<T> = BoxFuture<'static, Result<T, AdminError>>;

/// What the engine does when asked.
pub trait AdminActions: Send + Sync {
    /// The latest snapshot, as the page shows it.
    fn snapshot(&self) -> Answer<Arc<Snapshot>>;

    /// The ledger's digest, over all of it or over an interval.
    fn digest(&self, interval: Option<Interval>) -> Answer<DigestAnswer>;

    /// Makes the ledger again from the raw readings.
    fn rebuild(&self, who: Who) -> Answer<RebuildAnswer>;

    /// A report, ready to be written to a file.
    fn report(&self, request: ReportRequest) -> Answer<Document>;

    /// What is in quarantine, with all that was refused so far.
    fn quarantine(&self, question: quarantine::Question) -> Answer<quarantine::Listing>;

    /// Corrects, withdraws, admits or discards.
    fn change(&self, request: ChangeRequest, who: Who) -> Answer<ChangeAnswer>;

    /// What is up, the silences, and as much of the past as was asked for.
    fn alerts(&self, question: AlertsQuestion) -> Answer<Listing>;

    /// Silences alerts.
    fn silence(&self, request: SilenceRequest, who: Who) -> Answer<Silence>;

    /// Ends a silence.
    fn end_silence(&self, request: EndRequest, who: Who) -> Answer<Silence>;

    /// Acknowledges an alert.
    fn acknowledge(&self, request: AckRequest, who: Who) -> Answer<Ack>;
}

/// A ledger digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestAnswer {
    /// The digest, hexadecimal.
    pub digest: String,
    /// Ledger minutes in it.
    pub minutes: u64,
    /// Steps in it.
    pub steps: u64,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RebuildAnswer {
    /// Readings it went through.
    pub readings: u64,
    /// Ledger minutes it changed; 0 if the ledger was right.
    pub changed_minutes: u64,
    /// Digest before.
    pub digest_before: String,
    /// Digest after.
    pub digest_after: String,
    /// Time it took, seconds.
    pub seconds: f64,
}

/// A question for a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRequest {
    /// The facility's name.
    pub facility: String,
    /// `2025`, `2025-03` or `2025-03-01/2025-04-01`, in the facility's local dates.
    pub period: String,
    /// How it is written.
    pub format: ReportFormat,
    /// As it was known at this time, RFC 3339 or local to the facility's site; `None` for now.
    #[serde(default)]
    pub known_at: Option<String>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    /// For reading on a terminal.
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

impl ReportFormat {
    /// The word on the command line and in the route.
    pub const fn word(self) -> &'static str {
        match self {
            ReportFormat::Text => "text",
            ReportFormat::Json => "json",
            ReportFormat::Csv => "csv",
        }
    }

    /// The end of its files' names.
    pub const fn extension(self) -> &'static str {
        match self {
            ReportFormat::Text => "txt",
            ReportFormat::Json => "json",
            ReportFormat::Csv => "csv",
        }
    }

    /// Whether it is a laid out document, and so in a language.
    pub const fn is_document(self) -> bool {
        match self {
            ReportFormat::Text | ReportFormat::Json | ReportFormat::Csv => false,
        }
    }
}

impl FromStr for ReportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportFormat, String> {
        let all = [ReportFormat::Text, ReportFormat::Json, ReportFormat::Csv];
        let found = all.into_iter().find(|format| format.word() == text);
        found.ok_or_else(|| format!("`{text}` is not a report format; use text, json or csv"))
    }
}

/// Bytes and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Media type, such as `text/csv; charset=utf-8`.
    pub content_type: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Why an action was not done, by what the caller does next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The thing asked about does not exist: name another.
    #[error("{0}")]
    NotFound(String),
    /// The question is wrong: ask otherwise.
    #[error("{0}")]
    Invalid(String),
    /// The collector is busy with the like, or stopping: ask again later.
    #[error("{0}")]
    Busy(String),
    /// It went wrong; the log has more.
    #[error("{0}")]
    Failed(String),
}

/// Why the admin socket is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another collector answers on the socket.
    #[error("another collector is running with this data directory: it answers on {path}")]
    AlreadyRunning {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is not a socket has its name.
    #[error("{path} is not a socket; move it away")]
    NotASocket {
        /// What is in the way.
        path: PathBuf,
    },
    /// The system's limit on a socket's path.
    #[error("the path {path} has {bytes} bytes, and a socket's may have {limit}; choose a shorter data_dir")]
    PathTooLong {
        /// The socket.
        path: PathBuf,
        /// Length of the path.
        bytes: usize,
        /// The longest that works.
        limit: usize,
    },
    /// The system says no.
    #[error("cannot make the admin socket {path}")]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Answers on the socket until `stop` is true or its sender is gone, then removes it.
pub async fn serve(
    socket: AdminSocket,
    actions: Arc<dyn AdminActions>,
    stop: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let (listener, made) = socket.into_parts();
    let path = made.path().to_owned();
    let app = routes::router(actions).into_make_service_with_connect_info::<routes::Peer>();
    let mut stopping = stop.clone();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move { stopped(stop).await });
    let deadline = async move {
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => served.map_err(|source| ServeError::Io { path, source }),
        () = deadline => Ok(()),
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}
