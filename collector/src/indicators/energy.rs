//! What enters a facility's energy besides metered electricity, and what of it counts.
//!
//! Two methods turn fuels and cooling fluids into kWh, and one account uses one of them: by energy content
//! (EN 50600-4, ISO/IEC 30134-2), or weighted by source (The Green Grid WP49). The result lists its parts,
//! so that a report can show each quantity with its factor. Source: domain.md 2.2, 2.3.

use super::account::MILLIONTHS;
use crate::ledger::interpret::scaled;
use std::collections::BTreeMap;
use wattledger_model::decimal::Decimal;
use wattledger_model::unit::Quantity;

/// What carries energy across the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carrier {
    /// Electricity, at its meter.
    Electricity,
    /// Natural gas.
    NaturalGas,
    /// Diesel and other fuel oil.
    FuelOil,
    /// Hydrogen.
    Hydrogen,
    /// Bioethanol.
    Bioethanol,
    /// Any other fuel.
    OtherFuel,
    /// Chilled water of a district or of a plant outside the boundary, by its heat meter.
    ChilledWater,
    /// Hot water, by its heat meter.
    HotWater,
    /// Steam, by its heat meter.
    Steam,
}

impl Carrier {
    /// Every carrier.
    pub const ALL: [Carrier; 9] = [
        Carrier::Electricity,
        Carrier::NaturalGas,
        Carrier::FuelOil,
        Carrier::Hydrogen,
        Carrier::Bioethanol,
        Carrier::OtherFuel,
        Carrier::ChilledWater,
        Carrier::HotWater,
        Carrier::Steam,
    ];

    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Carrier::Electricity => "electricity",
            Carrier::NaturalGas => "natural-gas",
            Carrier::FuelOil => "fuel-oil",
            Carrier::Hydrogen => "hydrogen",
            Carrier::Bioethanol => "bioethanol",
            Carrier::OtherFuel => "other-fuel",
            Carrier::ChilledWater => "chilled-water",
            Carrier::HotWater => "hot-water",
            Carrier::Steam => "steam",
        }
    }

    /// Whether it is a fluid whose heat meter shows thermal energy.
    pub const fn is_thermal(self) -> bool {
        matches!(self, Carrier::ChilledWater | Carrier::HotWater | Carrier::Steam)
    }
}

/// How energy that is not electricity is counted. The two are never mixed in one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// By energy content; cooling fluid by the conversion factor of the system that supplies it.
    EnergyContent,
    /// By energy content and the weight of its source.
    SourceWeighted,
}

impl Method {
    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Method::EnergyContent => "energy-content",
            Method::SourceWeighted => "source-weighted",
        }
    }

    /// What sets it.
    pub const fn source(self) -> &'static str {
        match self {
            Method::EnergyContent => "EN 50600-4-2, ISO/IEC 30134-2",
            Method::SourceWeighted => "The Green Grid WP49, global weights",
        }
    }
}

/// What crossed the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// What it is.
    pub carrier: Carrier,
    /// What its meter measures: energy, volume or mass.
    pub quantity: Quantity,
    /// How much, in the quantity's base unit: µWh, mL, mg.
    pub amount: i128,
}

/// A method with its factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    method: Method,
    contents: BTreeMap<(Carrier, Quantity), Decimal>,
    weights: BTreeMap<Carrier, Decimal>,
}

/// What one carrier adds, with the factors that were used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What was delivered.
    pub delivered: Delivered,
    /// Energy content, µWh for each base unit: 1 for energy, µWh a mL, µWh a mg.
    pub content: Decimal,
    /// Weight of the source, or conversion factor of the system that supplies a cooling fluid.
    pub weight: Decimal,
    /// What it counts as, µWh.
    pub energy_uwh: i128,
}

/// Energy from all carriers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// By which method.
    pub method: Method,
    /// What each carrier adds, in the order given.
    pub parts: Vec<Part>,
    /// The sum, µWh.
    pub total_uwh: i128,
}

/// Why energy cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnergyError {
    /// No energy content is known.
    #[error("no energy content of {} by {} is known; meter its energy, or give its content", .0.word(), .1.word())]
    NoContent(Carrier, Quantity),
    /// No weight or conversion factor is known.
    #[error("{} needs the conversion factor of the system that supplies it; give one", .0.word())]
    NoWeight(Carrier),
    /// The amount or its factors are beyond what is counted.
    #[error("{amount} base units of {} are more than can be counted", .carrier.word())]
    TooMuch {
        /// What it is.
        carrier: Carrier,
        /// How much.
        amount: i128,
    },
    /// More left than came.
    #[error(
        "{exported_uwh} µWh were exported, but only {supplied_uwh} µWh came in or were generated; look for an export register that counts imports"
    )]
    MoreExportedThanSupplied {
        /// What left, µWh.
        exported_uwh: i128,
        /// What came in or was generated, µWh.
        supplied_uwh: i128,
    },
}

const ONE: Decimal = Decimal::new(1, 0);

impl Conversion {
    /// By energy content: 9.9 kWh/L diesel, 10.5 kWh/m³ gas, 38.9 kWh/kg hydrogen, 6 kWh/L bioethanol.
    /// Cooling fluids need the factor of their system: see [`Conversion::with_weight`].
    /// Source: EN 50600-4-2; domain.md 2.2.
    pub fn energy_content() -> Conversion {
        Conversion { method: Method::EnergyContent, contents: contents(), weights: BTreeMap::new() }
    }

    /// By source: electricity 1, fuels 0.35, district cooling and heat 0.4, on top of their energy content.
    /// Source: The Green Grid WP49 (global values, not confirmed); domain.md 2.2.
    pub fn source_weighted() -> Conversion {
        let weight = |carrier: Carrier| match carrier {
            Carrier::Electricity => ONE,
            carrier if carrier.is_thermal() => Decimal::new(4, -1),
            _ => Decimal::new(35, -2),
        };
        let weights = Carrier::ALL.into_iter().map(|carrier| (carrier, weight(carrier))).collect();
        Conversion { method: Method::SourceWeighted, contents: contents(), weights }
    }

    /// The same with another weight for a carrier; for a cooling fluid: the electricity that the system
    /// outside spends on each kWh of cold.
    pub fn with_weight(mut self, carrier: Carrier, weight: Decimal) -> Conversion {
        self.weights.insert(carrier, weight);
        self
    }

    /// The same with another energy content, in µWh for each base unit: kWh/L are 10⁶ µWh/mL, kWh/m³ and kWh/kg 10³.
    pub fn with_content(mut self, carrier: Carrier, quantity: Quantity, content: Decimal) -> Conversion {
        self.contents.insert((carrier, quantity), content);
        self
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Energy content and weight of a carrier that is metered as a quantity. Their product is the coefficient
    /// of its meter in the facility's energy.
    ///
    /// # Errors
    /// [`EnergyError`] where a factor is missing.
    pub fn factors(&self, carrier: Carrier, quantity: Quantity) -> Result<(Decimal, Decimal), EnergyError> {
        let content = match quantity {
            Quantity::Energy => Some(ONE),
            _ => self.contents.get(&(carrier, quantity)).copied(),
        };
        let content = content.ok_or(EnergyError::NoContent(carrier, quantity))?;
        let weight = match (self.weights.get(&carrier), self.method) {
            (Some(weight), _) => *weight,
            (None, Method::EnergyContent) if !carrier.is_thermal() => ONE,
            (None, _) => return Err(EnergyError::NoWeight(carrier)),
        };
        Ok((content, weight))
    }

    /// The coefficient of a carrier's meter in the facility's energy, in millionths of a µWh for each base unit: that of
    /// a [`Term`](super::Term).
    ///
    /// # Errors
    /// [`EnergyError`] where a factor is missing or beyond counting.
    pub fn millionths(&self, carrier: Carrier, quantity: Quantity) -> Result<i64, EnergyError> {
        let (content, weight) = self.factors(carrier, quantity)?;
        let amount = i128::from(MILLIONTHS);
        let millionths = scaled(&[content, weight], &[amount], 1).and_then(|all| i64::try_from(all).ok());
        millionths.ok_or(EnergyError::TooMuch { carrier, amount: 1 })
    }

    /// What all that was delivered comes to. Each part is rounded once, to a whole µWh.
    ///
    /// # Errors
    /// [`EnergyError`] where a factor is missing or an amount is beyond counting.
    pub fn convert(&self, delivered: &[Delivered]) -> Result<Converted, EnergyError> {
        let parts = delivered.iter().map(|delivered| self.part(*delivered)).collect::<Result<Vec<_>, _>>()?;
        let total_uwh = parts.iter().map(|part| part.energy_uwh).sum();
        Ok(Converted { method: self.method, parts, total_uwh })
    }

    fn part(&self, delivered: Delivered) -> Result<Part, EnergyError> {
        let Delivered { carrier, quantity, amount } = delivered;
        let (content, weight) = self.factors(carrier, quantity)?;
        let energy_uwh = scaled(&[content, weight], &[amount], 1)
            .filter(|energy| energy.abs() <= MOST_UWH)
            .ok_or(EnergyError::TooMuch { carrier, amount })?;
        Ok(Part { delivered, content, weight, energy_uwh })
    }
}

/// A thousand times what mankind uses in a year: sums of parts below it cannot overflow.
const MOST_UWH: i128 = 1_000_000_000_000_000_000_000_000_000_000;

/// Energy contents in µWh for each base unit. Source: EN 50600-4-2 factors; domain.md 2.2.
fn contents() -> BTreeMap<(Carrier, Quantity), Decimal> {
    BTreeMap::from([
        ((Carrier::FuelOil, Quantity::Volume), Decimal::new(99, 5)),
        ((Carrier::NaturalGas, Quantity::Volume), Decimal::new(105, 2)),
        ((Carrier::Hydrogen, Quantity::Mass), Decimal::new(389, 2)),
        ((Carrier::Bioethanol, Quantity::Volume), Decimal::new(6, 6)),
    ])
}

/// What electricity entered, left and was stored, each by its own register, µWh. Source: domain.md 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Supply {
    /// From the grid.
    pub imported_uwh: i128,
    /// From on-site solar and wind, at their output.
    pub renewable_uwh: i128,
    /// From generators, at their output; a sub-total of its own (EDC-BG in EU 2024/1364).
    pub generator_uwh: i128,
    /// To the grid.
    pub exported_uwh: i128,
    /// Into storage inside the boundary.
    pub charged_uwh: i128,
    /// Out of storage inside the boundary.
    pub discharged_uwh: i128,
}

impl Supply {
    /// `E_DC` of the electricity: what came in or was generated, less what left. Export is taken off once,
    /// from the sum; it is never netted against import. What storage lost is in it, what passed through is not.
    ///
    /// # Errors
    /// [`EnergyError::MoreExportedThanSupplied`].
    pub fn facility_uwh(&self) -> Result<i128, EnergyError> {
        let supplied_uwh = self.imported_uwh + self.renewable_uwh + self.generator_uwh;
        if self.exported_uwh > supplied_uwh {
            return Err(EnergyError::MoreExportedThanSupplied {
                exported_uwh: self.exported_uwh,
                supplied_uwh,
            });
        }
        Ok(supplied_uwh - self.exported_uwh)
    }

    /// What on-site renewables gave to the facility itself: their output less all that was exported, so that
    /// nothing that left is claimed; never below zero.
    pub fn renewable_used_uwh(&self) -> i128 {
        (self.renewable_uwh - self.exported_uwh).max(0)
    }

    /// What went into storage and did not come out, µWh; it stands in `E_DC` already.
    pub fn storage_loss_uwh(&self) -> i128 {
        self.charged_uwh - self.discharged_uwh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(carrier: Carrier, quantity: Quantity, amount: i128) -> Delivered {
        Delivered { carrier, quantity, amount }
    }

    #[test]
    fn every_fuel_has_its_content() {
        let kwh = |carrier, quantity, amount| {
            let all = Conversion::energy_content().convert(&[delivered(carrier, quantity, amount)]);
            all.expect("converts").total_uwh
        };
        assert_eq!(kwh(Carrier::FuelOil, Quantity::Volume, 1_000), 9_900_000_000, "a litre of diesel");
        assert_eq!(kwh(Carrier::NaturalGas, Quantity::Volume, 1_000_000), 10_500_000_000, "a m³ of gas");
        assert_eq!(kwh(Carrier::Hydrogen, Quantity::Mass, 1_000_000), 38_900_000_000, "a kg of hydrogen");
        assert_eq!(kwh(Carrier::Bioethanol, Quantity::Volume, 1_000), 6_000_000_000, "a litre of bioethanol");
    }

    #[test]
    fn a_meter_in_a_sum_counts_as_its_amount_converts() {
        let conversion = Conversion::source_weighted();
        for carrier in Carrier::ALL {
            for quantity in [Quantity::Energy, Quantity::Volume, Quantity::Mass] {
                let Ok(millionths) = conversion.millionths(carrier, quantity) else { continue };
                let all = conversion.convert(&[delivered(carrier, quantity, 1_000_000)]).expect("converts");
                assert_eq!(
                    i128::from(millionths),
                    all.total_uwh,
                    "{} by {}",
                    carrier.word(),
                    quantity.word()
                );
            }
        }
        let diesel = Conversion::energy_content().millionths(Carrier::FuelOil, Quantity::Volume);
        assert_eq!(diesel, Ok(9_900_000 * MILLIONTHS));
    }

    #[test]
    fn a_cooling_fluid_needs_the_factor_of_its_own_system() {
        let cold = [delivered(Carrier::ChilledWater, Quantity::Energy, 1_000)];
        let plain = Conversion::energy_content();
        assert_eq!(plain.convert(&cold), Err(EnergyError::NoWeight(Carrier::ChilledWater)));
        let known = plain.with_weight(Carrier::ChilledWater, Decimal::new(25, -2));
        assert_eq!(known.convert(&cold).map(|all| all.total_uwh), Ok(250));
        assert_eq!(Conversion::source_weighted().convert(&cold).map(|all| all.total_uwh), Ok(400));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let steam = [delivered(Carrier::OtherFuel, Quantity::Mass, 1)];
        let error = Conversion::energy_content().convert(&steam).expect_err("no content");
        assert_eq!(
            error.to_string(),
            "no energy content of other-fuel by mass is known; meter its energy, or give its content"
        );
        let much = [delivered(Carrier::FuelOil, Quantity::Volume, i128::MAX)];
        assert!(matches!(Conversion::energy_content().convert(&much), Err(EnergyError::TooMuch { .. })));
    }

    #[test]
    fn storage_adds_its_losses_and_not_its_throughput() {
        let supply =
            Supply { imported_uwh: 1_000, charged_uwh: 300, discharged_uwh: 270, ..Supply::default() };
        assert_eq!((supply.facility_uwh(), supply.storage_loss_uwh()), (Ok(1_000), 30));
        let wrong = Supply { imported_uwh: 10, exported_uwh: 11, ..Supply::default() };
        assert!(wrong.facility_uwh().is_err());
    }
}
