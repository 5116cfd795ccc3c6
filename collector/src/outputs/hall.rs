//! A small ledger made by hand, through the engine.

use crate::config::CollectorConfig;
use crate::engine::{Arrival, Engine, EngineConfig};
use crate::journal::PayloadForm;
use crate::store::Layout;
use crate::topology::{self, Topology};
use crate::view::View;
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;
use wattledger_model::batch::AgentKey;
use wattledger_model::time::Timestamp;

pub(crate) struct Hall {
    pub(crate) layout: Layout,
    pub(crate) config: CollectorConfig,
    engine: Engine,
    _dir: TempDir,
}

const HEAD: &str = r#"
[collector]
name = "campus"
data_dir = "unused"
[link]
broker = "mqtt://127.0.0.1:1883"
[[site]]
name = "hall"
time_zone = "Europe/Berlin"
"#;

impl Hall {
    /// A site in Berlin with these further tables of configuration.
    pub(crate) fn new(tables: &str) -> Hall {
        let config = CollectorConfig::parse("hall.toml", &format!("{HEAD}{tables}"))
            .unwrap_or_else(|problems| panic!("{problems}"));
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path());
        let engine = Engine::open(EngineConfig {
            layout: layout.clone(),
            raw_kept_ms: i64::MAX / 4,
            meters: topology::interpretations(&config),
        })
        .expect("a new store");
        Hall { layout, config, engine, _dir: dir }
    }

    /// Takes readings in: meter, instant, value, unit, and the seconds of an interval mean.
    pub(crate) fn take(&mut self, readings: &[(&str, Timestamp, f64, &str, Option<u32>)]) {
        let entries: Vec<_> = readings
            .iter()
            .map(|(meter, at, value, unit, interval_s)| {
                json!({ "meter": meter, "at": at.to_string(), "value": value, "unit": unit, "interval_s": interval_s })
            })
            .collect();
        let agent = AgentKey { site: "hall".parse().expect("name"), agent: "hand".parse().expect("name") };
        let payload = json!({ "readings": entries }).to_string().into_bytes();
        let arrival = Arrival { agent, form: PayloadForm::Json, payload };
        let now = readings.iter().map(|(_, at, ..)| *at).max().unwrap_or_default();
        let answered = self.engine.take(&[arrival], now).expect("taken");
        assert_eq!(answered.readings, readings.len(), "every reading is new and good");
        self.engine.compact().expect("flushed");
    }

    pub(crate) fn view(&self) -> View {
        let topology = Topology::compile(&self.config, |key| self.engine.meters().id(key));
        View::open(&self.layout, Arc::new(topology)).expect("a view")
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a time")
}
