//! What a year's PUE targets still permit. Source: domain.md 7.2.
//!
//! Two conditions, since a rule has one severity: `budget` where the year's forecast misses the limit, and
//! `budget-critical` where the rest of the year would have to be better than the best 30 days of the last twelve months,
//! or better than anything can be. Both say the burn rates over one, seven and thirty days together, and both are of a
//! local day: what its hours bring counts on the next.

use super::{About, Around, Sighting};
use crate::config::{AlertRule, Thresholds, even};
use crate::store::StoreError;
use crate::targets::{Budget, Outlook, on_date};
use chrono::{Days, NaiveDate};
use std::sync::Arc;
use wattledger_model::calendar;

/// Cleared where the forecast is so much better than the limit: what half a percent of a cooling plant is worth, and
/// several times what a forecast moves by in a day.
const BETTER: f64 = 0.005;
/// Nobody's PUE is below this.
const LEAST_PUE: f64 = 1.0;
/// What the forecast goes by.
const RECENT_DAYS: u64 = 30;

/// The year's forecast PUE against the limit of each target.
pub(super) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let Some(seen) = Seen::of(around)? else { return Ok(Vec::new()) };
    let of = |budget: &Budget| {
        let value = seen.outlook.forecast.as_ref().map(|forecast| forecast.value);
        let thresholds = rule.thresholds(budget.limit, even(budget.limit - BETTER));
        seen.sighting(around, budget, value, thresholds, "forecast PUE of the year")
    };
    Ok(seen.outlook.targets.iter().map(of).collect())
}

/// The PUE that each target permits for the rest of the year against the best that was reached over 30 days.
pub(super) fn look_critical(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    let Some(seen) = Seen::of(around)? else { return Ok(Vec::new()) };
    // Before there are 30 days in a row, only the physically impossible is known to be out of reach.
    let best = seen.outlook.best_month.unwrap_or(LEAST_PUE).max(LEAST_PUE);
    let of = |budget: &Budget| {
        let thresholds = rule.thresholds(best, best + BETTER);
        seen.sighting(around, budget, budget.permitted, thresholds, "PUE permitted for the rest of the year")
    };
    Ok(seen.outlook.targets.iter().map(of).collect())
}

/// A facility's outlook on the local day of a minute.
struct Seen {
    outlook: Arc<Outlook>,
    /// Share of the last 30 days that is covered, 0 to 1.
    coverage: f64,
}

impl Seen {
    /// `None` before there is any data.
    fn of(around: &mut Around<'_>) -> Result<Option<Seen>, StoreError> {
        let zone = around.zone();
        let date: NaiveDate = calendar::date_of(zone, around.at);
        let Some(outlook) = on_date(around.view, around.facility, date)? else { return Ok(None) };
        let recent =
            calendar::dates(zone, date.checked_sub_days(Days::new(RECENT_DAYS)).unwrap_or(date), date);
        let account = around.view.energies(around.facility, recent)?;
        Ok(Some(Seen { outlook, coverage: account.minutes as f64 / recent.minutes().max(1) as f64 }))
    }

    fn sighting(
        &self,
        around: &Around<'_>,
        budget: &Budget,
        value: Option<f64>,
        thresholds: Thresholds,
        what: &str,
    ) -> Sighting {
        Sighting {
            subject: around.subject(About::Target(budget.target.clone())),
            value,
            coverage: self.coverage,
            thresholds,
            what: what.to_owned(),
            unit: "1",
            // What was known of the year before stays known while a meter is silent.
            derives_from: Vec::new(),
            cause: self.cause(budget),
        }
    }

    /// Year to date, what is left, at which rates it burns, and how probable a breach is.
    fn cause(&self, budget: &Budget) -> String {
        let Outlook { year, days_left, value, forecast, best_month, coverage, .. } = &*self.outlook;
        let mut said = Vec::new();
        if let Some(value) = value {
            let thin = if *coverage < 0.995 {
                format!(" ({:.0} % of it is known)", coverage * 100.0)
            } else {
                String::new()
            };
            said.push(format!("{year} to date has a PUE of {value:.3}{thin}"));
        }
        if let Some(permitted) = budget.permitted {
            let limit = format!("{} {} permits", budget.operator, budget.limit);
            said.push(match best_month {
                _ if permitted < LEAST_PUE => {
                    format!("PUE {limit} {permitted:.3} for the {days_left} days left: the target is lost")
                }
                Some(best) => {
                    format!("PUE {limit} {permitted:.3} for the {days_left} days left, the best 30 days had {best:.3}")
                }
                None => format!("PUE {limit} {permitted:.3} for the {days_left} days left"),
            });
        }
        let [_, month, week, day] = budget.burn_rates.map(|rate| rate.map(|rate| format!("{rate:.2}")));
        let rate = |rate: Option<String>| rate.unwrap_or_else(|| "unknown".to_owned());
        let (day, week, month) = (rate(day), rate(week), rate(month));
        said.push(format!(
            "its overhead burns at {day} (1 day), {week} (7 days), {month} (30 days) times its rate"
        ));
        if let (Some(forecast), Some(probability)) = (forecast, budget.breach_probability) {
            said.push(format!(
                "the year is expected at {:.3}, nine times in ten from {:.3} to {:.3}, and to miss the limit with a \
                 probability of {:.0} %",
                forecast.value,
                forecast.low,
                forecast.high,
                probability * 100.0
            ));
        }
        said.join("; ")
    }
}
