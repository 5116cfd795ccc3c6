//! A server that speaks HTTP by hand: it keeps every byte of each request, and can answer in every bad way.

use flate2::read::GzDecoder;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request, byte by byte.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    /// The first line.
    pub(super) line: String,
    /// The lines of the header, sorted, names in small letters.
    pub(super) header: Vec<String>,
    pub(super) body: Vec<u8>,
    pub(super) at: Instant,
}

impl Heard {
    /// The unpacked body.
    pub(super) fn text(&self) -> String {
        let mut unpacked = String::new();
        GzDecoder::new(&self.body[..]).read_to_string(&mut unpacked).expect("a whole gzip body of UTF-8");
        unpacked
    }

    pub(super) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// How a request is answered.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Status, lines of the header, body.
    Says(u16, Vec<String>, String),
    /// The same, a while later.
    After(Duration, Box<Reply>),
    /// The head of an answer that promises more than comes.
    Truncated(u16, String),
    /// The connection ends without a word.
    Cut,
    /// Nothing ever comes.
    Silence,
}

impl Reply {
    pub(super) fn ok() -> Reply {
        Reply::Says(204, Vec::new(), String::new())
    }

    pub(super) fn says(status: u16, body: impl Into<String>) -> Reply {
        Reply::Says(status, vec!["content-type: application/json".to_owned()], body.into())
    }

    pub(super) fn later(status: u16, wait: String) -> Reply {
        Reply::Says(status, vec![format!("retry-after: {wait}")], String::new())
    }
}

type Script = Box<dyn FnMut(&Heard) -> Reply + Send>;

struct Shared {
    script: Mutex<Script>,
    heard: Mutex<Vec<Heard>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A server on a free port of loopback; it ends with the runtime.
#[derive(Clone)]
pub(super) struct Wire {
    shared: Arc<Shared>,
    pub(super) url: String,
}

impl Wire {
    pub(super) async fn start(script: impl FnMut(&Heard) -> Reply + Send + 'static) -> Wire {
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            heard: Mutex::new(Vec::new()),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move { drop(serve(stream, &shared).await) });
            }
        });
        Wire { shared, url }
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().expect("no test panics in a script").clone()
    }

    /// The most requests that were under way at a time.
    pub(super) fn most_at_a_time(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

/// Serves a connection until one side ends it.
async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while let Some(heard) = request(&mut stream, &mut bytes).await? {
        let now = shared.now.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most.fetch_max(now, Ordering::SeqCst);
        let mut reply = (shared.script.lock().expect("no test panics in a script"))(&heard);
        shared.heard.lock().expect("no test panics in a script").push(heard);
        while let Reply::After(wait, then) = reply {
            tokio::time::sleep(wait).await;
            reply = *then;
        }
        shared.now.fetch_sub(1, Ordering::SeqCst);
        match reply {
            Reply::Says(status, header, body) => {
                stream.write_all(&answer(status, &header, &body, body.len())).await?;
            }
            Reply::Truncated(status, body) => {
                stream.write_all(&answer(status, &[], &body, body.len() + 100)).await?;
                return Ok(());
            }
            Reply::Cut | Reply::After(..) => return Ok(()),
            Reply::Silence => std::future::pending().await,
        }
    }
    Ok(())
}

fn answer(status: u16, header: &[String], body: &str, length: usize) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Said\r\n");
    for line in header {
        text += &format!("{line}\r\n");
    }
    if status != 204 {
        text += &format!("content-length: {length}\r\n");
    }
    format!("{text}\r\n{body}").into_bytes()
}

/// Reads one request; `None` where the other side has ended the connection.
async fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<Option<Heard>> {
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head is text");
    let mut lines = head.split("\r\n").map(str::to_owned);
    let line = lines.next().unwrap_or_default();
    let mut header: Vec<String> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").expect("a name and a value");
            format!("{}: {value}", name.to_ascii_lowercase())
        })
        .collect();
    header.sort();
    let length = header.iter().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.expect("a length").parse().expect("a number");
    let whole = end + 4 + length;
    while bytes.len() < whole {
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
    let body = bytes[end + 4..whole].to_vec();
    bytes.drain(..whole);
    Ok(Some(Heard { line, header, body, at: Instant::now() }))
}
