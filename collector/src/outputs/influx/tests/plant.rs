//! A small plant: a configuration, its readings, and an engine that books them.

use crate::config::CollectorConfig;
use crate::engine::{Arrival, Engine, EngineConfig};
use crate::journal::PayloadForm;
use crate::store::Layout;
use crate::topology::{self, Topology};
use crate::view::View;
use std::path::Path;
use std::sync::Arc;
use wattledger_model::batch::AgentKey;
use wattledger_model::time::Timestamp;

/// Three days of readings begin here: 2026-03-27T06:20Z. The last has 23 hours in Berlin.
pub(super) const START_MS: i64 = 1_774_592_400_000;
pub(super) const QUARTER_MS: i64 = 900_000;
pub(super) const DAYS: i64 = 3;

const PLACES: &str = r#"
[collector]
name = "campus"
data_dir = "/nowhere"
[link]
broker = "mqtt://127.0.0.1:1883"
[retention]
raw = "4000d"
[[site]]
name = "site-a"
time_zone = "Europe/Berlin"
[[facility]]
name = "hall"
site = "site-a"
targets = ["D130", "D125"]
emission_factor = "0.4 kg/kWh"
[[zone]]
name = "room"
facility = "hall"
[[meter]]
name = "main"
facility = "hall"
role = "utility"
kind = "register"
unit = "kWh"
rated_power = "100 kW"
nominal_interval = "15m"
uncertainty = "1 %"
[[meter.claim]]
zone = "room"
role = "zone-total"
[[meter]]
name = "it"
facility = "hall"
role = "it-input"
kind = "register"
unit = "kWh"
nominal_interval = "15m"
uncertainty = "0.5 %"
fed_by = ["main"]
[[meter.claim]]
zone = "room"
role = "it-input"
[[meter]]
name = "water"
facility = "hall"
role = "water"
kind = "register"
unit = "m3"
nominal_interval = "15m"
[[meter]]
name = "cooling"
facility = "hall"
role = "cooling"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "15m"
[[meter]]
name = "outside"
site = "site-a"
facility = "hall"
role = "outdoor"
kind = "gauge"
unit = "Cel"
nominal_interval = "15m"
"#;

/// A configuration: the places, and more.
pub(super) fn config(more: &str) -> CollectorConfig {
    let text = format!("{PLACES}{more}");
    CollectorConfig::parse("plant.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// An engine and what is needed to look at its ledger.
pub(super) struct Plant {
    pub(super) layout: Layout,
    pub(super) engine: Engine,
    pub(super) config: CollectorConfig,
}

impl Plant {
    pub(super) fn open(folder: &Path, config: CollectorConfig) -> Plant {
        let layout = Layout::new(folder);
        let engine = Engine::open(EngineConfig {
            layout: layout.clone(),
            raw_kept_ms: i64::MAX,
            meters: topology::interpretations(&config),
        });
        Plant { layout, engine: engine.expect("the store opens"), config }
    }

    /// Books readings, written as JSON by hand.
    pub(super) fn book(&mut self, readings: &[String]) {
        let payload = format!("{{\"readings\":[{}]}}", readings.join(","));
        let agent =
            AgentKey { site: "site-a".parse().expect("a name"), agent: "by-hand".parse().expect("a name") };
        let arrival = Arrival { agent, form: PayloadForm::Json, payload: payload.into_bytes() };
        let answered = self.engine.take(&[arrival], Timestamp(START_MS + 400 * 86_400_000));
        assert_eq!(answered.expect("they are durable").readings, readings.len(), "{}", readings[0]);
        self.engine.flush().expect("they are booked");
    }

    /// A view of the ledger as this configuration understands it.
    pub(super) fn view(&self, config: &CollectorConfig) -> View {
        let topology = Topology::compile(config, |key| self.engine.meters().id(key));
        View::open(&self.layout, Arc::new(topology)).expect("the ledger opens")
    }
}

/// One reading.
pub(super) fn reading(meter: &str, at_ms: i64, value: f64, unit: &str) -> String {
    format!(r#"{{"meter":"{meter}","at":"{}","value":{value},"unit":"{unit}"}}"#, Timestamp(at_ms))
}

/// The readings of all meters, quarter by quarter, with gaps and faults.
pub(super) fn readings(days: i64) -> Vec<String> {
    let mut all = Vec::new();
    for quarter in 0..=days * 96 {
        let at = START_MS + quarter * QUARTER_MS;
        let (main, it) = ((quarter * 15) as f64, quarter as f64 * 11.5);
        // Some steps are long, and some time is missing altogether.
        if quarter % 40 < 33 {
            all.push(reading("main", at, main, "kWh"));
        }
        if quarter % 55 < 50 {
            all.push(reading("it", at, it, "kWh"));
        }
        all.push(reading("water", at, quarter as f64 * 0.03, "m3"));
        if quarter % 31 < 27 {
            all.push(reading("cooling", at, 8.0 + (quarter % 7) as f64, "kW"));
        }
        all.push(reading("outside", at, 4.0 + (quarter % 96) as f64 / 10.0, "Cel"));
        // More than the installation can carry: what was measured is estimated once this is known.
        if quarter % 60 == 20 {
            all.push(reading("main", at + QUARTER_MS / 3, main + 14.0, "kWh"));
        }
    }
    all
}
