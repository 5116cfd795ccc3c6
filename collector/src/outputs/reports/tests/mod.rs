//! Reports from ledgers made by hand.

mod basis;
mod clocks;
mod esif;
mod golden;
mod periods;
