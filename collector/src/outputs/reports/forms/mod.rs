//! Forms: what an authority, a standard or an operator asks for, laid out from a report by a template that is data.
//!
//! A template (`config/forms`) names values of a closed list and never computes. What is not known is named
//! missing with what would supply it, and is never zero. What rests on a source that was not found is marked in
//! the template; the form then says that it is a draft, and lists what is to be confirmed. Source: domain.md 2, 3, 9.

mod answer;
mod form;
mod gather;
mod layout;
mod number;
mod shelf;
pub(super) mod tables;
mod value;
pub(super) mod words;

#[cfg(test)]
mod tests;

pub use form::Form;
pub use gather::Beside;
pub use layout::lay_out;
pub use shelf::{all, find, find_in, read_folder};

pub(super) use layout::column;
pub(super) use number::{Number, percent};

use super::compile::{self, Options};
use super::content::Report;
use super::document::{Document, Lang};
use super::error::ReportError;
use crate::view::View;
use std::borrow::Cow;
use wattledger_model::calendar::Period;

/// A form with what it is filled in with, all of one state of the ledger.
#[derive(Debug, Clone)]
pub struct Filled {
    form: Cow<'static, Form>,
    report: Report,
    beside: Beside,
}

impl Filled {
    /// The form in a language: the same figures in each.
    pub fn document(&self, lang: Lang) -> Document {
        lay_out(&self.form, &self.report, &self.beside, lang)
    }
}

/// Makes the report of a facility over a period, with what a form needs beside it, in one round of the view, which must
/// not be in one.
///
/// A period that is not over is cut at the facility's horizon, and the form says so.
///
/// # Errors
/// [`ReportError`]: no such facility, period or form, a period that the form is not for, nothing known of it, or a
/// store that cannot be read.
pub fn fill(
    view: &mut View,
    facility: &str,
    period: &str,
    options: Options<'_>,
    form: &str,
) -> Result<Filled, ReportError> {
    let form = find_in(options.configuration.reports.forms_dir.as_deref(), form)?;
    let names = view.topology().facilities.iter().map(|facility| facility.name.as_str());
    let Some(at) = view.facility(facility) else {
        return Err(ReportError::unknown_facility(facility, names));
    };
    let change = view.begin()?;
    let made = filled(view, at, period, change, options, &form);
    view.end()?;
    let (report, beside) = made?;
    Ok(Filled { form, report, beside })
}

/// As [`fill`], laid out in one language.
///
/// # Errors
/// As [`fill`].
pub fn document(
    view: &mut View,
    facility: &str,
    period: &str,
    options: Options<'_>,
    form: &str,
    lang: Lang,
) -> Result<Document, ReportError> {
    Ok(fill(view, facility, period, options, form)?.document(lang))
}

/// What the form is filled in with, of the round that the view is in.
fn filled(
    view: &mut View,
    at: usize,
    period: &str,
    change: u64,
    options: Options<'_>,
    form: &Form,
) -> Result<(Report, Beside), ReportError> {
    let facility = &view.topology().facilities[at];
    let (zone, name) = (facility.zone, facility.name.to_string());
    let horizon = view.horizon(at).ok_or(ReportError::NothingRead(name))?;
    let asked = Period::parse_at(period, zone, horizon)?;
    form.check(&asked, zone)?;
    let report = compile::compile(view, at, period, change, options)?;
    let beside = gather::gather(view, at, &asked, &report, options.configuration)?;
    Ok((report, beside))
}
