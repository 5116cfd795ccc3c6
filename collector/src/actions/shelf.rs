//! The reports that the page lists and hands out.

use crate::outputs::reports::issued::{self, IssueError, Issued};
use crate::outputs::reports::schedule::{
    self, Entry, FolderError, LetterState, ShelfError as Kept, Shelved, State, Upcoming, media_type,
};
use crate::outputs::web::{
    FileView, IssuedView, MailView, ReportFile, ReportList, ReportShelf, ReportView, ScheduleView, ShelfError,
};
use crate::store::Layout;
use futures_util::future::BoxFuture;
use std::cmp::Reverse;
use std::sync::Arc;
use tokio::sync::watch;
use wattledger_model::time::Timestamp;

/// More reports than this are not listed; their files are still handed out.
const MOST_LISTED: usize = 200;

/// Scheduled reports, as the outputs' file remembers them, and issued ones, as they are kept.
pub struct Shelf {
    layout: Layout,
    upcoming: watch::Receiver<Arc<Vec<Upcoming>>>,
}

impl Shelf {
    /// The reports of a collector, and what its schedules make next.
    pub fn new(layout: Layout, upcoming: watch::Receiver<Arc<Vec<Upcoming>>>) -> Shelf {
        Shelf { layout, upcoming }
    }
}

impl ReportShelf for Shelf {
    fn list(&self) -> BoxFuture<'static, Result<ReportList, ShelfError>> {
        let (layout, upcoming) = (self.layout.clone(), Arc::clone(&self.upcoming.borrow()));
        Box::pin(async move {
            let found = move || {
                let issued = issued::list(&layout).map_err(Found::Issued)?;
                Ok((schedule::shelved(&layout).map_err(Found::Made)?, issued))
            };
            let (made, issued) = off_the_runtime(found).await?;
            let mut reports: Vec<ReportView> = made.iter().map(shown).collect();
            reports.extend(issued.into_iter().map(frozen));
            // What is not made yet stands first: somebody may have to look at it.
            let order =
                |one: &ReportView| (one.again_at.is_none(), Reverse(one.period.clone()), one.id.clone());
            reports.sort_by_cached_key(order);
            let left_off = reports.len().saturating_sub(MOST_LISTED);
            reports.truncate(MOST_LISTED);
            Ok(ReportList { schedules: upcoming.iter().map(next).collect(), reports, left_off })
        })
    }

    fn open(&self, id: String, file: String) -> BoxFuture<'static, Result<ReportFile, ShelfError>> {
        let layout = self.layout.clone();
        Box::pin(async move {
            let name = file.clone();
            let find = move || match schedule::file(&layout, &id, &file) {
                Err(Kept::NoSuchFile(_)) => {
                    issued::file_as_issued(&layout, &id, &file).map_err(Found::Issued)
                }
                found => found.map_err(Found::Made),
            };
            let bytes = off_the_runtime(find).await?;
            Ok(ReportFile { content_type: media_type(&name), name, bytes })
        })
    }
}

/// Why something is not found, by where it was sought.
enum Found {
    Made(Kept),
    Issued(IssueError),
}

/// Reads the disk, off the runtime's threads.
async fn off_the_runtime<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Found> + Send + 'static,
) -> Result<T, ShelfError> {
    let done = tokio::task::spawn_blocking(read).await;
    done.map_err(|error| ShelfError::Unavailable(error.to_string()))?.map_err(|error| match error {
        Found::Made(Kept::NoSuchFile(file)) => ShelfError::NotFound(Kept::NoSuchFile(file).to_string()),
        Found::Made(Kept::Folder(FolderError::Changed(file))) => {
            ShelfError::Changed(Kept::Folder(FolderError::Changed(file)).to_string())
        }
        Found::Made(error) => ShelfError::Unavailable(error.to_string()),
        Found::Issued(error @ IssueError::Altered { .. }) => ShelfError::Changed(error.to_string()),
        Found::Issued(error) if error.is_absence() => ShelfError::NotFound(error.to_string()),
        Found::Issued(error) => ShelfError::Unavailable(error.to_string()),
    })
}

/// An issued report, which stands by itself.
fn frozen(issued: Issued) -> ReportView {
    let files = issued.files.into_iter().map(|file| FileView {
        name: file.name,
        bytes: file.bytes,
        sha256: file.sha256,
    });
    ReportView {
        id: issued.id.clone(),
        about: format!("facility {}", issued.facility),
        period: issued.period,
        schedule: None,
        form: None,
        at: Some(issued.issued_at.to_string()),
        issued: Some(IssuedView {
            id: issued.id,
            signed: Some(issued.signed),
            restates: issued.restates,
            restated_by: issued.restated_by,
        }),
        headline: Some(issued.headline).filter(|headline| !headline.is_empty()),
        verdicts: issued.verdicts,
        files: files.collect(),
        mail: None,
        problem: issued.trouble,
        again_at: None,
    }
}

fn next(upcoming: &Upcoming) -> ScheduleView {
    let next = upcoming.next.as_ref();
    ScheduleView {
        name: upcoming.report.clone(),
        about: upcoming.about.clone(),
        every: upcoming.every.to_owned(),
        next_period: next.map(|(period, _)| period.clone()),
        next_at: next.map(|(_, at)| at.to_string()),
        problem: upcoming.problem.clone(),
    }
}

fn shown(shelved: &Shelved) -> ReportView {
    let entry = &shelved.entry;
    let time = |ms: i64| Timestamp(ms).to_string();
    let issued = |id: &String| IssuedView { id: id.clone(), signed: None, restates: None, restated_by: None };
    let files = entry.files.iter().map(|file| FileView {
        name: file.name.clone(),
        bytes: file.bytes,
        sha256: file.sha256.clone(),
    });
    ReportView {
        id: shelved.id(),
        about: entry.about.clone(),
        period: shelved.period.clone(),
        schedule: Some(shelved.report.clone()),
        form: entry.form.clone(),
        at: entry.made_ms.map(time),
        issued: entry.issued.as_ref().map(issued),
        headline: None,
        verdicts: Vec::new(),
        files: files.filter(|_| entry.state == State::Made).collect(),
        mail: mail(entry),
        problem: entry.problem.clone(),
        again_at: entry.again_ms.map(time),
    }
}

fn mail(entry: &Entry) -> Option<MailView> {
    let count = |state: LetterState| entry.letters.iter().filter(|letter| letter.state == state).count();
    (!entry.letters.is_empty()).then(|| MailView {
        sent: count(LetterState::Sent),
        waiting: count(LetterState::Waiting),
        given_up: count(LetterState::GivenUp),
        problem: entry.letters.iter().rev().find_map(|letter| letter.problem.clone()),
    })
}
