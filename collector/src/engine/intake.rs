//! Taking payloads in: decode, leave out what is committed already, make the rest durable, apply it.

use super::receipts::Of;
use super::tally::Overlap;
use super::{Engine, EngineError};
use crate::admit;
use crate::by_hand;
use crate::journal::{PayloadForm, Record};
use crate::store::MeterId;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};
use wattledger_link::ranges::RangeSet;
use wattledger_model::batch::{AgentKey, AgentStatus, Batch, Lineage};
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Incarnation, Reading, Refused};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;
use wattledger_model::wire;

/// A payload as it came over the link.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The agent that the topic names.
    pub agent: AgentKey,
    /// How it is written.
    pub form: PayloadForm,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// A payload that was turned away and will not be acknowledged as a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The agent that the topic names.
    pub agent: AgentKey,
    /// What is wrong.
    pub detail: String,
}

/// What may be said once everything is durable.
#[derive(Debug, Default)]
pub struct Answered {
    /// What is committed, for every agent and incarnation that sent a batch.
    pub committed: BTreeMap<(AgentKey, Incarnation), RangeSet>,
    /// Payloads that were turned away.
    pub refused: Vec<Refusal>,
    /// Readings that were new.
    pub readings: usize,
}

impl Engine {
    /// Takes payloads in. When it returns, all of them are durable or refused, and may be acknowledged.
    ///
    /// # Errors
    /// [`EngineError::Journal`]: none of them may be acknowledged; agents will send them again.
    pub fn take(&mut self, arrivals: &[Arrival], now: Timestamp) -> Result<Answered, EngineError> {
        self.now = now;
        let mut answered = Answered::default();
        let mut fresh: Vec<(Record, Option<Batch>)> = Vec::new();
        let mut in_hand: HashMap<(AgentKey, Incarnation), RangeSet> = HashMap::new();
        for arrival in arrivals {
            let Arrival { agent, form, payload } = arrival.clone();
            let batch = match form {
                PayloadForm::Json => None,
                PayloadForm::Batch => match self.open_batch(&agent, &payload) {
                    Ok(batch) => Some(batch),
                    Err(detail) => {
                        self.refuse_payload(&agent, &payload, &detail, now);
                        answered.refused.push(Refusal { agent, detail });
                        continue;
                    }
                },
            };
            if let Some(batch) = &batch {
                let of = (agent.clone(), batch.incarnation);
                answered.committed.entry(of.clone()).or_default();
                let there = self.committed.get(&of).is_some_and(|known| known.contains(batch.sequence));
                if there || !in_hand.entry(of).or_default().insert(batch.sequence) {
                    let of = (agent, batch.incarnation);
                    self.tally.duplicate_batch(&of, batch.readings.len() as u64);
                    continue;
                }
            }
            fresh.push((Record { received: now, agent, form, payload }, batch));
        }
        let encoded: Vec<Vec<u8>> = fresh.iter().map(|(record, _)| record.encode()).collect();
        if !encoded.is_empty() {
            let slices: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
            self.journal.append(&slices)?;
            self.applied = self.journal.next_index();
        }
        for (record, batch) in fresh {
            answered.readings += match batch {
                Some(batch) => self.apply_batch(batch, record.received),
                None => self.apply_by_hand(&record),
            };
        }
        for (of, known) in &mut answered.committed {
            known.clone_from(&self.committed_of(of));
        }
        Ok(answered)
    }

    /// Takes note of what an agent says of itself, for its receipt.
    pub fn hear(&mut self, status: &AgentStatus) {
        self.tally.hear(status);
    }

    /// What is committed of one agent's incarnation; empty where it is unknown.
    pub fn committed_of(&self, of: &(AgentKey, Incarnation)) -> RangeSet {
        self.committed.get(of).cloned().unwrap_or_default()
    }

    fn open_batch(&self, agent: &AgentKey, payload: &[u8]) -> Result<Batch, String> {
        let batch = wire::decode_batch(payload).map_err(|error| error.to_string())?;
        if batch.agent == *agent {
            Ok(batch)
        } else {
            Err(format!(
                "a batch of {} came on the topic of {agent}; check the broker's access list",
                batch.agent
            ))
        }
    }

    fn refuse_payload(&mut self, agent: &AgentKey, payload: &[u8], detail: &str, now: Timestamp) {
        let refused = Refused {
            at: now,
            cause: Cause::Batch,
            origin: format!("agent {agent}"),
            meter: None,
            detail: detail.to_owned(),
            sample: payload[..payload.len().min(1_024)].to_vec(),
            count: 1,
        };
        self.tally.quarantine(agent, refused, None);
    }

    /// Applies a record of the journal, as on a start.
    pub(super) fn apply(&mut self, record: Record) {
        match record.form {
            PayloadForm::Json => {
                self.apply_by_hand(&record);
            }
            PayloadForm::Batch => match self.open_batch(&record.agent, &record.payload) {
                Ok(batch) => drop(self.apply_batch(batch, record.received)),
                Err(detail) => {
                    tracing::error!(%detail, "a batch of the journal cannot be read and was left out")
                }
            },
        }
    }

    /// Of batches with the same content, and of a batch and those that it stands for, the one that is applied first
    /// counts; several of them may have come together.
    fn apply_batch(&mut self, batch: Batch, received: Timestamp) -> usize {
        let of = (batch.agent.clone(), batch.incarnation);
        let readings = batch.readings.len() as u64;
        let known = self.committed.entry(of.clone()).or_default();
        let standing = Standing::of(known, &batch);
        if standing != Standing::Here {
            let missing = commit(known, &batch);
            self.tally.missing_batches(&of, missing);
        }
        match standing {
            Standing::New => {}
            Standing::PartlyReplaced => self.tally.overlap(&of, Overlap::TakenIn, readings),
            Standing::Here | Standing::Again | Standing::Replaced => {
                if standing == Standing::Replaced {
                    self.tally.overlap(&of, Overlap::LeftOut, readings);
                }
                self.tally.duplicate_batch(&of, readings);
                return 0;
            }
        }
        self.tally.committed(&of, readings);
        let agent = batch.agent;
        for refused in batch.refused {
            self.tally.quarantine(&agent, refused, None);
        }
        for loss in batch.losses {
            self.tally.loss(&of, loss);
        }
        self.apply_readings(&agent, Some(&of), &batch.meters, batch.readings, received)
    }

    fn apply_by_hand(&mut self, record: &Record) -> usize {
        let origin = format!("readings-json of {}", record.agent);
        let (readings, refused) = by_hand::parse(&record.payload, record.received, &origin);
        for refused in refused {
            self.tally.quarantine(&record.agent, refused, None);
        }
        let mut names: Vec<Name> = Vec::new();
        let numbered = readings.into_iter().map(|(name, reading)| {
            if names.last() != Some(&name) {
                names.push(name);
            }
            (names.len() as u32 - 1, reading)
        });
        let readings = numbered.collect();
        self.apply_readings(&record.agent, None, &names, readings, record.received)
    }

    /// Applies readings, each with the place of its meter's name in `names`.
    fn apply_readings(
        &mut self,
        agent: &AgentKey,
        of: Option<&Of>,
        names: &[Name],
        readings: Vec<(u32, Reading)>,
        received: Timestamp,
    ) -> usize {
        let mut taken = 0;
        let mut met: Vec<Option<Met>> = vec![None; names.len()];
        for (at, reading) in readings {
            let (Some(name), Some(met)) = (names.get(at as usize), met.get_mut(at as usize)) else {
                continue;
            };
            let key = || MeterKey { site: agent.site.clone(), meter: name.clone() };
            let forgotten = match met {
                Some(met) => met.forgotten,
                None => self.meters.id(&key()).and_then(|meter| self.forgotten.get(&meter).copied()),
            };
            let admitted = admit::admit(&reading, received, self.raw_kept_ms)
                .and_then(|()| admit::joins(&reading, forgotten));
            if let Err((cause, detail)) = admitted {
                let refused = Refused {
                    at: received,
                    cause,
                    origin: format!("meter {}", key()),
                    meter: Some(name.clone()),
                    detail,
                    sample: reading.value.to_string().into_bytes(),
                    count: 1,
                };
                self.tally.quarantine(agent, refused, Some(reading));
                of.into_iter().for_each(|of| self.tally.quarantined_one(of));
                continue;
            }
            taken += 1;
            self.tally.count_reading();
            let meter = match met {
                Some(met) if met.unit == reading.unit => met.meter,
                _ => {
                    let (meter, refold_all) = self.meters.take(&key(), reading.unit);
                    if refold_all {
                        self.reinterpret.insert(meter);
                    }
                    *met = Some(Met { meter, unit: reading.unit, forgotten });
                    meter
                }
            };
            let (_, interpretation) = self.meters.get(meter);
            self.tally.reading(meter, &reading, interpretation);
            self.tally.taken(meter, self.pending.insert(meter, reading));
            // Of one that came again too: precedence may have changed what is kept.
            self.dirty.entry(meter).or_default().push(reading.at);
        }
        taken
    }
}

/// A meter that readings of the batch in hand are of, so that it is sought once a batch.
#[derive(Debug, Clone, Copy)]
struct Met {
    meter: MeterId,
    /// The unit in which it was last met.
    unit: Option<Unit>,
    forgotten: Option<Timestamp>,
}

/// What of a batch the store has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing.
    New,
    /// Its sequence: the batch itself, or one that stands for it.
    Here,
    /// Its content, under an earlier sequence.
    Again,
    /// All of the batches that it stands for: what it was made of.
    Replaced,
    /// Some of them. It is taken in for the others: the readings that it kept of registers are those that are here,
    /// and no two means share time. Source: domain.md 5.5.
    PartlyReplaced,
}

impl Standing {
    fn of(known: &RangeSet, batch: &Batch) -> Standing {
        let Lineage { replaces, again, .. } = &batch.lineage;
        if known.contains(batch.sequence) {
            return Standing::Here;
        }
        if again.iter().any(|before| known.contains(*before)) {
            return Standing::Again;
        }
        let is_whole = |(first, last): &(u64, u64)| known.count_between(*first, *last) == last - first + 1;
        match replaces.iter().any(|(first, last)| known.touches(*first, *last)) {
            false => Standing::New,
            true if replaces.iter().all(is_whole) => Standing::Replaced,
            true => Standing::PartlyReplaced,
        }
    }
}

/// Notes a batch as committed, with those that it stands for. Gives how many batches their agent has let go
/// although they never came.
///
/// What its agent still held when it made the batch is from the floor on. Once all of that up to the batch is
/// here, nothing that stands for an earlier batch can be under way any more.
fn commit(known: &mut RangeSet, batch: &Batch) -> u64 {
    let lineage = &batch.lineage;
    known.insert(batch.sequence);
    for &before in &lineage.again {
        known.insert(before);
    }
    for &(first, last) in &lineage.replaces {
        known.insert_range(first, last);
    }
    let (floor, sequence) = (lineage.floor, batch.sequence);
    let is_whole = known.floor() < floor
        && floor <= sequence
        && known.count_between(floor, sequence) == sequence - floor + 1;
    if !is_whole {
        return 0;
    }
    let missing = floor - known.floor() - known.count_between(known.floor(), floor - 1);
    known.raise_floor(floor);
    missing
}

/// What the store holds of each agent's batches.
pub(super) fn load_committed(
    connection: &Connection,
) -> rusqlite::Result<HashMap<(AgentKey, Incarnation), RangeSet>> {
    let mut all = HashMap::new();
    let mut statement =
        connection.prepare("SELECT site, name, started_ms, incarnation, floor, ranges FROM agent")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text = |at| row.get::<_, String>(at);
        let (Ok(site), Ok(agent)) = (text(0)?.parse(), text(1)?.parse()) else { continue };
        let Ok(id) = u64::from_str_radix(&text(3)?, 16) else { continue };
        let incarnation = Incarnation { started: Timestamp(row.get(2)?), id };
        let floor: i64 = row.get(4)?;
        let ranges: Vec<(u64, u64)> = text(5)?
            .split_whitespace()
            .filter_map(|range| {
                let (first, last) = range.split_once('-')?;
                Some((first.parse().ok()?, last.parse().ok()?))
            })
            .collect();
        all.insert((AgentKey { site, agent }, incarnation), RangeSet::from_parts(floor as u64, ranges));
    }
    Ok(all)
}

/// Writes what is held of each agent's batches.
pub(super) fn save_committed(
    connection: &Connection,
    committed: &HashMap<(AgentKey, Incarnation), RangeSet>,
) -> rusqlite::Result<()> {
    for ((agent, incarnation), known) in committed {
        let ranges: Vec<String> = known.ranges().map(|(first, last)| format!("{first}-{last}")).collect();
        connection.prepare_cached("INSERT OR REPLACE INTO agent VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
            params![
                agent.site.as_str(),
                agent.agent.as_str(),
                incarnation.started.0,
                format!("{:016x}", incarnation.id),
                known.floor() as i64,
                ranges.join(" ")
            ],
        )?;
    }
    Ok(())
}
