//! Scheduled reports from the calendar to the folder and to the reader's mailbox.

mod due;
mod folder;
mod kept;
mod killed;
mod mailed;
mod unprinted;

use super::due::Known;
use super::keep::{Keeper, Waits};
use super::maker::{Due, Made, MakeError, Maker, Unmade, Upcoming};
use super::record::{self, Entry};
use crate::admin::ReportFormat;
use crate::config::{About, CollectorConfig};
use crate::outputs::remembered;
use crate::outputs::reports::document::Lang;
use crate::store::Layout;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use wattledger_model::calendar::Tz;
use wattledger_model::time::Timestamp;

const QUICK: Waits = Waits {
    look: Duration::from_millis(10),
    first: Duration::from_millis(5),
    cap: Duration::from_millis(20),
    hold: Duration::from_secs(3_600),
    answer: Duration::from_secs(2),
};

const HALL: &str = "
[collector]
name = \"campus\"
data_dir = \"unused\"
[link]
broker = \"mqtt://127.0.0.1:1883\"
[[site]]
name = \"hall\"
time_zone = \"UTC\"
[[facility]]
name = \"hall-1\"
site = \"hall\"
[[meter]]
name = \"in\"
facility = \"hall-1\"
role = \"utility\"
kind = \"register\"
unit = \"kWh\"
[[meter]]
name = \"it\"
facility = \"hall-1\"
role = \"ups-output\"
kind = \"register\"
unit = \"kWh\"
";
const MONTHLY: &str = "[[report]]\nname = \"monthly\"\nfacility = \"hall-1\"\nevery = \"month\"\n\
                       formats = [\"text\", \"json\"]\nlang = [\"zh\", \"en\"]\n";

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a time")
}

/// Long before everything here.
fn started() -> Timestamp {
    at("2024-01-01T00:00:00Z")
}

/// Prints files that say what they are, and fails when it is told to.
#[derive(Default)]
struct Press {
    /// Why it fails, while it does.
    fails: Mutex<Option<String>>,
    /// Why it prints no PDF, while it does not.
    no_printer: Mutex<Option<String>>,
    /// Whether everything is too large for a workbook.
    too_large: bool,
    /// Whether making a report ends the collector.
    ends: Mutex<bool>,
    /// Whether it can issue.
    issues: bool,
    /// What was asked of it: `issue`, or the formats and languages, and of which period.
    asked: Mutex<Vec<String>>,
}

impl Press {
    fn fail(&self, why: Option<&str>) {
        *self.fails.lock().expect("no panic") = why.map(str::to_owned);
    }

    fn take_printer(&self, why: Option<&str>) {
        *self.no_printer.lock().expect("no panic") = why.map(str::to_owned);
    }

    /// What a paper comes to: whatever its job says.
    fn pdf(&self, job: Vec<u8>) -> Result<Vec<u8>, Unmade> {
        match &*self.no_printer.lock().expect("no panic") {
            Some(why) => Err(Unmade { why: why.clone(), job: Some(job) }),
            None => Ok(job),
        }
    }

    fn note(&self, what: String) -> Result<(), MakeError> {
        self.asked.lock().expect("no panic").push(what);
        match &*self.fails.lock().expect("no panic") {
            Some(why) => Err(MakeError(why.clone())),
            None => Ok(()),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl Maker for Press {
    fn known(&self, _about: &About) -> Result<Vec<Known>, MakeError> {
        // Known up to the end of 2026 and beyond: the clock decides.
        let (horizon, first) = (at("2030-01-01T00:00:00Z"), at("2025-01-01T00:00:00Z"));
        Ok(vec![Known { zone: Tz::UTC, horizon: Some(horizon.minute()), first: Some(first.minute()) }])
    }

    fn make(&self, due: &Due, wanted: &[(ReportFormat, Lang)]) -> Result<Vec<Made>, MakeError> {
        let formats: Vec<&str> = wanted.iter().map(|(format, _)| format.word()).collect();
        self.note(format!("{} {}", due.period, formats.join(" ")))?;
        assert!(!*self.ends.lock().expect("no panic"), "killed");
        let print = |&(format, lang): &(ReportFormat, Lang)| {
            let bytes = format!("{} {} {} of {:?}\n", due.report, due.period, format.word(), due.issued);
            let bytes = bytes.into_bytes();
            let content = match format {
                ReportFormat::Pdf => self.pdf(bytes),
                ReportFormat::Xlsx if self.too_large => {
                    Err(Unmade { why: "it has too many rows".to_owned(), job: None })
                }
                _ => Ok(bytes),
            };
            Made { file_name: due.file_name(format, lang), content }
        };
        Ok(wanted.iter().map(print).collect())
    }

    fn print(&self, job: Vec<u8>) -> Result<Vec<u8>, MakeError> {
        self.note(format!("print {}", String::from_utf8_lossy(&job).trim_end()))?;
        self.pdf(job).map_err(|unmade| MakeError(unmade.why))
    }

    fn issue(&self, due: &Due) -> Result<String, MakeError> {
        self.note(format!("frozen {}", due.period))?;
        if self.issues { Ok(format!("hall-1_{}_1", due.period)) } else { Err(MakeError("no key".to_owned())) }
    }
}

/// A collector's directory with schedules.
struct Place {
    dir: TempDir,
    layout: Layout,
    config: CollectorConfig,
    press: Arc<Press>,
}

impl Place {
    fn new(tables: &str) -> Place {
        Place::with(tables, Press::default())
    }

    fn with(tables: &str, press: Press) -> Place {
        let config = CollectorConfig::parse("c.toml", &format!("{HALL}{tables}"))
            .unwrap_or_else(|problems| panic!("{problems}"));
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path());
        Place { dir, layout, config, press: Arc::new(press) }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("reports")
    }

    fn connection(&self) -> Connection {
        remembered::open(&self.layout).expect("the outputs' file")
    }

    fn keeper(&self) -> Keeper {
        let maker: Arc<dyn Maker> = Arc::<Press>::clone(&self.press);
        let reports = self.config.scheduled.clone();
        Keeper::new(reports, self.folder(), maker, self.connection(), started(), QUICK)
    }

    fn round(&self, now: &str) -> Vec<Upcoming> {
        self.keeper().round(at(now), &|| false)
    }

    fn entry(&self, period: &str) -> Option<Entry> {
        record::entry(&self.connection(), "monthly", period).expect("a record")
    }

    /// The names of everything in the folder, sorted.
    fn files(&self) -> Vec<String> {
        Place::listed(&self.folder())
    }

    /// What is kept for the printer.
    fn unprinted(&self) -> Vec<String> {
        Place::listed(&self.folder().join(".unprinted"))
    }

    fn listed(folder: &Path) -> Vec<String> {
        let Ok(listed) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut names: Vec<String> =
            listed.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}
