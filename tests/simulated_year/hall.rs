//! The hall's collector after two years: its store, made by the engine of all readings in the order of time.

use crate::meters::{OUTDOOR, REGISTERS, readings};
use crate::world::{BEGINS, ENDS, World, at};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::{Arrival, Engine};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::store::{Layout, MeterId};
use wattledger_collector::topology::Topology;
use wattledger_collector::view::View;
use wattledger_collector::{engine_config, targets};
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::reading::{Incarnation, Intake, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

/// From here on the meters are read as often as they are declared to be.
pub(crate) const JUDGED_FROM: &str = "2025-01-01T00:00:00+01:00";

const SITE: &str = "hamburg";
const DAY_MS: i64 = 86_400_000;
/// Readings in a batch, as agents send them.
const BATCH: usize = 500;

pub(crate) struct Hall {
    pub(crate) world: World,
    /// The collector's configuration.
    pub(crate) file: PathBuf,
    config: CollectorConfig,
    topology: Arc<Topology>,
    meters: BTreeMap<String, MeterId>,
    // Removed when all of the above is gone.
    _dir: TempDir,
}

/// The tests that run at the same time look at one.
static SHARED: Mutex<Weak<Hall>> = Mutex::new(Weak::new());

impl Hall {
    pub(crate) fn shared() -> Arc<Hall> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hall) = shared.upgrade() {
            return hall;
        }
        let hall = Arc::new(Hall::booked());
        *shared = Arc::downgrade(&hall);
        hall
    }

    fn booked() -> Hall {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data").display().to_string();
        let text = include_str!("collector.toml").replace("/var/lib/wattledger", &data);
        let file = dir.path().join("collector.toml");
        fs::write(&file, &text).expect("the configuration can be written");
        let parsed = CollectorConfig::parse("collector.toml", &text);
        let config = parsed.unwrap_or_else(|problems| panic!("{problems}"));
        let world = World::new();
        let mut engine = Engine::open(engine_config(&config)).expect("a store can be made");
        book(&mut engine, &world);
        let topology = Arc::new(Topology::compile(&config, |key| engine.meters().id(key)));
        let number = |key: &MeterKey| engine.meters().id(key).expect("declared meters are known");
        let meters = config.meters.iter().map(|m| (m.key.meter.to_string(), number(&m.key))).collect();
        Hall { world, file, config, topology, meters, _dir: dir }
    }

    /// A view of the store, in a round that has begun.
    pub(crate) fn view(&self) -> View {
        let layout = Layout::new(&self.config.data_dir);
        let mut view = View::open(&layout, Arc::clone(&self.topology)).expect("a view of the store");
        view.begin().expect("the store can be read");
        view
    }

    pub(crate) fn meter(&self, name: &str) -> MeterId {
        *self.meters.get(name).unwrap_or_else(|| panic!("no meter `{name}`"))
    }

    /// What is expected of the year on a date, as if nothing had been read from then on.
    pub(crate) fn outlook(&self, on: &str) -> targets::Outlook {
        let layout = Layout::new(&self.config.data_dir);
        let mut view = View::open(&layout, Arc::clone(&self.topology)).expect("a view of the store");
        targets::outlook(&mut view, "hall-1", on.parse().ok()).expect("an outlook")
    }
}

/// All readings, a day at a time and taken in when it is over.
fn book(engine: &mut Engine, world: &World) {
    let mut sequence = 0;
    for from in (at(BEGINS)..at(ENDS)).step_by(DAY_MS as usize) {
        let to = from + DAY_MS;
        let readings = readings(world, from, to, from < at(JUDGED_FROM));
        let arrivals: Vec<Arrival> = readings
            .chunks(BATCH)
            .map(|readings| {
                sequence += 1;
                arrival(sequence, readings)
            })
            .collect();
        let answered = engine.take(&arrivals, Timestamp(to)).expect("they are taken in");
        assert_eq!((answered.readings, answered.refused.len()), (readings.len(), 0), "none is refused");
        if engine.wants_compaction() {
            engine.compact().expect("they can be moved");
        }
    }
    engine.compact().expect("they can be moved");
    assert!(engine.tally().quarantined().is_empty(), "none is turned away");
}

fn arrival(sequence: u64, readings: &[(Name, Reading)]) -> Arrival {
    let agent = AgentKey { site: SITE.parse().expect("a name"), agent: "floor".parse().expect("a name") };
    let known = REGISTERS.iter().map(|register| register.name).chain([OUTDOOR]);
    let mut meters: Vec<Name> = known.map(|name| name.parse().expect("a name")).collect();
    meters.sort();
    let position = |meter: &Name| meters.partition_point(|known| known < meter) as u32;
    let incarnation = Incarnation { started: Timestamp(at(BEGINS)), id: 1 };
    let batch = Batch {
        agent: agent.clone(),
        incarnation,
        sequence,
        readings: (sequence * BATCH as u64..)
            .zip(readings)
            .map(|(number, (meter, reading))| {
                (position(meter), Reading { intake: Some(Intake { incarnation, number }), ..*reading })
            })
            .collect(),
        meters,
        refused: Vec::new(),
        losses: Vec::new(),
        lineage: Lineage::default(),
    };
    Arrival { agent, form: PayloadForm::Batch, payload: wire::encode_batch(&batch) }
}
