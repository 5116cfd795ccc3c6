//! `wattledger ledger digest` and `wattledger rebuild`: by the running collector, or on the store itself.

use crate::{files, log, serve};
use anyhow::{Result, bail};
use std::path::Path;
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::audit::Who;
use wattledger_collector::clock;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::Engine;

/// Prints the digest of the ledger.
pub(crate) fn digest(path: &Path) -> Result<()> {
    let config = files::collector(path)?;
    let asked =
        serve::on_threads(async { Ok(AdminClient::of_data_dir(&config.data_dir).digest(None).await) })?;
    let (digest, minutes, steps) = match asked {
        Ok(answer) => (answer.digest, answer.minutes, answer.steps),
        Err(ClientError::NotRunning { .. }) => {
            // Opening it takes what the journal still holds into the ledger.
            let digest = open(&config)?.digest()?;
            (digest.hex, digest.minutes, digest.steps)
        }
        Err(error) => return Err(error.into()),
    };
    eprintln!("{minutes} minutes, {steps} steps");
    println!("{digest}");
    Ok(())
}

/// Makes the ledger again and says whether it was right.
pub(crate) fn rebuild(path: &Path) -> Result<()> {
    let config = files::collector(path)?;
    log("info");
    let asked = serve::on_threads(async { Ok(AdminClient::of_data_dir(&config.data_dir).rebuild().await) })?;
    let (before, after) = match asked {
        Ok(answer) => (answer.digest_before, answer.digest_after),
        Err(ClientError::NotRunning { .. }) => {
            let mut engine = open(&config)?;
            let before = engine.digest()?.hex;
            engine.rebuild_for(&Who::this_process())?;
            (before, engine.digest()?.hex)
        }
        Err(error) => return Err(error.into()),
    };
    println!("{after}");
    if before == after {
        eprintln!("the ledger was what its readings say; nothing changed");
    } else {
        eprintln!("the ledger differed from what its readings say, and was mended; before: {before}");
    }
    Ok(())
}

/// Opens the store of a collector that does not run, to write. What the journal still holds is taken in.
pub(crate) fn open(config: &CollectorConfig) -> Result<Engine> {
    if !config.data_dir.exists() {
        bail!(
            "there is no ledger in {}; start the collector once, or check `data_dir`",
            config.data_dir.display()
        );
    }
    Ok(wattledger_collector::open_engine(config, clock::now())?)
}
