//! What forms need beside a report: sums of roles, certificates, coal equivalent, and what is declared.

use super::super::content::Report;
use super::form::year_of;
use crate::config::{Claim, CoalConvention, CollectorConfig, Facts, Method, Register, RegisterYear, Virtual};
use crate::indicators::renewable::{Renewable, renewable};
use crate::indicators::{Account, Figure, Indicator, Known};
use crate::ledger::interpret::DEFAULT_INTERVAL_MS;
use crate::store::StoreError;
use crate::view::{Component, View};
use std::collections::BTreeMap;
use wattledger_model::calendar::{Period, Tz};
use wattledger_model::facility::Attributes;
use wattledger_model::instrument::Instrument;
use wattledger_model::meter::Kind;
use wattledger_model::role::Role;
use wattledger_model::target::Target;
use wattledger_model::time::Interval;

/// A sum of the ledger, whatever its provenance, with how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sum {
    /// µWh or mL.
    pub(super) base: i128,
    pub(super) known: Known,
}

impl Sum {
    fn of(interval: Interval, account: &Account) -> Sum {
        Sum { base: account.all_numerator.iter().sum(), known: Known::of(interval, account) }
    }

    /// Whether nothing is known of it at all: then it is no zero.
    pub(super) fn is_unknown(&self) -> bool {
        self.base == 0 && self.known.coverage == 0.0
    }
}

/// A meter of the boundary with the instrument that sat there last in the period.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MeasuringPoint {
    pub(super) meter: String,
    pub(super) title: String,
    /// What it stands for in the period, by itself or in a virtual meter.
    pub(super) roles: Vec<Role>,
    /// The virtual meters by which it does.
    pub(super) sums: Vec<InSum>,
    pub(super) kind: Kind,
    pub(super) unit: Option<&'static str>,
    pub(super) nominal_interval_ms: i64,
    pub(super) instrument: Option<Instrument>,
}

/// A virtual meter in which a real one stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InSum {
    /// Its name for people.
    pub(super) title: String,
    /// Whether the real one is taken off in it.
    pub(super) is_off: bool,
}

/// What forms need beside a report, of the same state of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    pub(super) zone: Tz,
    /// The time that the figures are over.
    pub(super) interval: Interval,
    /// The calendar year that the period is, even if it is not over.
    pub(super) year: Option<i32>,
    pub(super) category: Option<u8>,
    pub(super) measuring_point: Option<Role>,
    pub(super) facility: Sum,
    pub(super) it: Sum,
    pub(super) roles: BTreeMap<Role, Sum>,
    /// `None` where no certificate or contract is declared.
    pub(super) renewable: Option<Renewable>,
    pub(super) carbon_location: Option<Figure>,
    pub(super) carbon_market: Option<Figure>,
    pub(super) rack_utilisation: Option<Figure>,
    /// Whether gauges count racks in use.
    pub(super) gauges_racks: bool,
    pub(super) coal: Option<Figure>,
    pub(super) convention: CoalConvention,
    pub(super) method: Method,
    /// Whether anything but electricity enters the facility's energy.
    pub(super) converts: bool,
    pub(super) facts: Option<Facts>,
    pub(super) attributes: Attributes,
    pub(super) register: Register,
    pub(super) targets: Vec<Target>,
    pub(super) points: Vec<MeasuringPoint>,
}

impl Beside {
    /// What is declared of the calendar year that the period is.
    pub(super) fn of_year(&self) -> Option<&RegisterYear> {
        self.register.years.iter().find(|of| Some(of.year) == self.year)
    }

    /// IT energy as EU 2024/1364 asks for it: at the UPS output, or else at the declared point. Source: domain.md 3.
    pub(super) fn it_at_ups(&self) -> Option<(Role, Sum)> {
        let at_ups = self.roles.get(&Role::UpsOutput).map(|sum| (Role::UpsOutput, *sum));
        at_ups.or_else(|| Some((self.measuring_point?, self.it)))
    }

    /// All water that enters; where only drinking water is metered, that is all of it.
    pub(super) fn water(&self) -> Option<Sum> {
        self.roles.get(&Role::Water).or_else(|| self.roles.get(&Role::PotableWater)).copied()
    }
}

/// Gathers it. The view is in the round in which the report was made.
pub(super) fn gather(
    view: &mut View,
    at: usize,
    period: &Period,
    report: &Report,
    config: &CollectorConfig,
) -> Result<Beside, StoreError> {
    let topology = view.topology().clone();
    let facility = &topology.facilities[at];
    let interval = Interval::new(report.period.from.minute(), report.period.to.minute());
    let mut roles = BTreeMap::new();
    for component in view.components(at) {
        if let Component::Role(role) = component {
            roles.insert(role, Sum::of(interval, &view.component(at, component, interval)?));
        }
    }
    let total = Sum::of(interval, &view.component(at, Component::Total, interval)?);
    let it = Sum::of(interval, &view.component(at, Component::It, interval)?);
    let renewable = if facility.certificates.is_empty() || total.is_unknown() {
        None
    } else {
        Some(renewable(total.base, interval, &view.claims(at, interval)?))
    };
    let mut figure = |indicator| view.figure(at, indicator, interval);
    let (carbon_location, carbon_market) = (figure(Indicator::Carbon)?, figure(Indicator::CarbonMarket)?);
    let (rack_utilisation, coal) = (figure(Indicator::RackUtilisation)?, figure(Indicator::CoalEquivalent)?);
    let declared = config.facility(&facility.name);
    Ok(Beside {
        zone: facility.zone,
        interval,
        year: year_of(period, facility.zone),
        category: facility.category,
        measuring_point: Role::ALL
            .iter()
            .copied()
            .find(|role| facility.category.is_some() && role.it_category() == facility.category),
        facility: total,
        it,
        roles,
        renewable,
        carbon_location,
        carbon_market,
        rack_utilisation,
        gauges_racks: !facility.racks_in_use.is_empty(),
        coal,
        convention: facility.factors.coal,
        method: facility.factors.method,
        converts: !facility.conversions.is_empty(),
        facts: view.facts(at, interval),
        attributes: facility.attributes,
        register: declared.map(|declared| declared.register.clone()).unwrap_or_default(),
        targets: facility.targets.clone(),
        points: points(config, facility, interval),
    })
}

/// The real meters that stand for anything of a facility in an interval: what a virtual meter adds up is measured by them.
fn points(
    config: &CollectorConfig,
    facility: &crate::topology::Facility,
    interval: Interval,
) -> Vec<MeasuringPoint> {
    let roles_of = |claims: &[Claim]| -> Vec<Role> {
        let held = claims.iter().filter(|claim| {
            claim.is_of_facility(&facility.name) && !claim.during.intersect(interval).is_empty()
        });
        held.map(|claim| claim.role).collect()
    };
    let virtuals: Vec<(&Virtual, Vec<Role>)> =
        config.virtuals.iter().map(|one| (one, roles_of(&one.claims))).collect();
    let mut points: Vec<MeasuringPoint> = Vec::new();
    for meter in &config.meters {
        let mut roles = roles_of(&meter.claims);
        let mut sums = Vec::new();
        for (one, of_sum) in virtuals.iter().filter(|(_, roles)| !roles.is_empty()) {
            let part = one.parts.iter().find(|part| part.meter == meter.key && part.millionths != 0);
            if let Some(part) = part {
                roles.extend(of_sum);
                sums.push(InSum { title: one.title.clone(), is_off: part.millionths < 0 });
            }
        }
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            continue;
        }
        let sat = |sitting: &&crate::config::Sitting| sitting.instrument.from < interval.to.start();
        points.push(MeasuringPoint {
            meter: meter.key.meter.to_string(),
            title: meter.title.clone(),
            roles,
            sums,
            kind: meter.kind,
            unit: meter.unit.map(|unit| unit.symbol()),
            nominal_interval_ms: meter.nominal_interval_ms.unwrap_or(DEFAULT_INTERVAL_MS),
            instrument: meter.instruments.iter().rev().find(sat).map(|sitting| sitting.instrument.clone()),
        });
    }
    points.sort_by(|a, b| (&a.roles, &a.meter).cmp(&(&b.roles, &b.meter)));
    points
}
