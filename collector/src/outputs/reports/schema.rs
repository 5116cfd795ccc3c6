//! How what is handed over to programs is described: JSON Schemas (draft 2020-12), and the columns of the CSV.
//!
//! They are part of the program, so that each version hands out its own. Within a version of a shape fields are only
//! added, and never required; what is renamed, removed or given another meaning makes a new version. Tests hold them
//! against what is printed, and against documents with anything more, less or other in them.

use std::str::FromStr;

/// A description of something that is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schema {
    /// A report as JSON: `wattledger/report/v2`.
    Report,
    /// A report over many facilities as JSON: `wattledger/portfolio/v1`.
    Portfolio,
    /// The statement of an issued report: `wattledger/issue/v1`.
    Issued,
    /// The manifest of a bundle of evidence: `wattledger/evidence/v1`.
    Evidence,
    /// A laid out document, as a printer of PDF is given it: `wattledger/document/v1`.
    Document,
    /// The columns of a report as CSV, in Markdown.
    Csv,
}

impl Schema {
    /// Every description.
    pub const ALL: [Schema; 6] =
        [Schema::Report, Schema::Portfolio, Schema::Issued, Schema::Evidence, Schema::Document, Schema::Csv];

    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Schema::Report => "report",
            Schema::Portfolio => "portfolio",
            Schema::Issued => "issued",
            Schema::Evidence => "evidence",
            Schema::Document => "document",
            Schema::Csv => "csv",
        }
    }

    /// The description: JSON, but of the CSV Markdown.
    pub const fn text(self) -> &'static str {
        match self {
            Schema::Report => include_str!("schema/report.v2.schema.json"),
            Schema::Portfolio => include_str!("schema/portfolio.v1.schema.json"),
            Schema::Issued => include_str!("schema/issued.v1.schema.json"),
            Schema::Evidence => include_str!("schema/evidence.v1.schema.json"),
            Schema::Document => include_str!("schema/document.v1.schema.json"),
            Schema::Csv => include_str!("schema/report.csv.md"),
        }
    }
}

impl FromStr for Schema {
    type Err = String;

    fn from_str(text: &str) -> Result<Schema, String> {
        Schema::ALL.into_iter().find(|schema| schema.word() == text).ok_or_else(|| {
            let words: Vec<&str> = Schema::ALL.iter().map(|schema| schema.word()).collect();
            format!("nothing is described by the name `{text}`; there are {}", words.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_word_and_the_others_are_named_where_none_is() {
        for schema in Schema::ALL {
            assert_eq!(schema.word().parse(), Ok(schema));
        }
        let refused = "xlsx".parse::<Schema>().expect_err("a workbook has none");
        assert!(Schema::ALL.iter().all(|schema| refused.contains(schema.word())), "{refused}");
    }
}
