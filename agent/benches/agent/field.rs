//! The agent as a process, between a real mosquitto, devices that send at a steady pace, and a collector that
//! acknowledges: what it takes of the host's memory and processor.

use crate::measure::{Bar, Row};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use wattledger_link::ranges::RangeSet;
use wattledger_link::session::{Publish, PublishError, Qos, Session, SessionConfig, SessionEvent};
use wattledger_model::batch::Acknowledgement;
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic;
use wattledger_model::wire;

/// How often devices are let send.
const TICK: Duration = Duration::from_millis(10);
/// Ticks of the processor's clock a second, as Linux counts them for users.
const CLOCK_TICKS: f64 = 100.0;
/// What a resident page takes.
const KIB: f64 = 1_024.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// Kills what it holds.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One line of `/proc/PID/status` in KiB.
fn status_kib(process: u32, key: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}

/// Seconds of processor, in the program and on its behalf.
fn processor_s(process: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in brackets, may hold spaces; what follows does not.
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / CLOCK_TICKS
}

struct Field {
    _broker: Process,
    agent: Process,
    devices: Session,
    devices_events: mpsc::Receiver<SessionEvent>,
    collector: Session,
    collector_events: mpsc::Receiver<SessionEvent>,
    committed: RangeSet,
    readings: usize,
    /// Whether the agent's sources deliver.
    reads: bool,
    _dir: TempDir,
}

fn session(port: u16, client_id: &str, filters: &[&str]) -> (Session, mpsc::Receiver<SessionEvent>) {
    Session::start(SessionConfig {
        broker: format!("mqtt://127.0.0.1:{port}").parse().expect("a broker"),
        client_id: client_id.to_owned(),
        clean_session: true,
        keep_alive: Duration::from_secs(30),
        subscriptions: filters.iter().map(|filter| ((*filter).to_owned(), Qos::AtLeastOnce)).collect(),
        will: None,
        inflight: 100,
        max_packet_bytes: 2 << 20,
        events_limit: 100,
        backoff_seed: 1,
    })
}

fn mosquitto(dir: &Path) -> (Process, u16) {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let file = dir.join("mosquitto.conf");
    fs::write(&file, format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"))
        .expect("disk");
    let places = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
    let program = places.into_iter().find(|place| Path::new(place).exists()).unwrap_or("mosquitto");
    let started =
        Command::new(program).arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    (Process(started.expect("mosquitto: install it, on Debian with `apt-get install mosquitto`")), port)
}

impl Field {
    async fn start(sources: &str, place: &Path) -> Field {
        let dir = tempfile::tempdir_in(place).expect("a directory");
        let (broker, port) = mosquitto(dir.path());
        let filters = [Topic::ALL_READINGS, Topic::ALL_AGENT_STATUS];
        let (collector, mut collector_events) = session(port, "collector", &filters);
        let (devices, mut devices_events) = session(port, "devices", &[]);
        for events in [&mut collector_events, &mut devices_events] {
            let connected =
                async { while !matches!(events.recv().await, Some(SessionEvent::Connected { .. })) {} };
            timeout(PATIENCE, connected).await.expect("mosquitto answers");
        }
        let config: PathBuf = dir.path().join("agent.toml");
        let data = dir.path().join("data");
        let text = format!(
            "[agent]\nname = 'a1'\nsite = 'hall'\ncollector = 'campus'\ndata_dir = '{}'\n\
             [link]\nbroker = 'mqtt://127.0.0.1:{port}'\n{sources}",
            data.display()
        );
        fs::write(&config, text).expect("disk");
        let binary = env!("CARGO_BIN_EXE_wattledger-agent");
        let agent = Command::new(binary).arg("run").arg(&config).stderr(Stdio::null()).spawn();
        let mut field = Field {
            _broker: broker,
            agent: Process(agent.expect("the agent")),
            devices,
            devices_events,
            collector,
            collector_events,
            committed: RangeSet::default(),
            readings: 0,
            reads: false,
            _dir: dir,
        };
        timeout(PATIENCE, field.until_it_reads()).await.expect("the agent reads its source");
        field
    }

    /// Goes on until the agent says that its sources deliver.
    async fn until_it_reads(&mut self) {
        while !self.reads {
            if let Some(event) = self.collector_events.recv().await {
                self.hear(event);
            }
        }
    }

    /// Commits a batch, takes note of what the agent says of itself, and acknowledges what is committed.
    fn hear(&mut self, event: SessionEvent) {
        let SessionEvent::Message(delivery) = event else { return };
        let (agent, incarnation) = match delivery.topic.parse() {
            Ok(Topic::Readings(agent)) => {
                let batch = wire::decode_batch(&delivery.payload).expect("a batch");
                if self.committed.insert(batch.sequence) {
                    self.readings += batch.readings.len();
                }
                (agent, batch.incarnation)
            }
            Ok(Topic::AgentStatus(agent)) => {
                let status = wire::decode_agent_status(&delivery.payload).expect("a status");
                self.reads = !status.sources.is_empty() && status.sources.iter().all(|source| source.healthy);
                (agent, status.incarnation)
            }
            other => panic!("{other:?} on {}", delivery.topic),
        };
        let said = Acknowledgement {
            collector: "campus".parse().expect("a name"),
            store_id: 77,
            incarnation,
            floor: self.committed.floor(),
            ranges: self.committed.ranges().collect(),
        };
        let topic = Topic::Acknowledgement { agent, collector: said.collector.clone() }.to_string();
        let payload = wire::encode_acknowledgement(&said);
        // One that finds no room is made good by the next.
        let _ = self.collector.try_publish(Publish { topic, payload, qos: Qos::AtLeastOnce, retain: false });
        self.collector.acknowledge(&delivery);
    }

    /// Lets devices send so many messages a second for so long. Gives the share of a core that the agent took.
    async fn run(
        &mut self,
        rate: usize,
        seconds: usize,
        message: impl Fn(usize, Timestamp) -> (String, String),
    ) -> f64 {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (start, before) = (Instant::now(), processor_s(self.agent.0.id()));
        let mut sent = 0;
        while sent < rate * seconds {
            tokio::select! {
                _ = ticks.tick() => {
                    let due = (start.elapsed().as_secs_f64() * rate as f64) as usize;
                    while sent < due.min(rate * seconds) {
                        let (topic, payload) = message(sent, now());
                        let payload = payload.into_bytes();
                        match self.devices.try_publish(Publish { topic, payload, qos: Qos::AtLeastOnce, retain: false }) {
                            Ok(_) => sent += 1,
                            Err(PublishError::Full) => break,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                Some(event) = self.collector_events.recv() => self.hear(event),
                Some(_) = self.devices_events.recv() => {}
            }
        }
        (processor_s(self.agent.0.id()) - before) / start.elapsed().as_secs_f64()
    }

    /// Waits until everything that was sent is committed.
    async fn drain(&mut self, readings: usize) {
        let all = async {
            while self.readings < readings {
                match self.collector_events.recv().await {
                    Some(event) => self.hear(event),
                    None => return,
                }
            }
        };
        timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("{} of {readings} came", self.readings));
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Timestamp(i64::try_from(since.as_millis()).expect("a time of this age"))
}

/// What the agent takes at each pace, in messages a second; the first is what the bars are for.
pub(crate) fn rows(
    sources: &str,
    values: usize,
    paces: &[usize],
    seconds: usize,
    place: &Path,
    message: impl Fn(usize, Timestamp) -> (String, String),
) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut rows = Vec::new();
    for (at, &pace) in paces.iter().enumerate() {
        let bar = |bar: f64| if at == 0 { Bar::Below(bar) } else { Bar::None };
        let (share, resident, most) = runtime.block_on(async {
            let mut field = Field::start(sources, place).await;
            let share = field.run(pace, seconds, &message).await;
            let process = field.agent.0.id();
            let (resident, most) = (status_kib(process, "VmRSS"), status_kib(process, "VmHWM"));
            field.drain(pace * seconds * values).await;
            (share, resident, most)
        });
        let what = |what: &str| format!("{pace} messages/s for {seconds} s: {what}");
        rows.push(Row::new(what("processor"), share * 100.0, "% of a core", bar(1.0)));
        rows.push(Row::new(what("resident memory at the end"), resident / KIB, "MiB", bar(12.0)));
        rows.push(Row::new(what("resident memory at the most"), most / KIB, "MiB", bar(12.0)));
    }
    rows
}
