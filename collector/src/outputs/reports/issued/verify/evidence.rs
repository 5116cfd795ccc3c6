//! Verification with a bundle of evidence alone. Nothing of it is believed: whoever made it may mean harm.

use super::Verified;
use super::check::{Material, Source, check};
use super::given::{Given, Held};
use super::restated::Earlier;
use super::statement;
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::evidence::{
    CHAIN, Contents, ENDINGS, LEDGER, README, RESTATED, Scratch, TABLES, content, contents, read_manifest,
    readme, restore,
};
use crate::outputs::reports::issued::freeze::FrozenMeter;
use crate::outputs::reports::issued::{METERS, REPORT, STATEMENT};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
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
    let mut verified = Verified { id: bundle.display().to_string(), ..Verified::default() };
    let found = contents(bundle)?;
    if !found.others.is_empty() {
        for name in &found.others {
            verified.says(format!(
                "{name} is a link, a device or a pipe, and evidence has plain files alone; nothing else was looked at"
            ));
        }
        return Ok(verified);
    }
    manifest(bundle, &found, &mut verified)?;
    let read = match content(bundle, STATEMENT) {
        Ok(bytes) => statement::read(&bytes, &mut verified),
        // The manifest may not tell of it.
        Err(error) if error.is_absence() => {
            verified.says(format!("{STATEMENT}, which says what was issued, is missing"));
            None
        }
        Err(error) => return Err(error),
    };
    let Some(statement) = read else { return Ok(verified) };
    if statement.id != verified.id {
        let of = verified.id.clone();
        verified.differs("the report that the bundle is of", of, &statement.id);
    }
    tables(bundle, &found, &statement, &mut verified);
    let files = frozen(bundle, &statement, &mut verified);
    match given {
        Some(Given::Id(id)) if *id != statement.id => {
            verified.differs("the report that is asked for", id, &statement.id);
        }
        Some(Given::File { name, bytes }) => {
            let report = files.get(REPORT).map(Vec::as_slice);
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
    strays(&found, &statement, &meters, &mut verified);
    own_words(bundle, &statement, &mut verified);
    let scratch = Scratch::new()?;
    match restore(bundle, &statement, &meters, &scratch) {
        Ok(unreadable) => {
            for (file, what) in unreadable {
                verified.says(format!("{file}: {what}"));
            }
        }
        // What was found so far is told all the same.
        Err(error @ IssueError::Content { .. }) => {
            verified.says(error.to_string());
            return Ok(verified);
        }
        Err(error) => {
            verified.cannot(format!("no ledger can be made of the bundle: {error}"));
            return Ok(verified);
        }
    }
    let earlier = |_: &String| Earlier::of(|name| content(bundle, &format!("{RESTATED}/{name}")));
    let restated = statement.restates.as_ref().map(earlier);
    let material = Material { statement, files, restated, source: Source::Evidence };
    check(&material, &scratch.layout, key, &mut verified);
    Ok(verified)
}

/// Every file is what the manifest says, and there is no other.
fn manifest(bundle: &Path, found: &Contents, verified: &mut Verified) -> Result<(), IssueError> {
    let manifest = read_manifest(bundle)?;
    for (name, state) in &manifest.files {
        match found.files.get(name) {
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
    for name in found.files.keys().filter(|name| !manifest.files.contains_key(*name)) {
        verified.says(format!("{name} is not in the manifest"));
    }
    verified.id = manifest.id;
    Ok(())
}

/// The frozen files that are there.
fn frozen(bundle: &Path, statement: &Statement, verified: &mut Verified) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in statement.files.keys().map(String::as_str).chain([REPORT]) {
        // Names are those of files in the bundle itself, and nothing else is opened.
        if name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            verified.says(format!("{STATEMENT}: `{name}` is not the name of a frozen file"));
            continue;
        }
        match content(bundle, name) {
            Ok(bytes) => drop(files.insert(name.to_owned(), bytes)),
            // What is missing is told by whoever looks at it.
            Err(error) if error.is_absence() => {}
            Err(error) => verified.cannot(error.to_string()),
        }
    }
    files
}

/// The bundle's tables are those that the report was made with.
fn tables(bundle: &Path, found: &Contents, statement: &Statement, verified: &mut Verified) {
    let within = |name: &&String| name.split_once('/').is_some_and(|(folder, _)| folder == TABLES);
    let mut all: BTreeMap<&String, &str> =
        found.files.iter().map(|(name, state)| (name, state.sha256.as_str())).collect();
    all.retain(|name, _| within(name));
    let mut wanted = Vec::new();
    for table in &statement.tables {
        match all.iter().find(|(_, hash)| **hash == table.sha256).map(|(name, _)| *name) {
            Some(name) => drop(all.remove(name)),
            None => wanted.push(table),
        }
    }
    for table in wanted {
        let named = |name: &&&String| {
            let value =
                content(bundle, name).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            value.is_some_and(|value| value["table"]["name"] == table.name.as_str())
        };
        match all.keys().find(named).copied() {
            Some(name) => {
                let hash = all.remove(name).unwrap_or_default();
                let what = format!("{name} is not the table that the report was made with, by SHA-256");
                verified.differs(what, &table.sha256, hash);
            }
            None => {
                let (name, version) = (&table.name, &table.version);
                verified.says(format!("{TABLES}: version {version} of the table {name} is missing"));
            }
        }
    }
    for name in all.keys() {
        verified.says(format!("{name} is none of the tables that the report was made with"));
    }
}

/// A bundle has nothing in it that only seems to be verified with it.
fn strays(found: &Contents, statement: &Statement, meters: &[FrozenMeter], verified: &mut Verified) {
    let mut known: BTreeSet<String> =
        [STATEMENT, REPORT, CHAIN, README].into_iter().map(str::to_owned).collect();
    known.extend(statement.files.keys().cloned());
    if statement.restates.is_some() {
        known.extend([STATEMENT, REPORT].map(|name| format!("{RESTATED}/{name}")));
    }
    for FrozenMeter { site, name, .. } in meters {
        known.extend(ENDINGS.map(|ending| format!("{LEDGER}/{site}/{name}.{ending}")));
    }
    let of_tables = format!("{TABLES}/");
    for name in found.files.keys().filter(|name| !known.contains(*name) && !name.starts_with(&of_tables)) {
        verified.says(format!("{name} is no part of the evidence: nothing in it is verified"));
    }
}

/// The read-me tells people what to do, and is the program's own.
fn own_words(bundle: &Path, statement: &Statement, verified: &mut Verified) {
    if statement.engine != env!("CARGO_PKG_VERSION") {
        return;
    }
    match content(bundle, README) {
        Ok(bytes) if bytes == readme(statement).as_bytes() => {}
        Ok(_) => verified.says(format!("{README} is not what the program writes into evidence")),
        Err(error) if error.is_absence() => verified.says(format!("{README} is missing")),
        Err(error) => verified.cannot(error.to_string()),
    }
}
