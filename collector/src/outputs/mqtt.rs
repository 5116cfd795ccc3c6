//! Figures for whoever prefers MQTT to a database: `wattledger/v1/facility/{facility}/indicators/{name}`, retained.
//!
//! Each message holds the live figures of one indicator over all windows. They are repeated as the horizon moves;
//! what is missed is not made up for, because the next message says it anew.

use crate::indicators::notation::notation;
use crate::indicators::{Indicator, Status};
use crate::store::StoreError;
use crate::view::View;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use wattledger_link::session::{Publish, PublishError, PublishId, Qos, Session};
use wattledger_model::calendar::{self, Window};
use wattledger_model::name::Name;
use wattledger_model::time::Minute;
use wattledger_model::topic::Topic;

/// Between two publications at least: figures of one minute may change several times while data comes in.
const PAUSE: Duration = Duration::from_secs(5);

/// Comes true once the broker has taken the message; fails if the connection was lost before.
pub type Confirmation = oneshot::Receiver<()>;

/// Somewhere to publish to.
pub trait Publisher: Send + Sync {
    /// Sends a message.
    ///
    /// # Errors
    /// Why it cannot be sent now; the caller tries again or lets it be.
    fn publish(&self, message: Publish) -> Result<Confirmation, PublishError>;
}

/// A [`Publisher`] over the link's session. Whoever reads the session's events tells it what it hears.
pub struct SessionPublisher {
    session: Session,
    awaited: Mutex<HashMap<PublishId, oneshot::Sender<()>>>,
}

impl SessionPublisher {
    /// Publishes over a session.
    pub fn new(session: Session) -> SessionPublisher {
        SessionPublisher { session, awaited: Mutex::default() }
    }

    /// The broker has taken a publish; one that is not from here is ignored.
    pub fn published(&self, id: PublishId) {
        if let Some(sender) = self.awaited().remove(&id) {
            // Nobody may be waiting any more.
            let _ = sender.send(());
        }
    }

    /// The connection is lost: what was not answered has to be published again.
    pub fn disconnected(&self) {
        self.awaited().clear();
    }

    fn awaited(&self) -> std::sync::MutexGuard<'_, HashMap<PublishId, oneshot::Sender<()>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher for SessionPublisher {
    fn publish(&self, message: Publish) -> Result<Confirmation, PublishError> {
        let (sender, confirmation) = oneshot::channel();
        let qos = message.qos;
        // Held over both, so that the answer cannot come before it is awaited.
        let mut awaited = self.awaited();
        awaited.retain(|_, sender| !sender.is_closed());
        let id = self.session.try_publish(message)?;
        match qos {
            Qos::AtLeastOnce => drop(awaited.insert(id, sender)),
            Qos::AtMostOnce => drop(sender.send(())),
        }
        Ok(confirmation)
    }
}

/// Publishes live figures until it is stopped.
pub async fn run(
    view: View,
    wake: watch::Receiver<u64>,
    publisher: Arc<dyn Publisher>,
    stop: watch::Receiver<bool>,
) {
    let mut stopped = stop;
    tokio::select! {
        () = publish_all(view, wake, publisher) => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

async fn publish_all(mut view: View, mut wake: watch::Receiver<u64>, publisher: Arc<dyn Publisher>) {
    let mut sent: HashMap<usize, (Minute, u64)> = HashMap::new();
    loop {
        wake.borrow_and_update();
        let known = sent.clone();
        let made = spawn_blocking(move || {
            let made = messages(&mut view, &known);
            (view, made)
        });
        let Ok((back, made)) = made.await else {
            tracing::error!("making live figures failed; none are published until the next start");
            return;
        };
        view = back;
        let mut is_complete = true;
        match made {
            Ok(facilities) => {
                for of_facility in facilities {
                    if of_facility.messages.into_iter().all(|message| publisher.publish(message).is_ok()) {
                        sent.insert(of_facility.facility, of_facility.state);
                    } else {
                        is_complete = false;
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "live figures cannot be made; trying again");
                is_complete = false;
            }
        }
        sleep(PAUSE).await;
        if is_complete && wake.changed().await.is_err() {
            return;
        }
    }
}

struct OfFacility {
    facility: usize,
    state: (Minute, u64),
    messages: Vec<Publish>,
}

/// The messages of facilities whose horizon or ledger is not what it was when they were sent last.
fn messages(view: &mut View, sent: &HashMap<usize, (Minute, u64)>) -> Result<Vec<OfFacility>, StoreError> {
    let change = view.begin()?;
    let made = (0..view.topology().facilities.len())
        .filter_map(|facility| {
            let state = (view.horizon(facility)?, change);
            (sent.get(&facility) != Some(&state)).then_some((facility, state))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(facility, state)| {
            let messages = of_facility(view, facility, state.0)?;
            Ok(OfFacility { facility, state, messages })
        })
        .collect();
    view.end()?;
    made
}

fn of_facility(view: &mut View, at: usize, horizon: Minute) -> Result<Vec<Publish>, StoreError> {
    let topology = view.topology().clone();
    let facility = &topology.facilities[at];
    let mut messages = Vec::new();
    for indicator in Indicator::ALL {
        let mut windows = Vec::new();
        for window in Window::ALL {
            let interval = calendar::interval(*window, facility.zone, horizon);
            let Some(figure) = view.figure(at, *indicator, interval)? else { continue };
            let known = figure.status != Status::NoData;
            let is_ratio = indicator.is_ratio();
            windows.push(json!({
                "window": window.word(),
                "from": interval.from.to_string(),
                "to": interval.to.to_string(),
                "notation": notation(*indicator, facility.category, interval, facility.zone),
                "value": figure.value,
                "status": status(figure.status),
                "numerator": known.then_some(figure.numerator),
                "denominator": (known && is_ratio).then_some(figure.denominator),
                "coverage": figure.coverage,
                "interpolated": figure.interpolated,
                "estimated": figure.estimated,
            }));
        }
        if windows.is_empty() {
            continue;
        }
        let name: Name = indicator.word().parse().expect("an indicator's word is a name");
        let topic = Topic::Indicator { facility: facility.name.clone(), indicator: name };
        let payload: Value = json!({
            "version": 1,
            "facility": facility.name.as_str(),
            "indicator": indicator.word(),
            "unit": indicator.unit(),
            "category": facility.category,
            "as_of": horizon.to_string(),
            "windows": windows,
        });
        let payload = payload.to_string().into_bytes();
        messages.push(Publish { topic: topic.to_string(), payload, qos: Qos::AtMostOnce, retain: true });
    }
    Ok(messages)
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Provisional => "provisional",
        Status::Undefined => "undefined",
        Status::Implausible => "implausible",
        Status::NoData => "no-data",
    }
}

#[cfg(test)]
pub(in crate::outputs) mod tests {
    use super::*;
    use crate::outputs::hall::{Hall, at};
    use std::io::{BufRead, BufReader};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use tokio::sync::mpsc;
    use wattledger_link::session::{Broker, Delivery, SessionConfig, SessionEvent};
    use wattledger_model::time::Timestamp;

    /// A broker of our own on a free loopback port.
    pub(in crate::outputs) struct Mosquitto {
        pub(in crate::outputs) port: u16,
        program: &'static str,
        child: Child,
        dir: tempfile::TempDir,
    }

    impl Mosquitto {
        /// Starts it; `None`, said loudly, where it is not installed.
        pub(in crate::outputs) fn start() -> Option<Mosquitto> {
            let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];
            let Some(program) = places.into_iter().find(|place| Path::new(place).exists()) else {
                let text = "SKIPPED: mosquitto is not installed (Debian: apt-get install mosquitto)";
                assert!(std::env::var("CI").is_err(), "{text}; CI skips nothing");
                eprintln!("\n*** {text} ***\n");
                return None;
            };
            let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
            let port = free.local_addr().expect("an address").port();
            drop(free);
            let dir = tempfile::tempdir().expect("a directory");
            let config = format!("listener {port} 127.0.0.1\npersistence false\nallow_anonymous true\n");
            std::fs::write(dir.path().join("mosquitto.conf"), config).expect("the configuration");
            Some(Mosquitto { port, program, child: begin(program, dir.path()), dir })
        }

        pub(in crate::outputs) fn kill(&mut self) {
            self.child.kill().expect("killed");
            self.child.wait().expect("ended");
        }

        pub(in crate::outputs) fn restart(&mut self) {
            self.child = begin(self.program, self.dir.path());
        }
    }

    impl Drop for Mosquitto {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    /// Starts it and waits until it says that it runs.
    fn begin(program: &str, dir: &Path) -> Child {
        let mut command = Command::new(program);
        let mut child = command
            .arg("-c")
            .arg(dir.join("mosquitto.conf"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let said = lines.by_ref().map_while(Result::ok).find(|line| line.ends_with(" running"));
        assert!(said.is_some(), "mosquitto ended at its start");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        child
    }

    async fn session(port: u16, name: &str, filter: Option<&str>) -> (Session, mpsc::Receiver<SessionEvent>) {
        let broker: Broker = format!("mqtt://127.0.0.1:{port}").parse().expect("an address");
        let (session, mut events) = Session::start(SessionConfig {
            broker,
            client_id: name.to_owned(),
            clean_session: true,
            keep_alive: Duration::from_secs(30),
            subscriptions: filter.map(|filter| (filter.to_owned(), Qos::AtLeastOnce)).into_iter().collect(),
            will: None,
            inflight: 20,
            max_packet_bytes: 1 << 20,
            events_limit: 64,
            backoff_seed: 1,
        });
        while !matches!(events.recv().await.expect("it runs"), SessionEvent::Connected { .. }) {}
        (session, events)
    }

    /// A publisher with someone who tells it what its session hears.
    pub(in crate::outputs) async fn connected(port: u16) -> Arc<SessionPublisher> {
        let (session, mut events) = session(port, "outputs", None).await;
        let publisher = Arc::new(SessionPublisher::new(session));
        let told = publisher.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    SessionEvent::Published(id) => told.published(id),
                    SessionEvent::Disconnected { .. } => told.disconnected(),
                    _ => {}
                }
            }
        });
        publisher
    }

    /// Someone who came later and reads a topic.
    pub(in crate::outputs) struct Subscriber {
        _session: Session,
        events: mpsc::Receiver<SessionEvent>,
    }

    impl Subscriber {
        pub(in crate::outputs) async fn start(port: u16, filter: &str) -> Subscriber {
            // Two readers of one name would throw each other out.
            let name = format!("reader-{}", filter.replace(['/', '+'], "-"));
            let (session, events) = session(port, &name, Some(filter)).await;
            Subscriber { _session: session, events }
        }

        async fn delivery(&mut self) -> Delivery {
            loop {
                let event = tokio::time::timeout(Duration::from_secs(30), self.events.recv()).await;
                if let SessionEvent::Message(delivery) =
                    event.expect("a message within 30 s").expect("it runs")
                {
                    return delivery;
                }
            }
        }

        /// The next message: whether the broker had kept it, and its JSON.
        pub(in crate::outputs) async fn next(&mut self) -> (bool, Value) {
            let delivery = self.delivery().await;
            (delivery.retain, serde_json::from_slice(&delivery.payload).expect("JSON"))
        }
    }

    const TABLES: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
emission_factor = "0.5 kg/kWh"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
[[meter]]
name = "pdu"
facility = "hall-1"
role = "pdu-output"
kind = "register"
unit = "kWh"
"#;

    /// Registers read every quarter of an hour, at 130 kW and 100 kW.
    fn quarter_hours(hall: &mut Hall, from: &str, count: i64) {
        let begin = at("2026-10-01T00:00:00Z").0;
        let readings: Vec<_> = (0..=count)
            .flat_map(|quarter| {
                let at = Timestamp(at(from).0 + quarter * 900_000);
                let hours = (at.0 - begin) as f64 / 3_600_000.0;
                [("main", at, 130.0 * hours, "kWh", None), ("pdu", at, 100.0 * hours, "kWh", None)]
            })
            .collect();
        hall.take(&readings);
    }

    #[tokio::test]
    async fn live_figures_are_kept_on_the_broker_and_follow_the_horizon() {
        let Some(broker) = Mosquitto::start() else { return };
        let mut hall = Hall::new(TABLES);
        quarter_hours(&mut hall, "2026-10-01T00:00:00Z", 8);
        let publisher = connected(broker.port).await;
        let mut reader = Subscriber::start(broker.port, "wattledger/v1/facility/+/indicators/pue").await;
        let (wake, woken) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(run(hall.view(), woken, publisher, stopped));
        let (_, first) = reader.next().await;
        assert_eq!((&first["as_of"], &first["category"]), (&"2026-10-01T02:00:00Z".into(), &2.into()));
        let windows = first["windows"].as_array().expect("windows");
        assert_eq!(windows.len(), Window::ALL.len());
        let hour = windows.iter().find(|window| window["window"] == "1h").expect("one hour");
        assert_eq!(
            (&hour["value"], &hour["coverage"], &hour["status"]),
            (&1.3.into(), &1.0.into(), &"ok".into())
        );
        assert_eq!(hour["notation"], "iPUE2 (2026-10-01T03:00:2026-10-01T04:00)");

        quarter_hours(&mut hall, "2026-10-01T02:15:00Z", 0);
        wake.send_modify(|change| *change += 1);
        assert_eq!(reader.next().await.1["as_of"], "2026-10-01T02:15:00Z");

        let mut later = Subscriber::start(broker.port, "wattledger/v1/facility/hall-1/indicators/cue").await;
        let (retained, cue) = later.next().await;
        assert!(retained, "who comes later is told at once");
        assert_eq!((&cue["unit"], &cue["windows"][2]["value"]), (&"kg/kWh".into(), &0.65.into()));
        stop.send_replace(true);
        running.await.expect("it stops");
    }

    #[tokio::test]
    async fn what_was_not_answered_before_the_connection_went_fails() {
        let Some(mut broker) = Mosquitto::start() else { return };
        let publisher = connected(broker.port).await;
        let message = |qos| Publish { topic: "a".to_owned(), payload: Vec::new(), qos, retain: false };
        publisher.publish(message(Qos::AtLeastOnce)).expect("sent").await.expect("answered");
        publisher.publish(message(Qos::AtMostOnce)).expect("sent").await.expect("as good as it gets");
        broker.kill();
        while let Ok(confirmation) = publisher.publish(message(Qos::AtLeastOnce)) {
            if confirmation.await.is_err() {
                return;
            }
        }
    }
}
