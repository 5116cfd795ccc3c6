//! `wattledger quarantine`: what was refused, and what becomes of it.

use crate::change as changes;
use crate::{files, ledger, serve};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use wattledger_collector::admin::change::{Change, ChangeRequest, Which};
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::admin::quarantine::{self, Item, Listing, Question};

/// What `wattledger quarantine` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Debug, clap::Subcommand)]
enum QuarantineCommand {
    /// Show what is in quarantine and why
    List {
        /// The collector's configuration
        #[arg(long)]
        config: PathBuf,
        /// Only of this cause, such as too-late or clock-skew
        #[arg(long)]
        cause: Option<String>,
        /// Only of this meter: SITE/METER or METER
        #[arg(long)]
        meter: Option<String>,
        /// The oldest this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Book refused readings, as if they had not been refused
    Admit(Decision),
    /// Keep refused things no longer; the audit chain says what they were
    Discard(Decision),
}

#[derive(Debug, clap::Args)]
struct Decision {
    /// Their numbers, as `list` shows them
    ids: Vec<i64>,
    /// All of a cause or of a meter, or all there are
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Only of this cause
    #[arg(long, requires = "all")]
    cause: Option<String>,
    /// Only of this meter: SITE/METER or METER
    #[arg(long, requires = "all")]
    meter: Option<String>,
    /// Why: it stands in the audit chain beside who did it
    #[arg(long)]
    reason: String,
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
}

/// Lists, admits or discards.
pub(crate) fn run(args: QuarantineArgs) -> Result<()> {
    match args.command {
        QuarantineCommand::List { config, cause, meter, limit, json } => {
            list(&config, &Question { cause, meter, limit }, json)
        }
        QuarantineCommand::Admit(decision) => decide(decision, "admitted", Change::Admit),
        QuarantineCommand::Discard(decision) => decide(decision, "discarded", Change::Discard),
    }
}

fn list(config: &Path, question: &Question, json: bool) -> Result<()> {
    let config = files::collector(config)?;
    let client = AdminClient::of_data_dir(&config.data_dir);
    let listing = match serve::on_threads(async { Ok(client.quarantine(question).await) })? {
        Ok(listing) => listing,
        Err(ClientError::NotRunning { .. }) => quarantine::list(&mut ledger::open(&config)?, question)?,
        Err(error) => return Err(error.into()),
    };
    if json {
        println!("{}", serde_json::to_string(&listing)?);
    } else {
        print!("{}", shown(&listing));
    }
    Ok(())
}

fn shown(listing: &Listing) -> String {
    let mut text: String = listing.held.iter().map(line).collect();
    match (listing.count, listing.held.len() as u64) {
        (0, _) => text.push_str("nothing is in quarantine\n"),
        (all, some) if some < all => text.push_str(&format!("{} more; --limit shows them\n", all - some)),
        _ => {}
    }
    text
}

fn line(item: &Item) -> String {
    let what = match &item.reading {
        Some((at, value, unit)) => {
            let meter = item.meter.as_deref().unwrap_or("-");
            format!("{meter} {at} {value} {}", unit.as_deref().unwrap_or(""))
        }
        None => format!("{} `{}`", item.origin, item.sample.chars().take(60).collect::<String>()),
    };
    format!("{:>6}  {}  {}\n        {}\n", item.id, item.cause, what.trim_end(), item.detail)
}

fn decide(decision: Decision, done: &str, change: impl FnOnce(Which) -> Change) -> Result<()> {
    let Decision { ids, all, cause, meter, reason, config } = decision;
    if ids.is_empty() && !all {
        bail!("say which: their numbers, or --all with --cause or --meter");
    }
    let config = files::collector(&config)?;
    let request = ChangeRequest { reason, change: change(Which { ids, cause, meter }) };
    let answer = changes::make(&config, &request)?;
    for (id, why) in &answer.passed_over {
        eprintln!("{id} stays: {why}");
    }
    println!("{} {done}", answer.decided);
    if answer.decided > 0 {
        changes::say_effect(&answer);
    }
    if answer.left > 0 {
        println!("{} more are left; say it again for the next", answer.left);
    }
    Ok(())
}
