//! The energy ledger: a pure function of the set of readings and of their interpretation.

pub mod block;
pub mod context;
pub mod corrections;
pub mod curve;
pub mod explain;
pub mod failed;
pub mod fold;
pub mod interpret;
pub mod power;
pub mod register;
pub mod rules;
mod series;
