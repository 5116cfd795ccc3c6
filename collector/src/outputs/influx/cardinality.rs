//! How many series a configuration can have in a database, measurement by measurement.
//!
//! Databases keep every series in memory or in an index; tags are declared names, so their number follows from the
//! configuration alone and not from what is measured.

use super::catalog::{self, Measurement};
use super::points::{FEWER, JUDGED, OF_ZONES, indicators, limits, nodes};
use crate::indicators::Indicator;
use crate::topology::outdoor::gauges;
use crate::topology::{Facility, Topology};
use wattledger_model::calendar::Window;

/// The most series of each measurement that derives from the ledger, and of the live figures. With M meters, and of each
/// facility c roles with a meter, i of PUE, WUE, CUE and carbon, z zones, t targets for PUE, n nodes of the tree and g
/// outdoor gauges:
///
/// | measurement | series |
/// | --- | --- |
/// | `wl_meter`, `wl_meter_day` | M each |
/// | `wl_component`, `wl_energy_hour`, `wl_energy_day` | Σ (2 + c) each |
/// | `wl_indicator` | Σ (12 i + 8 (25 − i)): other indicators in 8 windows, as far as there are meters or facts for them |
/// | `wl_zone` | Σ 6 z |
/// | `wl_target`; `wl_budget` | Σ 7 t; Σ t |
/// | `wl_balance`; `wl_weather` | Σ n; Σ g |
/// | `wl_now` | Σ 12 i |
pub fn most_series(topology: &Topology) -> Vec<(&'static Measurement, usize)> {
    let sum = |of: &dyn Fn(&Facility) -> usize| topology.facilities.iter().map(of).sum::<usize>();
    let meters = topology.meters.len();
    let components = sum(&|facility| 2 + facility.components.len());
    let figures = sum(&|facility| Window::ALL.len() * indicators(facility).len());
    // The partial PUE of zones has a measurement of its own.
    let others = sum(&|facility| FEWER.len() * (Indicator::ALL.len() - 1 - indicators(facility).len()));
    let targets = sum(&|facility| {
        facility.targets.iter().filter(|target| target.indicator == Indicator::Pue.word()).count()
    });
    vec![
        (&catalog::METER, meters),
        (&catalog::METER_DAY, meters),
        (&catalog::COMPONENT, components),
        (&catalog::ENERGY_HOUR, components),
        (&catalog::ENERGY_DAY, components),
        (&catalog::INDICATOR, figures + others),
        (&catalog::ZONE, sum(&|facility| OF_ZONES.len() * facility.zones.len())),
        (&catalog::TARGET, JUDGED.len() * targets),
        (&catalog::BUDGET, sum(&|facility| limits(facility).len())),
        (&catalog::BALANCE, sum(&|facility| nodes(topology, facility).len())),
        (&catalog::WEATHER, sum(&|facility| gauges(topology, facility).len())),
        (&catalog::NOW, figures),
    ]
}
