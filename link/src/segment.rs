//! Append-only segment files: the agent's spool and the collector's journal.
//!
//! The promise: when [`SegmentLog::append`] returns, the records are on disk and synced, and no crash
//! takes them back. An index is given once, whatever happens to the record. Damage costs the records it
//! hits and no others; a tail that a crash cut short costs nothing that was promised.
//!
//! A directory holds `lock`, `state` (identity and high-water mark) and the segments. Nothing is ever
//! appended behind bytes of doubtful standing: after each opening, and after each failed append, the next
//! one begins a new segment.

mod error;
mod record;
mod recover;
mod state;
#[cfg(test)]
mod tests;

use crate::disk::{Disk, DiskFile, LocalDisk};
use crate::ranges::RangeSet;
pub use error::SegmentError;
use record::{HEAD_BYTES, HEADER_BYTES, MAX_META_BYTES, MAX_PAYLOAD_BYTES, Scanner};
pub use recover::Recovered;
use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SEGMENT_MAGIC: &[u8; 8] = b"WLSEGMT1";
/// Between two remembered places in a segment, from which a read can start.
const STRIDE_BYTES: u64 = 64 << 10;

/// Sizes of a log.
#[derive(Debug, Clone)]
pub struct SegmentOptions {
    /// Bytes after which the next append starts a new file. Small files free space sooner; large ones
    /// cost fewer directory syncs. A single append is never split, so a file may grow beyond.
    pub segment_bytes: u64,
}

/// A log of records in segment files, each record with an index of its own. See the module.
#[derive(Debug)]
pub struct SegmentLog {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: SegmentOptions,
    meta: Vec<u8>,
    /// Oldest first.
    segments: VecDeque<Segment>,
    /// The last segment's file, while it may be appended to.
    active: Option<Box<dyn DiskFile>>,
    /// `None` if it cannot be written; then the mark stays too low, which only a second fault makes felt.
    state: Option<Box<dyn DiskFile>>,
    next: u64,
    /// Of the next segment's file.
    generation: u64,
    /// Everything below the first index, and every index above whose record is lost.
    lost: Mutex<RangeSet>,
    _lock: Box<dyn Any + Send + Sync>,
}

/// One file of the log.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    /// The index that its first record has, or would have.
    first: u64,
    /// The index after its last record.
    end: u64,
    /// Bytes of the file that count.
    length: u64,
    /// `(index, offset)` of some records, ascending.
    places: Vec<(u64, u64)>,
}

impl Segment {
    fn new(path: PathBuf, first: u64, length: u64) -> Segment {
        Segment { path, first, end: first, length, places: Vec::new() }
    }

    /// Remembers a record's place if the last remembered one is far enough behind.
    fn remember(&mut self, index: u64, offset: u64) {
        if self.places.last().is_none_or(|(_, last)| offset - last >= STRIDE_BYTES) {
            self.places.push((index, offset));
        }
    }

    /// Where to start reading to find the index, and the index that stands there.
    fn place_of(&self, index: u64) -> (u64, u64) {
        match self.places.partition_point(|(at, _)| *at <= index) {
            0 => (self.first, HEADER_BYTES as u64),
            after => self.places[after - 1],
        }
    }
}

impl SegmentLog {
    /// Opens the log in the directory, or makes it. `meta` (at most 256 bytes) is kept where the log is
    /// new; otherwise the one kept at its making is what [`SegmentLog::meta`] gives.
    ///
    /// # Errors
    /// See [`SegmentError`]. Damage is no error: it is told in [`Recovered`].
    pub fn open(
        dir: &Path,
        options: SegmentOptions,
        meta: &[u8],
    ) -> Result<(SegmentLog, Recovered), SegmentError> {
        SegmentLog::open_on(Arc::new(LocalDisk), dir, options, meta)
    }

    /// The same on another disk, such as one that a test can fill or break.
    ///
    /// # Errors
    /// As [`SegmentLog::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: SegmentOptions,
        meta: &[u8],
    ) -> Result<(SegmentLog, Recovered), SegmentError> {
        if meta.len() > MAX_META_BYTES {
            return Err(SegmentError::TooLarge { what: "meta", bytes: meta.len(), limit: MAX_META_BYTES });
        }
        disk.make_dir(dir).map_err(SegmentError::at("make", dir))?;
        let lock = disk.lock(dir).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => SegmentError::InUse { dir: dir.to_owned() },
            _ => SegmentError::at("lock", dir)(error),
        })?;
        let mut recovered = Recovered::default();
        let said = state::read(&*disk, dir).map_err(SegmentError::at("read the state in", dir))?;
        let files = recover::list(&*disk, dir).map_err(SegmentError::at("list", dir))?;
        let kept = match said.meta.clone() {
            Some(meta) => Some(meta),
            None => recover::meta_of_headers(&*disk, &files).map_err(SegmentError::at("read", dir))?,
        };
        let generation = files.iter().map(|(_, generation, _)| generation + 1).max().unwrap_or(0);
        let unscanned = files.len();
        let (segments, next, lost) = recover::scan(&*disk, files, said.mark, &mut recovered)
            .map_err(SegmentError::at("read the segments in", dir))?;
        if let Some(last) = segments.last() {
            // A record that a killed process wrote and did not sync can be read here, and a power cut could
            // still take it back, and its index would be given again. Only the last segment can have any.
            let synced = disk.open(&last.path).and_then(|mut file| file.sync());
            synced.map_err(SegmentError::at("sync", &last.path))?;
        }
        let is_new = kept.is_none();
        if is_new && (next > 0 || recovered.torn_bytes > 0) {
            return Err(SegmentError::IdentityLost { dir: dir.to_owned() });
        }
        if unscanned == 0 && next > 0 {
            recovered
                .note(format!("the segments of {} are gone; numbering goes on at {next}", dir.display()));
        }
        let mut log = SegmentLog {
            disk,
            dir: dir.to_owned(),
            options,
            meta: kept.unwrap_or_else(|| meta.to_vec()),
            segments: segments.into(),
            active: None,
            state: None,
            next,
            generation,
            lost: Mutex::new(lost),
            _lock: lock,
        };
        log.open_state(&said, is_new, &mut recovered)?;
        Ok((log, recovered))
    }

    /// Makes the state file good again, and ready for the mark to be moved.
    fn open_state(
        &mut self,
        said: &state::Said,
        is_new: bool,
        recovered: &mut Recovered,
    ) -> Result<(), SegmentError> {
        let opened = if said.meta.is_some() {
            state::open(&*self.disk, &self.dir)
        } else {
            if said.exists || !is_new {
                recovered.note(format!("the state of {} was damaged and is made anew", self.dir.display()));
            }
            state::replace(&*self.disk, &self.dir, &self.meta, self.next)
        };
        match opened {
            Ok(file) => self.state = Some(file),
            Err(error) if is_new => {
                return Err(SegmentError::at("write the state in", &self.dir)(error));
            }
            Err(error) => {
                recovered.note(format!("cannot write the state of {}: {error}", self.dir.display()));
            }
        }
        self.move_mark();
        Ok(())
    }

    /// What was kept when the log was made.
    pub fn meta(&self) -> &[u8] {
        &self.meta
    }

    /// Appends the payloads and returns the index of the first. On return they are durable.
    ///
    /// On an error none of them counts as appended and the call can be repeated: it goes to a new
    /// segment, never behind a torn tail. Appending nothing returns the next index.
    ///
    /// # Errors
    /// [`SegmentError::Full`] and [`SegmentError::Io`]; [`SegmentError::TooLarge`] for a payload that
    /// never fits.
    pub fn append(&mut self, payloads: &[&[u8]]) -> Result<u64, SegmentError> {
        let mut bytes = 0;
        for payload in payloads {
            if payload.len() > MAX_PAYLOAD_BYTES {
                let (bytes, limit) = (payload.len(), MAX_PAYLOAD_BYTES);
                return Err(SegmentError::TooLarge { what: "a record", bytes, limit });
            }
            bytes += HEAD_BYTES + payload.len();
        }
        let first = self.next;
        if payloads.is_empty() {
            return Ok(first);
        }
        self.make_room_for(bytes as u64)?;
        self.write(payloads, bytes)?;
        self.next += payloads.len() as u64;
        self.move_mark();
        Ok(first)
    }

    /// Sees to a segment that takes this many bytes more.
    fn make_room_for(&mut self, bytes: u64) -> Result<(), SegmentError> {
        let fits = self.segments.back().is_some_and(|segment| {
            segment.first == segment.end || segment.length + bytes <= self.options.segment_bytes
        });
        if self.active.is_some() && fits { Ok(()) } else { self.start_segment() }
    }

    /// Writes the records to the active segment and syncs it; on an error gives the segment up.
    fn write(&mut self, payloads: &[&[u8]], bytes: usize) -> Result<(), SegmentError> {
        let (Some(file), Some(segment)) = (self.active.as_mut(), self.segments.back_mut()) else {
            unreachable!("room was made in an active segment");
        };
        let mut buffer = Vec::with_capacity(bytes);
        let mut offsets = Vec::with_capacity(payloads.len());
        for (index, payload) in (self.next..).zip(payloads) {
            let offset = segment.length + buffer.len() as u64;
            offsets.push((index, offset));
            record::write_record(&mut buffer, offset, index, payload);
        }
        if let Err(error) = file.write_at(segment.length, &buffer).and_then(|()| file.sync()) {
            // What stands there now is anybody's guess. Cut it off if the disk lets us; if not, the next
            // segment's first index says that it does not count.
            let _ = file.truncate(segment.length);
            self.active = None;
            return Err(SegmentError::at("append to", &segment.path)(error));
        }
        for (index, offset) in offsets {
            segment.remember(index, offset);
        }
        segment.length += buffer.len() as u64;
        segment.end = self.next + payloads.len() as u64;
        Ok(())
    }

    /// Begins a new segment at the next index.
    fn start_segment(&mut self) -> Result<(), SegmentError> {
        self.active = None;
        let path = self.dir.join(recover::file_name(self.next, self.generation));
        self.generation += 1;
        let header = record::write_header(SEGMENT_MAGIC, self.next, &self.meta);
        let created = self.disk.create(&path).and_then(|mut file| {
            file.write_at(0, &header)?;
            file.sync()?;
            self.disk.sync_dir(&self.dir)?;
            Ok(file)
        });
        let file = created.map_err(|error| {
            // A header cut short holds no record; it is passed over should it stay.
            let _ = self.disk.remove(&path);
            SegmentError::at("create", &path)(error)
        })?;
        if let Some(unused) = self.segments.pop_back_if(|last| last.first == last.end) {
            // The next opening tries again.
            let _ = self.disk.remove(&unused.path);
        }
        self.segments.push_back(Segment::new(path, self.next, HEADER_BYTES as u64));
        self.active = Some(file);
        self.lost_set().raise_floor(self.first_index());
        if let Some(state) = &mut self.state {
            let _ = state.sync();
        }
        Ok(())
    }

    /// Notes how far the log is durable. A mark that stays too low does no harm by itself.
    fn move_mark(&mut self) {
        if let Some(state) = &mut self.state {
            let _ = state::move_mark(&mut **state, self.next);
        }
    }

    /// The lowest index that may still be held; equal to [`SegmentLog::next_index`] when none is.
    pub fn first_index(&self) -> u64 {
        self.segments.front().map_or(self.next, |segment| segment.first)
    }

    /// The index that the next append gives.
    pub fn next_index(&self) -> u64 {
        self.next
    }

    /// Bytes of all segment files.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// The inclusive ranges of indices, at or above [`SegmentLog::first_index`], whose records cannot be
    /// read any more: holes that a reader must answer for.
    pub fn lost(&self) -> Vec<(u64, u64)> {
        let (first, lost) = (self.first_index(), self.lost_set());
        let below = (first < lost.floor()).then(|| (first, lost.floor() - 1));
        below.into_iter().chain(lost.ranges()).collect()
    }

    fn lost_set(&self) -> MutexGuard<'_, RangeSet> {
        // Nothing in there can be left half done.
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records from the index on, in order, until their payloads reach the limit; at least one if there is
    /// any. Records found damaged are left out, and are in [`SegmentLog::lost`] from then on.
    ///
    /// # Errors
    /// [`SegmentError::Io`] if a file cannot be read.
    pub fn read(&self, from: u64, limit_bytes: usize) -> Result<Vec<(u64, Vec<u8>)>, SegmentError> {
        let mut records = Vec::new();
        let mut room = limit_bytes;
        let start = self.segments.partition_point(|segment| segment.end <= from);
        for segment in self.segments.range(start..) {
            self.read_segment(segment, from, &mut room, &mut records)
                .map_err(SegmentError::at("read", &segment.path))?;
            if room == 0 && !records.is_empty() {
                break;
            }
        }
        Ok(records)
    }

    fn read_segment(
        &self,
        segment: &Segment,
        from: u64,
        room: &mut usize,
        records: &mut Vec<(u64, Vec<u8>)>,
    ) -> io::Result<()> {
        let (mut expected, offset) = segment.place_of(from);
        let mut scanner = Scanner::new(&*self.disk, &segment.path, offset, segment.length);
        while expected < segment.end {
            let found = scanner.next()?.filter(|found| found.index < segment.end);
            let Some(found) = found else {
                self.lost_set().insert_range(expected, segment.end - 1);
                break;
            };
            if found.index < expected {
                continue;
            }
            if expected < found.index {
                self.lost_set().insert_range(expected, found.index - 1);
            }
            expected = found.index + 1;
            match found.payload {
                None => self.lost_set().insert_range(found.index, found.index),
                Some(_) if found.index < from => {}
                Some(payload) => {
                    *room = room.saturating_sub(payload.len());
                    records.push((found.index, payload));
                    if *room == 0 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// What [`SegmentLog::first_index`] will be once all below the index was removed.
    pub fn first_after(&self, index: u64) -> u64 {
        let ends = (self.segments.iter().skip(1).map(|segment| segment.first)).chain([self.next]);
        ends.take_while(|end| *end <= index).last().unwrap_or_default().max(self.first_index())
    }

    /// Deletes the segments whose every index is below the given one. Numbering goes on where it was,
    /// also when all are gone, and after a restart.
    ///
    /// # Errors
    /// [`SegmentError::Io`] if a file cannot be removed, [`SegmentError::Full`] if there is no room for
    /// the empty segment that the last one leaves behind; what was removed before stays removed.
    pub fn remove_before(&mut self, index: u64) -> Result<(), SegmentError> {
        let mut removed = false;
        let mut result = Ok(());
        while let Some(segment) = self.segments.front() {
            let (path, bound) = match self.segments.get(1) {
                Some(following) => (segment.path.clone(), following.first),
                None if segment.first == segment.end => break,
                None => (segment.path.clone(), self.next),
            };
            if bound > index {
                break;
            }
            result = self.remove_oldest(&path);
            if result.is_err() {
                break;
            }
            removed = true;
        }
        if removed {
            self.disk.sync_dir(&self.dir).map_err(SegmentError::at("sync", &self.dir))?;
            self.lost_set().raise_floor(self.first_index());
        }
        result
    }

    /// Removes the oldest segment; the last one only once another stands for its number.
    fn remove_oldest(&mut self, path: &Path) -> Result<(), SegmentError> {
        if self.segments.len() == 1 {
            self.start_segment()?;
        }
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SegmentError::at("remove", path)(error))
            }
            _ => {
                self.segments.pop_front();
                Ok(())
            }
        }
    }
}
