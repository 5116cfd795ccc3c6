//! Writes a bundle.

use super::manifest::{Manifest, SHAPE, contents};
use super::minutes::{LEVELS, STEPS, SUMS, put_step, rows};
use super::{CHAIN, LEDGER, MANIFEST, README, RESTATED, TABLES};
use crate::audit::{Entry, chain};
use crate::config::CollectorConfig;
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::freeze::{self, FrozenMeter};
use crate::outputs::reports::issued::{METERS, REPORT, STATEMENT, keep, tables};
use crate::store::{self, Layout, MeterId, StoreError};
use flate2::{Compression, GzBuilder};
use rusqlite::{Connection, params};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use wattledger_model::time::{HOUR_MINUTES, MINUTE_MS, Minute};

/// Bytes of rows that are written at a time.
const PART: usize = 1 << 18;

/// A bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The issued report.
    pub id: String,
    /// Where it is.
    pub directory: PathBuf,
    /// Its files, the manifest among them.
    pub files: usize,
    /// Their bytes, without the manifest.
    pub bytes: u64,
    /// Tables that it was issued with and that this program no longer has, each with its version: they are not in it.
    pub without: Vec<String>,
}

/// Writes the evidence of an issued report to a new or empty directory. A running collector is not held up.
///
/// # Errors
/// [`IssueError`].
pub fn export(layout: &Layout, id: &str, into: &Path) -> Result<Evidence, IssueError> {
    let (statement, files) = keep::as_issued(layout, id)?;
    let earlier = statement.restates.as_deref().map(|of| keep::as_issued(layout, of)).transpose()?;
    fs::create_dir_all(into).map_err(IssueError::io(into))?;
    if fs::read_dir(into).map_err(IssueError::io(into))?.next().is_some() {
        return Err(IssueError::Occupied(into.to_owned()));
    }
    put(into, STATEMENT, statement.text().as_bytes())?;
    for (name, bytes) in &files {
        put(into, name, bytes)?;
    }
    if let Some((earlier, files)) = earlier {
        put(into, &format!("{RESTATED}/{STATEMENT}"), earlier.text().as_bytes())?;
        if let Some(bytes) = files.get(REPORT) {
            put(into, &format!("{RESTATED}/{REPORT}"), bytes)?;
        }
    }
    let without = put_tables(&statement, into)?;
    put(into, README, readme(&statement).as_bytes())?;
    put_chain(layout, &statement, into)?;
    put_ledger(layout, &statement, into)?;
    let files = contents(into)?.files;
    let (count, bytes) = (files.len() + 1, files.values().map(|file| file.bytes).sum());
    let manifest = Manifest { evidence: SHAPE.to_owned(), id: id.to_owned(), files };
    let mut text =
        serde_json::to_string_pretty(&manifest).map_err(|error| IssueError::content(MANIFEST, error))?;
    text.push('\n');
    put(into, MANIFEST, text.as_bytes())?;
    Ok(Evidence { id: id.to_owned(), directory: into.to_owned(), files: count, bytes, without })
}

fn put(into: &Path, name: &str, bytes: &[u8]) -> Result<(), IssueError> {
    let path = into.join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(IssueError::io(folder))?;
    }
    keep::write(&path, bytes)
}

/// The tables that it was issued with, so far as this program has them; gives those that it has not.
fn put_tables(statement: &Statement, into: &Path) -> Result<Vec<String>, IssueError> {
    let own = tables::all();
    let mut without = Vec::new();
    for stated in &statement.tables {
        match own.iter().find(|table| table.state == *stated) {
            Some(table) => put(into, &format!("{TABLES}/{}", table.file), table.text.as_bytes())?,
            None => without.push(format!("{} {}", stated.name, stated.version)),
        }
    }
    Ok(without)
}

/// The chain from its first entry to that of the issue.
fn put_chain(layout: &Layout, statement: &Statement, into: &Path) -> Result<(), IssueError> {
    let connection = store::open_reader(layout)?;
    let entries = keep::entries_of(&connection, &statement.id)?;
    let last = entries.first().ok_or_else(|| IssueError::NotIssued(statement.id.clone()))?.sequence;
    let mut text = String::new();
    chain::walk(&connection, None, None, |entry| {
        if entry.sequence <= last {
            text.push_str(&line(&entry));
            text.push('\n');
        }
    })?;
    put(into, CHAIN, text.as_bytes())
}

/// An entry with its body as the text that is hashed.
fn line(entry: &Entry) -> String {
    json!({
        "sequence": entry.sequence, "at": entry.at.to_string(), "who": entry.who, "kind": entry.kind,
        "reason": entry.reason, "body": entry.body, "previous": entry.previous, "hash": entry.hash,
    })
    .to_string()
}

/// Minutes and steps as they were known: of the facility's site all there are, since a report also looks at other times
/// than its period, of other meters those that the digest of the period is over.
fn put_ledger(layout: &Layout, statement: &Statement, into: &Path) -> Result<(), IssueError> {
    let connection = freeze::as_issued(layout, statement)?;
    let ids = store::meters(&connection)?;
    let whole = sites(layout, statement)?;
    let path = keep::directory(layout, &statement.id)?.join(METERS);
    let text = fs::read_to_string(&path).map_err(IssueError::io(&path))?;
    let meters: Vec<FrozenMeter> =
        serde_json::from_str(&text).map_err(|error| IssueError::content(&path, error))?;
    for (key, id) in ids {
        let (site, name) = (key.site.to_string(), key.meter.to_string());
        if !meters.iter().any(|meter| meter.site == site && meter.name == name) {
            continue;
        }
        let range = if whole.contains(&site) {
            (i64::MIN / MINUTE_MS, i64::MAX / MINUTE_MS)
        } else {
            (statement.from.minute().0, statement.to.minute().0)
        };
        put_meter(&connection, id, range, &into.join(LEDGER).join(&site), &name)?;
    }
    Ok(())
}

/// The sites whose meters can be in the report.
fn sites(layout: &Layout, statement: &Statement) -> Result<BTreeSet<String>, IssueError> {
    let bytes = keep::file(layout, &statement.id, super::super::CONFIGURATION)?;
    let text = String::from_utf8_lossy(&bytes);
    let entry = statement.configuration.entry;
    let config = CollectorConfig::parse("configuration.toml", &text)
        .map_err(|problems| IssueError::Configuration { entry, problems: problems.to_string() })?;
    let facility = config.facilities.iter().find(|facility| facility.name.as_str() == statement.facility);
    let mut sites: BTreeSet<String> = facility.iter().map(|facility| facility.site.to_string()).collect();
    if let Some(facility) = facility {
        sites.extend(config.meters_of(&facility.name).map(|meter| meter.key.site.to_string()));
    }
    Ok(sites)
}

fn put_meter(
    connection: &Connection,
    meter: MeterId,
    (from, to): (i64, i64),
    folder: &Path,
    name: &str,
) -> Result<(), IssueError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let (mut sums, mut levels) =
        (Series::new(folder, name, "minutes", SUMS), Series::new(folder, name, "levels", LEVELS));
    let mut statement = connection
        .prepare_cached(
            "SELECT hour, block FROM hour WHERE meter = ?1 AND hour BETWEEN ?2 AND ?3 ORDER BY hour",
        )
        .map_err(failed)?;
    let hours = (from.div_euclid(HOUR_MINUTES), Minute(to - 1).hour());
    let mut found = statement.query(params![meter, hours.0, hours.1]).map_err(failed)?;
    while let Some(row) = found.next().map_err(failed)? {
        let hour: i64 = row.get(0).map_err(failed)?;
        let block = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
        let mut text = String::new();
        let series = if rows(hour, block, &mut text)? == SUMS { &mut sums } else { &mut levels };
        series.add(&text)?;
    }
    sums.finish()?;
    levels.finish()?;
    let steps = store::steps_between(connection, meter, from * MINUTE_MS, to * MINUTE_MS).map_err(failed)?;
    if !steps.is_empty() {
        let mut text = format!("{STEPS}\n");
        steps.iter().for_each(|step| put_step(&mut text, step));
        put(folder, &format!("{name}.steps.csv"), text.as_bytes())?;
    }
    Ok(())
}

/// Rows on their way to a compressed file, which is made with the first of them.
struct Series {
    path: PathBuf,
    heading: &'static str,
    waiting: String,
    to: Option<flate2::write::GzEncoder<BufWriter<File>>>,
}

impl Series {
    fn new(folder: &Path, name: &str, what: &str, heading: &'static str) -> Series {
        let path = folder.join(format!("{name}.{what}.csv.gz"));
        Series { path, heading, waiting: String::new(), to: None }
    }

    fn add(&mut self, rows: &str) -> Result<(), IssueError> {
        self.waiting.push_str(rows);
        if self.waiting.len() >= PART { self.pass_on() } else { Ok(()) }
    }

    fn pass_on(&mut self) -> Result<(), IssueError> {
        if self.to.is_none() {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder).map_err(IssueError::io(folder))?;
            }
            let file = BufWriter::new(File::create(&self.path).map_err(IssueError::io(&self.path))?);
            // Without a time or a name in it, so that the same rows are the same bytes.
            let mut to = GzBuilder::new().write(file, Compression::default());
            writeln!(to, "{}", self.heading).map_err(IssueError::io(&self.path))?;
            self.to = Some(to);
        }
        if let Some(to) = &mut self.to {
            to.write_all(self.waiting.as_bytes()).map_err(IssueError::io(&self.path))?;
            self.waiting.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), IssueError> {
        if !self.waiting.is_empty() {
            self.pass_on()?;
        }
        let Some(to) = self.to.take() else { return Ok(()) };
        let file = to.finish().map_err(IssueError::io(&self.path))?;
        let file = file.into_inner().map_err(|error| IssueError::io(&self.path)(error.into_error()))?;
        file.sync_all().map_err(IssueError::io(&self.path))
    }
}

/// What the bundle says of itself.
pub(crate) fn readme(statement: &Statement) -> String {
    let Statement { id, facility, period, issued_at, known_at, engine, .. } = statement;
    format!(
        "Evidence of the issued report {id}: facility {facility}, period {period}, issued {issued_at}.\n\
         With it the report is made again on any machine, without the collector:\n\n    \
             wattledger verify --evidence THIS_DIRECTORY [--key PUBLIC_KEY_FILE] report.json\n\n\
         It ends with 0 where all is as it was issued, with 1 where anything differs, with 2 where it cannot tell. Only a key\n\
         or a head of the audit chain that you have from elsewhere can tell whose evidence this is.\n\n\
         report.json         the report as it was issued; nothing of it is ever changed\n\
         issue.json          the statement: who issued it, when, why; SHA-256 of what it was made with; digest and Merkle\n                    \
             root of the ledger; head of the audit chain; signature (Ed25519) over the statement as JSON\n                    \
             without `signature`, with sorted keys and without spaces\n\
         configuration.toml  the configuration in force at {known_at}, without comments and secrets\n\
         meters.json         the meters that were known then, with their newest readings\n\
         series-N.csv        series of emission factors that the configuration names, if any\n\
         tables/             the tables of targets and emission factors that came with version {engine} of the program\n\
         audit.jsonl         the audit chain up to the issue, one entry a line; each has the hash of the one before\n\
         ledger/SITE/METER.minutes.csv.gz\n                    \
             minutes of a meter: amounts in whole µWh, mL or mg, and the milliseconds that they cover, by how\n                    \
             they are known\n\
         ledger/SITE/METER.levels.csv.gz\n                    \
             minutes of a gauge\n\
         ledger/SITE/METER.steps.csv\n                    \
             steps of a register that are long or not simply forward\n\
         restated/           the report that this one restates and its statement, if any\n\
         manifest.json       SHA-256 of every other file\n\n\
         Of meters of the facility's site there are all minutes up to {known_at}, of others those of the period, which\n\
         the digest of the ledger is over.\n"
    )
}
