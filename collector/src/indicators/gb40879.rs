//! Energy-efficiency grades of data centres in China. Source: GB 40879-2021; domain.md 2.5.

/// A grade. Above the limit value of grade 3 there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Grade 1: an energy ratio of at most 1.20.
    One,
    /// Grade 2: at most 1.30.
    Two,
    /// Grade 3: at most 1.50, the limit value.
    Three,
}

impl Grade {
    /// The grade of an energy ratio, unrounded; `None` above the limit value, and for what is no ratio.
    pub fn of(ratio: f64) -> Option<Grade> {
        [(1.20, Grade::One), (1.30, Grade::Two), (1.50, Grade::Three)]
            .into_iter()
            .find_map(|(limit, grade)| (ratio <= limit).then_some(grade))
    }

    /// Its number, 1 to 3.
    pub const fn number(self) -> u8 {
        match self {
            Grade::One => 1,
            Grade::Two => 2,
            Grade::Three => 3,
        }
    }
}

/// One of the climate conditions at which power is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// Share of the year that it stands for, 0 to 1; tabulated by place.
    pub weight: f64,
    /// Mean power of the data centre, kW.
    pub total_kw: f64,
    /// Mean power of its IT equipment, kW.
    pub it_kw: f64,
}

/// What the five conditions come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Characteristic {
    /// `E_C`, kWh.
    pub total_kwh: f64,
    /// `E_CIT`, kWh.
    pub it_kwh: f64,
    /// `R_M1 = Σ T_i·P_i / Σ T_i·P_IT,i`.
    pub ratio: f64,
}

/// Why there is no ratio.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ConditionError {
    /// The weights do not make a year.
    #[error("the weights of the five conditions add up to {0}, not to 1")]
    Weights(f64),
    /// A value cannot be.
    #[error("condition {0} has a power or weight that is negative or no number")]
    Value(usize),
    /// No IT energy.
    #[error("the five conditions have no IT power, so there is no ratio")]
    NoItPower,
}

/// How far the weights may be off 1: they are tabulated with few digits.
const WEIGHTS_OFF: f64 = 1e-6;

/// The ratio by characteristic conditions, over `hours` of a year. Source: GB 40879-2021 formulas (2) to (4).
///
/// # Errors
/// [`ConditionError`] where the conditions make no year or have no IT power.
pub fn characteristic(hours: f64, conditions: &[Condition; 5]) -> Result<Characteristic, ConditionError> {
    for (at, condition) in conditions.iter().enumerate() {
        let values = [condition.weight, condition.total_kw, condition.it_kw];
        if !values.iter().all(|value| value.is_finite() && *value >= 0.0) {
            return Err(ConditionError::Value(at + 1));
        }
    }
    let weights: f64 = conditions.iter().map(|condition| condition.weight).sum();
    if (weights - 1.0).abs() > WEIGHTS_OFF {
        return Err(ConditionError::Weights(weights));
    }
    let sum = |power: fn(&Condition) -> f64| -> f64 {
        conditions.iter().map(|condition| condition.weight * power(condition)).sum()
    };
    let (total_kw, it_kw) = (sum(|c| c.total_kw), sum(|c| c.it_kw));
    if it_kw == 0.0 {
        return Err(ConditionError::NoItPower);
    }
    Ok(Characteristic { total_kwh: hours * total_kw, it_kwh: hours * it_kw, ratio: total_kw / it_kw })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_make_no_year_are_refused() {
        let plain = Condition { weight: 0.2, total_kw: 130.0, it_kw: 100.0 };
        assert_eq!(characteristic(8_760.0, &[plain; 5]).map(|found| found.ratio), Ok(1.3));
        let heavy = Condition { weight: 0.3, ..plain };
        assert!(matches!(characteristic(8_760.0, &[heavy; 5]), Err(ConditionError::Weights(_))));
        let idle = Condition { it_kw: 0.0, ..plain };
        assert_eq!(characteristic(8_760.0, &[idle; 5]), Err(ConditionError::NoItPower));
        let broken = [plain, plain, Condition { total_kw: f64::NAN, ..plain }, plain, plain];
        assert_eq!(characteristic(8_760.0, &broken), Err(ConditionError::Value(3)));
        assert_eq!(Grade::of(f64::NAN), None);
    }
}
