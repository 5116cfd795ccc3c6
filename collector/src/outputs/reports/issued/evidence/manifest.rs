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

/// The files of a bundle as they are now, but for the manifest.
pub(crate) fn contents(directory: &Path) -> Result<BTreeMap<String, FileState>, IssueError> {
    let mut all = BTreeMap::new();
    let mut folders = vec![(directory.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(IssueError::io(&folder))? {
            let path = entry.map_err(IssueError::io(&folder))?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let within = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if path.is_dir() {
                folders.push((path, within));
            } else if within != MANIFEST {
                all.insert(within, state(&path)?);
            }
        }
    }
    Ok(all)
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
    let text = fs::read_to_string(&path).map_err(IssueError::io(&path))?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| IssueError::content(&path, error))?;
    if manifest.evidence != SHAPE {
        let what = format!("it says that it is `{}`, not {SHAPE}", manifest.evidence);
        return Err(IssueError::content(path, what));
    }
    Ok(manifest)
}
