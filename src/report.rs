//! `wattledger report`: by the running collector, or on the store itself.

use crate::issue::{self, IssueArgs, Of};
use crate::{files, ledger, serve};
use anyhow::{Context, Result, bail};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wattledger_collector::actions;
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::admin::{Document, ReportFormat, ReportRequest};
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::outputs::reports::Schema;
use wattledger_collector::outputs::reports::document::Lang;
use wattledger_collector::store::Layout;
use wattledger_collector::topology::Topology;

/// What `wattledger report` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The collector's configuration
    #[arg(long, required = true)]
    config: Option<PathBuf>,
    /// The facility's name
    #[arg(long, required_unless_present_any = ["restate", "issued", "id", "portfolio"])]
    facility: Option<String>,
    /// 2025, 2025-Q2, 2025-03, 2025-03-01, rolling-12m, 12m-to-2025-10-31 or 2025-03-01..2025-04-15 (the last date not
    /// inside), in the facility's local dates
    #[arg(long, required_unless_present_any = ["restate", "issued", "id"])]
    period: Option<String>,
    /// text, json, csv, html, xlsx or pdf [default: by the ending of --output, or text]
    #[arg(long)]
    format: Option<ReportFormat>,
    /// The language of html, xlsx and pdf: en or zh
    #[arg(long, default_value = "en")]
    lang: Lang,
    /// Fill in this form instead: as html, xlsx or pdf
    #[arg(long)]
    form: Option<String>,
    /// Report over the facilities of this `[[portfolio]]` instead, or over `all`: as json, html, xlsx or pdf
    #[arg(long, conflicts_with_all = ["facility", "form", "known_at", "issue"])]
    portfolio: Option<String>,
    /// As it was known at this time, such as 2026-03-02T09:58:00Z or 2026-03-02 09:58 local
    #[arg(long)]
    known_at: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Print how something is described that is handed over, and nothing else; needs no configuration. JSON Schemas of
    /// report, portfolio, issued (its statement), evidence (its manifest) and document; csv: the columns
    #[arg(long, value_name = "OF", exclusive = true)]
    schema: Option<Schema>,
    #[command(flatten)]
    issue: IssueArgs,
}

/// Makes the report and writes it.
pub(crate) fn run(args: &ReportArgs) -> Result<()> {
    if let Some(schema) = args.schema {
        return files::print(schema.text());
    }
    // The command line does not let it be left out.
    let Some(config) = &args.config else { bail!("name the collector's configuration with `--config`") };
    let format = args.format.or_else(|| by_ending(args.output.as_deref()?)).unwrap_or(ReportFormat::Text);
    let config = files::collector(config)?;
    let (facility, period) = (args.facility.as_deref(), args.period.as_deref());
    if args.issue.is_asked() {
        return issue::run(&config, &args.issue, &Of { facility, period, format, lang: args.lang });
    }
    if format.is_binary() && args.output.is_none() && std::io::stdout().is_terminal() {
        let word = format.word();
        bail!("{word} is not for a terminal; name a file with `--output FILE.{word}`");
    }
    let request = ReportRequest {
        facility: facility.unwrap_or_default().to_owned(),
        period: period.unwrap_or_default().to_owned(),
        format,
        known_at: args.known_at.clone(),
        lang: args.lang,
        form: args.form.clone(),
        portfolio: args.portfolio.clone(),
    };
    let document = asked(&config, &request)?;
    match &args.output {
        Some(path) => {
            std::fs::write(path, &document.bytes).with_context(|| format!("cannot write {}", path.display()))
        }
        None => std::io::stdout().write_all(&document.bytes).context("cannot write to standard output"),
    }
}

/// From the running collector, or without one from its store.
fn asked(config: &CollectorConfig, request: &ReportRequest) -> Result<Document> {
    let client = AdminClient::of_data_dir(&config.data_dir);
    match serve::on_threads(async { Ok(client.report(request).await) })? {
        Ok(document) => Ok(document),
        Err(ClientError::NotRunning { .. }) => {
            let engine = ledger::open(config)?;
            let topology = Arc::new(Topology::compile(config, |key| engine.meters().id(key)));
            Ok(actions::report(&Layout::new(&config.data_dir), &topology, config, request)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The format that a file's name ends in.
fn by_ending(path: &Path) -> Option<ReportFormat> {
    let ending = path.extension()?.to_str()?;
    ReportFormat::ALL.into_iter().find(|format| ending.eq_ignore_ascii_case(format.extension()))
}
