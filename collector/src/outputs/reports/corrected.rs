//! What people changed in the figures, and the head of the chain that tells of it. Source: domain.md 5.7, 6.4.

use super::amount::Amount;
use super::content::{instant, instant_if_any};
use crate::audit::corrections::{self, Kept, span};
use crate::audit::{Entry, Kind, chain};
use crate::indicators::Term;
use crate::store::{MeterId, StoreError};
use crate::topology::{Facility, KnownMeter};
use crate::view::View;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::correction::Correction;
use wattledger_model::time::{Interval, Timestamp};
use wattledger_model::unit::Quantity;

/// A correction in force that touches the period, of a meter that stands in a sum of the facility.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CorrectionRow {
    /// Its number: that of its entry in the audit chain.
    pub id: u64,
    /// The meter.
    pub meter: String,
    /// `exclude`, `entry`, `settle` or `exchange`.
    pub kind: &'static str,
    /// Since when it has an effect.
    #[serde(serialize_with = "instant")]
    pub from: Timestamp,
    /// Until when; `None` of an exchange, which is at one instant.
    #[serde(serialize_with = "instant_if_any")]
    pub to: Option<Timestamp>,
    /// What passed, in `unit`; `None` of what gives no amount.
    pub amount: Option<Amount>,
    /// `kWh`, `L` or `kg`.
    pub unit: &'static str,
    /// Of an exchange: the old register at its removal and the new one at its installation, in their own unit.
    pub registers: Option<[String; 2]>,
    /// Why, in the words of who did it.
    pub reason: String,
    /// Who did it.
    pub who: String,
    /// When.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
}

/// The end of the audit chain: whoever notes it can tell later whether what stood before it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    /// Entries in the chain.
    pub entries: u64,
    /// The hash of the last one, hexadecimal; zeros before the first.
    pub hash: String,
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

/// The head of the chain, or what it was at the time that the view is of.
pub(super) fn head(view: &View) -> Result<AuditHead, StoreError> {
    let head = chain::head(&view.connection).map_err(failed)?;
    let Some(known) = view.known() else { return Ok(AuditHead { entries: head.count, hash: head.hash }) };
    let mut last: Option<Entry> = None;
    let mut later = false;
    chain::walk(&view.connection, None, None, |entry| {
        // What was written after the first later entry came later too, whatever a clock that was put back says.
        later |= entry.at > known.edge;
        if !later {
            last = Some(entry);
        }
    })?;
    Ok(match last {
        Some(entry) => AuditHead { entries: entry.sequence, hash: entry.hash },
        None => AuditHead { entries: 0, hash: chain::NOTHING.to_owned() },
    })
}

/// The corrections in force that touch the period, by their numbers.
pub(super) fn corrections(
    view: &View,
    at: usize,
    interval: Interval,
) -> Result<Vec<CorrectionRow>, StoreError> {
    let topology = view.topology();
    let meters = meters(&topology.facilities[at], topology.meters.values());
    let kept = corrections::load(&view.connection)?;
    let touching: Vec<Kept> = kept
        .into_iter()
        .filter(|kept| meters.contains(&kept.meter) && touches(&kept.correction, interval))
        .collect();
    if touching.is_empty() {
        return Ok(Vec::new());
    }
    let told = told(view)?;
    let by_then = |sequence: u64| {
        let entry = told.get(&sequence)?;
        view.known().is_none_or(|known| entry.at <= known.edge).then_some(entry)
    };
    let row = |kept: &Kept| {
        let entry = by_then(kept.sequence)?;
        let in_force = kept.withdrawn.is_none_or(|by| by_then(by).is_none());
        in_force.then(|| row(topology.meters.get(&kept.meter), kept, entry))
    };
    Ok(touching.iter().filter_map(row).collect())
}

/// The terms of every sum of a facility: its own meters, those that it shares, and those behind virtual ones.
pub(super) fn terms(facility: &Facility) -> impl Iterator<Item = &Term> {
    let of_roles = facility.components.iter().flat_map(|(_, terms)| terms);
    let of_fuels = facility.fuels.iter().flat_map(|fuel| &fuel.terms);
    let of_zones = facility.zones.iter().flat_map(|zone| zone.total.iter().chain(&zone.it));
    of_roles.chain(of_fuels).chain(of_zones).chain(&facility.total).chain(&facility.it)
}

/// The meters that stand in any sum of a facility.
fn meters<'t>(facility: &Facility, all: impl Iterator<Item = &'t KnownMeter>) -> BTreeSet<MeterId> {
    let own =
        all.filter(|known| known.declared.facility.as_ref() == Some(&facility.name)).map(|known| known.id);
    terms(facility).map(|term| term.meter).chain(own).collect()
}

fn touches(correction: &Correction, interval: Interval) -> bool {
    let ((from, to), (start, end)) = (span(correction), (interval.from.start(), interval.to.start()));
    match correction {
        // At one instant, which may be the edge of a minute of the period.
        Correction::Exchange { .. } => start <= from && from < end,
        _ => from < end && to > start,
    }
}

/// What the chain says of corrections and of what took them back.
fn told(view: &View) -> Result<BTreeMap<u64, Entry>, StoreError> {
    let mut told = BTreeMap::new();
    for kind in [Kind::Correction, Kind::Withdrawal] {
        chain::walk(&view.connection, None, Some(kind), |entry| {
            told.insert(entry.sequence, entry);
        })?;
    }
    Ok(told)
}

fn row(known: Option<&KnownMeter>, kept: &Kept, entry: &Entry) -> CorrectionRow {
    let quantity = known.and_then(|known| known.declared.quantity()).unwrap_or(Quantity::Energy);
    let (from, to) = span(&kept.correction);
    let (kind, amount, registers) = match kept.correction {
        Correction::Exclude { .. } => ("exclude", None, None),
        Correction::Entry { amount, .. } => ("entry", Some(amount), None),
        Correction::Settle { amount, .. } => ("settle", Some(amount), None),
        Correction::Exchange { last, first, .. } => {
            ("exchange", None, Some([last.to_string(), first.to_string()]))
        }
    };
    CorrectionRow {
        id: kept.sequence,
        meter: known.map_or(String::new(), |known| known.declared.key.meter.to_string()),
        kind,
        from,
        to: registers.is_none().then_some(to),
        amount: amount.map(|base| Amount::of(base, quantity)),
        unit: Amount::unit_of(quantity),
        registers,
        reason: entry.reason.clone(),
        who: entry.who.clone(),
        at: entry.at,
    }
}
