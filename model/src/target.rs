//! Targets as data: an indicator, a limit, from when to when, and the document that says so.
//! Source: domain.md 1.

use crate::document::{self, Document, Problems, Table};
use crate::facility::{Climate, Country, Scale, Stage};
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

/// What a facility must be for a target to apply to it: everything that is asked. What is empty or `None` asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// One of these.
    pub stages: Vec<Stage>,
    /// One of these.
    pub scales: Vec<Scale>,
    /// One of these.
    pub climates: Vec<Climate>,
    /// In a national hub node, or not.
    pub hub_node: Option<bool>,
    /// In the region that China's documents call western, or not.
    pub western: Option<bool>,
    /// An edge data centre, or not.
    pub edge: Option<bool>,
    /// A cloud data centre, or not.
    pub cloud: Option<bool>,
    /// In service for a year or longer.
    pub a_year_old: bool,
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
    /// Where it applies; empty for everywhere.
    pub countries: Vec<Country>,
    /// What a facility must be: one of these. Any facility where there is none.
    pub applies: Vec<Conditions>,
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
    /// Indicators that are to be reported although there is no limit to them.
    pub key_figures: Vec<String>,
    /// The targets, in the table's order.
    pub targets: Vec<Target>,
}

/// The tables that come with the program, by their files.
const EMBEDDED: [(&str, &str); 4] = [
    ("config/targets/default.toml", include_str!("../../config/targets/default.toml")),
    ("config/targets/cn-policy.toml", include_str!("../../config/targets/cn-policy.toml")),
    ("config/targets/cn-later.toml", include_str!("../../config/targets/cn-later.toml")),
    ("config/targets/eu-2024-1364.toml", include_str!("../../config/targets/eu-2024-1364.toml")),
];

impl TargetTable {
    /// The tables that come with the program: the operator's own two targets first.
    pub fn embedded() -> &'static [TargetTable] {
        static TABLES: OnceLock<Vec<TargetTable>> = OnceLock::new();
        let read = |(file, text): &(&str, &str)| {
            TargetTable::parse(file, text).expect("a test reads the embedded tables")
        };
        TABLES.get_or_init(|| EMBEDDED.iter().map(read).collect())
    }

    /// The embedded tables as they were written, TOML, by their files.
    pub fn sources() -> &'static [(&'static str, &'static str)] {
        &EMBEDDED
    }

    /// The embedded target of a name, and the table it stands in.
    pub fn find(id: &str) -> Option<(&'static TargetTable, &'static Target)> {
        TargetTable::embedded().iter().find_map(|table| Some((table, table.get(id)?)))
    }

    /// The embedded tables of some targets, each once; the first where they are of none.
    pub fn of(targets: &[Target]) -> Vec<&'static TargetTable> {
        let is_used = |table: &&TargetTable| targets.iter().any(|target| table.get(&target.id).is_some());
        let used: Vec<&TargetTable> = TargetTable::embedded().iter().filter(is_used).collect();
        if used.is_empty() { TargetTable::embedded().iter().take(1).collect() } else { used }
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

    /// The names of all embedded targets.
    pub fn ids() -> impl Iterator<Item = &'static str> {
        TargetTable::embedded().iter().flat_map(|table| table.targets.iter().map(|target| target.id.as_str()))
    }
}

fn read_table(document: &Document<'_>) -> Option<TargetTable> {
    let mut root = document.root();
    let mut head = root.table("table");
    let name = head.required("name", document::string);
    let version = head.required("version", document::string);
    let countries = values(&mut head, "country", document::parsed::<Country>);
    let key_figures = values(&mut head, "key_figures", document::string);
    let mut targets: Vec<Target> = Vec::new();
    for mut table in root.tables("target") {
        if let Some(target) = read_target(&mut table, &countries) {
            if targets.iter().any(|other| other.id == target.id) {
                document.error(table.place(), format!("target `{}` stands here a second time", target.id));
            }
            targets.push(target);
        }
    }
    Some(TargetTable { name: name?.value, version: version?.value, key_figures, targets })
}

fn values<T>(
    table: &mut Table<'_>,
    key: &'static str,
    read: impl Fn(&document::Value<'_>) -> Result<T, String>,
) -> Vec<T> {
    table.values(key, read).into_iter().map(|placed| placed.value).collect()
}

fn read_conditions(table: &mut Table<'_>) -> Conditions {
    let mut flag = |key| table.optional(key, document::boolean).map(|flag| flag.value);
    let (hub_node, western, edge, cloud) = (flag("hub_node"), flag("western"), flag("edge"), flag("cloud"));
    let a_year_old = flag("a_year_old").unwrap_or(false);
    Conditions {
        stages: values(table, "stage", document::choice(Stage::WORDS)),
        scales: values(table, "scale", document::choice(Scale::WORDS)),
        climates: values(table, "climate", document::choice(Climate::WORDS)),
        hub_node,
        western,
        edge,
        cloud,
        a_year_old,
    }
}

fn read_target(table: &mut Table<'_>, countries: &[Country]) -> Option<Target> {
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
    let applies = table.tables("applies").iter_mut().map(read_conditions).collect();
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
        countries: countries.to_vec(),
        applies,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn all() -> impl Iterator<Item = &'static Target> {
        TargetTable::embedded().iter().flat_map(|table| &table.targets)
    }

    fn get(id: &str) -> &'static Target {
        TargetTable::find(id).expect(id).1
    }

    #[test]
    fn the_defaults_are_open_and_the_stricter_one_is_for_hub_nodes_and_cold_regions() {
        let [table, ..] = TargetTable::embedded() else { panic!("four tables") };
        let shown: Vec<String> = table.targets.iter().map(|t| format!("{} {}", t.id, t.limit)).collect();
        assert_eq!(shown, ["D130 <= 1.3", "D125 <= 1.25"]);
        let far = NaiveDate::from_ymd_opt(2199, 12, 31).expect("a date");
        for target in &table.targets {
            assert_eq!((target.kind, target.indicator.as_str()), (TargetKind::Facility, "pue"));
            assert!(!target.has_passed(far), "{} never expires", target.id);
            assert!(target.countries.is_empty());
        }
        assert!(get("D130").applies.is_empty());
        let hub = Conditions { hub_node: Some(true), ..Conditions::default() };
        let cold = Conditions { climates: vec![Climate::SevereCold, Climate::Cold], ..Conditions::default() };
        assert_eq!(get("D125").applies, [hub, cold]);
    }

    #[test]
    fn the_tables_hold_every_target_of_the_documents_with_its_words() {
        let ids: Vec<String> = (1..=28).map(|number| format!("T{number:02}")).collect();
        let found: Vec<&str> = TargetTable::ids().filter(|id| id.starts_with('T')).collect();
        assert_eq!(found, ids);
        for target in all().filter(|target| target.id.starts_with('T')) {
            assert!(target.from.is_some() && target.quote.is_some(), "{}", target.id);
        }
        let shown = |id: &str| {
            let target = get(id);
            let until = target.until.map_or("open".to_owned(), |until| until.to_string());
            format!("{} {} {:?} {until}", target.indicator, target.limit, target.kind)
        };
        assert_eq!(shown("T03"), "pue < 1.5 Facility 2017-12-31");
        assert_eq!(shown("T12"), "pue <= 1.3 Facility 2025-12-31");
        assert_eq!(shown("T17"), "rack-utilisation >= 0.55 Average 2021-12-31");
        assert_eq!(shown("T19"), "pue < 1.3 Facility 2025-12-31");
        assert_eq!(shown("T22"), "pue <= 1.3 Facility open");
        assert_eq!(shown("T26"), "tce > 10000 Gate open");
        assert_eq!(shown("GB-3"), "energy-ratio <= 1.5 Facility open");
        assert_eq!(shown("P24-5"), "pue <= 1.2 Facility 2025-12-31");
        assert_eq!(shown("EU-1"), "it-rated-power >= 500 Gate open");
        let aspirational: Vec<&str> =
            all().filter(|target| target.aspirational).map(|target| target.id.as_str()).collect();
        assert_eq!(aspirational, ["T01", "T04", "T11", "T15", "T17", "T18"]);
    }

    #[test]
    fn a_name_is_one_target_in_all_tables() {
        let mut seen = BTreeSet::new();
        for table in TargetTable::embedded() {
            assert!(!table.version.is_empty());
            assert!(seen.insert(table.name.as_str()), "{} is there twice", table.name);
        }
        let ids: BTreeSet<&str> = TargetTable::ids().collect();
        assert_eq!(ids.len(), all().count());
        let names = |ids: &[&str]| -> Vec<&str> {
            let targets: Vec<Target> = ids.iter().map(|id| get(id).clone()).collect();
            TargetTable::of(&targets).into_iter().map(|table| table.name.as_str()).collect()
        };
        assert_eq!(names(&["T22", "D130", "T23"]), ["default", "cn-policy"]);
        assert_eq!(names(&[]), ["default"]);
    }

    #[test]
    fn the_european_table_has_key_figures_and_no_limit_to_them() {
        let table = TargetTable::embedded().iter().find(|table| !table.key_figures.is_empty()).expect("one");
        assert_eq!((table.name.as_str(), table.targets.len()), ("eu-2024-1364", 1));
        assert_eq!(table.key_figures, ["pue", "wue", "erf", "ref"]);
        assert_eq!(table.targets[0].countries.len(), 27);
    }

    #[test]
    fn every_dated_horizon_has_passed_and_only_open_rows_are_current() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date");
        for target in all() {
            assert_eq!(target.has_passed(today), target.until.is_some(), "{}", target.id);
        }
        let last_day = NaiveDate::from_ymd_opt(2025, 12, 31).expect("a date");
        assert!(!get("T19").has_passed(last_day), "the last date is inside");
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
