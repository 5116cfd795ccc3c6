//! Carbon: Scope 1 of fuels, and Scope 2 by both methods, interval by interval. Source: domain.md 4.
//!
//! Both Scope 2 figures are always made together. Every amount is weighted with the factor of its own
//! interval; a mean factor never meets a total.

use super::claim::{self, Admitted, Claim, ClaimKind, Refusal, Refused};
use super::figure::UWH_PER_KWH;
use chrono::Datelike;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::decimal::Decimal;
use wattledger_model::factor::FactorTable;
use wattledger_model::factor_series::FactorSeries;
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute};

/// A fuel and what burning it gives off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fuel {
    /// Its name.
    pub name: &'static str,
    /// kg of CO₂ for each kg.
    pub kg_co2_per_kg: Decimal,
    /// kg in a litre.
    pub kg_per_litre: Decimal,
}

/// Diesel: 42.652 GJ/t × 20.2 tC/TJ × 0.98 × 44/12 = 3.0959 kg CO₂/kg; about 0.84 kg/L, which a supplier's
/// figure replaces. Source: domain.md 4.2.
pub const DIESEL: Fuel =
    Fuel { name: "diesel", kg_co2_per_kg: Decimal::new(30_959, -4), kg_per_litre: Decimal::new(84, -2) };

/// What burning a fuel gave off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burnt {
    /// The fuel, with its factors.
    pub fuel: Fuel,
    /// Its mass, kg.
    pub fuel_kg: f64,
    /// CO₂, kg.
    pub co2_kg: f64,
}

/// Scope 1 CO₂ of a fuel by volume, mL. Refrigerants that leak are Scope 1 too, and are not in it.
pub fn scope1(fuel: Fuel, volume_ml: i128) -> Burnt {
    let fuel_kg = volume_ml as f64 / 1e3 * fuel.kg_per_litre.to_f64();
    Burnt { fuel, fuel_kg, co2_kg: fuel_kg * fuel.kg_co2_per_kg.to_f64() }
}

/// CUE: `(Scope 1 + Scope 2) / E_IT`, kg/kWh; `None` without IT energy. Which Scope 2 it is has to be said.
/// Source: ISO/IEC 30134-8; domain.md 4.3.
pub fn cue(scope1_kg: f64, scope2_kg: f64, it_kwh: f64) -> Option<f64> {
    (it_kwh > 0.0).then(|| (scope1_kg + scope2_kg) / it_kwh)
}

/// Where a factor comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A series by interval.
    Series,
    /// The factor of a year.
    Year {
        /// The generation year; `None` where it was not said.
        year: Option<i32>,
        /// Whether it is not the year of consumption: that one is not published, and the figure is restated
        /// once it is.
        is_substitute: bool,
        /// Whether no consulted source confirms the value.
        is_unconfirmed: bool,
        /// Whether a series was given that says nothing of this time.
        instead_of_series: bool,
    },
}

/// A factor with its origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor {
    /// kg of CO₂ for each kWh.
    pub kg_per_kwh: f64,
    /// Where it comes from.
    pub origin: Origin,
}

/// The factor where no series says one.
#[derive(Debug, Clone, Copy)]
pub enum Annual<'t> {
    /// None: only the series counts.
    Unknown,
    /// A region's, by year.
    Region {
        /// The table.
        table: &'t FactorTable,
        /// The region's name in it.
        region: &'t str,
    },
    /// One for all years.
    Constant {
        /// kg of CO₂ for each kWh.
        kg_per_kwh: Decimal,
        /// The generation year it stands for.
        year: Option<i32>,
    },
}

/// Location-based factors: the finest there is.
#[derive(Debug, Clone, Copy)]
pub struct LocationFactors<'t> {
    /// By interval, where there is such a series.
    pub series: Option<&'t FactorSeries>,
    /// Else by year.
    pub annual: Annual<'t>,
    /// Where years begin and end.
    pub zone: Tz,
}

impl LocationFactors<'_> {
    /// The factor of a minute: of the series, else of the year of consumption, else of the latest year before
    /// it that is published. `None` where there is none.
    pub fn at(&self, minute: Minute) -> Option<Factor> {
        if let Some(kg_per_kwh) = self.series.and_then(|series| series.at(minute)) {
            return Some(Factor { kg_per_kwh, origin: Origin::Series });
        }
        let instead_of_series = self.series.is_some();
        let of = calendar::date_of(self.zone, minute).year();
        match self.annual {
            Annual::Unknown => None,
            Annual::Region { table, region } => table.find(region, of).map(|found| Factor {
                kg_per_kwh: found.factor.kg_per_kwh.to_f64(),
                origin: Origin::Year {
                    year: Some(found.factor.year),
                    is_substitute: found.substitute,
                    is_unconfirmed: found.factor.unconfirmed,
                    instead_of_series,
                },
            }),
            Annual::Constant { kg_per_kwh, year } => Some(Factor {
                kg_per_kwh: kg_per_kwh.to_f64(),
                origin: Origin::Year {
                    year,
                    is_substitute: year.is_some_and(|year| year != of),
                    is_unconfirmed: false,
                    instead_of_series,
                },
            }),
        }
    }

    /// The one factor of an interval; `Err` where there is none or it changes inside.
    fn over(&self, interval: Interval) -> Result<Factor, CarbonError> {
        let last = Minute(interval.to.0 - 1);
        let factor = self.at(interval.from).ok_or(CarbonError::NoFactor(interval))?;
        let touched = self.series.filter(|series| !series.covers().intersect(interval).is_empty());
        let changes = match touched {
            Some(series) => !series.is_one_step(interval),
            // A local year may begin inside a UTC hour; the hour is then that of its first minute.
            None => interval.minutes() > HOUR_MINUTES && self.at(last) != Some(factor),
        };
        if changes { Err(CarbonError::TooCoarse(interval)) } else { Ok(factor) }
    }
}

/// Electricity that came from the grid in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumption {
    /// When; within one step of the factors.
    pub interval: Interval,
    /// How much, µWh.
    pub energy_uwh: i128,
}

/// What the market-based method goes by.
#[derive(Debug, Clone, Copy)]
pub struct Instruments<'c> {
    /// The market that the consumption is in.
    pub market: &'c str,
    /// Certificates and contracts.
    pub claims: &'c [Claim],
    /// The supplier's own factor, kg/kWh.
    pub supplier: Option<Decimal>,
    /// The residual mix, kg/kWh; in China the national average without market-traded non-fossil power.
    pub residual: Option<Decimal>,
}

/// What the energy is weighted with that nothing claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RestBy {
    /// The supplier's factor.
    Supplier,
    /// The residual mix.
    Residual,
    /// The location-based factor of each interval: only where there is neither.
    Location,
}

impl RestBy {
    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            RestBy::Supplier => "supplier",
            RestBy::Residual => "residual-mix",
            RestBy::Location => "location",
        }
    }
}

/// Energy and carbon of one origin of factors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ByOrigin {
    /// The origin.
    pub origin: Origin,
    /// Energy, µWh.
    pub energy_uwh: i128,
    /// CO₂, kg.
    pub kg: f64,
}

/// Energy and carbon of one claim.
#[derive(Debug, Clone, PartialEq)]
pub struct ByClaim {
    /// The lot.
    pub lot: String,
    /// What it rests on.
    pub kind: ClaimKind,
    /// Energy, µWh.
    pub energy_uwh: i128,
    /// CO₂, kg.
    pub kg: f64,
}

/// Scope 2 by both methods.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope2 {
    /// All that was consumed, µWh.
    pub energy_uwh: i128,
    /// Location-based, kg.
    pub location_kg: f64,
    /// Location-based by the origin of the factors, in order of time.
    pub location: Vec<ByOrigin>,
    /// Market-based, kg.
    pub market_kg: f64,
    /// What was claimed, by claim.
    pub claimed: Vec<ByClaim>,
    /// What nothing claims, µWh.
    pub rest_uwh: i128,
    /// CO₂ of that, kg.
    pub rest_kg: f64,
    /// By which factor.
    pub rest_by: RestBy,
    /// What was claimed in vain, with reasons.
    pub refused: Vec<Refused>,
}

/// Why carbon cannot be reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CarbonError {
    /// No factor.
    #[error("no emission factor is known for {0}; give the facility a region, or a series that covers it")]
    NoFactor(Interval),
    /// The factor changes inside an interval.
    #[error("the emission factor changes within {0}; split the consumption where it does")]
    TooCoarse(Interval),
    /// Intervals are empty, overlap or run backwards.
    #[error("the consumption of {0} is out of order; give each interval once, in order of time")]
    OutOfOrder(Interval),
    /// Energy below zero.
    #[error("{0} has a negative consumption; export is no negative import")]
    Negative(Interval),
    /// Beyond what is counted.
    #[error("more energy than can be counted")]
    TooMuch,
}

/// Scope 2, location-based and market-based, of the same consumption.
///
/// Location-based is `Σ E_t · EF_t`. Market-based takes what is claimed first: claims of the same market, over the
/// intervals in which their energy was generated, in proportion to what each interval consumed, the claims
/// with the shortest time first. A claim that reaches beyond the consumption counts for the share of its time
/// that lies inside. What no claim covers goes by the supplier's factor, else by the residual mix, else by location.
/// Claims never exceed the consumption, of an interval or in total. Generation on site is no grid electricity:
/// its claims are left out.
///
/// # Errors
/// [`CarbonError`] where a factor is missing or the consumption is not in order.
pub fn scope2(
    consumption: &[Consumption],
    factors: &LocationFactors<'_>,
    instruments: &Instruments<'_>,
) -> Result<Scope2, CarbonError> {
    in_order(consumption)?;
    let (location_kg, location) = located(consumption, factors)?;
    let mut left: Vec<i128> = consumption.iter().map(|row| row.energy_uwh).collect();
    let (claimed, refused) = claim_all(consumption, instruments, &mut left)?;
    let (rest_by, flat) = match (instruments.supplier, instruments.residual) {
        (Some(factor), _) => (RestBy::Supplier, Some(factor)),
        (None, Some(factor)) => (RestBy::Residual, Some(factor)),
        (None, None) => (RestBy::Location, None),
    };
    let rest_uwh: i128 = left.iter().sum();
    let rest_kg = match flat {
        Some(factor) => kg(rest_uwh, factor.to_f64()),
        None => {
            let rest = consumption.iter().zip(&left);
            let rest: Vec<Consumption> =
                rest.map(|(row, left)| Consumption { energy_uwh: *left, ..*row }).collect();
            located(&rest, factors)?.0
        }
    };
    let claimed_kg: f64 = claimed.iter().map(|claim| claim.kg).sum();
    Ok(Scope2 {
        energy_uwh: consumption.iter().map(|row| row.energy_uwh).sum(),
        location_kg,
        location,
        market_kg: claimed_kg + rest_kg,
        claimed,
        rest_uwh,
        rest_kg,
        rest_by,
        refused,
    })
}

fn kg(energy_uwh: i128, kg_per_kwh: f64) -> f64 {
    energy_uwh as f64 / UWH_PER_KWH * kg_per_kwh
}

fn in_order(consumption: &[Consumption]) -> Result<(), CarbonError> {
    let mut end = Minute(i64::MIN);
    let mut sum = 0_i128;
    for row in consumption {
        if row.interval.is_empty() || row.interval.from < end {
            return Err(CarbonError::OutOfOrder(row.interval));
        }
        if row.energy_uwh < 0 {
            return Err(CarbonError::Negative(row.interval));
        }
        sum = sum.checked_add(row.energy_uwh).ok_or(CarbonError::TooMuch)?;
        end = row.interval.to;
    }
    Ok(())
}

fn located(
    consumption: &[Consumption],
    factors: &LocationFactors<'_>,
) -> Result<(f64, Vec<ByOrigin>), CarbonError> {
    let mut lines: Vec<ByOrigin> = Vec::new();
    let mut total = 0.0;
    for row in consumption {
        let factor = factors.over(row.interval)?;
        let kg = kg(row.energy_uwh, factor.kg_per_kwh);
        total += kg;
        match lines.iter_mut().find(|line| line.origin == factor.origin) {
            Some(line) => {
                line.energy_uwh += row.energy_uwh;
                line.kg += kg;
            }
            None => lines.push(ByOrigin { origin: factor.origin, energy_uwh: row.energy_uwh, kg }),
        }
    }
    Ok((total, lines))
}

/// Takes claims off what is left of each interval.
fn claim_all(
    consumption: &[Consumption],
    instruments: &Instruments<'_>,
    left: &mut [i128],
) -> Result<(Vec<ByClaim>, Vec<Refused>), CarbonError> {
    let (mut admitted, mut refused) = claim::admit(instruments.claims);
    admitted.retain(|admitted| admitted.claim.kind != ClaimKind::OnSite);
    admitted.sort_by(|a, b| {
        let order = |x: &Admitted<'_>| (x.claim.generated.minutes(), x.claim.generated.from);
        order(a).cmp(&order(b)).then_with(|| a.claim.lot.cmp(&b.claim.lot))
    });
    let mut claimed = Vec::new();
    for Admitted { claim, energy_uwh } in admitted {
        let mut refuse = |energy_uwh: i128, why| {
            if energy_uwh > 0 {
                refused.push(Refused { lot: claim.lot.clone(), energy_uwh, why });
            }
        };
        if claim.market != instruments.market {
            refuse(energy_uwh, Refusal::OtherMarket);
            continue;
        }
        let inside = inside(consumption, claim, energy_uwh)?;
        refuse(energy_uwh - inside, Refusal::OtherPeriod);
        let taken = take(consumption, claim.generated, inside, left)?;
        refuse(inside - taken, Refusal::Unused);
        if taken > 0 {
            claimed.push(ByClaim {
                lot: claim.lot.clone(),
                kind: claim.kind,
                energy_uwh: taken,
                kg: kg(taken, claim.kg_per_kwh.to_f64()),
            });
        }
    }
    Ok((claimed, refused))
}

/// The share of a claim whose time lies between the first and the last consumption.
fn inside(consumption: &[Consumption], claim: &Claim, energy_uwh: i128) -> Result<i128, CarbonError> {
    let (Some(first), Some(last)) = (consumption.first(), consumption.last()) else { return Ok(0) };
    let window = Interval::new(first.interval.from, last.interval.to);
    let minutes = i128::from(claim.generated.intersect(window).minutes());
    let all = i128::from(claim.generated.minutes());
    if all == 0 { Ok(0) } else { portion(energy_uwh, minutes, all) }
}

/// Takes at most `wanted` off the intervals that lie inside `during`, in proportion to what is left of each.
/// The proportions are rounded as running sums, so that no interval gives more than it has.
fn take(
    consumption: &[Consumption],
    during: Interval,
    wanted: i128,
    left: &mut [i128],
) -> Result<i128, CarbonError> {
    let is_inside = |row: &Consumption| row.interval.intersect(during) == row.interval;
    let of_all: i128 =
        consumption.iter().zip(left.iter()).filter(|(row, _)| is_inside(row)).map(|(_, left)| left).sum();
    let taken = wanted.min(of_all);
    if taken == 0 {
        return Ok(0);
    }
    let (mut passed, mut given) = (0, 0);
    for (_, left) in consumption.iter().zip(left).filter(|(row, _)| is_inside(row)) {
        passed += *left;
        let until_here = portion(taken, passed, of_all)?;
        *left -= until_here - given;
        given = until_here;
    }
    Ok(taken)
}

/// `⌊amount · part / whole⌋`, all of them not negative and `whole` above 0.
fn portion(amount: i128, part: i128, whole: i128) -> Result<i128, CarbonError> {
    let product = amount.checked_mul(part).ok_or(CarbonError::TooMuch)?;
    Ok(product / whole)
}

#[cfg(test)]
mod tests;
