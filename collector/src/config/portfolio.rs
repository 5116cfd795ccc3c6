//! Portfolios: facilities that are reported together.

use super::declared::Declared;
use super::title;
use wattledger_model::document::{self, Place, Table};
use wattledger_model::name::Name;

/// The name that means every facility, whatever is declared.
pub const ALL: &str = "all";

/// Facilities that are reported together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portfolio {
    /// Its name.
    pub name: Name,
    /// Its name for people.
    pub title: String,
    /// Its facilities, in the order in which they are listed.
    pub facilities: Vec<Name>,
    /// Where it is declared.
    pub place: Place,
}

pub(super) fn read(
    table: &mut Table<'_>,
    facilities: &Declared<'_>,
    names: &mut Declared<'_>,
) -> Option<Portfolio> {
    let name = table.required("name", document::name);
    if let Some(name) = &name {
        names.declare(name);
        if name.value.as_str() == ALL {
            table.document().error(name.place, "`all` is every facility already: give it another name");
        }
    }
    let title = title(table, name.as_deref());
    let written = table.values("facilities", document::name);
    if written.is_empty() && !table.has("facilities") {
        table.document().missing(table.place(), "`facilities` is missing: name those that belong to it");
    } else if written.is_empty() {
        table.document().error(table.place(), "a portfolio has one facility at least");
    }
    let mut members: Vec<Name> = Vec::with_capacity(written.len());
    for facility in written {
        facilities.refers(&facility);
        if members.contains(&facility.value) {
            let message = format!("facility `{}` is named twice: it would count twice", facility.value);
            table.document().error(facility.place, message);
        }
        members.push(facility.value);
    }
    Some(Portfolio { name: name?.value, title, facilities: members, place: table.place() })
}
