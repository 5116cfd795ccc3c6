//! A facility's sums: what enters and leaves, IT energy by category, overhead, water, fuel, zones.

use super::energy::{self, Conversion, Entry};
use super::factor::note::Note;
use super::factor::{self, Factor, FactorGauge, Origins};
use super::terms::{self, Claimed, Numbers};
use crate::config::{Carbon, Certificate, CollectorConfig, Facility as Declared, Factors, Facts, Hourly};
use crate::indicators::{Pair, Term, Weight};
use crate::store::MeterId;
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::carrier::{Carrier, Cited, Fraction};
use wattledger_model::facility::Attributes;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::role::{Role, Side};
use wattledger_model::target::Target;
use wattledger_model::unit::Quantity;

/// IT energy at one measuring point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItLevel {
    /// The PUE category it gives, 1 to 3. Source: domain.md 2.1.
    pub category: u8,
    /// The measuring point.
    pub role: Role,
    /// IT energy there.
    pub terms: Vec<Term>,
}

/// Fuel of one carrier, in one quantity and one role.
#[derive(Debug, Clone, PartialEq)]
pub struct FuelSum {
    /// The carrier.
    pub carrier: Carrier,
    /// `fuel` or `generator-fuel`.
    pub role: Role,
    /// What the meters count: mL, mg or µWh.
    pub quantity: Quantity,
    /// The sum, in that quantity's base unit.
    pub terms: Vec<Term>,
    /// µWh of content in a base unit; `None` where it is not known.
    pub content_uwh_per_base: Option<f64>,
    /// Scope 1 in kg of CO₂ a base unit; `None` where it is not known. Source: domain.md 4.2.
    pub co2_kg_per_base: Option<f64>,
    /// The factor behind it, with its source.
    pub co2: Option<Cited>,
    /// kg of coal equivalent a base unit; `None` where the carrier has no factor. Source: domain.md 2.6.
    pub coal_kg_per_base: Option<f64>,
    /// The factor behind it, with its source.
    pub coal: Option<Cited>,
}

/// A zone, ready to be computed: its pPUE is `total` over `it`. Source: domain.md 2.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// What it takes in all.
    pub total: Vec<Term>,
    /// Its IT energy, at the measuring point that counts.
    pub it: Vec<Term>,
    /// The category of that point; `None` where IT energy is not measured.
    pub category: Option<u8>,
}

impl Zone {
    /// Zone total over zone IT energy.
    pub fn ppue(&self) -> Pair {
        Pair::ratio(&self.total, &self.it)
    }
}

/// Why a facility has no PUE. `Display` is what to do about it, and what outputs hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Neither side is metered.
    #[error("no meter of what enters the facility and none of its IT energy")]
    NothingMetered,
    /// No numerator.
    #[error("no meter of what enters the facility; give one the role `utility`")]
    NoTotal,
    /// No denominator.
    #[error("no IT energy meter; give one the role `ups-output`, `pdu-output` or `it-input`")]
    NoItEnergy,
}

/// A facility, ready to be computed. Sums are empty where nothing is metered.
pub struct Facility {
    /// Its name.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// The site it is in.
    pub site: Name,
    /// The site's time zone.
    pub zone: Tz,
    /// Targets it is judged by.
    pub targets: Vec<Target>,
    /// 1 to 3 by where IT energy is measured; `None` where it is not.
    pub category: Option<u8>,
    /// Why no PUE can be computed.
    pub problem: Option<Problem>,
    /// `E_DC` in µWh: electricity that enters minus what leaves, and fuel, cooling and heat by their conversion.
    pub total: Vec<Term>,
    /// `E_IT`, at the measuring point of the category.
    pub it: Vec<Term>,
    /// `E_IT` at every point where it is measured, by category.
    pub it_levels: Vec<ItLevel>,
    /// Overhead by subsystem: cooling, lighting, power path, other.
    pub overhead: Vec<(Role, Vec<Term>)>,
    /// Parts with a pPUE of their own.
    pub zones: Vec<Zone>,
    /// Water that enters; of which only the potable part is metered, that.
    pub water: Vec<Term>,
    /// Potable water that enters.
    pub potable_water: Vec<Term>,
    /// Electricity from the grid.
    pub grid: Vec<Term>,
    /// Electricity that leaves, counted positive.
    pub export: Vec<Term>,
    /// Output of on-site solar and wind.
    pub on_site_renewable: Vec<Term>,
    /// Output of on-site generators.
    pub generator: Vec<Term>,
    /// Fuel by carrier, quantity and role, in its own units.
    pub fuels: Vec<FuelSum>,
    /// Thermal energy of delivered cooling.
    pub district_cooling: Vec<Term>,
    /// Thermal energy of delivered heat.
    pub district_heat: Vec<Term>,
    /// Heat used outside the boundary. Source: domain.md 2.4 (ERF).
    pub heat_reuse: Vec<Term>,
    /// Heat that the cooling system takes out. Source: domain.md 2.4 (CER).
    pub heat_removed: Vec<Term>,
    /// Electricity into storage.
    pub storage_charge: Vec<Term>,
    /// Electricity out of storage.
    pub storage_discharge: Vec<Term>,
    /// Gauges of how busy the IT equipment is. Source: domain.md 2.4 (ITEU).
    pub it_load: Vec<Term>,
    /// Gauges of racks in use.
    pub racks_in_use: Vec<Term>,
    /// Meters by role, for sums by component; fuel is in `fuels`, by carrier.
    pub components: Vec<(Role, Vec<Term>)>,
    /// Location-based emission factor by minute, kg per µWh; `None` where none is declared. What a gauge gives is
    /// not in it: [`crate::view::View::factor`] has both.
    pub factor: Option<Weight>,
    /// What the emission factor is, in words, with year and source.
    pub factor_note: Option<Note>,
    /// Where the emission factor of each time comes from.
    pub factor_origins: Option<Origins>,
    /// The region of the factor table that it takes its electricity in; `None` where it has a factor of its own.
    pub region: Option<String>,
    /// The gauge that gives location-based factors by the hour; `factor` stands in where it has none.
    pub factor_gauge: Option<FactorGauge>,
    /// What the supplier states, for the market-based figure.
    pub supplier: Option<Factor>,
    /// The residual mix, for what neither certificate nor supplier covers.
    pub residual: Option<Factor>,
    /// The factors of fuel, delivered cooling and coal equivalent, and the method.
    pub factors: Factors,
    /// What `total` is made of: each kind of energy with its meters and its factor.
    pub entries: Vec<Entry>,
    /// What was converted into `total`, by which factor, for reports.
    pub conversions: Vec<Conversion>,
    /// What decides which targets apply.
    pub attributes: Attributes,
    /// What is known without a meter, in the order of time; at least one.
    pub facts: Vec<Facts>,
    /// Certificates and contracts.
    pub certificates: Vec<Certificate>,
    /// Meters of numerator and denominator with how long the horizon waits for each, ms.
    pub patience: Vec<(MeterId, i64)>,
}

/// The terms of the claims that fit.
fn sum<'a>(claims: &[&Claimed<'a>], fits: impl Fn(Role) -> bool) -> Vec<Term> {
    claims
        .iter()
        .filter(|claimed| fits(claimed.claim.role))
        .flat_map(|claimed| claimed.terms.clone())
        .collect()
}

/// IT energy by category, and the level that counts.
fn it_levels(claims: &[&Claimed<'_>], said: Option<Role>) -> (Vec<ItLevel>, Option<ItLevel>) {
    let levels: Vec<ItLevel> = Role::ALL
        .iter()
        .filter_map(|role| {
            let terms = sum(claims, |other| other == *role);
            let category = role.it_category().filter(|_| !terms.is_empty())?;
            Some(ItLevel { category, role: *role, terms })
        })
        .collect();
    // Where several levels are metered, the configuration says which one counts; it is checked there.
    let counts = match said {
        Some(role) => levels.iter().find(|level| level.role == role),
        None => levels.first(),
    };
    let counts = counts.cloned();
    (levels, counts)
}

/// Compiles one facility from all claims.
pub(super) fn compile(
    config: &CollectorConfig,
    declared: &Declared,
    all: &[Claimed<'_>],
    numbers: &Numbers<'_>,
    patience: &dyn Fn(MeterId) -> Option<i64>,
) -> Facility {
    let own: Vec<&Claimed<'_>> =
        all.iter().filter(|claimed| claimed.claim.is_of_facility(&declared.name)).collect();
    let of = |role: Role| sum(&own, |other| other == role);
    let zone = config.time_zone(declared);
    let (levels, counts) = it_levels(&own, declared.it_energy);
    let entries = energy::entries(&own, &declared.factors);
    let total: Vec<Term> = entries.iter().flat_map(|entry| entry.counted.iter().copied()).collect();
    let it = counts.as_ref().map_or_else(Vec::new, |level| level.terms.clone());
    let mut location = factor::of_location(declared.carbon.as_ref(), declared.hourly.as_ref(), zone);
    let factor_gauge = factor_gauge(config, declared, numbers, location.as_ref(), zone);
    if let Some(gauge) = &factor_gauge {
        location = Some(gauge.alone());
    }
    let market = |carbon: &Option<_>| carbon.as_ref().map(|carbon| factor::of_years(carbon, zone));
    let (water, potable_water) = (of(Role::Water), of(Role::PotableWater));
    let waited: BTreeMap<MeterId, i64> =
        total.iter().chain(&it).filter_map(|term| Some((term.meter, patience(term.meter)?))).collect();
    Facility {
        name: declared.name.clone(),
        title: declared.title.clone(),
        site: declared.site.clone(),
        zone,
        targets: declared.targets.clone(),
        category: counts.map(|level| level.category),
        problem: problem(total.is_empty(), it.is_empty()),
        it_levels: levels,
        overhead: by_role(&own, Role::is_overhead),
        zones: zones(config, declared, all),
        water: if water.is_empty() { potable_water.clone() } else { water },
        potable_water,
        grid: of(Role::Utility),
        export: of(Role::Export),
        on_site_renewable: of(Role::OnSiteRenewable),
        generator: of(Role::Generator),
        fuels: fuels(&own, &declared.factors),
        district_cooling: of(Role::DistrictCooling),
        district_heat: of(Role::DistrictHeat),
        heat_reuse: of(Role::HeatReuse),
        heat_removed: of(Role::HeatRemoved),
        storage_charge: of(Role::StorageCharge),
        storage_discharge: of(Role::StorageDischarge),
        it_load: of(Role::ItLoad),
        racks_in_use: of(Role::RacksInUse),
        components: by_role(&own, |role| !role.is_fuel() && !matches!(role.side(), Side::Gauge(_))),
        region: declared.carbon.as_ref().and_then(Carbon::region).map(str::to_owned),
        factor_note: location.as_ref().map(|factor| factor.note.clone()),
        factor_origins: location.as_ref().map(|factor| factor.origins.clone()),
        factor: location.map(|factor| factor.weight),
        factor_gauge,
        supplier: market(&declared.market.supplier),
        residual: market(&declared.market.residual),
        factors: declared.factors.clone(),
        conversions: entries.iter().filter_map(|entry| entry.factor.clone()).collect(),
        entries,
        attributes: declared.attributes,
        facts: declared.facts.clone(),
        certificates: declared.certificates.clone(),
        patience: waited.into_iter().collect(),
        total,
        it,
    }
}

fn problem(no_total: bool, no_it: bool) -> Option<Problem> {
    match (no_total, no_it) {
        (true, true) => Some(Problem::NothingMetered),
        (true, false) => Some(Problem::NoTotal),
        (false, true) => Some(Problem::NoItEnergy),
        (false, false) => None,
    }
}

/// The sums of the roles that fit, each that has a meter, in the order of the roles.
fn by_role(claims: &[&Claimed<'_>], fits: impl Fn(Role) -> bool) -> Vec<(Role, Vec<Term>)> {
    let roles = Role::ALL.iter().copied().filter(|role| fits(*role));
    roles
        .map(|role| (role, sum(claims, |other| other == role)))
        .filter(|(_, terms)| !terms.is_empty())
        .collect()
}

fn zones(config: &CollectorConfig, declared: &Declared, all: &[Claimed<'_>]) -> Vec<Zone> {
    let here = config.zones.iter().filter(|zone| zone.facility == declared.name);
    here.map(|zone| {
        let own: Vec<&Claimed<'_>> =
            all.iter().filter(|claimed| claimed.claim.zone.as_ref() == Some(&zone.name)).collect();
        let (_, counts) = it_levels(&own, zone.it_energy);
        Zone {
            name: zone.name.clone(),
            title: zone.title.clone(),
            total: sum(&own, |role| role == Role::ZoneTotal),
            category: counts.as_ref().map(|level| level.category),
            it: counts.map_or_else(Vec::new, |level| level.terms),
        }
    })
    .collect()
}

fn fuels(claims: &[&Claimed<'_>], factors: &Factors) -> Vec<FuelSum> {
    let mut sums: BTreeMap<(Carrier, Role, Quantity), Vec<Term>> = BTreeMap::new();
    for claimed in claims.iter().filter(|claimed| claimed.claim.role.is_fuel()) {
        if let (Some(carrier), Some(quantity)) = (claimed.carrier, claimed.quantity) {
            let sum = sums.entry((carrier, claimed.claim.role, quantity)).or_default();
            sum.extend(claimed.terms.iter().copied());
        }
    }
    let of = |((carrier, role, quantity), terms): ((Carrier, Role, Quantity), Vec<Term>)| {
        let fuel = factors.fuel(carrier);
        let per_base =
            |cited: &Option<Cited>| cited.as_ref().and_then(|cited| fuel.per_base(cited, quantity));
        FuelSum {
            carrier,
            role,
            quantity,
            terms,
            content_uwh_per_base: fuel.content_per_base(quantity).map(Fraction::to_f64),
            co2_kg_per_base: per_base(&fuel.co2).map(Fraction::to_f64),
            co2: fuel.co2.clone(),
            coal_kg_per_base: per_base(&fuel.coal).map(Fraction::to_f64),
            coal: fuel.coal.clone(),
        }
    };
    sums.into_iter().map(of).collect()
}

fn factor_gauge(
    config: &CollectorConfig,
    declared: &Declared,
    numbers: &Numbers<'_>,
    years: Option<&Factor>,
    zone: Tz,
) -> Option<FactorGauge> {
    let Some(Hourly::Meter(name)) = &declared.hourly else { return None };
    let key = MeterKey { site: declared.site.clone(), meter: name.value.clone() };
    let meter = config.meters.iter().find(|meter| meter.key == key)?;
    Some(FactorGauge::new(meter, *numbers.get(&key)?, years?.clone(), zone))
}

impl Facility {
    /// `E_DC` over `E_IT`.
    pub fn pue(&self) -> Pair {
        Pair::ratio(&self.total, &self.it)
    }

    /// `E_DC` over `E_IT` of one category, 1 to 3; `None` where IT energy is not measured there.
    pub fn pue_of(&self, category: u8) -> Option<Pair> {
        let level = self.it_levels.iter().find(|level| level.category == category)?;
        (!self.total.is_empty()).then(|| Pair::ratio(&self.total, &level.terms))
    }

    /// The electricity that counts in the coal equivalent: what came from the grid, and the output of on-site solar
    /// and wind, less what left. Generators count by their fuel; only where no meter shows any, by their
    /// output. Source: domain.md 2.6.
    pub fn coal_electricity(&self) -> Vec<Term> {
        let fuel = self.fuels.iter().any(|fuel| fuel.role == Role::GeneratorFuel);
        let generator: &[Term] = if fuel { &[] } else { &self.generator };
        let entered = [&self.grid[..], &self.on_site_renewable, generator];
        entered.concat().into_iter().chain(terms::negated(&self.export)).collect()
    }

    /// Electricity of cooling, the denominator of CER. Source: domain.md 2.4.
    pub fn cooling(&self) -> &[Term] {
        self.overhead.iter().find(|(role, _)| *role == Role::Cooling).map_or(&[], |(_, terms)| terms)
    }

    /// What storage loses: charge less discharge. Source: domain.md 2.3.
    pub fn storage_losses(&self) -> Vec<Term> {
        self.storage_charge.iter().copied().chain(terms::negated(&self.storage_discharge)).collect()
    }

    /// The location-based emission factor, without what a gauge gives.
    pub fn location(&self) -> Option<Factor> {
        let (weight, note) = (self.factor.clone()?, self.factor_note.clone()?);
        Some(Factor { weight, note, origins: self.factor_origins.clone()? })
    }

    /// Grid electricity weighted by its emission factor, without what a gauge gives.
    pub fn carbon(&self) -> Option<Pair> {
        let pair = Pair { weight: self.factor.clone(), ..Pair::alone(&self.grid) };
        (!self.grid.is_empty() && self.factor.is_some()).then_some(pair)
    }
}
