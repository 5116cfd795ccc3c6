//! What travels between an agent and its collector: batches, acknowledgements and statuses, as values.
//! Their bytes are the business of [`crate::wire`].

use crate::name::Name;
use crate::reading::{Incarnation, Reading, Refused};
use crate::time::Timestamp;

/// An agent: its name is unique in its site.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentKey {
    /// The place the agent is at.
    pub site: Name,
    /// The agent's name within the site.
    pub agent: Name,
}

impl std::fmt::Display for AgentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.site, self.agent)
    }
}

/// Readings of one agent, immutable once sent. Identified by incarnation and sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Who took the readings in.
    pub agent: AgentKey,
    /// The agent's incarnation.
    pub incarnation: Incarnation,
    /// Sequence within the incarnation; contiguous from 0.
    pub sequence: u64,
    /// The meters the readings refer to by their position here.
    pub meters: Vec<Name>,
    /// `(position in meters, reading)`, in intake order.
    pub readings: Vec<(u32, Reading)>,
    /// What the agent had to refuse, with samples.
    pub refused: Vec<Refused>,
    /// What the agent lost knowingly.
    pub losses: Vec<Loss>,
    /// Which batches were before it.
    pub lineage: Lineage,
}

/// What a batch has to do with those before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage {
    /// The oldest sequence that the agent held when this batch was made.
    pub floor: u64,
    /// Sequences that this batch stands for and that were never sent: inclusive `(first, last)`.
    pub replaces: Vec<(u64, u64)>,
    /// Sequences under which the same content was sent before, without an answer. Where one of them is
    /// committed, this batch brings nothing new.
    pub again: Vec<u64>,
}

/// Readings of which an agent sends nothing, or less than it took in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Earliest instant lost.
    pub from: Timestamp,
    /// Latest instant lost.
    pub to: Timestamp,
    /// Number of readings lost.
    pub readings: u64,
    /// The meter; `None` where it is not known, or several are told of together.
    pub meter: Option<Name>,
    /// How they were lost.
    pub cause: LossCause,
}

/// How readings were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum LossCause {
    /// The spool was full, and nothing that could be thinned was left.
    #[default]
    Dropped,
    /// Left out where the readings that stay tell the same amounts by quarter hour.
    Thinned,
    /// Their place on the agent's disk cannot be read any more.
    Damaged,
}

impl LossCause {
    /// Every cause.
    pub const ALL: [LossCause; 3] = [LossCause::Dropped, LossCause::Thinned, LossCause::Damaged];

    /// The word used in the store and in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            LossCause::Dropped => "dropped",
            LossCause::Thinned => "thinned",
            LossCause::Damaged => "damaged",
        }
    }

    /// The cause of a word, if it is one.
    pub fn from_word(word: &str) -> Option<LossCause> {
        LossCause::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

/// A collector's word on which batches of one agent it holds durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The collector that speaks.
    pub collector: Name,
    /// The identity of its store, made with its journal.
    pub store_id: u64,
    /// The agent's incarnation that this is about.
    pub incarnation: Incarnation,
    /// Every sequence below this is committed.
    pub floor: u64,
    /// Committed above the floor: disjoint, ascending, inclusive `(first, last)`.
    pub ranges: Vec<(u64, u64)>,
}

/// What an agent says of itself: on each connect, and every minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentStatus {
    /// Who speaks.
    pub agent: AgentKey,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// When it was said, by the agent's clock.
    pub at: Timestamp,
    /// The agent's version.
    pub version: String,
    /// The oldest sequence it still holds; equal to `next_sequence` when it holds none.
    pub oldest_sequence: u64,
    /// The sequence that its next batch will have.
    pub next_sequence: u64,
    /// Batches not yet acknowledged.
    pub unacknowledged: u64,
    /// Bytes of the spool on disk.
    pub spool_bytes: u64,
    /// Limit of the spool in bytes.
    pub spool_limit_bytes: u64,
    /// Readings taken in since the spool was made.
    pub taken_in: u64,
    /// Messages or values refused since the agent started.
    pub refused: u64,
    /// Readings dropped or damaged since the spool was made.
    pub lost: u64,
    /// Readings thinned away since the spool was made.
    pub thinned: u64,
    /// Readings held in batches that the collector has not acknowledged.
    pub waiting: u64,
    /// Readings handed to the link since the agent started, those sent again among them.
    pub sent: u64,
    /// Readings that wait in memory because the spool cannot be written.
    pub held_back: u64,
    /// Why the spool cannot be written, in words; empty while it can.
    pub spool_trouble: String,
    /// Jumps of the machine's clock against its running time, since the agent started.
    pub clock_jumps: u64,
    /// The last of them in milliseconds, positive where the clock was put forward; 0 before the first.
    pub clock_jumped_ms: i64,
    /// What each source says of itself.
    pub sources: Vec<SourceStatus>,
}

/// The state of one of an agent's sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// Its name in the agent's configuration.
    pub name: String,
    /// Whether it delivers: connected, readable, not ended by an error.
    pub healthy: bool,
    /// What is the matter, or what it does, in words.
    pub detail: String,
}

/// What a collector says of itself: retained, and every minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorStatus {
    /// Who speaks.
    pub collector: Name,
    /// The identity of its store.
    pub store_id: u64,
    /// When it was said, by the collector's clock.
    pub at: Timestamp,
    /// When the collector started.
    pub started: Timestamp,
    /// The collector's version.
    pub version: String,
}
