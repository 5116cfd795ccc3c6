//! The messages of format version 1, as in `proto/wattledger/v1/link.proto`, which explains every field.
//! A test compares the two.

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Envelope {
    #[prost(uint32, tag = "1")]
    pub(super) version: u32,
    #[prost(enumeration = "Kind", tag = "2")]
    pub(super) kind: i32,
    #[prost(fixed32, tag = "3")]
    pub(super) crc32: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) payload: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum Kind {
    Unspecified = 0,
    Batch = 1,
    Acknowledgement = 2,
    AgentStatus = 3,
    CollectorStatus = 4,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Incarnation {
    #[prost(sint64, tag = "1")]
    pub(super) started: i64,
    #[prost(fixed64, tag = "2")]
    pub(super) id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Batch {
    #[prost(string, tag = "1")]
    pub(super) site: String,
    #[prost(string, tag = "2")]
    pub(super) agent: String,
    #[prost(message, optional, tag = "3")]
    pub(super) incarnation: Option<Incarnation>,
    #[prost(uint64, tag = "4")]
    pub(super) sequence: u64,
    #[prost(string, repeated, tag = "5")]
    pub(super) meters: Vec<String>,
    #[prost(string, repeated, tag = "6")]
    pub(super) units: Vec<String>,
    #[prost(uint32, repeated, tag = "7")]
    pub(super) meter: Vec<u32>,
    #[prost(sint64, repeated, tag = "8")]
    pub(super) at: Vec<i64>,
    #[prost(sint64, repeated, tag = "9")]
    pub(super) arrived: Vec<i64>,
    #[prost(sint64, repeated, tag = "10")]
    pub(super) mantissa: Vec<i64>,
    #[prost(sint32, repeated, tag = "11")]
    pub(super) exponent: Vec<i32>,
    #[prost(uint32, repeated, tag = "12")]
    pub(super) unit: Vec<u32>,
    #[prost(uint32, repeated, tag = "13")]
    pub(super) interval_ms: Vec<u32>,
    #[prost(uint32, repeated, tag = "14")]
    pub(super) quality: Vec<u32>,
    #[prost(sint64, repeated, tag = "15")]
    pub(super) number: Vec<i64>,
    #[prost(message, repeated, tag = "16")]
    pub(super) refused: Vec<Refused>,
    #[prost(message, repeated, tag = "17")]
    pub(super) losses: Vec<Loss>,
    #[prost(fixed64, repeated, tag = "18")]
    pub(super) serials: Vec<u64>,
    #[prost(uint32, repeated, tag = "19")]
    pub(super) serial: Vec<u32>,
    #[prost(uint64, repeated, tag = "20")]
    pub(super) boots: Vec<u64>,
    #[prost(uint64, tag = "21")]
    pub(super) floor: u64,
    #[prost(uint64, repeated, tag = "22")]
    pub(super) replaces: Vec<u64>,
    #[prost(uint64, repeated, tag = "23")]
    pub(super) again: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Refused {
    #[prost(sint64, tag = "1")]
    pub(super) at: i64,
    #[prost(string, tag = "2")]
    pub(super) cause: String,
    #[prost(string, tag = "3")]
    pub(super) origin: String,
    #[prost(string, tag = "4")]
    pub(super) meter: String,
    #[prost(string, tag = "5")]
    pub(super) detail: String,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) sample: Vec<u8>,
    #[prost(uint64, tag = "7")]
    pub(super) count: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Loss {
    #[prost(sint64, tag = "1")]
    pub(super) from: i64,
    #[prost(sint64, tag = "2")]
    pub(super) to: i64,
    #[prost(uint64, tag = "3")]
    pub(super) readings: u64,
    #[prost(string, tag = "4")]
    pub(super) meter: String,
    #[prost(uint32, tag = "5")]
    pub(super) cause: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Acknowledgement {
    #[prost(string, tag = "1")]
    pub(super) collector: String,
    #[prost(fixed64, tag = "2")]
    pub(super) store_id: u64,
    #[prost(message, optional, tag = "3")]
    pub(super) incarnation: Option<Incarnation>,
    #[prost(uint64, tag = "4")]
    pub(super) floor: u64,
    #[prost(uint64, repeated, tag = "5")]
    pub(super) ranges: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AgentStatus {
    #[prost(string, tag = "1")]
    pub(super) site: String,
    #[prost(string, tag = "2")]
    pub(super) agent: String,
    #[prost(message, optional, tag = "3")]
    pub(super) incarnation: Option<Incarnation>,
    #[prost(sint64, tag = "4")]
    pub(super) at: i64,
    #[prost(string, tag = "5")]
    pub(super) version: String,
    #[prost(uint64, tag = "6")]
    pub(super) oldest_sequence: u64,
    #[prost(uint64, tag = "7")]
    pub(super) next_sequence: u64,
    #[prost(uint64, tag = "8")]
    pub(super) unacknowledged: u64,
    #[prost(uint64, tag = "9")]
    pub(super) spool_bytes: u64,
    #[prost(uint64, tag = "10")]
    pub(super) spool_limit_bytes: u64,
    #[prost(uint64, tag = "11")]
    pub(super) taken_in: u64,
    #[prost(uint64, tag = "12")]
    pub(super) refused: u64,
    #[prost(uint64, tag = "13")]
    pub(super) lost: u64,
    #[prost(message, repeated, tag = "14")]
    pub(super) sources: Vec<SourceStatus>,
    #[prost(uint64, tag = "15")]
    pub(super) thinned: u64,
    #[prost(uint64, tag = "16")]
    pub(super) waiting: u64,
    #[prost(uint64, tag = "17")]
    pub(super) sent: u64,
    #[prost(uint64, tag = "18")]
    pub(super) held_back: u64,
    #[prost(string, tag = "19")]
    pub(super) spool_trouble: String,
    #[prost(uint64, tag = "20")]
    pub(super) clock_jumps: u64,
    #[prost(sint64, tag = "21")]
    pub(super) clock_jumped_ms: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SourceStatus {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bool, tag = "2")]
    pub(super) healthy: bool,
    #[prost(string, tag = "3")]
    pub(super) detail: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CollectorStatus {
    #[prost(string, tag = "1")]
    pub(super) collector: String,
    #[prost(fixed64, tag = "2")]
    pub(super) store_id: u64,
    #[prost(sint64, tag = "3")]
    pub(super) at: i64,
    #[prost(sint64, tag = "4")]
    pub(super) started: i64,
    #[prost(string, tag = "5")]
    pub(super) version: String,
}
