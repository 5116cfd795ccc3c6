//! Live points are those that are declared; events survive whatever is down or killed, each once.

use super::super::InfluxStatus;
use super::super::catalog::{self, FieldKind};
use super::super::cursor::Cursor;
use super::super::line::Batch;
use super::super::round::Rounds;
use super::super::run::Output;
use super::super::write::Pace;
use super::memory::Memory;
use super::plant::{Plant, START_MS, config, readings};
use super::server::Server;
use crate::audit::Who;
use crate::engine::service::{MeterTelemetry, Telemetry};
use crate::engine::{By, Work};
use crate::outputs::live::{self, Surroundings};
use crate::outputs::remembered;
use crate::outputs::snapshot::{AlertView, ChannelView, OutputState, OutputView, QuarantineView, Snapshot};
use crate::outputs::turns::{self, Turned};
use crate::receive::{HeardAgent, Skew};
use crate::view::View;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::MeterKey;
use wattledger_model::time::Timestamp;

/// Two meters whose instruments are exchanged at one instant, 2026-03-27T12:00Z.
const EXCHANGED: &str = r#"
[[meter]]
name = "sub-1"
site = "site-a"
kind = "register"
unit = "kWh"
nominal_interval = "15m"
serial = "A"
last = "900.5"
[[meter.instrument]]
from = "2026-03-27T12:00:00Z"
serial = "B \"new\" \\"
first = "0"
[[meter]]
name = "sub-2"
site = "site-a"
kind = "register"
unit = "kWh"
nominal_interval = "15m"
serial = "C"
[[meter.instrument]]
from = "2026-03-27T12:00:00Z"
serial = "D"
"#;

/// When everything here is done: long after the readings, all in one millisecond.
const NOW: Timestamp = Timestamp(START_MS + 400 * 86_400_000);

fn plant(folder: &std::path::Path) -> Plant {
    let mut plant = Plant::open(folder, config(EXCHANGED));
    plant.book(&readings(1));
    plant
}

/// Excludes an hour of a meter's readings, the `nth` since the first.
fn correct(plant: &mut Plant, meter: &str, nth: i64, reason: &str) -> u64 {
    let key = MeterKey { site: "site-a".parse().expect("a name"), meter: meter.parse().expect("a name") };
    let id = plant.engine.meters().id(&key).expect("it is known");
    let from = Timestamp(START_MS + nth * 3_600_000);
    let correction = Correction::Exclude { from, to: Timestamp(from.0 + 3_600_000) };
    let by = By { who: &Who::this_process(), reason, now: NOW };
    plant.engine.correct(id, correction, by).expect("it is made").sequence
}

fn turn(plant: &Plant, is_raised: bool, severity: &str, raised_as: Option<&str>, minute: i64) {
    let connection = remembered::open(&plant.layout).expect("opens");
    let transaction = connection.unchecked_transaction().expect("a transaction");
    let turned = Turned {
        rule: "hall-pue".to_owned(),
        facility: "hall".to_owned(),
        severity: severity.to_owned(),
        raised_as: raised_as.map(str::to_owned),
        is_raised,
        at_ms: START_MS + minute * 60_000,
        value: 1.5,
        limit: 1.4,
        coverage: 1.0,
        reason: "PUE over 1 hour is above 1.4: 1.500".to_owned(),
    };
    turns::keep(&transaction, &turned).expect("kept");
    transaction.commit().expect("committed");
}

/// What the page would show at an instant.
fn snapshot(plant: &Plant, view: &mut View, now: Timestamp, readings: u64) -> Snapshot {
    let meters = plant.engine.meters().all().map(|(id, key, interpretation, _)| MeterTelemetry {
        id,
        key: key.clone(),
        kind: interpretation.kind,
        stale_after_ms: 180_000,
        tally: plant.engine.tally().meter(id).cloned().unwrap_or_default(),
        undecided: Vec::new(),
    });
    let second = Some(Duration::from_secs(1));
    let telemetry = Telemetry {
        meters: meters.collect(),
        work: Work { readings, latest_flush: second, longest_wait: second, ..Work::default() },
        ..Telemetry::default()
    };
    let agent = wattledger_model::batch::AgentKey {
        site: "site-a".parse().expect("a name"),
        agent: "by-hand".parse().expect("a name"),
    };
    let agents =
        BTreeMap::from([(agent, HeardAgent { last_seen: now, status: None, skew: Skew::default() })]);
    view.begin().expect("begun");
    let around = Surroundings {
        collector: "campus",
        started: Timestamp(START_MS),
        now,
        telemetry: &telemetry,
        agents: &agents,
        outputs: vec![OutputView {
            name: "main".to_owned(),
            kind: "influx".to_owned(),
            state: OutputState::Behind,
            cursor: 3,
            head: 5,
            points: 7,
            refused_points: 1,
            last_error: None,
        }],
        alerts: vec![AlertView {
            id: "a".to_owned(),
            rule: "hall-pue".to_owned(),
            facility: "hall".to_owned(),
            severity: "warning".to_owned(),
            since: now,
            value: 1.5,
            limit: 1.4,
            window: "1h".to_owned(),
            coverage: 1.0,
            as_of: Some(now),
            ..AlertView::default()
        }],
        channels: vec![ChannelView {
            name: "ops".to_owned(),
            kind: "mqtt".to_owned(),
            state: OutputState::Down,
            delivered: 4,
            failed: 3,
            given_up: 2,
            last_error: None,
        }],
        problems: 2,
        store_bytes: Some(1 << 20),
        memory_bytes: Some(1 << 21),
    };
    let mut snapshot = live::snapshot(view, around).expect("made");
    view.end().expect("ended");
    snapshot.quarantine.push(QuarantineView {
        cause: "unit".to_owned(),
        count: 3,
        held: 2,
        last_at: now,
        origin: String::new(),
        detail: String::new(),
    });
    snapshot
}

/// An output that may be killed: what it has written stays, what it remembers is what it last remembered.
struct Teller {
    rounds: Rounds,
    kept: Option<String>,
    memory: Memory,
}

impl Teller {
    fn new(plant: &Plant) -> Teller {
        Teller { rounds: rounds(plant, Cursor::start(1, 1)), kept: None, memory: Memory::default() }
    }

    fn restart(&mut self, plant: &Plant) {
        let kept = self.kept.as_deref().map(|text| serde_json::from_str(text).expect("a cursor"));
        self.rounds = rounds(plant, kept.unwrap_or_else(|| Cursor::start(1, 1)));
    }

    /// Writes rounds until there is nothing more; the cursors are remembered or not.
    fn catch_up(&mut self, now: Instant, snapshot: Option<&Snapshot>, remembers: bool) {
        for _ in 0..10_000 {
            let round = self.rounds.next(now, snapshot).expect("the ledger is read");
            round.batches.iter().for_each(|batch| self.memory.write(batch));
            if remembers {
                self.kept = round.cursor.or(self.kept.take());
            }
            if round.caught_up {
                return;
            }
        }
        panic!("it never catches up");
    }
}

fn rounds(plant: &Plant, cursor: Cursor) -> Rounds {
    let turns = remembered::open(&plant.layout).expect("opens");
    Rounds::new(plant.view(&plant.config), cursor).with_turns(turns)
}

/// Events by key and time: their titles.
fn events(memory: &Memory) -> BTreeMap<(String, i64), String> {
    let of = memory.points.iter().filter(|((key, _), _)| key.starts_with("wl_event,"));
    of.map(|(at, fields)| (at.clone(), fields["title"].clone())).collect()
}

#[test]
fn every_live_measurement_is_written_with_the_fields_that_are_declared() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = plant(folder.path());
    correct(&mut plant, "main", 2, "it was\ncalibrated");
    turn(&plant, true, "warning", None, 60);
    let mut output = Teller::new(&plant);
    let mut view = plant.view(&plant.config);
    let began = Instant::now();
    let minute = Duration::from_secs(61);
    let later = Timestamp(NOW.0 + 61_000);
    for (shown, when, count) in [(NOW, began, 100), (later, began + minute, 710)] {
        let shown = snapshot(&plant, &mut view, shown, count);
        output.catch_up(when, Some(&shown), true);
    }
    for measurement in catalog::LIVE {
        let key = format!("{},", measurement.name);
        let points = output.memory.points.iter().filter(|((of, _), _)| of.starts_with(&key));
        let mut written = BTreeSet::new();
        for ((of, at), fields) in points {
            let tags: Vec<&str> = of.split(',').skip(1).filter_map(|tag| tag.split('=').next()).collect();
            assert_eq!(tags, measurement.tags, "{of}");
            for (name, value) in fields {
                let declared = measurement.fields.iter().find(|field| field.name == name);
                let kind = declared.unwrap_or_else(|| panic!("{of} has `{name}`")).kind;
                let text = value.starts_with('"');
                assert_eq!(kind == FieldKind::Text, text, "{of} {name}={value} {at}");
                assert!(text || value.parse::<f64>().is_ok(), "{of} {name}={value} {at}");
                written.insert(name.as_str());
            }
        }
        let declared: BTreeSet<&str> = measurement.fields.iter().map(|field| field.name).collect();
        assert_eq!(written, declared, "{}", measurement.name);
    }
    let field = |key: &str, at: Timestamp, name: &str| output.memory.field(key, at.0, name);
    assert_eq!(field("wl_collector,collector=campus", NOW, "readings_per_s"), None, "nothing was before");
    assert_eq!(field("wl_collector,collector=campus", later, "readings_per_s"), Some(10.0));
    assert_eq!(field("wl_output,collector=campus,output=main", later, "behind"), Some(2.0));
    assert_eq!(field("wl_meter_state,meter=main,site=site-a", later, "live"), Some(0.0));
    assert_eq!(field("wl_meter_state,meter=sub-1,site=site-a", later, "age_s"), None, "never read");
    assert_eq!(output.memory.count("wl_meter_state,meter=main"), 2, "once a minute");
    assert_eq!(field("wl_alert,facility=hall,rule=hall-pue,severity=warning", NOW, "raised"), Some(1.0));
}

#[test]
fn events_are_told_once_each_whatever_is_killed_and_apart_in_one_millisecond() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = plant(folder.path());
    let mut output = Teller::new(&plant);
    let began = Instant::now();
    let mut looks = (1..).map(|look| began + Duration::from_secs(look * 6));
    let mut look = || looks.next().expect("there is no end of them");

    let first = correct(&mut plant, "main", 2, "one");
    correct(&mut plant, "it", 2, "two");
    turn(&plant, true, "warning", None, 60);
    // Taken by the database, and the collector killed before it was remembered.
    output.catch_up(look(), None, false);
    assert_eq!(events(&output.memory).len(), 3);
    output.restart(&plant);
    turn(&plant, false, "critical", Some("warning"), 90);
    turn(&plant, true, "critical", None, 90);
    let key = MeterKey { site: "site-a".parse().expect("name"), meter: "sub-1".parse().expect("name") };
    let id = plant.engine.meters().id(&key).expect("known");
    let at = Timestamp(START_MS + 40_000_000);
    let by = By { who: &Who::collector(), reason: "three", now: NOW };
    let exchange = Correction::Exchange { at, last: Decimal::new(5, 0), first: Decimal::ZERO };
    plant.engine.correct(id, exchange, by).expect("made");
    output.catch_up(look(), None, true);
    plant.engine.withdraw(first, By { reason: "four", ..by }).expect("taken back");
    // Made for a database that was down, and never sent.
    drop(output.rounds.next(look(), None).expect("made"));
    output.restart(&plant);
    let mut view = plant.view(&plant.config);
    let shown = snapshot(&plant, &mut view, NOW, 0);
    output.catch_up(look(), Some(&shown), true);

    let seen = events(&output.memory);
    let corrections: Vec<(i64, &str)> = seen
        .iter()
        .filter(|((key, _), _)| key.contains("kind=correction"))
        .map(|((_, at), title)| (at - NOW.0, title.as_str()))
        .collect();
    let mut told = corrections.clone();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (0, "\"correction 1 of site-a/main: exclude\""),
            (1, "\"correction 2 of site-a/it: exclude\""),
            (2, "\"correction 3 of site-a/sub-1: exchange\""),
            (3, "\"correction 1 of site-a/main withdrawn\""),
        ]
    );
    let of = |kind: &str| seen.keys().filter(|(key, _)| key.contains(&format!("kind={kind},"))).count();
    assert_eq!((of("alert-raised"), of("alert-cleared")), (2, 1));
    assert_eq!(of("exchange"), 3, "two declared for one instant, and one entered: {seen:?}");
    assert_eq!(seen.len(), 10);
    let alert = |severity: &str, minute: i64| {
        let key = format!("wl_alert,facility=hall,rule=hall-pue,severity={severity}");
        output.memory.field(&key, START_MS + minute * 60_000, "raised")
    };
    assert_eq!((alert("warning", 60), alert("warning", 90)), (Some(1.0), Some(0.0)));

    // Another database is told the same.
    let mut anew = Teller::new(&plant);
    anew.catch_up(look(), Some(&shown), true);
    assert_eq!(events(&anew.memory), seen);
}

#[test]
fn more_events_than_one_round_writes_come_in_the_next_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let plant = plant(folder.path());
    for minute in 0..1_203 {
        turn(&plant, minute % 2 == 0, "info", None, minute);
    }
    let mut output = Teller::new(&plant);
    output.catch_up(Instant::now(), None, true);
    assert_eq!(events(&output.memory).len(), 1_203);
}

#[test]
fn a_cursor_of_before_there_were_events_begins_with_the_first() {
    let mut cursor = serde_json::to_value(Cursor::start(1, 1)).expect("JSON");
    cursor.as_object_mut().expect("an object").remove("told").expect("it is there");
    let cursor: Cursor = serde_json::from_value(cursor).expect("it is read");
    assert_eq!(cursor, Cursor::start(1, 1));
}

/// An output that runs, until it is stopped.
struct Running {
    wake: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    status: watch::Receiver<InfluxStatus>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(plant: &Plant, url: &str) -> Running {
        let text =
            format!("[[output.influx]]\nname = \"main\"\nurl = \"{url}\"\napi = \"v1\"\ndatabase = \"wl\"\n");
        let short = Duration::from_millis(20);
        let output = Output {
            config: config(&text).influx.remove(0),
            layout: plant.layout.clone(),
            store_id: plant.engine.store_id(),
            pace: Pace { first: short, longest: short, mended: short },
        };
        let (wake, woken) = watch::channel(plant.engine.change().expect("a number"));
        let (stop, stopped) = watch::channel(false);
        let (sender, status) = watch::channel(InfluxStatus::default());
        let view = plant.view(&plant.config);
        let task = tokio::spawn(async move {
            output.run(view, woken, None, stopped, sender).await.expect("it ends well");
        });
        Running { wake, stop, status, task }
    }

    async fn until(&mut self, state: OutputState, change: u64) {
        let reached = |status: &InfluxStatus| {
            status.state == state && (state != OutputState::Ok || status.cursor >= change)
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), self.status.wait_for(reached)).await;
        assert!(waited.is_ok_and(|status| status.is_ok()), "never {state:?}: {:?}", self.status.borrow());
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_while_the_database_and_the_collector_were_down_are_told_once() {
    let (down, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::<String>::new())));
    let (is_down, log) = (Arc::clone(&down), Arc::clone(&taken));
    let server = Server::start(move |asked| {
        if is_down.load(Ordering::Relaxed) {
            return (503, None, String::new());
        }
        if asked.uri.starts_with("/write") {
            log.lock().expect("not poisoned").push(asked.body.clone());
        }
        (204, None, String::new())
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = plant(folder.path());
    correct(&mut plant, "main", 2, "before");
    let change = |plant: &Plant| plant.engine.change().expect("a number");
    let mut running = Running::start(&plant, &server.url);
    running.until(OutputState::Ok, change(&plant)).await;
    down.store(true, Ordering::Relaxed);
    correct(&mut plant, "it", 2, "while the database is down");
    running.wake.send_replace(change(&plant));
    running.until(OutputState::Down, 0).await;
    running.stop().await;
    correct(&mut plant, "water", 2, "while nothing runs");
    turn(&plant, true, "warning", None, 60);
    let mut running = Running::start(&plant, &server.url);
    running.until(OutputState::Down, 0).await;
    correct(&mut plant, "main", 5, "while it tries");
    turn(&plant, false, "warning", None, 90);
    running.wake.send_replace(change(&plant));
    down.store(false, Ordering::Relaxed);
    running.until(OutputState::Ok, change(&plant)).await;
    running.stop().await;

    let mut running = Running::start(&plant, &server.url);
    running.until(OutputState::Ok, change(&plant)).await;
    running.stop().await;
    let mut memory = Memory::default();
    for text in taken.lock().expect("not poisoned").iter() {
        memory.write(&Batch { text: text.clone().into_bytes(), lines: text.lines().count() });
    }
    let titles: Vec<String> = events(&memory).into_values().collect();
    assert_eq!(titles.len(), 6, "{titles:?}");
    let sent: Vec<String> = taken.lock().expect("not poisoned").clone();
    let lines = sent.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("wl_event,"));
    assert_eq!(lines.count(), 6, "what the database took and the cursor remembers is not sent again");
}
