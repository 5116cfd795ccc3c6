//! What databases ask of a request, byte by byte, and how each of their answers is taken.

use super::super::cursor::Cursor;
use super::super::round::Rounds;
use super::super::write::Halt;
use super::memory::Memory;
use super::plant::{DAYS, Plant, config, readings};
use super::protocol::{self, Point, Value};
use super::stage::{Stage, lines, round};
use super::wire::{Heard, Reply, Wire};
use crate::clock;
use crate::outputs::snapshot::OutputState;
use chrono::DateTime;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const V1: &str = "api = \"v1\"\ndatabase = \"wl\"\ngzip = true\n";
const V2: &str = "gzip = true\napi = \"v2\"\norg = \"our org\"\nbucket = \"wl/1 & 2\"\n";
const V3: &str = "gzip = true\napi = \"v3\"\ndatabase = \"wl\"\n";

fn with_token(api: &str, folder: &Path) -> String {
    let token = folder.join("token");
    std::fs::write(&token, "s3cret==\n").expect("written");
    format!("{api}token_file = {token:?}\n")
}

/// The lines of a header that every write has.
fn common(heard: &Heard, url: &str) -> Vec<String> {
    vec![
        "accept: */*".to_owned(),
        "content-encoding: gzip".to_owned(),
        format!("content-length: {}", heard.body.len()),
        "content-type: text/plain; charset=utf-8".to_owned(),
        format!("host: {}", url.strip_prefix("http://").expect("an address")),
        format!("user-agent: wattledger/{}", env!("CARGO_PKG_VERSION")),
    ]
}

#[tokio::test]
async fn a_write_is_byte_by_byte_what_each_dialect_asks_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let password = folder.path().join("password");
    std::fs::write(&password, "open sesame").expect("written");
    let with_user = format!("{V1}username = \"me\"\npassword_file = {password:?}\n");
    // "me:open sesame" in base64 (RFC 4648).
    let basic = "Basic bWU6b3BlbiBzZXNhbWU=";
    for (api, line, access) in [
        (V1.to_owned(), "/write?db=wl&precision=ms", None),
        (with_user, "/write?db=wl&precision=ms", Some(basic)),
        (V2.to_owned(), "/api/v2/write?org=our+org&bucket=wl%2F1+%26+2&precision=ms", None),
        (
            with_token(V2, folder.path()),
            "/api/v2/write?org=our+org&bucket=wl%2F1+%26+2&precision=ms",
            Some("Token s3cret=="),
        ),
        (V3.to_owned(), "/api/v3/write_lp?db=wl&precision=millisecond&accept_partial=true", None),
        (
            with_token(V3, folder.path()),
            "/api/v3/write_lp?db=wl&precision=millisecond&accept_partial=true",
            Some("Bearer s3cret=="),
        ),
    ] {
        let wire = Wire::start(|_| Reply::ok()).await;
        let stage = Stage::new(&wire.url, &api);
        stage.writer.deliver(round(vec![lines(0..50)])).await.expect("delivered");
        let [heard] = wire.heard().try_into().expect("one request");
        assert_eq!(heard.line, format!("POST {line} HTTP/1.1"));
        let mut header = common(&heard, &wire.url);
        header.extend(access.map(|access| format!("authorization: {access}")));
        header.sort();
        assert_eq!(heard.header, header, "{api}");
        assert_eq!(heard.body[..3], [0x1f, 0x8b, 8], "gzip, deflated (RFC 1952)");
        assert_eq!(heard.text().into_bytes(), lines(0..50).text);
        assert_eq!(stage.status.borrow().points, 50);
    }
}

/// The points of the ledger as line protocol, read by a reader of its own; texts among them.
#[tokio::test]
async fn every_line_of_a_plant_is_line_protocol() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    plant.book(&readings(DAYS));
    let wire = Wire::start(|_| Reply::ok()).await;
    let stage = Stage::new(&wire.url, V3);
    let mut rounds = Rounds::new(plant.view(&plant.config), Cursor::start(1, 1));
    let mut expected = Memory::default();
    loop {
        let round = rounds.next(Instant::now(), None).expect("the ledger is read");
        round.batches.iter().for_each(|batch| expected.write(batch));
        let caught_up = round.caught_up;
        stage.writer.deliver(round).await.expect("delivered");
        if caught_up {
            break;
        }
    }
    let mut stored: BTreeMap<(String, i64), BTreeMap<String, Value>> = BTreeMap::new();
    for heard in wire.heard().iter().filter(|heard| heard.path().contains("write_lp")) {
        for point in protocol::read(&heard.text()).unwrap_or_else(|why| panic!("{why}")) {
            let Point { measurement, tags, fields, at_ms } = point;
            let tags: String = tags.iter().map(|(name, value)| format!(",{name}={value}")).collect();
            stored.entry((format!("{measurement}{tags}"), at_ms)).or_default().extend(fields);
        }
    }
    assert_eq!(stored.len(), expected.points.len());
    let text = |value: &Value| match value {
        Value::Float(number) => number.to_string(),
        Value::Integer(number) => format!("{number}i"),
        Value::Text(text) => format!("\"{text}\""),
        Value::Boolean(yes) => yes.to_string(),
    };
    for (at, fields) in &expected.points {
        let seen: BTreeMap<String, String> =
            stored[at].iter().map(|(name, value)| (name.clone(), text(value))).collect();
        assert_eq!(&seen, fields, "{at:?}");
    }
    let verdicts = stored.values().filter_map(|point| point.get("verdict"));
    assert!(verdicts.clone().count() > 10 && verdicts.clone().all(|value| matches!(value, Value::Text(_))));
}

/// A database that refuses some lines, and says so as one of its kind does.
#[derive(Clone)]
struct Strict {
    says: Says,
    stored: Arc<Mutex<BTreeSet<i64>>>,
    sent: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    /// InfluxDB 1: keeps the good lines, and says how many it dropped.
    HowMany,
    /// InfluxDB 2: the same in other words.
    HowManyOfTwo,
    /// InfluxDB 3 at its own address: keeps the good lines, and names each bad one.
    Each,
    /// The relatives of InfluxDB 3 at `/api/v2/write`: keep the good lines, and name a hundred.
    AHundred,
    /// InfluxDB 3 at the addresses of 1 and 2: keeps nothing, and names nothing.
    Nothing,
    /// InfluxDB 2 of what cannot be parsed: keeps nothing, and repeats the line.
    Quoted,
}

const CONFLICT: &str = "invalid column type for column 'amount'";

impl Strict {
    fn new(says: Says) -> Strict {
        Strict { says, stored: Arc::default(), sent: Arc::default() }
    }

    fn answer(&self, heard: &Heard, bad: &BTreeSet<i64>) -> Reply {
        let text = heard.text();
        let points = protocol::read(&text).unwrap_or_else(|why| panic!("{why}"));
        self.sent.fetch_add(points.len(), Ordering::SeqCst);
        let wrong: Vec<usize> = (0..points.len()).filter(|at| bad.contains(&points[*at].at_ms)).collect();
        let keeps = wrong.is_empty() || !matches!(self.says, Says::Nothing | Says::Quoted);
        if keeps {
            let good = points.iter().map(|point| point.at_ms).filter(|at| !bad.contains(at));
            self.stored.lock().expect("not poisoned").extend(good);
        }
        if wrong.is_empty() {
            return Reply::ok();
        }
        let conflict = format!(
            "partial write: field type conflict: input field \\\"amount\\\" on measurement \\\"wl_meter\\\" is type float, \
             already exists as type integer dropped={}",
            wrong.len()
        );
        match self.says {
            Says::HowMany => Reply::says(400, format!("{{\"error\":\"{conflict}\"}}")),
            Says::HowManyOfTwo => Reply::says(
                422,
                format!(
                    "{{\"code\":\"unprocessable entity\",\"message\":\"failure writing points to database: {conflict}\"}}"
                ),
            ),
            Says::Each => {
                let of = |at: &usize| serde_json::json!({ "original_line": "cut", "line_number": at + 1, "error_message": CONFLICT });
                let data: Vec<_> = wrong.iter().map(of).collect();
                let error = "partial write of line protocol occurred";
                Reply::says(400, serde_json::json!({ "error": error, "data": data }).to_string())
            }
            Says::AHundred => {
                let lines = wrong.iter().take(100).map(|at| format!("\n line {}: {CONFLICT}", at + 1));
                let message = format!("errors encountered on line(s):{}", lines.collect::<String>());
                let body = serde_json::json!({ "code": "invalid", "line": wrong[0] + 1, "message": message });
                Reply::says(400, body.to_string())
            }
            Says::Nothing => Reply::says(400, r#"{"error":"write buffer error: schema conflict"}"#),
            Says::Quoted => {
                let line = text.lines().nth(wrong[0]).expect("it is there");
                let message = format!("unable to parse '{line}': invalid number");
                Reply::says(400, serde_json::json!({ "code": "invalid", "message": message }).to_string())
            }
        }
    }
}

#[tokio::test]
async fn exactly_the_bad_lines_are_lost_whatever_a_database_says_of_them() {
    let few = BTreeSet::from([0, 37, 1_900, 2_999]);
    let many: BTreeSet<i64> = (0..3_000).filter(|at| at % 11 == 5).collect();
    // What a conflict in a whole measurement looks like.
    let all: BTreeSet<i64> = (1_000..3_000).collect();
    for (says, api) in [
        (Says::HowMany, V1),
        (Says::HowManyOfTwo, V2),
        (Says::Each, V3),
        (Says::AHundred, V2),
        (Says::Nothing, V2),
        (Says::Quoted, V2),
    ] {
        for bad in [&few, &many, &all] {
            let strict = Strict::new(says);
            let (database, refused) = (strict.clone(), bad.clone());
            let wire = Wire::start(move |heard| database.answer(heard, &refused)).await;
            let stage = Stage::new(&wire.url, api);
            let silent_to_many = matches!(says, Says::Nothing | Says::Quoted) && bad.len() > 400;
            if silent_to_many {
                // Two thousand lines that are named one by one, or not: the search is given up before it
                // has asked for each, see the next test.
                continue;
            }
            stage.writer.deliver(round(vec![lines(0..1_000), lines(1_000..3_000)])).await.expect("delivered");
            let expected: BTreeSet<i64> = (0..3_000).filter(|at| !bad.contains(at)).collect();
            assert_eq!(*strict.stored.lock().expect("not poisoned"), expected, "{says:?}");
            let status = stage.status.borrow().clone();
            let counted = (status.points, status.refused_points, status.state);
            assert_eq!(counted, (3_000 - bad.len() as u64, bad.len() as u64, OutputState::Ok), "{says:?}");
            let kept = stage.refused();
            let in_file: BTreeSet<i64> = kept
                .lines()
                .filter(|line| !line.starts_with("# "))
                .map(|line| line.rsplit(' ').next().expect("a time").parse().expect("a number"))
                .collect();
            assert_eq!(&in_file, bad, "{says:?}");
            let reason =
                ["field type conflict", CONFLICT, "schema conflict", "unable to parse: invalid number"];
            assert!(
                kept.lines()
                    .filter(|line| line.starts_with("# "))
                    .all(|line| reason.iter().any(|why| line.contains(why)))
            );
            let (sent, asked) = (strict.sent.load(Ordering::SeqCst), wire.heard().len());
            if *bad == few {
                assert!(sent < 4 * 3_000 && asked < 60, "{says:?}: {sent} lines in {asked} requests");
            }
            if says == Says::Each {
                assert!(sent <= 2 * 3_000 && asked <= 6, "{says:?}: {sent} lines in {asked} requests");
            }
        }
    }
}

#[tokio::test]
async fn a_database_that_refuses_a_measurement_in_silence_is_not_asked_for_each_line() {
    let strict = Strict::new(Says::Nothing);
    let database = strict.clone();
    let wire = Wire::start(move |heard| database.answer(heard, &(1_000..9_000).collect())).await;
    let stage = Stage::new(&wire.url, V2);
    stage.writer.deliver(round(vec![lines(0..1_000), lines(1_000..9_000)])).await.expect("delivered");
    assert_eq!(strict.stored.lock().expect("not poisoned").len(), 1_000);
    assert_eq!(stage.status.borrow().refused_points, 8_000);
    assert!(wire.heard().len() < 2_100, "{} requests", wire.heard().len());
}

#[tokio::test]
async fn a_wait_that_a_database_asks_for_is_obeyed_by_all_requests_in_seconds_and_as_a_date() {
    for status in [429, 503] {
        for form in ["seconds", "date"] {
            let mut refusals = 0;
            let wire = Wire::start(move |_| {
                refusals += 1;
                match refusals {
                    // Dates know whole seconds only.
                    1 if form == "date" => {
                        let until = DateTime::from_timestamp_millis(clock::now().0 + 2_000).expect("a date");
                        Reply::later(status, until.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
                    }
                    1 => Reply::later(status, "1".to_owned()),
                    _ => Reply::ok(),
                }
            })
            .await;
            let stage = Stage::new(&wire.url, &format!("{V2}requests = 1\n"));
            let batches = (0..8).map(|at| lines(at * 10..at * 10 + 10)).collect();
            stage.writer.deliver(round(batches)).await.expect("delivered");
            let heard = wire.heard();
            assert_eq!(heard.len(), 9);
            assert_eq!(heard[0].body, heard[1].body, "the same batch again, byte by byte");
            let waited = heard[1].at - heard[0].at;
            assert!(waited >= Duration::from_millis(950), "{status} {form}: {waited:?}");
            assert_eq!((stage.status.borrow().points, stage.status.borrow().refused_points), (80, 0));
        }
    }
}

#[tokio::test]
async fn one_request_alone_asks_a_database_that_fails() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let wire = Wire::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        ..20 => Reply::says(503, "busy"),
        _ => Reply::ok(),
    })
    .await;
    let stage = Stage::new(&wire.url, &format!("{V2}requests = 8\n"));
    let batches = (0..8).map(|at| lines(at * 10..at * 10 + 10)).collect();
    stage.writer.deliver(round(batches)).await.expect("delivered");
    let heard = wire.heard();
    // Those that were under way when it began to fail, then one and the same.
    let texts: Vec<_> = heard[8..20].iter().map(|heard| heard.body.clone()).collect();
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "others did not wait");
    assert!(heard.len() <= 20 + 8, "{} requests", heard.len());
    assert_eq!(stage.status.borrow().points, 80);
}

#[tokio::test]
async fn so_many_requests_are_under_way_as_the_operator_allows() {
    for requests in [1, 2, 6] {
        let wire = Wire::start(|_| Reply::After(Duration::from_millis(60), Box::new(Reply::ok()))).await;
        let stage = Stage::new(&wire.url, &format!("{V3}requests = {requests}\n"));
        let batches = (0..12).map(|at| lines(at * 10..at * 10 + 10)).collect();
        stage.writer.deliver(round(batches)).await.expect("delivered");
        assert_eq!((wire.heard().len(), wire.most_at_a_time()), (12, requests));
    }
}

#[tokio::test]
async fn a_token_that_is_replaced_is_used_at_the_next_try() {
    let folder = tempfile::tempdir().expect("a folder");
    let api = with_token(V3, folder.path());
    let wire =
        Wire::start(|heard| match heard.header.iter().any(|line| line == "authorization: Bearer n3w") {
            true => Reply::ok(),
            false => Reply::says(401, r#"{"error":"the request was not authenticated"}"#),
        })
        .await;
    let stage = Stage::new(&wire.url, &api);
    let writer = Arc::clone(&stage.writer);
    let delivering = tokio::spawn(async move { writer.deliver(round(vec![lines(0..10)])).await });
    let mut status = stage.status.clone();
    let down = status.wait_for(|status| status.state == OutputState::Down).await.expect("alive").clone();
    let why = "401 Unauthorized: the request was not authenticated; check user and password, or the token";
    assert_eq!(down.last_error.as_deref(), Some(why));
    std::fs::write(folder.path().join("token"), "n3w").expect("written");
    delivering.await.expect("no panic").expect("delivered");
    assert_eq!((status.borrow().points, status.borrow().refused_points), (10, 0));
}

#[tokio::test]
async fn what_fails_on_the_way_is_sent_again_as_it_was() {
    let full = r#"{"error":"partial write: write /var/lib/influxdb/wal/_1.wal: no space left on device dropped=10"}"#;
    let replies = [
        Reply::Cut,
        Reply::Truncated(500, "{\"err".to_owned()),
        Reply::Truncated(400, "{\"error\":\"partial".to_owned()),
        Reply::says(507, "Insufficient Storage"),
        Reply::says(500, r#"{"error":"engine: error writing WAL entry: no space left on device"}"#),
        Reply::says(400, full),
        Reply::says(502, "<html>bad gateway</html>"),
        Reply::says(408, ""),
        Reply::After(Duration::from_millis(100), Box::new(Reply::Cut)),
    ];
    let count = replies.len();
    let mut replies = replies.into_iter();
    let wire = Wire::start(move |_| replies.next().unwrap_or_else(Reply::ok)).await;
    let stage = Stage::new(&wire.url, V1);
    stage.writer.deliver(round(vec![lines(0..10)])).await.expect("delivered");
    let heard = wire.heard();
    // A connection that was cut may be tried once more by the client itself.
    assert!((count + 1..=count + 3).contains(&heard.len()), "{} requests", heard.len());
    assert!(heard.iter().all(|one| one.body == heard[0].body));
    let status = stage.status.borrow().clone();
    assert_eq!((status.points, status.refused_points, status.last_error), (10, 0, None));
    assert_eq!(stage.refused(), "", "nothing was wrong with the lines");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_made_in_each_dialect() {
    let exists = Arc::new(AtomicBool::new(false));
    let there = Arc::clone(&exists);
    let wire = Wire::start(move |heard| match heard.path() {
        "/api/v3/configure/database" => {
            assert_eq!(heard.body, br#"{"db":"wl"}"#);
            there.store(true, Ordering::SeqCst);
            Reply::says(200, "")
        }
        _ if there.load(Ordering::SeqCst) => Reply::ok(),
        _ => Reply::says(404, r#"{"error":"database not found: wl"}"#),
    })
    .await;
    let stage = Stage::new(&wire.url, V3);
    let batches = || (0..4).map(|at| lines(at * 10..at * 10 + 10)).collect();
    stage.writer.deliver(round(batches())).await.expect("delivered");
    assert_eq!(stage.status.borrow().points, 40);
    let made = |wire: &Wire| wire.heard().iter().filter(|heard| heard.path().contains("configure")).count();
    assert_eq!(made(&wire), 1, "once, though four requests missed it");
    exists.store(false, Ordering::SeqCst);
    assert_eq!(stage.writer.deliver(round(batches())).await, Err(Halt::StartOver), "its points are gone");
}
