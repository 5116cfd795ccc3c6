//! A webhook's receiver on loopback that does as it is told, and keeps what came.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What to do with a request.
pub(super) enum Reply {
    Status(u16),
    /// Too many requests: come back after so many seconds.
    RetryAfter(u64),
    /// Elsewhere.
    Redirect,
    /// Takes it and never answers.
    Silence,
    /// Success, with these words.
    Words(&'static str),
}

/// One request.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) key: String,
    pub(super) authorization: Option<String>,
    /// Path and query.
    pub(super) uri: String,
    pub(super) headers: HeaderMap,
    /// The body as it came.
    pub(super) text: String,
    /// The same as JSON; null where it is none.
    pub(super) body: Value,
}

pub(super) struct Receiver {
    pub(super) url: String,
    got: mpsc::UnboundedReceiver<Got>,
}

struct Script {
    replies: Mutex<VecDeque<Reply>>,
    got: mpsc::UnboundedSender<Got>,
}

impl Receiver {
    /// Starts it; once the replies are used up, it answers 204.
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Receiver {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (sender, got) = mpsc::unbounded_channel();
        let script = Script { replies: Mutex::new(replies.into_iter().collect()), got: sender };
        let app = Router::new().fallback(answer).with_state(Arc::new(script));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Receiver { url, got }
    }

    /// The next request.
    pub(super) async fn next(&mut self) -> Got {
        let next = tokio::time::timeout(Duration::from_secs(30), self.got.recv());
        next.await.expect("a request within 30 s").expect("the receiver runs")
    }

    /// What came and was not looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.got.is_empty()
    }
}

async fn answer(State(script): State<Arc<Script>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let got = Got {
        key: header("idempotency-key").unwrap_or_default(),
        authorization: header("authorization"),
        uri: uri.to_string(),
        text: String::from_utf8(body.to_vec()).expect("UTF-8"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        headers,
    };
    let reply = script.replies.lock().expect("no panic").pop_front();
    script.got.send(got).expect("the test listens");
    match reply {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Reply::Status(status)) => StatusCode::from_u16(status).expect("a status").into_response(),
        Some(Reply::RetryAfter(seconds)) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Some(Reply::Redirect) => (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response(),
        Some(Reply::Silence) => std::future::pending().await,
        Some(Reply::Words(words)) => words.into_response(),
    }
}
