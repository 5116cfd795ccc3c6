//! The page's data as JSON, and `/healthz` for whoever watches the collector.

use super::{HealthProblem, Indicator, SeriesError, SeriesRequest, Shared};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// `GET /api/snapshot`.
pub(super) async fn snapshot(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], shared.feed.json()).into_response()
}

/// `?indicator=pue&window=1h&hours=168`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeriesQuery {
    #[serde(default = "SeriesQuery::pue")]
    indicator: Indicator,
    #[serde(default = "SeriesQuery::hour")]
    window: String,
    #[serde(default = "SeriesQuery::week")]
    hours: u32,
}

impl SeriesQuery {
    fn pue() -> Indicator {
        Indicator::Pue
    }

    fn hour() -> String {
        "1h".to_owned()
    }

    fn week() -> u32 {
        168
    }
}

/// `GET /api/facilities/{facility}/series`.
pub(super) async fn series(
    State(shared): State<Arc<Shared>>,
    Path(facility): Path<String>,
    query: Result<Query<SeriesQuery>, QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    if !(1..=SeriesRequest::HOURS_LIMIT).contains(&query.hours) {
        let limit = SeriesRequest::HOURS_LIMIT;
        return problem(
            StatusCode::BAD_REQUEST,
            &format!("hours is {}; it must be 1 to {limit}", query.hours),
        );
    }
    let SeriesQuery { indicator, window, hours } = query;
    match shared.series.series(SeriesRequest { facility, indicator, window, hours }).await {
        Ok(points) => Json(json!({ "points": points })).into_response(),
        Err(error) => {
            let status = match error {
                SeriesError::UnknownFacility(_) => StatusCode::NOT_FOUND,
                SeriesError::Unsupported(_) => StatusCode::BAD_REQUEST,
                SeriesError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            problem(status, &error.to_string())
        }
    }
}

/// `GET /api/outlooks`.
pub(super) async fn outlooks(State(shared): State<Arc<Shared>>) -> Response {
    let outlooks = shared.outlooks.borrow().clone();
    Json(&*outlooks).into_response()
}

/// `GET /healthz`: 200 while the collector does its job, else 503 and what is wrong.
pub(super) async fn healthz(State(shared): State<Arc<Shared>>) -> Response {
    let mut problems = shared.health.borrow().problems.clone();
    problems.extend(engine_problem(&shared));
    let (version, uptime_s) = shared.feed.version_and_uptime();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = json!({
        "status": if problems.is_empty() { "ok" } else { "failing" },
        "problems": problems,
        "version": version,
        "uptime_s": uptime_s,
        "snapshot_age_ms": u64::try_from(shared.feed.age().as_millis()).unwrap_or(u64::MAX),
        "page": { "live_streams": shared.feed.open_streams(), "refused": shared.refusals.counts() },
    });
    (status, Json(answer)).into_response()
}

/// An engine that stands still cannot say so itself.
fn engine_problem(shared: &Shared) -> Option<HealthProblem> {
    let age = shared.feed.age();
    let detail = if shared.feed.is_closed() {
        "the engine has ended; see the log, and start the collector again".to_owned()
    } else if age > shared.options.stale_after {
        format!("the figures are {} s old; see the log for what holds the engine", age.as_secs())
    } else {
        return None;
    };
    Some(HealthProblem { part: "engine".to_owned(), detail })
}

/// Any other path.
pub(super) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing here; the page is at /")
}

pub(super) fn problem(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}
