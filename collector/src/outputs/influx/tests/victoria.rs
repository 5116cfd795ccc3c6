//! Against VictoriaMetrics, which takes the line protocol of InfluxDB 2. It takes a text as the number 0, so it
//! vouches for numbers and times only.

use super::super::InfluxStatus;
use super::super::run::Output;
use super::plant::{DAYS, Plant, config, readings};
use super::real::{free_port, is_here, until};
use super::stage::SHORT;
use crate::outputs::snapshot::OutputState;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::sync::watch;

const VICTORIA: &str = "/usr/bin/victoria-metrics";

struct Victoria {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Victoria {
    async fn start(folder: &Path) -> Victoria {
        let port = free_port();
        let child = Command::new(VICTORIA)
            .arg(format!("-storageDataPath={}", folder.display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            // Its default keeps a month.
            .args(["-retentionPeriod=100y", "-search.disableCache", "-loggerLevel=ERROR"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let victoria = Victoria { child, url: format!("http://127.0.0.1:{port}"), client };
        for _ in 0..600 {
            if victoria.get("/health").await.is_some() {
                return victoria;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("victoria-metrics does not answer");
    }

    async fn get(&self, path: &str) -> Option<String> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.ok()?;
        if answer.status().is_success() { answer.text().await.ok() } else { None }
    }

    /// Every sample of what the ledger says: by series and field, by time in ms.
    async fn read(&self) -> BTreeMap<String, BTreeMap<i64, f64>> {
        self.get("/internal/force_flush").await.expect("it makes its data visible");
        let path = "/api/v1/export?match[]=%7B__name__%3D~%22wl_.%2B%22%7D&start=0&end=4000000000";
        let exported = self.get(path).await.expect("it exports");
        let mut all: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
        for line in exported.lines() {
            let series: Value = serde_json::from_str(line).expect("JSON");
            let tags =
                series["metric"].as_object().expect("tags").iter().filter(|(name, _)| *name != "__name__");
            let mut tags: Vec<String> =
                tags.map(|(name, value)| format!(",{name}={}", value.as_str().expect("text"))).collect();
            tags.sort();
            let name = series["metric"]["__name__"].as_str().expect("a name");
            let times = series["timestamps"].as_array().expect("times").iter();
            let values = series["values"].as_array().expect("values");
            let samples = times.zip(values).map(|(at, value)| {
                let at: i64 = at.to_string().parse().expect("a time");
                (at, value.to_string().parse::<f64>().expect("a number"))
            });
            all.entry(format!("{name}{}", tags.concat())).or_default().extend(samples);
        }
        all
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victoria_metrics_holds_every_number_of_the_ledger() {
    if !is_here(VICTORIA, "victoria-metrics", "victoria_metrics_holds_every_number_of_the_ledger") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let victoria = Victoria::start(&folder.path().join("victoria")).await;
    let text = format!(
        "[[output.influx]]\nname = \"main\"\nurl = \"{}\"\napi = \"v2\"\norg = \"any\"\nbucket = \"wl\"\n",
        victoria.url
    );
    let mut plant = Plant::open(&folder.path().join("collector"), config(&text));
    let all = readings(DAYS);
    plant.book(&all);
    let (_wake, woken) = watch::channel(plant.engine.change().expect("a number"));
    let (stop, stopped) = watch::channel(false);
    let (status_sender, mut status) = watch::channel(InfluxStatus::default());
    let output = Output {
        config: plant.config.influx[0].clone(),
        layout: plant.layout.clone(),
        store_id: plant.engine.store_id(),
        pace: SHORT,
    };
    let running = tokio::spawn(output.run(plant.view(&plant.config), woken, None, stopped, status_sender));
    let head = plant.engine.change().expect("a number");
    until(&mut status, "it catches up", |status| status.state == OutputState::Ok && status.cursor >= head)
        .await;
    stop.send_replace(true);
    running.await.expect("no panic").expect("it ends well");
    assert_eq!(status.borrow().refused_points, 0);

    let seen = victoria.read().await;
    let mut expected: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    for ((key, at), fields) in super::rounds::at_once(&all).derived() {
        let (measurement, tags) = key.split_once(',').expect("a key has tags");
        for (field, value) in fields {
            // It keeps integers as floats, and texts as 0.
            let number = value.trim_end_matches('i').parse().unwrap_or(0.0);
            expected.entry(format!("{measurement}_{field},{tags}")).or_default().insert(at, number);
        }
    }
    let mut compared = 0;
    for (series, samples) in &expected {
        let found = seen.get(series).unwrap_or_else(|| panic!("{series} is missing"));
        assert_eq!(found.len(), samples.len(), "{series}");
        for ((at, found), (at_expected, value)) in found.iter().zip(samples) {
            // It keeps twelve digits.
            assert!(
                at == at_expected && (found - value).abs() <= 1e-11 * value.abs(),
                "{series} {at}: {found}, expected {value}"
            );
            compared += 1;
        }
        let sums = [found.values().sum::<f64>(), samples.values().sum::<f64>()];
        assert!((sums[0] - sums[1]).abs() <= 1e-9 * sums[1].abs(), "{series}: {sums:?}");
    }
    assert!(compared > 100_000, "{compared} samples");
    let derived = |series: &&String| !series.starts_with("wl_now_") && !series.starts_with("wl_agent_");
    assert_eq!(seen.keys().filter(derived).count(), expected.len(), "and nothing else");
}
