//! The renewable energy factor. Source: ISO/IEC 30134-3, EN 50600-4-3; domain.md 2.4.

use super::claim::{self, Claim, Refused};
use crate::config::CertificateKind;
use wattledger_model::time::Interval;

/// Renewable energy of a period, by what it rests on. `ERES-TOT = ERES-GOO + ERES-PPA + ERES-OS` of
/// EU 2024/1364.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewable {
    /// From certificates, µWh.
    pub certificates_uwh: i128,
    /// From contracts, µWh.
    pub contracts_uwh: i128,
    /// From generation on site, µWh.
    pub on_site_uwh: i128,
    /// What counts: the sum, at most the facility's energy, µWh.
    pub counted_uwh: i128,
    /// What is more than the facility's energy, and dropped, µWh.
    pub excess_uwh: i128,
    /// `E_DC`, µWh.
    pub facility_uwh: i128,
    /// Claims that do not count, with reasons.
    pub refused: Vec<Refused>,
}

impl Renewable {
    /// REF: what counts by the facility's energy, 0 to 1; `None` without energy.
    pub fn factor(&self) -> Option<f64> {
        (self.facility_uwh > 0).then(|| self.counted_uwh as f64 / self.facility_uwh as f64)
    }
}

/// Renewable energy that was retired and generated inside the period; certificates that were sold do not count,
/// whatever flows on site, nor does what flowed out. The factor is at most 1.
pub fn renewable(facility_uwh: i128, period: Interval, claims: &[Claim]) -> Renewable {
    let (admitted, refused) = claim::admit(claims, period);
    let sum = |kinds: &[CertificateKind]| -> i128 {
        let of_kinds = admitted.iter().filter(|admitted| kinds.contains(&admitted.claim.kind));
        of_kinds.map(|admitted| admitted.energy_uwh).sum()
    };
    let certificates_uwh = sum(&[CertificateKind::GuaranteeOfOrigin, CertificateKind::GreenElectricity]);
    let contracts_uwh = sum(&[CertificateKind::PowerPurchase]);
    let on_site_uwh = sum(&[CertificateKind::OnSite]);
    let all = certificates_uwh + contracts_uwh + on_site_uwh;
    let counted_uwh = all.min(facility_uwh.max(0));
    Renewable {
        certificates_uwh,
        contracts_uwh,
        on_site_uwh,
        counted_uwh,
        excess_uwh: all - counted_uwh,
        facility_uwh,
        refused,
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::Refusal;
    use super::super::claim::tests::claim;
    use super::*;
    use proptest::prelude::*;
    use wattledger_model::time::Minute;

    #[test]
    fn of_what_reaches_into_another_year_only_the_share_of_this_one_counts() {
        let year = Interval::new(Minute(0), Minute(600));
        let late = Claim { generated: Interval::new(Minute(500), Minute(700)), ..claim("late", 10) };
        let found = renewable(100, year, &[late, claim("wind", 30)]);
        assert_eq!((found.counted_uwh, found.factor()), (35, Some(0.35)));
        let why: Vec<Refusal> = found.refused.iter().map(|refused| refused.why).collect();
        assert_eq!(why, [Refusal::OtherPeriod]);
        assert_eq!(renewable(0, year, &[claim("wind", 30)]).factor(), None);
        assert_eq!(renewable(0, year, &[claim("wind", 30)]).excess_uwh, 30);
    }

    proptest! {
        /// Whatever is claimed is counted, excess or refused with a reason, and the factor is a share.
        #[test]
        fn no_energy_is_counted_twice_or_lost(
            facility_uwh in 0_i128..2_000,
            rows in proptest::collection::vec((0_u8..5, 0_i128..500, 0_i128..500, 0_u8..8, -300_i64..900), 0..8),
        ) {
            let kinds = [CertificateKind::GreenElectricity, CertificateKind::PowerPurchase, CertificateKind::OnSite];
            let claims: Vec<Claim> = rows
                .iter()
                .map(|(lot, energy, sold, flags, from)| Claim {
                    kind: kinds[usize::from(flags / 3)],
                    sold_uwh: *sold.min(energy),
                    is_retired: flags & 1 == 0,
                    used_uwh: (flags & 2 == 0).then_some(*sold),
                    generated: Interval::new(Minute(*from), Minute(from + 300)),
                    ..claim(&lot.to_string(), *energy)
                })
                .collect();
            let found = renewable(facility_uwh, Interval::new(Minute(0), Minute(600)), &claims);
            let refused: i128 = found.refused.iter().map(|refused| refused.energy_uwh).sum();
            let claimed: i128 = claims.iter().map(|claim| claim.energy_uwh).sum();
            prop_assert_eq!(found.counted_uwh + found.excess_uwh + refused, claimed);
            prop_assert!(found.factor().is_none_or(|factor| (0.0..=1.0).contains(&factor)));
        }
    }
}
