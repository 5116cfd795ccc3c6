//! Two pairs of agent and collector that hear the same sensors: one in calm, one whose every connection goes
//! through a proxy.

use crate::mosquitto::{MOSQUITTO, Mosquitto, ROOMY};
use crate::pair::{Pair, Setting, text};
use crate::plan::{Event, Link, Moment};
use crate::processes::{installed, run, wattledger};
use crate::proxy::{Proxy, Weather};
use crate::wait::until;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;

/// For what takes a while on a busy machine: the longest wait between attempts is half a minute, that between
/// statuses a minute.
pub(crate) const LONG: Duration = Duration::from_secs(300);

/// The broker writes its state down after so many changes, and loses those since when it is killed.
const KEEPS_SOME: &str = "autosave_on_changes true\nautosave_interval 50\n";

pub(crate) struct Rig {
    pub(crate) calm: Pair,
    pub(crate) struck: Pair,
    /// The broker of both pairs' sensors, which the test alone speaks to without a proxy.
    pub(crate) sensors: Mosquitto,
    calm_link: Mosquitto,
    link: Mosquitto,
    to_sensors: Proxy,
    pub(crate) of_agent: Proxy,
    of_collector: Proxy,
    // Removed when everything above has ended.
    _folder: TempDir,
}

/// What the two pairs read, and what the struck one's agent is allowed.
pub(crate) struct Reads {
    pub(crate) rules: String,
    pub(crate) meters: String,
    /// A filter that follows from the rules.
    pub(crate) filter: &'static str,
    pub(crate) limits: &'static str,
}

impl Rig {
    /// Everything, running and connected; `None` where mosquitto is not installed.
    pub(crate) async fn started(test: &str, reads: Reads) -> Option<Rig> {
        let [mosquitto] = installed(test, [MOSQUITTO])?;
        let folder = tempfile::Builder::new().prefix("wattledger-").tempdir().expect("a folder can be made");
        let at = folder.path();
        let sensors = Mosquitto::new(&mosquitto, at, "sensors", ROOMY);
        let calm_link = Mosquitto::new(&mosquitto, at, "calm-link", ROOMY);
        let link = Mosquitto::new(&mosquitto, at, "link", &format!("{ROOMY}{KEEPS_SOME}"));
        let to_sensors = Proxy::before(sensors.port).await;
        let of_agent = Proxy::before(link.port).await;
        let of_collector = Proxy::before(link.port).await;
        let broker = |url: String| format!("broker = \"{url}\"");
        let listening = |url: String| format!("{}{}", broker(url), reads.rules);
        let setting = |agent, links: [String; 2], sensors, limits| {
            let ([agent_link, collector_link], meters) = (links.map(broker), reads.meters.clone());
            Setting { agent, agent_link, collector_link, sensors: listening(sensors), limits, meters }
        };
        let calm = setting("calm", [calm_link.url(), calm_link.url()], sensors.url(), "");
        let struck = [of_agent.url(), of_collector.url()];
        let struck = setting("struck", struck, to_sensors.url(), reads.limits);
        let calm = Pair::new(at, "calm", &calm).await;
        let struck = Pair::new(at, "struck", &struck).await;
        let mut rig = Rig {
            calm,
            struck,
            sensors,
            calm_link,
            link,
            to_sensors,
            of_agent,
            of_collector,
            _folder: folder,
        };
        rig.start(reads.filter).await;
        Some(rig)
    }

    async fn start(&mut self, filter: &str) {
        for broker in [&mut self.sensors, &mut self.calm_link, &mut self.link] {
            broker.start().await;
        }
        for pair in [&mut self.calm, &mut self.struck] {
            pair.collector.start();
            pair.agent.start();
        }
        // Only for a session that exists does the broker keep messages.
        for agent in ["calm", "struck"] {
            self.sensors.wait_subscribed(&format!("wattledger-hall-{agent}-floor"), filter).await;
        }
    }

    fn proxy(&self, link: Link) -> &Proxy {
        match link {
            Link::Sensors => &self.to_sensors,
            Link::Agent => &self.of_agent,
            Link::Collector => &self.of_collector,
        }
    }

    /// Brings a fault about. What is killed is up again on return.
    pub(crate) async fn inflict(&mut self, Moment { event, lasts, .. }: Moment) {
        match event {
            Event::Cut { link, by_reset } => self.proxy(link).cut(by_reset),
            Event::Refuse { link } => {
                let proxy = self.proxy(link);
                proxy.brew(lasts, |weather| weather.refuses = true, |weather| weather.refuses = false);
                proxy.cut(false);
            }
            Event::Delay { link, by } => {
                self.proxy(link).brew(
                    lasts,
                    |weather| weather.delay = by,
                    |weather| weather.delay = Duration::ZERO,
                );
            }
            Event::Throttle { link, rate } => {
                self.proxy(link).brew(
                    lasts,
                    |weather| weather.rate = Some(rate),
                    |weather| weather.rate = None,
                );
            }
            Event::Stall { link, way } => {
                let better = |weather: &mut Weather| weather.stalled = None;
                self.proxy(link).brew(lasts, |weather| weather.stalled = Some(way), better);
            }
            Event::HalfClose { link, way } => self.proxy(link).close_half(way),
            Event::KillAgent => self.kill_agent(lasts).await,
            Event::KillCollector => {
                self.struck.collector.kill();
                sleep(lasts).await;
                self.struck.collector.start();
            }
            Event::KillBroker => {
                self.link.program.kill();
                sleep(lasts).await;
                self.link.start().await;
            }
            Event::LoseBroker => {
                self.link.program.kill();
                sleep(lasts).await;
                for file in ["mosquitto.db", "mosquitto.db.new"] {
                    // It may not have come to write any.
                    drop(fs::remove_file(self.link.home.join(file)));
                }
                self.link.start().await;
            }
        }
    }

    pub(crate) async fn kill_agent(&mut self, down: Duration) {
        self.struck.agent.kill();
        sleep(down).await;
        self.struck.agent.start();
    }

    /// No faults from now on.
    pub(crate) fn calm_down(&self) {
        for link in [Link::Sensors, Link::Agent, Link::Collector] {
            self.proxy(link).calm();
        }
    }

    /// Waits until so many readings are accounted for on both sides.
    pub(crate) async fn settle(&mut self, readings: usize) {
        for pair in [&mut self.calm, &mut self.struck] {
            until("all is with the collector and the receipt adds up", LONG, async || pair.settled(readings))
                .await;
        }
    }

    /// Ends both pairs in order.
    pub(crate) async fn stop(&mut self) {
        self.calm.stop().await;
        self.struck.stop().await;
    }
}

/// What a command of `wattledger` prints of a pair's collector.
pub(crate) async fn asked(pair: &Pair, command: &[&str]) -> String {
    let arguments: Vec<&str> = command.iter().copied().chain(["--config", text(&pair.config)]).collect();
    run(wattledger(), &arguments).await.trim().to_owned()
}

/// Fails unless `wattledger receipts` says what the store does.
pub(crate) async fn check_printed_receipt(pair: &Pair) {
    let receipt = pair.receipt().expect("a receipt");
    let expected = format!(
        "in all: {} taken in = {} committed + {} waiting + {} thinned + {} lost + {} unaccounted; {} batches missing",
        receipt.taken_in,
        receipt.committed,
        receipt.waiting,
        receipt.thinned,
        receipt.lost,
        receipt.unaccounted(),
        receipt.missing_batches
    );
    let printed = asked(pair, &["receipts"]).await;
    assert!(printed.contains(&expected), "`{expected}` is not in\n{printed}");
}
