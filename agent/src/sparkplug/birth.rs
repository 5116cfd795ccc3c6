//! What a birth has said: which metrics there are, under which aliases. Only those that are read are kept
//! by name; of the others only that they exist.

use super::payload::{Metric, Payload};
use super::rule::SparkplugConfig;
use crate::map::Wrong;
use std::collections::HashMap;
use std::sync::Arc;
use wattledger_model::name::Name;

/// A metric that some rule reads.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) datatype: u32,
    pub(super) unit: Option<String>,
    /// The rules that read it, by position, each with the meter.
    pub(super) readers: Vec<(usize, Result<Name, Wrong>)>,
}

/// The metrics of one birth.
#[derive(Debug, Default)]
pub(super) struct Birth {
    by_alias: HashMap<u64, Option<Arc<Known>>>,
    by_name: HashMap<String, Arc<Known>>,
}

/// Whose metric it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'m> {
    pub(super) group: &'m str,
    pub(super) edge: &'m str,
    /// Empty for the node itself.
    pub(super) device: &'m str,
}

impl Birth {
    pub(super) fn of(payload: &Payload, owner: Owner<'_>, config: &SparkplugConfig) -> Birth {
        let mut birth = Birth::default();
        for metric in &payload.metrics {
            let known = known(metric, owner, config).map(Arc::new);
            if let Some(alias) = metric.alias {
                birth.by_alias.insert(alias, known.clone());
            }
            if let (Some(name), Some(known)) = (&metric.name, known) {
                birth.by_name.insert(name.clone(), known);
            }
        }
        birth
    }

    /// Entries it takes in memory.
    pub(super) fn len(&self) -> usize {
        self.by_alias.len() + self.by_name.len()
    }

    pub(super) fn named(&self, name: &str) -> Option<Arc<Known>> {
        self.by_name.get(name).cloned()
    }

    /// The metric of an alias; `Some(None)` where it is not read, `None` where the birth had no such alias.
    pub(super) fn aliased(&self, alias: u64) -> Option<Option<Arc<Known>>> {
        self.by_alias.get(&alias).cloned()
    }
}

/// What is known of a metric that says its name; `None` where no rule reads it.
pub(super) fn known(metric: &Metric, owner: Owner<'_>, config: &SparkplugConfig) -> Option<Known> {
    let name = metric.name.as_deref().filter(|name| !name.is_empty())?;
    let Owner { group, edge, device } = owner;
    let subject = format!("{group}/{edge}/{device}/{name}");
    let rules = config.metrics.iter().enumerate();
    let readers: Vec<_> = rules.filter_map(|(at, rule)| Some((at, rule.meter_of(&subject)?))).collect();
    let unit = metric.unit().map(str::to_owned);
    (!readers.is_empty()).then(|| Known { datatype: metric.datatype.unwrap_or_default(), unit, readers })
}
