//! The broker inside the demo's process, behind a trait, so that it can be replaced by another one.

use mqtt5::broker::config::{StorageBackend, StorageConfig};
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Largest packet that passes: more than any batch.
const PACKET_LIMIT: usize = 16 << 20;
/// Messages kept for a client that is away; agents resend what is lost.
const QUEUE_LIMIT: usize = 1_000;
/// How long the broker gets to say goodbye to its clients.
const GOODBYE: Duration = Duration::from_secs(3);

/// A broker in this process, on a free port of the loopback interface.
pub(crate) trait EmbeddedBroker: Sized {
    /// Starts it; on return it takes connections.
    fn start() -> impl Future<Output = Result<Self, BrokerError>> + Send;
    /// Where it listens.
    fn address(&self) -> SocketAddr;
    /// Ends it with all its connections.
    fn stop(self) -> impl Future<Output = ()> + Send;
}

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokerError {
    #[error("the embedded broker cannot start: {0}")]
    Start(String),
    #[error("the embedded broker has no address")]
    NoAddress,
}

/// The `mqtt5` crate's broker. Keeps everything in memory: what it loses with its process, agents send again.
pub(crate) struct Mqtt5 {
    address: SocketAddr,
    shutdown: BrokerShutdownHandle,
    running: JoinHandle<()>,
}

impl EmbeddedBroker for Mqtt5 {
    async fn start() -> Result<Mqtt5, BrokerError> {
        let start = |error: mqtt5::MqttError| BrokerError::Start(error.to_string());
        let mut broker = MqttBroker::with_config(configuration()).await.map_err(start)?;
        let address = broker.local_addr().ok_or(BrokerError::NoAddress)?;
        let shutdown = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();
        let (failed, failure) = tokio::sync::oneshot::channel();
        let running = tokio::spawn(async move {
            if let Err(error) = broker.run().await {
                // Nobody listens once the broker was ready; a broker that ends then shows at its clients.
                let _ = failed.send(error.to_string());
            }
        });
        tokio::select! {
            Ok(_) = ready.wait_for(|ready| *ready) => Ok(Mqtt5 { address, shutdown, running }),
            reason = failure => Err(BrokerError::Start(reason.unwrap_or_else(|_| "it ended at once".to_owned()))),
        }
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn stop(mut self) {
        self.shutdown.shutdown();
        if tokio::time::timeout(GOODBYE, &mut self.running).await.is_err() {
            self.running.abort();
        }
    }
}

fn configuration() -> BrokerConfig {
    let storage = StorageConfig {
        backend: StorageBackend::Memory,
        max_queued_messages_per_client: QUEUE_LIMIT,
        ..StorageConfig::default()
    };
    BrokerConfig {
        bind_addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        max_clients: 100,
        max_packet_size: PACKET_LIMIT,
        max_retained_messages: 10_000,
        session_expiry_interval: Duration::from_secs(3_600),
        sys_topics_enabled: false,
        storage_config: storage,
        ..BrokerConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::Receiver;
    use wattledger_link::session::{Broker, Publish, Qos, Session, SessionConfig, SessionEvent};

    fn session(
        address: SocketAddr,
        client_id: &str,
        filter: Option<&str>,
    ) -> (Session, Receiver<SessionEvent>) {
        Session::start(SessionConfig {
            broker: Broker {
                host: address.ip().to_string(),
                port: address.port(),
                username: None,
                password: None,
                tls: None,
            },
            client_id: client_id.to_owned(),
            clean_session: true,
            keep_alive: Duration::from_secs(10),
            subscriptions: filter.map(|filter| (filter.to_owned(), Qos::AtLeastOnce)).into_iter().collect(),
            will: None,
            inflight: 10,
            max_packet_bytes: 1 << 20,
            events_limit: 100,
            backoff_seed: 1,
        })
    }

    async fn until<T>(
        events: &mut Receiver<SessionEvent>,
        mut wanted: impl FnMut(SessionEvent) -> Option<T>,
    ) -> T {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await;
            let event = event.expect("an event in time").expect("the session runs");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    fn connected(event: SessionEvent) -> Option<()> {
        matches!(event, SessionEvent::Connected { .. }).then_some(())
    }

    #[tokio::test]
    async fn it_carries_a_large_message_between_two_sessions_and_stops() {
        let broker = Mqtt5::start().await.expect("it starts");
        let address = broker.address();
        assert!(address.ip().is_loopback() && address.port() != 0);
        let (listener, mut heard) = session(address, "listener", Some("a/+/c"));
        until(&mut heard, connected).await;
        let (speaker, mut said) = session(address, "speaker", None);
        until(&mut said, connected).await;
        let payload = vec![7; 200_000];
        let topic = "a/b/c".to_owned();
        let message = Publish { topic, payload: payload.clone(), qos: Qos::AtLeastOnce, retain: false };
        let id = speaker.try_publish(message).expect("it is connected");
        until(&mut said, |event| matches!(event, SessionEvent::Published(done) if done == id).then_some(()))
            .await;
        let delivery = until(&mut heard, |event| match event {
            SessionEvent::Message(delivery) => Some(delivery),
            _ => None,
        })
        .await;
        assert_eq!((delivery.topic.as_str(), &delivery.payload), ("a/b/c", &payload));
        listener.acknowledge(&delivery);
        broker.stop().await;
        let lost = |event| matches!(event, SessionEvent::Disconnected { .. }).then_some(());
        until(&mut said, lost).await;
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}
