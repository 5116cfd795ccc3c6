//! Reports from ledgers made by hand.

mod golden;
pub(in crate::outputs) mod hall;
mod periods;
