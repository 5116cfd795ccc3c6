//! The agent's memory on disk: batches, numbered and durable, until the collector has them and the
//! space is needed.
//!
//! Each record of the log is one batch, and its index is the batch's sequence. Incarnation, sequence and
//! intake number go on after any crash, because all three stand in the log itself.
//!
//! When the limit is reached, acknowledged batches go first. Then the oldest that were never sent are made
//! into one batch with fewer readings, which stands for them; where little is won by that, old readings are
//! dropped, in the order of the files, which is nearly that of their time. What went is told by meter in that
//! same batch, and the batch makes it final: a crash in between loses nothing twice. A batch that was sent
//! stays what it is, but may be sent once more under a later sequence, saying so.

mod ahead;
mod damage;
mod numbers;
mod open;
mod record;
mod room;
mod run;
mod thin;
mod told;

use ahead::{AHEAD_BYTES, Ahead};
use damage::Accounts;
use record::{Header, Record, Sums, span_of};
use std::path::PathBuf;
use told::Told;
use wattledger_link::ranges::RangeSet;
use wattledger_link::segment::{SegmentError, SegmentLog};
use wattledger_model::batch::{AgentKey, Batch, Lineage, Loss};
use wattledger_model::name::Name;
use wattledger_model::reading::{Incarnation, Intake, Reading, Refused};
use wattledger_model::wire;

/// Where the spool is, whose it is, and how large it may grow.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    /// Its directory.
    pub dir: PathBuf,
    /// The agent it belongs to.
    pub agent: AgentKey,
    /// Bytes on disk at which acknowledged batches are removed, then unsent ones thinned and dropped.
    pub limit_bytes: u64,
}

/// Why the spool could not do it.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The files.
    #[error(transparent)]
    Log(#[from] SegmentError),
    /// The directory belongs to someone else.
    #[error(
        "the spool in {dir} was made by agent {made_by}, not {agent}: use another data_dir, or rename the agent back"
    )]
    OtherAgent {
        /// The directory.
        dir: String,
        /// Who made it.
        made_by: String,
        /// Who opens it.
        agent: AgentKey,
    },
    /// The directory holds some other log, or one of a newer version.
    #[error("{dir} holds no spool of this version: use another data_dir, or the version that made it")]
    Foreign {
        /// The directory.
        dir: String,
    },
    /// All that is left may be with the collector or tells of losses, and none of it can be made smaller.
    #[error(
        "the spool in {dir} holds {bytes} bytes that only an acknowledgement can free, of a limit of {limit_bytes}: \
         see to the collector, or raise spool.limit"
    )]
    NoRoom {
        /// The directory.
        dir: String,
        /// Bytes on disk.
        bytes: u64,
        /// Bytes at which something must go.
        limit_bytes: u64,
    },
}

/// What one batch is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Readings with their meters, in intake order.
    pub readings: Vec<(Name, Reading)>,
    /// What was refused.
    pub refused: Vec<Refused>,
}

/// A batch to be written, with its readings numbered.
#[derive(Debug, Default)]
struct Piece {
    readings: Vec<(Name, Reading)>,
    refused: Vec<Refused>,
    losses: Vec<Loss>,
    replaces: Vec<(u64, u64)>,
    again: Vec<u64>,
    /// The intake numbers it was made of, where it was made of earlier batches.
    covers: RangeSet,
}

/// The spool. See the module.
#[derive(Debug)]
pub struct Spool {
    log: SegmentLog,
    config: SpoolConfig,
    segment_bytes: u64,
    incarnation: Incarnation,
    /// The totals as of the latest record; the edge may be further.
    totals: Header,
    /// The damage that is known.
    accounts: Accounts,
    acknowledged: RangeSet,
    /// What may have been sent.
    sent: RangeSet,
    latest: Ahead,
    backlog: Ahead,
    newly_lost: Told,
    /// Nothing could be made smaller, and nothing has happened since that could change that.
    is_stalled: bool,
}

impl Spool {
    /// The incarnation: made with the spool, and in every batch.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The oldest sequence that is still held; [`Spool::next_sequence`] where none is.
    pub fn oldest_sequence(&self) -> u64 {
        self.log.first_index().max(self.totals.dropped_below)
    }

    /// The sequence that the next batch gets.
    pub fn next_sequence(&self) -> u64 {
        self.log.next_index()
    }

    /// Sequences that are held in name only: their records cannot be read any more.
    pub fn unreadable(&self) -> RangeSet {
        RangeSet::from_parts(0, self.log.lost())
    }

    /// Readings taken in since the spool was made.
    pub fn taken_in(&self) -> u64 {
        self.totals.taken_in
    }

    /// Readings dropped or damaged since the spool was made.
    pub fn lost(&self) -> u64 {
        self.totals.lost
    }

    /// Readings thinned away since the spool was made.
    pub fn thinned(&self) -> u64 {
        self.totals.thinned
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.log.bytes()
    }

    /// Bytes on disk at which something must go.
    pub fn limit_bytes(&self) -> u64 {
        self.config.limit_bytes
    }

    /// Batches held and not acknowledged.
    pub fn unacknowledged(&self) -> u64 {
        let (from, next) = (self.oldest_sequence(), self.next_sequence());
        next.checked_sub(1).map_or(0, |last| (next - from) - self.settled().count_between(from, last))
    }

    /// Readings held in batches that are not acknowledged.
    ///
    /// # Errors
    /// [`SpoolError::Log`] if the disk fails.
    pub fn waiting(&self) -> Result<u64, SpoolError> {
        loop {
            let damaged = self.log.lost();
            let waiting = self.waiting_beside_damage()?;
            // What looking came upon waits no more.
            if self.log.lost() == damaged {
                return Ok(waiting);
            }
        }
    }

    fn waiting_beside_damage(&self) -> Result<u64, SpoolError> {
        let (settled, next) = (self.settled(), self.next_sequence());
        let mut waiting = 0;
        let mut from = self.oldest_sequence().max(settled.floor());
        for (settled_from, settled_to) in settled.ranges().chain([(next, next)]) {
            let end = settled_from.min(next);
            if from < end
                && let (Some(first), Some(last)) = (self.header(from)?, self.header(end - 1)?)
            {
                waiting += last.all.minus(first.all.minus(first.here)).readings;
            }
            from = from.max(settled_to.saturating_add(1));
        }
        Ok(waiting)
    }

    /// Whether less than half of the limit is taken by batches that are not acknowledged. An estimate
    /// by their share of the sequences.
    pub fn is_roomy(&self) -> bool {
        let from = self.oldest_sequence();
        let held = self.next_sequence().saturating_sub(from).max(1);
        let open = self.unacknowledged();
        u128::from(self.bytes()) * u128::from(open) / u128::from(held) < u128::from(self.limit_bytes() / 2)
    }

    /// Held batches that are acknowledged or unreadable.
    fn settled(&self) -> RangeSet {
        let mut settled = self.unreadable();
        settled.merge(&self.acknowledged);
        settled
    }

    /// What the collector holds: these batches may go when their space is needed, and only these count
    /// as settled. A smaller set than before is taken at its word too: a collector restored from a
    /// backup asks for the rest again.
    pub fn acknowledge(&mut self, held_by_collector: &RangeSet) {
        self.is_stalled &= self.acknowledged == *held_by_collector;
        self.acknowledged.clone_from(held_by_collector);
    }

    /// What may have been sent, by this run or an earlier one: such batches are not thinned.
    pub fn may_have_sent(&mut self, sent: RangeSet) {
        self.is_stalled &= self.sent == sent;
        self.sent = sent;
    }

    /// This batch is being sent.
    pub fn note_sent(&mut self, sequence: u64) {
        self.is_stalled &= !self.sent.insert(sequence);
    }

    /// What may have been sent.
    pub fn sent(&self) -> &RangeSet {
        &self.sent
    }

    /// Makes batches durable, each with the next sequence and its readings with the next intake numbers,
    /// and returns how many of them: at least one, and as many as one write takes. Where the limit is
    /// reached, older batches make room first; see [`Spool::newly_lost`].
    ///
    /// # Errors
    /// [`SpoolError::Log`], [`SpoolError::NoRoom`]: nothing was appended, and the same contents can be tried again.
    pub fn append(&mut self, contents: &[Contents]) -> Result<usize, SpoolError> {
        let mut bytes = 0;
        let fits = contents.iter().take_while(|contents| {
            bytes += room::estimated_bytes(contents);
            bytes <= self.segment_bytes / 2
        });
        let count = fits.count().max(1).min(contents.len());
        let contents = &contents[..count];
        if let Err(error) = self.try_append(contents) {
            // The disk may be full while our own limit is far: what the collector has is not needed here.
            if !matches!(error, SpoolError::Log(SegmentError::Full { .. })) || !self.release_acknowledged()? {
                return Err(error);
            }
            self.try_append(contents)?;
        }
        Ok(count)
    }

    fn try_append(&mut self, contents: &[Contents]) -> Result<(), SpoolError> {
        self.make_room(contents)?;
        let (totals, records) = self.encode(contents);
        self.append_records(&records)?;
        self.totals = totals;
        Ok(())
    }

    /// What was dropped or thinned for want of space since this was last asked, one entry for each cause.
    /// The collector is told in any case.
    pub fn newly_lost(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.newly_lost).by_cause()
    }

    /// The bytes of a batch as it was first sent; `None` if it is not held, or cannot be read.
    ///
    /// # Errors
    /// [`SpoolError::Log`] if the disk fails.
    pub fn batch(&mut self, sequence: u64) -> Result<Option<&[u8]>, SpoolError> {
        Ok(self.counted_batch(sequence)?.map(|(_, batch)| batch))
    }

    /// The same with the number of its readings.
    pub(crate) fn counted_batch(&mut self, sequence: u64) -> Result<Option<(u64, &[u8])>, SpoolError> {
        if !(self.oldest_sequence()..self.next_sequence()).contains(&sequence) {
            return Ok(None);
        }
        let ahead = if self.latest.reach(sequence) {
            &self.latest
        } else {
            if !self.backlog.reach(sequence) {
                self.backlog.refill(self.log.read(sequence, AHEAD_BYTES)?);
                if !self.backlog.reach(sequence) {
                    return Ok(None);
                }
            }
            &self.backlog
        };
        let read = ahead.first().and_then(Record::decode);
        Ok(read.map(|record| (record.header.here.readings, record.batch)))
    }

    /// The records for these contents, and the totals once they are durable.
    fn encode(&self, contents: &[Contents]) -> (Header, Vec<Vec<u8>>) {
        let mut totals = self.totals;
        let mut records = Vec::with_capacity(contents.len());
        for (sequence, contents) in (self.next_sequence()..).zip(contents) {
            let numbered =
                (totals.next_number..).zip(&contents.readings).map(|(number, (meter, reading))| {
                    let intake = Some(Intake { incarnation: self.incarnation, number });
                    (meter.clone(), Reading { intake, ..*reading })
                });
            let piece =
                Piece { readings: numbered.collect(), refused: contents.refused.clone(), ..Piece::default() };
            totals.next_number += piece.readings.len() as u64;
            totals.taken_in += piece.readings.len() as u64;
            (totals.is_condensed, totals.rounds) = (false, 0);
            records.push(self.record(sequence, piece, &mut totals));
        }
        (totals, records)
    }

    /// The record of a batch, counted in the totals.
    fn record(&self, sequence: u64, piece: Piece, totals: &mut Header) -> Vec<u8> {
        totals.here = Sums::of(piece.readings.len(), &piece.losses);
        totals.all = totals.all.plus(totals.here);
        totals.span = span_of(&piece.readings, &[]);
        totals.whole_before = totals.whole;
        totals.whole = span_of(&piece.readings, &piece.losses);
        let floor = self.log.first_index().max(totals.dropped_below);
        let covers = piece.covers.clone();
        let batch = wire::encode_batch(&self.batch_of(sequence, floor, piece));
        totals.encode(&self.accounts, &covers, &batch)
    }

    fn batch_of(&self, sequence: u64, floor: u64, piece: Piece) -> Batch {
        let Piece { readings, refused, losses, replaces, again, covers: _ } = piece;
        let mut meters: Vec<Name> = readings.iter().map(|(meter, _)| meter.clone()).collect();
        meters.sort_unstable();
        meters.dedup();
        // Sorted and complete, so the search cannot fail.
        let position = |meter: &Name| meters.partition_point(|known| known < meter) as u32;
        let readings = readings.iter().map(|(meter, reading)| (position(meter), *reading)).collect();
        Batch {
            agent: self.config.agent.clone(),
            incarnation: self.incarnation,
            sequence,
            meters,
            readings,
            refused,
            losses,
            lineage: Lineage { floor, replaces, again },
        }
    }

    /// Appends a batch that is made of what is here already. With it the totals take effect.
    fn append_made(&mut self, piece: Piece, mut totals: Header) -> Result<(), SpoolError> {
        let record = self.record(self.next_sequence(), piece, &mut totals);
        self.append_records(&[record])?;
        self.totals = totals;
        Ok(())
    }

    /// Appends, and keeps the records at hand for the sender.
    fn append_records(&mut self, records: &[Vec<u8>]) -> Result<(), SpoolError> {
        let payloads: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let first = self.log.append(&payloads)?;
        for (sequence, record) in (first..).zip(records) {
            self.latest.push(sequence, record.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
