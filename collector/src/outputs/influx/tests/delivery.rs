//! How rounds are brought to a database that is slow, strict, full, closed or not there.

use super::super::line::Series;
use super::super::points::Erasure;
use super::super::round::Round;
use super::super::write::Halt;
use super::super::{catalog, catalog::FieldSet};
use super::server::{Asked, Reply, Server};
use super::stage::{Stage, V1, lines, round};
use crate::outputs::snapshot::OutputState;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

struct Played {
    server: Server,
    stage: Stage,
}

impl Deref for Played {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

async fn stage(api: &str, script: impl FnMut(&Asked) -> Reply + Send + 'static) -> Played {
    let server = Server::start(script).await;
    let stage = Stage::new(&server.url, api);
    Played { server, stage }
}

fn ok() -> Reply {
    (204, None, String::new())
}

/// The lines of the requests that were answered well, in order.
fn sorted(taken: &[String]) -> Vec<usize> {
    let times = taken.iter().flat_map(|body| body.lines()).map(|line| line.rsplit(' ').next());
    let mut times: Vec<usize> = times.map(|time| time.expect("a time").parse().expect("a number")).collect();
    times.sort_unstable();
    times
}

#[tokio::test]
async fn bad_lines_are_found_and_kept_and_the_others_are_written() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&taken);
    let stage = stage(V1, move |asked| {
        if asked.body.lines().any(|line| line.contains("amount=37 ") || line.contains("amount=1900 ")) {
            return (400, None, r#"{"error":"partial write: field type conflict dropped=1"}"#.to_owned());
        }
        log.lock().expect("not poisoned").push(asked.body.clone());
        ok()
    })
    .await;
    stage.writer.deliver(round(vec![lines(0..1_000), lines(1_000..3_000)])).await.expect("delivered");
    let expected: Vec<usize> = (0..3_000).filter(|at| *at != 37 && *at != 1_900).collect();
    assert_eq!(sorted(&taken.lock().expect("not poisoned")), expected);
    let status = stage.status.borrow().clone();
    assert_eq!((status.points, status.refused_points, status.state), (2_998, 2, OutputState::Ok));
    let kept = stage.refused();
    assert!(kept.contains("amount=37 37\n") && kept.contains("amount=1900 1900\n"), "{kept}");
    assert!(stage.server.asked().len() < 60, "{} requests", stage.server.asked().len());
    let first = &stage.server.asked()[0];
    assert_eq!(first.uri, "/write?db=wl&precision=ms");
}

#[tokio::test]
async fn a_database_that_refuses_all_is_not_asked_for_ever() {
    let stage = stage(V1, |_| (400, None, r#"{"error":"no"}"#.to_owned())).await;
    stage.writer.deliver(round(vec![lines(0..10_000)])).await.expect("delivered");
    assert_eq!(stage.status.borrow().refused_points, 10_000);
    assert!(stage.server.asked().len() <= 2_100, "{} requests", stage.server.asked().len());
}

#[tokio::test]
async fn too_large_is_halved_and_expired_is_counted() {
    let stage = stage(V1, |asked| match asked.body.lines().count() {
        300.. => (413, None, String::new()),
        _ if asked.body.contains("amount=999 ") => {
            (400, None, r#"{"error":"partial write: points beyond retention policy dropped=5"}"#.to_owned())
        }
        _ => ok(),
    })
    .await;
    stage.writer.deliver(round(vec![lines(0..1_000)])).await.expect("delivered");
    let status = stage.status.borrow().clone();
    assert_eq!((status.points, status.refused_points), (995, 5));
    let refused = |asked: &Asked| asked.body.lines().count() >= 300;
    let asked = stage.server.asked();
    assert!(asked.len() <= 7 && asked.iter().filter(|one| refused(one)).count() == 2, "{}", asked.len());
    stage.writer.deliver(round(vec![lines(0..1_000)])).await.expect("delivered");
    let again = &stage.server.asked()[asked.len()..];
    assert!(!again.iter().any(refused), "a size that was too large is not tried again");
    assert!(again.len() <= 6, "{} requests", again.len());
}

#[tokio::test]
async fn a_busy_database_is_waited_for_as_long_as_it_asks() {
    let mut replies =
        vec![ok(), (503, None, String::new()), (500, None, String::new()), (429, Some("1"), String::new())];
    let stage = stage(V1, move |_| replies.pop().unwrap_or_else(ok)).await;
    let began = Instant::now();
    stage.writer.deliver(round(vec![lines(0..10)])).await.expect("delivered");
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After was not obeyed");
    let asked = stage.server.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|one| one.body == asked[0].body), "the same batch again");
    let status = stage.status.borrow().clone();
    assert_eq!((status.points, status.last_error, status.state), (10, None, OutputState::Ok));
}

#[tokio::test]
async fn closed_doors_pause_the_output_and_say_the_mend() {
    let open = Arc::new(AtomicBool::new(false));
    let key = Arc::clone(&open);
    let stage = stage(V1, move |_| match key.load(std::sync::atomic::Ordering::SeqCst) {
        true => ok(),
        false => (401, None, r#"{"error":"authorization failed"}"#.to_owned()),
    })
    .await;
    let writer = Arc::clone(&stage.writer);
    let delivering = tokio::spawn(async move { writer.deliver(round(vec![lines(0..10)])).await });
    let mut status = stage.status.clone();
    let down = status.wait_for(|status| status.state == OutputState::Down).await.expect("alive").clone();
    assert_eq!(
        down.last_error.as_deref(),
        Some("401 Unauthorized: authorization failed; check user and password, or the token")
    );
    open.store(true, std::sync::atomic::Ordering::SeqCst);
    delivering.await.expect("no panic").expect("delivered");
    assert_eq!(status.borrow().last_error, None);
}

#[tokio::test]
async fn a_missing_database_is_made_and_one_that_vanished_is_filled_again() {
    let there = Arc::new(AtomicBool::new(false));
    let exists = Arc::clone(&there);
    let stage = stage(V1, move |asked| {
        use std::sync::atomic::Ordering::SeqCst;
        if asked.uri == "/query" {
            assert_eq!(asked.body, "q=CREATE+DATABASE+%22wl%22");
            exists.store(true, SeqCst);
            return (200, None, r#"{"results":[{"statement_id":0}]}"#.to_owned());
        }
        if exists.load(SeqCst) {
            ok()
        } else {
            (404, None, r#"{"error":"database not found: \"wl\""}"#.to_owned())
        }
    })
    .await;
    assert_eq!(stage.writer.deliver(round(vec![lines(0..10)])).await, Ok(()));
    there.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(stage.writer.deliver(round(vec![lines(10..20)])).await, Err(Halt::StartOver));
    assert_eq!(stage.writer.deliver(round(vec![lines(0..20)])).await, Ok(()));
}

#[tokio::test]
async fn a_dialect_of_two_carries_its_token_and_makes_its_bucket() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret\n").expect("written");
    let api =
        format!("api = \"v2\"\norg = \"our org\"\nbucket = \"b\"\ntoken_file = {:?}\n", token.display());
    let mut made = false;
    let stage = stage(&api, move |asked| {
        if asked.uri.starts_with("/api/v2/orgs") {
            return (200, None, r#"{"orgs":[{"id":"0011","name":"our org"}]}"#.to_owned());
        }
        if asked.uri == "/api/v2/buckets" {
            assert!(asked.body.contains(r#""orgID":"0011""#) && asked.body.contains(r#""name":"b""#));
            made = true;
            return (201, None, "{}".to_owned());
        }
        if made {
            ok()
        } else {
            (404, None, r#"{"code":"not found","message":"bucket \"b\" not found"}"#.to_owned())
        }
    })
    .await;
    stage.writer.deliver(round(vec![lines(0..10)])).await.expect("delivered");
    let asked = stage.server.asked();
    let last = asked.last().expect("asked");
    assert_eq!(last.uri, "/api/v2/write?org=our+org&bucket=b&precision=ms");
    assert!(asked.iter().all(|one| one.authorization.as_deref() == Some("Token s3cret")), "{asked:?}");
    assert_eq!(stage.status.borrow().points, 10);
}

fn erasure() -> Erasure {
    let tags = vec!["m".to_owned(), "s".to_owned()];
    let series = Arc::new(Series::new(&catalog::METER, tags, FieldSet(3)));
    Erasure { series, from_ms: 60_000, to_ms: 180_000 }
}

#[tokio::test]
async fn points_are_deleted_before_others_are_written() {
    let stage = stage(V1, |asked| match asked.uri.as_str() {
        "/query?db=wl" => (200, None, r#"{"results":[{"statement_id":0}]}"#.to_owned()),
        _ => ok(),
    })
    .await;
    let round = Round { erasures: vec![erasure(), erasure()], ..round(vec![lines(0..1)]) };
    stage.writer.deliver(round).await.expect("delivered");
    let asked = stage.server.asked();
    assert_eq!(asked.len(), 2);
    let statement = "DELETE+FROM+%22wl_meter%22+WHERE+%22meter%22+%3D+%27m%27+AND+%22site%22+%3D+%27s%27+AND+\
                     time+%3E%3D+60000ms+AND+time+%3C%3D+180000ms";
    assert_eq!(asked[0].body, format!("q={statement}%3B{statement}"));
    assert_eq!(asked[0].method, "POST");
}

#[tokio::test]
async fn a_dialect_without_deletion_is_written_all_the_same() {
    let api = "api = \"v2\"\norg = \"o\"\nbucket = \"b\"\n";
    let stage = stage(api, |asked| match asked.uri.starts_with("/api/v2/delete") {
        true => (405, None, String::new()),
        false => ok(),
    })
    .await;
    let round = Round { erasures: vec![erasure()], ..round(vec![lines(0..1)]) };
    stage.writer.deliver(round).await.expect("delivered");
    let asked = stage.server.asked();
    assert_eq!(
        asked[0].body,
        r#"{"predicate":"_measurement=\"wl_meter\" AND meter=\"m\" AND site=\"s\"","start":"1970-01-01T00:01:00Z","stop":"1970-01-01T00:03:00.001Z"}"#
    );
    assert_eq!((stage.status.borrow().not_erased, stage.status.borrow().points), (1, 1));
}

#[tokio::test]
async fn waiting_ends_when_the_output_is_stopped() {
    let stage = stage(V1, |_| (503, Some("300"), String::new())).await;
    let writer = Arc::clone(&stage.writer);
    let delivering = tokio::spawn(async move { writer.deliver(round(vec![lines(0..10)])).await });
    stage.status.clone().wait_for(|status| status.state == OutputState::Down).await.expect("alive");
    stage.stop.send_replace(true);
    assert_eq!(delivering.await.expect("no panic"), Err(Halt::Stopped));
}
