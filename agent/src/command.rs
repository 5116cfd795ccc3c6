//! The commands around an agent, for the binaries that have them: profiles, check and discover.

use crate::check::{self, CheckArgs};
use crate::config::AgentConfig;
use crate::discover::{self, DiscoverArgs};
use anyhow::{Context, Result, anyhow};
use std::path::Path;
use std::time::Duration;
use wattledger_model::document::{self, Document};

/// Nobody listens for longer.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What can be asked about an agent.
#[derive(Debug, clap::Subcommand)]
pub enum AgentCommand {
    /// List the ready-made profiles for devices: what each reads, and as which meters
    Profiles,
    /// Say everything that is wrong with a configuration; with --live also what each rule would read now
    #[command(after_help = check::HELP)]
    Check(CheckArgs),
    /// Listen to a broker, and propose rules for what is heard, as TOML to paste
    #[command(after_help = discover::HELP)]
    Discover(Box<DiscoverArgs>),
}

/// Does what is asked; whether all was well.
///
/// # Errors
/// What stood in the way, in words for the caller of the command.
pub fn run(command: AgentCommand) -> Result<bool> {
    match command {
        AgentCommand::Profiles => {
            print!("{}", crate::profile::listing());
            Ok(true)
        }
        AgentCommand::Check(args) => check::run(&args),
        AgentCommand::Discover(args) => discover::run(&args),
    }
}

/// The configuration in a file.
///
/// # Errors
/// That it cannot be read, or every problem in it on a line of its own.
pub fn load(path: &Path) -> Result<AgentConfig> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // Each problem is a line of its own; the last line ends with the message.
    AgentConfig::parse(&path.display().to_string(), &text)
        .map_err(|problems| anyhow!("{}", problems.to_string().trim_end()))
}

/// Runs on one thread, as agents do.
pub(crate) fn on_one_thread<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.context("cannot start the runtime")?.block_on(work))
}

/// How long to listen, as durations are written in a configuration.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    let line = format!("listen = {text:?}");
    let document = Document::parse("--listen", &line);
    let length = document.root().optional("listen", document::positive_duration).map(|length| length.value);
    let (length, _) =
        document.conclude(length).map_err(|_| format!("`{text}` is no time such as 10s or 5m"))?;
    if length > LONGEST { Err(format!("`{text}` is longer than a day")) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_in_a_configuration() {
        assert_eq!(length("1m30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "10", "0s", "2d", "soon", "\"", "1s\nx = 2"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }
}
