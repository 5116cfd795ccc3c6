//! Which targets apply to a facility, and what its figures say about each.
//!
//! The tables of targets are data (`config/targets`); a facility's attributes select the rows that apply. A row for the
//! average of a group is held against the energies of all facilities to which it applies, never against one.
//! Source: domain.md 1.

mod group;
mod held;
mod listing;
mod outlook;
mod text;

pub use listing::{Listing, Row, TargetsError, of_facility, of_group};
pub(crate) use outlook::on_date;
pub use outlook::{Budget, Expected, Outlook, State, outlook};

#[cfg(test)]
mod tests;
