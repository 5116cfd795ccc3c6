//! Between the post, which decides, and the session, which does.

use super::Agent;
use crate::clock;
use crate::post::Outside;
use crate::send::{Distrust, Event};
use crate::source::{Intake, Ticket};
use std::time::Duration;
use wattledger_link::session::{Broker, Publish, PublishError, Qos, Session, SessionConfig, SessionEvent};
use wattledger_model::batch::SourceStatus;
use wattledger_model::time::Timestamp;
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
                if !self.post.sender().is_offline() {
                    let unacknowledged = self.post.spool().unacknowledged();
                    self.post.events().link_down(unacknowledged);
                }
                self.step(session, Event::Disconnected);
            }
            SessionEvent::Message(delivery) => {
                session.acknowledge(&delivery);
                self.step(session, Event::Message { topic: &delivery.topic, payload: &delivery.payload });
            }
            SessionEvent::Published(_) => self.step(session, Event::Published),
            SessionEvent::SubscriptionRefused { filter } => self.post.events().link_not_subscribed(&filter),
            // Nothing the link hears is ever this large: it is not from our collector.
            SessionEvent::Oversize { .. } => self.post.events().distrusted(Distrust::Undecodable),
        }
    }

    pub(super) fn step(&mut self, session: &Session, event: Event<'_>) {
        let now = self.now();
        self.post.step(now, event, &mut Around { session, intake: &self.intake });
    }
}

/// What really lies around the post: the session, the sources and the machine's clock.
pub(super) struct Around<'a> {
    pub(super) session: &'a Session,
    pub(super) intake: &'a Intake,
}

impl Outside for Around<'_> {
    fn publish(&mut self, message: Publish) -> Result<(), PublishError> {
        self.session.try_publish(message).map(drop)
    }

    fn clock(&self) -> Timestamp {
        clock::now()
    }

    fn sources(&self) -> Vec<SourceStatus> {
        self.intake.statuses()
    }

    fn made_durable(&mut self, source: usize, ticket: Ticket) {
        self.intake.made_durable(source, ticket);
    }
}
