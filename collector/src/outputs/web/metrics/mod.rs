//! `GET /metrics` for Prometheus: the live figures, and how agents, meters, outputs and the collector itself do.
//!
//! Named by its conventions: base units (joules, seconds, bytes, grams), ratios from 0 to 1 or of two energies,
//! `_total` for what only grows. What is not known is absent, never 0. The number of series is bounded by what
//! is configured; of meters, which whoever may send can make up, so many have series of their own.

mod exposition;
mod facilities;
mod health;

use super::Shared;
use crate::outputs::snapshot::Snapshot;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use exposition::Exposition;
use std::sync::Arc;

/// `GET /metrics`.
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let snapshot = shared.feed.latest();
    // A hundred thousand lines take longer than a thread of the runtime should be held.
    let text = tokio::task::spawn_blocking(move || render(&snapshot)).await;
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, exposition::CONTENT_TYPE)], text).into_response(),
        Err(_) => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A snapshot in the text format of Prometheus.
fn render(snapshot: &Snapshot) -> String {
    let mut text = Exposition::default();
    health::build(snapshot, &mut text);
    facilities::figures(snapshot, &mut text);
    facilities::targets(snapshot, &mut text);
    facilities::powers(snapshot, &mut text);
    health::agents(snapshot, &mut text);
    health::meters(snapshot, &mut text);
    health::quarantine(snapshot, &mut text);
    health::outputs(snapshot, &mut text);
    health::alerts(snapshot, &mut text);
    // Before the first snapshot there is one that knows nothing.
    if snapshot.work.started.is_some() {
        health::work(snapshot, &mut text);
    }
    text.finish()
}
