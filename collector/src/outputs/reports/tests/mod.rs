//! Reports from ledgers made by hand.

mod basis;
mod clocks;
mod esif;
mod golden;
mod laid_out;
mod periods;
