//! Reading configuration files, with every problem said at once, and printing.

use anyhow::{Context, Result, anyhow};
use std::io::{ErrorKind, Write};
use std::path::Path;
use wattledger_agent::AgentConfig;
use wattledger_collector::config::CollectorConfig;
use wattledger_model::document::Problems;

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// An agent's configuration.
pub(crate) fn agent(path: &Path) -> Result<AgentConfig> {
    AgentConfig::parse(&path.display().to_string(), &read(path)?).map_err(|problems| told(&problems))
}

/// A collector's configuration.
pub(crate) fn collector(path: &Path) -> Result<CollectorConfig> {
    CollectorConfig::parse(&path.display().to_string(), &read(path)?).map_err(|problems| told(&problems))
}

/// Problems as one error: a line each.
pub(crate) fn told(problems: &Problems) -> anyhow::Error {
    anyhow!("{}", problems.to_string().trim_end())
}

/// Writes to standard output. A pager that was closed early is no failure.
pub(crate) fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
