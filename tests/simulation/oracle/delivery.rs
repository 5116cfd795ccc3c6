//! Nothing that was durable is missing, nothing is booked twice, and no crash, order or repetition has left a
//! trace: the ledger is what a collector without any fault makes of the same set of readings.

use super::{Report, in_words};
use crate::agent::{Agent, Kept};
use crate::collector::Collector;
use crate::disk::WorldDisk;
use crate::world::World;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use wattledger_collector::engine::{Arrival, Engine, EngineConfig};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::store::Layout;
use wattledger_model::reading::Cause;
use wattledger_model::time::Timestamp;

/// The sequences of an agent that the collector has.
pub fn committed(collector: &mut Collector, agent: &Agent) -> Result<Vec<u64>, String> {
    let Some(incarnation) = agent.incarnation else { return Ok(Vec::new()) };
    let of = (agent.key.clone(), incarnation);
    let held = collector.engine().ok_or("the collector is down")?.committed_of(&of);
    let again = || agent.kept.values().flat_map(|kept| &kept.batch.lineage.again);
    let stood_for: BTreeSet<u64> = again().filter(|sequence| held.contains(**sequence)).copied().collect();
    let is_taken = |(sequence, kept): (&u64, &Kept)| {
        let is_here = held.contains(*sequence) && !kept.is_replaced;
        // Of batches with the same content one is taken.
        let shared = stood_for.contains(sequence) || !kept.batch.lineage.again.is_empty();
        (is_here && collector.has_applied(&of, *sequence, shared)).then_some(*sequence)
    };
    Ok(agent.kept.iter().filter_map(is_taken).collect())
}

/// Every reading was taken in once: admitted, or put in quarantine if it is more than five minutes ahead of its
/// agent's clock.
pub fn check_counts(collector: &mut Collector, admitted: u64, skewed: u64) -> Result<(), String> {
    let engine = collector.engine().ok_or("the collector is down")?;
    let quarantined = engine.tally().quarantined().iter();
    let in_quarantine: u64 =
        quarantined.filter(|((cause, ..), _)| *cause == Cause::ClockSkew).map(|(_, count)| count.count).sum();
    if (engine.tally().readings(), in_quarantine) == (admitted, skewed) {
        return Ok(());
    }
    let readings = engine.tally().readings();
    Err(format!("{readings} and {in_quarantine} readings were taken in, not {admitted} and {skewed}"))
}

/// Judges delivery.
pub fn judge(world: &mut World<'_>, dir: &Path, report: &mut Report) -> Result<(), String> {
    let everything = check_what_is_committed(world, report)?;
    let end = world.end();
    let mended = world.mended(dir);
    restart(world, mended.clone())?;
    let engine = world.collector.engine().ok_or("the collector is down")?;
    engine.compact().map_err(in_words)?;
    let digest = engine.digest().map_err(in_words)?;

    world.note_digest(&digest.hex);
    let fresh = tempfile::tempdir_in(dir.parent().unwrap_or(dir)).map_err(in_words)?;
    let config = EngineConfig { layout: Layout::new(fresh.path()), ..mended.clone() };
    let mut reference = Engine::open_on(Arc::new(WorldDisk::default()), config, 1).map_err(in_words)?;
    for arrivals in everything.chunks(1_000) {
        reference.take(arrivals, Timestamp(crate::START + end)).map_err(in_words)?;
    }
    let expected = reference.digest().map_err(in_words)?;
    if digest != expected {
        return Err(format!("the ledger is not what its readings say: {digest:?}, not {expected:?}"));
    }

    let engine = world.collector.engine().ok_or("the collector is down")?;
    let rebuilt = engine.rebuild().map_err(in_words)?;
    if rebuilt.changed_hours > 0 {
        return Err(format!("a rebuild changes {} hours", rebuilt.changed_hours));
    }
    restart(world, mended)?;
    let engine = world.collector.engine().ok_or("the collector is down")?;
    let again = engine.digest().map_err(in_words)?;
    if again == digest {
        Ok(())
    } else {
        Err(format!("after a restart the ledger is {again:?}, not {digest:?}"))
    }
}

fn restart(world: &mut World<'_>, config: EngineConfig) -> Result<(), String> {
    let end = world.end();
    world.collector.die(true);
    world.collector.configure(config);
    if world.collector.start(end)? { Ok(()) } else { Err("the collector does not start again".to_owned()) }
}

/// Every durable batch is with the collector, or another stands for it; and every reading that was taken in is
/// there once, or told of as thinned or dropped. Gives the batches that were taken in.
fn check_what_is_committed(world: &mut World<'_>, report: &mut Report) -> Result<Vec<Arrival>, String> {
    let mut everything = Vec::new();
    for agent in &world.agents {
        let Some(incarnation) = agent.incarnation else { continue };
        let mut readings = 0;
        let mut taken = committed(&mut world.collector, agent)?.into_iter().peekable();
        let stood_for: BTreeSet<u64> =
            agent.kept.values().flat_map(|kept| kept.batch.lineage.again.iter().copied()).collect();
        for (sequence, kept) in &agent.kept {
            if taken.next_if_eq(sequence).is_some() {
                readings += kept.batch.readings.len() as u64;
                let (agent, payload) = (agent.key.clone(), kept.payload.clone());
                everything.push(Arrival { agent, form: PayloadForm::Batch, payload });
            } else if !kept.is_gone
                && !kept.is_replaced
                && !stood_for.contains(sequence)
                && kept.batch.lineage.again.is_empty()
            {
                return Err(format!("batch {sequence} of {} is not with the collector", agent.key));
            }
        }
        let engine = world.collector.engine().ok_or("the collector is down")?;
        let of = (agent.key.clone(), incarnation);
        let receipt = engine.tally().receipts().all().get(&of).copied().unwrap_or_default();
        let [taken_in, thinned, lost, waiting] = agent.says()?;
        let here = [receipt.committed, receipt.told_thinned, receipt.missing_batches, waiting];
        // What an agent dropped after it was sent may have arrived: then it is told of and counted as arrived.
        let adds_up = taken_in == readings + thinned + receipt.told_lost && receipt.told_lost <= lost;
        if here != [readings, thinned, 0, 0] || !adds_up {
            return Err(format!(
                "{}: {taken_in} taken in, {thinned} thinned, {lost} lost, {waiting} waiting; {readings} are with the \
                 collector, whose receipt is {receipt:?}",
                agent.key
            ));
        }
        report.lost += receipt.told_lost;
        report.thinned += thinned;
    }
    Ok(everything)
}
