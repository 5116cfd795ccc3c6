//! Turns of alerts: a point of `wl_alert` and an event each.

use super::super::catalog;
use super::super::cursor::Told;
use super::super::line::Lines;
use super::event::{COLLECTOR, Event, Place};
use super::point::Point;
use crate::outputs::turns::{self, Kept, Turned};
use crate::topology::Topology;
use rusqlite::Connection;
use wattledger_model::time::Timestamp;

/// Turns that one round writes at most.
const MOST: usize = 500;

/// Writes turns from the last one that was told on; gives whether there are more.
pub(super) fn write(
    connection: &Connection,
    topology: &Topology,
    told: &mut Told,
    lines: &mut Lines,
) -> rusqlite::Result<bool> {
    let kept = turns::after(connection, told.turn, MOST)?;
    let let_go = turns::let_go(connection, told.turn)?;
    if let_go > 0 && told.turn > 0 {
        tracing::warn!(
            turns = let_go,
            "turns of alerts were let go before they were written to the database"
        );
    }
    for Kept { number, apart, turned } in &kept {
        match turned {
            Some(turned) => add(turned, *apart, topology, lines),
            None => tracing::warn!(turn = number, "a turn of an alert cannot be read and is left out"),
        }
        told.turn = *number;
    }
    Ok(kept.len() == MOST)
}

fn add(turned: &Turned, apart: Timestamp, topology: &Topology, lines: &mut Lines) {
    // An alert that was raised under another severity ends there too.
    let severities = [Some(turned.severity.as_str()), turned.raised_as.as_deref()];
    for severity in severities.into_iter().flatten() {
        Point::new(&catalog::ALERT, [&turned.facility, &turned.rule, severity], Timestamp(turned.at_ms))
            .flag("raised", turned.is_raised)
            .float("value", turned.value)
            .float("limit", turned.limit)
            .float("coverage", turned.coverage)
            .add_to(lines);
    }
    let (kind, word) =
        if turned.is_raised { ("alert-raised", "raised") } else { ("alert-cleared", "cleared") };
    let event = Event {
        kind,
        at: apart,
        place: Place::of_facility(topology, &turned.facility),
        title: format!("{} alert {} {word}", turned.severity, turned.rule),
        text: turned.reason.clone(),
        who: COLLECTOR,
    };
    event.add_to(lines);
}
