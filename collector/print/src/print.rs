//! From a request to the bytes of a PDF.
//!
//! The PDF is of the archival kind PDF/A-3a: fonts and colours are in it, its structure is tagged for who listens to
//! it, and files may be attached. Its date is that of the document, so the same document and the same fonts give the
//! same bytes.

use crate::fonts::{Fonts, HOW_TO_GET};
use crate::glyphs;
use crate::paper::Paper;
use crate::request::Request;
use crate::view;
use chrono::{DateTime, Datelike, Timelike, Utc};
use typst::diag::{SourceDiagnostic, Warned};
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

/// Why a document was not printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrintError {
    #[error("no font of {place} has {signs}: {HOW_TO_GET}")]
    Glyphs { place: String, signs: String },
    #[error("the document cannot be set: {0}")]
    Set(String),
    #[error("the PDF cannot be made: {0}")]
    Pdf(String),
}

/// What was printed.
pub(crate) struct Printed {
    /// The bytes of the PDF.
    pub(crate) pdf: Vec<u8>,
    /// What the typesetter remarked, where it remarked anything.
    pub(crate) remarks: Option<String>,
}

/// Prints a document with what is attached to it.
pub(crate) fn print(request: &Request, fonts: Fonts) -> Result<Printed, PrintError> {
    let (document, remarks) = set(request, fonts)?;
    let options = options(&request.document.at)?;
    let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| PrintError::Pdf(told(&errors)))?;
    Ok(Printed { pdf, remarks })
}

/// The pages of a document, none with a sign that no font has, and what the typesetter remarked.
fn set(request: &Request, fonts: Fonts) -> Result<(PagedDocument, Option<String>), PrintError> {
    let inputs = view::of(request, &fonts);
    let place = fonts.place.clone();
    let Warned { output, warnings } = typst::compile::<PagedDocument>(&Paper::new(inputs, fonts));
    let document = output.map_err(|errors| PrintError::Set(told(&errors)))?;
    let missing = glyphs::missing(&document);
    if !missing.is_empty() {
        return Err(PrintError::Glyphs { place, signs: glyphs::named(&missing) });
    }
    Ok((document, (!warnings.is_empty()).then(|| told(&warnings))))
}

fn options(at: &DateTime<Utc>) -> Result<PdfOptions, PrintError> {
    let standards =
        PdfStandards::new(&[PdfStandard::A_3a]).map_err(|error| PrintError::Pdf(format!("{error:?}")))?;
    Ok(PdfOptions {
        creator: Smart::Custom(Some(concat!("wattledger-print ", env!("CARGO_PKG_VERSION")).to_owned())),
        timestamp: datetime(at).map(Timestamp::new_utc),
        standards,
        ..PdfOptions::default()
    })
}

fn datetime(at: &DateTime<Utc>) -> Option<Datetime> {
    let small = |number: u32| u8::try_from(number).ok();
    Datetime::from_ymd_hms(
        at.year(),
        small(at.month())?,
        small(at.day())?,
        small(at.hour())?,
        small(at.minute())?,
        small(at.second())?,
    )
}

/// What the typesetter complains of, in a line.
fn told(errors: &[SourceDiagnostic]) -> String {
    let texts = errors.iter().map(|error| {
        let hints: String = error.hints.iter().map(|hint| format!(" ({})", hint.v)).collect();
        format!("{}{hints}", error.message)
    });
    texts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
