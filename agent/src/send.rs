//! From the spool to the link. Pure: events and time come in, what to do goes out.
//!
//! After a connect the status goes first, and no batch until this agent's own collector has answered.
//! Then batches go out, at most a window of them beyond the collector's word: what is taken in from then on
//! in its order, and beside it the backlog in its own, each with a share that the other cannot take. A
//! broker's PUBACK frees nothing. A batch that later ones have overtaken is sent again by itself; when the
//! collector falls silent the agent asks again, and what stays unacknowledged is sent once more. Each acknowledgement is the collector's whole word: one that says less than the one
//! before (its store was restored) makes the agent send the difference again.

mod event;

pub use event::{Distrust, Effect, Event, Held};

use crate::standing::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wattledger_link::backoff::Backoff;
use wattledger_link::ranges::RangeSet;
use wattledger_model::batch::{Acknowledgement, AgentKey};
use wattledger_model::name::Name;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic;
use wattledger_model::wire;

/// Batches that may be on their way beyond the collector's word.
const WINDOW: usize = 32;
/// Of the window, what the backlog leaves free for new batches, and what new batches leave to the backlog.
const LIVE_SHARE: usize = 8;
const BACKLOG_SHARE: usize = 8;
/// Batches before the collector's answer that still count as new.
const RECENT: u64 = 8;
/// How often the status is repeated.
const STATUS_EVERY: Duration = Duration::from_secs(60);
/// How often it is said when there is news in it.
const STATUS_NEWS: Duration = Duration::from_secs(2);
/// Silence after which the agent asks again and then resends.
const SILENCE: Duration = Duration::from_secs(10);
/// The first and the longest wait for an answer.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Offline,
    /// Status sent, no answer yet; asked again at that time.
    Asking {
        again_at: Duration,
    },
    Sending,
}

/// The store that acknowledgements are believed from, and what it was offered.
#[derive(Debug, Clone)]
struct Store {
    id: u64,
    /// What was sent to it, or is not there to be sent.
    offered: RangeSet,
    /// What was held when it was first met: up to here it must be offered everything again.
    offer_to: u64,
}

/// A batch that is on its way.
#[derive(Debug, Clone, Copy)]
struct Flight {
    /// Counts what was sent: later batches have higher numbers.
    order: u64,
    sent_at: Duration,
}

/// The state of sending.
#[derive(Debug)]
pub struct Sender {
    agent: AgentKey,
    collector: Name,
    incarnation: Incarnation,
    phase: Phase,
    in_flight: BTreeMap<u64, Flight>,
    /// The order of the next batch that is sent, and that of the latest that the collector has.
    next_order: u64,
    arrived_order: u64,
    /// Batches from here on are new; those before are the backlog.
    live_from: u64,
    unsendable: BTreeSet<u64>,
    /// The link took no more; nothing is sent until it has room.
    blocked: bool,
    /// When the collector last moved something forward, or the first of the window was sent.
    progress_at: Duration,
    status_at: Duration,
    /// Whether it holds news that was not said yet.
    status_news: bool,
    waits: Backoff,
    store: Option<Store>,
    /// No batch at or above was ever sent, to anyone.
    sent_below: u64,
    acknowledged: RangeSet,
    /// When the collector last said it started: a change means it has restarted.
    collector_started: Option<Timestamp>,
}

impl Sender {
    /// A sender for this spool. `standing` is what is remembered from before; `next` is the sequence the
    /// next batch gets: everything below may have been sent by an earlier run.
    pub fn new(
        agent: AgentKey,
        collector: Name,
        incarnation: Incarnation,
        standing: Option<&Standing>,
        next: u64,
        seed: u64,
    ) -> Sender {
        let standing = standing.filter(|s| s.collector == collector && s.incarnation == incarnation);
        let store = standing.map(|standing| {
            let all = standing.caught_up;
            let offered = if all { RangeSet::below(next) } else { clipped(&standing.acknowledged, next) };
            Store { id: standing.store_id, offered, offer_to: next }
        });
        Sender {
            agent,
            collector,
            incarnation,
            phase: Phase::Offline,
            in_flight: BTreeMap::new(),
            next_order: 1,
            arrived_order: 0,
            live_from: next,
            unsendable: BTreeSet::new(),
            blocked: false,
            progress_at: Duration::ZERO,
            status_at: Duration::ZERO,
            status_news: false,
            waits: Backoff::new(seed, ASK_AGAIN.0, ASK_AGAIN.1),
            store,
            sent_below: next,
            acknowledged: standing.map(|s| clipped(&s.acknowledged, next)).unwrap_or_default(),
            collector_started: None,
        }
    }

    /// What the collector holds.
    pub fn acknowledged(&self) -> &RangeSet {
        &self.acknowledged
    }

    /// What to remember over a restart; `None` until the collector has spoken.
    pub fn standing(&self) -> Option<Standing> {
        self.store.as_ref().map(|store| Standing {
            collector: self.collector.clone(),
            store_id: store.id,
            incarnation: self.incarnation,
            caught_up: store.offered.floor() >= store.offer_to,
            acknowledged: self.acknowledged.clone(),
        })
    }

    /// Whether everything held is with the collector.
    pub fn is_done(&self, held: Held<'_>) -> bool {
        self.in_flight.is_empty() && self.first_to_send(held, 0, held.next).is_none()
    }

    /// Whether the collector answers.
    pub fn is_sending(&self) -> bool {
        self.phase == Phase::Sending
    }

    /// Whether there is no link.
    pub fn is_offline(&self) -> bool {
        self.phase == Phase::Offline
    }

    /// When to look again, if nothing else happens.
    pub fn look_at(&self) -> Option<Duration> {
        let status_at = self.next_status_at();
        match self.phase {
            Phase::Offline => None,
            Phase::Asking { again_at } => Some(again_at.min(status_at)),
            Phase::Sending if self.in_flight.is_empty() => Some(status_at),
            Phase::Sending => {
                let overtaken = self.in_flight.values().filter(|flight| flight.order < self.arrived_order);
                let late_at = overtaken.map(|flight| flight.sent_at).min().unwrap_or(self.progress_at);
                Some(status_at.min(late_at.min(self.progress_at) + SILENCE))
            }
        }
    }

    fn next_status_at(&self) -> Duration {
        self.status_at + if self.status_news { STATUS_NEWS } else { STATUS_EVERY }
    }

    /// Takes an event at a time since the start, and says what to do.
    pub fn step(&mut self, now: Duration, held: Held<'_>, event: Event<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Connected => {
                self.waits.succeeded();
                self.ask(now, &mut effects);
            }
            Event::Disconnected => {
                self.phase = Phase::Offline;
                self.in_flight.clear();
                self.collector_started = None;
            }
            Event::Message { topic, payload } => self.message(now, held, topic, payload, &mut effects),
            Event::NotSent(sequence) => {
                self.blocked = true;
                if let Some(sequence) = sequence {
                    self.in_flight.remove(&sequence);
                }
            }
            Event::Unsendable(sequence) => {
                self.in_flight.remove(&sequence);
                self.unsendable.insert(sequence);
            }
            Event::Published => self.blocked = false,
            Event::SourceTurned | Event::SpoolTurned => {
                self.status_news = true;
                self.look(now, &mut effects);
            }
            Event::Look => self.look(now, &mut effects),
        }
        self.send(now, held, &mut effects);
        effects
    }

    /// Says the status and holds batches back until the collector answers.
    fn ask(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        self.phase = Phase::Asking { again_at: now + self.waits.next_wait() };
        self.in_flight.clear();
        self.blocked = false;
        self.say_status(now, effects);
    }

    fn say_status(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        self.status_at = now;
        self.status_news = false;
        effects.push(Effect::SendStatus);
    }

    fn look(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Offline => return,
            Phase::Asking { again_at } if again_at <= now => self.ask(now, effects),
            Phase::Sending if !self.in_flight.is_empty() && self.progress_at + SILENCE <= now => {
                effects.push(Effect::CollectorSilent);
                self.ask(now, effects);
            }
            Phase::Sending => {
                // A link keeps its order: what later batches have overtaken is lost.
                let arrived = self.arrived_order;
                self.in_flight.retain(|_, f| arrived < f.order || now < f.sent_at + SILENCE);
            }
            Phase::Asking { .. } => {}
        }
        if self.next_status_at() <= now {
            self.blocked = false;
            self.say_status(now, effects);
        }
    }

    fn message(
        &mut self,
        now: Duration,
        held: Held<'_>,
        topic: &str,
        payload: &[u8],
        effects: &mut Vec<Effect>,
    ) {
        match topic.parse() {
            Ok(Topic::CollectorStatus(collector)) if collector == self.collector => {
                self.collector_spoke(now, payload, effects);
            }
            Ok(Topic::Acknowledgement { agent, collector })
                if agent == self.agent && collector == self.collector =>
            {
                let read = wire::decode_acknowledgement(payload).map_err(|_| Distrust::Undecodable);
                let taken = read.and_then(|said| self.acknowledge(now, held, &said, effects));
                effects.extend(taken.err().map(Effect::Distrusted));
            }
            _ => effects.push(Effect::Distrusted(Distrust::Topic)),
        }
    }

    /// The collector said that it is there. If it has restarted, it is asked before anything more is sent;
    /// if an answer is awaited, it may have missed the question.
    fn collector_spoke(&mut self, now: Duration, payload: &[u8], effects: &mut Vec<Effect>) {
        let Ok(status) = wire::decode_collector_status(payload) else { return };
        if status.collector != self.collector {
            return;
        }
        let before = self.collector_started.replace(status.started);
        let restarted = before.is_some_and(|before| before != status.started);
        match self.phase {
            Phase::Sending if restarted => self.ask(now, effects),
            Phase::Asking { .. } if before != Some(status.started) => {
                self.waits.succeeded();
                self.ask(now, effects);
            }
            Phase::Offline | Phase::Asking { .. } | Phase::Sending => {}
        }
    }

    fn acknowledge(
        &mut self,
        now: Duration,
        held: Held<'_>,
        said: &Acknowledgement,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Distrust> {
        if said.collector != self.collector {
            return Err(Distrust::Collector);
        }
        if said.incarnation != self.incarnation {
            return Err(Distrust::Incarnation);
        }
        let above = said.ranges.iter().map(|(_, last)| last.saturating_add(1)).max();
        // A collector also counts what the status says is no longer held.
        if said.floor.max(above.unwrap_or_default()) > self.sent_below.max(held.from) {
            return Err(Distrust::NeverSent);
        }
        let mut store = match self.store.take() {
            Some(store) if store.id == said.store_id => store,
            before => {
                // Nothing was offered to this store, so its first word frees nothing.
                let store = Store { id: said.store_id, offered: RangeSet::default(), offer_to: held.next };
                self.in_flight.clear();
                effects.push(Effect::NewStore { before: before.map(|store| store.id), now: store.id });
                store
            }
        };
        self.settle_unsendable(&mut store.offered, held);
        self.acknowledged = RangeSet::from_parts(said.floor, said.ranges.iter().copied());
        self.acknowledged.keep_only(&store.offered);
        self.store = Some(store);
        let (acknowledged, on_the_way) = (&self.acknowledged, self.in_flight.len());
        let mut arrived = self.arrived_order;
        self.in_flight.retain(|sequence, flight| {
            if acknowledged.contains(*sequence) {
                arrived = arrived.max(flight.order);
            }
            *sequence >= held.from && !acknowledged.contains(*sequence)
        });
        self.arrived_order = arrived;
        if self.in_flight.len() < on_the_way {
            self.progress_at = now;
        }
        effects.push(Effect::Acknowledged);
        if matches!(self.phase, Phase::Asking { .. }) {
            self.phase = Phase::Sending;
            self.live_from = held.next.saturating_sub(RECENT);
            self.waits.succeeded();
            effects.push(Effect::CollectorAnswers);
        }
        Ok(())
    }

    /// What can never be offered counts as offered: nobody waits for it.
    fn settle_unsendable(&self, offered: &mut RangeSet, held: Held<'_>) {
        offered.raise_floor(held.from);
        for (first, last) in held.unreadable.ranges() {
            offered.insert_range(first, last.min(held.next.saturating_sub(1)));
        }
        for sequence in &self.unsendable {
            offered.insert(*sequence);
        }
    }

    fn send(&mut self, now: Duration, held: Held<'_>, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Sending || self.blocked {
            return;
        }
        while self.in_flight.len() < WINDOW {
            let Some(sequence) = self.next_to_send(held) else { break };
            if self.in_flight.is_empty() {
                self.progress_at = now;
            }
            self.in_flight.insert(sequence, Flight { order: self.next_order, sent_at: now });
            self.next_order += 1;
            self.sent_below = self.sent_below.max(sequence + 1);
            if let Some(store) = &mut self.store {
                store.offered.insert(sequence);
            }
            effects.push(Effect::SendBatch(sequence));
        }
        if let Some(mut store) = self.store.take() {
            self.settle_unsendable(&mut store.offered, held);
            self.store = Some(store);
        }
    }

    /// New batches first, as long as the backlog has its share of the window; and the other way round.
    fn next_to_send(&self, held: Held<'_>) -> Option<u64> {
        let live = self.in_flight.range(self.live_from..).count();
        let backlog = self.in_flight.len() - live;
        let new = || self.first_to_send(held, self.live_from, held.next);
        let old = || self.first_to_send(held, 0, self.live_from.min(held.next));
        match (new(), old()) {
            (Some(new), Some(_)) if live < WINDOW - BACKLOG_SHARE => Some(new),
            (_, Some(old)) if backlog < WINDOW - LIVE_SHARE => Some(old),
            (new, None) => new,
            (_, Some(_)) => None,
        }
    }

    /// The lowest sequence of `[from, to)` that is held, readable, not acknowledged and not on its way.
    fn first_to_send(&self, held: Held<'_>, from: u64, to: u64) -> Option<u64> {
        let mut sequence = from.max(held.from).max(self.acknowledged.floor());
        while sequence < to {
            let covered = past(&self.acknowledged, sequence).max(past(held.unreadable, sequence));
            if covered > sequence {
                sequence = covered;
            } else if self.in_flight.contains_key(&sequence) || self.unsendable.contains(&sequence) {
                sequence += 1;
            } else {
                return Some(sequence);
            }
        }
        None
    }
}

/// The first number at or above `from` that is past the run of the set that holds it; `from` if none does.
fn past(set: &RangeSet, from: u64) -> u64 {
    if from < set.floor() {
        return set.floor();
    }
    let run = set.ranges().find(|(first, last)| *first <= from && from <= *last);
    run.map_or(from, |(_, last)| last.saturating_add(1))
}

/// What of the set lies below a number.
pub(crate) fn clipped(set: &RangeSet, below: u64) -> RangeSet {
    let Some(last_allowed) = below.checked_sub(1) else { return RangeSet::default() };
    let ranges = set.ranges().map(|(first, last)| (first, last.min(last_allowed)));
    RangeSet::from_parts(set.floor().min(below), ranges)
}

#[cfg(test)]
mod tests;
