//! All that was heard, by topic, within limits.

use crate::map::{Message, number_in};
use crate::sparkplug::{Request, rebirth_of};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic as OurTopic;

/// Topics at most; more are counted.
const MOST_TOPICS: usize = 10_000;
/// Bytes of a payload that are kept; a larger one is not understood.
const MOST_BYTES: usize = 64 << 10;
/// Bytes of all payloads at most.
const MOST_BYTES_IN_ALL: usize = 64 << 20;

/// One topic.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) messages: u64,
    /// Whether all of it came from the broker's memory.
    pub(super) is_kept: bool,
    /// The latest payload; empty where it is too large.
    pub(super) payload: Vec<u8>,
    pub(super) arrived: Timestamp,
}

/// All topics.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) messages: u64,
    /// Messages on topics that there was no room for.
    pub(super) beyond: u64,
    /// Messages of Wattledger itself, which are not sensors'.
    pub(super) own: u64,
    /// What the broker would not let us listen to.
    pub(super) not_granted: Vec<String>,
    /// Births of Sparkplug nodes, by topic: data that follow must not take their place.
    asked: BTreeSet<String>,
    bytes: usize,
}

impl Heard {
    /// Takes a message; an empty one only clears what a broker keeps.
    pub(super) fn take(&mut self, topic: String, payload: &[u8], is_kept: bool, arrived: Timestamp) {
        self.messages += 1;
        if topic.parse::<OurTopic>().is_ok() {
            self.own += 1;
            return;
        }
        if payload.is_empty() || topic.starts_with('$') {
            return;
        }
        let kept = if payload.len() > MOST_BYTES { &[][..] } else { payload };
        if !self.topics.contains_key(&topic)
            && (self.topics.len() >= MOST_TOPICS || self.bytes + kept.len() > MOST_BYTES_IN_ALL)
        {
            self.beyond += 1;
            return;
        }
        let fresh = Topic { messages: 0, is_kept: true, payload: Vec::new(), arrived };
        let known = self.topics.entry(topic).or_insert(fresh);
        known.messages += 1;
        known.is_kept &= is_kept;
        self.bytes = self.bytes + kept.len() - known.payload.len();
        known.payload = kept.to_vec();
        known.arrived = arrived;
    }

    /// A message that is beyond what is read.
    pub(super) fn oversize(&mut self, topic: String, bytes: usize) {
        self.messages += 1;
        let payload = format!("{bytes} bytes, more than an agent reads").into_bytes();
        let told = Topic { messages: 1, is_kept: false, payload, arrived: Timestamp(0) };
        self.topics.entry(topic).or_insert(told);
    }

    /// The request for a rebirth to a Sparkplug node that was not asked yet.
    pub(super) fn node_to_ask(&mut self, topic: &str, now: Timestamp) -> Option<Request> {
        let levels: Vec<&str> = topic.split('/').collect();
        let ["spBv1.0", group, verb, edge, ..] = levels[..] else { return None };
        let tells = ["NBIRTH", "NDATA", "DDATA", "DBIRTH"].contains(&verb);
        (tells && self.asked.len() < 1_000 && self.asked.insert(format!("{group}/{edge}")))
            .then(|| rebirth_of(group, edge, now))
    }

    /// Whether nothing was heard that could be a sensor's.
    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// What to look at where nothing was heard.
    pub(super) fn nothing(&self, filters: &[String], listen: Duration) -> String {
        let mut text = format!(
            "connected, and nothing of a sensor was heard on {} within {listen:?}",
            filters.join(" ")
        );
        if self.own > 0 {
            text.push_str(&format!(" ({} messages were Wattledger's own)", self.own));
        }
        text.push_str(
            ".\nLook at:\n\
             - time: devices that tell every 5 minutes need --listen 10m; ones that tell at changes need a change\n\
             - this user's access: a broker need not say what its access list keeps back; try mosquitto_sub as this user\n\
             - the devices: is MQTT switched on in them, with this broker's address, port, user and password?\n\
             - the broker: its log shows who connects and what is denied; are the devices on another broker?\n",
        );
        if filters != ["#"] {
            text.push_str("- the topics: --topic '#' hears everything that this user may hear\n");
        }
        text
    }

    /// Every topic as a message.
    pub(super) fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.topics.iter().map(|(topic, heard)| heard.message(topic))
    }
}

impl Topic {
    /// Its latest message, as one that has just come: whether a rule can read it does not hang on the broker's memory.
    pub(super) fn message<'t>(&'t self, topic: &'t str) -> Message<'t> {
        Message { topic, payload: &self.payload, retained: false, arrived: self.arrived }
    }

    /// The payload as text.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.payload).ok()
    }

    /// Whether the whole payload is a number.
    pub(super) fn is_number(&self) -> bool {
        self.text().is_some_and(|text| number_in(text).is_ok())
    }
}
