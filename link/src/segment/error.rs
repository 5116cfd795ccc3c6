//! What can go wrong with a log.

use std::io;
use std::path::{Path, PathBuf};

/// Why the log could not do it.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Another process has the directory.
    #[error("{} is in use by another process; stop that one, or choose another directory", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The disk has no room. The append can be tried again once there is.
    #[error("no space left on the disk of {}; free some, then it goes on by itself", path.display())]
    Full {
        /// The file that was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Records are there, but what was written at the log's making is unreadable in every copy.
    #[error(
        "{} has lost its identity: its state and every segment's header are damaged; \
         restore it from a backup, or move it away to begin anew",
        dir.display()
    )]
    IdentityLost {
        /// The directory.
        dir: PathBuf,
    },
    /// The caller gave more than the format takes.
    #[error("{what} of {bytes} bytes is beyond the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl SegmentError {
    /// Makes the error of an action on a path.
    pub(super) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SegmentError {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                SegmentError::Full { path: path.to_owned(), source }
            }
            _ => SegmentError::Io { action, path: path.to_owned(), source },
        }
    }
}
