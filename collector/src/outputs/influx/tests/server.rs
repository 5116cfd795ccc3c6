//! A server that answers as a database might, and remembers what it was asked.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use std::io::Read;
use std::sync::{Arc, Mutex};

/// A request as it came, its body unpacked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: String,
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

/// An answer: status, Retry-After, body.
pub(super) type Reply = (u16, Option<&'static str>, String);

type Script = Box<dyn FnMut(&Asked) -> Reply + Send>;

struct Shared {
    script: Script,
    asked: Vec<Asked>,
}

/// A server on a free port of loopback; it ends with the runtime.
#[derive(Clone)]
pub(super) struct Server {
    shared: Arc<Mutex<Shared>>,
    pub(super) url: String,
}

impl Server {
    /// Answers by a script.
    pub(super) async fn start(script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Server {
        let shared = Arc::new(Mutex::new(Shared { script: Box::new(script), asked: Vec::new() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Server { shared, url }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.shared.lock().expect("no test panics in a script").asked.clone()
    }
}

async fn answer(
    State(shared): State<Arc<Mutex<Shared>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut unpacked = String::new();
    if text("content-encoding").as_deref() == Some("gzip") {
        GzDecoder::new(&body[..]).read_to_string(&mut unpacked).expect("a whole gzip body");
    } else {
        unpacked = String::from_utf8(body.to_vec()).expect("text");
    }
    let asked = Asked { method, uri: uri.to_string(), authorization: text("authorization"), body: unpacked };
    let mut shared = shared.lock().expect("no test panics in a script");
    let (status, retry_after, body) = (shared.script)(&asked);
    shared.asked.push(asked);
    let status = StatusCode::from_u16(status).expect("a status");
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().expect("a header"));
    if let Some(wait) = retry_after {
        headers.insert("retry-after", wait.parse().expect("a header"));
    }
    (status, headers, body).into_response()
}
