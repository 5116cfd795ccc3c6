//! `wattledger correct`: what operators enter because no reading says it.

use crate::{change, files};
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use wattledger_collector::admin::change::{Change, ChangeRequest};
use wattledger_collector::audit::{self, Entry, Kind, corrections};
use wattledger_collector::store::{self, Layout};
use wattledger_model::decimal::Decimal;

/// What `wattledger correct` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct CorrectArgs {
    #[command(subcommand)]
    command: CorrectCommand,
}

/// Where and why.
#[derive(Debug, clap::Args)]
struct Common {
    /// The collector's configuration
    #[arg(long)]
    config: PathBuf,
    /// Why: it stands in the audit chain beside who did it
    #[arg(long)]
    reason: String,
}

#[derive(Debug, clap::Subcommand)]
enum CorrectCommand {
    /// Book what passed in time of which nothing is known, as estimated
    Entry {
        /// The meter: SITE/METER, or METER where one site has it
        meter: String,
        /// Begin, such as 2026-03-02T09:58:00Z, or local to the site such as "2026-03-02 09:58"
        #[arg(long)]
        from: String,
        /// End
        #[arg(long)]
        to: String,
        /// What passed, with its unit, such as "12.5 kWh"
        #[arg(long)]
        amount: String,
        #[command(flatten)]
        common: Common,
    },
    /// Leave the readings of a time out, as if they had not come
    Exclude {
        /// The meter: SITE/METER, or METER where one site has it
        meter: String,
        /// First instant that is left out
        #[arg(long)]
        from: String,
        /// First instant after it that counts again
        #[arg(long)]
        to: String,
        #[command(flatten)]
        common: Common,
    },
    /// Say what passed in steps of a register that could not be measured: resets, jumps, undecidable ones
    Settle {
        /// The meter: SITE/METER, or METER where one site has it
        meter: String,
        /// At or before the step's earlier reading
        #[arg(long)]
        from: String,
        /// At or after the step's later reading
        #[arg(long)]
        to: String,
        /// What passed, with its unit, such as "12.5 kWh"
        #[arg(long)]
        amount: String,
        #[command(flatten)]
        common: Common,
    },
    /// Declare that the instrument was exchanged, with the signed-off registers
    Exchange {
        /// The meter: SITE/METER, or METER where one site has it
        meter: String,
        /// When
        #[arg(long)]
        at: String,
        /// The old register at its removal, as the device showed it
        #[arg(long)]
        last: String,
        /// The new register at its installation, as the device showed it
        #[arg(long)]
        first: String,
        #[command(flatten)]
        common: Common,
    },
    /// Take a correction back
    Withdraw {
        /// Its number, as `list` shows it
        number: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Show all corrections, with who made them and why
    List {
        /// The collector's configuration
        #[arg(long)]
        config: PathBuf,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

/// Corrects, or lists corrections.
pub(crate) fn run(args: CorrectArgs) -> Result<()> {
    let (change, common) = match args.command {
        CorrectCommand::List { config, json } => return list(&config, json),
        CorrectCommand::Entry { meter, from, to, amount, common } => {
            (Change::Entry { meter, from, to, amount }, common)
        }
        CorrectCommand::Exclude { meter, from, to, common } => (Change::Exclude { meter, from, to }, common),
        CorrectCommand::Settle { meter, from, to, amount, common } => {
            (Change::Settle { meter, from, to, amount }, common)
        }
        CorrectCommand::Exchange { meter, at, last, first, common } => {
            (Change::Exchange { meter, at, last, first }, common)
        }
        CorrectCommand::Withdraw { number, common } => (Change::Withdraw { number }, common),
    };
    let config = files::collector(&common.config)?;
    let answer = change::make(&config, &ChangeRequest { reason: common.reason, change })?;
    match &answer.meter {
        Some(meter) => println!("correction {} of {meter} is in force", answer.sequence.unwrap_or_default()),
        None => println!("the correction is withdrawn"),
    }
    change::say_effect(&answer);
    Ok(())
}

fn list(config: &std::path::Path, json: bool) -> Result<()> {
    let config = files::collector(config)?;
    let connection = store::open_reader(&Layout::new(&config.data_dir))?;
    let withdrawn: BTreeMap<u64, Option<u64>> =
        corrections::load(&connection)?.into_iter().map(|kept| (kept.sequence, kept.withdrawn)).collect();
    let mut entries = Vec::new();
    audit::walk(&connection, None, Some(Kind::Correction), |entry| entries.push(entry))?;
    for entry in &entries {
        let withdrawn = withdrawn.get(&entry.sequence).copied().flatten();
        let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
        if json {
            let line = serde_json::json!({
                "number": entry.sequence, "at": entry.at.to_string(), "who": entry.who, "reason": entry.reason,
                "meter": body["meter"], "correction": body["correction"], "base_unit": body["base_unit"],
                "withdrawn_by": withdrawn,
            });
            println!("{line}");
        } else {
            println!("{}", line(entry, &body, withdrawn));
        }
    }
    if !json && entries.is_empty() {
        println!("no corrections were made");
    }
    Ok(())
}

fn line(entry: &Entry, body: &Value, withdrawn: Option<u64>) -> String {
    let text = |key: &str| body["correction"][key].as_str().unwrap_or_default();
    let what = match text("kind") {
        "exchange" => format!("{}: {} to {}", text("at"), text("last"), text("first")),
        _ => {
            let amount = amount(text("amount"), body["base_unit"].as_str());
            format!("{} to {}{amount}", text("from"), text("to"))
        }
    };
    let state = withdrawn.map_or_else(String::new, |by| format!(", withdrawn by entry {by}"));
    format!(
        "{:>5}  {} {} {what}{state}\n       {} at {}: {}",
        entry.sequence,
        body["meter"].as_str().unwrap_or_default(),
        text("kind"),
        entry.who,
        entry.at,
        entry.reason
    )
}

/// An amount in base units, in the unit that people use.
fn amount(text: &str, base_unit: Option<&str>) -> String {
    let (unit, exponent) = match base_unit {
        Some("µWh") => ("kWh", -9),
        Some("mL") => ("L", -3),
        Some("mg") => ("kg", -6),
        _ => ("", 0),
    };
    match text.parse() {
        Ok(amount) => format!(": {} {unit}", Decimal::new(amount, exponent).normalized()),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_the_unit_that_people_use() {
        assert_eq!(amount("12500000000", Some("µWh")), ": 12.5 kWh");
        assert_eq!(amount("1500", Some("mL")), ": 1.5 L");
        assert_eq!(amount("", None), "");
    }
}
