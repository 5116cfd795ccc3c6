//! Comprehensive energy consumption as coal equivalent. Source: GB/T 2589; domain.md 2.6.
//!
//! `tce = Σ quantity × factor / 1000`. Which factor electricity has is a convention that is configured and
//! printed: by calorific value, or by the coal that generating it took.

use wattledger_model::decimal::Decimal;

/// How electricity is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Convention {
    /// By calorific value, 0.1229 kgce/kWh.
    Calorific,
    /// By generation, with the factor that the scheme prescribes, kgce/kWh, such as 0.31.
    Generation(Decimal),
}

impl Convention {
    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Convention::Calorific => "calorific",
            Convention::Generation(_) => "generation",
        }
    }

    /// kgce for each kWh of electricity.
    pub const fn kgce_per_kwh(self) -> Decimal {
        match self {
            Convention::Calorific => Decimal::new(1_229, -4),
            Convention::Generation(factor) => factor,
        }
    }
}

/// What was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item {
    /// Electricity, µWh.
    Electricity,
    /// Diesel by mass, mg.
    Diesel,
    /// Petrol by mass, mg.
    Petrol,
    /// Natural gas by volume, mL.
    NaturalGas,
}

impl Item {
    /// The word used in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Item::Electricity => "electricity",
            Item::Diesel => "diesel",
            Item::Petrol => "petrol",
            Item::NaturalGas => "natural-gas",
        }
    }

    /// The unit that its factor is for.
    pub const fn unit(self) -> &'static str {
        match self {
            Item::Electricity => "kWh",
            Item::Diesel | Item::Petrol => "kg",
            Item::NaturalGas => "m³",
        }
    }

    /// Base units in that unit.
    const fn base_units(self) -> f64 {
        match self {
            Item::Electricity => 1e9,
            Item::Diesel | Item::Petrol | Item::NaturalGas => 1e6,
        }
    }
}

/// One line of the sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// What was used up.
    pub item: Item,
    /// How much, in [`Item::unit`].
    pub quantity: f64,
    /// kgce for each unit.
    pub kgce: Decimal,
    /// Tonnes of coal equivalent.
    pub tce: f64,
}

/// The sum with its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct CoalEquivalent {
    /// How electricity was counted.
    pub convention: Convention,
    /// One line an item, in the order given.
    pub lines: Vec<Line>,
    /// Tonnes of coal equivalent.
    pub total_tce: f64,
}

/// Tonnes of coal equivalent a year above which a facility is a key energy user.
/// Source: NDRC 1742 (2021); domain.md 1 (T26).
pub const KEY_ENERGY_USER_TCE: f64 = 10_000.0;

/// The factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoalFactors {
    /// How electricity is counted.
    pub convention: Convention,
    /// kgce for each m³ of natural gas: 1.33, by some provincial rules 1.2143.
    pub gas_kgce_per_m3: Decimal,
}

impl Default for CoalFactors {
    fn default() -> CoalFactors {
        CoalFactors { convention: Convention::Calorific, gas_kgce_per_m3: Decimal::new(133, -2) }
    }
}

impl CoalFactors {
    /// kgce for each unit of an item.
    pub const fn kgce(&self, item: Item) -> Decimal {
        match item {
            Item::Electricity => self.convention.kgce_per_kwh(),
            Item::Diesel => Decimal::new(14_571, -4),
            Item::Petrol => Decimal::new(14_714, -4),
            Item::NaturalGas => self.gas_kgce_per_m3,
        }
    }

    /// Coal equivalent of amounts in base units (µWh, mg, mL).
    pub fn coal_equivalent(&self, used: &[(Item, i128)]) -> CoalEquivalent {
        let line = |(item, amount): &(Item, i128)| {
            let quantity = *amount as f64 / item.base_units();
            let kgce = self.kgce(*item);
            Line { item: *item, quantity, kgce, tce: quantity * kgce.to_f64() / 1_000.0 }
        };
        let lines: Vec<Line> = used.iter().map(line).collect();
        let total_tce = lines.iter().map(|line| line.tce).sum();
        CoalEquivalent { convention: self.convention, lines, total_tce }
    }
}

impl CoalEquivalent {
    /// Whether a year of this makes the facility a key energy user.
    pub fn is_key_energy_user(&self) -> bool {
        self.total_tce > KEY_ENERGY_USER_TCE
    }
}

/// The electricity alone, kWh, that comes to so much coal; infinite for a factor of 0.
pub fn electricity_for(tce: f64, convention: Convention) -> f64 {
    tce * 1_000.0 / convention.kgce_per_kwh().to_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_convention_decides_and_is_named() {
        let used = [(Item::Electricity, 40_000_000 * 1_000_000_000)];
        let calorific = CoalFactors::default().coal_equivalent(&used);
        assert_eq!((calorific.convention.word(), calorific.is_key_energy_user()), ("calorific", false));
        let generation = Convention::Generation(Decimal::new(31, -2));
        let generation =
            CoalFactors { convention: generation, ..CoalFactors::default() }.coal_equivalent(&used);
        assert_eq!((generation.convention.word(), generation.is_key_energy_user()), ("generation", true));
    }

    #[test]
    fn exactly_ten_thousand_is_not_over_it() {
        let line =
            CoalEquivalent { convention: Convention::Calorific, lines: Vec::new(), total_tce: 10_000.0 };
        assert!(!line.is_key_energy_user());
    }
}
