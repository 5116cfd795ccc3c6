//! `agent check`: whether a configuration can be used and, where that is asked for, what it would read now. Live, it
//! asks the brokers, the devices and the disk the way a running agent does, but keeps and sends nothing: it has client
//! ids of its own, sessions that leave nothing behind, and no spool.

mod amount;
mod devices;
mod disk;
mod link;
mod report;
mod sensors;
mod text;
mod trial;

use crate::command::{length, load, on_one_thread};
use crate::config::AgentConfig;
use anyhow::Result;
use report::Report;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// What sensors that tell each few seconds need to be heard.
const LISTEN: Duration = Duration::from_secs(10);

/// For the end of the command's help.
pub(crate) const HELP: &str = "Without --live nothing is asked but the file: so it can stand before the start of a service, \
    whatever the network does. Live it publishes nothing but one empty message on each of the agent's own topics, to learn \
    whether the broker lets it.\n\nExit codes: 0 all well, 1 something is wrong or was not heard, 2 called wrongly.";

/// What `agent check` is called with.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The configuration, a TOML file
    config: PathBuf,
    /// Also ask brokers, devices and the disk, and show what each rule would read now
    #[arg(long)]
    live: bool,
    /// Live, for so long, such as 30s or 5m (with --live alone: 10s)
    #[arg(long, value_name = "TIME", value_parser = length)]
    listen: Option<Duration>,
    /// The configuration alone, which is what happens without --live
    #[arg(long, conflicts_with_all = ["live", "listen"])]
    offline: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Checks, and prints what was found; whether all is well.
pub(crate) fn run(args: &CheckArgs) -> Result<bool> {
    let config = load(&args.config)?;
    eprint!("{}", config.warnings);
    let file = args.config.display().to_string();
    let listen = args.listen.or(args.live.then_some(LISTEN));
    let report = match listen {
        Some(listen) => on_one_thread(ask(&config, file, listen))?,
        None => Report::of_file(&config, file),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report.json())?);
    } else {
        print!("{}", text::text(&report));
    }
    if listen.is_none() && !args.offline && !args.json {
        eprintln!(
            "the configuration alone; --live also asks brokers and devices what each rule would read now"
        );
    }
    Ok(report.is_well())
}

/// Asks everything at once, for this long at most.
async fn ask(config: &AgentConfig, file: String, listen: Duration) -> Report {
    let until = Instant::now() + listen;
    let (link, disk, mut sources, devices) = tokio::join!(
        link::ask(config, until),
        async { disk::look(config) },
        sensors::ask(config, until, listen),
        devices::ask(config, until)
    );
    sources.extend(devices);
    let mut report = Report::of_file(config, file);
    report.listened = Some(listen);
    report.findings.extend(link);
    report.findings.extend(disk);
    report.sources = sources;
    report
}
