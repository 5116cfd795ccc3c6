//! What reports need beside the ledger.

use std::path::PathBuf;
use wattledger_model::document::{self, Table};

/// `[reports]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reports {
    /// The Ed25519 key, PKCS#8 in PEM, that issued reports are signed with; `None` where they are not signed.
    pub signing_key_file: Option<PathBuf>,
}

impl Reports {
    pub(super) fn read(table: &mut Table<'_>) -> Reports {
        let signing_key_file = table.optional("signing_key_file", document::string);
        Reports { signing_key_file: signing_key_file.map(|file| file.value.into()) }
    }
}
