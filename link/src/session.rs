//! The one adapter around the MQTT client, rumqttc: nothing else names it.
//!
//! It promises little, and keeps it. A publish is *published* when its PUBACK came, by id. A message stays
//! with the broker until it is acknowledged here. After any error the connection is made anew with nothing
//! carried over, since the client's own memory of unsent publishes is not to be relied on: the caller
//! publishes again what was not published. What was subscribed is subscribed again each time.
//!
//! No attempt to connect begins before the caller has taken the `Disconnected` of the one before, so that
//! a publish never goes to a connection of which its sender does not know.

mod broker;
mod inflight;
mod permission;
mod run;
mod secret;
mod tls;

pub use broker::{Broker, BrokerError, Secret};
use inflight::{Receipts, Window};
pub use permission::{Permission, may_publish};
use rumqttc::{AsyncClient, QoS};
pub use secret::{SecretError, SecretKeys, SecretSource};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
pub use tls::{Expiry, Identity, Tls, TlsError};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Requests that the client may hold beside the window of QoS 1 publishes.
const SPARE_REQUESTS: usize = 1_024;
/// The largest packet that MQTT knows. What comes is limited by us, after the client has read it: a client
/// that refuses to read a message gets it again at each connect, for ever.
const PROTOCOL_MAX_BYTES: usize = 268_435_455 + 5;
/// Most publishes that may await their PUBACK; packet ids must not run out.
const MAX_INFLIGHT: u16 = 65_000;

/// How often a message may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Qos {
    /// Once or never.
    AtMostOnce,
    /// Once or more.
    AtLeastOnce,
}

impl Qos {
    fn of_client(self) -> QoS {
        match self {
            Qos::AtMostOnce => QoS::AtMostOnce,
            Qos::AtLeastOnce => QoS::AtLeastOnce,
        }
    }
}

/// What the broker publishes for us when we are gone without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// How often it may arrive.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
}

/// What a session needs to know.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Where to connect.
    pub broker: Broker,
    /// Our name at the broker: stable for a persistent session, and never used twice at a time. Where it is
    /// empty the session is a clean one.
    pub client_id: String,
    /// Whether the broker forgets us when the connection ends.
    pub clean_session: bool,
    /// How often to show that we live, in whole seconds from 1 to 65 535. A silent connection is given up
    /// after two of these.
    pub keep_alive: Duration,
    /// Topic filters, subscribed anew at each connect.
    pub subscriptions: Vec<(String, Qos)>,
    /// What to say of us when we vanish.
    pub will: Option<Will>,
    /// How many QoS 1 publishes may await their PUBACK, from 1 to 65 000.
    pub inflight: u16,
    /// Largest packet in bytes. Larger publishes are refused, larger messages passed over.
    pub max_packet_bytes: u32,
    /// How many events may wait for the caller; at least 1. Beyond that the connection is not read, and after
    /// a while the broker ends it.
    pub events_limit: usize,
    /// Seed of the jitter between attempts.
    pub backoff_seed: u64,
}

/// What happened on the connection.
#[derive(Debug)]
pub enum SessionEvent {
    /// Connected, and every subscription answered. Publishes are taken from here on.
    Connected {
        /// Whether the broker remembered us.
        session_present: bool,
    },
    /// The connection ended, or an attempt failed; the next attempt follows by itself. Publishes that had no
    /// [`SessionEvent::Published`] are forgotten: publish them again.
    Disconnected {
        /// Why, in words.
        reason: String,
    },
    /// A message came. May come before `Connected`, when the broker has kept some for us.
    Message(Delivery),
    /// The broker has taken a QoS 1 publish. Says nothing of who receives it. QoS 0 has no such event.
    Published(PublishId),
    /// The broker refused a subscription, or it is malformed; it is tried again at the next connect.
    SubscriptionRefused {
        /// The topic filter.
        filter: String,
    },
    /// A message larger than `max_packet_bytes` came and was passed over: acknowledged, never handed out.
    Oversize {
        /// Its topic.
        topic: String,
        /// Size of its payload.
        bytes: usize,
    },
}

/// A message that came.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// Whether the broker had kept it from before we subscribed.
    pub retain: bool,
    /// How it was delivered. At most once needs no acknowledgement.
    pub qos: Qos,
    receipt: Receipt,
}

/// Which connection a delivery came by, and its place among those that want an acknowledgement.
#[derive(Debug, Clone, Copy)]
struct Receipt {
    epoch: u64,
    number: Option<u64>,
}

/// Names one publish; never used twice in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublishId(u64);

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// How often it may arrive.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
}

/// Why a publish was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection now, or the session is closing; wait for [`SessionEvent::Connected`].
    #[error("not connected to the broker")]
    Disconnected,
    /// Too much is on its way; wait for [`SessionEvent::Published`].
    #[error("the window of unanswered publishes is full")]
    Full,
    /// The packet would never pass.
    #[error("a packet of {bytes} bytes is beyond the limit of {limit}; send less at a time")]
    TooLarge {
        /// Bytes of the packet.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The topic is empty, too long, or holds a wildcard.
    #[error("`{0}` is no topic to publish to")]
    Topic(String),
}

/// A session with a broker, kept up by a task of its own. Clones speak for the same session.
#[derive(Debug, Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

/// What the handles and the task share.
#[derive(Debug)]
struct Shared {
    max_packet_bytes: usize,
    state: Mutex<State>,
    /// When to stop at the latest; set once, by closing.
    closing: watch::Sender<Option<Instant>>,
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    epoch: u64,
    connection: Option<Connection>,
    next_id: u64,
}

/// What belongs to one connection and ends with it.
#[derive(Debug)]
struct Connection {
    client: AsyncClient,
    window: Window,
    receipts: Receipts,
    /// Whether the subscriptions are answered.
    open: bool,
}

impl Session {
    /// Starts the task that connects, and keeps connecting. It ends with [`Session::close`], or when the
    /// receiver is dropped. Must be called within a tokio runtime.
    pub fn start(config: SessionConfig) -> (Session, mpsc::Receiver<SessionEvent>) {
        Session::start_without(config, Vec::new())
    }

    /// The same, and ends what a persistent session may have subscribed to under an earlier configuration, at most
    /// 500 filters. The broker has read that by the time it answers the subscriptions, so before
    /// [`SessionEvent::Connected`] where there are any. Filters that are subscribed now stay.
    pub fn start_without(
        config: SessionConfig,
        mut unwanted: Vec<String>,
    ) -> (Session, mpsc::Receiver<SessionEvent>) {
        unwanted.retain(|filter| {
            is_filter(filter) && config.subscriptions.iter().all(|(kept, _)| kept != filter)
        });
        unwanted.truncate(SPARE_REQUESTS / 2 - 12);
        let (events, receiver) = mpsc::channel(config.events_limit.max(1));
        let shared = Arc::new(Shared {
            max_packet_bytes: config.max_packet_bytes as usize,
            state: Mutex::default(),
            closing: watch::Sender::new(None),
            ended: watch::Sender::new(false),
        });
        tokio::spawn(run::run(config, unwanted, Arc::clone(&shared), events));
        (Session { shared }, receiver)
    }

    /// Sends a message, without waiting.
    ///
    /// # Errors
    /// See [`PublishError`]. Nothing was sent then.
    pub fn try_publish(&self, message: Publish) -> Result<PublishId, PublishError> {
        let Publish { topic, payload, qos, retain } = message;
        if !is_topic(&topic) {
            return Err(PublishError::Topic(topic.chars().take(120).collect()));
        }
        let (bytes, limit) = (packet_bytes(&topic, payload.len()), self.shared.max_packet_bytes);
        if bytes > limit {
            return Err(PublishError::TooLarge { bytes, limit });
        }
        if self.shared.closing.borrow().is_some() {
            return Err(PublishError::Disconnected);
        }
        let mut state = self.shared.state();
        let id = PublishId(state.next_id);
        let connection = state.connection.as_mut().filter(|connection| connection.open);
        let Connection { client, window, .. } = connection.ok_or(PublishError::Disconnected)?;
        // Half of the spare room is for acknowledgements.
        let unwritten_limit = window.limit() + SPARE_REQUESTS / 2;
        if window.unwritten() >= unwritten_limit || (qos == Qos::AtLeastOnce && !window.has_room()) {
            return Err(PublishError::Full);
        }
        // The lock is held over both, so that the window's order is the client's.
        client.try_publish(topic, qos.of_client(), retain, payload).map_err(|_| PublishError::Full)?;
        match qos {
            Qos::AtLeastOnce => window.gave(id),
            Qos::AtMostOnce => window.gave_unconfirmed(),
        }
        state.next_id += 1;
        Ok(id)
    }

    /// Tells the broker that the message is dealt with. Goes out once all that came before it are
    /// acknowledged too; ignored if its connection is gone, because the broker delivers it again.
    pub fn acknowledge(&self, delivery: &Delivery) {
        let Receipt { epoch, number: Some(number) } = delivery.receipt else { return };
        let mut state = self.shared.state();
        if state.epoch == epoch
            && let Some(connection) = state.connection.as_mut()
        {
            connection.receipts.acknowledge(number);
            connection.send_due_acknowledgements();
        }
    }

    /// Takes no more publishes, waits up to `drain` for those on the way, and disconnects.
    ///
    /// Returns once the connection is closed. Messages that are not acknowledged stay with the broker, if the
    /// session is a persistent one.
    pub async fn close(self, drain: Duration) {
        self.shared.closing.send_if_modified(|closing| {
            let first = closing.is_none();
            closing.get_or_insert(Instant::now() + drain);
            first
        });
        // The sender lives in what we hold, so this ends when the task says so.
        let _ = self.shared.ended.subscribe().wait_for(|ended| *ended).await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it; and what is in there is dropped with the connection anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Gives the client what may be acknowledged by now. Should its queue be full, the task tries again
    /// after the next event, and a full queue means that there will be one.
    fn send_due_acknowledgements(&mut self) {
        while let Some(packet) = self.receipts.due() {
            let mut publish = rumqttc::Publish::new("", QoS::AtLeastOnce, Vec::new());
            publish.pkid = packet;
            if self.client.try_ack(&publish).is_err() {
                break;
            }
            self.receipts.sent();
        }
    }
}

/// Bytes of a publish on the network, at most: the fixed header may be shorter.
fn packet_bytes(topic: &str, payload: usize) -> usize {
    1 + 4 + 2 + topic.len() + 2 + payload
}

fn is_topic(topic: &str) -> bool {
    (1..=65_535).contains(&topic.len()) && !topic.contains(['+', '#', '\0'])
}

fn is_filter(filter: &str) -> bool {
    filter.len() <= 65_535 && !filter.contains('\0') && rumqttc::valid_filter(filter)
}
