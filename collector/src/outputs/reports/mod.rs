//! Reports: what the ledger says about one facility over one period, with everything a reader needs to
//! judge the figure. Source: domain.md 6.4.
//!
//! A report is a value ([`Report`]), made in one round of the view so that all of it is of one state of the
//! ledger, and then printed as [`text`] for a terminal, [`json`] or [`csv`]. It averages no ratio: every
//! figure, of a month too, is a sum over a sum.

mod amount;
mod basis;
mod budget;
pub mod charts;
mod compile;
mod content;
mod corrected;
mod csv;
pub mod document;
mod error;
mod figures;
mod hours;
mod json;
mod layout;
mod market;
mod parts;
mod shares;
mod span;
mod text;
mod uncertainty;
mod words;

#[cfg(test)]
mod tests;

pub use amount::Amount;
pub use budget::YearBudget;
pub use compile::{Options, make};
pub use content::{
    BoundaryMeter, Carbon, Component, Cut, Energies, EnergyParts, Facility, Factor, Figure, Gap, Gaps,
    Horizon, Methods, MonthRow, NonElectric, NotKnown, Period, Report, StepCount, Table, Verdict, Versions,
};
pub use corrected::{AuditHead, CorrectionRow};
pub use csv::csv;
pub use error::ReportError;
pub use hours::Hours;
pub use json::json;
pub use layout::document;
pub use market::{Claimed, Claims, NotClaimed};
pub use parts::PartRow;
pub use shares::ShareRow;
pub(crate) use span::known_part;
pub use text::text;
