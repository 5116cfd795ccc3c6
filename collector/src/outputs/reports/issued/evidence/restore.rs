//! Makes a store of a bundle, which gives the same answers as the one that the bundle was made from.

use super::manifest::text;
use super::minutes::{Unread, levels, steps, sums};
use super::{CHAIN, ENDINGS, LEDGER};
use crate::audit::{Entry, Kind, chain};
use crate::ledger::block::{GaugeHour, encode_levels, encode_sums};
use crate::outputs::reports::issued::content::Statement;
use crate::outputs::reports::issued::error::IssueError;
use crate::outputs::reports::issued::freeze::FrozenMeter;
use crate::store::history::QUARTER_MS;
use crate::store::{self, HourRow, Layout, MeterId, StoreError};
use flate2::read::MultiGzDecoder;
use rusqlite::{Connection, params};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read, Take};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use wattledger_model::minute::Provenance;
use wattledger_model::time::Timestamp;

/// Bytes that a file of minutes may unpack to: thirty years of one meter.
const MOST_BYTES: u64 = 2 << 30;

/// A directory that goes when it is dropped.
pub(crate) struct Scratch {
    /// The store in it.
    pub(crate) layout: Layout,
}

impl Scratch {
    /// A new one, where the system keeps such.
    pub(crate) fn new() -> Result<Scratch, IssueError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("wattledger-verify-{}-{number}", std::process::id()));
        // Nobody else's, and for nobody else: what is there already is not taken.
        fs::DirBuilder::new().mode(0o700).create(&dir).map_err(IssueError::io(&dir))?;
        Ok(Scratch { layout: Layout::new(&dir) })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.layout.dir) {
            tracing::warn!(%error, path = %self.layout.dir.display(), "a temporary directory stays");
        }
    }
}

/// Fills the store of `scratch` from a bundle, so far as its files can be read; what cannot be is told, by file.
pub(crate) fn restore(
    bundle: &Path,
    statement: &Statement,
    meters: &[FrozenMeter],
    scratch: &Scratch,
) -> Result<Vec<(String, String)>, IssueError> {
    let connection = store::open_writer(&scratch.layout)?;
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let mut unreadable = Vec::new();
    let mut told = |file: String, what: String| unreadable.push((file, what));
    if let Err(what) = put_chain(&transaction, bundle, meters)? {
        told(CHAIN.to_owned(), what);
    }
    for meter in meters {
        put_meter(&transaction, bundle, meter, statement, &mut told)?;
    }
    let quarter = statement.known_at.0.div_euclid(QUARTER_MS) - 1;
    let change = statement.ledger.change;
    transaction
        .execute("INSERT INTO known VALUES (?1, ?2)", params![quarter, change as i64])
        .and_then(|_| store::set_meta(&transaction, "change", &change.to_string()))
        .and_then(|()| transaction.commit())
        .map_err(failed)?;
    Ok(unreadable)
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: "ledger.sqlite".into(), source }
}

fn put_meter(
    transaction: &Connection,
    bundle: &Path,
    meter: &FrozenMeter,
    statement: &Statement,
    told: &mut impl FnMut(String, String),
) -> Result<(), IssueError> {
    let FrozenMeter { number, site, name, .. } = meter;
    // Names of meters have letters, digits and `-` alone; anything else is no path to follow.
    if site.parse::<wattledger_model::name::Name>().is_err()
        || name.parse::<wattledger_model::name::Name>().is_err()
    {
        told(super::super::METERS.to_owned(), format!("`{site}/{name}` is not the name of a meter"));
        return Ok(());
    }
    let fresh = transaction
        .execute("INSERT OR IGNORE INTO meter VALUES (?1, ?2, ?3, '')", params![number, site, name])
        .map_err(failed)?;
    if fresh == 0 {
        told(super::super::METERS.to_owned(), format!("number or name of `{site}/{name}` stand in it twice"));
        return Ok(());
    }
    let change = statement.ledger.change as i64;
    let [minutes, gauge, long] = ENDINGS.map(|what| format!("{LEDGER}/{site}/{name}.{what}"));
    let put = |hour: i64, row: HourRow, block: &[u8]| {
        put_hour(transaction, *number, hour, change, row, block).map_err(failed)
    };
    if let Some(mut from) = Unpacked::open(bundle, &minutes)? {
        let read = sums(&mut from.rows, |hour, sums| put(hour, HourRow::of_sums(sums), &encode_sums(sums)));
        from.end(read)?.map_or_else(|what| told(minutes, what), |()| {});
    }
    if let Some(mut from) = Unpacked::open(bundle, &gauge)? {
        let put =
            |hour: i64, levels: &GaugeHour| put(hour, HourRow::of_levels(levels), &encode_levels(levels));
        let read = levels(&mut from.rows, put);
        from.end(read)?.map_or_else(|what| told(gauge, what), |()| {});
    }
    match if_any(text(bundle, &long))?.map(|text| steps(&text)) {
        None => {}
        Some(Err(what)) => told(long, what),
        Some(Ok(steps)) => {
            for step in steps {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO step VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                    .and_then(|mut statement| {
                        statement.execute(params![
                            number,
                            step.from.0,
                            step.to.0,
                            step.class.word(),
                            step.amount.map(|amount| amount as i64),
                            step.provenance.map(Provenance::word),
                            change,
                        ])
                    })
                    .map_err(failed)?;
            }
        }
    }
    Ok(())
}

fn put_hour(
    transaction: &Connection,
    meter: MeterId,
    hour: i64,
    change: i64,
    row: HourRow,
    block: &[u8],
) -> rusqlite::Result<()> {
    let [(m, m_ms), (i, i_ms), (e, e_ms)] = row.parts;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO hour VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![meter, hour, change, m, m_ms, i, i_ms, e, e_ms, block])
        .map(drop)
}

/// `None` where there is no such file.
fn if_any<T>(read: Result<T, IssueError>) -> Result<Option<T>, IssueError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The rows of a compressed file. All of its parts are read, as any other program would.
struct Unpacked {
    rows: BufReader<Take<MultiGzDecoder<File>>>,
}

impl Unpacked {
    /// `None` where there is no such file.
    fn open(bundle: &Path, name: &str) -> Result<Option<Unpacked>, IssueError> {
        let path = bundle.join(name);
        let file = if_any(File::open(&path).map_err(IssueError::io(path)))?;
        Ok(file.map(|file| Unpacked { rows: BufReader::new(MultiGzDecoder::new(file).take(MOST_BYTES)) }))
    }

    /// What came of reading it: the inner error is what is wrong with the file.
    fn end(self, read: Result<(), Unread>) -> Result<Result<(), String>, IssueError> {
        match read {
            Ok(()) if self.rows.into_inner().limit() == 0 => {
                Ok(Err("it unpacks to more than minutes of thirty years".to_owned()))
            }
            Ok(()) => Ok(Ok(())),
            Err(Unread::Rows(what)) => Ok(Err(what)),
            Err(Unread::Taken(error)) => Err(error.into()),
        }
    }
}

/// Puts the chain of a bundle into a store, with the corrections that it tells of.
fn put_chain(
    transaction: &Connection,
    bundle: &Path,
    meters: &[FrozenMeter],
) -> Result<Result<(), String>, IssueError> {
    let Some(text) = if_any(text(bundle, CHAIN))? else { return Ok(Err("it is not there".to_owned())) };
    let by_name: BTreeMap<String, MeterId> =
        meters.iter().map(|meter| (format!("{}/{}", meter.site, meter.name), meter.number)).collect();
    for (line, text) in (1..).zip(text.lines()) {
        let Some(entry) = entry(text) else { return Ok(Err(format!("line {line} is no entry"))) };
        if let Err(error) = chain::put_back(transaction, &entry) {
            return Ok(Err(format!("line {line} cannot be in a chain: {error}")));
        }
        correct(transaction, &entry, &by_name).map_err(failed)?;
    }
    Ok(Ok(()))
}

fn entry(line: &str) -> Option<Entry> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| Some(value[key].as_str()?.to_owned());
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let hash = |key: &str| text(key).filter(|hash| hash.len() == 64 && hash.bytes().all(is_digit));
    Some(Entry {
        sequence: value["sequence"].as_u64()?,
        at: Timestamp::from_rfc3339(&text("at")?)?,
        who: text("who")?,
        kind: text("kind")?,
        reason: text("reason")?,
        body: text("body")?,
        previous: hash("previous")?,
        hash: hash("hash")?,
    })
}

/// What an entry says of corrections, as the table has it.
fn correct(
    transaction: &Connection,
    entry: &Entry,
    meters: &BTreeMap<String, MeterId>,
) -> rusqlite::Result<()> {
    let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    if entry.kind == Kind::Correction.word() {
        // A meter that is not known has no number, and nothing here goes by its corrections.
        let meter = body["meter"].as_str().and_then(|name| meters.get(name)).copied().unwrap_or(-1);
        transaction.execute(
            "INSERT INTO correction VALUES (?1, ?2, ?3, NULL, 0)",
            params![entry.sequence as i64, meter, body["correction"].to_string()],
        )?;
    } else if entry.kind == Kind::Withdrawal.word() {
        let number = body["withdrawn"].as_i64().unwrap_or(-1);
        transaction.execute(
            "UPDATE correction SET withdrawn = ?2 WHERE sequence = ?1",
            params![number, entry.sequence as i64],
        )?;
    }
    Ok(())
}
