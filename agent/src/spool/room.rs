//! What goes when the spool has reached its limit: acknowledged batches first, then the oldest.

use super::record::{HEADER_BYTES, Header, joined};
use super::{Contents, Spool, SpoolError};
use wattledger_model::batch::Loss;

/// Bytes read at a time to sum up what is dropped.
const READ_BYTES: usize = 256 << 10;
/// No reading, and no refusal without its texts, takes more than this in a batch.
const READING_BYTES: usize = 64;

impl Spool {
    /// Frees space for these contents. What has to be dropped for it is made durable as a loss record.
    pub(super) fn make_room(&mut self, contents: &[Contents]) -> Result<(), SpoolError> {
        let needed: u64 = contents.iter().map(estimated_bytes).sum();
        // A segment's worth is kept free, for the loss record and what the estimate leaves out.
        let limit = self.config.limit_bytes.saturating_sub(self.segment_bytes + needed);
        if self.log.bytes() <= limit {
            return Ok(());
        }
        let settled = self.settled_below();
        // One step past a whole file at a time: acknowledged batches stay while there is space.
        for below in self.log.first_index()..settled {
            self.log.remove_before(below + 1)?;
            if self.log.bytes() <= limit {
                return Ok(());
            }
        }
        while self.log.bytes() > limit && self.oldest_sequence() + 1 < self.next_sequence() {
            self.drop_oldest()?;
        }
        Ok(())
    }

    /// Removes every acknowledged batch that can be removed; whether that freed anything.
    pub(super) fn release_acknowledged(&mut self) -> Result<bool, SpoolError> {
        let before = self.log.bytes();
        self.log.remove_before(self.settled_below())?;
        Ok(self.log.bytes() < before)
    }

    /// Everything below is acknowledged, dropped or unreadable. The latest batch is never counted in: it
    /// holds the numbers the next one goes on from.
    fn settled_below(&self) -> u64 {
        let mut settled = self.unreadable();
        settled.merge(&self.acknowledged);
        settled.raise_floor(self.oldest_sequence());
        settled.floor().min(self.next_sequence().saturating_sub(1))
    }

    /// Drops about one file of the oldest batches. What they held and nobody has becomes a loss, told in
    /// a batch of its own; that batch makes the drop final, before the files go.
    fn drop_oldest(&mut self) -> Result<(), SpoolError> {
        let from = self.oldest_sequence();
        let last = self.next_sequence() - 1;
        let (mut below, mut bytes, mut lost, mut own) = (from, 0, None, 0);
        'file: while below < last {
            let records = self.log.read(below, READ_BYTES)?;
            if records.is_empty() {
                below = last;
            }
            for (sequence, record) in records {
                if sequence >= last || bytes >= self.segment_bytes {
                    break 'file;
                }
                below = sequence + 1;
                bytes += record.len() as u64;
                if self.acknowledged.contains(sequence) {
                    continue;
                }
                let Some((header, _)) = Header::decode(&record) else { continue };
                own += header.readings;
                lost = joined(lost, header.forfeit());
            }
        }
        self.commit_drop(below, own, lost)
    }

    fn commit_drop(&mut self, below: u64, own: u64, loss: Option<Loss>) -> Result<(), SpoolError> {
        let before = self.totals;
        self.totals.dropped_below = below;
        self.totals.lost += own;
        if let Some(loss) = loss {
            self.append_loss(&loss).inspect_err(|_| self.totals = before)?;
            self.newly_lost = joined(self.newly_lost.take(), Some(loss));
        }
        self.ahead.clear();
        self.ahead_bytes = 0;
        self.log.remove_before(below)?;
        Ok(())
    }
}

/// At least what these contents take on disk.
pub(super) fn estimated_bytes(contents: &Contents) -> u64 {
    let refused: usize = contents
        .refused
        .iter()
        .map(|r| READING_BYTES + r.origin.len() + r.detail.len() + r.sample.len())
        .sum();
    (HEADER_BYTES + refused + contents.readings.len() * READING_BYTES + 1_024) as u64
}
