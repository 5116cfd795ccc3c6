//! Exchanges of instruments that the configuration declares.

use super::super::line::Lines;
use super::event::{COLLECTOR, Event, Place, exchange_told_at};
use crate::config::Sitting;
use crate::topology::Topology;
use wattledger_model::time::Timestamp;

/// Writes the exchanges after one instant, or since ever, up to another.
pub(super) fn write(topology: &Topology, after: Option<Timestamp>, until: Timestamp, lines: &mut Lines) {
    for (id, known) in &topology.meters {
        for pair in known.declared.instruments.windows(2) {
            let [before, next] = pair else { continue };
            let at = next.instrument.from;
            if !next.is_exchange || at > until || after.is_some_and(|after| at <= after) {
                continue;
            }
            let event = Event {
                kind: "exchange",
                at: exchange_told_at(at, *id),
                place: Place::of_meter(known),
                title: title(&known.declared.key.to_string()),
                text: told(before, next),
                who: COLLECTOR,
            };
            event.add_to(lines);
        }
    }
}

/// What an exchange is called, declared or entered.
pub(super) fn title(meter: &str) -> String {
    format!("instrument of {meter} exchanged")
}

fn told(before: &Sitting, next: &Sitting) -> String {
    let serial =
        |sitting: &Sitting| sitting.instrument.serial.clone().unwrap_or_else(|| "unnamed".to_owned());
    let mut text = format!("{} to {}", serial(before), serial(next));
    if let Some(last) = before.last {
        text.push_str(&format!("; last {last}"));
    }
    if let Some(first) = next.first {
        text.push_str(&format!("; first {first}"));
    }
    text
}
