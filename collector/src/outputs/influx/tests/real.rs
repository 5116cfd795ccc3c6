//! Against InfluxDB 1.x itself, which is killed in the middle; by TLS; and with lines and points that it refuses.

use super::super::InfluxStatus;
use super::super::answer::Answer;
use super::super::database::Database;
use super::super::run::Output;
use super::super::write::Pace;
use super::derived::DERIVED;
use super::memory::Memory;
use super::plant::{DAYS, Plant, config, readings};
use super::stage::{Stage, lines, output, round};
use crate::outputs::authority::Authority;
use crate::outputs::snapshot::OutputState;
use serde_json::Value;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::watch;

const INFLUXD: &str = "/usr/bin/influxd";
const DATABASE: &str = "wl test";

struct Influx {
    child: Option<Child>,
    config: PathBuf,
    url: String,
    client: reqwest::Client,
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

impl Influx {
    /// A server that does not run yet.
    fn new(folder: &Path) -> Influx {
        Influx::with(folder, "http", "")
    }

    /// With more settings of its part `[http]`.
    fn with(folder: &Path, scheme: &str, settings: &str) -> Influx {
        let (http, rpc) = (free_port(), free_port());
        let text = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n\
             [meta]\ndir = {meta:?}\n[data]\ndir = {data:?}\nwal-dir = {wal:?}\nquery-log-enabled = false\n\
             [monitor]\nstore-enabled = false\n[subscriber]\nenabled = false\n[continuous_queries]\nenabled = false\n\
             [http]\nbind-address = \"127.0.0.1:{http}\"\nlog-enabled = false\n{settings}[logging]\nlevel = \"error\"\n",
            meta = folder.join("meta"),
            data = folder.join("data"),
            wal = folder.join("wal"),
        );
        let config = folder.join("influxdb.conf");
        std::fs::write(&config, text).expect("written");
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Influx { child: None, config, url: format!("{scheme}://localhost:{http}"), client }
    }

    fn spawn(&mut self) {
        let mut command = Command::new(INFLUXD);
        command.arg("run").arg("-config").arg(&self.config);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("influxd starts"));
    }

    async fn start(&mut self) {
        self.spawn();
        let ping = format!("{}/ping", self.url);
        for _ in 0..600 {
            if self.client.get(&ping).send().await.is_ok_and(|answer| answer.status() == 204) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("influxd does not answer");
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it is ours");
            child.wait().expect("it ends");
        }
    }

    async fn ask(&self, query: &str) -> Value {
        let mut url = reqwest::Url::parse(&format!("{}/query", self.url)).expect("an address");
        url.query_pairs_mut().extend_pairs([("db", DATABASE), ("epoch", "ms"), ("q", query)]);
        let body = self.client.post(url).send().await.expect("answers").text().await.expect("text");
        serde_json::from_str(&body).expect("JSON")
    }

    async fn count(&self, field: &str) -> u64 {
        let answer = self.ask(&format!("SELECT count(\"{field}\") FROM \"wl_meter\"")).await;
        let counted = &answer["results"][0]["series"][0]["values"][0][1];
        counted.to_string().parse().unwrap_or_else(|_| panic!("{answer}"))
    }

    /// Every point of the measurements that derive from the ledger.
    async fn read(&self) -> Memory {
        let mut memory = Memory::default();
        for measurement in DERIVED.iter().map(|measurement| measurement.name) {
            let answer = self.ask(&format!("SELECT * FROM \"{measurement}\" GROUP BY *")).await;
            for series in answer["results"][0]["series"]
                .as_array()
                .unwrap_or_else(|| panic!("nothing of {measurement}"))
            {
                let tags = series["tags"].as_object().expect("tags").iter();
                let mut tags: Vec<String> =
                    tags.map(|(name, value)| format!(",{name}={}", value.as_str().expect("text"))).collect();
                tags.sort();
                let key = format!("{measurement}{}", tags.concat());
                let columns = series["columns"].as_array().expect("columns");
                for row in series["values"].as_array().expect("values") {
                    let at: i64 = row[0].to_string().parse().expect("a time in ms");
                    let point = memory.points.entry((key.clone(), at)).or_default();
                    for (at, column) in
                        columns.iter().enumerate().skip(1).filter(|(at, _)| !row[*at].is_null())
                    {
                        point.insert(column.as_str().expect("text").to_owned(), row[at].to_string());
                    }
                }
            }
        }
        memory
    }
}

impl Drop for Influx {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Key, time, and fields by name.
type Plain = (String, i64, Vec<(String, String)>);

/// Numbers as numbers, so that two spellings of one are equal.
fn plain(memory: &Memory) -> Vec<Plain> {
    let value = |text: &String| match text.trim_end_matches('i').parse::<f64>() {
        Ok(number) => format!("{number:?}"),
        Err(_) => text.clone(),
    };
    let point = |((key, at), fields): (_, std::collections::BTreeMap<String, String>)| {
        (key, at, fields.iter().map(|(name, text)| (name.clone(), value(text))).collect())
    };
    memory.derived().into_iter().map(point).collect()
}

fn same(seen: &Memory, expected: &Memory) {
    let (seen, expected) = (plain(seen), plain(expected));
    for (seen, expected) in seen.iter().zip(&expected) {
        assert_eq!(seen, expected);
    }
    assert_eq!(seen.len(), expected.len());
}

/// Whether a server is installed. Where it is not, that is said past the capture of the test harness: nobody is
/// to think that this was tested. With `CI=true` it is a failure.
pub(super) fn is_here(program: &str, package: &str, test: &str) -> bool {
    if Path::new(program).exists() {
        return true;
    }
    let missing = format!("{program} is missing: apt-get install {package}");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
    drop(std::io::stderr().write_all(format!("SKIPPED {test}: {missing}\n").as_bytes()));
    false
}

pub(super) async fn until(
    status: &mut watch::Receiver<InfluxStatus>,
    what: &str,
    holds: impl FnMut(&InfluxStatus) -> bool,
) {
    let waited = tokio::time::timeout(Duration::from_secs(120), status.wait_for(holds)).await;
    assert!(waited.is_ok_and(|status| status.is_ok()), "{what}: {:?}", status.borrow());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_point_is_there_after_the_database_was_killed_and_late_data_came() {
    if !is_here(INFLUXD, "influxdb", "every_point_is_there_after_the_database_was_killed") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut influx = Influx::new(folder.path());
    influx.start().await;
    let text = format!(
        "[[output.influx]]\nname = \"main\"\nurl = \"{}\"\napi = \"v1\"\ndatabase = \"{DATABASE}\"\n",
        influx.url
    );
    let mut plant = Plant::open(&folder.path().join("collector"), config(&text));
    let all = readings(DAYS);
    let (early, rest) = all.split_at(all.len() * 2 / 3);
    let (late, last) = rest.split_at(60);
    plant.book(early);

    let (wake, woken) = watch::channel(plant.engine.change().expect("a number"));
    let (stop, stopped) = watch::channel(false);
    let (status_sender, mut status) = watch::channel(InfluxStatus::default());
    let short = Duration::from_millis(100);
    let output = Output {
        config: plant.config.influx[0].clone(),
        layout: plant.layout.clone(),
        store_id: plant.engine.store_id(),
        pace: Pace { first: short, longest: short, mended: short },
    };
    let view = plant.view(&plant.config);
    let running = tokio::spawn(output.run(view, woken, None, stopped, status_sender));

    until(&mut status, "the first lines are written", |status| status.points > 20_000).await;
    influx.kill();
    plant.book(last);
    wake.send_replace(plant.engine.change().expect("a number"));
    until(&mut status, "the outage is noticed", |status| status.state == OutputState::Down).await;
    influx.start().await;
    let caught_up =
        |head: u64| move |status: &InfluxStatus| status.state == OutputState::Ok && status.cursor >= head;
    until(&mut status, "it catches up", caught_up(plant.engine.change().expect("a number"))).await;
    same(&influx.read().await, &super::rounds::at_once(&[early, last].concat()));

    plant.book(late);
    wake.send_replace(plant.engine.change().expect("a number"));
    until(&mut status, "late data are written", caught_up(plant.engine.change().expect("a number"))).await;
    same(&influx.read().await, &super::rounds::at_once(&all));
    let end = status.borrow().clone();
    assert_eq!((end.refused_points, end.not_erased, end.last_error), (0, 0, None));

    stop.send_replace(true);
    running.await.expect("no panic").expect("it ends well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_behind_tls_is_trusted_by_the_operators_authority_alone() {
    if !is_here(INFLUXD, "influxdb", "a_database_behind_tls_is_trusted_by_the_operators_authority_alone") {
        return;
    }
    let (ours, strange) = (Authority::new(), Authority::new());
    ours.sign("influx", Some("localhost"));
    let folder = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "https-enabled = true\nhttps-certificate = {:?}\nhttps-private-key = {:?}\n",
        ours.path("influx.pem"),
        ours.path("influx.key")
    );
    let mut influx = Influx::with(folder.path(), "https", &settings);
    influx.spawn();
    let ca = folder.path().join("ca.pem");
    let api = format!("api = \"v1\"\ndatabase = \"wl\"\nca_file = {ca:?}\n");
    let database = Database::new(&output(&influx.url, &api)).expect("an address");
    let body = || database.body(&lines(0..10).text);
    let Answer::Denied { why } = database.write(body()).await else { panic!("there is no such file") };
    assert!(why.contains("ca.pem"), "{why}");

    std::fs::copy(strange.path("ca.pem"), &ca).expect("copied");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let Answer::Later { why, .. } = database.write(body()).await else { panic!("a stranger vouches") };
        if why.contains("certificate") {
            break;
        }
        assert!(Instant::now() < deadline, "{why}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The file is read again by a database that runs on.
    std::fs::copy(ours.path("ca.pem"), &ca).expect("copied");
    database.create().await.expect("made");
    assert_eq!(database.write(body()).await, Answer::Accepted { expired: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_a_real_database_refuses_are_found_and_the_others_are_there() {
    if !is_here(INFLUXD, "influxdb", "lines_that_a_real_database_refuses_are_found_and_the_others_are_there")
    {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut influx = Influx::new(folder.path());
    influx.start().await;
    let stage = Stage::new(&influx.url, &format!("api = \"v1\"\ndatabase = \"{DATABASE}\"\n"));
    // The field is a float from now on.
    stage.writer.deliver(round(vec![lines(0..1)])).await.expect("delivered");
    let mut mixed = lines(1..5_000);
    let text = String::from_utf8(mixed.text).expect("text");
    let text = text.replace("amount=4321 ", "amount=4321i ").replace("amount=17 ", "amount=\"x\" ");
    mixed.text = text.into_bytes();
    stage.writer.deliver(round(vec![mixed])).await.expect("delivered");
    let status = stage.status.borrow().clone();
    assert_eq!((status.points, status.refused_points), (4_998, 2));
    let kept = stage.refused();
    assert!(kept.contains("amount=4321i 4321\n") && kept.contains("amount=\"x\" 17\n"), "{kept}");
    assert!(kept.contains("field type conflict"), "{kept}");
    assert_eq!(influx.count("amount").await, 4_998);

    // What is older than it keeps is no reason to stay behind.
    influx
        .ask(&format!("ALTER RETENTION POLICY autogen ON \"{DATABASE}\" DURATION 1h SHARD DURATION 1h"))
        .await;
    stage.writer.deliver(round(vec![lines(5_000..5_100)])).await.expect("delivered");
    let status = stage.status.borrow().clone();
    assert_eq!((status.points, status.refused_points, status.state), (4_998, 102, OutputState::Ok));
}
