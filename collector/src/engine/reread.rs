//! Reads again what the ledger was made from, by a connection that changes nothing: for explanations.
//!
//! Readings that are still in the journal alone are not seen here; a running collector moves them to the raw
//! store every half minute.

use super::series::{self, Direction, Loaded, Pending};
use super::{Meters, amend, undecided};
use crate::audit::corrections;
use crate::ledger::context::{self, Ends, Needed};
use crate::ledger::explain::ExplainedStep;
use crate::ledger::fold;
use crate::ledger::interpret::Interpretation;
use crate::store::{self, MeterId, StoreError};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::meter::MeterKey;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, Timestamp};

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

/// The meters of the store, read as `configured` with the corrections in force; and those whose minutes in the
/// store were made by another interpretation.
pub(crate) fn meters(
    connection: &Connection,
    configured: &BTreeMap<MeterKey, Interpretation>,
) -> Result<(Meters, BTreeSet<MeterId>), StoreError> {
    let corrected = amend::in_force(corrections::load(connection)?);
    Meters::load(connection, configured, &corrected).map_err(failed)
}

/// The instant before which raw readings of a meter were deleted with age; `None` while they are all there.
pub(crate) fn deleted_before(
    connection: &Connection,
    meter: MeterId,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(series::forgotten(connection).map_err(failed)?.remove(&meter))
}

/// The instant of the last reading of a meter in the raw store.
pub(crate) fn last_moved(connection: &Connection, meter: MeterId) -> Result<Option<Timestamp>, StoreError> {
    let block: Option<(i64, Vec<u8>)> = connection
        .query_row("SELECT day, block FROM raw WHERE meter = ?1 ORDER BY day DESC LIMIT 1", [meter], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(failed)?;
    let Some((day, block)) = block else { return Ok(None) };
    let readings = store::raw::decode(&block).map_err(|source| StoreError::Block {
        what: format!("raw readings of meter {meter} on day {day}"),
        source,
    })?;
    Ok(readings.last().map(|reading| reading.at))
}

/// The steps of a meter that are undecided at a time, by the readings in the raw store.
pub(crate) fn undecided(
    connection: &Connection,
    meter: MeterId,
    interpretation: &Interpretation,
    now: Timestamp,
) -> Result<Vec<ExplainedStep>, StoreError> {
    undecided::undecided(connection, &Pending::default(), meter, interpretation, now)
}

/// As [`undecided`], of a meter whose interpretation lacks the corrections in force.
pub(crate) fn undecided_as_corrected(
    connection: &Connection,
    meter: MeterId,
    declared: &Interpretation,
    now: Timestamp,
) -> Result<Vec<ExplainedStep>, StoreError> {
    if undecided::candidates(connection, meter, declared, now)?.is_none() {
        return Ok(Vec::new());
    }
    let mut corrected = declared.clone();
    let corrections = amend::in_force(corrections::load(connection)?).remove(&meter);
    corrected.corrections.extend(corrections.unwrap_or_default());
    undecided(connection, meter, &corrected, now)
}

/// All readings of a meter that settle what its interval is, those that do not count among them; ascending.
pub(crate) fn readings(
    connection: &Connection,
    meter: MeterId,
    interpretation: &Interpretation,
    interval: Interval,
) -> Result<Vec<Reading>, StoreError> {
    let (pending, changed) = (Pending::default(), (interval.from.start(), interval.to.start()));
    let mut loaded = Loaded::days(connection, &pending, meter, changed.0, changed.1)?;
    let mut ends = Ends { first: false, last: false };
    loop {
        let usable = fold::countable(&loaded.readings, interpretation);
        match context::needed(&usable, changed, ends, interpretation) {
            Needed::Enough(_) => return Ok(loaded.readings),
            Needed::Earlier => ends.first = !loaded.extend(Direction::Earlier)?,
            Needed::Later => ends.last = !loaded.extend(Direction::Later)?,
        }
    }
}
