//! Verification with a bundle of evidence alone.

use super::Verified;
use super::check::{Material, check};
use super::given::{Given, Held};
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::evidence::{
    RESTATED, Scratch, TABLES, contents, read_manifest, restore,
};
use crate::outputs::reports::issued::freeze::FrozenMeter;
use crate::outputs::reports::issued::sign::hex;
use crate::outputs::reports::issued::{METERS, REPORT, STATEMENT, tables};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Makes the report of a bundle again from the bundle's minutes and steps, in a store of its own that goes afterwards, and
/// tells every difference. `given` is what somebody holds of the report beside the bundle.
///
/// # Errors
/// [`IssueError`] where the directory is no bundle, or nothing can be read.
pub fn against_evidence(
    bundle: &Path,
    given: Option<&Given>,
    key: Option<&str>,
) -> Result<Verified, IssueError> {
    let mut verified = Verified::default();
    manifest(bundle, &mut verified)?;
    told_tables(bundle, &mut verified);
    let path = bundle.join(STATEMENT);
    let text = fs::read_to_string(&path).map_err(IssueError::io(&path))?;
    let statement: Statement = match serde_json::from_str(&text) {
        Ok(statement) => statement,
        Err(error) => {
            verified.says(format!("{STATEMENT} is no statement: {error}"));
            return Ok(verified);
        }
    };
    if statement.id != verified.id {
        let of = verified.id.clone();
        verified.differs("the report that the bundle is of", of, &statement.id);
    }
    let mut files = BTreeMap::new();
    for name in statement.files.keys().map(String::as_str).chain([REPORT]) {
        // Names are those of files in the bundle itself, and nothing else is opened.
        if name.contains(['/', '\\']) || name.starts_with('.') {
            verified.says(format!("{STATEMENT}: `{name}` is not the name of a frozen file"));
        } else if let Ok(bytes) = fs::read(bundle.join(name)) {
            files.insert(name.to_owned(), bytes);
        }
    }
    match given {
        Some(Given::Id(id)) if *id != statement.id => {
            verified.differs("the report that is asked for", id, &statement.id);
        }
        Some(Given::File { name, bytes }) => {
            let report = files.get(REPORT).map_or(&[][..], Vec::as_slice);
            Held::of(name, bytes).compare(report, &statement, &mut verified);
        }
        Some(Given::Id(_)) | None => {}
    }
    let meters: Vec<FrozenMeter> = match serde_json::from_slice(files.get(METERS).map_or(&[], Vec::as_slice))
    {
        Ok(meters) => meters,
        Err(error) => {
            verified.says(format!("{METERS} cannot be read: {error}"));
            return Ok(verified);
        }
    };
    let scratch = Scratch::new()?;
    for (file, what) in restore(bundle, &statement, &meters, &scratch)? {
        verified.says(format!("{file}: {what}"));
    }
    let restated = fs::read_to_string(bundle.join(RESTATED).join(REPORT)).ok();
    if statement.restates.is_some() && restated.is_none() {
        verified.says(format!("{RESTATED}/{REPORT} is missing"));
    }
    check(&Material { statement, files, restated }, &scratch.layout, key, &mut verified);
    Ok(verified)
}

/// Every file is what the manifest says, and there is no other.
fn manifest(bundle: &Path, verified: &mut Verified) -> Result<(), IssueError> {
    let manifest = read_manifest(bundle)?;
    let found = contents(bundle)?;
    for (name, state) in &manifest.files {
        match found.get(name) {
            None => verified.says(format!("{name} is missing")),
            Some(own) if own != state => {
                verified.differs(
                    format!("{name} is not what the manifest says, by SHA-256"),
                    &state.sha256,
                    &own.sha256,
                );
            }
            Some(_) => {}
        }
    }
    for name in found.keys().filter(|name| !manifest.files.contains_key(*name)) {
        verified.says(format!("{name} is not in the manifest"));
    }
    verified.id = manifest.id;
    Ok(())
}

/// The bundle's tables are those of this program, by which the report is made again.
fn told_tables(bundle: &Path, verified: &mut Verified) {
    for table in tables::all() {
        let name = format!("{TABLES}/{}", table.file);
        match fs::read(bundle.join(&name)) {
            Err(_) => verified.says(format!("{name} is missing")),
            Ok(bytes) => {
                let hash = hex(&Sha256::digest(&bytes));
                if hash != table.state.sha256 {
                    verified.differs(
                        format!("{name} is not the table of this program, by SHA-256"),
                        &table.state.sha256,
                        hash,
                    );
                }
            }
        }
    }
}
