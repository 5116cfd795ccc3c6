//! An agent and a collector, each a process of its own, and what the collector's store holds in the end.

use crate::processes::{Program, run, wattledger};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use wattledger_collector::clock;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::receipts::{self, Receipt};
use wattledger_collector::store::{self, Layout, MeterId};

pub(crate) const SITE: &str = "hall";

/// What the configurations of a pair say beside names and folders.
pub(crate) struct Setting {
    /// The agent's name.
    pub(crate) agent: &'static str,
    /// What stands in the agent's `[link]`, and in the collector's.
    pub(crate) agent_link: String,
    pub(crate) collector_link: String,
    /// What stands in the agent's `[[source.mqtt]]`, rules among it.
    pub(crate) sensors: String,
    /// Further tables of the agent.
    pub(crate) limits: &'static str,
    /// `[[meter]]` tables of the collector.
    pub(crate) meters: String,
}

pub(crate) struct Pair {
    pub(crate) agent: Program,
    pub(crate) collector: Program,
    /// The collector's configuration.
    pub(crate) config: PathBuf,
    /// The collector's store.
    pub(crate) store: Layout,
    name: &'static str,
}

/// Readings by meter and instant, ms since the epoch: their values as they were sent.
pub(crate) type Readings = BTreeMap<(String, i64), String>;

impl Pair {
    /// Writes the configurations into a folder below `folder` and checks them; nothing runs yet.
    pub(crate) async fn new(folder: &Path, name: &str, setting: &Setting) -> Pair {
        let home = folder.join(name);
        fs::create_dir(&home).expect("a folder can be made");
        let agent = write(&home, "agent.toml", &agent_toml(&home, setting));
        let config = write(&home, "collector.toml", &collector_toml(&home, setting));
        run(wattledger(), &["check", text(&agent), text(&config)]).await;
        Pair {
            agent: Program::new(folder, &format!("{name}-agent"), wattledger(), &["agent", text(&agent)]),
            collector: Program::new(
                folder,
                &format!("{name}-collector"),
                wattledger(),
                &["collector", text(&config)],
            ),
            config,
            store: Layout::new(&home.join("collector")),
            name: setting.agent,
        }
    }

    /// The receipt of the agent's only spool, as the collector's store has it now.
    pub(crate) fn receipt(&self) -> Result<Receipt, String> {
        let connection = store::open_reader(&self.store).map_err(|error| error.to_string())?;
        let rows = receipts::read(&connection, 0).map_err(|error| error.to_string())?;
        let rows: Vec<_> = rows.iter().filter(|row| row.of.0.agent.as_str() == self.name).collect();
        let last = rows.last().ok_or("there is no receipt yet")?;
        assert!(rows.iter().all(|row| row.of == last.of), "one agent has one spool: {rows:?}");
        Ok(last.receipt)
    }

    /// The receipt, once nothing is under way and at least so many readings are accounted for.
    pub(crate) fn settled(&mut self, readings: usize) -> Result<Receipt, String> {
        self.agent.expect_running()?;
        self.collector.expect_running()?;
        let receipt = self.receipt()?;
        let is_settled = receipt.waiting == 0
            && receipt.committed + receipt.told_thinned + receipt.told_lost == receipt.taken_in
            && receipt.taken_in >= readings as u64;
        if is_settled { Ok(receipt) } else { Err(format!("{receipt:?}, of {readings} readings")) }
    }

    /// Asks both to end, the agent first, and expects them to do it in order.
    pub(crate) async fn stop(&mut self) {
        for program in [&mut self.agent, &mut self.collector] {
            assert!(program.stop().await.success());
            let printed = program.printed();
            assert!(!printed.contains("panicked"), "a task has panicked:\n{printed}");
        }
    }

    /// The raw readings in the store of a collector that was stopped.
    pub(crate) fn readings(&self) -> Readings {
        let written = fs::read_to_string(&self.config).expect("the configuration is there");
        let config = CollectorConfig::parse("collector.toml", &written).expect("it was checked");
        let mut engine =
            wattledger_collector::open_engine(&config, clock::now()).expect("nobody else has it open");
        engine.compact().expect("readings move to the raw store");
        drop(engine);
        let connection = store::open_reader(&self.store).expect("a store");
        let meters = store::meters(&connection).expect("meters");
        let names: HashMap<MeterId, String> =
            meters.into_iter().map(|(key, id)| (id, key.meter.to_string())).collect();
        let mut statement = connection.prepare("SELECT meter, block FROM raw").expect("a table");
        let mut rows = statement.query(()).expect("readable");
        let mut all = Readings::new();
        while let Some(row) = rows.next().expect("readable") {
            let meter: MeterId = row.get("meter").expect("a number");
            let block: Vec<u8> = row.get("block").expect("bytes");
            for reading in store::raw::decode(&block).expect("a block") {
                let of = (names[&meter].clone(), reading.at.0);
                let before = all.insert(of.clone(), reading.value.to_string());
                assert!(before.is_none(), "{of:?} is there twice");
            }
        }
        all
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("paths are UTF-8")
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file can be written");
    path
}

fn agent_toml(home: &Path, setting: &Setting) -> String {
    let Setting { agent, agent_link, sensors, limits, .. } = setting;
    format!(
        r#"[agent]
name = "{agent}"
site = "{SITE}"
collector = "campus"
data_dir = "{home}/agent"

[link]
{agent_link}

{limits}

[[source.mqtt]]
name = "floor"
{sensors}"#,
        home = home.display(),
    )
}

fn collector_toml(home: &Path, setting: &Setting) -> String {
    let Setting { collector_link, meters, .. } = setting;
    format!(
        r#"[collector]
name = "campus"
data_dir = "{home}/collector"

[link]
{collector_link}

[web]
enabled = false

[[site]]
name = "{SITE}"
time_zone = "Europe/Berlin"

[[facility]]
name = "hall-1"
site = "{SITE}"

{meters}"#,
        home = home.display(),
    )
}
