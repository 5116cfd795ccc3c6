//! One record of the spool: what the agent must remember of a batch without reading it, then its bytes.

use wattledger_model::batch::Loss;
use wattledger_model::time::Timestamp;

const VERSION: u8 = 1;
/// The version and eleven numbers of eight bytes.
pub(super) const HEADER_BYTES: usize = 1 + 11 * 8;

/// Stands before each batch. The latest one holds the agent's running totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Header {
    /// The intake number that the next reading gets.
    pub(super) next_number: u64,
    /// Readings taken in since the spool was made, this batch included.
    pub(super) taken_in: u64,
    /// Readings lost since the spool was made.
    pub(super) lost: u64,
    /// Every batch below this sequence is dropped, whether its file is still there or not.
    pub(super) dropped_below: u64,
    /// Unreadable batches below this sequence are answered for by a loss record.
    pub(super) answered_below: u64,
    /// Readings in this batch.
    pub(super) readings: u64,
    /// Earliest and latest instant of this batch's readings.
    pub(super) span: (i64, i64),
    /// The loss this batch tells of: instants and number; none if the number is 0.
    pub(super) loss: (i64, i64, u64),
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
            self.loss.0.cast_unsigned(),
            self.loss.1.cast_unsigned(),
            self.loss.2,
        ] {
            record.extend_from_slice(&number.to_le_bytes());
        }
        record.extend_from_slice(batch);
        record
    }

    /// Reads what [`Header::encode`] wrote; `None` for a record of another format.
    pub(super) fn decode(record: &[u8]) -> Option<(Header, &[u8])> {
        let (version, rest) = record.split_first()?;
        if *version != VERSION {
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
            loss: (at(8)?.cast_signed(), at(9)?.cast_signed(), at(10)?),
        };
        Some((header, batch))
    }

    /// What is lost with this batch: its own readings, and the loss that it was to tell of.
    pub(super) fn forfeit(&self) -> Option<Loss> {
        let own = self.readings > 0;
        let told = self.loss.2 > 0;
        let (from, to) = match (own, told) {
            (false, false) => return None,
            (true, false) => self.span,
            (false, true) => (self.loss.0, self.loss.1),
            (true, true) => (self.span.0.min(self.loss.0), self.span.1.max(self.loss.1)),
        };
        Some(Loss { from: Timestamp(from), to: Timestamp(to), readings: self.readings + self.loss.2 })
    }
}

/// Both losses as one.
pub(super) fn joined(one: Option<Loss>, other: Option<Loss>) -> Option<Loss> {
    match (one, other) {
        (Some(a), Some(b)) => {
            Some(Loss { from: a.from.min(b.from), to: a.to.max(b.to), readings: a.readings + b.readings })
        }
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_a_foreign_one_is_refused() {
        let header = Header { taken_in: 7, span: (-5, 9), loss: (1, 2, 3), ..Header::default() };
        let record = header.encode(b"batch");
        assert_eq!(record.len(), HEADER_BYTES + 5);
        assert_eq!(Header::decode(&record), Some((header, &b"batch"[..])));
        for cut in 0..HEADER_BYTES {
            assert_eq!(Header::decode(&record[..cut]), None);
        }
        let mut foreign = record;
        foreign[0] = 9;
        assert_eq!(Header::decode(&foreign), None);
    }

    #[test]
    fn a_lost_batch_takes_the_loss_it_carried_along() {
        let at = |from, to, readings| Some(Loss { from: Timestamp(from), to: Timestamp(to), readings });
        let carrier = Header { readings: 2, span: (10, 20), loss: (1, 5, 3), ..Header::default() };
        assert_eq!(carrier.forfeit(), at(1, 20, 5));
        assert_eq!(Header::default().forfeit(), None);
        assert_eq!(joined(at(3, 4, 1), at(1, 2, 6)), at(1, 4, 7));
        assert_eq!(joined(None, at(1, 2, 6)), at(1, 2, 6));
    }
}
