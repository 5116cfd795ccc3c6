//! From the link to everything people see.

pub mod config;
pub mod admin;
pub mod outputs;
pub mod ledger;
pub mod store;
pub mod admit;
pub mod by_hand;
pub mod engine;
pub mod journal;
pub mod indicators;
