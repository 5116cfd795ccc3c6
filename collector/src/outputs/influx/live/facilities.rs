//! What each facility shows: its live figures, and how far they are behind.

use super::super::catalog;
use super::super::line::Lines;
use super::super::points::{figure_values, indicators};
use super::point::Point;
use crate::outputs::snapshot::Snapshot;
use crate::store::StoreError;
use crate::view::View;
use std::sync::Arc;
use wattledger_model::calendar::{Window, interval};
use wattledger_model::time::Minute;

/// Writes what each window comes to at the horizon.
pub(super) fn write_now(
    view: &mut View,
    facility: usize,
    horizon: Minute,
    lines: &mut Lines,
) -> Result<(), StoreError> {
    let topology = Arc::clone(view.topology());
    let of = &topology.facilities[facility];
    for indicator in indicators(of) {
        for window in Window::ALL {
            let Some(figure) = view.figure(facility, indicator, interval(*window, of.zone, horizon))? else {
                continue;
            };
            let tags = [of.name.as_str(), indicator.word(), of.site.as_str(), window.word()];
            let mut point = Point::new(&catalog::NOW, tags, horizon.start());
            for (field, value) in figure_values(&figure) {
                point = point.float(catalog::NOW.fields[field].name, value);
            }
            point.add_to(lines);
        }
    }
    Ok(())
}

/// Writes how far each facility's figures are behind.
pub(super) fn write_horizons(snapshot: &Snapshot, lines: &mut Lines) {
    for facility in &snapshot.facilities {
        let tags = [facility.name.as_str(), facility.site.as_str()];
        Point::new(&catalog::HORIZON, tags, snapshot.generated_at)
            .known("lag_s", facility.lag_s)
            .add_to(lines);
    }
}
