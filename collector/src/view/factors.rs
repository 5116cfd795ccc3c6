//! Emission factors that gauges give, kept hour by hour and renewed where the ledger changes. Source: domain.md 4.1.
//!
//! They are a function of the gauge's hours in the ledger alone. A factor that comes late makes exactly the
//! figures of its own hours again.

use super::{MeterHour, View, failed};
use crate::indicators::{Indicator, Pair, Weight};
use crate::ledger::block;
use crate::store::{MeterId, StoreError};
use crate::topology::{Factor, FactorGauge, HourOfFactors};
use std::collections::BTreeMap;
use std::sync::Arc;
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute};

/// Hours since the epoch with their factors; `None` where the ledger has nothing of the gauge any more.
type Renewed = Vec<(i64, Option<HourOfFactors>)>;

impl View {
    /// The location-based emission factor of a facility: what its gauge has said up to this round, a series, and the
    /// factor of the year where they say nothing. `None` where none is declared.
    pub fn factor(&self, facility: usize) -> Option<Factor> {
        let of = &self.topology.facilities[facility];
        match (&of.factor_gauge, &self.factors[facility]) {
            (Some(gauge), Some(said)) => Some(gauge.factor(said)),
            _ => of.location(),
        }
    }

    /// The same by time alone, kg per µWh.
    pub(crate) fn location_weight(&self, facility: usize) -> Option<&Weight> {
        let said = self.factors[facility].as_ref().map(|said| said.weight());
        said.or(self.topology.facilities[facility].factor.as_ref())
    }

    /// The sums that an indicator's figures are made of, weighted as in this round; `None` where the facility has no
    /// meters for it, or it is no quotient of two sums of the ledger alone.
    pub fn pair(&self, facility: usize, indicator: Indicator) -> Option<&Pair> {
        self.accounts[facility].pair(indicator)
    }

    /// Takes in what gauges of emission factors have said since the last round.
    pub(super) fn renew_factors(&mut self, changed: &BTreeMap<MeterId, Vec<i64>>) -> Result<(), StoreError> {
        let topology = Arc::clone(&self.topology);
        for (at, facility) in topology.facilities.iter().enumerate() {
            let Some(gauge) = &facility.factor_gauge else { continue };
            let renewed = match (&self.factors[at], changed.get(&gauge.meter)) {
                (None, _) => self.all_factors(gauge)?,
                (Some(_), Some(hours)) => self.factors_of(gauge, hours)?,
                (Some(_), None) => continue,
            };
            self.weigh(at, gauge, renewed);
        }
        Ok(())
    }

    fn all_factors(&self, gauge: &FactorGauge) -> Result<Renewed, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT hour, block FROM hour WHERE meter = ?1 ORDER BY hour")
            .map_err(failed)?;
        let mut rows = statement.query([gauge.meter]).map_err(failed)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let (hour, block): (i64, Vec<u8>) =
                row.get(0).and_then(|hour| Ok((hour, row.get(1)?))).map_err(failed)?;
            // Of a meter that was declared as another kind, the ledger holds amounts until it is made again.
            if let Ok(minutes) = block::decode_levels(&block) {
                all.push((hour, Some(gauge.hour(&minutes))));
            }
        }
        Ok(all)
    }

    fn factors_of(&self, gauge: &FactorGauge, hours: &[i64]) -> Result<Renewed, StoreError> {
        let read = |hour: &i64| {
            Ok(match self.meter_hour(gauge.meter, *hour)? {
                Some(MeterHour::Levels(minutes)) => (*hour, Some(gauge.hour(&minutes))),
                Some(MeterHour::Sums(_)) | None => (*hour, None),
            })
        };
        hours.iter().map(read).collect()
    }

    /// Weights the facility's grid electricity by what is known of its gauge now, and forgets what was made with
    /// other factors.
    fn weigh(&mut self, facility: usize, gauge: &FactorGauge, renewed: Renewed) {
        let mut said = self.factors[facility].take().unwrap_or_else(|| gauge.nothing_said());
        let moved = gauge.renew(&mut said, renewed);
        for accounts in self.accounts[facility].all() {
            accounts.weigh(said.weight(), &moved);
        }
        let is_of_moved = |interval: Interval| {
            let whole =
                |hour: &i64| Interval::new(Minute(hour * HOUR_MINUTES), Minute((hour + 1) * HOUR_MINUTES));
            moved.iter().any(|hour| !whole(hour).intersect(interval).is_empty())
        };
        self.composed.retain(|(of, _, interval), _| *of != facility || !is_of_moved(*interval));
        self.remembered.retain(|(of, _, interval), _| *of != facility || !is_of_moved(*interval));
        self.factors[facility] = Some(said);
    }
}
