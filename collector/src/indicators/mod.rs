//! From ledger minutes to figures: PUE, WUE, CUE, carbon and energies over any interval.
//!
//! Numerators and denominators are summed over their common support and then divided; nothing here
//! averages ratios. Source: domain.md 2, 4, 5.4, 5.9.

pub mod account;
pub mod figure;
pub mod notation;
mod reader;
pub mod support;
pub mod verdict;
pub mod weight;

pub use account::{Account, Accounts, Pair, Term, TermSum};
pub use figure::{Figure, Indicator, Status};
pub use weight::Weight;
