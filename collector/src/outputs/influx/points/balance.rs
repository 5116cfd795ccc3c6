//! Local days of the nodes of the tree of meters. Source: domain.md 7.1.

use super::{LONGEST_DAY_MS, Numbering, Points, all_fields};
use crate::indicators::figure::UWH_PER_KWH;
use crate::outputs::influx::catalog::{self, FieldSet, balance};
use crate::outputs::influx::line::Series;
use crate::store::StoreError;
use crate::view::{View, nodes};
use std::sync::Arc;
use wattledger_model::time::Interval;

/// The series of one node.
pub(super) struct BalancePoints {
    node: usize,
    series: Arc<Series>,
}

impl BalancePoints {
    pub(super) fn of(at: usize, view: &View, numbering: &mut Numbering) -> Vec<BalancePoints> {
        let topology = view.topology();
        let facility = &topology.facilities[at];
        let series = |node: usize| {
            let declared = &topology.balances[node];
            let tags = vec![facility.name.to_string(), declared.name(), facility.site.to_string()];
            let mut fields = all_fields(&catalog::BALANCE);
            if !view.says_how_exact(declared.residual().into_iter()) {
                fields = fields.without(FieldSet::of(balance::ALLOWED));
            }
            let mut series = Series::new(&catalog::BALANCE, tags, fields);
            series.once = FieldSet::of(balance::ALLOWED);
            BalancePoints { node, series: numbering.add(series, LONGEST_DAY_MS) }
        };
        nodes(topology, facility).into_iter().map(series).collect()
    }

    pub(super) fn write(
        &self,
        day: Interval,
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let sums = view.node(self.node, day)?;
        let (m, fields) = (&catalog::BALANCE, &mut points.fields);
        fields.clear();
        if sums.account.minutes > 0 {
            let kwh = |uwh: i128| uwh as f64 / UWH_PER_KWH;
            let (above, below) = (sums.account.numerator, sums.account.denominator);
            fields.float(m, balance::PARENT, kwh(above));
            fields.float(m, balance::CHILDREN, kwh(below));
            fields.float(m, balance::RESIDUAL, kwh(above - below));
            if let Some(allowed) = sums.allowed {
                fields.float(m, balance::ALLOWED, allowed / UWH_PER_KWH);
            }
        }
        fields.float(m, balance::COVERAGE, sums.account.minutes as f64 / day.minutes() as f64);
        points.finish(&self.series, day.from.start().0, may_repeat);
        Ok(())
    }
}
