//! Which meters stand above and below in each indicator that is a sum or a quotient of sums.

use crate::indicators::{Indicator, Pair, Term, pairs};
use crate::topology::Facility;
use wattledger_model::role::{Role, Side};

/// The two sides of an indicator, with the roles that its meters can have on each.
pub(super) struct Sides {
    pub(super) pair: Pair,
    pub(super) above: Vec<Role>,
    pub(super) below: Vec<Role>,
}

/// The roles that make up `E_DC`. Source: domain.md 2.2, 2.3.
pub(in crate::explain) fn of_total() -> Vec<Role> {
    let counts = |role: &&Role| role.facility_sign() != 0 || matches!(role.side(), Side::NonElectric(_));
    Role::ALL.iter().filter(counts).copied().collect()
}

/// The role at which the facility's IT energy is measured.
pub(in crate::explain) fn of_it(facility: &Facility) -> Vec<Role> {
    it_at(facility.category)
}

fn it_at(category: Option<u8>) -> Vec<Role> {
    let measured = |role: &&Role| category.is_some() && role.it_category() == category;
    Role::ALL.iter().filter(measured).copied().collect()
}

fn negated(terms: &[Term]) -> impl Iterator<Item = Term> + '_ {
    terms.iter().map(|term| Term { millionths: -term.millionths, ..*term })
}

/// The sides of an indicator.
///
/// # Errors
/// Why there are none: it is no sum over meters, or a meter is missing.
pub(super) fn of(facility: &Facility, indicator: Indicator) -> Result<Sides, String> {
    let sides = composed(facility, indicator).ok_or_else(|| {
        "it is not a sum over meters; `wattledger report` shows what it is made of".to_owned()
    })?;
    let needs = |roles: &[Role]| {
        let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
        match &words[..] {
            [] => "IT energy is not measured there".to_owned(),
            words => format!("no meter is declared as {}", words.join(", ")),
        }
    };
    if sides.pair.numerator.is_empty() {
        return Err(needs(&sides.above));
    }
    if sides.pair.denominator.is_empty() && indicator.is_ratio() {
        return Err(needs(&sides.below));
    }
    Ok(sides)
}

fn composed(facility: &Facility, indicator: Indicator) -> Option<Sides> {
    let it = || (facility.it.clone(), of_it(facility));
    let total = || (facility.total.clone(), of_total());
    let one = |terms: &[Term], role: Role| (terms.to_vec(), vec![role]);
    let overhead = |role: Role| {
        let found = facility.overhead.iter().find(|(of, _)| *of == role);
        one(found.map_or(&[], |(_, terms)| terms), role)
    };
    let water = || {
        let is_potable = !facility.water.is_empty() && facility.water == facility.potable_water;
        let role = if is_potable { Role::PotableWater } else { Role::Water };
        one(&facility.water, role)
    };
    let (above, below) = match indicator {
        Indicator::Pue => (total(), it()),
        Indicator::Pue1 | Indicator::Pue2 | Indicator::Pue3 => {
            let category = indicator.own_category().map(|category| category.number());
            let level = facility.it_levels.iter().find(|level| Some(level.category) == category);
            (total(), (level.map_or_else(Vec::new, |level| level.terms.clone()), it_at(category)))
        }
        Indicator::Dcie => (it(), total()),
        Indicator::PpueCooling => (overhead(Role::Cooling), it()),
        Indicator::PpuePowerPath => (overhead(Role::PowerPath), it()),
        Indicator::PpueLighting => (overhead(Role::Lighting), it()),
        Indicator::PpueOther => (overhead(Role::Other), it()),
        Indicator::Wue => (water(), it()),
        Indicator::WuePotable => (one(&facility.potable_water, Role::PotableWater), it()),
        Indicator::Cue => (one(&facility.grid, Role::Utility), it()),
        Indicator::Carbon => (one(&facility.grid, Role::Utility), (Vec::new(), Vec::new())),
        Indicator::Erf => (one(&facility.heat_reuse, Role::HeatReuse), total()),
        Indicator::Ere => {
            let (mut terms, mut roles) = total();
            terms.extend(negated(&facility.heat_reuse));
            roles.push(Role::HeatReuse);
            ((terms, roles), it())
        }
        Indicator::Cer => (one(&facility.heat_removed, Role::HeatRemoved), overhead(Role::Cooling)),
        _ => return None,
    };
    // What is published is explained, not what would be made here; the sums above tell what is missing.
    let pair = pairs::pair(facility, indicator).unwrap_or_else(|| Pair::ratio(&above.0, &below.0));
    // Fuel has weights of its own, and rows in other units than those of the side it stands on.
    pair.own.is_empty().then_some(Sides { pair, above: above.1, below: below.1 })
}
