//! The command line's end of the admin socket.

use super::alerts::AlertsQuestion;
use super::change::{ChangeAnswer, ChangeRequest};
use super::issue::{IssueAnswer, IssueRequest};
use super::quarantine::{Listing, Question};
use super::{AdminError, DigestAnswer, Document, RebuildAnswer, ReportRequest};
use crate::desk::silence::{Ack, Silence};
use crate::desk::{AckRequest, EndRequest, SilenceRequest};
use crate::outputs::alerts::listing;
use crate::outputs::reports::document::Lang;
use crate::outputs::snapshot::Snapshot;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;
use wattledger_model::time::Interval;

/// Asks the collector behind one socket.
#[derive(Debug, Clone)]
pub struct AdminClient {
    path: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No collector runs with this data directory. The store may be opened directly.
    #[error("no collector is running: nobody listens on {path}")]
    NotRunning {
        /// The socket.
        path: PathBuf,
    },
    /// The socket is another user's.
    #[error("the collector's socket {path} belongs to another user; run the command as that user")]
    NotPermitted {
        /// The socket.
        path: PathBuf,
    },
    /// The collector understood and said no.
    #[error(transparent)]
    Refused(#[from] AdminError),
    /// The connection failed in the middle: whether the action was done is not known.
    #[error("the connection to the collector on {path} broke; look at its log: {detail}")]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What broke.
        detail: String,
    },
}

impl AdminClient {
    /// A client for the socket at this path; nothing is opened yet.
    pub fn new(socket: impl Into<PathBuf>) -> AdminClient {
        AdminClient { path: socket.into() }
    }

    /// A client for the collector with that data directory.
    pub fn of_data_dir(data_dir: &Path) -> AdminClient {
        AdminClient::new(super::socket_path(data_dir))
    }

    /// What the page shows now.
    pub async fn snapshot(&self) -> Result<Snapshot, ClientError> {
        self.parsed(Method::GET, "/v1/snapshot").await
    }

    /// The ledger's digest, over all of it or over an interval.
    pub async fn digest(&self, interval: Option<Interval>) -> Result<DigestAnswer, ClientError> {
        let target = match interval {
            Some(Interval { from, to }) => format!("/v1/digest?from={from}&to={to}"),
            None => "/v1/digest".to_owned(),
        };
        self.parsed(Method::GET, &target).await
    }

    /// Makes the ledger again from the raw readings.
    pub async fn rebuild(&self) -> Result<RebuildAnswer, ClientError> {
        self.parsed(Method::POST, "/v1/rebuild").await
    }

    /// A report, ready to be written to a file.
    pub async fn report(&self, request: &ReportRequest) -> Result<Document, ClientError> {
        let (facility, period) = (percent_encoded(&request.facility), percent_encoded(&request.period));
        let format = request.format.word();
        let mut target = format!("/v1/report?facility={facility}&period={period}&format={format}");
        // What is as usual is left out, so that an older collector answers too.
        let lang = (request.lang != Lang::default()).then(|| request.lang.word().to_owned());
        for (key, value) in [("known_at", &request.known_at), ("lang", &lang), ("form", &request.form)] {
            if let Some(value) = value {
                target.push_str(&format!("&{key}={}", percent_encoded(value)));
            }
        }
        self.ask(Method::GET, &target, Bytes::new()).await
    }

    /// Issues a report.
    pub async fn issue(&self, request: &IssueRequest) -> Result<IssueAnswer, ClientError> {
        self.said("/v1/issue", request).await
    }

    /// What is in quarantine.
    pub async fn quarantine(&self, question: &Question) -> Result<Listing, ClientError> {
        let mut target = format!("/v1/quarantine?limit={}", question.limit);
        for (key, value) in [("cause", &question.cause), ("meter", &question.meter)] {
            if let Some(value) = value {
                target.push_str(&format!("&{key}={}", percent_encoded(value)));
            }
        }
        self.parsed(Method::GET, &target).await
    }

    /// Corrects, withdraws, admits or discards.
    pub async fn change(&self, request: &ChangeRequest) -> Result<ChangeAnswer, ClientError> {
        self.said("/v1/change", request).await
    }

    /// What is up, the silences, and as much of the past as is asked for.
    pub async fn alerts(&self, question: AlertsQuestion) -> Result<listing::Listing, ClientError> {
        self.parsed(Method::GET, &format!("/v1/alerts?past_days={}", question.past_days)).await
    }

    /// Silences alerts.
    pub async fn silence(&self, request: &SilenceRequest) -> Result<Silence, ClientError> {
        self.said("/v1/alerts/silence", request).await
    }

    /// Ends a silence.
    pub async fn end_silence(&self, request: &EndRequest) -> Result<Silence, ClientError> {
        self.said("/v1/alerts/silence/end", request).await
    }

    /// Acknowledges an alert.
    pub async fn acknowledge(&self, request: &AckRequest) -> Result<Ack, ClientError> {
        self.said("/v1/alerts/ack", request).await
    }

    async fn said<T: DeserializeOwned>(&self, target: &str, what: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(what).map_err(|error| self.broken(error))?;
        let answer = self.ask(Method::POST, target, body.into()).await?;
        serde_json::from_slice(&answer.bytes).map_err(|error| self.broken(error))
    }

    async fn parsed<T: DeserializeOwned>(&self, method: Method, target: &str) -> Result<T, ClientError> {
        let answer = self.ask(method, target, Bytes::new()).await?;
        serde_json::from_slice(&answer.bytes).map_err(|error| self.broken(error))
    }

    async fn ask(&self, method: Method, target: &str, body: Bytes) -> Result<Document, ClientError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|error| self.unreachable(error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(error))?;
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| self.broken(error))?;
        let connection = tokio::spawn(connection);
        let answered = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        };
        let answered = answered.await.map_err(|error| self.broken(error));
        connection.abort();
        let (head, body) = answered?;
        if !head.status.is_success() {
            return Err(refusal(head.status, &body).into());
        }
        let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok());
        Ok(Document { content_type: content_type.unwrap_or_default().to_owned(), bytes: body.to_vec() })
    }

    fn unreachable(&self, error: io::Error) -> ClientError {
        let path = self.path.clone();
        match error.kind() {
            // No file; a file that a killed collector left; something else in its place.
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => ClientError::NotRunning { path },
            ErrorKind::PermissionDenied => ClientError::NotPermitted { path },
            _ => self.broken(error),
        }
    }

    fn broken(&self, error: impl ToString) -> ClientError {
        ClientError::Broken { path: self.path.clone(), detail: error.to_string() }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: String,
}

fn refusal(status: StatusCode, body: &[u8]) -> AdminError {
    let text = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => body.error,
        Err(_) => format!("the collector answered {status}"),
    };
    match status {
        StatusCode::NOT_FOUND => AdminError::NotFound(text),
        StatusCode::SERVICE_UNAVAILABLE => AdminError::Busy(text),
        status if status.is_client_error() => AdminError::Invalid(text),
        _ => AdminError::Failed(text),
    }
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_with_a_slash_and_a_hostile_name_stay_one_parameter() {
        assert_eq!(percent_encoded("2025-03-01/2025-04-01"), "2025-03-01%2F2025-04-01");
        assert_eq!(percent_encoded("a&b=ü\n"), "a%26b%3D%C3%BC%0A");
    }
}
