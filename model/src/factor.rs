//! Emission factors of electricity as data: by region and generation year, with their source.
//! Source: domain.md 4.1.

use crate::decimal::Decimal;
use crate::document::{self, Document, Problems, Table};
use std::sync::OnceLock;

/// What a factor stands for. The three are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The average generation of a grid: for location-based figures.
    Location,
    /// What is left once traded claims are taken off: for market-based figures without a claim.
    Residual,
    /// Fossil generation alone.
    Fossil,
}

/// The factor of one region and one generation year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct YearFactor {
    /// The generation year.
    pub year: i32,
    /// Kilograms of CO₂ per kilowatt-hour.
    pub kg_per_kwh: Decimal,
    /// Whether the value was found in no consulted source.
    pub unconfirmed: bool,
}

/// A region and its factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its name in configuration, such as `cn-beijing`.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// What its factors stand for.
    pub basis: Basis,
    /// Factors by year, ascending; at least one.
    pub factors: Vec<YearFactor>,
}

/// Where the factors of a year come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The generation year.
    pub year: i32,
    /// The document.
    pub document: String,
    /// How the values came from the document into the table.
    pub transcription: String,
}

/// A factor found for a year of consumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'t> {
    /// The region.
    pub region: &'t Region,
    /// The factor.
    pub factor: YearFactor,
    /// Whether its year is not the year of consumption, because that has no published factor: the figure is
    /// restated once it has.
    pub substitute: bool,
    /// Where it comes from.
    pub source: Option<&'t Source>,
}

/// A versioned table of factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorTable {
    /// Which table.
    pub name: String,
    /// Its version, printed with every figure that uses it.
    pub version: String,
    /// The regions, in the table's order.
    pub regions: Vec<Region>,
    /// The sources by year.
    pub sources: Vec<Source>,
}

impl FactorTable {
    /// The table that comes with the program: China.
    pub fn embedded() -> &'static FactorTable {
        static TABLE: OnceLock<FactorTable> = OnceLock::new();
        let (file, text) = FactorTable::source();
        TABLE.get_or_init(|| FactorTable::parse(file, text).expect("a test reads the embedded table"))
    }

    /// That table as it was written, TOML, with its file.
    pub fn source() -> (&'static str, &'static str) {
        ("config/factors/cn.toml", include_str!("../../config/factors/cn.toml"))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// Everything that is wrong in the text.
    pub fn parse(file: &str, text: &str) -> Result<FactorTable, Problems> {
        let document = Document::parse(file, text);
        let table = read_table(&document);
        document.conclude(table).map(|(table, _)| table)
    }

    /// The region of a name.
    pub fn region(&self, id: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.id == id)
    }

    /// The factor of a region for a year of consumption: of that year, else of the latest year before it,
    /// else, for consumption before the first, of the earliest. `None` where there is no such region.
    pub fn find(&self, region: &str, year: i32) -> Option<Found<'_>> {
        let region = self.region(region)?;
        let before = region.factors.iter().rev().find(|factor| factor.year <= year);
        let factor = *before.or_else(|| region.factors.first())?;
        let source = self.sources.iter().find(|source| source.year == factor.year);
        Some(Found { region, factor, substitute: factor.year != year, source })
    }
}

fn read_table(document: &Document<'_>) -> Option<FactorTable> {
    let mut root = document.root();
    let mut head = root.table("table");
    let name = head.required("name", document::string);
    let version = head.required("version", document::string);
    head.required("unit", document::choice([("kg/kWh", ())]));
    let sources = root.tables("source").iter_mut().filter_map(read_source).collect();
    let mut regions: Vec<Region> = Vec::new();
    for mut table in root.tables("region") {
        if let Some(region) = read_region(&mut table) {
            if regions.iter().any(|other| other.id == region.id) {
                document.error(table.place(), format!("region `{}` stands here a second time", region.id));
            }
            regions.push(region);
        }
    }
    Some(FactorTable { name: name?.value, version: version?.value, regions, sources })
}

fn read_source(table: &mut Table<'_>) -> Option<Source> {
    let year = table.required("year", document::integer::<i32>);
    let words = table.required("document", document::string);
    let transcription = table.required("transcription", document::string);
    Some(Source { year: year?.value, document: words?.value, transcription: transcription?.value })
}

fn read_region(table: &mut Table<'_>) -> Option<Region> {
    let id = table.required("id", document::string);
    let title = table.required("title", document::string);
    let bases = [("location", Basis::Location), ("residual", Basis::Residual), ("fossil", Basis::Fossil)];
    let basis = table.optional("basis", document::choice(bases));
    let mut factors: Vec<YearFactor> = Vec::new();
    for mut row in table.tables("factors") {
        let year = row.required("year", document::integer::<i32>);
        let value = row.required("value", document::positive(document::decimal));
        let unconfirmed = row.optional("unconfirmed", document::boolean).is_some_and(|flag| flag.value);
        let (Some(year), Some(value)) = (year, value) else { continue };
        if factors.last().is_some_and(|last| last.year >= year.value) {
            table.document().error(year.place, "years must ascend, each once");
        }
        factors.push(YearFactor { year: year.value, kg_per_kwh: value.value, unconfirmed });
    }
    if factors.is_empty() {
        table.document().missing(table.place(), "the region has no factors");
    }
    let basis = basis.map_or(Basis::Location, |basis| basis.value);
    Some(Region { id: id?.value, title: title?.value, basis, factors })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> FactorTable {
        let text = include_str!("../../config/factors/cn.toml");
        FactorTable::parse("cn.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn value(region: &str, year: i32) -> String {
        table().find(region, year).expect(region).factor.kg_per_kwh.to_string()
    }

    #[test]
    fn the_embedded_table_is_whole() {
        let table = table();
        assert_eq!(table.regions.len(), 40, "3 national, 7 regional, 30 provincial");
        let location = table.regions.iter().filter(|region| region.basis == Basis::Location).count();
        assert_eq!(location, 38);
        for region in &table.regions {
            let years: Vec<_> = region.factors.iter().map(|factor| factor.year).collect();
            assert_eq!(years, [2021, 2022, 2023], "{}", region.id);
            assert!(
                region.factors.iter().all(|f| (0.1..1.0).contains(&f.kg_per_kwh.to_f64())),
                "{}",
                region.id
            );
        }
        assert_eq!(FactorTable::embedded(), &table);
    }

    #[test]
    fn values_are_those_of_the_specification() {
        for (region, of_2021, of_2022, of_2023) in [
            ("cn", "0.5568", "0.5366", "0.5306"),
            ("cn-excluding-traded", "0.5942", "0.5856", "0.6096"),
            ("cn-north", "0.7120", "0.6776", "0.6361"),
            ("cn-southwest", "0.2113", "0.2268", "0.2472"),
            ("cn-beijing", "0.5688", "0.5580", "0.5554"),
            ("cn-inner-mongolia", "0.7025", "0.6849", "0.6479"),
            ("cn-shanxi", "0.7222", "0.7096", "0.6634"),
            ("cn-shaanxi", "0.6336", "0.6558", "0.6335"),
            ("cn-yunnan", "0.1235", "0.1073", "0.1333"),
            ("cn-xinjiang", "0.6577", "0.6231", "0.6021"),
        ] {
            assert_eq!(
                [value(region, 2021), value(region, 2022), value(region, 2023)],
                [of_2021, of_2022, of_2023]
            );
        }
    }

    #[test]
    fn a_year_without_a_factor_takes_the_latest_and_says_so() {
        let table = table();
        let found = table.find("cn-beijing", 2026).expect("a region");
        assert_eq!((found.factor.year, found.substitute), (2023, true));
        assert_eq!(
            found.source.map(|source| source.document.as_str()),
            Some("announcement 47 of 2025 (2025-12-31)")
        );
        let exact = table.find("cn-beijing", 2022).expect("a region");
        assert_eq!((exact.factor.year, exact.substitute), (2022, false));
        let early = table.find("cn-beijing", 2017).expect("a region");
        assert_eq!((early.factor.year, early.substitute), (2021, true));
        assert!(table.find("cn-bejing", 2023).is_none());
    }

    #[test]
    fn what_no_source_confirms_is_marked() {
        let table = table();
        let marked: Vec<_> = table
            .regions
            .iter()
            .flat_map(|region| {
                region.factors.iter().filter(|f| f.unconfirmed).map(|f| (region.id.as_str(), f.year))
            })
            .collect();
        assert_eq!(
            marked,
            [
                ("cn", 2021),
                ("cn-excluding-traded", 2021),
                ("cn-excluding-traded", 2022),
                ("cn-fossil", 2021),
                ("cn-fossil", 2022)
            ]
        );
    }
}
