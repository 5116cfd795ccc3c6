//! What an agent meets: a real mosquitto, the real binary as a process, sensors, and a collector that
//! does nothing but commit and acknowledge.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use wattledger_link::ranges::RangeSet;
use wattledger_link::session::{Publish, PublishError, Qos, Session, SessionConfig, SessionEvent};
use wattledger_model::batch::{Acknowledgement, AgentKey, AgentStatus, Batch};
use wattledger_model::reading::{Incarnation, Reading, Refused};
use wattledger_model::topic::Topic;
use wattledger_model::wire;

/// Nothing here takes longer, unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mosquitto of this test's own.
pub struct Broker {
    child: Child,
    pub port: u16,
    _dir: TempDir,
}

impl Broker {
    pub fn start() -> Broker {
        Broker::start_with("")
    }

    /// The same with this access list; empty for none.
    pub fn start_with(access: &str) -> Broker {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("mosquitto.conf");
        let mut text = format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n");
        if !access.is_empty() {
            let list = dir.path().join("access.acl");
            std::fs::write(&list, access).expect("disk");
            text.push_str(&format!("acl_file {}\n", list.display()));
        }
        std::fs::write(&file, text).expect("disk");
        // Debian keeps it where an ordinary user's PATH does not look.
        let program =
            ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].iter().find(|p| Path::new(p).exists());
        let child = Command::new(program.unwrap_or(&"mosquitto"))
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto: install it, on Debian with `apt-get install mosquitto`");
        Broker { child, port, _dir: dir }
    }

    pub fn session(&self, client_id: &str, filters: &[String]) -> (Session, mpsc::Receiver<SessionEvent>) {
        Session::start(SessionConfig {
            broker: format!("mqtt://127.0.0.1:{}", self.port).parse().expect("broker"),
            client_id: client_id.to_owned(),
            clean_session: true,
            keep_alive: Duration::from_secs(30),
            subscriptions: filters.iter().map(|filter| (filter.clone(), Qos::AtLeastOnce)).collect(),
            will: None,
            inflight: 100,
            max_packet_bytes: 2 << 20,
            events_limit: 100,
            backoff_seed: 1,
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have been ended by the test already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Devices that publish.
pub struct Sensors {
    session: Session,
    events: mpsc::Receiver<SessionEvent>,
}

impl Sensors {
    pub async fn connect(broker: &Broker) -> Sensors {
        let (session, mut events) = broker.session("sensors", &[]);
        wait(async {
            while !matches!(events.recv().await.expect("session"), SessionEvent::Connected { .. }) {}
        })
        .await;
        Sensors { session, events }
    }

    /// Publishes with QoS 1 and returns when the broker has all of it.
    pub async fn publish(&mut self, messages: impl IntoIterator<Item = (String, Vec<u8>)>) {
        self.publish_as(false, messages).await;
    }

    pub async fn publish_as(&mut self, retain: bool, messages: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let mut on_the_way = 0;
        for (topic, payload) in messages {
            let message = Publish { topic, payload, qos: Qos::AtLeastOnce, retain };
            loop {
                match self.session.try_publish(message.clone()) {
                    Ok(_) => break on_the_way += 1,
                    Err(PublishError::Full) => on_the_way -= self.taken().await,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        while on_the_way > 0 {
            on_the_way -= self.taken().await;
        }
    }

    async fn taken(&mut self) -> u32 {
        u32::from(matches!(wait(self.events.recv()).await, Some(SessionEvent::Published(_))))
    }
}

/// A collector in a nutshell.
pub struct Collector {
    session: Session,
    events: mpsc::Receiver<SessionEvent>,
    pub agent: AgentKey,
    pub store_id: u64,
    /// Whether it acknowledges.
    pub answers: bool,
    pub committed: RangeSet,
    /// Every batch by sequence, as its bytes.
    pub batches: BTreeMap<u64, Vec<u8>>,
    pub incarnation: Option<Incarnation>,
    pub status: Option<AgentStatus>,
    pub statuses: u32,
}

impl Collector {
    pub async fn connect(broker: &Broker) -> Collector {
        let filters = [Topic::ALL_READINGS, Topic::ALL_AGENT_STATUS].map(str::to_owned);
        let (session, mut events) = broker.session("collector", &filters);
        wait(async {
            while !matches!(events.recv().await.expect("session"), SessionEvent::Connected { .. }) {}
        })
        .await;
        Collector {
            session,
            events,
            agent: AgentKey { site: "hall".parse().expect("name"), agent: "a1".parse().expect("name") },
            store_id: 77,
            answers: true,
            committed: RangeSet::default(),
            batches: BTreeMap::new(),
            incarnation: None,
            status: None,
            statuses: 0,
        }
    }

    /// Goes on until something is the case.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&Collector) -> bool) {
        let so_far = tokio::time::timeout(PATIENCE, async {
            while !is_so(self) {
                match self.events.recv().await.expect("session") {
                    SessionEvent::Message(delivery) => {
                        self.message(&delivery.topic, &delivery.payload);
                        self.session.acknowledge(&delivery);
                    }
                    SessionEvent::Disconnected { reason } => panic!("{reason}"),
                    _ => {}
                }
            }
        });
        let waited = so_far.await;
        assert!(
            waited.is_ok(),
            "waited for {what}; {} batches, status {:?}",
            self.batches.len(),
            self.status
        );
    }

    fn message(&mut self, topic: &str, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        match topic.parse().expect("ours") {
            Topic::Readings(agent) => {
                let batch = wire::decode_batch(payload).expect("a batch");
                assert_eq!((&agent, &batch.agent), (&self.agent, &self.agent));
                assert_eq!(*self.incarnation.get_or_insert(batch.incarnation), batch.incarnation);
                let first = self.batches.entry(batch.sequence).or_insert_with(|| payload.to_vec());
                assert_eq!(first, payload, "batch {} was sent with other content", batch.sequence);
                self.committed.insert(batch.sequence);
            }
            Topic::AgentStatus(_) => {
                let status = wire::decode_agent_status(payload).expect("a status");
                self.incarnation = Some(status.incarnation);
                self.status = Some(status);
                self.statuses += 1;
            }
            other => panic!("{other}"),
        }
        if self.answers {
            self.say(&self.word());
        }
    }

    /// The genuine acknowledgement.
    pub fn word(&self) -> Acknowledgement {
        Acknowledgement {
            collector: "campus".parse().expect("name"),
            store_id: self.store_id,
            incarnation: self.incarnation.expect("heard of"),
            floor: self.committed.floor(),
            ranges: self.committed.ranges().collect(),
        }
    }

    pub fn say(&self, said: &Acknowledgement) {
        let topic = Topic::Acknowledgement { agent: self.agent.clone(), collector: said.collector.clone() };
        self.say_on(&topic.to_string(), said);
    }

    pub fn say_on(&self, topic: &str, said: &Acknowledgement) {
        let payload = wire::encode_acknowledgement(said);
        let message = Publish { topic: topic.to_owned(), payload, qos: Qos::AtLeastOnce, retain: false };
        self.session.try_publish(message).expect("room");
    }

    pub fn decoded(&self) -> Vec<Batch> {
        self.batches.values().map(|bytes| wire::decode_batch(bytes).expect("a batch")).collect()
    }

    /// Every reading with its meter.
    pub fn readings(&self) -> Vec<(String, Reading)> {
        let of = |batch: Batch| {
            let meters = batch.meters;
            batch.readings.into_iter().map(move |(m, reading)| (meters[m as usize].to_string(), reading))
        };
        self.decoded().into_iter().flat_map(of).collect()
    }

    pub fn refused(&self) -> Vec<Refused> {
        self.decoded().into_iter().flat_map(|batch| batch.refused).collect()
    }
}

/// The agent's binary, its configuration and its directory.
pub struct Agent {
    child: Option<Child>,
    pub config: PathBuf,
    _dir: TempDir,
}

impl Agent {
    /// Starts an agent with these sources.
    pub fn start(broker: &Broker, sources: &str) -> Agent {
        let dir = tempfile::tempdir().expect("dir");
        let config = dir.path().join("agent.toml");
        let port = broker.port;
        let data = dir.path().join("data");
        let text = format!(
            "[agent]\nname = 'a1'\nsite = 'hall'\ncollector = 'campus'\ndata_dir = '{}'\n\
             [link]\nbroker = 'mqtt://127.0.0.1:{port}'\n[batch]\nlinger = '100ms'\n{sources}",
            data.display()
        );
        std::fs::write(&config, text).expect("disk");
        let mut agent = Agent { child: None, config, _dir: dir };
        agent.restart();
        agent
    }

    pub fn restart(&mut self) {
        self.kill();
        let binary = env!("CARGO_BIN_EXE_wattledger-agent");
        let child = Command::new(binary).arg("run").arg(&self.config).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("the agent"));
    }

    /// Changes the text of its configuration, and tells it so unless it is to find out by itself.
    pub fn reconfigure(&self, change: impl Fn(&str) -> String, tell: bool) {
        let text = std::fs::read_to_string(&self.config).expect("its configuration");
        std::fs::write(&self.config, change(&text)).expect("disk");
        if let Some(child) = self.child.as_ref().filter(|_| tell) {
            let told = Command::new("kill").args(["-HUP", &child.id().to_string()]).status().expect("kill");
            assert!(told.success());
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop, and gives its exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("running");
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
        assert!(asked.success());
        let ended = tokio::task::spawn_blocking(move || child.wait());
        wait(ended).await.expect("no panic").expect("a child").code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits, but not for ever.
pub async fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in good time")
}
