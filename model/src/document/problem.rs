//! What is wrong in a file, and where.

use std::fmt;

/// A place in a file: line and column from 1, the column counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The beginning of a file.
    pub const START: Place = Place { line: 1, column: 1 };
}

impl Default for Place {
    fn default() -> Place {
        Place::START
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and the place it was read at, for what only a later check can find wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl<T> std::ops::Deref for Placed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Whether a problem stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; its author should know.
    Warning,
}

/// One thing wrong in a file. Prints as `FILE:LINE:COLUMN: what is wrong`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// Where in the file.
    pub place: Place,
    /// Whether the file can be used nevertheless.
    pub severity: Severity,
    /// What is wrong, and how to mend it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{}:{}: {word}{}", self.file, self.place, self.message)
    }
}

/// All that was found in a file. Prints one problem a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    file: String,
    all: Vec<Problem>,
    /// How many more there were of each severity, once [`LIMIT`] were kept.
    more_errors: usize,
    more_warnings: usize,
}

/// Problems kept of one file: whoever has read these has lost interest.
const LIMIT: usize = 500;

impl std::error::Error for Problems {}

impl Problems {
    /// Nothing yet, of a file.
    pub fn of(file: &str) -> Problems {
        Problems { file: file.to_string(), ..Problems::default() }
    }

    /// A single error about a file as a whole, such as one that cannot be read.
    pub fn whole_file(file: &str, message: impl Into<String>) -> Problems {
        let mut problems = Problems::of(file);
        problems.add(Severity::Error, Place::START, message.into());
        problems
    }

    /// Adds a problem; the same one a second time is not added.
    pub fn add(&mut self, severity: Severity, place: Place, message: String) {
        let problem = Problem { file: self.file.clone(), place, severity, message: on_one_line(message) };
        if self.all.contains(&problem) {
            return;
        }
        if self.all.len() < LIMIT {
            self.all.push(problem);
        } else if severity == Severity::Error {
            self.more_errors += 1;
        } else {
            self.more_warnings += 1;
        }
    }

    /// The problems, errors and warnings; the first few hundred.
    pub fn all(&self) -> &[Problem] {
        &self.all
    }

    /// What stands in the way.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.all.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// What the author should know.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.all.iter().filter(|problem| problem.severity == Severity::Warning)
    }

    /// Whether something stands in the way.
    pub fn has_errors(&self) -> bool {
        self.more_errors > 0 || self.errors().next().is_some()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Puts the problems in the order of the file.
    pub(super) fn sort(&mut self) {
        self.all.sort_by_key(|problem| problem.place);
    }
}

/// The message without line breaks, and cut where it quotes more of the file than anybody reads.
fn on_one_line(message: String) -> String {
    const LONGEST: usize = 600;
    if message.len() <= LONGEST && !message.contains(char::is_control) {
        return message;
    }
    let shown = message.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c });
    shown.chain(message.chars().nth(LONGEST).map(|_| '…')).collect()
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.iter().try_for_each(|problem| writeln!(f, "{problem}"))?;
        match self.more_errors + self.more_warnings {
            0 => Ok(()),
            more => writeln!(f, "{}: and {more} more", self.file),
        }
    }
}

/// A text cut into lines, to turn byte offsets into places.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    text: &'t str,
    /// Byte offset at which each line begins.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Lines<'t> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { text, starts }
    }

    /// The place of a byte offset; the end of the text for one beyond it.
    pub(super) fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.as_bytes()[start..offset].iter();
        // A character has exactly one byte that is no continuation byte.
        let column = before.filter(|byte| **byte & 0xC0 != 0x80).count();
        Place { line: line as u32, column: column as u32 + 1 }
    }
}
