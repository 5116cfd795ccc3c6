//! What a year's PUE targets still permit a facility, and how the year will end. Source: domain.md 7.2.

use super::TargetsError;
use super::listing::unknown_facility;
use crate::indicators::figure::UWH_PER_KWH;
use crate::indicators::forecast::{Day, Forecast, History, ToDate};
use crate::indicators::target_budget::{Course, burn_rate, overhead_left_kwh, target_budget};
use crate::indicators::{Indicator, Term};
use crate::store::StoreError;
use crate::topology::outdoor::{self, Gauge};
use crate::view::View;
use chrono::{Datelike, Months, NaiveDate};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::target::{Operator, Target};
use wattledger_model::time::{Interval, MINUTE_MS, Minute};

/// A facility's year so far, what is expected of its rest, and what each target permits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    /// The facility.
    pub facility: String,
    /// The year, in the facility's local dates.
    pub year: i32,
    /// The first date of which nothing counts yet.
    pub now: String,
    /// Dates from then to the year's end.
    pub days_left: i64,
    /// Share of the year to date that is covered, 0 to 1.
    pub coverage: f64,
    /// `E_DC` of the year to date over what is covered, kWh.
    pub total_kwh: f64,
    /// `E_IT` of the same, kWh.
    pub it_kwh: f64,
    /// PUE of the year to date; `None` without IT energy.
    pub value: Option<f64>,
    /// What is expected of the whole year; `None` before there is a week of data in the last 30 days.
    pub forecast: Option<Expected>,
    /// The best PUE over 30 days in a row of the last twelve months.
    pub best_month: Option<f64>,
    /// The targets that limit the PUE from above.
    pub targets: Vec<Budget>,
}

/// What is expected of the whole year.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expected {
    /// How the rest was foreseen: `weather`, `season`, `mirrored` or `recent`.
    pub method: &'static str,
    /// IT energy of the rest, kWh.
    pub remaining_it_kwh: f64,
    /// PUE of the rest.
    pub remaining_pue: f64,
    /// PUE of the whole year.
    pub value: f64,
    /// The year's PUE lies above this nineteen times in twenty.
    pub low: f64,
    /// The year's PUE lies below this nineteen times in twenty.
    pub high: f64,
    /// PUE of the whole year if the last 30 days went on.
    pub naive: f64,
}

/// What one target still permits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Budget {
    /// The target.
    pub target: String,
    /// `<=` or `<`.
    pub operator: &'static str,
    /// Its limit.
    pub limit: f64,
    /// The mean PUE that the rest of the year may have; below 1 the target cannot be met any more.
    pub permitted: Option<f64>,
    /// Overhead that the rest of the year may have, kWh: below 0 it is overspent.
    pub overhead_left_kwh: Option<f64>,
    /// Days that this lasts at the overhead of the last 30 days; `None` where nothing is left.
    pub lasts_days: Option<f64>,
    /// Overhead by what the limit permits for the same IT energy: of the year to date and of the last 30, 7 and 1 days.
    /// Above 1 overspends.
    pub burn_rates: [Option<f64>; 4],
    /// How probable it is that the year misses the limit, 0 to 1.
    pub breach_probability: Option<f64>,
    /// What follows.
    pub state: State,
}

/// How serious it is. Source: domain.md 7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The forecast meets the limit.
    OnCourse,
    /// The forecast misses the limit.
    Warning,
    /// The rest of the year would have to be better than the best 30 days of the last twelve months.
    Critical,
    /// The rest of the year would need a PUE below 1.
    Lost,
    /// Too little is known.
    Unknown,
}

impl State {
    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            State::OnCourse => "on course",
            State::Warning => "warning",
            State::Critical => "critical",
            State::Lost => "lost",
            State::Unknown => "unknown",
        }
    }
}

/// How a gauge of °C is spelled in the table of units, in UCUM.
const CELSIUS: &str = "Cel";
/// Years before this one that the forecast looks at.
const YEARS: u32 = 3;
const MONTH_DAYS: usize = 30;

/// The outlook of a facility at its horizon, or on a date: as if nothing had been read from then on.
///
/// # Errors
/// [`TargetsError`] where the facility is not known, has no data before that date, or the store cannot be read.
pub fn outlook(view: &mut View, name: &str, on: Option<NaiveDate>) -> Result<Outlook, TargetsError> {
    let known = view.topology().facilities.iter().map(|facility| facility.name.as_str());
    let at = view.facility(name).ok_or_else(|| unknown_facility(name, known))?;
    view.begin()?;
    let found = at_date(view, at, on);
    view.end()?;
    found
}

/// The outlook of a facility on a date, by a view that is in a round; `None` before there is any data. The view keeps it
/// until anything changes of the time before that date.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub(crate) fn on_date(view: &mut View, at: usize, on: NaiveDate) -> Result<Option<Arc<Outlook>>, StoreError> {
    if let Some(known) = view.outlook_of(at, on) {
        return Ok(Some(known));
    }
    let outlook = match at_date(view, at, Some(on)) {
        Ok(outlook) => Arc::new(outlook),
        Err(TargetsError::Store(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    view.remember_outlook(at, on, &outlook);
    Ok(Some(outlook))
}

fn at_date(view: &mut View, at: usize, on: Option<NaiveDate>) -> Result<Outlook, TargetsError> {
    let facility = &view.topology().facilities[at];
    let (zone, name) = (facility.zone, facility.name.to_string());
    let limits: Vec<Target> = facility.targets.iter().filter(|target| limits_pue(target)).cloned().collect();
    let nothing = || TargetsError::NoData { facility: name.clone() };
    let horizon = view.horizon(at).ok_or_else(nothing)?;
    let today = calendar::date_of(zone, horizon);
    let now = on.map_or(today, |on| on.min(today));
    let first = view.first_hour(at)?.ok_or_else(nothing)?;
    let begun = calendar::date_of(zone, Minute(first * 60));
    // On the first of January the year that is over is looked at whole.
    let year = now.pred_opt().unwrap_or(now).year();
    let days = days(view, at, now, begun)?;
    if days.is_empty() {
        return Err(nothing());
    }
    let date = |year, month| NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(now);
    let (start, end) = (date(year, 1), date(year + 1, 1));
    let history: History = days.iter().copied().collect();
    let sum = |from: NaiveDate| {
        let of = days.iter().filter(move |day| from <= day.date);
        of.fold((0.0, 0.0), |(total, it), day| (total + day.total_kwh, it + day.it_kwh))
    };
    let (total_kwh, it_kwh) = sum(start);
    let so_far = ToDate { total_kwh, it_kwh };
    let forecast = Forecast::of(&history, so_far, now, end);
    let last = |days: u64| sum(now.checked_sub_days(chrono::Days::new(days)).unwrap_or(now));
    let best_month = best_month(&days, now);
    let spent = [(total_kwh, it_kwh), last(30), last(7), last(1)];
    let month_days = days.iter().rev().take_while(|day| (now - day.date).num_days() <= 30).count();
    let targets =
        limits.iter().map(|target| budget(target, so_far, forecast.as_ref(), best_month, &spent, month_days));
    let targets = targets.collect();
    let interval = calendar::dates(zone, start, now);
    Ok(Outlook {
        facility: name,
        year,
        now: now.to_string(),
        days_left: (end - now).num_days(),
        coverage: view.energies(at, interval)?.minutes as f64 / interval.minutes().max(1) as f64,
        total_kwh,
        it_kwh,
        value: (it_kwh > 0.0).then(|| total_kwh / it_kwh),
        forecast: forecast.as_ref().map(expected),
        best_month,
        targets,
    })
}

fn limits_pue(target: &Target) -> bool {
    target.indicator == Indicator::Pue.word()
        && matches!(target.limit.operator, Operator::AtMost | Operator::Below)
        && target.limit.value > 1.0
}

fn expected(forecast: &Forecast) -> Expected {
    let (low, high) = forecast.interval();
    Expected {
        method: forecast.method.word(),
        remaining_it_kwh: forecast.remaining_it_kwh,
        remaining_pue: forecast.remaining_pue,
        value: forecast.year_pue,
        low,
        high,
        naive: forecast.naive_year_pue,
    }
}

fn budget(
    target: &Target,
    so_far: ToDate,
    forecast: Option<&Forecast>,
    best_month: Option<f64>,
    spent: &[(f64, f64); 4],
    month_days: usize,
) -> Budget {
    let limit = target.limit;
    let ToDate { total_kwh, it_kwh } = so_far;
    let course = |forecast: &Forecast| Course {
        total_kwh,
        it_kwh,
        remaining_it_kwh: forecast.remaining_it_kwh,
        expected_pue: Some(forecast.remaining_pue),
    };
    // Without IT energy nothing is said of a budget.
    let left = forecast
        .and_then(|forecast| target_budget(limit, course(forecast)).ok().map(|left| (left, forecast)));
    let overhead_left_kwh = left.map(|(_, forecast)| overhead_left_kwh(limit, course(forecast)));
    let [_, (month_total, month_it), ..] = spent;
    let a_day = (month_total - month_it) / month_days.max(1) as f64;
    let state = match left {
        None => State::Unknown,
        Some((left, _)) if left.breach_is_certain => State::Lost,
        Some((left, _)) if best_month.is_some_and(|best| left.permitted_pue < best) => State::Critical,
        Some((_, forecast)) if !limit.meets(forecast.year_pue) => State::Warning,
        Some(_) => State::OnCourse,
    };
    Budget {
        target: target.id.clone(),
        operator: limit.operator.word(),
        limit: limit.value,
        permitted: left.map(|(left, _)| left.permitted_pue),
        overhead_left_kwh,
        lasts_days: overhead_left_kwh.filter(|left| *left > 0.0 && a_day > 0.0).map(|left| left / a_day),
        burn_rates: spent.map(|(total, it)| burn_rate(limit, total, it).ok()),
        breach_probability: left.map(|(_, forecast)| forecast.probability_of_breach(limit)),
        state,
    }
}

/// The least PUE over 30 dates in a row within twelve months.
fn best_month(days: &[Day], now: NaiveDate) -> Option<f64> {
    let since = now.checked_sub_months(Months::new(12))?;
    let year: Vec<&Day> = days.iter().filter(|day| since <= day.date).collect();
    let whole = year.windows(MONTH_DAYS).filter(|days| {
        let (first, last) = (days[0].date, days[MONTH_DAYS - 1].date);
        (last - first).num_days() < MONTH_DAYS as i64
    });
    let pue = whole.map(|days| {
        let (total, it) =
            days.iter().fold((0.0, 0.0), |(total, it), day| (total + day.total_kwh, it + day.it_kwh));
        total / it
    });
    pue.filter(|pue| pue.is_finite()).min_by(f64::total_cmp)
}

/// The dates before `now` of which anything is covered.
fn days(view: &mut View, at: usize, now: NaiveDate, begun: NaiveDate) -> Result<Vec<Day>, StoreError> {
    let zone = view.topology().facilities[at].zone;
    let from = now.checked_sub_months(Months::new(12 * YEARS)).unwrap_or(begun).max(begun);
    let dates: Vec<NaiveDate> = from.iter_days().take_while(|date| *date < now).collect();
    let weather = temperatures(view, at, &dates, zone)?;
    // A local day seldom is a UTC day: each by itself would look for its hours at every meter.
    view.read_ahead(at, calendar::dates(zone, from, now))?;
    let mut days = Vec::new();
    for date in dates {
        let interval = calendar::day(zone, date);
        let account = view.energies(at, interval)?;
        if account.minutes > 0 {
            days.push(Day {
                date,
                total_kwh: account.numerator as f64 / UWH_PER_KWH,
                it_kwh: account.denominator as f64 / UWH_PER_KWH,
                coverage: account.minutes as f64 / interval.minutes() as f64,
                outdoor_c: weather.get(&date).copied(),
            });
        }
    }
    Ok(days)
}

/// The mean of a facility's outdoor gauges of temperature on each date: of several, the one that comes first in the
/// configuration and knows the date, so that no mean changes its make-up.
pub(super) fn temperatures(
    view: &mut View,
    at: usize,
    dates: &[NaiveDate],
    zone: Tz,
) -> Result<BTreeMap<NaiveDate, f64>, StoreError> {
    let topology = Arc::clone(view.topology());
    let known = |gauge: &Gauge| topology.meters.get(&gauge.meter);
    let mut gauges = outdoor::gauges(&topology, &topology.facilities[at]);
    gauges.retain(|gauge| {
        known(gauge).and_then(|known| known.declared.unit).is_some_and(|unit| unit.symbol() == CELSIUS)
    });
    gauges.sort_by_key(|gauge| (known(gauge).map(|known| known.declared.place.line), gauge.meter));
    // Half a date says little of its mean.
    const LEAST_MS: i64 = 12 * 60 * MINUTE_MS;
    let mut found = BTreeMap::new();
    for gauge in gauges {
        let terms = |during: &Interval| Term { during: *during, ..Term::all_of(gauge.meter) };
        let terms: Vec<Term> = gauge.during.iter().map(terms).collect();
        for date in dates {
            let told = view.gauges(&terms, calendar::day(zone, *date))?;
            let ms: i64 = told.iter().map(|(level, _)| level.ms).sum();
            if ms >= LEAST_MS {
                let weighted: f64 = told.iter().map(|(level, _)| level.percent * level.ms as f64).sum();
                found.entry(*date).or_insert(weighted / ms as f64);
            }
        }
    }
    Ok(found)
}
