//! Registers that stand still while power flows. Source: domain.md 7.1.
//!
//! That power flows at a register is told by a meter of power at the same place, which the register names as its
//! `power_meter`; and without one by what is measured below: what a register alone feeds has passed it. What feeds it
//! says nothing of it, since what flowed in may have gone another way, and neither do the meters below two feeds, of
//! which one may have carried all.
//!
//! How long a register stands is taken from its readings alone: while none come it is stale, not frozen.

use super::power::terms;
use super::sources::sources;
use super::{About, Around, Sighting};
use crate::config::AlertRule;
use crate::indicators::Term;
use crate::indicators::account::Place;
use crate::ledger::interpret::POSITION_PER_BASE;
use crate::store::StoreError;
use crate::topology::{KnownMeter, Topology};
use crate::view::Standing;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Kind, MeterKey};
use wattledger_model::time::{DAY_MINUTES, Interval, MINUTE_MS, Minute};

/// An hour, seconds.
const RAISE: f64 = 3_600.0;
/// How far back is looked.
const REACH_MS: i64 = DAY_MINUTES * MINUTE_MS;
/// A register that moves at all has moved once so many of its smallest steps have passed it, with what meters err.
const STEPS: f64 = 2.0;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let topology = around.topology();
    let thresholds = rule.thresholds(RAISE, RAISE);
    let mut sightings = Vec::new();
    for source in sources(rule, around)?.iter().filter(|source| source.is_own) {
        let Some(known) = topology.meters.get(&source.meter) else { continue };
        let Some(evidence) = evidence(&topology, known) else { continue };
        let standing = around.view.standing(source.meter, around.at.start(), REACH_MS)?;
        let (value, cause) = match standing {
            Some(standing) => judged(around, known, &evidence, standing, thresholds.clear)?,
            None => (None, String::new()),
        };
        sightings.push(Sighting {
            subject: around.subject(About::Meter(source.name.to_string())),
            value,
            coverage: 1.0,
            thresholds,
            what: "time for which the register stands still while power flows".to_owned(),
            unit: "s",
            derives_from: vec![source.name.to_string()],
            cause,
        });
    }
    Ok(sightings)
}

/// What shows that power flows at a register.
struct Evidence {
    terms: Vec<Term>,
    /// In words.
    by: String,
}

/// `None` of what is no register, and where nothing would show it.
fn evidence(topology: &Topology, known: &KnownMeter) -> Option<Evidence> {
    if known.interpretation.kind != Kind::Register {
        return None;
    }
    let key = &known.declared.key;
    if let Some(name) = &known.declared.power_meter {
        let beside = MeterKey { site: key.site.clone(), meter: name.value.clone() };
        let terms = terms(topology, &beside);
        return (!terms.is_empty()).then(|| Evidence { terms, by: name.value.to_string() });
    }
    let is_fed_by_it_alone =
        |parents: &[crate::topology::Branch]| parents.len() == 1 && parents[0].name == key.meter;
    let node =
        topology.balances.iter().find(|node| node.site == key.site && is_fed_by_it_alone(&node.parents))?;
    let terms: Vec<Term> = node.children.iter().flat_map(|child| child.terms.iter().copied()).collect();
    let names: Vec<&str> = node.children.iter().map(|child| child.name.as_str()).collect();
    // A difference of meters is no amount that has passed anywhere.
    let are_amounts = !terms.is_empty() && terms.iter().all(|term| term.millionths > 0);
    are_amounts.then(|| Evidence { terms, by: names.join("+") })
}

/// For how long it stands still while power flows, s; `None` where that is longer than `short`, and nothing that it
/// should have shown is known to have passed.
fn judged(
    around: &mut Around<'_>,
    known: &KnownMeter,
    evidence: &Evidence,
    standing: Standing,
    short: f64,
) -> Result<(Option<f64>, String), StoreError> {
    let still_ms = standing.until.0 - standing.since.0;
    let seconds = still_ms as f64 / 1e3;
    if seconds <= short {
        return Ok((Some(seconds), String::new()));
    }
    let inside = Interval::new(standing.since.minute_ceil(), standing.until.minute());
    let reached = Interval::new(Minute(inside.to.0 - REACH_MS / MINUTE_MS), inside.to).intersect(inside);
    let terms: Vec<(Term, Place)> = evidence.terms.iter().map(|term| (*term, Place::Above)).collect();
    let sums = around.view.by_term(&terms, reached)?;
    // Estimates are no evidence.
    let passed: f64 = sums
        .iter()
        .map(|sum| sum.term.millionths as f64 / 1e6 * (sum.amounts[0] + sum.amounts[1]) as f64)
        .sum();
    let Some(step) = smallest_step(known, standing) else { return Ok((None, String::new())) };
    if passed <= STEPS * step {
        return Ok((None, String::new()));
    }
    let name = &known.declared.key.meter;
    let cause = format!(
        "{name} has shown the same since {}, while {:.2} kWh have passed by {}",
        standing.since,
        passed / 1e9,
        evidence.by
    );
    Ok((Some(seconds), cause))
}

/// What a register moves by at least, base units: its declared resolution, or the last place that it is written in.
fn smallest_step(known: &KnownMeter, standing: Standing) -> Option<f64> {
    let unit = known.interpretation.unit.or(standing.unit)?;
    let position = |value: Decimal| known.interpretation.position_at(standing.until, unit, value);
    let written = position(Decimal::new(1, standing.finest))?.abs();
    let rules = known.interpretation.register_rules_at(standing.until, unit);
    let declared = rules.resolution_at(position(standing.about)?.abs());
    Some(written.max(declared) as f64 / POSITION_PER_BASE as f64)
}
