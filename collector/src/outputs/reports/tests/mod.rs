//! Reports from ledgers made by hand, and what the printers of documents do with one that has everything.

mod basis;
mod clocks;
mod csv;
mod esif;
mod golden;
mod html;
mod laid_out;
mod periods;
pub(super) mod sample;
pub(super) mod schemas;
mod xlsx;
