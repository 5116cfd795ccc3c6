//! `wattledger-print`: a document of `wattledger/document/v1` on standard input, a PDF on standard output.
//!
//! It stands alone, so that a typesetter's fifty megabytes stay out of the collector, and knows nothing of the
//! ledger: what a reader is to see has been decided where the document was laid out. It reads fonts and its
//! standard input, and no other file, and opens no connection.

mod fonts;
mod glyphs;
mod paper;
mod print;
mod request;
#[cfg(test)]
mod samples;
mod view;
mod words;

use clap::Parser;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints a document of Wattledger as PDF: JSON on standard input, PDF on standard output.
///
/// The collector runs it for `wattledger report --format pdf`. Exit codes: 0 printed, 1 not printed (standard
/// error says why, and what mends it), 2 called wrongly.
#[derive(Debug, Parser)]
#[command(name = "wattledger-print", version, about, long_about)]
struct Arguments {
    /// Takes fonts from this directory and those in it, and from no other; may be given several times.
    /// Without it, fonts are those of the system.
    #[arg(long, value_name = "DIR")]
    fonts: Vec<PathBuf>,
}

/// Why nothing was printed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("standard input is a terminal, and a document is expected: wattledger-print < document.json")]
    NothingToRead,
    #[error(
        "standard output is a terminal, and a PDF is not for reading there: wattledger-print > report.pdf"
    )]
    NowhereToWrite,
    #[error("standard input cannot be read: {0}")]
    Read(#[source] io::Error),
    #[error(transparent)]
    Request(#[from] request::RequestError),
    #[error(transparent)]
    Fonts(#[from] fonts::FontsError),
    #[error(transparent)]
    Print(#[from] print::PrintError),
    #[error("the PDF cannot be written to standard output: {0}")]
    Write(#[source] io::Error),
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        return Err(Failure::NothingToRead);
    }
    if io::stdout().is_terminal() {
        return Err(Failure::NowhereToWrite);
    }
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text).map_err(Failure::Read)?;
    let request = request::read(&text)?;
    drop(text);
    let fonts = fonts::load(&arguments.fonts)?;
    let print::Printed { pdf, remarks } = print::print(&request, fonts)?;
    if let Some(remarks) = remarks {
        eprintln!("wattledger-print: printed, with a remark: {remarks}");
    }
    let mut out = io::stdout().lock();
    out.write_all(&pdf).and_then(|()| out.flush()).map_err(Failure::Write)
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("wattledger-print: {failure}");
            ExitCode::FAILURE
        }
    }
}
