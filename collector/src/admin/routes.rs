//! Routes of the admin API, version 1.

use super::change::ChangeRequest;
use super::issue::IssueRequest;
use super::{AdminActions, AdminError, Document, ReportRequest, alerts, quarantine};
use crate::audit::Who;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tokio::net::UnixListener;
use tracing::{info, warn};
use wattledger_model::time::{Interval, Timestamp};

/// The process at the other end of a connection, where the system tells.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Peer {
    uid: Option<u32>,
    pid: Option<i32>,
}

impl Peer {
    /// Its user.
    pub(super) fn who(self) -> Who {
        Who::user(self.uid)
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Peer {
        match stream.io().peer_cred() {
            Ok(peer) => Peer { uid: Some(peer.uid()), pid: peer.pid() },
            Err(_) => Peer::default(),
        }
    }
}

/// Bytes of a request to change something, at most: ten thousand numbers and a reason.
const LARGEST_CHANGE: usize = 1 << 20;

type Actions = State<Arc<dyn AdminActions>>;

pub(super) fn router(actions: Arc<dyn AdminActions>) -> Router {
    Router::new()
        .route("/v1/snapshot", get(snapshot))
        .route("/v1/digest", get(digest))
        .route("/v1/rebuild", post(rebuild))
        .route("/v1/report", get(report))
        .route("/v1/issue", post(issue).layer(DefaultBodyLimit::max(LARGEST_CHANGE)))
        .route("/v1/quarantine", get(in_quarantine))
        .route("/v1/change", post(change).layer(DefaultBodyLimit::max(LARGEST_CHANGE)))
        .merge(alerts::routes())
        .fallback(async || {
            error(StatusCode::NOT_FOUND, "this collector does not know that command; is it older?")
        })
        .with_state(actions)
        .layer(DefaultBodyLimit::max(0))
        .layer(from_fn(note))
}

/// Writes down who asked for what and how it ended.
async fn note(ConnectInfo(peer): ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let action = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    if response.status().is_server_error() {
        warn!(uid = peer.uid, pid = peer.pid, %method, action, status, "admin action failed");
    } else {
        info!(uid = peer.uid, pid = peer.pid, %method, action, status, "admin action");
    }
    response
}

async fn snapshot(State(actions): Actions) -> Result<Response, AdminError> {
    Ok(Json(&*actions.snapshot().await?).into_response())
}

/// `?from=…&to=…`, RFC 3339, both or neither.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestQuery {
    from: Option<String>,
    to: Option<String>,
}

async fn digest(
    State(actions): Actions,
    query: Result<Query<DigestQuery>, QueryRejection>,
) -> Result<Response, AdminError> {
    let interval = asked_interval(&understood(query)?)?;
    Ok(Json(actions.digest(interval).await?).into_response())
}

fn asked_interval(query: &DigestQuery) -> Result<Option<Interval>, AdminError> {
    let (from, to) = match (&query.from, &query.to) {
        (None, None) => return Ok(None),
        (Some(from), Some(to)) => (whole_minute(from)?, whole_minute(to)?),
        _ => return Err(AdminError::Invalid("give both `from` and `to`, or neither".to_owned())),
    };
    let interval = Interval::new(from.minute(), to.minute());
    if interval.is_empty() {
        return Err(AdminError::Invalid(format!("`to` ({to}) must lie after `from` ({from})")));
    }
    Ok(Some(interval))
}

fn whole_minute(text: &str) -> Result<Timestamp, AdminError> {
    let at = Timestamp::from_rfc3339(text).filter(|at| at.minute().start() == *at);
    at.ok_or_else(|| {
        AdminError::Invalid(format!("`{text}` is not a whole minute such as 2026-03-02T09:58:00Z"))
    })
}

async fn rebuild(
    ConnectInfo(peer): ConnectInfo<Peer>,
    State(actions): Actions,
) -> Result<Response, AdminError> {
    Ok(Json(actions.rebuild(peer.who()).await?).into_response())
}

async fn in_quarantine(
    State(actions): Actions,
    query: Result<Query<quarantine::Question>, QueryRejection>,
) -> Result<Response, AdminError> {
    Ok(Json(actions.quarantine(understood(query)?).await?).into_response())
}

async fn change(
    ConnectInfo(peer): ConnectInfo<Peer>,
    State(actions): Actions,
    body: Result<Json<ChangeRequest>, JsonRejection>,
) -> Result<Response, AdminError> {
    let Json(request) = body.map_err(|rejection| AdminError::Invalid(rejection.body_text()))?;
    Ok(Json(actions.change(request, peer.who()).await?).into_response())
}

async fn issue(
    ConnectInfo(peer): ConnectInfo<Peer>,
    State(actions): Actions,
    body: Result<Json<IssueRequest>, JsonRejection>,
) -> Result<Response, AdminError> {
    let Json(request) = body.map_err(|rejection| AdminError::Invalid(rejection.body_text()))?;
    Ok(Json(actions.issue(request, peer.who()).await?).into_response())
}

async fn report(
    State(actions): Actions,
    query: Result<Query<ReportRequest>, QueryRejection>,
) -> Result<Response, AdminError> {
    let Document { content_type, bytes } = actions.report(understood(query)?).await?;
    Ok(([(header::CONTENT_TYPE, content_type)], bytes).into_response())
}

pub(super) fn understood<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, AdminError> {
    query.map(|Query(query)| query).map_err(|rejection| AdminError::Invalid(rejection.body_text()))
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let status = match self {
            AdminError::NotFound(_) => StatusCode::NOT_FOUND,
            AdminError::Invalid(_) => StatusCode::BAD_REQUEST,
            AdminError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            AdminError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        error(status, &self.to_string())
    }
}

fn error(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}
