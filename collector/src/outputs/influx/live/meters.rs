//! Meters' health.

use super::super::catalog;
use super::super::line::Lines;
use super::point::Point;
use crate::outputs::snapshot::{MeterState, Snapshot};
use crate::topology::Topology;
use std::collections::HashSet;

/// Writes a point of each declared meter. Those that nobody declares have none, as in the ledger's
/// measurements: whoever may send could make up as many as they like.
pub(super) fn write(topology: &Topology, snapshot: &Snapshot, lines: &mut Lines) {
    let declared = topology.meters.values().map(|known| &known.declared.key);
    let declared: HashSet<(&str, &str)> =
        declared.map(|key| (key.site.as_str(), key.meter.as_str())).collect();
    for meter in &snapshot.meters {
        if !declared.contains(&(meter.site.as_str(), meter.meter.as_str())) {
            continue;
        }
        Point::new(&catalog::METER_STATE, [&meter.meter, &meter.site], snapshot.generated_at)
            .flag("live", meter.state == MeterState::Fresh)
            .known("age_s", meter.age_s)
            .float("coverage_24h", meter.coverage_24h)
            .count("resets", meter.resets)
            .count("pending", meter.pending)
            .count("duplicates", meter.duplicates)
            .count("conflicts", meter.conflicts)
            .count("refused", meter.refused)
            .add_to(lines);
    }
}
