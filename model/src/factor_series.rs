//! Emission factors by interval: hourly, or as fine as a grid publishes them. Source: domain.md 4.1.
//!
//! A factor holds until the next one, but no longer than the series usually waits for the next: a row that is
//! missing leaves a hole, in which the series says nothing, so that no time has a factor by guess.

mod read;

pub use read::SeriesProblems;

use crate::calendar::Tz;
use crate::time::{DAY_MINUTES, HOUR_MINUTES, Interval, Minute};

/// Rows that a series may have: five years of five minutes.
pub const MOST_ROWS: usize = 530_000;
/// Bytes that a text may have.
pub const MOST_BYTES: usize = 32 * 1024 * 1024;
/// No electricity gives off more, kg/kWh: a greater number is in another unit.
const MOST_KG_PER_KWH: f64 = 3.0;

/// Factors in the order of time, two at least.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorSeries {
    /// Since when, and kilograms of CO₂ per kilowatt-hour; times ascend, each once.
    rows: Vec<(Minute, f64)>,
    /// The usual time from a row to the next.
    step_minutes: i64,
}

impl FactorSeries {
    /// Reads a CSV text: a header `time,kg/kWh` or `time,g/kWh` (`kg_per_kwh` and `g_per_kwh` are understood too), then
    /// rows with the minute from which on a factor holds and the factor. Times are RFC 3339, or dates and times
    /// as clocks of the zone show them.
    ///
    /// # Errors
    /// Duplicates, times that run backwards and values that cannot be, with their lines. Holes are none.
    pub fn parse(text: &str, zone: Tz) -> Result<FactorSeries, SeriesProblems> {
        read::parse(text, zone).map(FactorSeries::of)
    }

    /// Factors of intervals of `step_minutes` from a minute on, kg/kWh; `None` where there are fewer than two, too
    /// many, the length is not positive, or a value cannot be.
    pub fn from_values(from: Minute, step_minutes: i64, kg_per_kwh: Vec<f64>) -> Option<FactorSeries> {
        let fits = step_minutes > 0 && (2..=MOST_ROWS).contains(&kg_per_kwh.len());
        let length = step_minutes.checked_mul(i64::try_from(kg_per_kwh.len()).ok()?)?;
        from.0.checked_add(length)?;
        let is_believed = kg_per_kwh.iter().all(|value| is_factor(*value));
        let rows = (0..).zip(kg_per_kwh).map(|(at, factor)| (Minute(from.0 + at * step_minutes), factor));
        (fits && is_believed).then(|| FactorSeries::of(rows.collect()))
    }

    fn of(rows: Vec<(Minute, f64)>) -> FactorSeries {
        let mut steps: Vec<i64> = rows.windows(2).map(|pair| pair[1].0.0 - pair[0].0.0).collect();
        steps.sort_unstable();
        let step_minutes = steps.get(steps.len() / 2).copied().unwrap_or(HOUR_MINUTES);
        FactorSeries { rows, step_minutes }
    }

    /// How long a row holds that has no next one in that time. Days by local clocks have 25 hours at times.
    fn longest(&self) -> i64 {
        if self.step_minutes >= DAY_MINUTES { self.step_minutes + HOUR_MINUTES } else { self.step_minutes }
    }

    /// When the factor of a row holds.
    fn holds(&self, at: usize) -> Interval {
        let from = self.rows[at].0;
        let usual = Minute(from.0 + self.step_minutes);
        let next = self.rows.get(at + 1).map(|(next, _)| *next);
        Interval::new(from, next.filter(|next| next.0 - from.0 <= self.longest()).unwrap_or(usual))
    }

    /// The row that is the last at or before a minute.
    fn row(&self, minute: Minute) -> Option<usize> {
        self.rows.partition_point(|(from, _)| *from <= minute).checked_sub(1)
    }

    /// kg/kWh at a minute; `None` outside the series and in its holes.
    pub fn at(&self, minute: Minute) -> Option<f64> {
        let row = self.row(minute).filter(|row| self.holds(*row).contains(minute))?;
        Some(self.rows[row].1)
    }

    /// From which minute on which factor holds, kg/kWh; `None` from where none does.
    pub fn steps(&self) -> Vec<(Minute, Option<f64>)> {
        let mut steps = Vec::with_capacity(self.rows.len() + 1);
        for (at, (from, factor)) in self.rows.iter().enumerate() {
            steps.push((*from, Some(*factor)));
            let end = self.holds(at).to;
            if self.rows.get(at + 1).is_none_or(|(next, _)| *next > end) {
                steps.push((end, None));
            }
        }
        steps
    }

    /// From its first factor to the end of its last.
    pub fn covers(&self) -> Interval {
        let last = self.holds(self.rows.len() - 1);
        Interval::new(self.rows[0].0, last.to)
    }

    /// Where rows are missing between the first and the last.
    pub fn holes(&self) -> Vec<Interval> {
        let pairs = self.rows.windows(2).enumerate();
        let holes = pairs.map(|(at, pair)| Interval::new(self.holds(at).to, pair[1].0));
        holes.filter(|hole| !hole.is_empty()).collect()
    }

    /// The usual time from a row to the next, minutes.
    pub fn step_minutes(&self) -> i64 {
        self.step_minutes
    }

    /// The mean over time, for people: an amount of carbon is never made with it. `None` unless the series says
    /// something of all of the interval.
    pub fn mean(&self, interval: Interval) -> Option<f64> {
        let first = self.row(interval.from).filter(|_| !interval.is_empty())?;
        let (mut sum, mut minutes) = (0.0, 0);
        for (at, (from, factor)) in self.rows.iter().enumerate().skip(first) {
            if *from >= interval.to {
                break;
            }
            let part = self.holds(at).intersect(interval).minutes();
            sum += factor * part as f64;
            minutes += part;
        }
        (minutes == interval.minutes()).then(|| sum / minutes as f64)
    }
}

/// Whether a number can be a factor, kg/kWh: no electricity gives off less than nothing or more than 3.
pub fn is_factor(kg_per_kwh: f64) -> bool {
    (0.0..=MOST_KG_PER_KWH).contains(&kg_per_kwh)
}

#[cfg(test)]
mod tests;
