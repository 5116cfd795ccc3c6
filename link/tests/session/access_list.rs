//! `config/mosquitto.acl` against a real mosquitto: who may say what, and who hears it. Everything that is not
//! granted is tried.

use super::broker::Mosquitto;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use wattledger_link::session::{Publish, Qos, Session, SessionConfig, SessionEvent};

const LONG: Duration = Duration::from_secs(20);
const ACCESS_LIST: &str = include_str!("../../../config/mosquitto.acl");
/// Hears everything, as no user of the real list does.
const WITNESS: &str = "\nuser witness\ntopic readwrite #\n";

/// Topics of the example's own agent, of other agents and collectors, and of everything around.
const TOPICS: [&str; 20] = [
    "wattledger/v1/agent/hall/floor/readings",
    "wattledger/v1/agent/hall/floor/readings-json",
    "wattledger/v1/agent/hall/floor/status",
    "wattledger/v1/agent/hall/floor/ack/campus",
    "wattledger/v1/agent/hall/floor/ack/other",
    "wattledger/v1/agent/hall/roof/readings",
    "wattledger/v1/agent/hall/roof/status",
    "wattledger/v1/agent/hall/roof/ack/campus",
    "wattledger/v1/agent/yard/floor/readings",
    "wattledger/v1/agent/yard/floor/ack/campus",
    "wattledger/v1/agent/hall/by-hand/readings",
    "wattledger/v1/agent/hall/by-hand/readings-json",
    "wattledger/v1/collector/campus/status",
    "wattledger/v1/collector/other/status",
    "wattledger/v1/facility/campus/indicators/pue",
    "wattledger/v1/facility/campus/alerts/1",
    "sensors/1/chiller/SENSOR",
    "bms/ups/1/output_kw",
    "grid/utility-a/mean",
    "elsewhere/anything",
];

const USERS: [&str; 6] = ["campus", "hall-floor", "sensors", "hall-by-hand", "display", "nobody"];

/// What each user may publish, as the promise has it: an agent speaks for itself alone, and only the collector
/// acknowledges.
fn may_say(user: &str, topic: &str) -> bool {
    let is_field = ["sensors/", "bms/", "grid/"].iter().any(|begin| topic.starts_with(begin));
    match user {
        "campus" => {
            (topic.starts_with("wattledger/v1/agent/") && topic.ends_with("/ack/campus"))
                || topic == "wattledger/v1/collector/campus/status"
                || topic.starts_with("wattledger/v1/facility/")
        }
        "hall-floor" => [TOPICS[0], TOPICS[2]].contains(&topic),
        "sensors" => is_field,
        "hall-by-hand" => topic == "wattledger/v1/agent/hall/by-hand/readings-json",
        _ => false,
    }
}

/// What each user may hear.
fn may_hear(user: &str, topic: &str) -> bool {
    let is_field = ["sensors/", "bms/", "grid/"].iter().any(|begin| topic.starts_with(begin));
    match user {
        "campus" => {
            topic.starts_with("wattledger/v1/agent/")
                && ["/readings", "/readings-json", "/status"].iter().any(|end| topic.ends_with(end))
        }
        "hall-floor" => is_field || [TOPICS[3], "wattledger/v1/collector/campus/status"].contains(&topic),
        "display" => topic.starts_with("wattledger/v1/facility/"),
        _ => false,
    }
}

struct Peer {
    session: Session,
    events: Receiver<SessionEvent>,
    heard: BTreeSet<String>,
}

impl Peer {
    async fn connected(port: u16, user: &str, filters: &[&str]) -> Peer {
        let mut broker: wattledger_link::session::Broker =
            format!("mqtt://127.0.0.1:{port}").parse().expect("a broker");
        broker.username = Some(user.to_owned());
        let (session, events) = Session::start(SessionConfig {
            broker,
            client_id: format!("as-{user}"),
            clean_session: true,
            keep_alive: Duration::from_secs(5),
            subscriptions: filters.iter().map(|filter| ((*filter).to_owned(), Qos::AtLeastOnce)).collect(),
            will: None,
            inflight: 100,
            max_packet_bytes: 1 << 20,
            events_limit: 1_024,
            backoff_seed: 1,
        });
        let mut peer = Peer { session, events, heard: BTreeSet::new() };
        while !matches!(peer.event().await, SessionEvent::Connected { .. }) {}
        peer
    }

    async fn event(&mut self) -> SessionEvent {
        timeout(LONG, self.events.recv()).await.expect("an event in time").expect("the session lives")
    }

    /// Publishes to every topic, and waits until the broker has seen to all of it.
    async fn say_everything(&mut self) {
        let mut open = BTreeSet::new();
        for topic in TOPICS {
            let payload = topic.as_bytes().to_vec();
            let message = Publish { topic: topic.to_owned(), payload, qos: Qos::AtLeastOnce, retain: false };
            open.insert(self.session.try_publish(message).expect("room"));
        }
        while !open.is_empty() {
            self.hear(|event| {
                if let SessionEvent::Published(id) = event {
                    open.remove(id);
                }
            })
            .await;
        }
    }

    async fn hear(&mut self, mut other: impl FnMut(&SessionEvent)) {
        match self.event().await {
            SessionEvent::Message(delivery) => {
                self.session.acknowledge(&delivery);
                self.heard.insert(delivery.topic.clone());
            }
            event => other(&event),
        }
    }

    async fn close(self) {
        timeout(LONG, self.session.close(Duration::from_secs(5))).await.expect("closed in time");
    }
}

/// A broker with the access list of the example, and a witness.
fn broker() -> Option<(Mosquitto, tempfile::NamedTempFile)> {
    let list = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(list.path(), format!("{ACCESS_LIST}{WITNESS}")).expect("written");
    // Who somebody is, is settled by passwords; here it is about what they may do.
    let more = format!("allow_anonymous true\nuser root\nacl_file {}", list.path().display());
    Mosquitto::start(&more).map(|mosquitto| (mosquitto, list))
}

fn allowed(user: &str, may: fn(&str, &str) -> bool) -> BTreeSet<String> {
    TOPICS.iter().filter(|topic| may(user, topic)).map(|topic| (*topic).to_owned()).collect()
}

#[tokio::test]
async fn an_agent_speaks_for_itself_alone_and_only_the_collector_acknowledges() {
    let Some((mosquitto, _list)) = broker() else { return };
    for user in USERS {
        let mut witness = Peer::connected(mosquitto.port, "witness", &["#"]).await;
        let mut speaker = Peer::connected(mosquitto.port, user, &[]).await;
        speaker.say_everything().await;
        // What the broker let through is on its way to the witness before what it says itself.
        let mark = "mark".to_owned();
        let message =
            Publish { topic: mark.clone(), payload: Vec::new(), qos: Qos::AtLeastOnce, retain: false };
        witness.session.try_publish(message).expect("room");
        while !witness.heard.contains(&mark) {
            witness.hear(|_| {}).await;
        }
        witness.heard.remove(&mark);
        assert_eq!(witness.heard, allowed(user, may_say), "{user}");
        speaker.close().await;
        witness.close().await;
    }
}

#[tokio::test]
async fn nobody_hears_what_is_not_for_them() {
    let Some((mosquitto, _list)) = broker() else { return };
    for user in USERS {
        let mut filters = TOPICS.to_vec();
        filters.extend(["#", "wattledger/v1/agent/+/+/ack/+"]);
        let mut listener = Peer::connected(mosquitto.port, user, &filters).await;
        let mut witness = Peer::connected(mosquitto.port, "witness", &[]).await;
        witness.say_everything().await;
        // The broker answers in order: what it had for the listener comes before this is done.
        listener.say_everything().await;
        listener.say_everything().await;
        let own = allowed(user, may_say);
        let heard: BTreeSet<String> = listener.heard.iter().cloned().collect();
        assert_eq!(heard, allowed(user, may_hear), "{user}, who may say {own:?}");
        listener.close().await;
        witness.close().await;
    }
}

/// What the tests expect is what stands in the list: no user is granted more than is tried here.
#[test]
fn every_user_of_the_list_is_tried() {
    let users = ACCESS_LIST.lines().filter_map(|line| line.strip_prefix("user "));
    assert!(users.clone().all(|user| USERS.contains(&user)), "{:?}", users.collect::<Vec<_>>());
}
