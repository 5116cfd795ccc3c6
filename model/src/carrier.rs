//! Energy carriers that are no electricity, as data: energy content, density, weight, coal equivalent, CO₂.
//! Source: domain.md 2.2, 2.6, 4.2.

use crate::decimal::Decimal;
use crate::document::{self, Document, Problems, Table, Value};
use crate::unit::{Quantity, Unit};
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

mod fraction;

pub use fraction::Fraction;

/// A fuel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carrier {
    /// Diesel.
    Diesel,
    /// Natural gas, in cubic metres at standard conditions.
    Gas,
    /// Hydrogen.
    Hydrogen,
    /// Bioethanol.
    Bioethanol,
    /// Fuel oil.
    FuelOil,
    /// Petrol.
    Petrol,
}

impl Carrier {
    /// Every carrier, in the order of declaration.
    pub const ALL: &'static [Carrier] = &[
        Carrier::Diesel,
        Carrier::Gas,
        Carrier::Hydrogen,
        Carrier::Bioethanol,
        Carrier::FuelOil,
        Carrier::Petrol,
    ];

    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Carrier::Diesel => "diesel",
            Carrier::Gas => "gas",
            Carrier::Hydrogen => "hydrogen",
            Carrier::Bioethanol => "bioethanol",
            Carrier::FuelOil => "fuel-oil",
            Carrier::Petrol => "petrol",
        }
    }

    /// The words with what they stand for, for [`document::choice`].
    pub fn words() -> impl Iterator<Item = (&'static str, Carrier)> {
        Carrier::ALL.iter().map(|carrier| (carrier.word(), *carrier))
    }
}

impl FromStr for Carrier {
    type Err = String;

    fn from_str(text: &str) -> Result<Carrier, String> {
        let found = Carrier::ALL.iter().copied().find(|carrier| carrier.word() == text);
        found.ok_or_else(|| format!("`{text}` is not an energy carrier"))
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A value with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    /// The number.
    pub value: Decimal,
    /// What the number counts: `kWh`, `kg`, `kgce`; empty for a weight.
    pub of: &'static str,
    /// In how much of the carrier; `None` for a weight.
    pub per: Option<Unit>,
    /// Where it comes from, or how it was derived.
    pub source: String,
    /// The year of the source, where it has one.
    pub year: Option<i32>,
    /// Whether it was found in no consulted source.
    pub unconfirmed: bool,
}

impl fmt::Display for Cited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value)?;
        if let Some(per) = self.per {
            write!(f, " {}/{per}", self.of)?;
        }
        write!(f, " ({}", self.source)?;
        if let Some(year) = self.year.filter(|year| !self.source.contains(&year.to_string())) {
            write!(f, ", {year}")?;
        }
        f.write_str(if self.unconfirmed { "; unconfirmed)" } else { ")" })
    }
}

/// What is known of one fuel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fuel {
    /// Which.
    pub carrier: Carrier,
    /// Its name for people.
    pub title: String,
    /// Energy content, kWh in a litre, cubic metre or kilogram: the EN/ISO method.
    pub content: Cited,
    /// kg/L, to get from volume to mass; `None` where it is not known.
    pub density: Option<Cited>,
    /// Weight of its content by the source-weighting method.
    pub source_weight: Cited,
    /// Kilograms of coal equivalent; `None` where it has no factor.
    pub coal: Option<Cited>,
    /// Kilograms of CO₂ of Scope 1; `None` where it is not known.
    pub co2: Option<Cited>,
}

impl Fuel {
    /// What a cited value comes to in one base unit (mL, mg, µWh) of a quantity; `None` where the density
    /// that it would take is not known, or a number is absurdly long.
    pub fn per_base(&self, cited: &Cited, quantity: Quantity) -> Option<Fraction> {
        let per = cited.per?;
        let own = Fraction::of(cited.value)?.times(size(per).inverse()?)?;
        match (per.quantity(), quantity) {
            (has, wanted) if has == wanted => Some(own),
            (Quantity::Mass, Quantity::Volume) => own.times(self.milligrams_in_a_millilitre()?),
            (Quantity::Volume, Quantity::Mass) => own.times(self.milligrams_in_a_millilitre()?.inverse()?),
            (has, Quantity::Energy) => own.times(self.content_per_base(has)?.inverse()?),
            (Quantity::Energy, wanted) => own.times(self.content_per_base(wanted)?),
            _ => None,
        }
    }

    /// Microwatt-hours of content in one base unit of a quantity.
    pub fn content_per_base(&self, quantity: Quantity) -> Option<Fraction> {
        const UWH_PER_KWH: i128 = 1_000_000_000;
        if quantity == Quantity::Energy {
            return Some(Fraction::ONE);
        }
        self.per_base(&self.content, quantity)?.times(Fraction::whole(UWH_PER_KWH))
    }

    fn milligrams_in_a_millilitre(&self) -> Option<Fraction> {
        // 1 kg/L = 1 000 000 mg in 1 000 mL.
        Fraction::of(self.density.as_ref()?.value)?.times(Fraction::whole(1_000))
    }
}

fn size(unit: Unit) -> Fraction {
    let (numerator, denominator) = unit.size();
    Fraction::new(numerator.into(), denominator.into())
}

/// A versioned table of carriers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierTable {
    /// Which table.
    pub name: String,
    /// Its version, printed with every figure that uses it.
    pub version: String,
    /// Weight of electricity by the source-weighting method.
    pub electricity_weight: Cited,
    /// Coal equivalent of electricity by its calorific value (当量值), kgce/kWh.
    pub electricity_calorific: Cited,
    /// Coal equivalent of electricity by what its generation took (等价值), kgce/kWh.
    pub electricity_generation_equivalent: Cited,
    /// Weight of delivered cooling, hot water and steam by the source-weighting method.
    pub district_weight: Cited,
    /// The fuels, each once.
    pub fuels: Vec<Fuel>,
}

impl CarrierTable {
    /// The table that comes with the program.
    pub fn embedded() -> &'static CarrierTable {
        static TABLE: OnceLock<CarrierTable> = OnceLock::new();
        TABLE.get_or_init(|| {
            let text = include_str!("../../config/carriers.toml");
            CarrierTable::parse("config/carriers.toml", text).expect("a test reads the embedded table")
        })
    }

    /// Reads a table.
    ///
    /// # Errors
    /// Everything that is wrong in the text.
    pub fn parse(file: &str, text: &str) -> Result<CarrierTable, Problems> {
        let document = Document::parse(file, text);
        let table = read_table(&document);
        document.conclude(table).map(|(table, _)| table)
    }

    /// What is known of a fuel.
    pub fn fuel(&self, carrier: Carrier) -> &Fuel {
        let found = self.fuels.iter().find(|fuel| fuel.carrier == carrier);
        found.expect("a table is refused unless it has every carrier")
    }
}

fn read_table(document: &Document<'_>) -> Option<CarrierTable> {
    let mut root = document.root();
    let mut head = root.table("table");
    let name = head.required("name", document::string);
    let version = head.required("version", document::string);
    let mut electricity = root.table("electricity");
    let electricity_weight = cited(&mut electricity, "source_weight", weight);
    let calorific = cited(&mut electricity, "coal_calorific", coal);
    let generation = cited(&mut electricity, "coal_generation_equivalent", coal);
    let district_weight = cited(&mut root.table("district"), "source_weight", weight);
    let mut fuels: Vec<Fuel> = Vec::new();
    for mut table in root.tables("carrier") {
        let Some(fuel) = read_fuel(&mut table) else { continue };
        if fuels.iter().any(|other| other.carrier == fuel.carrier) {
            document.error(table.place(), format!("carrier `{}` stands here a second time", fuel.carrier));
        }
        fuels.push(fuel);
    }
    for carrier in Carrier::ALL {
        if !fuels.iter().any(|fuel| fuel.carrier == *carrier) {
            document.missing(document::Place::START, format!("carrier `{carrier}` is missing"));
        }
    }
    Some(CarrierTable {
        name: name?.value,
        version: version?.value,
        electricity_weight: electricity_weight?,
        electricity_calorific: calorific?,
        electricity_generation_equivalent: generation?,
        district_weight: district_weight?,
        fuels,
    })
}

fn read_fuel(table: &mut Table<'_>) -> Option<Fuel> {
    let carrier = table.required("id", document::choice(Carrier::words()));
    let title = table.required("title", document::string);
    let content = cited(table, "content", content);
    let optional =
        |table: &mut Table<'_>, key, read| table.has(key).then(|| cited(table, key, read)).flatten();
    let density = optional(table, "density", density);
    let source_weight = cited(table, "source_weight", weight);
    let coal = optional(table, "coal", coal);
    let co2 = optional(table, "co2", co2);
    Some(Fuel {
        carrier: carrier?.value,
        title: title?.value,
        content: content?,
        density,
        source_weight: source_weight?,
        coal,
        co2,
    })
}

type Amount = (Decimal, &'static str, Option<Unit>);

/// A value with its source: `{ value, source, year, unconfirmed }`.
fn cited(
    table: &mut Table<'_>,
    key: &'static str,
    read: fn(&Value<'_>) -> Result<Amount, String>,
) -> Option<Cited> {
    let mut table = table.table(key);
    let value = table.required("value", read);
    let source = table.required("source", document::string);
    let year = table.optional("year", document::integer::<i32>);
    let unconfirmed = table.optional("unconfirmed", document::boolean).is_some_and(|flag| flag.value);
    let (value, of, per) = value?.value;
    Some(Cited { value, of, per, source: source?.value, year: year.map(|year| year.value), unconfirmed })
}

/// A factor without a unit from 0 to 10, such as a weight by the source-weighting method.
///
/// # Errors
/// What is wrong.
pub fn weight(value: &Value<'_>) -> Result<Amount, String> {
    let number = document::decimal(value)?;
    if number.mantissa < 0 || number.cmp_value(Decimal::new(10, 0)).is_gt() {
        return Err(format!("must be from 0 to 10, not {number}"));
    }
    Ok((number, "", None))
}

/// Energy in an amount of fuel: `"9.9 kWh/L"`.
///
/// # Errors
/// What is wrong.
pub fn content(value: &Value<'_>) -> Result<Amount, String> {
    let read = per(value, "kWh", &[Quantity::Volume, Quantity::Mass], "\"9.9 kWh/L\"")?;
    if read.0.is_zero() { Err("must be above zero".to_owned()) } else { Ok(read) }
}

/// Mass in a volume: `"0.84 kg/L"`.
///
/// # Errors
/// What is wrong.
pub fn density(value: &Value<'_>) -> Result<Amount, String> {
    let read = per(value, "kg", &[Quantity::Volume], "\"0.84 kg/L\"")?;
    match read.2.map(Unit::symbol) {
        Some("L") if !read.0.is_zero() => Ok(read),
        _ => Err("needs kilograms in a litre, above zero, such as \"0.84 kg/L\"".to_owned()),
    }
}

/// Coal equivalent of an amount: `"1.4571 kgce/kg"`.
///
/// # Errors
/// What is wrong.
pub fn coal(value: &Value<'_>) -> Result<Amount, String> {
    per(value, "kgce", &[Quantity::Volume, Quantity::Mass, Quantity::Energy], "\"1.4571 kgce/kg\"")
}

/// CO₂ of an amount: `"3.0959 kg/kg"`.
///
/// # Errors
/// What is wrong.
pub fn co2(value: &Value<'_>) -> Result<Amount, String> {
    per(value, "kg", &[Quantity::Volume, Quantity::Mass, Quantity::Energy], "\"3.0959 kg/kg\"")
}

/// `NUMBER OF/UNIT`, not negative.
fn per(
    value: &Value<'_>,
    of: &'static str,
    quantities: &[Quantity],
    example: &str,
) -> Result<Amount, String> {
    let wrong = || format!("needs a value such as {example}, not {}", value.described());
    let (number, unit) = value.as_str().and_then(|text| text.trim().split_once(' ')).ok_or_else(wrong)?;
    let number: Decimal = number.parse().map_err(|_| wrong())?;
    let (top, bottom) = unit.trim().split_once('/').ok_or_else(wrong)?;
    let bottom: Unit = bottom.parse().map_err(|_| wrong())?;
    if top != of || !quantities.contains(&bottom.quantity()) || number.mantissa < 0 {
        return Err(wrong());
    }
    Ok((number, of, Some(bottom)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../../config/carriers.toml");

    fn table() -> CarrierTable {
        CarrierTable::parse("carriers.toml", TEXT).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn the_embedded_table_is_whole() {
        assert_eq!(CarrierTable::embedded(), &table());
        for carrier in Carrier::ALL {
            assert_eq!(carrier.word().parse(), Ok(*carrier));
            let fuel = table().fuel(*carrier).clone();
            assert!(fuel.content_per_base(Quantity::Energy).is_some());
            assert!(!fuel.content.source.is_empty());
        }
    }

    #[test]
    fn values_are_those_of_the_specification() {
        let table = table();
        let content: Vec<String> = [Carrier::Diesel, Carrier::Gas, Carrier::Hydrogen, Carrier::Bioethanol]
            .iter()
            .map(|carrier| table.fuel(*carrier).content.to_string())
            .collect();
        assert_eq!(
            content,
            ["9.9 kWh/L", "10.5 kWh/m3", "38.9 kWh/kg", "6 kWh/L"]
                .map(|value| format!("{value} (EN 50600-4 factsheet)"))
        );
        let coal = |carrier| table.fuel(carrier).coal.as_ref().map(|coal| coal.value.to_string());
        assert_eq!(coal(Carrier::Diesel).as_deref(), Some("1.4571"));
        assert_eq!(coal(Carrier::Petrol).as_deref(), Some("1.4714"));
        assert_eq!(coal(Carrier::Gas).as_deref(), Some("1.33"));
        assert_eq!(table.electricity_calorific.value.to_string(), "0.1229");
        assert_eq!(table.electricity_generation_equivalent.value.to_string(), "0.31");
        assert_eq!(table.district_weight.value.to_string(), "0.4");
        assert!(table.fuels.iter().all(|fuel| fuel.source_weight.value.to_string() == "0.35"));
        assert!(
            table.fuels.iter().all(|fuel| fuel.source_weight.unconfirmed),
            "the weights are to be confirmed"
        );
    }

    #[test]
    fn derived_co2_factors_are_what_their_derivation_gives() {
        for (carrier, gigajoules, carbon, oxidised) in [
            (Carrier::Diesel, 42.652, 20.2, 0.98),
            (Carrier::Gas, 38.931, 15.3, 0.99),
            (Carrier::FuelOil, 41.816, 21.1, 0.98),
            (Carrier::Petrol, 43.070, 18.9, 0.98),
        ] {
            let derived: f64 = gigajoules * carbon * oxidised * 44.0 / 12.0 / 1_000.0;
            let stated = table().fuel(carrier).co2.as_ref().expect("a factor").value.to_f64();
            assert!((derived - stated).abs() < 0.000_05, "{carrier}: {derived} is not {stated}");
        }
    }

    #[test]
    fn a_litre_and_its_kilograms_are_the_same_fuel() {
        let table = table();
        let diesel = table.fuel(Carrier::Diesel);
        // 9.9 kWh in 1000 mL.
        assert_eq!(diesel.content_per_base(Quantity::Volume), Some(Fraction::whole(9_900_000)));
        let by_mass = diesel.content_per_base(Quantity::Mass).expect("it has a density").to_f64();
        assert!((by_mass * 0.84 - 9_900.0).abs() < 1e-9);
        // 12 000 L of diesel (vector C03): 31 206.672 kg.
        let co2 = diesel.co2.as_ref().expect("a factor");
        let by_volume = diesel.per_base(co2, Quantity::Volume).expect("it has a density").to_f64();
        assert!((by_volume * 12_000.0 * 1_000.0 - 31_206.672).abs() < 1e-6);
        // The same as energy.
        let by_energy = diesel.per_base(co2, Quantity::Energy).expect("it has a content").to_f64();
        assert!((by_energy * 12_000.0 * 9.9 * 1e9 - 31_206.672).abs() < 1e-6);
        // Gas has no density, and needs none where it is metered by volume.
        assert_eq!(table.fuel(Carrier::Gas).content_per_base(Quantity::Mass), None);
        assert_eq!(
            table.fuel(Carrier::Gas).content_per_base(Quantity::Volume),
            Some(Fraction::whole(10_500))
        );
    }

    #[test]
    fn a_broken_table_says_where() {
        let broken = TEXT
            .replace("\"9.9 kWh/L\"", "\"9.9 kWh/h\"")
            .replace("id = \"petrol\"", "id = \"gas\"")
            .replace("\"0.84 kg/L\"", "\"840 kg/m3\"");
        let problems = CarrierTable::parse("c.toml", &broken).expect_err("broken").to_string();
        for expected in [
            "needs a value such as \"9.9 kWh/L\"",
            "needs kilograms in a litre",
            "carrier `gas` stands here a second time",
            "carrier `petrol` is missing",
        ] {
            assert!(problems.contains(expected), "{problems}");
        }
    }
}
