//! A small ledger made by hand, through the engine.

use crate::audit::Who;
use crate::config::CollectorConfig;
use crate::engine::{Arrival, By, Engine, EngineConfig};
use crate::journal::PayloadForm;
use crate::store::Layout;
use crate::topology::{self, Topology};
use crate::view::View;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::name::Name;
use wattledger_model::reading::{Incarnation, Intake, Quality, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

pub(crate) struct Hall {
    pub(crate) layout: Layout,
    pub(crate) config: CollectorConfig,
    engine: Engine,
    /// Batches and readings that came by each agent's spool.
    spools: BTreeMap<String, (u64, u64)>,
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
"#;

impl Hall {
    /// A site in Berlin with these further tables of configuration.
    pub(crate) fn new(tables: &str) -> Hall {
        Hall::in_zone("Europe/Berlin", tables)
    }

    /// A site in another time zone.
    pub(crate) fn in_zone(zone: &str, tables: &str) -> Hall {
        let text = format!("{HEAD}time_zone = \"{zone}\"\n{tables}");
        let config =
            CollectorConfig::parse("hall.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path());
        let engine = Engine::open(EngineConfig {
            layout: layout.clone(),
            raw_kept_ms: i64::MAX / 4,
            meters: topology::interpretations(&config),
        })
        .expect("a new store");
        Hall { layout, config, engine, spools: BTreeMap::new(), _dir: dir }
    }

    /// Takes readings in: meter, instant, value, unit, and the seconds of an interval mean.
    pub(crate) fn take(&mut self, readings: &[(&str, Timestamp, f64, &str, Option<u32>)]) {
        self.take_at("hall", readings);
    }

    /// As [`Hall::take`], of another site that the further tables declare.
    pub(crate) fn take_at(&mut self, site: &str, readings: &[(&str, Timestamp, f64, &str, Option<u32>)]) {
        let entries: Vec<_> = readings
            .iter()
            .map(|(meter, at, value, unit, interval_s)| {
                json!({ "meter": meter, "at": at.to_string(), "value": value, "unit": unit, "interval_s": interval_s })
            })
            .collect();
        let agent = AgentKey { site: site.parse().expect("name"), agent: "hand".parse().expect("name") };
        let payload = json!({ "readings": entries }).to_string().into_bytes();
        let arrival = Arrival { agent, form: PayloadForm::Json, payload };
        let now = readings.iter().map(|(_, at, ..)| *at).max().unwrap_or_default();
        let answered = self.engine.take(&[arrival], now).expect("taken");
        assert_eq!(answered.readings, readings.len(), "every reading is new and good");
        self.engine.compact().expect("flushed");
    }

    /// As [`Hall::take`], in a batch of an agent, whose readings say whose spool they came by.
    pub(crate) fn take_by(&mut self, agent: &str, readings: &[(&str, Timestamp, f64, &str)]) {
        let incarnation = Incarnation { started: Timestamp(7), id: agent.len() as u64 };
        let (sequence, number) = self.spools.entry(agent.to_owned()).or_default();
        let mut meters: Vec<Name> = Vec::new();
        let mut all = Vec::new();
        for (meter, at, value, unit) in readings {
            let meter: Name = meter.parse().expect("name");
            let position = meters.iter().position(|known| *known == meter).unwrap_or(meters.len());
            if position == meters.len() {
                meters.push(meter);
            }
            let reading = Reading {
                at: *at,
                arrived: *at,
                value: Decimal::from_f64(*value).expect("a decimal"),
                unit: unit.parse().ok(),
                interval_ms: None,
                quality: Quality::Good,
                intake: Some(Intake { incarnation, number: *number }),
                evidence: None,
            };
            all.push((position as u32, reading));
            *number += 1;
        }
        let agent = AgentKey { site: "hall".parse().expect("name"), agent: agent.parse().expect("name") };
        let batch = Batch {
            agent: agent.clone(),
            incarnation,
            sequence: *sequence,
            meters,
            readings: all,
            refused: Vec::new(),
            losses: Vec::new(),
            lineage: Lineage::default(),
        };
        *sequence += 1;
        let arrival = Arrival { agent, form: PayloadForm::Batch, payload: wire::encode_batch(&batch) };
        let now = readings.iter().map(|(_, at, ..)| *at).max().unwrap_or_default();
        let answered = self.engine.take(&[arrival], now).expect("taken");
        assert_eq!(answered.readings, readings.len(), "every reading is new and good");
        self.engine.compact().expect("flushed");
    }

    /// Corrects a meter's ledger as an operator does; the number of the correction.
    pub(crate) fn correct(
        &mut self,
        meter: &str,
        correction: Correction,
        reason: &str,
        now: Timestamp,
    ) -> u64 {
        let key = self.config.meters.iter().map(|meter| &meter.key).find(|key| key.meter.as_str() == meter);
        let id = key.and_then(|key| self.engine.meters().id(key)).expect("a declared meter");
        let by = By { who: &Who::user(Some(4_294_900_001)), reason, now };
        self.engine.correct(id, correction, by).expect("corrected").sequence
    }

    /// Takes a correction back.
    pub(crate) fn withdraw(&mut self, number: u64, now: Timestamp) {
        let by = By { who: &Who::user(Some(4_294_900_001)), reason: "it was another meter", now };
        self.engine.withdraw(number, by).expect("withdrawn");
    }

    pub(crate) fn view(&self) -> View {
        let topology = Topology::compile(&self.config, |key| self.engine.meters().id(key));
        View::open(&self.layout, Arc::new(topology)).expect("a view")
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a time")
}
