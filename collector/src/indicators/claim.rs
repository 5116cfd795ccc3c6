//! Certificates and contracts: who may claim which energy, once. Source: domain.md 2.4, 4.1.
//!
//! A claim counts only once its certificates are retired; what was sold on counts for the buyer. A lot of certificates
//! stands behind one claim only. Of generation on site counts what the facility used itself.

use crate::config::{Certificate, CertificateKind};
use chrono::NaiveDate;
use std::collections::BTreeSet;
use wattledger_model::time::Interval;

/// A lot of certificates, or a contract with its own, of renewable electricity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which lot: its number in its register, or the contract's.
    pub lot: String,
    /// What it rests on.
    pub kind: CertificateKind,
    /// The market or grid it holds in; `None` for the facility's own.
    pub market: Option<String>,
    /// When the energy was generated.
    pub generated: Interval,
    /// How much, µWh.
    pub energy_uwh: i128,
    /// How much of it was sold on, µWh.
    pub sold_uwh: i128,
    /// Whether it is retired in the facility's name.
    pub is_retired: bool,
    /// Of metered generation on site: how much of it the facility used itself, µWh.
    pub used_uwh: Option<i128>,
}

/// What on-site solar and wind gave over an interval, and what left the facility in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnSite {
    /// Output, µWh.
    pub generated_uwh: i128,
    /// All that was exported, µWh.
    pub exported_uwh: i128,
}

impl OnSite {
    /// What the facility used itself: output less all that was exported, so that nothing that left is claimed;
    /// never below zero. Source: domain.md 2.3.
    pub fn used_uwh(self) -> i128 {
        (self.generated_uwh - self.exported_uwh).max(0)
    }
}

/// The claims of a facility's certificates in a window, as they stand on a date: retired by then or not.
///
/// `on_site` gives what the facility's own plants came to over an interval; `None` where they are not metered. A
/// certificate of generation on site that states no energy is of all that was metered in its time, and claims
/// together never have more than the facility used itself in the window.
///
/// # Errors
/// Those of `on_site`.
pub fn claims<E>(
    certificates: &[Certificate],
    window: Interval,
    as_of: NaiveDate,
    mut on_site: impl FnMut(Interval) -> Result<Option<OnSite>, E>,
) -> Result<Vec<Claim>, E> {
    let mut left: Option<i128> = None;
    let mut claims = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        let mut claim = stated(certificate, as_of);
        let inside = claim.generated.intersect(window);
        if claim.kind == CertificateKind::OnSite
            && !inside.is_empty()
            && let Some(metered) = on_site(inside)?
        {
            if certificate.energy.is_none() {
                claim.energy_uwh = metered.generated_uwh;
                claim.sold_uwh = portion(claim.sold_uwh, inside.minutes(), claim.generated.minutes())
                    .min(metered.generated_uwh);
                claim.generated = inside;
            }
            let most = match left {
                Some(left) => left,
                None => on_site(window)?.unwrap_or_default().used_uwh(),
            };
            let used = metered.used_uwh().min(most);
            claim.used_uwh = Some(used);
            if claim.is_retired {
                left = Some(most - used.min(claim.energy_uwh - claim.sold_uwh).max(0));
            }
        }
        claims.push(claim);
    }
    Ok(claims)
}

/// A claim as its certificate states it.
fn stated(certificate: &Certificate, as_of: NaiveDate) -> Claim {
    let place = || format!("line {} of the configuration", certificate.place.line);
    Claim {
        lot: certificate.reference.clone().unwrap_or_else(place),
        kind: certificate.kind,
        market: certificate.market.clone(),
        generated: certificate.generated,
        energy_uwh: certificate.energy.unwrap_or(0),
        sold_uwh: certificate.sold,
        is_retired: certificate.retired.is_some_and(|retired| retired <= as_of),
        used_uwh: None,
    }
}

/// Why a claim, or part of it, does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// They may still be sold.
    NotRetired,
    /// They were sold on.
    Sold,
    /// The lot stands behind another claim already.
    Twice,
    /// The amounts cannot be: negative, or more sold than there was.
    Impossible,
    /// Neither the certificate nor a meter says how much it is.
    NoAmount,
    /// The certificates hold in another market.
    OtherMarket,
    /// The energy was not generated in the period.
    OtherPeriod,
    /// Of its own generation the facility did not use that much: it left, or another claim has it.
    NotUsed,
    /// There was no consumption left to claim.
    Unused,
}

impl Refusal {
    /// The reason in words.
    pub const fn words(self) -> &'static str {
        match self {
            Refusal::NotRetired => "the certificates are not retired",
            Refusal::Sold => "the certificates were sold on",
            Refusal::Twice => "the lot is claimed a second time",
            Refusal::Impossible => "an amount is negative, or more was sold than there was",
            Refusal::NoAmount => "neither the certificate nor a meter says how much it is",
            Refusal::OtherMarket => "the certificates hold in another market",
            Refusal::OtherPeriod => "the energy was generated in another period",
            Refusal::NotUsed => "the facility used less of its own generation, or another claim has it",
            Refusal::Unused => "there was no consumption left to claim",
        }
    }
}

/// Energy of a claim that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The lot.
    pub lot: String,
    /// How much of it, µWh.
    pub energy_uwh: i128,
    /// Why.
    pub why: Refusal,
}

/// A claim, and how much of it may be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted<'c> {
    /// The claim.
    pub claim: &'c Claim,
    /// How much counts, µWh.
    pub energy_uwh: i128,
}

/// Sorts claims into what counts in a window and what does not. Of two claims to one lot the first counts; one that
/// reaches beyond the window counts for the share of its time that lies inside.
pub fn admit(claims: &[Claim], window: Interval) -> (Vec<Admitted<'_>>, Vec<Refused>) {
    let mut seen = BTreeSet::new();
    let (mut admitted, mut refused) = (Vec::new(), Vec::new());
    for claim in claims {
        let mut refuse = |energy_uwh, why| refused.push(Refused { lot: claim.lot.clone(), energy_uwh, why });
        let (all, sold) = (claim.energy_uwh, claim.sold_uwh);
        let why = if !seen.insert((claim.kind, claim.lot.as_str())) {
            Some(Refusal::Twice)
        } else if all < 0 || !(0..=all).contains(&sold) {
            Some(Refusal::Impossible)
        } else if !claim.is_retired {
            Some(Refusal::NotRetired)
        } else if all == 0 && claim.used_uwh.is_none() {
            Some(Refusal::NoAmount)
        } else {
            None
        };
        if let Some(why) = why {
            refuse(all, why);
            continue;
        }
        let inside = claim.generated.intersect(window).minutes();
        let kept = all - sold;
        let generated = portion(kept, inside, claim.generated.minutes());
        let counted = claim.used_uwh.map_or(generated, |used| used.clamp(0, generated));
        let reasons = [
            (sold, Refusal::Sold),
            (kept - generated, Refusal::OtherPeriod),
            (generated - counted, Refusal::NotUsed),
        ];
        for (energy_uwh, why) in reasons.into_iter().filter(|(energy, _)| *energy > 0) {
            refuse(energy_uwh, why);
        }
        if counted > 0 {
            admitted.push(Admitted { claim, energy_uwh: counted });
        }
    }
    (admitted, refused)
}

/// `⌊amount · part / whole⌋`; 0 of nothing.
fn portion(amount: i128, part: i64, whole: i64) -> i128 {
    if whole <= 0 { 0 } else { super::carbon::share(amount, part.into(), whole.into()) }
}

#[cfg(test)]
pub(super) mod tests;
