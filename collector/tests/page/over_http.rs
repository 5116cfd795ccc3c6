//! The page's server over real connections: what it serves, whom it refuses, and how it ends.

use crate::{fixture, now};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wattledger_collector::desk::Desk;
use wattledger_collector::outputs::snapshot::Snapshot;
use wattledger_collector::outputs::web::{
    self, Health, HealthProblem, Operators, ReportShelf, WebError, WebOptions, WebState,
};
use wattledger_collector::store::Layout;
use wattledger_link::session::Secret;
use wattledger_model::time::Timestamp;

/// Nothing here takes long; what hangs must fail.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Served {
    address: SocketAddr,
    figures: Option<watch::Sender<Arc<Snapshot>>>,
    health: watch::Sender<Arc<Health>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), WebError>>,
    client: Client,
}

impl Served {
    async fn with(options: WebOptions) -> Served {
        Served::for_operators(options, None, None).await
    }

    /// With a desk, and for those who have the token.
    async fn for_operators(options: WebOptions, desk: Option<Arc<Desk>>, token: Option<&str>) -> Served {
        // A second test in this process finds the provider installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (figures, snapshot) = watch::channel(Arc::new(fixture::rich(now())));
        let (health, healthy) = watch::channel(Arc::new(Health::default()));
        let (stop, stopping) = watch::channel(false);
        let listener = web::bind("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let series = Arc::new(fixture::History(now()));
        let outlooks = fixture::outlooks();
        let operators = token.map(|token| Operators::with_token(&Secret::new(token)).expect("long enough"));
        let reports: Option<Arc<dyn ReportShelf>> = Some(Arc::new(fixture::Shelf));
        let state =
            WebState { snapshot, series, health: healthy, outlooks, reports, desk, operators, options };
        let task = tokio::spawn(web::serve(listener, state, stopping));
        Served { address, figures: Some(figures), health, stop, task, client: Client::new() }
    }

    pub(crate) async fn start() -> Served {
        Served::with(WebOptions::default()).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Shows other figures.
    pub(crate) fn show(&self, snapshot: Snapshot) {
        self.figures.as_ref().expect("kept").send_replace(Arc::new(snapshot));
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.expect("an answer")
    }

    async fn json(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.get(path).await;
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    pub(crate) async fn status_as(&self, name: &'static str, value: &str, path: &str) -> u16 {
        let request = self.client.get(self.url(path)).header(name, value);
        request.send().await.expect("an answer").status().as_u16()
    }
}

/// Reads a stream until a text has come.
async fn read_until(stream: &mut Response, wanted: &str) -> String {
    let reading = async {
        let mut text = String::new();
        while !text.contains(wanted) {
            let chunk = stream.chunk().await.expect("the stream holds").expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        text
    };
    timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("`{wanted}` never came"))
}

#[tokio::test]
async fn the_page_and_its_files_come_hardened_and_are_not_sent_twice() {
    let served = Served::start().await;
    let page = served.get("/").await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let tag = page.headers()["etag"].to_str().expect("text").to_owned();
    assert!(page.text().await.expect("text").contains("/assets/app.js"));
    assert_eq!(served.status_as("if-none-match", &tag, "/").await, 304);
    let script = served.get("/assets/app.js").await;
    assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    let missing = served.get("/assets/../Cargo.toml").await;
    assert_eq!(missing.status(), 404);
    assert!(missing.headers().contains_key("content-security-policy"), "refusals are hardened too");
}

#[tokio::test]
async fn the_snapshot_is_the_published_json() {
    let served = Served::start().await;
    let (status, snapshot) = served.json("/api/snapshot").await;
    assert_eq!(status, 200);
    assert_eq!(snapshot["generated_at"], "2026-11-21T13:59:17Z");
    let hall = &snapshot["facilities"][0];
    assert_eq!(hall["category"], "PUE1");
    assert_eq!(hall["windows"][6]["pue"]["verdicts"][0]["verdict"], "pass_unguarded");
    assert_eq!(snapshot["facilities"][2]["as_of"], Value::Null);
    let read: Snapshot = serde_json::from_value(snapshot).expect("the same shape");
    assert_eq!(read.facilities.len(), 4);
}

#[tokio::test]
async fn a_history_is_given_for_known_facilities_and_sensible_questions_only() {
    let served = Served::start().await;
    let (status, week) = served.json("/api/facilities/hall-2/series?indicator=pue&window=1h&hours=168").await;
    assert_eq!(status, 200);
    let points = week["points"].as_array().expect("points");
    assert_eq!(points.len(), 168);
    assert!(points.iter().any(|point| point["value"].is_null()), "a gap is null, not left out");
    for (path, expected) in [
        ("/api/facilities/nowhere/series", 404),
        ("/api/facilities/hall-1/series?indicator=power", 400),
        ("/api/facilities/hall-1/series?hours=0", 400),
        ("/api/facilities/hall-1/series?hours=999999", 400),
        ("/api/facilities/hall-1/series?hour=1", 400),
        ("/api/facilities/%2e%2e%2fetc/series", 404),
    ] {
        let (status, answer) = served.json(path).await;
        assert_eq!(status, expected, "{path}");
        assert!(answer["error"].is_string(), "{path}: {answer}");
    }
}

#[tokio::test]
async fn an_open_page_gets_each_new_snapshot_and_signs_of_life() {
    let options = WebOptions {
        heartbeat: Duration::from_millis(20),
        pace: Duration::from_millis(1),
        ..WebOptions::default()
    };
    let served = Served::with(options).await;
    let mut live = served.get("/api/live").await;
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    let first = read_until(&mut live, "event: heartbeat").await;
    assert!(first.starts_with("event: snapshot\ndata: {\"version\""), "the figures come first: {first:.80}");
    let mut next = fixture::rich(now());
    next.collector = "renamed-while-open".to_owned();
    served.figures.as_ref().expect("kept").send_replace(Arc::new(next));
    read_until(&mut live, "renamed-while-open").await;
    read_until(&mut live, "{\"age_ms\":").await;
}

#[tokio::test]
async fn open_streams_end_at_the_stop_and_the_server_returns() {
    let served = Served::start().await;
    let mut live = served.get("/api/live").await;
    read_until(&mut live, "event: snapshot").await;
    served.stop.send_replace(true);
    let ended = async { while live.chunk().await.expect("a clean end").is_some() {} };
    timeout(PATIENCE, ended).await.expect("the stream ends");
    timeout(PATIENCE, served.task).await.expect("serve returns").expect("no panic").expect("no error");
    assert!(TcpStream::connect(served.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_dropped_stop_is_a_stop() {
    let served = Served::start().await;
    drop(served.stop);
    timeout(PATIENCE, served.task).await.expect("serve returns").expect("no panic").expect("no error");
}

#[tokio::test]
async fn one_stream_too_many_is_answered_429_and_its_place_comes_free() {
    let options = WebOptions { streams: 1, heartbeat: Duration::from_millis(20), ..WebOptions::default() };
    let served = Served::with(options).await;
    let mut first = served.get("/api/live").await;
    read_until(&mut first, "event: snapshot").await;
    let second = served.get("/api/live").await;
    assert_eq!(second.status(), 429);
    assert!(second.headers().contains_key("retry-after"));
    drop(first);
    let freed = async { while served.json("/healthz").await.1["page"]["live_streams"] != 0 {} };
    timeout(PATIENCE, freed).await.expect("the place comes free");
    assert_eq!(served.get("/api/live").await.status(), 200);
}

#[tokio::test]
async fn foreign_names_and_pages_are_refused_and_counted() {
    let served =
        Served::with(WebOptions { names: vec!["energy.example".to_owned()], ..WebOptions::default() }).await;
    assert_eq!(served.status_as("host", "evil.example", "/").await, 403);
    assert_eq!(served.status_as("host", "energy.example", "/").await, 200);
    assert_eq!(served.status_as("origin", "http://evil.example", "/api/live").await, 403);
    assert_eq!(served.status_as("sec-fetch-site", "cross-site", "/api/snapshot").await, 403);
    let (_, health) = served.json("/healthz").await;
    assert_eq!(health["page"]["refused"]["host"], 1);
    assert_eq!(health["page"]["refused"]["origin"], 2);
}

#[tokio::test]
async fn the_page_changes_nothing() {
    let served = Served::start().await;
    for path in ["/", "/api/snapshot", "/healthz", "/nowhere"] {
        let answer = served.client.post(served.url(path)).send().await.expect("an answer");
        assert_eq!(answer.status(), 405, "{path}");
        assert_eq!(answer.headers()["allow"], "GET, HEAD");
    }
    let body = served.client.get(served.url("/")).body("something").send().await.expect("an answer");
    assert_eq!(body.status(), 413);
}

const TOKEN: &str = "of-letters-that-nobody-guesses";

/// A served page with a desk in that folder, for those who have [`TOKEN`].
async fn with_desk(folder: &tempfile::TempDir) -> Served {
    let desk = Arc::new(Desk::new(Layout::new(folder.path()), now));
    Served::for_operators(WebOptions::default(), Some(desk), Some(TOKEN)).await
}

impl Served {
    /// Says something with these headers. Gives the status and the answer.
    async fn say(&self, path: &str, headers: &[(&'static str, &str)], body: &str) -> (u16, Value) {
        let mut request = self.client.post(self.url(path)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

const BEARER: (&str, &str) = ("authorization", "Bearer of-letters-that-nobody-guesses");
const JSON: (&str, &str) = ("content-type", "application/json");
const SILENCE: &str =
    r#"{"matchers":["rule=pue","subject=hall-1"],"for_s":3600,"reason":"chiller service","by":"Ana"}"#;

#[tokio::test]
async fn operators_with_the_token_silence_and_end_and_it_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = with_desk(&folder).await;
    let (status, silences) = served.json("/api/silences").await;
    assert_eq!((status.as_u16(), &silences["may_change"]), (200, &Value::Bool(true)));
    assert_eq!(silences["silences"], Value::Array(Vec::new()));
    let (status, silence) = served.say("/api/alerts/silence", &[BEARER, JSON], SILENCE).await;
    assert_eq!(status, 200, "{silence}");
    assert_eq!((&silence["id"], &silence["by"]), (&Value::from("s1"), &Value::from("Ana (page)")));
    assert_eq!(silence["until"], "2026-11-21T14:59:17Z");
    let again = with_desk(&folder).await;
    assert_eq!(again.json("/api/silences").await.1["silences"][0], silence, "after a restart");
    let end = r#"{"id":"s1","by":"Ben"}"#;
    let (status, ended) = again.say("/api/alerts/silence/end", &[BEARER, JSON], end).await;
    assert_eq!((status, &ended["ended"]), (200, &Value::from("2026-11-21T13:59:17Z")));
    assert_eq!(again.say("/api/alerts/silence/end", &[BEARER, JSON], end).await.0, 404, "it is over");
    assert_eq!(again.json("/api/silences").await.1["silences"], Value::Array(Vec::new()));
    let ack = r#"{"alert":"pue-1","note":"looking","by":"Ana"}"#;
    let (status, answer) = again.say("/api/alerts/ack", &[BEARER, JSON], ack).await;
    assert_eq!(status, 404, "no such alert is up: {answer}");
    for wrong in [
        r#"{"matchers":["hall-1"],"for_s":3600,"reason":"why","by":"Ana"}"#,
        r#"{"matchers":[],"for_s":3600,"reason":"why","by":"Ana"}"#,
        r#"{"matchers":["rule=pue"],"for_s":5,"reason":"why","by":"Ana"}"#,
        r#"{"matchers":["rule=pue"],"for_s":3600,"reason":"","by":"Ana"}"#,
        r#"{"matchers":["rule=pue"],"for_s":3600,"reason":"why","by":" "}"#,
        r#"{"matchers":["rule=pue"],"for_s":3600,"reason":"why"}"#,
        "{",
    ] {
        let (status, answer) = again.say("/api/alerts/silence", &[BEARER, JSON], wrong).await;
        assert!(matches!(status, 400 | 422) && answer["error"].is_string(), "{wrong}: {status} {answer}");
    }
}

#[tokio::test]
async fn without_the_token_or_from_elsewhere_nothing_is_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = with_desk(&folder).await;
    let wrong = ("authorization", "Bearer of-letters-that-somebody-guesses");
    let basic = ("authorization", "Basic b3BlcmF0b3I6eA==");
    for (headers, expected) in [
        (&[JSON][..], 401),
        (&[JSON, wrong], 401),
        (&[JSON, basic], 401),
        (&[BEARER], 415),
        (&[BEARER, ("content-type", "application/x-www-form-urlencoded")], 415),
        (&[BEARER, ("content-type", "text/plain")], 415),
        (&[BEARER, JSON, ("origin", "http://evil.example")], 403),
        (&[BEARER, JSON, ("sec-fetch-site", "cross-site")], 403),
        (&[BEARER, JSON, ("host", "evil.example")], 403),
    ] {
        let (status, answer) = served.say("/api/alerts/silence", headers, SILENCE).await;
        assert_eq!(status, expected, "{headers:?}: {answer}");
        assert!(!answer.to_string().contains(TOKEN), "{answer}");
    }
    let huge =
        format!(r#"{{"matchers":["rule=pue"],"for_s":3600,"by":"Ana","reason":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(served.say("/api/alerts/silence", &[BEARER, JSON], &huge).await.0, 413);
    assert_eq!(served.json("/api/silences").await.1["silences"], Value::Array(Vec::new()));
    let (_, health) = served.json("/healthz").await;
    assert_eq!(
        (&health["page"]["refused"]["token"], &health["page"]["refused"]["host"]),
        (&3.into(), &1.into())
    );
    assert_eq!(
        served.get("/api/alerts/silence").await.status(),
        401,
        "not even asked whether it could be read"
    );
}

#[tokio::test]
async fn a_page_without_operators_says_which_key_would_name_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = Arc::new(Desk::new(Layout::new(folder.path()), now));
    let served = Served::for_operators(WebOptions::default(), Some(desk), None).await;
    assert_eq!(served.json("/api/silences").await.1["may_change"], false);
    for path in ["/api/alerts/silence", "/api/alerts/silence/end", "/api/alerts/ack"] {
        let (status, answer) = served.say(path, &[BEARER, JSON], SILENCE).await;
        assert_eq!(status, 403);
        assert!(
            answer["error"].as_str().expect("words").contains("`operators_token_file` in [web]"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn the_outlooks_of_the_year_are_given_with_why_there_is_none() {
    let served = Served::start().await;
    let (status, outlooks) = served.json("/api/outlooks").await;
    assert_eq!(status, 200);
    let [hall, _, annex, _] = &outlooks["facilities"].as_array().expect("a list")[..] else {
        panic!("{outlooks}")
    };
    assert_eq!(hall["outlook"]["targets"][0]["state"], "on_course");
    assert!(
        annex["outlook"].is_null()
            && annex["why"].as_str().is_some_and(|why| why.contains("nothing is known"))
    );
}

#[tokio::test]
async fn reports_are_listed_and_handed_out_each_as_what_it_is() {
    let served = Served::start().await;
    let (status, list) = served.json("/api/reports").await;
    assert_eq!((status, list["left_off"].as_u64()), (StatusCode::OK, Some(0)));
    assert_eq!(list["schedules"][0]["next_period"], "2026-11");
    assert_eq!(list["reports"][1]["files"][0]["name"], "hall-1-monthly_2026-10.en.pdf");

    let stem = "/reports/hall-1-monthly_2026-10/hall-1-monthly_2026-10";
    let paper = served.get(&format!("{stem}.en.pdf")).await;
    assert_eq!(paper.headers()["content-type"], "application/pdf");
    let saved = "attachment; filename=\"hall-1-monthly_2026-10.en.pdf\"";
    assert_eq!(paper.headers()["content-disposition"], saved);
    let page = served.get(&format!("{stem}.en.html")).await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert_eq!(page.headers()["cache-control"], "no-store");
    let policies: Vec<_> = page.headers().get_all("content-security-policy").iter().collect();
    assert_eq!(policies.len(), 1, "one policy, not the page's beside it");
    let policy = policies[0].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none';") && policy.ends_with("sandbox"), "{policy}");

    let (status, changed) = served.json(&format!("{stem}.json")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(changed["error"].as_str().is_some_and(|error| error.contains("was changed")), "{changed}");
    for path in [
        "/reports/hall-1-monthly_2026-10/..%2f..%2foutputs.sqlite",
        "/reports/..%2f/outputs.sqlite",
        "/reports/hall-1-monthly_2026-10/nothing.pdf",
        "/reports/hall-1-monthly_2026-10/",
        "/reports/nobody_2026-10/hall-1-monthly_2026-10.en.pdf",
    ] {
        assert_eq!(served.get(path).await.status(), 404, "{path}");
    }
    let unled = Client::builder().redirect(Policy::none()).build().expect("a client");
    let there = unled.get(served.url("/reports")).send().await.expect("an answer");
    assert_eq!(
        (there.status().as_u16(), &there.headers()["location"]),
        (303, &"/#reports".parse().expect("text"))
    );
}

#[tokio::test]
async fn no_other_page_reads_a_report() {
    let served = Served::start().await;
    let path = "/reports/hall-1-monthly_2026-10/hall-1-monthly_2026-10.en.pdf";
    assert_eq!(served.status_as("sec-fetch-site", "cross-site", path).await, 403);
    assert_eq!(served.status_as("sec-fetch-site", "cross-site", "/api/reports").await, 403);
    assert_eq!(served.status_as("host", "evil.example", path).await, 403);
    assert_eq!(served.status_as("origin", "https://evil.example", path).await, 403);
    assert_eq!(served.status_as("sec-fetch-site", "same-origin", path).await, 200);
    assert_eq!(
        served.status_as("sec-fetch-site", "cross-site", "/reports").await,
        200,
        "a letter leads to the page"
    );
}

#[tokio::test]
async fn headers_have_a_limit_and_silent_connections_are_closed() {
    let options = WebOptions {
        header_timeout: Duration::from_millis(50),
        header_bytes: 8 * 1024,
        ..WebOptions::default()
    };
    let served = Served::with(options).await;
    assert_eq!(served.status_as("x-large", &"x".repeat(12_000), "/").await, 431);
    let mut silent = TcpStream::connect(served.address).await.expect("a connection");
    silent.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.expect("half a request");
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, silent.read_to_end(&mut rest)).await.expect("the server closes it");
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_the_others_go_on() {
    let served = Served::with(WebOptions { connections: 1, ..WebOptions::default() }).await;
    let mut live = served.get("/api/live").await;
    read_until(&mut live, "event: snapshot").await;
    let mut second = TcpStream::connect(served.address).await.expect("the system accepts");
    let mut nothing = Vec::new();
    let _ = timeout(PATIENCE, second.read_to_end(&mut nothing)).await.expect("closed at once");
    assert!(nothing.is_empty());
    let next = fixture::rich(Timestamp(now().0 + 1_000));
    served.figures.as_ref().expect("kept").send_replace(Arc::new(next));
    read_until(&mut live, "2026-11-21T13:59:18Z").await;
}

#[tokio::test]
async fn healthz_says_what_is_wrong() {
    let mut served = Served::start().await;
    let (status, health) = served.json("/healthz").await;
    assert_eq!((status.as_u16(), &health["status"]), (200, &Value::from("ok")));
    let problem = HealthProblem { part: "journal".to_owned(), detail: "the disk is full".to_owned() };
    served.health.send_replace(Arc::new(Health { problems: vec![problem] }));
    let (status, health) = served.json("/healthz").await;
    assert_eq!(status, 503);
    assert_eq!(health["problems"][0]["part"], "journal");
    served.health.send_replace(Arc::new(Health::default()));
    served.figures = None;
    let (status, health) = served.json("/healthz").await;
    assert_eq!(status, 503, "an engine that ended is noticed");
    assert_eq!(health["problems"][0]["part"], "engine");
    assert_eq!(served.get("/api/snapshot").await.status(), 200, "its last figures are still shown");
}

#[tokio::test]
async fn an_engine_that_stands_still_fails_the_health_check() {
    let options = WebOptions { stale_after: Duration::ZERO, ..WebOptions::default() };
    let served = Served::with(options).await;
    let (status, health) = served.json("/healthz").await;
    assert_eq!(status, 503);
    assert_eq!(health["problems"][0]["part"], "engine");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let served = Served::start().await;
    let error = web::bind(served.address).await.expect_err("the port is taken");
    let text = error.to_string();
    assert!(text.contains(&served.address.to_string()) && text.contains("`listen`"), "{text}");
}
