//! The renewable energy factor. Source: ISO/IEC 30134-3, EN 50600-4-3; domain.md 2.4.

use super::claim::{self, Claim, ClaimKind, Refusal, Refused};
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

/// Renewable energy that was owned, retired and generated inside the period; certificates that were sold do
/// not count, whatever flows on site. The factor is at most 1.
pub fn renewable(facility_uwh: i128, period: Interval, claims: &[Claim]) -> Renewable {
    let (admitted, mut refused) = claim::admit(claims);
    let mut sums = [0_i128; 3];
    for admitted in admitted {
        let claim = admitted.claim;
        let is_inside = claim.generated.intersect(period) == claim.generated && !claim.generated.is_empty();
        let why = if !claim.is_renewable {
            Some(Refusal::NotRenewable)
        } else if !is_inside {
            Some(Refusal::OtherPeriod)
        } else {
            None
        };
        match why {
            Some(why) => {
                refused.push(Refused { lot: claim.lot.clone(), energy_uwh: admitted.energy_uwh, why })
            }
            None => {
                let at = match claim.kind {
                    ClaimKind::Certificate => 0,
                    ClaimKind::Contract => 1,
                    ClaimKind::OnSite => 2,
                };
                sums[at] += admitted.energy_uwh;
            }
        }
    }
    let all: i128 = sums.iter().sum();
    let counted_uwh = all.min(facility_uwh.max(0));
    Renewable {
        certificates_uwh: sums[0],
        contracts_uwh: sums[1],
        on_site_uwh: sums[2],
        counted_uwh,
        excess_uwh: all - counted_uwh,
        facility_uwh,
        refused,
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::tests::claim;
    use super::*;
    use proptest::prelude::*;
    use wattledger_model::time::Minute;

    #[test]
    fn what_is_not_renewable_or_of_another_year_does_not_count() {
        let year = Interval::new(Minute(0), Minute(600));
        let late = Claim { generated: Interval::new(Minute(500), Minute(700)), ..claim("late", 10) };
        let coal = Claim { is_renewable: false, ..claim("coal", 20) };
        let found = renewable(100, year, &[late, coal, claim("wind", 30)]);
        assert_eq!((found.counted_uwh, found.factor()), (30, Some(0.3)));
        let why: Vec<Refusal> = found.refused.iter().map(|refused| refused.why).collect();
        assert_eq!(why, [Refusal::OtherPeriod, Refusal::NotRenewable]);
        assert_eq!(renewable(0, year, &[claim("wind", 30)]).factor(), None);
        assert_eq!(renewable(0, year, &[claim("wind", 30)]).excess_uwh, 30);
    }

    proptest! {
        /// Whatever is claimed is counted, excess or refused with a reason, and the factor is a share.
        #[test]
        fn no_energy_is_counted_twice_or_lost(
            facility_uwh in 0_i128..2_000,
            rows in proptest::collection::vec((0_u8..5, 0_i128..500, 0_i128..500, 0_u8..16), 0..8),
        ) {
            let claims: Vec<Claim> = rows
                .iter()
                .map(|(lot, energy, sold, flags)| Claim {
                    sold_uwh: *sold.min(energy),
                    is_owned: flags & 1 == 0,
                    is_retired: flags & 2 == 0,
                    is_renewable: flags & 4 == 0,
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
