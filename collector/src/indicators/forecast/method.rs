//! The ways to foresee the rest of a year.

use super::history::{History, Sum, dates, days_before, year_before};
use chrono::{Datelike, NaiveDate};

/// How the rest of a year is foreseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// By how the overhead answers to outdoor temperature, and last year's temperatures.
    Weather,
    /// By last year's overhead of the same dates.
    Season,
    /// By the overhead of the dates on the other side of midsummer.
    Mirrored,
    /// As in the last 30 days.
    Recent,
}

impl Method {
    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Method::Weather => "weather",
            Method::Season => "season",
            Method::Mirrored => "mirrored",
            Method::Recent => "recent",
        }
    }
}

/// What is expected of the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rest {
    pub(super) method: Method,
    pub(super) it_kwh: f64,
    pub(super) pue: f64,
}

const RECENT_DAYS: u64 = 30;
/// Of those, so many must be known.
const FEWEST_RECENT: u32 = 7;
/// Days by which this year is compared with last year, at most and at least.
const COMPARED_DAYS: u64 = 180;
const FEWEST_COMPARED: u32 = 30;
/// Days by which the answer to the weather is learnt, at most and at least.
const LEARNT_DAYS: u64 = 365;
const FEWEST_LEARNT: usize = 60;
/// Share of the rest's dates that must have a date to go by.
const ENOUGH: f64 = 0.8;
/// Share of the overhead's variance that the weather must explain.
const EXPLAINED: f64 = 0.5;
/// Days to either side that are taken together with one.
const MIRRORED_AROUND: u64 = 7;
/// The day of the year around which temperatures are alike, 20 July; half a year from it they are, too, so that it
/// serves both hemispheres.
const MIDSUMMER: i64 = 201;

/// The ratio of overhead to IT energy of the dates from one to another; `None` where the history does not support it.
type Way = fn(&History, NaiveDate, NaiveDate) -> Option<f64>;

/// The rest by the best of the methods that the history supports.
pub(super) fn rest(history: &History, now: NaiveDate, end: NaiveDate) -> Option<Rest> {
    let it_kwh = remaining_it(history, now, end)?;
    let ways: [(Method, Way); 4] = [
        (Method::Weather, weather),
        (Method::Season, season),
        (Method::Mirrored, mirrored),
        (Method::Recent, last_days),
    ];
    let mut ways = ways.into_iter();
    let (method, ratio) = ways.find_map(|(method, way)| Some((method, way(history, now, end)?)))?;
    Some(Rest { method, it_kwh, pue: 1.0 + ratio })
}

/// The rest as the last 30 days were.
pub(super) fn recent(history: &History, now: NaiveDate, end: NaiveDate) -> Option<Rest> {
    let (it_kwh, ratio) = (remaining_it(history, now, end)?, last_days(history, now, end)?);
    Some(Rest { method: Method::Recent, it_kwh, pue: 1.0 + ratio })
}

fn last_month(history: &History, now: NaiveDate) -> Option<Sum> {
    let sum = history.sum(days_before(now, RECENT_DAYS), now);
    (sum.days >= FEWEST_RECENT).then_some(sum)
}

fn remaining_it(history: &History, now: NaiveDate, end: NaiveDate) -> Option<f64> {
    let days = (end - now).num_days();
    let sum = last_month(history, now)?;
    (days > 0).then(|| sum.it_kwh / f64::from(sum.days) * days as f64)
}

fn last_days(history: &History, now: NaiveDate, _: NaiveDate) -> Option<f64> {
    last_month(history, now)?.ratio()
}

fn mean_of(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (mut sum, mut known, mut all) = (0.0, 0_u32, 0_u32);
    for value in values {
        all += 1;
        if let Some(value) = value {
            known += 1;
            sum += value;
        }
    }
    (known > 0 && f64::from(known) >= ENOUGH * f64::from(all)).then(|| sum / f64::from(known))
}

/// Last year's ratio of the same dates, times this year's so far by last year's of the same dates.
fn season(history: &History, now: NaiveDate, end: NaiveDate) -> Option<f64> {
    let (mut this, mut last) = (Sum::default(), Sum::default());
    for (date, known) in history.within(days_before(now, COMPARED_DAYS), now) {
        if let Some(before) = year_before(date).and_then(|before| history.get(before)) {
            this.add(known);
            last.add(before);
        }
    }
    if this.days < FEWEST_COMPARED {
        return None;
    }
    let drift = this.ratio()? / last.ratio().filter(|ratio| *ratio > 0.0)?;
    let ratio = |date| history.get(year_before(date)?).map(|known| known.overhead_kwh / known.it_kwh);
    Some(drift * mean_of(dates(now, end).map(ratio))?)
}

/// The ratio of the dates that are as far from midsummer on its other side.
fn mirrored(history: &History, now: NaiveDate, end: NaiveDate) -> Option<f64> {
    let a_year_ago = days_before(now, LEARNT_DAYS);
    let ratio = |date: NaiveDate| {
        let other_side = 2 * (MIDSUMMER - i64::from(date.ordinal()));
        let mut mirror = date.checked_add_signed(chrono::TimeDelta::days(other_side))?;
        while mirror >= now {
            mirror = days_before(mirror, 365);
        }
        if mirror < a_year_ago { None } else { history.around(mirror, MIRRORED_AROUND, now).ratio() }
    };
    mean_of(dates(now, end).map(ratio))
}

/// `overhead / IT = a + b·max(0, t − t0)`, fitted to the days that are over.
struct Answer {
    a: f64,
    b: f64,
    t0: f64,
}

impl Answer {
    fn at(&self, outdoor_c: f64) -> f64 {
        self.a + self.b * (outdoor_c - self.t0).max(0.0)
    }
}

fn weather(history: &History, now: NaiveDate, end: NaiveDate) -> Option<f64> {
    let learnt: Vec<(f64, f64)> = history
        .within(days_before(now, LEARNT_DAYS), now)
        .filter_map(|(_, known)| Some((known.outdoor_c?, known.overhead_kwh / known.it_kwh)))
        .collect();
    if learnt.len() < FEWEST_LEARNT {
        return None;
    }
    let answer = fitted(&learnt)?;
    let ratio = |date| Some(answer.at(history.get(year_before(date)?)?.outdoor_c?));
    mean_of(dates(now, end).map(ratio))
}

/// The least squares over whole degrees of the temperature from which the overhead rises; `None` where that explains
/// too little, or the overhead falls as it gets warmer.
fn fitted(learnt: &[(f64, f64)]) -> Option<Answer> {
    let count = learnt.len() as f64;
    let mean = learnt.iter().map(|(_, ratio)| ratio).sum::<f64>() / count;
    let variance = learnt.iter().map(|(_, ratio)| (ratio - mean).powi(2)).sum::<f64>();
    let mut best: Option<(f64, Answer)> = None;
    for t0 in -10..=30 {
        let t0 = f64::from(t0);
        let over = |outdoor: f64| (outdoor - t0).max(0.0);
        let mean_over = learnt.iter().map(|(outdoor, _)| over(*outdoor)).sum::<f64>() / count;
        let spread = learnt.iter().map(|(outdoor, _)| (over(*outdoor) - mean_over).powi(2)).sum::<f64>();
        if spread <= f64::EPSILON * count {
            continue;
        }
        let joint = learnt.iter().map(|(o, ratio)| (over(*o) - mean_over) * (ratio - mean)).sum::<f64>();
        let b = joint / spread;
        let left = variance - b * joint;
        if best.as_ref().is_none_or(|(least, _)| left < *least) {
            best = Some((left, Answer { a: mean - b * mean_over, b, t0 }));
        }
    }
    let (left, answer) = best?;
    (answer.b > 0.0 && left <= (1.0 - EXPLAINED) * variance).then_some(answer)
}
