//! The demo's directory: what it keeps between runs, and who may use it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::{env, fs, io};
use wattledger_agent::source::simulated::sites;
use wattledger_model::time::Timestamp;

/// What marks a directory as the demo's own.
const NOTES: &str = "demo.json";
const LOCK: &str = "demo.lock";
/// How far back the first run fills.
const PAST_MS: i64 = 365 * 86_400_000;
/// The furthest back that a later run fills: younger than what the collector still takes.
const FURTHEST_MS: i64 = 395 * 86_400_000;
const QUARTER_MS: i64 = 900_000;
/// The simulated world everyone sees.
const SEED: u64 = 2_026;

/// The directory with its notes. Locked as long as it lives.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    notes: Notes,
    is_new: bool,
    furthest: Timestamp,
    _lock: File,
}

/// What continues in the next run: the world, and how far each site has been read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    seed: u64,
    origin_ms: i64,
    positions_ms: BTreeMap<String, i64>,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HomeError {
    #[error("cannot use {path}; give another --data-dir")]
    Unusable { path: PathBuf, source: io::Error },
    #[error("{0} is not empty and was not made by the demo; give another --data-dir")]
    Foreign(PathBuf),
    #[error("another demo runs with {0}; stop it or give another --data-dir")]
    InUse(PathBuf),
    #[error("cannot read {path}; use --fresh to begin anew")]
    Notes { path: PathBuf, source: serde_json::Error },
}

impl Home {
    /// Opens or makes the directory; `fresh` first removes what an earlier demo left there.
    ///
    /// # Errors
    /// [`HomeError`] when the directory cannot be written, is somebody else's, or is in use.
    pub(crate) fn open(dir: Option<PathBuf>, fresh: bool, now: Timestamp) -> Result<Home, HomeError> {
        let dir = dir.unwrap_or_else(default_dir);
        let unusable = |source| HomeError::Unusable { path: dir.clone(), source };
        fs::create_dir_all(&dir).map_err(unusable)?;
        // Configuration and admin socket hold absolute paths.
        let dir = dir.canonicalize().map_err(unusable)?;
        refuse_foreign(&dir)?;
        let lock = lock(&dir)?;
        if fresh {
            remove_own(&dir).map_err(unusable)?;
        }
        let (notes, is_new) = match read_notes(&dir)? {
            Some(notes) => (notes, false),
            None => (Notes::beginning(now), true),
        };
        let furthest = Timestamp(now.0 - FURTHEST_MS);
        let mut home = Home { dir, notes, is_new, furthest, _lock: lock };
        home.note(&BTreeMap::new())?;
        Ok(home)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether no earlier run has left anything.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    pub(crate) fn seed(&self) -> u64 {
        self.notes.seed
    }

    /// When the simulated world begins.
    pub(crate) fn origin(&self) -> Timestamp {
        Timestamp(self.notes.origin_ms)
    }

    /// The instant after which a site's readings are wanted: the last that is known to be durable at its
    /// agent, unless that is longer ago than readings are taken.
    pub(crate) fn position(&self, site: &str) -> Timestamp {
        // One step before the origin, so that the origin itself is the first reading.
        let noted = self.notes.positions_ms.get(site).copied().unwrap_or(self.notes.origin_ms - 1);
        Timestamp(noted).max(self.furthest)
    }

    /// Writes down how far the sites have come.
    ///
    /// # Errors
    /// [`HomeError::Unusable`] when the disk refuses.
    pub(crate) fn note(&mut self, positions: &BTreeMap<String, Timestamp>) -> Result<(), HomeError> {
        self.notes.positions_ms.extend(positions.iter().map(|(site, at)| (site.clone(), at.0)));
        let path = self.dir.join(NOTES);
        let text = serde_json::to_string_pretty(&self.notes)
            .map_err(|source| HomeError::Notes { path: path.clone(), source })?;
        self.write(NOTES, &text)?;
        Ok(())
    }

    /// Replaces a file of the directory, whole or not at all.
    ///
    /// # Errors
    /// [`HomeError::Unusable`] when the disk refuses.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, HomeError> {
        let path = self.dir.join(name);
        let beside = self.dir.join(format!("{name}.new"));
        let replace = || -> io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            fs::rename(&beside, &path)
        };
        replace().map_err(|source| HomeError::Unusable { path: path.clone(), source })?;
        Ok(path)
    }
}

impl Notes {
    fn beginning(now: Timestamp) -> Notes {
        let origin_ms = (now.0 - PAST_MS).div_euclid(QUARTER_MS) * QUARTER_MS;
        Notes { seed: SEED, origin_ms, positions_ms: BTreeMap::new() }
    }
}

fn read_notes(dir: &Path) -> Result<Option<Notes>, HomeError> {
    let path = dir.join(NOTES);
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|source| HomeError::Notes { path, source }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HomeError::Unusable { path, source }),
    }
}

fn refuse_foreign(dir: &Path) -> Result<(), HomeError> {
    let unusable = |source| HomeError::Unusable { path: dir.to_owned(), source };
    if dir.join(NOTES).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(dir).map_err(unusable)? {
        let name = entry.map_err(unusable)?.file_name();
        if name != LOCK && name != "demo.json.new" {
            return Err(HomeError::Foreign(dir.to_owned()));
        }
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<File, HomeError> {
    let path = dir.join(LOCK);
    let unusable = |source| HomeError::Unusable { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HomeError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Removes what a demo makes, by name; nothing else that may lie in the directory.
fn remove_own(dir: &Path) -> io::Result<()> {
    let ignore_absent = |outcome: io::Result<()>| match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    };
    ignore_absent(fs::remove_dir_all(dir.join("collector")))?;
    ignore_absent(fs::remove_file(dir.join("collector.toml")))?;
    for site in sites() {
        ignore_absent(fs::remove_dir_all(dir.join(format!("agent-{}", site.name))))?;
        ignore_absent(fs::remove_file(dir.join(format!("agent-{}.toml", site.name))))?;
    }
    // Last: as long as it is there, the directory is known as the demo's own.
    ignore_absent(fs::remove_file(dir.join(NOTES)))
}

/// The per-user data directory, or the temporary one where there is none.
fn default_dir() -> PathBuf {
    let absolute = |path: std::ffi::OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    env::var_os("XDG_DATA_HOME")
        .and_then(absolute)
        .or_else(|| env::var_os("HOME").and_then(absolute).map(|home| home.join(".local/share")))
        .unwrap_or_else(env::temp_dir)
        .join("wattledger-demo")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_248_123_456);

    fn open(dir: &Path, fresh: bool) -> Result<Home, HomeError> {
        Home::open(Some(dir.to_owned()), fresh, NOW)
    }

    #[test]
    fn it_continues_with_the_same_world_and_position() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut first = open(dir.path(), false).expect("new");
        assert!(first.is_new());
        let (seed, origin) = (first.seed(), first.origin());
        assert_eq!(origin.0 % QUARTER_MS, 0);
        assert_eq!(first.position("hamburg"), Timestamp(origin.0 - 1));
        let noted = Timestamp(NOW.0 - 3_600_000);
        first.note(&BTreeMap::from([("hamburg".to_owned(), noted)])).expect("written");
        drop(first);
        let reopen = |now| Home::open(Some(dir.path().to_owned()), false, now).expect("again");
        let second = reopen(Timestamp(NOW.0 + 60_000));
        assert!(!second.is_new());
        assert_eq!((second.seed(), second.origin(), second.position("hamburg")), (seed, origin, noted));
        assert!(matches!(open(dir.path(), false), Err(HomeError::InUse(_))));
        drop(second);
        let much_later = Timestamp(NOW.0 + 5 * PAST_MS);
        assert_eq!(reopen(much_later).position("hamburg"), Timestamp(much_later.0 - FURTHEST_MS));
    }

    #[test]
    fn fresh_removes_its_own_things_only() {
        let dir = tempfile::tempdir().expect("a directory");
        drop(open(dir.path(), false).expect("new"));
        fs::create_dir_all(dir.path().join("collector/store")).expect("made");
        fs::write(dir.path().join("mine.txt"), "keep").expect("written");
        let fresh = open(dir.path(), true).expect("fresh");
        assert!(fresh.is_new());
        assert!(!dir.path().join("collector").exists());
        assert!(dir.path().join("mine.txt").exists());
    }

    #[test]
    fn a_directory_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("thesis.tex"), "").expect("written");
        for fresh in [false, true] {
            assert!(matches!(open(dir.path(), fresh), Err(HomeError::Foreign(_))));
        }
    }

    #[test]
    fn damaged_notes_are_named_and_not_overwritten() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join(NOTES), "{").expect("written");
        assert!(matches!(open(dir.path(), false), Err(HomeError::Notes { .. })));
        assert!(open(dir.path(), true).expect("fresh").is_new());
    }
}
