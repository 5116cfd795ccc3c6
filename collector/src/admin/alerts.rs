//! Alerts at the socket: what is up, and what operators say of it.

use super::{AdminActions, AdminError, routes};
use crate::desk::{AckRequest, DeskError, EndRequest, SilenceRequest};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bytes of what is said, at most: ten matchers and a reason.
const LARGEST: usize = 16 * 1024;

/// How much of the past is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertsQuestion {
    /// Also what was raised within so many days and is over; 0 for none.
    #[serde(default)]
    pub past_days: u32,
}

type Actions = State<Arc<dyn AdminActions>>;

pub(super) fn routes() -> Router<Arc<dyn AdminActions>> {
    Router::new()
        .route("/v1/alerts", get(list))
        .route("/v1/alerts/silence", post(silence).layer(DefaultBodyLimit::max(LARGEST)))
        .route("/v1/alerts/silence/end", post(end).layer(DefaultBodyLimit::max(LARGEST)))
        .route("/v1/alerts/ack", post(acknowledge).layer(DefaultBodyLimit::max(LARGEST)))
}

async fn list(
    State(actions): Actions,
    query: Result<Query<AlertsQuestion>, QueryRejection>,
) -> Result<Response, AdminError> {
    Ok(Json(actions.alerts(routes::understood(query)?).await?).into_response())
}

async fn silence(
    ConnectInfo(peer): ConnectInfo<routes::Peer>,
    State(actions): Actions,
    body: Result<Json<SilenceRequest>, JsonRejection>,
) -> Result<Response, AdminError> {
    Ok(Json(actions.silence(said(body)?, peer.who()).await?).into_response())
}

async fn end(
    ConnectInfo(peer): ConnectInfo<routes::Peer>,
    State(actions): Actions,
    body: Result<Json<EndRequest>, JsonRejection>,
) -> Result<Response, AdminError> {
    Ok(Json(actions.end_silence(said(body)?, peer.who()).await?).into_response())
}

async fn acknowledge(
    ConnectInfo(peer): ConnectInfo<routes::Peer>,
    State(actions): Actions,
    body: Result<Json<AckRequest>, JsonRejection>,
) -> Result<Response, AdminError> {
    Ok(Json(actions.acknowledge(said(body)?, peer.who()).await?).into_response())
}

fn said<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, AdminError> {
    body.map(|Json(said)| said).map_err(|rejection| AdminError::Invalid(rejection.body_text()))
}

impl From<DeskError> for AdminError {
    fn from(error: DeskError) -> AdminError {
        let text = error.to_string();
        if error.is_not_found() {
            AdminError::NotFound(text)
        } else if error.is_failure() {
            AdminError::Failed(text)
        } else {
            AdminError::Invalid(text)
        }
    }
}
