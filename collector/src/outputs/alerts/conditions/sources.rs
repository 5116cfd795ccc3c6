//! The meters that a facility expects to hear at a minute, with what they said last and who brings it.

use super::Around;
use crate::config::AlertRule;
use crate::indicators::Term;
use crate::store::{MeterId, StoreError};
use crate::topology::{Facility, KnownMeter, Topology};
use crate::view::LastWords;
use std::collections::BTreeMap;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::time::{Minute, Timestamp};

/// One meter of the site.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) meter: MeterId,
    pub(super) name: Name,
    /// Whether the facility that is looked at expects it, and the rule watches it.
    pub(super) is_own: bool,
    /// How old its newest reading may be, ms.
    pub(super) limit_ms: i64,
    /// How often a reading is due, ms.
    pub(super) interval_ms: i64,
    /// What it said last; `None` where that cannot be said, since its readings of then were deleted with age.
    pub(super) words: Option<LastWords>,
    /// Of one that never spoke: since when it is expected, as far as that is known.
    pub(super) silent_since: Option<Timestamp>,
    /// The agent that brought its newest reading, where one is known to have.
    pub(super) agent: Option<Name>,
}

/// Every meter of the facility's site that is expected at the minute, by name. Meters of other facilities are among
/// them, since an agent is silent only with all of its meters.
pub(super) fn sources(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Source>, StoreError> {
    let topology = around.topology();
    let at = around.at;
    let mut sources = Vec::new();
    for (key, expected) in expected(&topology, rule, around.facility, at) {
        let Some(known) = topology.meters.get(&expected.meter) else { continue };
        let words = around.view.last_words(known.id, at.start())?;
        let mut source = Source {
            meter: known.id,
            name: key.meter.clone(),
            is_own: expected.is_own && rule.is_about_meter(key.meter.as_str()),
            limit_ms: known.interpretation.stale_after_ms(),
            interval_ms: known.interpretation.nominal_interval_ms,
            words,
            silent_since: None,
            agent: None,
        };
        if let Some(incarnation) = words.and_then(|words| words.incarnation) {
            let agent = around.view.agent_of(incarnation)?;
            source.agent = agent.filter(|agent| agent.site == key.site).map(|agent| agent.agent);
        }
        if words.is_some_and(|words| words.newest.is_none()) {
            let Some(since) = silent_since(around, known, expected.since)? else { continue };
            source.silent_since = since;
        }
        sources.push(source);
    }
    Ok(sources)
}

/// Since when a meter that has not spoken is expected; `None` where it is not expected yet.
///
/// A claim says from when on. Where it says nothing, a meter that spoke later was installed then; one that never did is
/// expected since anything is known of the site.
fn silent_since(
    around: &mut Around<'_>,
    known: &KnownMeter,
    claimed: Option<Timestamp>,
) -> Result<Option<Option<Timestamp>>, StoreError> {
    if let Some(claimed) = claimed {
        return Ok(Some(Some(claimed)));
    }
    if around.view.first_word(known.id)?.is_some() {
        return Ok(None);
    }
    let topology = around.topology();
    let mut begun: Option<Timestamp> = None;
    for other in topology.meters.values().filter(|other| other.declared.key.site == known.declared.key.site) {
        begun = begun.into_iter().chain(around.view.first_word(other.id)?).min();
    }
    Ok(Some(begun.filter(|begun| *begun <= around.at.start())))
}

struct Expected {
    meter: MeterId,
    is_own: bool,
    /// Since when, where a claim says.
    since: Option<Timestamp>,
}

/// The meters of the facility's site that are expected at a minute: those with a claim in force, those behind a virtual
/// meter that counts, those that name a facility and claim nothing, and those that the rule names itself.
fn expected<'t>(
    topology: &'t Topology,
    rule: &AlertRule,
    facility: usize,
    at: Minute,
) -> BTreeMap<&'t MeterKey, Expected> {
    let site = &topology.facilities[facility].site;
    let mut all: BTreeMap<&MeterKey, Expected> = BTreeMap::new();
    let mut expect = |meter: MeterId, is_own: bool, since: Option<Timestamp>| {
        let Some(known) = topology.meters.get(&meter) else { return };
        let expected = Expected { meter, is_own, since };
        let there = all.entry(&known.declared.key).or_insert(expected);
        there.is_own |= is_own;
    };
    for (position, other) in topology.facilities.iter().enumerate().filter(|(_, other)| other.site == *site) {
        let is_own = position == facility;
        for known in topology.meters.values().filter(|known| known.declared.key.site == *site) {
            if let Some(since) = expected_since(known, other, at) {
                expect(known.id, is_own, since);
            }
        }
        for term in counted(other).filter(|term| term.during.contains(at)) {
            expect(term.meter, is_own, begin(term.during.from));
        }
    }
    let is_named = |known: &&KnownMeter| {
        known.declared.key.site == *site && rule.meters.contains(&known.declared.key.meter)
    };
    if rule.facility.is_some() {
        topology.meters.values().filter(is_named).for_each(|known| expect(known.id, true, None));
    }
    all
}

/// Since when a facility expects a meter by its claims; `None` where it does not at this minute.
fn expected_since(known: &KnownMeter, facility: &Facility, at: Minute) -> Option<Option<Timestamp>> {
    let declared = &known.declared;
    if declared.claims.is_empty() {
        return (declared.facility.as_ref() == Some(&facility.name)).then_some(None);
    }
    let own = || declared.claims.iter().filter(|claim| claim.facility == facility.name);
    own().any(|claim| claim.during.contains(at)).then(|| {
        let begun = own().map(|claim| claim.during.from).filter(|from| *from <= at);
        begun.min().and_then(begin)
    })
}

fn begin(from: Minute) -> Option<Timestamp> {
    (from.0 > i64::MIN).then(|| from.start())
}

/// All that is counted of a facility, real meters behind virtual ones among them.
fn counted(facility: &Facility) -> impl Iterator<Item = &Term> {
    let parts = facility.components.iter().map(|(_, terms)| terms);
    let fuels = facility.fuels.iter().map(|fuel| &fuel.terms);
    let zones = facility.zones.iter().flat_map(|zone| [&zone.total, &zone.it]);
    parts.chain(fuels).chain(zones).chain([&facility.it_load, &facility.racks_in_use]).flatten()
}
