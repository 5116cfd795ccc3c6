//! Where issued reports are kept: a directory each below `<data_dir>/issued`.
//!
//! A report is first written whole to `.ID.partial` and synced, then its statement goes to the audit chain, then the
//! directory gets its name. Killed before the entry, the report was never issued, and [`mend`] removes what was written;
//! killed after it, the report is issued, and [`mend`] gives the directory its name: whoever opens the store to write
//! calls it. Nothing of it is ever written again.

use super::STATEMENT;
use super::content::{Issued, Seal, Statement};
use super::error::IssueError;
use super::list::issued;
use super::prepare::Prepared;
use super::sign::{SigningKey, hex};
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
    format!("{}{number}", stem(facility, period))
}

/// What the names of all issued reports of a facility and a period begin with.
pub(super) fn stem(facility: &str, period: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '-' };
    let period: String = period.chars().map(safe).collect();
    format!("{facility}_{period}_")
}

/// Whether a text can be the name of an issued report or of one of its files: it names nothing outside the directory.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=200).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(fits)
}

pub(super) fn checked(text: &str) -> Result<&str, IssueError> {
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

/// As [`file`], to be handed to somebody: a frozen file that is not what was issued is not.
///
/// # Errors
/// As [`file`], and [`IssueError::Altered`].
pub fn file_as_issued(layout: &Layout, id: &str, name: &str) -> Result<Vec<u8>, IssueError> {
    let bytes = file(layout, id, name)?;
    let statement = statement(&directory(layout, id)?)?;
    match statement.files.get(name) {
        Some(hash) if *hash != hex(&Sha256::digest(&bytes)) => {
            Err(IssueError::Altered { id: id.to_owned(), file: name.to_owned() })
        }
        _ => Ok(bytes),
    }
}

/// An issued report that is what it was by the audit chain: its statement, and the frozen files by name. What else is
/// made from it, no altered one is to stand behind.
pub(super) fn as_issued(
    layout: &Layout,
    id: &str,
) -> Result<(Statement, BTreeMap<String, Vec<u8>>), IssueError> {
    let altered = |file: &str| IssueError::Altered { id: id.to_owned(), file: file.to_owned() };
    let statement = statement(&directory(layout, id)?)?;
    let entry = entries_of(&store::open_reader(layout)?, id)?.into_iter().next();
    let noted = entry.and_then(|entry| serde_json::from_str::<Statement>(&entry.body).ok());
    if noted.as_ref() != Some(&statement) {
        return Err(altered(STATEMENT));
    }
    let mut files = BTreeMap::new();
    for (name, hash) in &statement.files {
        let bytes = file(layout, id, name)?;
        if hex(&Sha256::digest(&bytes)) != *hash {
            return Err(altered(name));
        }
        files.insert(name.clone(), bytes);
    }
    Ok((statement, files))
}

/// What is printed of an issued report beside its content.
///
/// # Errors
/// [`IssueError`]: no such report, or its statement cannot be read.
pub fn seal(layout: &Layout, id: &str) -> Result<Seal, IssueError> {
    Ok(Seal::of(&statement(&directory(layout, id)?)?))
}

/// The statement in the directory of an issued report.
pub(super) fn statement(directory: &Path) -> Result<Statement, IssueError> {
    let path = directory.join(STATEMENT);
    let text = fs::read_to_string(&path).map_err(IssueError::io(&path))?;
    serde_json::from_str(&text).map_err(|error| IssueError::content(path, error))
}

/// The directories of issued reports with their names, sorted.
pub(super) fn directories(layout: &Layout) -> Result<Vec<(String, PathBuf)>, IssueError> {
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

/// The reports that the audit chain says were issued, with the entries that say so: one each, where nobody added more.
pub(super) fn told(connection: &Connection) -> Result<BTreeMap<String, Vec<Entry>>, IssueError> {
    let mut all: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    chain::walk(connection, None, Some(Kind::Issue), |entry| {
        let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
        if let Some(id) = body["id"].as_str() {
            all.entry(id.to_owned()).or_default().push(entry);
        }
    })?;
    Ok(all)
}

/// The entries of the audit chain that say that a report was issued, the first of them first.
pub(super) fn entries_of(connection: &Connection, id: &str) -> Result<Vec<Entry>, IssueError> {
    Ok(told(connection)?.remove(id).unwrap_or_default())
}

/// The statements that the audit chain has.
pub(super) fn noted(connection: &Connection) -> Result<Vec<Statement>, IssueError> {
    let firsts = told(connection)?.into_values().filter_map(|all| all.into_iter().next());
    Ok(firsts.filter_map(|entry| serde_json::from_str(&entry.body).ok()).collect())
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
    mend(layout)?;
    let connection = store::open_reader(layout)?;
    let told = told(&connection)?;
    check_new(layout, &prepared.statement, &noted(&connection)?)?;
    drop(connection);
    let folder = folder(layout);
    let stem = stem(&prepared.statement.facility, &prepared.statement.period);
    let number_of = |id: &str| id.strip_prefix(&stem)?.parse::<u64>().ok();
    let kept = directories(layout)?;
    let names = told.keys().map(String::as_str).chain(kept.iter().map(|(name, _)| name.as_str()));
    let last = names.filter_map(number_of).max().unwrap_or(0);
    prepared.named(last.saturating_add(1), key);
    let id = prepared.statement.id.clone();
    let (partial, whole) = (folder.join(format!(".{id}.partial")), folder.join(&id));
    fs::create_dir_all(&partial).map_err(IssueError::io(&partial))?;
    prepared.files.insert(STATEMENT.to_owned(), prepared.statement.text().into_bytes());
    for (name, bytes) in &prepared.files {
        write(&partial.join(name), bytes)?;
    }
    sync(&partial)?;
    sync(&folder)?;
    // The folder itself may be new.
    sync(&layout.dir)?;
    let entry = note(&prepared.statement.value()).inspect_err(|_| {
        if let Err(error) = fs::remove_dir_all(&partial) {
            tracing::warn!(%error, path = %partial.display(), "what was written of a report that was not issued stays");
        }
    })?;
    fs::rename(&partial, &whole).map_err(IssueError::io(&whole))?;
    sync(&folder)?;
    Ok((issued(id, &whole), entry))
}

/// A time is issued once, however it was asked for; after that it is restated, and each report once.
fn check_new(layout: &Layout, statement: &Statement, noted: &[Statement]) -> Result<(), IssueError> {
    if let Some(of) = &statement.restates {
        directory(layout, of)?;
        return match noted.iter().find(|other| other.restates.as_ref() == Some(of)) {
            Some(by) => Err(IssueError::Restated { id: of.clone(), by: by.id.clone() }),
            None => Ok(()),
        };
    }
    let same = |other: &&Statement| {
        other.facility == statement.facility
            && (other.period == statement.period || (other.from, other.to) == (statement.from, statement.to))
    };
    match noted.iter().filter(same).max_by_key(|other| other.issued_at) {
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
pub fn mend(layout: &Layout) -> Result<(), IssueError> {
    let id_of = |name: &str| Some(name.strip_prefix('.')?.strip_suffix(".partial")?.to_owned());
    let left: Vec<(String, PathBuf)> =
        directories(layout)?.into_iter().filter_map(|(name, path)| Some((id_of(&name)?, path))).collect();
    if left.is_empty() {
        return Ok(());
    }
    let connection = store::open_reader(layout)?;
    for (id, partial) in left {
        let entries = entries_of(&connection, &id)?;
        let whole = folder(layout).join(&id);
        let Some(entry) = entries.first() else {
            fs::remove_dir_all(&partial).map_err(IssueError::io(&partial))?;
            tracing::info!(report = id, "what was written of a report that was never issued is removed");
            continue;
        };
        let noted = serde_json::from_str::<Statement>(&entry.body).ok();
        if whole.exists() || noted.is_none() || statement(&partial).ok() != noted {
            // It was issued, so what is left of it is not thrown away.
            tracing::warn!(report = id, path = %partial.display(), "what was written of an issued report is not what the \
                audit chain says; it is left as it is");
            continue;
        }
        fs::rename(&partial, &whole).map_err(IssueError::io(&whole))?;
        tracing::info!(report = id, "an issued report that was interrupted is in its place");
    }
    sync(&folder(layout))
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
