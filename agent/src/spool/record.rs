//! One record of the spool: what the agent must remember of a batch without reading it, then its bytes.

/// The version that is written. In version 1 a batch was never thinned.
const VERSION: u8 = 2;
/// The version and eleven numbers of eight bytes.
pub(super) const HEADER_BYTES: usize = 1 + 11 * 8;

/// Stands before each batch. The latest one holds the agent's running totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Header {
    /// The intake number that the next reading gets.
    pub(super) next_number: u64,
    /// Readings taken in since the spool was made, this batch included.
    pub(super) taken_in: u64,
    /// Readings dropped or damaged since the spool was made.
    pub(super) lost: u64,
    /// Every batch below this sequence is dropped, whether its file is still there or not.
    pub(super) dropped_below: u64,
    /// Unreadable batches below this sequence are answered for by a loss record.
    pub(super) answered_below: u64,
    /// Readings in this batch.
    pub(super) readings: u64,
    /// Earliest and latest instant of this batch's readings.
    pub(super) span: (i64, i64),
    /// Readings thinned away since the spool was made.
    pub(super) thinned: u64,
    /// Readings of all batches ever made, those made of earlier batches and this one included.
    pub(super) appended: u64,
    /// Whether this batch was made of earlier ones.
    pub(super) is_condensed: bool,
}

impl Header {
    /// The header and the batch as one record.
    pub(super) fn encode(&self, batch: &[u8]) -> Vec<u8> {
        let mut record = Vec::with_capacity(HEADER_BYTES + batch.len());
        record.push(VERSION);
        for number in [
            self.next_number,
            self.taken_in,
            self.lost,
            self.dropped_below,
            self.answered_below,
            self.readings,
            self.span.0.cast_unsigned(),
            self.span.1.cast_unsigned(),
            self.thinned,
            self.appended,
            u64::from(self.is_condensed),
        ] {
            record.extend_from_slice(&number.to_le_bytes());
        }
        record.extend_from_slice(batch);
        record
    }

    /// Reads what [`Header::encode`] wrote; `None` for a record of another format.
    pub(super) fn decode(record: &[u8]) -> Option<(Header, &[u8])> {
        let (version, rest) = record.split_first()?;
        if !(1..=VERSION).contains(version) {
            return None;
        }
        let (numbers, batch) = rest.split_at_checked(HEADER_BYTES - 1)?;
        let at = |position: usize| {
            let bytes = numbers.get(position * 8..position * 8 + 8)?;
            bytes.try_into().ok().map(u64::from_le_bytes)
        };
        let header = Header {
            next_number: at(0)?,
            taken_in: at(1)?,
            lost: at(2)?,
            dropped_below: at(3)?,
            answered_below: at(4)?,
            readings: at(5)?,
            span: (at(6)?.cast_signed(), at(7)?.cast_signed()),
            ..Header::default()
        };
        let header = match version {
            1 => Header { appended: header.taken_in, ..header },
            _ => Header { thinned: at(8)?, appended: at(9)?, is_condensed: at(10)? != 0, ..header },
        };
        Some((header, batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_a_foreign_one_is_refused() {
        let header =
            Header { taken_in: 7, span: (-5, 9), thinned: 3, is_condensed: true, ..Header::default() };
        let record = header.encode(b"batch");
        assert_eq!(record.len(), HEADER_BYTES + 5);
        assert_eq!(Header::decode(&record), Some((header, &b"batch"[..])));
        for cut in 0..HEADER_BYTES {
            assert_eq!(Header::decode(&record[..cut]), None);
        }
        let mut foreign = record.clone();
        foreign[0] = 9;
        assert_eq!(Header::decode(&foreign), None);
        let mut first_version = record;
        first_version[0] = 1;
        let read = Header { appended: 7, thinned: 0, is_condensed: false, ..header };
        assert_eq!(
            Header::decode(&first_version),
            Some((read, &b"batch"[..])),
            "a loss there meant nothing here"
        );
    }
}
