//! The collector itself, its outputs and channels, and what it refused.

use super::super::catalog;
use super::super::line::Lines;
use super::point::Point;
use crate::outputs::snapshot::{OutputState, Snapshot};
use wattledger_model::time::Timestamp;

/// Writes a point of the collector; `before` is when its last point was, and how many readings it had taken in.
pub(super) fn write(snapshot: &Snapshot, before: &mut Option<(Timestamp, u64)>, lines: &mut Lines) {
    let (work, at) = (&snapshot.work, snapshot.generated_at);
    let pace = before.replace((at, work.readings)).and_then(|(then, readings)| {
        let more = work.readings.checked_sub(readings)?;
        (at > then).then(|| more as f64 * 1_000.0 / (at.0 - then.0) as f64)
    });
    Point::new(&catalog::COLLECTOR, [&snapshot.collector], at)
        .count("uptime_s", snapshot.uptime_s)
        .count("readings", work.readings)
        .count("batches", work.batches)
        .count("commits", work.commits)
        .known("readings_per_s", pace)
        .known("lag_s", work.lag_s)
        .known("flush_s", work.flush_s)
        .count("change", work.change)
        .known("store_bytes", work.store_bytes.map(|bytes| bytes as f64))
        .known("memory_bytes", work.memory_bytes.map(|bytes| bytes as f64))
        .count("problems", work.problems)
        .add_to(lines);
}

/// Writes a point of each output.
pub(super) fn write_outputs(snapshot: &Snapshot, lines: &mut Lines) {
    for output in &snapshot.outputs {
        Point::new(&catalog::OUTPUT, [&snapshot.collector, &output.name], snapshot.generated_at)
            .flag("ok", output.state == OutputState::Ok)
            .count("behind", output.head.saturating_sub(output.cursor))
            .count("points", output.points)
            .count("refused_points", output.refused_points)
            .add_to(lines);
    }
}

/// Writes a point of each channel of alerts.
pub(super) fn write_channels(snapshot: &Snapshot, lines: &mut Lines) {
    for channel in &snapshot.channels {
        Point::new(&catalog::CHANNEL, [&channel.name, &snapshot.collector], snapshot.generated_at)
            .flag("ok", channel.state != OutputState::Down)
            .count("delivered", channel.delivered)
            .count("failed", channel.failed)
            .count("given_up", channel.given_up)
            .add_to(lines);
    }
}

/// Writes a point of each cause for which something was refused.
pub(super) fn write_quarantine(snapshot: &Snapshot, lines: &mut Lines) {
    for refused in &snapshot.quarantine {
        Point::new(&catalog::QUARANTINE, [&refused.cause], snapshot.generated_at)
            .count("count", refused.count)
            .count("held", refused.held)
            .add_to(lines);
    }
}
