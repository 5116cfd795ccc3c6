//! The agent without its sources, its session and its clocks: what is handed in is kept in the spool, and
//! sent until this agent's own collector has acknowledged it.
//!
//! Plain and synchronous. Time comes in as an argument, the disk as a [`Disk`], and the rest of the world as
//! [`Outside`], so that a whole agent can be driven step by step, and killed between any two of them.

use crate::clock_watch::ClockWatch;
use crate::config::AgentConfig;
use crate::events::Events;
use crate::making::Making;
use crate::send::{Effect, Event, Held, Sender, clipped};
use crate::sent;
use crate::source::{HandedIn, Mapped, Ticket};
use crate::spool::{Contents, Spool, SpoolConfig, SpoolError};
use crate::standing::Standing;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use wattledger_link::disk::Disk;
use wattledger_link::ranges::RangeSet;
use wattledger_link::session::{Publish, PublishError, Qos};
use wattledger_model::batch::{AgentKey, AgentStatus, SourceStatus};
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic;
use wattledger_model::wire;

/// Batches that may be sent before it is written down once more what may have been sent.
const RELEASED: u64 = 64;
/// How long after a failed write the spool is tried again.
const WRITE_AGAIN: Duration = Duration::from_secs(1);
/// How often what the collector holds is written down. Until then a crash costs some sending again.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Nothing is waited for longer than this.
const IDLE: Duration = Duration::from_secs(60);

/// What lies around the post.
pub trait Outside {
    /// Hands a message to the link.
    ///
    /// # Errors
    /// [`PublishError`] where the link does not take it.
    fn publish(&mut self, message: Publish) -> Result<(), PublishError>;
    /// Now, by the machine's clock.
    fn clock(&self) -> Timestamp;
    /// What each source says of itself.
    fn sources(&self) -> Vec<SourceStatus>;
    /// This hand-in of the source, and with it every earlier one, is durable.
    fn made_durable(&mut self, source: usize, ticket: Ticket);
}

/// Batches that could not be written yet, and the hand-ins that wait for them.
#[derive(Debug)]
struct Stuck {
    batches: Vec<Contents>,
    tickets: BTreeMap<usize, Ticket>,
    again_at: Duration,
    /// Why, in words; empty before the first try.
    why: String,
}

/// What the file beside the spool says may have been sent.
#[derive(Debug, PartialEq, Eq)]
enum Released {
    /// So much, and a power cut changes nothing about it.
    Said(RangeSet),
    /// There is none: everything may have been.
    Nothing,
    /// It may say less than is true: nothing more may be sent until it is written, or gone for good.
    Unsure,
}

impl Released {
    fn covers(&self, sequence: u64) -> bool {
        match self {
            Released::Said(sent) => sent.contains(sequence),
            Released::Nothing => true,
            Released::Unsure => false,
        }
    }
}

/// The post. See the module. Every `now` is a time since its start that never goes back.
#[derive(Debug)]
pub struct Post {
    agent: AgentKey,
    disk: Arc<dyn Disk>,
    spool: Spool,
    sender: Sender,
    making: Making,
    events: Events,
    stuck: Option<Stuck>,
    clock: ClockWatch,
    sent_path: PathBuf,
    released: Released,
    /// When damage that could not be answered for is tried again.
    answer_at: Duration,
    /// Readings handed to the link since the start.
    readings_sent: u64,
    /// Readings that are not acknowledged, when last counted.
    waiting: u64,
    standing_path: PathBuf,
    saved: Option<Standing>,
    save_at: Duration,
}

impl Post {
    /// Opens the spool, or makes it with `fresh` as its incarnation, and goes on where the last run stopped.
    ///
    /// # Errors
    /// [`SpoolError`] where the spool cannot be opened; damage in it is logged and answered for.
    pub fn open(disk: Arc<dyn Disk>, config: &AgentConfig, fresh: Incarnation) -> Result<Post, SpoolError> {
        let spool_config = SpoolConfig {
            dir: config.data_dir.join("spool"),
            agent: config.agent.clone(),
            limit_bytes: config.spool_limit_bytes,
        };
        let (mut spool, found) = Spool::open_on(Arc::clone(&disk), spool_config, fresh)?;
        let standing_path = config.data_dir.join("standing");
        let saved = Standing::load(&*disk, &standing_path);
        let (who, incarnation) = (config.agent.clone(), spool.incarnation());
        let next = spool.next_sequence();
        let sender =
            Sender::new(who, config.collector.clone(), incarnation, saved.as_ref(), next, incarnation.id);
        spool.acknowledge(sender.acknowledged());
        let sent_path = config.data_dir.join("sent");
        let known = sent::load(&*disk, &sent_path, incarnation);
        // A file that cannot be read now may be read once more; it is written anew below.
        let released = known.clone().filter(|_| next > 0).map_or(Released::Unsure, Released::Said);
        let sent = if next == 0 { RangeSet::default() } else { known.unwrap_or(RangeSet::below(next)) };
        spool.may_have_sent(clipped(&sent, next));
        let mut post = Post {
            agent: config.agent.clone(),
            disk,
            spool,
            sender,
            making: Making::new(config.batch),
            events: Events::default(),
            stuck: None,
            clock: ClockWatch::default(),
            sent_path,
            released,
            answer_at: Duration::ZERO,
            readings_sent: 0,
            waiting: 0,
            standing_path,
            saved,
            save_at: Duration::ZERO,
        };
        post.events.spool_recovered(&found);
        post.answer_for_damage(Duration::ZERO);
        if post.released == Released::Unsure {
            post.note_released(post.spool.sent().clone());
        }
        post.events.started(&post.agent, incarnation, post.spool.unacknowledged());
        Ok(post)
    }

    /// What is kept.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// The bytes of a batch as it was first sent; `None` if it is not held, or cannot be read.
    ///
    /// # Errors
    /// [`SpoolError::Log`] if the disk fails.
    pub fn batch(&mut self, sequence: u64) -> Result<Option<&[u8]>, SpoolError> {
        self.spool.batch(sequence)
    }

    /// How far sending has come.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    pub(crate) fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    /// Whether a write has failed and waits to be tried again: nothing should be taken in meanwhile.
    pub fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }

    /// Whether nothing more should be taken in before the next [`Post::attend`].
    pub fn is_full(&self) -> bool {
        self.making.is_full()
    }

    /// Whether the collector has everything, or is not there to take it.
    pub fn has_nothing_to_wait_for(&self) -> bool {
        let unreadable = self.spool.unreadable();
        !self.sender.is_sending() || self.sender.is_done(held(&self.spool, &unreadable))
    }

    /// When something is due although nothing happens.
    pub fn look_at(&self, now: Duration) -> Duration {
        let again_at = self.stuck.as_ref().map(|stuck| stuck.again_at);
        let due = if self.stuck.is_none() { self.making.due_at() } else { None };
        let times = [again_at, due, self.sender.look_at()];
        times.into_iter().flatten().min().unwrap_or(Duration::MAX).min(now + IDLE)
    }

    /// Takes what a source hands in. It is durable once [`Outside::made_durable`] says so.
    pub fn take(&mut self, now: Duration, handed_in: HandedIn) {
        for mapped in &handed_in.mapped {
            if let Mapped::Refused(refused) = mapped {
                self.events.refused(refused);
            }
        }
        self.making.take(now, handed_in);
    }

    /// Everything that time or a change has made due.
    pub fn attend(&mut self, now: Duration, outside: &mut impl Outside) {
        self.look_at_clock(now, outside);
        let was_stuck = self.is_stuck();
        self.write(now, false, outside);
        if self.answer_at <= now {
            self.answer_for_damage(now);
        }
        let event = if was_stuck == self.is_stuck() { Event::Look } else { Event::SpoolTurned };
        self.step(now, event, outside);
        if self.save_at <= now {
            self.save_standing(now);
            self.save_sent();
        }
    }

    fn look_at_clock(&mut self, now: Duration, outside: &impl Outside) {
        match self.clock.look(now, outside.clock()) {
            Some(by_ms) => {
                let suspect = self.making.doubt_arrivals();
                self.events.clock_jumped(by_ms, suspect);
            }
            None => self.making.trust_arrivals(),
        }
    }

    /// Writes what is due, or was before and failed; `all`: also what is not due yet.
    pub fn write(&mut self, now: Duration, all: bool, outside: &mut impl Outside) {
        let stuck = match self.stuck.take() {
            Some(stuck) if stuck.again_at <= now || all => stuck,
            Some(stuck) => {
                self.stuck = Some(stuck);
                return;
            }
            None if self.making.is_due(now) || all => {
                let (batches, tickets) = self.making.finish();
                Stuck { batches, tickets, again_at: now, why: String::new() }
            }
            None => return,
        };
        self.stuck = self.try_write(now, stuck, outside);
    }

    /// Appends everything, and tells the sources; or gives back what could not be appended.
    fn try_write(&mut self, now: Duration, mut stuck: Stuck, outside: &mut impl Outside) -> Option<Stuck> {
        while !stuck.batches.is_empty() {
            let appended = self.spool.append(&stuck.batches);
            for lost in self.spool.newly_lost() {
                self.events.lost(&lost);
            }
            match appended {
                Ok(count) => drop(stuck.batches.drain(..count)),
                Err(error) => {
                    self.events.spool_failed(&error);
                    return Some(Stuck { again_at: now + WRITE_AGAIN, why: error.to_string(), ..stuck });
                }
            }
        }
        self.events.spool_mended();
        for (source, ticket) in stuck.tickets {
            outside.made_durable(source, ticket);
        }
        None
    }

    /// Tells of batches that were found unreadable, by whatever came upon them.
    fn answer_for_damage(&mut self, now: Duration) {
        if !self.spool.has_untold_damage() {
            return;
        }
        match self.spool.answer_for_damage() {
            Ok(told) => told.iter().for_each(|loss| self.events.lost(loss)),
            Err(error) => {
                self.answer_at = now + WRITE_AGAIN;
                self.events.spool_failed(&error);
            }
        }
    }

    /// Writes down what the collector holds, if that is something new.
    pub fn save_standing(&mut self, now: Duration) {
        self.save_at = now + SAVE_EVERY;
        let standing = self.sender.standing();
        if standing == self.saved {
            return;
        }
        let Some(new) = &standing else { return };
        match new.save(&*self.disk, &self.standing_path) {
            Ok(()) => self.saved = standing,
            Err(error) => self.events.standing_not_saved(&error),
        }
    }

    /// Writes down what was sent, and no more than that, while there is no link.
    fn save_sent(&mut self) {
        let mut sent = self.spool.sent().clone();
        sent.raise_floor(self.spool.oldest_sequence());
        self.spool.may_have_sent(sent.clone());
        let is_wanted = self.sender.is_offline() || !matches!(self.released, Released::Said(_));
        if is_wanted && self.released != Released::Said(sent.clone()) {
            self.note_released(sent);
        }
    }

    fn note_released(&mut self, sent: RangeSet) {
        self.released = match sent::save(&*self.disk, &self.sent_path, self.spool.incarnation(), &sent) {
            Ok(()) => Released::Said(sent),
            Err(error) => {
                self.events.sent_not_saved(&error);
                // A file that says too little would be worse than none.
                match sent::forget(&*self.disk, &self.sent_path) {
                    Ok(()) => Released::Nothing,
                    Err(error) => {
                        self.events.sent_not_forgotten(&error);
                        Released::Unsure
                    }
                }
            }
        };
    }

    /// Takes an event of the link, or of the sources, and does what follows from it.
    pub fn step(&mut self, now: Duration, event: Event<'_>, outside: &mut impl Outside) {
        let mut effects: VecDeque<Effect> = self.sender_step(now, event).into();
        while let Some(effect) = effects.pop_front() {
            if let Some(event) = self.apply(now, effect, outside) {
                effects.extend(self.sender_step(now, event));
            }
        }
    }

    fn sender_step(&mut self, now: Duration, event: Event<'_>) -> Vec<Effect> {
        let unreadable = self.spool.unreadable();
        self.sender.step(now, held(&self.spool, &unreadable), event)
    }

    /// Does what the sender wants; what comes of it may be an event of its own.
    fn apply(&mut self, now: Duration, effect: Effect, outside: &mut impl Outside) -> Option<Event<'static>> {
        match effect {
            Effect::SendStatus => {
                self.waiting = self.spool.waiting().unwrap_or(self.waiting);
                self.answer_for_damage(now);
                let topic = Topic::AgentStatus(self.agent.clone());
                let payload = wire::encode_agent_status(&self.status(outside));
                let sent = outside.publish(publish(&topic, payload));
                return sent.is_err().then_some(Event::NotSent(None));
            }
            Effect::SendBatch(sequence) => return self.send_batch(now, sequence, outside),
            Effect::NewStore { before, now: store } => {
                self.events.new_store(before, store);
                self.save_standing(now);
            }
            Effect::Acknowledged => self.spool.acknowledge(self.sender.acknowledged()),
            Effect::CollectorSilent => self.events.collector_silent(),
            Effect::CollectorAnswers => self.events.collector_answers(self.spool.unacknowledged()),
            Effect::Distrusted(why) => self.events.distrusted(why),
        }
        None
    }

    fn send_batch(
        &mut self,
        now: Duration,
        sequence: u64,
        outside: &mut impl Outside,
    ) -> Option<Event<'static>> {
        let topic = Topic::Readings(self.agent.clone());
        if !self.released.covers(sequence) {
            let mut released = self.spool.sent().clone();
            released.insert_range(sequence, sequence + RELEASED - 1);
            self.note_released(released);
        }
        if !self.released.covers(sequence) {
            return Some(Event::NotSent(Some(sequence)));
        }
        let (readings, batch) = match self.spool.counted_batch(sequence) {
            Ok(Some((readings, batch))) => (readings, batch.to_vec()),
            Ok(None) => {
                self.events.batch_not_sent(sequence, &"it cannot be read from the spool any more");
                self.answer_for_damage(now);
                return Some(Event::Unsendable(sequence));
            }
            Err(error) => {
                self.events.batch_not_sent(sequence, &error);
                return Some(Event::NotSent(Some(sequence)));
            }
        };
        match outside.publish(publish(&topic, batch)) {
            Ok(()) => {
                self.spool.note_sent(sequence);
                self.readings_sent += readings;
                None
            }
            Err(error @ (PublishError::TooLarge { .. } | PublishError::Topic(_))) => {
                self.events.batch_not_sent(sequence, &error);
                Some(Event::Unsendable(sequence))
            }
            Err(PublishError::Disconnected | PublishError::Full) => Some(Event::NotSent(Some(sequence))),
        }
    }

    /// What was taken and could not be written, for a post that goes on in this one's place. Nothing of it is
    /// durable, and no source was told that it is.
    pub fn into_held_back(mut self) -> Vec<Contents> {
        let mut batches = self.stuck.take().map(|stuck| stuck.batches).unwrap_or_default();
        batches.extend(self.making.finish().0);
        batches
    }

    /// Goes on with what another post of this spool could not write. It comes before all that is taken from now on.
    pub fn take_over(&mut self, now: Duration, batches: Vec<Contents>) {
        if !batches.is_empty() {
            self.stuck = Some(Stuck { batches, tickets: BTreeMap::new(), again_at: now, why: String::new() });
        }
    }

    /// Readings that wait in memory because the spool cannot be written.
    pub(crate) fn held_back(&self) -> u64 {
        let batches = self.stuck.iter().flat_map(|stuck| &stuck.batches);
        batches.map(|batch| batch.readings.len() as u64).sum()
    }

    fn status(&self, outside: &impl Outside) -> AgentStatus {
        AgentStatus {
            agent: self.agent.clone(),
            incarnation: self.spool.incarnation(),
            at: outside.clock(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            oldest_sequence: self.spool.oldest_sequence(),
            next_sequence: self.spool.next_sequence(),
            unacknowledged: self.spool.unacknowledged(),
            spool_bytes: self.spool.bytes(),
            spool_limit_bytes: self.spool.limit_bytes(),
            taken_in: self.spool.taken_in(),
            refused: self.events.refused_so_far(),
            lost: self.spool.lost(),
            thinned: self.spool.thinned(),
            waiting: self.waiting,
            sent: self.readings_sent,
            held_back: self.held_back(),
            spool_trouble: self.stuck.as_ref().map(|stuck| stuck.why.clone()).unwrap_or_default(),
            clock_jumps: self.clock.jumps(),
            clock_jumped_ms: self.clock.last_ms(),
            sources: outside.sources(),
        }
    }
}

fn held<'s>(spool: &Spool, unreadable: &'s RangeSet) -> Held<'s> {
    Held { from: spool.oldest_sequence(), next: spool.next_sequence(), unreadable }
}

fn publish(topic: &Topic, payload: Vec<u8>) -> Publish {
    Publish { topic: topic.to_string(), payload, qos: Qos::AtLeastOnce, retain: false }
}

#[cfg(test)]
mod tests;
