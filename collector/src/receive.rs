//! From the link to the engine: payloads in, acknowledgements out once they are durable.
//!
//! A delivery is acknowledged to the broker, and a batch to its agent, only after the engine's journal has
//! it. Every batch and every status is answered, also those that came before.

pub mod desk;
mod skew;

pub use skew::Skew;

use crate::clock;
use crate::engine::service::{Durable, EngineHandle};
use crate::health::HealthBoard;
use crate::outputs::mqtt::SessionPublisher;
use crate::stop::stopped;
use desk::{Asked, Speaker};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use wattledger_link::session::{Broker, Delivery, Qos, Session, SessionConfig, SessionEvent, Will};
use wattledger_model::batch::{AgentKey, AgentStatus};
use wattledger_model::name::Name;
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic;

/// The desk of a real link.
type Desk = desk::Desk<Delivery>;

/// A batch may be this large.
const MAX_PACKET_BYTES: u32 = 4 << 20;
/// Between two statuses.
const STATUS_EVERY: Duration = Duration::from_secs(60);
/// For what is under way when the collector stops.
const DRAIN: Duration = Duration::from_secs(3);

/// What agents said of themselves last.
pub type Agents = Arc<Mutex<BTreeMap<AgentKey, HeardAgent>>>;

/// An agent as it was heard.
#[derive(Debug, Clone)]
pub struct HeardAgent {
    /// When it was heard last, by the collector's clock.
    pub last_seen: Timestamp,
    /// What it said of itself last.
    pub status: Option<AgentStatus>,
    /// What that tells of its clock.
    pub skew: Skew,
}

/// Who receives.
pub struct Receiver {
    /// The collector's name.
    pub collector: Name,
    /// The identity of its store.
    pub store_id: u64,
    /// When it started.
    pub started: Timestamp,
    /// The way to the engine.
    pub engine: EngineHandle,
    /// Agents that were heard.
    pub agents: Agents,
    /// Where trouble is told.
    pub health: HealthBoard,
    /// What outputs publish over the same session.
    pub publisher: Arc<SessionPublisher>,
}

/// Makes the session with the broker.
pub fn connect(broker: Broker, collector: &Name, seed: u64) -> (Session, mpsc::Receiver<SessionEvent>) {
    let subscriptions = [Topic::ALL_READINGS, Topic::ALL_READINGS_JSON, Topic::ALL_AGENT_STATUS];
    Session::start(SessionConfig {
        broker,
        client_id: format!("wattledger-collector-{collector}"),
        clean_session: false,
        keep_alive: Duration::from_secs(30),
        subscriptions: subscriptions.iter().map(|filter| ((*filter).to_owned(), Qos::AtLeastOnce)).collect(),
        will: Option::<Will>::None,
        inflight: 500,
        max_packet_bytes: MAX_PACKET_BYTES,
        events_limit: 1_024,
        backoff_seed: seed,
    })
}

impl Receiver {
    /// Receives until `stop` is true, then says what is durable by then and closes the session.
    pub async fn run(
        self,
        session: Session,
        mut events: mpsc::Receiver<SessionEvent>,
        mut durable: mpsc::UnboundedReceiver<Durable>,
        mut stop: watch::Receiver<bool>,
    ) {
        let speaker =
            Speaker { collector: self.collector.clone(), store_id: self.store_id, started: self.started };
        let mut desk = Desk::new(speaker, Arc::clone(&self.agents));
        let mut status = tokio::time::interval(STATUS_EVERY);
        loop {
            tokio::select! {
                () = stopped(&mut stop) => break,
                event = events.recv() => {
                    let Some(event) = event else { break };
                    // The engine may not take anything for long, when the disk is full; the stop must not wait
                    // for it. What is not taken is not acknowledged, and comes again.
                    tokio::select! {
                        () = stopped(&mut stop) => break,
                        () = self.hear(&session, event, &mut desk) => {}
                    }
                }
                Some(durable) = durable.recv() => {
                    for delivery in desk.answer(durable) {
                        session.acknowledge(&delivery);
                    }
                }
                _ = status.tick() => desk.say_status(clock::now()),
            }
            desk.send(|message| session.try_publish(message).map(drop));
        }
        session.close(DRAIN).await;
    }

    async fn hear(&self, session: &Session, event: SessionEvent, desk: &mut Desk) {
        match event {
            SessionEvent::Connected { .. } => {
                self.health.clear("link");
                tracing::info!("connected to the broker");
                for (agent, incarnation) in desk.connected(clock::now()) {
                    self.engine.known(agent, incarnation).await;
                }
            }
            SessionEvent::Disconnected { reason } => {
                desk.disconnected();
                self.publisher.disconnected();
                self.health.report("link", &format!("no connection to the broker: {reason}"));
            }
            SessionEvent::SubscriptionRefused { filter } => {
                let detail = format!("the broker refuses the subscription {filter}; check its access list");
                self.health.report("link", &detail);
            }
            SessionEvent::Oversize { topic, bytes } => {
                tracing::error!(%topic, bytes, "a message was too large to be received");
            }
            SessionEvent::Published(id) => self.publisher.published(id),
            SessionEvent::Message(delivery) => self.sort(session, delivery, desk).await,
        }
    }

    /// Brings a message to where its topic says it belongs.
    async fn sort(&self, session: &Session, mut delivery: Delivery, desk: &mut Desk) {
        let topic = std::mem::take(&mut delivery.topic);
        let mut payload = std::mem::take(&mut delivery.payload);
        let retain = delivery.retain;
        let (asked, done) = desk.sort(&topic, &mut payload, retain, delivery, clock::now());
        match asked {
            Asked::Take(tag, arrival) => drop(self.engine.take(tag, arrival).await),
            Asked::Heard(status) => drop(self.engine.heard(status).await),
            Asked::Nothing => {}
        }
        if let Some(delivery) = done {
            session.acknowledge(&delivery);
        }
    }
}
