//! The chain itself: entries, each carrying the hash of the one before.
//!
//! An entry's hash is SHA-256 over its fields and the hash of its predecessor, so that no entry can be
//! changed, removed or moved without breaking all that follow. The number of entries and the last hash stand
//! in the `meta` table too, so that an end that was cut off is missed. The hashes are not keyed: whoever can
//! write the file can also make a whole chain anew. Against that, note the head elsewhere and compare.

use crate::audit::who::Who;
use crate::store::{self, StoreError};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::str::FromStr;
use wattledger_model::time::Timestamp;

/// In the `meta` table: `COUNT HASH` of the chain's head.
const HEAD: &str = "audit head";
/// What the first entry has as the hash of its predecessor.
pub(crate) const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Begins what is hashed, so that a hash is of nothing else.
const FORM: &[u8] = b"wattledger/audit/v1\n";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The engine started with another configuration, or as another version of the program.
    Configuration,
    /// An operator corrected a meter's ledger.
    Correction,
    /// A correction was taken back.
    Withdrawal,
    /// Refused readings were admitted.
    Admission,
    /// Refused things were discarded.
    Discard,
    /// The ledger was made again from the raw readings.
    Rebuild,
    /// Raw readings were deleted with age.
    Retention,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 7] = [
        Kind::Configuration,
        Kind::Correction,
        Kind::Withdrawal,
        Kind::Admission,
        Kind::Discard,
        Kind::Rebuild,
        Kind::Retention,
    ];

    /// The word in the chain and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Configuration => "configuration",
            Kind::Correction => "correction",
            Kind::Withdrawal => "withdrawal",
            Kind::Admission => "admission",
            Kind::Discard => "discard",
            Kind::Rebuild => "rebuild",
            Kind::Retention => "retention",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        Kind::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(|| {
            let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
            format!("`{text}` is not a kind of entry; there are {}", words.join(", "))
        })
    }
}

/// One entry, as it stands in the chain. Its kind is a text: a later program may have written one that this
/// one does not know.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// Its number: the first is 1, without a gap.
    pub sequence: u64,
    /// When, by the collector's clock.
    #[serde(serialize_with = "instant")]
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// The word of a [`Kind`].
    pub kind: String,
    /// Why, in the words of who did it.
    pub reason: String,
    /// What exactly: JSON with sorted keys.
    #[serde(serialize_with = "json")]
    pub body: String,
    /// The hash of the entry before, hexadecimal.
    pub previous: String,
    /// This entry's hash, hexadecimal.
    pub hash: String,
}

fn instant<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

fn json<S: serde::Serializer>(body: &str, to: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<serde_json::Value>(body) {
        Ok(value) => serde::Serialize::serialize(&value, to),
        Err(_) => to.serialize_str(body),
    }
}

impl Entry {
    /// The hash that its fields should have.
    fn hashed(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(FORM);
        hash.update(self.sequence.to_le_bytes());
        hash.update(self.at.0.to_le_bytes());
        for text in [&self.who, &self.kind, &self.reason, &self.body, &self.previous] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        hex(&hash.finalize())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a text does not fail");
        text
    })
}

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Entries in the chain.
    pub count: u64,
    /// The hash of the last one; zeros before the first.
    pub hash: String,
}

/// The head that is noted beside the chain.
pub fn head(connection: &Connection) -> rusqlite::Result<Head> {
    let noted = store::meta(connection, HEAD)?;
    let parsed = noted.as_deref().and_then(|text| text.split_once(' '));
    let head =
        parsed.and_then(|(count, hash)| Some(Head { count: count.parse().ok()?, hash: hash.to_owned() }));
    Ok(head.unwrap_or(Head { count: 0, hash: NOTHING.to_owned() }))
}

/// Adds an entry, inside the transaction of what it tells of.
pub(crate) fn append(
    transaction: &Connection,
    at: Timestamp,
    who: &Who,
    kind: Kind,
    reason: &str,
    body: &serde_json::Value,
) -> rusqlite::Result<Entry> {
    let head = head(transaction)?;
    let mut entry = Entry {
        sequence: head.count + 1,
        at,
        who: who.as_str().to_owned(),
        kind: kind.word().to_owned(),
        reason: reason.to_owned(),
        body: body.to_string(),
        previous: head.hash,
        hash: String::new(),
    };
    entry.hash = entry.hashed();
    transaction.prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
        params![
            entry.sequence as i64,
            entry.at.0,
            entry.who,
            entry.kind,
            entry.reason,
            entry.body,
            entry.previous,
            entry.hash
        ],
    )?;
    store::set_meta(transaction, HEAD, &format!("{} {}", entry.sequence, entry.hash))?;
    Ok(entry)
}

/// Gives each entry from `since` on, of one kind or all, to `each`, in order.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn walk(
    connection: &Connection,
    since: Option<Timestamp>,
    kind: Option<Kind>,
    mut each: impl FnMut(Entry),
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut statement = connection
        .prepare(
            "SELECT sequence, at_ms, who, kind, reason, body, previous, hash FROM audit
             WHERE at_ms >= ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY sequence",
        )
        .map_err(failed)?;
    let mut rows =
        statement.query(params![since.map_or(i64::MIN, |at| at.0), kind.map(Kind::word)]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        each(entry(row).map_err(failed)?);
    }
    Ok(())
}

/// Gives the entries after a number, in order, so many at most, to `each`.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub(crate) fn after(
    connection: &Connection,
    sequence: u64,
    most: usize,
    mut each: impl FnMut(Entry),
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut statement = connection
        .prepare_cached(
            "SELECT sequence, at_ms, who, kind, reason, body, previous, hash FROM audit
             WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )
        .map_err(failed)?;
    let mut rows = statement.query(params![sequence as i64, most as i64]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        each(entry(row).map_err(failed)?);
    }
    Ok(())
}

/// Gives number and instant of every entry, in order, to `each`.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub(crate) fn instants(
    connection: &Connection,
    mut each: impl FnMut(u64, Timestamp),
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut statement =
        connection.prepare_cached("SELECT sequence, at_ms FROM audit ORDER BY sequence").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (sequence, at): (i64, i64) =
            row.get(0).and_then(|sequence| Ok((sequence, row.get(1)?))).map_err(failed)?;
        each(sequence as u64, Timestamp(at));
    }
    Ok(())
}

/// The hash of one entry; `None` where there is no such entry.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub(crate) fn hash_of(connection: &Connection, sequence: u64) -> Result<Option<String>, StoreError> {
    connection
        .prepare_cached("SELECT hash FROM audit WHERE sequence = ?1")
        .and_then(|mut statement| statement.query_row([sequence as i64], |row| row.get(0)).optional())
        .map_err(|source| StoreError::Sqlite { path: "ledger.sqlite".into(), source })
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        sequence: row.get::<_, i64>(0)? as u64,
        at: Timestamp(row.get(1)?),
        who: row.get(2)?,
        kind: row.get(3)?,
        reason: row.get(4)?,
        body: row.get(5)?,
        previous: row.get(6)?,
        hash: row.get(7)?,
    })
}

/// Where the chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A number is missing or comes out of order.
    #[error("where entry {expected} should be stands entry {found}: entries were removed or moved")]
    Sequence {
        /// The number that should come.
        expected: u64,
        /// The number that is there.
        found: u64,
    },
    /// The entry does not follow the one before it.
    #[error("entry {sequence} does not follow the entry before it: one of the two was exchanged")]
    Link {
        /// The entry.
        sequence: u64,
    },
    /// The entry was changed.
    #[error("entry {sequence} of {at} is not what it was when it was written")]
    Content {
        /// The entry.
        sequence: u64,
        /// When it says that it was written.
        at: Timestamp,
    },
    /// The chain does not end where it should.
    #[error("the chain ends with entry {found}, and {noted} entries were written: its end was cut off")]
    End {
        /// Entries that are there.
        found: u64,
        /// Entries that were noted.
        noted: u64,
    },
    /// The chain ends with another entry than was noted.
    #[error("the last entry, {sequence}, is not the one that was noted as the last")]
    Head {
        /// Its number.
        sequence: u64,
    },
    /// An entry does not have the hash that was noted elsewhere.
    #[error(
        "entry {sequence} has the hash {found}, and {noted} was noted elsewhere: the chain was made anew"
    )]
    Anchor {
        /// The entry.
        sequence: u64,
        /// Its hash; empty where there is no such entry.
        found: String,
        /// The hash that was noted.
        noted: String,
    },
    /// A correction is in force that the chain does not tell of, or the other way round.
    #[error("correction {sequence} in force is not what the chain says of it: {what}")]
    Correction {
        /// Its number.
        sequence: u64,
        /// What differs.
        what: &'static str,
    },
}

/// Walks the whole chain. `anchor` is the number and hash of an entry that were noted elsewhere.
///
/// # Errors
/// [`StoreError`] where the store cannot be read; the inner error is the first place where it does not hold.
pub fn verify(connection: &Connection, anchor: Option<&Head>) -> Result<Result<Head, Break>, StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    // One state of it from the first entry to the last, whatever is added meanwhile.
    let _snapshot = connection.unchecked_transaction().map_err(failed)?;
    let mut at = Head { count: 0, hash: NOTHING.to_owned() };
    let mut broken: Option<Break> = None;
    let mut anchored = anchor.is_none();
    walk(connection, None, None, |entry| {
        if broken.is_some() {
            return;
        }
        broken = link(&at, &entry);
        if let Some(noted) = anchor.filter(|noted| noted.count == entry.sequence) {
            anchored = true;
            if noted.hash != entry.hash {
                broken.get_or_insert(anchor_break(noted, entry.hash.clone()));
            }
        }
        at = Head { count: entry.sequence, hash: entry.hash };
    })?;
    let noted = head(connection).map_err(failed)?;
    let end = if noted.count != at.count {
        Some(Break::End { found: at.count, noted: noted.count })
    } else if noted.hash != at.hash {
        Some(Break::Head { sequence: at.count })
    } else {
        anchor.filter(|_| !anchored).map(|noted| anchor_break(noted, String::new()))
    };
    let broken = match broken.or(end) {
        None => super::corrections::disagreement(connection)?,
        found => found,
    };
    Ok(broken.map_or(Ok(at), Err))
}

fn anchor_break(noted: &Head, found: String) -> Break {
    Break::Anchor { sequence: noted.count, found, noted: noted.hash.clone() }
}

fn link(before: &Head, entry: &Entry) -> Option<Break> {
    if entry.sequence != before.count + 1 {
        return Some(Break::Sequence { expected: before.count + 1, found: entry.sequence });
    }
    if entry.hash != entry.hashed() {
        return Some(Break::Content { sequence: entry.sequence, at: entry.at });
    }
    (entry.previous != before.hash).then_some(Break::Link { sequence: entry.sequence })
}
