//! An agent's machine: the real post on a disk that fails, with the sensors' messages that wait for it, and a
//! record of everything it ever made durable.

use crate::broker::Down;
use crate::dice::Dice;
use crate::disk::WorldDisk;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use wattledger_agent::config::AgentConfig;
use wattledger_agent::map::{self, Message};
use wattledger_agent::post::{Outside, Post};
use wattledger_agent::send::Event;
use wattledger_agent::source::{HandedIn, Mapped, Ticket};
use wattledger_link::ranges::RangeSet;
use wattledger_link::session::{Publish, PublishError};
use wattledger_model::batch::{AgentKey, Batch, SourceStatus};
use wattledger_model::reading::{Incarnation, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

/// Publishes that may be on their way, as in the real session.
const WINDOW: usize = 64;
/// Messages that the sensors' broker keeps for an agent that is away, and lets it leave unacknowledged.
const PUSHED: usize = 100;
const PUSHED_IN_FLIGHT: usize = 20;
/// The sources: what is polled, and what is pushed.
const POLLED: usize = 0;
const PUSHED_SOURCE: usize = 1;

/// A batch that the agent made durable.
#[derive(Debug)]
pub struct Kept {
    pub payload: Vec<u8>,
    pub batch: Batch,
    /// Gone for want of space before the collector was known to have it.
    pub is_gone: bool,
    /// Another batch stands for it, and it was never sent.
    pub is_replaced: bool,
}

#[derive(Debug)]
struct Pushed {
    topic: String,
    payload: String,
    /// The hand-in it was given to the running agent with.
    handed: Option<Ticket>,
}

#[derive(Debug)]
pub struct Agent {
    pub key: AgentKey,
    config: AgentConfig,
    disk: WorldDisk,
    dice: Dice,
    post: Option<Post>,
    /// When it was started, ms since the world began.
    since: i64,
    clock_offset: i64,
    /// Its clock was set at some time, or set back.
    pub clock_jumped: bool,
    pub clock_was_set_back: bool,
    pushed: VecDeque<Pushed>,
    tickets: [u64; 2],
    is_connected: bool,
    unanswered: usize,
    /// Everything it ever made durable, by sequence.
    pub kept: BTreeMap<u64, Kept>,
    pub incarnation: Option<Incarnation>,
    seen_oldest: u64,
    /// The sequence after the last whose append returned.
    promised: u64,
    acknowledged: RangeSet,
    /// The latest intake number.
    numbered: Option<u64>,
    /// Readings that a sensor's message brought, and were mapped.
    pub mapped: Vec<(String, Reading, crate::meter::Truth)>,
}

/// What an agent does to the world around it.
#[derive(Debug, Default)]
struct Around {
    out: Vec<Publish>,
    room: usize,
    is_connected: bool,
    clock: Timestamp,
    durable: Vec<(usize, Ticket)>,
}

impl Outside for Around {
    fn publish(&mut self, message: Publish) -> Result<(), PublishError> {
        if !self.is_connected {
            return Err(PublishError::Disconnected);
        }
        if self.out.len() >= self.room {
            return Err(PublishError::Full);
        }
        self.out.push(message);
        Ok(())
    }

    fn clock(&self) -> Timestamp {
        self.clock
    }

    fn sources(&self) -> Vec<SourceStatus> {
        let source =
            |name: &str| SourceStatus { name: name.to_owned(), healthy: true, detail: String::new() };
        vec![source("polled"), source("pushed")]
    }

    fn made_durable(&mut self, source: usize, ticket: Ticket) {
        self.durable.push((source, ticket));
    }
}

impl Agent {
    pub fn new(dice: Dice, name: &str, limit_bytes: u64, batch: &str) -> Agent {
        let text = format!(
            "[agent]\nname = \"{name}\"\nsite = \"hall\"\ncollector = \"campus\"\ndata_dir = \"/{name}\"\n\
             [link]\nbroker = \"mqtt://127.0.0.1:1883\"\n[batch]\n{batch}\n\
             [[source.mqtt]]\nname = \"sensors\"\n\
             [[source.mqtt.rule]]\ntopic = \"stamped/{{meter}}\"\nmeter = \"{{meter}}\"\nvalue = \"/v\"\n\
             unit_path = \"/u\"\ntime = \"/t\"\ntime_format = \"epoch-ms\"\n\
             [[source.mqtt.rule]]\ntopic = \"plain/{{meter}}\"\nmeter = \"{{meter}}\"\nvalue = \"/v\"\nunit_path = \"/u\"\n"
        );
        let mut config =
            AgentConfig::parse("agent.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        // Smaller than any configuration allows, so that a world has time to fill it.
        config.spool_limit_bytes = limit_bytes;
        Agent {
            key: config.agent.clone(),
            config,
            disk: WorldDisk::default(),
            dice,
            post: None,
            since: 0,
            clock_offset: 0,
            clock_jumped: false,
            clock_was_set_back: false,
            pushed: VecDeque::new(),
            tickets: [0; 2],
            is_connected: false,
            unanswered: 0,
            kept: BTreeMap::new(),
            incarnation: None,
            seen_oldest: 0,
            promised: 0,
            acknowledged: RangeSet::default(),
            numbered: None,
            mapped: Vec::new(),
        }
    }

    pub fn disk(&self) -> &WorldDisk {
        &self.disk
    }

    pub fn is_up(&self) -> bool {
        self.post.is_some()
    }

    pub fn is_connected(&self) -> bool {
        self.is_connected
    }

    pub fn set_clock(&mut self, by: i64) {
        self.clock_offset += by;
        self.clock_jumped = true;
        self.clock_was_set_back |= by < 0;
    }

    /// Its clock, at a time of the world.
    pub fn clock(&self, now: i64) -> Timestamp {
        Timestamp(crate::START + now + self.clock_offset)
    }

    fn run_for(&self, now: i64) -> Duration {
        Duration::from_millis((now - self.since).max(0).unsigned_abs())
    }

    /// Starts the agent; `false` if its disk does not let it.
    pub fn start(&mut self, now: i64) -> Result<bool, String> {
        self.since = now;
        let fresh = Incarnation { started: self.clock(now), id: self.dice.roll() };
        let Ok(post) = Post::open(Arc::new(self.disk.clone()), &self.config, fresh) else {
            return Ok(false);
        };
        let incarnation = post.spool().incarnation();
        if let Some(before) =
            self.incarnation.filter(|before| *before != incarnation && !self.kept.is_empty())
        {
            return Err(format!("agent {} forgot who it is: {incarnation:?} was {before:?}", self.key));
        }
        self.incarnation = Some(incarnation);
        if post.spool().next_sequence() < self.promised {
            let next = post.spool().next_sequence();
            return Err(format!("agent {} lost batches {next}..{} over a crash", self.key, self.promised));
        }
        self.post = Some(post);
        self.observe()?;
        Ok(true)
    }

    /// The process ends at once; by a power cut, the disk loses what was not synced.
    pub fn die(&mut self, by_power_cut: bool) {
        self.post = None;
        self.is_connected = false;
        for message in &mut self.pushed {
            message.handed = None;
        }
        if by_power_cut {
            self.disk.cut_power(&mut self.dice);
        } else {
            self.disk.restart();
        }
    }

    /// Lets the post do something, and gives what it publishes. `None`: the machine went down meanwhile.
    fn act(
        &mut self,
        now: i64,
        act: impl FnOnce(&mut Post, Duration, &mut Around),
    ) -> Result<Option<Vec<Publish>>, String> {
        let (clock, run_for) = (self.clock(now), self.run_for(now));
        let Some(post) = &mut self.post else { return Ok(Some(Vec::new())) };
        let room = WINDOW.saturating_sub(self.unanswered);
        let mut around = Around { room, is_connected: self.is_connected, clock, ..Around::default() };
        act(post, run_for, &mut around);
        post.attend(run_for, &mut around);
        self.promised = self.promised.max(post.spool().next_sequence());
        if self.disk.is_down() {
            return Ok(None);
        }
        self.observe()?;
        for (source, ticket) in around.durable {
            if source == PUSHED_SOURCE {
                self.pushed.retain(|message| message.handed.is_none_or(|handed| handed > ticket));
            }
        }
        self.unanswered += around.out.len();
        Ok(Some(around.out))
    }

    /// Looks at the spool: what is new in it, what is gone, and whether it keeps its limit.
    fn observe(&mut self) -> Result<(), String> {
        let Some(post) = &mut self.post else { return Ok(()) };
        let (oldest, next) = (post.spool().oldest_sequence(), post.spool().next_sequence());
        if post.spool().bytes() > post.spool().limit_bytes() {
            return Err(format!(
                "the spool has {} bytes, its limit is {}",
                post.spool().bytes(),
                post.spool().limit_bytes()
            ));
        }
        for sequence in self.seen_oldest..oldest {
            if let Some(kept) = self.kept.get_mut(&sequence)
                && !self.acknowledged.contains(sequence)
                && !kept.is_gone
            {
                kept.is_gone = true;
            }
        }
        let first_new = self.kept.last_key_value().map_or(0, |(last, _)| last + 1);
        for sequence in first_new..next {
            let bytes = post.batch(sequence).map_err(|error| error.to_string())?;
            let payload = bytes.ok_or_else(|| format!("batch {sequence} is not in the spool"))?.to_vec();
            let batch = wire::decode_batch(&payload).map_err(|error| error.to_string())?;
            let is_made = !batch.lineage.replaces.is_empty() || !batch.lineage.again.is_empty();
            for (_, reading) in &batch.readings {
                let number = reading.intake.ok_or("a reading without an intake number")?.number;
                let is_new = self.numbered.is_none_or(|before| before < number);
                if is_new == is_made {
                    return Err(format!(
                        "intake number {number}: new {is_new}, and the batch is made of others {is_made}"
                    ));
                }
                self.numbered = self.numbered.max(Some(number));
            }
            for (first, last) in &batch.lineage.replaces {
                for (_, kept) in self.kept.range_mut(first..=last) {
                    kept.is_replaced = true;
                }
            }
            self.kept.insert(sequence, Kept { payload, batch, is_gone: false, is_replaced: false });
        }
        self.seen_oldest = oldest;
        self.acknowledged.clone_from(post.sender().acknowledged());
        Ok(())
    }

    /// Everything that was ever made durable is still here as it was, or is with the collector, or was
    /// dropped and will be told of.
    pub fn check_nothing_is_freed(&mut self, with_collector: &RangeSet) -> Result<(), String> {
        let Some(post) = &mut self.post else { return Ok(()) };
        for (sequence, kept) in &self.kept {
            if with_collector.contains(*sequence) || kept.is_gone {
                continue;
            }
            let held = post.batch(*sequence).map_err(|error| error.to_string())?;
            if held != Some(&kept.payload[..]) {
                let what = if held.is_some() { "was changed" } else { "is gone" };
                return Err(format!("agent {}: batch {sequence} {what} and nobody has it", self.key));
            }
        }
        Ok(())
    }

    /// A sensor is read, or publishes. What comes of it is mapped by the agent's own rules.
    pub fn read(
        &mut self,
        now: i64,
        meter: &crate::meter::Meter,
        (payload, truth): (String, crate::meter::Truth),
    ) -> Result<Option<Vec<Publish>>, String> {
        let topic = format!("{}/{}", if meter.stamps { "stamped" } else { "plain" }, meter.name);
        if meter.pushes {
            self.note_truth(now, &topic, &payload, truth);
            if self.pushed.len() < PUSHED {
                self.pushed.push_back(Pushed { topic, payload, handed: None });
            }
            return self.take_pushed(now);
        }
        if self.post.as_ref().is_none_or(Post::is_stuck) {
            return Ok(Some(Vec::new()));
        }
        self.note_truth(now, &topic, &payload, truth);
        let mapped = self.map(now, &topic, payload.as_bytes());
        self.hand_in(now, POLLED, false, mapped)
    }

    /// Whatever the sensors' broker has for the agent, as far as it takes it.
    pub fn take_pushed(&mut self, now: i64) -> Result<Option<Vec<Publish>>, String> {
        let mut all = Vec::new();
        loop {
            let handed = self.pushed.iter().filter(|message| message.handed.is_some()).count();
            let waiting = self.pushed.iter().position(|message| message.handed.is_none());
            let is_ready = self.post.as_ref().is_some_and(|post| !post.is_stuck());
            let Some(at) = waiting.filter(|_| is_ready && handed < PUSHED_IN_FLIGHT) else {
                return Ok(Some(all));
            };
            let (topic, payload) = (self.pushed[at].topic.clone(), self.pushed[at].payload.clone());
            let mapped = self.map(now, &topic, payload.as_bytes());
            self.pushed[at].handed = Some(Ticket(self.tickets[PUSHED_SOURCE] + 1));
            match self.hand_in(now, PUSHED_SOURCE, true, mapped)? {
                Some(out) => all.extend(out),
                None => return Ok(None),
            }
        }
    }

    fn map(&self, now: i64, topic: &str, payload: &[u8]) -> Vec<Mapped> {
        let arrived = self.clock(now);
        map::map(&self.config.mqtt[0].rules, &Message { topic, payload, retained: false, arrived }).mapped
    }

    fn note_truth(&mut self, now: i64, topic: &str, payload: &str, truth: crate::meter::Truth) {
        for mapped in self.map(now, topic, payload.as_bytes()) {
            if let Mapped::Reading { meter, reading } = mapped {
                self.mapped.push((meter.to_string(), reading, truth));
            }
        }
    }

    /// A payload that makes no sense: it harms nobody.
    pub fn hear_garbage(&mut self, now: i64) -> Result<Option<Vec<Publish>>, String> {
        if self.post.as_ref().is_none_or(Post::is_stuck) {
            return Ok(Some(Vec::new()));
        }
        let mapped = self.map(now, "stamped/meter-0", br#"{"v":"NaN","t":"yesterday"}"#);
        self.hand_in(now, POLLED, false, mapped)
    }

    fn hand_in(
        &mut self,
        now: i64,
        source: usize,
        awaited: bool,
        mapped: Vec<Mapped>,
    ) -> Result<Option<Vec<Publish>>, String> {
        self.tickets[source] += 1;
        let ticket = Ticket(self.tickets[source]);
        self.act(now, |post, run_for, _| post.take(run_for, HandedIn { source, ticket, awaited, mapped }))
    }

    /// When it has to be looked at again, ms since the world began.
    pub fn look_at(&self, now: i64) -> i64 {
        let due = self.post.as_ref().map(|post| post.look_at(self.run_for(now)));
        // A timer never fires early.
        due.map_or(i64::MAX, |due| (self.since + due.as_nanos().div_ceil(1_000_000) as i64).max(now + 1))
    }

    pub fn look(&mut self, now: i64) -> Result<Option<Vec<Publish>>, String> {
        let out = self.act(now, |_, _, _| {})?;
        let Some(mut out) = out else { return Ok(None) };
        Ok(self.take_pushed(now)?.map(|more| {
            out.extend(more);
            out
        }))
    }

    pub fn connected(&mut self, now: i64) -> Result<Option<Vec<Publish>>, String> {
        self.is_connected = true;
        self.unanswered = 0;
        self.act(now, |post, run_for, around| post.step(run_for, Event::Connected, around))
    }

    pub fn disconnected(&mut self, now: i64) -> Result<Option<Vec<Publish>>, String> {
        self.is_connected = false;
        self.act(now, |post, run_for, around| post.step(run_for, Event::Disconnected, around))
    }

    pub fn hear(&mut self, now: i64, down: &Down) -> Result<Option<Vec<Publish>>, String> {
        match down {
            Down::Puback => {
                self.unanswered = self.unanswered.saturating_sub(1);
                self.act(now, |post, run_for, around| post.step(run_for, Event::Published, around))
            }
            Down::Message { topic, payload, .. } => self.act(now, |post, run_for, around| {
                post.step(run_for, Event::Message { topic, payload }, around);
            }),
        }
    }

    /// What it takes for acknowledged.
    pub fn acknowledged(&self) -> &RangeSet {
        &self.acknowledged
    }

    /// The sequence after the last batch that it made durable.
    pub fn promised(&self) -> u64 {
        self.promised
    }

    /// Whether everything it ever took is with the collector or told of.
    pub fn is_done(&self) -> bool {
        let settled = |post: &Post| {
            post.sender().is_sending() && post.has_nothing_to_wait_for() && post.spool().unacknowledged() == 0
        };
        self.pushed.is_empty() && self.post.as_ref().is_some_and(settled)
    }

    /// Readings that it says it took in, thinned, lost, and still has to deliver.
    pub fn says(&self) -> Result<[u64; 4], String> {
        let spool = self.post.as_ref().ok_or("the agent is down")?.spool();
        let waiting = spool.waiting().map_err(|error| error.to_string())?;
        Ok([spool.taken_in(), spool.thinned(), spool.lost(), waiting])
    }
}
