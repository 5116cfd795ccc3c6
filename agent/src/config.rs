//! The agent's configuration: one TOML file, checked whole before anything uses it.

mod host;
mod nut;
pub(crate) mod rules;
mod sources;
mod sparkplug;

use crate::instant::TimeRule;
use crate::making::BatchConfig;
use crate::map::Rule;
use crate::source::host::{RaplZone, Roots};
use crate::source::names::NameTemplate;
use crate::sparkplug::SparkplugConfig;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use wattledger_link::session::{Broker, Secret, SecretError, SecretKeys, SecretSource, Tls};
use wattledger_model::batch::AgentKey;
use wattledger_model::document::{self, Document, Placed, Problems, Severity, Table, Value};
use wattledger_model::name::Name;
use wattledger_model::unit::Unit;

/// Readings in a batch at most: with the longest names it still fits the link's largest message.
const MAX_READINGS: usize = 5_000;
/// A spool smaller than this could not hold a few batches of the largest size.
const MIN_SPOOL_BYTES: u64 = 4 << 20;
/// A week of 500 meters every 10 s, at about 29 bytes a reading.
const DEFAULT_SPOOL_BYTES: u64 = 1 << 30;

/// Everything an agent needs to know.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The name of the file, for what is found wrong with it later.
    file: String,
    /// Who it is.
    pub agent: AgentKey,
    /// The collector whose word frees batches; no other's does.
    pub collector: Name,
    /// Where its spool is kept.
    pub data_dir: PathBuf,
    /// The broker between agent and collector.
    pub link: BrokerConfig,
    /// Bytes the spool may take on disk.
    pub spool_limit_bytes: u64,
    /// When a batch is written.
    pub batch: BatchConfig,
    /// Brokers that sensors publish to.
    pub mqtt: Vec<MqttConfig>,
    /// The agent's own machine.
    pub host: Option<HostConfig>,
    /// Daemons that have UPSs.
    pub nut: Vec<NutConfig>,
    /// Files of readings to play.
    pub replays: Vec<ReplayConfig>,
    /// What is allowed but may not be what was meant.
    pub warnings: Problems,
}

/// A broker, and where its password is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Address and user.
    pub broker: Broker,
    /// Where the password is kept.
    pub password: Option<Placed<SecretSource>>,
}

/// Sensors behind an MQTT broker.
#[derive(Debug, Clone)]
pub struct MqttConfig {
    /// Its name in the agent's status, and in the client id.
    pub name: Name,
    /// The sensors' broker.
    pub broker: BrokerConfig,
    /// From messages to readings.
    pub rules: Vec<Rule>,
    /// Where each of the rules is from, in their order.
    pub origins: Vec<RuleOrigin>,
    /// Sparkplug B nodes behind the same broker, if any are read.
    pub sparkplug: Option<SparkplugConfig>,
}

/// What a rule is called where people are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOrigin {
    /// Which `[[source.mqtt.rule]]` of its source it is from, from 1.
    pub number: usize,
    /// Which reading of a profile it is; `None` for a rule that is written out.
    pub reading: Option<String>,
}

/// The machine the agent runs on.
#[derive(Debug, Clone, PartialEq)]
pub struct HostConfig {
    /// Between two readings.
    pub interval: Duration,
    /// The meters' names, of `{hostname}` and `{zone}`.
    pub meter: NameTemplate,
    /// The energy registers to read, by kind; none where RAPL is not asked for.
    pub rapl: BTreeSet<RaplZone>,
    /// The greatest power in W of one such zone: how fast its register can go round.
    pub rapl_max_watts: f64,
    /// Whether power and temperature sensors are read.
    pub hwmon: bool,
    /// Chips whose sensors are read; empty for all.
    pub hwmon_chips: Vec<String>,
    /// Whether NVIDIA GPUs are read, where the agent is built with that.
    pub nvidia: bool,
    /// The driver's library, where it is not the usual one.
    pub nvidia_library: Option<PathBuf>,
    /// Where the kernel shows itself.
    pub roots: Roots,
}

/// UPSs behind an upsd of Network UPS Tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NutConfig {
    /// Its name in the agent's status, and in the meters' names.
    pub name: Name,
    /// Where upsd is.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The UPSs to read; empty for all it has.
    pub ups: Vec<String>,
    /// The variables to read, `*` at the end for whatever follows.
    pub variables: Vec<String>,
    /// Between two readings.
    pub interval: Duration,
    /// The meters' names, of `{source}`, `{ups}` and `{variable}`.
    pub meter: NameTemplate,
    /// The user of upsd.users, where upsd wants one.
    pub username: Option<String>,
    /// Where the password is kept.
    pub password: Option<Placed<SecretSource>>,
}

/// A CSV file of readings.
#[derive(Debug, Clone)]
pub struct ReplayConfig {
    /// Its name in the agent's status.
    pub name: Name,
    /// The file.
    pub file: PathBuf,
    /// Heading of the column with the instants.
    pub time_column: String,
    /// How they are written.
    pub time: TimeRule,
    /// How fast it is played.
    pub speed: Speed,
    /// The columns with values.
    pub columns: Vec<ReplayColumn>,
}

/// How fast a file is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// As fast as it is taken.
    Max,
    /// This many times as fast as it was recorded.
    Times(u32),
}

/// A column of a file, and the meter it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayColumn {
    /// Its heading.
    pub column: String,
    /// The meter.
    pub meter: Name,
    /// The unit of its values.
    pub unit: Option<Unit>,
    /// The length in ms of the interval whose mean a value is.
    pub interval_ms: Option<u32>,
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let times = text.strip_suffix('x').and_then(|times| times.parse().ok()).filter(|times| *times > 0);
        times.map(Speed::Times).ok_or_else(|| format!("`{text}` is not a speed: use max, 1x or, say, 60x"))
    }
}

impl BrokerConfig {
    /// Whether both name the same broker, as the same user.
    pub(crate) fn is_same(&self, other: &BrokerConfig) -> bool {
        let kept = |config: &BrokerConfig| config.password.clone().map(|password| password.value);
        self.broker == other.broker && kept(self) == kept(other)
    }

    /// The broker with its password, as it is kept now.
    ///
    /// # Errors
    /// [`SecretError`], which names the place and never the password.
    pub fn resolve(&self) -> Result<Broker, SecretError> {
        let mut broker = self.broker.clone();
        if let Some(password) = &self.password {
            broker.password = Some(password.value.read()?);
        }
        Ok(broker)
    }
}

impl NutConfig {
    /// The password, as it is kept now.
    ///
    /// # Errors
    /// [`SecretError`], which names the place and never the password.
    pub fn password(&self) -> Result<Option<Secret>, SecretError> {
        self.password.as_ref().map(|password| password.value.read()).transpose()
    }
}

impl AgentConfig {
    /// Reads a configuration. `file_name` is only for the messages.
    ///
    /// # Errors
    /// Every problem of the text, each with its place.
    pub fn parse(file_name: &str, text: &str) -> Result<AgentConfig, Problems> {
        let document = Document::parse(file_name, text);
        let made = read(&document, file_name);
        let (mut config, warnings) = document.conclude(made)?;
        config.warnings = warnings;
        Ok(config)
    }

    /// The passwords that cannot be used, all at once, each at its place. For the start, and for a check on the
    /// machine that the agent runs on, in the service's own environment.
    pub fn check_secrets(&self) -> Problems {
        let mut problems = Problems::of(&self.file);
        let brokers = self.mqtt.iter().filter_map(|source| source.broker.password.as_ref());
        let daemons = self.nut.iter().filter_map(|source| source.password.as_ref());
        for password in self.link.password.iter().chain(brokers).chain(daemons) {
            if let Err(error) = password.value.read() {
                problems.add(Severity::Error, password.place, error.to_string());
            }
        }
        problems
    }

    /// What there is to say of the certificates for TLS, a line for each broker that is reached so. They are on
    /// the machine that the agent runs on.
    pub fn certificates(&self) -> Vec<String> {
        let mut brokers: Vec<&Broker> = vec![&self.link.broker];
        for source in &self.mqtt {
            if !brokers.contains(&&source.broker.broker) {
                brokers.push(&source.broker.broker);
            }
        }
        let line = |broker: &&Broker| Some(format!("{broker}: {}", broker.tls.as_ref()?.standing()));
        brokers.iter().filter_map(line).collect()
    }

    /// The directory of the spool.
    pub fn spool_dir(&self) -> PathBuf {
        self.data_dir.join("spool")
    }
}

fn read(document: &Document<'_>, file: &str) -> Option<AgentConfig> {
    let mut root = document.root();
    let mut agent = root.table("agent");
    let name = agent.required("name", document::name);
    let site = agent.required("site", document::name);
    let collector = agent.required("collector", document::name);
    let data_dir = agent.required("data_dir", document::string);
    drop(agent);
    let link = read_broker(&mut root.table("link"), None);
    let spool_limit_bytes = root.table("spool").optional("limit", spool_limit);
    let mut batch = root.table("batch");
    let max_readings = batch.optional("max_readings", max_readings);
    let linger = batch.optional("linger", document::duration);
    drop(batch);
    let sources = sources::read(&mut root, link.as_ref());
    Some(AgentConfig {
        file: file.to_owned(),
        agent: AgentKey { site: site?.value, agent: name?.value },
        collector: collector?.value,
        data_dir: data_dir?.value.into(),
        link: link?,
        spool_limit_bytes: spool_limit_bytes.map_or(DEFAULT_SPOOL_BYTES, |limit| limit.value),
        batch: BatchConfig {
            max_readings: max_readings.map_or(500, |max| max.value),
            linger: linger.map_or(Duration::from_secs(1), |linger| linger.value),
        },
        mqtt: sources.mqtt,
        host: sources.host,
        nut: sources.nut,
        replays: sources.replays,
        warnings: Problems::default(),
    })
}

/// A broker's address, user, password and certificates. `default` is for a table that names none.
fn read_broker(table: &mut Table<'_>, default: Option<&BrokerConfig>) -> Option<BrokerConfig> {
    let own = default.is_none() || table.has("broker");
    let broker = if own { table.required("broker", document::parsed::<Broker>) } else { None };
    let (username, password) = read_user(table);
    let mut config = match broker {
        Some(broker) => BrokerConfig { broker: broker.value, password: None },
        None if own => return None,
        None => default?.clone(),
    };
    if own {
        Tls::read(table, &mut config.broker.tls);
    }
    if let Some(username) = username {
        config.broker.username = Some(username);
        config.password = password;
    }
    Some(config)
}

/// `username`, and where its password is kept.
fn read_user(table: &mut Table<'_>) -> (Option<String>, Option<Placed<SecretSource>>) {
    let username = table.optional("username", document::string).map(|username| username.value);
    let password = SecretSource::of_table(table, SecretKeys::PASSWORD);
    if let (Some(password), None) = (&password, &username) {
        let key = SecretKeys::PASSWORD.of(&password.value);
        table.document().error(password.place, format!("`{key}` needs a `username` beside it"));
    }
    (username, password)
}

fn spool_limit(value: &Value<'_>) -> Result<u64, String> {
    let limit = document::bytes(value)?;
    if limit < MIN_SPOOL_BYTES {
        return Err(format!("{limit} bytes are too few; allow at least 4 MiB"));
    }
    Ok(limit)
}

fn max_readings(value: &Value<'_>) -> Result<usize, String> {
    let max: usize = document::integer(value)?;
    if !(1..=MAX_READINGS).contains(&max) {
        return Err(format!("{max} is not within 1 to {MAX_READINGS}"));
    }
    Ok(max)
}

#[cfg(test)]
mod tests;
