//! The folder of scheduled reports: a file is there whole or not at all.

use super::record::KeptFile;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The end of the name of a file that is not whole yet. It begins with a dot.
const PART: &str = ".wattledger-part";
/// Letters of a file's name at most.
const LONGEST_NAME: usize = 200;

/// Why a file is not written or read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The name could lead out of the folder, or be taken for something else.
    #[error(
        "`{0}` cannot be the name of a report's file: use letters, digits, `.`, `_` and `-`, no `.` at the start"
    )]
    Name(String),
    /// The file is not what was made.
    #[error(
        "{0} was changed since it was made (its SHA-256 differs); `wattledger report` makes the report once more"
    )]
    Changed(PathBuf),
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError + use<> {
    let path = path.to_path_buf();
    move |source| FolderError::Io { what, path, source }
}

/// Whether a name stays in its folder, on any system.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=LONGEST_NAME).contains(&name.len()) && !name.starts_with('.') && name.chars().all(fits)
}

/// Writes a file, in place of an earlier one of its name; durable on return.
pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<KeptFile, FolderError> {
    if !is_name(name) {
        return Err(FolderError::Name(name.chars().take(80).collect()));
    }
    make(folder).map_err(failed("make the folder", folder))?;
    let (part, path) = (folder.join(format!(".{name}{PART}")), folder.join(name));
    let mut file = File::create(&part).map_err(failed("write", &part))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", &part))?;
    drop(file);
    fs::rename(&part, &path).map_err(failed("rename to", &path))?;
    sync(folder).map_err(failed("sync the folder", folder))?;
    Ok(KeptFile { name: name.to_owned(), bytes: bytes.len() as u64, sha256: hash(bytes) })
}

/// Makes a folder with those above it, each durable in the one above.
fn make(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new(""));
    make(above)?;
    if let Err(error) = fs::create_dir(folder)
        && !folder.is_dir()
    {
        return Err(error);
    }
    sync(if above.as_os_str().is_empty() { Path::new(".") } else { above })
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes a file, if it is there; durable on return.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), FolderError> {
    if !is_name(name) {
        return Err(FolderError::Name(name.chars().take(80).collect()));
    }
    let path = folder.join(name);
    match fs::remove_file(&path) {
        Ok(()) => sync(folder).map_err(failed("sync the folder", folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("remove", &path)(error)),
    }
}

/// The names of the files in a folder; none where it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, FolderError> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(failed("list", folder))?,
    };
    let names = listed.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
    let names: io::Result<Vec<Option<String>>> = names.collect();
    Ok(names.map_err(failed("list", folder))?.into_iter().flatten().collect())
}

/// Removes what a kill left of files that were not whole yet. Gives how many there were.
pub(super) fn tidy(folder: &Path) -> Result<usize, FolderError> {
    let mut removed = 0;
    for name in names(folder)? {
        if name.starts_with('.') && name.ends_with(PART) {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(failed("remove", &path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The bytes of a file as they were made.
pub(super) fn take(folder: &Path, kept: &KeptFile) -> Result<Vec<u8>, FolderError> {
    if !is_name(&kept.name) {
        return Err(FolderError::Name(kept.name.chars().take(80).collect()));
    }
    let path = folder.join(&kept.name);
    let length = fs::metadata(&path).map_err(failed("read", &path))?.len();
    if length != kept.bytes {
        return Err(FolderError::Changed(path));
    }
    let bytes = fs::read(&path).map_err(failed("read", &path))?;
    if hash(&bytes) == kept.sha256 { Ok(bytes) } else { Err(FolderError::Changed(path)) }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The media type of a report's file, by the end of its name.
pub fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("txt") => "text/plain; charset=utf-8",
        Some("json") => "application/json",
        Some("csv") => "text/csv; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    }
}
