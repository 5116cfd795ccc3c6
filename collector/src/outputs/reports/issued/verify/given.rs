//! What somebody holds of an issued report, and which one it is.

use super::{Verified, pdf};
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::differences::{differences, is_same_but_for_space};
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
    name: String,
    is_pdf: bool,
    /// The report: a PDF should have one inside.
    reports: Vec<Vec<u8>>,
    /// Its statement, of which a PDF may have one inside.
    statements: Vec<Vec<u8>>,
}

impl Held {
    /// Reads a file.
    pub(super) fn of(name: &str, bytes: &[u8]) -> Held {
        let name = name.to_owned();
        if !pdf::is_pdf(bytes) {
            return Held { name, is_pdf: false, reports: vec![bytes.to_vec()], statements: Vec::new() };
        }
        let mut held = Held { name, is_pdf: true, reports: Vec::new(), statements: Vec::new() };
        for attached in pdf::attached(bytes) {
            let Ok(value) = serde_json::from_slice::<Value>(&attached) else { continue };
            // All of them: which one a viewer shows, this program does not know.
            if value.get("report").is_some_and(Value::is_string) {
                held.reports.push(attached);
            } else if value.get("issue").is_some_and(Value::is_string) {
                held.statements.push(attached);
            }
        }
        held
    }

    /// Which of the issued reports it is: the same bytes, else the same issue by what it says of itself, else the last one
    /// of its facility and period.
    pub(super) fn which<'s>(&self, issued: &'s [Statement]) -> Result<&'s Statement, IssueError> {
        let none = |why: &str| IssueError::content(&self.name, why);
        let is = |statement: &Statement, bytes: &[u8]| {
            statement.files.get(REPORT).is_some_and(|hash| *hash == hex(&Sha256::digest(bytes)))
        };
        for bytes in &self.reports {
            if let Some(same) = issued.iter().find(|one| is(one, bytes)) {
                return Ok(same);
            }
        }
        let bytes = self.reports.first().ok_or_else(|| none("it holds no report that could be verified"))?;
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

    /// Compares with what is kept of the issued report; `None` where that is not there, which is told by itself.
    pub(super) fn compare(&self, report: Option<&[u8]>, statement: &Statement, verified: &mut Verified) {
        for (which, all) in [(REPORT, &self.reports), (STATEMENT, &self.statements)] {
            if all.len() > 1 {
                verified.says(format!(
                    "{}: {} files in it say that they are {which}, and there should be one",
                    self.name,
                    all.len()
                ));
            }
        }
        if self.reports.is_empty() {
            verified.says(format!("{}: no {REPORT} is attached to it", self.name));
        }
        for own in &self.reports {
            if let Some(report) = report {
                self.tell(REPORT, own, report, verified);
            }
        }
        for own in &self.statements {
            self.tell(STATEMENT, own, statement.text().as_bytes(), verified);
        }
        if self.is_pdf {
            if self.statements.is_empty() {
                verified.note(format!("{}: no {STATEMENT} is attached to it", self.name));
            }
            verified.note(format!(
                "{}: of a PDF the data inside is verified, not what its pages show; where that matters, compare them with \
                 {REPORT}",
                self.name
            ));
        }
    }

    fn tell(&self, which: &str, own: &[u8], kept: &[u8], verified: &mut Verified) {
        if own == kept {
            return;
        }
        let name = if self.is_pdf { format!("{} ({which} in it)", self.name) } else { self.name.clone() };
        match (serde_json::from_slice::<Value>(kept), serde_json::from_slice::<Value>(own)) {
            // That is told of what is kept.
            (Err(_), _) => {}
            (Ok(_), Err(error)) => verified.says(format!("{name} is no JSON: {error}")),
            (Ok(before), Ok(after)) if before != after => {
                verified.changed(&name, differences(&before, &after));
            }
            _ if is_same_but_for_space(kept, own) => {
                verified
                    .note(format!("{name} is laid out otherwise than it was issued, with the same content"));
            }
            _ => verified.says(format!(
                "{name} is written otherwise than it was issued: a key may stand twice in it, or elsewhere"
            )),
        }
    }
}
