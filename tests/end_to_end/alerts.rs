//! People are told of an alert though their receiver is away when it is decided, and though the collector is killed
//! before, and in the middle of, its delivery.

use crate::chain::{Chain, SITE, Setting};
use crate::esif::LONG;
use crate::processes::free_port;
use crate::publish::{Message, publish};
use crate::servers::Servers;
use crate::wait::{SOON, until};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use wattledger_collector::outputs::remembered;
use wattledger_collector::store::Layout;

const QUARTER_MS: i64 = 900_000;
/// Quarters of an hour: calm, then with twice the power on the facility's side, then calm again.
const CALM: i64 = 8;
const HOT: i64 = 3;
const AFTER: i64 = 3;

fn setting(hook: u16) -> Setting {
    let meter = |name: &str, role: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nsite = \"{SITE}\"\nfacility = \"hall\"\nrole = \"{role}\"\n\
             kind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\n\n"
        )
    };
    let alert = format!(
        "[[alert]]\nname = \"hot\"\nfacility = \"hall\"\nindicator = \"pue\"\nwindow = \"15m\"\n\
         raise_above = 2.0\nraise_after = \"0s\"\nclear_below = 1.5\nclear_after = \"0s\"\nchannels = [\"ops\"]\n\n\
         [[channel.webhook]]\nname = \"ops\"\nurl = \"http://127.0.0.1:{hook}/hook\"\n"
    );
    Setting {
        rules: r#"
[[source.mqtt.rule]]
topic = "hall/{meter}"
meter = "{meter}"
value = "/total"
time = "/time"
time_format = "epoch-ms"
unit = "kWh"
"#
        .to_owned(),
        places: format!(
            "[[site]]\nname = \"{SITE}\"\ntime_zone = \"UTC\"\n\n[[facility]]\nname = \"hall\"\nsite = \"{SITE}\"\n\n{}{}{alert}",
            meter("main", "utility"),
            meter("it", "it-input"),
        ),
        retention: "400d",
    }
}

/// The registers at these quarters.
fn messages(first: i64, quarters: std::ops::Range<i64>) -> Vec<Message> {
    let hot = |at: i64| (at - CALM).clamp(0, HOT);
    let reading = |at: i64| {
        let registers = [("main", at * 12 + hot(at) * 18), ("it", at * 10)];
        registers.map(|(meter, total)| {
            let body = json!({ "total": total, "time": first + at * QUARTER_MS });
            Message::new(format!("hall/{meter}"), body.to_string())
        })
    };
    quarters.flat_map(reading).collect()
}

/// A receiver that takes requests and answers them, or does not.
struct Hook {
    answers: Arc<AtomicBool>,
    got: mpsc::UnboundedReceiver<Value>,
}

impl Hook {
    async fn start(port: u16) -> Hook {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let answers = Arc::new(AtomicBool::new(false));
        let (sender, got) = mpsc::unbounded_channel();
        let answering = Arc::clone(&answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, Arc::clone(&answering), sender.clone()));
            }
        });
        Hook { answers, got }
    }

    async fn next(&mut self) -> Value {
        timeout(SOON, self.got.recv()).await.expect("a request in time").expect("the receiver runs")
    }
}

/// Takes the requests of one connection.
async fn take(mut stream: TcpStream, answers: Arc<AtomicBool>, got: mpsc::UnboundedSender<Value>) {
    let mut bytes = Vec::new();
    loop {
        let body = loop {
            if let Some((body, rest)) = request(&bytes) {
                bytes = rest;
                break body;
            }
            let mut more = [0; 4_096];
            match stream.read(&mut more).await {
                Ok(0) | Err(_) => return,
                Ok(count) => bytes.extend_from_slice(&more[..count]),
            }
        };
        let does_answer = answers.load(Ordering::SeqCst);
        drop(got.send(body));
        if !does_answer {
            // Until the sender goes away.
            while stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
            return;
        }
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// The JSON of a whole request, and what follows it.
fn request(bytes: &[u8]) -> Option<(Value, Vec<u8>)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
    let body = bytes.get(end..end + length)?;
    Some((serde_json::from_slice(body).expect("JSON"), bytes[end + length..].to_vec()))
}

/// What one number of the outputs' file is, beside the collector that has it open, or without it.
fn number(layout: &Layout, query: &str) -> i64 {
    let connection = remembered::open(layout).expect("the outputs' file");
    connection.query_row(query, [], |row| row.get(0)).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_decision_and_delivery_nothing_is_lost_and_nothing_is_new() {
    const TEST: &str = "killed_between_decision_and_delivery_nothing_is_lost_and_nothing_is_new";
    let Some(servers) = Servers::find(TEST) else { return };
    let port = free_port();
    let mut chain = Chain::new(&servers, &setting(port)).await;
    chain.start("hall/+").await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let quarters = CALM + HOT + AFTER;
    let first = (now / QUARTER_MS - quarters) * QUARTER_MS;
    publish(chain.sensors.port, messages(first, 0..CALM + 1)).await;
    chain.wait_written("hall", first + CALM * QUARTER_MS, LONG).await;
    let layout = Layout::new(&chain.collector_dir());
    until("the rule has begun to watch", SOON, async || {
        match number(&layout, "SELECT count(*) FROM alert") {
            0 => Err("no state".to_owned()),
            _ => Ok(()),
        }
    })
    .await;

    // Nobody listens when it is decided.
    publish(chain.sensors.port, messages(first, CALM + 1..CALM + HOT + 1)).await;
    until("the alert is up and cannot be told", SOON, async || {
        let snapshot = chain.snapshot().await?;
        let (alerts, channel) = (&snapshot["alerts"], &snapshot["channels"][0]);
        let is_up = alerts.as_array().is_some_and(|alerts| alerts.len() == 1);
        if is_up && channel["failed"].as_u64() > Some(0) {
            Ok(())
        } else {
            Err(format!("{alerts} {channel}"))
        }
    })
    .await;
    chain.collector.kill();
    assert_eq!(number(&layout, "SELECT count(*) FROM outbox"), 1, "it waits");

    // Killed again in the middle of the delivery.
    let mut hook = Hook::start(port).await;
    chain.start_collector().await;
    let raised = hook.next().await;
    assert_eq!((&raised["event"], &raised["rule"]), (&"raised".into(), &"hot".into()));
    chain.collector.kill();
    hook.answers.store(true, Ordering::SeqCst);
    chain.start_collector().await;
    let again = hook.next().await;
    assert_eq!(again, raised, "the same message, word for word");

    publish(chain.sensors.port, messages(first, CALM + HOT + 1..quarters + 1)).await;
    let cleared = hook.next().await;
    assert_eq!((&cleared["event"], &cleared["id"]), (&"cleared".into(), &raised["id"]));
    until("nothing waits", SOON, async || match number(&layout, "SELECT count(*) FROM outbox") {
        0 => Ok(()),
        more => Err(format!("{more} messages wait")),
    })
    .await;
    chain.collector.kill();
    chain.start_collector().await;
    until("it is judged after the restart", SOON, async || {
        let snapshot = chain.snapshot().await?;
        if snapshot["facilities"][0]["as_of"].is_string() { Ok(()) } else { Err(snapshot.to_string()) }
    })
    .await;
    assert!(hook.got.is_empty(), "nothing is told anew");
    assert_eq!(number(&layout, "SELECT count(*) FROM told WHERE times = 1"), 2);
}
