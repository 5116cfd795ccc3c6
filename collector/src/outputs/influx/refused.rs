//! Lines that a database will never take: counted, told once a cause, and kept in a bounded file.

use super::line::Batch;
use crate::store::Layout;
use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// The file is not made longer than this.
const FILE_BYTES: u64 = 1 << 20;
/// Causes that are told apart.
const CAUSES: usize = 100;

/// Keeps what was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    path: PathBuf,
    output: String,
    causes: HashSet<String>,
}

impl Refused {
    pub(crate) fn new(layout: &Layout, output: &str) -> Refused {
        let path = layout.dir.join(format!("influx-refused-{output}.txt"));
        Refused { path, output: output.to_owned(), causes: HashSet::new() }
    }

    /// Notes lines that were refused.
    pub(crate) fn note(&mut self, batch: &Batch, why: &str) {
        // The same cause with other numbers and names is the same cause.
        let cause: String = why.chars().filter(|c| !c.is_ascii_digit()).take(60).collect();
        if self.causes.len() < CAUSES && self.causes.insert(cause) {
            let line = batch.text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            tracing::error!(
                output = %self.output,
                why,
                line = %String::from_utf8_lossy(line),
                file = %self.path.display(),
                "the database refuses a line for good; it is kept in the file, and the next ones of this cause are only counted"
            );
        }
        if let Err(error) = self.append(batch, why) {
            tracing::debug!(%error, "refused lines could not be kept");
        }
    }

    fn append(&self, batch: &Batch, why: &str) -> std::io::Result<()> {
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        let room = FILE_BYTES.saturating_sub(file.metadata()?.len()) as usize;
        let mut text = format!("# {why}\n").into_bytes();
        // Whole lines only.
        text.extend_from_slice(&batch.text);
        if text.len() > room {
            let end = text[..room].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            text.truncate(end);
        }
        file.write_all(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_bounded_and_holds_whole_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut refused = Refused::new(&Layout::new(folder.path()), "main");
        let line = "wl_meter,meter=m,site=s amount=1 60000\n";
        let batch = Batch { text: line.repeat(1_000).into_bytes(), lines: 1_000 };
        for _ in 0..40 {
            refused.note(&batch, "field type conflict");
        }
        let kept = std::fs::read_to_string(folder.path().join("influx-refused-main.txt")).expect("a file");
        assert!(kept.starts_with("# field type conflict\nwl_meter") && kept.ends_with('\n'));
        assert!(kept.len() as u64 <= FILE_BYTES && kept.len() > 1_000_000);
        assert_eq!(refused.causes.len(), 1);
    }
}
