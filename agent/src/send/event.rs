//! What happens to the sender, and what it wants done.

use wattledger_link::ranges::RangeSet;

/// What the spool holds now.
#[derive(Debug, Clone, Copy)]
pub struct Held<'s> {
    /// The oldest sequence.
    pub from: u64,
    /// The sequence the next batch will get.
    pub next: u64,
    /// Sequences that cannot be read.
    pub unreadable: &'s RangeSet,
}

/// What happened.
#[derive(Debug)]
pub enum Event<'e> {
    /// The link is up and subscribed.
    Connected,
    /// The link is down; whatever was on its way is forgotten.
    Disconnected,
    /// A message came on the link.
    Message {
        /// Its topic.
        topic: &'e str,
        /// Its payload.
        payload: &'e [u8],
    },
    /// A batch or a status could not be handed to the link; it has room again after a PUBACK or a while.
    NotSent(Option<u64>),
    /// A batch can never be sent: it cannot be read, or the link would never take it.
    Unsendable(u64),
    /// The broker took something: there is room. It frees nothing.
    Published,
    /// A source has begun or ceased to deliver.
    SourceTurned,
    /// The spool can be written no more, or again.
    SpoolTurned,
    /// The spool has grown, or time has passed.
    Look,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Publish the status.
    SendStatus,
    /// Publish the batch.
    SendBatch(u64),
    /// The collector speaks for another store than before: everything held is offered again.
    NewStore {
        /// The store before; `None` where there was none.
        before: Option<u64>,
        /// The store now.
        now: u64,
    },
    /// The collector holds this much.
    Acknowledged,
    /// The collector has not answered for a while: batches are held back until it does.
    CollectorSilent,
    /// It answers: batches go out.
    CollectorAnswers,
    /// An acknowledgement frees nothing.
    Distrusted(Distrust),
}

/// Why an acknowledgement frees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Distrust {
    /// It came on a topic that is not the one of our collector and us.
    #[error("it came on a topic that is not this agent's and its collector's")]
    Topic,
    /// It cannot be decoded.
    #[error("it cannot be decoded")]
    Undecodable,
    /// It is signed by a collector that is not ours.
    #[error("it is of another collector than the one this agent is configured for")]
    Collector,
    /// It is about another incarnation.
    #[error("it is about another incarnation of this agent's spool")]
    Incarnation,
    /// It covers batches that were never sent.
    #[error(
        "it covers batches that were never sent; if the spool is a restored copy, move data_dir away so that a new one is made"
    )]
    NeverSent,
}
