//! How far off a method was at earlier dates, where the outcome is known.

use super::history::{History, days_before};
use super::method::{self, Method, Rest};
use chrono::NaiveDate;

/// Standard deviations of what is foreseen of the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Errors {
    /// Of its PUE.
    pub(super) pue: f64,
    /// Of its IT energy, as a share of it.
    pub(super) it_share: f64,
}

/// How often, and at which distance in days, the past is foreseen.
const TRIES: u64 = 8;
const APART: u64 = 30;
/// An outcome of fewer days tells nothing.
const FEWEST_DAYS: i64 = 14;
/// No forecast is better than this share of the overhead, and none of IT energy better than this share.
const LEAST: f64 = 0.02;

/// The errors that a method had, or, where its like was never possible, those of going on as before.
pub(super) fn errors(history: &History, of: Method, now: NaiveDate, end: NaiveDate) -> Errors {
    let length = (end - now).num_days();
    let (mut same, mut others) = (Vec::new(), Vec::new());
    let first = history.first().unwrap_or(now);
    for back in 1..=TRIES {
        let then = days_before(now, back * APART);
        let until = then.checked_add_signed(chrono::TimeDelta::days(length)).unwrap_or(now).min(now);
        let days = (until - then).num_days();
        if then <= first || days < FEWEST_DAYS.min(length) {
            continue;
        }
        let outcome = history.sum(then, until);
        let (Some(ratio), Some(foreseen)) = (outcome.ratio(), method::rest(history, then, until)) else {
            continue;
        };
        // What is not in the history is in no sum.
        let it_foreseen = foreseen.it_kwh * f64::from(outcome.days) / days as f64;
        // A shorter time than the one that is asked about is foreseen more easily.
        let longer = (length as f64 / days as f64).sqrt().max(1.0);
        let error = |foreseen: &Rest| longer * (foreseen.pue - 1.0 - ratio);
        let it_error = longer * (it_foreseen / outcome.it_kwh - 1.0);
        if foreseen.method == of {
            same.push((error(&foreseen), it_error));
        } else if let Some(recent) = method::recent(history, then, until) {
            others.push((error(&recent), it_error));
        }
    }
    let tried = if same.len() >= 2 { same } else { same.into_iter().chain(others).collect() };
    let spread = |part: fn(&(f64, f64)) -> f64| {
        let squares: f64 = tried.iter().map(|errors| part(errors).powi(2)).sum();
        (squares / tried.len().max(1) as f64).sqrt()
    };
    let overhead = method::recent(history, now, end).map_or(0.0, |rest| rest.pue - 1.0);
    // Without any outcome yet, what a season may do to an overhead.
    let unknown = if tried.is_empty() { 0.25 } else { 0.0 };
    Errors {
        pue: spread(|errors| errors.0).max(LEAST * overhead).max(unknown * overhead),
        it_share: spread(|errors| errors.1).max(LEAST).max(unknown),
    }
}
