//! Which sums of meters stand above and below in each indicator.

use super::lacks;
use crate::config::{CertificateKind, Facts};
use crate::indicators::{Indicator, Pair, Term, Weight};
use crate::topology::{Facility, FuelSum, Zone};
use wattledger_model::carrier::Cited;
use wattledger_model::name::Name;
use wattledger_model::role::{Role, Side};
use wattledger_model::unit::Quantity;

pub(super) const ABOVE: &str = "numerator";
pub(super) const BELOW: &str = "denominator";
pub(super) const CLAIMS: &str = "claims";

/// The sums behind an indicator.
pub(super) struct Sums {
    /// What must be covered together; empty where gauges or facts make the figure.
    pub(super) pair: Pair,
    /// The sums: those of the pair in the order of its terms, then those that need no coverage.
    pub(super) groups: Vec<Group>,
    /// The zone that they are of.
    pub(super) zone: Option<Name>,
}

/// One sum.
pub(super) struct Group {
    pub(super) side: &'static str,
    /// What it is of, where its side has several.
    pub(super) of: Option<String>,
    /// What its meters can count as.
    pub(super) roles: Vec<Role>,
    pub(super) quantity: Quantity,
    pub(super) terms: Vec<Term>,
    pub(super) weigh: Weigh,
    pub(super) stands: Stands,
}

/// What the amounts of a sum are weighted by.
pub(super) enum Weigh {
    Not,
    /// By a factor that changes from time to time, kg a base unit.
    By(Weight),
    /// By one factor.
    Each(Constant),
}

/// A factor with what it is.
pub(super) struct Constant {
    /// kg a base unit.
    pub(super) kg: f64,
    /// `CO₂` or coal equivalent.
    pub(super) unit: &'static str,
    /// Where it comes from.
    pub(super) source: String,
}

/// Where a sum stands in the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Above,
    Below,
    /// Above, with a weight of its own.
    Own,
    /// Not in it: it counts with all that is booked, whatever is covered.
    Beside,
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

/// The sums of an indicator of a facility, whose figures are made of this pair where they are made of one.
///
/// # Errors
/// What it lacks for it.
pub(super) fn of(
    facility: &Facility,
    indicator: Indicator,
    facts: Option<&Facts>,
    pair: Option<&Pair>,
) -> Result<Sums, String> {
    if let Some(why) = lacks::of(facility, indicator, facts) {
        return Err(why);
    }
    let sums = match indicator {
        Indicator::Iteu | Indicator::RackUtilisation => {
            Sums { pair: Pair::alone(&[]), groups: Vec::new(), zone: None }
        }
        Indicator::Ce => alone(Group { side: BELOW, ..it(facility) }, Vec::new()),
        Indicator::CarbonMarket => alone(grid(facility, Weigh::Not), Vec::new()),
        Indicator::CueMarket => {
            let below = Group { side: BELOW, stands: Stands::Beside, ..it(facility) };
            alone(grid(facility, Weigh::Not), fuels(facility, co2, Stands::Beside).chain([below]).collect())
        }
        Indicator::Ref => {
            let total = group(BELOW, of_total(), Quantity::Energy, &facility.total);
            alone(total, on_site(facility).into_iter().collect())
        }
        Indicator::CoalEquivalent => {
            let cited = &facility.factors.electricity_coal;
            let kg = cited.value.to_f64() / crate::indicators::figure::UWH_PER_KWH;
            let source = format!("{cited}, {}", facility.factors.coal.word());
            let roles = vec![Role::Utility, Role::OnSiteRenewable, Role::Generator, Role::Export];
            let electricity = Group {
                of: Some("electricity".to_owned()),
                weigh: Weigh::Each(Constant { kg, unit: "kgce", source }),
                ..group(ABOVE, roles, Quantity::Energy, &facility.coal_electricity())
            };
            alone(electricity, fuels(facility, coal, Stands::Beside).collect())
        }
        _ => divided(facility, indicator, pair),
    };
    Ok(sums)
}

/// Those of a zone's partial PUE.
///
/// # Errors
/// What the zone lacks for it.
pub(super) fn of_zone(zone: &Zone) -> Result<Sums, String> {
    if let Some(why) = lacks::of_zone(zone) {
        return Err(why);
    }
    let above = group(ABOVE, vec![Role::ZoneTotal], Quantity::Energy, &zone.total);
    let below =
        Group { stands: Stands::Below, ..group(BELOW, it_at(zone.category), Quantity::Energy, &zone.it) };
    Ok(Sums { pair: zone.ppue(), groups: vec![above, below], zone: Some(zone.name.clone()) })
}

fn group(side: &'static str, roles: Vec<Role>, quantity: Quantity, terms: &[Term]) -> Group {
    Group { side, of: None, roles, quantity, terms: terms.to_vec(), weigh: Weigh::Not, stands: Stands::Above }
}

fn it(facility: &Facility) -> Group {
    group(ABOVE, of_it(facility), Quantity::Energy, &facility.it)
}

fn grid(facility: &Facility, weigh: Weigh) -> Group {
    let of = Some("grid electricity".to_owned());
    Group { of, weigh, ..group(ABOVE, vec![Role::Utility], Quantity::Energy, &facility.grid) }
}

/// A sum that must be covered by itself, and others beside it.
fn alone(first: Group, others: Vec<Group>) -> Sums {
    let pair = Pair::alone(&first.terms);
    Sums { pair, groups: std::iter::once(first).chain(others).collect(), zone: None }
}

/// What generation on site claims rest on, where any do.
fn on_site(facility: &Facility) -> Option<Group> {
    let any = facility.certificates.iter().any(|one| one.kind == CertificateKind::OnSite);
    let left = facility.export.iter().map(|term| Term { millionths: -term.millionths, ..*term });
    let terms: Vec<Term> = facility.on_site_renewable.iter().copied().chain(left).collect();
    (any && !facility.on_site_renewable.is_empty()).then(|| Group {
        of: Some("on-site generation less what left".to_owned()),
        stands: Stands::Beside,
        ..group(CLAIMS, vec![Role::OnSiteRenewable, Role::Export], Quantity::Energy, &terms)
    })
}

type FuelFactor = fn(&FuelSum) -> Option<(f64, &Cited, &'static str)>;

fn co2(fuel: &FuelSum) -> Option<(f64, &Cited, &'static str)> {
    Some((fuel.co2_kg_per_base?, fuel.co2.as_ref()?, "kg CO₂"))
}

fn coal(fuel: &FuelSum) -> Option<(f64, &Cited, &'static str)> {
    Some((fuel.coal_kg_per_base?, fuel.coal.as_ref()?, "kgce"))
}

/// A fuel in words.
pub(super) fn fuel_words(fuel: &FuelSum) -> String {
    format!("{} as {}", fuel.carrier, fuel.role)
}

/// The fuels that have a factor, each weighted by its own.
fn fuels(facility: &Facility, factor: FuelFactor, stands: Stands) -> impl Iterator<Item = Group> + '_ {
    let known = facility.fuels.iter().filter_map(move |fuel| Some((fuel, factor(fuel)?)));
    known.map(move |(fuel, (kg, cited, unit))| {
        let density = facility.factors.fuel(fuel.carrier).density.as_ref();
        let converted = matches!(
            (cited.per.map(wattledger_model::unit::Unit::quantity), fuel.quantity),
            (Some(Quantity::Mass), Quantity::Volume) | (Some(Quantity::Volume), Quantity::Mass)
        );
        let source = match density.filter(|_| converted) {
            Some(density) => format!("{cited} at a density of {density}"),
            None => cited.to_string(),
        };
        Group {
            of: Some(fuel_words(fuel)),
            weigh: Weigh::Each(Constant { kg, unit, source }),
            stands,
            ..group(ABOVE, vec![fuel.role], fuel.quantity, &fuel.terms)
        }
    })
}

/// The sums of what is published as a sum, or as a quotient of two, over what all of them cover.
fn divided(facility: &Facility, indicator: Indicator, pair: Option<&Pair>) -> Sums {
    // What is published is explained, not what would be made here.
    let pair = pair.cloned().unwrap_or_else(|| Pair::alone(&[]));
    let (above, below) = roles(facility, indicator);
    let quantity = match indicator {
        Indicator::Wue | Indicator::WuePotable => Quantity::Volume,
        _ => Quantity::Energy,
    };
    let mut groups = Vec::new();
    if !pair.numerator.is_empty() {
        let weigh = pair.weight.clone().map_or(Weigh::Not, Weigh::By);
        let several = !pair.own.is_empty();
        let of = several.then(|| "grid electricity".to_owned());
        groups.push(Group { of, weigh, ..group(ABOVE, above, quantity, &pair.numerator) });
    }
    if !pair.denominator.is_empty() {
        let stands = Stands::Below;
        groups.push(Group { stands, ..group(BELOW, below, Quantity::Energy, &pair.denominator) });
    }
    if !pair.own.is_empty() {
        groups.extend(fuels(facility, co2, Stands::Own));
    }
    Sums { pair, groups, zone: None }
}

/// What the meters above and below can count as.
fn roles(facility: &Facility, indicator: Indicator) -> (Vec<Role>, Vec<Role>) {
    let it = of_it(facility);
    match indicator {
        Indicator::Pue1 | Indicator::Pue2 | Indicator::Pue3 => {
            (of_total(), it_at(indicator.own_category().map(|category| category.number())))
        }
        Indicator::Dcie => (it, of_total()),
        Indicator::PpueCooling => (vec![Role::Cooling], it),
        Indicator::PpuePowerPath => (vec![Role::PowerPath], it),
        Indicator::PpueLighting => (vec![Role::Lighting], it),
        Indicator::PpueOther => (vec![Role::Other], it),
        Indicator::Wue => {
            let is_potable = facility.water == facility.potable_water;
            (vec![if is_potable { Role::PotableWater } else { Role::Water }], it)
        }
        Indicator::WuePotable => (vec![Role::PotableWater], it),
        Indicator::Cue | Indicator::Carbon => (vec![Role::Utility], it),
        Indicator::Erf => (vec![Role::HeatReuse], of_total()),
        Indicator::Ere => (of_total().into_iter().chain([Role::HeatReuse]).collect(), it),
        Indicator::Cer => (vec![Role::HeatRemoved], vec![Role::Cooling]),
        _ => (of_total(), it),
    }
}
