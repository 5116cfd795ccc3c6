//! What all reports share: where further forms are.

use std::path::PathBuf;
use wattledger_model::document::{self, Table};

/// What all reports share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    /// A folder with templates of forms beside those that come with the program.
    pub forms_dir: Option<PathBuf>,
}

pub(super) fn read(table: &mut Table<'_>) -> Reports {
    let forms_dir = table.optional("forms_dir", document::string);
    Reports { forms_dir: forms_dir.map(|folder| folder.value.into()) }
}
