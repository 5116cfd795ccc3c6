//! Makes what is due, and remembers it.

use super::due::{self, Times};
use super::folder::{self, FolderError};
use super::maker::{Due, Made, MakeError, Maker, Upcoming};
use super::record::{self, Entry, KeptFile, Letter, LetterState, Missing, RecordError, State};
use super::slot::Slot;
use super::unprinted;
use crate::admin::ReportFormat;
use crate::config::ScheduledReport;
use crate::outputs::reports::document::Lang;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wattledger_model::time::Timestamp;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// Between two looks at the calendar.
    pub(super) look: Duration,
    /// After the first failure.
    pub(super) first: Duration,
    /// Between two tries at most.
    pub(super) cap: Duration,
    /// For the printer, before letters go out without what it did not print.
    pub(super) hold: Duration,
    /// For a mail server's answer, as for HTTP ones.
    pub(super) answer: Duration,
}

impl Waits {
    pub(super) const USUAL: Waits = Waits {
        look: Duration::from_secs(60),
        first: Duration::from_secs(60),
        cap: Duration::from_secs(6 * 3_600),
        hold: Duration::from_secs(3_600),
        answer: Duration::from_secs(10),
    };

    /// When a try that failed for the so-manieth time is made again.
    pub(super) fn again(&self, attempts: u32, now: Timestamp) -> i64 {
        let doubled = self.first.saturating_mul(1_u32 << attempts.saturating_sub(1).min(20));
        let wait = i64::try_from(doubled.min(self.cap).as_millis()).unwrap_or(i64::MAX);
        now.0.saturating_add(wait)
    }
}

/// What stands in the record while a report is made, and stays there if that ends the collector.
const BEGUN: &str = "it is being made, or the collector ended while it was; it is made anew";

/// Makes what is due, round after round.
pub(super) struct Keeper {
    pub(super) reports: Vec<ScheduledReport>,
    pub(super) folder: PathBuf,
    pub(super) maker: Arc<dyn Maker>,
    pub(super) connection: Connection,
    pub(super) started: Timestamp,
    pub(super) waits: Waits,
    /// What was said of each schedule, so that each cause is told once.
    told: BTreeMap<String, String>,
}

/// Why a report is not made in this round.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotMade {
    #[error(transparent)]
    Maker(#[from] MakeError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("two of its files would be named `{0}`")]
    Twice(String),
}

impl Keeper {
    pub(super) fn new(
        reports: Vec<ScheduledReport>,
        folder: PathBuf,
        maker: Arc<dyn Maker>,
        connection: Connection,
        started: Timestamp,
        waits: Waits,
    ) -> Keeper {
        let keeper = Keeper { reports, folder, maker, connection, started, waits, told: BTreeMap::new() };
        match keeper.tidy() {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "what an earlier run left half done of reports was removed"),
            Err(error) => tracing::warn!(%error, "the folder of reports cannot be tidied"),
        }
        keeper
    }

    /// Makes what is due; what cannot be made harms no other. Ends early once `stopping`.
    pub(super) fn round(&mut self, now: Timestamp, stopping: &dyn Fn() -> bool) -> Vec<Upcoming> {
        let mut upcoming = Vec::new();
        for report in self.reports.clone() {
            let printed = self.print_waiting(&report, now, stopping);
            let looked = printed.map_err(NotMade::from).and_then(|()| self.look(&report, now, stopping));
            let (next, problem) = match looked {
                Ok(next) => {
                    self.told.remove(report.name.as_str());
                    (next, None)
                }
                Err(error) => {
                    let problem = error.to_string();
                    let before = self.told.insert(report.name.to_string(), problem.clone());
                    if before.as_ref() != Some(&problem) {
                        tracing::warn!(report = %report.name, problem, "a scheduled report cannot be decided on");
                    }
                    (None, Some(problem))
                }
            };
            upcoming.push(Upcoming {
                report: report.name.to_string(),
                about: report.about.to_string(),
                every: report.every.word(),
                next,
                problem,
            });
        }
        upcoming
    }

    /// Looks at one schedule. Gives what it will make next.
    fn look(
        &mut self,
        report: &ScheduledReport,
        now: Timestamp,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Option<(String, Timestamp)>, NotMade> {
        let known = self.maker.known(&report.about)?;
        let before = record::before(&self.connection, report.name.as_str(), report.every)?;
        let after_ms = i64::try_from(report.after.as_millis()).unwrap_or(i64::MAX);
        let times = Times { now, started: self.started, after_ms };
        let Some(decision) = due::decide(report.every, &known, &before, times) else { return Ok(None) };
        if before.since != Some(decision.since) {
            record::set_since(&self.connection, report.name.as_str(), decision.since)?;
        }
        for slot in &decision.left_out {
            self.leave_out(report, *slot)?;
        }
        for slot in &decision.due {
            if stopping() {
                break;
            }
            self.make(report, *slot, now)?;
        }
        Ok(Some((decision.next.0.text(), decision.next.1)))
    }

    fn leave_out(&self, report: &ScheduledReport, slot: Slot) -> Result<(), RecordError> {
        let (name, period) = (report.name.as_str(), slot.text());
        let most = due::MOST_MISSED;
        tracing::warn!(
            report = name,
            period,
            "a report that was missed is left out: the latest {most} are made"
        );
        let mut entry = Entry::new(State::LeftOut, report.about.to_string(), report.form.clone());
        entry.problem = Some(format!("missed, and {most} later ones as well; `wattledger report` makes it"));
        record::put(&self.connection, name, &period, &entry)
    }

    /// Makes one report, or notes why it is not made and when it is tried again.
    ///
    /// # Errors
    /// Only where that cannot be remembered.
    fn make(&self, report: &ScheduledReport, slot: Slot, now: Timestamp) -> Result<(), RecordError> {
        let (name, period) = (report.name.as_str(), slot.text());
        let kept = record::entry(&self.connection, name, &period)?;
        let fresh = || Entry::new(State::Failing, report.about.to_string(), report.form.clone());
        let mut entry = kept.unwrap_or_else(fresh);
        let told = entry.problem.replace(BEGUN.to_owned());
        // Noted first: what ends the collector while it is made is not made again at once by the next start.
        entry.attempts = entry.attempts.saturating_add(1);
        entry.again_ms = Some(self.waits.again(entry.attempts, now));
        record::put(&self.connection, name, &period, &entry)?;
        match self.files(report, &period, &mut entry) {
            Ok(()) => {
                (entry.state, entry.made_ms, entry.attempts) = (State::Made, Some(now.0), 0);
                self.note_missing(&mut entry, now);
                let hold = if entry.waits_for_printer() { self.waits.hold } else { Duration::ZERO };
                entry.letters = letters(report, now, hold);
                record::put(&self.connection, name, &period, &entry)?;
                let (files, folder) = (entry.files.len(), entry.folder.display());
                match &entry.problem {
                    None => tracing::info!(report = name, period, files, %folder, "report made"),
                    Some(problem) => {
                        tracing::warn!(report = name, period, files, %folder, problem, "report made")
                    }
                }
            }
            Err(NotMade::Record(error)) => return Err(error),
            Err(error) => {
                let problem = error.to_string();
                if told.as_ref() != Some(&problem) {
                    tracing::warn!(report = name, period, problem, "a report cannot be made; trying again");
                }
                entry.problem = Some(problem);
                record::put(&self.connection, name, &period, &entry)?;
            }
        }
        Ok(())
    }

    /// Issues the report where that is asked for, makes all its files, and then writes them.
    fn files(&self, report: &ScheduledReport, period: &str, entry: &mut Entry) -> Result<(), NotMade> {
        let mut due = Due {
            report: report.name.clone(),
            about: report.about.clone(),
            period: period.to_owned(),
            form: report.form.clone(),
            issued: entry.issued.clone(),
        };
        if report.issue && due.issued.is_none() {
            due.issued = Some(self.maker.issue(&due)?);
            entry.issued.clone_from(&due.issued);
            // Whatever becomes of its files, it is not issued twice.
            record::put(&self.connection, report.name.as_str(), period, entry)?;
        }
        let made = self.maker.make(&due, &wanted(report))?;
        let mut names: Vec<&str> = made.iter().map(|made| made.file_name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(NotMade::Twice(twice[0].to_owned()));
        }
        if made.iter().all(|one| one.content.is_err())
            && let Some(Made { content: Err(unmade), .. }) = made.first()
        {
            return Err(MakeError(unmade.why.clone()).into());
        }
        entry.folder.clone_from(&self.folder);
        (entry.files, entry.missing) = self.put(made)?;
        Ok(())
    }

    /// Puts files into the folder, and what the printer is told of others where that waits.
    fn put(&self, made: Vec<Made>) -> Result<(Vec<KeptFile>, Vec<Missing>), FolderError> {
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        let waiting = unprinted::folder(&self.folder);
        for Made { file_name: name, content } in made {
            match content {
                Ok(bytes) => files.push(folder::put(&self.folder, &name, &bytes)?),
                Err(unmade) => {
                    // An earlier try, of which no record tells, may have come as far as that.
                    folder::remove(&self.folder, &name)?;
                    let keep = |job: Vec<u8>| folder::put(&waiting, &unprinted::job_name(&name), &job);
                    let job = unmade.job.map(keep).transpose()?;
                    missing.push(Missing { name, problem: unmade.why, job });
                }
            }
        }
        Ok((files, missing))
    }
}

/// The formats of a report: documents in each language, what has none once.
fn wanted(report: &ScheduledReport) -> Vec<(ReportFormat, Lang)> {
    let mut wanted = Vec::new();
    for format in &report.formats {
        let langs = if format.is_document() { report.langs.as_slice() } else { &[Lang::En] };
        wanted.extend(langs.iter().map(|lang| (*format, *lang)));
    }
    wanted
}

/// One letter a recipient, held back for so long.
fn letters(report: &ScheduledReport, now: Timestamp, hold: Duration) -> Vec<Letter> {
    let hold_ms = i64::try_from(hold.as_millis()).unwrap_or(i64::MAX);
    let to = report.mail.iter().flat_map(|mail| &mail.to);
    to.map(|to| Letter {
        to: to.to_string(),
        state: LetterState::Waiting,
        attempts: 0,
        again_ms: now.0.saturating_add(hold_ms),
        problem: None,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::hall::Hall;

    #[test]
    fn what_has_no_language_is_asked_for_in_none_whatever_the_documents_are_in() {
        let hall = Hall::new(
            "
[[facility]]
name = \"hall-1\"
site = \"hall\"
[[report]]
name = \"monthly\"
facility = \"hall-1\"
every = \"month\"
formats = [\"json\", \"html\"]
lang = [\"zh\"]
",
        );
        let wanted = wanted(&hall.config.scheduled[0]);
        assert_eq!(wanted, [(ReportFormat::Json, Lang::En), (ReportFormat::Html, Lang::Zh)]);
    }
}
