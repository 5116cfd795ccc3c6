//! Opening a spool: whose it is, and where its numbers go on.

use super::ahead::Ahead;
use super::damage::Accounts;
use super::record::{Header, Record};
use super::told::Told;
use super::{Spool, SpoolConfig, SpoolError};
use std::sync::Arc;
use wattledger_link::disk::{Disk, LocalDisk};
use wattledger_link::ranges::RangeSet;
use wattledger_link::segment::{Recovered, SegmentLog, SegmentOptions};
use wattledger_model::batch::AgentKey;
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
            accounts: Accounts::default(),
            acknowledged: RangeSet::default(),
            sent: RangeSet::default(),
            latest: Ahead::default(),
            backlog: Ahead::default(),
            newly_lost: Told::default(),
            is_stalled: false,
        };
        spool.go_on_from_the_latest()?;
        spool.sent = RangeSet::below(spool.next_sequence());
        spool.remove_before(spool.totals.dropped_below)?;
        Ok((spool, recovered))
    }

    /// Takes the totals from the latest record that can be read.
    fn go_on_from_the_latest(&mut self) -> Result<(), SpoolError> {
        let next = self.log.next_index();
        let latest = loop {
            let unreadable = self.unreadable();
            let latest = (self.log.first_index()..next).rev().find(|index| !unreadable.contains(*index));
            let Some(latest) = latest else { break None };
            let records = self.log.read(latest, 1)?;
            if let Some((_, record)) = records.first() {
                let Record { header, accounts, .. } = Record::decode(record).ok_or_else(|| self.foreign())?;
                (self.totals, self.accounts) = (header, accounts);
                break Some(latest);
            }
            if self.unreadable() == unreadable {
                return Err(self.foreign());
            }
        };
        let spared = next - latest.map_or(self.log.first_index(), |latest| latest + 1);
        self.totals.next_number += spared * NUMBERS_SPARED;
        Ok(())
    }

    pub(super) fn header(&self, sequence: u64) -> Result<Option<Header>, SpoolError> {
        let records = self.log.read(sequence, 1)?;
        let record = records.first().filter(|(index, _)| *index == sequence);
        record
            .map(|(_, record)| Record::decode(record).map(|read| read.header).ok_or_else(|| self.foreign()))
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
