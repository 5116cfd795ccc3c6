//! What the printer was not there for. What it is to be told is kept beside the files, so that what is printed later says
//! what the rest of its report said, whatever came since.

use super::folder;
use super::keep::{Keeper, NotMade};
use super::record::{self, Entry, KeptFile, LetterState, Missing, RecordError, State};
use crate::config::ScheduledReport;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::path::{Path, PathBuf};
use wattledger_model::time::Timestamp;

/// Where it is kept, in the folder of reports.
const FOLDER: &str = ".unprinted";

pub(super) fn folder(reports: &Path) -> PathBuf {
    reports.join(FOLDER)
}

/// What is kept for a file.
pub(super) fn job_name(file: &str) -> String {
    format!("{file}.json")
}

impl Keeper {
    /// Prints what waits for the printer and is to be tried again now.
    pub(super) fn print_waiting(
        &self,
        report: &ScheduledReport,
        now: Timestamp,
        stopping: &dyn Fn() -> bool,
    ) -> Result<(), RecordError> {
        let name = report.name.as_str();
        for (period, entry) in record::entries(&self.connection, name)? {
            let is_due = entry.state == State::Made
                && entry.waits_for_printer()
                && entry.again_ms.is_none_or(|again| again <= now.0);
            if is_due && !stopping() {
                self.print_rest(name, &period, entry, now)?;
            }
        }
        Ok(())
    }

    /// Prints the rest of a report, as far as the printer can.
    fn print_rest(
        &self,
        name: &str,
        period: &str,
        mut entry: Entry,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let mut printed = Vec::new();
        for mut missing in mem::take(&mut entry.missing) {
            let Some(job) = missing.job.take() else {
                entry.missing.push(missing);
                continue;
            };
            match self.print_one(&entry.folder, &missing.name, &job) {
                Ok(file) => {
                    entry.files.push(file);
                    printed.push(job.name);
                }
                Err(error) => {
                    let (problem, job) = (error.to_string(), Some(job));
                    entry.missing.push(Missing { problem, job, ..missing });
                }
            }
        }
        let told = entry.problem.take();
        self.note_missing(&mut entry, now);
        if !entry.waits_for_printer() {
            // Letters that were held back for it go out.
            let held = entry.letters.iter_mut();
            for letter in held.filter(|one| one.state == LetterState::Waiting && one.attempts == 0) {
                letter.again_ms = letter.again_ms.min(now.0);
            }
        }
        record::put(&self.connection, name, period, &entry)?;
        match &entry.problem {
            None => tracing::info!(report = name, period, "the rest of a report was printed"),
            Some(problem) if told.as_ref() != Some(problem) => {
                tracing::warn!(report = name, period, problem, "a report is not whole yet; trying again");
            }
            Some(_) => {}
        }
        for job in printed {
            if let Err(error) = folder::remove(&folder(&entry.folder), &job) {
                tracing::warn!(%error, "what was kept for the printer stays until the next start");
            }
        }
        Ok(())
    }

    fn print_one(&self, reports: &Path, name: &str, job: &KeptFile) -> Result<KeptFile, NotMade> {
        let told = folder::take(&folder(reports), job)?;
        let bytes = self.maker.print(told)?;
        Ok(folder::put(reports, name, &bytes)?)
    }

    /// Says of a report that is made what it lacks, and when that is tried again.
    pub(super) fn note_missing(&self, entry: &mut Entry, now: Timestamp) {
        entry.problem = lacks(&entry.missing);
        (entry.attempts, entry.again_ms) = if entry.waits_for_printer() {
            let attempts = entry.attempts.saturating_add(1);
            (attempts, Some(self.waits.again(attempts, now)))
        } else {
            (0, None)
        };
    }

    /// Removes files that were not whole when a run was killed, and what no record keeps for the printer any more. Gives
    /// how many there were.
    pub(super) fn tidy(&self) -> Result<usize, NotMade> {
        let waiting = folder(&self.folder);
        let halves = folder::tidy(&self.folder)? + folder::tidy(&waiting)?;
        Ok(halves + self.tidy_jobs(&waiting)?)
    }

    fn tidy_jobs(&self, waiting: &Path) -> Result<usize, NotMade> {
        let names = folder::names(waiting)?;
        if names.is_empty() {
            return Ok(0);
        }
        let mut wanted = BTreeSet::new();
        for (_, _, entry) in record::all(&self.connection)? {
            // One that cannot be read may want any of them.
            let jobs = entry?.missing.into_iter().filter_map(|missing| missing.job);
            wanted.extend(jobs.map(|job| job.name));
        }
        let mut removed = 0;
        for name in names.iter().filter(|name| !wanted.contains(*name)) {
            folder::remove(waiting, name)?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// What a report lacks, each cause once.
fn lacks(missing: &[Missing]) -> Option<String> {
    let mut causes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in missing {
        causes.entry(&one.problem).or_default().push(&one.name);
    }
    let told: Vec<String> =
        causes.iter().map(|(why, names)| format!("{} not there: {why}", names.join(", "))).collect();
    (!told.is_empty()).then(|| told.join("; "))
}
