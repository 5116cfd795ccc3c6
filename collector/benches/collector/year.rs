//! A store with a year of quarter-hour readings: its size, and what is read from it. Each task runs in a
//! process of its own, so that its time is from cold and its memory its own.

use crate::directory;
use crate::hall::{
    DAY_MS, QUARTER_HOUR_MS, Register, SMALL, START, arrival, configuration, meter_name, name, reading,
};
use crate::measure::{Bar, Row, asked, median, print, processor_time};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::Engine;
use wattledger_collector::indicators::Indicator;
use wattledger_collector::outputs::reports;
use wattledger_collector::store::{self, Layout};
use wattledger_collector::topology::Topology;
use wattledger_collector::view::View;
use wattledger_collector::{engine_config, start};
use wattledger_model::calendar::{Window, interval};
use wattledger_model::meter::MeterKey;
use wattledger_model::time::Timestamp;

const QUARTERS_A_DAY: i64 = DAY_MS / QUARTER_HOUR_MS;

/// Meters of both facilities; the large one has as many as are asked for.
fn meters() -> usize {
    SMALL + asked("WATTLEDGER_BENCH_METERS", 100)
}

fn days() -> i64 {
    asked("WATTLEDGER_BENCH_DAYS", 365) as i64
}

fn now() -> Timestamp {
    Timestamp(START + days() * DAY_MS + DAY_MS)
}

/// How a store is filled: all meters together, so many readings of each before a flush.
struct Filling {
    meters: usize,
    days: i64,
    interval_ms: i64,
    readings_a_flush: i64,
    flushes_a_compaction: i64,
}

impl Filling {
    fn readings_of_each(&self) -> i64 {
        self.days * DAY_MS / self.interval_ms
    }
}

/// 100 kW for so long, in hundredths of a kilowatt-hour.
fn mean(interval_ms: i64) -> i64 {
    interval_ms / 360
}

/// Time to take the readings in; and to make the digests that days then still wait for, as the engine's thread
/// does beside intake.
fn fill(dir: &Path, filling: &Filling) -> [Duration; 2] {
    let Filling { meters, interval_ms, readings_a_flush, .. } = *filling;
    let config = configuration(dir, meters, &format!("{interval_ms}ms"));
    let mut engine = Engine::open(engine_config(&config)).expect("opens");
    let mut registers: Vec<Register> =
        (0..meters).map(|meter| Register::new(meter, mean(interval_ms))).collect();
    let start = Instant::now();
    let (mut sequence, mut number) = (0, 0);
    let all = filling.readings_of_each();
    for (flush, from) in (1..).zip((0..all).step_by(readings_a_flush as usize)) {
        let to = all.min(from + readings_a_flush);
        let mut group = Vec::new();
        for (meter, register) in registers.iter_mut().enumerate() {
            let one = (from..to).map(|at| {
                number += 1;
                (0, reading(START + at * interval_ms, register.next(), number))
            });
            group.push(arrival(sequence, vec![name(&meter_name(meter))], one.collect()));
            sequence += 1;
        }
        engine.take(&group, now()).expect("taken");
        if flush % filling.flushes_a_compaction == 0 || to == all {
            engine.compact().expect("moved to the raw store");
        } else {
            engine.flush().expect("flushed");
        }
    }
    let filled = start.elapsed();
    while engine.keep_digests().expect("kept") {}
    [filled, start.elapsed() - filled]
}

/// Bytes of each table, with its free space.
fn sizes(dir: &Path) -> impl Fn(&[&str]) -> f64 {
    let connection = store::open_reader(&Layout::new(dir)).expect("opens");
    let all: Vec<(String, i64)> = connection
        .prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
        .and_then(|mut query| query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .expect("the store tells its pages");
    move |names| {
        all.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, bytes)| *bytes).sum::<i64>()
            as f64
    }
}

fn blocks_bytes(dir: &Path) -> f64 {
    let connection = store::open_reader(&Layout::new(dir)).expect("opens");
    let bytes: i64 =
        connection.query_row("SELECT sum(length(block)) FROM hour", [], |row| row.get(0)).expect("hours");
    bytes as f64
}

fn size_rows(dir: &Path, how: &str, filling: &Filling, bar: Bar) -> Vec<Row> {
    let size = sizes(dir);
    let readings = filling.meters as i64 * filling.readings_of_each();
    let minutes = (readings - filling.meters as i64) as f64 * filling.interval_ms as f64 / 60_000.0;
    let unit = "bytes/meter-minute";
    vec![
        Row::new(format!("{how}: minute blocks"), blocks_bytes(dir) / minutes, unit, bar),
        Row::new(
            format!("{how}: minute blocks with hour rollups, index and free space in pages"),
            size(&["hour", "hour_change"]) / minutes,
            unit,
            bar,
        ),
        Row::new(format!("{how}: day rollups and steps"), size(&["day", "step"]) / minutes, unit, Bar::None),
        Row::new(
            format!("{how}: digests of days"),
            size(&["day_digest", "day_digest_waiting"]) / minutes,
            unit,
            Bar::None,
        ),
        Row::new(format!("{how}: hours by the day"), size(&["day_hours"]) / minutes, unit, Bar::None),
        Row::new(format!("{how}: a raw reading"), size(&["raw"]) / readings as f64, "bytes", Bar::None),
    ]
}

/// A reading a minute, so that no two minutes are alike, flushed as it comes.
fn minute_by_minute() -> Vec<Row> {
    let filling =
        Filling { meters: 100, days: 3, interval_ms: 60_000, readings_a_flush: 1, flushes_a_compaction: 10 };
    let dir = tempfile::tempdir_in(directory()).expect("a directory");
    let [time, _] = fill(dir.path(), &filling);
    let mut rows = size_rows(dir.path(), "a reading a minute, as it comes", &filling, Bar::Below(7.0));
    let flushes = filling.readings_of_each() as f64;
    rows.push(Row::new(
        "the same: a flush of 100 meters",
        time.as_secs_f64() * 1e3 / flushes,
        "ms",
        Bar::None,
    ));
    rows
}

/// Makes the store and runs the tasks.
pub(crate) fn run() {
    print("On disk: 100 meters, 3 days", &minute_by_minute());
    let filling = Filling {
        meters: meters(),
        days: days(),
        interval_ms: QUARTER_HOUR_MS,
        readings_a_flush: 7 * QUARTERS_A_DAY,
        flushes_a_compaction: 1,
    };
    let dir = tempfile::tempdir_in(directory()).expect("a directory");
    let [filled, digested] = fill(dir.path(), &filling);
    let readings = (filling.meters as i64 * filling.readings_of_each()) as f64;
    let rate = Row::new(
        "filled by the week, commits durable",
        readings / filled.as_secs_f64(),
        "readings/s",
        Bar::None,
    );
    let waited = "then, digests of the days that waited for one";
    let mut rows = vec![rate, Row::new(waited, digested.as_secs_f64(), "s", Bar::None)];
    rows.extend(size_rows(dir.path(), "filled by the week", &filling, Bar::None));
    print(&format!("On disk: {} meters, {} days, a reading every quarter hour", meters(), days()), &rows);
    for task in ["restart", "report-cold", "report", "rebuild", "windows"] {
        let this = std::env::current_exe().expect("this program has a path");
        let ended = Command::new(this).args(["--task", task]).arg(dir.path()).status().expect("it starts");
        assert!(ended.success(), "{task} ended with {ended}");
    }
}

/// One task, in a process of its own.
pub(crate) fn task(task: &str, dir: &Path) {
    let config = configuration(dir, meters(), "15m");
    match task {
        "restart" => restart(&config),
        "report-cold" if forget_files() => report(&config, "the store not in the system's memory"),
        "report-cold" => {
            println!("\nOnly root may empty the system's cache of files: no report from a cold disk.")
        }
        "report" => report(&config, "the store in the system's memory"),
        "rebuild" => rebuild(&config),
        "windows" => windows(&config),
        other => panic!("no task `{other}`"),
    }
}

/// The most memory that this process has had, MiB.
fn most_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1_024.0
}

fn restart(config: &CollectorConfig) {
    let begin = Instant::now();
    let engine = Engine::open(engine_config(config)).expect("opens");
    let opened = begin.elapsed();
    drop(engine);
    let begin = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let (ready, shown, memory) = runtime.block_on(async {
        let running = start(config.clone()).await.expect("starts");
        let ready = begin.elapsed();
        let handle = running.handle();
        let mut shown = None;
        let look = async {
            while handle.snapshot().facilities.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            shown = Some(begin.elapsed());
        };
        running.until(look).await.expect("stops in order");
        (ready, shown.expect("shown before the stop"), most_memory())
    });
    let seconds = |time: Duration| time.as_secs_f64();
    let rows = [
        Row::new("engine open", seconds(opened), "s", Bar::Below(2.0)),
        Row::new("ready: page served, readings taken in", seconds(ready), "s", Bar::Below(2.0)),
        Row::new("first figures shown", seconds(shown), "s", Bar::Below(2.0)),
        Row::new("most memory", memory, "MiB", Bar::Below(250.0)),
    ];
    print(&format!("Restart with a year of {} meters", meters()), &rows);
}

fn view(config: &CollectorConfig, number: impl Fn(&MeterKey) -> Option<i64>) -> View {
    let topology = Topology::compile(config, number);
    View::open(&Layout::new(&config.data_dir), Arc::new(topology)).expect("a view of the store")
}

/// Meters are numbered in the order of the configuration, by the engine that made the store.
fn numbers(config: &CollectorConfig) -> impl Fn(&MeterKey) -> Option<i64> {
    let connection = store::open_reader(&Layout::new(&config.data_dir)).expect("opens");
    move |key| {
        let known = (key.site.as_str(), key.meter.as_str());
        connection
            .query_row("SELECT id FROM meter WHERE site = ?1 AND name = ?2", known, |row| row.get(0))
            .ok()
    }
}

/// Empties the system's cache of files; whether it may.
fn forget_files() -> bool {
    let written = Command::new("sync").status().is_ok_and(|ended| ended.success());
    written && std::fs::write("/proc/sys/vm/drop_caches", "1").is_ok()
}

fn report(config: &CollectorConfig, how: &str) {
    let begin = Instant::now();
    let mut view = view(config, numbers(config));
    let options = reports::Options { generated_at: now(), configuration: config };
    let report = reports::make(&mut view, "large", "2025", options).expect("a report");
    assert!(report.hours.as_ref().is_some_and(|hours| hours.pue.len() as i64 >= 24 * days().min(365)));
    let printed = reports::json(&report).len();
    let (time, worked) = (begin.elapsed(), processor_time());
    assert!(printed > 1_000);
    let rows = [
        Row::new("from a cold start to JSON", time.as_secs_f64(), "s", Bar::Below(2.0)),
        Row::new("the same in processor time", worked.as_secs_f64(), "s", Bar::Below(2.0)),
        Row::new("most memory", most_memory(), "MiB", Bar::Below(300.0)),
    ];
    print(&format!("Year report for {} meters, {how}", meters() - SMALL), &rows);
}

fn rebuild(config: &CollectorConfig) {
    let mut engine = Engine::open(engine_config(config)).expect("opens");
    let (begin, before) = (Instant::now(), processor_time());
    let rebuilt = engine.rebuild().expect("rebuilt");
    let (seconds, worked) = (begin.elapsed().as_secs_f64(), (processor_time() - before).as_secs_f64());
    assert_eq!(rebuilt.changed_hours, 0, "the ledger is what its readings say");
    let readings = (meters() as i64 * days() * QUARTERS_A_DAY) as f64;
    let rows = [
        Row::new("readings", readings / seconds, "readings/s", Bar::None),
        Row::new("minutes", readings * 15.0 / seconds, "minutes/s", Bar::None),
        Row::new("minutes in processor time", readings * 15.0 / worked, "minutes/s", Bar::None),
        Row::new("all of it", seconds, "s", Bar::None),
        Row::new("most memory", most_memory(), "MiB", Bar::None),
    ];
    print("Rebuild from raw readings", &rows);
}

/// Every rolling window of both facilities: when nothing changed, and after each quarter hour's flush.
fn windows(config: &CollectorConfig) {
    const ROUNDS: i64 = 9;
    let mut engine = Engine::open(engine_config(config)).expect("opens");
    let mut view = view(config, |key| engine.meters().id(key));
    let rolling: Vec<Window> = Window::ALL.iter().copied().filter(|window| window.is_rolling()).collect();
    let zone = view.topology().facilities[0].zone;
    let horizon = |view: &View, facility| view.horizon(facility).expect("readings are there");
    let figures = |view: &mut View, facility: usize| {
        let end = horizon(view, facility);
        let begin = Instant::now();
        for window in &rolling {
            let figure =
                view.figure(facility, Indicator::Pue, interval(*window, zone, end)).expect("readable");
            assert!(figure.is_some_and(|figure| figure.value.is_some()), "{}", window.word());
        }
        begin.elapsed()
    };
    let begin = Instant::now();
    view.begin().expect("a round");
    let first_round = begin.elapsed();
    let first = [figures(&mut view, 0), figures(&mut view, 1)];
    let unchanged: Vec<[Duration; 2]> =
        (0..ROUNDS).map(|_| [figures(&mut view, 0), figures(&mut view, 1)]).collect();
    let mut changed = Vec::new();
    let mut began = Vec::new();
    let mut registers: Vec<Register> =
        (0..meters()).map(|meter| Register::new(meter, mean(QUARTER_HOUR_MS))).collect();
    for register in &mut registers {
        for _ in 0..days() * QUARTERS_A_DAY {
            register.next();
        }
    }
    for round in 0..ROUNDS {
        let quarter = days() * QUARTERS_A_DAY + round;
        let names: Vec<_> = (0..meters()).map(|meter| name(&meter_name(meter))).collect();
        let at = START + quarter * QUARTER_HOUR_MS;
        let numbered = (0..).zip(&mut registers);
        let one =
            numbered.map(|(meter, register)| (meter, reading(at, register.next(), quarter as u64))).collect();
        let group = [arrival(u64::MAX / 2 + round as u64, names, one)];
        engine.take(&group, Timestamp(now().0 + DAY_MS)).expect("taken");
        engine.flush().expect("flushed");
        let begin = Instant::now();
        view.begin().expect("a round");
        began.push(begin.elapsed());
        changed.push([figures(&mut view, 0), figures(&mut view, 1)]);
    }
    let of = |all: &[[Duration; 2]], facility: usize| median(all.iter().map(|both| both[facility]).collect());
    let rate = |time: Duration| rolling.len() as f64 / time.as_secs_f64();
    let sizes = [SMALL, meters() - SMALL];
    let mut rows = vec![
        Row::new("first round of a view", first_round.as_secs_f64() * 1e3, "ms", Bar::None),
        Row::new("round after a flush of all meters", median(began).as_secs_f64() * 1e3, "ms", Bar::None),
    ];
    for (facility, size) in sizes.into_iter().enumerate() {
        let row =
            |what: &str, time| Row::new(format!("{size} meters, {what}"), rate(time), "figures/s", Bar::None);
        rows.push(row("from the store, the first time", first[facility]));
        rows.push(row("nothing changed", of(&unchanged, facility)));
        rows.push(row("after a flush of all meters", of(&changed, facility)));
    }
    print(&format!("PUE over {} rolling windows up to 12 months", rolling.len()), &rows);
}
