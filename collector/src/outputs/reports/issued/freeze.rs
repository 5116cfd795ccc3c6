//! A report from what is frozen of it: made so when it is issued, and made so again whenever it is verified.

use super::content::{LedgerState, Statement};
use super::error::IssueError;
use crate::audit::Head;
use crate::config::{CollectorConfig, Hourly};
use crate::outputs::reports::{Options, Report, make};
use crate::store::history::{self, Known, Newest};
use crate::store::{self, Layout, MeterId, StoreError, merkle};
use crate::topology::Topology;
use crate::view::View;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::time::{Interval, Timestamp};

/// A meter that the store knew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrozenMeter {
    /// Its number in the store.
    pub(crate) number: MeterId,
    /// Its site.
    pub(crate) site: String,
    /// Its name.
    pub(crate) name: String,
    /// Its newest reading.
    pub(crate) newest: Option<FrozenReading>,
}

/// A meter's newest reading: where a figure's horizon and the resolution of a register come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrozenReading {
    /// Its instant.
    #[serde(with = "super::content::instant")]
    pub(crate) at: Timestamp,
    /// Its value, as it was sent.
    pub(crate) value: String,
    /// Its unit, as it was sent.
    pub(crate) unit: Option<String>,
}

/// Everything that a report is a function of, but for the ledger itself.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// The facility.
    pub(crate) facility: String,
    /// The period, as it was asked for.
    pub(crate) period: String,
    /// What counts as now.
    pub(crate) generated_at: Timestamp,
    /// The state of the ledger.
    pub(crate) known: Known,
    /// The head of the audit chain then.
    pub(crate) head: Head,
    /// The configuration, with the series of factors in it.
    pub(crate) config: CollectorConfig,
    /// The meters that were known.
    pub(crate) meters: Vec<FrozenMeter>,
}

impl Frozen {
    /// Makes the report from a store. With `afresh`, no digest of a day that the store keeps is believed.
    pub(crate) fn report(&self, layout: &Layout, afresh: bool) -> Result<(Report, LedgerState), IssueError> {
        let numbers = self.numbers(layout)?;
        let topology = Arc::new(Topology::compile(&self.config, |key| numbers.get(key).copied()));
        let newest: Vec<Newest> = self.meters.iter().filter_map(|meter| newest_of(meter, &numbers)).collect();
        let mut view = View::open_as_frozen(layout, topology, self.known, &self.head, &newest, afresh)?;
        let options = Options { generated_at: self.generated_at, configuration: &self.config };
        let report = make(&mut view, &self.facility, &self.period, options)?;
        let interval = Interval::new(report.period.from.minute(), report.period.to.minute());
        let change = store::change_number(&view.connection).map_err(failed)?;
        let (root, digest) = merkle::with_digest(&view.connection, Some(interval))?;
        let state =
            LedgerState { change, digest: digest.hex, merkle_root: root.hex, merkle_leaves: root.leaves };
        Ok((report, state))
    }

    /// The numbers that the store has for the meters that were known; what it met later is not there.
    fn numbers(&self, layout: &Layout) -> Result<HashMap<MeterKey, MeterId>, IssueError> {
        let connection = store::open_reader(layout)?;
        let ids = store::meters(&connection)?;
        let known = self.meters.iter().filter_map(key).filter_map(|key| {
            let id = *ids.get(&key)?;
            Some((key, id))
        });
        Ok(known.collect())
    }
}

/// The state of the ledger that a statement is of. Its change number goes before what the store notes of that edge, which
/// a clock that is put back makes void.
pub(crate) fn known(statement: &Statement) -> Known {
    Known { edge: statement.known_at, change: statement.ledger.change }
}

/// The head of the audit chain that a statement is of.
pub(crate) fn head(statement: &Statement) -> Head {
    Head { count: statement.audit.entries, hash: statement.audit.hash.clone() }
}

/// Opens a store as it was when a report was issued from it.
pub(crate) fn as_issued(layout: &Layout, statement: &Statement) -> Result<Connection, StoreError> {
    let connection = store::open_reader(layout)?;
    history::shadow_to(&connection, known(statement), &head(statement))?;
    Ok(connection)
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

fn key(meter: &FrozenMeter) -> Option<MeterKey> {
    Some(MeterKey { site: meter.site.parse().ok()?, meter: meter.name.parse().ok()? })
}

fn newest_of(meter: &FrozenMeter, numbers: &HashMap<MeterKey, MeterId>) -> Option<Newest> {
    let FrozenReading { at, value, unit } = meter.newest.clone()?;
    Some(Newest { meter: *numbers.get(&key(meter)?)?, at, value, unit })
}

/// The meters of a store with their newest readings, as a connection sees them, by number.
pub(crate) fn meters(connection: &Connection) -> Result<Vec<FrozenMeter>, StoreError> {
    let mut newest: BTreeMap<MeterId, FrozenReading> = history::newest(connection)?
        .into_iter()
        .map(|Newest { meter, at, value, unit }| (meter, FrozenReading { at, value, unit }))
        .collect();
    let mut all: Vec<FrozenMeter> = store::meters(connection)?
        .into_iter()
        .map(|(key, number)| FrozenMeter {
            number,
            site: key.site.to_string(),
            name: key.meter.to_string(),
            newest: newest.remove(&number),
        })
        .collect();
    all.sort_by_key(|meter| meter.number);
    Ok(all)
}

/// Reads a version of the configuration that the audit chain holds, for a report of one facility. `series` gives the text
/// of a series of factors by the file that the configuration names.
pub(crate) fn configuration(
    entry: u64,
    text: &str,
    facility: &str,
    mut series: impl FnMut(&Path) -> Result<Arc<str>, IssueError>,
) -> Result<CollectorConfig, IssueError> {
    let file = format!("the configuration in entry {entry} of the audit chain");
    let mut config = CollectorConfig::parse(&file, text)
        .map_err(|problems| IssueError::Configuration { entry, problems: problems.to_string() })?;
    for declared in &mut config.facilities {
        let Some(Hourly::Series(named)) = &declared.hourly else { continue };
        // The series of others are not looked at: their figures are not in this report.
        declared.hourly = if is(&declared.name, facility) {
            Some(Hourly::Kept { text: series(&named.value)?, named: named.value.clone() })
        } else {
            None
        };
    }
    Ok(config)
}

fn is(name: &Name, text: &str) -> bool {
    name.as_str() == text
}
