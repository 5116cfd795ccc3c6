//! What is asked for: a document as the collector lays it out, and files to be put into the PDF.
//!
//! Whatever this printer does not know is refused, not left out: a paper must not say less than its document.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeSet;

/// The shape of documents that are printed.
pub(crate) const SHAPE: &str = "wattledger/document/v1";

/// Why a request cannot be printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("standard input is not JSON: {0}; {{\"document\": ..., \"attachments\": [...]}} is expected")]
    Json(#[source] serde_json::Error),
    #[error("the document is of shape {found}, this printer prints \"{SHAPE}\": {RELEASE}")]
    Shape { found: String },
    #[error("the document is not as \"{SHAPE}\" has it: {why}; {RELEASE}")]
    Content { why: String },
    #[error("row {row} of table `{table}` has {cells} cells for {columns} columns")]
    Row { table: String, row: usize, cells: usize, columns: usize },
    #[error("`made_at` is `{text}`, which is no RFC 3339 time: {why}")]
    Time { text: String, why: chrono::ParseError },
    #[error("the bytes of attachment `{name}` are not base64: {why}")]
    Bytes { name: String, why: base64::DecodeError },
    #[error("`{name}` cannot name an attachment: a plain file name is expected, and each once")]
    Name { name: String },
}

/// What mends a document of another release.
const RELEASE: &str = "use the wattledger-print of the same release as the collector";

/// What is to be printed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The document.
    pub(crate) document: Document,
    /// Files that the PDF carries.
    #[serde(default)]
    pub(crate) attachments: Vec<Attachment>,
}

/// A file that the PDF carries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attachment {
    /// Its name, without a folder.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) mime: String,
    /// What it is, for people.
    pub(crate) about: String,
    /// Its bytes.
    pub(crate) base64: String,
    /// Its bytes, once read.
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

/// A document, in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// [`SHAPE`], compared before the rest is read.
    #[serde(rename = "document")]
    _shape: IgnoredAny,
    pub(crate) lang: Lang,
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) mark: Option<String>,
    pub(crate) banners: Vec<Banner>,
    pub(crate) sections: Vec<Section>,
    pub(crate) foot: String,
    made_at: String,
    /// `made_at`, once read.
    #[serde(skip)]
    pub(crate) at: DateTime<Utc>,
}

/// The language of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lang {
    En,
    Zh,
}

/// How something is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tone {
    Neutral,
    Good,
    Caution,
    Bad,
}

/// A statement that is seen before all else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Banner {
    pub(crate) tone: Tone,
    pub(crate) headline: String,
    pub(crate) detail: String,
}

/// One part of a document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// Something in a section.
#[derive(Debug, Deserialize)]
#[serde(tag = "block", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Block {
    Paragraph { text: String },
    Note { tone: Tone, text: String },
    Facts { facts: Vec<Fact> },
    Table(Table),
    Chart(Chart),
}

/// A name with what it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) is: Cell,
}

/// Rows under headings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    pub(crate) note: Option<String>,
}

/// A column of a table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    pub(crate) heading: String,
    pub(crate) unit: Option<String>,
    pub(crate) right: bool,
    pub(crate) width: u8,
}

/// One cell. What a workbook computes with is not printed.
#[derive(Debug, Deserialize)]
#[serde(tag = "cell", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Cell {
    Empty,
    Text {
        shown: String,
    },
    Number {
        #[serde(rename = "value")]
        _value: IgnoredAny,
        shown: String,
    },
    Share {
        #[serde(rename = "value")]
        _value: IgnoredAny,
        shown: String,
    },
    Instant {
        #[serde(rename = "at")]
        _at: IgnoredAny,
        shown: String,
    },
    Told {
        tone: Tone,
        shown: String,
    },
}

/// A drawing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chart {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) alt: String,
    pub(crate) svg: String,
    pub(crate) note: Option<String>,
}

/// Reads a request, and refuses what cannot be printed whole.
pub(crate) fn read(text: &[u8]) -> Result<Request, RequestError> {
    let value: serde_json::Value = serde_json::from_slice(text).map_err(RequestError::Json)?;
    let shape = value.get("document").and_then(|document| document.get("document"));
    if shape.and_then(serde_json::Value::as_str) != Some(SHAPE) {
        let found = shape.map_or_else(|| "unknown".to_owned(), ToString::to_string);
        return Err(RequestError::Shape { found });
    }
    let mut request: Request =
        serde_json::from_value(value).map_err(|error| RequestError::Content { why: error.to_string() })?;
    request.document.at = instant(&request.document.made_at)?;
    check_rows(&request.document)?;
    read_attachments(&mut request.attachments)?;
    Ok(request)
}

fn instant(text: &str) -> Result<DateTime<Utc>, RequestError> {
    let read = DateTime::parse_from_rfc3339(text);
    read.map(|at| at.to_utc()).map_err(|why| RequestError::Time { text: text.to_owned(), why })
}

/// A cell too many or too few would shift all that follow under the wrong headings.
fn check_rows(document: &Document) -> Result<(), RequestError> {
    for block in document.sections.iter().flat_map(|section| &section.blocks) {
        let Block::Table(table) = block else { continue };
        let columns = table.columns.len();
        if columns == 0 {
            return Err(RequestError::Content { why: format!("table `{}` has no columns", table.name) });
        }
        if let Some(row) = table.rows.iter().position(|row| row.len() != columns) {
            let (table, cells) = (table.name.clone(), table.rows[row].len());
            return Err(RequestError::Row { table, row: row + 1, cells, columns });
        }
    }
    Ok(())
}

fn read_attachments(attachments: &mut [Attachment]) -> Result<(), RequestError> {
    let mut names = BTreeSet::new();
    for attachment in attachments {
        let name = attachment.name.clone();
        let plain = !name.is_empty()
            && name != "."
            && name != ".."
            && !name.contains(|letter: char| letter.is_control() || matches!(letter, '/' | '\\'));
        if !plain || !names.insert(name.clone()) {
            return Err(RequestError::Name { name });
        }
        let text = std::mem::take(&mut attachment.base64);
        attachment.bytes = BASE64_STANDARD.decode(text).map_err(|why| RequestError::Bytes { name, why })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::document;
    use serde_json::{Value, json};

    fn refused(request: &Value) -> String {
        match read(request.to_string().as_bytes()) {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_not_json_is_refused_with_the_place() {
        let error = read(b"{\"document\": ").expect_err("it is cut off").to_string();
        assert!(error.starts_with("standard input is not JSON") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn another_shape_is_refused_before_anything_else_of_it_is_read() {
        let error = refused(&json!({"document": {"document": "wattledger/document/v2", "pages": 3}}));
        assert!(error.contains("wattledger/document/v2") && error.contains("same release"), "{error}");
        assert!(refused(&json!({"paper": 1})).contains("unknown"));
    }

    #[test]
    fn what_this_printer_does_not_know_is_refused_and_not_left_out() {
        let mut request = json!({"document": document(Lang::En, vec![])});
        request["document"]["appendix"] = json!("more");
        assert!(refused(&request).contains("unknown field `appendix`"), "{}", refused(&request));
        for block in [
            json!({"block": "map", "text": "x"}),
            json!({"block": "paragraph", "text": "x", "footnote": "y"}),
            json!({"block": "facts", "facts": [{"name": "a", "is": {"cell": "picture", "shown": "x"}}]}),
        ] {
            let error = refused(&json!({"document": document(Lang::En, vec![block])}));
            assert!(error.contains("unknown") && error.contains("same release"), "{error}");
        }
    }

    #[test]
    fn a_row_that_does_not_fit_its_columns_is_refused_by_name() {
        let table = json!({
            "block": "table", "name": "monthly", "title": "", "note": null,
            "columns": [
                {"heading": "a", "unit": null, "right": false, "width": 1},
                {"heading": "b", "unit": "kWh", "right": true, "width": 1},
            ],
            "rows": [[{"cell": "empty"}, {"cell": "empty"}], [{"cell": "empty"}]],
        });
        let error = refused(&json!({"document": document(Lang::En, vec![table])}));
        assert_eq!(error, "row 2 of table `monthly` has 1 cells for 2 columns");
    }

    #[test]
    fn numbers_are_read_however_json_writes_them() {
        let cells: Vec<Value> = ["1", "-2.5", "1.25e-7", "18446744073709551615", "1e30"]
            .iter()
            .map(|text| {
                let value: Value = serde_json::from_str(text).expect("a number");
                json!({"name": "n", "is": {"cell": "number", "value": value, "shown": text}})
            })
            .collect();
        let request =
            json!({"document": document(Lang::En, vec![json!({"block": "facts", "facts": cells})])});
        let read = read(request.to_string().as_bytes()).expect("it is a document");
        let Block::Facts { facts } = &read.document.sections[0].blocks[0] else { panic!("facts") };
        let Cell::Number { shown, .. } = &facts[2].is else { panic!("a number") };
        assert_eq!(shown, "1.25e-7");
    }

    #[test]
    fn attachments_are_plain_names_each_once_with_base64() {
        let with =
            |attachments: Value| json!({"document": document(Lang::En, vec![]), "attachments": attachments});
        let file =
            |name: &str, base64: &str| json!({"name": name, "mime": "a/b", "about": "c", "base64": base64});
        let taken =
            read(with(json!([file("report.json", "e30=")])).to_string().as_bytes()).expect("it is right");
        assert_eq!(taken.attachments[0].bytes, b"{}");
        for name in ["", "..", "a/b.json", "a\\b.json", "a\nb"] {
            assert!(refused(&with(json!([file(name, "")]))).contains("plain file name"), "{name:?}");
        }
        assert!(refused(&with(json!([file("a", ""), file("a", "")]))).contains("each once"));
        assert!(refused(&with(json!([file("a", "not base64!")]))).contains("attachment `a`"));
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        let mut request = json!({"document": document(Lang::En, vec![])});
        request["document"]["made_at"] = json!("yesterday");
        assert!(refused(&request).contains("`yesterday`"), "{}", refused(&request));
    }
}
