//! One figure of one indicator over one interval, with how well it is known.

use super::account::Account;
use std::fmt;
use std::str::FromStr;
use wattledger_model::time::Interval;

/// What is computed for a facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Indicator {
    /// `E_DC / E_IT`. Source: ISO/IEC 30134-2.
    Pue,
    /// Water in / `E_IT`, L/kWh. Source: ISO/IEC 30134-9.
    Wue,
    /// CO₂ / `E_IT`, kg/kWh, location-based. Source: ISO/IEC 30134-8.
    Cue,
    /// CO₂, kg, location-based, Scope 2. Source: domain.md 4.1.
    Carbon,
}

impl Indicator {
    /// Every indicator.
    pub const ALL: &'static [Indicator] =
        &[Indicator::Pue, Indicator::Wue, Indicator::Cue, Indicator::Carbon];

    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Indicator::Pue => "pue",
            Indicator::Wue => "wue",
            Indicator::Cue => "cue",
            Indicator::Carbon => "carbon",
        }
    }
}

impl FromStr for Indicator {
    type Err = String;

    fn from_str(text: &str) -> Result<Indicator, String> {
        let found = Indicator::ALL.iter().copied().find(|indicator| indicator.word() == text);
        found.ok_or_else(|| format!("`{text}` is not an indicator"))
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Whether a figure may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Covered well enough to be judged.
    Ok,
    /// Too little is covered; the value may still move.
    Provisional,
    /// The denominator is zero.
    Undefined,
    /// A PUE below 1: a meter is missing or mislabelled. Reported, never clamped.
    Implausible,
    /// Nothing is covered.
    NoData,
}

/// One figure. Energies in kWh, water in litres, carbon in kg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The indicator.
    pub indicator: Indicator,
    /// What it is over.
    pub interval: Interval,
    /// The value, unrounded; `None` where it is undefined or nothing is covered.
    pub value: Option<f64>,
    /// Whether it may be relied on.
    pub status: Status,
    /// What was divided, over the common support; carbon: all of it.
    pub numerator: f64,
    /// By what, over the common support; 0 for carbon, which is no ratio.
    pub denominator: f64,
    /// Share of the interval in the common support, 0 to 1.
    pub coverage: f64,
    /// Share of the booked amounts that was spread over long steps, 0 to 1; of two sides the greater.
    pub interpolated: f64,
    /// Share of the booked amounts that was estimated, 0 to 1; of two sides the greater.
    pub estimated: f64,
}

/// Microwatt-hours in a kilowatt-hour.
pub const UWH_PER_KWH: f64 = 1e9;
/// Millilitres in a litre.
pub const ML_PER_LITRE: f64 = 1e3;

/// The coverage that a verdict needs: 90 % up to an hour, 95 % up to a day, 99 % beyond.
/// Source: domain.md 5.4.
pub fn needed_coverage(interval: Interval) -> f64 {
    match interval.minutes() {
        ..=60 => 0.90,
        // The longest local day has 27 hours.
        61..=1_620 => 0.95,
        _ => 0.99,
    }
}

impl Figure {
    /// The figure that an account comes to.
    pub fn of(indicator: Indicator, interval: Interval, account: &Account) -> Figure {
        let minutes = interval.minutes();
        let coverage = if minutes == 0 { 0.0 } else { account.minutes as f64 / minutes as f64 };
        let sum = |side: &[i128; 3]| side.iter().map(|amount| amount.abs() as f64).sum::<f64>();
        let booked = sum(&account.all_numerator);
        // Of two sides the one that is known worse.
        let share = |provenance: usize| {
            let of = |side: &[i128; 3]| {
                let all = sum(side);
                if all == 0.0 { 0.0 } else { side[provenance].abs() as f64 / all }
            };
            of(&account.all_numerator).max(of(&account.all_denominator))
        };
        let it = account.denominator as f64 / UWH_PER_KWH;
        let (numerator, denominator) = match indicator {
            Indicator::Pue => (account.numerator as f64 / UWH_PER_KWH, it),
            Indicator::Wue => (account.numerator as f64 / ML_PER_LITRE, it),
            Indicator::Cue => (account.weighted, it),
            Indicator::Carbon => (account.all_weighted, 0.0),
        };
        let value = match indicator {
            Indicator::Carbon => (booked > 0.0 || account.minutes > 0).then_some(numerator),
            // The quotient of the integers: one rounding, at the end.
            Indicator::Pue if account.denominator != 0 => {
                Some(account.numerator as f64 / account.denominator as f64)
            }
            _ => (denominator != 0.0).then(|| numerator / denominator),
        };
        let status = match value {
            None if account.minutes == 0 => Status::NoData,
            None => Status::Undefined,
            Some(value) if indicator == Indicator::Pue && value < 1.0 => Status::Implausible,
            Some(_) if coverage < needed_coverage(interval) => Status::Provisional,
            Some(_) => Status::Ok,
        };
        Figure {
            indicator,
            interval,
            value,
            status,
            numerator,
            denominator,
            coverage,
            interpolated: share(1),
            estimated: share(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::time::Minute;

    fn pue(total: i128, it: i128, minutes: i64) -> Figure {
        let account = Account {
            minutes,
            numerator: total,
            denominator: it,
            all_numerator: [total, 0, 0],
            ..Account::default()
        };
        Figure::of(Indicator::Pue, Interval::new(Minute(0), Minute(60)), &account)
    }

    #[test]
    fn implausible_is_shown_and_zero_it_energy_is_undefined() {
        let low = pue(95, 100, 60);
        assert_eq!((low.value, low.status), (Some(0.95), Status::Implausible));
        assert_eq!((pue(5, 0, 60).value, pue(5, 0, 60).status), (None, Status::Undefined));
        assert_eq!(pue(0, 0, 0).status, Status::NoData);
    }

    #[test]
    fn little_coverage_is_provisional() {
        assert_eq!(pue(130, 100, 54).status, Status::Ok);
        assert_eq!(pue(130, 100, 53).status, Status::Provisional);
    }
}
