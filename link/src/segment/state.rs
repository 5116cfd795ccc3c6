//! The state file: the log's identity, and a mark of the highest index that was ever durable.
//!
//! The mark is overwritten in place after each append and not synced: it costs microseconds, outlives the
//! process, and after a power cut is at worst too low. It is what tells a record that was never durable
//! from one that was and has been destroyed, whose index must not be given again.

use super::record::{HEADER_BYTES, read_header, write_header};
use crate::disk::{Disk, DiskFile};
use std::io;
use std::path::Path;

const MAGIC: &[u8; 8] = b"WLSTATE1";
const NAME: &str = "state";
const NEW_NAME: &str = "state.new";
const MARK_AT: u64 = HEADER_BYTES as u64;

/// What the state file said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) exists: bool,
    /// `None` if it is damaged.
    pub(super) meta: Option<Vec<u8>>,
    /// Zero if it is damaged: then it says nothing.
    pub(super) mark: u64,
}

pub(super) fn read(disk: &dyn Disk, dir: &Path) -> io::Result<Said> {
    let bytes = match disk.read(&dir.join(NAME), 0, HEADER_BYTES + 12) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Said::default()),
        Err(error) => return Err(error),
    };
    let mark = bytes.get(HEADER_BYTES..).and_then(|rest| rest.first_chunk::<12>()).and_then(read_mark);
    Ok(Said { exists: true, meta: read_header(MAGIC, &bytes), mark: mark.unwrap_or(0) })
}

/// Writes a whole new state file in the place of the old.
pub(super) fn replace(disk: &dyn Disk, dir: &Path, meta: &[u8], mark: u64) -> io::Result<Box<dyn DiskFile>> {
    let new = dir.join(NEW_NAME);
    match disk.remove(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut bytes = write_header(MAGIC, 0, meta).to_vec();
    bytes.extend_from_slice(&write_mark(mark));
    let mut file = disk.create(&new)?;
    file.write_at(0, &bytes)?;
    file.sync()?;
    disk.rename(&new, &dir.join(NAME))?;
    disk.sync_dir(dir)?;
    Ok(file)
}

/// Opens the existing state file to move the mark.
pub(super) fn open(disk: &dyn Disk, dir: &Path) -> io::Result<Box<dyn DiskFile>> {
    disk.open(&dir.join(NAME))
}

/// Moves the mark.
pub(super) fn move_mark(file: &mut dyn DiskFile, mark: u64) -> io::Result<()> {
    file.write_at(MARK_AT, &write_mark(mark))
}

fn write_mark(mark: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&mark.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..8]);
    bytes[8..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn read_mark(bytes: &[u8; 12]) -> Option<u64> {
    let (mark, crc) = bytes.split_first_chunk::<8>()?;
    (crc32fast::hash(mark).to_le_bytes() == *crc).then(|| u64::from_le_bytes(*mark))
}
