//! Link and sensors over brokers that are not mosquitto, which are killed like everything else.

use crate::load::{Load, RULES, meters};
use crate::pair::{Pair, Setting, text};
use crate::processes::{Program, free_port, installed, wattledger};
use crate::publish::publish;
use crate::wait::{SOON, turn, until};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::net::TcpStream;
use wattledger_collector::store;

/// RabbitMQ takes a minute to start on a busy machine, and does so twice here.
const PATIENCE: Duration = Duration::from_secs(300);

/// A broker that is started with a configuration of its own.
struct Broker {
    program: Program,
    port: u16,
    /// What it prints once it serves.
    ready: &'static str,
    starts: usize,
}

impl Broker {
    async fn start(&mut self) {
        self.program.start();
        self.starts += 1;
        let (port, ready, starts) = (self.port, self.ready, self.starts);
        let program = &mut self.program;
        until("the broker serves", PATIENCE, async || {
            program.expect_running()?;
            let printed = program.printed();
            if printed.matches(ready).count() < starts {
                return Err(printed);
            }
            TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }
}

/// The MQTT of nats-server, which keeps it in a JetStream.
fn nats(program: &Path, folder: &Path) -> Broker {
    let (port, own) = (free_port(), free_port());
    let config = folder.join("nats.conf");
    let state = folder.join("jetstream");
    let written = format!(
        "server_name: wattledger\nlisten: \"127.0.0.1:{own}\"\njetstream {{ store_dir: \"{}\" }}\n\
         mqtt {{ listen: \"127.0.0.1:{port}\" }}\n",
        state.display()
    );
    fs::write(&config, written).expect("a file can be written");
    let program = Program::new(folder, "nats-server", program, &["-c", text(&config)]);
    Broker { program, port, ready: "Server is ready", starts: 0 }
}

/// The MQTT of RabbitMQ, as a node of its own, with the names of its own nodes.
fn rabbitmq(script: &Path, folder: &Path, names: u16) -> Broker {
    let (port, distribution) = (free_port(), free_port());
    let home = folder.join("rabbitmq");
    fs::create_dir(&home).expect("a folder can be made");
    let config = format!(
        "listeners.tcp = none\nmqtt.listeners.tcp.1 = 127.0.0.1:{port}\nmqtt.allow_anonymous = true\n"
    );
    fs::write(home.join("rabbitmq.conf"), config).expect("a file can be written");
    fs::write(home.join("plugins"), "[rabbitmq_mqtt].\n").expect("a file can be written");
    let at = home.display();
    let variables = [
        format!("HOME={at}"),
        // The node is the process itself then, in place of a child of a script that would outlive it.
        "RUNNING_UNDER_SYSTEMD=true".to_owned(),
        format!("ERL_EPMD_PORT={names}"),
        format!("RABBITMQ_NODENAME=wattledger-{port}@localhost"),
        format!("RABBITMQ_DIST_PORT={distribution}"),
        "RABBITMQ_CONF_ENV_FILE=/dev/null".to_owned(),
        format!("RABBITMQ_CONFIG_FILE={at}/rabbitmq.conf"),
        format!("RABBITMQ_ENABLED_PLUGINS_FILE={at}/plugins"),
        format!("RABBITMQ_MNESIA_BASE={at}/mnesia"),
        format!("RABBITMQ_GENERATED_CONFIG_DIR={at}/generated"),
        format!("RABBITMQ_LOG_BASE={at}"),
        "RABBITMQ_LOGS=-".to_owned(),
        // Idle schedulers leave the processor to others, and nobody outside is listened to.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none \
         -kernel inet_dist_use_interface {127,0,0,1}"
            .to_owned(),
    ];
    let arguments: Vec<&str> = variables.iter().map(String::as_str).chain([text(script)]).collect();
    let program = Program::new(folder, "rabbitmq-server", "/usr/bin/env", &arguments);
    Broker { program, port, ready: "Server startup complete", starts: 0 }
}

fn setting(broker: u16) -> Setting {
    let link = format!("broker = \"mqtt://127.0.0.1:{broker}\"");
    Setting {
        agent: "other",
        agent_link: link.clone(),
        collector_link: link,
        sensors: RULES.to_owned(),
        limits: "",
        meters: meters(),
    }
}

/// How often the agent has told that both its sessions are there.
async fn wait_connected(pair: &Pair, times: usize) {
    until("the agent listens to the sensors, and speaks", SOON, async || {
        let printed = pair.agent.printed();
        let connected = |client: &str| {
            let client = format!("client_id=\"{client}\"");
            let is_so = |line: &&str| line.contains(" connected to the broker") && line.contains(&client);
            printed.lines().filter(is_so).filter(|line| !line.contains("not connected")).count()
        };
        let seen = [connected("wattledger-hall-other-floor"), connected("wattledger-hall-other")];
        if seen.iter().all(|seen| *seen >= times) { Ok(()) } else { Err(format!("{seen:?} of {times}")) }
    })
    .await;
}

/// How many different readings have come to the raw store, beside the running collector. A receipt counts what a
/// broker delivered again as often as it came.
fn stored(pair: &Pair) -> usize {
    let connection = store::open_reader(&pair.store).expect("a store");
    let mut statement = connection.prepare("SELECT block FROM raw").expect("a table");
    let mut rows = statement.query(()).expect("readable");
    let mut count = 0;
    while let Some(row) = rows.next().expect("readable") {
        let block: Vec<u8> = row.get("block").expect("bytes");
        count += store::raw::decode(&block).expect("a block").len();
    }
    count
}

/// Readings go from sensors to the store over this broker, whatever is killed.
async fn carries(mut broker: Broker, folder: &Path) {
    let mut pair = Pair::new(folder, "pair", &setting(broker.port)).await;
    broker.start().await;
    pair.collector.start();
    pair.agent.start();
    wait_connected(&pair, 1).await;
    let mut load = Load::new();
    publish(broker.port, load.messages(0..60)).await;

    pair.collector.kill();
    publish(broker.port, load.messages(60..120)).await;
    pair.collector.start();

    // What sensors say meanwhile waits in the broker.
    pair.agent.kill();
    publish(broker.port, load.messages(120..180)).await;
    pair.agent.start();
    until("all is with the collector and the receipt adds up", PATIENCE, async || {
        pair.settled(load.known.len())
    })
    .await;

    broker.program.kill();
    broker.start().await;
    wait_connected(&pair, 3).await;
    publish(broker.port, load.messages(180..240)).await;
    let receipt = until("all is with the collector and the receipt adds up", PATIENCE, async || {
        let receipt = pair.settled(load.known.len())?;
        let (stored, known) = (stored(&pair), load.known.len());
        if stored >= known {
            Ok(receipt)
        } else {
            Err(format!("{stored} of {known} are stored: {receipt:?}"))
        }
    })
    .await;
    let gone = [receipt.thinned, receipt.lost, receipt.quarantined, receipt.missing_batches];
    assert_eq!((gone, receipt.unaccounted()), ([0; 4], 0), "{receipt:?}");
    pair.stop().await;
    let readings = pair.readings();
    let missing: Vec<_> = load.known.iter().filter(|(of, value)| readings.get(of) != Some(value)).collect();
    assert!(missing.is_empty(), "{} of {} are missing: {missing:?}", missing.len(), load.known.len());
    assert_eq!(readings.len(), load.known.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_carries_sensors_and_link() {
    let Some([program]) = installed("nats", [("nats-server", "NATS (Debian: nats-server)")]) else { return };
    let _turn = turn().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    carries(nats(&program, folder.path()), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_carries_sensors_and_link() {
    let words = "RabbitMQ (Debian: rabbitmq-server)";
    let Some([_, names]) = installed("rabbitmq", [("rabbitmq-server", words), ("epmd", words)]) else {
        return;
    };
    // What is on the path may be a wrapper that becomes the user of the system's own service.
    let script = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    assert!(script.exists(), "{} is not there: this test knows Debian's RabbitMQ", script.display());
    let _turn = turn().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    // Erlang would start one of its own that stays.
    let port = free_port();
    let mut daemon =
        Program::new(folder.path(), "epmd", names, &["-address", "127.0.0.1", "-port", &port.to_string()]);
    daemon.start();
    until("names are served", SOON, async || {
        daemon.expect_running()?;
        TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|error| error.to_string())
    })
    .await;
    carries(rabbitmq(script, folder.path(), port), folder.path()).await;
}

/// NATS ends the connection of who publishes to a topic with a dot or a space; so no name may have one.
#[tokio::test]
async fn a_name_that_a_broker_would_refuse_never_gets_there() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for name in ["roof.floor", "roof floor"] {
        let config = folder.path().join("agent.toml");
        for (agent, site, collector) in [(name, "hall", "campus"), ("a", name, "campus"), ("a", "hall", name)]
        {
            let written = format!(
                "[agent]\nname = \"{agent}\"\nsite = \"{site}\"\ncollector = \"{collector}\"\n\
                 data_dir = \"/nowhere\"\n[link]\nbroker = \"mqtt://127.0.0.1\"\n"
            );
            fs::write(&config, written).expect("a file can be written");
            let output = Command::new(wattledger()).arg("check").arg(&config).output().expect("it starts");
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8_lossy(&printed);
            assert_eq!(output.status.code(), Some(1), "{printed}");
            assert!(
                printed.contains(&format!("`{name}` is not a name: use 1 to 64 of a-z, 0-9 and -")),
                "{printed}"
            );
        }
    }
}
