//! Which meters make up each facility's sums: the configuration, compiled for the store at hand.

mod balance;
mod energy;
mod facility;
mod factor;
pub(crate) mod outdoor;
mod read;
mod terms;

#[cfg(test)]
mod tests;

pub use balance::{Balance, Branch};
pub use energy::{Conversion, Entry, Part};
pub use facility::{Facility, FuelSum, ItLevel, Problem, Zone};
pub use factor::{Factor, FactorGauge, Origin, Origins, note};
pub(crate) use factor::{HourOfFactors, SaidFactors};
pub use read::{interpretation, interpretations};

use crate::config::{CollectorConfig, Meter, Sitting};
use crate::indicators::Term;
use crate::ledger::interpret::Interpretation;
use crate::store::MeterId;
use std::collections::{BTreeMap, HashMap};
use wattledger_model::calendar::Tz;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::time::Timestamp;

/// A declared meter in the store.
#[derive(Debug, Clone)]
pub struct KnownMeter {
    /// Its number in the store.
    pub id: MeterId,
    /// Its declaration.
    pub declared: Meter,
    /// How it is read.
    pub interpretation: Interpretation,
}

impl KnownMeter {
    /// The device that sat there at an instant: for the uncertainty of what it measured. Before the first, and
    /// where none is described, that says that nothing is known.
    pub fn sitting_at(&self, at: Timestamp) -> Option<&Sitting> {
        self.declared.instruments.iter().rev().find(|sitting| sitting.instrument.from <= at)
    }
}

/// The facilities and meters of a configuration.
pub struct Topology {
    /// In the order of the configuration.
    pub facilities: Vec<Facility>,
    /// Declared meters by number.
    pub meters: HashMap<MeterId, KnownMeter>,
    /// What each virtual meter adds up, always, to be computed alone.
    pub virtuals: BTreeMap<MeterKey, Vec<Term>>,
    /// What is fed by what: the nodes of the tree, in the order of their names.
    pub balances: Vec<Balance>,
    /// Time zone and title of each site.
    pub sites: BTreeMap<Name, (Tz, String)>,
}

impl Topology {
    /// Compiles a configuration; `number` gives a meter's number in the store.
    ///
    /// Series of emission factors are read here, those of gauges by [`crate::view::View`]; one that cannot be read is said in
    /// [`Facility::factor_note`], and [`CollectorConfig::check_secrets`] reports it before the start.
    pub fn compile(config: &CollectorConfig, number: impl Fn(&MeterKey) -> Option<MeterId>) -> Topology {
        let mut meters = HashMap::new();
        let mut numbers = BTreeMap::new();
        for meter in &config.meters {
            if let Some(id) = number(&meter.key) {
                let known = KnownMeter { id, declared: meter.clone(), interpretation: interpretation(meter) };
                meters.insert(id, known);
                numbers.insert(&meter.key, id);
            }
        }
        let virtuals = config.virtuals.iter().map(|one| (one.key.clone(), terms::whole(one, &numbers)));
        let sites = config
            .sites
            .iter()
            .map(|site| (site.name.clone(), (site.time_zone, site.title.clone())))
            .collect();
        let claimed = terms::claimed(config, &numbers);
        let patience = |meter: MeterId| meters.get(&meter).map(|known| known.interpretation.patience_ms());
        let facilities = config
            .facilities
            .iter()
            .map(|declared| facility::compile(config, declared, &claimed, &numbers, &patience));
        Topology {
            facilities: facilities.collect(),
            virtuals: virtuals.collect(),
            balances: balance::compile(config, &numbers),
            meters,
            sites,
        }
    }
}
