//! Claims as terms of sums: virtual meters expanded, shares multiplied in.

use crate::config::{Claim, CollectorConfig, Virtual};
use crate::indicators::Term;
use crate::indicators::account::{ALWAYS, MILLIONTHS};
use crate::store::MeterId;
use std::collections::BTreeMap;
use wattledger_model::carrier::{Carrier, Fraction};
use wattledger_model::meter::MeterKey;
use wattledger_model::time::Interval;
use wattledger_model::unit::Quantity;

pub(super) type Numbers<'a> = BTreeMap<&'a MeterKey, MeterId>;

/// A claim with the terms it comes to, in the meters' own units.
pub(super) struct Claimed<'a> {
    pub(super) claim: &'a Claim,
    pub(super) terms: Vec<Term>,
    pub(super) quantity: Option<Quantity>,
    pub(super) carrier: Option<Carrier>,
}

/// All claims of real and virtual meters, by the numbers of their meters.
pub(super) fn claimed<'a>(config: &'a CollectorConfig, numbers: &Numbers<'_>) -> Vec<Claimed<'a>> {
    let mut all = Vec::new();
    for meter in &config.meters {
        let Some(id) = numbers.get(&meter.key) else { continue };
        for claim in &meter.claims {
            let terms = vec![Term { meter: *id, millionths: claim.millionths, during: claim.during }];
            all.push(Claimed { claim, terms, quantity: meter.quantity(), carrier: meter.carrier });
        }
    }
    for one in &config.virtuals {
        for claim in &one.claims {
            let share = |term: Term| {
                // The check of the configuration refuses products that are not exact.
                let millionths =
                    times(term.millionths, Fraction::new(claim.millionths.into(), MILLIONTHS.into()))?;
                Some(Term { millionths, during: claim.during, ..term })
            };
            let terms: Vec<Term> = whole(one, numbers).into_iter().filter_map(share).collect();
            all.push(Claimed { claim, terms, quantity: one.quantity, carrier: one.carrier });
        }
    }
    all.sort_by_key(|claimed| claimed.terms.first().map(|term| term.meter));
    all
}

/// All of a virtual meter, always.
pub(super) fn whole(one: &Virtual, numbers: &Numbers<'_>) -> Vec<Term> {
    let term = |part: &crate::config::Part| {
        Some(Term { meter: *numbers.get(&part.meter)?, millionths: part.millionths, during: ALWAYS })
    };
    one.parts.iter().filter(|part| part.millionths != 0).filter_map(term).collect()
}

/// A coefficient times an exact factor, in millionths, halves to even; `None` beyond what fits.
pub(super) fn times(millionths: i64, factor: Fraction) -> Option<i64> {
    i64::try_from(Fraction::whole(millionths.into()).times(factor)?.rounded()).ok()
}

/// Terms with each coefficient times a factor.
pub(super) fn scaled(terms: &[Term], factor: Fraction) -> Option<Vec<Term>> {
    terms.iter().map(|term| Some(Term { millionths: times(term.millionths, factor)?, ..*term })).collect()
}

/// Terms with the sign turned.
pub(super) fn negated(terms: &[Term]) -> impl Iterator<Item = Term> + '_ {
    terms.iter().map(|term| Term { millionths: -term.millionths, ..*term })
}

/// An interval without others.
pub(super) fn without(interval: Interval, others: impl Iterator<Item = Interval>) -> Vec<Interval> {
    let mut left = vec![interval];
    for other in others {
        left = left
            .into_iter()
            .flat_map(|part| {
                let before = Interval::new(part.from, part.to.min(other.from));
                let after = Interval::new(part.from.max(other.to), part.to);
                if other.from >= other.to { vec![part] } else { vec![before, after] }
            })
            .filter(|part| part.from < part.to)
            .collect();
    }
    left
}
