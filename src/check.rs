//! `wattledger check`: everything that is wrong with configurations, each with its place and the mend.

use crate::files;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use wattledger_agent::AgentConfig;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::outputs::alerts::check_channels;
use wattledger_collector::outputs::reports::forms;
use wattledger_model::document::{Document, Problems};

/// Checks each file as what it is: an agent's or a collector's configuration.
pub(crate) fn run(paths: &[PathBuf]) -> Result<()> {
    let mut bad = 0;
    for path in paths {
        match check(path) {
            Ok(warnings) => {
                print!("{warnings}");
                println!("{}: ok", path.display());
            }
            Err(error) => {
                println!("{error:#}");
                bad += 1;
            }
        }
    }
    if bad > 0 {
        bail!("{bad} of {} files cannot be used", paths.len());
    }
    Ok(())
}

fn check(path: &Path) -> Result<Problems> {
    let text = files::read(path)?;
    let name = path.display().to_string();
    let document = Document::parse(&name, &text);
    let mut root = document.root();
    match (root.has("agent"), root.has("collector")) {
        (true, _) => {
            let config = AgentConfig::parse(&name, &text).map_err(|problems| files::told(&problems))?;
            // Those are on the machine that the agent runs on, which this one need not be.
            print!("{}", config.check_secrets());
            config.certificates().iter().for_each(|line| println!("{line}"));
            Ok(config.warnings)
        }
        (false, true) => {
            let config = CollectorConfig::parse(&name, &text).map_err(|problems| files::told(&problems))?;
            let channels = check_channels(&config);
            if channels.has_errors() {
                return Err(files::told(&channels));
            }
            // Files are on the machine that the collector runs on, which this one need not be.
            print!("{}{channels}", config.check_secrets());
            if let Some(Err(error)) = config.reports.forms_dir.as_deref().map(forms::read_folder) {
                println!("{error}");
            }
            if let Some(tls) = &config.link.broker.tls {
                println!("{}: {}", config.link.broker, tls.standing());
            }
            config.notes().iter().for_each(|note| println!("{note}"));
            Ok(config.warnings)
        }
        (false, false) => {
            bail!(
                "{name}:1:1: neither an agent's nor a collector's configuration: it has no [agent] and no [collector]"
            )
        }
    }
}
