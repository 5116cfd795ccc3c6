//! Which sums of a facility each indicator divides. Source: domain.md 2, 4.

use super::account::{Pair, Term};
use super::indicator::Indicator;
use crate::topology::Facility;
use wattledger_model::role::Role;

/// The pair behind an indicator; `None` where the facility has no meters for it, or where it is no quotient of
/// two sums of the ledger alone.
pub fn pair(facility: &Facility, indicator: Indicator) -> Option<Pair> {
    let ratio = |above: &[Term], below: &[Term]| {
        (!above.is_empty() && !below.is_empty()).then(|| Pair::ratio(above, below))
    };
    let overhead = |role: Role| {
        let found = facility.overhead.iter().find(|(of, _)| *of == role);
        ratio(found.map_or(&[][..], |(_, terms)| terms), &facility.it)
    };
    match indicator {
        Indicator::Pue | Indicator::EnergyRatio => ratio(&facility.total, &facility.it),
        Indicator::Pue1 => facility.pue_of(1),
        Indicator::Pue2 => facility.pue_of(2),
        Indicator::Pue3 => facility.pue_of(3),
        Indicator::PpueCooling => overhead(Role::Cooling),
        Indicator::PpuePowerPath => overhead(Role::PowerPath),
        Indicator::PpueLighting => overhead(Role::Lighting),
        Indicator::PpueOther => overhead(Role::Other),
        Indicator::Dcie => ratio(&facility.it, &facility.total),
        Indicator::Wue => ratio(&facility.water, &facility.it),
        Indicator::WuePotable => ratio(&facility.potable_water, &facility.it),
        Indicator::Carbon => facility.carbon(),
        Indicator::Scope1 => {
            let own = fuels(facility);
            (!own.is_empty()).then(|| Pair { own, ..Pair::alone(&[]) })
        }
        Indicator::Cue => {
            let (scope2, own) = (facility.carbon(), fuels(facility));
            let any = scope2.is_some() || !own.is_empty();
            let scope2 = scope2.unwrap_or_else(|| Pair::alone(&[]));
            (any && !facility.it.is_empty()).then(|| Pair { denominator: facility.it.clone(), own, ..scope2 })
        }
        Indicator::Erf => ratio(&facility.heat_reuse, &facility.total),
        Indicator::Ere => {
            let reused = facility.heat_reuse.iter();
            let less = reused.map(|term| Term { millionths: -term.millionths, ..*term });
            let above: Vec<Term> = facility.total.iter().copied().chain(less).collect();
            if facility.heat_reuse.is_empty() { None } else { ratio(&above, &facility.it) }
        }
        Indicator::Cer => ratio(&facility.heat_removed, facility.cooling()),
        Indicator::PpueZone
        | Indicator::CueMarket
        | Indicator::CarbonMarket
        | Indicator::Ref
        | Indicator::Ce
        | Indicator::RackUtilisation
        | Indicator::Iteu
        | Indicator::CoalEquivalent => None,
    }
}

/// Fuel that is burnt, with kg of CO₂ for a base unit. Source: domain.md 4.2.
fn fuels(facility: &Facility) -> Vec<(Term, f64)> {
    let burnt = facility.fuels.iter().filter_map(|fuel| Some((fuel, fuel.co2_kg_per_base?)));
    burnt.flat_map(|(fuel, kg)| fuel.terms.iter().map(move |term| (*term, kg))).collect()
}
