//! A writer before a database that a test plays.

use super::super::InfluxStatus;
use super::super::cursor::Keeper;
use super::super::database::Database;
use super::super::line::Batch;
use super::super::refused::Refused;
use super::super::round::Round;
use super::super::write::{Pace, Writer};
use super::plant;
use crate::config::InfluxOutput;
use crate::store::Layout;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

pub(super) const V1: &str = "api = \"v1\"\ndatabase = \"wl\"\n";

/// Waits that are short enough for tests.
pub(super) const SHORT: Pace = {
    let short = Duration::from_millis(20);
    Pace { first: short, longest: short, mended: short }
};

/// An output as a configuration has it; `api` are its lines after the address.
pub(super) fn output(url: &str, api: &str) -> InfluxOutput {
    let text = format!("[[output.influx]]\nname = \"main\"\nurl = \"{url}\"\n{api}");
    plant::config(&text).influx.remove(0)
}

pub(super) struct Stage {
    pub(super) writer: Arc<Writer>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) status: watch::Receiver<InfluxStatus>,
    folder: TempDir,
}

impl Stage {
    pub(super) fn new(url: &str, api: &str) -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(folder.path());
        let (status_sender, status) = watch::channel(InfluxStatus::default());
        let (stop, stopped) = watch::channel(false);
        let output = output(url, api);
        let writer = Arc::new(Writer {
            output: "main".to_owned(),
            database: Arc::new(Database::new(&output).expect("an address")),
            pace: SHORT,
            keeper: Arc::new(Mutex::new(Keeper::open(&layout, "main").expect("opens"))),
            refused: Mutex::new(Refused::new(&layout, "main")),
            status: status_sender,
            stop: stopped,
            wake: watch::channel(3).1,
            delivered: AtomicBool::new(false),
            seeds: AtomicU64::new(7),
            told: AtomicBool::new(false),
            not_finite: AtomicU64::new(0),
            requests: output.sending.requests,
            limit: AtomicUsize::new(usize::MAX),
            trouble: tokio::sync::Mutex::new(()),
        });
        Stage { writer, stop, status, folder }
    }

    /// The file of lines that were refused.
    pub(super) fn refused(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("influx-refused-main.txt")).unwrap_or_default()
    }
}

/// Lines of one series, a millisecond apart, whose value is their time.
pub(super) fn lines(range: std::ops::Range<usize>) -> Batch {
    let text: String =
        range.clone().map(|at| format!("wl_meter,meter=m,site=s amount={at} {at}\n")).collect();
    Batch { text: text.into_bytes(), lines: range.len() }
}

pub(super) fn round(batches: Vec<Batch>) -> Round {
    Round { batches, cursor: Some("{}".to_owned()), change: 3, head: 3, caught_up: true, ..Round::default() }
}
