//! What a configuration comes to, said in words for whoever checks it: nothing here is wrong.

use super::boundary::{claims, it_levels};
use super::counting::share;
use super::{CollectorConfig, Facility};
use crate::config::claim::Claim;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use wattledger_model::document::Place;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::unit::Quantity;

/// One thing worth knowing. Prints as `FILE:LINE:COLUMN: note: ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The file, as it was named.
    pub file: String,
    /// What it is about.
    pub place: Place,
    /// What there is to know.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: note: {}", self.file, self.place, self.text)
    }
}

impl CollectorConfig {
    /// What makes each facility's PUE category, what is not electricity and how it counts, which shares leave
    /// something over, and for which meters the uncertainty is unknown, and why. In the order of the file.
    pub fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        for facility in &self.facilities {
            self.note_category(facility, &mut notes);
            self.note_method(facility, &mut notes);
            self.note_uncertainty(facility, &mut notes);
        }
        self.note_shares(&mut notes);
        notes.sort_by_key(|(place, _)| *place);
        notes.into_iter().map(|(place, text)| Note { file: self.file.clone(), place, text }).collect()
    }

    fn own<'a>(&'a self, facility: &Name) -> Vec<(&'a MeterKey, &'a Claim)> {
        let all = claims(&self.meters, &self.virtuals);
        let own = all.into_iter().filter(|claimed| claimed.claim.is_of_facility(facility));
        own.map(|claimed| (claimed.key, claimed.claim)).collect()
    }

    fn note_category(&self, facility: &Facility, notes: &mut Vec<(Place, String)>) {
        let own = self.own(&facility.name);
        let levels = it_levels(own.iter().map(|(_, claim)| *claim));
        let counts = facility.it_energy.or_else(|| levels.values().next().copied());
        let Some((role, category)) = counts.and_then(|role| Some((role, role.it_category()?))) else {
            return;
        };
        if !levels.contains_key(&category) {
            return;
        }
        let at = |role: Role| -> String {
            let names: BTreeSet<&str> = own
                .iter()
                .filter(|(_, claim)| claim.role == role)
                .map(|(key, _)| key.meter.as_str())
                .collect();
            names.into_iter().collect::<Vec<_>>().join(", ")
        };
        let mut text = format!(
            "facility `{}`: PUE{category}, because IT energy is measured at {role} ({})",
            facility.name,
            at(role)
        );
        for (other, level) in levels.iter().filter(|(other, _)| **other != category) {
            text.push_str(&format!("; PUE{other} can be had too, from {level} ({})", at(*level)));
        }
        notes.push((facility.place, text));
    }

    fn note_method(&self, facility: &Facility, notes: &mut Vec<(Place, String)>) {
        let own = self.own(&facility.name);
        let generator = own.iter().any(|(_, claim)| claim.role == Role::Generator);
        let counts = |role: Role| match role {
            Role::GeneratorFuel => {
                Some("counts in E_DC only while no `generator` meter measures what it gives")
            }
            Role::Fuel | Role::DistrictCooling | Role::DistrictHeat => Some("counts in E_DC"),
            _ => None,
        };
        let method = facility.factors.method.word();
        for (key, claim) in own {
            let Some(how) = counts(claim.role) else { continue };
            let how = match claim.role {
                Role::GeneratorFuel if generator => {
                    "is in Scope 1 and the coal equivalent; E_DC has the `generator` meter instead"
                }
                _ => how,
            };
            notes.push((
                claim.place,
                format!("`{}` ({}) {how}, by the method {method}", key.meter, claim.role),
            ));
        }
    }

    /// Meters of one reason in one note: whoever declares no class anywhere reads one line.
    fn note_uncertainty(&self, facility: &Facility, notes: &mut Vec<(Place, String)>) {
        let counted = |role: Role| role.facility_sign() != 0 || role.it_category().is_some();
        let mut used: BTreeSet<&MeterKey> = BTreeSet::new();
        for (key, claim) in self.own(&facility.name) {
            if counted(claim.role) {
                match self.virtuals.iter().find(|one| one.key == *key) {
                    Some(one) => used.extend(one.parts.iter().map(|part| &part.meter)),
                    None => drop(used.insert(key)),
                }
            }
        }
        let mut reasons: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        for meter in self.meters.iter().filter(|meter| used.contains(&meter.key)) {
            let quantity = meter.quantity().unwrap_or(Quantity::Energy);
            if let Some(reason) = meter.instruments.iter().find_map(|sitting| sitting.unknown(quantity)) {
                reasons.entry(reason).or_default().push(meter.key.meter.as_str());
            }
        }
        for (reason, meters) in reasons {
            let text = format!(
                "facility `{}`: its uncertainty is unknown, so its verdicts are unguarded: {reason} for {}",
                facility.name,
                meters.join(", ")
            );
            notes.push((facility.place, text));
        }
    }

    fn note_shares(&self, notes: &mut Vec<(Place, String)>) {
        for claimed in claims(&self.meters, &self.virtuals) {
            if claimed.claim.millionths < crate::indicators::account::MILLIONTHS {
                let text = format!(
                    "{} has {} of `{}` ({})",
                    claimed.claim.boundary(),
                    share(claimed.claim.millionths),
                    claimed.key.meter,
                    claimed.claim.role
                );
                notes.push((claimed.claim.place, text));
            }
        }
    }
}
