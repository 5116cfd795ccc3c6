//! `wattledger budget`: what a year's PUE targets still permit a facility, and how the year will end.

use crate::files;
use anyhow::{Context, Result};
use std::path::PathBuf;
use wattledger_collector::explain::Source;
use wattledger_collector::store::Layout;
use wattledger_collector::targets;

/// What `wattledger budget` is called with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wattledger budget --config collector.toml --facility hall-2\n  \
    wattledger budget --config collector.toml --facility hall-2 --on 2026-07-01\n\n\
    BURN RATE is the overhead by what the limit permits, of the year to date and of the last 30, 7 and 1 days.\n\
    STATE: on course; warning where the forecast misses the limit; critical where the rest would have to be better\n\
    than the best 30 days of the last twelve months; lost where it would have to be below 1.")]
pub(crate) struct BudgetArgs {
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// The facility's name
    #[arg(long)]
    facility: String,
    /// A local date: as if nothing had been read from it on [default: today's]
    #[arg(long, value_name = "DATE")]
    on: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Prints it. Works beside a running collector, and without one.
pub(crate) fn run(args: &BudgetArgs) -> Result<()> {
    let on = args
        .on
        .as_ref()
        .map(|on| on.parse().with_context(|| format!("`{on}` is no date such as 2026-07-01")));
    let config = files::collector(&args.config)?;
    let mut view = Source::open(&Layout::new(&config.data_dir), &config)?.view()?;
    let outlook = targets::outlook(&mut view, &args.facility, on.transpose()?)?;
    files::print(&if args.json {
        format!("{}\n", serde_json::to_string_pretty(&outlook)?)
    } else {
        outlook.to_string()
    })
}
