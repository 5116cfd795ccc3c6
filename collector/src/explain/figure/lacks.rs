//! What a facility lacks for an indicator.

use super::sides;
use crate::config::Facts;
use crate::indicators::{Indicator, Term};
use crate::topology::{Facility, Zone};
use wattledger_model::role::Role;

/// What is missing for an indicator, in words; `None` where nothing is.
pub(super) fn of(facility: &Facility, indicator: Indicator, facts: Option<&Facts>) -> Option<String> {
    let it = || no_it(indicator, facility);
    let total = || meters(&facility.total, &sides::of_total());
    let overhead = |role: Role| {
        let found = facility.overhead.iter().any(|(of, terms)| *of == role && !terms.is_empty());
        (!found).then(|| undeclared(&[role]))
    };
    let missing: Vec<Option<String>> = match indicator {
        Indicator::Pue
        | Indicator::Pue1
        | Indicator::Pue2
        | Indicator::Pue3
        | Indicator::EnergyRatio
        | Indicator::Dcie => vec![total(), it()],
        Indicator::PpueCooling => vec![overhead(Role::Cooling), it()],
        Indicator::PpuePowerPath => vec![overhead(Role::PowerPath), it()],
        Indicator::PpueLighting => vec![overhead(Role::Lighting), it()],
        Indicator::PpueOther => vec![overhead(Role::Other), it()],
        Indicator::PpueZone => vec![facility.zones.is_empty().then(|| "it has no zone".to_owned())],
        Indicator::Wue => vec![meters(&facility.water, &[Role::Water]), it()],
        Indicator::WuePotable => vec![meters(&facility.potable_water, &[Role::PotableWater]), it()],
        Indicator::Cue => vec![emissions(facility), it()],
        Indicator::CueMarket => vec![meters(&facility.grid, &[Role::Utility]), factor(facility), it()],
        Indicator::Carbon | Indicator::CarbonMarket => {
            vec![meters(&facility.grid, &[Role::Utility]), factor(facility)]
        }
        Indicator::Scope1 => vec![fuel(facility)],
        Indicator::Ref => vec![total(), certificates(facility)],
        Indicator::Erf => vec![meters(&facility.heat_reuse, &[Role::HeatReuse]), total()],
        Indicator::Ere => vec![meters(&facility.heat_reuse, &[Role::HeatReuse]), total(), it()],
        Indicator::Cer => {
            vec![meters(&facility.heat_removed, &[Role::HeatRemoved]), overhead(Role::Cooling)]
        }
        Indicator::Ce => {
            vec![fact(facts.is_some_and(|f| f.compute_fp32_flops.is_some()), "compute_fp32_flops"), it()]
        }
        Indicator::RackUtilisation => vec![racks(facility, facts)],
        Indicator::Iteu => vec![meters(&facility.it_load, &[Role::ItLoad])],
        Indicator::CoalEquivalent => {
            vec![meters(&facility.coal_electricity(), &[Role::Utility, Role::OnSiteRenewable])]
        }
    };
    let missing: Vec<String> = missing.into_iter().flatten().collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}

/// What is missing for a zone's partial PUE.
pub(super) fn of_zone(zone: &Zone) -> Option<String> {
    let it = zone.it.is_empty().then(|| format!("zone `{}` has no IT energy meter", zone.name));
    let total = zone.total.is_empty().then(|| {
        format!("zone `{}` has no meter of what it takes in all: claim one as zone-total", zone.name)
    });
    let missing: Vec<String> = total.into_iter().chain(it).collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}

fn meters(terms: &[Term], roles: &[Role]) -> Option<String> {
    terms.is_empty().then(|| undeclared(roles))
}

fn undeclared(roles: &[Role]) -> String {
    let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
    match words.split_last() {
        Some((last, [])) => format!("no meter is declared as {last}"),
        Some((last, others)) => format!("no meter is declared as {} or {last}", others.join(", ")),
        None => "no meter is declared for it".to_owned(),
    }
}

fn no_it(indicator: Indicator, facility: &Facility) -> Option<String> {
    if let Some(category) = indicator.own_category().map(|category| category.number()) {
        let role = Role::ALL.iter().find(|role| role.it_category() == Some(category))?;
        let found = facility.it_levels.iter().any(|level| level.category == category);
        return (!found).then(|| undeclared(&[*role]));
    }
    meters(&facility.it, &[Role::UpsOutput, Role::PduOutput, Role::ItInput])
}

fn factor(facility: &Facility) -> Option<String> {
    facility.factor.is_none().then(|| {
        "no emission factor is declared: give the facility a `grid` or an `emission_factor`".to_owned()
    })
}

fn fuel(facility: &Facility) -> Option<String> {
    if facility.fuels.is_empty() {
        return Some(undeclared(&[Role::Fuel, Role::GeneratorFuel]));
    }
    let known = facility.fuels.iter().any(|fuel| fuel.co2_kg_per_base.is_some());
    (!known).then(|| {
        let words: Vec<String> = facility.fuels.iter().map(sides::fuel_words).collect();
        format!("no CO₂ factor is known of {}", words.join(", "))
    })
}

fn emissions(facility: &Facility) -> Option<String> {
    // Fuel alone is enough, and so is electricity with its factor.
    fuel(facility)?;
    meters(&facility.grid, &[Role::Utility]).or_else(|| factor(facility))
}

fn certificates(facility: &Facility) -> Option<String> {
    facility.certificates.is_empty().then(|| {
        "no certificate or contract of renewable energy is declared: give the facility a \
         `[[facility.certificate]]`"
            .to_owned()
    })
}

fn racks(facility: &Facility, facts: Option<&Facts>) -> Option<String> {
    let all = fact(facts.is_some_and(|facts| facts.racks.is_some()), "racks");
    let counted =
        !facility.racks_in_use.is_empty() || facts.is_some_and(|facts| facts.racks_in_use.is_some());
    let in_use = (!counted).then(|| {
        "the facility declares no `racks_in_use` then, and no gauge is declared as racks-in-use".to_owned()
    });
    let missing: Vec<String> = all.into_iter().chain(in_use).collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}

fn fact(is_known: bool, key: &str) -> Option<String> {
    (!is_known).then(|| format!("the facility declares no `{key}` then"))
}
