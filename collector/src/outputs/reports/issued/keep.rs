//! Where issued reports are kept: a directory each below `<data_dir>/issued`.
//!
//! A report is first written whole to `.ID.partial` and synced, then its statement goes to the audit chain, then the
//! directory gets its name. Killed before the entry, the report was never issued, and [`mend`] removes what was written;
//! killed after it, the report is issued, and [`mend`] gives the directory its name. Nothing of it is ever written again.

use super::content::{Issued, IssuedFile, Statement};
use super::error::IssueError;
use super::prepare::Prepared;
use super::sign::{SigningKey, hex};
use super::{REPORT, STATEMENT};
use crate::audit::{Entry, Kind, chain};
use crate::store::{self, Layout};
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file that was printed of an issued report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// Its name, such as `report-en.pdf`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The directory of all issued reports.
pub fn folder(layout: &Layout) -> PathBuf {
    layout.dir.join("issued")
}

/// The name of an issued report.
pub(super) fn id(facility: &str, period: &str, number: u64) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '-' };
    let period: String = period.chars().map(safe).collect();
    format!("{facility}_{period}_{number}")
}

/// Whether a text can be the name of an issued report or of one of its files: it names nothing outside the directory.
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=200).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(fits)
}

fn checked(text: &str) -> Result<&str, IssueError> {
    if is_name(text) { Ok(text) } else { Err(IssueError::Name(text.chars().take(80).collect())) }
}

/// The directory of an issued report.
pub(super) fn directory(layout: &Layout, id: &str) -> Result<PathBuf, IssueError> {
    let directory = folder(layout).join(checked(id)?);
    if directory.is_dir() { Ok(directory) } else { Err(IssueError::NotIssued(id.to_owned())) }
}

/// The content of a file of an issued report.
///
/// # Errors
/// [`IssueError`]: no such report or file, or it cannot be read.
pub fn file(layout: &Layout, id: &str, name: &str) -> Result<Vec<u8>, IssueError> {
    let path = directory(layout, id)?.join(checked(name)?);
    fs::read(&path).map_err(IssueError::io(path))
}

/// The statement of an issued report, and the text of the report.
pub(super) fn read(layout: &Layout, id: &str) -> Result<(Statement, String), IssueError> {
    let directory = directory(layout, id)?;
    let statement = statement(&directory)?;
    let path = directory.join(REPORT);
    let text = fs::read_to_string(&path).map_err(IssueError::io(path))?;
    Ok((statement, text))
}

fn statement(directory: &Path) -> Result<Statement, IssueError> {
    let path = directory.join(STATEMENT);
    let text = fs::read_to_string(&path).map_err(IssueError::io(&path))?;
    serde_json::from_str(&text).map_err(|error| IssueError::content(path, error))
}

/// The directories of issued reports with their names, sorted.
fn directories(layout: &Layout) -> Result<Vec<(String, PathBuf)>, IssueError> {
    let folder = folder(layout);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(IssueError::io(folder)(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(IssueError::io(&folder))?;
        if let Ok(name) = entry.file_name().into_string()
            && entry.path().is_dir()
        {
            all.push((name, entry.path()));
        }
    }
    all.sort();
    Ok(all)
}

/// All issued reports, the newest first. What of them cannot be read is said in its place.
///
/// # Errors
/// [`IssueError::Io`] where the directory cannot be listed.
pub fn list(layout: &Layout) -> Result<Vec<Issued>, IssueError> {
    let mut all = Vec::new();
    for (name, directory) in directories(layout)? {
        if is_name(&name) {
            all.push(issued(name, &directory));
        }
    }
    let restated: Vec<(String, String)> =
        all.iter().filter_map(|one| Some((one.restates.clone()?, one.id.clone()))).collect();
    for one in &mut all {
        one.restated_by = restated.iter().find(|(of, _)| *of == one.id).map(|(_, by)| by.clone());
    }
    all.sort_by(|one, other| (other.issued_at, &other.id).cmp(&(one.issued_at, &one.id)));
    Ok(all)
}

/// Entries of the audit chain whose report is not there under its name, by number.
///
/// # Errors
/// [`IssueError`] where store or directory cannot be read.
pub fn missing(layout: &Layout) -> Result<Vec<(u64, String)>, IssueError> {
    let connection = store::open_reader(layout)?;
    let told = told(&connection)?.into_iter().map(|(id, entry)| (entry.sequence, id));
    let mut gone: Vec<(u64, String)> = told.filter(|(_, id)| directory(layout, id).is_err()).collect();
    gone.sort();
    Ok(gone)
}

fn issued(name: String, directory: &Path) -> Issued {
    let (files, mut trouble) = files(directory);
    let statement = match statement(directory) {
        Ok(statement) => Some(statement),
        Err(error) => {
            trouble.get_or_insert(error.to_string());
            None
        }
    };
    let text = fs::read_to_string(directory.join(REPORT)).unwrap_or_default();
    let report: Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(statement) = &statement {
        let frozen = statement.files.iter();
        let mut wrong = frozen
            .filter(|(name, hash)| !files.iter().any(|file| file.name == **name && file.sha256 == **hash));
        if let Some((name, _)) = wrong.next() {
            trouble.get_or_insert(format!("{name} is not what was issued"));
        }
        if statement.id != name {
            trouble.get_or_insert(format!("its statement is that of {}", statement.id));
        }
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verdicts = report["verdicts"].as_array().into_iter().flatten();
    Issued {
        id: name,
        facility: statement.as_ref().map(|of| of.facility.clone()).unwrap_or_default(),
        period: statement.as_ref().map(|of| of.period.clone()).unwrap_or_default(),
        issued_at: statement.as_ref().map(|of| of.issued_at).unwrap_or_default(),
        restates: statement.as_ref().and_then(|of| of.restates.clone()),
        restated_by: None,
        headline: headline(&report),
        verdicts: verdicts.map(|verdict| (text(&verdict["target"]), text(&verdict["verdict"]))).collect(),
        signed: statement.is_some_and(|of| of.signature.is_some()),
        files,
        trouble,
    }
}

fn headline(report: &Value) -> String {
    let pue = &report["pue"];
    let Some(notation) = pue["notation"].as_str() else { return String::new() };
    let shown = report["uncertainty"]["stated"].as_str().or(pue["rounded"].as_str());
    match shown {
        Some(shown) => format!("{notation} = {shown}"),
        None => format!("{notation}: {}", pue["status"].as_str().unwrap_or("not known")),
    }
}

fn files(directory: &Path) -> (Vec<IssuedFile>, Option<String>) {
    let (mut all, mut trouble) = (Vec::new(), None);
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    for name in names.filter(|name| is_name(name)) {
        match fs::read(directory.join(&name)) {
            Ok(bytes) => {
                let sha256 = hex(&Sha256::digest(&bytes));
                all.push(IssuedFile { name, bytes: bytes.len() as u64, sha256 });
            }
            Err(error) => {
                trouble.get_or_insert(format!("{name} cannot be read: {error}"));
            }
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    (all, trouble)
}

/// The reports that the audit chain says were issued, with their entries.
fn told(connection: &Connection) -> Result<BTreeMap<String, Entry>, IssueError> {
    let mut all = BTreeMap::new();
    chain::walk(connection, None, Some(Kind::Issue), |entry| {
        let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
        if let Some(id) = body["id"].as_str() {
            all.insert(id.to_owned(), entry);
        }
    })?;
    Ok(all)
}

/// The entry of the audit chain that says that a report was issued.
pub(super) fn entry_of(connection: &Connection, id: &str) -> Result<Option<Entry>, IssueError> {
    Ok(told(connection)?.remove(id))
}

/// Issues a report: names, signs and keeps it, and has its statement noted in the audit chain by `note`. To be called by
/// the one who writes to the store, so that no two do it at a time.
///
/// # Errors
/// [`IssueError`]; it is not issued then, unless the error says that it could not get its name.
pub fn keep(
    layout: &Layout,
    mut prepared: Prepared,
    key: Option<&SigningKey>,
    note: impl FnOnce(&Value) -> Result<Entry, IssueError>,
) -> Result<(Issued, Entry), IssueError> {
    let connection = store::open_reader(layout)?;
    mend(layout, &connection)?;
    let told = told(&connection)?;
    drop(connection);
    check_new(layout, &prepared.statement, &told)?;
    let folder = folder(layout);
    let stem = {
        let Statement { facility, period, .. } = &prepared.statement;
        id(facility, period, 0)
    };
    let stem = stem.trim_end_matches('0');
    let number_of = |id: &str| id.strip_prefix(stem)?.parse::<u64>().ok();
    let kept = directories(layout)?;
    let names = told.keys().map(String::as_str).chain(kept.iter().map(|(name, _)| name.as_str()));
    let last = names.filter_map(number_of).max().unwrap_or(0);
    prepared.named(last + 1, key);
    let id = prepared.statement.id.clone();
    let (partial, whole) = (folder.join(format!(".{id}.partial")), folder.join(&id));
    fs::create_dir_all(&partial).map_err(IssueError::io(&partial))?;
    prepared.files.insert(STATEMENT.to_owned(), prepared.statement.text().into_bytes());
    for (name, bytes) in &prepared.files {
        write(&partial.join(name), bytes)?;
    }
    sync(&partial)?;
    sync(&folder)?;
    let entry = note(&prepared.statement.value()).inspect_err(|_| {
        if let Err(error) = fs::remove_dir_all(&partial) {
            tracing::warn!(%error, path = %partial.display(), "what was written of a report that was not issued stays");
        }
    })?;
    fs::rename(&partial, &whole).map_err(IssueError::io(&whole))?;
    sync(&folder)?;
    Ok((issued(id, &whole), entry))
}

/// A period is issued once; after that it is restated, and each report once.
fn check_new(
    layout: &Layout,
    statement: &Statement,
    told: &BTreeMap<String, Entry>,
) -> Result<(), IssueError> {
    let bodies = told.values().filter_map(|entry| serde_json::from_str::<Statement>(&entry.body).ok());
    let all: Vec<Statement> = bodies.collect();
    if let Some(of) = &statement.restates {
        directory(layout, of)?;
        return match all.iter().find(|other| other.restates.as_ref() == Some(of)) {
            Some(by) => Err(IssueError::Restated { id: of.clone(), by: by.id.clone() }),
            None => Ok(()),
        };
    }
    let same = |other: &&Statement| other.facility == statement.facility && other.period == statement.period;
    match all.iter().filter(same).max_by_key(|other| other.issued_at) {
        Some(last) => Err(IssueError::Already {
            period: statement.period.clone(),
            facility: statement.facility.clone(),
            id: last.id.clone(),
        }),
        None => Ok(()),
    }
}

/// Ends what a kill left half done. To be called by the one who writes to the store.
///
/// # Errors
/// [`IssueError`] where store or directory cannot be read or written.
pub fn mend(layout: &Layout, connection: &Connection) -> Result<(), IssueError> {
    for (name, partial) in directories(layout)? {
        let Some(id) = name.strip_prefix('.').and_then(|name| name.strip_suffix(".partial")) else {
            continue;
        };
        let noted =
            entry_of(connection, id)?.and_then(|entry| serde_json::from_str::<Statement>(&entry.body).ok());
        if noted.is_some_and(|noted| statement(&partial).is_ok_and(|own| own == noted)) {
            let whole = folder(layout).join(id);
            fs::rename(&partial, &whole).map_err(IssueError::io(&whole))?;
            tracing::info!(report = id, "an issued report that was interrupted is in its place");
        } else {
            fs::remove_dir_all(&partial).map_err(IssueError::io(&partial))?;
            tracing::info!(report = id, "what was written of a report that was never issued is removed");
        }
    }
    sync_if_any(&folder(layout))
}

/// Puts printed files beside an issued report. They are made from it and may be made again; what it says is in its frozen
/// files alone.
///
/// # Errors
/// [`IssueError`]: no such report, the name of a frozen file, or it cannot be written.
pub fn add_printed(layout: &Layout, id: &str, printed: &[Printed]) -> Result<Issued, IssueError> {
    let directory = directory(layout, id)?;
    let frozen = statement(&directory)?.files;
    for Printed { name, bytes } in printed {
        if frozen.contains_key(checked(name)?) || name == STATEMENT {
            return Err(IssueError::Name(name.clone()));
        }
        let partial = directory.join(format!(".{name}.partial"));
        write(&partial, bytes)?;
        let whole = directory.join(name);
        fs::rename(&partial, &whole).map_err(IssueError::io(whole))?;
    }
    sync(&directory)?;
    Ok(issued(id.to_owned(), &directory))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), IssueError> {
    let mut file = File::create(path).map_err(IssueError::io(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(IssueError::io(path))
}

fn sync(directory: &Path) -> Result<(), IssueError> {
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(IssueError::io(directory))
}

fn sync_if_any(directory: &Path) -> Result<(), IssueError> {
    if directory.is_dir() { sync(directory) } else { Ok(()) }
}
