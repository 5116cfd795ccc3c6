//! The embedded store: raw readings, the ledger made from them, and what outputs and alerts remember.
//!
//! One writer (the engine's thread) and any number of readers, each on its own connection: SQLite with a
//! write-ahead log, every commit synced.

pub(crate) mod day_hours;
pub mod digest;
pub mod history;
pub mod merkle;
pub mod quarantine;
pub mod raw;
pub mod read;
pub mod schema;

mod write;

pub use write::{HourRow, Writer};
pub(crate) use write::{raw_block, steps_between};

use crate::ledger::block::BlockError;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use wattledger_model::meter::MeterKey;

/// Number of a meter in this store.
pub type MeterId = i64;

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed: the disk is full, the file is damaged or not ours.
    #[error("the store at {path} failed: {source}")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The directory cannot be made, read or locked.
    #[error("cannot use the data directory {path}: {source}; check that it exists and belongs to this user")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process holds the store.
    #[error("another collector uses {0}; stop it, or give this one its own `data_dir`")]
    Locked(PathBuf),
    /// There is no store yet.
    #[error("there is no ledger in {0}; start the collector once, or check `data_dir`")]
    Absent(PathBuf),
    /// The store was written by another version of the program.
    #[error(
        "the store at {path} has schema version {found}, this program knows {known}; use the newer program"
    )]
    Version {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version this program writes.
        known: i64,
    },
    /// The store was written by an earlier version of the program, and is only read here.
    #[error(
        "the store at {path} has schema version {found}, this program knows {known}; start the collector once, \
         it brings the store up to date"
    )]
    Older {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version this program reads.
        known: i64,
    },
    /// A block in the store cannot be read.
    #[error("{what}: {source}")]
    Block {
        /// Which block.
        what: String,
        /// What is wrong with it.
        source: BlockError,
    },
}

/// Where the files of a collector's data directory are.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The data directory.
    pub dir: PathBuf,
}

impl Layout {
    /// The layout of a data directory.
    pub fn new(dir: &Path) -> Layout {
        Layout { dir: dir.to_path_buf() }
    }

    /// The SQLite file.
    pub fn database(&self) -> PathBuf {
        self.dir.join("ledger.sqlite")
    }

    /// The SQLite file in which outputs keep their cursors and alerts their state.
    pub fn outputs(&self) -> PathBuf {
        self.dir.join("outputs.sqlite")
    }

    /// The folder of scheduled reports, where the configuration names no other.
    pub fn reports(&self) -> PathBuf {
        self.dir.join("reports")
    }

    /// The journal's directory.
    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// The admin socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("admin.sock")
    }
}

/// Held by the one process that may write to a data directory; released when dropped or killed.
#[derive(Debug)]
pub struct WriteLock {
    _file: File,
}

impl WriteLock {
    /// Takes the lock of a data directory, making the directory if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has it; [`StoreError::Directory`].
    pub fn take(layout: &Layout) -> Result<WriteLock, StoreError> {
        let failed = |source| StoreError::Directory { path: layout.dir.clone(), source };
        std::fs::create_dir_all(&layout.dir).map_err(failed)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(layout.dir.join("lock"))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(WriteLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked(layout.dir.clone())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Opens the store to write, making it if it is new.
///
/// # Errors
/// [`StoreError`].
pub fn open_writer(layout: &Layout) -> Result<Connection, StoreError> {
    let path = layout.database();
    let failed = |source| StoreError::Sqlite { path: path.clone(), source };
    let connection = Connection::open(&path).map_err(failed)?;
    schema::prepare(&connection).map_err(failed)?;
    match schema::version(&connection).map_err(failed)? {
        0 => schema::create(&connection).map_err(failed)?,
        schema::VERSION => {}
        from @ 1..schema::VERSION => {
            schema::migrate(&connection, from).map_err(failed)?;
            let to = schema::VERSION;
            tracing::info!(path = %path.display(), from, to, "the store was brought up to this schema version");
        }
        found => return Err(StoreError::Version { path, found, known: schema::VERSION }),
    }
    Ok(connection)
}

/// Opens the store to read; other processes may write to it meanwhile.
///
/// # Errors
/// [`StoreError::Absent`] where there is none.
pub fn open_reader(layout: &Layout) -> Result<Connection, StoreError> {
    let path = layout.database();
    if !path.exists() {
        return Err(StoreError::Absent(layout.dir.clone()));
    }
    let failed = |source| StoreError::Sqlite { path: path.clone(), source };
    // Reading a write-ahead log needs write access to its shared-memory file, so no READ_ONLY flag; the
    // connection refuses to change anything by itself.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    schema::prepare(&connection).map_err(failed)?;
    connection.pragma_update(None, "query_only", true).map_err(failed)?;
    match schema::version(&connection).map_err(failed)? {
        schema::VERSION => Ok(connection),
        0 => Err(StoreError::Absent(layout.dir.clone())),
        found if found < schema::VERSION => Err(StoreError::Older { path, found, known: schema::VERSION }),
        found => Err(StoreError::Version { path, found, known: schema::VERSION }),
    }
}

/// The numbers of the meters that the store knows.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn meters(connection: &Connection) -> Result<HashMap<MeterKey, MeterId>, StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let all: Vec<(MeterId, String, String)> = connection
        .prepare("SELECT id, site, name FROM meter")
        .and_then(|mut s| s.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect())
        .map_err(failed)?;
    let known = |(id, site, meter): (MeterId, String, String)| {
        Some((MeterKey { site: site.parse().ok()?, meter: meter.parse().ok()? }, id))
    };
    Ok(all.into_iter().filter_map(known).collect())
}

/// Reads one value of the `meta` table.
pub fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Writes one value of the `meta` table.
pub fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value")?
        .execute([key, value])
        .map(drop)
}

/// The number of the last flush that changed minutes or steps; 0 before the first.
pub fn change_number(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(meta(connection, "change")?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn who_reads_a_store_that_is_only_being_made_neither_fails_nor_keeps_it_from_being_made() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().expect("a directory");
            let layout = Layout::new(dir.path());
            let start = Barrier::new(4);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        start.wait();
                        for _ in 0..5 {
                            match open_reader(&layout) {
                                Ok(_) | Err(StoreError::Absent(_)) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                    });
                }
                start.wait();
                drop(open_writer(&layout).expect("made, whoever looks at it"));
            });
            drop(open_reader(&layout).expect("it is there"));
        }
    }
}
