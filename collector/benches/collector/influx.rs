//! Catching up with a real InfluxDB 1.x: a ledger that it knows nothing of, against what the same database takes
//! of the very same lines when they are made before and sent by as many connections.

use crate::directory;
use crate::hall::{
    DAY_MS, QUARTER_HOUR_MS, Register, START, arrival, configuration, meter_name, name, reading,
};
use crate::measure::{Bar, Row, asked, print};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpListener as Listener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::Engine;
use wattledger_collector::engine_config;
use wattledger_collector::outputs::influx::{self, InfluxStatus};
use wattledger_collector::outputs::snapshot::OutputState;
use wattledger_collector::store::Layout;
use wattledger_collector::topology::Topology;
use wattledger_collector::view::View;
use wattledger_model::time::Timestamp;

const ROUNDS: usize = 3;
/// Ticks of the processor clock in a second, as Linux tells them to programs.
const TICKS_PER_S: f64 = 100.0;

fn meters() -> usize {
    asked("WATTLEDGER_BENCH_INFLUX_METERS", 1_000)
}

fn days() -> i64 {
    asked("WATTLEDGER_BENCH_INFLUX_DAYS", 1) as i64
}

/// A reading of each meter every quarter of an hour, and the change number that it comes to.
fn fill(config: &CollectorConfig) -> (Engine, u64) {
    let mut engine = Engine::open(engine_config(config)).expect("opens");
    let quarters = days() * DAY_MS / QUARTER_HOUR_MS;
    let mut number = 0;
    let arrivals = (0..meters()).map(|meter| {
        let mut register = Register::new(meter, QUARTER_HOUR_MS / 360);
        let readings = (0..=quarters).map(|at| {
            number += 1;
            (0, reading(START + at * QUARTER_HOUR_MS, register.next(), number))
        });
        arrival(meter as u64, vec![name(&meter_name(meter))], readings.collect())
    });
    let arrivals: Vec<_> = arrivals.collect();
    let now = Timestamp(START + (days() + 1) * DAY_MS);
    for some in arrivals.chunks(50) {
        engine.take(some, now).expect("taken");
        engine.flush().expect("flushed");
    }
    let change = engine.change().expect("a number");
    (engine, change)
}

/// A database server of its own, with nothing in it.
struct Influxd {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Influxd {
    async fn start(folder: &Path) -> Influxd {
        let free = || {
            let bound = Listener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            bound.expect("a free port").port()
        };
        let (port, rpc) = (free(), free());
        std::fs::create_dir_all(folder).expect("a folder");
        let text = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n\
             [meta]\ndir = {meta:?}\n[data]\ndir = {data:?}\nwal-dir = {wal:?}\nquery-log-enabled = false\n\
             [monitor]\nstore-enabled = false\n[subscriber]\nenabled = false\n[continuous_queries]\nenabled = false\n\
             [http]\nbind-address = \"127.0.0.1:{port}\"\nlog-enabled = false\n[logging]\nlevel = \"error\"\n",
            meta = folder.join("meta"),
            data = folder.join("data"),
            wal = folder.join("wal"),
        );
        let config = folder.join("influxdb.conf");
        std::fs::write(&config, text).expect("written");
        let mut command = Command::new("influxd");
        command.arg("run").arg("-config").arg(&config).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let influxd = Influxd { child: child.expect("influxd starts"), port, folder: folder.to_owned() };
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let query = "q=CREATE+DATABASE+wl";
        let ask = format!(
            "POST /query HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{query}",
            query.len()
        );
        let mut stream = influxd.connect().await;
        assert_eq!(send(&mut stream, ask.as_bytes()).await, 200, "the database is made");
        influxd
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens")
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn processor_s(&self) -> f64 {
        processor_s(&self.child.id().to_string())
    }
}

impl Drop for Influxd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Processor time of a process so far, with all its threads.
fn processor_s(process: &str) -> f64 {
    let told = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of the program may hold spaces; what follows it does not.
    let fields: Vec<&str> = told.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / TICKS_PER_S
}

/// Sends a request; gives the status of the answer.
async fn send(stream: &mut TcpStream, request: &[u8]) -> u16 {
    stream.write_all(request).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.expect("received") > 0, "the connection ended");
    }
    let head = String::from_utf8_lossy(&answer);
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// A request for lines as they are made by the output.
struct Made {
    bytes: Vec<u8>,
    lines: usize,
}

fn request(body: &[u8], lines: usize, encoding: &str) -> Made {
    let head = format!(
        "POST /write?db=wl&precision=ms HTTP/1.1\r\nHost: h\r\n{encoding}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Made { bytes: [head.as_bytes(), body].concat(), lines }
}

/// A server that takes everything and keeps the bodies.
async fn recorder() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let bodies: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let kept = Arc::clone(&bodies);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                loop {
                    let end = loop {
                        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                            break at + 4;
                        }
                        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            return;
                        }
                    };
                    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
                    let length =
                        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    let whole = end + length.unwrap_or(0_usize);
                    while bytes.len() < whole {
                        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let body: Vec<u8> = bytes.drain(..whole).skip(end).collect();
                    kept.lock().expect("not poisoned").push(body);
                    if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, bodies)
}

/// What one catch-up came to.
#[derive(Clone, Copy)]
struct Seen {
    points: f64,
    seconds: f64,
    /// Processor time of this process.
    ours_s: f64,
    /// Processor time of the database.
    theirs_s: f64,
}

impl Seen {
    fn rate(&self) -> f64 {
        self.points / self.seconds
    }
}

/// Lets an output that knows nothing of the database catch up with the ledger.
async fn catch_up(
    config: &CollectorConfig,
    engine: &Engine,
    head: u64,
    url: &str,
    influxd: Option<&Influxd>,
    gzip: bool,
) -> Seen {
    let layout = Layout::new(&config.data_dir);
    drop(std::fs::remove_file(layout.outputs()));
    let text = format!(
        "[collector]\nname = \"c\"\ndata_dir = \"/nowhere\"\n[link]\nbroker = \"mqtt://127.0.0.1:1\"\n\
         [[output.influx]]\nname = \"main\"\nurl = \"{url}\"\napi = \"v1\"\ndatabase = \"wl\"\ngzip = {gzip}\n"
    );
    let output = CollectorConfig::parse("output.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    let topology = Topology::compile(config, |key| engine.meters().id(key));
    let view = View::open(&layout, Arc::new(topology)).expect("a view");
    let (_wake, woken) = watch::channel(head);
    let (stop, stopped) = watch::channel(false);
    let (sender, mut status) = watch::channel(InfluxStatus::default());
    let theirs = || influxd.map_or(0.0, Influxd::processor_s);
    let (ours_before, theirs_before, began) = (processor_s("self"), theirs(), Instant::now());
    let output = output.influx.into_iter().next().expect("one output");
    let running =
        tokio::spawn(influx::run(output, view, layout, engine.store_id(), woken, None, stopped, sender));
    let done = status.wait_for(|status| status.state == OutputState::Ok && status.cursor >= head).await;
    let points = done.expect("the output runs").points as f64;
    let seen = Seen {
        points,
        seconds: began.elapsed().as_secs_f64(),
        ours_s: processor_s("self") - ours_before,
        theirs_s: theirs() - theirs_before,
    };
    stop.send_replace(true);
    running.await.expect("no panic").expect("it ends well");
    seen
}

/// What the database takes of lines that are made, by so many connections.
async fn limit(influxd: &Influxd, made: &[Made], connections: usize) -> Seen {
    let queue: Mutex<VecDeque<&Made>> = Mutex::new(made.iter().collect());
    let (theirs, ours, began) = (influxd.processor_s(), processor_s("self"), Instant::now());
    let lane = || async {
        let mut stream = influxd.connect().await;
        loop {
            let next = queue.lock().expect("not poisoned").pop_front();
            let Some(made) = next else { return };
            assert_eq!(send(&mut stream, &made.bytes).await, 204);
        }
    };
    futures_util::future::join_all((0..connections).map(|_| lane())).await;
    Seen {
        points: made.iter().map(|made| made.lines as f64).sum(),
        seconds: began.elapsed().as_secs_f64(),
        ours_s: processor_s("self") - ours,
        theirs_s: influxd.processor_s() - theirs,
    }
}

fn middle(mut all: Vec<Seen>) -> Seen {
    all.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    all[all.len() / 2]
}

async fn measured(dir: &Path) {
    let config = configuration(&dir.join("collector"), meters(), "15m");
    let (engine, head) = fill(&config);
    let (url, bodies) = recorder().await;
    let alone = catch_up(&config, &engine, head, &url, None, false).await;
    let bodies = std::mem::take(&mut *bodies.lock().expect("not poisoned"));
    let (mut packed, mut plain) = (Vec::new(), Vec::new());
    let (mut packed_bytes, mut plain_bytes) = (0, 0);
    for text in bodies {
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let body = encoder.write_all(&text).and_then(|()| encoder.finish()).expect("memory takes every byte");
        (packed_bytes, plain_bytes) = (packed_bytes + body.len(), plain_bytes + text.len());
        packed.push(request(&body, lines, "Content-Encoding: gzip\r\n"));
        plain.push(request(&text, lines, ""));
    }
    let connections = config_requests();
    let [mut ours, mut ours_packed, mut theirs, mut theirs_plain] = [const { Vec::new() }; 4];
    for round in 0..ROUNDS {
        let folder = |what: &str| dir.join(format!("influxd-{what}-{round}"));
        let influxd = Influxd::start(&folder("ours")).await;
        ours.push(catch_up(&config, &engine, head, &influxd.url(), Some(&influxd), false).await);
        drop(influxd);
        let influxd = Influxd::start(&folder("ours-packed")).await;
        ours_packed.push(catch_up(&config, &engine, head, &influxd.url(), Some(&influxd), true).await);
        drop(influxd);
        let influxd = Influxd::start(&folder("packed")).await;
        theirs.push(limit(&influxd, &packed, connections).await);
        drop(influxd);
        let influxd = Influxd::start(&folder("plain")).await;
        theirs_plain.push(limit(&influxd, &plain, connections).await);
    }
    let [ours, ours_packed, theirs, theirs_plain] = [ours, ours_packed, theirs, theirs_plain].map(middle);
    let best = theirs.rate().max(theirs_plain.rate());
    let micro = |seconds: f64, of: &Seen| seconds * 1e6 / of.points;
    let rows = [
        Row::new("catching up", ours.rate(), "points/s", Bar::AtLeast(0.8 * best)),
        Row::new("as a share of the database's own limit", ours.rate() / best, "", Bar::AtLeast(0.8)),
        Row::new("catching up with compressed requests", ours_packed.rate(), "points/s", Bar::None),
        Row::new(
            "the same as a share of what it takes compressed",
            ours_packed.rate() / theirs.rate(),
            "",
            Bar::AtLeast(0.8),
        ),
        Row::new("its limit: the same lines made before, compressed", theirs.rate(), "points/s", Bar::None),
        Row::new(
            "its limit: the same lines made before, as they are",
            theirs_plain.rate(),
            "points/s",
            Bar::None,
        ),
        Row::new("catching up: our processor time", micro(ours.ours_s, &ours), "µs/point", Bar::None),
        Row::new("catching up: the database's", micro(ours.theirs_s, &ours), "µs/point", Bar::None),
        Row::new(
            "made before: the sender's processor time",
            micro(theirs_plain.ours_s, &theirs_plain),
            "µs/point",
            Bar::None,
        ),
        Row::new(
            "made before: the database's",
            micro(theirs_plain.theirs_s, &theirs_plain),
            "µs/point",
            Bar::None,
        ),
        Row::new("without a database: what we can make", alone.rate(), "points/s", Bar::None),
        Row::new(
            "without a database: our processor time",
            micro(alone.ours_s, &alone),
            "µs/point",
            Bar::None,
        ),
        Row::new("a point as line protocol", plain_bytes as f64 / alone.points, "bytes", Bar::None),
        Row::new("a point, compressed", packed_bytes as f64 / alone.points, "bytes", Bar::None),
        Row::new("points", alone.points, "", Bar::None),
    ];
    print(
        &format!(
            "Catching up with InfluxDB 1.x: {} meters, {} days, {connections} connections",
            meters(),
            days()
        ),
        &rows,
    );
}

fn config_requests() -> usize {
    wattledger_collector::config::Sending::default().requests
}

/// Measures; says so where there is no database.
pub(crate) fn run() {
    let found = Command::new("influxd").arg("version").stdin(Stdio::null()).output();
    if !found.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("v1.")) {
        println!("\ninflux: SKIPPED, there is no influxd 1.x");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let dir = tempfile::tempdir_in(directory()).expect("a directory");
    runtime.block_on(measured(dir.path()));
}
