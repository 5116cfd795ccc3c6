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
}

/// Readings that an agent dropped because its spool was full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Earliest instant lost.
    pub from: Timestamp,
    /// Latest instant lost.
    pub to: Timestamp,
    /// Number of readings lost.
    pub readings: u64,
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
    /// Readings lost knowingly since the spool was made.
    pub lost: u64,
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
