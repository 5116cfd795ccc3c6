//! The gauges that tell a facility's weather.

use super::{Facility, Topology};
use crate::store::MeterId;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, Minute};

/// An outdoor gauge of a facility.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gauge {
    /// Its number.
    pub(crate) meter: MeterId,
    /// When it tells the facility's weather.
    pub(crate) during: Vec<Interval>,
}

impl Gauge {
    /// Whether it tells the facility's weather in a minute.
    pub(crate) fn tells(&self, minute: Minute) -> bool {
        self.during.iter().any(|during| during.contains(minute))
    }
}

/// The outdoor gauges of a facility, by their numbers.
pub(crate) fn gauges(topology: &Topology, facility: &Facility) -> Vec<Gauge> {
    let of = |meter: &MeterId| {
        let claims = topology.meters.get(meter).into_iter().flat_map(|known| &known.declared.claims);
        let claims =
            claims.filter(|claim| claim.role == Role::Outdoor && claim.is_of_facility(&facility.name));
        let during: Vec<Interval> = claims.map(|claim| claim.during).collect();
        (!during.is_empty()).then_some(Gauge { meter: *meter, during })
    };
    let mut gauges: Vec<Gauge> = topology.meters.keys().filter_map(of).collect();
    gauges.sort();
    gauges
}
