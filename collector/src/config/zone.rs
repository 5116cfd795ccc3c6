//! Zones: parts of a facility with a partial PUE of their own. Source: domain.md 2.1.

use super::declared::Declared;
use super::{World, title};
use wattledger_model::document::{self, Place, Table};
use wattledger_model::name::Name;
use wattledger_model::role::Role;

/// A declared boundary inside a facility: zone total over zone IT energy is its pPUE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its name, unique in the configuration.
    pub name: Name,
    /// The facility it is in.
    pub facility: Name,
    /// Its name for people.
    pub title: String,
    /// The role whose claims give its IT energy; needed only where they have several such roles.
    pub it_energy: Option<Role>,
    /// Where it is declared.
    pub place: Place,
}

pub(super) fn read(
    table: &mut Table<'_>,
    facilities: &Declared<'_>,
    names: &mut Declared<'_>,
) -> Option<Zone> {
    let name = table.required("name", document::name);
    name.iter().for_each(|name| names.declare(name));
    let facility = table.required("facility", document::name);
    facility.iter().for_each(|facility| {
        facilities.refers(facility);
    });
    let title = title(table, name.as_deref());
    let it_energy = table.optional("it_energy", document::choice(super::facility::it_roles()));
    Some(Zone {
        name: name?.value,
        facility: facility?.value,
        title,
        it_energy: it_energy.map(|role| role.value),
        place: table.place(),
    })
}

impl World<'_, '_> {
    /// The clocks of a site; UTC where there is no such site, which has been reported.
    pub(super) fn clocks(&self, site: &Name) -> wattledger_model::calendar::Tz {
        let found = self.sites.iter().find(|other| other.name == *site);
        found.map_or(wattledger_model::calendar::Tz::UTC, |site| site.time_zone)
    }
}
