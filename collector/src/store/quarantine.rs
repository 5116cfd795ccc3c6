//! What was refused and waits for somebody to decide: admit, discard, or leave.

use super::{StoreError, raw};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use wattledger_model::batch::AgentKey;
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::reading::{Cause, Reading, Refused};
use wattledger_model::time::Timestamp;

/// Samples kept of one cause; beyond, they are counted only. Source: design.md 9.
pub const SAMPLES_A_CAUSE: u64 = 10_000;
/// Bytes of samples kept altogether; beyond, they are counted only. Source: design.md 9.
pub const SAMPLE_BYTES: u64 = 256 << 20;

/// One refused thing that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its number, never used again.
    pub id: i64,
    /// Why it was refused.
    pub cause: Cause,
    /// The agent it came from.
    pub agent: AgentKey,
    /// The topic, file, device or meter it came from.
    pub origin: String,
    /// The meter it would have been, where that is known.
    pub meter: Option<Name>,
    /// When it was refused.
    pub at: Timestamp,
    /// What is wrong, in words.
    pub detail: String,
    /// The beginning of what came.
    pub sample: Vec<u8>,
    /// The reading, where it was one: only that can be admitted.
    pub reading: Option<Reading>,
}

impl Held {
    /// The meter that the reading is of.
    pub fn key(&self) -> Option<MeterKey> {
        let meter = self.meter.clone()?;
        Some(MeterKey { site: self.agent.site.clone(), meter })
    }
}

/// Which of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Those with these numbers; empty means any.
    pub ids: Vec<i64>,
    /// Those of one cause.
    pub cause: Option<Cause>,
    /// Those of one meter: of all sites, or of one.
    pub meter: Option<(Option<Name>, Name)>,
}

impl Filter {
    fn clause(&self) -> (String, Vec<Value>) {
        let mut parts = Vec::new();
        let mut with: Vec<Value> = Vec::new();
        if !self.ids.is_empty() {
            let ids: Vec<String> = self.ids.iter().map(i64::to_string).collect();
            parts.push(format!("id IN ({})", ids.join(", ")));
        }
        if let Some(cause) = self.cause {
            parts.push("cause = ?".to_owned());
            with.push(Value::Text(cause.word().to_owned()));
        }
        if let Some((site, meter)) = &self.meter {
            parts.push("meter = ?".to_owned());
            with.push(Value::Text(meter.to_string()));
            if let Some(site) = site {
                parts.push("site = ?".to_owned());
                with.push(Value::Text(site.to_string()));
            }
        }
        let clause = if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) };
        (clause, with)
    }
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

/// Those of a filter, the oldest first, at most `limit`.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn list(connection: &Connection, filter: &Filter, limit: usize) -> Result<Vec<Held>, StoreError> {
    let (clause, with) = filter.clause();
    let mut statement = connection
        .prepare(&format!(
            "SELECT id, cause, site, agent, origin, meter, at_ms, detail, sample, reading FROM quarantine
             {clause} ORDER BY id LIMIT {limit}"
        ))
        .map_err(failed)?;
    let mut rows = statement.query(params_from_iter(with)).map_err(failed)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        all.extend(held(row).map_err(failed)?);
    }
    Ok(all)
}

/// `None` for a row whose cause or names this program does not know.
fn held(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Held>> {
    let text = |at| row.get::<_, String>(at);
    let (Some(cause), Ok(site), Ok(agent)) =
        (Cause::from_word(&text(1)?), text(2)?.parse(), text(3)?.parse())
    else {
        return Ok(None);
    };
    let reading: Option<Vec<u8>> = row.get(9)?;
    Ok(Some(Held {
        id: row.get(0)?,
        cause,
        agent: AgentKey { site, agent },
        origin: text(4)?,
        meter: row.get::<_, Option<String>>(5)?.and_then(|name| name.parse().ok()),
        at: Timestamp(row.get(6)?),
        detail: text(7)?,
        sample: row.get(8)?,
        reading: reading.and_then(|block| raw::decode(&block).ok()?.pop()),
    }))
}

/// How many a filter has.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn count(connection: &Connection, filter: &Filter) -> Result<u64, StoreError> {
    let (clause, with) = filter.clause();
    let count: i64 = connection
        .prepare(&format!("SELECT count(*) FROM quarantine{clause}"))
        .and_then(|mut statement| statement.query_row(params_from_iter(with), |row| row.get(0)))
        .map_err(failed)?;
    Ok(count as u64)
}

/// Takes one out.
pub(crate) fn remove(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM quarantine WHERE id = ?1")?.execute([id]).map(drop)
}

/// Keeps one.
pub(crate) fn add(
    connection: &Connection,
    agent: &AgentKey,
    refused: &Refused,
    reading: Option<&Reading>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO quarantine (cause, site, agent, origin, meter, at_ms, detail, sample, reading)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            refused.cause.word(),
            agent.site.as_str(),
            agent.agent.as_str(),
            refused.origin,
            refused.meter.as_ref().map(Name::as_str),
            refused.at.0,
            refused.detail,
            refused.sample,
            reading.map(|reading| raw::encode(std::slice::from_ref(reading))),
        ])
        .map(drop)
}

/// What a sample takes of [`SAMPLE_BYTES`], about.
pub(crate) fn bytes_of(refused: &Refused, reading: Option<&Reading>) -> u64 {
    (refused.origin.len() + refused.detail.len() + refused.sample.len()) as u64
        + reading.map_or(0, |_| READING_BYTES)
        + ROW_BYTES
}

/// An encoded reading, about; with a unit and an incarnation.
const READING_BYTES: u64 = 64;
/// The rest of a row, about.
const ROW_BYTES: u64 = 64;

/// Kept samples by cause, and the bytes of all.
pub(crate) fn kept(connection: &Connection) -> rusqlite::Result<(Vec<(Cause, u64)>, u64)> {
    let mut statement = connection.prepare(
        "SELECT cause, count(*), total(length(origin) + length(detail) + length(sample)
           + iif(reading IS NULL, 0, ?1) + ?2) FROM quarantine GROUP BY cause",
    )?;
    let mut rows = statement.query(params![READING_BYTES as i64, ROW_BYTES as i64])?;
    let (mut causes, mut bytes) = (Vec::new(), 0.0);
    while let Some(row) = rows.next()? {
        bytes += row.get::<_, f64>(2)?;
        if let Some(cause) = Cause::from_word(&row.get::<_, String>(0)?) {
            causes.push((cause, row.get::<_, i64>(1)? as u64));
        }
    }
    Ok((causes, bytes as u64))
}
