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
            let whole_ms = (interval.minutes() * MINUTE_MS) as f64;
            let mean = |(gauge, of_ms): &(Busy, i64)| gauge.percent * *of_ms as f64 / whole_ms;
            (gauges.iter().map(mean).sum(), covered_by_all(&gauges))
        };
        let sides = if known.coverage > 0.0 { (in_use, f64::from(all)) } else { (0.0, 0.0) };
        Ok(Some(Figure::composed(Indicator::RackUtilisation, interval, sides, known)))
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

/// Of gauges that are added up: one that says nothing must not count as 0, so that there is a sum only while all are
/// known, which is at most as long as the one that is known least.
fn covered_by_all(gauges: &[(Busy, i64)]) -> Known {
    let share = |(gauge, of_ms): &(Busy, i64)| gauge.ms as f64 / (*of_ms).max(1) as f64;
    let least = gauges.iter().map(share).min_by(f64::total_cmp);
    Known { coverage: least.unwrap_or_default(), ..EVERYTHING }
}

fn covered(gauges: &[(Busy, i64)]) -> Known {
    let known: i64 = gauges.iter().map(|(gauge, _)| gauge.ms).sum();
    let all: i64 = gauges.iter().map(|(_, ms)| *ms).sum();
    Known { coverage: if all == 0 { 0.0 } else { known as f64 / all as f64 }, ..EVERYTHING }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::Status;
    use crate::outputs::hall::{Hall, at};
    use wattledger_model::time::{Minute, Timestamp};

    /// Racks in use of 100 over a day: each gauge with when it belongs there, and the hours in which it says so many.
    fn racks(gauges: &[(&str, std::ops::Range<i64>, f64)]) -> Figure {
        let start = at("2026-06-01T00:00:00Z");
        let mut tables = "[[facility]]\nname = \"f\"\nsite = \"hall\"\nracks = 100\n".to_owned();
        let mut readings = Vec::new();
        let names = ["east", "west", "north"];
        for (name, (during, hours, level)) in names.into_iter().zip(gauges) {
            tables += &format!(
                "[[meter]]\nname = \"{name}\"\nkind = \"gauge\"\nunit = \"1\"\nnominal_interval = \"1h\"\n\
                 [[meter.claim]]\nfacility = \"f\"\nrole = \"racks-in-use\"\n{during}"
            );
            let told = hours.clone().map(|hour| Timestamp(start.0 + hour * 3_600_000));
            readings.extend(told.map(|at| (name, at, *level, "1", None)));
        }
        let mut hall = Hall::new(&tables);
        hall.take(&readings);
        let mut view = hall.view();
        let from = start.minute();
        let day = Interval::new(from, Minute(from.0 + 1_440));
        view.figure(0, Indicator::RackUtilisation, day).expect("readable").expect("racks are declared")
    }

    #[test]
    fn gauges_of_racks_add_up_while_all_of_them_are_known() {
        let both = racks(&[("", 0..25, 30.0), ("", 0..25, 20.0)]);
        assert_eq!((both.value, both.status), (Some(50.0), Status::Ok));
        let half = racks(&[("", 0..25, 30.0), ("", 0..12, 20.0)]);
        assert_eq!((half.value, half.status), (Some(50.0), Status::Provisional));
        assert_eq!(half.coverage, 11.0 / 24.0, "from one reading to the next");
        let silent = racks(&[("", 0..25, 30.0), ("", 0..0, 20.0)]);
        assert_eq!(
            (silent.value, silent.status),
            (None, Status::NoData),
            "not 30 %: the other hall is not empty"
        );
    }

    #[test]
    fn a_gauge_that_took_anothers_place_counts_from_then_on() {
        let noon = "2026-06-01T12:00:00Z";
        let turns =
            racks(&[(&format!("to = {noon}\n"), 0..13, 30.0), (&format!("from = {noon}\n"), 12..25, 50.0)]);
        assert_eq!((turns.value, turns.status), (Some(40.0), Status::Ok));
    }
}
