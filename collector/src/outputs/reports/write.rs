//! A report in the form that was asked for.

use super::content::Report;
use super::document::{Banner, Block, Cell, Document, Fact, Lang, SHAPE, Section, Tone};
use super::format::ReportFormat;
use super::pdf::{Attachment, PrintError, Printer, pdf};
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
        ReportFormat::Html | ReportFormat::Xlsx => print(&laid_out(report, lang), format, &[], printer)?,
        ReportFormat::Pdf => print(&laid_out(report, lang), format, &[as_data(report)], printer)?,
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

/// The report for programs, as a PDF carries it.
pub fn as_data(report: &Report) -> Attachment {
    Attachment {
        name: "report.json".to_owned(),
        mime: ReportFormat::Json.content_type(),
        about: format!("{} {}", report.facility.name, report.period.text),
        bytes: json(report).into_bytes(),
    }
}

/// The report as people read it: the headline figure and its period.
fn laid_out(report: &Report, lang: Lang) -> Document {
    let (facility, period, pue) = (&report.facility, &report.period, &report.pue);
    let [time, zone, coverage] = match lang {
        Lang::En => ["Period", "Time zone", "Coverage"],
        Lang::Zh => ["统计周期", "时区", "数据覆盖率"],
    };
    let fact = |name: &str, is: String| Fact { name: name.to_owned(), is: Cell::text(is) };
    let facts = vec![
        fact(time, format!("{} – {}", period.from_local, period.to_local)),
        fact(zone, period.time_zone.to_owned()),
        fact(coverage, format!("{:.4} %", pue.coverage * 100.0)),
    ];
    let figure = pue.rounded.as_deref().unwrap_or(pue.status);
    Document {
        document: SHAPE,
        lang,
        title: facility.title.clone(),
        subtitle: format!("PUE · {} · {}", facility.name, period.text),
        mark: None,
        banners: vec![Banner {
            tone: Tone::Neutral,
            headline: format!("{} = {figure}", pue.notation),
            detail: format!("{:.2} %", pue.coverage * 100.0),
        }],
        sections: vec![Section {
            name: "period-and-boundary",
            title: time.to_owned(),
            blocks: vec![Block::Facts { facts }],
        }],
        foot: format!("{} · {} · {}", facility.name, period.text, report.versions.ledger_digest),
        made_at: report.versions.generated_at,
    }
}
