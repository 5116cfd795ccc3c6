//! The set of indicators: what each means, in which unit, and which standard says so.

use super::category::{Category, Pue0Refused};
use std::fmt;
use std::str::FromStr;
use wattledger_model::role::Role;

/// What is computed for a facility.
///
/// Outputs iterate over [`Indicator::ALL`] and ask each for its [`Meaning`]. The words are tags in databases
/// and topics: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Indicator {
    /// PUE with IT energy measured where the facility's category says.
    Pue,
    /// PUE with IT energy at the UPS output: category 1.
    Pue1,
    /// PUE with IT energy at the PDU output: category 2.
    Pue2,
    /// PUE with IT energy at the input of the IT equipment: category 3.
    Pue3,
    /// Partial PUE of cooling.
    PpueCooling,
    /// Partial PUE of the power path.
    PpuePowerPath,
    /// Partial PUE of lighting.
    PpueLighting,
    /// Partial PUE of all other overhead.
    PpueOther,
    /// Partial PUE of a declared zone.
    PpueZone,
    /// The inverse of PUE.
    Dcie,
    /// The energy ratio that GB 40879 limits, measured over a year.
    EnergyRatio,
    /// All water that enters, by IT energy.
    Wue,
    /// Drinking water that enters, by IT energy.
    WuePotable,
    /// CO₂ by IT energy, Scope 2 location-based.
    Cue,
    /// CO₂ by IT energy, Scope 2 market-based.
    CueMarket,
    /// Scope 2 CO₂, location-based.
    Carbon,
    /// Scope 2 CO₂, market-based.
    CarbonMarket,
    /// Scope 1 CO₂: fuel that was burnt on site.
    Scope1,
    /// Share of renewable energy, owned and retired.
    Ref,
    /// Share of energy that is reused as heat outside.
    Erf,
    /// Energy less what is reused, by IT energy.
    Ere,
    /// Heat removed by the electricity of cooling.
    Cer,
    /// Computing power by IT power.
    Ce,
    /// Racks in use by all racks.
    RackUtilisation,
    /// How busy servers are.
    Iteu,
    /// Comprehensive energy consumption as coal equivalent.
    CoalEquivalent,
}

/// What the numerator of an indicator is a sum of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Numerator {
    /// Energy; booked in µWh, given in kWh.
    Energy,
    /// Water; booked in mL, given in L.
    Water,
    /// Amounts weighted by a factor for each hour: kg of CO₂.
    Weighted,
    /// No sum of the ledger alone: certificates, racks, shares, coal.
    Other,
}

/// What an indicator is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meaning {
    /// The tag in configuration and outputs.
    pub word: &'static str,
    /// How it is named in notation, before category and period.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// Its formula, in the standards' symbols.
    pub formula: &'static str,
    /// Its unit; empty for a bare number.
    pub unit: &'static str,
    /// Decimals shown. Comparisons use the unrounded value.
    pub decimals: usize,
    /// What sets it.
    pub source: &'static str,
    /// What its numerator is.
    pub numerator: Numerator,
    /// Whether it is a ratio; otherwise it is a sum, and has no denominator.
    pub is_ratio: bool,
    /// What the quotient is multiplied by, 100 for percent, and what is added then, 1 for a partial PUE.
    pub scale_and_offset: (f64, f64),
    /// Below and above what a value is implausible.
    pub plausible: (f64, f64),
}

const PLAIN: (f64, f64) = (1.0, 0.0);
const PERCENT: (f64, f64) = (100.0, 0.0);
const PARTIAL: (f64, f64) = (1.0, 1.0);
const FROM_ONE: (f64, f64) = (1.0, f64::INFINITY);
const FROM_ZERO: (f64, f64) = (0.0, f64::INFINITY);
const SHARE: (f64, f64) = (0.0, 1.0);
const SHARE_PERCENT: (f64, f64) = (0.0, 100.0);

#[rustfmt::skip]
macro_rules! meanings {
    ($($indicator:ident: $word:literal, $name:literal, $title:literal, $formula:literal, $unit:literal, $decimals:literal,
       $source:literal, $numerator:ident, $ratio:literal, $shape:ident, $plausible:ident;)+) => {
        impl Indicator {
            /// Every indicator.
            pub const ALL: &'static [Indicator] = &[$(Indicator::$indicator),+];

            /// What the indicator is.
            pub const fn meaning(self) -> Meaning {
                match self {
                    $(Indicator::$indicator => Meaning {
                        word: $word, name: $name, title: $title, formula: $formula, unit: $unit, decimals: $decimals,
                        source: $source, numerator: Numerator::$numerator, is_ratio: $ratio,
                        scale_and_offset: $shape, plausible: $plausible,
                    }),+
                }
            }
        }
    };
}

#[rustfmt::skip]
meanings! {
    Pue: "pue", "PUE", "power usage effectiveness", "E_DC / E_IT", "", 2,
        "ISO/IEC 30134-2, EN 50600-4-2; domain.md 2.1", Energy, true, PLAIN, FROM_ONE;
    Pue1: "pue1", "PUE", "power usage effectiveness, category 1", "E_DC / E_IT at the UPS output", "", 2,
        "ISO/IEC 30134-2 category 1; domain.md 2.1", Energy, true, PLAIN, FROM_ONE;
    Pue2: "pue2", "PUE", "power usage effectiveness, category 2", "E_DC / E_IT at the PDU output", "", 2,
        "ISO/IEC 30134-2 category 2; domain.md 2.1", Energy, true, PLAIN, FROM_ONE;
    Pue3: "pue3", "PUE", "power usage effectiveness, category 3", "E_DC / E_IT at the IT equipment", "", 2,
        "ISO/IEC 30134-2 category 3; domain.md 2.1", Energy, true, PLAIN, FROM_ONE;
    PpueCooling: "ppue-cooling", "pPUE_cooling", "partial PUE of cooling", "1 + E_cooling / E_IT", "", 2,
        "ISO/IEC 30134-2 partial PUE; domain.md 2.1", Energy, true, PARTIAL, FROM_ONE;
    PpuePowerPath: "ppue-power-path", "pPUE_power-path", "partial PUE of the power path", "1 + E_power-path / E_IT", "", 2,
        "ISO/IEC 30134-2 partial PUE; domain.md 2.1", Energy, true, PARTIAL, FROM_ONE;
    PpueLighting: "ppue-lighting", "pPUE_lighting", "partial PUE of lighting", "1 + E_lighting / E_IT", "", 2,
        "ISO/IEC 30134-2 partial PUE; domain.md 2.1", Energy, true, PARTIAL, FROM_ONE;
    PpueOther: "ppue-other", "pPUE_other", "partial PUE of other overhead", "1 + E_other / E_IT", "", 2,
        "ISO/IEC 30134-2 partial PUE; domain.md 2.1", Energy, true, PARTIAL, FROM_ONE;
    PpueZone: "ppue-zone", "pPUE_zone", "partial PUE of a zone", "E_zone / E_IT,zone", "", 2,
        "ISO/IEC 30134-2 partial PUE; domain.md 2.1", Energy, true, PLAIN, FROM_ONE;
    Dcie: "dcie", "DCiE", "data centre infrastructure efficiency", "100 % · E_IT / E_DC", "%", 1,
        "The Green Grid; domain.md 2.1", Energy, true, PERCENT, SHARE_PERCENT;
    EnergyRatio: "energy-ratio", "R_M2", "electrical energy ratio of GB 40879", "E / E_IT over a year", "", 2,
        "GB 40879-2021; domain.md 2.5", Energy, true, PLAIN, FROM_ONE;
    Wue: "wue", "WUE", "water usage effectiveness, all water", "water in / E_IT", "L/kWh", 2,
        "ISO/IEC 30134-9; domain.md 2.4", Water, true, PLAIN, FROM_ZERO;
    WuePotable: "wue-potable", "WUE_potable", "water usage effectiveness, drinking water", "drinking water in / E_IT", "L/kWh", 2,
        "ISO/IEC 30134-9, EU 2024/1364 WIN-POT; domain.md 2.4", Water, true, PLAIN, FROM_ZERO;
    Cue: "cue", "CUE", "carbon usage effectiveness, location-based", "(Scope 1 + Scope 2) / E_IT", "kg/kWh", 3,
        "ISO/IEC 30134-8; domain.md 4.3", Weighted, true, PLAIN, FROM_ZERO;
    CueMarket: "cue-market", "CUE_market", "carbon usage effectiveness, market-based", "(Scope 1 + Scope 2) / E_IT", "kg/kWh", 3,
        "ISO/IEC 30134-8; domain.md 4.3", Weighted, true, PLAIN, FROM_ZERO;
    Carbon: "carbon", "CO2", "Scope 2 CO₂, location-based", "Σ E_t · EF(region, t)", "kg", 1,
        "GHG Protocol Scope 2; domain.md 4.1", Weighted, false, PLAIN, FROM_ZERO;
    CarbonMarket: "carbon-market", "CO2_market", "Scope 2 CO₂, market-based", "claims, then the rest at its factor", "kg", 1,
        "GHG Protocol Scope 2; domain.md 4.1", Weighted, false, PLAIN, FROM_ZERO;
    Scope1: "scope1", "CO2_scope1", "Scope 1 CO₂ of fuel burnt on site", "Σ fuel · EF", "kg", 1,
        "GHG Protocol; domain.md 4.2", Weighted, false, PLAIN, FROM_ZERO;
    Ref: "ref", "REF", "renewable energy factor", "min(1, E_ren / E_DC)", "", 3,
        "ISO/IEC 30134-3, EN 50600-4-3; domain.md 2.4", Other, true, PLAIN, SHARE;
    Erf: "erf", "ERF", "energy reuse factor", "E_reuse / E_DC", "", 3,
        "ISO/IEC 30134-6; domain.md 2.4", Energy, true, PLAIN, SHARE;
    Ere: "ere", "ERE", "energy reuse effectiveness", "(E_DC − E_reuse) / E_IT", "", 2,
        "The Green Grid; domain.md 2.4", Energy, true, PLAIN, FROM_ZERO;
    Cer: "cer", "CER", "cooling efficiency ratio", "heat removed / electricity of cooling", "", 2,
        "ISO/IEC 30134-7; domain.md 2.4", Energy, true, PLAIN, FROM_ZERO;
    Ce: "ce", "CE", "computational efficiency", "FP32 FLOPS / IT power", "FLOPS/W", 0,
        "MIIT 76 (2021); domain.md 2.5", Other, true, PLAIN, FROM_ZERO;
    RackUtilisation: "rack-utilisation", "rack utilisation", "rack utilisation", "racks in use / all racks", "%", 1,
        "MIIT 76 (2021); domain.md 2.5", Other, true, PERCENT, SHARE_PERCENT;
    Iteu: "iteu", "ITEU_sv", "IT equipment utilisation of servers", "mean CPU utilisation over servers and time", "%", 1,
        "ISO/IEC 30134-5; domain.md 2.4", Other, true, PLAIN, SHARE_PERCENT;
    CoalEquivalent: "coal-equivalent", "tce", "coal equivalent", "Σ quantity · factor / 1000", "tce", 1,
        "GB/T 2589; domain.md 2.6", Other, false, PLAIN, FROM_ZERO;
}

/// Why a word is no indicator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndicatorError {
    /// Category 0.
    #[error(transparent)]
    Pue0(#[from] Pue0Refused),
    /// Nothing of that name.
    #[error("`{0}` is not an indicator; they are listed with `pue`, `wue`, `cue` and so on")]
    Unknown(String),
}

impl Indicator {
    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        self.meaning().word
    }

    /// The unit; empty for a bare number.
    pub const fn unit(self) -> &'static str {
        self.meaning().unit
    }

    /// Whether it is a ratio, with a denominator.
    pub const fn is_ratio(self) -> bool {
        self.meaning().is_ratio
    }

    /// Whether it is the ratio of a whole facility's energy to its IT energy: what targets for PUE are about.
    pub const fn is_pue(self) -> bool {
        matches!(self, Indicator::Pue | Indicator::Pue1 | Indicator::Pue2 | Indicator::Pue3)
    }

    /// PUE of one category.
    pub const fn pue_of(category: Category) -> Indicator {
        match category {
            Category::Basic => Indicator::Pue1,
            Category::Intermediate => Indicator::Pue2,
            Category::Advanced => Indicator::Pue3,
        }
    }

    /// The category that the indicator itself names.
    pub const fn own_category(self) -> Option<Category> {
        match self {
            Indicator::Pue1 => Some(Category::Basic),
            Indicator::Pue2 => Some(Category::Intermediate),
            Indicator::Pue3 => Some(Category::Advanced),
            _ => None,
        }
    }

    /// Partial PUE of the subsystem that meters of a role measure; `None` where the role is no overhead.
    pub const fn partial_of(role: Role) -> Option<Indicator> {
        match role {
            Role::Cooling => Some(Indicator::PpueCooling),
            Role::PowerPath => Some(Indicator::PpuePowerPath),
            Role::Lighting => Some(Indicator::PpueLighting),
            Role::Other => Some(Indicator::PpueOther),
            _ => None,
        }
    }

    /// A value as it is shown: rounded, without unit. What is compared is never this.
    pub fn shown(self, value: f64) -> String {
        format!("{value:.*}", self.meaning().decimals)
    }
}

impl FromStr for Indicator {
    type Err = IndicatorError;

    fn from_str(text: &str) -> Result<Indicator, IndicatorError> {
        if text.eq_ignore_ascii_case("pue0") {
            return Err(Pue0Refused.into());
        }
        let found = Indicator::ALL.iter().copied().find(|indicator| indicator.word() == text);
        found.ok_or_else(|| IndicatorError::Unknown(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use wattledger_model::name::Name;

    #[test]
    fn words_are_unique_names_that_read_back() {
        let words: BTreeSet<&str> = Indicator::ALL.iter().map(|indicator| indicator.word()).collect();
        assert_eq!(words.len(), Indicator::ALL.len());
        for indicator in Indicator::ALL {
            assert!(indicator.word().parse::<Name>().is_ok(), "{indicator} is a topic level");
            assert_eq!(indicator.word().parse(), Ok(*indicator));
        }
    }

    #[test]
    fn category_0_is_refused_and_the_reason_is_given() {
        let error = "PUE0".parse::<Indicator>().expect_err("refused");
        assert!(matches!(error, IndicatorError::Pue0(_)));
        assert!(error.to_string().contains("peak demand"), "{error}");
        assert!(matches!("speed".parse::<Indicator>(), Err(IndicatorError::Unknown(_))));
    }

    #[test]
    fn every_overhead_role_has_its_partial_pue() {
        for role in Role::ALL {
            assert_eq!(Indicator::partial_of(*role).is_some(), role.is_overhead(), "{role}");
        }
    }
}
