//! One event: a point of `wl_event`, for annotations; and where things happen.

use super::super::catalog;
use super::super::line::Lines;
use super::point::Point;
use crate::store::MeterId;
use crate::topology::{KnownMeter, Topology};
use std::collections::{BTreeSet, HashMap};
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// The tag of an event that has no facility, or no site.
const NONE: &str = "-";

/// Told as who did it, where nobody asked for it.
pub(super) const COLLECTOR: &str = "collector";

/// Something that happened.
pub(super) struct Event<'e> {
    pub(super) kind: &'static str,
    pub(super) at: Timestamp,
    pub(super) place: Place<'e>,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) who: &'e str,
}

impl Event<'_> {
    pub(super) fn add_to(&self, lines: &mut Lines) {
        Point::new(&catalog::EVENT, [self.place.facility, self.kind, self.place.site], self.at)
            .text("title", &self.title)
            .text("text", &self.text)
            .text("who", self.who)
            .add_to(lines);
    }
}

/// Where something happened, as tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'e> {
    pub(super) facility: &'e str,
    pub(super) site: &'e str,
}

impl<'e> Place<'e> {
    /// The collector as a whole.
    pub(super) const ALL: Place<'static> = Place { facility: NONE, site: NONE };

    /// A facility; of one that is not there any more the site is not known.
    pub(super) fn of_facility(topology: &'e Topology, facility: &'e str) -> Place<'e> {
        let known = topology.facilities.iter().find(|known| known.name.as_str() == facility);
        Place { facility, site: known.map_or(NONE, |known| known.site.as_str()) }
    }

    /// A declared meter.
    pub(super) fn of_meter(known: &'e KnownMeter) -> Place<'e> {
        let facility = known.declared.facility.as_ref();
        Place {
            facility: facility.map_or(NONE, |facility| facility.as_str()),
            site: known.declared.key.site.as_str(),
        }
    }

    /// What several places have in common.
    fn common(places: &[Place<'e>]) -> Place<'e> {
        let only = |part: fn(&Place<'e>) -> &'e str| {
            let parts: BTreeSet<&str> = places.iter().map(part).collect();
            if parts.len() == 1 { parts.first().copied().unwrap_or(NONE) } else { NONE }
        };
        Place { facility: only(|place| place.facility), site: only(|place| place.site) }
    }
}

/// Declared meters by the text of their key, `site/meter`.
pub(super) struct ByKey<'t>(HashMap<String, &'t KnownMeter>);

impl<'t> ByKey<'t> {
    pub(super) fn new(topology: &'t Topology) -> ByKey<'t> {
        ByKey(topology.meters.values().map(|known| (known.declared.key.to_string(), known)).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t KnownMeter> {
        self.0.get(key).copied()
    }

    /// Where these meters are; those that nobody declares have a site alone.
    pub(super) fn place<'e>(&self, keys: impl IntoIterator<Item = &'e str>) -> Place<'e>
    where
        't: 'e,
    {
        let place = |key: &'e str| match self.get(key) {
            Some(known) => Place::of_meter(known),
            None => Place { facility: NONE, site: key.split_once('/').map_or(NONE, |(site, _)| site) },
        };
        Place::common(&keys.into_iter().map(place).collect::<Vec<_>>())
    }
}

/// When an exchange is told: later by as many milliseconds as the meter's number, so that those of several meters
/// at one instant stand side by side, and the same exchange, declared or entered, is one event.
pub(super) fn exchange_told_at(at: Timestamp, meter: MeterId) -> Timestamp {
    Timestamp(at.0.saturating_add(meter.rem_euclid(MINUTE_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_several_places_is_told_of_what_they_have_in_common() {
        let place = |facility, site| Place { facility, site };
        let [one, other, far] = [place("a", "north"), place("b", "north"), place("c", "south")];
        assert_eq!(Place::common(&[one, one]), one);
        assert_eq!(Place::common(&[one, other]), place("-", "north"));
        assert_eq!(Place::common(&[one, other, far]), Place::ALL);
        assert_eq!(Place::common(&[]), Place::ALL);
    }
}
