//! A report in the form that was asked for.

use super::content::Report;
use super::document::{Document, Lang};
use super::format::ReportFormat;
use super::layout::document;
use super::pdf::{Attachment, PrintError, Printer, pdf};
use super::portfolio::{self, Portfolio};
use super::xlsx::{XlsxError, xlsx};
use super::{csv, html, json, text};

/// Why a report is not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Only documents have a language.
    #[error(
        "{} has no language: text is in English, and json and csv are the same in all; leave out the language, or ask \
         for html, xlsx or pdf",
        .0.word()
    )]
    NoLanguage(ReportFormat),
    /// A document is printed as html, xlsx or pdf.
    #[error("{} is no way to print a document; ask for html, xlsx or pdf", .0.word())]
    NoDocument(ReportFormat),
    /// A portfolio is data or a document.
    #[error("{} is no way to write a portfolio; ask for json, html, xlsx or pdf", .0.word())]
    NoData(ReportFormat),
    /// No workbook.
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
    /// No PDF.
    #[error(transparent)]
    Pdf(#[from] PrintError),
}

/// The report in a format, and where that is a document in a language. A PDF has the report as JSON inside.
///
/// It waits for the printer of PDF.
///
/// # Errors
/// [`WriteError`]: another language than English for a format that has none, or what the printer says.
pub fn write(
    report: &Report,
    format: ReportFormat,
    lang: Lang,
    printer: &Printer,
) -> Result<Vec<u8>, WriteError> {
    if !format.is_document() && lang != Lang::default() {
        return Err(WriteError::NoLanguage(format));
    }
    Ok(match format {
        ReportFormat::Text => text(report).into_bytes(),
        ReportFormat::Json => json(report).into_bytes(),
        ReportFormat::Csv => csv(report).into_bytes(),
        ReportFormat::Html | ReportFormat::Xlsx => print(&document(report, lang), format, &[], printer)?,
        ReportFormat::Pdf => print(&document(report, lang), format, &[as_data(report)], printer)?,
    })
}

/// A document as html, xlsx or pdf; only the last takes attachments.
///
/// # Errors
/// [`WriteError`]: a format that is no document's, or what the printer says.
pub fn print(
    document: &Document,
    format: ReportFormat,
    attachments: &[Attachment],
    printer: &Printer,
) -> Result<Vec<u8>, WriteError> {
    match format {
        ReportFormat::Html => Ok(html(document).into_bytes()),
        ReportFormat::Xlsx => Ok(xlsx(document)?),
        ReportFormat::Pdf => Ok(pdf(document, attachments, printer)?),
        ReportFormat::Text | ReportFormat::Json | ReportFormat::Csv => Err(WriteError::NoDocument(format)),
    }
}

/// A report over many facilities, as JSON or as a document.
///
/// # Errors
/// [`WriteError`], as [`write`], and for a format that knows no portfolio.
pub fn write_portfolio(
    portfolio: &Portfolio,
    format: ReportFormat,
    lang: Lang,
    printer: &Printer,
) -> Result<Vec<u8>, WriteError> {
    match format {
        ReportFormat::Json if lang != Lang::default() => Err(WriteError::NoLanguage(format)),
        ReportFormat::Json => Ok(portfolio::json(portfolio).into_bytes()),
        ReportFormat::Text | ReportFormat::Csv => Err(WriteError::NoData(format)),
        ReportFormat::Html | ReportFormat::Xlsx | ReportFormat::Pdf => {
            print(&portfolio::document(portfolio, lang), format, &[], printer)
        }
    }
}

/// The report for programs, as a PDF carries it.
pub fn as_data(report: &Report) -> Attachment {
    Attachment {
        name: "report.json".to_owned(),
        mime: ReportFormat::Json.content_type(),
        about: format!("{} {}", report.facility.name, report.period.text),
        bytes: json(report).into_bytes(),
    }
}
