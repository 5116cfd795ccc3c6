//! One chain from a broker to a database: agent, collector and InfluxDB, each a process of its own.

use crate::influx::{DATABASE, Influx, http_client};
use crate::mosquitto::{Mosquitto, ROOMY};
use crate::processes::{Program, free_port, run, wattledger};
use crate::servers::Servers;
use crate::wait::{SOON, until};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// What the two configurations of a chain say beside names, addresses and folders.
pub(crate) struct Setting {
    /// `[[source.mqtt.rule]]` tables of the agent.
    pub(crate) rules: String,
    /// `[[site]]`, `[[facility]]` and `[[meter]]` tables of the collector.
    pub(crate) places: String,
    /// How long raw readings are kept.
    pub(crate) retention: &'static str,
}

pub(crate) const SITE: &str = "golden";
/// What the agent calls itself to the sensors' broker.
pub(crate) const LISTENER: &str = "wattledger-golden-hall-agent-floor";

pub(crate) struct Chain {
    // Declared first, so ended first: the collector would log that its database has gone.
    pub(crate) agent: Program,
    pub(crate) collector: Program,
    pub(crate) influx: Influx,
    /// The broker between agent and collector.
    pub(crate) link: Mosquitto,
    /// The broker that the sensors publish to.
    pub(crate) sensors: Mosquitto,
    collector_config: PathBuf,
    /// Where the page answers, `host:port`.
    pub(crate) web: String,
    http: reqwest::Client,
    // Removed when everything above has ended.
    _folder: TempDir,
}

impl Chain {
    /// Writes the configurations and checks them with `wattledger check`; nothing runs yet.
    pub(crate) async fn new(servers: &Servers, setting: &Setting) -> Chain {
        let folder = tempfile::Builder::new().prefix("wattledger-").tempdir().expect("a folder can be made");
        let at = folder.path();
        let sensors = Mosquitto::new(&servers.mosquitto, at, "sensors", ROOMY);
        let link = Mosquitto::new(&servers.mosquitto, at, "link", ROOMY);
        let influx = Influx::new(servers, at, "influxdb");
        let web = format!("127.0.0.1:{}", free_port());
        let agent_config = write(at, "agent.toml", &agent_toml(at, setting, &link, &sensors));
        let collector_config =
            write(at, "collector.toml", &collector_toml(at, setting, &link, &influx, &web));
        run(wattledger(), &["check", text(&agent_config), text(&collector_config)]).await;
        let agent = Program::new(at, "agent", wattledger(), &["agent", text(&agent_config)]);
        let collector = Program::new(at, "collector", wattledger(), &["collector", text(&collector_config)]);
        let http = http_client();
        Chain { agent, collector, influx, link, sensors, collector_config, web, http, _folder: folder }
    }

    /// Starts everything and waits until sensors are heard.
    pub(crate) async fn start(&mut self, filter: &str) {
        self.sensors.start().await;
        self.link.start().await;
        self.influx.start().await;
        self.start_collector().await;
        self.agent.start();
        self.sensors.wait_subscribed(LISTENER, filter).await;
    }

    pub(crate) async fn start_collector(&mut self) {
        self.collector.start();
        let url = format!("http://{}/healthz", self.web);
        let (collector, http) = (&mut self.collector, &self.http);
        until("the collector answers", SOON, async || {
            collector.expect_running()?;
            let answer = http.get(&url).send().await.map_err(|error| error.to_string())?;
            Ok(answer.status())
        })
        .await;
    }

    /// Where the collector keeps everything.
    pub(crate) fn collector_dir(&self) -> PathBuf {
        self.collector_config.with_file_name("collector")
    }

    /// What the page would show now.
    pub(crate) async fn snapshot(&self) -> Result<Value, String> {
        let url = format!("http://{}/api/snapshot", self.web);
        let answer = self.http.get(&url).send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("{url}: {status}"));
        }
        answer.json().await.map_err(|error| error.to_string())
    }

    /// Waits until the horizon of a facility is `as_of` and everything is in the database.
    pub(crate) async fn wait_written(&self, facility: &str, as_of: i64, limit: Duration) {
        let as_of = chrono::DateTime::from_timestamp_millis(as_of).expect("an instant").to_rfc3339();
        until(&format!("`{facility}` is written as of {as_of}"), limit, async || {
            let snapshot = self.snapshot().await?;
            let seen = entry(&snapshot["facilities"], "name", facility)["as_of"].as_str().unwrap_or("null");
            if !same_instant(seen, &as_of) {
                return Err(format!("as of {seen}"));
            }
            written(&snapshot)
        })
        .await;
    }

    /// The digest of the whole ledger, asked of the running collector.
    pub(crate) async fn digest(&self) -> String {
        let printed =
            run(wattledger(), &["ledger", "digest", "--config", text(&self.collector_config)]).await;
        printed.trim().to_owned()
    }

    /// What a command prints that is given the collector's configuration.
    pub(crate) async fn command(&self, arguments: &[&str]) -> String {
        run(wattledger(), &[arguments, &["--config", text(&self.collector_config)]].concat()).await
    }

    /// `wattledger influx`, beside the running collector or without it; its exit code and what it printed.
    pub(crate) async fn influx_command(&self, command: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut process = std::process::Command::new(wattledger());
        process.args(["influx", command, "--config", text(&self.collector_config)]).args(arguments);
        let ended = tokio::task::spawn_blocking(move || process.output().expect("the program runs"));
        let output = ended.await.expect("the call does not panic");
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(printed).expect("programs print UTF-8"))
    }

    /// `wattledger report`, from the running collector or from its store.
    pub(crate) async fn report(&self, facility: &str, period: &str, format: &str) -> String {
        let config = text(&self.collector_config);
        let arguments =
            ["report", "--config", config, "--facility", facility, "--period", period, "--format", format];
        run(wattledger(), &arguments).await
    }
}

/// A hall with a register each of electricity in, IT load and water, in kWh and m³ of a message's `total`.
pub(crate) fn three_registers() -> Setting {
    let meter = |name: &str, role: &str, unit: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nsite = \"{SITE}\"\nfacility = \"hall\"\nrole = \"{role}\"\n\
             kind = \"register\"\nunit = \"{unit}\"\nnominal_interval = \"15m\"\n\n"
        )
    };
    Setting {
        rules: r#"
[[source.mqtt.rule]]
topic = "hall/{meter}"
meter = "{meter}"
value = "/total"
time = "/time"
time_format = "epoch-ms"
unit_path = "/unit"
"#
        .to_owned(),
        places: format!(
            "[[site]]\nname = \"{SITE}\"\ntime_zone = \"America/Denver\"\n\n\
             [[facility]]\nname = \"hall\"\nsite = \"{SITE}\"\nemission_factor = \"0.4 kg/kWh\"\ntargets = [\"D130\"]\n\n{}{}{}",
            meter("main", "utility", "kWh"),
            meter("it", "it-input", "kWh"),
            meter("water", "water", "m3")
        ),
        retention: "400d",
    }
}

/// Whether every output has caught up with the ledger.
pub(crate) fn written(snapshot: &Value) -> Result<(), String> {
    let outputs = snapshot["outputs"].as_array().map_or(&[][..], Vec::as_slice);
    let behind = |output: &&Value| output["cursor"] != output["head"] || output["state"] != "ok";
    match outputs.iter().find(behind) {
        None if outputs.is_empty() => Err("no output".to_owned()),
        None => Ok(()),
        Some(output) => Err(output.to_string()),
    }
}

/// The object of a list whose `key` is `value`; null where there is none.
pub(crate) fn entry<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let entries = list.as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().find(|entry| entry[key] == value).unwrap_or(&Value::Null)
}

fn same_instant(one: &str, other: &str) -> bool {
    let read = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    read(one).is_some_and(|one| Some(one) == read(other))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths are UTF-8")
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file can be written");
    path
}

fn agent_toml(folder: &Path, setting: &Setting, link: &Mosquitto, sensors: &Mosquitto) -> String {
    format!(
        r#"[agent]
name = "hall-agent"
site = "{SITE}"
collector = "campus"
data_dir = "{folder}/agent"

[link]
broker = "{link}"

[[source.mqtt]]
name = "floor"
broker = "{sensors}"
{rules}"#,
        folder = folder.display(),
        link = link.url(),
        sensors = sensors.url(),
        rules = setting.rules
    )
}

fn collector_toml(folder: &Path, setting: &Setting, link: &Mosquitto, influx: &Influx, web: &str) -> String {
    format!(
        r#"[collector]
name = "campus"
data_dir = "{folder}/collector"

[link]
broker = "{link}"

[retention]
raw = "{retention}"

[web]
listen = "{web}"

[[output.influx]]
name = "history"
url = "{url}"
api = "v1"
database = "{DATABASE}"

{places}"#,
        folder = folder.display(),
        link = link.url(),
        retention = setting.retention,
        url = influx.url(),
        places = setting.places
    )
}
