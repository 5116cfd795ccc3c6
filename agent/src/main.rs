//! `wattledger-agent`: the agent alone, for machines that run nothing else of Wattledger.

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use wattledger_agent::command::{self, AgentCommand};

/// Takes readings from sensors, keeps them on disk, and sends them until the collector has them.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Exit codes: 0 done, 1 failed, 2 called wrongly.\nRUST_LOG sets how much is logged: error, warn, info (the default), debug."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run until told to stop (SIGTERM or Ctrl-C)
    Run {
        /// The configuration, a TOML file
        config: PathBuf,
    },
    #[command(flatten)]
    About(AgentCommand),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run { config } => run(&config).map(|()| true),
        Command::About(asked) => command::run(asked),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &Path) -> Result<()> {
    let config = command::load(path)?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let to_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(to_terminal)
        .with_writer(std::io::stderr)
        .init();
    for warning in config.warnings.all() {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        wattledger_agent::run_file(path, config, shutdown).await?;
        Ok(())
    })
}
