//! The bytes of a segment: a header of fixed size, then records. And how to find records again when some
//! of the bytes are not what they were.

use crate::disk::Disk;
use std::io;
use std::path::Path;

/// Size of a segment's header on disk, and of the identity's copy in the state file.
pub(super) const HEADER_BYTES: usize = 512;
/// Most bytes of the caller's identity.
pub(super) const MAX_META_BYTES: usize = 256;
/// Most bytes of one record's payload.
pub(super) const MAX_PAYLOAD_BYTES: usize = 16 << 20;
/// No log comes to this index, or to so many files: a greater number on disk is damage.
pub(super) const MOST_INDEX: u64 = 1 << 62;
/// Marker, length, index, CRC of the payload, CRC of the head.
pub(super) const HEAD_BYTES: usize = 24;

const MARKER: [u8; 4] = *b"\xA7wlr";
const CHUNK_BYTES: usize = 128 << 10;

/// The header: what kind of file, a number, the identity, and a CRC at its very end.
pub(super) fn write_header(magic: &[u8; 8], number: u64, meta: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(magic);
    header[8..16].copy_from_slice(&number.to_le_bytes());
    header[16..18].copy_from_slice(&(meta.len() as u16).to_le_bytes());
    header[18..18 + meta.len()].copy_from_slice(meta);
    let crc = crc32fast::hash(&header[..HEADER_BYTES - 4]);
    header[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The identity in a header; `None` if it is short or damaged.
pub(super) fn read_header(magic: &[u8; 8], bytes: &[u8]) -> Option<Vec<u8>> {
    let header = bytes.get(..HEADER_BYTES)?;
    let intact = header[..8] == *magic
        && u32_at(header, HEADER_BYTES - 4) == crc32fast::hash(&header[..HEADER_BYTES - 4]);
    let length = usize::from(u16::from_le_bytes([header[16], header[17]]));
    (intact && length <= MAX_META_BYTES).then(|| header[18..18 + length].to_vec())
}

/// Appends the bytes of a record that will stand at the offset.
pub(super) fn write_record(bytes: &mut Vec<u8>, offset: u64, index: u64, payload: &[u8]) {
    let start = bytes.len();
    bytes.extend_from_slice(&MARKER);
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&index.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    let crc = head_crc(offset, &bytes[start..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(payload);
}

/// The offset is part of the sum, so that a record within a payload is never taken for one of ours.
fn head_crc(offset: u64, head: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&offset.to_le_bytes());
    hasher.update(head);
    hasher.finalize()
}

#[derive(Debug, Clone, Copy)]
struct Head {
    length: usize,
    index: u64,
    payload_crc: u32,
}

fn read_head(bytes: &[u8], offset: u64) -> Option<Head> {
    let head = bytes.get(..HEAD_BYTES)?;
    if head[..4] != MARKER || u32_at(head, 20) != head_crc(offset, &head[..20]) {
        return None;
    }
    let length = u32_at(head, 4) as usize;
    let index = u64::from_le_bytes(std::array::from_fn(|i| head[8 + i]));
    (length <= MAX_PAYLOAD_BYTES && index <= MOST_INDEX).then_some(Head {
        length,
        index,
        payload_crc: u32_at(head, 16),
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

/// A record, or what is left of one.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) offset: u64,
    pub(super) index: u64,
    /// `None` if the payload is damaged.
    pub(super) payload: Option<Vec<u8>>,
}

/// Goes through the records of a file, a chunk at a time.
pub(super) struct Scanner<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    /// Where the file ends, or where what is durable ends.
    end: u64,
    at: u64,
    chunk: Vec<u8>,
    chunk_at: u64,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(disk: &'a dyn Disk, path: &'a Path, from: u64, end: u64) -> Scanner<'a> {
        Scanner { disk, path, end, at: from, chunk: Vec::new(), chunk_at: from }
    }

    /// The bytes that are left: after `next` gave `None`, those that hold no whole record.
    pub(super) fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// The next record. What is not readable as a record is passed over; `None` when none follows.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        let Some((offset, head)) = self.find_head()? else { return Ok(None) };
        let body = offset + HEAD_BYTES as u64;
        self.at = offset;
        if body + head.length as u64 > self.end {
            return Ok(None);
        }
        let payload = self.bytes(body, head.length)?;
        if payload.len() < head.length {
            return Ok(None);
        }
        let intact = crc32fast::hash(payload) == head.payload_crc;
        let payload = intact.then(|| payload.to_vec());
        self.at = body + head.length as u64;
        Ok(Some(Found { offset, index: head.index, payload }))
    }

    /// The first valid head at or after the current place, which stays where it is if there is none.
    fn find_head(&mut self) -> io::Result<Option<(u64, Head)>> {
        let mut at = self.at;
        while at + HEAD_BYTES as u64 <= self.end {
            let bytes = self.bytes(at, HEAD_BYTES)?;
            if bytes.len() < HEAD_BYTES {
                break;
            }
            if let Some(head) = read_head(bytes, at) {
                return Ok(Some((at, head)));
            }
            // On to the next marker in what is at hand, leaving enough that one is never cut in two.
            let ahead = self.at_hand(at);
            let within = ahead.len() - MARKER.len() + 1;
            let step = (1..within).find(|&i| ahead[i..i + MARKER.len()] == MARKER).unwrap_or(within);
            at += step as u64;
        }
        Ok(None)
    }

    /// Bytes from the offset on; fewer than asked for only where the file ends.
    fn bytes(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        if at < self.chunk_at || self.at_hand(at).len() < length {
            let most = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
            self.chunk = self.disk.read(self.path, at, length.max(CHUNK_BYTES).min(most))?;
            self.chunk_at = at;
        }
        let ahead = self.at_hand(at);
        Ok(&ahead[..ahead.len().min(length)])
    }

    fn at_hand(&self, at: u64) -> &[u8] {
        let skip = usize::try_from(at - self.chunk_at).unwrap_or(usize::MAX);
        self.chunk.get(skip..).unwrap_or_default()
    }
}
