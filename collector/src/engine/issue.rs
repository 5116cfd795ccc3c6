//! Issued reports in the audit chain.

use super::amend::{AmendError, By, check_reason, note};
use super::{Engine, EngineError};
use crate::audit::{Entry, Kind};
use crate::store::StoreError;
use serde_json::Value;

impl Engine {
    /// Notes that a report is issued: on return the entry with its statement is durable. The first issue of a period needs
    /// no reason; a statement that says what it `restates` does.
    ///
    /// # Errors
    /// [`AmendError`]; nothing is noted then.
    pub fn note_issue(&mut self, statement: &Value, by: By<'_>) -> Result<Entry, AmendError> {
        if !by.reason.is_empty() || statement.get("restates").is_some_and(|of| !of.is_null()) {
            check_reason(&by)?;
        }
        let failed = |source| EngineError::Store(StoreError::Sqlite { path: "ledger.sqlite".into(), source });
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        let entry = note(&transaction, by.now, by.who, Kind::Issue, by.reason, statement)?;
        transaction.commit().map_err(failed)?;
        Ok(entry)
    }
}
