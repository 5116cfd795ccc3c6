//! Carbon: Scope 1 of fuels, and Scope 2 by both methods, interval by interval. Source: domain.md 4.
//!
//! Both Scope 2 figures are always made together. Every amount is weighted with the factor of its own
//! interval; a mean factor never meets a total. CUE is their sum with Scope 1 by IT energy, and says which
//! Scope 2 it has; refrigerants that leak are Scope 1 too, and not in it.

use super::claim::{self, Admitted, Claim, Refusal, Refused};
use super::fuel::{self, Weighed};
use super::weight::Weight;
use crate::config::{self, CertificateKind};
use crate::topology::FuelSum;
use wattledger_model::time::{Interval, Minute};

/// Scope 1 CO₂ of fuels that were burnt on site.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope1<'f> {
    /// The fuels, in kilograms of CO₂.
    pub fuels: Vec<Weighed<'f>>,
    /// Their sum, kg.
    pub kg: f64,
}

/// `Σ fuel × factor` over all fuel, that of generators too, in base units. Source: domain.md 4.2.
pub fn scope1<'f>(used: &[(&'f FuelSum, i128)]) -> Scope1<'f> {
    let (fuels, kg) = fuel::weighed(used, |fuel| fuel.co2_kg_per_base);
    Scope1 { fuels, kg }
}

/// What the market-based method goes by.
#[derive(Debug, Clone, Copy)]
pub struct Instruments<'c> {
    /// The region of the consumption; `None` where it is not said: then claims of any market fit.
    pub region: Option<&'c str>,
    /// Certificates and contracts.
    pub claims: &'c [Claim],
    /// The supplier's own factor, kg per µWh.
    pub supplier: Option<&'c Weight>,
    /// The residual mix, kg per µWh; in China the national average without market-traded non-fossil power.
    pub residual: Option<&'c Weight>,
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

/// Energy of one claim; it is renewable, so it carries no CO₂.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByClaim {
    /// The lot.
    pub lot: String,
    /// What it rests on.
    pub kind: CertificateKind,
    /// Energy, µWh.
    pub energy_uwh: i128,
}

/// Scope 2 by both methods.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope2 {
    /// All that was consumed, µWh.
    pub energy_uwh: i128,
    /// Location-based, kg.
    pub location_kg: f64,
    /// What was consumed before the first location-based factor, µWh; it is in the sum with none.
    pub without_factor_uwh: i128,
    /// Market-based, kg: that of what nothing claims.
    pub market_kg: f64,
    /// What was claimed, by claim.
    pub claimed: Vec<ByClaim>,
    /// What nothing claims, µWh.
    pub rest_uwh: i128,
    /// By which factor that counts.
    pub rest_by: RestBy,
    /// What was claimed in vain, with reasons.
    pub refused: Vec<Refused>,
}

/// Scope 2, location-based and market-based, of grid electricity by interval, µWh, in a window.
///
/// Location-based is `Σ E_t · EF_t`. Where a factor changes within an interval, its energy is spread evenly over it.
/// Market-based takes what is claimed first: claims of the same market, over the time in which their energy was
/// generated, in proportion to what was consumed then, the claims with the shortest time first. What no claim
/// covers goes by the supplier's factor, else by the residual mix, else by location. Claims never exceed the
/// consumption, of an interval or in total. Generation on site is no grid electricity: its claims are left out.
pub fn scope2(
    window: Interval,
    consumption: &[(Interval, i128)],
    location: &Weight,
    instruments: &Instruments<'_>,
) -> Scope2 {
    let (rest_by, rest_factor) = match (instruments.supplier, instruments.residual) {
        (Some(supplier), _) => (RestBy::Supplier, supplier),
        (None, Some(residual)) => (RestBy::Residual, residual),
        (None, None) => (RestBy::Location, location),
    };
    let edges = instruments.claims.iter().flat_map(|claim| [claim.generated.from, claim.generated.to]);
    let pieces = cut(consumption, &[location, rest_factor], edges.collect());
    let mut left: Vec<i128> = pieces.iter().map(|piece| piece.energy_uwh).collect();
    let (claimed, refused) = claim_all(window, &pieces, instruments, &mut left);
    let early = pieces.iter().filter(|piece| piece.interval.from < location.begins());
    let rest = || pieces.iter().zip(&left);
    Scope2 {
        energy_uwh: pieces.iter().map(|piece| piece.energy_uwh).sum(),
        location_kg: pieces.iter().map(|piece| kg(piece.energy_uwh, location, piece)).sum(),
        without_factor_uwh: early.map(|piece| piece.energy_uwh).sum(),
        market_kg: rest().map(|(piece, left)| kg(*left, rest_factor, piece)).sum(),
        claimed,
        rest_uwh: left.iter().sum(),
        rest_by,
        refused,
    }
}

/// Consumption within which no factor changes and no claim begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    interval: Interval,
    energy_uwh: i128,
}

fn kg(energy_uwh: i128, kg_per_uwh: &Weight, piece: &Piece) -> f64 {
    energy_uwh as f64 * kg_per_uwh.at(piece.interval.from)
}

/// Intervals cut where a weight changes and at edges, in the order of time. The energy of the pieces of one adds up
/// to its own.
fn cut(consumption: &[(Interval, i128)], weights: &[&Weight], mut edges: Vec<Minute>) -> Vec<Piece> {
    edges.sort_unstable();
    edges.dedup();
    let mut pieces = Vec::with_capacity(consumption.len());
    for (interval, energy_uwh) in consumption {
        let inside = |edge: &Minute| interval.from < *edge && *edge < interval.to;
        let first = edges.partition_point(|edge| *edge <= interval.from);
        let mut ends: Vec<Minute> = edges[first..].iter().copied().take_while(inside).collect();
        for weight in weights {
            ends.extend(weight.pieces(*interval).iter().map(|(piece, _)| piece.to));
        }
        ends.push(interval.to);
        ends.sort_unstable();
        ends.dedup();
        let (mut from, mut given) = (interval.from, 0);
        for to in ends {
            let passed = Interval::new(interval.from, to).minutes();
            let until_here = match to == interval.to {
                true => *energy_uwh,
                false => share(*energy_uwh, passed.into(), interval.minutes().into()),
            };
            pieces.push(Piece { interval: Interval::new(from, to), energy_uwh: until_here - given });
            (from, given) = (to, until_here);
        }
    }
    pieces.sort_by_key(|piece| piece.interval.from);
    pieces
}

/// Takes claims off what is left of each piece.
fn claim_all(
    window: Interval,
    pieces: &[Piece],
    instruments: &Instruments<'_>,
    left: &mut [i128],
) -> (Vec<ByClaim>, Vec<Refused>) {
    let grid: Vec<Claim> =
        instruments.claims.iter().filter(|claim| claim.kind != CertificateKind::OnSite).cloned().collect();
    let (mut admitted, mut refused) = claim::admit(&grid, window);
    admitted.sort_by_key(|admitted| {
        (admitted.claim.generated.minutes(), admitted.claim.generated.from, admitted.claim.lot.as_str())
    });
    let mut claimed = Vec::new();
    for Admitted { claim, energy_uwh } in admitted {
        let mut refuse = |energy_uwh: i128, why| {
            if energy_uwh > 0 {
                refused.push(Refused { lot: claim.lot.clone(), energy_uwh, why });
            }
        };
        if !fits(claim, instruments.region) {
            refuse(energy_uwh, Refusal::OtherMarket);
            continue;
        }
        let taken = take(pieces, claim.generated, energy_uwh, left);
        refuse(energy_uwh - taken, Refusal::Unused);
        if taken > 0 {
            claimed.push(ByClaim { lot: claim.lot.clone(), kind: claim.kind, energy_uwh: taken });
        }
    }
    (claimed, refused)
}

fn fits(claim: &Claim, region: Option<&str>) -> bool {
    match (claim.market.as_deref(), region) {
        (Some(market), Some(region)) => config::is_in_market(region, market),
        _ => true,
    }
}

/// Takes at most `wanted` off the pieces that lie inside `during`, in proportion to what is left of each, and no more
/// than is left of all. The proportions are rounded as running sums, so that no piece gives more than it has.
fn take(pieces: &[Piece], during: Interval, wanted: i128, left: &mut [i128]) -> i128 {
    let net: i128 = left.iter().sum();
    let gives = |piece: &Piece, left: i128| left > 0 && piece.interval.intersect(during) == piece.interval;
    let inside = pieces.iter().zip(left.iter()).filter(|(piece, left)| gives(piece, **left));
    let of_all: i128 = inside.map(|(_, left)| left).sum();
    let taken = wanted.min(of_all).min(net).max(0);
    if taken == 0 {
        return 0;
    }
    let (mut passed, mut given) = (0, 0);
    for (_, left) in pieces.iter().zip(left).filter(|(piece, left)| gives(piece, **left)) {
        passed += *left;
        let until_here = share(taken, passed, of_all);
        *left -= until_here - given;
        given = until_here;
    }
    taken
}

/// `amount · part / whole`, rounded towards zero, with `part` from 0 to `whole` and `whole` above 0. Exact up to
/// some 10 TWh of each; beyond, to what a float holds.
pub(super) fn share(amount: i128, part: i128, whole: i128) -> i128 {
    match amount.checked_mul(part) {
        _ if part == whole => amount,
        Some(product) => product / whole,
        None => (amount as f64 * (part as f64 / whole as f64)) as i128,
    }
}

#[cfg(test)]
mod tests;
