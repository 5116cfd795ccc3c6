//! Records at hand for the sender, so that it does not search files one by one: the latest that were
//! written, and a stretch of the backlog.

use std::collections::VecDeque;

/// Bytes of each of the two.
pub(super) const AHEAD_BYTES: usize = 256 << 10;

/// Consecutive records.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    records: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
}

impl Ahead {
    /// Keeps a record that was just written; the oldest make room for it.
    pub(super) fn push(&mut self, sequence: u64, record: Vec<u8>) {
        if self.records.back().is_some_and(|(last, _)| last + 1 != sequence) {
            self.clear();
        }
        self.bytes += record.len();
        self.records.push_back((sequence, record));
        while self.bytes > AHEAD_BYTES {
            self.pop();
        }
    }

    /// Puts other records in the place of these.
    pub(super) fn refill(&mut self, records: Vec<(u64, Vec<u8>)>) {
        self.bytes = records.iter().map(|(_, record)| record.len()).sum();
        self.records = records.into();
    }

    /// The record, if it is here; those before it are given up. They are sent in order.
    pub(super) fn reach(&mut self, sequence: u64) -> bool {
        if self.records.binary_search_by_key(&sequence, |(at, _)| *at).is_err() {
            return false;
        }
        while self.records.front().is_some_and(|(first, _)| *first < sequence) {
            self.pop();
        }
        true
    }

    /// The first record.
    pub(super) fn first(&self) -> Option<&[u8]> {
        self.records.front().map(|(_, record)| record.as_slice())
    }

    fn pop(&mut self) {
        if let Some((_, record)) = self.records.pop_front() {
            self.bytes -= record.len();
        }
    }

    fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_records_are_at_hand_within_the_limit() {
        let mut ahead = Ahead::default();
        for sequence in 0..100 {
            ahead.push(sequence, vec![0; AHEAD_BYTES / 10]);
            assert!(ahead.bytes <= AHEAD_BYTES);
        }
        assert!(!ahead.reach(89) && ahead.reach(91) && !ahead.reach(90) && ahead.reach(99));
        assert_eq!(ahead.first().map(<[u8]>::len), Some(AHEAD_BYTES / 10));
        ahead.push(200, vec![1]);
        assert!(!ahead.reach(99) && ahead.reach(200));
    }
}
