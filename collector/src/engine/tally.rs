//! What is counted and remembered beside the ledger: quarantine, losses, duplicates, each meter's newest
//! reading. Telemetry, not content: the ledger does not depend on it.

use super::receipts::{self, Of, Receipts};
use super::series::Taken;
use crate::ledger::interpret::{Interpretation, Unusable};
use crate::store::MeterId;
use crate::store::quarantine::{self, SAMPLE_BYTES, SAMPLES_A_CAUSE};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wattledger_model::batch::{AgentKey, AgentStatus, Loss, LossCause};
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::Kind;
use wattledger_model::reading::{Cause, Reading, Refused};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// Different origins counted apart; beyond, they are counted together.
const ORIGINS: usize = 10_000;

/// The newest reading of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewestReading {
    /// When it holds.
    pub at: Timestamp,
    /// When the agent took it in.
    pub arrived: Timestamp,
    /// The number as the device wrote it.
    pub value: Decimal,
    /// The unit as sent.
    pub unit: Option<Unit>,
}

/// What is counted of one meter: since the start, where nothing else is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeterTally {
    /// Its newest reading.
    pub newest: Option<NewestReading>,
    /// Readings taken in.
    pub readings: u64,
    /// Readings that the configuration cannot book, and why.
    pub unusable: u64,
    /// The last reason.
    pub reason: Option<Unusable>,
    /// Readings that came again, since the store was made.
    pub again: Again,
}

/// Readings for an instant that had one. Telemetry, never content: of two the one with precedence counts.
/// Source: domain.md 5.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Again {
    /// With the same value.
    pub duplicates: u64,
    /// With another value.
    pub conflicts: u64,
}

impl Again {
    /// What of `readings` the raw store had already; both sorted by ascending instant.
    pub(super) fn between(there: &[Reading], readings: &[Reading]) -> Again {
        let mut again = Again::default();
        for reading in readings {
            if let Ok(at) = there.binary_search_by_key(&reading.at, |stored| stored.at) {
                again.count(there[at].value.cmp_value(reading.value).is_eq());
            }
        }
        again
    }

    fn count(&mut self, is_same: bool) {
        *if is_same { &mut self.duplicates } else { &mut self.conflicts } += 1;
    }

    fn plus(self, other: Again) -> Again {
        Again {
            duplicates: self.duplicates.saturating_add(other.duplicates),
            conflicts: self.conflicts.saturating_add(other.conflicts),
        }
    }

    /// What the store counted of a meter up to the last move to the raw store.
    pub(crate) fn load(connection: &Connection, meter: MeterId) -> rusqlite::Result<Again> {
        let kept = crate::store::meta(connection, &format!("{AGAIN}{meter}"))?;
        let parsed = kept.as_deref().and_then(Again::parse);
        Ok(parsed.unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Again> {
        let (duplicates, conflicts) = text.split_once(' ')?;
        Some(Again { duplicates: duplicates.parse().ok()?, conflicts: conflicts.parse().ok()? })
    }
}

/// Begin of the keys of the `meta` table under which readings that came again are counted by meter.
const AGAIN: &str = "again ";

/// How often a cause occurred at an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineCount {
    /// Occurrences.
    pub count: u64,
    /// The last one.
    pub last: Timestamp,
    /// What was wrong with it.
    pub detail: String,
}

/// What was done with a batch that stands for others of which some, or all, were here already. An agent makes such
/// a batch of what it never sent: its memory of what it sent, or its spool, is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Overlap {
    /// All of them were here: it brings nothing new.
    LeftOut,
    /// Some of them were not: it was taken in for those.
    TakenIn,
}

/// `(cause, agent, origin)`.
pub type QuarantineKey = (Cause, AgentKey, String);

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    meters: HashMap<MeterId, MeterTally>,
    quarantine: BTreeMap<QuarantineKey, QuarantineCount>,
    samples: HashMap<Cause, u64>,
    sample_bytes: u64,
    unsaved_samples: Vec<(AgentKey, Refused, Option<Reading>)>,
    unsaved_again: BTreeSet<MeterId>,
    receipts: Receipts,
    lost_readings: u64,
    duplicate_batches: u64,
    overlaps: BTreeMap<(AgentKey, Overlap), u64>,
    readings: u64,
}

impl Tally {
    /// What the store remembers.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Tally> {
        let mut tally = Tally::default();
        let mut statement = connection.prepare("SELECT meter, at_ms, value, unit, arrived_ms FROM newest")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (value, unit): (String, Option<String>) = (row.get(2)?, row.get(3)?);
            let Ok(value) = value.parse() else { continue };
            let newest = NewestReading {
                at: Timestamp(row.get(1)?),
                value,
                unit: unit.and_then(|symbol| symbol.parse().ok()),
                arrived: Timestamp(row.get(4)?),
            };
            tally.meters.entry(row.get(0)?).or_default().newest = Some(newest);
        }
        let mut statement = connection
            .prepare("SELECT cause, site, agent, origin, count, last_ms, detail FROM quarantine_count")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |at| row.get::<_, String>(at);
            let Some(cause) = Cause::from_word(&text(0)?) else { continue };
            let (Ok(site), Ok(agent)) = (text(1)?.parse(), text(2)?.parse()) else { continue };
            let count = row.get::<_, i64>(4)? as u64;
            let counted = QuarantineCount { count, last: Timestamp(row.get(5)?), detail: text(6)? };
            tally.quarantine.insert((cause, AgentKey { site, agent }, text(3)?), counted);
        }
        let mut statement = connection
            .prepare("SELECT substr(key, ?2), value FROM meta WHERE key > ?1 AND key < ?1 || 'a'")?;
        let mut rows = statement.query(params![AGAIN, AGAIN.len() as i64 + 1])?;
        while let Some(row) = rows.next()? {
            let (meter, text): (String, String) = (row.get(0)?, row.get(1)?);
            if let (Ok(meter), Some(again)) = (meter.parse::<MeterId>(), Again::parse(&text)) {
                tally.meters.entry(meter).or_default().again = again;
            }
        }
        tally.recount_samples(connection)?;
        // `total` and not `sum`, which fails where numbers that cannot be overflow it.
        let before: f64 = connection.query_row("SELECT total(readings) FROM loss", [], |row| row.get(0))?;
        tally.receipts = Receipts::load(connection)?;
        tally.lost_readings = (before + receipts::lost(connection)?) as u64;
        let readings = crate::store::meta(connection, "readings")?;
        tally.readings = readings.and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(tally)
    }

    /// Counts the samples that are kept anew, after some were taken out.
    pub(super) fn recount_samples(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let (causes, bytes) = quarantine::kept(connection)?;
        self.samples = causes.into_iter().collect();
        self.sample_bytes = bytes;
        Ok(())
    }

    pub(super) fn count_reading(&mut self) {
        self.readings += 1;
    }

    /// Readings admitted since the store was made, those that came again among them.
    pub fn readings(&self) -> u64 {
        self.readings
    }

    pub(super) fn reading(&mut self, meter: MeterId, reading: &Reading, interpretation: &Interpretation) {
        let tally = self.meters.entry(meter).or_default();
        tally.readings += 1;
        let usable = match interpretation.kind {
            Kind::Register => interpretation.position(reading).map(drop),
            Kind::Power | Kind::Flow => interpretation.rate(reading).map(drop),
            Kind::Gauge => interpretation.level(reading).map(drop),
        };
        if let Err(reason) = usable {
            tally.unusable += 1;
            if tally.reason.replace(reason) != Some(reason) {
                tracing::warn!(meter, reason = reason.text(), value = %reading.value, "a reading cannot be booked");
            }
        }
        if tally.newest.as_ref().is_none_or(|newest| newest.at <= reading.at) {
            tally.newest = Some(NewestReading {
                at: reading.at,
                arrived: reading.arrived,
                value: reading.value,
                unit: reading.unit,
            });
        }
    }

    /// Counts what came for an instant that had a reading. Duplicates and conflicts are telemetry, never content.
    pub(super) fn taken(&mut self, meter: MeterId, taken: Taken) {
        if taken != Taken::New {
            self.meters.entry(meter).or_default().again.count(taken == Taken::Duplicate);
            self.unsaved_again.insert(meter);
        }
    }

    /// Counts what was refused and keeps it within the limits; with the reading, where it was one.
    pub(super) fn quarantine(&mut self, agent: &AgentKey, refused: Refused, reading: Option<Reading>) {
        let origin =
            if self.quarantine.len() < ORIGINS { refused.origin.clone() } else { "others".to_owned() };
        let key = (refused.cause, agent.clone(), origin);
        match self.quarantine.get_mut(&key) {
            Some(counted) => {
                counted.count = counted.count.saturating_add(refused.count);
                counted.last = counted.last.max(refused.at);
                counted.detail.clone_from(&refused.detail);
            }
            None => {
                tracing::warn!(
                    cause = refused.cause.word(), %agent, origin = %refused.origin, detail = %refused.detail,
                    "put in quarantine; more of the same are only counted"
                );
                let counted = QuarantineCount {
                    count: refused.count,
                    last: refused.at,
                    detail: refused.detail.clone(),
                };
                self.quarantine.insert(key, counted);
            }
        }
        let kept = self.samples.entry(refused.cause).or_default();
        let bytes = quarantine::bytes_of(&refused, reading.as_ref());
        if *kept < SAMPLES_A_CAUSE && self.sample_bytes.saturating_add(bytes) <= SAMPLE_BYTES {
            *kept += 1;
            self.sample_bytes += bytes;
            self.unsaved_samples.push((agent.clone(), refused, reading));
        }
    }

    pub(super) fn loss(&mut self, of: &Of, loss: Loss) {
        let Loss { from, to, readings, cause, .. } = &loss;
        let meter = loss.meter.as_ref().map_or("", |meter| meter.as_str());
        if *cause == LossCause::Thinned {
            tracing::info!(agent = %of.0, meter, readings, %from, %to, "an agent thinned readings");
        } else {
            tracing::error!(agent = %of.0, meter, readings, cause = cause.word(), %from, %to, "an agent lost readings");
        }
        if loss.cause != LossCause::Thinned {
            self.lost_readings = self.lost_readings.saturating_add(loss.readings);
        }
        self.receipts.lose(of, loss);
    }

    /// A batch came whose content is there, with so many readings.
    pub(super) fn duplicate_batch(&mut self, of: &Of, readings: u64) {
        self.duplicate_batches += 1;
        self.receipts.of(of).duplicated += readings;
    }

    /// A batch with readings stands for batches of which some were here. One without has none to count twice: what
    /// may have been sent is dropped like that.
    pub(super) fn overlap(&mut self, of: &Of, overlap: Overlap, readings: u64) {
        if readings == 0 {
            return;
        }
        let count = self.overlaps.entry((of.0.clone(), overlap)).or_default();
        *count += 1;
        if *count > 1 {
            return;
        }
        match overlap {
            Overlap::LeftOut => tracing::warn!(
                agent = %of.0, readings,
                "a batch that stands for batches which are all here already was left out; more of them are only counted"
            ),
            Overlap::TakenIn => tracing::warn!(
                agent = %of.0, readings,
                "a batch that stands for batches of which some are here already was taken in for the others: no time \
                 is booked twice, but a mean may stand beside values that it was made of; more of them are only counted"
            ),
        }
    }

    /// Batches with readings that came for others of which some were here already, since the start, by agent and what
    /// was done with them.
    pub fn overlaps(&self) -> &BTreeMap<(AgentKey, Overlap), u64> {
        &self.overlaps
    }

    /// Batches that an agent has let go and that are not here.
    pub(super) fn missing_batches(&mut self, of: &Of, batches: u64) {
        if batches > 0 {
            tracing::error!(
                agent = %of.0, batches,
                "batches are neither here nor with their agent any more: this store was restored from a backup that \
                 is too old, or the agent's spool was damaged"
            );
            self.receipts.of(of).missing_batches += batches;
        }
    }

    /// Readings of a batch that is taken in.
    pub(super) fn committed(&mut self, of: &Of, readings: u64) {
        self.receipts.of(of).committed += readings;
    }

    /// A reading of a batch was put in quarantine.
    pub(super) fn quarantined_one(&mut self, of: &Of) {
        self.receipts.of(of).quarantined += 1;
    }

    /// What an agent says of itself.
    pub(super) fn hear(&mut self, status: &AgentStatus) {
        self.receipts.hear(status);
    }

    /// What became of each agent's readings.
    pub fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// What is counted of a meter.
    pub fn meter(&self, meter: MeterId) -> Option<&MeterTally> {
        self.meters.get(&meter)
    }

    /// Everything in quarantine, counted by cause, agent and origin.
    pub fn quarantined(&self) -> &BTreeMap<QuarantineKey, QuarantineCount> {
        &self.quarantine
    }

    /// How many of those are kept and wait for somebody to decide, by cause.
    pub fn held(&self) -> BTreeMap<Cause, u64> {
        self.samples.iter().map(|(cause, held)| (*cause, *held)).collect()
    }

    /// Batches that came again.
    pub fn duplicate_batches(&self) -> u64 {
        self.duplicate_batches
    }

    /// Readings that agents lost knowingly.
    pub fn lost_readings(&self) -> u64 {
        self.lost_readings
    }

    /// Writes the newest reading of each meter that changed: the horizon is computed from it.
    pub(super) fn save_newest<'m>(
        &self,
        connection: &Connection,
        meters: impl Iterator<Item = &'m MeterId>,
    ) -> rusqlite::Result<()> {
        for meter in meters {
            if let Some(newest) = self.meters.get(meter).and_then(|tally| tally.newest.as_ref()) {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO newest VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(params![
                        meter,
                        newest.at.0,
                        newest.value.to_string(),
                        newest.unit.map(Unit::symbol),
                        newest.arrived.0
                    ])?;
            }
        }
        Ok(())
    }

    /// Writes what changed, with what the raw store had already of readings that are moved there.
    pub(super) fn save(
        &self,
        connection: &Connection,
        now: Timestamp,
        moved: &[(MeterId, Again)],
    ) -> rusqlite::Result<()> {
        self.receipts.save(connection, now)?;
        crate::store::set_meta(connection, "readings", &self.readings.to_string())?;
        for (meter, again) in self.again_with(moved) {
            let text = format!("{} {}", again.duplicates, again.conflicts);
            crate::store::set_meta(connection, &format!("{AGAIN}{meter}"), &text)?;
        }
        for ((cause, agent, origin), counted) in &self.quarantine {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO quarantine_count VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    cause.word(),
                    agent.site.as_str(),
                    agent.agent.as_str(),
                    origin,
                    i64::try_from(counted.count).unwrap_or(i64::MAX),
                    counted.last.0,
                    counted.detail
                ])?;
        }
        for (agent, refused, reading) in &self.unsaved_samples {
            quarantine::add(connection, agent, refused, reading.as_ref())?;
        }
        Ok(())
    }

    /// The counts of what came again that changed.
    fn again_with(&self, moved: &[(MeterId, Again)]) -> BTreeMap<MeterId, Again> {
        let known = |meter: &MeterId| self.meters.get(meter).map(|tally| tally.again).unwrap_or_default();
        let mut all: BTreeMap<MeterId, Again> =
            self.unsaved_again.iter().map(|meter| (*meter, known(meter))).collect();
        for (meter, more) in moved.iter().filter(|(_, more)| *more != Again::default()) {
            let counted = all.entry(*meter).or_insert_with(|| known(meter));
            *counted = counted.plus(*more);
        }
        all
    }

    /// What was written is not to be written again.
    pub(super) fn saved(&mut self, moved: &[(MeterId, Again)]) {
        for (meter, again) in self.again_with(moved) {
            self.meters.entry(meter).or_default().again = again;
        }
        self.unsaved_again.clear();
        self.unsaved_samples.clear();
        self.receipts.saved();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(cause: Cause, detail: &str) -> Refused {
        Refused {
            at: Timestamp(0),
            cause,
            origin: "topic".to_owned(),
            meter: None,
            detail: detail.to_owned(),
            sample: Vec::new(),
            count: 1,
        }
    }

    #[test]
    fn samples_are_kept_up_to_their_number_and_their_bytes_and_all_are_counted() {
        let agent = AgentKey { site: "hall".parse().expect("name"), agent: "a".parse().expect("name") };
        let mut tally = Tally::default();
        for _ in 0..SAMPLES_A_CAUSE + 7 {
            tally.quarantine(&agent, refused(Cause::Unit, "odd"), None);
        }
        assert_eq!(tally.unsaved_samples.len() as u64, SAMPLES_A_CAUSE);
        let before = tally.sample_bytes;
        let large = "x".repeat(1 << 20);
        for _ in 0..300 {
            tally.quarantine(&agent, refused(Cause::Payload, &large), None);
        }
        let kept = tally.unsaved_samples.len() as u64 - SAMPLES_A_CAUSE;
        assert_eq!(kept, (SAMPLE_BYTES - before) >> 20, "as many as fit");
        assert!(tally.sample_bytes <= SAMPLE_BYTES);
        let counted: u64 = tally.quarantined().values().map(|counted| counted.count).sum();
        assert_eq!(counted, SAMPLES_A_CAUSE + 7 + 300);
    }
}
