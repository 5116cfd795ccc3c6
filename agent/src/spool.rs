//! The agent's memory on disk: batches, numbered and durable, until the collector has them and the
//! space is needed.
//!
//! Each record of the log is one batch, and its index is the batch's sequence. Incarnation, sequence and
//! intake number go on after any crash, because all three stand in the log itself. When the limit is
//! reached, acknowledged batches go first; then the oldest, whose readings become a loss record: the
//! record that tells of the loss is also what makes it final, so a crash in between loses nothing twice.

mod open;
mod record;
mod room;

use record::Header;
use std::collections::VecDeque;
use std::path::PathBuf;
use wattledger_link::ranges::RangeSet;
use wattledger_link::segment::{SegmentError, SegmentLog};
use wattledger_model::batch::{AgentKey, Batch, Loss};
use wattledger_model::name::Name;
use wattledger_model::reading::{Incarnation, Intake, Reading, Refused};
use wattledger_model::wire;

/// Bytes of batches kept in memory for the sender, so that sending does not search files one by one.
const AHEAD_BYTES: usize = 256 << 10;

/// Where the spool is, whose it is, and how large it may grow.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    /// Its directory.
    pub dir: PathBuf,
    /// The agent it belongs to.
    pub agent: AgentKey,
    /// Bytes on disk at which acknowledged batches are removed, then unsent ones dropped.
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
}

/// What one batch is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Readings with their meters, in intake order.
    pub readings: Vec<(Name, Reading)>,
    /// What was refused.
    pub refused: Vec<Refused>,
}

/// The spool. See the module.
#[derive(Debug)]
pub struct Spool {
    log: SegmentLog,
    config: SpoolConfig,
    segment_bytes: u64,
    incarnation: Incarnation,
    /// The totals as of the latest record; `readings`, `span` and `loss` mean nothing here.
    totals: Header,
    acknowledged: RangeSet,
    /// Consecutive batches, ready to be sent.
    ahead: VecDeque<(u64, Vec<u8>)>,
    ahead_bytes: usize,
    newly_lost: Option<Loss>,
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

    /// Readings lost since the spool was made.
    pub fn lost(&self) -> u64 {
        self.totals.lost
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
        let mut settled = self.unreadable();
        settled.merge(&self.acknowledged);
        settled.raise_floor(from);
        let above =
            settled.ranges().map(|(first, last)| next.min(last.saturating_add(1)).saturating_sub(first));
        next.saturating_sub(settled.floor()).saturating_sub(above.sum())
    }

    /// Whether less than half of the limit is taken by batches that are not acknowledged. An estimate
    /// by their share of the sequences.
    pub fn is_roomy(&self) -> bool {
        let from = self.oldest_sequence();
        let held = self.next_sequence().saturating_sub(from).max(1);
        let open = self.next_sequence().saturating_sub(self.acknowledged.floor().max(from));
        u128::from(self.bytes()) * u128::from(open) / u128::from(held) < u128::from(self.limit_bytes() / 2)
    }

    /// What the collector holds: these batches may go when their space is needed, and only these count
    /// as settled. A smaller set than before is taken at its word too: a collector restored from a
    /// backup asks for the rest again.
    pub fn acknowledge(&mut self, held_by_collector: &RangeSet) {
        self.acknowledged.clone_from(held_by_collector);
    }

    /// Makes batches durable, each with the next sequence and its readings with the next intake numbers,
    /// and returns how many of them: at least one, and as many as one write takes. Where the limit is
    /// reached, older batches make room first; see [`Spool::newly_lost`].
    ///
    /// # Errors
    /// [`SpoolError::Log`]: nothing was appended, and the same contents can be tried again.
    pub fn append(&mut self, contents: &[Contents]) -> Result<usize, SpoolError> {
        let mut bytes = 0;
        let fits = contents.iter().take_while(|contents| {
            bytes += room::estimated_bytes(contents);
            bytes <= self.segment_bytes / 2
        });
        let count = fits.count().max(1).min(contents.len());
        let contents = &contents[..count];
        self.make_room(contents)?;
        let (totals, records) = self.encode(contents, None);
        if let Err(error) = self.append_records(&records) {
            // The disk may be full while our own limit is far: what the collector has is not needed here.
            if !matches!(error, SpoolError::Log(SegmentError::Full { .. })) || !self.release_acknowledged()? {
                return Err(error);
            }
            self.append_records(&records)?;
        }
        self.totals = totals;
        Ok(count)
    }

    /// What was dropped for want of space since this was last asked. The collector is told in any case.
    pub fn newly_lost(&mut self) -> Option<Loss> {
        self.newly_lost.take()
    }

    /// The bytes of a batch as it was first sent; `None` if it is not held, or cannot be read.
    ///
    /// # Errors
    /// [`SpoolError::Log`] if the disk fails.
    pub fn batch(&mut self, sequence: u64) -> Result<Option<&[u8]>, SpoolError> {
        if !(self.oldest_sequence()..self.next_sequence()).contains(&sequence) {
            return Ok(None);
        }
        while self.ahead.front().is_some_and(|(first, _)| *first < sequence) {
            self.forget_first_ahead();
        }
        if self.ahead.front().is_none_or(|(first, _)| *first != sequence) {
            self.ahead = self.log.read(sequence, AHEAD_BYTES)?.into();
            self.ahead_bytes = self.ahead.iter().map(|(_, record)| record.len()).sum();
        }
        let record = self.ahead.front().filter(|(first, _)| *first == sequence);
        Ok(record.and_then(|(_, record)| Header::decode(record)).map(|(_, batch)| batch))
    }

    fn forget_first_ahead(&mut self) {
        if let Some((_, record)) = self.ahead.pop_front() {
            self.ahead_bytes -= record.len();
        }
    }

    /// The records for these contents, or for a loss alone, and the totals once they are durable.
    fn encode(&self, contents: &[Contents], loss: Option<&Loss>) -> (Header, Vec<Vec<u8>>) {
        let mut totals = self.totals;
        let mut records = Vec::with_capacity(contents.len());
        for (sequence, contents) in (self.next_sequence()..).zip(contents) {
            let batch = self.batch_of(sequence, totals.next_number, contents, loss);
            let instants = || contents.readings.iter().map(|(_, reading)| reading.at.0);
            totals.readings = contents.readings.len() as u64;
            totals.next_number += totals.readings;
            totals.taken_in += totals.readings;
            totals.span = (instants().min().unwrap_or_default(), instants().max().unwrap_or_default());
            totals.loss = loss.map(|loss| (loss.from.0, loss.to.0, loss.readings)).unwrap_or_default();
            records.push(totals.encode(&wire::encode_batch(&batch)));
        }
        (totals, records)
    }

    fn batch_of(&self, sequence: u64, first_number: u64, contents: &Contents, loss: Option<&Loss>) -> Batch {
        let incarnation = self.incarnation;
        let mut meters: Vec<Name> = contents.readings.iter().map(|(meter, _)| meter.clone()).collect();
        meters.sort_unstable();
        meters.dedup();
        let numbered = |(number, (meter, reading)): (u64, &(Name, Reading))| {
            let intake = Some(Intake { incarnation, number });
            // Sorted and complete, so the search cannot fail.
            let position = meters.partition_point(|known| known < meter) as u32;
            (position, Reading { intake, ..*reading })
        };
        let readings = (first_number..).zip(&contents.readings).map(numbered).collect();
        Batch {
            agent: self.config.agent.clone(),
            incarnation,
            sequence,
            meters,
            readings,
            refused: contents.refused.clone(),
            losses: loss.cloned().into_iter().collect(),
        }
    }

    /// Appends, and keeps the records for the sender where they follow on what it reads next.
    fn append_records(&mut self, records: &[Vec<u8>]) -> Result<(), SpoolError> {
        let payloads: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let first = self.log.append(&payloads)?;
        for (sequence, record) in (first..).zip(records) {
            let follows = self.ahead.back().is_none_or(|(last, _)| last + 1 == sequence);
            if follows && self.ahead_bytes + record.len() <= AHEAD_BYTES {
                self.ahead_bytes += record.len();
                self.ahead.push_back((sequence, record.clone()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
