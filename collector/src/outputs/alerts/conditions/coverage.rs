//! How much of the last 24 hours both sides of a facility's PUE are known. Source: domain.md 7.1.

use super::{About, Around, Sighting};
use crate::config::AlertRule;
use crate::store::StoreError;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS};

/// Raised below this share of a day, cleared above this one: minutes never are exactly 97 % of a day.
const RAISE: f64 = 0.95;
const CLEAR: f64 = 0.97;
/// How many of the meters that know least are named.
const NAMED: usize = 3;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let facility = around.of();
    if facility.problem.is_some() {
        return Ok(Vec::new());
    }
    let day = around.window(DAY_MINUTES);
    let derives_from = around.meters_of(&[&facility.total, &facility.it], day);
    // What was before the first reading is not missing.
    let begun = around.view.first_hour(around.facility)?.is_some_and(|hour| hour * 60 <= day.from.0);
    let account = around.view.energies(around.facility, day)?;
    let share = account.minutes as f64 / day.minutes() as f64;
    let thresholds = rule.thresholds(RAISE, CLEAR);
    let is_low = begun && thresholds.side.is_beyond(share, thresholds.clear);
    let cause = if is_low { least_known(around)? } else { String::new() };
    Ok(vec![Sighting {
        subject: around.subject(About::Facility),
        value: begun.then_some(share),
        coverage: share,
        thresholds,
        what: "coverage over 24 hours".to_owned(),
        unit: "1",
        derives_from,
        cause,
    }])
}

/// The meters of both sides of which least is known, in words.
fn least_known(around: &mut Around<'_>) -> Result<String, StoreError> {
    let day = around.window(DAY_MINUTES);
    let topology = around.topology();
    let facility = &topology.facilities[around.facility];
    let mut known = Vec::new();
    for (meter, _) in &facility.patience {
        let Some(name) = topology.meters.get(meter).map(|known| known.declared.key.meter.as_str()) else {
            continue;
        };
        let [measured, interpolated, _] = around.view.booked(*meter, day)?;
        let share = (measured.1 + interpolated.1) as f64 / (day.minutes() * MINUTE_MS) as f64;
        known.push((share, name));
    }
    known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    let worst: Vec<String> = known
        .iter()
        .take(NAMED)
        .filter(|(share, _)| *share < CLEAR)
        .map(|(share, name)| format!("{name} is known for {:.1} %", share * 100.0))
        .collect();
    Ok(worst.join(", "))
}
