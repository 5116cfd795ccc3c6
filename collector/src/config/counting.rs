//! Whether anything counts twice: by its shares, in one sum by several ways, or together with what feeds it.

use super::claim::Claim;
use super::meter::Meter;
use super::span::{overlap, stretches, words};
use super::tree;
use super::virtuals::{Virtual, product};
use crate::indicators::account::MILLIONTHS;
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::decimal::Decimal;
use wattledger_model::document::{Document, Place};
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::role::Side;
use wattledger_model::time::Interval;

/// A share in words: `0.6`.
pub(super) fn share(millionths: i64) -> Decimal {
    Decimal::new(millionths, -6).normalized()
}

/// A sum of coefficients, however wild they are.
fn total(millionths: impl Iterator<Item = i64>) -> i64 {
    millionths.fold(0, i64::saturating_add)
}

/// Checks the shares of one meter among facilities, and that each claims it once at a time.
pub(super) fn check_shares(document: &Document<'_>, name: &Name, claims: &[Claim]) {
    for (at, claim) in claims.iter().enumerate() {
        let same = |other: &&Claim| other.zone == claim.zone && other.facility == claim.facility;
        let clash = claims[..at].iter().filter(same).find(|other| overlap(other.during, claim.during));
        if let Some(other) = clash {
            let message = format!(
                "meter `{name}` is claimed twice for {} ({} {}, {} {}): end one claim with `to` where the other begins",
                claim.boundary(),
                other.role,
                words(other.during),
                claim.role,
                words(claim.during)
            );
            document.error(claim.place, message);
        }
    }
    let shared: Vec<&Claim> = claims.iter().filter(|claim| claim.zone.is_none()).collect();
    let mut told: BTreeSet<(Place, bool)> = BTreeSet::new();
    for stretch in stretches(shared.iter().map(|claim| claim.during)) {
        let active: Vec<&&Claim> = shared.iter().filter(|claim| overlap(claim.during, stretch)).collect();
        let facilities: BTreeSet<&Name> = active.iter().map(|claim| &claim.facility).collect();
        let (Some(last), true) = (active.last(), facilities.len() > 1) else { continue };
        let sum = total(active.iter().map(|claim| claim.millionths));
        if sum == MILLIONTHS || !told.insert((last.place, sum > MILLIONTHS)) {
            continue;
        }
        let listed: Vec<String> =
            active.iter().map(|claim| format!("{} {}", claim.facility, share(claim.millionths))).collect();
        let (listed, when) = (listed.join(", "), words(stretch));
        if sum > MILLIONTHS {
            let message = format!(
                "the shares of meter `{name}` add up to {} {when} ({listed}): more than it measures; give each its `share`, 1 in all",
                share(sum)
            );
            document.error(last.place, message);
        } else {
            let message = format!(
                "the shares of meter `{name}` add up to {} {when} ({listed}): {} of it belongs to no facility",
                share(sum),
                share(MILLIONTHS - sum)
            );
            document.warning(last.place, message);
        }
    }
}

/// One claim on one real meter, directly or through a virtual one.
#[derive(Debug, Clone)]
struct Count<'a> {
    meter: &'a MeterKey,
    millionths: i64,
    during: Interval,
    /// How it comes into the sum: `supply -> incomer-a`.
    way: String,
    claim: &'a Claim,
}

type Boundary<'a> = (&'a Name, Option<&'a Name>);

/// Every sum of every facility and zone, as what it counts.
fn sums<'a>(
    document: &Document<'_>,
    meters: &'a [Meter],
    virtuals: &'a [Virtual],
) -> BTreeMap<(Boundary<'a>, Side), Vec<Count<'a>>> {
    let mut sums: BTreeMap<(Boundary<'a>, Side), Vec<Count<'a>>> = BTreeMap::new();
    let mut add = |claim: &'a Claim, meter: &'a MeterKey, coefficient: i64, way: String| {
        if matches!(claim.role.side(), Side::Gauge(_)) {
            return;
        }
        let Some(millionths) = product(claim.millionths, coefficient) else {
            let message = format!(
                "a share of {} of `{way}` is not a whole number of millionths; give fewer decimals",
                share(claim.millionths)
            );
            document.error(claim.place, message);
            return;
        };
        let boundary = (&claim.facility, claim.zone.as_ref());
        let count = Count { meter, millionths, during: claim.during, way, claim };
        sums.entry((boundary, claim.role.side())).or_default().push(count);
    };
    for meter in meters {
        meter.claims.iter().for_each(|claim| add(claim, &meter.key, MILLIONTHS, meter.key.meter.to_string()));
    }
    for one in virtuals {
        for claim in &one.claims {
            for part in &one.parts {
                let way = format!("{} -> {}", one.key.meter, part.meter.meter);
                add(claim, &part.meter, part.millionths, way);
            }
        }
    }
    sums
}

/// Reports what counts twice in one sum: a meter by several ways, and a meter together with one above it.
pub(super) fn check_sums(
    document: &Document<'_>,
    meters: &[Meter],
    virtuals: &[Virtual],
    tree_is_sound: bool,
) {
    let parents = if tree_is_sound { tree::real_parents(meters, virtuals) } else { BTreeMap::new() };
    for ((_, side), counts) in sums(document, meters, virtuals) {
        let mut told: BTreeSet<(Place, Place)> = BTreeSet::new();
        for stretch in stretches(counts.iter().map(|count| count.during)) {
            let active: Vec<&Count<'_>> =
                counts.iter().filter(|count| overlap(count.during, stretch)).collect();
            by_several_ways(document, side, stretch, &active, &mut told);
            along_the_tree(document, side, &active, &parents, &mut told);
        }
    }
}

fn by_several_ways(
    document: &Document<'_>,
    side: Side,
    stretch: Interval,
    active: &[&Count<'_>],
    told: &mut BTreeSet<(Place, Place)>,
) {
    let mut by_meter: BTreeMap<&MeterKey, Vec<&Count<'_>>> = BTreeMap::new();
    active.iter().for_each(|count| by_meter.entry(count.meter).or_default().push(count));
    for (meter, counts) in by_meter {
        let sum = total(counts.iter().map(|count| count.millionths));
        let adding: Vec<&&Count<'_>> = counts.iter().filter(|count| count.millionths > 0).collect();
        let [first, .., last] = adding[..] else { continue };
        // Both of one claim: the virtual meter itself counts it twice, and says so. All claims of the meter itself:
        // they overlap, which is said of its claims.
        let told_elsewhere =
            first.claim.place == last.claim.place || adding.iter().all(|count| count.way == first.way);
        if sum <= MILLIONTHS || told_elsewhere || !told.insert((first.claim.place, last.claim.place)) {
            continue;
        }
        let ways: Vec<&str> = adding.iter().map(|count| count.way.as_str()).collect();
        let message = format!(
            "meter `{}` counts {} times in {} of {} {}: {}; take it off one of them",
            meter.meter,
            share(sum),
            side.words(),
            last.claim.boundary(),
            words(stretch),
            ways.join(", and ")
        );
        document.error(last.claim.place, message);
    }
}

/// Walks up from each meter that counts: what is above it and counts too has it inside.
fn along_the_tree(
    document: &Document<'_>,
    side: Side,
    active: &[&Count<'_>],
    parents: &BTreeMap<&MeterKey, BTreeSet<&MeterKey>>,
    told: &mut BTreeSet<(Place, Place)>,
) {
    let mut net: BTreeMap<&MeterKey, i64> = BTreeMap::new();
    for count in active {
        let sum = net.entry(count.meter).or_default();
        *sum = sum.saturating_add(count.millionths);
    }
    let mut above = Above { net: &net, parents, known: BTreeMap::new() };
    for count in active.iter().filter(|count| net[count.meter] > 0) {
        let (over, nearest) = above.of(count.meter);
        let Some(nearest) = nearest.filter(|_| over.saturating_add(net[count.meter]) > MILLIONTHS) else {
            continue;
        };
        let Some(upper) = active.iter().find(|other| other.meter == nearest && other.millionths > 0) else {
            continue;
        };
        if upper.claim.place == count.claim.place || !told.insert((upper.claim.place, count.claim.place)) {
            continue;
        }
        let message = format!(
            "`{}` ({}) is fed by `{}` ({}), and both count in {} of {}: what passes `{}` counts twice; \
             take the role off one, or claim a [[virtual]] meter with sum = [\"{}\", \"-{}\"]",
            count.way,
            count.claim.role,
            upper.way,
            upper.claim.role,
            side.words(),
            count.claim.boundary(),
            count.meter.meter,
            upper.meter.meter,
            count.meter.meter
        );
        document.error(count.claim.place, message);
    }
}

/// What counts along the way from the root down to a meter, without the meter itself.
struct Above<'a, 'n> {
    net: &'n BTreeMap<&'a MeterKey, i64>,
    parents: &'n BTreeMap<&'a MeterKey, BTreeSet<&'a MeterKey>>,
    known: BTreeMap<&'a MeterKey, (i64, Option<&'a MeterKey>)>,
}

impl<'a> Above<'a, '_> {
    /// The most that counts on a way above, and the nearest meter that counts on it. The tree has no cycle.
    fn of(&mut self, meter: &'a MeterKey) -> (i64, Option<&'a MeterKey>) {
        if let Some(known) = self.known.get(meter) {
            return *known;
        }
        let mut most = (0, None);
        for parent in self.parents.get(meter).into_iter().flatten().copied() {
            let (over, farther) = self.of(parent);
            let own = self.net.get(parent).copied().unwrap_or(0);
            let nearest = if own > 0 { Some(parent) } else { farther };
            let sum = over.saturating_add(own);
            if sum > most.0 {
                most = (sum, nearest);
            }
        }
        self.known.insert(meter, most);
        most
    }
}
