//! Reports from ledgers made by hand, and what the printers of documents do with one that has everything.

mod csv;
mod golden;
mod html;
mod periods;
pub(super) mod sample;
mod xlsx;
