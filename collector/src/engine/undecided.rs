//! Steps that readings to come may still make something else of. The ledger knows no clock: this is for views only.
//! Source: domain.md 5.3.

use super::refold;
use super::series::Pending as Journal;
use crate::ledger::explain::ExplainedStep;
use crate::ledger::interpret::Interpretation;
use crate::store::{MeterId, StoreError};
use rusqlite::Connection;
use wattledger_model::meter::Kind;
use wattledger_model::minute::StepClass;
use wattledger_model::time::{Interval, Timestamp};

/// Rows of the table of steps that are looked at. A step is settled by the third reading after it, so that only the
/// last three can be undecided; exchanges have rows of their own.
const LAST_ROWS: i64 = 8;

/// The time of the last steps of a register that may be undecided at a time; `None` where there are none. Costs one
/// look into an index.
pub(super) fn candidates(
    connection: &Connection,
    meter: MeterId,
    interpretation: &Interpretation,
    now: Timestamp,
) -> Result<Option<Interval>, StoreError> {
    if interpretation.kind != Kind::Register {
        return Ok(None);
    }
    let since = now.0.saturating_sub(interpretation.gap_limit());
    let rows: Vec<(Timestamp, Timestamp, String)> = connection
        .prepare_cached(
            "SELECT from_ms, to_ms, class FROM step WHERE meter = ?1 ORDER BY from_ms DESC LIMIT ?2",
        )
        .and_then(|mut statement| {
            let row =
                |row: &rusqlite::Row<'_>| Ok((Timestamp(row.get(0)?), Timestamp(row.get(1)?), row.get(2)?));
            statement.query_map([meter, LAST_ROWS], row)?.collect()
        })
        .map_err(|source| StoreError::Sqlite { path: "ledger.sqlite".into(), source })?;
    let may_change =
        |class: &str| matches!(StepClass::from_word(class), Some(StepClass::Reset | StepClass::Jump));
    let fresh = rows.iter().filter(|(_, to, class)| to.0 > since && may_change(class));
    Ok(fresh.fold(None, |hull: Option<Interval>, (from, to, _)| {
        let step = Interval::new(from.minute(), to.minute_ceil());
        let joined = |hull: Interval| Interval::new(hull.from.min(step.from), hull.to.max(step.to));
        Some(hull.map_or(step, joined))
    }))
}

/// The steps of a meter that are undecided at a time, with what is booked for them now.
pub(super) fn undecided(
    connection: &Connection,
    journal: &Journal,
    meter: MeterId,
    interpretation: &Interpretation,
    now: Timestamp,
) -> Result<Vec<ExplainedStep>, StoreError> {
    let Some(interval) = candidates(connection, meter, interpretation, now)? else { return Ok(Vec::new()) };
    let mut steps = refold::explain(connection, journal, meter, interpretation, interval)?.steps;
    steps.retain(|step| step.is_pending(now));
    Ok(steps)
}
