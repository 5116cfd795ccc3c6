//! A real Prometheus scrapes a running collector, and says what the collector says.

use crate::chain::{Chain, SITE, entry, three_registers};
use crate::esif::LONG;
use crate::influx::http_client;
use crate::processes::{Program, free_port, installed, run};
use crate::publish::{Message, publish};
use crate::servers::{PROMETHEUS, PROMTOOL, Servers};
use crate::wait::{SOON, until};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const QUARTER_MS: i64 = 900_000;
/// Readings of each meter: a day and two hours.
const READINGS: i64 = 105;

/// The files that are shipped for it.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/prometheus").join(name)
}

/// A Prometheus with a port and a folder of its own.
struct Prometheus {
    port: u16,
    program: Program,
    http: reqwest::Client,
}

impl Prometheus {
    /// One that scrapes an address every second, and has the rules that are shipped.
    fn new(program: &Path, folder: &Path, target: &str) -> Prometheus {
        let port = free_port();
        let text = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n\
             rule_files:\n  - {}\n\
             scrape_configs:\n  - job_name: wattledger\n    static_configs:\n      - targets: [\"{target}\"]\n",
            shipped("wattledger.rules.yml").display()
        );
        let config = folder.join("prometheus.yml");
        fs::write(&config, text).expect("a file can be written");
        let arguments = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("prometheus").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--log.level=warn".to_owned(),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let program = Program::new(folder, "prometheus", program, &arguments);
        Prometheus { port, program, http: http_client() }
    }

    async fn start(&mut self) {
        self.program.start();
        let ready = format!("http://127.0.0.1:{}/-/ready", self.port);
        let (program, http) = (&mut self.program, &self.http);
        until("Prometheus is ready", SOON, async || {
            program.expect_running()?;
            let answer = http.get(&ready).send().await.map_err(|error| error.to_string())?;
            if answer.status() == 200 { Ok(()) } else { Err(answer.status().to_string()) }
        })
        .await;
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let address = format!("http://127.0.0.1:{}{path}", self.port);
        let mut url = reqwest::Url::parse(&address).expect("an address");
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.http.get(url).send().await.map_err(|error| error.to_string())?;
        let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        if answer["status"] == "success" { Ok(answer["data"].clone()) } else { Err(answer.to_string()) }
    }

    /// The one number that a query comes to.
    async fn number(&self, query: &str) -> Result<f64, String> {
        let data = self.get("/api/v1/query", &[("query", query)]).await?;
        match data["result"].as_array().map(Vec::as_slice) {
            Some([one]) => {
                let value = one["value"][1].as_str().and_then(|text| text.parse().ok());
                value.ok_or_else(|| format!("{query}: {one}"))
            }
            other => Err(format!("{query}: {other:?}")),
        }
    }
}

fn messages(first: i64) -> Vec<Message> {
    let registers = [("main", 15.0, "kWh"), ("it", 11.5, "kWh"), ("water", 0.03, "m3")];
    let reading = |at: i64| {
        registers.map(|(meter, step, unit)| {
            let body = json!({ "total": at as f64 * step, "time": first + at * QUARTER_MS, "unit": unit });
            Message::new(format!("hall/{meter}"), body.to_string())
        })
    };
    (0..READINGS).flat_map(reading).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_says_what_the_collector_says() {
    const TEST: &str = "prometheus_says_what_the_collector_says";
    let Some(servers) = Servers::find(TEST) else { return };
    let Some([prometheus, promtool]) = installed(TEST, [PROMETHEUS, PROMTOOL]) else { return };
    for (what, file) in [("rules", "wattledger.rules.yml"), ("config", "prometheus.yml")] {
        run(&promtool, &["check", what, shipped(file).to_str().expect("paths are UTF-8")]).await;
    }
    let mut chain = Chain::new(&servers, &three_registers()).await;
    chain.start("hall/+").await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let first = (now / QUARTER_MS - READINGS) * QUARTER_MS;
    publish(chain.sensors.port, messages(first)).await;
    chain.wait_written("hall", first + (READINGS - 1) * QUARTER_MS, LONG).await;

    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut prometheus = Prometheus::new(&prometheus, folder.path(), &chain.web);
    prometheus.start().await;
    until("the collector is scraped", SOON, async || {
        match prometheus.number("up{job=\"wattledger\"}").await? {
            1.0 => prometheus.number("wattledger_pue_ratio{window=\"24h\"}").await,
            up => Err(format!("up is {up}")),
        }
    })
    .await;

    // No reading comes any more, so what was scraped is what is shown.
    let snapshot = chain.snapshot().await.expect("the page answers");
    let hall = entry(&snapshot["facilities"], "name", "hall");
    for window in hall["windows"].as_array().expect("windows") {
        let word = window["window"].as_str().expect("a word");
        let said = |name: &str| format!("{name}{{facility=\"hall\",site=\"{SITE}\",window=\"{word}\"}}");
        for (name, shown) in [
            ("wattledger_pue_ratio", &window["pue"]["value"]),
            ("wattledger_pue_coverage_ratio", &window["pue"]["coverage"]),
            ("wattledger_wue_liters_per_kilowatthour", &window["wue"]["value"]),
        ] {
            let seen = prometheus.number(&said(name)).await;
            match shown.as_f64() {
                Some(shown) => assert_eq!(seen, Ok(shown), "{name} {word}"),
                None => assert!(seen.is_err(), "{name} {word} is {seen:?} where nothing is known"),
            }
        }
    }
    let pue = prometheus.number("wattledger_pue_ratio{window=\"24h\"}").await.expect("it is there");
    assert!((pue - 15.0 / 11.5).abs() < 1e-12, "{pue}");
    let by_energies = "wattledger_pue_facility_energy_joules{window=\"24h\"} / wattledger_pue_it_energy_joules{window=\"24h\"}";
    let by_energies = prometheus.number(by_energies).await.expect("both are there");
    assert!((by_energies - pue).abs() < 1e-12, "{by_energies}, not {pue}");
    let readings = prometheus.number("wattledger_readings_total").await.expect("it is there");
    assert_eq!(readings, (3 * READINGS) as f64);
    let resident = prometheus.number("process_resident_memory_bytes").await.expect("it is there");
    assert!((1e6..1e9).contains(&resident), "{resident} bytes");

    // What is exposed is taken whole: no sample is out of order, or stands twice.
    let exposed = prometheus.number("scrape_samples_scraped").await.expect("it is there");
    let kept = prometheus.number("scrape_samples_post_metric_relabeling").await.expect("it is there");
    assert!(exposed == kept && exposed > 200.0, "{kept} of {exposed}");
    let rules = prometheus.get("/api/v1/rules", &[]).await.expect("an answer");
    let rules = rules["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
    assert!(rules.len() >= 8 && rules.iter().all(|rule| rule["lastError"].is_null()), "{rules:?}");
    until("the rules are judged", SOON, async || {
        let rules = prometheus.get("/api/v1/rules", &[]).await?;
        let all = rules["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
        if all.iter().all(|rule| rule["health"] == "ok") { Ok(()) } else { Err(format!("{all:?}")) }
    })
    .await;
    let printed = prometheus.program.printed();
    assert!(!printed.contains("level=error") && !printed.contains("level=warn"), "{printed}");
}
