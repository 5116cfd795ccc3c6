//! `wattledger influx`: a database held against the ledger, and its points written again.

use crate::{files, log, serve};
use anyhow::{Context, Result};
use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use wattledger_collector::clock;
use wattledger_collector::outputs::influx::check::{self, Asked, Backfilled, Event, Verified};
use wattledger_model::time::{Minute, Timestamp};

/// What `wattledger influx` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct InfluxArgs {
    #[command(subcommand)]
    command: InfluxCommand,
}

#[derive(Debug, clap::Subcommand)]
enum InfluxCommand {
    /// Read the database back and compare each point of the ledger with it, field by field
    #[command(after_help = "Examples:\n  \
        wattledger influx verify --config collector.toml\n  \
        wattledger influx verify --config collector.toml --period 2026-10 --facility hall-1\n  \
        wattledger influx verify --config collector.toml --from 2026-01-01 --measurement wl_energy_day --all\n\n\
        Times are those that the points bear: a month's figure bears its first instant.\n\
        It reads the ledger beside a running collector, or without one, and changes nothing.\n\n\
        Exit codes: 0 equal, 1 differences, 2 could not be compared.")]
    Verify(VerifyArgs),
    /// Write the points of a time again from the ledger, and delete those that it does not have
    #[command(after_help = "Examples:\n  \
        wattledger influx backfill --config collector.toml --from 2026-10-03 --to 2026-10-04\n  \
        wattledger influx backfill --config collector.toml --period 2026 --measurement wl_indicator\n\n\
        The collector may run meanwhile, and its output goes on where it is. Stopped or run twice, it does no harm.\n\n\
        Exit codes: 0 all written, 1 stopped, or points were refused, 2 could not be written.")]
    Backfill(BackfillArgs),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// The output's name; needed where there are several
    #[arg(long)]
    output: Option<String>,
    /// Only this measurement, such as wl_meter; may be given several times
    #[arg(long)]
    measurement: Vec<String>,
    /// Only series of this facility
    #[arg(long)]
    facility: Option<String>,
    /// Only series of this meter: SITE/METER
    #[arg(long)]
    meter: Option<String>,
    /// What an InfluxDB 2 calls the bucket towards clients of version 1, where that is not its name
    #[arg(long)]
    database: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct VerifyArgs {
    #[command(flatten)]
    which: Which,
    /// 2026, 2026-10, 2026-Q4, 2026-10-03 or 2026-10-03..2026-10-15, in local dates, the last not inside
    #[arg(long, conflicts_with_all = ["from", "to"])]
    period: Option<String>,
    /// Begin, such as 2026-10-03T09:58:00Z or 2026-10-03 11:58 local [default: 31 days before the end]
    #[arg(long)]
    from: Option<String>,
    /// End, not inside [default: all there is]
    #[arg(long)]
    to: Option<String>,
    /// Every point that differs, one by one, instead of the first findings of each measurement
    #[arg(long)]
    all: bool,
}

#[derive(Debug, clap::Args)]
struct BackfillArgs {
    #[command(flatten)]
    which: Which,
    /// 2026, 2026-10, 2026-Q4, 2026-10-03 or 2026-10-03..2026-10-15, in local dates, the last not inside
    #[arg(long, conflicts_with_all = ["from", "to"], required_unless_present = "from")]
    period: Option<String>,
    /// Begin, such as 2026-10-03T09:58:00Z or 2026-10-03 11:58 local
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// End, not inside
    #[arg(long, requires = "from")]
    to: Option<String>,
}

/// Compares or writes, and says how it went by the exit code.
pub(crate) fn run(args: InfluxArgs) -> ExitCode {
    log("warn");
    let done = match args.command {
        InfluxCommand::Verify(args) => verify(args),
        InfluxCommand::Backfill(args) => backfill(args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

fn asked(which: &Which, period: Option<String>, from: Option<String>, to: Option<String>) -> Asked {
    Asked {
        output: which.output.clone(),
        period,
        from,
        to,
        measurements: which.measurement.clone(),
        facility: which.facility.clone(),
        meter: which.meter.clone(),
        database: which.database.clone(),
    }
}

fn verify(args: VerifyArgs) -> Result<bool> {
    let VerifyArgs { which, period, from, to, all } = args;
    let config = files::collector(&which.config)?;
    let runtime = runtime()?;
    let asked = asked(&which, period, from, to);
    let mut progress = Progress::new();
    let mut told = |event: Event<'_>| match event {
        Event::Reached { from, at, to } => {
            progress.show("compared", from, at, to);
            ControlFlow::Continue(())
        }
        Event::Found(finding) => {
            progress.clear();
            let line = match which.json {
                true => serde_json::to_string(finding).unwrap_or_default(),
                false => finding.to_string(),
            };
            // Whoever reads no further wants no more.
            match writeln!(std::io::stdout(), "{line}") {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        }
    };
    let verified = check::verify(&config, &asked, all, clock::now(), runtime.handle(), &mut told)?;
    progress.clear();
    let summary = match which.json {
        true => serde_json::to_string(&verified)? + "\n",
        false => summary(&verified, &which),
    };
    say(&summary)?;
    Ok(verified.differences() == 0)
}

fn backfill(args: BackfillArgs) -> Result<bool> {
    let BackfillArgs { which, period, from, to } = args;
    let config = files::collector(&which.config)?;
    let runtime = runtime()?;
    let (stop, stopping) = watch::channel(false);
    runtime.spawn(async move {
        if let Ok(told) = serve::told_to_stop() {
            told.await;
            stop.send_replace(true);
        }
        // The work ends when this is gone.
        std::future::pending::<()>().await;
    });
    let mut progress = Progress::new();
    let mut told = |event: Event<'_>| {
        if let Event::Reached { from, at, to } = event {
            progress.show("written", from, at, to);
        }
        ControlFlow::Continue(())
    };
    let asked = asked(&which, period, from, to);
    let written = check::backfill(&config, &asked, clock::now(), runtime.handle(), stopping, &mut told)?;
    progress.clear();
    let text = match which.json {
        true => serde_json::to_string(&written)? + "\n",
        false => told_of(&written),
    };
    say(&text)?;
    Ok(!written.is_stopped && written.refused == 0 && written.not_deleted == 0)
}

/// A pager that was closed early is no failure.
fn say(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// How far it is, on a terminal.
struct Progress {
    is_shown: bool,
    is_open: bool,
}

impl Progress {
    fn new() -> Progress {
        Progress { is_shown: std::io::stderr().is_terminal(), is_open: false }
    }

    fn show(&mut self, what: &str, from: Timestamp, at: Timestamp, to: Timestamp) {
        if self.is_shown && to > from {
            let share = (at.0 - from.0) * 100 / (to.0 - from.0);
            eprint!("\r{share:>3} % {what}, up to {} ", at.minute());
            self.is_open = true;
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_open) {
            eprint!("\r{:60}\r", "");
        }
    }
}

const COLUMNS: [&str; 5] = ["points", "missing", "extra", "different", "stale"];

fn summary(verified: &Verified, which: &Which) -> String {
    let mut text = String::new();
    if verified.untold > 0 {
        text += &format!("and {} findings more; --all tells of each point\n", verified.untold);
    }
    if verified.differences() > 0 {
        text.push('\n');
    }
    let headings = COLUMNS.map(|column| format!("{column:>11}")).concat();
    text += &format!("{:<16}{headings}\n", "");
    for counted in &verified.measurements {
        let numbers = [counted.points, counted.missing, counted.extra, counted.different, counted.stale];
        text += &format!(
            "{:<16}{}\n",
            counted.measurement,
            numbers.map(|number| format!("{number:>11}")).concat()
        );
    }
    text.push('\n');
    for former in &verified.former_series {
        text += &format!(
            "history, not compared: {} points of {}, which this configuration does not have\n",
            former.points, former.series
        );
    }
    for note in &verified.notes {
        text += &format!("{note}\n");
    }
    let (output, points) = (&verified.output, verified.points());
    let between = format!("from {} to {}", verified.from.minute(), verified.to.minute());
    match (verified.differences(), verified.first, verified.last) {
        (0, ..) => {
            text +=
                &format!("the database of `{output}` holds what the ledger says, {points} points {between}\n")
        }
        (differences, Some(first), Some(last)) => {
            text += &format!("{differences} points differ among {points} {between}\n");
            match verified.still_to_be_written() {
                0 => {}
                waiting => text += &format!("{waiting} of them the output has still to write\n"),
            }
            text += &format!("to mend it: {}\n", mend(verified, which, first, last));
        }
        (differences, ..) => text += &format!("{differences} points differ\n"),
    }
    text
}

/// The command that writes again what differs.
fn mend(verified: &Verified, which: &Which, first: Timestamp, last: Timestamp) -> String {
    let mut command = format!("wattledger influx backfill --config {}", which.config.display());
    for (name, value) in [
        ("output", which.output.as_deref()),
        ("facility", which.facility.as_deref()),
        ("meter", which.meter.as_deref()),
        ("database", which.database.as_deref()),
    ] {
        command += &value.map_or_else(String::new, |value| format!(" --{name} {value}"));
    }
    let (from, to) = (first.minute(), Minute(last.minute().0 + 1));
    command += &format!(" --from {from} --to {to}");
    let differing = verified.measurements.iter().filter(|counted| counted.differences() > 0);
    if differing.clone().count() < verified.measurements.len() {
        command +=
            &differing.map(|counted| format!(" --measurement {}", counted.measurement)).collect::<String>();
    }
    command
}

fn told_of(written: &Backfilled) -> String {
    let Backfilled { output, points, refused, deleted, not_deleted, is_stopped, notes } = written;
    let mut text: String = notes.iter().map(|note| format!("{note}\n")).collect();
    if *deleted > 0 {
        text += &format!("{deleted} points were deleted first: the ledger does not have them, or not so\n");
    }
    if *not_deleted > 0 {
        text += &format!("{not_deleted} points should have been deleted, and the database deletes none\n");
    }
    if *refused > 0 {
        text += &format!(
            "{refused} points were refused; what they were is in influx-refused-{output}.txt in the collector's data \
             directory\n"
        );
    }
    text += &format!("{points} points written to the database of `{output}`\n");
    if *is_stopped {
        text += "it was stopped before its end; what is written stays, and it can be run again\n";
    }
    text
}
