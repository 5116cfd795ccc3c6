//! The way of a recording: played or mapped by the agent, encoded and decoded as on the wire, booked by
//! the collector's engine into a store of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::watch;
use wattledger_agent::AgentConfig;
use wattledger_agent::map::{Message, map};
use wattledger_agent::source::replay::ReplaySource;
use wattledger_agent::source::{Intake, Mapped, Source};
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::{Arrival, Engine};
use wattledger_collector::engine_config;
use wattledger_collector::indicators::{Account, Accounts, Pair, Reader, Term};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::store::{self, Layout, MeterId};
use wattledger_collector::topology::Topology;
use wattledger_collector::view::{MeterHour, View};
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::meter::MeterKey;
use wattledger_model::minute::{Minute as Booked, Provenance, Step};
use wattledger_model::name::Name;
use wattledger_model::reading::{Incarnation, Reading, Refused};
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute, Timestamp};
use wattledger_model::wire;

const SITE: &str = "hall";
/// Readings in a batch, as agents send them.
const BATCH: usize = 500;
/// Later than every recording.
const RECEIVED: Timestamp = Timestamp(1_790_000_000_000);

/// A file of `tests/recorded`, or of the agent's own recordings.
pub(crate) fn recorded(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = root.join("tests/recorded").join(name);
    if here.exists() { here } else { root.join("agent/tests/recorded").join(name) }
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).unwrap_or_else(|| panic!("{text} is no time"))
}

pub(crate) fn minute(text: &str) -> Minute {
    at(text).minute()
}

/// An agent with these sources.
pub(crate) fn agent(sources: &str) -> AgentConfig {
    let text = format!(
        "[agent]\nname = \"floor\"\nsite = \"{SITE}\"\ncollector = \"campus\"\ndata_dir = \"/nowhere\"\n\n\
         [link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\n{sources}"
    );
    AgentConfig::parse("agent.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What an agent has made of a recording.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) readings: Vec<(Name, Reading)>,
    pub(crate) refused: Vec<Refused>,
}

impl Said {
    fn take(&mut self, mapped: Vec<Mapped>) {
        for mapped in mapped {
            match mapped {
                Mapped::Reading { meter, reading } => self.readings.push((meter, reading)),
                Mapped::Refused(refused) => self.refused.push(refused),
            }
        }
    }
}

/// Plays every file of an agent to its end.
pub(crate) async fn play(config: &AgentConfig) -> Said {
    let mut said = Said::default();
    for replay in &config.replays {
        let source = Box::new(ReplaySource::new(replay.clone()));
        let mut intake = Intake::new();
        let sender = intake.sender(&*source);
        intake.close();
        let (_stop, stopped) = watch::channel(false);
        let run = tokio::spawn(source.run(sender, stopped));
        while let Some(handed_in) = intake.next(true).await {
            said.take(handed_in.mapped);
        }
        run.await.expect("no panic").expect("the whole file is played");
    }
    said
}

/// Maps one message by the rules of an agent's first broker.
pub(crate) fn heard(config: &AgentConfig, topic: &str, payload: &str, arrived: Timestamp) -> Said {
    let message = Message { topic, payload: payload.as_bytes(), retained: false, arrived };
    let mut said = Said::default();
    said.take(map(&config.mqtt[0].rules, &message).mapped);
    said
}

/// `[[source.replay]]` of one file; columns are `(column, meter, unit)`.
pub(crate) fn replay(file: &Path, time: &str, columns: &[(&str, &str, &str)], more: &str) -> String {
    let head = format!("[[source.replay]]\nname = \"recording\"\nfile = \"{}\"\n{time}\n", file.display());
    let column = |(column, meter, unit): &(&str, &str, &str)| {
        format!(
            "[[source.replay.column]]\ncolumn = \"{column}\"\nmeter = \"{meter}\"\nunit = \"{unit}\"\n{more}\n"
        )
    };
    head + &columns.iter().map(column).collect::<String>()
}

/// Orders of rows that must not matter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    Reversed,
    Shuffled(u64),
}

/// A copy of a file with its rows, all lines but the first, in another order.
pub(crate) fn reordered(folder: &Path, file: &Path, order: Order) -> PathBuf {
    let text = fs::read_to_string(file).expect("the recording can be read");
    let (heading, rows) = text.split_once('\n').expect("a heading and rows");
    let mut rows: Vec<&str> = rows.lines().collect();
    match order {
        Order::Reversed => rows.reverse(),
        Order::Shuffled(mut seed) => {
            for last in (1..rows.len()).rev() {
                // A step of a linear congruential generator; its high bits are good enough to shuffle by.
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                rows.swap(last, (seed >> 33) as usize % (last + 1));
            }
        }
    }
    let path = folder.join(file.file_name().expect("a file has a name"));
    fs::write(&path, format!("{heading}\n{}\n", rows.join("\n"))).expect("the copy can be written");
    path
}

/// A collector's ledger, made of one recording.
pub(crate) struct Ledger {
    layout: Layout,
    view: View,
    meters: BTreeMap<String, MeterId>,
    pub(crate) digest: String,
    // Removed when all of the above is gone.
    _dir: TempDir,
}

impl Ledger {
    /// Books readings by the `[[meter]]` tables of a collector's configuration.
    pub(crate) fn of(meters: &str, readings: &[(Name, Reading)]) -> Ledger {
        let dir = tempfile::tempdir().expect("a directory");
        let text = format!(
            "[collector]\nname = \"campus\"\ndata_dir = \"{}\"\n\n[link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\n\
             [retention]\nraw = \"6000d\"\n\n[[site]]\nname = \"{SITE}\"\ntime_zone = \"UTC\"\n\n{meters}",
            dir.path().display()
        );
        let config =
            CollectorConfig::parse("collector.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let mut engine = Engine::open(engine_config(&config)).expect("a store can be made");
        for (sequence, readings) in (0..).zip(readings.chunks(BATCH)) {
            let answered = engine.take(&[arrival(sequence, readings)], RECEIVED).expect("it is taken in");
            assert_eq!((answered.readings, answered.refused.len()), (readings.len(), 0), "none is refused");
        }
        let digest = engine.digest().expect("the ledger is folded").hex;
        let topology = Topology::compile(&config, |key| engine.meters().id(key));
        let number = |key: &MeterKey| engine.meters().id(key).expect("declared meters are known");
        let meters = config.meters.iter().map(|m| (m.key.meter.to_string(), number(&m.key))).collect();
        let layout = Layout::new(dir.path());
        let view = View::open(&layout, Arc::new(topology)).expect("a view of the store");
        Ledger { layout, view, meters, digest, _dir: dir }
    }

    fn meter(&self, meter: &str) -> MeterId {
        *self.meters.get(meter).unwrap_or_else(|| panic!("no meter `{meter}`"))
    }

    /// The minutes of a meter that hold anything, in `[from, to)`.
    pub(crate) fn minutes(&self, meter: &str, span: Interval) -> BTreeMap<i64, Booked> {
        let id = self.meter(meter);
        let mut all = BTreeMap::new();
        for hour in span.from.hour()..=Minute(span.to.0 - 1).hour() {
            let found = self.view.meter_hour(id, hour).expect("the store can be read");
            let Some(MeterHour::Sums(minutes)) = found else { continue };
            let numbered = (hour * HOUR_MINUTES..).zip(minutes.iter().copied());
            all.extend(numbered.filter(|(at, booked)| span.contains(Minute(*at)) && !booked.is_missing()));
        }
        all
    }

    /// Amount in base units and milliseconds of a meter in `[from, to)`, by provenance.
    pub(crate) fn sums(&self, meter: &str, span: Interval) -> [(i64, i64); 3] {
        let mut sums = [(0, 0); 3];
        for booked in self.minutes(meter, span).values() {
            for (sum, provenance) in sums.iter_mut().zip(Provenance::ALL) {
                let part = booked.part(provenance);
                *sum = (sum.0 + part.amount, sum.1 + i64::from(part.ms));
            }
        }
        sums
    }

    /// The step table of a meter: steps that are long or not simply forward.
    pub(crate) fn steps(&self, meter: &str, span: Interval) -> Vec<Step> {
        self.view.steps(self.meter(meter), span).expect("the store can be read")
    }

    /// Sums over the common support of both sides.
    pub(crate) fn account(&self, numerator: &[&str], denominator: &[&str], span: Interval) -> Account {
        let terms = |side: &[&str]| -> Vec<Term> {
            side.iter().map(|meter| Term::all_of(self.meter(meter))).collect()
        };
        let pair = Pair::ratio(&terms(numerator), &terms(denominator));
        let ledger = Reader::new(store::open_reader(&self.layout).expect("the store can be read"));
        Accounts::new(pair).account(&ledger, span).expect("the store can be read")
    }
}

fn arrival(sequence: u64, readings: &[(Name, Reading)]) -> Arrival {
    let agent = AgentKey { site: SITE.parse().expect("a name"), agent: "floor".parse().expect("a name") };
    let mut meters: Vec<Name> = readings.iter().map(|(meter, _)| meter.clone()).collect();
    meters.sort();
    meters.dedup();
    let position = |meter: &Name| meters.partition_point(|known| known < meter) as u32;
    let batch = Batch {
        agent: agent.clone(),
        incarnation: Incarnation { started: Timestamp(1), id: 1 },
        sequence,
        readings: readings.iter().map(|(meter, reading)| (position(meter), *reading)).collect(),
        meters,
        refused: Vec::new(),
        losses: Vec::new(),
        lineage: Lineage::default(),
    };
    Arrival { agent, form: PayloadForm::Batch, payload: wire::encode_batch(&batch) }
}
