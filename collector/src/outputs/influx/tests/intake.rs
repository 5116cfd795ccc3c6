//! Intake beside a database that is dead, slow, full or lying: it does not notice.

use super::super::InfluxStatus;
use super::super::run::Output;
use super::plant::{DAYS, Plant, config, readings};
use super::stage::SHORT;
use super::wire::{Reply, Wire};
use crate::outputs::snapshot::OutputState;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What a payload may take on its way into the ledger, on a machine that is busy with other tests.
const LONGEST: Duration = Duration::from_secs(1);

/// Requests under way at a time, and bytes of lines in each, as configured.
const REQUESTS: usize = 2;
const BATCH_BYTES: usize = 64 << 10;

struct Seen {
    longest: Duration,
    status: InfluxStatus,
    requests: usize,
    most_at_a_time: usize,
    largest: usize,
}

impl Seen {
    /// What waits for the database's word is what is under way, however much waits in the ledger.
    fn expect_little_under_way(&self) {
        assert!((1..=REQUESTS).contains(&self.most_at_a_time), "{} requests at a time", self.most_at_a_time);
        assert!((1..=BATCH_BYTES).contains(&self.largest), "{} bytes of lines in a request", self.largest);
    }
}

/// Books three days, some at a time, while the output writes to a database that answers so; waits for what it
/// comes to.
async fn booked_beside(reply: Reply, until: impl Fn(&InfluxStatus, u64) -> bool) -> Seen {
    let wire = Wire::start(move |_| reply.clone()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "[[output.influx]]\nname = \"main\"\nurl = \"{}\"\napi = \"v2\"\norg = \"o\"\nbucket = \"b\"\n\
         requests = {REQUESTS}\nbatch_size = \"{} KiB\"\ngzip = true\n",
        wire.url,
        BATCH_BYTES >> 10
    );
    let mut plant = Plant::open(folder.path(), config(&text));
    let (wake, woken) = watch::channel(0);
    let (stop, stopped) = watch::channel(false);
    let (status_sender, mut status) = watch::channel(InfluxStatus::default());
    let output = Output {
        config: plant.config.influx[0].clone(),
        layout: plant.layout.clone(),
        store_id: plant.engine.store_id(),
        pace: SHORT,
    };
    let running = tokio::spawn(output.run(plant.view(&plant.config), woken, None, stopped, status_sender));
    let mut longest = Duration::ZERO;
    for some in readings(DAYS).chunks(20) {
        let began = Instant::now();
        plant.book(some);
        longest = longest.max(began.elapsed());
        wake.send_replace(plant.engine.change().expect("a number"));
        tokio::task::yield_now().await;
    }
    let head = plant.engine.change().expect("a number");
    let waited =
        tokio::time::timeout(Duration::from_secs(60), status.wait_for(|status| until(status, head))).await;
    assert!(waited.is_ok_and(|status| status.is_ok()), "{:?}", status.borrow());
    stop.send_replace(true);
    running.await.expect("no panic").expect("it ends well");
    let status = status.borrow().clone();
    let heard = wire.heard();
    let written = heard.iter().filter(|heard| heard.path().starts_with("/api/v2/write"));
    let largest = written.map(|heard| heard.text().len()).max().unwrap_or_default();
    Seen { longest, status, requests: heard.len(), most_at_a_time: wire.most_at_a_time(), largest }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_never_answers_delays_nothing_and_is_asked_no_more() {
    let seen = booked_beside(Reply::Silence, |_, _| true).await;
    assert!(seen.longest < LONGEST, "{:?}", seen.longest);
    assert!(seen.requests <= 4, "{} requests", seen.requests);
    assert_eq!(seen.status.points, 0);
    assert!(seen.most_at_a_time <= REQUESTS, "{} requests at a time", seen.most_at_a_time);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_database_delays_nothing_and_loses_nothing() {
    let full = Reply::says(500, r#"{"error":"engine: write failed: no space left on device"}"#);
    let seen = booked_beside(full, |status, _| status.state == OutputState::Down).await;
    assert!(seen.longest < LONGEST, "{:?}", seen.longest);
    assert_eq!((seen.status.points, seen.status.refused_points, seen.status.cursor), (0, 0, 0));
    seen.expect_little_under_way();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_or_lying_database_delays_nothing() {
    // It says that all is stored, a while later, and stores nothing.
    let slow = Reply::After(Duration::from_millis(30), Box::new(Reply::ok()));
    let seen =
        booked_beside(slow, |status, head| status.state == OutputState::Ok && status.cursor >= head).await;
    assert!(seen.longest < LONGEST, "{:?}", seen.longest);
    assert!(seen.status.points > 3 * 1_440 * 5, "{} points", seen.status.points);
    seen.expect_little_under_way();
}
