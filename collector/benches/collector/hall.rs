//! A hall of meters, its configuration, and what its meters say.

use std::fmt::Write;
use std::path::Path;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::Arrival;
use wattledger_collector::journal::PayloadForm;
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::decimal::Decimal;
use wattledger_model::name::Name;
use wattledger_model::reading::{Incarnation, Intake, Quality, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;
use wattledger_model::wire;

pub(crate) const SITE: &str = "hall";
/// 2025-01-01T00:00:00+01:00: the local year begins.
pub(crate) const START: i64 = 1_735_686_000_000;
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const QUARTER_HOUR_MS: i64 = 900_000;
/// Meters of the facility `small`; all others are of `large`.
pub(crate) const SMALL: usize = 30;

pub(crate) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

pub(crate) fn agent() -> AgentKey {
    AgentKey { site: name(SITE), agent: name("floor") }
}

pub(crate) fn incarnation() -> Incarnation {
    Incarnation { started: Timestamp(START), id: 7 }
}

pub(crate) fn kwh() -> Unit {
    "kWh".parse().expect("a unit")
}

pub(crate) fn meter_name(meter: usize) -> String {
    format!("meter-{meter}")
}

/// A site with these meters in two facilities, registers of kilowatt-hours of which most are IT.
pub(crate) fn configuration(dir: &Path, meters: usize, interval: &str) -> CollectorConfig {
    let mut text = format!(
        "[collector]\nname = \"campus\"\ndata_dir = \"{}\"\n\n[link]\nbroker = \"mqtt://127.0.0.1:1\"\n\n\
         [web]\nlisten = \"127.0.0.1:0\"\n\n[retention]\nraw = \"4000d\"\n\n\
         [[site]]\nname = \"{SITE}\"\ntime_zone = \"Europe/Berlin\"\n\n",
        dir.display()
    );
    for facility in ["small", "large"] {
        write!(text, "[[facility]]\nname = \"{facility}\"\nsite = \"{SITE}\"\n\n").expect("memory takes it");
    }
    for meter in 0..meters {
        let facility = if meter < SMALL { "small" } else { "large" };
        let role = match meter % 10 {
            0..5 => "utility",
            5 => "cooling",
            _ => "it-input",
        };
        write!(
            text,
            "[[meter]]\nname = \"{}\"\nfacility = \"{facility}\"\nrole = \"{role}\"\nkind = \"register\"\nunit = \"kWh\"\n\
             resolution = \"0.01\"\nrated_power = \"1 MW\"\nclass = \"0.5S\"\nct_class = \"0.5\"\n\
             nominal_interval = \"{interval}\"\n\n",
            meter_name(meter)
        )
        .expect("memory takes it");
    }
    CollectorConfig::parse("bench.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What a register of about 100 kW shows after so many intervals, in hundredths of a kilowatt-hour: the
/// load wanders by the hour and from step to step.
pub(crate) struct Register {
    shown: i64,
    state: u64,
    mean: i64,
}

impl Register {
    /// `mean` is what passes in one interval.
    pub(crate) fn new(meter: usize, mean: i64) -> Register {
        Register { shown: 1_000_000 + meter as i64, state: meter as u64 + 1, mean }
    }

    pub(crate) fn next(&mut self) -> i64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.shown += self.mean + ((self.state >> 33) as i64 % (self.mean / 4 + 1));
        self.shown
    }
}

pub(crate) fn reading(at: i64, shown: i64, number: u64) -> Reading {
    Reading {
        at: Timestamp(at),
        arrived: Timestamp(at + 40),
        value: Decimal::new(shown, -2),
        unit: Some(kwh()),
        interval_ms: None,
        quality: Quality::Good,
        intake: Some(Intake { incarnation: incarnation(), number }),
        evidence: None,
    }
}

pub(crate) fn arrival(sequence: u64, meters: Vec<Name>, readings: Vec<(u32, Reading)>) -> Arrival {
    let batch = Batch {
        agent: agent(),
        incarnation: incarnation(),
        sequence,
        meters,
        readings,
        refused: Vec::new(),
        losses: Vec::new(),
        lineage: Lineage::default(),
    };
    Arrival { agent: agent(), form: PayloadForm::Batch, payload: wire::encode_batch(&batch) }
}
