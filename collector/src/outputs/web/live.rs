//! The live stream: each new snapshot once, and signs of life between, over one connection a page.
//!
//! A slow reader skips snapshots and always gets the latest: nothing queues up. A heartbeat says how old the latest
//! snapshot is, so a page can tell a silent network from an engine that stands still.

use super::events::Cause;
use super::{Shared, WebOptions, connection::Ends, stopped};
use crate::outputs::snapshot::Snapshot;
use axum::Extension;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior};

/// A stream carries at most about this much a second, so that a large site does not fill a thin line.
const BYTES_A_SECOND: usize = 1 << 20;

/// The snapshot and its JSON, made once for all readers, and only when someone reads.
pub(super) struct Feed {
    snapshot: watch::Receiver<Arc<Snapshot>>,
    rendered: Mutex<Option<(Arc<Snapshot>, Bytes)>>,
    changed_at: Mutex<Instant>,
    places: Arc<Semaphore>,
    limit: usize,
}

impl Feed {
    pub(super) fn new(snapshot: watch::Receiver<Arc<Snapshot>>, options: &WebOptions) -> Feed {
        Feed {
            snapshot,
            rendered: Mutex::new(None),
            changed_at: Mutex::new(Instant::now()),
            places: Arc::new(Semaphore::new(options.streams)),
            limit: options.streams,
        }
    }

    /// The latest snapshot.
    pub(super) fn latest(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    /// The latest snapshot as JSON.
    pub(super) fn json(&self) -> Bytes {
        let snapshot = self.snapshot.borrow().clone();
        // A panic in another thread leaves the cache whole: it is replaced at once or not at all.
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        match &*rendered {
            Some((made_from, json)) if Arc::ptr_eq(made_from, &snapshot) => json.clone(),
            _ => {
                let json = Bytes::from(serde_json::to_vec(&*snapshot).expect("a snapshot is plain data"));
                *rendered = Some((snapshot, json.clone()));
                json
            }
        }
    }

    /// Time since the latest snapshot came, by this process's steady clock.
    pub(super) fn age(&self) -> Duration {
        self.changed_at.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Version and uptime of the collector.
    pub(super) fn version_and_uptime(&self) -> (String, u64) {
        let snapshot = self.snapshot.borrow();
        (snapshot.version.clone(), snapshot.uptime_s)
    }

    /// Whether nobody can send a snapshot any more.
    pub(super) fn is_closed(&self) -> bool {
        self.snapshot.has_changed().is_err()
    }

    /// Streams open now.
    pub(super) fn open_streams(&self) -> usize {
        self.limit - self.places.available_permits()
    }

    fn note_change(&self) {
        *self.changed_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Notes when snapshots come, whether or not anyone reads them.
pub(super) async fn note_changes(shared: Arc<Shared>) {
    let mut snapshot = shared.feed.snapshot.clone();
    while snapshot.changed().await.is_ok() {
        shared.feed.note_change();
    }
}

/// `GET /api/live`.
pub(super) async fn stream(State(shared): State<Arc<Shared>>, Extension(ends): Extension<Ends>) -> Response {
    let Ok(place) = shared.feed.places.clone().try_acquire_owned() else {
        shared.refusals.refused(Cause::Streams, Some(ends.peer), "too many live streams");
        let text = "too many pages are open; close one, or raise `streams` in [web]";
        let answer = Json(json!({ "error": text }));
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "10")], answer).into_response();
    };
    let events = stream::unfold(Reader::new(shared, place), async |mut reader| {
        let event = reader.next().await?;
        Some((Ok::<Bytes, Infallible>(event), reader))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(events)).into_response()
}

/// One open page.
struct Reader {
    snapshot: watch::Receiver<Arc<Snapshot>>,
    stop: watch::Receiver<bool>,
    heartbeat: tokio::time::Interval,
    /// When the next snapshot may go out.
    due: Instant,
    shared: Arc<Shared>,
    /// Given back when the page goes away.
    _place: OwnedSemaphorePermit,
}

impl Reader {
    fn new(shared: Arc<Shared>, place: OwnedSemaphorePermit) -> Reader {
        let mut snapshot = shared.feed.snapshot.clone();
        snapshot.mark_changed();
        let mut heartbeat = tokio::time::interval(shared.options.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Reader { snapshot, stop: shared.stop.clone(), heartbeat, due: Instant::now(), shared, _place: place }
    }

    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            () = stopped(&mut self.stop) => None,
            () = due_change(&mut self.snapshot, self.due) => Some(self.snapshot_event()),
            _ = self.heartbeat.tick() => Some(self.heartbeat_event()),
        }
    }

    fn snapshot_event(&mut self) -> Bytes {
        let json = self.shared.feed.json();
        let weight = Duration::from_secs_f64(json.len() as f64 / BYTES_A_SECOND as f64);
        self.due = Instant::now() + self.shared.options.pace.max(weight);
        event("snapshot", &json)
    }

    fn heartbeat_event(&self) -> Bytes {
        let age_ms = u64::try_from(self.shared.feed.age().as_millis()).unwrap_or(u64::MAX);
        event("heartbeat", format!("{{\"age_ms\":{age_ms}}}").as_bytes())
    }
}

/// Waits for a change that may be sent. Waits for ever once nobody can make one: heartbeats then tell its age.
async fn due_change(snapshot: &mut watch::Receiver<Arc<Snapshot>>, due: Instant) {
    tokio::time::sleep_until(due).await;
    if snapshot.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// One event of a stream. JSON as we write it holds no line break.
fn event(name: &str, data: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(name.len() + data.len() + 17);
    event.extend_from_slice(b"event: ");
    event.extend_from_slice(name.as_bytes());
    event.extend_from_slice(b"\ndata: ");
    event.extend_from_slice(data);
    event.extend_from_slice(b"\n\n");
    Bytes::from(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_name_one_line_of_data_and_an_empty_line() {
        assert_eq!(&event("heartbeat", b"{}")[..], b"event: heartbeat\ndata: {}\n\n");
    }
}
