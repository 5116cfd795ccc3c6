//! Figures that rest on certificates and factors beside the ledger: market-based carbon, renewable energy, coal.

use super::View;
use crate::indicators::carbon::{Instruments, Scope2, scope1, scope2};
use crate::indicators::claim::{Claim, OnSite, claims};
use crate::indicators::coal::coal_equivalent;
use crate::indicators::figure::{Known, UWH_PER_KWH};
use crate::indicators::renewable::renewable;
use crate::indicators::{Account, Figure, Indicator, Term};
use crate::store::StoreError;
use crate::topology::{Facility, FuelSum};
use std::sync::Arc;
use wattledger_model::calendar;
use wattledger_model::time::Interval;

/// A fuel and how much of it was used, base units.
type Used<'f> = (&'f FuelSum, i128);

impl View {
    /// What a sum of a facility came to over an interval, whatever its provenance, with how well it is known.
    fn sum(
        &mut self,
        facility: usize,
        terms: &[Term],
        interval: Interval,
    ) -> Result<(i128, Known), StoreError> {
        let accounts = self.accounts[facility].alone(terms);
        let account: Account = accounts.account(&self.connection, interval)?;
        Ok((account.all_numerator.iter().sum(), Known::of(interval, &account)))
    }

    /// All that is booked of a sum of a facility over an interval, base units.
    pub(crate) fn booked_sum(
        &mut self,
        facility: usize,
        terms: &[Term],
        interval: Interval,
    ) -> Result<i128, StoreError> {
        Ok(self.sum(facility, terms, interval)?.0)
    }

    /// The fuels of a facility with what was used of each, and the worse of `known` and what is known of them.
    fn burnt<'f>(
        &mut self,
        at: usize,
        facility: &'f Facility,
        interval: Interval,
        mut known: Known,
    ) -> Result<(Vec<Used<'f>>, Known), StoreError> {
        let mut used = Vec::with_capacity(facility.fuels.len());
        for fuel in &facility.fuels {
            let (amount, of_fuel) = self.sum(at, &fuel.terms, interval)?;
            used.push((fuel, amount));
            known = known.worse_of(of_fuel);
        }
        Ok((used, known))
    }

    /// A facility's certificates as they stood at the end of an interval.
    pub(crate) fn claims(&mut self, at: usize, interval: Interval) -> Result<Vec<Claim>, StoreError> {
        let topology = Arc::clone(&self.topology);
        let facility = &topology.facilities[at];
        let as_of = calendar::date_of(facility.zone, interval.to);
        let on_site = |inside: Interval| -> Result<Option<OnSite>, StoreError> {
            if facility.on_site_renewable.is_empty() {
                return Ok(None);
            }
            let generated_uwh = self.sum(at, &facility.on_site_renewable, inside)?.0;
            Ok(Some(OnSite { generated_uwh, exported_uwh: self.sum(at, &facility.export, inside)?.0 }))
        };
        claims(&facility.certificates, interval, as_of, on_site)
    }

    /// Scope 2 of a facility by both methods; `None` without grid meter or location-based factor.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn scope2(&mut self, at: usize, interval: Interval) -> Result<Option<Scope2>, StoreError> {
        let topology = Arc::clone(&self.topology);
        let facility = &topology.facilities[at];
        let Some(location) = self.location_weight(at).filter(|_| !facility.grid.is_empty()).cloned() else {
            return Ok(None);
        };
        let consumption = self.accounts[at].alone(&facility.grid).by_hour(&self.connection, interval)?;
        let claims = self.claims(at, interval)?;
        let instruments = Instruments {
            region: facility.region.as_deref(),
            claims: &claims,
            supplier: facility.supplier.as_ref().map(|factor| &factor.weight),
            residual: facility.residual.as_ref().map(|factor| &factor.weight),
        };
        Ok(Some(scope2(interval, &consumption, &location, &instruments)))
    }

    pub(super) fn market(
        &mut self,
        facility: usize,
        indicator: Indicator,
        interval: Interval,
    ) -> Result<Option<Figure>, StoreError> {
        let Some(both) = self.scope2(facility, interval)? else { return Ok(None) };
        let topology = Arc::clone(&self.topology);
        let of = &topology.facilities[facility];
        let (_, known) = self.sum(facility, &of.grid, interval)?;
        if indicator == Indicator::CarbonMarket {
            return Ok(Some(Figure::composed(indicator, interval, (both.market_kg, 0.0), known)));
        }
        if of.it.is_empty() {
            return Ok(None);
        }
        // A quotient of what is reported: market-based claims have no minutes that could be left out.
        let (it, it_known) = self.sum(facility, &of.it, interval)?;
        let (used, known) = self.burnt(facility, of, interval, known.worse_of(it_known))?;
        let kg = both.market_kg + scope1(&used).kg;
        let sides = (kg, it as f64 / UWH_PER_KWH);
        Ok(Some(Figure::composed(indicator, interval, sides, known)))
    }

    pub(super) fn renewable_energy(
        &mut self,
        facility: usize,
        interval: Interval,
    ) -> Result<Option<Figure>, StoreError> {
        let topology = Arc::clone(&self.topology);
        let of = &topology.facilities[facility];
        if of.certificates.is_empty() || of.total.is_empty() {
            return Ok(None);
        }
        let (total, known) = self.sum(facility, &of.total, interval)?;
        let found = renewable(total, interval, &self.claims(facility, interval)?);
        let kwh = |uwh: i128| uwh as f64 / UWH_PER_KWH;
        let sides = (kwh(found.counted_uwh), kwh(found.facility_uwh));
        Ok(Some(Figure::composed(Indicator::Ref, interval, sides, known)))
    }

    pub(super) fn coal(&mut self, facility: usize, interval: Interval) -> Result<Option<Figure>, StoreError> {
        let topology = Arc::clone(&self.topology);
        let of = &topology.facilities[facility];
        let electricity = of.coal_electricity();
        if electricity.is_empty() {
            return Ok(None);
        }
        let (uwh, known) = self.sum(facility, &electricity, interval)?;
        let (used, known) = self.burnt(facility, of, interval, known)?;
        let found = coal_equivalent(&of.factors, uwh, &used);
        Ok(Some(Figure::composed(Indicator::CoalEquivalent, interval, (found.total_tce, 0.0), known)))
    }
}

#[cfg(test)]
mod tests {
    use crate::indicators::{Indicator, Status};
    use crate::outputs::hall::{Hall, at};
    use wattledger_model::time::{Interval, Minute, Timestamp};

    const TABLES: &str = r#"
[[facility]]
name = "f"
site = "hall"
[[meter]]
name = "in"
facility = "f"
role = "utility"
kind = "register"
unit = "kWh"
nominal_interval = "1h"
[[meter]]
name = "tank"
facility = "f"
role = "generator-fuel"
carrier = "diesel"
kind = "register"
unit = "L"
nominal_interval = "1h"
"#;

    #[test]
    fn coal_equivalent_is_known_no_better_than_the_fuel_in_it() {
        let start = at("2026-06-01T00:00:00Z");
        let hourly = |meter, hours: std::ops::Range<i64>, unit| {
            hours.map(move |hour| {
                (meter, Timestamp(start.0 + hour * 3_600_000), 7.0 + hour as f64, unit, None)
            })
        };
        let from = start.minute();
        let day = Interval::new(from, Minute(from.0 + 1_440));
        let coal = |fuel_hours| {
            let mut hall = Hall::new(TABLES);
            let readings: Vec<_> =
                hourly("in", 0..25, "kWh").chain(hourly("tank", fuel_hours, "L")).collect();
            hall.take(&readings);
            hall.view().figure(0, Indicator::CoalEquivalent, day).expect("readable").expect("electricity")
        };
        let whole = coal(0..25);
        assert_eq!((whole.status, whole.coverage), (Status::Ok, 1.0));
        let half = coal(0..13);
        assert_eq!((half.status, half.coverage), (Status::Provisional, 0.5));
        assert_eq!(coal(0..0).coverage, 0.0, "the electricity alone is not the whole");
    }
}
