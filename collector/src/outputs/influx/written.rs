//! What was written lately, in bounded memory: so that a point that did not change is not sent again, and so
//! that a field that is gone is noticed.
//!
//! Forgetting costs only work: what is not remembered is written again.

use super::catalog::FieldSet;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use wattledger_model::time::MINUTE_MS;

/// Minutes remembered together.
const CHUNK: usize = 60;
/// Chunks kept at most, in two halves of half a kilobyte a chunk.
const CHUNKS: usize = 16_384;

/// What is remembered of one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing: it may have been written by an earlier run, or before it was forgotten.
    Unknown,
    /// It was looked at, with these fields and this digest of their values.
    Known(FieldSet, u64),
}

type Chunk = Box<[u64; CHUNK]>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Written {
    young: HashMap<(u32, i64), Chunk>,
    old: HashMap<(u32, i64), Chunk>,
    chunks: usize,
    forgotten: bool,
}

impl Default for Written {
    fn default() -> Written {
        Written::with_room_for(CHUNKS)
    }
}

/// Marks a point that was looked at, so that "without fields" differs from "unknown".
const SEEN: u64 = 1 << 16;

impl Written {
    fn with_room_for(chunks: usize) -> Written {
        Written { young: HashMap::new(), old: HashMap::new(), chunks, forgotten: false }
    }

    /// Whether anything was ever forgotten.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.forgotten
    }

    /// The digest of a point's fields.
    pub(crate) fn digest(fields: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(fields);
        hasher.finish() & !0xffff | SEEN
    }

    /// Remembers a point, and gives what was remembered of it.
    pub(crate) fn put(&mut self, series: u32, at_ms: i64, fields: FieldSet, digest: u64) -> Before {
        let minute = at_ms.div_euclid(MINUTE_MS);
        let (chunk, at) = (minute.div_euclid(CHUNK as i64), minute.rem_euclid(CHUNK as i64) as usize);
        let slot = &mut self.chunk((series, chunk))[at];
        let before = match *slot {
            0 => Before::Unknown,
            seen => Before::Known(FieldSet(seen as u16), seen & !0xffff),
        };
        *slot = digest | u64::from(fields.0);
        before
    }

    fn chunk(&mut self, of: (u32, i64)) -> &mut [u64; CHUNK] {
        if !self.young.contains_key(&of) {
            let chunk = self.old.remove(&of).unwrap_or_else(|| Box::new([0; CHUNK]));
            if self.young.len() >= self.chunks / 2 {
                self.forgotten |= !self.old.is_empty();
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(of, chunk);
        }
        self.young.get_mut(&of).expect("it was put there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_remembered_with_its_fields() {
        let mut written = Written::default();
        let (two, three) = (FieldSet(3), FieldSet(7));
        let digest = Written::digest(b"a=1,b=2");
        assert_eq!(written.put(1, 60_000, two, digest), Before::Unknown);
        assert_eq!(written.put(1, 60_000, three, digest), Before::Known(two, digest));
        assert_eq!(written.put(1, 120_000, two, digest), Before::Unknown, "another minute");
        assert_eq!(written.put(2, 60_000, two, digest), Before::Unknown, "another series");
        let nothing = Written::digest(b"");
        assert_eq!(written.put(1, 0, FieldSet(0), nothing), Before::Unknown);
        assert_eq!(
            written.put(1, 0, two, digest),
            Before::Known(FieldSet(0), nothing),
            "seen without fields"
        );
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut written = Written::with_room_for(4);
        let digest = Written::digest(b"a=1");
        for hour in 0..4 {
            written.put(1, hour * 3_600_000, FieldSet(1), digest);
        }
        assert!(!written.has_forgotten());
        assert_ne!(written.put(1, 0, FieldSet(1), digest), Before::Unknown);
        for hour in 4..100 {
            written.put(1, hour * 3_600_000, FieldSet(1), digest);
        }
        assert!(written.has_forgotten() && written.young.len() + written.old.len() <= 4);
        assert_eq!(written.put(1, 0, FieldSet(1), digest), Before::Unknown);
        assert_ne!(written.put(1, 99 * 3_600_000, FieldSet(1), digest), Before::Unknown);
    }
}
