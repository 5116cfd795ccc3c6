//! Claims: what a meter, or a virtual one, means for a facility or a zone, how much of it, and when.

use super::World;
use super::span::Written;
use crate::indicators::account::MILLIONTHS;
use wattledger_model::calendar::Tz;
use wattledger_model::carrier::Fraction;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Document, Place, Placed, Table};
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::time::Interval;

/// What a meter means for one facility, or for one zone of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The facility; that of the zone, where it is for a zone.
    pub facility: Name,
    /// The zone, where it is for one.
    pub zone: Option<Name>,
    /// What the meter means there.
    pub role: Role,
    /// How much of what the meter measures, in millionths: above zero, at most all.
    pub millionths: i64,
    /// When.
    pub during: Interval,
    /// Where it is declared.
    pub place: Place,
}

impl Claim {
    /// Whether it is for the facility itself, not for one of its zones.
    pub fn is_of_facility(&self, facility: &Name) -> bool {
        self.zone.is_none() && self.facility == *facility
    }

    /// What it is for, in words: `facility f` or `zone z`.
    pub fn boundary(&self) -> String {
        match &self.zone {
            Some(zone) => format!("zone `{zone}`"),
            None => format!("facility `{}`", self.facility),
        }
    }
}

/// A claim as it was written, before the site is known.
pub(super) struct Draft {
    facility: Option<Placed<Name>>,
    zone: Option<Placed<Name>>,
    pub(super) role: Option<Placed<Role>>,
    millionths: Option<i64>,
    during: Written,
    /// Whether the facility is that of the meter itself, which is checked there.
    inherits: bool,
    place: Place,
}

/// The claims of one meter as they were written.
pub(super) struct Drafts {
    pub(super) facility: Option<Placed<Name>>,
    pub(super) all: Vec<Draft>,
    /// Whether each could be read.
    whole: bool,
}

fn role(table: &mut Table<'_>) -> Option<Placed<Role>> {
    table.optional("role", document::choice(Role::ALL.iter().map(|role| (role.word(), *role))))
}

/// `facility` and `role` of the table itself, and its `claim` tables.
pub(super) fn read(table: &mut Table<'_>) -> Drafts {
    let facility = table.optional("facility", document::name);
    let own_role = role(table);
    let mut whole = table.has("facility") == facility.is_some() && table.has("role") == own_role.is_some();
    let mut all = Vec::new();
    let claims = table.tables("claim");
    if let (None, Some(role)) = (&facility, &own_role) {
        let message = format!("a role needs the `facility` in which the meter is {}", role.value);
        table.document().error(role.place, message);
        whole = false;
    } else if own_role.is_some() {
        let during = Written::ALWAYS;
        all.push(Draft {
            facility: facility.clone(),
            zone: None,
            role: own_role,
            millionths: Some(MILLIONTHS),
            during,
            inherits: true,
            place: table.place(),
        });
    }
    all.extend(claims.into_iter().map(|mut claim| read_claim(&mut claim, facility.as_ref())));
    whole &= all.iter().all(|draft| draft.role.is_some() && draft.millionths.is_some());
    Drafts { facility, all, whole }
}

fn read_claim(table: &mut Table<'_>, home: Option<&Placed<Name>>) -> Draft {
    let facility = table.optional("facility", document::name);
    let zone = table.optional("zone", document::name);
    let has_place = table.has("facility") || table.has("zone") || home.is_some();
    if !has_place {
        table.document().missing(table.place(), "`facility` or `zone` is missing: for whom is the claim?");
    }
    if let (Some(_), Some(zone)) = (&facility, &zone) {
        table
            .document()
            .error(zone.place, "a claim is for a `facility` or for a `zone`; a zone tells its facility");
    }
    let role = role(table);
    if !table.has("role") {
        table.document().missing(table.place(), "`role` is missing: what does the meter mean there?");
    }
    let share = table.optional("share", share);
    let millionths = if table.has("share") { share.map(|share| share.value) } else { Some(MILLIONTHS) };
    let during = Written::read(table);
    let inherits = !table.has("facility") && zone.is_none();
    let facility = facility.or_else(|| home.cloned().filter(|_| inherits));
    Draft { facility, zone, role, millionths, during, inherits, place: table.place() }
}

/// A share above zero, at most 1, exact in millionths: `"0.6"`.
fn share(value: &document::Value<'_>) -> Result<i64, String> {
    let share = document::decimal(value)?;
    let millionths = millionths(share)?;
    match millionths {
        1..=MILLIONTHS => Ok(millionths),
        _ => Err(format!("must be above 0 and at most 1, not {share}")),
    }
}

/// A coefficient in millionths.
pub(super) fn millionths(coefficient: Decimal) -> Result<i64, String> {
    let scaled =
        Fraction::of(coefficient).and_then(|number| number.times(Fraction::whole(MILLIONTHS.into())));
    scaled.and_then(Fraction::exactly).and_then(|number| i64::try_from(number).ok()).ok_or_else(|| {
        format!("{coefficient} is not a whole number of millionths; give at most six decimals")
    })
}

impl Drafts {
    /// The facility that tells the site: the meter's own, else that of the first claim.
    pub(super) fn home<'a>(&'a self, world: &World<'a, '_>) -> Option<Placed<Name>> {
        let of_draft = |draft: &Draft| {
            let of_zone = |zone: &Placed<Name>| {
                let found = world.zones.iter().find(|other| other.name == zone.value)?;
                Some(Placed { value: found.facility.clone(), place: zone.place })
            };
            draft.facility.clone().or_else(|| draft.zone.as_ref().and_then(of_zone))
        };
        self.facility.clone().or_else(|| self.all.iter().find_map(of_draft))
    }

    /// The roles that were written.
    pub(super) fn roles(&self) -> impl Iterator<Item = &Placed<Role>> {
        self.all.iter().filter_map(|draft| draft.role.as_ref())
    }

    /// The claims; `None` where one cannot be read, which has been reported: its meter must then not be missed.
    pub(super) fn claims(
        self,
        document: &Document<'_>,
        world: &World<'_, '_>,
        site: &Name,
        zone: Tz,
    ) -> Option<Vec<Claim>> {
        let count = self.all.len();
        let claims: Vec<Claim> =
            self.all.into_iter().filter_map(|draft| draft.claim(document, world, site, zone)).collect();
        (self.whole && claims.len() == count).then_some(claims)
    }
}

impl Draft {
    fn claim(self, document: &Document<'_>, world: &World<'_, '_>, site: &Name, clocks: Tz) -> Option<Claim> {
        let facility = match (&self.zone, &self.facility) {
            (Some(zone), _) => {
                world.zone_names.refers(zone);
                world.zones.iter().find(|other| other.name == zone.value).map(|zone| zone.facility.clone())
            }
            (None, facility) => facility.as_ref().map(|facility| facility.value.clone()),
        };
        let during = self.during.interval(document, clocks);
        let (facility, role) = (facility?, self.role?);
        let fits = if self.zone.is_some() { role.is_of_zones() } else { role.is_of_facilities() };
        if !fits {
            let message = match self.zone {
                Some(_) => format!(
                    "{} is no role in a zone; use zone-total, ups-output, pdu-output or it-input",
                    role.value
                ),
                None => format!("{} is a role in a zone: claim it for a `zone`", role.value),
            };
            document.error(role.place, message);
        }
        let home = world.facilities.iter().find(|other| other.name == facility);
        if self.inherits {
            // Told where the meter itself names the facility.
        } else if let Some(home) = home.filter(|home| home.site != *site) {
            let place = self.facility.as_ref().or(self.zone.as_ref()).map_or(self.place, |name| name.place);
            document
                .error(place, format!("facility `{facility}` is in site `{}`, not in `{site}`", home.site));
        } else if let Some(named) = self.facility.as_ref().filter(|_| self.zone.is_none()) {
            world.facility_names.refers(named);
        }
        Some(Claim {
            facility,
            zone: self.zone.map(|zone| zone.value),
            role: role.value,
            millionths: self.millionths?,
            during: during?,
            place: self.place,
        })
    }
}
