//! Keys of the condition `redundancy`.

use wattledger_model::document::Table;

/// Two feeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Feeds {}

pub(super) fn read(_table: &mut Table<'_>) -> Option<Feeds> {
    Some(Feeds {})
}
