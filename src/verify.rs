//! `wattledger verify`: whether an issued report is what it was, and what the ledger says.

use crate::files;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use wattledger_collector::outputs::reports::issued::{
    Given, Verified, against_evidence, against_ledger, read_public,
};
use wattledger_collector::store::Layout;

/// What `wattledger verify` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// An issued report: its name, its report.json, or a PDF of it
    #[arg(required_unless_present = "evidence")]
    report: Option<String>,
    /// The configuration of the collector that issued it, to make it again from the ledger
    #[arg(long, required_unless_present = "evidence", conflicts_with = "evidence")]
    config: Option<PathBuf>,
    /// A directory that `wattledger report --evidence` wrote, to make it again from that alone
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// The issuer's public key: what `openssl pkey -in KEY -pubout` prints, or its 64 hexadecimal digits in a file
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Whether everything is as it was; what is not is printed.
pub(crate) fn run(args: &VerifyArgs) -> Result<bool> {
    let key = args.key.as_deref().map(read_public).transpose()?;
    let given = args.report.as_deref().map(given).transpose()?;
    let verified = match (&args.evidence, &args.config, &given) {
        (Some(bundle), ..) => against_evidence(bundle, given.as_ref(), key.as_deref())
            .with_context(|| format!("{} cannot be verified", bundle.display()))?,
        (None, Some(config), Some(given)) => {
            let config = files::collector(config)?;
            against_ledger(&Layout::new(&config.data_dir), given, key.as_deref())?
        }
        // The command line does not let this pass.
        _ => bail!("name the report and --config, or --evidence"),
    };
    files::print(&told(&verified))?;
    Ok(verified.findings.is_empty())
}

/// A file where there is one of that name, else the name of an issued report.
fn given(text: &str) -> Result<Given> {
    let path = Path::new(text);
    if !path.is_file() {
        if text.contains('/') {
            bail!("there is no file {text}");
        }
        return Ok(Given::Id(text.to_owned()));
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {text}"))?;
    Ok(Given::File { name: text.to_owned(), bytes })
}

fn told(verified: &Verified) -> String {
    let mut text = match verified.findings.len() {
        0 => format!("{}: verified; every figure was made again, bit for bit\n", verified.id),
        1 => format!("{}: NOT verified; 1 thing differs\n", verified.id),
        count => format!("{}: NOT verified; {count} things differ\n", verified.id),
    };
    for finding in &verified.findings {
        text.push_str(&format!("  {finding}\n"));
    }
    for note in &verified.notes {
        text.push_str(&format!("  note: {note}\n"));
    }
    text
}
