//! Why a report cannot be issued, listed, exported or verified.

use super::sign::KeyError;
use crate::outputs::reports::ReportError;
use crate::store::StoreError;
use crate::store::history::HistoryError;
use std::io;
use std::path::PathBuf;
use wattledger_model::time::Timestamp;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The report cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was known then was not noted.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The period is not over.
    #[error(
        "the period `{period}` is not over for facility `{facility}` ({why}); only periods that are over can be issued"
    )]
    Running {
        /// The period as it was asked for.
        period: String,
        /// The facility.
        facility: String,
        /// Why it was cut.
        why: String,
    },
    /// No version of the configuration was in force.
    #[error(
        "which configuration was in force at {0}, as of which the ledger is read, was not noted; issue the report after \
         the next quarter of an hour"
    )]
    NoConfiguration(Timestamp),
    /// The configuration of then cannot be read.
    #[error("the configuration in entry {entry} of the audit chain cannot be read: {problems}")]
    Configuration {
        /// Its entry.
        entry: u64,
        /// What is wrong with it.
        problems: String,
    },
    /// A file that the report needs cannot be frozen.
    #[error("{0}; a report that needs it cannot be issued")]
    Series(#[from] crate::config::SeriesError),
    /// The period was issued already.
    #[error(
        "{period} of `{facility}` is issued already, as {id}; use `wattledger report --restate {id} --reason ...`"
    )]
    Already {
        /// The period.
        period: String,
        /// The facility.
        facility: String,
        /// The report.
        id: String,
    },
    /// There is no such issued report.
    #[error("no report `{0}` was issued; `wattledger report --issued` lists those that were")]
    NotIssued(String),
    /// It was restated already.
    #[error("{id} was restated already, by {by}; restate that one")]
    Restated {
        /// The report.
        id: String,
        /// The one that restates it.
        by: String,
    },
    /// A restatement without a difference.
    #[error("nothing is other than in {0}: there is nothing to restate")]
    Unchanged(String),
    /// The chain refused the entry.
    #[error("{0}")]
    Chain(String),
    /// A file is not what it should be.
    #[error("{}: {what}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A frozen file is not what was issued.
    #[error("{file} of {id} is not what was issued; `wattledger verify {id}` says what differs")]
    Altered {
        /// The report.
        id: String,
        /// The file.
        file: String,
    },
    /// There is something where something is to be written.
    #[error("{} is there already and is not empty; name a new directory", .0.display())]
    Occupied(PathBuf),
    /// The name of an issued report or of one of its files is none.
    #[error("`{0}` is not the name of an issued report or of a file of one")]
    Name(String),
    /// The system says no.
    #[error("cannot use {}: {source}", file.display())]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

impl IssueError {
    /// Whether it says no more than that what was asked for is not there.
    pub fn is_absence(&self) -> bool {
        match self {
            IssueError::NotIssued(_) | IssueError::Name(_) => true,
            IssueError::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    pub(super) fn io(file: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> IssueError {
        let file = file.into();
        move |source| IssueError::Io { file, source }
    }

    pub(super) fn content(file: impl Into<PathBuf>, what: impl ToString) -> IssueError {
        IssueError::Content { file: file.into(), what: what.to_string() }
    }
}
