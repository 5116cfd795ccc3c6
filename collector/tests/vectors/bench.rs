//! A real engine, fed by hand.

use serde_json::Value;
use std::collections::BTreeMap;
use wattledger_collector::engine::{Arrival, Engine, EngineConfig};
use wattledger_collector::indicators::{Account, Accounts, Pair, Reader, Term};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::ledger::interpret::Interpretation;
use wattledger_collector::store::{self, Layout};
use wattledger_model::batch::AgentKey;
use wattledger_model::meter::MeterKey;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Timestamp};
use wattledger_model::unit::Unit;

/// A real engine with one register, fed by hand.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) engine: Engine,
}

pub(crate) fn key(meter: &str) -> MeterKey {
    MeterKey { site: "s".parse().expect("name"), meter: meter.parse().expect("name") }
}

impl Bench {
    pub(crate) fn new(meters: BTreeMap<MeterKey, Interpretation>) -> Bench {
        let dir = tempfile::tempdir().expect("a directory");
        let config = EngineConfig { layout: Layout::new(dir.path()), raw_kept_ms: i64::MAX, meters };
        let engine = Engine::open(config).expect("opens");
        Bench { dir, engine }
    }

    pub(crate) fn give(&mut self, meter: &str, readings: &[Reading]) {
        let rows: Vec<Value> = readings
            .iter()
            .map(|r| serde_json::json!({"meter": meter, "at": r.at.to_string(), "value": r.value.to_string(), "unit": r.unit.map(Unit::symbol)}))
            .collect();
        let payload = serde_json::json!({ "readings": rows }).to_string().into_bytes();
        let agent = AgentKey { site: "s".parse().expect("name"), agent: "hand".parse().expect("name") };
        let now = Timestamp(1_900_000_000_000);
        self.engine.take(&[Arrival { agent, form: PayloadForm::Json, payload }], now).expect("taken");
        self.engine.flush().expect("flushed");
    }

    pub(crate) fn account(&self, numerator: &str, denominator: Option<&str>, interval: Interval) -> Account {
        let ledger = Reader::new(store::open_reader(&Layout::new(self.dir.path())).expect("opens"));
        let term = |meter: &str| Term::all_of(self.engine.meters().id(&key(meter)).expect("known"));
        let denominator: Vec<Term> = denominator.map(term).into_iter().collect();
        let mut accounts = Accounts::new(Pair::ratio(&[term(numerator)], &denominator));
        accounts.account(&ledger, interval).expect("read")
    }
}
