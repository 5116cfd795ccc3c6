//! Certificates and contracts: who may claim which energy, once. Source: domain.md 2.4, 4.1.
//!
//! A claim counts only while its owner holds the rights and has retired them; what was sold on counts for the
//! buyer. A lot of certificates stands behind one claim only.

use std::collections::BTreeSet;
use wattledger_model::decimal::Decimal;
use wattledger_model::time::Interval;

/// What a claim rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClaimKind {
    /// Certificates bought by themselves: guarantees of origin, GEC (`ERES-GOO` in EU 2024/1364).
    Certificate,
    /// A power purchase agreement with its certificates (`ERES-PPA`).
    Contract,
    /// Generation on site with its certificates (`ERES-OS`).
    OnSite,
}

impl ClaimKind {
    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            ClaimKind::Certificate => "certificate",
            ClaimKind::Contract => "contract",
            ClaimKind::OnSite => "on-site",
        }
    }
}

/// A lot of certificates, or a contract with its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which lot: its serial numbers or the contract's, whatever names it once.
    pub lot: String,
    /// What it rests on.
    pub kind: ClaimKind,
    /// The market or grid it holds in.
    pub market: String,
    /// When the energy was generated.
    pub generated: Interval,
    /// How much, µWh.
    pub energy_uwh: i128,
    /// How much of it was sold on, µWh.
    pub sold_uwh: i128,
    /// Whether the facility's operator holds the rights.
    pub is_owned: bool,
    /// Whether they are retired in the operator's name.
    pub is_retired: bool,
    /// Whether the energy is renewable.
    pub is_renewable: bool,
    /// Its emission factor, kg/kWh; 0 for renewable energy.
    pub kg_per_kwh: Decimal,
}

/// Why a claim, or part of it, does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// The rights are someone else's.
    NotOwned,
    /// They may still be sold.
    NotRetired,
    /// They were sold on.
    Sold,
    /// The lot stands behind another claim already.
    Twice,
    /// The amounts cannot be: negative, or more sold than there was.
    Impossible,
    /// The energy is not renewable.
    NotRenewable,
    /// The certificates hold in another market.
    OtherMarket,
    /// The energy was not generated in the period.
    OtherPeriod,
    /// There was no consumption left to claim.
    Unused,
}

impl Refusal {
    /// The reason in words.
    pub const fn words(self) -> &'static str {
        match self {
            Refusal::NotOwned => "the rights are not the operator's own",
            Refusal::NotRetired => "the certificates are not retired",
            Refusal::Sold => "the certificates were sold on",
            Refusal::Twice => "the lot is claimed a second time",
            Refusal::Impossible => "an amount is negative, or more was sold than there was",
            Refusal::NotRenewable => "the energy is not renewable",
            Refusal::OtherMarket => "the certificates hold in another market",
            Refusal::OtherPeriod => "the energy was generated in another period",
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

/// Sorts claims into what counts and what does not. Of two claims to one lot the first counts.
pub fn admit(claims: &[Claim]) -> (Vec<Admitted<'_>>, Vec<Refused>) {
    let mut seen = BTreeSet::new();
    let (mut admitted, mut refused) = (Vec::new(), Vec::new());
    for claim in claims {
        let mut refuse = |energy_uwh, why| refused.push(Refused { lot: claim.lot.clone(), energy_uwh, why });
        let why = if !seen.insert(claim.lot.as_str()) {
            Some(Refusal::Twice)
        } else if claim.energy_uwh < 0 || !(0..=claim.energy_uwh).contains(&claim.sold_uwh) {
            Some(Refusal::Impossible)
        } else if !claim.is_owned {
            Some(Refusal::NotOwned)
        } else if !claim.is_retired {
            Some(Refusal::NotRetired)
        } else {
            None
        };
        if let Some(why) = why {
            refuse(claim.energy_uwh, why);
            continue;
        }
        if claim.sold_uwh > 0 {
            refuse(claim.sold_uwh, Refusal::Sold);
        }
        let energy_uwh = claim.energy_uwh - claim.sold_uwh;
        if energy_uwh > 0 {
            admitted.push(Admitted { claim, energy_uwh });
        }
    }
    (admitted, refused)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use wattledger_model::time::Minute;

    pub(in crate::indicators) fn claim(lot: &str, energy_uwh: i128) -> Claim {
        Claim {
            lot: lot.to_owned(),
            kind: ClaimKind::Certificate,
            market: "cn".to_owned(),
            generated: Interval::new(Minute(0), Minute(600)),
            energy_uwh,
            sold_uwh: 0,
            is_owned: true,
            is_retired: true,
            is_renewable: true,
            kg_per_kwh: Decimal::ZERO,
        }
    }

    #[test]
    fn each_energy_counts_once_and_for_its_holder_only() {
        let claims = [
            claim("a", 100),
            claim("a", 100),
            Claim { is_owned: false, ..claim("b", 10) },
            Claim { is_retired: false, ..claim("c", 20) },
            Claim { sold_uwh: 30, ..claim("d", 50) },
            Claim { sold_uwh: 60, ..claim("e", 50) },
            claim("f", -1),
        ];
        let (admitted, refused) = admit(&claims);
        let counted: Vec<_> = admitted.iter().map(|a| (a.claim.lot.as_str(), a.energy_uwh)).collect();
        assert_eq!(counted, [("a", 100), ("d", 20)]);
        let why: Vec<_> = refused.iter().map(|r| (r.lot.as_str(), r.energy_uwh, r.why)).collect();
        assert_eq!(
            why,
            [
                ("a", 100, Refusal::Twice),
                ("b", 10, Refusal::NotOwned),
                ("c", 20, Refusal::NotRetired),
                ("d", 30, Refusal::Sold),
                ("e", 50, Refusal::Impossible),
                ("f", -1, Refusal::Impossible)
            ]
        );
    }
}
