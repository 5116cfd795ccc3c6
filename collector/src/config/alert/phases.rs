//! The phases of a UPS that a rule compares.

use wattledger_model::document::{self, Placed, Table};
use wattledger_model::name::Name;

/// The meters, real or virtual, of the power of each phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases {
    /// In the order of the file; at least two, each once.
    pub meters: Vec<Placed<Name>>,
}

/// `phases`; what is wrong with it has been reported.
pub(super) fn read(table: &mut Table<'_>) -> Option<Phases> {
    if !table.has("phases") {
        let message = "`phases` is missing: the meters of each phase's power, such as [\"ups-1-l1\", \"ups-1-l2\", \
                       \"ups-1-l3\"]";
        table.document().missing(table.place(), message);
        return None;
    }
    let meters = table.values("phases", document::name);
    for (at, meter) in meters.iter().enumerate() {
        if meters[..at].iter().any(|other| other.value == meter.value) {
            table.document().error(meter.place, format!("meter `{}` is named twice", meter.value));
            return None;
        }
    }
    if meters.len() < 2 {
        table.document().error(table.place(), "`phases` names at least two meters: they are compared");
        return None;
    }
    Some(Phases { meters })
}
