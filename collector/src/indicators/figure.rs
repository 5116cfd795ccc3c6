//! One figure of one indicator over one interval, with how well it is known.

use super::account::Account;
use super::indicator::{Indicator, Numerator};
use wattledger_model::time::Interval;

/// Whether a figure may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Covered well enough to be judged.
    Ok,
    /// Too little is covered; the value may still move.
    Provisional,
    /// The denominator is zero.
    Undefined,
    /// Not a value that the indicator can have, such as a PUE below 1: a meter is missing or mislabelled.
    /// Reported, never clamped.
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
    /// What was divided, over the common support; of a sum: all of it.
    pub numerator: f64,
    /// By what, over the common support; 0 for a sum, which is no ratio.
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

/// How well the amounts behind a figure are known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// Share of the interval that is covered on both sides, 0 to 1.
    pub coverage: f64,
    /// Share that was spread over long steps, 0 to 1.
    pub interpolated: f64,
    /// Share that was estimated, 0 to 1.
    pub estimated: f64,
}

impl Known {
    /// How well an account is known. Of two sides the shares are those of the one that is known worse.
    pub fn of(interval: Interval, account: &Account) -> Known {
        let minutes = interval.minutes();
        let sum = |side: &[i128; 3]| side.iter().map(|amount| amount.abs() as f64).sum::<f64>();
        let share = |provenance: usize| {
            let of = |side: &[i128; 3]| {
                let all = sum(side);
                if all == 0.0 { 0.0 } else { side[provenance].abs() as f64 / all }
            };
            of(&account.all_numerator).max(of(&account.all_denominator))
        };
        Known {
            coverage: if minutes == 0 { 0.0 } else { account.minutes as f64 / minutes as f64 },
            interpolated: share(1),
            estimated: share(2),
        }
    }

    /// What both are known by at least: for a figure that is made of two accounts.
    pub fn worse_of(self, other: Known) -> Known {
        Known {
            coverage: self.coverage.min(other.coverage),
            interpolated: self.interpolated.max(other.interpolated),
            estimated: self.estimated.max(other.estimated),
        }
    }
}

impl Figure {
    /// The figure that an account comes to.
    ///
    /// The account's sides are those of the indicator's formula: for [`Indicator::Dcie`] IT energy is above,
    /// for partial PUEs the subsystem's energy, for [`Indicator::Ere`] total energy with the reused heat
    /// as a term of coefficient −1. Weights are kg for each base unit.
    pub fn of(indicator: Indicator, interval: Interval, account: &Account) -> Figure {
        let meaning = indicator.meaning();
        let numerator = match meaning.numerator {
            Numerator::Energy => account.numerator as f64 / UWH_PER_KWH,
            Numerator::Water => account.numerator as f64 / ML_PER_LITRE,
            Numerator::Weighted if meaning.is_ratio => account.weighted,
            Numerator::Weighted => account.all_weighted,
            Numerator::Other => account.numerator as f64,
        };
        let booked = account.all_numerator.iter().any(|amount| *amount != 0);
        let denominator = if meaning.is_ratio { account.denominator as f64 / UWH_PER_KWH } else { 0.0 };
        let quotient = match meaning.numerator {
            _ if !meaning.is_ratio => (booked || account.minutes > 0).then_some(numerator),
            // The quotient of the integers: one rounding, at the end.
            Numerator::Energy => {
                (account.denominator != 0).then(|| account.numerator as f64 / account.denominator as f64)
            }
            _ => (account.denominator != 0).then(|| numerator / denominator),
        };
        let known = Known::of(interval, account);
        Figure::finished(indicator, interval, (numerator, denominator), quotient, known, account.minutes == 0)
    }

    /// A figure whose sides do not come from one account of the ledger: certificates over energy, racks,
    /// floating-point operations over watts, coal equivalent. In the units of the indicator; a sum has its
    /// amount above and 0 below.
    pub fn composed(
        indicator: Indicator,
        interval: Interval,
        (numerator, denominator): (f64, f64),
        known: Known,
    ) -> Figure {
        let quotient = if indicator.is_ratio() {
            (denominator != 0.0).then(|| numerator / denominator)
        } else {
            // Nothing booked of a time of which nothing is known is not zero.
            (numerator != 0.0 || known.coverage > 0.0).then_some(numerator)
        };
        let quotient = quotient.filter(|value| value.is_finite());
        Figure::finished(
            indicator,
            interval,
            (numerator, denominator),
            quotient,
            known,
            known.coverage == 0.0,
        )
    }

    fn finished(
        indicator: Indicator,
        interval: Interval,
        (numerator, denominator): (f64, f64),
        quotient: Option<f64>,
        known: Known,
        is_empty: bool,
    ) -> Figure {
        let meaning = indicator.meaning();
        let (scale, offset) = meaning.scale_and_offset;
        let value = quotient.map(|quotient| offset + scale * quotient);
        let (low, high) = meaning.plausible;
        let status = match value {
            None if is_empty => Status::NoData,
            None => Status::Undefined,
            Some(value) if value < low || value > high => Status::Implausible,
            Some(_) if known.coverage < needed_coverage(interval) => Status::Provisional,
            Some(_) => Status::Ok,
        };
        Figure {
            indicator,
            interval,
            value,
            status,
            numerator,
            denominator,
            coverage: known.coverage,
            interpolated: known.interpolated,
            estimated: known.estimated,
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

    #[test]
    fn each_shape_of_formula_gives_its_value() {
        let value = |indicator, above: i128, below: i128| {
            let account = Account { minutes: 60, numerator: above, denominator: below, ..Account::default() };
            Figure::of(indicator, Interval::new(Minute(0), Minute(60)), &account)
        };
        assert_eq!(value(Indicator::PpueCooling, 18, 100).value, Some(1.18));
        assert_eq!(value(Indicator::Dcie, 100, 125).value, Some(80.0));
        assert_eq!(value(Indicator::Dcie, 125, 100).status, Status::Implausible);
        assert_eq!(value(Indicator::PpueCooling, -1, 100).status, Status::Implausible);
        assert_eq!(value(Indicator::Erf, 15, 100).value, Some(0.15));
        // 1 500 000 mL and 1 kWh.
        assert_eq!(value(Indicator::Wue, 1_500_000, 1_000_000_000).value, Some(1_500.0));
    }

    #[test]
    fn composed_figures_are_judged_by_their_coverage_too() {
        let interval = Interval::new(Minute(0), Minute(60));
        let known = |coverage| Known { coverage, interpolated: 0.0, estimated: 0.0 };
        let figure =
            |sides, coverage| Figure::composed(Indicator::RackUtilisation, interval, sides, known(coverage));
        assert_eq!(figure((2_150.0, 4_000.0), 1.0).value, Some(53.75));
        assert_eq!(figure((2_150.0, 4_000.0), 1.0).status, Status::Ok);
        assert_eq!(figure((2_150.0, 4_000.0), 0.5).status, Status::Provisional);
        assert_eq!(figure((0.0, 0.0), 0.0).status, Status::NoData);
        assert_eq!(figure((3.0, 0.0), 1.0).status, Status::Undefined);
        let coal = Figure::composed(Indicator::CoalEquivalent, interval, (10_102.9, 0.0), known(1.0));
        assert_eq!((coal.value, coal.denominator), (Some(10_102.9), 0.0));
        let unread = Figure::composed(Indicator::CoalEquivalent, interval, (0.0, 0.0), known(0.0));
        assert_eq!((unread.value, unread.status), (None, Status::NoData));
    }
}
