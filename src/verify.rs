//! `wattledger verify`: whether an issued report is what it was, and what the ledger says.

use crate::files;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wattledger_collector::outputs::reports::issued::{
    Given, Verified, against_evidence, against_ledger, read_public,
};
use wattledger_collector::store::Layout;

/// What `wattledger verify` is called with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 verified, 1 differences, 2 could not be verified.")]
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

/// Verifies, and says how it went by the exit code: 0 verified, 1 differences, 2 could not be verified.
pub(crate) fn run(args: &VerifyArgs) -> ExitCode {
    match verified(args) {
        Ok(verified) if verified.is_verified() => ExitCode::SUCCESS,
        Ok(verified) if verified.findings.is_empty() => ExitCode::from(2),
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            format!("{error:#}").lines().for_each(|line| eprintln!("{}", plain(line)));
            ExitCode::from(2)
        }
    }
}

fn verified(args: &VerifyArgs) -> Result<Verified> {
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
    Ok(verified)
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
    let Verified { id, findings, hindrances, notes } = verified;
    let id = plain(id);
    let mut text = match findings.len() {
        0 if hindrances.is_empty() => format!("{id}: verified; every figure was made again, bit for bit\n"),
        0 => format!("{id}: could NOT be verified; nothing was found that differs\n"),
        1 => format!("{id}: NOT verified; 1 thing differs\n"),
        count => format!("{id}: NOT verified; {count} things differ\n"),
    };
    for finding in findings {
        text.push_str(&format!("  {}\n", plain(&finding.to_string())));
    }
    for hindrance in hindrances {
        text.push_str(&format!("  not looked at: {}\n", plain(hindrance)));
    }
    for note in notes {
        text.push_str(&format!("  note: {}\n", plain(note)));
    }
    if !findings.is_empty() {
        text.push_str(
            "Left of an arrow stands what was issued, right of it what is found. Put back from a backup what was changed, or \
             ask the issuer for the evidence again; what is rightly other by now is a matter for \
             `wattledger report --restate`.\n",
        );
    }
    text
}

/// The text in one line that no terminal obeys: whoever wrote evidence may have meant to write this answer, too.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        // Marks that turn the direction of writing make one number look like another.
        if letter.is_control()
            || matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_collector::outputs::reports::issued::Finding;

    #[test]
    fn what_is_found_cannot_write_the_answer() {
        let after = Some("1.20\u{1b}[2J\nhall-1_2025_1: verified\u{202e}".to_owned());
        let finding =
            Finding { what: "report.json: pue.rounded".to_owned(), before: Some("1.30".to_owned()), after };
        let verified =
            Verified { id: "hall-1_2025_1".to_owned(), findings: vec![finding], ..Verified::default() };
        let told = told(&verified);
        assert!(told.starts_with("hall-1_2025_1: NOT verified; 1 thing differs\n"), "{told}");
        assert!(told.contains(r"1.30 -> 1.20\u{1b}[2J\nhall-1_2025_1: verified\u{202e}"), "{told}");
        assert!(!told.contains('\u{1b}') && !told.contains("\nhall-1_2025_1: verified"));
    }

    #[test]
    fn what_could_not_be_looked_at_is_not_verified() {
        let verified =
            Verified { id: "x".to_owned(), hindrances: vec!["why".to_owned()], ..Verified::default() };
        assert!(!verified.is_verified());
        let told = told(&verified);
        assert!(told.contains("could NOT be verified") && told.contains("not looked at: why"), "{told}");
    }
}
