//! The energy ledger: a pure function of the set of readings and of their interpretation.

pub mod block;
pub mod context;
pub mod curve;
pub mod fold;
pub mod interpret;
pub mod power;
pub mod register;
