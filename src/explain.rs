//! `wattledger explain`: why a number is what it is, from the store, beside a running collector or without one.

use crate::{files, serve};
use anyhow::Result;
use std::path::{Path, PathBuf};
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::clock;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::explain::{self, Asked, Detail, ExplainError, Source};
use wattledger_collector::indicators::Indicator;
use wattledger_collector::store::Layout;
use wattledger_model::time::{Interval, Minute};

/// What `wattledger explain` is called with.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct ExplainArgs {
    #[command(subcommand)]
    command: Option<ExplainCommand>,
    /// Two periods, such as 2026-09 and 2026-10: what moved the PUE of a facility from the one to the other
    #[arg(long, num_args = 2, value_names = ["A", "B"], requires = "facility", required = true)]
    compare: Vec<String>,
    /// The facility's name
    #[arg(requires = "compare")]
    facility: Option<String>,
    /// The collector's configuration
    #[arg(long, required = true)]
    config: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum ExplainCommand {
    /// Which readings made a meter's figure, which rules fired, and who corrected what
    Meter(MeterArgs),
    /// What each meter adds to a facility's figure, how it is known, and what it costs in coverage
    Figure(FigureArgs),
}

#[derive(Debug, clap::Args)]
struct MeterArgs {
    /// SITE/METER
    meter: String,
    /// 2026, 2026-10, 2026-Q4, 2026-10-03 or 2026-10-03..2026-10-15, in local dates, the last not inside
    #[arg(long, conflicts_with_all = ["from", "to"], required_unless_present = "from")]
    period: Option<String>,
    /// Begin, such as 2026-10-03T09:58:00Z or 2026-10-03 11:58 local
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// End, not inside
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// Each reading and each step, not runs of plain ones together
    #[arg(long)]
    all: bool,
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct FigureArgs {
    /// The facility's name
    facility: String,
    /// As for reports: 2026, 2026-10, 2026-Q4 or 2026-10-03..2026-10-15, in local dates, the last not inside
    period: String,
    /// The indicator, such as pue, wue, ref or coal-equivalent; of a zone only ppue-zone [default: pue]
    #[arg(long)]
    indicator: Option<Indicator>,
    /// The zone whose partial PUE is asked for
    #[arg(long)]
    zone: Option<String>,
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Explains, and writes to standard output.
pub(crate) fn run(args: ExplainArgs) -> Result<()> {
    let text = match args.command {
        Some(ExplainCommand::Meter(args)) => {
            let MeterArgs { meter, period, from, to, all, config, json } = args;
            let detail = if all { Detail::All } else { Detail::Summary };
            let asked = Asked { period, from, to };
            with_source(&config, |source| {
                let told = explain::meter(source, &meter, &asked, detail, clock::now())?;
                Ok(if json { explain::json(&told) } else { told.text() })
            })?
        }
        Some(ExplainCommand::Figure(args)) => {
            let FigureArgs { facility, period, indicator, zone, config, json } = args;
            let usual = if zone.is_some() { Indicator::PpueZone } else { Indicator::Pue };
            let indicator = indicator.unwrap_or(usual);
            with_source(&config, |source| {
                let told =
                    explain::figure(source, &facility, indicator, zone.as_deref(), &period, clock::now())?;
                Ok(if json { explain::json(&told) } else { told.text() })
            })?
        }
        None => {
            let (config, facility) = (args.config.unwrap_or_default(), args.facility.unwrap_or_default());
            let [a, b] = [0, 1].map(|at| args.compare.get(at).map_or("", String::as_str));
            with_source(&config, |source| {
                let told = explain::change(source, &facility, a, b, clock::now())?;
                Ok(if args.json { explain::json(&told) } else { told.text() })
            })?
        }
    };
    files::print(&text)
}

fn with_source(
    path: &Path,
    explain: impl FnOnce(&Source<'_>) -> Result<String, ExplainError>,
) -> Result<String> {
    let config = files::collector(path)?;
    settle(&config)?;
    Ok(explain(&Source::open(&Layout::new(&config.data_dir), &config)?)?)
}

/// Lets a running collector book what has arrived. Without one the store is read as it is.
fn settle(config: &CollectorConfig) -> Result<()> {
    // The answer is of no use, so the least that can be asked for.
    let least = Interval::new(Minute(0), Minute(1));
    let client = AdminClient::of_data_dir(&config.data_dir);
    match serve::on_threads(async { Ok(client.digest(Some(least)).await) })? {
        Err(error @ ClientError::Refused(_)) => Err(error.into()),
        // A collector of another user does not keep this one from reading, where the files may be read.
        _ => Ok(()),
    }
}
