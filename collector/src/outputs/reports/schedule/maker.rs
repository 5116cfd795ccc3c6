//! What schedules ask for, and who makes it.

use super::due::Known;
use crate::admin::ReportFormat;
use crate::config::About;
use crate::outputs::reports::document::Lang;
use wattledger_model::name::Name;
use wattledger_model::time::Timestamp;

/// A report that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The schedule's name.
    pub report: Name,
    /// Whom it is about.
    pub about: About,
    /// Over which period, such as `2026-10`.
    pub period: String,
    /// The form it fills in; `None` for the report itself.
    pub form: Option<String>,
    /// The issued report that it prints; `None` where it is made of the ledger as it is.
    pub issued: Option<String>,
}

impl Due {
    /// The name of one of its files.
    pub fn file_name(&self, format: ReportFormat, lang: Lang) -> String {
        let lang = if format.is_document() { format!(".{}", lang.word()) } else { String::new() };
        format!("{}_{}{lang}.{}", self.report, self.period, format.extension())
    }
}

/// One file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub file_name: String,
    /// Its content, or why there is none.
    pub content: Result<Vec<u8>, Unmade>,
}

/// Why a file is not made with the others, which are not held up by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmade {
    /// For people.
    pub why: String,
    /// What the printer is told once it can print; `None` where no other try can help.
    pub job: Option<Vec<u8>>,
}

/// Why a report is not made now, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MakeError(pub String);

/// Who makes reports. Everything here may take its time, and is called off the runtime's threads.
pub trait Maker: Send + Sync {
    /// What is known of each facility that a report is about.
    ///
    /// # Errors
    /// Why that cannot be said.
    fn known(&self, about: &About) -> Result<Vec<Known>, MakeError>;

    /// The files of a report in these formats and languages, in this order, all of one state of the ledger.
    ///
    /// # Errors
    /// Why there are none now; it is tried again.
    fn make(&self, due: &Due, wanted: &[(ReportFormat, Lang)]) -> Result<Vec<Made>, MakeError>;

    /// Prints what could not be printed with the rest of its report: the same paper, whatever the ledger says by now.
    ///
    /// # Errors
    /// Why it is not printed now; it is tried again.
    fn print(&self, job: Vec<u8>) -> Result<Vec<u8>, MakeError>;

    /// Issues the report, and gives the issued report's id. Asked a second time for the same schedule and period (the
    /// collector was killed before it could remember the first answer) it gives the first id again.
    ///
    /// # Errors
    /// Why it is not issued now; it is tried again.
    fn issue(&self, due: &Due) -> Result<String, MakeError>;
}

/// What a schedule will make next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcoming {
    /// The schedule's name.
    pub report: String,
    /// Whom it is about, such as `facility hall-1`.
    pub about: String,
    /// `month` or `year`.
    pub every: &'static str,
    /// The next period and when it is made, as far as that is known; `None` before anything was read of the facility.
    pub next: Option<(String, Timestamp)>,
    /// Why nothing can be decided.
    pub problem: Option<String>,
}
