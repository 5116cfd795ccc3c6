//! From the link to the engine: payloads in, acknowledgements out once they are durable.
//!
//! A delivery is acknowledged to the broker, and a batch to its agent, only after the engine's journal has
//! it. Every batch and every status is answered, also those that came before.

use crate::clock;
use crate::engine::Arrival;
use crate::engine::service::{Durable, EngineHandle};
use crate::health::HealthBoard;
use crate::journal::PayloadForm;
use crate::outputs::mqtt::SessionPublisher;
use crate::stop::stopped;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use wattledger_link::session::{
    Broker, Delivery, Publish, PublishError, Qos, Session, SessionConfig, SessionEvent, Will,
};
use wattledger_model::batch::{Acknowledgement, AgentKey, AgentStatus, CollectorStatus};
use wattledger_model::name::Name;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic;
use wattledger_model::wire;

/// A batch may be this large.
const MAX_PACKET_BYTES: u32 = 4 << 20;
/// Between two statuses.
const STATUS_EVERY: Duration = Duration::from_secs(60);
/// Answers that wait for the broker; the oldest go first, since agents ask again.
const UNSENT_LIMIT: usize = 10_000;
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
        let mut desk = Desk { tag: 0, unanswered: HashMap::new(), unsent: VecDeque::new() };
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
                Some(durable) = durable.recv() => self.answer(&session, durable, &mut desk),
                _ = status.tick() => self.say_status(&mut desk),
            }
            desk.send(&session);
        }
        session.close(DRAIN).await;
    }

    async fn hear(&self, session: &Session, event: SessionEvent, desk: &mut Desk) {
        match event {
            SessionEvent::Connected { .. } => {
                self.health.clear("link");
                tracing::info!("connected to the broker");
                self.say_status(desk);
                let known: Vec<_> = self.heard().values().filter_map(|heard| heard.status.clone()).collect();
                for status in known {
                    self.engine.known(status.agent, status.incarnation).await;
                }
            }
            SessionEvent::Disconnected { reason } => {
                desk.unanswered.clear();
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

    /// Sends a message to where its topic says it belongs.
    async fn sort(&self, session: &Session, delivery: Delivery, desk: &mut Desk) {
        match delivery.topic.parse() {
            Ok(Topic::Readings(agent)) => self.take(agent, PayloadForm::Batch, delivery, desk).await,
            Ok(Topic::ReadingsJson(agent)) if delivery.retain => {
                // Kept by the broker from some other day: it may have been taken in already.
                tracing::warn!(%agent, "a retained message of readings is not taken in; publish without retain");
                session.acknowledge(&delivery);
            }
            Ok(Topic::ReadingsJson(agent)) => self.take(agent, PayloadForm::Json, delivery, desk).await,
            Ok(Topic::AgentStatus(agent)) => {
                self.hear_status(agent, &delivery).await;
                session.acknowledge(&delivery);
            }
            _ => session.acknowledge(&delivery),
        }
    }

    async fn take(&self, agent: AgentKey, form: PayloadForm, delivery: Delivery, desk: &mut Desk) {
        if form == PayloadForm::Batch {
            let now = clock::now();
            let mut agents = self.heard();
            agents.entry(agent.clone()).or_insert(HeardAgent { last_seen: now, status: None }).last_seen =
                now;
        }
        desk.tag += 1;
        let mut delivery = delivery;
        let arrival = Arrival { agent, form, payload: std::mem::take(&mut delivery.payload) };
        desk.unanswered.insert(desk.tag, delivery);
        self.engine.take(desk.tag, arrival).await;
    }

    async fn hear_status(&self, agent: AgentKey, delivery: &Delivery) {
        match wire::decode_agent_status(&delivery.payload) {
            Ok(status) if status.agent == agent => {
                let incarnation = status.incarnation;
                let now = clock::now();
                // A retained status is the agent's last word, of whatever day.
                let last_seen = if delivery.retain { status.at.min(now) } else { now };
                self.heard().insert(agent.clone(), HeardAgent { last_seen, status: Some(status) });
                self.engine.known(agent, incarnation).await;
            }
            Ok(status) => {
                tracing::warn!(topic = %delivery.topic, agent = %status.agent, "a status on another agent's topic was ignored");
            }
            Err(error) => tracing::warn!(topic = %delivery.topic, %error, "a status cannot be read"),
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, BTreeMap<AgentKey, HeardAgent>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is durable: to the broker for each delivery, to each agent for its batches.
    fn answer(&self, session: &Session, durable: Durable, desk: &mut Desk) {
        for tag in durable.tags {
            if let Some(delivery) = desk.unanswered.remove(&tag) {
                session.acknowledge(&delivery);
            }
        }
        for ((agent, incarnation), known) in durable.answered.committed {
            let acknowledgement = Acknowledgement {
                collector: self.collector.clone(),
                store_id: self.store_id,
                incarnation,
                floor: known.floor(),
                ranges: known.ranges().collect(),
            };
            let topic = Topic::Acknowledgement { agent, collector: self.collector.clone() };
            desk.post(Some(incarnation), topic.to_string(), wire::encode_acknowledgement(&acknowledgement));
        }
    }

    fn say_status(&self, desk: &mut Desk) {
        let status = CollectorStatus {
            collector: self.collector.clone(),
            store_id: self.store_id,
            at: clock::now(),
            started: self.started,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let topic = Topic::CollectorStatus(self.collector.clone()).to_string();
        desk.post(None, topic, wire::encode_collector_status(&status));
    }
}

/// What is under way between broker, engine and agents.
struct Desk {
    tag: u64,
    /// Deliveries that are not durable yet.
    unanswered: HashMap<u64, Delivery>,
    /// Answers the session has not taken yet: the latest for each topic and incarnation.
    unsent: VecDeque<(Option<Incarnation>, Publish)>,
}

impl Desk {
    /// An acknowledgement about an incarnation, or the collector's own status, which is retained.
    fn post(&mut self, about: Option<Incarnation>, topic: String, payload: Vec<u8>) {
        // A later answer says all that an earlier one said.
        self.unsent.retain(|(of, waiting)| *of != about || waiting.topic != topic);
        if self.unsent.len() >= UNSENT_LIMIT {
            self.unsent.pop_front();
        }
        let publish = Publish { topic, payload, qos: Qos::AtLeastOnce, retain: about.is_none() };
        self.unsent.push_back((about, publish));
    }

    fn send(&mut self, session: &Session) {
        while let Some((_, publish)) = self.unsent.front() {
            match session.try_publish(publish.clone()) {
                Ok(_) => {}
                // What cannot be said now is said again when the agent asks.
                Err(PublishError::Disconnected) => return self.unsent.clear(),
                Err(PublishError::Full) => return,
                Err(error) => tracing::error!(%error, topic = %publish.topic, "an answer cannot be sent"),
            }
            self.unsent.pop_front();
        }
    }
}
