//! What was made by a schedule, listed and given again.

use super::folder::{self, FolderError};
use super::record::{self, Entry, RecordError};
use crate::outputs::remembered;
use crate::store::{Layout, StoreError};

/// The report of one period of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelved {
    /// The schedule's name.
    pub report: String,
    /// The period.
    pub period: String,
    /// What became of it.
    pub entry: Entry,
}

/// Why there is no list, or no file.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// No schedule made such a file.
    #[error("no scheduled report has the file {0}")]
    NoSuchFile(String),
    /// The outputs' file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

impl Shelved {
    /// What it is asked for by: the schedule's name and the period.
    pub fn id(&self) -> String {
        format!("{}_{}", self.report, self.period)
    }
}

/// Everything that schedules made, left out or could not make, the latest period first; also of schedules that are not
/// configured any more.
///
/// # Errors
/// [`ShelfError`] where the record cannot be read.
pub fn shelved(layout: &Layout) -> Result<Vec<Shelved>, ShelfError> {
    let connection = match remembered::open_existing(layout) {
        Err(StoreError::Absent(_)) => return Ok(Vec::new()),
        opened => opened?,
    };
    let shelved = |(report, period, entry): (String, String, Result<Entry, RecordError>)| {
        let entry = entry.unwrap_or_else(|error| Entry::unreadable(&error));
        Shelved { report, period, entry }
    };
    Ok(record::all(&connection)?.into_iter().map(shelved).collect())
}

/// A file as it was made. Only what the record names is ever read, and only if it is still what was made.
///
/// # Errors
/// [`ShelfError::NoSuchFile`]; [`FolderError::Changed`] where it is something else by now.
pub fn file(layout: &Layout, id: &str, name: &str) -> Result<Vec<u8>, ShelfError> {
    let none = || ShelfError::NoSuchFile(format!("{id}/{name}").chars().take(120).collect());
    let (report, period) = id.split_once('_').ok_or_else(none)?;
    let connection = match remembered::open_existing(layout) {
        Err(StoreError::Absent(_)) => return Err(none()),
        opened => opened?,
    };
    let entry = record::entry(&connection, report, period)?.ok_or_else(none)?;
    let kept = entry.files.iter().find(|file| file.name == name).ok_or_else(none)?;
    Ok(folder::take(&entry.folder, kept)?)
}
