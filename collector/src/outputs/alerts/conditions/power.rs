//! The power of a meter, real or virtual, by its name.

use super::Around;
use crate::indicators::Term;
use crate::indicators::account::Place;
use crate::store::StoreError;
use crate::topology::Topology;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS};
use wattledger_model::unit::Quantity;

/// Power is the mean over this long.
pub(super) const POWER_MINUTES: i64 = 15;

/// Mean power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Power {
    pub(super) watts: f64,
    /// Share of the time that was measured, of the meter of which least was, 0 to 1.
    pub(super) coverage: f64,
}

/// The mean power over an interval, where it is measured; `None` where nothing is, or it is no electricity. What was
/// spread over long steps says nothing of a quarter of an hour, and is left out.
pub(super) fn power(
    around: &mut Around<'_>,
    name: &Name,
    interval: Interval,
) -> Result<Option<Power>, StoreError> {
    const HOUR_MS: f64 = (HOUR_MINUTES * MINUTE_MS) as f64;
    let topology = around.topology();
    let key = MeterKey { site: around.of().site.clone(), meter: name.clone() };
    let terms = terms(&topology, &key);
    let mut power = Power { watts: 0.0, coverage: 1.0 };
    let counted: Vec<(Term, Place)> =
        terms.into_iter().filter(|term| term.touches(interval)).map(|term| (term, Place::Above)).collect();
    if counted.is_empty() || counted.iter().any(|(term, _)| !is_energy(&topology, *term)) {
        return Ok(None);
    }
    for sum in around.view.by_term(&counted, interval)? {
        let (amount, ms) = (sum.amounts[0], sum.ms[0]);
        if ms == 0 {
            return Ok(None);
        }
        let share = sum.term.millionths as f64 / 1e6;
        power.watts += share * amount as f64 / 1e6 * HOUR_MS / ms as f64;
        power.coverage = power.coverage.min(ms as f64 / (interval.minutes() * MINUTE_MS) as f64);
    }
    Ok(Some(power))
}

/// The real meters behind a name of the site; none where there is no such meter.
pub(super) fn terms(topology: &Topology, key: &MeterKey) -> Vec<Term> {
    let real = topology.meters.values().find(|known| known.declared.key == *key);
    match real {
        Some(known) => vec![Term::all_of(known.id)],
        None => topology.virtuals.get(key).cloned().unwrap_or_default(),
    }
}

fn is_energy(topology: &Topology, term: Term) -> bool {
    topology.meters.get(&term.meter).is_some_and(|known| known.declared.quantity() == Some(Quantity::Energy))
}

/// Watts for people.
pub(super) fn kw(watts: f64) -> String {
    format!("{:.1} kW", watts / 1e3)
}
