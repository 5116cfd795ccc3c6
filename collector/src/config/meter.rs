//! Meters: what each one shows, what it means for its facility, and how its readings are to be understood.

use super::declared::Declared;
use super::{Facility, milliseconds, title};
use std::collections::BTreeMap;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Document, Measure, Place, Placed, Table};
use wattledger_model::meter::{Form, Kind, MeterKey};
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::unit::{Quantity, Unit};

/// A declared meter.
#[derive(Debug, Clone, PartialEq)]
pub struct Meter {
    /// Site and name.
    pub key: MeterKey,
    /// Its name for people.
    pub title: String,
    /// The facility that claims it.
    pub facility: Option<Name>,
    /// What it means for the facility.
    pub role: Option<Role>,
    /// What its values are.
    pub kind: Kind,
    /// The unit of its values; `None` takes each reading's own.
    pub unit: Option<Unit>,
    /// Multiplies every raw value: the CT or pulse ratio. Above zero.
    pub scale: Decimal,
    /// Where a register starts again from zero, in raw units. Above zero.
    pub modulus: Option<Decimal>,
    /// The smallest step of a register, in raw units. Above zero.
    pub resolution: Option<Decimal>,
    /// The most that the installation can carry (breaker or CT rating): a power, or a flow for a water meter.
    /// `rated_power` or `rated_flow`. Above zero.
    pub rated_power: Option<Measure>,
    /// The usual time between readings. Above zero.
    pub nominal_interval_ms: Option<i64>,
    /// Longer steps are long steps of a register, or gaps of power. Above zero.
    pub gap_limit_ms: Option<i64>,
    /// How values of power, flow or a gauge stand for time.
    pub form: Option<Form>,
    /// Where it is declared.
    pub place: Place,
}

/// Instantaneous power says nothing of what lies hours away.
const LONGEST_INSTANT_GAP_MS: i64 = 3 * 3_600_000;

/// What meters refer to.
pub(super) struct World<'w, 'd> {
    pub(super) sites: &'w Declared<'d>,
    pub(super) facility_names: &'w Declared<'d>,
    pub(super) facilities: &'w [Facility],
}

/// The meters that could be read; the others have been reported.
pub(super) fn read_meters(tables: Vec<Table<'_>>, world: &World<'_, '_>) -> Vec<Meter> {
    let mut places: BTreeMap<MeterKey, Place> = BTreeMap::new();
    let mut meters = Vec::new();
    for mut table in tables {
        let Some(meter) = read_meter(&mut table, world) else { continue };
        if let Some(first) = places.insert(meter.key.clone(), meter.place) {
            let message = format!("meter `{}` is declared already, in line {}", meter.key, first.line);
            table.document().error(meter.place, message);
        }
        meters.push(meter);
    }
    meters
}

fn read_meter(table: &mut Table<'_>, world: &World<'_, '_>) -> Option<Meter> {
    let name = table.required("name", document::name);
    let title = title(table, name.as_deref());
    let facility = table.optional("facility", document::name);
    let site = read_site(table, world, facility.as_ref());
    let role = table.optional("role", document::choice(Role::ALL.iter().map(|role| (role.word(), *role))));
    let (kind, unit) = read_kind_and_unit(table, role.as_ref());
    check_claim(table, facility.as_ref(), role.as_ref());
    if let (Some(role), Some(kind)) = (&role, kind) {
        check_role(table.document(), role, kind, unit.as_ref());
    }
    let scale = table.optional("scale", document::positive(document::decimal));
    let (nominal_interval_ms, gap_limit_ms, form) = read_timing(table, kind);
    let register = read_register(table, kind, unit.as_ref());
    let rated_power = read_rating(table, kind, role.as_deref().copied(), unit.as_deref().copied());
    // A meter whose role cannot be read says nothing about its facility, and must not be missed there.
    if table.has("role") && role.is_none() || table.has("facility") && facility.is_none() {
        return None;
    }
    let meter = Meter {
        key: MeterKey { site: site?, meter: name?.value },
        title,
        facility: facility.map(|facility| facility.value),
        role: role.map(|role| role.value),
        kind: kind?,
        unit: unit.map(|unit| unit.value),
        scale: scale.map_or(Decimal::new(1, 0), |scale| scale.value),
        modulus: register.0,
        resolution: register.1,
        rated_power,
        nominal_interval_ms,
        gap_limit_ms,
        form,
        place: table.place(),
    };
    check_rollover(table.document(), &meter);
    Some(meter)
}

/// The meter's site: named, or that of its facility, or the only one.
fn read_site(table: &mut Table<'_>, world: &World<'_, '_>, facility: Option<&Placed<Name>>) -> Option<Name> {
    let site = table.optional("site", document::name);
    let written = table.has("site");
    let known = site.as_ref().is_some_and(|site| world.sites.refers(site));
    let facility_known = facility.is_some_and(|facility| world.facility_names.refers(facility));
    let facility = facility.filter(|_| facility_known);
    let home = facility
        .and_then(|named| world.facilities.iter().find(|facility| facility.name == named.value))
        .map(|facility| &facility.site);
    if let (Some(site), Some(home), Some(facility)) = (site.as_ref().filter(|_| known), home, facility)
        && site.value != *home
    {
        let message = format!("facility `{}` is in site `{home}`, not in `{}`", facility.value, site.value);
        table.document().error(site.place, message);
    }
    if !written && home.is_none() && world.sites.only().is_none() {
        table.document().missing(table.place(), "`site` is missing, and there is no facility that tells it");
    }
    if written {
        return site.map(|site| site.value);
    }
    home.or(world.sites.only()).cloned()
}

fn check_claim(table: &Table<'_>, facility: Option<&Placed<Name>>, role: Option<&Placed<Role>>) {
    if let (None, Some(role)) = (facility, role) {
        let message = format!("a role needs the `facility` in which the meter is {}", role.value);
        table.document().error(role.place, message);
    }
}

fn read_kind_and_unit(
    table: &mut Table<'_>,
    role: Option<&Placed<Role>>,
) -> (Option<Kind>, Option<Placed<Unit>>) {
    let kind = table.optional("kind", document::choice(Kind::ALL.iter().map(|kind| (kind.word(), *kind))));
    let unit = table.optional("unit", document::unit);
    if let (Some(kind), Some(unit)) = (&kind, &unit)
        && unit.kind() != kind.value
    {
        let (said, shown) = (kind.value, unit.kind());
        let quantity = role.map(|role| role.quantity()).unwrap_or(unit.quantity());
        let hint = usual_unit(said, quantity).map(|unit| format!(" (such as {unit})")).unwrap_or_default();
        let message = format!("{} is a unit of a {shown}; a {said} needs another{hint}", unit.value);
        table.document().error(unit.place, message);
    }
    if !table.has("kind") && !table.has("unit") {
        table.document().missing(table.place(), "`kind` is missing: register, power, flow or gauge");
    }
    (kind.map(|kind| kind.value).or(unit.map(|unit| unit.kind())), unit)
}

fn usual_unit(kind: Kind, quantity: Quantity) -> Option<&'static str> {
    match (kind, quantity) {
        (Kind::Register, Quantity::Energy) => Some("kWh"),
        (Kind::Register, Quantity::Volume) => Some("m3"),
        (Kind::Register, Quantity::Mass) => Some("kg"),
        (Kind::Power, _) => Some("kW"),
        (Kind::Flow, _) => Some("m3/h"),
        (Kind::Register | Kind::Gauge, _) => None,
    }
}

fn check_role(document: &Document<'_>, role: &Placed<Role>, kind: Kind, unit: Option<&Placed<Unit>>) {
    let needed = match role.quantity() {
        Quantity::Energy => "an energy register or power",
        Quantity::Volume => "a register of volume or a flow",
        Quantity::Mass => "a register of mass",
        Quantity::Gauge => "a gauge",
    };
    if !role.takes(kind) {
        document.error(role.place, format!("a meter in the role {} is {needed}, not a {kind}", role.value));
    } else if let Some(unit) = unit.filter(|unit| unit.kind() == kind && unit.quantity() != role.quantity()) {
        let message =
            format!("a meter in the role {} is {needed}; {} is no unit of that", role.value, unit.value);
        document.error(unit.place, message);
    }
}

fn read_timing(table: &mut Table<'_>, kind: Option<Kind>) -> (Option<i64>, Option<i64>, Option<Form>) {
    let nominal = milliseconds(table, "nominal_interval");
    let gap = milliseconds(table, "gap_limit");
    let form = table.optional("form", document::choice(Form::ALL.iter().map(|form| (form.word(), *form))));
    let document = table.document();
    if let (Some(Kind::Register), Some(form)) = (kind, &form) {
        document.error(form.place, "a register has no `form`; its differences are what passed");
    }
    if let (Some((nominal, _)), Some((gap, place))) = (nominal, gap)
        && gap < nominal
    {
        document
            .warning(place, "`gap_limit` is shorter than `nominal_interval`: every step will count as a gap");
    }
    if form.as_deref() == Some(&Form::OnChange) && nominal.is_none() && gap.is_none() {
        let message = "on-change values need a heartbeat: give the longest silence as `nominal_interval`";
        document.error(table.place(), message);
    }
    let integrated = matches!(kind, Some(Kind::Power | Kind::Flow));
    let instant = form.as_deref().is_none_or(|form| *form == Form::Instant);
    let limit = gap.or(nominal.map(|(ms, place)| (ms.saturating_mul(3), place)));
    if let Some((_, place)) = limit.filter(|(ms, _)| integrated && instant && *ms > LONGEST_INSTANT_GAP_MS) {
        let message = "instantaneous power or flow is integrated across at most \"3h\"; give a shorter `gap_limit`, \
                       or `form` if each value is a mean";
        document.error(place, message);
    }
    (nominal.map(|(ms, _)| ms), gap.map(|(ms, _)| ms), form.map(|form| form.value))
}

/// Modulus and resolution.
fn read_register(
    table: &mut Table<'_>,
    kind: Option<Kind>,
    unit: Option<&Placed<Unit>>,
) -> (Option<Decimal>, Option<Decimal>) {
    let modulus = table.optional("modulus", document::positive(document::decimal));
    let resolution = table.optional("resolution", document::positive(document::decimal));
    let document = table.document();
    for (key, place) in [
        ("modulus", modulus.as_ref().map(|modulus| modulus.place)),
        ("resolution", resolution.as_ref().map(|resolution| resolution.place)),
    ] {
        if let (Some(place), Some(kind)) = (place, kind)
            && kind != Kind::Register
        {
            document.error(place, format!("only a register has a `{key}`, not a {kind}"));
        }
    }
    if let (Some(modulus), Some(resolution)) = (&modulus, &resolution)
        && resolution.cmp_value(modulus.value).is_ge()
    {
        document.error(resolution.place, "`resolution` must be smaller than `modulus`");
    }
    for (key, value) in [("modulus", &modulus), ("resolution", &resolution)] {
        if let (Some(value), None, Some(Kind::Register)) = (value, unit, kind) {
            document.error(value.place, format!("`{key}` is in the unit of the register: give its `unit`"));
        }
    }
    (modulus.map(|modulus| modulus.value), resolution.map(|resolution| resolution.value))
}

/// `rated_power`, or `rated_flow` of a meter of volume.
fn read_rating(
    table: &mut Table<'_>,
    kind: Option<Kind>,
    role: Option<Role>,
    unit: Option<Unit>,
) -> Option<Measure> {
    let power = table.optional("rated_power", document::measure);
    let flow = table.optional("rated_flow", document::measure);
    let document = table.document();
    for (key, rating, needed) in [("rated_power", &power, Kind::Power), ("rated_flow", &flow, Kind::Flow)] {
        let Some(rating) = rating else { continue };
        if rating.unit.kind() != needed {
            let usual = if needed == Kind::Power { "2 MW" } else { "20 m3/h" };
            document.error(
                rating.place,
                format!("`{key}` is a {needed} such as \"{usual}\", not {}", rating.value),
            );
        } else if rating.value.value.mantissa <= 0 {
            document.error(rating.place, format!("`{key}` must be above zero"));
        }
    }
    let quantity = unit.map(|unit| unit.quantity()).or(role.map(|role| role.quantity()));
    let (fits, other) = match quantity {
        Some(Quantity::Volume) => ("rated_flow", power.as_ref()),
        _ => ("rated_power", flow.as_ref()),
    };
    if let Some(other) = other {
        document.error(other.place, format!("what this meter can carry is its `{fits}`"));
    }
    let rating = power.or(flow);
    let summed = matches!(quantity, Some(Quantity::Energy | Quantity::Volume));
    if kind == Some(Kind::Register) && summed && rating.is_none() && !table.has("rated_power") {
        let message =
            format!("no `{fits}`: without it a jump of this register cannot be told from consumption");
        document.warning(table.place(), message);
    }
    rating.map(|rating| rating.value)
}

/// Warns of a register that may pass its modulus between two readings: nothing can be told from it then.
fn check_rollover(document: &Document<'_>, meter: &Meter) {
    let (Some(modulus), Some(rated), Some(unit)) = (meter.modulus, meter.rated_power, meter.unit) else {
        return;
    };
    if unit.quantity() != rated.unit.quantity() {
        return;
    }
    let base = |unit: Unit| unit.size().0 as f64 / unit.size().1 as f64;
    let range = modulus.to_f64() * meter.scale.to_f64() * base(unit);
    let per_hour = 1.2 * rated.value.to_f64() * base(rated.unit);
    let nominal_hours = meter.nominal_interval_ms.unwrap_or(60_000) as f64 / 3_600_000.0;
    if per_hour * nominal_hours >= range {
        let message = "at its rating the register passes its `modulus` between two readings: nothing can be \
                       told from it; read it more often";
        document.warning(meter.place, message);
    }
}
