//! An indicator of a facility over a window.

use super::{About, Around, Sighting};
use crate::config::{self, AlertRule, Condition, Side};
use crate::indicators::Indicator;
use crate::store::StoreError;
use crate::topology::Facility;
use wattledger_model::calendar;
use wattledger_model::time::{HOUR_MINUTES, Interval, Timestamp};

/// With less than this share of its design load, a facility's PUE says nothing of how it is run.
/// Source: domain.md 7.1.
const LEAST_LOAD: f64 = 0.1;

pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let Condition::Indicator { indicator, window } = &rule.condition else { return Ok(Vec::new()) };
    let interval = calendar::interval(*window, around.zone(), around.at);
    let asked = match indicator {
        config::Indicator::Pue => Indicator::Pue,
        config::Indicator::Wue => Indicator::Wue,
        config::Indicator::Cue => Indicator::Cue,
    };
    let figure = around.view.figure(around.facility, asked, interval)?;
    let (mut value, coverage) = figure.map_or((None, 0.0), |figure| (figure.value, figure.coverage));
    // A rule of an indicator says what raises it; there is no threshold of the condition's own.
    let raise = rule.written.raise.unwrap_or(f64::INFINITY);
    let thresholds = rule.thresholds(raise, raise);
    let facility = around.of();
    let mut sides = vec![facility.it.as_slice()];
    let mut cause = String::new();
    match indicator {
        config::Indicator::Pue => {
            sides.push(&facility.total);
            if let Some(figure) = figure {
                cause = powers(figure.numerator, figure.denominator, figure.coverage, interval);
                let it_kw = mean_kw(figure.denominator, figure.coverage, interval);
                if thresholds.side == Side::Above && is_idle(facility, interval, it_kw) {
                    value = None;
                }
            }
        }
        config::Indicator::Wue => sides.push(&facility.water),
        config::Indicator::Cue => sides.push(&facility.grid),
    }
    let derives_from = around.meters_of(&sides, interval);
    Ok(vec![Sighting {
        subject: around.subject(About::Facility),
        value,
        coverage,
        thresholds,
        what: format!("{} over {}", indicator.word().to_uppercase(), window.label()),
        unit: match indicator {
            config::Indicator::Pue => "1",
            config::Indicator::Wue => "L/kW.h",
            config::Indicator::Cue => "kg/kW.h",
        },
        derives_from,
        cause,
    }])
}

/// Mean kW of kWh that were used in the covered share of an interval; `None` where nothing is covered.
pub(super) fn mean_kw(kwh: f64, coverage: f64, interval: Interval) -> Option<f64> {
    let hours = coverage * interval.minutes() as f64 / HOUR_MINUTES as f64;
    (hours > 0.0).then(|| kwh / hours)
}

/// Whether the IT equipment takes so little that a PUE says nothing, where its design load is declared.
pub(super) fn is_idle(facility: &Facility, interval: Interval, it_kw: Option<f64>) -> bool {
    let Some(rated) = rated_kw(facility, interval.to.start()) else { return false };
    it_kw.is_some_and(|kw| kw < LEAST_LOAD * rated)
}

/// The design power of the IT equipment at an instant, kW.
fn rated_kw(facility: &Facility, at: Timestamp) -> Option<f64> {
    let facts = facility.facts.iter().rev().find(|facts| facts.from <= at)?;
    Some(facts.it_rated_microwatts? as f64 / 1e9)
}

/// The mean powers behind a PUE.
pub(super) fn powers(total_kwh: f64, it_kwh: f64, coverage: f64, interval: Interval) -> String {
    let kw = |kwh| mean_kw(kwh, coverage, interval);
    match (kw(total_kwh), kw(it_kwh)) {
        (Some(total), Some(it)) => {
            format!("the facility takes {total:.1} kW, its IT equipment {it:.1} kW")
        }
        _ => String::new(),
    }
}
