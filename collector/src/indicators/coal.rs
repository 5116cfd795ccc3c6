//! Comprehensive energy consumption as coal equivalent. Source: GB/T 2589; domain.md 2.6.
//!
//! `tce = Σ quantity × factor / 1000`. The factors are those of the facility's configuration. Which one electricity
//! has is a convention that is configured and printed: by calorific value, or by the coal that generating it
//! took. Delivered cooling and heat have no factor in GB/T 2589's table of carriers here, and are not in it.

use super::figure::UWH_PER_KWH;
use super::fuel::{self, Weighed};
use crate::config::{CoalConvention, Factors};
use crate::topology::FuelSum;
use wattledger_model::carrier::Cited;
use wattledger_model::target::{Limit, TargetTable};

/// Kilograms in a tonne.
const KG_PER_TONNE: f64 = 1_000.0;

/// Coal equivalent with its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct CoalEquivalent<'f> {
    /// How electricity was counted.
    pub convention: CoalConvention,
    /// Its factor, kgce/kWh, with the source.
    pub electricity_factor: &'f Cited,
    /// Electricity, µWh.
    pub electricity_uwh: i128,
    /// Tonnes of coal equivalent of it.
    pub electricity_tce: f64,
    /// The fuels, in kilograms of coal equivalent.
    pub fuels: Vec<Weighed<'f>>,
    /// Tonnes of coal equivalent of all.
    pub total_tce: f64,
}

/// Coal equivalent of electricity (see [`Facility::coal_electricity`]) and fuels, each in base units.
///
/// [`Facility::coal_electricity`]: crate::topology::Facility::coal_electricity
pub fn coal_equivalent<'f>(
    factors: &'f Factors,
    electricity_uwh: i128,
    used: &[(&'f FuelSum, i128)],
) -> CoalEquivalent<'f> {
    let (fuels, fuel_kg) = fuel::weighed(used, |fuel| fuel.coal_kg_per_base);
    let electricity_tce = electricity_uwh as f64 / UWH_PER_KWH * kgce_per_kwh(factors) / KG_PER_TONNE;
    CoalEquivalent {
        convention: factors.coal,
        electricity_factor: &factors.electricity_coal,
        electricity_uwh,
        electricity_tce,
        fuels,
        total_tce: electricity_tce + fuel_kg / KG_PER_TONNE,
    }
}

fn kgce_per_kwh(factors: &Factors) -> f64 {
    factors.electricity_coal.value.to_f64()
}

impl CoalEquivalent<'_> {
    /// Whether a year of this makes the facility a key energy user; `None` where the table of targets has no such line.
    pub fn is_key_energy_user(&self) -> Option<bool> {
        key_energy_user().map(|line| line.meets(self.total_tce))
    }
}

/// Tonnes of coal equivalent a year above which a facility is a key energy user: target T26 of the embedded
/// table. Source: NDRC 1742 (2021); domain.md 1.
pub fn key_energy_user() -> Option<Limit> {
    TargetTable::find("T26").map(|(_, target)| target.limit)
}

/// The electricity alone, kWh, that comes to so much coal; infinite for a factor of 0.
pub fn electricity_for(tce: f64, factors: &Factors) -> f64 {
    tce * KG_PER_TONNE / kgce_per_kwh(factors)
}

#[cfg(test)]
mod tests {
    use super::super::fuel::tests::litres;
    use super::*;
    use wattledger_model::carrier::{Carrier, CarrierTable};

    fn factors(coal: CoalConvention) -> Factors {
        let table = CarrierTable::embedded();
        let electricity_coal = match coal {
            CoalConvention::Calorific => table.electricity_calorific.clone(),
            CoalConvention::GenerationEquivalent => table.electricity_generation_equivalent.clone(),
        };
        Factors {
            method: crate::config::Method::EnIso,
            coal,
            electricity_coal,
            district_cooling: None,
            district_heat: None,
            fuels: table.fuels.clone(),
        }
    }

    #[test]
    fn the_convention_decides_and_is_named() {
        let (calorific, generation) =
            (factors(CoalConvention::Calorific), factors(CoalConvention::GenerationEquivalent));
        let of = |factors| coal_equivalent(factors, 40_000_000 * 1_000_000_000, &[]);
        assert_eq!(of(&calorific).is_key_energy_user(), Some(false));
        assert_eq!(of(&generation).is_key_energy_user(), Some(true));
        assert_eq!(of(&generation).electricity_factor.value.to_string(), "0.31");
        assert_eq!(of(&generation).convention.word(), "generation-equivalent");
    }

    #[test]
    fn exactly_ten_thousand_is_not_over_it() {
        let factors = factors(CoalConvention::Calorific);
        let line = |total_tce| CoalEquivalent { total_tce, ..coal_equivalent(&factors, 0, &[]) };
        assert_eq!(line(10_000.0).is_key_energy_user(), Some(false));
        assert_eq!(line(10_000.1).is_key_energy_user(), Some(true));
    }

    #[test]
    fn fuel_without_a_factor_is_told() {
        let (factors, ethanol) = (factors(CoalConvention::Calorific), litres(Carrier::Bioethanol));
        let found = coal_equivalent(&factors, 0, &[(&ethanol, 1_000)]);
        assert!(found.fuels[0].is_missing());
    }
}
