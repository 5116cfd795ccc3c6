//! Reports from ledgers made by hand.

mod golden;
mod laid_out;
mod periods;
