//! Market-based carbon: what certificates and contracts claim, and by which factor the rest counts.
//! Source: domain.md 4.1.

use super::amount::Amount;
use super::content::Carbon;
use super::figures;
use crate::config;
use crate::indicators::Indicator;
use crate::indicators::carbon::{RestBy, Scope2};
use crate::indicators::claim::Refusal;
use crate::store::StoreError;
use crate::topology::Factor;
use crate::topology::note::Noted;
use crate::view::View;
use serde::{Serialize, Serializer};
use std::sync::Arc;
use wattledger_model::time::Interval;

/// The method where a supplier's factor is declared.
pub(super) const REST_BY_SUPPLIER: &str = "Scope 2 of the same electricity: what certificates and contracts claim counts \
                                           first, without CO₂, and the rest by the supplier's factor, hour by hour";
/// The method where a residual mix is known.
pub(super) const REST_BY_RESIDUAL: &str = "Scope 2 of the same electricity: what certificates and contracts claim counts \
                                           first, without CO₂, and the rest by the residual mix, hour by hour";
/// The method where neither is.
pub(super) const REST_BY_LOCATION: &str = "Scope 2 of the same electricity: what certificates and contracts claim counts \
                                           first, without CO₂, and the rest by the location-based factor, hour by hour, \
                                           since neither a supplier's factor nor a residual mix is declared";

/// What becomes of a facility's grid electricity in the market-based figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claims {
    /// All of it, kWh.
    pub electricity: Amount,
    /// What claims cover, by claim: it carries no CO₂.
    pub counted: Vec<Claimed>,
    /// Claims, or parts of claims, that do not count.
    pub refused: Vec<NotClaimed>,
    /// What nothing claims, kWh.
    pub rest: Amount,
    /// By which factor that counts: `supplier`, `residual-mix` or `location`.
    pub rest_by: &'static str,
}

/// Electricity that a claim covers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claimed {
    /// The lot, by its number or its place in the configuration.
    pub lot: String,
    /// What it rests on: `goo`, `gec`, `ppa` or `on-site`.
    pub kind: &'static str,
    /// How much, kWh.
    pub amount: Amount,
}

/// What was claimed in vain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotClaimed {
    /// The lot.
    pub lot: String,
    /// How much of it, kWh.
    pub amount: Amount,
    /// Why; in JSON its words.
    #[serde(serialize_with = "words")]
    pub reason: Refusal,
}

fn words<S: Serializer>(reason: &Refusal, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(reason.words())
}

/// The market-based figure; `None` without grid meter or location-based factor.
pub(super) fn market(
    view: &mut View,
    at: usize,
    interval: Interval,
    declared: Option<&config::Facility>,
) -> Result<Option<Carbon>, StoreError> {
    let Some(figure) = view.figure(at, Indicator::CarbonMarket, interval)? else { return Ok(None) };
    let Some(both) = view.scope2(at, interval)? else { return Ok(None) };
    let topology = Arc::clone(view.topology());
    let facility = &topology.facilities[at];
    let of_market = declared.map(|declared| &declared.market);
    let (note, stated, method) = match both.rest_by {
        RestBy::Supplier => (
            facility.supplier.as_ref().map(alone),
            of_market.and_then(|market| market.supplier.as_ref()),
            REST_BY_SUPPLIER,
        ),
        RestBy::Residual => (
            facility.residual.as_ref().map(alone),
            of_market.and_then(|market| market.residual.as_ref()),
            REST_BY_RESIDUAL,
        ),
        RestBy::Location => (
            view.factor(at).map(|factor| factor.note_over(interval)),
            declared.and_then(|declared| declared.carbon.as_ref()),
            REST_BY_LOCATION,
        ),
    };
    Ok(Some(Carbon {
        factors: figures::factors(figure.interval, facility.zone, stated),
        figure: figures::shown(&figure, facility),
        basis: "market-based",
        method,
        note,
        claims: Some(claims(both)),
    }))
}

/// What a factor by year is.
fn alone(factor: &Factor) -> Noted {
    Noted { note: factor.note.clone(), over: Vec::new() }
}

fn claims(both: Scope2) -> Claims {
    let counted = both.claimed.into_iter().map(|claim| Claimed {
        lot: claim.lot,
        kind: claim.kind.word(),
        amount: Amount::kwh(claim.energy_uwh),
    });
    let refused = both.refused.into_iter().map(|refused| NotClaimed {
        lot: refused.lot,
        amount: Amount::kwh(refused.energy_uwh),
        reason: refused.why,
    });
    Claims {
        electricity: Amount::kwh(both.energy_uwh),
        counted: counted.collect(),
        refused: refused.collect(),
        rest: Amount::kwh(both.rest_uwh),
        rest_by: both.rest_by.word(),
    }
}
