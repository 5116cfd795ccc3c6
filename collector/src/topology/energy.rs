//! What `E_DC` is made of: electricity with its sign, and what is not electricity, by the facility's method.
//! Source: domain.md 2.2, 2.3.

use super::Facility;
use super::terms::{self, Claimed};
use crate::config::{Factors, Method};
use crate::indicators::Term;
use std::fmt;
use wattledger_model::carrier::{Carrier, Cited, Fraction};
use wattledger_model::role::Role;
use wattledger_model::unit::Quantity;

/// One kind of energy in `E_DC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How it enters or leaves.
    pub role: Role,
    /// Of fuel: which.
    pub carrier: Option<Carrier>,
    /// What its meters measure.
    pub quantity: Quantity,
    /// What they measure while it counts, in that quantity's base unit.
    pub metered: Vec<Term>,
    /// What that counts as in `E_DC`, µWh; below zero what leaves.
    pub counted: Vec<Term>,
    /// By which factors and which method; `None` of electricity, which counts as it is metered.
    pub factor: Option<Conversion>,
}

/// How what is not electricity enters `E_DC`. Source: domain.md 2.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// How it enters.
    pub role: Role,
    /// Of fuel: which; `None` of delivered cooling and heat.
    pub carrier: Option<Carrier>,
    /// Energy content of a fuel, or the factor of the supplying system.
    pub factor: Cited,
    /// The source weight of a fuel's content, by the method that weighs it.
    pub weight: Option<Cited>,
    /// The method.
    pub method: Method,
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.carrier {
            Some(carrier) => write!(f, "{carrier}")?,
            None => write!(f, "{}", self.role)?,
        }
        write!(f, " × {}", self.factor)?;
        if let Some(weight) = &self.weight {
            write!(f, " × {weight}")?;
        }
        write!(f, ", {}", self.method.word())
    }
}

/// An entry with what it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'f> {
    /// The entry.
    pub entry: &'f Entry,
    /// What was metered: µWh, mL, mg.
    pub amount: i128,
    /// What it counts as in `E_DC`, µWh.
    pub energy_uwh: i128,
}

impl Facility {
    /// `E_DC` by its parts: each quantity with its factor and what it counts as. `sum` gives what terms come to
    /// over the period that is meant. The parts add up to `E_DC`, but for half a µWh each by rounding.
    ///
    /// # Errors
    /// Those of `sum`.
    pub fn explain<E>(&self, mut sum: impl FnMut(&[Term]) -> Result<i128, E>) -> Result<Vec<Part<'_>>, E> {
        let mut part = |entry| -> Result<Part<'_>, E> {
            let Entry { metered, counted, .. }: &Entry = entry;
            Ok(Part { entry, amount: sum(metered)?, energy_uwh: sum(counted)? })
        };
        self.entries.iter().map(&mut part).collect()
    }
}

/// The entries of a facility's claims: electricity first. Fuel of a generator counts only while no meter shows what
/// the generators give: a plant that is metered at its output is outside the boundary, one that is metered only
/// at its input inside. Source: domain.md 2.2, 2.3.
pub(super) fn entries(claims: &[&Claimed<'_>], factors: &Factors) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for claimed in claims {
        let role = claimed.claim.role;
        let counted: Vec<Term> = match role.facility_sign() {
            0 => continue,
            -1 => terms::negated(&claimed.terms).collect(),
            _ => claimed.terms.clone(),
        };
        let metered = claimed.terms.clone();
        add(
            &mut entries,
            Entry { role, carrier: None, quantity: Quantity::Energy, metered, counted, factor: None },
        );
    }
    for claimed in claims {
        let Some((factor, note)) = conversion(claimed, factors) else { continue };
        let metered = in_boundary(claimed, claims);
        add(
            &mut entries,
            Entry {
                role: claimed.claim.role,
                carrier: claimed.carrier.filter(|_| claimed.claim.role.is_fuel()),
                quantity: claimed.quantity.unwrap_or(Quantity::Energy),
                counted: terms::scaled(&metered, factor).unwrap_or_default(),
                metered,
                factor: Some(note),
            },
        );
    }
    entries
}

fn add(entries: &mut Vec<Entry>, more: Entry) {
    let kind = |entry: &Entry| (entry.role, entry.carrier, entry.quantity);
    match entries.iter_mut().find(|entry| kind(entry) == kind(&more)) {
        Some(entry) => {
            entry.metered.extend(more.metered);
            entry.counted.extend(more.counted);
        }
        None => entries.push(more),
    }
}

/// The terms of a claim while it is inside the boundary.
fn in_boundary(claimed: &Claimed<'_>, claims: &[&Claimed<'_>]) -> Vec<Term> {
    if claimed.claim.role != Role::GeneratorFuel {
        return claimed.terms.clone();
    }
    let outputs = claims.iter().filter(|other| other.claim.role == Role::Generator);
    let inside = terms::without(claimed.claim.during, outputs.map(|other| other.claim.during));
    let during = |during| claimed.terms.iter().map(move |term| Term { during, ..*term });
    inside.into_iter().flat_map(during).collect()
}

/// µWh that count for a base unit of what a claim measures, and by which factor; `None` of electricity.
fn conversion(claimed: &Claimed<'_>, factors: &Factors) -> Option<(Fraction, Conversion)> {
    let (role, method) = (claimed.claim.role, factors.method);
    if let Some(cited) = factors.district(role) {
        let by = Conversion { role, carrier: None, factor: cited.clone(), weight: None, method };
        return Some((Fraction::of(cited.value)?, by));
    }
    let carrier = claimed.carrier.filter(|_| role.is_fuel())?;
    let fuel = factors.fuel(carrier);
    let content = fuel.content_per_base(claimed.quantity?)?;
    let by = Conversion { role, carrier: Some(carrier), factor: fuel.content.clone(), weight: None, method };
    match method {
        Method::EnIso => Some((content, by)),
        Method::SourceWeighted => {
            let weighted = content.times(Fraction::of(fuel.source_weight.value)?)?;
            Some((weighted, Conversion { weight: Some(fuel.source_weight.clone()), ..by }))
        }
    }
}
