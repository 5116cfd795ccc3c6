//! How unevenly the phases of a UPS are loaded. Source: domain.md 7.1.

use super::power::{POWER_MINUTES, kw, power, terms};
use super::{About, Around, Sighting};
use crate::config::{AlertRule, Condition};
use crate::outputs::alerts::formulas::imbalance_percent;
use crate::store::StoreError;
use wattledger_model::meter::MeterKey;

/// The largest deviation from the mean by the mean, percent.
const RAISE: f64 = 15.0;
const CLEAR: f64 = 10.0;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let Condition::PhaseImbalance(phases) = &rule.condition else { return Ok(Vec::new()) };
    let interval = around.window(POWER_MINUTES);
    let (mut powers, mut coverage) = (Vec::new(), 1.0_f64);
    for name in &phases.meters {
        match power(around, &name.value, interval)? {
            Some(found) => {
                powers.push(found.watts);
                coverage = coverage.min(found.coverage);
            }
            None => coverage = 0.0,
        }
    }
    // Of the phases that are left a mean would be another one.
    let is_whole = powers.len() == phases.meters.len();
    let value = imbalance_percent(&powers).filter(|_| is_whole);
    let each =
        phases.meters.iter().zip(&powers).map(|(name, watts)| format!("{} {}", name.value, kw(*watts)));
    let cause = if is_whole { each.collect::<Vec<_>>().join(", ") } else { String::new() };
    let topology = around.topology();
    let site = around.of().site.clone();
    let behind: Vec<_> = phases
        .meters
        .iter()
        .flat_map(|name| terms(&topology, &MeterKey { site: site.clone(), meter: name.value.clone() }))
        .collect();
    Ok(vec![Sighting {
        subject: around.subject(About::Point(rule.name.to_string())),
        value,
        coverage,
        thresholds: rule.thresholds(RAISE, CLEAR),
        what: format!("phase imbalance over {POWER_MINUTES} minutes"),
        unit: "%",
        derives_from: around.meters_of(&[&behind], interval),
        cause,
    }])
}
