//! Sparkplug B: edge nodes that tell once, in a birth, what their metrics are called, and then send values
//! under short aliases. Pure: a message with its arrival goes in; readings, refusals and requests come out.
//!
//! An alias is believed only in an unbroken sequence of messages since the birth: a birth that was missed
//! may have given it to another metric. After a gap the node is asked for a rebirth, which tells every
//! metric's present value, and its values are refused until then; registers lose nothing by it.
//! Source: Eclipse Sparkplug 3.0, chapters 4 to 6.

mod birth;
mod payload;
mod rule;
mod told;

pub use rule::{MetricRule, SparkplugConfig};
pub(crate) use told::{BirthMetric, Owned, born, rebirth_of};

use crate::map::{Claims, Message, Wrong};
use crate::source::Mapped;
use birth::{Birth, Known, Owner};
use payload::{Metric, Payload, Value, datatype};
use prost::Message as _;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::sync::Arc;
use wattledger_model::reading::{Cause, Quality, Reading};
use wattledger_model::time::Timestamp;

/// What topics begin with.
const NAMESPACE: &str = "spBv1.0";
/// The metric that asks a node to tell everything anew.
const REBIRTH: &str = "Node Control/Rebirth";
/// The metric that says which birth a death belongs to.
const BIRTH_NUMBER: &str = "bdSeq";
/// Between two requests to one node at first; twice as long after each. A birth alone does not shorten it:
/// there are nodes that count otherwise, and each birth is a burst of messages.
const FIRST_WAIT_MS: i64 = 10_000;
/// Between two requests at most.
const LONGEST_WAIT_MS: i64 = 600_000;
/// After so long without a request the next one is a first one again.
const FORGIVEN_MS: i64 = 2 * LONGEST_WAIT_MS;
/// Nodes that are followed at most.
const MOST_NODES: usize = 4_096;
/// Metrics of all births together that are remembered at most, each by its alias and by its name, with the
/// devices themselves.
const MOST_METRICS: usize = 400_000;
/// Latest messages of a node by which one that comes again is known.
const RECENT: usize = 16;

/// What is known of all nodes behind one broker.
#[derive(Debug)]
pub struct Sparkplug {
    config: SparkplugConfig,
    nodes: BTreeMap<(String, String), Node>,
    claims: Claims,
}

/// What became of one message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Readings and refusals, in the order of the metrics.
    pub mapped: Vec<Mapped>,
    /// What to publish, at most once each, not retained.
    pub requests: Vec<Request>,
    /// Whether a node was born, died or was lost sight of.
    pub turned: bool,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its topic.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// One edge node.
#[derive(Debug, Default)]
struct Node {
    life: Life,
    /// When it was last asked for a rebirth, and how long to wait before asking again.
    asked: Option<(Timestamp, i64)>,
}

#[derive(Debug, Default)]
enum Life {
    /// Nothing was heard of its birth on this connection, or something was missed since.
    #[default]
    Unknown,
    Born(Born),
    Dead,
}

/// A node since its birth, with nothing missed.
#[derive(Debug)]
struct Born {
    number: Option<u64>,
    next: u8,
    own: Birth,
    devices: BTreeMap<String, Birth>,
    /// What all its births take of [`MOST_METRICS`].
    weight: usize,
    /// The latest messages, by sequence and content.
    recent: VecDeque<(u64, u64)>,
}

/// The parts of a topic.
#[derive(Debug, Clone, Copy)]
struct Address<'t> {
    verb: Verb,
    owner: Owner<'t>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    NodeBirth,
    NodeData,
    NodeDeath,
    DeviceBirth,
    DeviceData,
    DeviceDeath,
}

impl Verb {
    fn is_birth(self) -> bool {
        matches!(self, Verb::NodeBirth | Verb::DeviceBirth)
    }
}

/// What a topic of the namespace says; `None` for commands and hosts' states, which are not for us.
fn address(topic: &str) -> Option<Address<'_>> {
    let mut levels = topic.split('/');
    let (_, group, verb, edge) = (levels.next()?, levels.next()?, levels.next()?, levels.next()?);
    let device = levels.next();
    let verb = match (verb, device) {
        ("NBIRTH", None) => Verb::NodeBirth,
        ("NDATA", None) => Verb::NodeData,
        ("NDEATH", None) => Verb::NodeDeath,
        ("DBIRTH", Some(_)) => Verb::DeviceBirth,
        ("DDATA", Some(_)) => Verb::DeviceData,
        ("DDEATH", Some(_)) => Verb::DeviceDeath,
        _ => return None,
    };
    let owner = Owner { group, edge, device: device.unwrap_or_default() };
    levels.next().is_none().then_some(Address { verb, owner })
}

impl Sparkplug {
    /// Knows nothing of any node yet.
    pub fn new(config: SparkplugConfig) -> Sparkplug {
        Sparkplug { config, nodes: BTreeMap::new(), claims: Claims::default() }
    }

    /// Whether a topic is of the namespace.
    pub fn takes(topic: &str) -> bool {
        topic.strip_prefix(NAMESPACE).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Forgets every birth: what was sent while there was no connection is not known. Who was asked for a
    /// rebirth is not forgotten: a link that comes and goes must not ask all nodes each time.
    pub fn disconnected(&mut self) {
        for node in self.nodes.values_mut() {
            node.life = Life::Unknown;
        }
    }

    /// How many nodes are how, in words.
    pub fn told(&self) -> String {
        let count = |is: fn(&Life) -> bool| self.nodes.values().filter(|node| is(&node.life)).count();
        let born = count(|life| matches!(life, Life::Born(_)));
        let dead = count(|life| matches!(life, Life::Dead));
        let awaited = self.nodes.len() - born - dead;
        format!("Sparkplug nodes: {born} live, {dead} dead, {awaited} awaited")
    }

    /// Takes a message. Retained ones say nothing: births and data never are.
    pub fn take(&mut self, message: &Message<'_>) -> Answer {
        let mut answer = Answer::default();
        let Some(Address { verb, owner }) = address(message.topic) else { return answer };
        if message.retained || !self.config.reaches(owner.group, owner.edge) {
            return answer;
        }
        let key = (owner.group.to_owned(), owner.edge.to_owned());
        let payload = match Payload::read(message.payload) {
            Ok(payload) => payload,
            Err(detail) => {
                answer.refuse(message, Wrong::new(Cause::Payload, detail), 1);
                answer.turned = verb.is_birth() && self.lose(&key);
                return answer;
            }
        };
        let mark = payload.seq.map(|seq| (seq, digest(message)));
        if mark.is_some_and(|mark| self.nodes.get(&key).is_some_and(|node| node.has_heard(mark))) {
            return answer;
        }
        let is_new = !self.nodes.contains_key(&key);
        let is_crowded = is_new && self.nodes.len() >= MOST_NODES;
        let birth = (verb.is_birth() && !is_crowded)
            .then(|| Birth::of(&payload, owner, &self.config, &mut self.claims));
        if is_crowded || birth.as_ref().is_some_and(|birth| !self.has_room(&key, verb, owner, birth)) {
            let detail =
                format!("more than {MOST_NODES} nodes or {MOST_METRICS} metrics; name groups or nodes");
            answer.refuse(message, Wrong::new(Cause::Payload, detail), 1);
            answer.turned = verb.is_birth() && self.lose(&key);
            return answer;
        }
        let Sparkplug { config, nodes, claims } = self;
        let node = nodes.entry(key).or_default();
        let (before, life_before) = (matches!(node.life, Life::Born(_)), discriminant(&node.life));
        node.hear(verb, owner, &payload, birth, mark);
        let unresolved = node.read((verb, owner), &payload, (config, claims), message, &mut answer);
        if unresolved > 0 {
            let why = if before { "a message of the node was missed" } else { "its birth was not heard" };
            let asks = if config.asks_rebirth { "a rebirth is asked for" } else { "rebirth = false" };
            let detail = format!("{why}, so an alias may mean another metric; {asks}");
            answer.refuse(message, Wrong::new(Cause::Payload, detail), unresolved);
        }
        answer.turned = is_new || life_before != discriminant(&node.life);
        if config.asks_rebirth && node.is_to_be_asked(message.arrived) {
            answer.requests.push(rebirth_request(owner, message.arrived));
        }
        answer
    }

    /// Whether a birth can be remembered, in place of what it replaces.
    fn has_room(&self, key: &(String, String), verb: Verb, owner: Owner<'_>, birth: &Birth) -> bool {
        let all: usize = self.nodes.values().map(Node::weight).sum();
        let replaced = self.nodes.get(key).map_or(0, |node| node.replaced_by(verb, owner));
        all - replaced + birth.weight() <= MOST_METRICS
    }

    /// What a node's aliases mean is not known any more: it has told them anew, and that was not taken.
    /// Whether that was known before.
    fn lose(&mut self, key: &(String, String)) -> bool {
        let Some(node) = self.nodes.get_mut(key) else { return false };
        let was = discriminant(&node.life);
        node.life = Life::Unknown;
        was != discriminant(&node.life)
    }
}

/// What tells a message from another one.
fn digest(message: &Message<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (message.topic, message.payload).hash(&mut hasher);
    hasher.finish()
}

impl Born {
    fn remember(&mut self, mark: Option<(u64, u64)>) {
        let Some(mark) = mark else { return };
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(mark);
    }

    /// Takes up what a device has told of itself, or that it is gone.
    fn replace(&mut self, device: &str, birth: Option<Birth>) {
        let more = birth.as_ref().map_or(0, Birth::weight);
        let former = match birth {
            Some(birth) => self.devices.insert(device.to_owned(), birth),
            None => self.devices.remove(device),
        };
        self.weight = self.weight + more - former.map_or(0, |former| former.weight());
    }
}

impl Node {
    fn weight(&self) -> usize {
        if let Life::Born(born) = &self.life { born.weight } else { 0 }
    }

    /// What is forgotten when this birth is taken up.
    fn replaced_by(&self, verb: Verb, owner: Owner<'_>) -> usize {
        match &self.life {
            Life::Born(born) if verb == Verb::NodeBirth => born.weight,
            Life::Born(born) => born.devices.get(owner.device).map_or(0, Birth::weight),
            Life::Unknown | Life::Dead => 0,
        }
    }

    /// Whether a message has come already. A broker may deliver one twice, and overlapping subscriptions do.
    fn has_heard(&self, mark: (u64, u64)) -> bool {
        matches!(&self.life, Life::Born(born) if born.recent.contains(&mark))
    }

    /// What a message says of the node itself: births, deaths, and whether one before it was missed.
    fn hear(
        &mut self,
        verb: Verb,
        owner: Owner<'_>,
        payload: &Payload,
        birth: Option<Birth>,
        mark: Option<(u64, u64)>,
    ) {
        match (verb, birth) {
            (Verb::NodeBirth, Some(own)) => {
                let mut born = Born {
                    number: birth_number(payload),
                    next: following(payload.seq.unwrap_or_default()),
                    weight: own.weight(),
                    own,
                    devices: BTreeMap::new(),
                    recent: VecDeque::new(),
                };
                born.remember(mark);
                self.life = Life::Born(born);
            }
            // The word of a connection before this one may come late.
            (Verb::NodeDeath, _) => {
                let number = birth_number(payload);
                let is_other =
                    |born: &Born| number.is_some() && born.number.is_some() && number != born.number;
                if !matches!(&self.life, Life::Born(born) if is_other(born)) {
                    self.life = Life::Dead;
                }
            }
            (_, birth) => self.hear_in_sequence(verb, owner, payload, birth, mark),
        }
    }

    fn hear_in_sequence(
        &mut self,
        verb: Verb,
        owner: Owner<'_>,
        payload: &Payload,
        birth: Option<Birth>,
        mark: Option<(u64, u64)>,
    ) {
        let Life::Born(born) = &mut self.life else {
            // A node that is said to be dead and speaks was born unheard.
            self.life = Life::Unknown;
            return;
        };
        if payload.seq.is_some_and(|seq| seq != u64::from(born.next)) {
            self.life = Life::Unknown;
            return;
        }
        born.next = following(payload.seq.unwrap_or(u64::from(born.next)));
        born.remember(mark);
        if matches!(verb, Verb::DeviceBirth | Verb::DeviceDeath) {
            born.replace(owner.device, birth);
        }
    }

    /// The readings of a message; how many metrics could not be told from their alias.
    fn read(
        &mut self,
        (verb, owner): (Verb, Owner<'_>),
        payload: &Payload,
        (config, claims): (&SparkplugConfig, &mut Claims),
        message: &Message<'_>,
        answer: &mut Answer,
    ) -> u64 {
        let mut unresolved = 0;
        if matches!(verb, Verb::NodeDeath | Verb::DeviceDeath) {
            return 0;
        }
        let birth = match &self.life {
            Life::Born(born) if owner.device.is_empty() => Some(&born.own),
            Life::Born(born) => born.devices.get(owner.device),
            Life::Unknown | Life::Dead => None,
        };
        for metric in payload.metrics.iter().filter(|metric| metric.is_transient != Some(true)) {
            let by_name = metric.name.as_deref().filter(|name| !name.is_empty());
            let known = match (by_name, metric.alias) {
                (Some(name), _) => {
                    let born = birth.and_then(|birth| birth.named(name));
                    born.or_else(|| birth::known(metric, owner, config, claims).map(Arc::new))
                }
                (None, Some(alias)) => match birth.and_then(|birth| birth.aliased(alias)) {
                    Some(known) => known,
                    None => {
                        unresolved += 1;
                        None
                    }
                },
                (None, None) => None,
            };
            if let Some(known) = known {
                answer.read(message, payload, metric, &known, config);
            }
        }
        // An alias that an unbroken sequence does not explain: the birth that we know is not the last one.
        if unresolved > 0 {
            self.life = Life::Unknown;
        }
        unresolved
    }

    fn is_to_be_asked(&mut self, now: Timestamp) -> bool {
        if !matches!(self.life, Life::Unknown) {
            return false;
        }
        let wait = match self.asked {
            None => FIRST_WAIT_MS,
            // A clock that was put back does not make it wait longer.
            Some((at, _)) if now < at => FIRST_WAIT_MS,
            Some((at, _)) if now.0.saturating_sub(at.0) >= FORGIVEN_MS => FIRST_WAIT_MS,
            Some((at, wait)) if now.0.saturating_sub(at.0) >= wait => (wait * 2).min(LONGEST_WAIT_MS),
            Some(_) => return false,
        };
        self.asked = Some((now, wait));
        true
    }
}

fn following(seq: u64) -> u8 {
    (seq as u8).wrapping_add(1)
}

fn birth_number(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(BIRTH_NUMBER))?;
    match metric.value {
        Some(Value::Int(number)) => Some(u64::from(number)),
        Some(Value::Long(number)) => Some(number),
        _ => None,
    }
}

fn rebirth_request(owner: Owner<'_>, now: Timestamp) -> Request {
    let timestamp = u64::try_from(now.0).ok();
    let metric = Metric {
        name: Some(REBIRTH.to_owned()),
        timestamp,
        datatype: Some(datatype::BOOLEAN),
        value: Some(Value::Boolean(true)),
        ..Metric::default()
    };
    let payload = Payload { timestamp, metrics: vec![metric], seq: None, uuid: None };
    let topic = format!("{NAMESPACE}/{}/NCMD/{}", owner.group, owner.edge);
    Request { topic, payload: payload.encode_to_vec() }
}

impl Answer {
    fn refuse(&mut self, message: &Message<'_>, wrong: Wrong, count: u64) {
        let mut refused = wrong.refused(message.arrived, message.topic, None, message.payload);
        if let Mapped::Refused(refused) = &mut refused {
            refused.count = count;
        }
        self.mapped.push(refused);
    }

    /// The readings of one metric. Null is no value, and says so of itself.
    fn read(
        &mut self,
        message: &Message<'_>,
        payload: &Payload,
        metric: &Metric,
        known: &Known,
        config: &SparkplugConfig,
    ) {
        if metric.is_null == Some(true) {
            return;
        }
        for (rule, meter) in &known.readers {
            let named = meter.as_ref().ok().cloned();
            let made = meter.as_ref().map_err(Wrong::clone).and_then(|_| {
                let rule = &config.metrics[*rule];
                let value = rule.number(metric, metric.datatype.unwrap_or(known.datatype))?;
                let unit = rule.unit_of(metric.unit().or(known.unit.as_deref()))?;
                let at = instant(metric.timestamp.or(payload.timestamp), message.arrived)?;
                let quality = if metric.is_doubtful() { Quality::Suspect } else { Quality::Good };
                let (arrived, interval_ms) = (message.arrived, rule.interval_ms);
                Ok(Reading { at, arrived, value, unit, interval_ms, quality, intake: None, evidence: None })
            });
            match (made, named) {
                (Ok(reading), Some(meter)) => self.mapped.push(Mapped::Reading { meter, reading }),
                (Err(wrong), meter) => {
                    self.mapped.push(wrong.refused(message.arrived, message.topic, meter, message.payload));
                }
                (Ok(_), None) => {}
            }
        }
    }
}

fn instant(said: Option<u64>, arrived: Timestamp) -> Result<Timestamp, Wrong> {
    let Some(ms) = said else { return Ok(arrived) };
    let at = i64::try_from(ms).ok().map(Timestamp).filter(|at| at.is_believable());
    at.ok_or_else(|| Wrong::new(Cause::Time, format!("{ms} ms since 1970 is outside 2000 to 2199")))
}

#[cfg(test)]
pub(crate) mod tests;
