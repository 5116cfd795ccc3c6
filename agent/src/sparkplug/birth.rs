//! What a birth has said: which metrics there are, under which aliases. Only those that are read are kept
//! by name; of the others only that they exist.

use super::payload::{Metric, Payload};
use super::rule::SparkplugConfig;
use crate::map::{Claims, Wrong};
use std::collections::HashMap;
use std::sync::Arc;
use wattledger_model::name::Name;

/// So many bytes of names count as one metric more.
const NAME_BYTES: usize = 64;

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
    name_bytes: usize,
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
    pub(super) fn of(
        payload: &Payload,
        owner: Owner<'_>,
        config: &SparkplugConfig,
        claims: &mut Claims,
    ) -> Birth {
        let mut birth = Birth { name_bytes: owner.device.len(), ..Birth::default() };
        for metric in &payload.metrics {
            let known = known(metric, owner, config, claims).map(Arc::new);
            if let Some(alias) = metric.alias {
                birth.by_alias.insert(alias, known.clone());
            }
            if let (Some(name), Some(known)) = (&metric.name, known) {
                birth.name_bytes += name.len();
                birth.by_name.insert(name.clone(), known);
            }
        }
        birth
    }

    /// What it takes in memory, in metrics: those that it has, and one for itself.
    pub(super) fn weight(&self) -> usize {
        1 + self.by_alias.len() + self.by_name.len() + self.name_bytes / NAME_BYTES
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
pub(super) fn known(
    metric: &Metric,
    owner: Owner<'_>,
    config: &SparkplugConfig,
    claims: &mut Claims,
) -> Option<Known> {
    let name = metric.name.as_deref().filter(|name| !name.is_empty())?;
    let Owner { group, edge, device } = owner;
    let subject = format!("{group}/{edge}/{device}/{name}");
    let rules = config.metrics.iter().enumerate();
    let readers: Vec<_> =
        rules.filter_map(|(at, rule)| Some((at, rule.meter_of(&subject, claims)?))).collect();
    let unit = metric.unit().map(str::to_owned);
    (!readers.is_empty()).then(|| Known { datatype: metric.datatype.unwrap_or_default(), unit, readers })
}
