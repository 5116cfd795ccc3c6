//! What goes when the spool has reached its limit: acknowledged batches first; then what can be thinned;
//! then the oldest.

use super::record::{HEADER_BYTES, Header};
use super::thin::{ByMeter, thin};
use super::told::Told;
use super::{Contents, Piece, Spool, SpoolError};
use wattledger_model::batch::{Batch, Loss, LossCause};
use wattledger_model::name::Name;
use wattledger_model::reading::{Reading, Refused};
use wattledger_model::wire;

/// Bytes of the oldest batches that are made into one, at most: what they hold must fit one message, and
/// little memory.
const RUN_BYTES: u64 = 256 << 10;
/// Readings of them at most.
const RUN_READINGS: usize = 40_000;
/// No reading, and no refusal without its texts, takes more than this in a batch.
const READING_BYTES: usize = 64;
/// Batches that may have been sent and are not acknowledged, at most, for them to be kept whole. There are a
/// window's worth of them; more where it was forgotten what was sent, or a collector's new or restored store has
/// unsaid what was acknowledged. Those are dropped in place of thinned.
const DOUBTFUL: u64 = 256;
/// How often the same content is kept for another round; then its readings are dropped.
const ROUNDS: usize = 3;
/// Ranges of sequences that a batch says it stands for. More leave holes in what the collector has, no more.
const REPLACED: usize = 2_000;
/// Refusals that outlive the samples of their batch.
const REFUSALS: usize = 100;

/// The oldest batches, read to be made into one.
#[derive(Debug, Default)]
struct Run {
    /// The sequence after the last of them.
    below: u64,
    bytes: u64,
    /// Readings as they were taken in, and readings of batches that were made of others.
    fresh: ByMeter,
    condensed: ByMeter,
    readings: usize,
    refused: Vec<Refused>,
    told: Told,
    replaces: Vec<(u64, u64)>,
    /// Whether its batches may be with the collector, although it has not said so.
    may_be_there: bool,
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
        let settled = self.settled_below();
        // One step past a whole file at a time: acknowledged batches stay while there is space.
        for below in self.log.first_index()..settled {
            self.log.remove_before(below + 1)?;
            if self.log.bytes() <= limit {
                return Ok(());
            }
        }
        while self.log.bytes() > limit && self.oldest_sequence() + 1 < self.next_sequence() {
            self.shrink_oldest()?;
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
        let mut settled = self.settled();
        settled.raise_floor(self.oldest_sequence());
        settled.floor().min(self.next_sequence().saturating_sub(1))
    }

    /// Makes the oldest batches into one that takes less.
    fn shrink_oldest(&mut self) -> Result<(), SpoolError> {
        let mut run = Run { below: self.oldest_sequence(), ..Run::default() };
        let last = self.next_sequence() - 1;
        let most = RUN_BYTES.min(self.config.limit_bytes / 8);
        let doubts = self.doubtful() <= DOUBTFUL;
        'run: while run.below < last {
            let records = self.log.read(run.below, most as usize)?;
            if records.is_empty() {
                run.below = last;
            }
            for (sequence, record) in records {
                if sequence >= last || run.bytes >= most || run.readings >= RUN_READINGS {
                    break 'run;
                }
                if self.acknowledged.contains(sequence) {
                    run.below = sequence + 1;
                    continue;
                }
                let decoded = Header::decode(&record)
                    .and_then(|(header, bytes)| wire::decode_batch(bytes).ok().map(|batch| (header, batch)));
                let Some((header, batch)) = decoded else { return Err(self.foreign()) };
                let is_doubtful = self.sent.contains(sequence) || !batch.lineage.again.is_empty();
                if is_doubtful && doubts {
                    if run.bytes > 0 {
                        break 'run;
                    }
                    return self.keep_whole(sequence, batch);
                }
                if run.bytes > 0 && run.may_be_there != is_doubtful {
                    break 'run;
                }
                run.may_be_there = is_doubtful;
                run.below = sequence + 1;
                run.add(sequence, record.len() as u64, header.is_condensed, batch);
            }
        }
        if run.bytes > 0 {
            return self.commit(run);
        }
        // All of it is with the collector, or unreadable and answered for elsewhere.
        self.totals.dropped_below = run.below;
        Ok(self.log.remove_before(run.below)?)
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
    fn keep_whole(&mut self, sequence: u64, batch: Batch) -> Result<(), SpoolError> {
        let Batch { meters, readings, refused, losses, lineage, .. } = batch;
        let mut totals = Header { dropped_below: sequence + 1, is_condensed: true, ..self.totals };
        let mut told = Told::default();
        told.add(losses);
        let mut readings: Vec<(Name, Reading)> = readings
            .into_iter()
            .filter_map(|(meter, reading)| Some((meters.get(meter as usize)?.clone(), reading)))
            .collect();
        if lineage.again.len() >= ROUNDS {
            totals.lost += readings.len() as u64;
            let dropped: Vec<Loss> =
                readings.drain(..).map(|(meter, reading)| dropped(&meter, &[reading])).collect();
            self.newly_lost.add(dropped.clone());
            told.add(dropped);
        }
        let again = lineage.again.into_iter().chain([sequence]).collect();
        let losses = told.losses();
        let piece = Piece { readings, refused, losses, replaces: lineage.replaces, again };
        self.append_made(piece, totals)?;
        self.log.remove_before(sequence + 1)?;
        Ok(())
    }

    /// Writes what becomes of a run: thinned, if that is worth it; else without the oldest of what was thinned
    /// before; else without all of that; else without its readings. What may be with the collector is never
    /// thinned: means beside the values that they are made of would be booked twice.
    fn commit(&mut self, run: Run) -> Result<(), SpoolError> {
        let Run { below, bytes, fresh, condensed, refused, told, mut replaces, may_be_there, .. } = run;
        replaces.drain(..replaces.len().saturating_sub(REPLACED));
        let mut choice = None;
        let rounds: &[u64] =
            if may_be_there { &[] } else { &[bytes - bytes / 8, bytes - bytes / 16, bytes - bytes / 16] };
        for (round, worth) in rounds.iter().copied().enumerate() {
            let spared_from = match round {
                0 => i64::MIN,
                _ if condensed.is_empty() => break,
                1 => self.next_condensed(below)?,
                _ => i64::MAX,
            };
            let (mut losses, mut left) = split(&condensed, spared_from);
            for (meter, readings) in &fresh {
                left.entry(meter.clone()).or_default().extend(readings);
            }
            losses.extend(thin(&mut left));
            let candidate = self.made(left, losses, &refused, &told, &replaces, below);
            if candidate.bytes <= worth {
                choice = Some(candidate);
                break;
            }
        }
        let made = choice.unwrap_or_else(|| {
            let losses = fresh.iter().chain(&condensed).map(|(meter, all)| dropped(meter, all)).collect();
            let refused: Vec<Refused> =
                refused.iter().take(REFUSALS).map(|r| Refused { sample: Vec::new(), ..r.clone() }).collect();
            self.made(ByMeter::new(), losses, &refused, &told, &replaces, below)
        });
        self.append_records(&[made.record])?;
        self.totals = made.totals;
        self.newly_lost.add(made.losses);
        self.log.remove_before(below)?;
        Ok(())
    }

    /// The earliest instant of the next batch that was made of others: what is older than that is the oldest
    /// there is. Where there is none, all is older.
    fn next_condensed(&self, from: u64) -> Result<i64, SpoolError> {
        let records = self.log.read(from, 2 * RUN_BYTES as usize)?;
        let mut headers =
            records.iter().filter_map(|(_, record)| Header::decode(record)).map(|(header, _)| header);
        let next = headers.find(|header| header.is_condensed && header.readings > 0);
        Ok(next.map_or(i64::MAX, |header| header.span.0))
    }

    /// The record of what is left of a run.
    fn made(
        &self,
        left: ByMeter,
        losses: Vec<Loss>,
        refused: &[Refused],
        told: &Told,
        replaces: &[(u64, u64)],
        below: u64,
    ) -> Made {
        let mut totals = Header { dropped_below: below, is_condensed: true, ..self.totals };
        for loss in &losses {
            match loss.cause {
                LossCause::Thinned => totals.thinned += loss.readings,
                LossCause::Dropped | LossCause::Damaged => totals.lost += loss.readings,
            }
        }
        let mut told = told.clone();
        told.add(losses.iter().cloned());
        let mut readings: Vec<(Name, Reading)> = left
            .into_iter()
            .flat_map(|(meter, all)| all.into_iter().map(move |r| (meter.clone(), r)))
            .collect();
        readings.sort_by_key(|(_, reading)| reading.intake);
        let (refused, replaces) = (refused.to_vec(), replaces.to_vec());
        let piece = Piece { readings, refused, losses: told.losses(), replaces, again: Vec::new() };
        let record = self.record(self.next_sequence(), piece, &mut totals);
        Made { bytes: record.len() as u64, record, totals, losses }
    }
}

/// A batch made of a run.
struct Made {
    bytes: u64,
    record: Vec<u8>,
    totals: Header,
    losses: Vec<Loss>,
}

/// What is dropped of readings, and what stays: those from an instant on.
fn split(condensed: &ByMeter, from: i64) -> (Vec<Loss>, ByMeter) {
    let (mut losses, mut left) = (Vec::new(), ByMeter::new());
    for (meter, all) in condensed {
        let (stays, goes): (Vec<Reading>, Vec<Reading>) = all.iter().partition(|r| from <= r.at.0);
        if !goes.is_empty() {
            losses.push(dropped(meter, &goes));
        }
        if !stays.is_empty() {
            left.insert(meter.clone(), stays);
        }
    }
    (losses, left)
}

impl Run {
    fn add(&mut self, sequence: u64, bytes: u64, is_condensed: bool, batch: Batch) {
        self.bytes += bytes;
        self.readings += batch.readings.len();
        let into = if is_condensed { &mut self.condensed } else { &mut self.fresh };
        for (meter, reading) in batch.readings {
            let Some(meter) = batch.meters.get(meter as usize) else { continue };
            match into.get_mut(meter) {
                Some(all) => all.push(reading),
                None => drop(into.insert(meter.clone(), vec![reading])),
            }
        }
        self.refused.extend(batch.refused);
        self.told.add(batch.losses);
        for (first, last) in batch.lineage.replaces.into_iter().chain([(sequence, sequence)]) {
            match self.replaces.last_mut() {
                Some((_, end)) if *end + 1 == first => *end = last,
                _ => self.replaces.push((first, last)),
            }
        }
    }
}

/// All of a meter's readings as dropped.
fn dropped(meter: &Name, readings: &[Reading]) -> Loss {
    let instants = || readings.iter().map(|reading| reading.at);
    Loss {
        from: instants().min().unwrap_or_default(),
        to: instants().max().unwrap_or_default(),
        readings: readings.len() as u64,
        meter: Some(meter.clone()),
        cause: LossCause::Dropped,
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
