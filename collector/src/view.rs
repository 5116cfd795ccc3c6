//! What outputs read: figures of facilities over any interval, from a consistent state of the store.
//!
//! Each output has a view of its own, on its own connection, so that none holds back intake or another
//! output. A *round* sees one state of the ledger from its begin to its end.

mod accounts;
mod balances;
mod composed;
mod explained;
mod factors;
mod gauges;
mod outlooks;
mod readings;
mod reckoned;
mod uncertainty;

pub use balances::NodeSums;
pub(crate) use balances::{nodes, sides};
pub(crate) use readings::{LastWords, Standing};
pub use uncertainty::{Uncertain, expanded};

use crate::audit::Head;
use crate::indicators::account::{MeterSums, booked};
use crate::indicators::{Account, Accounts, Figure, Indicator, Reader};
use crate::ledger::block::{self, GaugeHour, Hour};
use crate::store::history::{self, HistoryError, Known, Newest};
use crate::store::{self, Layout, MeterId, StoreError};
use crate::topology::{SaidFactors, Topology};
use accounts::FacilityAccounts;
use rusqlite::{OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use wattledger_model::minute::Step;
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, Minute, Timestamp};

/// One hour of one meter that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Changed {
    /// Change number of the flush that wrote it last.
    pub change: u64,
    /// The meter.
    pub meter: MeterId,
    /// Hours since the epoch.
    pub hour: i64,
}

/// A sum that is published by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// `E_DC`.
    Total,
    /// `E_IT`.
    It,
    /// All meters of one role.
    Role(Role),
}

impl Component {
    /// The tag value in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Component::Total => "total",
            Component::It => "it",
            Component::Role(role) => role.word(),
        }
    }
}

/// Minutes of one meter in one hour.
#[derive(Debug, Clone, PartialEq)]
pub enum MeterHour {
    /// Amounts.
    Sums(Box<Hour>),
    /// Levels.
    Levels(Box<GaugeHour>),
}

/// See the module.
pub struct View {
    pub(crate) connection: Reader,
    topology: Arc<Topology>,
    accounts: Vec<FacilityAccounts>,
    /// In the order of the topology's balances.
    nodes: Vec<Accounts>,
    /// Sums of single meters, for uncertainties.
    meters: HashMap<MeterId, MeterSums>,
    /// Value and unit of the newest readings that were asked for in this round.
    heard: HashMap<MeterId, Option<uncertainty::Heard>>,
    newest: HashMap<MeterId, Timestamp>,
    levels: gauges::Hours,
    readings: readings::Readings,
    /// What gauges say of emission factors, by facility; `None` where there is no gauge, or before the first round.
    factors: Vec<Option<SaidFactors>>,
    remembered: uncertainty::Remembered,
    composed: HashMap<(usize, Indicator, Interval), Option<Figure>>,
    outlooks: outlooks::Outlooks,
    /// The change number of the last round; `None` before the first.
    seen: Option<u64>,
    in_round: bool,
    known: Option<Known>,
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

impl View {
    /// Opens a view of the store.
    ///
    /// # Errors
    /// [`StoreError`] where there is no store.
    pub fn open(layout: &Layout, topology: Arc<Topology>) -> Result<View, StoreError> {
        let connection = Reader::new(store::open_reader(layout)?);
        let accounts = topology.facilities.iter().map(FacilityAccounts::new).collect();
        let nodes = balances::accounts(&topology.balances);
        let factors = topology.facilities.iter().map(|_| None).collect();
        let newest = HashMap::new();
        let (levels, remembered) = (HashMap::new(), HashMap::new());
        Ok(View {
            connection,
            topology,
            accounts,
            nodes,
            meters: HashMap::new(),
            heard: HashMap::new(),
            newest,
            levels,
            readings: readings::Readings::default(),
            factors,
            remembered,
            composed: HashMap::new(),
            outlooks: outlooks::Outlooks::new(),
            seen: None,
            in_round: false,
            known: None,
        })
    }

    /// Opens a view of the store as it was known at an earlier time; see [`store::history`].
    ///
    /// # Errors
    /// [`HistoryError`] where that was not noted, or the store cannot be read.
    pub fn open_as_known(
        layout: &Layout,
        topology: Arc<Topology>,
        at: Timestamp,
    ) -> Result<View, HistoryError> {
        let mut view = View::open(layout, topology)?;
        let known = history::known_at(&view.connection, at)?;
        history::shadow(&view.connection, known)?;
        view.known = Some(known);
        Ok(view)
    }

    /// As [`View::open_as_known`], by a head of the audit chain and newest readings that were kept elsewhere; with
    /// `afresh` digests of days are made from their minutes, whatever the store keeps of them.
    pub(crate) fn open_as_frozen(
        layout: &Layout,
        topology: Arc<Topology>,
        known: Known,
        head: &Head,
        newest: &[Newest],
        afresh: bool,
    ) -> Result<View, StoreError> {
        let mut view = View::open(layout, topology)?;
        history::shadow_to(&view.connection, known, head)?;
        history::shadow_newest(&view.connection, newest, afresh)?;
        view.known = Some(known);
        Ok(view)
    }

    /// The earlier state that this view is of; `None` where it is of the latest one.
    pub fn known(&self) -> Option<Known> {
        self.known
    }

    /// The facilities and meters.
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// The position of a facility by its name.
    pub fn facility(&self, name: &str) -> Option<usize> {
        self.topology.facilities.iter().position(|facility| facility.name.as_str() == name)
    }

    /// Begins a round on the latest state, and gives its change number. A round that was open ends.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn begin(&mut self) -> Result<u64, StoreError> {
        self.end()?;
        self.connection.execute_batch("BEGIN").map_err(failed)?;
        self.in_round = true;
        let change = store::change_number(&self.connection).map_err(failed)?;
        let changed = self.changed_hours(change)?;
        for (meter, hours) in &changed {
            for hour in hours {
                self.levels.remove(&(*meter, *hour));
                self.connection.forget(*meter, *hour);
            }
            if let Some(sums) = self.meters.get_mut(meter) {
                hours.iter().for_each(|hour| sums.forget(*hour));
            }
        }
        self.heard.clear();
        for accounts in self.accounts.iter_mut().flat_map(FacilityAccounts::all).chain(&mut self.nodes) {
            for (meter, hours) in &changed {
                if accounts.concerns(*meter) {
                    hours.iter().for_each(|hour| accounts.invalidate(*meter, *hour));
                }
            }
        }
        self.renew_factors(&changed)?;
        self.renew_readings()?;
        self.newest = self
            .connection
            .prepare_cached("SELECT meter, at_ms FROM newest")
            .and_then(|mut s| s.query_map([], |row| Ok((row.get(0)?, Timestamp(row.get(1)?))))?.collect())
            .map_err(failed)?;
        self.forget_what_changed(&changed.values().flatten().copied().collect());
        // Last, so that a round that failed is made up for by the next.
        self.seen = Some(change);
        Ok(change)
    }

    /// The hours that changed since the last round, by meter. Before the first round nothing is cached, and all
    /// hours of all time would come: none are given.
    fn changed_hours(&self, change: u64) -> Result<BTreeMap<MeterId, Vec<i64>>, StoreError> {
        let mut by_meter: BTreeMap<MeterId, Vec<i64>> = BTreeMap::new();
        let Some(seen) = self.seen.filter(|seen| *seen < change) else { return Ok(by_meter) };
        let changed: Vec<(MeterId, i64)> = self
            .connection
            .prepare_cached("SELECT meter, hour FROM hour WHERE change > ?1")
            .and_then(|mut s| s.query_map([seen as i64], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
            .map_err(failed)?;
        for (meter, hour) in changed {
            by_meter.entry(meter).or_default().push(hour);
        }
        Ok(by_meter)
    }

    /// What is kept for an interval that ends at the horizon goes when that moves, which is within a minute. What is
    /// kept for one that ended before goes with a change of its hours.
    fn forget_what_changed(&mut self, hours: &BTreeSet<i64>) {
        let Some(first) = hours.first().copied() else { return };
        let horizons: Vec<Option<Minute>> =
            (0..self.topology.facilities.len()).map(|facility| self.horizon(facility)).collect();
        let stays = |facility: usize, interval: &Interval| {
            let is_live = horizons[facility].is_none_or(|horizon| interval.to >= horizon);
            let last = Minute(interval.to.0 - 1).hour();
            is_live && first >= last - 1 || hours.range(interval.from.hour()..=last).next().is_none()
        };
        self.composed.retain(|(facility, _, interval), _| stays(*facility, interval));
        self.remembered.retain(|(facility, _, interval), _| stays(*facility, interval));
        self.forget_outlooks(first);
    }

    /// Ends the round, so that the write-ahead log can be shortened.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn end(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.in_round) {
            self.connection.execute_batch("COMMIT").map_err(failed)?;
        }
        Ok(())
    }

    /// Hours that changed after `cursor`, by change number; at most about `limit`, but always all of the
    /// last change number that is given, so that its number can be the next cursor.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn changed_since(&self, cursor: u64, limit: usize) -> Result<Vec<Changed>, StoreError> {
        let mut changed: Vec<Changed> = self.changes(
            "SELECT change, meter, hour FROM hour WHERE change > ?1 ORDER BY change LIMIT ?2",
            params![cursor as i64, limit as i64],
        )?;
        if let Some(last) = changed.last().copied()
            && changed.len() >= limit
        {
            changed.retain(|changed| changed.change < last.change);
            changed.extend(self.changes(
                "SELECT change, meter, hour FROM hour WHERE change = ?1 ORDER BY meter, hour",
                params![last.change as i64],
            )?);
        }
        Ok(changed)
    }

    fn changes(&self, query: &str, with: &[&dyn rusqlite::ToSql]) -> Result<Vec<Changed>, StoreError> {
        self.connection
            .prepare_cached(query)
            .and_then(|mut s| {
                s.query_map(with, |row| {
                    let change: i64 = row.get(0)?;
                    Ok(Changed { change: change as u64, meter: row.get(1)?, hour: row.get(2)? })
                })?
                .collect()
            })
            .map_err(failed)
    }

    /// The latest minute edge that every meter of the facility's total and IT energy has passed.
    ///
    /// A silent meter is waited for until the newest reading is past it by its patience; then it counts as
    /// missing. `None` before the first reading. Source: domain.md 5.8.
    pub fn horizon(&self, facility: usize) -> Option<Minute> {
        let heard: Vec<(Timestamp, i64)> = self.topology.facilities[facility]
            .patience
            .iter()
            .filter_map(|(meter, patience)| Some((*self.newest.get(meter)?, *patience)))
            .collect();
        let newest = heard.iter().map(|(at, _)| *at).max()?;
        let waited = heard.iter().filter(|(at, patience)| newest.0 - at.0 <= *patience);
        waited.map(|(at, _)| at.minute()).min()
    }

    /// The instant of the newest reading of a meter.
    pub fn newest(&self, meter: MeterId) -> Option<Timestamp> {
        self.newest.get(&meter).copied()
    }

    /// The first hour in which anything is known of the facility's total or IT energy.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn first_hour(&self, facility: usize) -> Result<Option<i64>, StoreError> {
        let mut first: Option<i64> = None;
        for (meter, _) in &self.topology.facilities[facility].patience {
            let hour: Option<i64> = self
                .connection
                .prepare_cached(
                    "SELECT min(hour) FROM hour WHERE meter = ?1 AND measured_ms + interpolated_ms + estimated_ms > 0",
                )
                .and_then(|mut s| s.query_row([meter], |row| row.get(0)))
                .map_err(failed)?;
            first = first.into_iter().chain(hour).min();
        }
        Ok(first)
    }

    /// A figure of an indicator over an interval; `None` where the facility has no meters for it.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn figure(
        &mut self,
        facility: usize,
        indicator: Indicator,
        interval: Interval,
    ) -> Result<Option<Figure>, StoreError> {
        let Some(accounts) = self.accounts[facility].ratio(indicator) else {
            return self.remembered_or_composed(facility, indicator, interval);
        };
        let account = accounts.account(&self.connection, interval)?;
        Ok(Some(Figure::of(indicator, interval, &account)))
    }

    /// What is no quotient of two sums is made from many, and asked for again with each change of the ledger: it is
    /// kept until its interval is another one, which live windows have each minute.
    fn remembered_or_composed(
        &mut self,
        facility: usize,
        indicator: Indicator,
        interval: Interval,
    ) -> Result<Option<Figure>, StoreError> {
        const MOST: usize = 4_096;
        let key = (facility, indicator, interval);
        if let Some(figure) = self.composed.get(&key) {
            return Ok(*figure);
        }
        let figure = self.composed(facility, indicator, interval)?;
        if self.composed.len() >= MOST {
            self.composed.clear();
        }
        self.composed.insert(key, figure);
        Ok(figure)
    }

    /// The indicators that a facility has meters or facts for.
    pub fn indicators(&self, facility: usize) -> Vec<Indicator> {
        let accounts = &self.accounts[facility];
        let of = &self.topology.facilities[facility];
        let has = |indicator: &Indicator| match indicator {
            Indicator::Iteu => !of.it_load.is_empty(),
            Indicator::RackUtilisation => of.facts.iter().any(|facts| {
                facts.racks.is_some() && (facts.racks_in_use.is_some() || !of.racks_in_use.is_empty())
            }),
            Indicator::CarbonMarket => of.factor.is_some() && !of.grid.is_empty(),
            Indicator::CueMarket => of.factor.is_some() && !of.grid.is_empty() && !of.it.is_empty(),
            Indicator::Ref => !of.certificates.is_empty() && !of.total.is_empty(),
            Indicator::CoalEquivalent => !of.coal_electricity().is_empty(),
            Indicator::Ce => of.facts.iter().any(|facts| facts.compute_fp32_flops.is_some()),
            other => accounts.pair(*other).is_some(),
        };
        Indicator::ALL.iter().copied().filter(has).collect()
    }

    /// The partial PUE of a zone of a facility, by its position among the zones.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn zone(&mut self, facility: usize, zone: usize, interval: Interval) -> Result<Figure, StoreError> {
        let account = self.accounts[facility].zones[zone].account(&self.connection, interval)?;
        Ok(Figure::of(Indicator::PpueZone, interval, &account))
    }

    /// Sums of a facility's total (numerator) and IT energy (denominator) over an interval.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn energies(&mut self, facility: usize, interval: Interval) -> Result<Account, StoreError> {
        self.accounts[facility].main.account(&self.connection, interval)
    }

    /// As [`View::energies`], of each hour of UTC in an interval, or part of one at its ends.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(crate) fn energies_by_hour(
        &mut self,
        facility: usize,
        interval: Interval,
    ) -> Result<Vec<Account>, StoreError> {
        self.accounts[facility].main.hourly(&self.connection, interval)
    }

    /// Reads the hours of an interval at once, so that what is asked of parts of it next reads nothing.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(crate) fn read_ahead(&mut self, facility: usize, interval: Interval) -> Result<(), StoreError> {
        self.accounts[facility].main.read_ahead(&self.connection, interval)
    }

    /// The components of a facility: total, IT, and one for each role that has a meter.
    pub fn components(&self, facility: usize) -> Vec<Component> {
        self.accounts[facility].components.iter().map(|(component, _)| *component).collect()
    }

    /// The sum of one component over an interval, in the numerator.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn component(
        &mut self,
        facility: usize,
        component: Component,
        interval: Interval,
    ) -> Result<Account, StoreError> {
        let found = self.accounts[facility].components.iter_mut().find(|(of, _)| *of == component);
        match found {
            Some((_, accounts)) => accounts.account(&self.connection, interval),
            None => Ok(Account::default()),
        }
    }

    /// Stretches of an interval that are not in the common support of the facility's PUE.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn gaps(&mut self, facility: usize, interval: Interval) -> Result<Vec<Interval>, StoreError> {
        self.accounts[facility].main.gaps(&self.connection, interval)
    }

    /// The first hour, not before `from`, of which anything is known of a meter.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn first_hour_of(&self, meter: MeterId, from: i64) -> Result<Option<i64>, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT hour FROM hour WHERE meter = ?1 AND hour >= ?2
                 AND measured_ms + interpolated_ms + estimated_ms > 0 ORDER BY hour LIMIT 1",
            )
            .and_then(|mut s| s.query_row(params![meter, from], |row| row.get(0)).optional())
            .map_err(failed)
    }

    /// Amounts and milliseconds measured, interpolated and estimated of one meter that is no gauge, over any minutes.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn booked(&self, meter: MeterId, interval: Interval) -> Result<[(i128, i64); 3], StoreError> {
        booked(&self.connection, meter, interval)
    }

    /// The minutes of a meter in one hour; `None` where nothing was ever known.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn meter_hour(&self, meter: MeterId, hour: i64) -> Result<Option<MeterHour>, StoreError> {
        let block: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT block FROM hour WHERE meter = ?1 AND hour = ?2")
            .and_then(|mut s| s.query_row(params![meter, hour], |row| row.get(0)).optional())
            .map_err(failed)?;
        let Some(block) = block else { return Ok(None) };
        if let Ok(levels) = block::decode_levels(&block) {
            return Ok(Some(MeterHour::Levels(Box::new(levels))));
        }
        let sums = block::decode_sums(&block).map_err(|source| StoreError::Block {
            what: format!("minutes of meter {meter} in hour {hour}"),
            source,
        })?;
        Ok(Some(MeterHour::Sums(Box::new(sums))))
    }

    /// Milliseconds measured or spread over long steps of one meter over whole hours `[from, to)`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn known_ms(&self, meter: MeterId, from: i64, to: i64) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT coalesce(sum(measured_ms + interpolated_ms), 0) FROM hour
                 WHERE meter = ?1 AND hour >= ?2 AND hour < ?3",
            )
            .and_then(|mut s| s.query_row(params![meter, from, to], |row| row.get(0)))
            .map_err(failed)
    }

    /// The steps of a meter that start in an interval.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn steps(&self, meter: MeterId, interval: Interval) -> Result<Vec<Step>, StoreError> {
        let (from, to) = (interval.from.start().0, interval.to.start().0);
        store::steps_between(&self.connection, meter, from, to).map_err(failed)
    }

    /// The steps of a meter of which any part lies in an interval, ascending.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(crate) fn steps_touching(&self, meter: MeterId, interval: Interval) -> Result<Vec<Step>, StoreError> {
        let (from, to) = (interval.from.start().0, interval.to.start().0);
        // Steps of one meter follow each other: of those that start before, only the last can reach in.
        let before: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(from_ms) FROM step WHERE meter = ?1 AND from_ms < ?2")
            .and_then(|mut s| s.query_row(params![meter, from], |row| row.get(0)))
            .map_err(failed)?;
        let mut steps =
            store::steps_between(&self.connection, meter, before.unwrap_or(from), to).map_err(failed)?;
        steps.retain(|step| step.to.0 > from);
        Ok(steps)
    }

    /// The steps of a meter by class, over all time.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn step_counts(&self, meter: MeterId) -> Result<BTreeMap<String, u64>, StoreError> {
        self.connection
            .prepare_cached("SELECT class, count(*) FROM step WHERE meter = ?1 GROUP BY class")
            .and_then(|mut s| {
                s.query_map([meter], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?.collect()
            })
            .map_err(failed)
    }

    /// Site of a facility.
    pub fn site(&self, facility: usize) -> &Name {
        &self.topology.facilities[facility].site
    }
}
