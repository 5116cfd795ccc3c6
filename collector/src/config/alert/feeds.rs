//! The feeds of which the others have to carry the load of one that fails.

use crate::config::rating;
use wattledger_model::document::{self, Placed, Table, Value};
use wattledger_model::meter::Kind;
use wattledger_model::name::Name;

/// Feeds that stand in for each other, and what one of them can carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Feeds {
    /// Each with the meters, real or virtual, that add up to its power; at least two.
    pub feeds: Vec<Vec<Placed<Name>>>,
    /// What one feed can carry, W; above zero.
    pub capacity_w: f64,
}

impl Feeds {
    /// Every meter that is named.
    pub fn meters(&self) -> impl Iterator<Item = &Placed<Name>> {
        self.feeds.iter().flatten()
    }
}

/// `feeds` and `capacity`; what is wrong with them has been reported.
pub(super) fn read(table: &mut Table<'_>) -> Option<Feeds> {
    if !table.has("feeds") {
        let message = "`feeds` is missing: the meters of each feed, such as [\"feed-a\", \"feed-b\"]";
        table.document().missing(table.place(), message);
    }
    let written = table.values("feeds", names);
    let feeds: Vec<Vec<Placed<Name>>> = written
        .into_iter()
        .map(|feed| {
            let place = feed.place;
            feed.value.into_iter().map(|value| Placed { value, place }).collect()
        })
        .collect();
    let capacity = table.required("capacity", document::measure);
    let all: Vec<&Placed<Name>> = feeds.iter().flatten().collect();
    for (at, meter) in all.iter().enumerate() {
        if all[..at].iter().any(|other| other.value == meter.value) {
            table.document().error(meter.place, format!("meter `{}` is named twice", meter.value));
            return None;
        }
    }
    if table.has("feeds") && feeds.len() < 2 {
        table
            .document()
            .error(table.place(), "`feeds` names at least two feeds: one stands in for the other");
        return None;
    }
    let capacity = capacity?;
    let microwatts = rating::base_per_hour(capacity.value).filter(|microwatts| *microwatts > 0);
    let (Kind::Power, Some(microwatts)) = (capacity.unit.kind(), microwatts) else {
        let message =
            format!("`capacity` is what one feed can carry, such as \"400 kW\", not {}", capacity.value);
        table.document().error(capacity.place, message);
        return None;
    };
    (feeds.len() >= 2).then_some(Feeds { feeds, capacity_w: microwatts as f64 / 1e6 })
}

/// One meter, or a list of those that add up.
fn names(value: &Value<'_>) -> Result<Vec<Name>, String> {
    if value.as_str().is_some() {
        return document::name(value).map(|name| vec![name]);
    }
    match document::list(document::name)(value)? {
        names if names.is_empty() => Err("a feed has at least one meter".to_owned()),
        names => Ok(names),
    }
}
