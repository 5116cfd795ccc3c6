//! What `E_DC` is made of: electricity, and what is not electricity by the facility's method.
//! Source: domain.md 2.2, 2.3, 6.4.

use super::amount::Amount;
use super::content::words_if_any;
use crate::store::StoreError;
use crate::topology::Conversion;
use crate::view::View;
use serde::Serialize;
use std::sync::Arc;
use wattledger_model::time::Interval;

/// One kind of energy in `E_DC`. The rows add up to all of `E_DC` that is booked, but for half a µWh each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartRow {
    /// How it enters or leaves: a role.
    pub role: &'static str,
    /// Of fuel: which.
    pub carrier: Option<String>,
    /// Whether it is electricity, which counts as it is metered.
    pub electricity: bool,
    /// What was metered, in `unit`.
    pub metered: Amount,
    /// `kWh`, `L` or `kg`.
    pub unit: &'static str,
    /// What that counts as in `E_DC`, kWh; below zero what leaves.
    pub counted: Amount,
    /// By which factors and which method, with their source; `None` of electricity.
    #[serde(serialize_with = "words_if_any")]
    pub factor: Option<Conversion>,
}

/// The rows, and what they count as altogether, kWh: electricity, and what is not electricity.
pub(super) struct Parts {
    pub(super) rows: Vec<PartRow>,
    pub(super) electricity: Amount,
    pub(super) non_electric: Amount,
}

/// The parts of a facility's energy over an interval.
pub(super) fn parts(view: &mut View, at: usize, interval: Interval) -> Result<Parts, StoreError> {
    let topology = Arc::clone(view.topology());
    let facility = &topology.facilities[at];
    let parts = facility.explain(|terms| view.booked_sum(at, terms, interval))?;
    let counted = |electricity: bool| {
        let of = parts.iter().filter(|part| part.entry.factor.is_none() == electricity);
        Amount::kwh(of.map(|part| part.energy_uwh).sum())
    };
    let row = |part: &crate::topology::Part<'_>| PartRow {
        role: part.entry.role.word(),
        carrier: part.entry.carrier.map(|carrier| carrier.to_string()),
        electricity: part.entry.factor.is_none(),
        metered: Amount::of(part.amount, part.entry.quantity),
        unit: Amount::unit_of(part.entry.quantity),
        counted: Amount::kwh(part.energy_uwh),
        factor: part.entry.factor.clone(),
    };
    Ok(Parts {
        rows: parts.iter().map(row).collect(),
        electricity: counted(true),
        non_electric: counted(false),
    })
}
