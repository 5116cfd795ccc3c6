//! Meters: what each one shows, what it means for its facility, and how its readings are to be understood.

use super::claim::{self, Claim, Drafts};
use super::instrument::{self, Base, Reads, Sitting};
use super::virtuals::Virtual;
use super::{World, milliseconds, rating, title};
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::carrier::Carrier;
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
    /// The facility it is shown with: its own `facility`, else that of its first claim.
    pub facility: Option<Name>,
    /// What it means there, by its first claim.
    pub role: Option<Role>,
    /// What it means for facilities and zones, and when.
    pub claims: Vec<Claim>,
    /// The meters it is fed by, real or virtual ones of its site.
    pub fed_by: Vec<Placed<Name>>,
    /// A meter of power at the same place, real or virtual, of the same site: by it a register that stands still while
    /// power flows is told from one that has nothing to count.
    pub power_meter: Option<Placed<Name>>,
    /// The fuel it measures, where it measures fuel.
    pub carrier: Option<Carrier>,
    /// What its values are.
    pub kind: Kind,
    /// The unit of its values at first; `None` takes each reading's own.
    pub unit: Option<Unit>,
    /// Multiplies every raw value at first: the CT or pulse ratio. Above zero.
    pub scale: Decimal,
    /// Where a register starts again from zero, in raw units, at first. Above zero.
    pub modulus: Option<Decimal>,
    /// The smallest step of a register, in raw units, at first. Above zero.
    pub resolution: Option<Decimal>,
    /// The most that the installation can carry (breaker or CT rating): a power, or a flow for a water meter.
    /// `rated_power` or `rated_flow`. Above zero.
    pub rated_power: Option<Measure>,
    /// Whether the register is sent as IEEE 754 binary32 at first. `encoding = "binary32"`.
    pub is_binary32: bool,
    /// Whether the register counts both directions, and so may fall. `direction = "both"`.
    pub is_bidirectional: bool,
    /// The devices that sat there, in the order of time; at least one.
    pub instruments: Vec<Sitting>,
    /// The usual time between readings. Above zero.
    pub nominal_interval_ms: Option<i64>,
    /// Longer steps are long steps of a register, or gaps of power. Above zero.
    pub gap_limit_ms: Option<i64>,
    /// How values of power, flow or a gauge stand for time.
    pub form: Option<Form>,
    /// Where it is declared.
    pub place: Place,
}

impl Meter {
    /// What it measures, as far as unit, role or kind tell.
    pub fn quantity(&self) -> Option<Quantity> {
        quantity(Some(self.kind), self.unit, self.role)
    }
}

fn quantity(kind: Option<Kind>, unit: Option<Unit>, role: Option<Role>) -> Option<Quantity> {
    let by_kind = match kind {
        Some(Kind::Power) => Some(Quantity::Energy),
        Some(Kind::Flow) => Some(Quantity::Volume),
        Some(Kind::Gauge) => Some(Quantity::Gauge),
        Some(Kind::Register) | None => None,
    };
    // Fuel is metered by volume, by mass or as energy: its role does not tell which.
    let by_role = role.filter(|role| role.quantities().len() == 1).map(Role::quantity);
    unit.map(Unit::quantity).or(by_kind).or(by_role)
}

/// Instantaneous power says nothing of what lies hours away.
const LONGEST_INSTANT_GAP_MS: i64 = 3 * 3_600_000;

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
    let document = table.document();
    let name = table.required("name", document::name);
    let title = title(table, name.as_deref());
    let drafts = claim::read(table);
    let site = read_site(table, world, &drafts);
    let roles: Vec<Placed<Role>> = drafts.roles().cloned().collect();
    let (kind, unit) = read_kind_and_unit(table, roles.first());
    if let Some(kind) = kind {
        roles.iter().for_each(|role| check_role(document, role, kind, unit.as_ref()));
    }
    let carrier = read_carrier(table, &roles);
    let fed_by = table.values("fed_by", document::name);
    let power_meter = table.optional("power_meter", document::name);
    let scale = table.optional("scale", document::positive(document::decimal));
    let (nominal_interval_ms, gap_limit_ms, form) = read_timing(table, kind);
    let unit = unit.map(|unit| unit.value);
    let first_role = roles.first().map(|role| role.value);
    let quantity = quantity(kind, unit, first_role);
    let (modulus, resolution) = rating::read_register(table, kind, unit);
    let rated_power = rating::read(table, kind, quantity);
    let is_binary32 = instrument::read_encoding(table, kind).unwrap_or(false);
    let is_bidirectional = read_direction(table, kind);
    let scale = scale.map_or(Decimal::new(1, 0), |scale| scale.value);
    let reads = Reads { unit, scale, modulus, resolution, rated_power, is_binary32 };
    let own = instrument::read(table);
    let later = table.tables("instrument");
    let zone = site.as_ref().map_or(Tz::UTC, |site| world.clocks(site));
    let facility = drafts.home(world).map(|facility| facility.value);
    let claims = site.as_ref().and_then(|site| drafts.claims(document, world, site, zone));
    let kind_read = kind.unwrap_or(Kind::Register);
    let base = Base { own: &own, reads: &reads, kind: kind_read, quantity, zone };
    let instruments = instrument::sittings(later, &base, document);
    // A meter whose claims cannot be read says nothing about its facility, and must not be missed there.
    let (claims, instruments, kind) = (claims?, instruments?, kind?);
    let first = instruments.first().map(|first| first.reads.clone()).unwrap_or(reads);
    let meter = Meter {
        key: MeterKey { site: site?, meter: name?.value },
        title,
        facility,
        role: claims.first().map(|claim| claim.role),
        claims,
        fed_by,
        power_meter,
        carrier,
        kind,
        unit: first.unit,
        scale: first.scale,
        modulus: first.modulus,
        resolution: first.resolution,
        rated_power: first.rated_power,
        is_binary32: first.is_binary32,
        is_bidirectional,
        instruments,
        nominal_interval_ms,
        gap_limit_ms,
        form,
        place: table.place(),
    };
    check_rollover(document, &meter);
    Some(meter)
}

/// Reports meters that cannot be the `power_meter` of a register.
pub(super) fn check_power_meters(document: &Document<'_>, meters: &[Meter], virtuals: &[Virtual]) {
    let real = meters.iter().map(|meter| (&meter.key, meter.quantity(), meter.kind == Kind::Power));
    let summed = virtuals.iter().map(|one| (&one.key, one.quantity, true));
    let points: Vec<(&MeterKey, Option<Quantity>, bool)> = real.chain(summed).collect();
    for meter in meters {
        let Some(named) = &meter.power_meter else { continue };
        let here = || points.iter().filter(|(key, ..)| key.site == meter.key.site && **key != meter.key);
        let Some((_, quantity, is_power)) = here().find(|(key, ..)| key.meter == named.value) else {
            document.dangling(
                named.place,
                "meter",
                named.as_str(),
                here().map(|(key, ..)| key.meter.as_str()),
            );
            continue;
        };
        if meter.kind != Kind::Register || meter.quantity() != Some(Quantity::Energy) {
            let message = "only a register of energy has a `power_meter`, which shows that it should move";
            document.error(named.place, message);
        } else if !is_power || *quantity != Some(Quantity::Energy) {
            let message = format!(
                "`{}` does not measure power, and cannot show that this register should move",
                named.value
            );
            document.error(named.place, message);
        }
    }
}

/// `direction = "both"` for a register that counts down what flows back.
fn read_direction(table: &mut Table<'_>, kind: Option<Kind>) -> bool {
    let Some(both) = table.optional("direction", document::choice([("both", true), ("one", false)])) else {
        return false;
    };
    if both.value && kind.is_some_and(|kind| kind != Kind::Register) {
        table.document().error(both.place, "only a register has a `direction`; power has a sign");
    }
    both.value
}

/// `carrier`, which a meter of fuel needs and no other has.
pub(super) fn read_carrier(table: &mut Table<'_>, roles: &[Placed<Role>]) -> Option<Carrier> {
    let carrier = table.optional("carrier", document::choice(Carrier::words()));
    let fuel = roles.iter().find(|role| role.is_fuel());
    if let Some(fuel) = fuel.filter(|_| !table.has("carrier")) {
        let words = Carrier::ALL.iter().map(|carrier| carrier.word()).collect::<Vec<_>>().join(", ");
        let message = format!("a meter in the role {} needs its `carrier`: {words}", fuel.value);
        table.document().missing(fuel.place, message);
    }
    if let Some(carrier) = carrier.as_ref().filter(|_| fuel.is_none() && !roles.is_empty()) {
        let message = format!("only a meter of fuel has a `carrier`, not one in the role {}", roles[0].value);
        table.document().error(carrier.place, message);
    }
    carrier.map(|carrier| carrier.value)
}

/// The meter's site: named, or that of its facility, or the only one.
pub(super) fn read_site(table: &mut Table<'_>, world: &World<'_, '_>, drafts: &Drafts) -> Option<Name> {
    let site = table.optional("site", document::name);
    let written = table.has("site");
    let known = site.as_ref().is_some_and(|site| world.site_names.refers(site));
    if let Some(facility) = &drafts.facility {
        world.facility_names.refers(facility);
    }
    let facility = drafts.home(world);
    let home = facility
        .as_ref()
        .and_then(|named| world.facilities.iter().find(|facility| facility.name == named.value))
        .map(|facility| &facility.site);
    if let (Some(site), Some(home), Some(facility)) =
        (site.as_ref().filter(|_| known), home, drafts.facility.as_ref())
        && site.value != *home
    {
        let message = format!("facility `{}` is in site `{home}`, not in `{}`", facility.value, site.value);
        table.document().error(site.place, message);
    }
    if !written && home.is_none() && world.site_names.only().is_none() {
        table.document().missing(table.place(), "`site` is missing, and there is no facility that tells it");
    }
    if written {
        return site.map(|site| site.value);
    }
    home.or(world.site_names.only()).cloned()
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
        _ if role.is_fuel() => "a register of volume, mass or energy, a flow or a power",
        Quantity::Energy => "an energy register or power",
        Quantity::Volume => "a register of volume or a flow",
        Quantity::Mass => "a register of mass",
        Quantity::Gauge => "a gauge",
    };
    if !role.takes(kind) {
        document.error(role.place, format!("a meter in the role {} is {needed}, not a {kind}", role.value));
    } else if let Some(unit) = unit.filter(|unit| unit.kind() == kind && !role.measures(unit.quantity())) {
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
