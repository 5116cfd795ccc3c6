//! The collector's machine: the real engine with its store in a directory and its journal on a disk that fails,
//! behind the real desk.

use crate::dice::Dice;
use crate::disk::WorldDisk;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::service::Durable;
use wattledger_collector::engine::{Answered, Arrival, Engine, EngineConfig};
use wattledger_collector::engine_config;
use wattledger_collector::receive::Agents;
use wattledger_collector::receive::desk::{Asked, Desk, Speaker};
use wattledger_link::ranges::RangeSet;
use wattledger_link::session::{Publish, PublishError};
use wattledger_model::batch::{AgentKey, Batch};
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

pub type Of = (AgentKey, Incarnation);

/// What the collector sends: deliveries that are acknowledged to the broker, and messages.
#[derive(Debug, Default)]
pub struct Said {
    pub done: Vec<u64>,
    pub out: Vec<Publish>,
}

pub struct Collector {
    config: EngineConfig,
    disk: WorldDisk,
    dice: Dice,
    engine: Option<Engine>,
    desk: Desk<u64>,
    store_id: Option<u64>,
    waiting: Vec<Arrival>,
    tags: Vec<u64>,
    is_connected: bool,
    /// Whether anything was taken in since the last flush.
    pub changed: bool,
    /// What was ever said to be committed, to anyone.
    pub named: BTreeMap<Of, RangeSet>,
    /// Batches whose content was taken in, not that of another that stands for them.
    applied: BTreeMap<Of, BTreeSet<u64>>,
}

fn desk(store_id: u64, now: i64) -> Desk<u64> {
    let collector = "campus".parse().expect("name");
    let started = Timestamp(crate::START + now);
    Desk::new(Speaker { collector, store_id, started }, Agents::default())
}

/// The configuration of an engine in a directory, read from the text that a collector would be given.
pub fn configured(dir: &Path, meters: &str) -> EngineConfig {
    let text = format!(
        "[collector]\nname = \"campus\"\ndata_dir = \"{}\"\n[link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\
         [[site]]\nname = \"hall\"\ntime_zone = \"UTC\"\n{meters}",
        dir.display()
    );
    let config = CollectorConfig::parse("collector.toml", &text)
        .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    engine_config(&config)
}

impl Collector {
    pub fn new(dice: Dice, config: EngineConfig) -> Collector {
        Collector {
            config,
            disk: WorldDisk::default(),
            dice,
            engine: None,
            desk: desk(0, 0),
            store_id: None,
            waiting: Vec::new(),
            tags: Vec::new(),
            is_connected: false,
            changed: false,
            named: BTreeMap::new(),
            applied: BTreeMap::new(),
        }
    }

    pub fn disk(&self) -> &WorldDisk {
        &self.disk
    }

    pub fn is_up(&self) -> bool {
        self.engine.is_some()
    }

    pub fn engine(&mut self) -> Option<&mut Engine> {
        self.engine.as_mut()
    }

    /// The identity of its store; 0 before it first ran.
    pub fn store_id(&self) -> u64 {
        self.store_id.unwrap_or_default()
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What the collector holds durably of an agent, as far as it ever said so.
    pub fn named_of(&self, of: &Of) -> RangeSet {
        self.named.get(of).cloned().unwrap_or_default()
    }

    /// Whether the content of a batch was taken in. What a crash kept of a group that was never answered
    /// counts if no later batch stands for it.
    pub fn has_applied(&self, of: &Of, sequence: u64, is_stood_for: bool) -> bool {
        self.applied.get(of).is_some_and(|applied| applied.contains(&sequence)) || !is_stood_for
    }

    /// What the next start reads.
    pub fn configure(&mut self, config: EngineConfig) {
        self.config = config;
    }

    /// Starts the collector; `false` if its disk does not let it.
    pub fn start(&mut self, now: i64) -> Result<bool, String> {
        let fresh = self.dice.roll();
        let opened = Engine::open_on(Arc::new(self.disk.clone()), self.config.clone(), fresh);
        let Ok(engine) = opened else { return Ok(false) };
        if self.store_id.is_some_and(|before| before != engine.store_id()) && !self.named.is_empty() {
            return Err("the store became another one".to_owned());
        }
        self.store_id = Some(engine.store_id());
        for (of, named) in &self.named {
            let held = engine.committed_of(of);
            let mut both = held.clone();
            both.merge(named);
            if both != held {
                return Err(format!("{} was told of {named:?}, and after a crash there is {held:?}", of.0));
            }
        }
        self.desk = desk(engine.store_id(), now);
        self.engine = Some(engine);
        self.changed = true;
        Ok(true)
    }

    /// The process ends at once; by a power cut, the disk loses what was not synced.
    pub fn die(&mut self, by_power_cut: bool) {
        self.engine = None;
        self.is_connected = false;
        self.waiting.clear();
        self.tags.clear();
        if by_power_cut {
            self.disk.cut_power(&mut self.dice);
        } else {
            self.disk.restart();
        }
    }

    pub fn connected(&mut self, now: i64) -> Result<Said, String> {
        self.is_connected = true;
        let known = self.desk.connected(Timestamp(crate::START + now));
        let mut said = Said::default();
        for of in known {
            said.done.extend(self.tell(of)?);
        }
        said.out = self.send();
        Ok(said)
    }

    pub fn disconnected(&mut self) {
        self.is_connected = false;
        self.desk.disconnected();
    }

    /// A message came; `delivery` is what the broker knows it by.
    pub fn hear(
        &mut self,
        now: i64,
        (topic, payload, retain): (&str, &[u8], bool),
        delivery: u64,
    ) -> Result<Said, String> {
        if self.engine.is_none() {
            return Ok(Said::default());
        }
        let now = Timestamp(crate::START + now);
        let (asked, done) = self.desk.sort(topic, &mut payload.to_vec(), retain, delivery, now);
        let mut said = Said { done: done.into_iter().collect(), out: Vec::new() };
        match asked {
            Asked::Take(tag, arrival) => {
                self.waiting.push(arrival);
                self.tags.push(tag);
            }
            Asked::Heard(status) => {
                if let Some(engine) = &mut self.engine {
                    engine.hear(&status);
                }
                said.done.extend(self.tell((status.agent, status.incarnation))?);
            }
            Asked::Nothing => {}
        }
        said.out = self.send();
        Ok(said)
    }

    fn tell(&mut self, of: Of) -> Result<Vec<u64>, String> {
        let Some(engine) = &self.engine else { return Ok(Vec::new()) };
        let mut answered = Answered::default();
        answered.committed.insert(of.clone(), engine.committed_of(&of));
        self.answer(Durable { tags: Vec::new(), answered })
    }

    /// Makes what waits durable, and answers it. `None`: the machine went down meanwhile, or the disk refuses.
    pub fn work(&mut self, now: i64) -> Result<Option<Said>, String> {
        let Some(engine) = &mut self.engine else { return Ok(None) };
        if self.waiting.is_empty() {
            return Ok(Some(Said::default()));
        }
        let before = self.waiting.iter().filter_map(|arrival| wire::decode_batch(&arrival.payload).ok());
        let before: Vec<(Of, Batch, bool)> = before
            .map(|batch| {
                let of = (batch.agent.clone(), batch.incarnation);
                let known = engine.committed_of(&of);
                let sequences = batch.lineage.again.iter().chain([&batch.sequence]);
                let is_known = sequences.into_iter().any(|sequence| known.contains(*sequence));
                (of, batch, is_known)
            })
            .collect();
        let Ok(answered) = engine.take(&self.waiting, Timestamp(crate::START + now)) else { return Ok(None) };
        for (of, batch, is_known) in before {
            let applied = self.applied.entry(of).or_default();
            if !is_known && !batch.lineage.again.iter().any(|sequence| applied.contains(sequence)) {
                applied.insert(batch.sequence);
            }
        }
        self.changed = true;
        if self.disk.is_down() {
            return Ok(None);
        }
        if !self.disk.last_segment_is_synced() {
            return Err("an acknowledgement goes out before the journal is synced".to_owned());
        }
        self.waiting.clear();
        let tags = std::mem::take(&mut self.tags);
        let done = self.answer(Durable { tags, answered })?;
        Ok(Some(Said { done, out: self.send() }))
    }

    fn answer(&mut self, durable: Durable) -> Result<Vec<u64>, String> {
        Ok(self.desk.answer(durable))
    }

    pub fn say_status(&mut self, now: i64) -> Vec<Publish> {
        if self.engine.is_none() {
            return Vec::new();
        }
        self.desk.say_status(Timestamp(crate::START + now));
        self.send()
    }

    /// What the desk has to say, and a note of every sequence that it names.
    fn send(&mut self) -> Vec<Publish> {
        let mut out = Vec::new();
        let is_connected = self.is_connected;
        self.desk.send(|message| {
            if !is_connected {
                return Err(PublishError::Disconnected);
            }
            out.push(message);
            Ok(())
        });
        for message in &out {
            if let Ok(said) = wire::decode_acknowledgement(&message.payload)
                && let Ok(wattledger_model::topic::Topic::Acknowledgement { agent, .. }) =
                    message.topic.parse()
            {
                let named = RangeSet::from_parts(said.floor, said.ranges);
                self.named.entry((agent, said.incarnation)).or_default().merge(&named);
            }
        }
        out
    }

    /// Flushes, or moves readings from the journal to the store too; `false` if that failed.
    pub fn flush(&mut self, compact: bool) -> bool {
        let Some(engine) = &mut self.engine else { return true };
        let flushed = if compact { engine.compact() } else { engine.flush() };
        if flushed.is_ok() {
            self.changed = false;
        }
        flushed.is_ok()
    }
}
