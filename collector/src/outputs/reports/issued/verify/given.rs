//! What somebody holds of an issued report, and which one it is.

use super::{Verified, pdf};
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::differences::differences;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::sign::hex;
use crate::outputs::reports::issued::{REPORT, STATEMENT};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What is to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// An issued report, by its name.
    Id(String),
    /// A file: a report as JSON, or a PDF with it inside.
    File {
        /// Its name, for messages.
        name: String,
        /// Its content.
        bytes: Vec<u8>,
    },
}

/// What a file holds.
pub(super) struct Held {
    /// Its name, for messages.
    pub(super) name: String,
    /// A report.
    pub(super) report: Option<Vec<u8>>,
    /// A statement, where it has one.
    pub(super) statement: Option<Vec<u8>>,
}

impl Held {
    /// Reads a file.
    pub(super) fn of(name: &str, bytes: &[u8]) -> Held {
        let name = name.to_owned();
        if !pdf::is_pdf(bytes) {
            return Held { name, report: Some(bytes.to_vec()), statement: None };
        }
        let mut held = Held { name, report: None, statement: None };
        for attached in pdf::attached(bytes) {
            let Ok(value) = serde_json::from_slice::<Value>(&attached) else { continue };
            if value.get("report").is_some_and(Value::is_string) {
                held.report.get_or_insert(attached);
            } else if value.get("issue").is_some_and(Value::is_string) {
                held.statement.get_or_insert(attached);
            }
        }
        held
    }

    /// Which of the issued reports it is: the same bytes, else the same issue by what it says of itself, else the last one
    /// of its facility and period.
    pub(super) fn which<'s>(&self, issued: &'s [Statement]) -> Result<&'s Statement, IssueError> {
        let none = |why: &str| IssueError::content(&self.name, why);
        let bytes = self.report.as_ref().ok_or_else(|| none("it holds no report that could be verified"))?;
        let hash = hex(&Sha256::digest(bytes));
        if let Some(same) = issued.iter().find(|one| one.files.get(REPORT) == Some(&hash)) {
            return Ok(same);
        }
        let report: Value =
            serde_json::from_slice(bytes).map_err(|error| IssueError::content(&self.name, error))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (facility, period) = (text(&report["facility"]["name"]), text(&report["period"]["text"]));
        let made = text(&report["versions"]["generated_at"]);
        let alike = |one: &&Statement| one.facility == facility && one.period == period;
        let by_time = issued.iter().filter(alike).find(|one| one.issued_at.to_string() == made);
        let last = || issued.iter().filter(alike).max_by_key(|one| one.issued_at);
        by_time
            .or_else(last)
            .ok_or_else(|| none("no report of its facility and period was issued from this ledger"))
    }

    /// Compares with what is kept of the issued report.
    pub(super) fn compare(&self, report: &[u8], statement: &Statement, verified: &mut Verified) {
        match &self.report {
            None => verified.says(format!("{}: no {REPORT} is attached to it", self.name)),
            Some(own) if own == report => {}
            Some(own) => self.tell(REPORT, own, serde_json::from_slice(report).ok(), verified),
        }
        match &self.statement {
            Some(own) => self.tell(STATEMENT, own, Some(statement.value()), verified),
            None if self.is_pdf() => {
                verified.notes.push(format!("{}: no {STATEMENT} is attached to it", self.name));
            }
            None => {}
        }
    }

    fn is_pdf(&self) -> bool {
        self.name.to_ascii_lowercase().ends_with(".pdf")
    }

    fn tell(&self, which: &str, own: &[u8], kept: Option<Value>, verified: &mut Verified) {
        let name = if self.is_pdf() { format!("{} ({which} in it)", self.name) } else { self.name.clone() };
        match (kept, serde_json::from_slice::<Value>(own)) {
            (Some(kept), Ok(own)) if kept == own => {}
            (Some(kept), Ok(own)) => verified.changed(&name, differences(&kept, &own)),
            (None, _) => {}
            (Some(_), Err(error)) => verified.says(format!("{name} is no JSON: {error}")),
        }
    }
}
