//! Sites and facilities, and whether a facility's meters make a PUE.

use super::declared::Declared;
use super::{Meter, title};
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Document, Place, Placed, Table, Value};
use wattledger_model::factor::{Basis, FactorTable};
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::target::{Target, TargetTable};

/// A place with agents, and a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Its name.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// Where its days begin and end.
    pub time_zone: Tz,
    /// Where it is declared.
    pub place: Place,
}

/// A boundary within a site that has a PUE of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Facility {
    /// Its name, unique in the configuration.
    pub name: Name,
    /// The site it is in.
    pub site: Name,
    /// Its name for people.
    pub title: String,
    /// The role whose meters give IT energy; needed only where meters have several such roles.
    pub it_energy: Option<Role>,
    /// What its PUE is held against; D130 and D125 where the file does not say.
    pub targets: Vec<Target>,
    /// How its carbon is reckoned; `None` for not at all.
    pub carbon: Option<Carbon>,
    /// Where it is declared.
    pub place: Place,
}

/// Where a facility's location-based emission factors come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carbon {
    /// A region of the factor table, with a factor for each year.
    Grid(String),
    /// One factor for all years.
    Constant {
        /// Kilograms of CO₂ per kilowatt-hour.
        kg_per_kwh: Decimal,
        /// The generation year it stands for.
        year: Option<i32>,
        /// Where it comes from.
        source: Option<String>,
    },
}

pub(super) fn read_site(table: &mut Table<'_>, names: &mut Declared<'_>) -> Option<Site> {
    let name = table.required("name", document::name);
    name.iter().for_each(|name| names.declare(name));
    let title = title(table, name.as_deref());
    let time_zone = table.required("time_zone", document::time_zone);
    Some(Site { name: name?.value, title, time_zone: time_zone?.value, place: table.place() })
}

pub(super) fn read_facility(
    table: &mut Table<'_>,
    sites: &Declared<'_>,
    names: &mut Declared<'_>,
) -> Option<Facility> {
    let name = table.required("name", document::name);
    name.iter().for_each(|name| names.declare(name));
    let site = table.required("site", document::name);
    if let Some(site) = &site {
        sites.refers(site);
    }
    let title = title(table, name.as_deref());
    let it_energy = table.optional("it_energy", document::choice(it_roles()));
    let targets = read_targets(table);
    let carbon = read_carbon(table);
    Some(Facility {
        name: name?.value,
        site: site?.value,
        title,
        it_energy: it_energy.map(|role| role.value),
        targets,
        carbon,
        place: table.place(),
    })
}

fn it_roles() -> impl Iterator<Item = (&'static str, Role)> {
    Role::ALL.iter().filter(|role| role.it_category().is_some()).map(|role| (role.word(), *role))
}

fn read_targets(table: &mut Table<'_>) -> Vec<Target> {
    let known = TargetTable::embedded();
    if !table.has("targets") {
        return known.targets.clone();
    }
    let mut targets: Vec<Target> = Vec::new();
    for id in table.values("targets", document::string) {
        match known.get(&id) {
            Some(target) if targets.contains(target) => {
                table.document().error(id.place, format!("target `{}` is named twice", id.value));
            }
            Some(target) => targets.push(target.clone()),
            None => table.document().dangling(id.place, "target", &id, known.ids()),
        }
    }
    targets
}

fn read_carbon(table: &mut Table<'_>) -> Option<Carbon> {
    let grid = table.optional("grid", document::string);
    let constant = table.optional("emission_factor", emission_factor);
    let year = table.optional("emission_factor_year", document::integer::<i32>);
    let source = table.optional("emission_factor_source", document::string);
    let document = table.document();
    let detail = year.as_ref().map(|year| year.place).or(source.as_ref().map(|source| source.place));
    match (grid, constant) {
        (Some(_), Some(constant)) => {
            document.error(constant.place, "`grid` and `emission_factor` exclude each other; leave one out");
            None
        }
        (None, Some(constant)) => {
            if constant.cmp_value(Decimal::new(2, 0)).is_gt() {
                let message =
                    format!("{} kg/kWh is more than any grid emits; is it in g/kWh?", constant.value);
                document.warning(constant.place, message);
            }
            let (year, source) = (year.map(|year| year.value), source.map(|source| source.value));
            Some(Carbon::Constant { kg_per_kwh: constant.value, year, source })
        }
        (grid, None) => {
            if let Some(place) = detail.filter(|_| !table.has("emission_factor")) {
                document.error(place, "belongs to an `emission_factor`, which is not there");
            }
            grid.and_then(|grid| read_grid(document, grid))
        }
    }
}

fn read_grid(document: &Document<'_>, grid: Placed<String>) -> Option<Carbon> {
    let factors = FactorTable::embedded();
    match factors.region(&grid) {
        Some(region) if region.basis == Basis::Location => Some(Carbon::Grid(grid.value)),
        Some(region) => {
            let message = format!("`{}` ({}) is no location-based factor", region.id, region.title);
            document.error(grid.place, message);
            None
        }
        None => {
            let regions = factors.regions.iter().filter(|region| region.basis == Basis::Location);
            document.dangling(grid.place, "grid", &grid, regions.map(|region| region.id.as_str()));
            None
        }
    }
}

/// `0.5554 kg/kWh`, `555.4 g/kWh` or `0.5554 t/MWh`, as kg/kWh.
fn emission_factor(value: &Value<'_>) -> Result<Decimal, String> {
    let wrong = || format!("needs a factor such as \"0.5554 kg/kWh\", not {}", value.described());
    let text = value.as_str().ok_or_else(wrong)?;
    let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let factor: Decimal = number.parse().map_err(|_| wrong())?;
    let factor = match unit.trim() {
        "kg/kWh" | "t/MWh" => factor,
        "g/kWh" | "kg/MWh" => {
            let exponent = factor.exponent.checked_sub(3).ok_or_else(wrong)?;
            Decimal::new(factor.mantissa, exponent)
        }
        _ => return Err(wrong()),
    };
    if factor.mantissa < 0 { Err("must not be negative".to_string()) } else { Ok(factor) }
}

/// Whether the meters of a facility give a numerator and one denominator.
pub(super) fn check_boundary(document: &Document<'_>, facility: &Facility, meters: &[Meter]) {
    let place = facility.place;
    let roles = || {
        let claimed = meters.iter().filter(|meter| meter.facility.as_ref() == Some(&facility.name));
        claimed.filter_map(|meter| meter.role)
    };
    if !roles().any(|role| role.facility_sign() > 0) {
        let message = format!(
            "facility `{}` has no meter of what enters it (utility, generator, on-site-renewable): no PUE",
            facility.name
        );
        document.warning(place, message);
    }
    let levels: BTreeMap<u8, Role> =
        roles().filter_map(|role| role.it_category().map(|category| (category, role))).collect();
    match facility.it_energy {
        None if levels.is_empty() => {
            let message = format!(
                "facility `{}` has no IT energy meter (ups-output, pdu-output, it-input): no PUE",
                facility.name
            );
            document.warning(place, message);
        }
        None if levels.len() > 1 => {
            let words: Vec<&str> = levels.values().map(|role| role.word()).collect();
            let message = format!(
                "facility `{}` measures IT energy at several points ({}); say which counts: it_energy = \"{}\"",
                facility.name,
                words.join(", "),
                words[words.len() - 1]
            );
            document.error(place, message);
        }
        Some(role) if !levels.values().any(|level| *level == role) => {
            let message = format!(
                "no meter of facility `{}` has the role {role} of its `it_energy`: no PUE",
                facility.name
            );
            document.warning(place, message);
        }
        _ => {}
    }
}
