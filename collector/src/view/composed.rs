//! Figures that are no quotient of two sums of the ledger alone: racks, servers, computing power.

use super::{Component, View};
use crate::config::Facts;
use crate::indicators::figure::{Known, UWH_PER_KWH};
use crate::indicators::utilisation::{self, Busy};
use crate::indicators::{Figure, Indicator, Term};
use crate::store::StoreError;
use wattledger_model::time::{Interval, MINUTE_MS};

impl View {
    pub(super) fn composed(
        &mut self,
        facility: usize,
        indicator: Indicator,
        interval: Interval,
    ) -> Result<Option<Figure>, StoreError> {
        match indicator {
            Indicator::Iteu => self.server_utilisation(facility, interval),
            Indicator::RackUtilisation => self.rack_utilisation(facility, interval),
            Indicator::Ce => self.computational_efficiency(facility, interval),
            Indicator::CarbonMarket | Indicator::CueMarket => self.market(facility, indicator, interval),
            Indicator::Ref => self.renewable_energy(facility, interval),
            Indicator::CoalEquivalent => self.coal(facility, interval),
            _ => Ok(None),
        }
    }

    /// What is known of the facility without a meter, at the end of an interval.
    pub(crate) fn facts(&self, facility: usize, interval: Interval) -> Option<Facts> {
        let facts = &self.topology.facilities[facility].facts;
        facts.iter().rev().find(|facts| facts.from < interval.to.start()).copied()
    }

    /// Each gauge's time-weighted mean, with the time that it knows of the time in which it belongs there.
    pub(crate) fn gauges(
        &mut self,
        terms: &[Term],
        interval: Interval,
    ) -> Result<Vec<(Busy, i64)>, StoreError> {
        let mut all = Vec::new();
        for term in terms.iter().filter(|term| term.touches(interval)) {
            let during = term.during.intersect(interval);
            let level = self.level(term.meter, during)?;
            let percent = level.mean().unwrap_or_default();
            all.push((Busy { percent, ms: level.ms }, during.minutes() * MINUTE_MS));
        }
        Ok(all)
    }

    fn server_utilisation(
        &mut self,
        facility: usize,
        interval: Interval,
    ) -> Result<Option<Figure>, StoreError> {
        let terms = self.topology.facilities[facility].it_load.clone();
        if terms.is_empty() {
            return Ok(None);
        }
        let servers = self.gauges(&terms, interval)?;
        let known = covered(&servers);
        let busy: Vec<Busy> = servers.into_iter().map(|(busy, _)| busy).collect();
        let percent = utilisation::server_utilisation(&busy).ok();
        let sides = (percent.unwrap_or_default(), if percent.is_some() { 1.0 } else { 0.0 });
        Ok(Some(Figure::composed(Indicator::Iteu, interval, sides, known)))
    }

    fn rack_utilisation(
        &mut self,
        facility: usize,
        interval: Interval,
    ) -> Result<Option<Figure>, StoreError> {
        let facts = self.facts(facility, interval);
        let Some(all) = facts.and_then(|facts| facts.racks) else { return Ok(None) };
        let terms = self.topology.facilities[facility].racks_in_use.clone();
        let (in_use, known) = if terms.is_empty() {
            let Some(in_use) = facts.and_then(|facts| facts.racks_in_use) else { return Ok(None) };
            (f64::from(in_use), EVERYTHING)
        } else {
            let gauges = self.gauges(&terms, interval)?;
            (gauges.iter().map(|(gauge, _)| gauge.percent).sum(), covered(&gauges))
        };
        Ok(Some(Figure::composed(Indicator::RackUtilisation, interval, (in_use, f64::from(all)), known)))
    }

    fn computational_efficiency(
        &mut self,
        facility: usize,
        interval: Interval,
    ) -> Result<Option<Figure>, StoreError> {
        let Some(flops) = self.facts(facility, interval).and_then(|facts| facts.compute_fp32_flops) else {
            return Ok(None);
        };
        let account = self.component(facility, Component::It, interval)?;
        let hours = account.minutes as f64 / 60.0;
        let watts =
            if account.minutes == 0 { 0.0 } else { account.numerator as f64 / UWH_PER_KWH * 1e3 / hours };
        let known = Known::of(interval, &account);
        Ok(Some(Figure::composed(Indicator::Ce, interval, (flops, watts), known)))
    }
}

const EVERYTHING: Known = Known { coverage: 1.0, interpolated: 0.0, estimated: 0.0 };

fn covered(gauges: &[(Busy, i64)]) -> Known {
    let known: i64 = gauges.iter().map(|(gauge, _)| gauge.ms).sum();
    let all: i64 = gauges.iter().map(|(_, ms)| *ms).sum();
    Known { coverage: if all == 0 { 0.0 } else { known as f64 / all as f64 }, ..EVERYTHING }
}
