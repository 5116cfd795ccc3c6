//! What Alertmanagers are told: by the request, and by a real one that is killed.

use super::deliveries::QUICK;
use super::receiver::{Receiver, Reply};
use super::telling::{at, over, up};
use crate::clock;
use crate::outputs::alerts::Channels;
use crate::outputs::alerts::alarm::{self, Alarm};
use crate::outputs::alerts::alertmanager::alert;
use crate::outputs::alerts::dispatch::Dispatch;
use crate::outputs::alerts::message::Message;
use crate::outputs::hall::Hall;
use crate::outputs::remembered;
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wattledger_model::time::{MINUTE_MS, Timestamp};

const RULES: &str = r#"
[[alert]]
name = "pue"
facility = "hall-1"
indicator = "pue"
window = "1m"
raise_above = 1.35
channels = ["prom"]
"#;

/// A hall whose alerts go to these Alertmanagers; alerts are written by the test.
fn hall(urls: &[&str]) -> Hall {
    let channel = format!("[[channel.alertmanager]]\nname = \"prom\"\nurls = {urls:?}\n");
    super::hall(&format!("{RULES}{channel}"))
}

/// Telling that runs in a task.
struct Telling {
    fares: Channels,
    judged: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Telling {
    fn start(hall: &Hall, now: fn() -> Timestamp) -> Telling {
        let (judged, news) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let fares = Channels::new(&hall.config.channels);
        let dispatch = Dispatch {
            rules: hall.config.alerts.clone(),
            channels: hall.config.channels.clone(),
            layout: hall.layout.clone(),
            publisher: None,
            fares: fares.clone(),
            page: Some("https://wattledger.example.org".to_owned()),
            now,
            waits: QUICK,
            judged: news,
            said: watch::channel(0).1,
            stop: stopped,
        };
        Telling { fares, judged, stop, task: tokio::spawn(dispatch.run()) }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(30), self.task).await.expect("it stops").expect("no panic");
    }
}

/// Writes what was decided.
fn decide(hall: &Hall, alarms: &[Alarm]) {
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    let transaction = connection.unchecked_transaction().expect("a transaction");
    for alarm in alarms {
        alarm::put(&transaction, alarm).expect("written");
    }
    transaction.commit().expect("committed");
}

fn an_hour_in() -> Timestamp {
    at(60)
}

fn of<'v>(request: &'v Value, rule: &str) -> Option<&'v Value> {
    let alerts = request.as_array().expect("an array");
    alerts.iter().find(|alert| alert["labels"]["alertname"] == rule)
}

#[tokio::test]
async fn what_is_up_is_repeated_and_what_is_cleared_ends_when_it_did() {
    let mut receiver = Receiver::start([]).await;
    let hall = hall(&[receiver.url.trim_end_matches("/hook")]);
    decide(&hall, &[up("pue", 50, 59)]);
    let telling = Telling::start(&hall, an_hour_in);
    for _ in 0..3 {
        let request = receiver.next().await;
        assert_eq!(request.uri, "/api/v2/alerts");
        let alert = of(&request.body, "pue").expect("it is up");
        assert_eq!(alert["labels"]["severity"], "warning");
        assert_eq!(alert["endsAt"], at(64).to_string(), "a few repetitions ahead");
        assert_eq!(alert["generatorURL"], "https://wattledger.example.org");
    }
    decide(&hall, &[over("pue", 50, 58)]);
    telling.judged.send_modify(|count| *count += 1);
    let end = loop {
        let request = receiver.next().await;
        let alert = of(&request.body, "pue").expect("it is there").clone();
        if alert["endsAt"] != at(64).to_string() {
            break alert;
        }
    };
    assert_eq!(end["endsAt"], at(58).to_string());
    tokio::time::sleep(QUICK.repeat * 3).await;
    assert!(receiver.is_empty(), "the end is told once");
    assert_eq!(telling.fares.views()[0].delivered, 2, "repetitions are no messages");
    telling.stop().await;
}

#[tokio::test]
async fn after_an_outage_one_request_says_how_everything_is() {
    let refusals = (0..4).map(|at| if at % 2 == 0 { Reply::Status(503) } else { Reply::Status(500) });
    let mut receiver = Receiver::start(refusals).await;
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let dead = format!("http://{}", gone.local_addr().expect("an address"));
    drop(gone);
    // One of two that never answers holds nothing up.
    let hall = hall(&[&dead, receiver.url.trim_end_matches("/hook")]);
    decide(
        &hall,
        &[up("pue", 50, 59), Alarm { id: "other".to_owned(), ..named(over("pue", 10, 20), "other") }],
    );
    let telling = Telling::start(&hall, an_hour_in);
    for _ in 0..4 {
        receiver.next().await;
    }
    let request = receiver.next().await;
    let ends: Vec<&str> = request
        .body
        .as_array()
        .expect("an array")
        .iter()
        .filter_map(|alert| alert["endsAt"].as_str())
        .collect();
    let (mut ends, mut wanted) = (ends, [at(20).to_string(), at(64).to_string()]);
    ends.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(ends, wanted);
    super::deliveries::until_waiting(&hall, 0).await;
    telling.stop().await;
}

/// The same alert under another identity.
fn named(mut alarm: Alarm, id: &str) -> Alarm {
    for message in
        [Some(&mut alarm.raised), Some(&mut alarm.latest), alarm.cleared.as_mut()].into_iter().flatten()
    {
        message.id = id.to_owned();
        message.subject = format!("hall-1 meter {id}");
    }
    alarm
}

#[test]
fn labels_are_such_as_every_prometheus_takes_and_the_authors_words_go_first() {
    let message = Message {
        rule: "pue".to_owned(),
        facility: "hall-1".to_owned(),
        reason: "PUE is above 1.35".to_owned(),
        as_of: at(5).to_string(),
        raised_at: at(9).to_string(),
        labels: [("on-call.team".to_owned(), "cooling".to_owned()), ("7th".to_owned(), "x".to_owned())]
            .into(),
        annotations: [("summary".to_owned(), "冷机 stopped".to_owned())].into(),
        ..Message::default()
    };
    let alert = alert(&message, None, at(10));
    assert_eq!((alert.labels["on_call_team"].as_str(), alert.labels["_7th"].as_str()), ("cooling", "x"));
    assert!(!alert.labels.contains_key("severity"), "an empty label is none");
    assert_eq!(alert.annotations["summary"], "冷机 stopped");
    assert!(alert.starts_at <= alert.ends_at, "an alert does not end before it starts");
    assert_eq!(alert.generator_url, None);
}

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";

/// A real Alertmanager with a port and a folder of its own.
struct Real {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
    http: reqwest::Client,
}

impl Real {
    /// Starts it; `None`, said loudly, where it is not installed.
    async fn start(test: &str) -> Option<Real> {
        if !Path::new(PROGRAM).exists() {
            let missing = format!("{PROGRAM} is missing: apt-get install prometheus-alertmanager");
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
            drop(std::io::stderr().write_all(format!("SKIPPED {test}: {missing}\n").as_bytes()));
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let config = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n";
        std::fs::write(folder.path().join("alertmanager.yml"), config).expect("written");
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        drop(rustls::crypto::ring::default_provider().install_default());
        let child = spawn(folder.path(), port);
        let real = Real { child, port, folder, http: reqwest::Client::new() };
        real.until("it is ready", |_| true).await;
        Some(real)
    }

    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    fn restart(&mut self) {
        self.child = spawn(self.folder.path(), self.port);
    }

    async fn alerts(&self) -> Result<Vec<Value>, String> {
        let url = format!("http://127.0.0.1:{}/api/v2/alerts", self.port);
        let answer = self.http.get(url).send().await.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    async fn until(&self, what: &str, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let alerts = self.alerts().await;
            match alerts {
                Ok(alerts) if holds(&alerts) => return alerts,
                seen => assert!(Instant::now() < deadline, "waited until {what}; last seen: {seen:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn spawn(folder: &Path, port: u16) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    Command::new(PROGRAM)
        .arg(format!("--config.file={}", folder.join("alertmanager.yml").display()))
        .arg(format!("--storage.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("it starts")
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same alert, as of now by the clock of this machine.
fn dated(mut alarm: Alarm, minutes_ago: i64) -> Alarm {
    let now = clock::now();
    let raised = Timestamp(now.0 - minutes_ago * MINUTE_MS);
    (alarm.raised_ms, alarm.judged_ms) = (raised.0, now.0);
    alarm.cleared_ms = alarm.cleared_ms.map(|_| now.0 - 1_000);
    let messages = [Some(&mut alarm.raised), Some(&mut alarm.latest), alarm.cleared.as_mut()];
    for message in messages.into_iter().flatten() {
        message.raised_at = raised.to_string();
        message.as_of = Timestamp(now.0 - 1_000).to_string();
    }
    alarm
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_alertmanager_shows_what_is_up_also_after_it_was_killed_and_nothing_after_the_end() {
    let test = "a_real_alertmanager_shows_what_is_up_also_after_it_was_killed_and_nothing_after_the_end";
    let Some(mut real) = Real::start(test).await else { return };
    let url = format!("http://127.0.0.1:{}", real.port);
    let hall = hall(&[&url]);
    let alarm = dated(up("pue", 0, 0), 5);
    let telling = Telling::start(&hall, clock::now);
    assert_eq!(real.alerts().await, Ok(Vec::new()));
    decide(&hall, std::slice::from_ref(&alarm));
    telling.judged.send_modify(|count| *count += 1);
    let seen = real.until("the alert is there", |alerts| alerts.len() == 1).await;
    assert_eq!(seen[0]["labels"]["alertname"], "pue");
    assert_eq!(seen[0]["status"]["state"], "active");
    assert_eq!(seen[0]["annotations"]["value"], "1.5");
    assert_eq!(seen[0]["generatorURL"], "https://wattledger.example.org");
    let starts = seen[0]["startsAt"].as_str().and_then(Timestamp::from_rfc3339);
    assert_eq!(starts, Some(Timestamp(alarm.raised_ms)));

    real.kill();
    real.restart();
    let again = real.until("it is told again", |alerts| alerts.len() == 1).await;
    assert_eq!(again[0]["fingerprint"], seen[0]["fingerprint"]);

    real.kill();
    decide(&hall, &[dated(over("pue", 0, 1), 5)]);
    telling.judged.send_modify(|count| *count += 1);
    real.restart();
    super::deliveries::until_waiting(&hall, 0).await;
    real.until("it has ended", <[Value]>::is_empty).await;
    telling.stop().await;
}
