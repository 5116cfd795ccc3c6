//! A form as data: which values stand in which order under which names, in both languages.
//!
//! The keys are explained in `config/forms/monthly-pue.toml`. What a value is and how it is made is not in a
//! template: it names values of the closed list in [`super::value`].

use super::super::document::Lang;
use super::super::error::FormError;
use super::value::{Unit, Value};
use crate::indicators::notation::is_twelve_months;
use wattledger_model::calendar::{self, Period, Tz};
use wattledger_model::document::{self, Document, Problems, Table};

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bilingual {
    en: String,
    zh: String,
}

impl Bilingual {
    pub(super) fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// Which periods a form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Any.
    Any,
    /// Twelve months from one local date to the same a year later.
    TwelveMonths,
    /// A calendar year.
    CalendarYear,
}

impl Span {
    const WORDS: [(&'static str, Span); 3] =
        [("any", Span::Any), ("twelve-months", Span::TwelveMonths), ("calendar-year", Span::CalendarYear)];

    fn takes(self, period: &Period, zone: Tz) -> bool {
        match self {
            Span::Any => true,
            Span::TwelveMonths => is_twelve_months(period.interval, zone),
            Span::CalendarYear => year_of(period, zone).is_some(),
        }
    }

    const fn wants(self) -> &'static str {
        match self {
            Span::Any => "any period",
            Span::TwelveMonths => "twelve months, such as 2025 or 2024-11-01..2025-11-01",
            Span::CalendarYear => "a calendar year, such as 2025",
        }
    }
}

/// The calendar year that a period is; `None` of any other.
pub(super) fn year_of(period: &Period, zone: Tz) -> Option<i32> {
    use chrono::Datelike;
    let first = calendar::date_of(zone, period.interval.from);
    (calendar::year(zone, first) == period.interval).then(|| first.year())
}

/// A versioned template.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Its name.
    pub id: String,
    /// Which edition of the template it is: a date.
    pub edition: String,
    /// Where it was read.
    pub file: String,
    pub(super) title: Bilingual,
    /// What asks for it.
    pub(super) document: Bilingual,
    pub(super) span: Span,
    /// Fields, by their ids, that the reader wants to know first.
    pub(super) headline: Vec<String>,
    pub(super) sections: Vec<Part>,
    /// What is to be confirmed of the form as a whole.
    pub(super) open: Vec<Open>,
}

/// One part of a form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) title: Bilingual,
    pub(super) fields: Vec<Field>,
    /// A table that stands below the fields.
    pub(super) table: Option<Listing>,
}

/// The tables that a form can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// The months of the period, or the period itself where it is no longer than one.
    Months,
    /// The meters of the boundary with their instruments.
    MeasuringPoints,
    /// The facility's targets with their verdicts.
    Targets,
}

impl Listing {
    const WORDS: [(&'static str, Listing); 3] = [
        ("months", Listing::Months),
        ("measuring-points", Listing::MeasuringPoints),
        ("targets", Listing::Targets),
    ];
}

/// One line of a form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) id: String,
    /// Its symbol in the document.
    pub(super) symbol: Option<String>,
    pub(super) label: Bilingual,
    pub(super) value: Value,
    /// The unit of a number.
    pub(super) unit: Unit,
    pub(super) decimals: u8,
    /// What has to be confirmed of it, where it rests on what was found in no consulted source.
    pub(super) unconfirmed: Option<Bilingual>,
    /// What would supply it where it is missing.
    pub(super) needs: Option<Bilingual>,
}

/// Something about the form itself that is to be confirmed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Open {
    pub(super) what: Bilingual,
    pub(super) confirm: Bilingual,
}

/// The names of sections, the same in every form, so that anchors and sheets go by them.
const SECTIONS: [&str; 16] = [
    "identity",
    "boundary",
    "period",
    "statement",
    "energy",
    "water",
    "heat",
    "renewable",
    "ict",
    "traffic",
    "indicators",
    "racks",
    "coal",
    "grade",
    "monthly",
    "measuring-points",
];

impl Form {
    /// Reads a template.
    ///
    /// # Errors
    /// Everything that is wrong in the text.
    pub fn parse(file: &str, text: &str) -> Result<Form, Problems> {
        let document = Document::parse(file, text);
        let form = read(&document, file);
        document.conclude(form).map(|(form, _)| form)
    }

    /// Every field, in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.sections.iter().flat_map(|section| &section.fields)
    }

    /// Whether something of it is to be confirmed: then it is a draft, and says so.
    pub fn is_draft(&self) -> bool {
        !self.open.is_empty() || self.fields().any(|field| field.unconfirmed.is_some())
    }

    /// What it is for, in words, where that is always longer than a month.
    pub(crate) fn needs_more_than_a_month(&self) -> Option<&'static str> {
        (self.span != Span::Any).then(|| self.span.wants())
    }

    /// Whether the form is for such a period.
    ///
    /// # Errors
    /// [`FormError::Period`], with what it is for.
    pub(super) fn check(&self, period: &Period, zone: Tz) -> Result<(), FormError> {
        if self.span.takes(period, zone) {
            return Ok(());
        }
        Err(FormError::Period {
            form: self.id.clone(),
            wants: self.span.wants(),
            period: period.text.chars().take(80).collect(),
        })
    }
}

fn read(document: &Document<'_>, file: &str) -> Option<Form> {
    let mut root = document.root();
    let mut head = root.table("form");
    let id = head.required("id", document::name);
    let edition = head.required("edition", document::date);
    let title = bilingual(&mut head, "title");
    let words = bilingual(&mut head, "document");
    let span = head.required("period", document::choice(Span::WORDS));
    let headline = head.values("headline", document::string);
    drop(head);
    let mut sections: Vec<Part> = Vec::new();
    for mut table in root.tables("section") {
        let Some(part) = read_part(&mut table) else { continue };
        if sections.iter().any(|other| other.name == part.name) {
            document.error(table.place(), format!("section `{}` stands here a second time", part.name));
        }
        for field in &part.fields {
            let ids = sections.iter().flat_map(|other| &other.fields).map(|other| &other.id);
            if ids.chain(part.fields.iter().map(|other| &other.id)).filter(|id| **id == field.id).count() > 1
            {
                document.error(table.place(), format!("field `{}` stands in the form twice", field.id));
            }
        }
        sections.push(part);
    }
    let open = root.tables("open").into_iter().filter_map(|mut table| {
        let (what, confirm) = (bilingual(&mut table, "what"), bilingual(&mut table, "confirm"));
        Some(Open { what: what?, confirm: confirm? })
    });
    let open = open.collect();
    let ids = || sections.iter().flat_map(|section| &section.fields).map(|field| field.id.as_str());
    for first in &headline {
        if !ids().any(|id| id == first.value) {
            document.dangling(first.place, "field", &first.value, ids());
        }
    }
    Some(Form {
        id: id?.to_string(),
        edition: edition?.to_string(),
        file: file.to_owned(),
        title: title?,
        document: words?,
        span: span?.value,
        headline: headline.into_iter().map(|id| id.value).collect(),
        sections,
        open,
    })
}

fn bilingual(table: &mut Table<'_>, key: &'static str) -> Option<Bilingual> {
    let mut inner = table.table(key);
    let (en, zh) = (inner.required("en", document::string), inner.required("zh", document::string));
    Some(Bilingual { en: en?.value, zh: zh?.value })
}

fn bilingual_if_any(table: &mut Table<'_>, key: &'static str) -> Option<Bilingual> {
    if table.has(key) { bilingual(table, key) } else { None }
}

fn read_part(table: &mut Table<'_>) -> Option<Part> {
    let name = table.required("name", document::choice(SECTIONS.map(|name| (name, name))));
    let title = bilingual(table, "title");
    let listing = table.optional("table", document::choice(Listing::WORDS));
    let fields: Vec<Field> =
        table.tables("field").into_iter().filter_map(|mut field| read_field(&mut field)).collect();
    if fields.is_empty() && listing.is_none() && !table.has("field") {
        table.document().missing(table.place(), "a section has fields, or a `table`, or both");
    }
    Some(Part { name: name?.value, title: title?, fields, table: listing.map(|listing| listing.value) })
}

fn read_field(table: &mut Table<'_>) -> Option<Field> {
    let id = table.required("id", document::name);
    let symbol = table.optional("symbol", document::string);
    let label = bilingual(table, "label");
    let value = table.required("value", document::parsed::<Value>);
    let unit = table.optional("unit", document::string);
    let decimals = table.optional("decimals", document::integer::<u8>);
    let is_unconfirmed = table.optional("unconfirmed", document::boolean).is_some_and(|flag| flag.value);
    // It may stay where the mark goes: that is one line less.
    let confirm = bilingual_if_any(table, "confirm");
    let needs = bilingual_if_any(table, "needs");
    let value = value?.value;
    let of_number = value.dimension().is_number();
    let document = table.document();
    let stated = match &unit {
        None => value.dimension().units().first().copied(),
        Some(written) => {
            let units = value.dimension().units();
            let found = units.iter().find(|unit| unit.symbol == written.value).copied();
            if found.is_none() {
                let symbols = units.iter().map(|unit| unit.symbol).filter(|symbol| !symbol.is_empty());
                let known = symbols.collect::<Vec<_>>().join(", ");
                let known = if known.is_empty() { "no unit".to_owned() } else { known };
                let message = format!("`{}` is no unit of `{value}`, which has {known}", written.value);
                document.error(written.place, message);
            }
            found
        }
    };
    match &decimals {
        Some(decimals) if !of_number => {
            document.error(decimals.place, format!("`{value}` is no number: leave `decimals` out"));
        }
        Some(decimals) if decimals.value > 6 => {
            document.error(decimals.place, "`decimals` is 6 at most");
        }
        None if of_number => {
            document.missing(table.place(), format!("`{value}` is a number: give `decimals`"))
        }
        _ => {}
    }
    if is_unconfirmed && confirm.is_none() {
        document.missing(table.place(), "what is `unconfirmed` says in `confirm` what has to be confirmed");
    }
    if needs.is_none() && !value.is_always_known() {
        document
            .missing(table.place(), format!("`{value}` can be missing: say in `needs` what would supply it"));
    }
    Some(Field {
        id: id?.to_string(),
        symbol: symbol.map(|symbol| symbol.value),
        label: label?,
        value,
        unit: stated.unwrap_or(Unit { symbol: "", tens: 0 }),
        decimals: decimals.map_or(0, |decimals| decimals.value),
        unconfirmed: confirm.filter(|_| is_unconfirmed),
        needs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[form]\nid = \"f\"\nedition = 2026-11-21\ntitle = { en = \"F\", zh = \"表\" }\n\
                        document = { en = \"D\", zh = \"文\" }\nperiod = \"any\"\n";

    fn problems(more: &str) -> String {
        Form::parse("f.toml", &format!("{HEAD}{more}")).expect_err("something is wrong").to_string()
    }

    fn field(lines: &str) -> String {
        format!(
            "[[section]]\nname = \"energy\"\ntitle = {{ en = \"E\", zh = \"能\" }}\n[[section.field]]\nid = \"e\"\n\
             label = {{ en = \"E\", zh = \"能\" }}\n{lines}\n"
        )
    }

    #[test]
    fn a_template_that_asks_for_what_there_is_not_says_where() {
        let needs = "needs = { en = \"a meter\", zh = \"电表\" }";
        for (lines, expected) in [
            (field("value = \"energy.facilty\"\ndecimals = 0"), "did you mean `energy.facility`?"),
            (
                field(&format!("value = \"energy.facility\"\nunit = \"GJ\"\ndecimals = 0\n{needs}")),
                "`GJ` is no unit of `energy.facility`, which has kWh, MWh, GWh",
            ),
            (field(&format!("value = \"energy.facility\"\n{needs}")), "is a number: give `decimals`"),
            (field("value = \"energy.facility\"\ndecimals = 0"), "say in `needs` what would supply it"),
            (field("value = \"facility.title\"\ndecimals = 0"), "is no number: leave `decimals` out"),
            (
                field("value = \"facility.title\"\nunconfirmed = true"),
                "says in `confirm` what has to be confirmed",
            ),
            (field("value = \"facility.title\"\nformula = \"1 + 1\""), "unknown key `formula`"),
            (
                "[[section]]\nname = \"energy\"\ntitle = { en = \"E\", zh = \"能\" }\n".to_owned(),
                "has fields",
            ),
        ] {
            let told = problems(&lines);
            assert!(told.contains(expected), "{told} does not say {expected}");
        }
        let twice = format!("{0}{0}", field("value = \"facility.title\""));
        assert!(problems(&twice).contains("section `energy` stands here a second time"));
        assert!(problems(&twice).contains("field `e` stands in the form twice"));
        let unknown = HEAD.replace("period", "headline = [\"pue\"]\nperiod");
        let told = Form::parse("f.toml", &format!("{unknown}{}", field("value = \"facility.title\"")))
            .expect_err("no such field")
            .to_string();
        assert!(told.contains("there is no field `pue`"), "{told}");
    }

    #[test]
    fn one_line_less_takes_the_mark_away() {
        let marked = field(
            "value = \"facility.title\"\nunconfirmed = true\nconfirm = { en = \"the text\", zh = \"原文\" }",
        );
        let read = |text: &str| Form::parse("f.toml", &format!("{HEAD}{text}")).expect("a form");
        assert!(read(&marked).is_draft());
        assert!(!read(&marked.replace("unconfirmed = true\n", "")).is_draft());
    }
}
