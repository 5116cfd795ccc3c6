//! Nothing that was durable is missing, nothing is booked twice, and no crash, order or repetition has left a
//! trace: the ledger is what a collector without any fault makes of the same set of readings.

use super::{Report, in_words};
use crate::agent::Agent;
use crate::collector::Collector;
use crate::disk::WorldDisk;
use crate::world::World;
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
    let engine = collector.engine().ok_or("the collector is down")?;
    let held = engine.committed_of(&(agent.key.clone(), incarnation));
    Ok(agent.kept.keys().copied().filter(|sequence| held.contains(*sequence)).collect())
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

/// Every durable batch is with the collector, or dropped and told of. Gives those that it has.
fn check_what_is_committed(world: &mut World<'_>, report: &mut Report) -> Result<Vec<Arrival>, String> {
    let mut everything = Vec::new();
    let mut nowhere = 0;
    for agent in &world.agents {
        let held = committed(&mut world.collector, agent)?;
        let mut held = held.into_iter().peekable();
        for (sequence, kept) in &agent.kept {
            if held.next_if_eq(sequence).is_some() {
                let (agent, payload) = (agent.key.clone(), kept.payload.clone());
                everything.push(Arrival { agent, form: PayloadForm::Batch, payload });
            } else if kept.is_dropped {
                nowhere += kept.batch.readings.len() as u64;
            } else {
                return Err(format!("batch {sequence} of {} is not with the collector", agent.key));
            }
        }
        if agent.says_lost() != agent.dropped {
            return Err(format!("{} dropped {}, and says {}", agent.key, agent.dropped, agent.says_lost()));
        }
    }
    let engine = world.collector.engine().ok_or("the collector is down")?;
    let told = engine.tally().lost_readings();
    let dropped: u64 = world.agents.iter().map(|agent| agent.dropped).sum();
    // What was dropped may have arrived all the same; what did not must be told of.
    if told < nowhere || (dropped == 0) != (told == 0) {
        return Err(format!(
            "{nowhere} readings are nowhere, {dropped} were dropped, and {told} are told of"
        ));
    }
    report.lost = nowhere;
    Ok(everything)
}
