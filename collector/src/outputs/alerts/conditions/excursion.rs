//! PUE over the last hour against a limit. Source: domain.md 7.1.

use super::indicator::{is_idle, mean_kw, powers};
use super::{About, Around, Sighting};
use crate::config::{AlertRule, Condition, even, is_upper_on_pue};
use crate::indicators::Indicator;
use crate::store::StoreError;
use crate::topology::Facility;
use wattledger_model::calendar;
use wattledger_model::time::{HOUR_MINUTES, Minute};

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let Condition::PueExcursion { limit, raise_by, clear_by } = rule.condition else { return Ok(Vec::new()) };
    let named = match limit {
        Some(limit) => Some((limit, String::new())),
        None => lowest_limit(around.of(), around.at),
    };
    let (thresholds, against) = match (&named, rule.written.raise) {
        (Some((limit, of)), _) => (
            rule.thresholds(even(limit + raise_by), even(limit + clear_by)),
            format!("; the limit is {limit}{of}"),
        ),
        (None, Some(raise)) => (rule.thresholds(raise, raise), String::new()),
        // Without a limit there is no excursion.
        (None, None) => return Ok(Vec::new()),
    };
    let interval = around.window(HOUR_MINUTES);
    let figure = around.view.figure(around.facility, Indicator::Pue, interval)?;
    let (mut value, mut coverage, mut cause) = (None, 0.0, String::new());
    if let Some(figure) = figure {
        (value, coverage) = (figure.value, figure.coverage);
        let it_kw = mean_kw(figure.denominator, coverage, interval);
        if is_idle(around.of(), interval, it_kw) {
            value = None;
        }
        if value.is_some() {
            cause = powers(figure.numerator, figure.denominator, coverage, interval) + &against;
        }
    }
    let facility = around.of();
    Ok(vec![Sighting {
        derives_from: around.meters_of(&[&facility.total, &facility.it], interval),
        subject: around.subject(About::Facility),
        value,
        coverage,
        thresholds,
        what: "PUE over 1 hour".to_owned(),
        unit: "1",
        cause,
    }])
}

/// The lowest upper limit on PUE of the facility's targets in force at a minute, and whose it is.
fn lowest_limit(facility: &Facility, at: Minute) -> Option<(f64, String)> {
    let date = calendar::date_of(facility.zone, Minute(at.0 - 1));
    let in_force = facility
        .targets
        .iter()
        .filter(|target| is_upper_on_pue(target))
        .filter(|target| !target.has_passed(date) && target.from.is_none_or(|from| from <= date));
    let lowest = in_force.min_by(|a, b| a.limit.value.total_cmp(&b.limit.value))?;
    Some((lowest.limit.value, format!(" of {}", lowest.id)))
}
