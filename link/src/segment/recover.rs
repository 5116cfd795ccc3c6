//! What is on disk when a log is opened.

use super::record::{HEADER_BYTES, MOST_INDEX, Scanner, read_header};
use super::{SEGMENT_MAGIC, Segment};
use crate::disk::Disk;
use crate::ranges::RangeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Lines of detail that are kept.
const DETAIL_LIMIT: usize = 100;

/// What [`SegmentLog::open`](super::SegmentLog::open) found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Bytes at the end of the newest segment that hold no whole record: a write that a crash cut short.
    pub torn_bytes: u64,
    /// Records that were durable once and cannot be read any more.
    pub damaged_records: u64,
    /// What was found where, in words; at most a hundred lines.
    pub detail: Vec<String>,
}

impl Recovered {
    pub(super) fn note(&mut self, line: String) {
        if self.detail.len() < DETAIL_LIMIT {
            self.detail.push(line);
        }
    }

    fn lose(&mut self, lost: &mut RangeSet, first: u64, next: u64) {
        if first < next {
            lost.insert_range(first, next - 1);
            self.damaged_records += next - first;
            self.note(format!("records {first} to {} are damaged and left out", next - 1));
        }
    }
}

/// A segment's file name: its first index, and a number that no other file has.
pub(super) fn file_name(first: u64, generation: u64) -> String {
    format!("{first:020}-{generation:08}.seg")
}

fn parse_file_name(name: &str) -> Option<(u64, u64)> {
    let (first, generation) = name.strip_suffix(".seg")?.split_once('-')?;
    let (first, generation) = (first.parse().ok()?, generation.parse().ok()?);
    let believable = first <= MOST_INDEX && generation <= MOST_INDEX;
    (believable && file_name(first, generation) == name).then_some((first, generation))
}

/// The segments of a directory, oldest first, not yet scanned.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<(u64, u64, PathBuf)>> {
    let mut found: Vec<_> = disk
        .list(dir)?
        .iter()
        .filter_map(|name| {
            parse_file_name(name).map(|(first, generation)| (first, generation, dir.join(name)))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// The identity from the first header that still has it.
pub(super) fn meta_of_headers(disk: &dyn Disk, files: &[(u64, u64, PathBuf)]) -> io::Result<Option<Vec<u8>>> {
    for (_, _, path) in files {
        if let Some(meta) = read_header(SEGMENT_MAGIC, &disk.read(path, 0, HEADER_BYTES)?) {
            return Ok(Some(meta));
        }
    }
    Ok(None)
}

/// Scans every segment. `mark` is the index after the highest that is known to have been durable. Gives the
/// segments that hold something, the index that comes next, and those that are lost.
pub(super) fn scan(
    disk: &dyn Disk,
    files: Vec<(u64, u64, PathBuf)>,
    mark: u64,
    recovered: &mut Recovered,
) -> io::Result<(Vec<Segment>, u64, RangeSet)> {
    let mut lost = RangeSet::below(files.first().map_or(mark, |(first, ..)| *first));
    let mut segments = Vec::with_capacity(files.len());
    let mut next = lost.floor();
    for (at, (first, _, path)) in files.iter().enumerate() {
        let following = files.get(at + 1).map(|(first, ..)| *first);
        if following == Some(*first) {
            // Debris of an append that failed and was repeated in the next segment.
            if let Err(error) = disk.remove(path) {
                recovered.note(format!("cannot remove the unused {}: {error}", path.display()));
            }
            continue;
        }
        recovered.lose(&mut lost, next, *first);
        let length = disk.length(path)?;
        let mut segment = Segment::new(path.clone(), *first, length);
        next = scan_one(disk, &mut segment, following, &mut lost, recovered)?;
        segments.push(segment);
    }
    if next < mark {
        recovered.lose(&mut lost, next, mark);
        next = mark;
    }
    Ok((segments, next, lost))
}

/// Scans one segment and gives the index after its last record.
fn scan_one(
    disk: &dyn Disk,
    segment: &mut Segment,
    following: Option<u64>,
    lost: &mut RangeSet,
    recovered: &mut Recovered,
) -> io::Result<u64> {
    let mut expected = segment.first;
    let path = segment.path.clone();
    let mut scanner = Scanner::new(disk, &path, HEADER_BYTES as u64, segment.length);
    while let Some(found) = scanner.next()? {
        if found.index < expected || following.is_some_and(|following| found.index >= following) {
            // Left by an append that failed; its index was given again in the next segment.
            continue;
        }
        recovered.lose(lost, expected, found.index + u64::from(found.payload.is_none()));
        segment.remember(found.index, found.offset);
        expected = found.index + 1;
    }
    if following.is_none() && scanner.left() > 0 && segment.length > HEADER_BYTES as u64 {
        recovered.torn_bytes = scanner.left();
        recovered.note(format!(
            "the last {} bytes of {} hold no whole record",
            scanner.left(),
            path.display()
        ));
    }
    segment.end = expected;
    Ok(expected)
}
