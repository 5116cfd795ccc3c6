//! In which form a report is handed over.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    /// For reading on a terminal.
    Text,
    /// For programs: all of the report.
    Json,
    /// For programs and spreadsheets: its figures, one a row.
    Csv,
    /// For a browser: one file.
    Html,
    /// A workbook.
    Xlsx,
    /// For paper, with the report as JSON inside.
    Pdf,
}

impl ReportFormat {
    /// Every format.
    pub const ALL: [ReportFormat; 6] = [
        ReportFormat::Text,
        ReportFormat::Json,
        ReportFormat::Csv,
        ReportFormat::Html,
        ReportFormat::Xlsx,
        ReportFormat::Pdf,
    ];

    /// The word on the command line and in the route.
    pub const fn word(self) -> &'static str {
        match self {
            ReportFormat::Text => "text",
            ReportFormat::Json => "json",
            ReportFormat::Csv => "csv",
            ReportFormat::Html => "html",
            ReportFormat::Xlsx => "xlsx",
            ReportFormat::Pdf => "pdf",
        }
    }

    /// The ending of a file's name, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            ReportFormat::Text => "txt",
            named => named.word(),
        }
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            ReportFormat::Text => "text/plain; charset=utf-8",
            ReportFormat::Json => "application/json",
            ReportFormat::Csv => "text/csv; charset=utf-8",
            ReportFormat::Html => "text/html; charset=utf-8",
            ReportFormat::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ReportFormat::Pdf => "application/pdf",
        }
    }

    /// Whether it is a laid out document, and so in a language.
    pub const fn is_document(self) -> bool {
        matches!(self, ReportFormat::Html | ReportFormat::Xlsx | ReportFormat::Pdf)
    }

    /// Whether a terminal cannot show it.
    pub const fn is_binary(self) -> bool {
        matches!(self, ReportFormat::Xlsx | ReportFormat::Pdf)
    }
}

impl FromStr for ReportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportFormat, String> {
        let found = ReportFormat::ALL.into_iter().find(|format| format.word() == text);
        found
            .ok_or_else(|| format!("`{text}` is not a report format; use text, json, csv, html, xlsx or pdf"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_found_by_its_word_and_the_others_are_named_where_none_is() {
        for format in ReportFormat::ALL {
            assert_eq!(format.word().parse(), Ok(format));
        }
        let refused = "docx".parse::<ReportFormat>().expect_err("no such format");
        assert!(ReportFormat::ALL.iter().all(|format| refused.contains(format.word())), "{refused}");
    }
}
