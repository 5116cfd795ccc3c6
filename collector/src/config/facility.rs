//! Sites and facilities.

use super::carbon::{self, Carbon, Hourly, Market};
use super::certificate::{self, Certificate};
use super::declared::Declared;
use super::facts::{self, Facts};
use super::non_electric::{self, Factors};
use super::register::{self, Register};
use super::title;
use crate::indicators::Indicator;
use chrono::NaiveDate;
use wattledger_model::applicability::{Subject, applies};
use wattledger_model::calendar::Tz;
use wattledger_model::document::{self, Place, Table};
use wattledger_model::facility::{Attributes, Scale};
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::target::{Target, TargetKind, TargetTable};
use wattledger_model::time::Timestamp;

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
    /// What it is held against. Where the file does not say, D130, and D125 in hub nodes and cold regions.
    pub targets: Vec<Target>,
    /// Its location-based factors by year; `None` for none.
    pub carbon: Option<Carbon>,
    /// Its location-based factors by the hour, where it has any.
    pub hourly: Option<Hourly>,
    /// Its market-based factors.
    pub market: Market,
    /// How what is not electricity counts.
    pub factors: Factors,
    /// What decides which targets apply.
    pub attributes: Attributes,
    /// What is known without a meter, in the order of time; at least one.
    pub facts: Vec<Facts>,
    /// Certificates and contracts.
    pub certificates: Vec<Certificate>,
    /// What forms ask for beside.
    pub register: Register,
    /// Where it is declared.
    pub place: Place,
}

impl Facility {
    /// What is known of it without a meter at an instant.
    pub fn facts_at(&self, at: Timestamp) -> Option<&Facts> {
        self.facts.iter().rev().find(|facts| facts.from <= at)
    }
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
    declared: &[Site],
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
    let home = site.as_ref().and_then(|site| declared.iter().find(|other| other.name == site.value));
    let zone = home.map_or(Tz::UTC, |home| home.time_zone);
    let attributes = facts::read_attributes(table);
    let carbon = carbon::read(table);
    let hourly = carbon::read_hourly(table);
    carbon::check_hourly(table, hourly.as_ref());
    let market = carbon::read_market(table, carbon.as_ref());
    let factors = non_electric::read(table);
    let facts = facts::read_facts(table, zone);
    let targets = read_targets(table, &attributes, facts.last().and_then(Facts::scale));
    let region = carbon.as_ref().and_then(Carbon::region);
    let certificates = certificate::read(table.tables("certificate"), zone, region);
    let register = register::read(&mut table.table("register"));
    Some(Facility {
        name: name?.value,
        site: site?.value,
        title,
        it_energy: it_energy.map(|role| role.value),
        targets,
        carbon,
        hourly,
        market,
        factors,
        attributes,
        facts,
        certificates,
        register,
        place: table.place(),
    })
}

/// The roles that measure IT energy, by their words.
pub(super) fn it_roles() -> impl Iterator<Item = (&'static str, Role)> {
    Role::ALL.iter().filter(|role| role.it_category().is_some()).map(|role| (role.word(), *role))
}

/// The named targets; without any, those that apply to the facility, are for single facilities and hold now.
fn read_targets(table: &mut Table<'_>, attributes: &Attributes, scale: Option<Scale>) -> Vec<Target> {
    if !table.has("targets") {
        return selected(attributes, scale);
    }
    let mut targets: Vec<Target> = Vec::new();
    for id in table.values("targets", document::string) {
        match TargetTable::find(&id) {
            Some((_, target)) if targets.contains(target) => {
                table.document().error(id.place, format!("target `{}` is named twice", id.value));
            }
            Some((_, target)) => targets.push(target.clone()),
            None => table.document().dangling(id.place, "target", &id, TargetTable::ids()),
        }
    }
    targets
}

/// The targets for the PUE of a single facility that surely apply and never expire. What has a last date must be named:
/// what a facility is held against would change by the clock.
fn selected(attributes: &Attributes, scale: Option<Scale>) -> Vec<Target> {
    let subject = Subject { attributes, scale, on: NaiveDate::MAX };
    let is_for_it = |target: &&Target| {
        target.kind == TargetKind::Facility
            && target.indicator == Indicator::Pue.word()
            && target.until.is_none()
            && applies(target, subject).is_certain()
    };
    TargetTable::embedded().iter().flat_map(|table| &table.targets).filter(is_for_it).cloned().collect()
}
