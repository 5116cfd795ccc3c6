//! Changes that operators make: by the running collector, or on the store itself.

use crate::{ledger, serve};
use anyhow::Result;
use wattledger_collector::admin::change::{self, ChangeAnswer, ChangeRequest};
use wattledger_collector::admin::client::{AdminClient, ClientError};
use wattledger_collector::audit::Who;
use wattledger_collector::clock;
use wattledger_collector::config::CollectorConfig;

/// Has a change made; it is durable when this returns.
pub(crate) fn make(config: &CollectorConfig, request: &ChangeRequest) -> Result<ChangeAnswer> {
    let client = AdminClient::of_data_dir(&config.data_dir);
    match serve::on_threads(async { Ok(client.change(request).await) })? {
        Ok(answer) => Ok(answer),
        Err(ClientError::NotRunning { .. }) => {
            let mut engine = ledger::open(config)?;
            Ok(change::perform(&mut engine, config, request, &Who::this_process(), clock::now())?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Says what a change did to the ledger.
pub(crate) fn say_effect(answer: &ChangeAnswer) {
    match answer.hours {
        0 => println!("the ledger is as it was: there was nothing that this changes"),
        1 => println!("1 hour of the ledger changed"),
        hours => println!("{hours} hours of the ledger changed"),
    }
    if let Some(hash) = &answer.hash {
        println!("entry {} of the audit chain, {hash}", answer.sequence.unwrap_or_default());
    }
}
