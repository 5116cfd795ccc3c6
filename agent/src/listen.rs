//! A broker that is only listened to: under a client id of its own and with a clean session, so that a running agent
//! keeps its connection and what the broker keeps for it.

use std::hash::BuildHasher;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use wattledger_link::session::{Broker, Qos, Session, SessionConfig, SessionEvent};

/// The largest message that is looked at, the same that sensors may send to an agent.
pub(crate) const MAX_MESSAGE_BYTES: u32 = 1 << 20;

/// A connection that hears and never speaks.
#[derive(Debug)]
pub(crate) struct Ear {
    session: Session,
    events: mpsc::Receiver<SessionEvent>,
}

impl Ear {
    /// Begins to listen for these topics. At most once each is enough for who only looks.
    pub(crate) fn open(broker: Broker, purpose: &str, filters: impl IntoIterator<Item = String>) -> Ear {
        let client_id = own_client_id(purpose);
        let (session, events) = Session::start(SessionConfig {
            broker,
            backoff_seed: std::collections::hash_map::RandomState::new().hash_one(&client_id),
            client_id,
            clean_session: true,
            keep_alive: Duration::from_secs(30),
            subscriptions: filters.into_iter().map(|filter| (filter, Qos::AtMostOnce)).collect(),
            will: None,
            inflight: 1,
            max_packet_bytes: MAX_MESSAGE_BYTES,
            events_limit: 256,
        });
        Ear { session, events }
    }

    /// What comes next; `None` once it is too late, or the session has ended.
    pub(crate) async fn next(&mut self, until: Instant) -> Option<SessionEvent> {
        timeout_at(until, self.events.recv()).await.ok().flatten()
    }

    /// The session, for the one who must speak all the same.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Says farewell to the broker.
    pub(crate) async fn close(self) {
        self.session.close(Duration::from_millis(500)).await;
    }
}

/// A client id that nobody else has.
pub(crate) fn own_client_id(purpose: &str) -> String {
    let chance = std::collections::hash_map::RandomState::new().hash_one(std::process::id());
    format!("wattledger-{purpose}-{:08x}", chance as u32)
}
