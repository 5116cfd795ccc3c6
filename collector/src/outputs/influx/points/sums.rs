//! Facility sums: minutes, UTC hours and local days of its components.

use super::{HOUR_MS, LONGEST_DAY_MS, Numbering, Points, W_PER_UWH_A_MS, set};
use crate::indicators::Account;
use crate::indicators::figure::{ML_PER_LITRE, UWH_PER_KWH};
use crate::outputs::influx::catalog::{self, FieldSet, sum};
use crate::outputs::influx::line::{Fields, Series};
use crate::store::StoreError;
use crate::view::{Component, View};
use std::sync::Arc;
use wattledger_model::time::{Interval, MINUTE_MS};
use wattledger_model::unit::Quantity;

/// One component of a facility, with its series.
pub(super) struct ComponentPoints {
    component: Component,
    is_energy: bool,
    pub(super) minute: Arc<Series>,
    pub(super) hour: Arc<Series>,
    pub(super) day: Arc<Series>,
}

impl ComponentPoints {
    /// The components of the facility at a place of the topology.
    pub(super) fn of(at: usize, view: &View, numbering: &mut Numbering) -> Vec<ComponentPoints> {
        let facility = &view.topology().facilities[at];
        let (name, site) = (facility.name.to_string(), facility.site.to_string());
        let series = |component: Component| {
            let tags = || vec![component.word().to_owned(), name.clone(), site.clone()];
            let is_energy =
                !matches!(component, Component::Role(role) if role.quantity() != Quantity::Energy);
            let summed = set(&[if is_energy { sum::ENERGY } else { sum::VOLUME }, sum::COVERAGE]);
            let minute = if is_energy { summed | FieldSet::of(sum::POWER) } else { summed };
            ComponentPoints {
                component,
                is_energy,
                minute: numbering.add(Series::new(&catalog::COMPONENT, tags(), minute), MINUTE_MS),
                hour: numbering.add(Series::new(&catalog::ENERGY_HOUR, tags(), summed), HOUR_MS),
                day: numbering.add(Series::new(&catalog::ENERGY_DAY, tags(), summed), LONGEST_DAY_MS),
            }
        };
        view.components(at).into_iter().map(series).collect()
    }
}

/// Writes all components over an interval, each to the series that is chosen of it.
pub(super) fn write(
    of: (usize, &[ComponentPoints]),
    interval: Interval,
    may_repeat: bool,
    view: &mut View,
    points: &mut Points,
    series: impl Fn(&ComponentPoints) -> &Arc<Series>,
) -> Result<(), StoreError> {
    let (facility, components) = of;
    for of in components {
        let account = view.component(facility, of.component, interval)?;
        points.fields.clear();
        let series = series(of);
        sum_of(&account, interval, of.is_energy, series, &mut points.fields);
        points.finish(series, interval.from.start().0, may_repeat);
    }
    Ok(())
}

fn sum_of(account: &Account, interval: Interval, is_energy: bool, series: &Series, fields: &mut Fields) {
    let m = series.measurement;
    if account.minutes > 0 || account.all_numerator.iter().any(|amount| *amount != 0) {
        let amount = account.all_numerator.iter().sum::<i128>() as f64;
        if is_energy {
            fields.float(m, sum::ENERGY, amount / UWH_PER_KWH);
        } else {
            fields.float(m, sum::VOLUME, amount / ML_PER_LITRE);
        }
        if series.fields.has(sum::POWER) && account.minutes == 1 {
            fields.float(m, sum::POWER, amount * W_PER_UWH_A_MS / MINUTE_MS as f64);
        }
    }
    fields.float(m, sum::COVERAGE, account.minutes as f64 / interval.minutes() as f64);
}
