//! Reports from ledgers made by hand.

mod golden;
mod periods;
