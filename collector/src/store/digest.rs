//! The digest of the ledger: one number that two ledgers share exactly if their content is the same.
//!
//! SHA-256 over minutes and steps, sorted by meter and time, in one canonical encoding; without revisions,
//! arrival times or counters, so it depends on the set of readings and the configuration alone.

use super::write::steps_between;
use super::{MeterId, StoreError};
use crate::ledger::block;
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};
use wattledger_model::minute::Step;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS};

/// A ledger's digest and what it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256, hexadecimal.
    pub hex: String,
    /// Minutes that hold anything.
    pub minutes: u64,
    /// Steps in the step table.
    pub steps: u64,
}

/// The digest of the whole ledger, or of the minutes, and the steps that start, in an interval.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn of(connection: &Connection, interval: Option<Interval>) -> Result<Digest, StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut hash = Sha256::new();
    let mut digest = Digest { hex: String::new(), minutes: 0, steps: 0 };
    let meters: Vec<(MeterId, String, String)> = connection
        .prepare("SELECT id, site, name FROM meter ORDER BY site, name")
        .and_then(|mut s| s.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect())
        .map_err(failed)?;
    let (from, to) = interval.map_or((i64::MIN, i64::MAX), |i| (i.from.0, i.to.0));
    for (id, site, name) in meters {
        let before = (digest.minutes, digest.steps);
        let mut of_meter = Sha256::new();
        add_minutes(connection, id, (from, to), &mut of_meter, &mut digest)?;
        let bounds = (from.saturating_mul(MINUTE_MS), to.saturating_mul(MINUTE_MS));
        for step in steps_between(connection, id, bounds.0, bounds.1).map_err(failed)? {
            digest.steps += 1;
            add_step(&mut of_meter, &step);
        }
        // A meter that never said anything is not content.
        if (digest.minutes, digest.steps) != before {
            for text in [&site, &name] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
            hash.update(of_meter.finalize());
        }
    }
    digest.hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(digest)
}

fn add_minutes(
    connection: &Connection,
    meter: MeterId,
    (from, to): (i64, i64),
    hash: &mut Sha256,
    digest: &mut Digest,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut statement = connection
        .prepare_cached(
            "SELECT hour, block FROM hour WHERE meter = ?1 AND hour BETWEEN ?2 AND ?3 ORDER BY hour",
        )
        .map_err(failed)?;
    let hours = (from.div_euclid(HOUR_MINUTES), to.div_euclid(HOUR_MINUTES));
    let mut rows = statement.query(params![meter, hours.0, hours.1]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let hour: i64 = row.get(0).map_err(failed)?;
        let bytes = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
        let what = || format!("minutes of meter {meter} in hour {hour}");
        let mut add = |at: usize, known: bool, content: &[u8]| {
            let minute = hour * HOUR_MINUTES + at as i64;
            if known && from <= minute && minute < to {
                digest.minutes += 1;
                hash.update(minute.to_le_bytes());
                hash.update(content);
            }
        };
        if let Ok(levels) = block::decode_levels(bytes) {
            for (at, level) in levels.iter().enumerate() {
                let mut content = [0_u8; 28];
                for (slot, value) in content.chunks_exact_mut(8).zip([level.mean, level.min, level.max]) {
                    slot.copy_from_slice(&value.to_le_bytes());
                }
                content[24..].copy_from_slice(&level.ms.to_le_bytes());
                add(at, level.ms > 0, &content);
            }
            continue;
        }
        let sums = block::decode_sums(bytes).map_err(|source| StoreError::Block { what: what(), source })?;
        for (at, minute) in sums.iter().enumerate() {
            let mut content = [0_u8; 36];
            for (slot, part) in content.chunks_exact_mut(12).zip(minute.parts) {
                slot[..8].copy_from_slice(&part.amount.to_le_bytes());
                slot[8..].copy_from_slice(&part.ms.to_le_bytes());
            }
            add(at, !minute.is_missing(), &content);
        }
    }
    Ok(())
}

fn add_step(hash: &mut Sha256, step: &Step) {
    hash.update(step.from.0.to_le_bytes());
    hash.update(step.to.0.to_le_bytes());
    for word in [step.class.word(), step.provenance.map_or("", wattledger_model::minute::Provenance::word)] {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    }
    hash.update(step.amount.unwrap_or_default().to_le_bytes());
}
