//! Virtual meters: sums and differences of meters, expanded to the real ones. Source: domain.md 5.6.

use super::claim::{self, Claim};
use super::meter::{self, Meter};
use super::{World, title};
use crate::indicators::account::MILLIONTHS;
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::calendar::Tz;
use wattledger_model::carrier::Carrier;
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{self, Document, Place, Placed, Table, Value};
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::role::Role;
use wattledger_model::unit::Quantity;

/// A declared virtual meter: `Σ coefficient × meter`.
#[derive(Debug, Clone, PartialEq)]
pub struct Virtual {
    /// Site and name; the names of real and virtual meters of a site are one set.
    pub key: MeterKey,
    /// Its name for people.
    pub title: String,
    /// What it means for facilities and zones, and when.
    pub claims: Vec<Claim>,
    /// The meters it is fed by.
    pub fed_by: Vec<Placed<Name>>,
    /// The fuel it measures, where it measures fuel.
    pub carrier: Option<Carrier>,
    /// What it adds up, as it was written.
    pub sum: Vec<Summand>,
    /// What it comes to in real meters, each once; empty where that cannot be said, which has been reported.
    pub parts: Vec<Part>,
    /// What it measures, as far as its real meters tell.
    pub quantity: Option<Quantity>,
    /// Where it is declared.
    pub place: Place,
}

/// One line of a sum: `"0.5 * shared-chiller"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summand {
    /// A real or virtual meter of the site.
    pub name: Name,
    /// Its coefficient in millionths; not zero.
    pub millionths: i64,
    /// Where it stands.
    pub place: Place,
}

/// A real meter in a virtual one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The real meter.
    pub meter: MeterKey,
    /// Its coefficient in all, in millionths.
    pub millionths: i64,
    /// The ways by which it comes in, each with its coefficient: `supply -> feeds -> incomer-a`.
    pub ways: Vec<(String, i64)>,
}

pub(super) fn read(tables: Vec<Table<'_>>, world: &World<'_, '_>) -> Vec<Virtual> {
    tables.into_iter().filter_map(|mut table| read_one(&mut table, world)).collect()
}

fn read_one(table: &mut Table<'_>, world: &World<'_, '_>) -> Option<Virtual> {
    let document = table.document();
    let name = table.required("name", document::name);
    let title = title(table, name.as_deref());
    let drafts = claim::read(table);
    let site = meter::read_site(table, world, &drafts);
    let roles: Vec<Placed<Role>> = drafts.roles().cloned().collect();
    let carrier = meter::read_carrier(table, &roles);
    let fed_by = table.values("fed_by", document::name);
    if !table.has("sum") {
        document
            .missing(table.place(), "`sum` is missing: which meters does it add up, as in [\"a\", \"-b\"]?");
    }
    let written = table.values("sum", summand);
    let sum: Vec<Summand> = written
        .into_iter()
        .map(|part| Summand { name: part.value.0, millionths: part.value.1, place: part.place })
        .collect();
    let zone = site.as_ref().map_or(Tz::UTC, |site| world.clocks(site));
    let claims = site.as_ref().and_then(|site| drafts.claims(document, world, site, zone));
    Some(Virtual {
        key: MeterKey { site: site?, meter: name?.value },
        title,
        claims: claims?,
        fed_by,
        carrier,
        sum,
        parts: Vec::new(),
        quantity: None,
        place: table.place(),
    })
}

/// `NAME`, `-NAME`, `0.5 * NAME` or `-0.5 * NAME`.
fn summand(value: &Value<'_>) -> Result<(Name, i64), String> {
    let text = document::string(value)?;
    let (negative, rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (true, rest.trim()),
        None => (false, text.trim().trim_start_matches('+').trim()),
    };
    let (coefficient, name) = match rest.split_once('*') {
        Some((number, name)) => {
            let number: Decimal = number.trim().parse().map_err(|_| {
                format!("`{}` is no coefficient; write it as in \"0.5 * chiller\"", number.trim())
            })?;
            (claim::millionths(number)?, name.trim())
        }
        None => (MILLIONTHS, rest),
    };
    if coefficient <= 0 || coefficient > MOST {
        return Err(
            "a coefficient is above 0 and at most 1000, with a leading - for what is taken off".to_owned()
        );
    }
    let name = name.parse().map_err(|error: wattledger_model::name::NameError| error.to_string())?;
    Ok((name, if negative { -coefficient } else { coefficient }))
}

/// Expands all virtual meters to real ones, and reports names that are taken or refer to nothing, cycles,
/// coefficients that are not exact, inputs that do not fit together, and meters that count twice.
pub(super) fn expand(document: &Document<'_>, meters: &[Meter], virtuals: &mut [Virtual]) {
    check_names(document, meters, virtuals);
    let cyclic = report_cycles(document, virtuals);
    let known = Known {
        meters: meters.iter().map(|meter| (&meter.key, meter)).collect(),
        virtuals: virtuals.iter().map(|one| (&one.key, one)).collect(),
    };
    let expanded: Vec<Vec<Part>> = virtuals
        .iter()
        .map(|one| {
            let mut walk = Walk { document, cyclic: &cyclic, parts: BTreeMap::new(), ways: 0 };
            let start = one.key.meter.to_string();
            let whole = !cyclic.contains(&one.key) && known.walk(one, &start, MILLIONTHS, &mut walk);
            if walk.ways > MOST_WAYS {
                let message =
                    format!("virtual meter `{}` adds up more than {MOST_WAYS} meters", one.key.meter);
                document.error(one.place, message);
            }
            if whole { walk.parts.into_values().collect() } else { Vec::new() }
        })
        .collect();
    let quantities: Vec<_> =
        virtuals.iter().zip(&expanded).map(|(one, parts)| known.quantity(document, one, parts)).collect();
    for ((one, parts), quantity) in virtuals.iter_mut().zip(expanded).zip(quantities) {
        check_twice(document, one, &parts);
        (one.parts, one.quantity) = (parts, quantity);
    }
}

fn check_names(document: &Document<'_>, meters: &[Meter], virtuals: &[Virtual]) {
    let mut taken: BTreeMap<&MeterKey, Place> =
        meters.iter().map(|meter| (&meter.key, meter.place)).collect();
    for one in virtuals {
        if let Some(first) = taken.insert(&one.key, one.place) {
            let message = format!("meter `{}` is declared already, in line {}", one.key, first.line);
            document.error(one.place, message);
        }
    }
    for one in virtuals {
        let here = || taken.keys().filter(|key| key.site == one.key.site).map(|key| key.meter.as_str());
        for part in &one.sum {
            if !here().any(|name| name == part.name.as_str()) {
                document.dangling(part.place, "meter", part.name.as_str(), here());
            }
        }
    }
}

/// Reports each cycle once, and gives the virtual meters that lead into one.
fn report_cycles(document: &Document<'_>, virtuals: &[Virtual]) -> BTreeSet<MeterKey> {
    let by_key: BTreeMap<&MeterKey, &Virtual> = virtuals.iter().map(|one| (&one.key, one)).collect();
    let next = |key: &MeterKey| -> Vec<MeterKey> {
        let sum = by_key.get(key).map_or(&[][..], |one| &one.sum);
        sum.iter().map(|part| MeterKey { site: key.site.clone(), meter: part.name.clone() }).collect()
    };
    let keys = virtuals.iter().map(|one| one.key.clone());
    let found = super::tree::cycles(keys.clone(), &next);
    for cycle in &found {
        if let Some(one) = by_key.get(&cycle[0]) {
            let path = super::tree::path(cycle);
            document.error(one.place, format!("virtual meter `{}` is made of itself: {path}", one.key.meter));
        }
    }
    let looped: BTreeSet<MeterKey> = found.into_iter().flatten().collect();
    keys.filter(|key| super::tree::reaches(key, &next, &looped)).collect()
}

/// A sum of sums grows by every sum that names one twice.
const MOST_WAYS: usize = 10_000;

/// What was found so far of one virtual meter.
struct Walk<'w, 'd> {
    document: &'w Document<'d>,
    cyclic: &'w BTreeSet<MeterKey>,
    parts: BTreeMap<MeterKey, Part>,
    ways: usize,
}

struct Known<'a> {
    meters: BTreeMap<&'a MeterKey, &'a Meter>,
    virtuals: BTreeMap<&'a MeterKey, &'a Virtual>,
}

impl Known<'_> {
    /// Adds what one virtual meter comes to, times a coefficient. False where that cannot be said.
    fn walk(&self, one: &Virtual, way: &str, times: i64, walk: &mut Walk<'_, '_>) -> bool {
        let mut whole = true;
        for summand in &one.sum {
            walk.ways += 1;
            if walk.ways > MOST_WAYS {
                return false;
            }
            let key = MeterKey { site: one.key.site.clone(), meter: summand.name.clone() };
            let Some(millionths) = product(times, summand.millionths) else {
                let message = format!(
                    "the coefficient of `{}` by way of {way} is not a whole number of millionths up to 1000; give fewer decimals",
                    summand.name
                );
                walk.document.error(summand.place, message);
                whole = false;
                continue;
            };
            let way = format!("{way} -> {}", summand.name);
            if let Some(inner) = self.virtuals.get(&key) {
                whole &= !walk.cyclic.contains(&key) && self.walk(inner, &way, millionths, walk);
            } else if self.meters.contains_key(&key) {
                let new = Part { meter: key.clone(), millionths: 0, ways: Vec::new() };
                let part = walk.parts.entry(key).or_insert(new);
                part.millionths = part.millionths.saturating_add(millionths);
                part.ways.push((way, millionths));
            } else {
                whole = false;
            }
        }
        whole
    }

    /// What the inputs have in common; inputs that measure different things are reported.
    fn quantity(&self, document: &Document<'_>, one: &Virtual, parts: &[Part]) -> Option<Quantity> {
        let inputs = parts.iter().filter_map(|part| self.meters.get(&part.meter));
        let known: Vec<(&MeterKey, Quantity)> =
            inputs.clone().filter_map(|meter| Some((&meter.key, meter.quantity()?))).collect();
        let (first, quantity) = *known.first()?;
        let name = &one.key.meter;
        if quantity == Quantity::Gauge {
            let message = format!(
                "virtual meter `{name}` adds up gauges (`{}`), which are averaged, never summed",
                first.meter
            );
            document.error(one.place, message);
        } else if let Some((other, another)) = known.iter().find(|(_, other)| *other != quantity) {
            let message = format!(
                "virtual meter `{name}` adds up {} (`{}`) and {} (`{}`)",
                quantity.word(),
                first.meter,
                another.word(),
                other.meter
            );
            document.error(one.place, message);
        }
        for claim in one.claims.iter().filter(|claim| !claim.role.measures(quantity)) {
            let message =
                format!("virtual meter `{name}` sums {}, which is no {}", quantity.word(), claim.role);
            document.error(claim.place, message);
        }
        let carriers = inputs.filter_map(|meter| meter.carrier);
        if let (Some(own), Some(other)) =
            (one.carrier, carriers.clone().find(|other| Some(*other) != one.carrier))
        {
            document.error(
                one.place,
                format!("virtual meter `{name}` measures {own}, but adds up a meter of {other}"),
            );
        }
        Some(quantity)
    }
}

/// No meter counts more than a thousand times: beyond that a coefficient is a mistake, and sums would overflow.
const MOST: i64 = 1_000 * MILLIONTHS;

/// The product of two coefficients in millionths, if it is exact and not absurd.
pub(super) fn product(a: i64, b: i64) -> Option<i64> {
    let product = i128::from(a) * i128::from(b);
    let one = i128::from(MILLIONTHS);
    let exact = (product % one == 0).then_some(product / one)?;
    i64::try_from(exact).ok().filter(|product| product.unsigned_abs() <= MOST.unsigned_abs())
}

/// A meter that comes in by two ways and in all by more than once.
fn check_twice(document: &Document<'_>, one: &Virtual, parts: &[Part]) {
    for part in parts {
        if part.millionths.unsigned_abs() > MOST.unsigned_abs() {
            let message = format!(
                "`{}` counts more than 1000 times in virtual meter `{}`",
                part.meter.meter, one.key.meter
            );
            document.error(one.place, message);
            continue;
        }
        let adding = part.ways.iter().filter(|(_, millionths)| *millionths > 0).count();
        if part.millionths > MILLIONTHS && adding > 1 {
            let ways: Vec<&str> = part.ways.iter().map(|(way, _)| way.as_str()).collect();
            let message = format!(
                "`{}` counts twice in virtual meter `{}`: {}; take one of them out of the `sum`",
                part.meter.meter,
                one.key.meter,
                ways.join(", and ")
            );
            document.error(one.place, message);
        }
    }
}
