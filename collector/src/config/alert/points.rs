//! The meters that a condition names itself: whether they are there.

use super::Condition;
use super::read::Around;
use crate::config::facility::Facility;
use wattledger_model::document::{Placed, Table};
use wattledger_model::name::Name;

/// Reports meters that a condition names and the facility's site does not have, and that nobody says which site it is.
pub(super) fn check(
    table: &mut Table<'_>,
    condition: Option<&Condition>,
    facility: Option<&Facility>,
    around: &Around<'_, '_>,
) {
    let (key, named): (_, Vec<&Placed<Name>>) = match condition {
        Some(Condition::PhaseImbalance(phases)) => ("phases", phases.meters.iter().collect()),
        Some(Condition::Redundancy(feeds)) => ("feeds", feeds.meters().collect()),
        _ => return,
    };
    if !table.has("facility") {
        let message = format!("`facility` is missing: the meters of `{key}` are those of its site");
        table.document().missing(table.place(), message);
    }
    let Some(facility) = facility else { return };
    for meter in named.into_iter().filter(|meter| !(around.has_meter)(Some(&facility.site), &meter.value)) {
        let message = format!("there is no meter `{}` in site {}", meter.value, facility.site);
        table.document().missing(meter.place, message);
    }
}
