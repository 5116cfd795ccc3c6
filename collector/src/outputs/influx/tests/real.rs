//! Against InfluxDB 1.x itself, which is killed in the middle.

use super::super::InfluxStatus;
use super::super::run::Output;
use super::super::write::Pace;
use super::derived::DERIVED;
use super::memory::Memory;
use super::plant::{DAYS, Plant, config, readings};
use crate::outputs::snapshot::OutputState;
use serde_json::Value;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::sync::watch;

const INFLUXD: &str = "/usr/bin/influxd";
const DATABASE: &str = "wl test";

struct Influx {
    child: Option<Child>,
    config: PathBuf,
    url: String,
    client: reqwest::Client,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

impl Influx {
    /// A server that does not run yet.
    fn new(folder: &Path) -> Influx {
        let (http, rpc) = (free_port(), free_port());
        let text = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n\
             [meta]\ndir = {meta:?}\n[data]\ndir = {data:?}\nwal-dir = {wal:?}\nquery-log-enabled = false\n\
             [monitor]\nstore-enabled = false\n[subscriber]\nenabled = false\n[continuous_queries]\nenabled = false\n\
             [http]\nbind-address = \"127.0.0.1:{http}\"\nlog-enabled = false\n[logging]\nlevel = \"error\"\n",
            meta = folder.join("meta"),
            data = folder.join("data"),
            wal = folder.join("wal"),
        );
        let config = folder.join("influxdb.conf");
        std::fs::write(&config, text).expect("written");
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Influx { child: None, config, url: format!("http://127.0.0.1:{http}"), client }
    }

    async fn start(&mut self) {
        let mut command = Command::new(INFLUXD);
        command.arg("run").arg("-config").arg(&self.config);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("influxd starts"));
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

    /// Every point of the measurements that derive from the ledger.
    async fn read(&self) -> Memory {
        let mut memory = Memory::default();
        for measurement in DERIVED.iter().map(|measurement| measurement.name) {
            let mut url = reqwest::Url::parse(&format!("{}/query", self.url)).expect("an address");
            let query = format!("SELECT * FROM \"{measurement}\" GROUP BY *");
            url.query_pairs_mut().extend_pairs([("db", DATABASE), ("epoch", "ms"), ("q", &query)]);
            let body = self.client.get(url).send().await.expect("answers").text().await.expect("text");
            let answer: Value = serde_json::from_str(&body).expect("JSON");
            for series in answer["results"][0]["series"].as_array().unwrap_or_else(|| panic!("{body:.500}")) {
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

fn influxd_is_here(test: &str) -> bool {
    if Path::new(INFLUXD).exists() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{INFLUXD} is missing: apt-get install influxdb"
    );
    // Past the capture of the test harness: nobody is to think that this was tested.
    let line = format!("SKIPPED {test}: {INFLUXD} is missing; apt-get install influxdb\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
    false
}

async fn until(
    status: &mut watch::Receiver<InfluxStatus>,
    what: &str,
    holds: impl FnMut(&InfluxStatus) -> bool,
) {
    let waited = tokio::time::timeout(Duration::from_secs(120), status.wait_for(holds)).await;
    assert!(waited.is_ok_and(|status| status.is_ok()), "{what}: {:?}", status.borrow());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_point_is_there_after_the_database_was_killed_and_late_data_came() {
    if !influxd_is_here("every_point_is_there_after_the_database_was_killed") {
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
