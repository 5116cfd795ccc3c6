//! A hall whose March was issued: a ledger in a directory, and its evidence in another.

use crate::admin::AdminError;
use crate::admin::issue::{self, IssueAnswer, IssueRequest};
use crate::audit::Who;
use crate::config::CollectorConfig;
use crate::engine::{Arrival, By, Engine, EngineConfig};
use crate::journal::PayloadForm;
use crate::outputs::reports::issued::sign::tests::PRIVATE;
use crate::store::Layout;
use crate::topology;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;
use wattledger_model::batch::AgentKey;
use wattledger_model::correction::Correction;
use wattledger_model::time::Timestamp;

/// Ten past ten on the fifth: the ledger is known as of ten.
pub(super) const ISSUED_AT: &str = "2026-03-05T10:07:00Z";
pub(super) const ID: &str = "hall-1_2026-03-02_1";

const CONFIG: &str = r#"
[collector]
name = "campus"
data_dir = "unused"
[link]
broker = "mqtt://127.0.0.1:1"
[reports]
signing_key_file = "KEY"
[[site]]
name = "hall"
time_zone = "Europe/Berlin"
[[site]]
name = "annex"
time_zone = "UTC"
[[facility]]
name = "hall-1"
site = "hall"
title = "Hall 1"
targets = ["D130", "D125"]
grid = "cn-beijing"
factor_series = "SERIES"
[[meter]]
site = "hall"
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
class = "0.5S"
nominal_interval = "10m"
rated_power = "20 MW"
[[meter]]
site = "hall"
name = "ups"
facility = "hall-1"
role = "ups-output"
unit = "kWh"
class = "0.5S"
nominal_interval = "10m"
rated_power = "20 MW"
[[meter]]
site = "hall"
name = "late"
facility = "hall-1"
role = "cooling"
unit = "kWh"
nominal_interval = "10m"
[[meter]]
site = "hall"
name = "air"
facility = "hall-1"
role = "outdoor"
kind = "gauge"
unit = "°C"
nominal_interval = "1h"
[[meter]]
site = "annex"
name = "elsewhere"
unit = "kWh"
nominal_interval = "10m"
"#;

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a time")
}

/// A collector's data directory with its engine, its configuration and what that names.
pub(super) struct World {
    _dir: TempDir,
    pub(super) layout: Layout,
    pub(super) text: String,
    pub(super) config: CollectorConfig,
    pub(super) engine: Engine,
    pub(super) series: PathBuf,
}

fn configured(text: &str) -> CollectorConfig {
    CollectorConfig::parse("hall.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn opened(layout: &Layout, config: &CollectorConfig, now: Timestamp) -> Engine {
    let meters = topology::interpretations(config);
    let config_of = EngineConfig { layout: layout.clone(), raw_kept_ms: i64::MAX / 4, meters };
    Engine::open_at(config_of, Some(now), Some(&config.version)).expect("opens")
}

impl World {
    /// Four days of readings, ten minutes apart; of IT energy with an hour's hole on the second of March, which is the
    /// period, and with one reading that was left out and a correction that was taken back.
    pub(super) fn new() -> World {
        let dir = tempfile::tempdir().expect("a directory");
        let (key, series) = (dir.path().join("key.pem"), dir.path().join("factors.csv"));
        fs::write(&key, PRIVATE).expect("written");
        fs::write(&series, factors(0.41)).expect("written");
        let text = CONFIG
            .replace("KEY", &key.display().to_string())
            .replace("SERIES", &series.display().to_string());
        let config = configured(&text);
        let layout = Layout::new(&dir.path().join("data"));
        let start = at("2026-02-28T22:00:00Z");
        let engine = opened(&layout, &config, start);
        let mut world = World { _dir: dir, layout, text, config, engine, series };
        for day in 0..5 {
            let readings = (0..144).filter_map(|ten| world.readings(start, day * 144 + ten)).flatten();
            let evening = Timestamp(start.0 + (day + 1) * 86_400_000);
            world.take(&readings.collect::<Vec<_>>(), evening.min(at("2026-03-05T09:05:00Z")));
        }
        world.exclude("2026-03-02T05:20:00Z", at("2026-03-05T09:10:00Z"));
        let number = world.exclude("2026-03-02T06:40:00Z", at("2026-03-05T09:11:00Z"));
        let who = Who::collector();
        let by = By { who: &who, reason: "the photo was of another meter", now: at("2026-03-05T09:12:00Z") };
        world.engine.withdraw(number, by).expect("withdrawn");
        world.engine.compact().expect("moved");
        world
    }

    /// Everything that is read at the `ten`th ten minutes.
    fn readings(
        &self,
        start: Timestamp,
        ten: i64,
    ) -> Option<Vec<(&'static str, Timestamp, String, &'static str)>> {
        let time = Timestamp(start.0 + ten * 600_000);
        if time > at("2026-03-05T09:00:00Z") {
            return None;
        }
        let wobble = ten * 7_919 % 37;
        let mut all = vec![
            ("hall/main", time, format!("{}.{}", 81_000 + ten * 21 + wobble / 9, wobble % 9), "kWh"),
            ("hall/air", time, format!("{}.5", 4 + wobble % 7), "°C"),
            ("annex/elsewhere", time, format!("{}", 5 * ten), "kWh"),
        ];
        let hole = at("2026-03-02T12:00:00Z")..at("2026-03-02T13:30:00Z");
        if !hole.contains(&time) {
            all.push(("hall/ups", time, format!("{}", 40_000 + ten * 16), "kWh"));
        }
        Some(all)
    }

    /// Takes readings in at a time of the collector's clock.
    pub(super) fn take(&mut self, readings: &[(&str, Timestamp, String, &str)], now: Timestamp) {
        for site in ["hall", "annex"] {
            let own = readings.iter().filter_map(|(meter, at, value, unit)| {
                let (of, name) = meter.split_once('/')?;
                let value: serde_json::Value = serde_json::from_str(value).expect("a number");
                (of == site)
                    .then(|| json!({ "meter": name, "at": at.to_string(), "value": value, "unit": unit }))
            });
            let own: Vec<_> = own.collect();
            let agent = AgentKey { site: site.parse().expect("name"), agent: "hand".parse().expect("name") };
            let payload = json!({ "readings": own }).to_string().into_bytes();
            let answered = self.engine.take(&[Arrival { agent, form: PayloadForm::Json, payload }], now);
            assert_eq!(answered.expect("taken").readings, own.len(), "every reading is new and good");
        }
        self.engine.tell_time(now);
        self.engine.compact().expect("flushed");
    }

    /// Leaves a reading of the main meter out; the correction's number.
    pub(super) fn exclude(&mut self, time: &str, now: Timestamp) -> u64 {
        let keys: Vec<_> = self.engine.meters().all().map(|(id, key, ..)| (id, key.to_string())).collect();
        let (id, _) = keys.iter().find(|(_, key)| key == "hall/main").expect("known");
        let from = at(time);
        let correction = Correction::Exclude { from, to: Timestamp(from.0 + 1_000) };
        let by = By { who: &Who::collector(), reason: "the display flickered", now };
        self.engine.correct(*id, correction, by).expect("corrected").sequence
    }

    /// Starts again with another configuration.
    pub(super) fn reconfigure(self, edit: impl FnOnce(&str) -> String, now: Timestamp) -> World {
        let World { _dir, layout, text, engine, series, .. } = self;
        drop(engine);
        let text = edit(&text);
        let config = configured(&text);
        let engine = opened(&layout, &config, now);
        World { _dir, layout, text, config, engine, series }
    }

    pub(super) fn issue(&mut self, request: &IssueRequest, now: &str) -> Result<IssueAnswer, AdminError> {
        let (who, now) = (Who::collector(), at(now));
        self.engine.tell_time(now);
        self.engine.flush().expect("flushed");
        let to_issue = issue::prepare(&self.layout, &self.config, request, &who, now)?;
        let to_print = to_issue.to_print(&self.config.reports);
        let answer = issue::issue(&mut self.engine, &self.layout, to_issue, &who, now)?;
        Ok(to_print.print(&self.layout, answer))
    }
}

/// Hourly factors from the first of March on.
pub(super) fn factors(first: f64) -> String {
    let rows = (0..96).map(|hour| {
        let time = Timestamp(at("2026-03-01T00:00:00Z").0 + hour * 3_600_000);
        format!("{time},{:.3}\n", first + hour as f64 / 1_000.0)
    });
    format!("time,kg/kWh\n{}", rows.collect::<String>())
}

pub(super) fn of(facility: &str, period: &str) -> IssueRequest {
    IssueRequest {
        facility: Some(facility.to_owned()),
        period: Some(period.to_owned()),
        ..IssueRequest::default()
    }
}

pub(super) fn restating(id: &str) -> IssueRequest {
    IssueRequest {
        restates: Some(id.to_owned()),
        reason: "late readings came".to_owned(),
        ..IssueRequest::default()
    }
}

/// An issued report: the closed data directory and its evidence, made once and copied for whoever changes them.
pub(super) struct Kept {
    dir: TempDir,
}

impl Kept {
    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(super) fn evidence(&self) -> PathBuf {
        self.dir.path().join("evidence")
    }
}

static KEPT: LazyLock<Kept> = LazyLock::new(|| {
    let mut world = World::new();
    world.issue(&of("hall-1", "2026-03-02"), ISSUED_AT).expect("issued");
    let dir = tempfile::tempdir().expect("a directory");
    let kept = Kept { dir };
    crate::outputs::reports::issued::export(&world.layout, ID, &kept.evidence()).expect("exported");
    let layout = world.layout.clone();
    let World { _dir, engine, .. } = world;
    drop(engine);
    copy(&layout.dir, &kept.data());
    kept
});

/// A copy of the issued report that may be tampered with.
pub(super) fn kept() -> Kept {
    let dir = tempfile::tempdir().expect("a directory");
    let copied = Kept { dir };
    copy(&KEPT.data(), &copied.data());
    copy(&KEPT.evidence(), &copied.evidence());
    copied
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("listed").path();
        let into = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &into);
        } else {
            fs::copy(&path, &into).expect("copied");
        }
    }
}
