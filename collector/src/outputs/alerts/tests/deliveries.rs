//! From the outbox to the receiver: over real connections, with failures, restarts and a real broker.

use super::receiver::{Receiver, Reply};
use super::{RULE, START, after, hall, known_now, take_minutes};
use crate::outputs::alerts::deliver::Waits;
use crate::outputs::alerts::{Alerting, Channels};
use crate::outputs::hall::Hall;
use crate::outputs::mqtt::Publisher;
use crate::outputs::mqtt::tests::{Mosquitto, Subscriber, connected};
use crate::outputs::remembered;
use crate::outputs::snapshot::{AlertView, ChannelView, OutputState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wattledger_model::time::{Minute, Timestamp};

const QUICK: Waits = Waits {
    first: Duration::from_millis(5),
    cap: Duration::from_millis(20),
    answer: Duration::from_millis(400),
};

fn now() -> Timestamp {
    after(30)
}

/// Alerts that run in a task.
struct Running {
    wake: watch::Sender<u64>,
    active: watch::Receiver<Vec<AlertView>>,
    fares: Channels,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(hall: &Hall) -> Running {
        Running::start_with(hall, None)
    }

    fn start_with(hall: &Hall, publisher: Option<Arc<dyn Publisher>>) -> Running {
        let (wake, woken) = watch::channel(0);
        let (active, shown) = watch::channel(Vec::new());
        let (stop, stopped) = watch::channel(false);
        let fares = Channels::new(&hall.config.channels);
        let alerting = Alerting {
            rules: hall.config.alerts.clone(),
            channels: hall.config.channels.clone(),
            view: hall.view(),
            layout: hall.layout.clone(),
            wake: woken,
            snapshot: watch::channel(Arc::new(known_now())).1,
            now,
            publisher,
            active,
            fares: fares.clone(),
            stop: stopped,
        };
        let task = tokio::spawn(alerting.run_with(QUICK));
        Running { wake, active: shown, fares, stop, task }
    }

    fn wake(&self) {
        self.wake.send_modify(|change| *change += 1);
    }

    async fn until_active(&mut self, count: usize) {
        let waiting = self.active.wait_for(|active| active.len() == count);
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("within 30 s").expect("it runs");
    }

    /// Until a channel's counts say so: they follow what the receiver sees.
    async fn until_fared(&self, channel: &str, enough: impl Fn(&ChannelView) -> bool) {
        for _ in 0..3_000 {
            if self.fares.views().iter().any(|view| view.name == channel && enough(view)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("after 30 s the channels are {:?}", self.fares.views());
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        tokio::time::timeout(Duration::from_secs(30), self.task)
            .await
            .expect("it stops")
            .expect("without panic");
    }
}

fn webhook(name: &str, url: &str) -> String {
    format!("[[channel.webhook]]\nname = \"{name}\"\nurl = \"{url}\"\n")
}

/// A hall that was watched for a quiet minute already.
async fn watched(tables: &str) -> Hall {
    let mut hall = hall(tables);
    take_minutes(&mut hall, Minute(START.0 - 1), &[Some(1.2)]);
    super::watch(&hall, now()).round(now(), None).expect("judged");
    hall
}

fn excursion(hall: &mut Hall) {
    let story: Vec<_> = [1.4; 5].into_iter().chain([1.3; 4]).map(Some).collect();
    take_minutes(hall, START, &story);
}

fn waiting(hall: &Hall) -> i64 {
    let connection = remembered::open(&hall.layout).expect("the outputs' file");
    connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0)).expect("a count")
}

/// Until so many messages wait: the courier takes one out after its answer has come.
async fn until_waiting(hall: &Hall, count: i64) {
    for _ in 0..3_000 {
        if waiting(hall) == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} messages wait after 30 s, not {count}", waiting(hall));
}

#[tokio::test]
async fn a_receiver_that_fails_and_dawdles_gets_each_message_in_order_under_its_key() {
    let script =
        [Reply::Status(500), Reply::Silence, Reply::RetryAfter(0), Reply::Redirect, Reply::Status(404)];
    let mut receiver = Receiver::start(script).await;
    let mut hall = watched(&format!("{RULE}{}", webhook("ops", &receiver.url))).await;
    excursion(&mut hall);
    let running = Running::start(&hall);
    let first = receiver.next().await;
    assert_eq!(first.body["event"], "raised");
    assert_eq!(first.body["reason"], "PUE over 1 minute is above 1.35 for 3 minutes: 1.400");
    assert_eq!((first.authorization, first.key.as_str()), (None, first.body["key"].as_str().expect("a key")));
    for _ in 0..5 {
        let again = receiver.next().await;
        assert_eq!(
            (again.key, again.body),
            (first.key.clone(), first.body.clone()),
            "the same message again"
        );
    }
    let cleared = receiver.next().await;
    assert_eq!((&cleared.body["event"], &cleared.body["id"]), (&"cleared".into(), &first.body["id"]));
    assert_ne!(cleared.key, first.key);
    running.stop().await;
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn a_decision_made_before_a_crash_is_delivered_after_it() {
    let mut receiver = Receiver::start([]).await;
    let mut hall = watched(&format!("{RULE}{}", webhook("ops", &receiver.url))).await;
    excursion(&mut hall);
    {
        // Decided and committed; killed before any courier had a chance.
        assert_eq!(
            super::watch(&hall, now()).round(now(), None).expect("judged").turned,
            4,
            "raised, cleared and told"
        );
    }
    let running = Running::start(&hall);
    assert_eq!(receiver.next().await.body["event"], "raised");
    assert_eq!(receiver.next().await.body["event"], "cleared");
    until_waiting(&hall, 0).await;
    running.stop().await;
    // Another start decides and sends nothing anew.
    let running = Running::start(&hall);
    running.wake();
    running.stop().await;
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn stopped_in_the_middle_of_a_delivery_it_is_repeated_under_the_same_key() {
    let mut receiver = Receiver::start([Reply::Silence]).await;
    let mut hall = watched(&format!("{RULE}{}", webhook("ops", &receiver.url))).await;
    excursion(&mut hall);
    let running = Running::start(&hall);
    let first = receiver.next().await;
    running.stop().await;
    assert_eq!(waiting(&hall), 2);
    let running = Running::start(&hall);
    assert_eq!(receiver.next().await.key, first.key);
    assert_eq!(receiver.next().await.body["event"], "cleared");
    running.stop().await;
}

#[tokio::test]
async fn a_dead_channel_holds_up_no_other_and_a_refused_message_is_not_repeated() {
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let dead = format!("http://{}/hook", gone.local_addr().expect("an address"));
    drop(gone);
    let mut receiver = Receiver::start([Reply::Status(400)]).await;
    let rule = RULE.replace("[\"ops\"]", "[\"dead\", \"ops\", \"bus\"]");
    let bus = "[[channel.mqtt]]\nname = \"bus\"\n";
    let tables = format!("{rule}{}{}{bus}", webhook("dead", &dead), webhook("ops", &receiver.url));
    let mut hall = watched(&tables).await;
    excursion(&mut hall);
    let running = Running::start(&hall);
    assert_eq!(receiver.next().await.body["event"], "raised");
    assert_eq!(receiver.next().await.body["event"], "cleared", "400 is for good");
    // Those for the dead channel, and for the bus that has no session, stay.
    until_waiting(&hall, 4).await;
    running.until_fared("dead", |dead| dead.failed > 1).await;
    running.until_fared("ops", |ops| ops.delivered == 1).await;
    running.until_fared("bus", |bus| bus.failed > 0).await;
    let told = running.fares.views();
    let of = |name: &str| told.iter().find(|view| view.name == name).expect("declared");
    assert_eq!((of("ops").failed, of("ops").given_up, of("ops").state), (1, 1, OutputState::Ok));
    assert_eq!((of("dead").delivered, of("dead").given_up, of("dead").state), (0, 0, OutputState::Down));
    assert!(of("dead").last_error.is_some() && of("ops").last_error.is_none());
    assert_eq!((of("bus").kind.as_str(), of("dead").kind.as_str()), ("mqtt", "webhook"));
    running.stop().await;
}

#[tokio::test]
async fn the_token_is_sent_and_read_anew_for_each_delivery() {
    let mut receiver = Receiver::start([Reply::Status(401)]).await;
    let dir = tempfile::tempdir().expect("a directory");
    let token = dir.path().join("token");
    std::fs::write(&token, "old\n").expect("written");
    let channel = format!("{}token_file = \"{}\"\n", webhook("ops", &receiver.url), token.display());
    let mut hall = watched(&format!("{RULE}{channel}")).await;
    excursion(&mut hall);
    let running = Running::start(&hall);
    assert_eq!(receiver.next().await.authorization.as_deref(), Some("Bearer old"));
    std::fs::write(&token, "new\n").expect("written");
    while receiver.next().await.authorization.as_deref() != Some("Bearer new") {}
    running.stop().await;
}

#[tokio::test]
async fn what_is_raised_is_shown_while_it_is() {
    let mut receiver = Receiver::start([]).await;
    let mut hall = watched(&format!("{RULE}{}", webhook("ops", &receiver.url))).await;
    let mut running = Running::start(&hall);
    take_minutes(&mut hall, START, &[Some(1.4); 4]);
    running.wake();
    running.until_active(1).await;
    assert_eq!(receiver.next().await.body["event"], "raised");
    take_minutes(&mut hall, Minute(START.0 + 4), &[Some(1.2); 3]);
    running.wake();
    running.until_active(0).await;
    assert_eq!(receiver.next().await.body["event"], "cleared", "the courier hears of new messages");
    running.stop().await;
}

#[tokio::test]
async fn on_mqtt_an_alert_is_retained_with_what_it_is_now_and_outlasts_a_dead_broker() {
    let Some(mut broker) = Mosquitto::start() else { return };
    let rule = RULE.replace("[\"ops\"]", "[\"bus\"]");
    let mut hall = watched(&format!("{rule}[[channel.mqtt]]\nname = \"bus\"\n")).await;
    let publisher = connected(broker.port).await;
    let topic = "wattledger/v1/facility/hall-1/alerts/hall-1-pue";
    let mut reader = Subscriber::start(broker.port, topic).await;
    let mut running = Running::start_with(&hall, Some(publisher));
    take_minutes(&mut hall, START, &[Some(1.4); 4]);
    running.wake();
    let (_, raised) = reader.next().await;
    assert_eq!((&raised["state"], &raised["value"]), (&"raised".into(), &1.4.into()));
    until_waiting(&hall, 0).await;

    broker.kill();
    take_minutes(&mut hall, Minute(START.0 + 4), &[Some(1.2); 3]);
    running.wake();
    running.until_active(0).await;
    assert_eq!(waiting(&hall), 1, "decided while the broker is dead");
    broker.restart();
    until_waiting(&hall, 0).await;
    let (retained, cleared) = Subscriber::start(broker.port, topic).await.next().await;
    assert!(retained);
    assert_eq!((&cleared["state"], &cleared["id"]), (&"cleared".into(), &raised["id"]));
    running.stop().await;
}
