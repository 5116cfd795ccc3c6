//! `wattledger`: what a data centre's energy efficiency really is, and whether it will meet its target.
//!
//! One command line over agent and collector; everything it does is in those libraries.

mod alerts;
mod audit;
mod budget;
mod change;
mod check;
mod correct;
#[cfg(feature = "demo")]
mod demo;
mod explain;
mod files;
mod influx;
mod issue;
mod ledger;
mod quarantine;
mod receipts;
mod report;
mod serve;
mod targets;
mod verify;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use wattledger_agent::command::{self, AgentCommand};

/// What a data centre's energy efficiency really is, and whether it will meet its target.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Start with `wattledger demo`.\n\n\
        Exit codes: 0 done, 1 failed, 2 called wrongly.\n\
        RUST_LOG sets how much is logged: error, warn, info (the default), debug."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show it working: simulated sites, an agent at each, a collector and its page, in one process
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    /// Run an agent: read sensors, keep the readings on disk, send them until the collector has them
    #[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
    Agent {
        /// The agent's configuration, a TOML file
        config: Option<PathBuf>,
        #[command(subcommand)]
        command: Option<AgentCommand>,
    },
    /// Run a collector: keep the ledger, compute the indicators, feed the outputs, serve the page
    Collector {
        /// The collector's configuration, a TOML file
        config: PathBuf,
    },
    /// Say everything that is wrong with configurations, and do nothing
    Check {
        /// Configurations of agents and collectors, TOML files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Report a facility's figures over a period, with coverage, provenance and verdicts
    Report(report::ReportArgs),
    /// Make an issued report again, from the ledger or from its evidence, and say what differs
    Verify(verify::VerifyArgs),
    /// Say which targets apply to a facility, why, and what its figures say about each
    Targets(targets::TargetsArgs),
    /// Say what the year's targets still permit a facility, and how the year will end
    Budget(budget::BudgetArgs),
    /// Show the alerts, silence and acknowledge them, and try rules on the past
    Alerts(alerts::AlertsArgs),
    /// Show what each agent took in and what became of it, hour by hour, and what was thinned or lost
    Receipts(receipts::ReceiptsArgs),
    /// Say why a number is what it is: of a meter, of a facility, or of the change between two periods
    Explain(explain::ExplainArgs),
    /// Make the ledger again from the raw readings, and say whether it was right
    Rebuild {
        /// The collector's configuration
        #[arg(long)]
        config: PathBuf,
    },
    /// Correct the ledger, with a reason: what was entered, left out, settled, exchanged
    Correct(correct::CorrectArgs),
    /// Look at what was refused, and admit or discard it
    Quarantine(quarantine::QuarantineArgs),
    /// Show who did what to the ledger and why, and check that record
    Audit(audit::AuditArgs),
    /// Compare a database that the collector writes to with the ledger, or write its points again
    Influx(influx::InfluxArgs),
    /// Look into the ledger
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// Print the digest: two ledgers have the same one exactly if their minutes and steps are the same
    Digest {
        /// The collector's configuration
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // Both ends of every TLS connection of this process use this one provider.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("a second TLS provider was installed; this is a fault of the program");
        return ExitCode::FAILURE;
    }
    if let Command::Influx(args) = command {
        return influx::run(args);
    }
    if let Command::Verify(args) = &command {
        return verify::run(args);
    }
    match run(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was well; what was not is printed already.
fn run(command: Command) -> Result<bool> {
    if let Command::Agent { command: Some(asked), .. } = command {
        return command::run(asked);
    }
    perform(command).map(|()| true)
}

fn perform(command: Command) -> Result<()> {
    match command {
        #[cfg(feature = "demo")]
        Command::Demo(args) => {
            log("warn,mqtt5=error");
            serve::on_threads(async { Ok(demo::run(args, serve::told_to_stop()?).await?) })
        }
        Command::Agent { config: Some(config), .. } => serve::agent(&config),
        // The command line does not let this pass.
        Command::Agent { config: None, .. } => anyhow::bail!("name the agent's configuration"),
        Command::Collector { config } => serve::collector(&config),
        Command::Check { files } => check::run(&files),
        Command::Report(args) => report::run(&args),
        Command::Targets(args) => targets::run(&args),
        Command::Budget(args) => budget::run(&args),
        Command::Alerts(args) => alerts::run(args),
        Command::Receipts(args) => receipts::run(&args),
        Command::Explain(args) => explain::run(args),
        Command::Correct(args) => correct::run(args),
        Command::Quarantine(args) => quarantine::run(args),
        Command::Audit(args) => audit::run(args),
        // Their exit codes are their own.
        Command::Influx(_) | Command::Verify(_) => anyhow::bail!("the command was not understood"),
        Command::Rebuild { config } => ledger::rebuild(&config),
        Command::Ledger { command: LedgerCommand::Digest { config } } => ledger::digest(&config),
    }
}

/// Logs to standard error; results alone go to standard output.
fn log(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
