//! The issued reports as they are listed, with what is wrong with them at a look.

use super::REPORT;
use super::content::{Issued, IssuedFile};
use super::error::IssueError;
use super::keep::{directories, directory, is_name, statement, told};
use super::sign::hex;
use crate::store::{self, Layout};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::Path;

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
    let told = told(&connection)?.into_iter().filter_map(|(id, all)| Some((all.first()?.sequence, id)));
    let mut gone: Vec<(u64, String)> = told.filter(|(_, id)| directory(layout, id).is_err()).collect();
    gone.sort();
    Ok(gone)
}

/// An issued report by its directory.
pub(super) fn issued(name: String, directory: &Path) -> Issued {
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
        from: statement.as_ref().map(|of| of.from).unwrap_or_default(),
        to: statement.as_ref().map(|of| of.to).unwrap_or_default(),
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
