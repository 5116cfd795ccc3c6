//! Opening a spool: whose it is, where its numbers go on, and what damage has taken.

use super::ahead::Ahead;
use super::record::Header;
use super::told::Told;
use super::{Piece, Spool, SpoolConfig, SpoolError};
use std::sync::Arc;
use wattledger_link::disk::{Disk, LocalDisk};
use wattledger_link::ranges::RangeSet;
use wattledger_link::segment::{Recovered, SegmentLog, SegmentOptions};
use wattledger_model::batch::{AgentKey, Loss, LossCause};
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;

/// Intake numbers left out for each unreadable batch at the end, so that none is given twice.
const NUMBERS_SPARED: u64 = 1_000_000;

impl Spool {
    /// Opens the spool, or makes it with `fresh` as its incarnation.
    ///
    /// # Errors
    /// [`SpoolError`]; damage is no error, it is in [`Recovered`]. Say what the collector is known to hold
    /// with [`Spool::acknowledge`] and what was ever sent with [`Spool::may_have_sent`] (until then: all of
    /// it), then call [`Spool::answer_for_damage`].
    pub fn open(config: SpoolConfig, fresh: Incarnation) -> Result<(Spool, Recovered), SpoolError> {
        Spool::open_on(Arc::new(LocalDisk), config, fresh)
    }

    /// The same on another disk, such as one that a test can break.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        config: SpoolConfig,
        fresh: Incarnation,
    ) -> Result<(Spool, Recovered), SpoolError> {
        // Sixteen files or more, so that the oldest can go without taking much along.
        let segment_bytes = (config.limit_bytes / 16).clamp(4 << 10, 8 << 20);
        let meta = identity(&config.agent, fresh);
        let (log, recovered) =
            SegmentLog::open_on(disk, &config.dir, SegmentOptions { segment_bytes }, meta.as_bytes())?;
        let incarnation = identified(log.meta(), &config)?;
        let mut spool = Spool {
            log,
            config,
            segment_bytes,
            incarnation,
            totals: Header::default(),
            acknowledged: RangeSet::default(),
            sent: RangeSet::default(),
            latest: Ahead::default(),
            backlog: Ahead::default(),
            newly_lost: Told::default(),
        };
        spool.go_on_from_the_latest()?;
        spool.sent = RangeSet::below(spool.next_sequence());
        spool.log.remove_before(spool.totals.dropped_below)?;
        Ok((spool, recovered))
    }

    /// Takes the totals from the latest record that can be read.
    fn go_on_from_the_latest(&mut self) -> Result<(), SpoolError> {
        let unreadable = self.unreadable();
        let next = self.log.next_index();
        let latest = (self.log.first_index()..next).rev().find(|index| !unreadable.contains(*index));
        if let Some(latest) = latest {
            self.totals = self.header(latest)?.ok_or_else(|| self.foreign())?;
        }
        let spared = next - latest.map_or(self.log.first_index(), |latest| latest + 1);
        self.totals.next_number += spared * NUMBERS_SPARED;
        Ok(())
    }

    /// Tells, in a batch of its own, of readings that nobody has and whose records have become
    /// unreadable. Each is told of once.
    ///
    /// # Errors
    /// [`SpoolError::Log`] if the disk fails; call it again later.
    pub fn answer_for_damage(&mut self) -> Result<Option<Loss>, SpoolError> {
        let before = self.totals;
        self.try_answer_for_damage().inspect_err(|_| self.totals = before)
    }

    fn try_answer_for_damage(&mut self) -> Result<Option<Loss>, SpoolError> {
        let mut lost = Told::default();
        let from = self.oldest_sequence().max(self.totals.answered_below);
        for (first, last) in self.log.lost() {
            let first = first.max(from);
            if last < first {
                continue;
            }
            self.totals.answered_below = last + 1;
            if self.acknowledged.count_between(first, last) == last - first + 1 {
                continue;
            }
            lost.add(self.lost_between(first, last)?);
        }
        let lost = lost.losses().pop();
        if let Some(loss) = &lost {
            let mut totals = self.totals;
            totals.lost += loss.readings;
            totals.is_condensed = true;
            self.append_made(Piece { losses: vec![loss.clone()], ..Piece::default() }, totals)?;
        }
        Ok(lost)
    }

    /// What the unreadable batches held, by the totals on both sides of them. Their instants lie between
    /// those of their neighbours, or nearly; at an end of the spool nothing can be told.
    fn lost_between(&self, first: u64, last: u64) -> Result<Option<Loss>, SpoolError> {
        let before = if first == 0 { Some(Header::default()) } else { self.header(first - 1)? };
        let (Some(before), Some(after)) = (before, self.header(last + 1)?) else { return Ok(None) };
        let readings = after.appended.saturating_sub(after.readings).saturating_sub(before.appended);
        let from = if before.readings > 0 { before.span.1 } else { after.span.0 };
        let (from, to) = (from.min(after.span.0), from.max(after.span.0));
        let (from, to) = (Timestamp(from), Timestamp(to));
        Ok((readings > 0).then_some(Loss { from, to, readings, meter: None, cause: LossCause::Damaged }))
    }

    pub(super) fn header(&self, sequence: u64) -> Result<Option<Header>, SpoolError> {
        let records = self.log.read(sequence, 1)?;
        let record = records.first().filter(|(index, _)| *index == sequence);
        record
            .map(|(_, record)| Header::decode(record).map(|(h, _)| h).ok_or_else(|| self.foreign()))
            .transpose()
    }

    pub(super) fn foreign(&self) -> SpoolError {
        SpoolError::Foreign { dir: self.config.dir.display().to_string() }
    }
}

fn identity(agent: &AgentKey, incarnation: Incarnation) -> String {
    format!("wattledger-spool 1 {} {} {} {}", agent.site, agent.agent, incarnation.started.0, incarnation.id)
}

fn identified(meta: &[u8], config: &SpoolConfig) -> Result<Incarnation, SpoolError> {
    let dir = || config.dir.display().to_string();
    let text = String::from_utf8_lossy(meta);
    let words: Vec<&str> = text.split(' ').collect();
    let ["wattledger-spool", "1", site, agent, started, id] = words[..] else {
        return Err(SpoolError::Foreign { dir: dir() });
    };
    if site != config.agent.site.as_str() || agent != config.agent.agent.as_str() {
        let made_by = format!("{site}/{agent}");
        return Err(SpoolError::OtherAgent { dir: dir(), made_by, agent: config.agent.clone() });
    }
    match (started.parse(), id.parse()) {
        (Ok(started), Ok(id)) => Ok(Incarnation { started: Timestamp(started), id }),
        _ => Err(SpoolError::Foreign { dir: dir() }),
    }
}
