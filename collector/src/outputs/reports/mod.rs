//! Reports: what the ledger says about one facility over one period, with everything a reader needs to
//! judge the figure. Source: domain.md 6.4.
//!
//! A report is a value ([`Report`]), made in one round of the view so that all of it is of one state of the
//! ledger, and then printed: as [`text`] for a terminal, [`json`] or [`csv`], or laid out as a
//! [`document::Document`] in a language and that as [`html`], [`xlsx`] or [`pdf`]. [`write`] does either. It averages
//! no ratio: every figure, of a month too, is a sum over a sum.

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
mod format;
pub mod forms;
mod hours;
mod html;
pub mod issued;
mod json;
mod layout;
mod market;
mod parts;
mod pdf;
pub mod portfolio;
pub mod schedule;
mod schema;
mod shares;
mod span;
mod text;
mod uncertainty;
mod words;
mod write;
mod xlsx;

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
pub use error::{FormError, ReportError};
pub use format::ReportFormat;
pub use hours::Hours;
pub use html::html;
pub use json::json;
pub use layout::document;
pub use market::{Claimed, Claims, NotClaimed};
pub use parts::PartRow;
pub use pdf::{Attachment, Job, PrintError, Printer, pdf};
pub use schema::Schema;
pub use shares::ShareRow;
pub(crate) use span::known_part;
pub use text::text;
pub use write::{WriteError, as_data, print, write, write_portfolio};
pub use xlsx::{XlsxError, xlsx};
