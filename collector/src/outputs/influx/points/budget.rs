//! What a year's targets still permit, date by date. Source: domain.md 7.2.

use super::{LONGEST_DAY_MS, Numbering, Points, all_fields};
use crate::indicators::figure::UWH_PER_KWH;
use crate::indicators::target_budget::{Course, burn_rate, overhead_left_kwh, target_budget};
use crate::indicators::{Account, Figure, Indicator};
use crate::outputs::influx::catalog::{self, budget};
use crate::outputs::influx::line::Series;
use crate::store::StoreError;
use crate::topology::Facility;
use crate::view::View;
use std::sync::Arc;
use wattledger_model::calendar::{self, Stamp};
use wattledger_model::target::{Limit, Operator};
use wattledger_model::time::{DAY_MINUTES, Interval, Minute};

/// The upper limits on a facility's PUE that permit any overhead, each with its target's name.
pub(crate) fn limits(facility: &Facility) -> Vec<(String, Limit)> {
    let targets = facility.targets.iter().filter(|target| {
        target.indicator == Indicator::Pue.word()
            && matches!(target.limit.operator, Operator::AtMost | Operator::Below)
            && target.limit.value > 1.0
            && facility.problem.is_none()
    });
    targets.map(|target| (target.id.clone(), target.limit)).collect()
}

/// The series of a facility's budgets.
pub(super) struct BudgetPoints {
    at: usize,
    targets: Vec<(Limit, Arc<Series>)>,
}

/// `E_DC` and `E_IT` over their common support.
#[derive(Debug, Clone, Copy)]
struct Sums {
    total_kwh: f64,
    it_kwh: f64,
    minutes: i64,
}

impl Sums {
    fn of(account: &Account) -> Sums {
        Sums {
            total_kwh: account.numerator as f64 / UWH_PER_KWH,
            it_kwh: account.denominator as f64 / UWH_PER_KWH,
            minutes: account.minutes,
        }
    }

    fn burn_rate(&self, limit: Limit) -> Option<f64> {
        burn_rate(limit, self.total_kwh, self.it_kwh).ok()
    }
}

/// What all targets of a date are held against.
struct Year {
    /// PUE to date, and how much of the year to date it covers.
    figure: Figure,
    to_date: Sums,
    /// The last 1, 7 and 30 days.
    recent: [Sums; 3],
    /// Minutes that are left of the year.
    left: i64,
}

const RECENT_DAYS: [i64; 3] = [1, 7, 30];

impl BudgetPoints {
    pub(super) fn new(at: usize, view: &View, numbering: &mut Numbering) -> BudgetPoints {
        let facility = &view.topology().facilities[at];
        let series = |(id, limit): (String, Limit)| {
            let tags = vec![facility.name.to_string(), facility.site.to_string(), id];
            let series = Series::new(&catalog::BUDGET, tags, all_fields(&catalog::BUDGET));
            (limit, numbering.add(series, LONGEST_DAY_MS))
        };
        BudgetPoints { at, targets: limits(facility).into_iter().map(series).collect() }
    }

    /// Writes the budgets of the date that `stamp` is of, as of the end of its interval.
    pub(super) fn write(
        &self,
        stamp: Stamp,
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        if self.targets.is_empty() {
            return Ok(());
        }
        let year = self.year(stamp.interval.to, view)?;
        for (limit, series) in &self.targets {
            year.fields(*limit, points);
            points.finish(series, stamp.at.start().0, may_repeat);
        }
        Ok(())
    }

    fn year(&self, end: Minute, view: &mut View) -> Result<Year, StoreError> {
        let zone = view.topology().facilities[self.at].zone;
        let whole = calendar::year(zone, calendar::date_of(zone, Minute(end.0 - 1)));
        let interval = Interval::new(whole.from, end);
        let account = view.energies(self.at, interval)?;
        let mut recent = [Sums::of(&account); 3];
        for (sums, days) in recent.iter_mut().zip(RECENT_DAYS) {
            let last = Interval::new(Minute(end.0 - days * DAY_MINUTES), end);
            *sums = Sums::of(&view.energies(self.at, last)?);
        }
        Ok(Year {
            figure: Figure::of(Indicator::Pue, interval, &account),
            to_date: Sums::of(&account),
            recent,
            left: whole.to.0 - end.0,
        })
    }
}

impl Year {
    fn fields(&self, limit: Limit, points: &mut Points) {
        let (m, fields) = (&catalog::BUDGET, &mut points.fields);
        fields.clear();
        fields.float(m, budget::LIMIT, limit.value);
        if let Some(value) = self.figure.value {
            fields.float(m, budget::VALUE, value);
        }
        fields.float(m, budget::COVERAGE, self.figure.coverage);
        let [day, week, month] = &self.recent;
        let rates = [
            (budget::BURN_RATE, &self.to_date),
            (budget::BURN_RATE_DAY, day),
            (budget::BURN_RATE_WEEK, week),
            (budget::BURN_RATE_MONTH, month),
        ];
        for (field, sums) in rates {
            if let Some(rate) = sums.burn_rate(limit) {
                fields.float(m, field, rate);
            }
        }
        for (field, value) in self.rest(limit, month).into_iter().flatten() {
            fields.float(m, field, value);
        }
    }

    /// What is said of the year's rest, which is expected to be as the last 30 days were: nothing without IT energy.
    fn rest(&self, limit: Limit, month: &Sums) -> [Option<(usize, f64)>; 4] {
        if month.it_kwh <= 0.0 || self.to_date.it_kwh <= 0.0 {
            return [None; 4];
        }
        let by_minute = |kwh: f64| kwh / month.minutes as f64;
        let course = Course {
            total_kwh: self.to_date.total_kwh,
            it_kwh: self.to_date.it_kwh,
            remaining_it_kwh: by_minute(month.it_kwh) * self.left as f64,
            expected_pue: Some(month.total_kwh / month.it_kwh),
        };
        let left = overhead_left_kwh(limit, course);
        let a_day = by_minute(month.total_kwh - month.it_kwh) * DAY_MINUTES as f64;
        let days_left = (a_day > 0.0).then(|| (left / a_day).max(0.0));
        // At the year's end nothing is left to be permitted, and the forecast is what it came to.
        let ahead = target_budget(limit, course).ok();
        let forecast = match &ahead {
            Some(ahead) => ahead.forecast_pue,
            None => self.figure.value,
        };
        [
            ahead.map(|ahead| (budget::PERMITTED, ahead.permitted_pue)),
            Some((budget::OVERHEAD_LEFT, left)),
            days_left.map(|days| (budget::DAYS_LEFT, days)),
            forecast.map(|forecast| (budget::FORECAST, forecast)),
        ]
    }
}
