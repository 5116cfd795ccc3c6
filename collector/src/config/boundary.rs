//! Whether what is claimed for a facility gives its figures: a numerator, one denominator, the factors they need.

use super::carbon::Hourly;
use super::claim::Claim;
use super::facility::Facility;
use super::meter::Meter;
use super::non_electric::Method;
use super::virtuals::Virtual;
use super::zone::Zone;
use std::collections::BTreeMap;
use wattledger_model::carrier::Carrier;
use wattledger_model::document::{Document, Place};
use wattledger_model::meter::{Form, Kind, MeterKey};
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::unit::{Quantity, Unit};

/// µWh in a mL or mg: ten times what the densest fuel has.
const MOST_CONTENT: f64 = 1e8;

/// A claim with what claims it.
pub(super) struct Claimed<'a> {
    pub(super) key: &'a MeterKey,
    pub(super) claim: &'a Claim,
    quantity: Option<Quantity>,
    carrier: Option<Carrier>,
}

/// All claims of real and virtual meters.
pub(super) fn claims<'a>(meters: &'a [Meter], virtuals: &'a [Virtual]) -> Vec<Claimed<'a>> {
    let real = meters.iter().flat_map(|meter| {
        let of = move |claim| Claimed {
            key: &meter.key,
            claim,
            quantity: meter.quantity(),
            carrier: meter.carrier,
        };
        meter.claims.iter().map(of)
    });
    let summed = virtuals.iter().flat_map(|one| {
        let of = move |claim| Claimed { key: &one.key, claim, quantity: one.quantity, carrier: one.carrier };
        one.claims.iter().map(of)
    });
    real.chain(summed).collect()
}

/// The levels at which IT energy is claimed, by category.
pub(super) fn it_levels<'a>(claims: impl Iterator<Item = &'a Claim>) -> BTreeMap<u8, Role> {
    claims.filter_map(|claim| claim.role.it_category().map(|category| (category, claim.role))).collect()
}

/// Reports what keeps a facility from having a PUE.
pub(super) fn check_facility(document: &Document<'_>, facility: &Facility, claims: &[Claimed<'_>]) {
    let place = facility.place;
    let own =
        || claims.iter().map(|claimed| claimed.claim).filter(|claim| claim.is_of_facility(&facility.name));
    if !own().any(|claim| claim.role.facility_sign() > 0) {
        let message = format!(
            "facility `{}` has no meter of what enters it (utility, generator, on-site-renewable): no PUE",
            facility.name
        );
        document.warning(place, message);
    }
    let levels = it_levels(own());
    if levels.is_empty() && facility.it_energy.is_none() {
        let input = own().find(|claim| claim.role == Role::UpsInput);
        let why = input.map_or(String::new(), |_| {
            "; ups-input is not IT energy: it would flatter the PUE by the losses of the UPS".to_owned()
        });
        let message = format!(
            "facility `{}` has no IT energy meter (ups-output, pdu-output, it-input): no PUE{why}",
            facility.name
        );
        document.warning(place, message);
    }
    check_levels(document, place, &format!("facility `{}`", facility.name), facility.it_energy, &levels);
    for claimed in claims.iter().filter(|claimed| claimed.claim.is_of_facility(&facility.name)) {
        check_conversion(document, facility, claimed);
    }
}

/// Reports what keeps a zone from having a pPUE.
pub(super) fn check_zone(document: &Document<'_>, zone: &Zone, claims: &[Claimed<'_>]) {
    let own =
        || claims.iter().map(|claimed| claimed.claim).filter(|claim| claim.zone.as_ref() == Some(&zone.name));
    let named = format!("zone `{}`", zone.name);
    if !own().any(|claim| claim.role == Role::ZoneTotal) {
        document.warning(zone.place, format!("{named} has no meter in the role zone-total: no pPUE"));
    }
    let levels = it_levels(own());
    if levels.is_empty() && zone.it_energy.is_none() {
        let message = format!("{named} has no IT energy meter (ups-output, pdu-output, it-input): no pPUE");
        document.warning(zone.place, message);
    }
    check_levels(document, zone.place, &named, zone.it_energy, &levels);
}

fn check_levels(
    document: &Document<'_>,
    place: Place,
    named: &str,
    said: Option<Role>,
    levels: &BTreeMap<u8, Role>,
) {
    match said {
        None if levels.len() > 1 => {
            let words: Vec<&str> = levels.values().map(|role| role.word()).collect();
            let message = format!(
                "{named} measures IT energy at several points ({}); say which counts: it_energy = \"{}\"",
                words.join(", "),
                words[words.len() - 1]
            );
            document.error(place, message);
        }
        Some(role) if !levels.values().any(|level| *level == role) => {
            let message = format!("no meter of {named} has the role {role} of its `it_energy`: no PUE");
            document.warning(place, message);
        }
        _ => {}
    }
}

/// Whether what is not electricity can be turned into energy by the facility's method.
fn check_conversion(document: &Document<'_>, facility: &Facility, claimed: &Claimed<'_>) {
    let (claim, factors) = (claimed.claim, &facility.factors);
    let delivered = matches!(claim.role, Role::DistrictCooling | Role::DistrictHeat);
    if delivered && factors.method == Method::EnIso && factors.district(claim.role).is_none() {
        let key = claim.role.word().replace('-', "_");
        let message = format!(
            "by the EN/ISO method {} counts by the conversion factor of the supplying system; name it in \
             [facility.factors]: {key} = \"0.25\", with its `source`",
            claim.role
        );
        document.error(claim.place, message);
    }
    let Some(carrier) = claimed.carrier.filter(|_| claim.role.is_fuel()) else { return };
    let Some(quantity) = claimed.quantity else {
        let message = format!(
            "give the `unit` of `{}`: {carrier} is metered by volume, by mass or as energy",
            claimed.key.meter
        );
        document.error(claim.place, message);
        return;
    };
    let content = factors.fuel(carrier).content_per_base(quantity);
    if content.is_some_and(|content| content.to_f64() > MOST_CONTENT) {
        let message =
            format!("the energy content of {carrier}, {}, is beyond any fuel", factors.fuel(carrier).content);
        document.error(claim.place, message);
    }
    if content.is_none() {
        let message = format!(
            "{carrier} by {} has no known energy content: give its `density` in [facility.factors.{carrier}]",
            quantity.word()
        );
        document.error(claim.place, message);
    }
}

/// The gauge that gives hourly factors must be one.
pub(super) fn check_factor_meter(document: &Document<'_>, facility: &Facility, meters: &[Meter]) {
    let Some(Hourly::Meter(named)) = &facility.hourly else { return };
    let here = || meters.iter().filter(|meter| meter.key.site == facility.site);
    let name = |meter: &Meter| -> Name { meter.key.meter.clone() };
    let Some(meter) = here().find(|meter| name(meter) == named.value) else {
        let exist: Vec<Name> = here().map(name).collect();
        document.dangling(named.place, "meter", named.as_str(), exist.iter().map(Name::as_str));
        return;
    };
    let is_of_factors = |unit: Unit| matches!(unit.symbol(), "kg/kWh" | "g/kWh");
    if meter.kind != Kind::Gauge || meter.unit.is_some_and(|unit| !is_of_factors(unit)) {
        let message =
            format!("`{}` is no gauge in kg/kWh or g/kWh, so it gives no emission factors", named.value);
        document.error(named.place, message);
    } else if meter.unit.is_none() {
        let message = format!(
            "give the `unit` of `{}`, kg/kWh or g/kWh: what is sent in another must not be taken for a factor",
            named.value
        );
        document.error(named.place, message);
    } else if meter.instruments.iter().any(|sitting| sitting.reads.unit != meter.unit) {
        let message = format!(
            "`{}` changes its unit; declare another gauge for the other unit and name the one in force",
            named.value
        );
        document.error(named.place, message);
    } else if meter.form.is_none_or(|form| form == Form::Instant) {
        let message = format!(
            "`{}` is read as instants, so its factor runs in a straight line from reading to reading; a published \
             factor holds until the next: form = \"on-change\", or is the mean up to its reading: form = \"interval-mean\"",
            named.value
        );
        document.warning(named.place, message);
    }
}
