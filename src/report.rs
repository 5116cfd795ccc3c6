//! `wattledger report`: by the running collector, or on the store itself.

use crate::{files, ledger, serve};
use anyhow::{Context, Result};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use wattledger_collector::actions;
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::admin::{ReportFormat, ReportRequest};
use wattledger_collector::store::Layout;
use wattledger_collector::topology::Topology;

/// What `wattledger report` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// The facility's name
    #[arg(long)]
    facility: String,
    /// 2025, 2025-Q2, 2025-03, 2025-03-01, rolling-12m, 12m-to-2025-10-31 or 2025-03-01..2025-04-15 (the last date not
    /// inside), in the facility's local dates
    #[arg(long)]
    period: String,
    /// text, json or csv
    #[arg(long, default_value = "text")]
    format: ReportFormat,
    /// As it was known at this time, such as 2026-03-02T09:58:00Z or 2026-03-02 09:58 local
    #[arg(long)]
    known_at: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, short)]
    output: Option<PathBuf>,
}

/// Makes the report and writes it.
pub(crate) fn run(args: &ReportArgs) -> Result<()> {
    let config = files::collector(&args.config)?;
    let request = ReportRequest {
        facility: args.facility.clone(),
        period: args.period.clone(),
        format: args.format,
        known_at: args.known_at.clone(),
    };
    let client = AdminClient::of_data_dir(&config.data_dir);
    let asked = serve::on_threads(async { Ok(client.report(&request).await) })?;
    let document = match asked {
        Ok(document) => document,
        Err(ClientError::NotRunning { .. }) => {
            let engine = ledger::open(&config)?;
            let topology = Arc::new(Topology::compile(&config, |key| engine.meters().id(key)));
            actions::report(&Layout::new(&config.data_dir), &topology, &config, &request)?
        }
        Err(error) => return Err(error.into()),
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, &document.bytes).with_context(|| format!("cannot write {}", path.display()))
        }
        None => std::io::stdout().write_all(&document.bytes).context("cannot write to standard output"),
    }
}
