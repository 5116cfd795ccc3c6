//! `wattledger targets`: which targets apply to a facility, why, and what its figures say about each.

use crate::files;
use anyhow::Result;
use std::path::PathBuf;
use wattledger_collector::clock;
use wattledger_collector::explain::Source;
use wattledger_collector::store::Layout;
use wattledger_collector::targets;

/// What `wattledger targets` is called with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    wattledger targets --config collector.toml --facility hall-2\n  \
    wattledger targets --config collector.toml --facility hall-2 --period 2025\n  \
    wattledger targets --config collector.toml --group --period 2025 --json")]
pub(crate) struct TargetsArgs {
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// The facility's name
    #[arg(long, required_unless_present = "group", conflicts_with = "group")]
    facility: Option<String>,
    /// Targets for the average of a group, on the energies of all facilities to which they apply
    #[arg(long)]
    group: bool,
    /// 2025, 2025-Q2, 2025-03 or 2025-03-01..2025-04-15, in local dates [default: the latest twelve months]
    #[arg(long)]
    period: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Lists, and writes to standard output. Works beside a running collector, and without one.
pub(crate) fn run(args: &TargetsArgs) -> Result<()> {
    let config = files::collector(&args.config)?;
    let mut view = Source::open(&Layout::new(&config.data_dir), &config)?.view()?;
    let (period, now) = (args.period.as_deref(), clock::now());
    let listing = match &args.facility {
        Some(facility) => targets::of_facility(&mut view, &config, facility, period, now)?,
        None => targets::of_group(&mut view, &config, period, now)?,
    };
    files::print(&if args.json {
        format!("{}\n", serde_json::to_string_pretty(&listing)?)
    } else {
        listing.to_string()
    })
}
