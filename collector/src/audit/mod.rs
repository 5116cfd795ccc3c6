//! What was done to the ledger beside booking readings, by whom and why: an append-only chain of entries.
//!
//! The ledger is a function of the readings, the configuration and the corrections. [`chain`] tells which
//! versions of the configuration were in force when, who corrected, admitted or discarded what for which
//! reason, and when raw readings were deleted with age; each entry carries the hash of the one before.

pub mod chain;
pub mod configuration;
pub mod corrections;
pub mod who;

pub use chain::{Break, Entry, Head, Kind, verify, walk};
pub use who::Who;
