//! Keys of the condition `phase-imbalance`.

use wattledger_model::document::Table;

/// The phases of a UPS.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases {}

pub(super) fn read(_table: &mut Table<'_>) -> Option<Phases> {
    Some(Phases {})
}
