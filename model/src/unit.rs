//! Units as people and devices write them, and their exact size in the ledger's base units.
//!
//! Base units: energy in microwatt-hours (µWh), volume in millilitres, mass in milligrams. Rates are in
//! base units per hour. Factors are exact rationals, so a joule register loses nothing.

use crate::meter::Kind;
use std::fmt;
use std::str::FromStr;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// Electrical or thermal energy; base unit µWh.
    Energy,
    /// Volume of water, fuel or gas; base unit mL.
    Volume,
    /// Mass of fuel; base unit mg.
    Mass,
    /// Anything that is averaged instead of summed; kept in the unit in which it was sent.
    Gauge,
}

impl Quantity {
    /// The word used on the wire and in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Quantity::Energy => "energy",
            Quantity::Volume => "volume",
            Quantity::Mass => "mass",
            Quantity::Gauge => "gauge",
        }
    }
}

/// A unit with its exact size: `1 unit = numerator / denominator` base units (per hour, for a rate).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit(u8);

struct Row {
    symbol: &'static str,
    kind: Kind,
    quantity: Quantity,
    numerator: i64,
    denominator: i64,
}

const fn unit(symbol: &'static str, kind: Kind, quantity: Quantity, numerator: i64, denominator: i64) -> Row {
    Row { symbol, kind, quantity, numerator, denominator }
}

use Kind::{Flow, Gauge, Power, Register};
use Quantity::{Energy, Mass, Volume};

/// Every unit that is understood. The first spelling of a row is the one printed.
const UNITS: &[(Row, &[&str])] = &[
    (unit("uWh", Register, Energy, 1, 1), &["µWh", "μWh"]),
    (unit("mWh", Register, Energy, 1_000, 1), &[]),
    (unit("Wh", Register, Energy, 1_000_000, 1), &["wh"]),
    (unit("kWh", Register, Energy, 1_000_000_000, 1), &["kwh", "KWH", "KWh"]),
    (unit("MWh", Register, Energy, 1_000_000_000_000, 1), &[]),
    (unit("GWh", Register, Energy, 1_000_000_000_000_000, 1), &[]),
    (unit("J", Register, Energy, 2_500, 9), &["Ws"]),
    (unit("kJ", Register, Energy, 2_500_000, 9), &[]),
    (unit("MJ", Register, Energy, 2_500_000_000, 9), &[]),
    (unit("GJ", Register, Energy, 2_500_000_000_000, 9), &[]),
    (unit("mL", Register, Volume, 1, 1), &["ml"]),
    (unit("L", Register, Volume, 1_000, 1), &["l"]),
    (unit("m3", Register, Volume, 1_000_000, 1), &["m³", "m^3"]),
    (unit("g", Register, Mass, 1_000, 1), &[]),
    (unit("kg", Register, Mass, 1_000_000, 1), &[]),
    (unit("t", Register, Mass, 1_000_000_000, 1), &[]),
    (unit("uW", Power, Energy, 1, 1), &["µW", "μW"]),
    (unit("mW", Power, Energy, 1_000, 1), &[]),
    (unit("W", Power, Energy, 1_000_000, 1), &["w"]),
    (unit("kW", Power, Energy, 1_000_000_000, 1), &["kw", "KW"]),
    (unit("MW", Power, Energy, 1_000_000_000_000, 1), &[]),
    (unit("GW", Power, Energy, 1_000_000_000_000_000, 1), &[]),
    (unit("L/h", Flow, Volume, 1_000, 1), &["l/h"]),
    (unit("L/min", Flow, Volume, 60_000, 1), &["l/min"]),
    (unit("L/s", Flow, Volume, 3_600_000, 1), &["l/s"]),
    (unit("m3/h", Flow, Volume, 1_000_000, 1), &["m³/h", "m^3/h"]),
    (unit("m3/s", Flow, Volume, 3_600_000_000, 1), &["m³/s", "m^3/s"]),
    (unit("Cel", Gauge, Quantity::Gauge, 1, 1), &["°C", "C", "degC"]),
    (unit("K", Gauge, Quantity::Gauge, 1, 1), &[]),
    (unit("[degF]", Gauge, Quantity::Gauge, 1, 1), &["°F", "F", "degF"]),
    (unit("%", Gauge, Quantity::Gauge, 1, 1), &["percent"]),
    (unit("1", Gauge, Quantity::Gauge, 1, 1), &["ratio"]),
    (unit("By", Gauge, Quantity::Gauge, 1, 1), &["B", "bytes"]),
    (unit("V", Gauge, Quantity::Gauge, 1, 1), &[]),
    (unit("A", Gauge, Quantity::Gauge, 1, 1), &[]),
    (unit("VA", Gauge, Quantity::Gauge, 1, 1), &[]),
    (unit("var", Gauge, Quantity::Gauge, 1, 1), &["VAr"]),
    (unit("Hz", Gauge, Quantity::Gauge, 1, 1), &[]),
    (unit("Pa", Gauge, Quantity::Gauge, 1, 1), &[]),
    (unit("kg/kWh", Gauge, Quantity::Gauge, 1, 1), &[]),
    (unit("g/kWh", Gauge, Quantity::Gauge, 1, 1), &[]),
    // 60 J: how small meters count; the name is not of UCUM, where `W.min` would have a dot.
    (unit("Wmin", Register, Energy, 50_000, 3), &["W·min"]),
];

impl Unit {
    const fn row(self) -> &'static Row {
        &UNITS[self.0 as usize].0
    }

    /// The spelling that outputs use.
    pub const fn symbol(self) -> &'static str {
        self.row().symbol
    }

    /// The kind of meter that shows this unit.
    pub const fn kind(self) -> Kind {
        self.row().kind
    }

    /// What it measures.
    pub const fn quantity(self) -> Quantity {
        self.row().quantity
    }

    /// `(numerator, denominator)` of its size in base units; per hour for power and flow.
    pub const fn size(self) -> (i64, i64) {
        (self.row().numerator, self.row().denominator)
    }

    /// Every accepted spelling, for messages that name the nearest one.
    pub fn spellings() -> impl Iterator<Item = &'static str> {
        UNITS.iter().flat_map(|(unit, more)| std::iter::once(unit.symbol).chain(more.iter().copied()))
    }
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Unit, String> {
        UNITS
            .iter()
            .position(|(unit, more)| unit.symbol == text || more.contains(&text))
            .map(|at| Unit(at as u8))
            .ok_or_else(|| {
                format!("`{}` is not a unit that is understood", text.chars().take(40).collect::<String>())
            })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact() {
        let size = |text: &str| text.parse::<Unit>().expect(text).size();
        assert_eq!(size("kWh"), (1_000_000_000, 1));
        // 3 600 J are one watt-hour.
        let (n, d) = size("J");
        assert_eq!(3_600 * n, 1_000_000 * d);
        // 60 watt-minutes are one.
        let (n, d) = size("Wmin");
        assert_eq!(60 * n, 1_000_000 * d);
        assert_eq!(size("m³/h"), size("m3/h"));
        assert_eq!(size("L/s").0, 3_600 * 1_000);
    }

    #[test]
    fn spellings_are_unique() {
        let mut all: Vec<_> = Unit::spellings().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!("KW/h".parse::<Unit>().is_err());
    }
}
