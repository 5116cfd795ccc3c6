//! The tree of meters: what is fed by what, and what is wrong with that.

use super::meter::Meter;
use super::virtuals::Virtual;
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::document::{Document, Place, Placed};
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::unit::Quantity;

/// A cycle as its path: `a -> b -> a`.
pub(super) fn path(cycle: &[MeterKey]) -> String {
    let names = cycle.iter().chain(cycle.first()).map(|key| key.meter.as_str());
    names.collect::<Vec<_>>().join(" -> ")
}

/// Whether one of `goals` can be reached from a key, by no or more steps.
pub(super) fn reaches(
    from: &MeterKey,
    next: &impl Fn(&MeterKey) -> Vec<MeterKey>,
    goals: &BTreeSet<MeterKey>,
) -> bool {
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![from.clone()]);
    while let Some(key) = waiting.pop() {
        if goals.contains(&key) {
            return true;
        }
        if seen.insert(key.clone()) {
            waiting.extend(next(&key));
        }
    }
    false
}

/// The cycles, each once, from the least of its keys on: for every key that lies on one, the shortest such.
pub(super) fn cycles(
    keys: impl Iterator<Item = MeterKey>,
    next: &impl Fn(&MeterKey) -> Vec<MeterKey>,
) -> Vec<Vec<MeterKey>> {
    let mut found: BTreeSet<Vec<MeterKey>> = BTreeSet::new();
    let mut looped: BTreeSet<MeterKey> = BTreeSet::new();
    for start in keys {
        if looped.contains(&start) {
            continue;
        }
        let Some(mut cycle) = way_back(&start, next) else { continue };
        looped.extend(cycle.iter().cloned());
        let least = (0..cycle.len()).min_by_key(|at| cycle[*at].clone()).unwrap_or(0);
        cycle.rotate_left(least);
        found.insert(cycle);
    }
    found.into_iter().collect()
}

/// The shortest way from a key back to itself.
fn way_back(start: &MeterKey, next: &impl Fn(&MeterKey) -> Vec<MeterKey>) -> Option<Vec<MeterKey>> {
    let mut came_from: BTreeMap<MeterKey, MeterKey> = BTreeMap::new();
    let mut waiting = std::collections::VecDeque::from([start.clone()]);
    while let Some(key) = waiting.pop_front() {
        for to in next(&key) {
            if to == *start {
                let mut way = vec![key.clone()];
                while way.last() != Some(start) {
                    let before = came_from.get(way.last()?)?.clone();
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(&to) {
                came_from.insert(to.clone(), key.clone());
                waiting.push_back(to);
            }
        }
    }
    None
}

/// A real or virtual meter in the tree.
struct Point<'a> {
    key: &'a MeterKey,
    fed_by: &'a [Placed<Name>],
    quantity: Option<Quantity>,
    place: Place,
    /// What it adds up, where it is virtual.
    adds: Vec<&'a MeterKey>,
}

fn points<'a>(meters: &'a [Meter], virtuals: &'a [Virtual]) -> BTreeMap<&'a MeterKey, Point<'a>> {
    let real = meters.iter().map(|meter| Point {
        key: &meter.key,
        fed_by: &meter.fed_by,
        quantity: meter.quantity(),
        place: meter.place,
        adds: Vec::new(),
    });
    let summed = virtuals.iter().map(|one| Point {
        key: &one.key,
        fed_by: &one.fed_by,
        quantity: one.quantity,
        place: one.place,
        adds: one.parts.iter().filter(|part| part.millionths > 0).map(|part| &part.meter).collect(),
    });
    real.chain(summed).map(|point| (point.key, point)).collect()
}

/// Reports parents that do not exist, parents of another quantity, and cycles with their path. Gives whether
/// the tree can be walked.
pub(super) fn check(document: &Document<'_>, meters: &[Meter], virtuals: &[Virtual]) -> bool {
    let points = points(meters, virtuals);
    let mut sound = true;
    for point in points.values() {
        for (at, parent) in point.fed_by.iter().enumerate() {
            let key = MeterKey { site: point.key.site.clone(), meter: parent.value.clone() };
            let Some(above) = points.get(&key) else {
                let here = points.keys().filter(|other| other.site == key.site && *other != &point.key);
                document.dangling(
                    parent.place,
                    "meter",
                    parent.as_str(),
                    here.map(|other| other.meter.as_str()),
                );
                sound = false;
                continue;
            };
            if point.fed_by[..at].iter().any(|other| other.value == parent.value) {
                document.error(parent.place, format!("`{}` is named twice", parent.value));
            }
            check_quantities(document, point, above, parent);
        }
    }
    let next = |key: &MeterKey| -> Vec<MeterKey> {
        let Some(point) = points.get(key) else { return Vec::new() };
        let above =
            point.fed_by.iter().map(|name| MeterKey { site: key.site.clone(), meter: name.value.clone() });
        // What a virtual meter is made of lies where it lies.
        above.chain(point.adds.iter().map(|part| (*part).clone())).collect()
    };
    let feeds = points.values().filter(|point| !point.fed_by.is_empty()).map(|point| point.key.clone());
    for cycle in cycles(feeds, &next) {
        if let Some(first) = points.get(&cycle[0]) {
            let message = format!("`{}` is fed by itself: {}", first.key.meter, path(&cycle));
            document.error(first.place, message);
        }
        sound = false;
    }
    sound && check_real(document, &points, &real_parents(meters, virtuals))
}

/// What feeds a virtual meter feeds what it is made of, which may close a circle that the names do not show.
fn check_real(
    document: &Document<'_>,
    points: &BTreeMap<&MeterKey, Point<'_>>,
    parents: &BTreeMap<&MeterKey, BTreeSet<&MeterKey>>,
) -> bool {
    let next = |key: &MeterKey| -> Vec<MeterKey> {
        parents.get(key).into_iter().flatten().map(|parent| (*parent).clone()).collect()
    };
    let found = cycles(parents.keys().map(|key| (*key).clone()), &next);
    for cycle in &found {
        if let Some(first) = points.get(&cycle[0]) {
            let message = format!(
                "`{}` is fed by itself: {}, by way of what virtual meters are made of",
                first.key.meter,
                path(cycle)
            );
            document.error(first.place, message);
        }
    }
    found.is_empty()
}

fn check_quantities(document: &Document<'_>, point: &Point<'_>, above: &Point<'_>, parent: &Placed<Name>) {
    let (Some(own), Some(theirs)) = (point.quantity, above.quantity) else { return };
    if own == Quantity::Gauge {
        let message = format!("`{}` is a gauge; a gauge is not fed by anything", point.key.meter);
        document.error(parent.place, message);
    } else if own != theirs {
        let message = format!(
            "`{}` measures {} and cannot be fed by `{}`, which measures {}",
            point.key.meter,
            own.word(),
            parent.value,
            theirs.word()
        );
        document.error(parent.place, message);
    }
}

/// For each real meter, the real meters right above it: with virtual ones replaced by what they add up.
pub(super) fn real_parents<'a>(
    meters: &'a [Meter],
    virtuals: &'a [Virtual],
) -> BTreeMap<&'a MeterKey, BTreeSet<&'a MeterKey>> {
    let points = points(meters, virtuals);
    let real = |point: &Point<'a>| -> Vec<&'a MeterKey> {
        if point.adds.is_empty() { vec![point.key] } else { point.adds.clone() }
    };
    let mut parents: BTreeMap<&MeterKey, BTreeSet<&MeterKey>> = BTreeMap::new();
    for point in points.values() {
        for name in point.fed_by {
            let key = MeterKey { site: point.key.site.clone(), meter: name.value.clone() };
            let Some(above) = points.get(&key) else { continue };
            for child in real(point) {
                let above = real(above).into_iter().filter(|parent| *parent != child);
                parents.entry(child).or_default().extend(above);
            }
        }
    }
    parents
}
