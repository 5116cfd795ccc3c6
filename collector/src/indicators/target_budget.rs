//! What a year's target still permits, half way through the year. Source: domain.md 7.2.

use wattledger_model::target::Limit;

/// A year so far, and what is expected of its rest. All energies in kWh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// `E_DC` of the year to date.
    pub total_kwh: f64,
    /// `E_IT` of the year to date.
    pub it_kwh: f64,
    /// IT energy that the rest of the year will need.
    pub remaining_it_kwh: f64,
    /// The PUE that the rest of the year is expected to have; `None` where nothing is expected.
    pub expected_pue: Option<f64>,
}

/// What is left of a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetBudget {
    /// The mean PUE that the rest of the year may have: `(L·(I + R) − T)/R`. Below 1 the target cannot be met.
    pub permitted_pue: f64,
    /// Overhead so far by the overhead that the limit permits: `(T − I)/((L − 1)·I)`. Above 1 overspends.
    pub burn_rate: f64,
    /// The year's PUE if the rest goes as expected: `(T + PUE·R)/(I + R)`.
    pub forecast_pue: Option<f64>,
    /// Whether the target can no longer be met.
    pub breach_is_certain: bool,
    /// Whether the forecast misses the target.
    pub breach_is_forecast: Option<bool>,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// A limit of 1 or less permits no overhead.
    #[error("a PUE limit of {0} permits no overhead, so there is no budget")]
    Limit(f64),
    /// No IT energy so far or to come.
    #[error("{0} kWh of IT energy make no budget")]
    NoItEnergy(f64),
}

/// Overhead by the overhead that a limit permits for the same IT energy: `(T − I)/((L − 1)·I)`. Above 1 overspends.
///
/// # Errors
/// [`BudgetError`] where the limit permits nothing or there is no IT energy.
pub fn burn_rate(limit: Limit, total_kwh: f64, it_kwh: f64) -> Result<f64, BudgetError> {
    if limit.value.is_nan() || limit.value <= 1.0 {
        return Err(BudgetError::Limit(limit.value));
    }
    if it_kwh.is_nan() || it_kwh <= 0.0 {
        return Err(BudgetError::NoItEnergy(it_kwh));
    }
    Ok((total_kwh - it_kwh) / ((limit.value - 1.0) * it_kwh))
}

/// Overhead that a limit still permits this year, kWh: `(L − 1)·(I + R) − (T − I)`. Below 0 it cannot be met.
pub fn overhead_left_kwh(limit: Limit, course: Course) -> f64 {
    let Course { total_kwh, it_kwh, remaining_it_kwh, .. } = course;
    (limit.value - 1.0) * (it_kwh + remaining_it_kwh) - (total_kwh - it_kwh)
}

/// What is left of an upper limit on PUE.
///
/// # Errors
/// [`BudgetError`] where the limit permits nothing or there is no IT energy.
pub fn target_budget(limit: Limit, course: Course) -> Result<TargetBudget, BudgetError> {
    let Course { total_kwh, it_kwh, remaining_it_kwh, expected_pue } = course;
    let burn_rate = burn_rate(limit, total_kwh, it_kwh)?;
    if remaining_it_kwh.is_nan() || remaining_it_kwh <= 0.0 {
        return Err(BudgetError::NoItEnergy(remaining_it_kwh));
    }
    let permitted_pue = (limit.value * (it_kwh + remaining_it_kwh) - total_kwh) / remaining_it_kwh;
    let forecast_pue =
        expected_pue.map(|pue| (total_kwh + pue * remaining_it_kwh) / (it_kwh + remaining_it_kwh));
    Ok(TargetBudget {
        permitted_pue,
        burn_rate,
        forecast_pue,
        breach_is_certain: permitted_pue < 1.0,
        breach_is_forecast: forecast_pue.map(|pue| !limit.meets(pue)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::target::Operator;

    #[test]
    fn spending_at_the_permitted_pue_ends_at_the_limit() {
        let limit = Limit { operator: Operator::AtMost, value: 1.25 };
        let course =
            Course { total_kwh: 66_000.0, it_kwh: 52_000.0, remaining_it_kwh: 10_000.0, expected_pue: None };
        let left = target_budget(limit, course).expect("a budget");
        let spent = Course { expected_pue: Some(left.permitted_pue), ..course };
        let forecast = target_budget(limit, spent).expect("a budget").forecast_pue.expect("expected");
        assert!((forecast - 1.25).abs() < 1e-12);
    }

    #[test]
    fn what_is_left_lasts_as_long_as_the_permitted_pue_says() {
        let limit = Limit { operator: Operator::AtMost, value: 1.25 };
        let course =
            Course { total_kwh: 66_000.0, it_kwh: 52_000.0, remaining_it_kwh: 10_000.0, expected_pue: None };
        let budget = target_budget(limit, course).expect("a budget");
        let left = overhead_left_kwh(limit, course);
        assert!((left - (budget.permitted_pue - 1.0) * course.remaining_it_kwh).abs() < 1e-9);
        assert!((budget.burn_rate - 14.0 / 13.0).abs() < 1e-12);
    }

    #[test]
    fn no_budget_without_overhead_or_it_energy() {
        let course = Course { total_kwh: 1.0, it_kwh: 0.0, remaining_it_kwh: 1.0, expected_pue: None };
        let limit = |value| Limit { operator: Operator::AtMost, value };
        assert_eq!(target_budget(limit(1.3), course), Err(BudgetError::NoItEnergy(0.0)));
        assert_eq!(target_budget(limit(1.0), course), Err(BudgetError::Limit(1.0)));
    }
}
