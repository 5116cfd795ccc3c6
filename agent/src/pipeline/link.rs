//! Between the sender, which decides, and the session, which does.

use super::Agent;
use crate::clock;
use crate::send::{Distrust, Effect, Event, Held};
use std::collections::VecDeque;
use std::time::Duration;
use wattledger_link::session::{Broker, Publish, PublishError, Qos, Session, SessionConfig, SessionEvent};
use wattledger_model::batch::AgentStatus;
use wattledger_model::topic::Topic;
use wattledger_model::wire;

/// The largest packet on the link: a message of the wire format, its topic and the packet's header.
const MAX_PACKET_BYTES: u32 = wire::MAX_MESSAGE_BYTES as u32 + 1_024;

impl Agent {
    pub(super) fn session(&self, broker: Broker, seed: u64) -> SessionConfig {
        let agent = self.config.agent.clone();
        let collector = self.config.collector.clone();
        let heard = [
            Topic::Acknowledgement { agent: agent.clone(), collector: collector.clone() },
            Topic::CollectorStatus(collector),
        ];
        SessionConfig {
            broker,
            client_id: format!("wattledger-{}-{}", agent.site, agent.agent),
            // Acknowledgements of an earlier connection say nothing of now.
            clean_session: true,
            keep_alive: Duration::from_secs(15),
            subscriptions: heard.iter().map(|topic| (topic.to_string(), Qos::AtLeastOnce)).collect(),
            will: None,
            inflight: 64,
            max_packet_bytes: MAX_PACKET_BYTES,
            events_limit: 256,
            backoff_seed: seed,
        }
    }

    pub(super) fn link_event(&mut self, session: &Session, event: SessionEvent) {
        match event {
            SessionEvent::Connected { .. } => self.step(session, Event::Connected),
            SessionEvent::Disconnected { .. } => {
                if !self.sender.is_offline() {
                    self.events.link_down(self.spool.unacknowledged());
                }
                self.step(session, Event::Disconnected);
            }
            SessionEvent::Message(delivery) => {
                session.acknowledge(&delivery);
                self.step(session, Event::Message { topic: &delivery.topic, payload: &delivery.payload });
            }
            SessionEvent::Published(_) => self.step(session, Event::Published),
            SessionEvent::SubscriptionRefused { filter } => self.events.link_not_subscribed(&filter),
            // Nothing the link hears is ever this large: it is not from our collector.
            SessionEvent::Oversize { .. } => self.events.distrusted(Distrust::Undecodable),
        }
    }

    pub(super) fn step(&mut self, session: &Session, event: Event<'_>) {
        let mut effects: VecDeque<Effect> = self.sender_step(event).into();
        while let Some(effect) = effects.pop_front() {
            if let Some(event) = self.apply(session, effect) {
                effects.extend(self.sender_step(event));
            }
        }
    }

    fn sender_step(&mut self, event: Event<'_>) -> Vec<Effect> {
        let now = self.now();
        let unreadable = self.spool.unreadable();
        let held = Held {
            from: self.spool.oldest_sequence(),
            next: self.spool.next_sequence(),
            unreadable: &unreadable,
        };
        self.sender.step(now, held, event)
    }

    /// Does what the sender wants; what comes of it may be an event of its own.
    fn apply(&mut self, session: &Session, effect: Effect) -> Option<Event<'static>> {
        match effect {
            Effect::SendStatus => {
                let topic = Topic::AgentStatus(self.config.agent.clone());
                let payload = wire::encode_agent_status(&self.status());
                let sent = session.try_publish(publish(&topic, payload));
                return sent.is_err().then_some(Event::NotSent(None));
            }
            Effect::SendBatch(sequence) => return self.send_batch(session, sequence),
            Effect::NewStore { before, now } => {
                self.events.new_store(before, now);
                self.save_standing();
            }
            Effect::Acknowledged => self.spool.acknowledge(self.sender.acknowledged()),
            Effect::CollectorSilent => self.events.collector_silent(),
            Effect::CollectorAnswers => self.events.collector_answers(self.spool.unacknowledged()),
            Effect::Distrusted(why) => self.events.distrusted(why),
        }
        None
    }

    fn send_batch(&mut self, session: &Session, sequence: u64) -> Option<Event<'static>> {
        let topic = Topic::Readings(self.config.agent.clone());
        let batch = match self.spool.batch(sequence) {
            Ok(Some(batch)) => batch.to_vec(),
            Ok(None) => {
                self.events.batch_not_sent(sequence, &"it cannot be read from the spool any more");
                self.answer_for_damage();
                return Some(Event::Unsendable(sequence));
            }
            Err(error) => {
                self.events.batch_not_sent(sequence, &error);
                return Some(Event::NotSent(Some(sequence)));
            }
        };
        match session.try_publish(publish(&topic, batch)) {
            Ok(_) => None,
            Err(error @ (PublishError::TooLarge { .. } | PublishError::Topic(_))) => {
                self.events.batch_not_sent(sequence, &error);
                Some(Event::Unsendable(sequence))
            }
            Err(PublishError::Disconnected | PublishError::Full) => Some(Event::NotSent(Some(sequence))),
        }
    }

    fn status(&self) -> AgentStatus {
        AgentStatus {
            agent: self.config.agent.clone(),
            incarnation: self.spool.incarnation(),
            at: clock::now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            oldest_sequence: self.spool.oldest_sequence(),
            next_sequence: self.spool.next_sequence(),
            unacknowledged: self.spool.unacknowledged(),
            spool_bytes: self.spool.bytes(),
            spool_limit_bytes: self.spool.limit_bytes(),
            taken_in: self.spool.taken_in(),
            refused: self.events.refused_so_far(),
            lost: self.spool.lost(),
            sources: self.intake.statuses(),
        }
    }
}

fn publish(topic: &Topic, payload: Vec<u8>) -> Publish {
    Publish { topic: topic.to_string(), payload, qos: Qos::AtLeastOnce, retain: false }
}
