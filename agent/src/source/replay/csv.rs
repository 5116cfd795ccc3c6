//! Rows of a CSV file, one line each; fields may stand in double quotes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line that is believed to be one.
const LINE_BYTES: u64 = 1 << 20;

/// A file of rows, read as they are asked for.
#[derive(Debug)]
pub(super) struct Rows {
    lines: BufReader<File>,
    separator: char,
    line: u64,
}

/// One row, with the number of its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) text: String,
    pub(super) fields: Vec<String>,
}

impl Rows {
    /// Opens a file; `.tsv` is separated by tabs, everything else by commas.
    pub(super) fn open(path: &Path) -> io::Result<Rows> {
        let separator = if path.extension().is_some_and(|end| end == "tsv") { '\t' } else { ',' };
        Ok(Rows { lines: BufReader::new(File::open(path)?), separator, line: 0 })
    }

    /// The next row that is not empty; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            let mut bytes = Vec::new();
            let read = self.lines.by_ref().take(LINE_BYTES).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if read as u64 == LINE_BYTES && bytes.last() != Some(&b'\n') {
                return Err(io::Error::other(format!(
                    "line {} is longer than {LINE_BYTES} bytes",
                    self.line
                )));
            }
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
            if !text.trim().is_empty() {
                let fields = fields(text, self.separator);
                return Ok(Some(Row { line: self.line, text: text.to_owned(), fields }));
            }
        }
    }
}

fn fields(line: &str, separator: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                push(&mut fields, '"');
            }
            '"' => quoted = !quoted,
            c if c == separator && !quoted => fields.push(String::new()),
            c => push(&mut fields, c),
        }
    }
    for field in &mut fields {
        *field = field.trim().to_owned();
    }
    fields
}

fn push(fields: &mut [String], c: char) {
    if let Some(field) = fields.last_mut() {
        field.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_separated_and_quotes_taken_off() {
        assert_eq!(fields(r#"a, b ,"c,""d""",,"#, ','), ["a", "b", "c,\"d\"", "", ""]);
        assert_eq!(fields("a\tb,c", '\t'), ["a", "b,c"]);
    }

    #[test]
    fn empty_lines_marks_and_endings_are_passed_over() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("x.csv");
        std::fs::write(&path, "\u{feff}time,v\r\n\r\n1,2").expect("disk");
        let mut rows = Rows::open(&path).expect("there");
        assert_eq!(rows.next().expect("readable").expect("row").fields, ["time", "v"]);
        let row = rows.next().expect("readable").expect("row");
        assert_eq!((row.line, row.text.as_str()), (3, "1,2"));
        assert_eq!(rows.next().expect("readable"), None);
    }
}
