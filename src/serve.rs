//! `wattledger agent` and `wattledger collector`: run until told to stop.

use crate::{files, log};
use anyhow::{Context, Result};
use std::path::Path;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Completes on SIGTERM or Ctrl-C.
pub(crate) fn told_to_stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Runs on several threads: collector and demo have work that blocks.
pub(crate) fn on_threads<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?.block_on(work)
}

/// Runs an agent on one thread.
pub(crate) fn agent(path: &Path) -> Result<()> {
    let config = files::agent(path)?;
    log("info");
    for warning in config.warnings.all() {
        tracing::warn!("{warning}");
    }
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(async { Ok(wattledger_agent::run_file(path, config, told_to_stop()?).await?) })
}

/// Runs a collector.
pub(crate) fn collector(path: &Path) -> Result<()> {
    let config = files::collector(path)?;
    log("info");
    for warning in config.warnings.all() {
        tracing::warn!("{warning}");
    }
    on_threads(async {
        let shutdown = told_to_stop()?;
        let name = config.name.clone();
        let running = wattledger_collector::start(config).await?;
        match running.handle().page() {
            Some(page) => tracing::info!(%name, "the collector is running; its page is at http://{page}/"),
            None => tracing::info!(%name, "the collector is running; its page is switched off"),
        }
        running.until(shutdown).await?;
        tracing::info!("stopped");
        Ok(())
    })
}
