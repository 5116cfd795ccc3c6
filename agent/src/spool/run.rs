//! The oldest batches, made into one that takes less: thinned, or without what is oldest in them.

use super::record::{Edge, Header, Record, stretches};
use super::thin::{ByMeter, thin};
use super::told::Told;
use super::{Piece, Spool, SpoolError};
use std::collections::BTreeMap;
use wattledger_link::ranges::RangeSet;
use wattledger_model::batch::{Batch, Loss, LossCause};
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Reading, Refused};

/// Bytes of the oldest batches that are made into one, at most: what they hold must fit one message, and
/// little memory.
pub(super) const RUN_BYTES: u64 = 256 << 10;
/// Readings of them at most.
const RUN_READINGS: usize = 40_000;
/// Stretches of intake that they are from at most, each without a hole.
const STRETCHES: usize = 64;
/// Ranges of sequences that a batch says it stands for. More leave holes in what the collector has, no more.
const REPLACED: usize = 2_000;

/// The oldest batches, read to be made into one.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The sequence after the last of them.
    pub(super) below: u64,
    /// What all batches up to there come to.
    pub(super) edge: Edge,
    pub(super) bytes: u64,
    /// Readings as they were taken in, and readings of batches that were made of others.
    fresh: ByMeter,
    condensed: ByMeter,
    /// The intake numbers they were made of: what lies between two ranges is with the collector, kept as it is, or
    /// damaged, so nothing may be made of readings on both sides of it.
    fresh_covers: RangeSet,
    condensed_covers: RangeSet,
    readings: usize,
    refused: Vec<Refused>,
    told: Told,
    replaces: Vec<(u64, u64)>,
    /// Whether its batches may be with the collector, although it has not said so.
    pub(super) may_be_there: bool,
}

/// A batch made of a run.
struct Made {
    bytes: u64,
    record: Vec<u8>,
    totals: Header,
    losses: Vec<Loss>,
}

impl Run {
    /// An empty one, of what is at or above a sequence.
    pub(super) fn from(below: u64, edge: Edge) -> Run {
        Run { below, edge, ..Run::default() }
    }

    /// Whether one more batch fits, beside the limit of bytes.
    pub(super) fn takes(&self, record: &Record<'_>, most: u64) -> bool {
        let mut covers = self.covers();
        covers.merge(&record.stretches());
        self.bytes < most && self.readings < RUN_READINGS && covers.ranges().len() <= STRETCHES
    }

    pub(super) fn add(&mut self, record: &Record<'_>, bytes: u64, batch: Batch) {
        self.bytes += bytes;
        self.readings += batch.readings.len();
        let (into, covers) = if record.header.is_condensed {
            (&mut self.condensed, &mut self.condensed_covers)
        } else {
            (&mut self.fresh, &mut self.fresh_covers)
        };
        covers.merge(&record.stretches());
        for (meter, reading) in batch.readings {
            let Some(meter) = batch.meters.get(meter as usize) else { continue };
            match into.get_mut(meter) {
                Some(all) => all.push(reading),
                None => drop(into.insert(meter.clone(), vec![reading])),
            }
        }
        self.refused.extend(batch.refused);
        self.told.add(batch.losses);
        // What the content was sent under before may still be on its way, and is told of from now on.
        let again = batch.lineage.again.iter().map(|sequence| (*sequence, *sequence));
        let stood_for = batch.lineage.replaces.into_iter().chain(again);
        for (first, last) in stood_for.chain([(batch.sequence, batch.sequence)]) {
            match self.replaces.last_mut() {
                Some((_, end)) if *end + 1 == first => *end = last,
                _ => self.replaces.push((first, last)),
            }
        }
    }

    fn covers(&self) -> RangeSet {
        let mut covers = self.fresh_covers.clone();
        covers.merge(&self.condensed_covers);
        covers
    }
}

impl Spool {
    /// Writes what becomes of a run: thinned, if that is worth it; else without the oldest of what was thinned
    /// before; else without all of that; else without its readings. What may be with the collector is never
    /// thinned: means beside the values that they are made of would be booked twice.
    pub(super) fn commit(&mut self, mut run: Run) -> Result<(), SpoolError> {
        run.replaces = limited(std::mem::take(&mut run.replaces), REPLACED);
        let bytes = run.bytes;
        let mut choice = None;
        let rounds: &[u64] =
            if run.may_be_there { &[] } else { &[bytes - bytes / 8, bytes - bytes / 16, bytes - bytes / 16] };
        for (round, worth) in rounds.iter().copied().enumerate() {
            let (spared_from, covers) = match round {
                0 => (i64::MIN, run.covers()),
                _ if run.condensed.is_empty() => break,
                1 => (self.next_condensed(run.below)?, run.covers()),
                _ => (i64::MAX, run.fresh_covers.clone()),
            };
            let (mut losses, mut left) = split(&run.condensed, spared_from);
            for (meter, readings) in &run.fresh {
                left.entry(meter.clone()).or_default().extend(readings);
            }
            losses.extend(thin_stretches(&mut left, &covers));
            let candidate = self.made(&run, left, losses, &run.refused, covers);
            if candidate.bytes <= worth {
                choice = Some(candidate);
                break;
            }
        }
        let made = choice.unwrap_or_else(|| {
            let all = run.fresh.iter().chain(&run.condensed);
            let losses = all.map(|(meter, all)| dropped(meter, all)).collect();
            let refused = without_samples(run.refused.clone());
            self.made(&run, ByMeter::new(), losses, &refused, RangeSet::default())
        });
        self.append_records(&[made.record])?;
        self.totals = made.totals;
        self.newly_lost.add(made.losses);
        self.remove_before(run.below)
    }

    /// The earliest instant of the next batch that was made of others: what is older than that is the oldest
    /// there is. Where there is none, all is older.
    fn next_condensed(&self, from: u64) -> Result<i64, SpoolError> {
        let records = self.log.read(from, 2 * RUN_BYTES as usize)?;
        let mut headers =
            records.iter().filter_map(|(_, record)| Record::decode(record)).map(|record| record.header);
        let next = headers.find(|header| header.is_condensed && header.here.readings > 0);
        Ok(next.and_then(|header| header.span).map_or(i64::MAX, |(from, _)| from))
    }

    /// The record of what is left of a run.
    fn made(
        &self,
        run: &Run,
        left: ByMeter,
        losses: Vec<Loss>,
        refused: &[Refused],
        covers: RangeSet,
    ) -> Made {
        let (dropped_below, edge) = (run.below, run.edge);
        let mut totals = Header { dropped_below, edge, is_condensed: true, rounds: 0, ..self.totals };
        for loss in &losses {
            match loss.cause {
                LossCause::Thinned => totals.thinned += loss.readings,
                LossCause::Dropped | LossCause::Damaged => totals.lost += loss.readings,
            }
        }
        let mut told = run.told.clone();
        told.add(losses.iter().cloned());
        let mut readings: Vec<(Name, Reading)> = left
            .into_iter()
            .flat_map(|(meter, all)| all.into_iter().map(move |r| (meter.clone(), r)))
            .collect();
        readings.sort_by_key(|(_, reading)| reading.intake);
        let (refused, replaces) = (refused.to_vec(), run.replaces.clone());
        let piece = Piece { readings, refused, losses: told.losses(), replaces, again: Vec::new(), covers };
        let record = self.record(self.next_sequence(), piece, &mut totals);
        Made { bytes: record.len() as u64, record, totals, losses }
    }
}

/// Thins the readings of each stretch by themselves. Those of none stay as they are.
fn thin_stretches(left: &mut ByMeter, covers: &RangeSet) -> Vec<Loss> {
    let covers: Vec<(u64, u64)> = stretches(covers).collect();
    let stretch_of = |reading: &Reading| {
        let number = reading.intake?.number;
        let at = covers.partition_point(|(first, _)| *first <= number).checked_sub(1)?;
        (number <= covers[at].1).then_some(at)
    };
    let mut parts: BTreeMap<Option<usize>, ByMeter> = BTreeMap::new();
    for (meter, readings) in std::mem::take(left) {
        for reading in readings {
            let part = parts.entry(stretch_of(&reading)).or_default();
            match part.get_mut(&meter) {
                Some(all) => all.push(reading),
                None => drop(part.insert(meter.clone(), vec![reading])),
            }
        }
    }
    let mut losses = Vec::new();
    for (stretch, mut part) in parts {
        if stretch.is_some() {
            losses.extend(thin(&mut part));
        }
        for (meter, readings) in part {
            left.entry(meter).or_default().extend(readings);
        }
    }
    losses
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

/// The last entries of a list.
pub(super) fn limited<T>(mut all: Vec<T>, most: usize) -> Vec<T> {
    all.drain(..all.len().saturating_sub(most));
    all
}

/// Refusals that outlive the samples of their batch: one for each cause.
pub(super) fn without_samples(refused: Vec<Refused>) -> Vec<Refused> {
    let mut by_cause: BTreeMap<Cause, Refused> = BTreeMap::new();
    for refused in refused {
        match by_cause.get_mut(&refused.cause) {
            Some(joined) => {
                joined.count = joined.count.saturating_add(refused.count);
                if joined.origin != refused.origin || joined.meter != refused.meter {
                    (joined.origin, joined.meter) = ("several".to_owned(), None);
                }
            }
            None => drop(by_cause.insert(refused.cause, Refused { sample: Vec::new(), ..refused })),
        }
    }
    by_cause.into_values().collect()
}
