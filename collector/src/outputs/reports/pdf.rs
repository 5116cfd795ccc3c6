//! A document as PDF, by the program `wattledger-print`.
//!
//! Setting type takes a large library, which the collector does without: it is a program of its own, run for each
//! document. It is given JSON on standard input, `{"document": …, "attachments": [{"name", "mime", "about",
//! "base64"}]}`, and prints the PDF; where it cannot, it ends with 1 and says why on standard error.

use super::document::Document;
use crate::config::Reports;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// The name of the program.
const PROGRAM: &str = "wattledger-print";
/// A year of a large facility takes seconds; what takes longer than this will not end.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked whether the printer has ended.
const LOOK: Duration = Duration::from_millis(10);
/// After its end its last output is there at once, unless something else holds the pipe.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// A larger document is none.
const LARGEST: u64 = 256 << 20;
/// As much of the printer's complaint is repeated.
const LONGEST_COMPLAINT: u64 = 8 << 10;

/// How PDF is printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printer {
    /// The program; `None` to look beside our own and on `PATH`.
    pub program: Option<PathBuf>,
    /// Directories with fonts; none for those of the system.
    pub fonts: Vec<PathBuf>,
}

impl Printer {
    /// As the configuration has it.
    pub fn of(reports: &Reports) -> Printer {
        Printer {
            program: reports.printer.as_ref().map(|printer| printer.value.clone()),
            fonts: reports.fonts.iter().map(|folder| folder.value.clone()).collect(),
        }
    }

    /// The program that prints, where there is one.
    ///
    /// # Errors
    /// [`PrintError::NoProgram`], [`PrintError::NotFound`].
    pub fn program(&self) -> Result<PathBuf, PrintError> {
        let own = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
        let path = env::var_os("PATH").unwrap_or_default();
        // A relative entry would mean whatever lies where the collector was started.
        let places = own.into_iter().chain(env::split_paths(&path).filter(|place| place.is_absolute()));
        find(self.program.as_deref(), places)
    }
}

/// A file inside a PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub mime: &'static str,
    /// What it is, for people.
    pub about: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// The configured program is not there.
    #[error(
        "the printer of PDF, {0}, is not a program; build it with `cargo build --release -p wattledger-print`, or \
         mend `printer` under [reports]"
    )]
    NoProgram(PathBuf),
    /// No program was configured, and none was found.
    #[error(
        "there is no `wattledger-print`, which prints PDF, beside this program or on PATH; build it with `cargo build \
         --release -p wattledger-print` and put it beside `wattledger`, or say where it is with `printer` under \
         [reports]; html and xlsx need none"
    )]
    NotFound,
    /// The program cannot be run.
    #[error("cannot run the printer of PDF, {program}: {source}")]
    NotRun {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It did not end in time.
    #[error(
        "the printer of PDF, {program}, had not ended after {seconds} s and was killed; ask for a shorter period, or \
         for html or xlsx"
    )]
    TooSlow {
        /// The program.
        program: PathBuf,
        /// The time it had.
        seconds: f64,
    },
    /// It ended without a PDF and said why.
    #[error("the printer of PDF, {program}, did not print ({status}): {said}")]
    Refused {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// What it wrote is no PDF.
    #[error("the printer of PDF, {0}, wrote something else; is it the `wattledger-print` of this version?")]
    NoPdf(PathBuf),
}

/// What the printer is told of one paper. It needs nothing else, so it can be kept and printed later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job(Vec<u8>);

impl Job {
    /// The document, with the attachments inside.
    pub fn new(document: &Document, attachments: &[Attachment]) -> Job {
        let attached = |one: &Attachment| json!({ "name": one.name, "mime": one.mime, "about": one.about, "base64": STANDARD.encode(&one.bytes) });
        let attachments: Vec<_> = attachments.iter().map(attached).collect();
        Job(json!({ "document": document, "attachments": attachments }).to_string().into_bytes())
    }

    /// One that was kept.
    pub fn kept(bytes: Vec<u8>) -> Job {
        Job(bytes)
    }

    /// As it is kept.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The PDF. It waits for the printer, so it is not for threads that others wait for.
    ///
    /// # Errors
    /// [`PrintError`]: no printer, or what the printer says.
    pub fn print(&self, printer: &Printer) -> Result<Vec<u8>, PrintError> {
        print_within(&printer.program()?, &printer.fonts, self.0.clone(), LIMIT)
    }
}

/// The document as PDF, with the attachments inside.
///
/// It waits for the printer, so it is not for threads that others wait for.
///
/// # Errors
/// [`PrintError`]: no printer, or what the printer says.
pub fn pdf(
    document: &Document,
    attachments: &[Attachment],
    printer: &Printer,
) -> Result<Vec<u8>, PrintError> {
    Job::new(document, attachments).print(printer)
}

/// The configured program, or the first of its name in these places.
fn find(named: Option<&Path>, places: impl Iterator<Item = PathBuf>) -> Result<PathBuf, PrintError> {
    match named {
        Some(named) if is_program(named) => Ok(named.to_owned()),
        Some(named) => Err(PrintError::NoProgram(named.to_owned())),
        None => places.map(|place| place.join(PROGRAM)).find(|at| is_program(at)).ok_or(PrintError::NotFound),
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn print_within(
    program: &Path,
    fonts: &[PathBuf],
    job: Vec<u8>,
    limit: Duration,
) -> Result<Vec<u8>, PrintError> {
    let not_run = |source| PrintError::NotRun { program: program.to_owned(), source };
    let mut command = Command::new(program);
    for folder in fonts {
        command.arg("--fonts").arg(folder);
    }
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(not_run)?;
    let deadline = Instant::now() + limit;
    if let Some(mut input) = child.stdin.take() {
        // Dropped at the end, which tells the printer that this is all. One that does not read on says so itself.
        thread::spawn(move || drop(input.write_all(&job)));
    }
    let printed = child.stdout.take().map(|output| heard(output, LARGEST));
    let said = child.stderr.take().map(|output| heard(output, LONGEST_COMPLAINT));
    let Some(status) = ended(&mut child, deadline).map_err(not_run)? else {
        let seconds = limit.as_secs_f64();
        return Err(PrintError::TooSlow { program: program.to_owned(), seconds });
    };
    let all = |output: Option<Receiver<Vec<u8>>>| {
        output.and_then(|output| output.recv_timeout(LAST_WORDS).ok()).unwrap_or_default()
    };
    if !status.success() {
        let said = String::from_utf8_lossy(&all(said)).trim().to_owned();
        let said = if said.is_empty() { "it did not say why".to_owned() } else { said };
        return Err(PrintError::Refused { program: program.to_owned(), status, said });
    }
    let printed = all(printed);
    let is_whole = (printed.len() as u64) < LARGEST && printed.starts_with(b"%PDF-");
    if is_whole { Ok(printed) } else { Err(PrintError::NoPdf(program.to_owned())) }
}

/// Reads an output to its end, or up to so many bytes, on a thread of its own: a full pipe would stop the printer.
fn heard(output: impl Read + Send + 'static, most: u64) -> Receiver<Vec<u8>> {
    let (hand_over, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut output = output.take(most);
        // What was heard before an error is what was said.
        let _ = output.read_to_end(&mut bytes);
        // Nobody listens any more after the deadline.
        let _ = hand_over.send(bytes);
    });
    heard
}

/// How the printer ended; `None` where it had to be killed at the deadline.
fn ended(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::reports::document::Lang;
    use crate::outputs::reports::tests::sample::sample;
    use serde_json::Value;

    /// A program of the tests: one that is kept in the repository, since one that was only just written may not be
    /// run while another thread is starting something.
    fn program(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/outputs/reports/tests/printers").join(name)
    }

    fn printed_by(name: &str, limit: Duration) -> Result<Vec<u8>, PrintError> {
        let attachment = Attachment {
            name: "report.json".to_owned(),
            mime: "application/json",
            about: "the report".to_owned(),
            bytes: vec![0, 159, 146, 150],
        };
        let fonts = [PathBuf::from("/fonts/one"), PathBuf::from("/fonts/two")];
        let job = Job::new(&sample(Lang::Zh), &[attachment]);
        print_within(&program(name), &fonts, job.into_bytes(), limit)
    }

    #[test]
    fn the_printer_is_given_the_document_the_attachments_and_the_fonts() {
        let printed = printed_by("echo.sh", LIMIT).expect("printed");
        let text = String::from_utf8(printed).expect("as it was given");
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("%PDF-1.7"));
        assert_eq!(lines.next(), Some("--fonts /fonts/one --fonts /fonts/two"));
        let job: Value =
            serde_json::from_str(lines.next().expect("what was on standard input")).expect("JSON");
        assert_eq!(job["document"]["document"], "wattledger/document/v1");
        assert_eq!(job["document"]["title"], sample(Lang::Zh).title);
        assert_eq!(job["attachments"][0]["name"], "report.json");
        assert_eq!(job["attachments"][0]["base64"], "AJ+Slg==");
    }

    #[test]
    fn what_the_printer_says_is_in_the_error() {
        let error = printed_by("refuse.sh", LIMIT).expect_err("refused").to_string();
        assert!(error.contains("no font has the letters 电能"), "{error}");
        assert!(error.contains("install fonts-wqy-microhei"), "every line of it: {error}");
        assert!(error.contains("exit status: 1"), "{error}");
    }

    #[test]
    fn a_printer_that_hangs_is_killed() {
        let began = Instant::now();
        let error = printed_by("hang.sh", Duration::from_millis(300)).expect_err("killed");
        assert!(matches!(error, PrintError::TooSlow { .. }), "{error}");
        assert!(began.elapsed() < Duration::from_secs(20), "it sleeps for a minute");
    }

    #[test]
    fn what_is_no_pdf_is_not_handed_on() {
        let error = printed_by("chatter.sh", LIMIT).expect_err("no PDF");
        assert!(matches!(error, PrintError::NoPdf(_)), "{error}");
    }

    #[test]
    fn a_large_job_and_a_large_document_pass_without_either_side_waiting_for_the_other() {
        let mut document = sample(Lang::En);
        document.foot = "x".repeat(3 << 20);
        let printer = Printer { program: Some(program("echo.sh")), fonts: Vec::new() };
        let printed = pdf(&document, &[], &printer).expect("printed");
        assert!(printed.len() > 3 << 20, "{}", printed.len());
    }

    #[test]
    fn the_configured_program_goes_before_one_that_is_found() {
        let dir = tempfile::tempdir().expect("a directory");
        let beside = dir.path().join(PROGRAM);
        fs::copy(program("echo.sh"), &beside).expect("copied with its permissions");
        let places = || [PathBuf::from("/nowhere"), dir.path().to_owned()].into_iter();
        assert_eq!(find(None, places()).expect("found"), beside);
        let named = program("hang.sh");
        assert_eq!(find(Some(&named), places()).expect("there"), named);
        let missing = dir.path().join("missing");
        let error = find(Some(&missing), places()).expect_err("not there");
        assert!(error.to_string().contains("missing, is not a program"), "{error}");
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).expect("made a plain file");
        let error = find(None, places()).expect_err("no program").to_string();
        assert!(error.contains("cargo build --release -p wattledger-print"), "{error}");
    }
}
