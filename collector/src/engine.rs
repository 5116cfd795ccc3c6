//! The engine: takes payloads in, makes them durable, and keeps the ledger equal to what its readings say.
//!
//! Synchronous and on one thread. Time comes in as an argument; a durable answer goes out as a value. It
//! owns the only writing connection to the store. What is acknowledged is in the journal, synced; a crash
//! at any point loses nothing that was acknowledged and books nothing twice, because the ledger is made
//! from the set of readings and flushing again changes nothing.

mod amend;
mod digests;
mod frozen;
mod intake;
mod issue;
mod meters;
pub mod receipts;
mod refold;
pub(crate) mod reread;
mod series;
pub mod service;
mod tally;
mod undecided;
mod work;

pub use amend::{AmendError, Amended, By, Decided};
pub use intake::{Answered, Arrival, Refusal};
pub use meters::Meters;
pub use series::merge;
pub use tally::{Again, MeterTally, NewestReading, Overlap, QuarantineCount, QuarantineKey, Tally};
pub use work::Work;

use crate::audit::{Kind, Who, chain, configuration, corrections};
use crate::config::Version;
use crate::journal::Record;
use crate::ledger::explain::Explained;
use crate::ledger::interpret::Interpretation;
use crate::store::{self, Layout, MeterId, StoreError, WriteLock, Writer, digest, history};
use digests::Digests;
use rusqlite::{Connection, params};
use series::Pending;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use wattledger_link::disk::{Disk, LocalDisk};
use wattledger_link::ranges::RangeSet;
use wattledger_link::segment::{SegmentError, SegmentLog, SegmentOptions};
use wattledger_model::batch::AgentKey;
use wattledger_model::meter::MeterKey;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::{Interval, Timestamp};

/// Bytes of a journal segment.
const SEGMENT_BYTES: u64 = 16 << 20;
/// Readings that wait for the raw store at most; beyond, intake waits and agents hold their spools.
const PENDING_LIMIT: usize = 2_000_000;
/// Readings after which they are moved to the raw store without waiting for its time.
const COMPACT_READINGS: usize = 200_000;
/// A series of which more readings than this are read to fold a change, and [`HEAVY_TIMES`] as many as changed, is
/// heavy: it does not settle for long, as a register that stands still and flickers.
const HEAVY_READINGS: usize = 20_000;
const HEAVY_TIMES: usize = 8;
/// Bytes of the journal read at a time on start.
const REPLAY_BYTES: usize = 8 << 20;

/// What the engine needs to know of the configuration.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where its files are.
    pub layout: Layout,
    /// How long raw readings are kept, ms.
    pub raw_kept_ms: i64,
    /// How the configured meters are read.
    pub meters: BTreeMap<MeterKey, Interpretation>,
}

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal failed: nothing is acknowledged until it works again.
    #[error("the journal failed; nothing is acknowledged until it works again")]
    Journal(#[from] SegmentError),
}

/// What a flush did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flushed {
    /// The change number after it.
    pub change: u64,
    /// Hour blocks that changed.
    pub hours: u64,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Meters gone through.
    pub meters: usize,
    /// Hour blocks that were not what the readings say.
    pub changed_hours: u64,
}

/// What a flush takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The changes of all series but those that were heavy to fold the last time.
    Light,
    /// All changes.
    All,
    /// All changes, and the move of readings from the journal to the raw store.
    Move,
}

/// What else is done in the transaction of a flush, after everything is folded.
type Also<'a> = &'a mut dyn FnMut(&mut Writer<'_>) -> Result<(), EngineError>;

/// The engine. See the module.
pub struct Engine {
    connection: Connection,
    journal: SegmentLog,
    store_id: u64,
    raw_kept_ms: i64,
    meters: Meters,
    committed: HashMap<(AgentKey, Incarnation), RangeSet>,
    pending: Pending,
    /// Instants changed since the last flush, as they came.
    dirty: BTreeMap<MeterId, Vec<Timestamp>>,
    /// Meters whose series was heavy to fold the last time.
    heavy: BTreeSet<MeterId>,
    /// Meters whose interpretation changed: all of their series is folded again.
    reinterpret: BTreeSet<MeterId>,
    tally: Tally,
    /// Until when steps of a meter are undecided at the longest, of meters that have such.
    undecided: HashMap<MeterId, Vec<Timestamp>>,
    /// Meters of which raw readings before an instant were deleted.
    forgotten: HashMap<MeterId, Timestamp>,
    digests: Digests,
    /// Index in the journal after the last record that was applied.
    applied: u64,
    /// The latest instant that the engine was told by its clock.
    now: Timestamp,
    _lock: WriteLock,
}

impl Engine {
    /// Opens the store and the journal, and catches up with what the last run left. The engine's clock stands
    /// where the last run left it, until the first arrival.
    ///
    /// # Errors
    /// [`EngineError`] where another process has the store, or it cannot be read.
    pub fn open(config: EngineConfig) -> Result<Engine, EngineError> {
        Engine::open_at(config, None, None)
    }

    /// The same with the journal on another disk, such as one that a test can break, and with the identity
    /// that the store gets if it is new.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_on(disk: Arc<dyn Disk>, config: EngineConfig, fresh_id: u64) -> Result<Engine, EngineError> {
        Engine::open_with(disk, fresh_id, config, None, None)
    }

    /// As [`Engine::open`], at an instant, and notes in the audit chain which version of the configuration is in
    /// force from now on.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_at(
        config: EngineConfig,
        now: Option<Timestamp>,
        version: Option<&Version>,
    ) -> Result<Engine, EngineError> {
        Engine::open_with(Arc::new(LocalDisk), random_id(), config, now, version)
    }

    fn open_with(
        disk: Arc<dyn Disk>,
        fresh_id: u64,
        config: EngineConfig,
        now: Option<Timestamp>,
        version: Option<&Version>,
    ) -> Result<Engine, EngineError> {
        let lock = WriteLock::take(&config.layout)?;
        let connection = store::open_writer(&config.layout)?;
        let options = SegmentOptions { segment_bytes: SEGMENT_BYTES };
        let (journal, recovered) =
            SegmentLog::open_on(disk, &config.layout.journal(), options, &fresh_id.to_le_bytes())?;
        for line in &recovered.detail {
            tracing::warn!(detail = %line, "the journal was repaired");
        }
        // The store's identity is its journal's: agents resend to a store that they do not know.
        let store_id = journal.meta().try_into().map_or(fresh_id, u64::from_le_bytes);
        let failed = |source| StoreError::Sqlite { path: config.layout.database(), source };
        let now = match now {
            Some(now) => now,
            None => history::last_noted(&connection).map_err(failed)?,
        };
        if let Some(version) = version {
            configuration::note(&connection, now, version)?;
        }
        let corrected = amend::in_force(corrections::load(&connection)?);
        let (meters, reinterpret) = Meters::load(&connection, &config.meters, &corrected).map_err(failed)?;
        let committed = intake::load_committed(&connection).map_err(failed)?;
        let tally = Tally::load(&connection).map_err(failed)?;
        let forgotten = series::forgotten(&connection).map_err(failed)?;
        let mut engine = Engine {
            connection,
            forgotten,
            journal,
            store_id,
            raw_kept_ms: config.raw_kept_ms,
            meters,
            committed,
            pending: Pending::default(),
            dirty: BTreeMap::new(),
            heavy: BTreeSet::new(),
            reinterpret,
            tally,
            digests: Digests::default(),
            undecided: HashMap::new(),
            applied: 0,
            now,
            _lock: lock,
        };
        engine.replay()?;
        engine.compact()?;
        Ok(engine)
    }

    /// Until when each step of a meter that readings to come may still decide otherwise is undecided at the longest;
    /// as of the last flush that had readings of it. Source: domain.md 5.3.
    pub fn undecided(&self, meter: MeterId) -> &[Timestamp] {
        self.undecided.get(&meter).map_or(&[], Vec::as_slice)
    }

    /// The identity of the store.
    pub fn store_id(&self) -> u64 {
        self.store_id
    }

    /// What is counted and what was heard last.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The meters that are known.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Tells the engine what its clock shows: when what comes next is flushed.
    pub fn tell_time(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// The number of the last flush that changed anything.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn change(&self) -> Result<u64, EngineError> {
        store::change_number(&self.connection).map_err(|source| self.failed(source))
    }

    /// Whether intake should wait until a flush has succeeded.
    pub fn is_full(&self) -> bool {
        self.pending.len() >= PENDING_LIMIT
    }

    /// Whether enough readings wait to move them to the raw store at once.
    pub fn wants_compaction(&self) -> bool {
        self.pending.len() >= COMPACT_READINGS
    }

    fn failed(&self, source: rusqlite::Error) -> EngineError {
        EngineError::Store(StoreError::Sqlite { path: "ledger.sqlite".into(), source })
    }

    /// Applies what is in the journal and not yet in the raw store.
    fn replay(&mut self) -> Result<(), EngineError> {
        let stored = store::meta(&self.connection, "journal").map_err(|source| self.failed(source))?;
        self.applied = stored.and_then(|text| text.parse().ok()).unwrap_or(0).max(self.journal.first_index());
        let mut at = self.applied;
        while at < self.journal.next_index() {
            let records = self.journal.read(at, REPLAY_BYTES)?;
            let Some((last, _)) = records.last() else { break };
            at = last + 1;
            for (_, bytes) in records {
                match Record::decode(&bytes) {
                    Some(record) => {
                        self.now = self.now.max(record.received);
                        self.apply(record);
                    }
                    None => tracing::error!("a record of the journal cannot be read and was left out"),
                }
            }
            self.applied = at;
            if self.wants_compaction() {
                self.compact()?;
            }
        }
        self.applied = self.journal.next_index();
        Ok(())
    }

    /// Folds what changed into minutes and steps, and commits them under the next change number.
    ///
    /// # Errors
    /// [`EngineError::Store`]: nothing is changed then, and the next flush tries again.
    pub fn flush(&mut self) -> Result<Flushed, EngineError> {
        self.commit(Scope::All, &mut |_| Ok(()))
    }

    /// As [`Engine::flush`], but leaves changes of series that are heavy to fold to the next flush of all, or move to
    /// the raw store. To be called often: what a series costs that never settles grows with its age.
    ///
    /// # Errors
    /// As [`Engine::flush`].
    pub fn flush_light(&mut self) -> Result<Flushed, EngineError> {
        self.commit(Scope::Light, &mut |_| Ok(()))
    }

    /// As [`Engine::flush`], and moves the waiting readings from the journal to the raw store. Makes a few of the
    /// digests of days that wait for one, too, unless readings come in masses.
    ///
    /// # Errors
    /// As [`Engine::flush`].
    pub fn compact(&mut self) -> Result<Flushed, EngineError> {
        self.compact_with(&mut |_| Ok(()))
    }

    fn compact_with(&mut self, also: Also<'_>) -> Result<Flushed, EngineError> {
        let flushed = self.commit(Scope::Move, also)?;
        self.journal.remove_before(self.applied)?;
        Ok(flushed)
    }

    /// Folds and commits, and in the same transaction does what else must hold or fail with it.
    fn commit(&mut self, scope: Scope, also: Also<'_>) -> Result<Flushed, EngineError> {
        let failed = |source| EngineError::Store(StoreError::Sqlite { path: "ledger.sqlite".into(), source });
        let before = self.change()?;
        let waits = |meter: &MeterId| scope == Scope::Light && self.heavy.contains(meter);
        let dirty: Vec<(MeterId, &Vec<Timestamp>)> =
            self.dirty.iter().filter(|(meter, _)| !waits(meter)).map(|(meter, of)| (*meter, of)).collect();
        let mut heavy = self.heavy.clone();
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        history::begin_noting(&transaction, self.now, before).map_err(failed)?;
        let standing = history::standing(&transaction, history::edge_before(self.now)).map_err(failed)?;
        let mut writer = Writer::new(&transaction, before + 1, standing);
        let frozen = |meter: &MeterId| self.forgotten.get(meter).copied();
        for meter in &self.reinterpret {
            let (key, interpretation) = self.meters.get(*meter);
            tracing::info!(meter = %key, "folding the whole series of the meter again");
            refold::refold_all(
                &transaction,
                &self.pending,
                *meter,
                interpretation,
                frozen(meter),
                &mut writer,
            )?;
        }
        for (meter, instants) in &dirty {
            let (_, interpretation) = self.meters.get(*meter);
            let mut instants = (*instants).clone();
            instants.sort_unstable();
            instants.dedup();
            let mut read = 0;
            for run in refold::runs(&instants) {
                read += refold::refold(
                    &transaction,
                    &self.pending,
                    *meter,
                    interpretation,
                    run,
                    frozen(meter),
                    &mut writer,
                )?;
            }
            if read > HEAVY_READINGS.max(HEAVY_TIMES * instants.len()) {
                heavy.insert(*meter);
            } else {
                heavy.remove(meter);
            }
        }
        also(&mut writer)?;
        let mut undecided = Vec::new();
        for meter in self.reinterpret.iter().chain(dirty.iter().map(|(meter, _)| meter)) {
            let (_, interpretation) = self.meters.get(*meter);
            let steps = undecided::undecided(&transaction, &self.pending, *meter, interpretation, self.now)?;
            let until = steps.iter().filter_map(|step| Some(step.undecided?.until));
            undecided.push((*meter, until.collect::<Vec<_>>()));
        }
        let is_changed = writer.is_changed();
        let hours = writer.finish().map_err(failed)?;
        if is_changed {
            history::note(&transaction, self.now, before + 1).map_err(failed)?;
        }
        let change = if is_changed { before + 1 } else { before };
        self.meters.save(&transaction).map_err(failed)?;
        self.tally.save_newest(&transaction, dirty.iter().map(|(meter, _)| meter)).map_err(failed)?;
        let mut again = Vec::new();
        if scope == Scope::Move {
            again = self.move_to_raw(&transaction)?;
            intake::save_committed(&transaction, &self.committed).map_err(failed)?;
            self.tally.save(&transaction, self.now, &again).map_err(failed)?;
            store::set_meta(&transaction, "journal", &self.applied.to_string()).map_err(failed)?;
            // While readings come in masses, what is made now would be void with the next of them.
            if !self.wants_compaction() {
                self.digests.make(&transaction, self.now, change, digests::A_FEW)?;
            }
        }
        transaction.commit().map_err(failed)?;
        let folded: Vec<MeterId> = dirty.into_iter().map(|(meter, _)| meter).collect();
        folded.iter().for_each(|meter| drop(self.dirty.remove(meter)));
        self.heavy = heavy;
        self.meters.saved();
        self.reinterpret.clear();
        for (meter, until) in undecided {
            if until.is_empty() {
                self.undecided.remove(&meter);
            } else {
                self.undecided.insert(meter, until);
            }
        }
        if scope == Scope::Move {
            self.pending.clear();
            self.tally.saved(&again);
        }
        Ok(Flushed { change, hours })
    }

    /// Gives what had come before, for instants that the raw store had a reading of.
    fn move_to_raw(&self, connection: &Connection) -> Result<Vec<(MeterId, Again)>, EngineError> {
        let failed = |source| EngineError::Store(StoreError::Sqlite { path: "ledger.sqlite".into(), source });
        let mut again = Vec::new();
        for (meter, day, readings) in self.pending.by_day() {
            let stored = store::raw_block(connection, meter, day).map_err(failed)?;
            let all = match stored {
                None => readings,
                Some(block) => {
                    let there = store::raw::decode(&block).map_err(|source| StoreError::Block {
                        what: format!("raw readings of meter {meter} on day {day}"),
                        source,
                    })?;
                    again.push((meter, Again::between(&there, &readings)));
                    merge(there, readings)
                }
            };
            connection
                .prepare_cached("INSERT OR REPLACE INTO raw VALUES (?1, ?2, ?3)")
                .and_then(|mut statement| statement.execute(params![meter, day, store::raw::encode(&all)]))
                .map_err(failed)?;
        }
        Ok(again)
    }

    /// Deletes raw readings of days that ended before `edge`, but for the few that what follows is read
    /// with; what the ledger made of them stays.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn forget_raw_before(&mut self, edge: Timestamp) -> Result<usize, EngineError> {
        let failed = |source| EngineError::Store(StoreError::Sqlite { path: "ledger.sqlite".into(), source });
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        let (days, forgotten) = series::forget_before(&transaction, edge).map_err(failed)?;
        if days > 0 {
            let meters: Vec<String> =
                forgotten.iter().map(|(meter, _)| self.meters.get(*meter).0.to_string()).collect();
            let body = serde_json::json!({ "before": edge.to_string(), "days": days, "meters": meters });
            chain::append(&transaction, self.now, &Who::collector(), Kind::Retention, "", &body)
                .map_err(failed)?;
        }
        receipts::forget_before(&transaction, edge).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.forgotten.extend(forgotten);
        Ok(days)
    }

    /// Why an interval of a meter is what it is; `None` for a meter that is not known. Of time whose raw
    /// readings were deleted with age nothing can be told.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn explain(&self, meter: &MeterKey, interval: Interval) -> Result<Option<Explained>, EngineError> {
        let Some(id) = self.meters.id(meter) else { return Ok(None) };
        let (_, interpretation) = self.meters.get(id);
        Ok(Some(refold::explain(&self.connection, &self.pending, id, interpretation, interval)?))
    }

    /// Makes a few digests of days that are over and have none. Whether more may wait.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn keep_digests(&mut self) -> Result<bool, EngineError> {
        self.make_digests(digests::A_FEW)
    }

    fn make_digests(&mut self, limit: usize) -> Result<bool, EngineError> {
        let failed = |source| EngineError::Store(StoreError::Sqlite { path: "ledger.sqlite".into(), source });
        let change = self.change()?;
        let transaction = self.connection.unchecked_transaction().map_err(failed)?;
        let is_more = self.digests.make(&transaction, self.now, change, limit)?;
        transaction.commit().map_err(failed)?;
        Ok(is_more)
    }

    /// Makes the whole ledger again from the raw readings, and digests of days from its minutes.
    ///
    /// # Errors
    /// As [`Engine::flush`].
    pub fn rebuild(&mut self) -> Result<Rebuilt, EngineError> {
        self.rebuild_for(&Who::collector())
    }

    /// As [`Engine::rebuild`], and notes in the audit chain for whom.
    ///
    /// # Errors
    /// As [`Engine::flush`].
    pub fn rebuild_for(&mut self, who: &Who) -> Result<Rebuilt, EngineError> {
        self.compact()?;
        self.reinterpret = self.meters.ids().collect();
        let (meters, now) = (self.reinterpret.len(), self.now);
        let flushed = self.compact_with(&mut |writer| {
            digest::forget_all(writer.connection())?;
            let body = serde_json::json!({ "meters": meters, "changed_hours": writer.changed_hours() });
            amend::note(writer.connection(), now, who, Kind::Rebuild, "", &body).map(drop)
        })?;
        Ok(Rebuilt { meters, changed_hours: flushed.hours })
    }

    /// The digest of the ledger as it would be after a flush.
    ///
    /// # Errors
    /// As [`Engine::flush`].
    pub fn digest(&mut self) -> Result<digest::Digest, EngineError> {
        self.digest_of(None)
    }

    /// The digest of a part of the ledger; `None` is all of it.
    ///
    /// # Errors
    /// As [`Engine::flush`].
    pub fn digest_of(&mut self, interval: Option<Interval>) -> Result<digest::Digest, EngineError> {
        self.flush()?;
        if interval.is_none() {
            while self.make_digests(digests::MANY)? {}
        }
        Ok(digest::of(&self.connection, interval)?)
    }
}

/// A number that no other store has: from the system's random state for hash maps.
fn random_id() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
