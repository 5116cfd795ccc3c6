//! The reports that were made and issued: a list for the page, and the files themselves.
//!
//! A report's page of HTML brings its own styles and runs in a sandbox: whatever somebody wrote into it, it can neither
//! run a script nor read anything of this server.

use super::{Shared, api::problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::sync::Arc;

/// Where reports are listed and kept.
pub trait ReportShelf: Send + Sync {
    /// What there is, and what comes next.
    fn list(&self) -> BoxFuture<'static, Result<ReportList, ShelfError>>;

    /// A file of a report. Both are as somebody asked for them: only what is listed may be opened.
    fn open(&self, id: String, file: String) -> BoxFuture<'static, Result<ReportFile, ShelfError>>;
}

/// The reports and the schedules that make them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReportList {
    /// The schedules, in the order of the configuration.
    pub schedules: Vec<ScheduleView>,
    /// The reports, the latest first.
    pub reports: Vec<ReportView>,
    /// Earlier ones that are not listed.
    pub left_off: usize,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduleView {
    /// Its name.
    pub name: String,
    /// Whom its reports are about, such as `facility hall-1`.
    pub about: String,
    /// `month` or `year`.
    pub every: String,
    /// The next period, as far as that is known.
    pub next_period: Option<String>,
    /// When that is reported, RFC 3339.
    pub next_at: Option<String>,
    /// Why nothing is made.
    pub problem: Option<String>,
}

/// A report that was made, issued, or could not be made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportView {
    /// What it is asked for by.
    pub id: String,
    /// Whom it is about, such as `facility hall-1`.
    pub about: String,
    /// Over which period.
    pub period: String,
    /// The schedule that made it; `None` for an issued report, which stands by itself.
    pub schedule: Option<String>,
    /// The form that it fills in.
    pub form: Option<String>,
    /// When it was made or issued, RFC 3339; `None` where it is not made.
    pub at: Option<String>,
    /// The issued report that it is or prints.
    pub issued: Option<IssuedView>,
    /// What it says before all else, such as `PUE1 (2025) = 1.31`.
    pub headline: Option<String>,
    /// Its verdicts: the target and the verdict's word.
    pub verdicts: Vec<(String, String)>,
    /// Its files.
    pub files: Vec<FileView>,
    /// How it fares with those who get it by mail; `None` where nobody does.
    pub mail: Option<MailView>,
    /// Why it is not made, or not made any more; or what it lacks, and why.
    pub problem: Option<String>,
    /// When it is tried again, RFC 3339.
    pub again_at: Option<String>,
}

/// A frozen report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IssuedView {
    /// Its id.
    pub id: String,
    /// Whether it is signed, where that is known here.
    pub signed: Option<bool>,
    /// The report whose place it takes.
    pub restates: Option<String>,
    /// The report that takes its place.
    pub restated_by: Option<String>,
}

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileView {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of what was made, hexadecimal.
    pub sha256: String,
}

/// How letters fare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MailView {
    /// Taken by the server.
    pub sent: usize,
    /// On their way.
    pub waiting: usize,
    /// Given up.
    pub given_up: usize,
    /// Why the latest was not taken.
    pub problem: Option<String>,
}

/// A file to be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why there is no list, or no file.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// No such report, or no such file of it.
    #[error("{0}")]
    NotFound(String),
    /// It is there, and is not what was made.
    #[error("{0}")]
    Changed(String),
    /// It cannot be read now.
    #[error("reports cannot be read now: {0}")]
    Unavailable(String),
}

/// A page that brings its own styles, and can do nothing.
const SANDBOX: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                       frame-ancestors 'none'; sandbox";

/// `GET /reports`: the page's part with the reports, for those who were sent the address.
pub(super) async fn page() -> Redirect {
    Redirect::to("/#reports")
}

/// `GET /api/reports`.
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let Some(shelf) = &shared.reports else { return Json(ReportList::default()).into_response() };
    match shelf.list().await {
        Ok(list) => Json(list).into_response(),
        Err(error) => refused(&error),
    }
}

/// `GET /reports/{id}/{file}`.
pub(super) async fn file(
    State(shared): State<Arc<Shared>>,
    Path((id, file)): Path<(String, String)>,
) -> Response {
    let none = || ShelfError::NotFound("this collector keeps no reports".to_owned());
    let opened = match &shared.reports {
        Some(shelf) => shelf.open(id, file).await,
        None => Err(none()),
    };
    match opened {
        Ok(file) => handed_out(file),
        Err(error) => refused(&error),
    }
}

/// Texts and pages are shown; everything else is saved under its name.
fn handed_out(file: ReportFile) -> Response {
    let is_page = file.content_type.starts_with("text/html");
    let is_shown = is_page || file.content_type.starts_with("text/plain");
    let name: String = file
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
        .collect();
    let way = if is_shown { "inline" } else { "attachment" };
    let mut response = ([(header::CONTENT_TYPE, file.content_type)], file.bytes).into_response();
    let headers = response.headers_mut();
    if let Ok(disposition) = HeaderValue::from_str(&format!("{way}; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    if is_page {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    }
    response
}

fn refused(error: &ShelfError) -> Response {
    let status = match error {
        ShelfError::NotFound(_) => StatusCode::NOT_FOUND,
        ShelfError::Changed(_) => StatusCode::CONFLICT,
        ShelfError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem(status, &error.to_string())
}
