//! What a running year's targets still permit, and how the year will end. Source: domain.md 7.2.

use crate::store::StoreError;
use crate::targets::{self, Budget, Expected, Outlook};
use crate::view::View;
use chrono::{Datelike, NaiveDate};
use serde::Serialize;
use wattledger_model::calendar;
use wattledger_model::time::Interval;

/// The year so far, what is expected of its rest, and what each target permits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct YearBudget {
    /// The year, in local dates.
    pub year: i32,
    /// The first local date of which nothing counts yet: that after the period, or after what is known of it.
    pub as_of: String,
    /// Dates from then to the year's end.
    pub days_left: i64,
    /// Share of the year to date that is covered, 0 to 1.
    pub coverage: f64,
    /// `E_DC` of the year to date over what is covered, kWh.
    pub facility_kwh: f64,
    /// `E_IT` of the same, kWh.
    pub it_kwh: f64,
    /// PUE of the year to date; `None` without IT energy.
    pub value: Option<f64>,
    /// What is expected of the whole year, with its interval; `None` where too little is known to say.
    pub forecast: Option<Expected>,
    /// The best PUE over 30 days in a row of the last twelve months.
    pub best_month: Option<f64>,
    /// What each target that limits the PUE from above still permits.
    pub targets: Vec<Budget>,
}

/// The budget at the end of a period that lies in the year which is running; `None` where that year is over, or the
/// period is of an earlier one: of those the verdicts say all.
pub(super) fn budget(
    view: &mut View,
    at: usize,
    interval: Interval,
) -> Result<Option<YearBudget>, StoreError> {
    let zone = view.topology().facilities[at].zone;
    let Some(horizon) = view.horizon(at) else { return Ok(None) };
    let on = calendar::date_of(zone, interval.to);
    let today = calendar::date_of(zone, horizon);
    if last_date(on).year() != today.year() {
        return Ok(None);
    }
    Ok(targets::on_date(view, at, on)?.map(|outlook| of(&outlook)).filter(|budget| budget.days_left > 0))
}

fn last_date(end: NaiveDate) -> NaiveDate {
    end.pred_opt().unwrap_or(end)
}

fn of(outlook: &Outlook) -> YearBudget {
    YearBudget {
        year: outlook.year,
        as_of: outlook.now.clone(),
        days_left: outlook.days_left,
        coverage: outlook.coverage,
        facility_kwh: outlook.total_kwh,
        it_kwh: outlook.it_kwh,
        value: outlook.value,
        forecast: outlook.forecast.clone(),
        best_month: outlook.best_month,
        targets: outlook.targets.clone(),
    }
}
