//! Targets as data: an indicator, a limit, from when to when, and the document that says so.
//! Source: domain.md 1.

use crate::document::{self, Document, Problems, Table};
use chrono::NaiveDate;
use std::fmt;
use std::sync::OnceLock;

/// How a figure is compared with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// At most.
    AtMost,
    /// Below.
    Below,
    /// At least.
    AtLeast,
    /// Above.
    Above,
}

impl Operator {
    /// Every operator.
    pub const ALL: &'static [Operator] =
        &[Operator::AtMost, Operator::Below, Operator::AtLeast, Operator::Above];

    /// How it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Operator::AtMost => "<=",
            Operator::Below => "<",
            Operator::AtLeast => ">=",
            Operator::Above => ">",
        }
    }
}

/// A limit and how to compare with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// How to compare.
    pub operator: Operator,
    /// The limit, in the indicator's unit.
    pub value: f64,
}

impl Limit {
    /// Whether a figure meets the limit. The figure must not have been rounded: 1.2996 is shown as 1.30 and
    /// meets `< 1.3`. NaN meets nothing.
    pub fn meets(self, figure: f64) -> bool {
        match self.operator {
            Operator::AtMost => figure <= self.value,
            Operator::Below => figure < self.value,
            Operator::AtLeast => figure >= self.value,
            Operator::Above => figure > self.value,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operator.word(), self.value)
    }
}

/// Whom a target binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// Each facility.
    Facility,
    /// The average of a group of facilities: never a verdict on one.
    Average,
    /// A gate or a duty that follows from the figure.
    Gate,
}

/// One target.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name, such as `D130`.
    pub id: String,
    /// Which facilities it is meant for.
    pub scope: String,
    /// The indicator, such as `pue`.
    pub indicator: String,
    /// What the figure must meet.
    pub limit: Limit,
    /// First date it holds; `None` from ever.
    pub from: Option<NaiveDate>,
    /// Last date it holds; `None` for good.
    pub until: Option<NaiveDate>,
    /// The document that sets it.
    pub document: String,
    /// The document's words, where the target is taken from one.
    pub quote: Option<String>,
    /// Whom it binds.
    pub kind: TargetKind,
    /// Whether the document only aspires to it.
    pub aspirational: bool,
}

impl Target {
    /// Whether its last date lies before `date`: a verdict then has to say that the horizon has passed.
    pub fn has_passed(&self, date: NaiveDate) -> bool {
        self.until.is_some_and(|until| until < date)
    }
}

/// A versioned table of targets.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetTable {
    /// Which table.
    pub name: String,
    /// Its version, printed with every verdict.
    pub version: String,
    /// The targets, in the table's order.
    pub targets: Vec<Target>,
}

impl TargetTable {
    /// The table that comes with the program.
    pub fn embedded() -> &'static TargetTable {
        static TABLE: OnceLock<TargetTable> = OnceLock::new();
        TABLE.get_or_init(|| {
            let text = include_str!("../../config/targets/default.toml");
            TargetTable::parse("config/targets/default.toml", text).expect("a test reads the embedded table")
        })
    }

    /// Reads a table.
    ///
    /// # Errors
    /// Everything that is wrong in the text.
    pub fn parse(file: &str, text: &str) -> Result<TargetTable, Problems> {
        let document = Document::parse(file, text);
        let table = read_table(&document);
        document.conclude(table).map(|(table, _)| table)
    }

    /// The target of a name.
    pub fn get(&self, id: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == id)
    }

    /// What a facility that names no targets is held against: D130, and D125 too where it is in a hub node or in
    /// a severe-cold or cold region. Source: domain.md 1.
    pub fn defaults(&self, in_hub_node_or_cold_region: bool) -> Vec<Target> {
        let applies = |target: &&Target| match target.id.as_str() {
            "D130" => true,
            "D125" => in_hub_node_or_cold_region,
            _ => false,
        };
        self.targets.iter().filter(applies).cloned().collect()
    }

    /// The names of all targets.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|target| target.id.as_str())
    }
}

fn read_table(document: &Document<'_>) -> Option<TargetTable> {
    let mut root = document.root();
    let mut head = root.table("table");
    let name = head.required("name", document::string);
    let version = head.required("version", document::string);
    let mut targets: Vec<Target> = Vec::new();
    for mut table in root.tables("target") {
        if let Some(target) = read_target(&mut table) {
            if targets.iter().any(|other| other.id == target.id) {
                document.error(table.place(), format!("target `{}` stands here a second time", target.id));
            }
            targets.push(target);
        }
    }
    Some(TargetTable { name: name?.value, version: version?.value, targets })
}

fn read_target(table: &mut Table<'_>) -> Option<Target> {
    let id = table.required("id", document::string);
    let scope = table.required("scope", document::string);
    let indicator = table.required("indicator", document::string);
    let operators = Operator::ALL.iter().map(|operator| (operator.word(), *operator));
    let operator = table.required("operator", document::choice(operators));
    let limit = table.required("limit", document::decimal);
    let kinds = [("F", TargetKind::Facility), ("A", TargetKind::Average), ("G", TargetKind::Gate)];
    let kind = table.required("kind", document::choice(kinds));
    let aspirational = table.optional("aspirational", document::boolean);
    let from = table.optional("from", document::parsed::<NaiveDate>);
    let until = table.optional("until", document::parsed::<NaiveDate>);
    let words = table.required("document", document::string);
    let quote = table.optional("quote", document::string);
    if let (Some(from), Some(until)) = (&from, &until)
        && until.value < from.value
    {
        table.document().error(until.place, "`until` lies before `from`");
    }
    Some(Target {
        id: id?.value,
        scope: scope?.value,
        indicator: indicator?.value,
        limit: Limit { operator: operator?.value, value: limit?.to_f64() },
        from: from.map(|from| from.value),
        until: until.map(|until| until.value),
        document: words?.value,
        quote: quote.map(|quote| quote.value),
        kind: kind?.value,
        aspirational: aspirational.is_some_and(|aspirational| aspirational.value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TargetTable {
        let text = include_str!("../../config/targets/default.toml");
        TargetTable::parse("default.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn the_defaults_are_open_and_the_stricter_one_is_for_hub_nodes_and_cold_regions() {
        let limits = |cold| -> Vec<String> {
            table().defaults(cold).iter().map(|target| format!("{} {}", target.id, target.limit)).collect()
        };
        assert_eq!(limits(false), ["D130 <= 1.3"]);
        assert_eq!(limits(true), ["D130 <= 1.3", "D125 <= 1.25"]);
        let far = NaiveDate::from_ymd_opt(2199, 12, 31).expect("a date");
        for target in table().defaults(true) {
            assert_eq!((target.kind, target.indicator.as_str()), (TargetKind::Facility, "pue"));
            assert!(!target.has_passed(far), "{} never expires", target.id);
        }
        assert_eq!(TargetTable::embedded(), &table());
    }

    #[test]
    fn the_table_holds_every_target_of_the_documents_with_its_words() {
        let table = table();
        let ids: Vec<String> = (1..=28).map(|number| format!("T{number:02}")).collect();
        let found: Vec<&str> = table.ids().filter(|id| id.starts_with('T')).collect();
        assert_eq!(found, ids);
        for target in table.targets.iter().filter(|target| target.id.starts_with('T')) {
            assert!(target.from.is_some() && target.quote.is_some(), "{}", target.id);
        }
        let shown = |id: &str| {
            let target = table.get(id).expect(id);
            let until = target.until.map_or("open".to_owned(), |until| until.to_string());
            format!("{} {} {:?} {until}", target.indicator, target.limit, target.kind)
        };
        assert_eq!(shown("T03"), "pue < 1.5 Facility 2017-12-31");
        assert_eq!(shown("T12"), "pue <= 1.3 Facility 2025-12-31");
        assert_eq!(shown("T17"), "rack-utilisation >= 0.55 Average 2021-12-31");
        assert_eq!(shown("T19"), "pue < 1.3 Facility 2025-12-31");
        assert_eq!(shown("T22"), "pue <= 1.3 Facility open");
        assert_eq!(shown("T26"), "tce > 10000 Gate open");
        let aspirational: Vec<&str> = table
            .targets
            .iter()
            .filter(|target| target.aspirational)
            .map(|target| target.id.as_str())
            .collect();
        assert_eq!(aspirational, ["T01", "T04", "T11", "T15", "T17", "T18"]);
    }

    #[test]
    fn every_dated_horizon_has_passed_and_only_open_rows_are_current() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        for target in &table().targets {
            assert_eq!(target.has_passed(today), target.until.is_some(), "{}", target.id);
        }
        let last_day = NaiveDate::from_ymd_opt(2025, 12, 31).expect("a date");
        assert!(!table().get("T19").expect("T19").has_passed(last_day), "the last date is inside");
    }

    #[test]
    fn unrounded_figures_are_compared() {
        let limit = |operator| Limit { operator, value: 1.3 };
        assert!(limit(Operator::AtMost).meets(1.3));
        assert!(!limit(Operator::Below).meets(1.3));
        assert!(limit(Operator::Below).meets(1.2996));
        assert!(!limit(Operator::AtMost).meets(1.300_000_1));
        assert!(limit(Operator::AtLeast).meets(1.3));
        assert!(!limit(Operator::Above).meets(1.3));
        for operator in Operator::ALL {
            assert!(!limit(*operator).meets(f64::NAN));
        }
    }

    #[test]
    fn a_broken_table_says_where() {
        let text = "[table]\nname = \"x\"\nversion = \"1\"\n[[target]]\nid = \"T1\"\nscope = \"new\"\nindicator = \"pue\"\n\
                    operator = \"=<\"\nlimit = \"low\"\nkind = \"F\"\nfrom = \"2021-02-01\"\nuntil = \"2021-01-01\"\ndocument = \"d\"\n";
        let problems = TargetTable::parse("x.toml", text).expect_err("three faults").to_string();
        assert_eq!(
            problems,
            "x.toml:8:12: `operator`: `=<` is not known; did you mean `<=`?\n\
             x.toml:9:9: `limit`: `low` is not a finite decimal number\n\
             x.toml:12:9: `until` lies before `from`\n"
        );
    }
}
