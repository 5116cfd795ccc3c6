//! From ledger minutes to figures: PUE, WUE, CUE, carbon and energies over any interval.
//!
//! Numerators and denominators are summed over their common support and then divided; nothing here
//! averages ratios. Source: domain.md 2, 4, 5.4, 5.9.

pub mod account;
pub mod carbon;
pub mod category;
pub mod claim;
pub mod coal;
pub mod compare;
pub mod figure;
pub mod forecast;
pub mod fuel;
pub mod gb40879;
pub mod indicator;
pub mod notation;
pub mod pairs;
mod reader;
pub mod renewable;
pub mod support;
pub mod target_budget;
pub mod uncertainty;
pub mod utilisation;
pub mod verdict;
pub mod weight;

pub use account::{Account, Accounts, Pair, Term, TermSum};
pub use figure::{Figure, Known, Status};
pub use indicator::Indicator;
pub use reader::Reader;
pub use weight::Weight;
