//! A figure can be asked for as it was known at an earlier time.

mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::{Engine, EngineConfig};
use wattledger_collector::store::history::HistoryError;
use wattledger_collector::store::{self, Layout, digest};
use wattledger_collector::topology::{self, Topology};
use wattledger_collector::view::{Component, View};
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::MeterKey;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Timestamp};
use world::{DAY_MS, START, at, batch, key, reading, steady};

const CONFIG: &str = r#"
[collector]
name = "c"
data_dir = "unused"
[link]
broker = "mqtt://127.0.0.1:1"
[[site]]
name = "hall"
time_zone = "UTC"
[[facility]]
name = "hall-1"
site = "hall"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
unit = "kWh"
scale = "SCALE"
rated_power = "20 MW"
[[meter]]
name = "other"
facility = "hall-1"
role = "ups-output"
unit = "kWh"
rated_power = "20 MW"
"#;

fn declared(scale: u32) -> CollectorConfig {
    let text = CONFIG.replace("SCALE", &scale.to_string());
    CollectorConfig::parse("c.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn open(dir: &TempDir, scale: u32, now: Timestamp) -> Engine {
    let meters: BTreeMap<MeterKey, _> = topology::interpretations(&declared(scale));
    let config = EngineConfig { layout: Layout::new(dir.path()), raw_kept_ms: 400 * DAY_MS, meters };
    Engine::open_at(config, Some(now), None).expect("opens")
}

fn view(dir: &TempDir, engine: &Engine, known: Option<Timestamp>) -> Result<View, HistoryError> {
    let layout = Layout::new(dir.path());
    let topology = Arc::new(Topology::compile(&declared(1), |key| engine.meters().id(key)));
    match known {
        None => Ok(View::open(&layout, topology)?),
        Some(at) => View::open_as_known(&layout, topology, at),
    }
}

/// Facility energy in hours after the start, in kWh tenths, and how many minutes are covered.
fn total(view: &mut View, from: i64, to: i64) -> (i128, i64) {
    view.begin().expect("begun");
    let interval = Interval::new(at(from * 60).minute(), at(to * 60).minute());
    let account = view.component(0, Component::Total, interval).expect("read");
    view.end().expect("ended");
    (account.all_numerator.iter().sum::<i128>() / 100_000_000, account.minutes)
}

fn take(engine: &mut Engine, sequence: u64, readings: Vec<Reading>, now: Timestamp) {
    engine.take(&[batch(sequence, "main", readings)], now).expect("taken");
    engine.flush().expect("flushed");
}

#[test]
fn late_data_changes_what_is_known_now_and_not_what_was_known_then() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1, at(0));
    // An agent that was off the net for the second hour.
    take(&mut engine, 0, steady(0, 61), at(61));
    take(&mut engine, 1, steady(121, 181), at(185));
    take(&mut engine, 2, steady(181, 260), at(260));
    let early = Timestamp(at(260).0 + 15 * 60_000);
    let before = total(&mut view(&dir, &engine, Some(early)).expect("known"), 0, 3);
    // What it kept comes three hours later, with another total than the gap's ends say alone.
    let spooled: Vec<Reading> = (61..121).map(|minute| reading(minute, 100_000 + minute * 7 - 3)).collect();
    take(&mut engine, 3, spooled, at(440));
    let mut now = view(&dir, &engine, None).expect("opens");
    assert_eq!(total(&mut now, 0, 3), (1_260, 180));
    let then = total(&mut view(&dir, &engine, Some(early)).expect("known"), 0, 3);
    assert_eq!(then, before);
    assert_eq!((then.0, then.1), (1_260, 180), "a long step lies wholly inside");
    // Cut inside the gap the two differ: interpolated then, measured now.
    let then = total(&mut view(&dir, &engine, Some(early)).expect("known"), 0, 2);
    assert!(then.1 < 120 && total(&mut now, 0, 2).1 == 120, "{then:?}");
    // A rebuild forgets nothing of it, and a kill neither.
    engine.rebuild().expect("rebuilt");
    drop(engine);
    let engine = open(&dir, 1, at(450));
    assert_eq!(total(&mut view(&dir, &engine, Some(early)).expect("known"), 0, 3), before);
}

#[test]
fn hours_that_were_not_closed_then_are_missing_and_the_horizon_is_that_of_then() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1, at(0));
    let mut minute = 0;
    for sequence in 0..60 {
        take(&mut engine, sequence * 2, steady(minute, minute + 5), at(minute + 5));
        let other = batch(sequence * 2 + 1, "other", steady(minute, minute + 5));
        engine.take(&[other], at(minute + 5)).expect("taken");
        engine.flush().expect("flushed");
        minute += 5;
    }
    let mut then = view(&dir, &engine, Some(at(200))).expect("known");
    // At 03:15, the edge before, hours up to 03:00 were closed.
    assert_eq!(then.known().expect("of then").edge, at(195));
    assert_eq!(total(&mut then, 0, 5), (1_260, 180));
    then.begin().expect("begun");
    assert_eq!(then.horizon(0), Some(at(180).minute()));
    then.end().expect("ended");
    let mut early = view(&dir, &engine, Some(at(70))).expect("known");
    assert_eq!(total(&mut early, 0, 5), (0, 0), "at 01:00 the first hour had not been over for a quarter");
}

#[test]
fn minutes_that_come_in_live_cost_no_history() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1, at(0));
    for minute in 0..200 {
        take(&mut engine, minute as u64, steady(minute, minute + 1), Timestamp(at(minute).0 + 1_500));
    }
    assert_eq!(kept(&dir), (0, 0));
    let quarters: i64 =
        connection(&dir).query_row("SELECT count(*) FROM known", [], |row| row.get(0)).expect("read");
    assert_eq!(quarters, 14, "one row a quarter of an hour");
}

fn connection(dir: &TempDir) -> rusqlite::Connection {
    store::open_reader(&Layout::new(dir.path())).expect("opens")
}

/// Versions of hours that are kept, and their bytes.
fn kept(dir: &TempDir) -> (i64, i64) {
    connection(dir)
        .query_row("SELECT count(*), coalesce(sum(length(block)), 0) FROM hour_past", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("read")
}

/// A register in tenths of a kWh whose minutes differ, as those of a real load do.
fn uneven(minute: i64) -> i64 {
    minute * 40 + minute * 7_919 % 37
}

#[test]
fn a_corrected_ratio_restates_the_past_and_what_was_known_stays_readable() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1, at(0));
    let days = 20;
    for day in 0..days {
        let readings = (day * 1_440..=(day + 1) * 1_440).map(|minute| reading(minute, uneven(minute)));
        take(&mut engine, day as u64, readings.collect(), at((day + 1) * 1_440));
    }
    engine.compact().expect("compacted");
    let of_then = engine.digest().expect("digest");
    let then = Timestamp(at(days * 1_440).0 + 3 * 3_600_000);
    drop(engine);
    // Half a day later the ratio is mended.
    let mut engine = open(&dir, 40, Timestamp(then.0 + 9 * 3_600_000));
    let restated = engine.digest().expect("digest");
    assert_ne!(restated, of_then);
    let hours = days * 24;
    let mut known = view(&dir, &engine, Some(then)).expect("known");
    let passed = i128::from(uneven(days * 1_440) - uneven(0));
    assert_eq!(total(&mut known, 0, hours).0, passed);
    let mut now = view(&dir, &engine, None).expect("opens");
    assert_eq!(total(&mut now, 0, hours).0, 40 * passed);
    let (versions, bytes) = kept(&dir);
    assert_eq!(versions, hours, "one version of each hour");
    let current: i64 = connection(&dir)
        .query_row("SELECT sum(length(block)) FROM hour", [], |row| row.get(0))
        .expect("read");
    assert!(bytes < current * 5 / 4, "{bytes} bytes beside {current}");
    // The digest of what was known is the digest that there was.
    let connection = connection(&dir);
    let state = store::history::known_at(&connection, then).expect("known");
    store::history::shadow(&connection, state).expect("shadowed");
    assert_eq!(digest::of(&connection, None).expect("read"), of_then);
}

#[test]
fn resets_that_later_readings_explain_are_known_as_they_were() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1, at(0));
    let mut readings = steady(0, 100);
    readings.extend((100..200).map(|minute| reading(minute, minute - 99)));
    take(&mut engine, 0, readings, at(200));
    let then = at(300);
    let steps = |view: &mut View| {
        view.begin().expect("begun");
        let main = view.topology().meters.values().find(|meter| meter.declared.key == key("main"));
        let meter = main.expect("declared").id;
        let counts = view.step_counts(meter).expect("read");
        view.end().expect("ended");
        counts.get("reset").copied().unwrap_or(0)
    };
    assert_eq!(steps(&mut view(&dir, &engine, Some(then)).expect("known")), 1);
    // A better source for the same instants shows that the register went on.
    let mended = (100..200).map(|minute| Reading {
        value: Decimal::new(100_000 + minute * 7, -1),
        intake: reading(minute + 10_000, 0).intake,
        ..reading(minute, 0)
    });
    take(&mut engine, 1, mended.collect(), at(400));
    assert_eq!(steps(&mut view(&dir, &engine, None).expect("opens")), 0);
    assert_eq!(steps(&mut view(&dir, &engine, Some(then)).expect("known")), 1);
}

#[test]
fn a_clock_that_was_ahead_for_a_while_does_not_spoil_what_is_noted() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1, at(0));
    take(&mut engine, 0, steady(0, 60), at(100));
    let years_ahead = Timestamp(START + 300 * DAY_MS);
    take(&mut engine, 1, steady(60, 61), years_ahead);
    take(&mut engine, 2, steady(61, 300), at(301));
    let kwh = |minute| total(&mut view(&dir, &engine, Some(at(minute))).expect("known"), 0, 5).0;
    assert_eq!(kwh(120), 59 * 7);
    assert_eq!(kwh(1_000), 299 * 7);
}

#[test]
fn steps_of_which_nothing_is_booked_are_known_from_the_flush_that_found_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut engine = open(&dir, 1, at(0));
    // A fall without a neighbour: a reset, and nothing to estimate it from.
    take(&mut engine, 0, vec![reading(0, 900), reading(10, 5)], at(11));
    assert!(engine.change().expect("read") > 0, "outputs are told of it");
    let known = |then| {
        let connection = store::open_reader(&Layout::new(dir.path())).expect("opens");
        let state = store::history::known_at(&connection, then).expect("noted");
        store::history::shadow(&connection, state).expect("shadowed");
        connection.query_row("SELECT count(*) FROM step", [], |row| row.get::<_, i64>(0)).expect("counted")
    };
    assert_eq!(known(at(200)), 1);
    // That it never was is known only after it is.
    let mended = Reading { value: Decimal::new(901, -1), intake: reading(9_000, 0).intake, ..reading(10, 0) };
    take(&mut engine, 1, vec![mended], at(300));
    assert_eq!((known(at(200)), known(at(400))), (1, 0));
}
