//! Batches, acknowledgements and statuses as bytes: Protocol Buffers in an envelope with a version and a
//! checksum, as published in `proto/wattledger/v1/link.proto`.
//!
//! Decoding never panics and takes bounded memory, whatever the bytes. A reading that names an unknown
//! unit or an invalid meter does not cost its batch: it comes back among the refused.

mod columns;
mod v1;

#[cfg(test)]
mod tests;

use crate::batch::{
    Acknowledgement, AgentKey, AgentStatus, Batch, CollectorStatus, Lineage, Loss, LossCause, SourceStatus,
};
use crate::name::Name;
use crate::reading::{Cause, Incarnation, Refused};
use crate::time::Timestamp;
use prost::Message;

/// The format that this build writes, and the only one it reads.
pub const VERSION: u32 = 1;
/// Most bytes of one message. Brokers have limits too; this one passes by their defaults.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// Most readings in a batch.
pub const MAX_READINGS: usize = 50_000;
/// Most meters in a batch's dictionary.
pub const MAX_METERS: usize = 20_000;
/// Most units in a batch's dictionary.
pub const MAX_UNITS: usize = 1_000;
/// Most refused entries in a batch, and most losses.
pub const MAX_REFUSED: usize = 10_000;
/// Most ranges in an acknowledgement. More are not sent, which only makes the agent send again.
pub const MAX_RANGES: usize = 10_000;
/// Most ranges of sequences that a batch stands for, and most sequences it was sent under before.
pub const MAX_REPLACED: usize = 10_000;
/// Most sources in an agent's status.
pub const MAX_SOURCES: usize = 1_000;
/// Most bytes of a sample, and of each text that explains something.
pub const MAX_SAMPLE_BYTES: usize = 1_024;

/// Why bytes were not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message is longer than any that is sent.
    #[error("a message of {bytes} bytes is beyond the limit of {limit}; send fewer readings at a time")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The bytes are no such message at all.
    #[error("not a message of the link")]
    Malformed(#[from] prost::DecodeError),
    /// The message is of a later format.
    #[error("format version {found} is not understood, only {VERSION}; update this end")]
    Version {
        /// The version in the message.
        found: u32,
    },
    /// It is another message than the topic calls for.
    #[error("expected {expected}, found kind {found}")]
    Kind {
        /// What was to be read.
        expected: &'static str,
        /// The number of the kind in the message.
        found: i32,
    },
    /// The payload was changed on the way.
    #[error("checksum does not match the payload")]
    Checksum,
    /// More entries than the format allows.
    #[error("{count} {what} are beyond the limit of {limit}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Columns of unlike length.
    #[error("column {column} has {entries} entries for {readings} readings")]
    Columns {
        /// The column.
        column: &'static str,
        /// Its entries.
        entries: usize,
        /// The readings there are.
        readings: usize,
    },
    /// A column refers beyond its dictionary.
    #[error("column {column} refers to position {position} of a dictionary with {entries} entries")]
    Position {
        /// The column.
        column: &'static str,
        /// The position.
        position: u32,
        /// Entries of the dictionary.
        entries: usize,
    },
    /// A name that must be valid is not.
    #[error("the {what} `{text}` is not a name")]
    Name {
        /// Whose name.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// The ranges are not ascending and disjoint, or pass the end of the numbers.
    #[error("the ranges of the acknowledgement overlap or do not ascend")]
    Ranges,
    /// A batch claims to stand for itself, for a later one, or for half a range.
    #[error("batch {sequence} claims to stand for batches that are not before it")]
    Replaces {
        /// The batch.
        sequence: u64,
    },
}

/// The bytes of a batch.
///
/// Intake numbers travel without their incarnation, which is the batch's; a reading numbered in another
/// one, and an interval of zero length, travel without. Limits are the decoder's: see the constants here.
pub fn encode_batch(batch: &Batch) -> Vec<u8> {
    let mut message = v1::Batch {
        site: batch.agent.site.to_string(),
        agent: batch.agent.agent.to_string(),
        incarnation: Some(batch.incarnation.into()),
        sequence: batch.sequence,
        refused: batch.refused.iter().map(write_refused).collect(),
        losses: batch.losses.iter().map(write_loss).collect(),
        floor: batch.lineage.floor,
        replaces: batch
            .lineage
            .replaces
            .iter()
            .flat_map(|(first, last)| [*first, last.wrapping_sub(*first)])
            .collect(),
        again: batch.lineage.again.clone(),
        ..v1::Batch::default()
    };
    columns::write(&mut message, batch.incarnation, &batch.meters, &batch.readings);
    seal(v1::Kind::Batch, &message)
}

/// Reads a batch. What cannot be understood of single readings is appended to its refused entries, one
/// for each cause, meter and unit.
///
/// # Errors
/// See [`WireError`]: the batch as a whole is not to be had then.
pub fn decode_batch(bytes: &[u8]) -> Result<Batch, WireError> {
    let message: v1::Batch = open(v1::Kind::Batch, "a batch", bytes)?;
    limited("refused entries", message.refused.len(), MAX_REFUSED)?;
    limited("losses", message.losses.len(), MAX_REFUSED)?;
    let agent = read_agent(&message.site, &message.agent)?;
    let incarnation = message.incarnation.unwrap_or_default().into();
    let lineage = read_lineage(&message)?;
    let read = columns::read(&message, incarnation)?;
    let mut refused: Vec<Refused> = message.refused.into_iter().map(read_refused).collect();
    refused.extend(read.refused);
    Ok(Batch {
        agent,
        incarnation,
        sequence: message.sequence,
        meters: read.meters,
        readings: read.readings,
        refused,
        losses: message.losses.iter().map(read_loss).collect(),
        lineage,
    })
}

/// The bytes of an acknowledgement. Of more than [`MAX_RANGES`] ranges the first are sent.
pub fn encode_acknowledgement(acknowledgement: &Acknowledgement) -> Vec<u8> {
    let mut end = acknowledgement.floor;
    let mut ranges = Vec::with_capacity(2 * acknowledgement.ranges.len().min(MAX_RANGES));
    for &(first, last) in acknowledgement.ranges.iter().take(MAX_RANGES) {
        ranges.extend([first.wrapping_sub(end), last.wrapping_sub(first)]);
        end = last;
    }
    let message = v1::Acknowledgement {
        collector: acknowledgement.collector.to_string(),
        store_id: acknowledgement.store_id,
        incarnation: Some(acknowledgement.incarnation.into()),
        floor: acknowledgement.floor,
        ranges,
    };
    seal(v1::Kind::Acknowledgement, &message)
}

/// Reads an acknowledgement.
///
/// # Errors
/// See [`WireError`].
pub fn decode_acknowledgement(bytes: &[u8]) -> Result<Acknowledgement, WireError> {
    let message: v1::Acknowledgement = open(v1::Kind::Acknowledgement, "an acknowledgement", bytes)?;
    limited("ranges", message.ranges.len().div_ceil(2), MAX_RANGES)?;
    let mut end = message.floor;
    let mut ranges = Vec::with_capacity(message.ranges.len() / 2);
    let pairs = message.ranges.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(WireError::Ranges);
    }
    for pair in pairs {
        let first = end.checked_add(pair[0]).ok_or(WireError::Ranges)?;
        let last = first.checked_add(pair[1]).ok_or(WireError::Ranges)?;
        if pair[0] == 0 {
            return Err(WireError::Ranges);
        }
        ranges.push((first, last));
        end = last;
    }
    Ok(Acknowledgement {
        collector: read_name("collector", &message.collector)?,
        store_id: message.store_id,
        incarnation: message.incarnation.unwrap_or_default().into(),
        floor: message.floor,
        ranges,
    })
}

/// The bytes of an agent's status.
pub fn encode_agent_status(status: &AgentStatus) -> Vec<u8> {
    let source = |source: &SourceStatus| v1::SourceStatus {
        name: source.name.clone(),
        healthy: source.healthy,
        detail: shortened(source.detail.clone()),
    };
    let message = v1::AgentStatus {
        site: status.agent.site.to_string(),
        agent: status.agent.agent.to_string(),
        incarnation: Some(status.incarnation.into()),
        at: status.at.0,
        version: status.version.clone(),
        oldest_sequence: status.oldest_sequence,
        next_sequence: status.next_sequence,
        unacknowledged: status.unacknowledged,
        spool_bytes: status.spool_bytes,
        spool_limit_bytes: status.spool_limit_bytes,
        taken_in: status.taken_in,
        refused: status.refused,
        lost: status.lost,
        thinned: status.thinned,
        waiting: status.waiting,
        sent: status.sent,
        held_back: status.held_back,
        spool_trouble: shortened(status.spool_trouble.clone()),
        clock_jumps: status.clock_jumps,
        clock_jumped_ms: status.clock_jumped_ms,
        sources: status.sources.iter().take(MAX_SOURCES).map(source).collect(),
    };
    seal(v1::Kind::AgentStatus, &message)
}

/// Reads an agent's status.
///
/// # Errors
/// See [`WireError`].
pub fn decode_agent_status(bytes: &[u8]) -> Result<AgentStatus, WireError> {
    let message: v1::AgentStatus = open(v1::Kind::AgentStatus, "an agent's status", bytes)?;
    limited("sources", message.sources.len(), MAX_SOURCES)?;
    let source = |source: v1::SourceStatus| SourceStatus {
        name: shortened(source.name),
        healthy: source.healthy,
        detail: shortened(source.detail),
    };
    Ok(AgentStatus {
        agent: read_agent(&message.site, &message.agent)?,
        incarnation: message.incarnation.unwrap_or_default().into(),
        at: Timestamp(message.at),
        version: shortened(message.version),
        oldest_sequence: message.oldest_sequence,
        next_sequence: message.next_sequence,
        unacknowledged: message.unacknowledged,
        spool_bytes: message.spool_bytes,
        spool_limit_bytes: message.spool_limit_bytes,
        taken_in: message.taken_in,
        refused: message.refused,
        lost: message.lost,
        thinned: message.thinned,
        waiting: message.waiting,
        sent: message.sent,
        held_back: message.held_back,
        spool_trouble: shortened(message.spool_trouble),
        clock_jumps: message.clock_jumps,
        clock_jumped_ms: message.clock_jumped_ms,
        sources: message.sources.into_iter().map(source).collect(),
    })
}

/// The bytes of a collector's status.
pub fn encode_collector_status(status: &CollectorStatus) -> Vec<u8> {
    let message = v1::CollectorStatus {
        collector: status.collector.to_string(),
        store_id: status.store_id,
        at: status.at.0,
        started: status.started.0,
        version: status.version.clone(),
    };
    seal(v1::Kind::CollectorStatus, &message)
}

/// Reads a collector's status.
///
/// # Errors
/// See [`WireError`].
pub fn decode_collector_status(bytes: &[u8]) -> Result<CollectorStatus, WireError> {
    let message: v1::CollectorStatus = open(v1::Kind::CollectorStatus, "a collector's status", bytes)?;
    Ok(CollectorStatus {
        collector: read_name("collector", &message.collector)?,
        store_id: message.store_id,
        at: Timestamp(message.at),
        started: Timestamp(message.started),
        version: shortened(message.version),
    })
}

/// Puts the message into its envelope.
fn seal(kind: v1::Kind, message: &impl Message) -> Vec<u8> {
    let payload = message.encode_to_vec();
    let crc32 = crc32fast::hash(&payload);
    v1::Envelope { version: VERSION, kind: kind as i32, crc32, payload }.encode_to_vec()
}

/// Takes the message out of its envelope, once version, kind and checksum are right.
fn open<M: Message + Default>(kind: v1::Kind, expected: &'static str, bytes: &[u8]) -> Result<M, WireError> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(WireError::TooLong { bytes: bytes.len(), limit: MAX_MESSAGE_BYTES });
    }
    let envelope = v1::Envelope::decode(bytes)?;
    if envelope.version != VERSION {
        return Err(WireError::Version { found: envelope.version });
    }
    if envelope.kind != kind as i32 {
        return Err(WireError::Kind { expected, found: envelope.kind });
    }
    // No message of ours is empty, and the checksum of nothing is zero, as is a checksum left out.
    if envelope.payload.is_empty() || crc32fast::hash(&envelope.payload) != envelope.crc32 {
        return Err(WireError::Checksum);
    }
    Ok(M::decode(envelope.payload.as_slice())?)
}

fn limited(what: &'static str, count: usize, limit: usize) -> Result<usize, WireError> {
    if count > limit { Err(WireError::Count { what, count, limit }) } else { Ok(count) }
}

fn read_name(what: &'static str, text: &str) -> Result<Name, WireError> {
    text.parse().map_err(|_| WireError::Name { what, text: text.chars().take(80).collect() })
}

fn read_agent(site: &str, agent: &str) -> Result<AgentKey, WireError> {
    Ok(AgentKey { site: read_name("site", site)?, agent: read_name("agent", agent)? })
}

/// The text, cut at a character where it is longer than an explanation may be.
fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_SAMPLE_BYTES));
    text
}

fn write_refused(refused: &Refused) -> v1::Refused {
    v1::Refused {
        at: refused.at.0,
        cause: refused.cause.word().to_owned(),
        origin: shortened(refused.origin.clone()),
        meter: refused.meter.as_ref().map(Name::to_string).unwrap_or_default(),
        detail: shortened(refused.detail.clone()),
        sample: refused.sample[..refused.sample.len().min(MAX_SAMPLE_BYTES)].to_vec(),
        count: refused.count,
    }
}

/// A cause that this build does not know is a later agent's; the entry is kept, with the word in its detail.
fn read_refused(mut refused: v1::Refused) -> Refused {
    let cause = Cause::from_word(&refused.cause);
    if cause.is_none() {
        refused.detail = format!("{}: {}", shortened(refused.cause), refused.detail);
    }
    refused.sample.truncate(MAX_SAMPLE_BYTES);
    Refused {
        at: Timestamp(refused.at),
        cause: cause.unwrap_or(Cause::Payload),
        origin: shortened(refused.origin),
        meter: refused.meter.parse().ok(),
        detail: shortened(refused.detail),
        sample: refused.sample,
        count: refused.count,
    }
}

/// The sequences that a batch stands for or was sent under: all before its own.
fn read_lineage(message: &v1::Batch) -> Result<Lineage, WireError> {
    limited("replaced ranges", message.replaces.len().div_ceil(2), MAX_REPLACED)?;
    limited("earlier sequences", message.again.len(), MAX_REPLACED)?;
    let wrong = || WireError::Replaces { sequence: message.sequence };
    let pairs = message.replaces.chunks_exact(2);
    if !pairs.remainder().is_empty() || message.again.iter().any(|before| *before >= message.sequence) {
        return Err(wrong());
    }
    let range = |pair: &[u64]| {
        let last = pair[0].checked_add(pair[1]).filter(|last| *last < message.sequence);
        last.map(|last| (pair[0], last)).ok_or_else(wrong)
    };
    let replaces = pairs.map(range).collect::<Result<_, _>>()?;
    Ok(Lineage { floor: message.floor, replaces, again: message.again.clone() })
}

fn write_loss(loss: &Loss) -> v1::Loss {
    v1::Loss {
        from: loss.from.0,
        to: loss.to.0,
        readings: loss.readings,
        meter: loss.meter.as_ref().map(Name::to_string).unwrap_or_default(),
        cause: match loss.cause {
            LossCause::Dropped => 0,
            LossCause::Thinned => 1,
            LossCause::Damaged => 2,
        },
    }
}

/// A cause that this build does not know is a later agent's: the readings are gone in any case.
fn read_loss(loss: &v1::Loss) -> Loss {
    Loss {
        from: Timestamp(loss.from),
        to: Timestamp(loss.to),
        readings: loss.readings,
        meter: loss.meter.parse().ok(),
        cause: match loss.cause {
            1 => LossCause::Thinned,
            2 => LossCause::Damaged,
            _ => LossCause::Dropped,
        },
    }
}

impl From<Incarnation> for v1::Incarnation {
    fn from(incarnation: Incarnation) -> v1::Incarnation {
        v1::Incarnation { started: incarnation.started.0, id: incarnation.id }
    }
}

impl From<v1::Incarnation> for Incarnation {
    fn from(incarnation: v1::Incarnation) -> Incarnation {
        Incarnation { started: Timestamp(incarnation.started), id: incarnation.id }
    }
}
