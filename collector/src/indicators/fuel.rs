//! Fuel by a factor of its own: kilograms of CO₂, or of coal equivalent, for each base unit.

use crate::topology::FuelSum;

/// A fuel sum with what its factor makes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighed<'f> {
    /// The fuel, with its factors and their sources.
    pub fuel: &'f FuelSum,
    /// How much was used, in base units: mL, mg or µWh.
    pub amount: i128,
    /// Kilograms of what the factor is for; `None` where the fuel has no such factor.
    pub kg: Option<f64>,
}

impl Weighed<'_> {
    /// Whether fuel was used whose factor is not known, so that the sum lacks it.
    pub fn is_missing(&self) -> bool {
        self.kg.is_none() && self.amount != 0
    }
}

/// Each fuel with its kilograms, and their sum.
pub(super) fn weighed<'f>(
    used: &[(&'f FuelSum, i128)],
    kg_per_base: impl Fn(&FuelSum) -> Option<f64>,
) -> (Vec<Weighed<'f>>, f64) {
    let lines: Vec<Weighed<'f>> = used
        .iter()
        .map(|(fuel, amount)| {
            let kg = kg_per_base(fuel).map(|kg| kg * *amount as f64);
            Weighed { fuel, amount: *amount, kg }
        })
        .collect();
    let sum = lines.iter().filter_map(|line| line.kg).sum();
    (lines, sum)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use wattledger_model::carrier::{Carrier, CarrierTable, Fraction};
    use wattledger_model::role::Role;
    use wattledger_model::unit::Quantity;

    /// A fuel of the embedded table, by volume.
    pub(in crate::indicators) fn litres(carrier: Carrier) -> FuelSum {
        let (known, quantity) = (CarrierTable::embedded().fuel(carrier), Quantity::Volume);
        let per_base = |cited| known.per_base(cited, quantity).map(Fraction::to_f64);
        FuelSum {
            carrier,
            role: Role::Fuel,
            quantity,
            terms: Vec::new(),
            content_uwh_per_base: known.content_per_base(quantity).map(Fraction::to_f64),
            co2_kg_per_base: known.co2.as_ref().and_then(per_base),
            co2: known.co2.clone(),
            coal_kg_per_base: known.coal.as_ref().and_then(per_base),
            coal: known.coal.clone(),
        }
    }

    #[test]
    fn what_has_no_factor_is_missing_and_not_zero() {
        let (diesel, ethanol) = (litres(Carrier::Diesel), litres(Carrier::Bioethanol));
        let (lines, sum) = weighed(&[(&diesel, 2_000), (&ethanol, 5)], |fuel| fuel.coal_kg_per_base);
        assert!((sum - 2.0 * 0.84 * 1.4571).abs() < 1e-12);
        assert_eq!(lines.iter().map(Weighed::is_missing).collect::<Vec<_>>(), [false, true]);
        let (none, _) = weighed(&[(&ethanol, 0)], |fuel| fuel.coal_kg_per_base);
        assert!(!none[0].is_missing(), "nothing of it was used");
    }
}
