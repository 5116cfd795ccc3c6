//! `wattledger demo`: everything in one process, nothing installed. A broker, simulated sites, a real
//! agent at each, a real collector and its page; first a past year, then live.
//!
//! Only the broker and the sites are the demo's own. Agents and collector run from configuration files
//! like any others, which stay in the demo's directory to be looked at.

mod broker;
mod configuration;
mod home;
mod joint;
mod page;
mod progress;
mod summary;

use broker::{EmbeddedBroker, Mqtt5};
use chrono::Datelike;
use home::Home;
use joint::{Agent, Collector};
use progress::Filling;
use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use wattledger_agent::source::simulated::{Progress, SimulatedSource, Simulation, SimulationError, sites};
use wattledger_model::time::Timestamp;

/// How often the demo looks around: progress, positions, ends.
const LOOK: Duration = Duration::from_millis(500);
/// How often the positions of the simulated sites are written down.
const NOTE: Duration = Duration::from_secs(1);
/// A horizon that stands still this long behind live readings waits for a silent meter, which may take hours.
const STANDSTILL: Duration = Duration::from_secs(60);

/// What `wattledger demo` is called with.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DemoArgs {
    /// End by itself this long after the page went live, such as 20s or 5m, with a summary
    #[arg(long = "for", value_name = "DURATION", value_parser = seconds)]
    duration: Option<Duration>,
    /// Where to keep data; run again with the same directory, the demo continues [default: a per-user data directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the page answers; a free port is taken if this one is in use
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Remove what an earlier demo left in the directory, and begin anew
    #[arg(long)]
    fresh: bool,
}

/// Why the demo cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error(transparent)]
    Home(#[from] home::HomeError),
    #[error(transparent)]
    Broker(#[from] broker::BrokerError),
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    #[error("the page cannot listen on {address}; give another --listen")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the demo's own configuration was refused:\n{0}")]
    Configuration(String),
    #[error("the {part} has ended: {reason}")]
    Ended { part: String, reason: String },
}

/// Runs the demo until `--for` is over or `interrupted` completes, then prints the summary.
///
/// # Errors
/// [`DemoError`] when a part cannot be started or ends before its time.
pub(crate) async fn run(args: DemoArgs, interrupted: impl Future<Output = ()>) -> Result<(), DemoError> {
    let mut home = Home::open(args.data_dir.clone(), args.fresh, now())?;
    let broker = Mqtt5::start().await?;
    let listen = page::free_address(args.listen).await?;
    if listen != args.listen && args.listen.port() != 0 {
        say(&format!("{} is in use; the page takes {listen} instead.", args.listen));
    }
    let mut demo = Demo::start(&home, broker.address(), listen).await?;
    say(&introduction(&home, broker.address(), listen));

    let mut watch = Watch { home: &mut home, demo: &mut demo, noted: Instant::now() };
    let outcome = {
        let mut interrupted = std::pin::pin!(interrupted);
        tokio::select! {
            () = &mut interrupted => Ok(()),
            outcome = watch.until(args.duration) => outcome,
        }
    };
    let snapshot = demo.collector.snapshot();
    let committed = demo.collector.readings_committed();
    // From the sensors on: what is still under way gets its chance to arrive.
    let stopped = demo.stop().await;
    home.note(&demo.positions())?;
    broker.stop().await;
    say(&summary::text(&snapshot, committed, &demo.filled(), home.dir()));
    outcome.and(stopped)
}

/// The running parts.
struct Demo {
    agents: Vec<(Agent, watch::Receiver<Progress>)>,
    collector: Collector,
    started: Timestamp,
}

impl Demo {
    async fn start(home: &Home, broker: SocketAddr, listen: SocketAddr) -> Result<Demo, DemoError> {
        let text = configuration::collector(home.dir(), broker, listen);
        let file = home.write("collector.toml", &text)?;
        let collector = Collector::start(&file, &text, listen).await?;
        let mut agents = Vec::new();
        for site in sites() {
            let text = configuration::agent(site, home.dir(), broker);
            let file = home.write(&format!("agent-{}.toml", site.name), &text)?;
            let simulation = Simulation::new(site, home.seed(), home.origin())?;
            let (source, progress) = SimulatedSource::new("simulated", simulation, home.position(site.name));
            agents.push((Agent::start(site.name, &file, &text, Box::new(source))?, progress));
        }
        Ok(Demo { agents, collector, started: now() })
    }

    /// How far the readings of each site are durable at their agent.
    fn positions(&self) -> BTreeMap<String, Timestamp> {
        let of = |(agent, progress): &(Agent, watch::Receiver<Progress>)| {
            (agent.site().to_owned(), progress.borrow().durable_to)
        };
        self.agents.iter().map(of).collect()
    }

    /// How much of the past has arrived.
    fn filled(&self) -> Filling {
        let progress = self.agents.iter().map(|(_, progress)| *progress.borrow());
        let committed = self.collector.readings_committed();
        Filling::of(progress, &self.collector.snapshot(), committed, self.started)
    }

    /// An agent or the collector that has ended although nobody stopped it.
    fn ended(&mut self) -> Option<DemoError> {
        let agents = self.agents.iter_mut().find_map(|(agent, progress)| {
            let silent = progress.borrow().ended.then(|| DemoError::Ended {
                part: format!("simulated source at {}", agent.site()),
                reason: "see the log above".to_owned(),
            });
            agent.ended().or(silent)
        });
        agents.or_else(|| self.collector.ended())
    }

    async fn stop(&mut self) -> Result<(), DemoError> {
        let mut outcome = Ok(());
        for (agent, _) in &mut self.agents {
            outcome = outcome.and(agent.stop().await);
        }
        outcome.and(self.collector.stop().await)
    }
}

/// Looks after the running demo.
struct Watch<'d> {
    home: &'d mut Home,
    demo: &'d mut Demo,
    noted: Instant,
}

impl Watch<'_> {
    async fn until(&mut self, duration: Option<Duration>) -> Result<(), DemoError> {
        let mut shown = progress::Shown::new();
        let started = Instant::now();
        let mut moved = (None, started);
        loop {
            self.look().await?;
            let filling = self.demo.filled();
            shown.show(&filling);
            if moved.0 != filling.as_of {
                moved = (filling.as_of, Instant::now());
            }
            let waits = filling.live_from.is_some() && moved.1.elapsed() > STANDSTILL;
            if (filling.is_done() || waits) && page::answers(self.demo.collector.page()).await {
                break;
            }
        }
        let page = self.demo.collector.page();
        let seconds = started.elapsed().as_secs_f64();
        say(&format!("\nLive after {seconds:.0} s: http://{page}/ now moves with every reading."));
        match duration {
            Some(duration) => say(&format!("Ends by itself in {} s.\n", duration.as_secs())),
            None => say("Ends with Ctrl-C.\n"),
        }
        let end = duration.map(|duration| Instant::now() + duration);
        while end.is_none_or(|end| Instant::now() < end) {
            self.look().await?;
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<(), DemoError> {
        tokio::time::sleep(LOOK).await;
        if let Some(ended) = self.demo.ended() {
            return Err(ended);
        }
        if self.noted.elapsed() >= NOTE {
            self.noted = Instant::now();
            self.home.note(&self.demo.positions())?;
        }
        Ok(())
    }
}

fn introduction(home: &Home, broker: SocketAddr, listen: SocketAddr) -> String {
    let meters: usize = sites().iter().flat_map(|site| site.facilities).map(|f| f.meters.len()).sum();
    let facilities: usize = sites().iter().map(|site| site.facilities.len()).sum();
    let config = in_shell(&home.dir().join("collector.toml").display().to_string());
    let doing = if home.is_new() { "Filling the past year" } else { "Continuing where the last run ended" };
    format!(
        "Wattledger demo: {facilities} simulated facilities with {meters} meters at {} sites.\n\n\
         \x20 page    http://{listen}/\n\
         \x20 broker  mqtt://{broker} (in this process, for as long as it runs)\n\
         \x20 data    {}\n\n\
         Try next, from another terminal:\n\
         \x20 wattledger report --config {config} --facility hamburg-hall --period {}\n\
         \x20 wattledger ledger digest --config {config}\n\
         \x20 curl http://{listen}/api/snapshot\n\
         \x20 mosquitto_pub -h {} -p {} -q 1 -t wattledger/v1/agent/hamburg/hand/readings-json -m '{}'\n\
         The last one is a meter of your own; the page lists it as unassigned.\n\n{doing}.",
        sites().len(),
        home.dir().display(),
        last_month(now()),
        broker.ip(),
        broker.port(),
        r#"{"readings":[{"meter":"my-meter","value":12.5,"unit":"kWh"}]}"#,
    )
}

/// The month before this one, such as `2026-10`: the past year always has it whole.
fn last_month(now: Timestamp) -> String {
    let first = now.to_utc().date_naive().with_day(1);
    first.and_then(|first| first.pred_opt()).map(|day| day.format("%Y-%m").to_string()).unwrap_or_default()
}

/// A word for a shell: quoted where it needs to be.
fn in_shell(word: &str) -> String {
    let plain = word.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-+:".contains(letter));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Prints for the person in front of the terminal. A closed pipe is no reason to end.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Reads a duration of whole seconds, minutes or hours: `20s`, `5m`, `1h`.
fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write it like 20s, 5m or 1h");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let factor = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(wrong()),
    };
    count.checked_mul(factor).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_can_be_pasted() {
        let at = |text| last_month(Timestamp::from_rfc3339(text).expect("valid"));
        assert_eq!(at("2026-01-31T00:00:00Z"), "2025-12");
        assert_eq!(at("2026-11-21T08:00:00Z"), "2026-10");
        assert_eq!(in_shell("/home/me/data"), "/home/me/data");
        assert_eq!(in_shell("/it's here"), r"'/it'\''s here'");
    }

    #[test]
    fn durations_need_their_unit() {
        assert_eq!(seconds("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(seconds("5m"), Ok(Duration::from_secs(300)));
        for text in ["", "20", "s", "-1s", "20 s", "1d", "99999999999999999999h", "9999999999999999999h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
