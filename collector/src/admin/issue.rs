//! Issuing reports, for the admin socket and for commands on a stopped collector.
//!
//! A report is made beside the running engine, and only then issued by it: so intake waits for a few files and an entry of
//! the audit chain, not for the figures.

use super::{AdminError, ReportFormat};
use crate::audit::Who;
use crate::config::{self, CollectorConfig};
use crate::engine::{By, Engine};
use crate::outputs::reports::document::Lang;
use crate::outputs::reports::issued::{
    self, Asked, IssueError, Issued, Prepared, Printed, STATEMENT, SigningKey, add_printed,
};
use crate::outputs::reports::{self, Attachment, Printer, Report, ReportError, WriteError};
use crate::store::Layout;
use crate::store::history::HistoryError;
use serde::{Deserialize, Serialize};
use wattledger_model::time::Timestamp;

/// Bytes of who issues a report, at most.
const LONGEST_WHO: usize = 200;

/// A report to be issued: of a facility and a period, or one that restates another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueRequest {
    /// The facility's name.
    #[serde(default)]
    pub facility: Option<String>,
    /// The period, as for a report.
    #[serde(default)]
    pub period: Option<String>,
    /// The issued report that is restated, instead of the two.
    #[serde(default)]
    pub restates: Option<String>,
    /// Who issues it; `None` for the user at the other end.
    #[serde(default)]
    pub who: Option<String>,
    /// Why; a restatement needs it.
    #[serde(default)]
    pub reason: String,
    /// What is printed beside it.
    #[serde(default)]
    pub formats: Vec<ReportFormat>,
    /// In which language, where a format has one.
    #[serde(default)]
    pub lang: Lang,
}

/// A report that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueAnswer {
    /// The report.
    pub issued: Issued,
    /// Its entry in the audit chain.
    pub sequence: u64,
    /// That entry's hash.
    pub hash: String,
    /// Why something was not printed beside it. It is issued all the same.
    pub trouble: Option<String>,
}

/// A report that is made and waits to be issued.
#[derive(Debug)]
pub struct ToIssue {
    prepared: Prepared,
    key: Option<SigningKey>,
    reason: String,
    formats: Vec<ReportFormat>,
    lang: Lang,
}

/// Makes the report that is asked for. What has arrived must be in the ledger.
///
/// # Errors
/// [`AdminError`] by what the caller does next.
pub fn prepare(
    layout: &Layout,
    config: &CollectorConfig,
    request: &IssueRequest,
    who: &Who,
    now: Timestamp,
) -> Result<ToIssue, AdminError> {
    let reason = request.reason.trim();
    let (facility, period) = asked_for(layout, request)?;
    if request.restates.is_some() && reason.is_empty() {
        let why = "give a reason: it stands in the restated report and in the audit chain";
        return Err(AdminError::Invalid(why.to_owned()));
    }
    let who = request.who.as_deref().map_or(who.as_str(), str::trim);
    if who.is_empty() || who.len() > LONGEST_WHO {
        return Err(AdminError::Invalid(format!("say who issues it, in {LONGEST_WHO} bytes at most")));
    }
    let key = config.reports.signing_key_file.as_deref().map(SigningKey::read).transpose();
    let key = key.map_err(|error| AdminError::Failed(error.to_string()))?;
    let restates = request.restates.as_deref();
    let asked = Asked { facility: &facility, period: &period, restates, who, reason };
    let prepared = issued::prepare(layout, asked, now).map_err(refused)?;
    Ok(ToIssue {
        prepared,
        key,
        reason: reason.to_owned(),
        formats: request.formats.clone(),
        lang: request.lang,
    })
}

fn asked_for(layout: &Layout, request: &IssueRequest) -> Result<(String, String), AdminError> {
    match (&request.restates, &request.facility, &request.period) {
        (None, Some(facility), Some(period)) => Ok((facility.clone(), period.clone())),
        (Some(of), None, None) => {
            let all = issued::list(layout).map_err(refused)?;
            let found = all.into_iter().find(|one| one.id == *of);
            let found = found.ok_or_else(|| refused(IssueError::NotIssued(of.clone())))?;
            Ok((found.facility, found.period))
        }
        _ => {
            let why = "name the facility and the period, or the issued report that is restated";
            Err(AdminError::Invalid(why.to_owned()))
        }
    }
}

/// Issues a report, by the engine, which is this caller's alone. On return it is durable, and in the audit chain.
///
/// # Errors
/// [`AdminError`] by what the caller does next.
pub fn issue(
    engine: &mut Engine,
    layout: &Layout,
    to_issue: ToIssue,
    who: &Who,
    now: Timestamp,
) -> Result<IssueAnswer, AdminError> {
    let ToIssue { prepared, key, reason, .. } = to_issue;
    let note = |statement: &serde_json::Value| {
        let by = By { who, reason: &reason, now };
        engine.note_issue(statement, by).map_err(|error| IssueError::Chain(error.to_string()))
    };
    let (issued, entry) = issued::keep(layout, prepared, key.as_ref(), note).map_err(refused)?;
    tracing::info!(report = %issued.id, %who, "a report was issued");
    Ok(IssueAnswer { issued, sequence: entry.sequence, hash: entry.hash, trouble: None })
}

impl ToIssue {
    /// What is to be printed of it once it is issued.
    pub fn to_print(&self, reports: &config::Reports) -> ToPrint {
        let (report, formats) = (self.prepared.report.clone(), self.formats.clone());
        ToPrint { report, formats, lang: self.lang, printer: Printer::of(reports) }
    }
}

/// Why an issued report is not printed.
#[derive(Debug, thiserror::Error)]
enum Unprinted {
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Kept(#[from] IssueError),
}

/// What is printed of an issued report.
#[derive(Debug)]
pub struct ToPrint {
    report: Report,
    formats: Vec<ReportFormat>,
    lang: Lang,
    printer: Printer,
}

impl ToPrint {
    /// Prints it beside the frozen files. What cannot be printed is said in the answer: the report is issued.
    pub fn print(mut self, layout: &Layout, mut answer: IssueAnswer) -> IssueAnswer {
        let (mut printed, mut trouble) = (Vec::new(), Vec::new());
        match issued::seal(layout, &answer.issued.id) {
            Ok(seal) => self.report.seal = Some(seal),
            Err(error) => trouble.push(error.to_string()),
        }
        // The JSON is there already.
        for format in self.formats.iter().filter(|format| **format != ReportFormat::Json) {
            match self.printed(layout, &answer.issued.id, *format) {
                Ok(file) => printed.push(file),
                Err(error) => trouble.push(error.to_string()),
            }
        }
        match add_printed(layout, &answer.issued.id, &printed) {
            Ok(issued) => answer.issued = issued,
            Err(error) => trouble.push(error.to_string()),
        }
        answer.trouble = (!trouble.is_empty()).then(|| trouble.join("; "));
        answer
    }

    fn printed(&self, layout: &Layout, id: &str, format: ReportFormat) -> Result<Printed, Unprinted> {
        let bytes = if format == ReportFormat::Pdf {
            let statement = Attachment {
                name: STATEMENT.to_owned(),
                mime: ReportFormat::Json.content_type(),
                about: id.to_owned(),
                bytes: issued::file(layout, id, STATEMENT)?,
            };
            let document = reports::document(&self.report, self.lang);
            let attached = [reports::as_data(&self.report), statement];
            reports::print(&document, format, &attached, &self.printer)?
        } else {
            reports::write(&self.report, format, self.lang, &self.printer)?
        };
        let ending = format.extension();
        let name = if format.is_document() {
            format!("report.{}.{ending}", self.lang.word())
        } else {
            format!("report.{ending}")
        };
        Ok(Printed { name, bytes })
    }
}

fn refused(error: IssueError) -> AdminError {
    let text = error.to_string();
    match error {
        IssueError::NotIssued(_)
        | IssueError::NoConfiguration(_)
        | IssueError::History(HistoryError::NotNoted { .. })
        | IssueError::Report(ReportError::UnknownFacility { .. } | ReportError::NothingRead(_)) => {
            AdminError::NotFound(text)
        }
        IssueError::Running { .. }
        | IssueError::Already { .. }
        | IssueError::Restated { .. }
        | IssueError::Unchanged(_)
        | IssueError::Name(_)
        | IssueError::Occupied(_)
        | IssueError::Report(ReportError::Period(_) | ReportError::Ahead { .. }) => AdminError::Invalid(text),
        _ => AdminError::Failed(text),
    }
}
