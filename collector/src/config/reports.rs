//! What all reports share: where those that are made by a schedule are put.

use std::path::PathBuf;
use wattledger_model::document::{self, Table};

/// What all reports share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// The folder of scheduled reports; `None` for `reports` in the data directory.
    pub folder: Option<PathBuf>,
}

pub(super) fn read(table: &mut Table<'_>) -> Reports {
    let folder = table.optional("folder", document::string);
    Reports { folder: folder.map(|folder| folder.value.into()) }
}
