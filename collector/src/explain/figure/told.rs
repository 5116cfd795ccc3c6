//! What stands in a figure beside sums of meters: gauges, facts, certificates, factors, and what must be said.

use super::super::error::ExplainError;
use super::super::source::Source;
use super::beside::{ClaimRow, FactorTold, GaugeRow, Given, RefusedClaim, Rest};
use super::make::Making;
use super::rows;
use super::sides::{ABOVE, BELOW, Weigh, fuel_words};
use crate::config::Facts;
use crate::indicators::carbon::{RestBy, Scope2};
use crate::indicators::claim::{self, Refused};
use crate::indicators::renewable::renewable;
use crate::indicators::utilisation::{self, Busy};
use crate::indicators::{Accounts, Indicator, Pair, Term};
use crate::outputs::reports::Amount;
use crate::store::StoreError;
use crate::topology::{Facility, FuelSum};
use crate::view::View;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, MINUTE_MS};
use wattledger_model::unit::Quantity;

/// What is told beside the sums.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) gauges: Vec<GaugeRow>,
    pub(super) given: Vec<Given>,
    pub(super) claims: Vec<ClaimRow>,
    pub(super) refused: Vec<RefusedClaim>,
    pub(super) excess: Option<Amount>,
    pub(super) rest: Option<Rest>,
    pub(super) notes: Vec<String>,
}

/// What an indicator has beside its sums.
pub(super) fn of(
    view: &mut View,
    source: &Source<'_>,
    (at, facility): (usize, &Facility),
    indicator: Indicator,
    interval: Interval,
) -> Result<Told, ExplainError> {
    let mut told = Told::default();
    match indicator {
        Indicator::Iteu => {
            let levels = view.gauges(&facility.it_load, interval)?;
            let busy: Vec<Busy> = levels.iter().map(|(busy, _)| *busy).collect();
            told.notes.extend(utilisation::server_utilisation(&busy).err().map(|why| why.to_string()));
            let all: i64 = busy.iter().map(|busy| busy.ms).sum();
            let share = |busy: &Busy| if all == 0 { 0.0 } else { busy.ms as f64 / all as f64 };
            let shown = gauges(source, facility, (&facility.it_load, Role::ItLoad), interval, &levels);
            let with_share = |(row, (busy, _)): (GaugeRow, &(Busy, i64))| GaugeRow {
                adds: busy.percent * share(busy),
                ..row
            };
            told.gauges = shown.into_iter().zip(&levels).map(with_share).collect();
        }
        Indicator::RackUtilisation => {
            let facts = view.facts(at, interval);
            let levels = view.gauges(&facility.racks_in_use, interval)?;
            let terms = (&facility.racks_in_use[..], Role::RacksInUse);
            told.gauges = gauges(source, facility, terms, interval, &levels);
            if levels.iter().any(|(level, _)| level.ms == 0) {
                told.notes.push("there is no sum of racks while one of their gauges says nothing".to_owned());
            }
            let given = |side, what, value: Option<u32>| {
                Some(Given {
                    side,
                    what,
                    value: f64::from(value?),
                    unit: "racks",
                    source: place(&facts?, source),
                })
            };
            let counted = facts.and_then(|facts| facts.racks_in_use);
            let counted = counted.filter(|_| facility.racks_in_use.is_empty());
            told.given.extend(given(ABOVE, "racks in use", counted));
            told.given.extend(given(BELOW, "all racks", facts.and_then(|facts| facts.racks)));
        }
        Indicator::Ce => {
            let facts = view.facts(at, interval);
            let flops = facts.and_then(|facts| Some((facts.compute_fp32_flops?, facts)));
            let (what, unit) = ("computing capability, FP32", "FLOPS");
            let given =
                |(value, facts)| Given { side: ABOVE, what, value, unit, source: place(&facts, source) };
            told.given.extend(flops.map(given));
            told.notes.push("IT power is IT energy over the time in which it is covered".to_owned());
        }
        Indicator::Ref => renewables(view, (at, facility), interval, &mut told)?,
        Indicator::CarbonMarket | Indicator::CueMarket => {
            if let Some(both) = view.scope2(at, interval)? {
                let location = view.factor(at).map(|factor| factor.note_over(interval).to_string());
                market(facility, both, location, &mut told);
            }
        }
        _ => {}
    }
    Ok(told)
}

fn place(facts: &Facts, source: &Source<'_>) -> String {
    format!("line {} of {}", facts.place.line, source.config.file)
}

/// The rows of gauges; each adds its mean, for as long of the interval as it belongs there.
fn gauges(
    source: &Source<'_>,
    facility: &Facility,
    (terms, role): (&[Term], Role),
    interval: Interval,
    levels: &[(Busy, i64)],
) -> Vec<GaugeRow> {
    let row = |(term, (busy, of)): (&Term, &(Busy, i64))| {
        let (key, _) = source.meters.get(term.meter);
        let title = source.topology.meters.get(&term.meter).map(|known| known.declared.title.clone());
        let (role, through) = rows::role(source, (&facility.name, None), *term, &[role]);
        GaugeRow {
            meter: key.to_string(),
            title: title.unwrap_or_default(),
            role: role.map(Role::word),
            through,
            mean: (busy.ms > 0).then_some(busy.percent),
            known_s: busy.ms as f64 / 1_000.0,
            of_s: *of as f64 / 1_000.0,
            adds: busy.percent * *of as f64 / (interval.minutes() * MINUTE_MS) as f64,
        }
    };
    terms.iter().filter(|term| term.touches(interval)).zip(levels).map(row).collect()
}

fn refused(all: Vec<Refused>) -> Vec<RefusedClaim> {
    let told = |one: Refused| RefusedClaim {
        lot: one.lot,
        amount: Amount::kwh(one.energy_uwh),
        why: one.why.words(),
    };
    all.into_iter().map(told).collect()
}

fn renewables(
    view: &mut View,
    (at, facility): (usize, &Facility),
    interval: Interval,
    told: &mut Told,
) -> Result<(), StoreError> {
    let claims = view.claims(at, interval)?;
    let (admitted, _) = claim::admit(&claims, interval);
    let row = |one: &claim::Admitted<'_>| ClaimRow {
        lot: one.claim.lot.clone(),
        kind: one.claim.kind.word(),
        counts: Amount::kwh(one.energy_uwh),
    };
    told.claims = admitted.iter().map(row).collect();
    let total = Accounts::new(Pair::alone(&facility.total)).account(&view.connection, interval)?;
    let found = renewable(total.all_numerator.iter().sum(), interval, &claims);
    told.excess = (found.excess_uwh > 0).then(|| Amount::kwh(found.excess_uwh));
    told.refused = refused(found.refused);
    told.notes.push("E_DC counts with all that is booked of it, as it is reported".to_owned());
    Ok(())
}

fn market(facility: &Facility, both: Scope2, location: Option<String>, told: &mut Told) {
    let row = |one: &crate::indicators::carbon::ByClaim| ClaimRow {
        lot: one.lot.clone(),
        kind: one.kind.word(),
        counts: Amount::kwh(one.energy_uwh),
    };
    told.claims = both.claimed.iter().map(row).collect();
    let factor = match both.rest_by {
        RestBy::Supplier => facility.supplier.as_ref().map(|factor| factor.note.to_string()),
        RestBy::Residual => facility.residual.as_ref().map(|factor| factor.note.to_string()),
        RestBy::Location => location,
    };
    let amount = Amount::kwh(both.rest_uwh);
    told.rest = Some(Rest { amount, by: both.rest_by.word(), factor, kg: both.market_kg });
    told.refused = refused(both.refused);
    told.notes.push(
        "grid electricity counts with all that is booked of it: what is claimed first, at no CO₂, and the rest by its \
         factor, hour by hour"
            .to_owned(),
    );
}

impl Making<'_> {
    /// The constant factors by which sums are weighted.
    pub(super) fn factors(&self) -> Vec<FactorTold> {
        let told = |group: &super::sides::Group| match &group.weigh {
            Weigh::Each(constant) => {
                let units = match group.quantity {
                    Quantity::Energy => 1e9,
                    Quantity::Volume => 1e3,
                    Quantity::Mass => 1e6,
                    Quantity::Gauge => 1.0,
                };
                // Twelve decimals: more than any factor has, and less than the noise of the conversion.
                let value = (constant.kg * units * 1e12).round() / 1e12;
                Some(FactorTold {
                    of: group.of.clone().unwrap_or_default(),
                    value,
                    unit: format!("{}/{}", constant.unit, Amount::unit_of(group.quantity)),
                    source: constant.source.clone(),
                })
            }
            Weigh::Not | Weigh::By(_) => None,
        };
        self.sums.groups.iter().filter_map(told).collect()
    }

    /// What else must be said of the figure.
    pub(super) fn notes(&self, mut notes: Vec<String>) -> Result<Vec<String>, StoreError> {
        let (facility, indicator) = (self.facility, self.indicator);
        if indicator == Indicator::Cue && self.sums.pair.numerator.is_empty() {
            let why = if facility.grid.is_empty() {
                "no meter is declared as utility"
            } else {
                "no emission factor is declared"
            };
            notes.push(format!("Scope 2 is not in it: {why}"));
        }
        if indicator == Indicator::CueMarket {
            notes.push(
                "coverage is the lesser of that of grid electricity and of IT energy; the gaps below are those of grid \
                 electricity, and all that is booked counts"
                    .to_owned(),
            );
        }
        if indicator == Indicator::CoalEquivalent && self.sums.groups.len() > 1 {
            notes.push(
                "coverage is that of electricity; fuel counts with all that is booked of it".to_owned(),
            );
        }
        for fuel in &facility.fuels {
            if self.lacks_factor(fuel) {
                let account =
                    Accounts::new(Pair::alone(&fuel.terms)).account(&self.view.connection, self.interval)?;
                let used: i128 = account.all_numerator.iter().sum();
                if used != 0 {
                    let amount = Amount::of(used, fuel.quantity).grouped();
                    let (unit, what) = (Amount::unit_of(fuel.quantity), fuel_words(fuel));
                    notes.push(format!("{amount} {unit} of {what} are not in it: no factor of it is known"));
                }
            }
        }
        Ok(notes)
    }

    fn lacks_factor(&self, fuel: &FuelSum) -> bool {
        match self.indicator {
            Indicator::Scope1 | Indicator::Cue | Indicator::CueMarket => fuel.co2_kg_per_base.is_none(),
            Indicator::CoalEquivalent => fuel.coal_kg_per_base.is_none(),
            _ => false,
        }
    }
}
