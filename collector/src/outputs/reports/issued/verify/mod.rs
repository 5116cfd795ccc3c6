//! Whether an issued report is what it was, and what the ledger says.
//!
//! Every check that can be made is made, whatever others have found, and each difference is told by its place. What keeps
//! a check from being made is told apart: it is neither for nor against the report.

mod check;
mod evidence;
mod given;
mod ledger;
mod pdf;
mod restated;
mod statement;
mod sums;

pub use evidence::against_evidence;
pub use given::Given;
pub use ledger::{again, against_ledger};
#[cfg(test)]
pub(super) use pdf::tests::pdf as pdf_of;

use super::content::Change;
use std::fmt;

/// Differences of one kind that are told one by one.
const MOST: usize = 200;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: a file, and the place in it.
    pub what: String,
    /// What was issued, or what should be.
    pub before: Option<String>,
    /// What is found.
    pub after: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}: {before} -> {after}", self.what),
            (Some(before), None) => write!(f, "{}: {before} -> nothing", self.what),
            (None, Some(after)) => write!(f, "{}: nothing -> {after}", self.what),
            (None, None) => f.write_str(&self.what),
        }
    }
}

/// What a verification came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// The issued report.
    pub id: String,
    /// What is not as it should be; empty where everything is.
    pub findings: Vec<Finding>,
    /// What could not be looked at, and why.
    pub hindrances: Vec<String>,
    /// What has to be known with it.
    pub notes: Vec<String>,
}

impl Verified {
    /// Whether everything was looked at, and is as it should be.
    pub fn is_verified(&self) -> bool {
        self.findings.is_empty() && self.hindrances.is_empty()
    }

    fn cannot(&mut self, why: impl Into<String>) {
        self.hindrances.push(why.into());
    }

    fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    fn says(&mut self, what: impl Into<String>) {
        self.findings.push(Finding { what: what.into(), before: None, after: None });
    }

    fn differs(&mut self, what: impl Into<String>, before: impl Into<String>, after: impl Into<String>) {
        let (before, after) = (Some(before.into()), Some(after.into()));
        self.findings.push(Finding { what: what.into(), before, after });
    }

    /// Tells differences of a file.
    fn changed(&mut self, file: &str, changes: Vec<Change>) {
        let more = changes.len().saturating_sub(MOST);
        for Change { what, before, after } in changes.into_iter().take(MOST) {
            self.findings.push(Finding { what: format!("{file}: {what}"), before, after });
        }
        if more > 0 {
            self.says(format!("{file}: and {more} more differences"));
        }
    }
}
