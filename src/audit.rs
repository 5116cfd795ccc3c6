//! `wattledger audit`: who did what to the ledger and why, and whether that record holds.

use crate::files;
use anyhow::{Context, Result, anyhow, bail};
use std::path::{Path, PathBuf};
use wattledger_collector::admin::instant;
use wattledger_collector::audit::{self, Entry, Head, Kind};
use wattledger_collector::store::{self, Layout};

/// What `wattledger audit` is called with.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AuditCommand {
    /// Show the entries of the audit chain
    List {
        /// The collector's configuration
        #[arg(long)]
        config: PathBuf,
        /// Only from this time on, such as 2026-03-02T09:58:00Z
        #[arg(long)]
        since: Option<String>,
        /// Only of this kind: configuration, correction, withdrawal, admission, discard, rebuild, retention, issue
        #[arg(long)]
        kind: Option<Kind>,
        /// One JSON object a line, with everything
        #[arg(long)]
        json: bool,
    },
    /// Walk the whole chain and say whether it holds, or where it breaks
    Verify {
        /// The collector's configuration
        #[arg(long)]
        config: PathBuf,
        /// NUMBER:HASH of an entry that was noted elsewhere: finds a chain that was made anew, too
        #[arg(long)]
        expect: Option<String>,
    },
}

/// Lists or verifies.
pub(crate) fn run(args: AuditArgs) -> Result<()> {
    match args.command {
        AuditCommand::List { config, since, kind, json } => list(&config, since.as_deref(), kind, json),
        AuditCommand::Verify { config, expect } => verify(&config, expect.as_deref()),
    }
}

fn list(config: &Path, since: Option<&str>, kind: Option<Kind>, json: bool) -> Result<()> {
    let config = files::collector(config)?;
    let zone = match &config.sites[..] {
        [only] => Some(only.time_zone),
        _ => None,
    };
    let since = since.map(|text| instant::parse(text, zone)).transpose().map_err(|why| anyhow!(why))?;
    let connection = store::open_reader(&Layout::new(&config.data_dir))?;
    audit::walk(&connection, since, kind, |entry| {
        if json {
            println!("{}", serde_json::json!(entry));
        } else {
            println!("{}", line(&entry));
        }
    })?;
    Ok(())
}

/// Letters of a body that are shown; `--json` shows all.
const SHOWN: usize = 300;

fn line(entry: &Entry) -> String {
    let mut body: serde_json::Value = serde_json::from_str(&entry.body).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("text");
        // A statement is long, and begins with what says least.
        if entry.kind == Kind::Issue.word() {
            body.retain(|key, _| ["id", "facility", "period", "restates"].contains(&key.as_str()));
        }
    }
    let mut body = body.to_string();
    if let Some((end, _)) = body.char_indices().nth(SHOWN) {
        body.truncate(end);
        body.push_str(" ...");
    }
    let reason = if entry.reason.is_empty() { String::new() } else { format!(": {}", entry.reason) };
    format!("{:>5}  {}  {} by {}{reason}\n       {body}", entry.sequence, entry.at, entry.kind, entry.who)
}

fn verify(config: &Path, expect: Option<&str>) -> Result<()> {
    let config = files::collector(config)?;
    let anchor = expect.map(anchor).transpose()?;
    let connection = store::open_reader(&Layout::new(&config.data_dir))?;
    match audit::verify(&connection, anchor.as_ref())? {
        Ok(head) => {
            println!("the chain holds: {} entries; its head is {}:{}", head.count, head.count, head.hash);
            eprintln!(
                "A whole chain that somebody made anew would hold too: note the head elsewhere, and compare later \
                 with --expect."
            );
            Ok(())
        }
        Err(broken) => bail!("the audit chain does not hold: {broken}"),
    }
}

fn anchor(text: &str) -> Result<Head> {
    let parsed = text.split_once(':').and_then(|(count, hash)| {
        let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(Head { count: count.parse().ok()?, hash: hash.to_ascii_lowercase() }).filter(|_| whole)
    });
    parsed.with_context(|| {
        format!(
            "`{text}` is not the head of a chain; give NUMBER:HASH as `wattledger audit verify` prints it"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_a_number_and_a_whole_hash() {
        let hash = "ab".repeat(32);
        assert_eq!(anchor(&format!("12:{hash}")).expect("valid"), Head { count: 12, hash: hash.clone() });
        for wrong in [hash.as_str(), "12:ab", "x:", &format!("-1:{hash}")] {
            assert!(anchor(wrong).is_err(), "{wrong}");
        }
    }
}
