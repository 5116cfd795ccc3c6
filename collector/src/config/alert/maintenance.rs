//! Times in which work is done on the plant, and nothing is raised for what it touches.

use super::super::declared::Declared;
use super::super::facility::{Facility, Site};
use super::super::span;
use super::AlertRule;
use wattledger_model::calendar::Tz;
use wattledger_model::document::{self, Place, Table};
use wattledger_model::name::Name;
use wattledger_model::time::{Interval, Minute};

/// A time in which nothing is raised for what it names. What is raised already may clear in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// The facility.
    pub facility: Name,
    /// Only what is about these meters, or is made from them; empty for everything of the facility.
    pub meters: Vec<Name>,
    /// Only these rules; empty for all.
    pub rules: Vec<Name>,
    /// When.
    pub during: Interval,
    /// What is done, for people; may be empty.
    pub reason: String,
    /// Where it is declared.
    pub place: Place,
}

impl Maintenance {
    /// The share of the window of so many minutes up to `end` that lies inside, 0 to 1; 1 wherever its last minute does.
    pub fn share(&self, end: Minute, window_minutes: i64) -> f64 {
        if self.during.contains(Minute(end.0 - 1)) {
            return 1.0;
        }
        let inside = self.during.intersect(Interval::new(Minute(end.0 - window_minutes), end)).minutes();
        inside as f64 / window_minutes.max(1) as f64
    }
}

/// Reads the maintenance of a file and gives each rule what concerns it.
pub(in crate::config) fn read(
    tables: Vec<Table<'_>>,
    (sites, facilities): (&[Site], &[Facility]),
    (facility_names, rule_names): (&Declared<'_>, &Declared<'_>),
    has_meter: &dyn Fn(&Name, &Name) -> bool,
    rules: &mut [AlertRule],
) -> Vec<Maintenance> {
    let read = |mut table: Table<'_>| {
        let table = &mut table;
        let facility = table.required("facility", document::name);
        let meters = table.values("meters", document::name);
        let of_rules = table.values("rules", document::name);
        let written = span::Written::read(table);
        for key in ["from", "to"] {
            if !table.has(key) {
                table.document().missing(table.place(), format!("`{key}` is missing"));
            }
        }
        let reason = table.optional("reason", document::string);
        for rule in &of_rules {
            rule_names.refers(rule);
        }
        let facility = facility?;
        facility_names.refers(&facility);
        let known = facilities.iter().find(|known| known.name == facility.value)?;
        for meter in meters.iter().filter(|meter| !has_meter(&known.site, &meter.value)) {
            let message = format!("there is no meter `{}` in site {}", meter.value, known.site);
            table.document().missing(meter.place, message);
        }
        let zone = sites.iter().find(|site| site.name == known.site).map_or(Tz::UTC, |site| site.time_zone);
        let during = written.interval(table.document(), zone)?;
        Some(Maintenance {
            facility: facility.value,
            meters: meters.into_iter().map(|meter| meter.value).collect(),
            rules: of_rules.into_iter().map(|rule| rule.value).collect(),
            during,
            reason: reason.map(|reason| reason.value).unwrap_or_default(),
            place: table.place(),
        })
    };
    let all: Vec<Maintenance> = tables.into_iter().filter_map(read).collect();
    for rule in rules {
        let concerns = |one: &&Maintenance| {
            let of_facility = rule.facility.as_ref().is_none_or(|facility| *facility == one.facility);
            of_facility && (one.rules.is_empty() || one.rules.contains(&rule.name))
        };
        rule.maintenance = all.iter().filter(concerns).cloned().collect();
    }
    all
}
