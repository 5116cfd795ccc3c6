//! The session against a real mosquitto, which is killed, frozen and restarted.

mod access_list;
mod authority;
mod backlog;
mod broker;
mod nats;
mod tls;

use broker::{Mosquitto, free_port};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::Receiver;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use wattledger_link::session::{
    Delivery, Publish, PublishError, PublishId, Qos, Session, SessionConfig, SessionEvent, Will,
};

const LONG: Duration = Duration::from_secs(20);

fn config(port: u16, client_id: &str, filters: &[&str]) -> SessionConfig {
    SessionConfig {
        broker: format!("mqtt://127.0.0.1:{port}").parse().expect("a broker"),
        client_id: client_id.into(),
        clean_session: false,
        keep_alive: Duration::from_secs(5),
        subscriptions: filters.iter().map(|filter| ((*filter).to_owned(), Qos::AtLeastOnce)).collect(),
        will: None,
        inflight: 20,
        max_packet_bytes: 1 << 20,
        events_limit: 256,
        backoff_seed: 1,
    }
}

fn message(topic: &str, payload: impl Into<Vec<u8>>) -> Publish {
    Publish { topic: topic.into(), payload: payload.into(), qos: Qos::AtLeastOnce, retain: false }
}

/// A session, and what of its events has been taken.
struct Peer {
    session: Session,
    events: Receiver<SessionEvent>,
}

impl Peer {
    fn start(config: SessionConfig) -> Peer {
        let (session, events) = Session::start(config);
        Peer { session, events }
    }

    async fn connected(config: SessionConfig) -> Peer {
        let mut peer = Peer::start(config);
        peer.wait_connected().await;
        peer
    }

    async fn event(&mut self) -> SessionEvent {
        timeout(LONG, self.events.recv()).await.expect("an event in time").expect("the session lives")
    }

    /// Passes over everything until connected; whether the session was present.
    async fn wait_connected(&mut self) -> bool {
        loop {
            if let SessionEvent::Connected { session_present } = self.event().await {
                return session_present;
            }
        }
    }

    async fn delivery(&mut self) -> Delivery {
        loop {
            match self.event().await {
                SessionEvent::Message(delivery) => return delivery,
                SessionEvent::Published(_) | SessionEvent::Connected { .. } => {}
                other => panic!("expected a message, not {other:?}"),
            }
        }
    }

    async fn published(&mut self) -> PublishId {
        loop {
            if let SessionEvent::Published(id) = self.event().await {
                return id;
            }
        }
    }

    async fn disconnected(&mut self) -> String {
        loop {
            if let SessionEvent::Disconnected { reason } = self.event().await {
                return reason;
            }
        }
    }

    /// Publishes, waiting for room.
    async fn publish(&mut self, message: Publish) -> PublishId {
        loop {
            match self.session.try_publish(message.clone()) {
                Ok(id) => return id,
                Err(PublishError::Full) => drop(self.published().await),
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn close(self) {
        timeout(LONG, self.session.close(Duration::from_secs(5))).await.expect("closed in time");
    }
}

fn text(delivery: &Delivery) -> String {
    String::from_utf8(delivery.payload.clone()).expect("text")
}

#[tokio::test]
async fn what_is_published_arrives_and_is_confirmed() {
    let Some(broker) = Mosquitto::open() else { return };
    let mut reader = Peer::connected(config(broker.port, "reader", &["a/+"])).await;
    let mut writer = Peer::connected(config(broker.port, "writer", &[])).await;

    // Beyond the client's own limit of 10 KiB.
    let large = vec![b'x'; 20_000];
    let id = writer.publish(message("a/large", large.clone())).await;
    assert_eq!(writer.published().await, id);
    let delivery = reader.delivery().await;
    assert_eq!(
        (delivery.topic.as_str(), delivery.qos, delivery.retain),
        ("a/large", Qos::AtLeastOnce, false)
    );
    assert_eq!(delivery.payload, large);

    let once = Publish { qos: Qos::AtMostOnce, ..message("a/once", "hello") };
    writer.session.try_publish(once).expect("taken");
    let delivery = reader.delivery().await;
    assert_eq!((text(&delivery).as_str(), delivery.qos), ("hello", Qos::AtMostOnce));

    writer.publish(Publish { retain: true, ..message("a/kept", "old") }).await;
    writer.published().await;
    let mut late = Peer::connected(config(broker.port, "late", &["a/kept"])).await;
    assert!(late.delivery().await.retain);
}

#[tokio::test]
async fn a_will_is_published_for_one_who_vanishes_and_not_for_one_who_closes() {
    let Some(broker) = Mosquitto::open() else { return };
    let mut reader = Peer::connected(config(broker.port, "reader", &["will/+"])).await;
    let with_will = |name: &str| {
        let topic = format!("will/{name}");
        let will = Will { topic, payload: b"gone".to_vec(), qos: Qos::AtLeastOnce, retain: false };
        SessionConfig { will: Some(will), ..config(broker.port, name, &[]) }
    };
    Peer::connected(with_will("closes")).await.close().await;
    drop(Peer::connected(with_will("vanishes")).await);
    assert_eq!(reader.delivery().await.topic, "will/vanishes");
}

#[tokio::test]
async fn a_persistent_session_gets_what_came_while_it_was_away() {
    let Some(broker) = Mosquitto::open() else { return };
    let mut reader = Peer::start(config(broker.port, "reader", &["a/#"]));
    assert!(!reader.wait_connected().await, "nobody knows it yet");
    reader.close().await;

    let mut writer = Peer::connected(config(broker.port, "writer", &[])).await;
    for number in 0..50 {
        writer.publish(message("a/b", number.to_string())).await;
    }
    writer.close().await;

    let mut reader = Peer::start(config(broker.port, "reader", &["a/#"]));
    let (mut got, mut connected) = (Vec::new(), None);
    while got.len() < 50 || connected.is_none() {
        match reader.event().await {
            SessionEvent::Connected { session_present } => connected = Some(session_present),
            SessionEvent::Message(delivery) => {
                got.push(text(&delivery));
                reader.session.acknowledge(&delivery);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(got, (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(connected, Some(true));
}

#[tokio::test]
async fn a_persistent_session_can_be_taken_up_without_what_it_had() {
    let Some(broker) = Mosquitto::open() else { return };
    let before = Peer::connected(config(broker.port, "reader", &["a/#", "b", "c"])).await;
    before.close().await;
    let unwanted = ["a/#", "c", "never/had"].map(str::to_owned).to_vec();
    let (session, events) = Session::start_without(config(broker.port, "reader", &["b", "c"]), unwanted);
    let mut reader = Peer { session, events };
    assert!(reader.wait_connected().await, "the broker knows it");
    let mut writer = Peer::connected(config(broker.port, "writer", &[])).await;
    for topic in ["a/1", "b", "a/2", "c"] {
        writer.publish(message(topic, "x")).await;
    }
    assert_eq!([reader.delivery().await.topic, reader.delivery().await.topic], ["b", "c"]);
    writer.close().await;
    reader.close().await;
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again() {
    let Some(broker) = Mosquitto::open() else { return };
    let reader_config = || config(broker.port, "reader", &["a"]);
    let mut reader = Peer::connected(reader_config()).await;
    let mut writer = Peer::connected(config(broker.port, "writer", &[])).await;
    for number in 0..10 {
        writer.publish(message("a", number.to_string())).await;
    }
    let mut first = Vec::new();
    for _ in 0..10 {
        first.push(reader.delivery().await);
    }
    // All but the first: none may go out, because acknowledgements keep the order.
    for delivery in &first[1..] {
        reader.session.acknowledge(delivery);
    }
    reader.close().await;

    let mut reader = Peer::start(reader_config());
    let mut again = Vec::new();
    for _ in 0..10 {
        again.push(reader.delivery().await);
    }
    assert_eq!(again.iter().map(text).collect::<Vec<_>>(), first.iter().map(text).collect::<Vec<_>>());
    // Those of the connection that is gone count for nothing.
    for delivery in &first {
        reader.session.acknowledge(delivery);
    }
    // The last ones first, and the first one last: then all go out.
    for delivery in again[..7].iter().rev() {
        reader.session.acknowledge(delivery);
    }
    reader.close().await;

    let mut reader = Peer::start(reader_config());
    assert_eq!(text(&reader.delivery().await), "7", "the others are dealt with");
}

#[tokio::test]
async fn what_is_too_large_is_refused_here_and_passed_over_there() {
    let Some(broker) = Mosquitto::open() else { return };
    let small = |name, filters: &[&str]| SessionConfig {
        max_packet_bytes: 2_000,
        ..config(broker.port, name, filters)
    };
    let mut reader = Peer::connected(small("reader", &["a/#"])).await;
    let mut narrow = Peer::connected(small("narrow", &[])).await;
    let refused = narrow.session.try_publish(message("a/b", vec![0; 2_000]));
    assert_eq!(refused, Err(PublishError::TooLarge { bytes: 2_012, limit: 2_000 }));
    for topic in ["", "a/+", "#", "a\0b"] {
        let refused = narrow.session.try_publish(message(topic, "x"));
        assert_eq!(refused, Err(PublishError::Topic(topic.into())));
    }
    narrow.publish(message("a/b", "fits")).await;
    narrow.published().await;

    let mut wide = Peer::connected(config(broker.port, "wide", &[])).await;
    wide.publish(message("a/large", vec![0; 100_000])).await;
    wide.publish(message("a/after", "still here")).await;
    let before = reader.delivery().await;
    assert_eq!(text(&before), "fits");
    match reader.event().await {
        SessionEvent::Oversize { topic, bytes } => assert_eq!((topic.as_str(), bytes), ("a/large", 100_000)),
        other => panic!("{other:?}"),
    }
    let after = reader.delivery().await;
    assert_eq!(text(&after), "still here");
    reader.session.acknowledge(&before);
    reader.session.acknowledge(&after);
    reader.close().await;
    // It was acknowledged with the others, so that it does not come for ever.
    wide.publish(message("a/now", "news")).await;
    let mut reader = Peer::start(small("reader", &["a/#"]));
    assert_eq!(text(&reader.delivery().await), "news");
}

#[tokio::test]
async fn a_full_window_says_so_and_a_frozen_broker_is_noticed() {
    let Some(broker) = Mosquitto::open() else { return };
    let narrow = SessionConfig {
        inflight: 3,
        keep_alive: Duration::from_secs(1),
        ..config(broker.port, "writer", &[])
    };
    let mut writer = Peer::connected(narrow).await;
    broker.freeze(true);
    for number in 0..3 {
        writer.session.try_publish(message("a", number.to_string())).expect("there is room");
    }
    assert_eq!(writer.session.try_publish(message("a", "3")), Err(PublishError::Full));
    // No answer to a ping: the connection is given up, and with it what was on its way.
    writer.disconnected().await;
    assert_eq!(writer.session.try_publish(message("a", "3")), Err(PublishError::Disconnected));
    broker.freeze(false);
    writer.wait_connected().await;
    let id = writer.publish(message("a", "again")).await;
    assert_eq!(writer.published().await, id);
}

#[tokio::test]
async fn closing_waits_for_what_is_on_its_way() {
    let Some(broker) = Mosquitto::open() else { return };
    let mut reader = Peer::connected(config(broker.port, "reader", &["a"])).await;
    let wide = SessionConfig { inflight: 500, ..config(broker.port, "writer", &[]) };
    let writer = Peer::connected(wide).await;
    for number in 0..400 {
        writer.session.try_publish(message("a", number.to_string())).expect("there is room");
    }
    let session = writer.session.clone();
    writer.close().await;
    assert_eq!(session.try_publish(message("a", "late")), Err(PublishError::Disconnected));
    for number in 0..400 {
        let delivery = reader.delivery().await;
        assert_eq!(text(&delivery), number.to_string());
        reader.session.acknowledge(&delivery);
    }
}

#[tokio::test]
async fn closing_ends_in_time_without_a_broker_and_with_one_that_is_silent() {
    let nobody = Peer::start(config(free_port(), "nobody", &[]));
    nobody.close().await;
    let Some(broker) = Mosquitto::open() else { return };
    let writer = Peer::connected(config(broker.port, "writer", &[])).await;
    broker.freeze(true);
    writer.session.try_publish(message("a", "never answered")).expect("taken");
    let closing = writer.session.close(Duration::from_millis(100));
    timeout(Duration::from_secs(3), closing).await.expect("closed in time");
    broker.freeze(false);
}

#[tokio::test]
async fn a_caller_that_reads_slowly_loses_nothing() {
    let Some(broker) = Mosquitto::open() else { return };
    let narrow = SessionConfig { events_limit: 1, ..config(broker.port, "reader", &["a"]) };
    let mut reader = Peer::connected(narrow).await;
    let mut writer = Peer::connected(config(broker.port, "writer", &[])).await;
    for number in 0..500 {
        writer.publish(message("a", number.to_string())).await;
    }
    for number in 0..500 {
        let delivery = reader.delivery().await;
        assert_eq!(text(&delivery), number.to_string());
        reader.session.acknowledge(&delivery);
    }
}

#[tokio::test]
async fn a_refused_login_is_told_and_tried_again() {
    let Some(broker) = Mosquitto::start("allow_anonymous false") else { return };
    let mut peer = Peer::start(config(broker.port, "stranger", &[]));
    for _ in 0..3 {
        let reason = peer.disconnected().await;
        assert!(reason.contains("NotAuthorized"), "{reason}");
    }
}

/// Mosquitto answers every well-formed subscription with yes, so another broker is played here.
#[tokio::test]
async fn a_refused_subscription_is_told() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let broker = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("the session connects");
        let mut packet = [0; 512];
        assert!(socket.read(&mut packet).await.expect("CONNECT") > 0);
        socket.write_all(&[0x20, 2, 0, 0]).await.expect("CONNACK");
        assert!(socket.read(&mut packet).await.expect("SUBSCRIBE") > 0);
        socket.write_all(&[0x90, 4, packet[2], packet[3], 0x80, 1]).await.expect("SUBACK");
        let _ = socket.read(&mut packet).await;
    });
    let mut peer = Peer::start(config(port, "reader", &["a/#/b", "secret/#", "open/#"]));
    let mut refused = Vec::new();
    loop {
        match peer.event().await {
            SessionEvent::SubscriptionRefused { filter } => refused.push(filter),
            SessionEvent::Connected { session_present } => break assert!(!session_present),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, ["a/#/b", "secret/#"]);
    drop(peer);
    broker.await.expect("it was spoken to as expected");
}

/// The sender's side of the promise: what is not confirmed by the receiver itself is sent again.
struct Sender {
    peer: Peer,
    unconfirmed: BTreeMap<u32, Option<PublishId>>,
    greeted: bool,
}

impl Sender {
    fn pump(&mut self) {
        if !self.greeted {
            return;
        }
        for (number, sent) in self.unconfirmed.iter_mut().filter(|(_, sent)| sent.is_none()) {
            match self.peer.session.try_publish(message("data", number.to_string())) {
                Ok(id) => *sent = Some(id),
                Err(_) => break,
            }
        }
    }

    fn handle(&mut self, event: SessionEvent) {
        match event {
            // Nothing is sent before the receiver is known to be there: a broker without its session would
            // take the message, confirm it, and drop it.
            SessionEvent::Connected { .. } => {
                let _ = self.peer.session.try_publish(message("hello", ""));
            }
            SessionEvent::Disconnected { .. } => {
                self.greeted = false;
                self.unconfirmed.values_mut().for_each(|sent| *sent = None);
            }
            SessionEvent::Message(delivery) => {
                self.peer.session.acknowledge(&delivery);
                self.greeted = true;
                if let Ok(number) = text(&delivery).parse::<u32>() {
                    self.unconfirmed.remove(&number);
                }
            }
            _ => {}
        }
    }

    /// Takes part until nothing is left unconfirmed.
    async fn run(mut self) {
        while !self.unconfirmed.is_empty() {
            self.pump();
            match timeout(Duration::from_millis(400), self.peer.events.recv()).await {
                Ok(event) => self.handle(event.expect("the session lives")),
                Err(_) => {
                    // Silence: whatever is still unconfirmed is sent again, and the receiver greeted.
                    let _ = self.peer.session.try_publish(message("hello", ""));
                    self.unconfirmed.values_mut().for_each(|sent| *sent = None);
                }
            }
        }
        self.peer.close().await;
    }
}

/// Answers what comes, and counts it, until told to stop; how often the connection was lost.
async fn receive(
    mut peer: Peer,
    got: watch::Sender<BTreeSet<u32>>,
    mut stop: oneshot::Receiver<()>,
) -> usize {
    let mut disconnects = 0;
    loop {
        let event = tokio::select! {
            event = peer.events.recv() => event.expect("the session lives"),
            _ = &mut stop => return disconnects,
        };
        match event {
            SessionEvent::Message(delivery) => {
                if let Ok(number) = text(&delivery).parse() {
                    got.send_if_modified(|got| got.insert(number));
                }
                // An answer that is lost here is asked for again.
                let _ = peer.session.try_publish(message("answer", delivery.payload.clone()));
                peer.session.acknowledge(&delivery);
            }
            SessionEvent::Disconnected { .. } => disconnects += 1,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_again_and_again_costs_nothing() {
    const COUNT: u32 = 4_000;
    let Some(mut broker) = Mosquitto::open() else { return };
    let receiver = Peer::start(config(broker.port, "receiver", &["data", "hello"]));
    let (got, mut progress) = watch::channel(BTreeSet::new());
    let (stop, stopped) = oneshot::channel();
    let receiving = tokio::spawn(receive(receiver, got, stopped));
    let sender = Sender {
        peer: Peer::start(config(broker.port, "sender", &["answer"])),
        unconfirmed: (0..COUNT).map(|number| (number, None)).collect(),
        greeted: false,
    };
    let sending = tokio::spawn(sender.run());
    for kill_at in [300, 1_111, 2_500, 3_700] {
        timeout(LONG, progress.wait_for(|got| got.len() >= kill_at))
            .await
            .expect("in time")
            .expect("it runs");
        broker.kill();
        broker.restart();
    }
    timeout(LONG, sending).await.expect("all confirmed in time").expect("no panic");
    stop.send(()).expect("the receiver runs");
    assert!(receiving.await.expect("no panic") >= 4);
    assert_eq!(progress.borrow().len() as u32, COUNT);
}
