//! The task that owns the client's event loop.
//!
//! The event loop's future is never dropped half way while its connection is to live on: in the middle of
//! a write that would lose the packet and keep the report of it.

use super::inflight::{Receipts, Window};
use super::tls::{self, Loaded, Tls};
use super::{
    Connection, Delivery, MAX_INFLIGHT, PROTOCOL_MAX_BYTES, Qos, Receipt, SPARE_REQUESTS, SessionConfig,
    SessionEvent, Shared, is_filter, packet_bytes,
};
use crate::backoff::Backoff;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, QoS, SubAck,
    SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A connection that lasted this long was a success; a shorter one counts as one more failure.
const STEADY: Duration = Duration::from_secs(10);
/// How long the broker may take to answer the subscriptions, from what it sent last.
const SUBSCRIBE_LIMIT: Duration = Duration::from_secs(10);
/// How often the files of certificates are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(10);
/// How often the end of a certificate is warned of.
const EXPIRY_EVERY: Duration = Duration::from_secs(86_400);
/// How long the broker may take to end the connection after our farewell.
const FAREWELL: Duration = Duration::from_secs(1);

/// Numbers the connections of all sessions, so that a delivery is never taken for another session's.
static EPOCHS: AtomicU64 = AtomicU64::new(0);

/// Why a connection is no more.
enum End {
    Lost(String),
    /// Closed on request, or nobody listens any more.
    Closed,
}

/// One step of waiting.
enum Step {
    Event(Box<Event>),
    /// The closing was asked for just now.
    Closing,
    /// It is time to look at the files of certificates.
    Certificates,
    End(End),
}

struct Task {
    config: SessionConfig,
    /// Topic filters that the broker may remember us by, and that are not subscribed any more.
    unwanted: Vec<String>,
    shared: Arc<Shared>,
    events: mpsc::Sender<SessionEvent>,
    closing: watch::Receiver<Option<Instant>>,
    /// The latest reason that was logged as a warning; the same one again is not.
    warned: Option<String>,
    /// When the end of a certificate was warned of.
    expiry_told: Option<Instant>,
    certificates: Loaded,
}

pub(super) async fn run(
    config: SessionConfig,
    unwanted: Vec<String>,
    shared: Arc<Shared>,
    events: mpsc::Sender<SessionEvent>,
) {
    let mut backoff = Backoff::new(config.backoff_seed, FIRST_WAIT, LONGEST_WAIT);
    let closing = shared.closing.subscribe();
    let certificates = Loaded::default();
    let mut task =
        Task { config, unwanted, shared, events, closing, warned: None, expiry_told: None, certificates };
    while let End::Lost(reason) = task.connect_once(&mut backoff).await {
        task.tell_lost(&reason);
        if !task.pause(reason, backoff.next_wait()).await {
            break;
        }
    }
    task.shared.state().connection = None;
    task.shared.ended.send_replace(true);
}

impl Task {
    /// One connection, from its making to its end.
    async fn connect_once(&mut self, backoff: &mut Backoff) -> End {
        let inflight = self.config.inflight.clamp(1, MAX_INFLIGHT);
        let capacity = usize::from(inflight) + SPARE_REQUESTS;
        // One more than the window, so that the client never holds back requests, acknowledgements among them.
        let mut options = self.options(inflight + 1);
        let mut certificates = None;
        if let Some(tls) = &self.config.broker.tls {
            let marks = tls.marks();
            let found = tls.load();
            if let Err(error) = &found
                && self.certificates.is_news(error)
            {
                warn!(broker = %self.config.broker, %error, "certificates cannot be used; the last that could stay in use");
            }
            match self.certificates.take(found) {
                Ok(config) => {
                    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)))
                }
                Err(error) => return End::Lost(error.to_string()),
            };
            certificates = Some(Certificates { tls: tls.clone(), marks, look_at: Instant::now() });
        }
        let (client, mut event_loop) = AsyncClient::new(options, capacity);
        // Small packets both ways, each awaited by the other side: gathering them only delays.
        event_loop.network_options.set_tcp_nodelay(true);
        {
            let mut state = self.shared.state();
            state.epoch = EPOCHS.fetch_add(1, Ordering::Relaxed);
            state.connection = Some(Connection {
                client: client.clone(),
                window: Window::new(inflight),
                receipts: Receipts::default(),
                open: false,
            });
        }
        let mut serving = Serving {
            task: self,
            client,
            certificates,
            connected: false,
            subscribing: None,
            opened: None,
            farewell: None,
        };
        let end = serving.serve(event_loop).await;
        if serving.opened.is_some_and(|at| at.elapsed() >= STEADY) {
            backoff.succeeded();
        }
        self.shared.state().connection = None;
        end
    }

    fn options(&self, inflight: u16) -> MqttOptions {
        let SessionConfig { broker, client_id, keep_alive, will, .. } = &self.config;
        let mut options = MqttOptions::new(client_id, &broker.host, broker.port);
        options
            .set_keep_alive(Duration::from_secs(keep_alive.as_secs().clamp(1, 65_535)))
            .set_clean_session(self.config.clean_session || client_id.is_empty())
            .set_max_packet_size(PROTOCOL_MAX_BYTES, PROTOCOL_MAX_BYTES)
            .set_manual_acks(true)
            .set_inflight(inflight);
        if let Some(username) = &broker.username {
            let password = broker.password.as_ref().map_or("", |password| password.reveal());
            options.set_credentials(username, password);
        }
        if let Some(will) = will {
            let payload = will.payload.clone();
            options.set_last_will(LastWill::new(&will.topic, payload, will.qos.of_client(), will.retain));
        }
        options
    }

    /// Hands an event to the caller and waits for room if need be; `false` if nobody listens.
    async fn tell(&mut self, event: SessionEvent) -> bool {
        let closing_already = self.closing.borrow().is_some();
        if closing_already {
            // Who closes may no longer read. What is dropped here is either told by the closing itself, or
            // unacknowledged and so delivered again.
            let _ = self.events.try_send(event);
            return true;
        }
        tokio::select! {
            sent = self.events.send(event) => sent.is_ok(),
            _ = self.closing.wait_for(Option::is_some) => true,
        }
    }

    fn tell_lost(&mut self, reason: &str) {
        let (broker, client_id) = (&self.config.broker, &self.config.client_id);
        if self.warned.as_deref() == Some(reason) {
            debug!(%broker, client_id, reason, "not connected to the broker");
        } else {
            warn!(%broker, client_id, reason, "not connected to the broker");
            self.warned = Some(reason.to_owned());
        }
    }

    /// Tells of the loss, waits until the caller has taken it, and then for a while; `false` to end.
    async fn pause(&mut self, reason: String, wait: Duration) -> bool {
        if !self.tell(SessionEvent::Disconnected { reason }).await {
            return false;
        }
        let (events, closing) = (&self.events, &mut self.closing);
        let known_and_waited = async {
            sleep(wait).await;
            // All the room there is: every event, the last one too, has been received.
            events.reserve_many(events.max_capacity()).await.is_ok()
        };
        tokio::select! {
            go_on = known_and_waited => go_on,
            _ = closing.wait_for(Option::is_some) => false,
            () = events.closed() => false,
        }
    }
}

/// Subscriptions that the broker has not answered yet.
struct Subscribing {
    filters: Vec<(String, Qos)>,
    session_present: bool,
    deadline: Instant,
}

/// The files that this connection was made with.
struct Certificates {
    tls: Tls,
    marks: Vec<Option<(SystemTime, u64)>>,
    look_at: Instant,
}

/// A connection while it is served.
struct Serving<'a> {
    task: &'a mut Task,
    client: AsyncClient,
    certificates: Option<Certificates>,
    /// Whether the broker took us.
    connected: bool,
    subscribing: Option<Subscribing>,
    opened: Option<Instant>,
    /// By when the farewell must be out, once it is on its way.
    farewell: Option<Instant>,
}

impl Serving<'_> {
    async fn serve(&mut self, mut event_loop: EventLoop) -> End {
        if self.task.closing.borrow_and_update().is_some() {
            return End::Closed;
        }
        loop {
            let step = {
                let poll = event_loop.poll();
                tokio::pin!(poll);
                loop {
                    match self.wait(&mut poll).await {
                        Step::Closing => self.say_farewell_if_drained(),
                        Step::Certificates => {
                            if let Some(end) = self.look_at_certificates() {
                                break Step::End(end);
                            }
                        }
                        step => break step,
                    }
                }
            };
            let end = match step {
                Step::Event(event) => self.handle(*event).await,
                Step::End(end) => Some(end),
                Step::Closing | Step::Certificates => None,
            };
            if let Some(end) = end {
                return end;
            }
            if let Some(connection) = self.task.shared.state().connection.as_mut() {
                connection.send_due_acknowledgements();
            }
            self.say_farewell_if_drained();
        }
    }

    /// Waits for the client's next event, or for what ends the waiting for it.
    async fn wait(
        &mut self,
        poll: &mut (impl Future<Output = Result<Event, ConnectionError>> + Unpin),
    ) -> Step {
        let closing = *self.task.closing.borrow();
        let deadline = match (self.farewell, closing, &self.subscribing) {
            (Some(at), ..) => Some(at),
            (None, Some(at), _) => Some(at),
            (None, None, Some(subscribing)) => Some(subscribing.deadline),
            (None, None, None) => None,
        };
        let certificates_at = self.certificates.as_ref().map(|certificates| certificates.look_at);
        // Without a connection there is nothing to drain.
        if closing.is_some() && !self.connected {
            return Step::End(End::Closed);
        }
        tokio::select! {
            polled = poll => match polled {
                Ok(event) => Step::Event(Box::new(event)),
                // The broker ends the connection once it has read the farewell, and all that came before it.
                // Not to wait for that would let our next connection overtake the last acknowledgements.
                Err(_) if self.farewell.is_some() => Step::End(End::Closed),
                Err(error) => Step::End(End::Lost(reason_of(&error))),
            },
            // An error would mean that the sender is gone, which we hold ourselves.
            Ok(()) = self.task.closing.changed() => Step::Closing,
            () = self.task.events.closed(), if closing.is_none() => Step::End(End::Closed),
            () = sleep_until(certificates_at.unwrap_or_else(Instant::now)), if certificates_at.is_some() => {
                Step::Certificates
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                if self.farewell.is_some() {
                    Step::End(End::Closed)
                } else if closing.is_some() {
                    self.say_farewell();
                    Step::Closing
                } else {
                    let limit = SUBSCRIBE_LIMIT.as_secs();
                    Step::End(End::Lost(format!("the broker did not answer a subscription within {limit} s")))
                }
            }
        }
    }

    /// Warns of certificates that end soon. New ones that can be used end this connection, so that the next is
    /// made with them while the old ones are still good; what is on its way is published again.
    fn look_at_certificates(&mut self) -> Option<End> {
        let broker = &self.task.config.broker;
        let Some(Certificates { tls, marks, look_at }) = &mut self.certificates else { return None };
        *look_at = Instant::now() + CERTIFICATES_EVERY;
        if self.task.expiry_told.is_none_or(|told| told.elapsed() >= EXPIRY_EVERY)
            && let Ok(Some(expiry)) = tls.expiry()
            && let Some(warning) = expiry.warning(SystemTime::now())
        {
            warn!(%broker, "{warning}");
            self.task.expiry_told = Some(Instant::now());
        }
        let found = tls.marks();
        if found == *marks {
            return None;
        }
        *marks = found;
        match tls.load() {
            Ok(config) => {
                self.task.certificates.keep(config);
                self.task.expiry_told = None;
                Some(End::Lost("its certificates were replaced: connecting with the new ones".into()))
            }
            Err(error) => {
                // Half of a pair may be written, and the other half comes next time.
                if self.task.certificates.is_news(&error) {
                    warn!(%broker, %error, "certificates were changed and cannot be used; the old ones stay in use");
                }
                None
            }
        }
    }

    /// Deals with one event; gives the connection's end if this is it.
    async fn handle(&mut self, event: Event) -> Option<End> {
        let told = match event {
            Event::Incoming(Packet::ConnAck(answer)) => self.connected(answer.session_present).await,
            Event::Incoming(Packet::SubAck(answer)) => self.subscribed(&answer).await,
            Event::Incoming(Packet::Publish(message)) => {
                let told = self.arrived(message).await;
                // What the broker kept for us comes before its answer, and our caller takes its time over it.
                if let Some(subscribing) = &mut self.subscribing {
                    subscribing.deadline = Instant::now() + SUBSCRIBE_LIMIT;
                }
                told
            }
            Event::Incoming(Packet::PubAck(answer)) => {
                let id = self.with_connection(|connection| connection.window.answered(answer.pkid)).flatten();
                match id {
                    Some(id) => self.task.tell(SessionEvent::Published(id)).await,
                    None => true,
                }
            }
            Event::Outgoing(Outgoing::Publish(packet)) => {
                self.with_connection(|connection| connection.window.written(packet));
                true
            }
            Event::Incoming(_) | Event::Outgoing(_) => true,
        };
        (!told).then_some(End::Closed)
    }

    fn with_connection<T>(&self, act: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        self.task.shared.state().connection.as_mut().map(act)
    }

    /// The broker took us. A session that it does not remember has no subscriptions; one that it does may
    /// have others than ours. So they are always made.
    async fn connected(&mut self, session_present: bool) -> bool {
        self.connected = true;
        let mut valid = Vec::new();
        for (filter, qos) in self.task.config.subscriptions.clone() {
            if is_filter(&filter) {
                valid.push((filter, qos));
            } else if !self.refused(filter).await {
                return false;
            }
        }
        if session_present {
            // The queue is empty and has room for all of them.
            let _ = self.task.unwanted.iter().try_for_each(|filter| self.client.try_unsubscribe(filter));
        }
        if valid.is_empty() {
            return self.open(session_present).await;
        }
        let filters = valid.iter().map(|(path, qos)| SubscribeFilter::new(path.clone(), qos.of_client()));
        // The queue is empty and the filters are valid: this cannot fail.
        let _ = self.client.try_subscribe_many(filters);
        let deadline = Instant::now() + SUBSCRIBE_LIMIT;
        self.subscribing = Some(Subscribing { filters: valid, session_present, deadline });
        true
    }

    async fn subscribed(&mut self, answer: &SubAck) -> bool {
        let Some(Subscribing { filters, session_present, .. }) = self.subscribing.take() else { return true };
        for (at, (filter, qos)) in filters.into_iter().enumerate() {
            match answer.return_codes.get(at) {
                Some(SubscribeReasonCode::Success(QoS::AtMostOnce)) if qos == Qos::AtLeastOnce => {
                    warn!(filter, "the broker grants delivery at most once; messages may be lost");
                }
                Some(SubscribeReasonCode::Success(_)) => {}
                Some(SubscribeReasonCode::Failure) | None => {
                    if !self.refused(filter).await {
                        return false;
                    }
                }
            }
        }
        self.open(session_present).await
    }

    async fn refused(&mut self, filter: String) -> bool {
        warn!(broker = %self.task.config.broker, filter, "the broker refused a subscription");
        self.task.tell(SessionEvent::SubscriptionRefused { filter }).await
    }

    /// Everything is in place: publishes are taken from now on.
    async fn open(&mut self, session_present: bool) -> bool {
        let (broker, client_id) = (&self.task.config.broker, &self.task.config.client_id);
        info!(%broker, client_id, session_present, "connected to the broker");
        self.task.warned = None;
        self.opened = Some(Instant::now());
        // Before it is told, so that who is told can publish.
        self.with_connection(|connection| connection.open = true);
        self.task.tell(SessionEvent::Connected { session_present }).await
    }

    async fn arrived(&mut self, message: rumqttc::Publish) -> bool {
        let bytes = message.payload.len();
        let oversize = packet_bytes(&message.topic, bytes) > self.task.shared.max_packet_bytes;
        let receipt = {
            let mut state = self.task.shared.state();
            let epoch = state.epoch;
            let receipts = state.connection.as_mut().map(|connection| &mut connection.receipts);
            // The broker never uses more than the QoS 1 we asked for.
            let number = receipts.filter(|_| message.qos != QoS::AtMostOnce).map(|receipts| {
                let number = receipts.arrived(message.pkid);
                if oversize {
                    receipts.acknowledge(number);
                }
                number
            });
            Receipt { epoch, number }
        };
        if oversize {
            warn!(topic = message.topic, bytes, "a message beyond the limit was passed over");
            return self.task.tell(SessionEvent::Oversize { topic: message.topic, bytes }).await;
        }
        let delivery = Delivery {
            topic: message.topic,
            payload: message.payload.into(),
            retain: message.retain,
            qos: if receipt.number.is_some() { Qos::AtLeastOnce } else { Qos::AtMostOnce },
            receipt,
        };
        self.task.tell(SessionEvent::Message(delivery)).await
    }

    /// While closing: says farewell once nothing is on its way any more.
    fn say_farewell_if_drained(&mut self) {
        if self.task.closing.borrow().is_none() || self.farewell.is_some() {
            return;
        }
        let drained = self.with_connection(|connection| connection.window.is_empty());
        if drained.unwrap_or(true) {
            self.say_farewell();
        }
    }

    /// Behind everything that the client was given, acknowledgements too.
    fn say_farewell(&mut self) {
        let _ = self.client.try_disconnect();
        self.farewell = Some(Instant::now() + FAREWELL);
    }
}

/// The whole chain of causes, on one line.
fn reason_of(error: &ConnectionError) -> String {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !reason.contains(&text) {
            reason = format!("{reason}: {text}");
        }
        cause = inner.source();
    }
    if let Some(mend) = tls::mend(&reason) {
        reason = format!("{reason}; {mend}");
    }
    reason
}
