//! Makes what is to be issued; nothing is written yet.

use super::content::{ChainState, ConfigurationState, Restatement, SHAPE, Statement};
use super::error::IssueError;
use super::freeze::{self, Frozen};
use super::sign::{SigningKey, hex};
use super::{CONFIGURATION, METERS, REPORT, keep, restate, tables};
use crate::audit::{chain, configuration};
use crate::config::{CollectorConfig, read_series, series_text};
use crate::outputs::reports::{Report, json};
use crate::store::history;
use crate::store::{self, Layout, StoreError};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wattledger_model::calendar::Tz;
use wattledger_model::time::Timestamp;

/// What is to be issued.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The facility.
    pub facility: &'a str,
    /// The period.
    pub period: &'a str,
    /// The issued report that it restates.
    pub restates: Option<&'a str>,
    /// Who issues it.
    pub who: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// A report that is made, with everything that it was made with.
#[derive(Debug)]
pub struct Prepared {
    /// The report.
    pub report: Report,
    /// The statement, without number, name and signature.
    pub(super) statement: Statement,
    /// The frozen files, by name.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Makes the report of a period that is over, as known at the last quarter-hour edge.
///
/// # Errors
/// [`IssueError`].
pub fn prepare(layout: &Layout, asked: Asked<'_>, now: Timestamp) -> Result<Prepared, IssueError> {
    let connection = store::open_reader(layout)?;
    let known = history::known_at(&connection, now)?;
    let head = chain::head_before(&connection, known.edge).map_err(failed)?;
    let in_force =
        configuration::as_of(&connection, head.count)?.ok_or(IssueError::NoConfiguration(known.edge))?;
    let mut series = Series::default();
    let zone = |config: &CollectorConfig| {
        let facility = config.facilities.iter().find(|facility| facility.name.as_str() == asked.facility);
        facility.map_or(Tz::UTC, |facility| config.time_zone(facility))
    };
    let text = &in_force.version.text;
    let config = freeze::configuration(in_force.sequence, text, asked.facility, |file| series.take(file))?;
    for (file, kept) in &series.texts {
        read_series(file, kept, zone(&config))?;
    }
    history::shadow(&connection, known)?;
    let frozen = Frozen {
        facility: asked.facility.to_owned(),
        period: asked.period.trim().to_owned(),
        generated_at: now,
        known,
        head: head.clone(),
        config,
        meters: freeze::meters(&connection)?,
    };
    let (mut report, ledger) = frozen.report(layout, false)?;
    if let Some(cut) = &report.period.cut {
        let (period, facility) = (report.period.text.clone(), asked.facility.to_owned());
        return Err(IssueError::Running { period, facility, why: cut.reason.clone() });
    }
    let mut files = BTreeMap::new();
    files.insert(CONFIGURATION.to_owned(), text.clone().into_bytes());
    files.insert(METERS.to_owned(), meters_file(&frozen)?);
    let named = series.into_files(&mut files);
    let tables: Vec<_> = tables::all().into_iter().map(|table| table.state).collect();
    let mut statement = Statement {
        issue: SHAPE.to_owned(),
        id: String::new(),
        facility: asked.facility.to_owned(),
        // As it means the same later: `rolling-12m` is other months each time.
        period: report.period.text.clone(),
        from: report.period.from,
        to: report.period.to,
        issued_at: now,
        known_at: known.edge,
        who: asked.who.to_owned(),
        reason: asked.reason.to_owned(),
        restates: asked.restates.map(str::to_owned),
        files: BTreeMap::new(),
        ledger,
        audit: ChainState { entries: head.count, hash: head.hash },
        configuration: ConfigurationState {
            entry: in_force.sequence,
            digest: in_force.version.digest.clone(),
        },
        series: named,
        engine: report.versions.engine.to_owned(),
        tables,
        public_key: None,
        signature: None,
    };
    if let Some(of) = asked.restates {
        report.restatement = Some(restated(layout, of, &report, &statement)?);
    }
    files.insert(REPORT.to_owned(), json(&report).into_bytes());
    statement.files = files.iter().map(|(name, bytes)| (name.clone(), hex(&Sha256::digest(bytes)))).collect();
    Ok(Prepared { report, statement, files })
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

fn meters_file(frozen: &Frozen) -> Result<Vec<u8>, IssueError> {
    let mut text =
        serde_json::to_string_pretty(&frozen.meters).map_err(|error| IssueError::content(METERS, error))?;
    text.push('\n');
    Ok(text.into_bytes())
}

fn restated(
    layout: &Layout,
    of: &str,
    report: &Report,
    statement: &Statement,
) -> Result<Restatement, IssueError> {
    let (before, files) = keep::as_issued(layout, of)?;
    let text = files.get(REPORT).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
    let changes =
        restate::changes(&text, &json(report)).map_err(|error| IssueError::content(REPORT, error))?;
    if changes.is_empty() {
        return Err(IssueError::Unchanged(of.to_owned()));
    }
    restate::restatement(layout, &before, statement, changes)
}

/// The series of factors that a configuration names, as they are now.
#[derive(Default)]
struct Series {
    texts: BTreeMap<PathBuf, Arc<str>>,
}

impl Series {
    fn take(&mut self, file: &Path) -> Result<Arc<str>, IssueError> {
        let text = series_text(file)?;
        let text: Arc<str> = text.into();
        self.texts.insert(file.to_owned(), Arc::clone(&text));
        Ok(text)
    }

    /// Gives each a name among the frozen files.
    fn into_files(self, files: &mut BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
        let mut named = BTreeMap::new();
        for (at, (file, text)) in self.texts.into_iter().enumerate() {
            let name = format!("series-{}.csv", at + 1);
            files.insert(name.clone(), text.as_bytes().to_vec());
            named.insert(file.display().to_string(), name);
        }
        named
    }
}

impl Prepared {
    /// Gives it its name, and signs it.
    pub(super) fn named(&mut self, number: u64, key: Option<&SigningKey>) {
        let Statement { facility, period, .. } = &self.statement;
        self.statement.id = keep::id(facility, period, number);
        self.statement.public_key = key.map(SigningKey::public);
        self.statement.signature = key.map(|key| key.sign(&self.statement.signed_bytes()));
    }
}
