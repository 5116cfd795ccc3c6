//! Which files a bundle has, and what is in each.

use super::MANIFEST;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::sign::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The shape of a manifest.
pub(super) const SHAPE: &str = "wattledger/evidence/v1";

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// [`SHAPE`].
    pub(crate) evidence: String,
    /// The issued report that the bundle is of.
    pub(crate) id: String,
    /// Every other file by its path, with `/` between folders.
    pub(crate) files: BTreeMap<String, FileState>,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileState {
    /// Its length.
    pub(crate) bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub(crate) sha256: String,
}

/// What is in a bundle.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Its files as they are now, but for the manifest.
    pub(crate) files: BTreeMap<String, FileState>,
    /// What is neither file nor folder: links, which lead elsewhere, and devices and pipes, which may never end.
    pub(crate) others: Vec<String>,
}

/// The files of a bundle as they are now. No link is followed.
pub(crate) fn contents(directory: &Path) -> Result<Contents, IssueError> {
    let mut all = Contents::default();
    let mut folders = vec![(directory.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(IssueError::io(&folder))? {
            let entry = entry.map_err(IssueError::io(&folder))?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let within = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            // Of the entry itself, not of what a link leads to.
            let kind = entry.file_type().map_err(IssueError::io(&path))?;
            if kind.is_dir() {
                folders.push((path, within));
            } else if !kind.is_file() {
                all.others.push(within);
            } else if within != MANIFEST {
                all.files.insert(within, state(&path)?);
            }
        }
    }
    all.others.sort();
    Ok(all)
}

/// Bytes that a file may have that is read as a whole.
const MOST_BYTES: u64 = 1 << 30;

/// The content of a file of a bundle.
pub(crate) fn content(directory: &Path, name: &str) -> Result<Vec<u8>, IssueError> {
    let path = directory.join(name);
    let file = fs::File::open(&path).map_err(IssueError::io(&path))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(IssueError::io(&path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(IssueError::content(path, "it has more than a gibibyte, which evidence never has"));
    }
    Ok(bytes)
}

/// The same of a text.
pub(crate) fn text(directory: &Path, name: &str) -> Result<String, IssueError> {
    let bytes = content(directory, name)?;
    String::from_utf8(bytes).map_err(|error| IssueError::content(directory.join(name), error))
}

fn state(path: &Path) -> Result<FileState, IssueError> {
    let mut file = fs::File::open(path).map_err(IssueError::io(path))?;
    let (mut hash, mut bytes, mut part) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut part).map_err(IssueError::io(path))?;
        if read == 0 {
            return Ok(FileState { bytes, sha256: hex(&hash.finalize()) });
        }
        hash.update(&part[..read]);
        bytes += read as u64;
    }
}

/// The manifest of a bundle.
pub(crate) fn read_manifest(directory: &Path) -> Result<Manifest, IssueError> {
    let path = directory.join(MANIFEST);
    let text = text(directory, MANIFEST)?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| IssueError::content(&path, error))?;
    if manifest.evidence != SHAPE {
        let what = format!("it says that it is `{}`, not {SHAPE}", manifest.evidence);
        return Err(IssueError::content(path, what));
    }
    Ok(manifest)
}
