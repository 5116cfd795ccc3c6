//! What goes when the spool has reached its limit: acknowledged batches first; then what can be thinned;
//! then the oldest.

use super::record::{Edge, HEADER_BYTES, Header, Record, span_of};
use super::run::{RUN_BYTES, Run, limited, without_samples};
use super::told::Told;
use super::{Contents, Piece, Spool, SpoolError};
use wattledger_link::ranges::RangeSet;
use wattledger_model::batch::{Batch, Loss, LossCause};
use wattledger_model::name::Name;
use wattledger_model::reading::{Reading, Refused};
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

/// No reading, and no refusal without its texts, takes more than this in a batch.
const READING_BYTES: usize = 64;
/// Batches that may have been sent and are not acknowledged, at most, for them to be kept whole. There are a
/// window's worth of them; more where it was forgotten what was sent, or a collector's new or restored store has
/// unsaid what was acknowledged. Those are dropped in place of thinned.
const DOUBTFUL: u64 = 256;
/// How often the same content is kept for another round; then its readings are dropped.
const ROUNDS: u64 = 3;
/// Passes over all of the spool that may free nothing: in one more round than this, what is kept whole loses its
/// readings.
const FRUITLESS: u64 = ROUNDS + 1;
/// Sequences under which a batch says that its content was sent before. Of earlier ones it says that it stands for
/// them: should one have arrived, the batch then tells of losses that were none.
const AGAIN: usize = 16;
/// Ranges of sequences that a batch which is kept whole says it stands for: each round adds one.
const ROUNDS_REPLACED: usize = 64;

/// What the oldest batches come to.
enum Oldest {
    /// These can be made into one.
    Run(Run),
    /// This one stays as it is.
    Whole { sequence: u64, header: Header, batch: Batch },
}

impl Spool {
    /// Frees space for these contents. What has to go for it is made durable as losses.
    pub(super) fn make_room(&mut self, contents: &[Contents]) -> Result<(), SpoolError> {
        let needed: u64 = contents.iter().map(estimated_bytes).sum();
        // Kept free: a segment's worth for what is made of the oldest segment before it can go, and another
        // for what the estimate leaves out.
        let limit = self.config.limit_bytes.saturating_sub(2 * self.segment_bytes + needed);
        if self.log.bytes() <= limit {
            return Ok(());
        }
        self.answer_before_letting_go()?;
        let settled = self.settled_below();
        // One step past a whole file at a time: acknowledged batches stay while there is space.
        for below in self.log.first_index()..settled {
            self.remove_before(below + 1)?;
            if self.log.bytes() <= limit {
                return Ok(());
            }
        }
        self.shrink_to(limit)
    }

    /// Makes the oldest batches into fewer bytes until all of it takes no more than a limit.
    fn shrink_to(&mut self, limit: u64) -> Result<(), SpoolError> {
        let mut fruitless = 0;
        // What is written before something can be removed for it must not pass the spool's own limit.
        let most = limit + self.segment_bytes * 3 / 2;
        let (mut pass_ends, mut before) = (self.next_sequence(), self.log.bytes());
        while self.log.bytes() > limit && self.oldest_sequence() + 1 < self.next_sequence() {
            self.is_stalled |= fruitless > FRUITLESS || (fruitless > 0 && self.log.bytes() > most);
            if self.is_stalled {
                let (bytes, limit_bytes) = (self.log.bytes(), self.config.limit_bytes);
                let dir = self.config.dir.display().to_string();
                return Err(SpoolError::NoRoom { dir, bytes, limit_bytes });
            }
            self.shrink_oldest()?;
            if self.oldest_sequence() >= pass_ends {
                fruitless = if self.log.bytes() < before { 0 } else { fruitless + 1 };
                (pass_ends, before) = (self.next_sequence(), self.log.bytes());
            }
        }
        Ok(())
    }

    /// Removes every acknowledged batch that can be removed; whether that freed anything.
    pub(super) fn release_acknowledged(&mut self) -> Result<bool, SpoolError> {
        let before = self.log.bytes();
        self.remove_before(self.settled_below())?;
        Ok(self.log.bytes() < before)
    }

    /// Tells of damage before anything of it is passed: what was beside it tells how much it was.
    fn answer_before_letting_go(&mut self) -> Result<(), SpoolError> {
        let told = self.answer_for_damage()?;
        self.newly_lost.add(told);
        Ok(())
    }

    /// Everything below is acknowledged, dropped, or damaged and told of. The latest batch is never counted in: it
    /// holds the numbers the next one goes on from.
    fn settled_below(&self) -> u64 {
        let mut settled = self.acknowledged.clone();
        for account in self.accounts.all().iter().filter(|account| account.is_told) {
            settled.insert_range(account.first, account.last);
        }
        settled.raise_floor(self.oldest_sequence());
        settled.floor().min(self.next_sequence().saturating_sub(1))
    }

    /// Makes the oldest batches into one that takes less.
    fn shrink_oldest(&mut self) -> Result<(), SpoolError> {
        match self.oldest()? {
            Oldest::Whole { sequence, header, batch } => self.keep_whole(sequence, header, batch),
            Oldest::Run(run) if run.bytes > 0 => self.commit(run),
            Oldest::Run(run) => {
                // All of it is with the collector, or unreadable and told of elsewhere.
                (self.totals.dropped_below, self.totals.edge) = (run.below, run.edge);
                self.remove_before(run.below)
            }
        }
    }

    /// Reads the oldest batches: as many as can be made into one, or one that cannot be changed.
    fn oldest(&mut self) -> Result<Oldest, SpoolError> {
        let mut run = Run::from(self.oldest_sequence(), self.totals.edge);
        let last = self.next_sequence() - 1;
        let most = RUN_BYTES.min(self.config.limit_bytes / 8);
        let doubts = self.doubtful() <= DOUBTFUL;
        while run.below < last {
            let records = self.log.read(run.below, most as usize)?;
            self.answer_before_letting_go()?;
            if records.is_empty() {
                run.below = last;
            }
            for (sequence, bytes) in records {
                if sequence >= last {
                    run.below = last;
                    break;
                }
                let Some(record) = Record::decode(&bytes) else { return Err(self.foreign()) };
                let edge = Edge { sequence: sequence + 1, sums: record.header.all };
                if self.acknowledged.contains(sequence) {
                    (run.below, run.edge) = (sequence + 1, edge);
                    continue;
                }
                let Ok(batch) = wire::decode_batch(record.batch) else { return Err(self.foreign()) };
                let is_doubtful = self.sent.contains(sequence) || !batch.lineage.again.is_empty();
                let is_first = run.bytes == 0;
                if is_doubtful && doubts {
                    let header = record.header;
                    return Ok(if is_first {
                        Oldest::Whole { sequence, header, batch }
                    } else {
                        Oldest::Run(run)
                    });
                }
                let takes_it = run.takes(&record, most) && run.may_be_there == is_doubtful;
                if !is_first && !takes_it {
                    return Ok(Oldest::Run(run));
                }
                run.may_be_there = is_doubtful;
                run.add(&record, bytes.len() as u64, batch);
                (run.below, run.edge) = (sequence + 1, edge);
            }
        }
        Ok(Oldest::Run(run))
    }

    /// Batches that may have been sent, and are not acknowledged.
    fn doubtful(&self) -> u64 {
        let (from, next) = (self.oldest_sequence(), self.next_sequence());
        let mut known = self.sent.clone();
        known.keep_only(&self.acknowledged);
        let last = next.saturating_sub(1);
        self.sent.count_between(from, last) - known.count_between(from, last)
    }

    /// Writes a batch that may be with the collector once more under another sequence, saying so; without
    /// its readings where that has been done for long.
    pub(super) fn keep_whole(
        &mut self,
        sequence: u64,
        header: Header,
        batch: Batch,
    ) -> Result<(), SpoolError> {
        let Batch { meters, readings, refused, losses, lineage, .. } = batch;
        let (mut again, mut replaces) = (lineage.again, lineage.replaces);
        if self.sent.contains(sequence) {
            again.push(sequence);
        } else {
            replaces.push((sequence, sequence));
        }
        let beyond = again.len().saturating_sub(AGAIN);
        replaces.extend(again.drain(..beyond).map(|sequence| (sequence, sequence)));
        let readings = readings
            .into_iter()
            .filter_map(|(meter, reading)| Some((meters.get(meter as usize)?.clone(), reading)))
            .collect();
        let covers = RangeSet::default();
        let mut piece =
            Piece { readings, refused, losses, replaces: limited(replaces, ROUNDS_REPLACED), again, covers };
        // In the versions before each round left a sequence.
        let rounds = header.rounds.max(piece.again.len().saturating_sub(1) as u64);
        let dropped = if rounds >= ROUNDS { without_readings(&mut piece) } else { None };
        let totals = Header {
            dropped_below: sequence + 1,
            edge: Edge { sequence: sequence + 1, sums: header.all },
            is_condensed: true,
            rounds: rounds + 1,
            lost: self.totals.lost + dropped.as_ref().map_or(0, |loss| loss.readings),
            ..self.totals
        };
        self.append_made(piece, totals)?;
        self.newly_lost.add(dropped);
        self.remove_before(sequence + 1)
    }
}

/// Leaves of a batch what it tells, in a few entries: it may have to be kept for long. Gives what is dropped.
fn without_readings(piece: &mut Piece) -> Option<Loss> {
    let readings: Vec<(Name, Reading)> = std::mem::take(&mut piece.readings);
    let dropped = span_of(&readings, &[]).map(|(from, to)| Loss {
        from: Timestamp(from),
        to: Timestamp(to),
        readings: readings.len() as u64,
        meter: None,
        cause: LossCause::Dropped,
    });
    let mut told = Told::default();
    told.add(std::mem::take(&mut piece.losses));
    told.add(dropped.clone());
    piece.losses = told.by_cause();
    piece.refused = without_samples(std::mem::take(&mut piece.refused));
    dropped
}

/// At least what these contents take on disk.
pub(super) fn estimated_bytes(contents: &Contents) -> u64 {
    let size = |r: &Refused| READING_BYTES + r.origin.len() + r.detail.len() + r.sample.len();
    let refused: usize = contents.refused.iter().map(size).sum();
    (HEADER_BYTES + refused + contents.readings.len() * READING_BYTES + 1_024) as u64
}
