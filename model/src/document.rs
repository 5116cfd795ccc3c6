//! A TOML document read with places: every problem of a file is found at once, each as
//! `FILE:LINE:COLUMN: what is wrong`, with the nearest valid name.
//!
//! ```
//! use wattledger_model::document::{self, Document};
//!
//! let document = Document::parse("agent.toml", "[spool]\nlimt = \"256 MiB\"\n");
//! let mut root = document.root();
//! let mut spool = root.table("spool");
//! let limit = spool.optional("limit", document::bytes);
//! drop((spool, root)); // a table that goes out of scope reports the keys that nobody asked for
//! let problems = document.conclude(Some(limit)).expect_err("`limt` is no key");
//! assert_eq!(problems.to_string(), "agent.toml:2:1: unknown key `limt`; did you mean `limit`?\n");
//! ```

mod moment;
mod nearest;
mod problem;
mod value;

#[cfg(test)]
mod tests;

pub use moment::{Moment, date, moment, percent};
pub use nearest::nearest;
pub use problem::{Place, Placed, Problem, Problems, Severity};
pub use value::{
    Measure, Value, boolean, bytes, choice, decimal, duration, entries, float, integer, list, measure, name,
    parsed, positive, positive_duration, string, time_zone, unit,
};

use problem::Lines;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed file and the problems found in it so far.
#[derive(Debug)]
pub struct Document<'t> {
    root: DeTable<'t>,
    lines: Lines<'t>,
    findings: RefCell<Findings>,
}

#[derive(Debug)]
struct Findings {
    problems: Problems,
    /// Lines that are no TOML: what else is found there follows from that.
    broken: BTreeSet<u32>,
}

impl<'t> Document<'t> {
    /// Parses a text. Never fails: what is no TOML is among the problems, and the rest is read.
    pub fn parse(file: &str, text: &'t str) -> Document<'t> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Document {
            root: root.into_inner(),
            lines: Lines::of(text),
            findings: RefCell::new(Findings { problems: Problems::of(file), broken: BTreeSet::new() }),
        };
        for error in errors {
            let span = error.span().unwrap_or_default();
            let place = document.place(span.clone());
            let found = text.get(span).filter(|found| !found.trim().is_empty());
            let found = found.map(|found| format!(": `{}`", abridged(found))).unwrap_or_default();
            let mut findings = document.findings.borrow_mut();
            findings.problems.add(Severity::Error, place, format!("{}{found}", error.message()));
            findings.broken.insert(place.line);
        }
        document
    }

    /// The table of the whole file.
    pub fn root(&self) -> Table<'_> {
        Table {
            document: self,
            path: String::new(),
            place: Place::START,
            entries: Entries::Present(&self.root),
            known: Vec::new(),
        }
    }

    /// Reports something wrong, at a place got from [`Placed::place`] or [`Table::place`].
    pub fn error(&self, place: Place, message: impl Into<String>) {
        self.report(Severity::Error, place, message.into());
    }

    /// Reports something that is allowed, and that its author should know.
    pub fn warning(&self, place: Place, message: impl Into<String>) {
        self.report(Severity::Warning, place, message.into());
    }

    /// Reports that something is missing or refers to nothing. Kept quiet where the file is no valid
    /// TOML: what is missing may stand in the part that could not be read.
    pub fn missing(&self, place: Place, message: impl Into<String>) {
        if !self.is_broken() {
            self.report(Severity::Error, place, message.into());
        }
    }

    /// Reports a name that refers to nothing, with the nearest of those that exist.
    pub fn dangling<'n>(
        &self,
        place: Place,
        what: &str,
        name: &str,
        exist: impl IntoIterator<Item = &'n str>,
    ) {
        self.missing(place, format!("there is no {what} `{name}`{}", did_you_mean(name, exist)));
    }

    /// Whether part of the file is no TOML.
    pub fn is_broken(&self) -> bool {
        !self.findings.borrow().broken.is_empty()
    }

    /// The value made from the document with the warnings, or all problems if one of them is an error.
    ///
    /// # Errors
    /// All problems, in the order of the file, if there is an error or no value.
    pub fn conclude<T>(self, made: Option<T>) -> Result<(T, Problems), Problems> {
        let mut problems = self.findings.into_inner().problems;
        problems.sort();
        match made {
            Some(made) if !problems.has_errors() => Ok((made, problems)),
            Some(_) => Err(problems),
            None => {
                if !problems.has_errors() {
                    problems.add(Severity::Error, Place::START, "something needed is missing".to_string());
                }
                Err(problems)
            }
        }
    }

    fn report(&self, severity: Severity, place: Place, message: String) {
        let mut findings = self.findings.borrow_mut();
        if !findings.broken.contains(&place.line) {
            findings.problems.add(severity, place, message);
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        self.lines.place(span.start)
    }
}

/// One table of a document. It remembers which keys were asked for, and when it goes out of scope it
/// reports the others as unknown.
#[derive(Debug)]
pub struct Table<'d> {
    document: &'d Document<'d>,
    /// Its dotted name; empty for the whole file.
    path: String,
    place: Place,
    entries: Entries<'d>,
    known: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy)]
enum Entries<'d> {
    Present(&'d DeTable<'d>),
    /// The file has no such table. It reads as empty, and that is reported once a key is required.
    Absent,
    /// Absent or no table at all, which has been reported.
    Reported,
}

impl<'d> Entries<'d> {
    fn get(self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        match self {
            Entries::Present(entries) => entries.get(key),
            Entries::Absent | Entries::Reported => None,
        }
    }
}

impl<'d> Table<'d> {
    /// Where the table begins.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether the file has this table at all.
    pub fn is_present(&self) -> bool {
        matches!(self.entries, Entries::Present(_))
    }

    /// The document, to report problems to.
    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// Whether the key is there. It counts as asked for.
    pub fn has(&mut self, key: &'static str) -> bool {
        self.entry(key).is_some()
    }

    /// The value of a key that must be there. `None` has been reported.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Value<'_>) -> Result<T, String>,
    ) -> Option<Placed<T>> {
        if self.entry(key).is_none() {
            self.report_missing(key);
        }
        self.optional(key, read)
    }

    /// The value of a key that may be absent. A value that cannot be read is reported, and is `None`.
    pub fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Value<'_>) -> Result<T, String>,
    ) -> Option<Placed<T>> {
        let (place, value) = self.entry(key)?;
        match read(&Value::new(value.get_ref())) {
            Ok(value) => Some(Placed { value, place }),
            Err(reason) => {
                self.document.error(place, format!("`{key}`: {reason}"));
                None
            }
        }
    }

    /// The values of an array; empty where the key is absent. What cannot be read is reported, each at its place.
    pub fn values<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Value<'_>) -> Result<T, String>,
    ) -> Vec<Placed<T>> {
        let Some((place, value)) = self.entry(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            let found = Value::new(value.get_ref()).described();
            self.document.error(place, format!("`{key}`: needs a list such as [\"…\"], not {found}"));
            return Vec::new();
        };
        let mut all = Vec::new();
        for item in array.iter() {
            let place = self.document.place(item.span());
            match read(&Value::new(item.get_ref())) {
                Ok(value) => all.push(Placed { value, place }),
                Err(reason) => self.document.error(place, format!("`{key}`: {reason}")),
            }
        }
        all
    }

    /// A table inside this one. Where the file has none it reads as empty: optional keys are `None`,
    /// and the first required one is reported as a missing table.
    pub fn table(&mut self, key: &'static str) -> Table<'d> {
        let path = self.path_of(key);
        let (place, entries) = match self.entry(key) {
            None => (self.place, Entries::Absent),
            Some((place, value)) => match value.get_ref() {
                DeValue::Table(table) => (place, Entries::Present(table)),
                DeValue::Array(_) => {
                    self.document.error(place, format!("`{path}` occurs once: write [{path}]"));
                    (place, Entries::Reported)
                }
                other => {
                    let found = Value::new(other).described();
                    self.document.error(place, format!("`{path}` is a table: write [{path}], not {found}"));
                    (place, Entries::Reported)
                }
            },
        };
        Table { document: self.document, path, place, entries, known: Vec::new() }
    }

    /// The tables of an array of tables, `[[key]]`, in the order of the file; none where it is absent.
    pub fn tables(&mut self, key: &'static str) -> Vec<Table<'d>> {
        let path = self.path_of(key);
        let Some((place, value)) = self.entry(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            self.document.error(place, format!("`{path}` may occur several times: write [[{path}]]"));
            return Vec::new();
        };
        let mut all = Vec::new();
        for item in array.iter() {
            let place = self.document.place(item.span());
            match item.get_ref() {
                DeValue::Table(entries) => all.push(Table {
                    document: self.document,
                    path: path.clone(),
                    place,
                    entries: Entries::Present(entries),
                    known: Vec::new(),
                }),
                other => {
                    let found = Value::new(other).described();
                    self.document.error(place, format!("`{path}` is a table: write [[{path}]], not {found}"));
                }
            }
        }
        all
    }

    /// Counts keys as asked for, where the code that reads them does not run.
    pub fn allow(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// The place of the value and the value; the key counts as asked for.
    fn entry(&mut self, key: &'static str) -> Option<(Place, &'d Spanned<DeValue<'d>>)> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let value = self.entries.get(key)?;
        Some((self.document.place(value.span()), value))
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }

    fn report_missing(&mut self, key: &str) {
        match self.entries {
            Entries::Present(_) => self.document.missing(self.place, format!("`{key}` is missing")),
            Entries::Absent => {
                let path = &self.path;
                self.document.missing(self.place, format!("the table [{path}] is missing; it needs `{key}`"));
                self.entries = Entries::Reported;
            }
            Entries::Reported => {}
        }
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        let Entries::Present(entries) = self.entries else { return };
        for key in entries.keys() {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            // A key that is there already is hardly what was meant.
            let free = self.known.iter().copied().filter(|known| !entries.contains_key(*known));
            let hint = did_you_mean(name, free);
            let name = abridged(name);
            self.document.error(self.document.place(key.span()), format!("unknown key `{name}`{hint}"));
        }
    }
}

/// `; did you mean `x`?` where something is near enough, else nothing.
pub fn did_you_mean<'n>(name: &str, exist: impl IntoIterator<Item = &'n str>) -> String {
    nearest(name, exist).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// A text from a file as a message may show it: short, and on one line.
fn abridged(text: &str) -> String {
    const LONGEST: usize = 80;
    let shown = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c });
    let more = text.chars().nth(LONGEST).map(|_| '…');
    shown.chain(more).collect()
}
