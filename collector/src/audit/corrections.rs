//! Corrections as they are kept: in the chain, and in a table from which the engine takes those in force.

use super::chain::{self, Break, Kind};
use crate::store::{MeterId, StoreError};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wattledger_model::correction::Correction;
use wattledger_model::time::Timestamp;

/// A correction in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number: that of its entry in the chain.
    pub sequence: u64,
    /// The meter.
    pub meter: MeterId,
    /// What it says.
    pub correction: Correction,
    /// The entry that took it back.
    pub withdrawn: Option<u64>,
    /// It is of a time of which raw readings had been deleted when it was made, so that it is booked on top of
    /// what the ledger had made of them.
    pub is_frozen: bool,
}

/// The JSON of a correction, as it stands in the chain and in the table.
pub fn to_json(correction: &Correction) -> Value {
    let over = |kind: &str, from: Timestamp, to: Timestamp, amount: Option<i128>| {
        let mut body = json!({ "kind": kind, "from": from.to_string(), "to": to.to_string() });
        if let Some(amount) = amount {
            body["amount"] = Value::String(amount.to_string());
        }
        body
    };
    match *correction {
        Correction::Exclude { from, to } => over("exclude", from, to, None),
        Correction::Entry { from, to, amount } => over("entry", from, to, Some(amount)),
        Correction::Settle { from, to, amount } => over("settle", from, to, Some(amount)),
        Correction::Exchange { at, last, first } => json!({
            "kind": "exchange", "at": at.to_string(), "last": last.to_string(), "first": first.to_string(),
        }),
    }
}

/// Reads what [`to_json`] wrote; `None` for anything else.
pub fn from_json(body: &Value) -> Option<Correction> {
    let text = |key: &str| body.get(key)?.as_str();
    let instant = |key: &str| Timestamp::from_rfc3339(text(key)?);
    let amount = || text("amount")?.parse().ok();
    Some(match text("kind")? {
        "exclude" => Correction::Exclude { from: instant("from")?, to: instant("to")? },
        "entry" => Correction::Entry { from: instant("from")?, to: instant("to")?, amount: amount()? },
        "settle" => Correction::Settle { from: instant("from")?, to: instant("to")?, amount: amount()? },
        "exchange" => Correction::Exchange {
            at: instant("at")?,
            last: text("last")?.parse().ok()?,
            first: text("first")?.parse().ok()?,
        },
        _ => return None,
    })
}

/// When a correction begins to have an effect, and when it ends.
pub fn span(correction: &Correction) -> (Timestamp, Timestamp) {
    match *correction {
        Correction::Exclude { from, to }
        | Correction::Entry { from, to, .. }
        | Correction::Settle { from, to, .. } => (from, to),
        Correction::Exchange { at, .. } => (at, at),
    }
}

/// Sorts corrections so that what they come to does not depend on the order in which they were made.
pub(crate) fn in_order(corrections: &mut [Correction]) {
    corrections.sort_by_cached_key(|correction| (span(correction).0, to_json(correction).to_string()));
}

/// All corrections, those that were withdrawn too, by number.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn load(connection: &Connection) -> Result<Vec<Kept>, StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut statement = connection
        .prepare("SELECT sequence, meter, body, withdrawn, frozen FROM correction ORDER BY sequence")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let sequence = row.get::<_, i64>(0).map_err(failed)? as u64;
        let body: String = row.get(2).map_err(failed)?;
        let correction = serde_json::from_str(&body).ok().and_then(|body| from_json(&body));
        let Some(correction) = correction else {
            tracing::error!(
                correction = sequence,
                "a correction in the store cannot be read and is left out"
            );
            continue;
        };
        all.push(Kept {
            sequence,
            meter: row.get(1).map_err(failed)?,
            correction,
            withdrawn: row.get::<_, Option<i64>>(3).map_err(failed)?.map(|sequence| sequence as u64),
            is_frozen: row.get(4).map_err(failed)?,
        });
    }
    Ok(all)
}

/// Keeps a correction.
pub(crate) fn insert(transaction: &Connection, kept: &Kept) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT INTO correction VALUES (?1, ?2, ?3, NULL, ?4)")?
        .execute(params![
            kept.sequence as i64,
            kept.meter,
            to_json(&kept.correction).to_string(),
            kept.is_frozen
        ])
        .map(drop)
}

/// Notes that a correction was withdrawn by an entry of the chain.
pub(crate) fn withdraw(transaction: &Connection, sequence: u64, by: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE correction SET withdrawn = ?2 WHERE sequence = ?1")?
        .execute(params![sequence as i64, by as i64])
        .map(drop)
}

/// What one correction is by the chain or by the table: meter, JSON, withdrawn by.
type Said = (String, String, Option<u64>);

/// The first correction of which chain and table say different things.
pub(super) fn disagreement(connection: &Connection) -> Result<Option<Break>, StoreError> {
    let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
    let mut told = by_chain(connection)?;
    let kept: Vec<(i64, Said)> = connection
        .prepare(
            "SELECT sequence, coalesce(site || '/' || name, ''), body, withdrawn
             FROM correction LEFT JOIN meter ON meter.id = correction.meter ORDER BY sequence",
        )
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    let withdrawn: Option<i64> = row.get(3)?;
                    Ok((row.get(0)?, (row.get(1)?, row.get(2)?, withdrawn.map(|by| by as u64))))
                })?
                .collect()
        })
        .map_err(failed)?;
    for (sequence, kept) in kept {
        let sequence = sequence as u64;
        let what = match told.remove(&sequence) {
            None => "the chain has no such correction",
            Some(told) if told == kept => continue,
            Some((meter, ..)) if meter != kept.0 => "the meter differs",
            Some((_, _, withdrawn)) if withdrawn != kept.2 => "one says that it was withdrawn",
            Some(_) => "the content differs",
        };
        return Ok(Some(Break::Correction { sequence, what }));
    }
    let missing = told.into_keys().next();
    Ok(missing.map(|sequence| Break::Correction { sequence, what: "it is not in force" }))
}

fn by_chain(connection: &Connection) -> Result<BTreeMap<u64, Said>, StoreError> {
    let mut told: BTreeMap<u64, Said> = BTreeMap::new();
    for kind in [Kind::Correction, Kind::Withdrawal] {
        chain::walk(connection, None, Some(kind), |entry| {
            let Ok(body) = serde_json::from_str::<Value>(&entry.body) else { return };
            if kind == Kind::Correction {
                let meter = body["meter"].as_str().unwrap_or_default().to_owned();
                told.insert(entry.sequence, (meter, body["correction"].to_string(), None));
            } else if let Some(said) = body["withdrawn"].as_u64().and_then(|number| told.get_mut(&number)) {
                said.2 = Some(entry.sequence);
            }
        })?;
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::decimal::Decimal;

    fn all() -> Vec<Correction> {
        let (from, to) = (Timestamp(1_767_225_600_001), Timestamp(1_767_229_200_000));
        vec![
            Correction::Exclude { from, to },
            Correction::Entry { from, to, amount: 12_500_000_000 },
            Correction::Settle { from, to, amount: -1 },
            Correction::Exchange { at: from, last: Decimal::new(81_234_567, -3), first: Decimal::ZERO },
        ]
    }

    #[test]
    fn corrections_read_back_as_they_were_written() {
        for correction in all() {
            assert_eq!(from_json(&to_json(&correction)), Some(correction));
        }
        assert_eq!(from_json(&json!({ "kind": "wish", "at": "2026-01-01T00:00:00Z" })), None);
        assert_eq!(from_json(&json!({ "kind": "entry", "from": "2026-01-01T00:00:00Z" })), None);
    }

    #[test]
    fn their_order_does_not_depend_on_which_was_made_first() {
        let (mut one, mut other) = (all(), all());
        other.reverse();
        in_order(&mut one);
        in_order(&mut other);
        assert_eq!(one, other);
    }

    #[test]
    fn bodies_have_their_keys_sorted() {
        let text = to_json(&all()[1]).to_string();
        assert_eq!(
            text,
            r#"{"amount":"12500000000","from":"2026-01-01T00:00:00.001Z","kind":"entry","to":"2026-01-01T01:00:00Z"}"#
        );
    }
}
