//! Alerts while they are raised. That they turned is told by [`super::turned`].

use super::super::catalog;
use super::super::line::Lines;
use super::point::Point;
use crate::outputs::snapshot::Snapshot;

/// Writes a point of each raised alert, at the end of the latest window that was judged: what clears it is
/// later, so that the last point always says how it stands.
pub(super) fn write_raised(snapshot: &Snapshot, lines: &mut Lines) {
    for alert in &snapshot.alerts {
        let Some(at) = alert.as_of else { continue };
        Point::new(&catalog::ALERT, [&alert.facility, &alert.rule, &alert.severity], at)
            .flag("raised", true)
            .float("value", alert.value)
            .float("limit", alert.limit)
            .float("coverage", alert.coverage)
            .add_to(lines);
    }
}
