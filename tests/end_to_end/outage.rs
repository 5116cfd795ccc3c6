//! A week without InfluxDB, its time compressed: readings go on into the ledger as if nothing was, in bounded memory,
//! and when the database is back it is told all of it, though both it and the collector are killed on the way.
//!
//! `WATTLEDGER_OUTAGE_METERS` (200) and `WATTLEDGER_OUTAGE_DAYS` (7) set the size; 1,000 meters make ten million
//! points of them.

use crate::chance::say;
use crate::influx::{DATABASE, Influx, Row, http_client};
use crate::mosquitto::{Mosquitto, ROOMY};
use crate::processes::{Program, free_port, run, wattledger};
use crate::servers::Servers;
use crate::wait::{SOON, turn, until};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use wattledger_collector::clock;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::store::{self, Layout};
use wattledger_collector::topology::Topology;
use wattledger_collector::view::{MeterHour, View};
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::reading::{Incarnation, Intake, Quality, Reading};
use wattledger_model::time::{Interval, Minute, Timestamp};
use wattledger_model::wire;

const HOUR_MS: i64 = 3_600_000;
const STEP_MS: i64 = 900_000;
const STEPS_AN_HOUR: i64 = HOUR_MS / STEP_MS;
/// Batches that wait for their acknowledgement at a time.
const WINDOW: u64 = 4;
/// For what takes as long as it takes on a busy machine.
const LONG: Duration = Duration::from_secs(1_800);
/// What a reading may wait from its arrival until it is durable.
const LAG: Duration = Duration::from_secs(1);
/// Resident memory of the collector, KiB. The points of a week of 1,000 meters are two million KiB as lines.
const MEMORY_KIB: u64 = 600 << 10;

fn asked(name: &str, otherwise: i64) -> i64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// What a register shows after so many quarters of an hour, Wh.
fn shown(meter: i64, step: i64) -> i64 {
    1_000_000 * meter + step * (2_000 + 10 * meter) + (step * step * 7 + meter * 13) % 400
}

/// An agent of which the test is the sensors, the spool and the clock.
struct Agent {
    client: AsyncClient,
    floor: watch::Receiver<u64>,
    incarnation: Incarnation,
    next: u64,
    lags: Vec<Duration>,
}

impl Agent {
    async fn connect(port: u16, meters: i64) -> Agent {
        let mut options = MqttOptions::new("wattledger-hall-agent-week", "127.0.0.1", port);
        options.set_max_packet_size(4 << 20, 4 << 20).set_keep_alive(Duration::from_secs(60));
        let (client, mut events) = AsyncClient::new(options, 1_000);
        let acknowledged = "wattledger/v1/agent/hall/week/ack/campus";
        client.subscribe(acknowledged, QoS::AtLeastOnce).await.expect("the event loop is there");
        let (said, floor) = watch::channel(0);
        let (ready, mut subscribed) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => drop(ready.send(true)),
                    Event::Incoming(Packet::Publish(message)) => {
                        let word =
                            wire::decode_acknowledgement(&message.payload).expect("an acknowledgement");
                        let floor = word.floor;
                        said.send_if_modified(|known| {
                            let is_news = *known < floor;
                            *known = floor.max(*known);
                            is_news
                        });
                    }
                    _ => {}
                }
            }
        });
        subscribed.wait_for(|ready| *ready).await.expect("the broker answers");
        assert!(meters > 1, "a facility has an input and a load");
        let incarnation = Incarnation { started: clock::now(), id: 7 };
        Agent { client, floor, incarnation, next: 0, lags: Vec::new() }
    }

    /// Sends what all meters show at a step; each batch waits until those so many before it are durable.
    async fn step(&mut self, meters: i64, begin_ms: i64, step: i64) {
        let all: Vec<i64> = (0..meters).collect();
        for some in all.chunks(500) {
            let at = Timestamp(begin_ms + step * STEP_MS);
            let readings = (0..).zip(some).map(|(place, meter)| {
                let reading = Reading {
                    at,
                    arrived: at,
                    value: Decimal::new(shown(*meter, step), 0),
                    unit: "Wh".parse().ok(),
                    interval_ms: None,
                    quality: Quality::Good,
                    intake: Some(Intake {
                        incarnation: self.incarnation,
                        number: (step * meters + meter) as u64,
                    }),
                    evidence: None,
                };
                (place, reading)
            });
            let batch = Batch {
                agent: AgentKey { site: name("hall"), agent: name("week") },
                incarnation: self.incarnation,
                sequence: self.next,
                meters: some.iter().map(|meter| name(&format!("m{meter}"))).collect(),
                readings: readings.collect(),
                refused: Vec::new(),
                losses: Vec::new(),
                lineage: Lineage::default(),
            };
            self.send(wire::encode_batch(&batch)).await;
        }
    }

    async fn send(&mut self, payload: Vec<u8>) {
        let sequence = self.next;
        self.next += 1;
        let sent = Instant::now();
        let topic = "wattledger/v1/agent/hall/week/readings";
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).await.expect("the event loop is there");
        // In turn, so that the time until the word on a batch comes is that of the batch.
        let due = sequence.saturating_sub(WINDOW - 1);
        self.durable(due).await;
        if sequence.is_multiple_of(WINDOW) {
            self.durable(sequence).await;
            self.lags.push(sent.elapsed());
        }
    }

    /// Waits until a batch is durable.
    async fn durable(&mut self, sequence: u64) {
        let durable = timeout(SOON, self.floor.wait_for(|floor| *floor > sequence)).await;
        drop(durable.expect("the collector acknowledges").expect("the connection lasts"));
    }

    /// The time in which 99 of a hundred batches became durable since this was asked last; said with the longest.
    fn lag(&mut self, when: &str) -> Duration {
        self.lags.sort_unstable();
        let nearly = self.lags[self.lags.len() * 99 / 100];
        let longest = self.lags.last().expect("batches were sent");
        say(&format!(
            "outage: {when}: 99 of 100 batches were durable after {} ms, the last after {} ms",
            nearly.as_millis(),
            longest.as_millis()
        ));
        self.lags.clear();
        nearly
    }
}

struct Hall {
    // Declared first, so ended first.
    collector: Program,
    influx: Influx,
    link: Mosquitto,
    config: PathBuf,
    web: String,
    http: reqwest::Client,
    _folder: TempDir,
}

impl Hall {
    async fn new(servers: &Servers, meters: i64) -> Hall {
        let folder = tempfile::Builder::new().prefix("wattledger-").tempdir().expect("a folder can be made");
        let at = folder.path();
        let link = Mosquitto::new(&servers.mosquitto, at, "link", ROOMY);
        let influx = Influx::new(servers, at, "influxdb");
        let web = format!("127.0.0.1:{}", free_port());
        let config = at.join("collector.toml");
        fs::write(&config, toml(at, meters, &link, &influx, &web)).expect("a file can be written");
        let path = config.to_str().expect("paths are UTF-8");
        run(wattledger(), &["check", path]).await;
        let collector = Program::new(at, "collector", wattledger(), &["collector", path]);
        Hall { collector, influx, link, config, web, http: http_client(), _folder: folder }
    }

    async fn start_collector(&mut self) {
        self.collector.start();
        until("the collector answers", SOON, async || self.snapshot().await).await;
    }

    async fn snapshot(&self) -> Result<Value, String> {
        let url = format!("http://{}/api/snapshot", self.web);
        let answer = self.http.get(&url).send().await.map_err(|error| error.to_string())?;
        answer.json().await.map_err(|error| error.to_string())
    }

    /// Waits until the output has written such a share of the ledger's changes.
    async fn wait_written(&self, share: f64) {
        until(&format!("{share} of it is written"), LONG, async || {
            let snapshot = self.snapshot().await?;
            let output = &snapshot["outputs"][0];
            let number = |key: &str| output[key].as_f64().ok_or_else(|| output.to_string());
            let (cursor, head) = (number("cursor")?, number("head")?);
            let done =
                if share < 1.0 { cursor >= head * share } else { output["state"] == "ok" && cursor >= head };
            if done && head > 0.0 { Ok(()) } else { Err(output.to_string()) }
        })
        .await;
    }

    /// The most memory that the running collector has had, KiB.
    fn memory_kib(&self) -> u64 {
        let ours = self.config.to_str().expect("paths are UTF-8").as_bytes();
        let mut processes = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
        let is_ours = |process: &fs::DirEntry| {
            let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
            command.split(|byte| *byte == 0).any(|argument| argument == ours)
        };
        let found = processes.find(is_ours).expect("the collector runs");
        let status = fs::read_to_string(found.path().join("status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
        line.trim().split(' ').next().and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// The ledger as it is on disk, beside the running collector.
    fn view(&self) -> (CollectorConfig, View, BTreeMap<MeterKey, i64>) {
        let written = fs::read_to_string(&self.config).expect("the configuration is there");
        let config = CollectorConfig::parse("collector.toml", &written).expect("it was checked");
        let layout = Layout::new(&config.data_dir);
        let connection = store::open_reader(&layout).expect("a store");
        let meters: BTreeMap<MeterKey, i64> =
            store::meters(&connection).expect("meters").into_iter().collect();
        let topology = Topology::compile(&config, |key| meters.get(key).copied());
        let view = View::open(&layout, Arc::new(topology)).expect("a view");
        (config, view, meters)
    }
}

fn toml(at: &Path, meters: i64, link: &Mosquitto, influx: &Influx, web: &str) -> String {
    let mut text = format!(
        "[collector]\nname = \"campus\"\ndata_dir = \"{}/collector\"\n[link]\nbroker = \"{}\"\n[web]\nlisten = \"{web}\"\n\
         [[output.influx]]\nname = \"history\"\nurl = \"{}\"\napi = \"v1\"\ndatabase = \"{DATABASE}\"\n\
         [[site]]\nname = \"hall\"\ntime_zone = \"Europe/Berlin\"\n[[facility]]\nname = \"hall-1\"\nsite = \"hall\"\n",
        at.display(),
        link.url(),
        influx.url()
    );
    for meter in 0..meters {
        let role = if meter % 4 == 0 { "utility" } else { "it-input" };
        text += &format!(
            "[[meter]]\nname = \"m{meter}\"\nfacility = \"hall-1\"\nrole = \"{role}\"\nkind = \"register\"\nunit = \"Wh\"\n\
             nominal_interval = \"15m\"\n"
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_without_the_database_costs_nothing_and_leaves_no_gap() {
    let Some(servers) = Servers::find("outage") else { return };
    let _turn = turn().await;
    let (meters, days) = (asked("WATTLEDGER_OUTAGE_METERS", 200), asked("WATTLEDGER_OUTAGE_DAYS", 7));
    let mut hall = Hall::new(&servers, meters).await;
    hall.link.start().await;
    hall.influx.start().await;
    hall.start_collector().await;
    let mut agent = Agent::connect(hall.link.port, meters).await;
    // A day before and an hour during each act; it ends in the past.
    let begin_ms = (clock::now().0 - (days + 3) * 24 * HOUR_MS).div_euclid(HOUR_MS) * HOUR_MS;
    let mut step = 0;
    while step <= 24 * STEPS_AN_HOUR {
        agent.step(meters, begin_ms, step).await;
        step += 1;
    }
    hall.wait_written(1.0).await;

    hall.influx.program.kill();
    let began = Instant::now();
    while step <= (days + 1) * 24 * STEPS_AN_HOUR {
        agent.step(meters, begin_ms, step).await;
        step += 1;
    }
    let readings = meters * days * 24 * STEPS_AN_HOUR;
    let rate = readings as f64 / began.elapsed().as_secs_f64();
    say(&format!("outage: {readings} readings while the database was away, {rate:.0} a second"));

    let away = agent.lag("while it is away");

    hall.influx.start().await;
    let back = Instant::now();
    let mut memory = 0;
    for share in [0.3, 0.6] {
        for _ in 0..STEPS_AN_HOUR {
            agent.step(meters, begin_ms, step).await;
            step += 1;
        }
        hall.wait_written(share).await;
        hall.influx.program.kill();
        if share > 0.5 {
            memory = hall.memory_kib();
            // Its word on every batch is there, so that the agent owes it nothing.
            agent.durable(agent.next - 1).await;
            hall.collector.kill();
            hall.start_collector().await;
        }
        hall.influx.start().await;
    }
    for _ in 0..STEPS_AN_HOUR {
        agent.step(meters, begin_ms, step).await;
        step += 1;
    }
    agent.durable(agent.next - 1).await;
    hall.wait_written(1.0).await;
    let memory = memory.max(hall.memory_kib());
    let catching_up = agent.lag("while it catches up");
    say(&format!(
        "outage: caught up after {} s; at most {} MiB resident",
        back.elapsed().as_secs(),
        memory >> 10
    ));
    compare(&hall, begin_ms, step - 1).await;
    verify(&hall).await;
    assert!(memory < MEMORY_KIB, "{memory} KiB");
    assert!(away < LAG && catching_up < LAG, "{away:?}, {catching_up:?}");
    assert!(hall.collector.stop().await.success());
}

/// What whoever runs it asks.
async fn verify(hall: &Hall) {
    let began = Instant::now();
    let config = hall.config.to_str().expect("paths are UTF-8");
    let said = run(wattledger(), &["influx", "verify", "--config", config]).await;
    assert!(said.contains("holds what the ledger says"), "{said}");
    say(&format!("outage: `wattledger influx verify` took {} s: {}", began.elapsed().as_secs(), said.trim()));
}

/// Points, and sums of amounts, by meter and UTC day.
type Days = BTreeMap<(String, i64), (u64, f64)>;

/// Compares the database with the ledger: every minute of some meters, every day of all, every hour of the facility.
async fn compare(hall: &Hall, begin_ms: i64, last_step: i64) {
    let (config, mut view, numbers) = hall.view();
    let end_ms = begin_ms + last_step * STEP_MS;
    view.begin().expect("a state of the ledger");
    let (mut days, mut points) = (Days::new(), 0);
    for meter in &config.meters {
        let name = meter.key.meter.as_str();
        let mut minutes = BTreeMap::new();
        for hour in begin_ms / HOUR_MS..=end_ms / HOUR_MS {
            let Some(MeterHour::Sums(sums)) = view.meter_hour(numbers[&meter.key], hour).expect("readable")
            else {
                continue;
            };
            for (minute, sum) in (0..).zip(sums.iter()).filter(|(_, sum)| !sum.is_missing()) {
                let kwh = sum.amount() as f64 / 1e9;
                let at = hour * HOUR_MS + minute * 60_000;
                minutes.insert(at, kwh);
                let day = days.entry((name.to_owned(), at.div_euclid(24 * HOUR_MS))).or_insert((0, 0.0));
                *day = (day.0 + 1, day.1 + kwh);
                points += 1;
            }
        }
        if name.ends_with("17") {
            let rows = hall
                .influx
                .ask(&format!("SELECT \"amount\" FROM \"wl_meter\" WHERE \"meter\" = '{name}'"))
                .await;
            let seen: BTreeMap<i64, f64> = rows
                .expect("rows")
                .iter()
                .map(|row| (row.time(), row.number("amount").expect("an amount")))
                .collect();
            assert_eq!(seen, minutes, "{name}");
        }
    }
    let seen = sums_by_day(hall, begin_ms, end_ms).await;
    assert_eq!(seen.len(), days.len(), "days of meters");
    for (of, (count, kwh)) in &days {
        let (seen_count, seen_kwh) = seen[of];
        assert!(
            seen_count == *count && (seen_kwh - kwh).abs() <= 1e-9 * kwh,
            "{of:?}: {seen_count} {seen_kwh}, {count} {kwh}"
        );
    }
    let hours = hours_of_facility(hall, &mut view, begin_ms, end_ms).await;
    say(&format!(
        "outage: {points} points of {} meters and {hours} hours of the facility are as the ledger says",
        config.meters.len()
    ));
    // The first and the last minute are whole ones.
    assert_eq!(points, config.meters.len() as u64 * (last_step * STEP_MS / 60_000) as u64);
}

async fn sums_by_day(hall: &Hall, begin_ms: i64, end_ms: i64) -> Days {
    let query = format!(
        "SELECT count(\"amount\") AS n, sum(\"amount\") AS kwh FROM \"wl_meter\" WHERE time >= {begin_ms}ms AND time <= {end_ms}ms \
         GROUP BY \"meter\", time(1d) fill(none)"
    );
    let rows = hall.influx.ask(&query).await.expect("rows");
    let day = |row: &Row| {
        let of = (row.text("meter").expect("a meter").to_owned(), row.time().div_euclid(24 * HOUR_MS));
        let (count, kwh) = (row.number("n").expect("a count"), row.number("kwh").expect("a sum"));
        (of, (count as u64, kwh))
    };
    rows.iter().map(day).collect()
}

/// Compares each hour of each component; gives how many there were.
async fn hours_of_facility(hall: &Hall, view: &mut View, begin_ms: i64, end_ms: i64) -> usize {
    let rows = hall
        .influx
        .ask("SELECT \"energy_kwh\", \"coverage\" FROM \"wl_energy_hour\" GROUP BY \"component\"")
        .await;
    let rows = rows.expect("rows");
    let mut expected = 0;
    for component in view.components(0) {
        for hour in begin_ms / HOUR_MS..end_ms / HOUR_MS {
            let interval = Interval::new(Minute(hour * 60), Minute(hour * 60 + 60));
            let account = view.component(0, component, interval).expect("readable");
            let kwh = account.all_numerator.iter().sum::<i128>() as f64 / 1e9;
            let is_it =
                |row: &&Row| row.time() == hour * HOUR_MS && row.text("component") == Some(component.word());
            let row =
                rows.iter().find(is_it).unwrap_or_else(|| panic!("no {} in hour {hour}", component.word()));
            assert_eq!(
                (row.number("energy_kwh"), row.number("coverage")),
                (Some(kwh), Some(1.0)),
                "{} {hour}",
                component.word()
            );
            expected += 1;
        }
    }
    assert_eq!(rows.len(), expected, "hours of components");
    expected
}
