//! What the rest of a year will bring: IT energy, energy of the whole facility, and how well that can be known.
//! Source: domain.md 7.2.
//!
//! IT energy goes on as in the last 30 days. The overhead by IT energy follows, in this order, whichever the history
//! supports:
//!
//! 1. **Weather**: the overhead as it answered to outdoor temperature, and last year's temperatures;
//! 2. **Season**: last year's overhead of the same dates, by how this year differed from last year so far;
//! 3. **Mirrored**: without last year, the overhead of the dates on the other side of midsummer;
//! 4. **Recent**: the last 30 days go on, the default of domain.md 7.2.
//!
//! How far off that may be is taken from the same history: the method is tried at earlier dates, and its errors there
//! are the forecast's.

mod hindcast;
mod history;
mod method;

pub use history::{Day, History};
pub use method::Method;

use chrono::NaiveDate;
use wattledger_model::target::{Limit, Operator};

/// A year so far, kWh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToDate {
    /// `E_DC` of the year to date.
    pub total_kwh: f64,
    /// `E_IT` of the year to date.
    pub it_kwh: f64,
}

/// What is expected of a year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// How the rest was foreseen.
    pub method: Method,
    /// IT energy of the rest of the year, kWh.
    pub remaining_it_kwh: f64,
    /// PUE of the rest of the year.
    pub remaining_pue: f64,
    /// PUE of the whole year.
    pub year_pue: f64,
    /// Standard deviation of the year's PUE.
    pub deviation: f64,
    /// PUE of the whole year if the last 30 days went on: the formula of domain.md 7.2 without season.
    pub naive_year_pue: f64,
}

/// Standard deviations to either side of an interval that holds the year's PUE nine times in ten.
const NINE_IN_TEN: f64 = 1.644_853_626_951_472_2;

impl Forecast {
    /// Foresees a year's end. `now` is the first date of which nothing counts yet, `end` the first date of the next year.
    /// `None` before there is a week of data in the last 30 days, and where nothing is left to be foreseen.
    pub fn of(history: &History, so_far: ToDate, now: NaiveDate, end: NaiveDate) -> Option<Forecast> {
        let rest = method::rest(history, now, end)?;
        let recent = method::recent(history, now, end)?;
        let errors = hindcast::errors(history, rest.method, now, end);
        let ToDate { total_kwh, it_kwh } = so_far;
        let year = |it: f64, pue: f64| (total_kwh + pue * it) / (it_kwh + it);
        let year_pue = year(rest.it_kwh, rest.pue);
        let whole = it_kwh + rest.it_kwh;
        // The year's PUE moves with the rest's by the rest's share; with its IT energy by how the two parts differ.
        let by_pue = errors.pue * rest.it_kwh / whole;
        let differ = if it_kwh > 0.0 { rest.pue - total_kwh / it_kwh } else { 0.0 };
        let by_it = errors.it_share * rest.it_kwh * differ * it_kwh / (whole * whole);
        Some(Forecast {
            method: rest.method,
            remaining_it_kwh: rest.it_kwh,
            remaining_pue: rest.pue,
            year_pue,
            deviation: by_pue.hypot(by_it),
            naive_year_pue: year(recent.it_kwh, recent.pue),
        })
    }

    /// Bounds between which the year's PUE will lie nine times in ten. It never lies below what is spent already.
    pub fn interval(&self) -> (f64, f64) {
        let half = NINE_IN_TEN * self.deviation;
        ((self.year_pue - half).max(1.0), self.year_pue + half)
    }

    /// How probable it is that the year misses an upper limit, 0 to 1.
    pub fn probability_of_breach(&self, limit: Limit) -> f64 {
        debug_assert!(matches!(limit.operator, Operator::AtMost | Operator::Below));
        if self.deviation <= 0.0 {
            return if limit.meets(self.year_pue) { 0.0 } else { 1.0 };
        }
        let standardised = (self.year_pue - limit.value) / self.deviation;
        0.5 * libm::erfc(-standardised / std::f64::consts::SQRT_2)
    }
}

#[cfg(test)]
mod tests;
