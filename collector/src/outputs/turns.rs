//! Turns of alerts, in the order in which they were decided: for outputs that tell of each one, however long
//! they could not write.
//!
//! A turn is kept in the transaction that decides it. An output remembers the number of the last one it told
//! of. Beyond ten thousand the oldest are let go; an output that comes too late for some is told how many.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use wattledger_model::time::Timestamp;

/// Turns that are kept.
const KEPT: i64 = 10_000;

/// One alert was raised or cleared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Turned {
    /// The rule.
    pub(crate) rule: String,
    /// The facility.
    pub(crate) facility: String,
    /// How grave the rule is: `info`, `warning` or `critical`.
    pub(crate) severity: String,
    /// How grave it was when the alert was raised, where that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) raised_as: Option<String>,
    /// Whether it was raised, or else cleared.
    pub(crate) is_raised: bool,
    /// The end of the window that decided it, ms since the epoch.
    pub(crate) at_ms: i64,
    /// The figure that decided.
    pub(crate) value: f64,
    /// The threshold it passed.
    pub(crate) limit: f64,
    /// Coverage of that figure, 0 to 1.
    pub(crate) coverage: f64,
    /// Why, in words.
    pub(crate) reason: String,
}

/// A turn as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    /// Its number; numbers ascend and are never given twice.
    pub(crate) number: i64,
    /// When it was, apart from every other turn of the facility that went the same way: no earlier than `at_ms`,
    /// and later by a millisecond for each that would have had the same time.
    pub(crate) apart: Timestamp,
    /// The turn; `None` where it cannot be read.
    pub(crate) turned: Option<Turned>,
}

/// Keeps a turn, inside the transaction that decides it.
pub(crate) fn keep(within: &Transaction<'_>, turned: &Turned) -> rusqlite::Result<()> {
    let mut apart = turned.at_ms;
    let later: Vec<i64> = within
        .prepare_cached(
            "SELECT apart_ms FROM turn WHERE facility = ?1 AND is_raised = ?2 AND apart_ms >= ?3 ORDER BY apart_ms",
        )?
        .query_map(params![turned.facility, turned.is_raised, apart], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for taken in later {
        if taken != apart {
            break;
        }
        apart += 1;
    }
    let body = serde_json::to_string(turned).expect("a turn is plain data");
    within
        .prepare_cached("INSERT INTO turn (facility, is_raised, apart_ms, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![turned.facility, turned.is_raised, apart, body])?;
    within
        .prepare_cached("DELETE FROM turn WHERE id <= (SELECT max(id) FROM turn) - ?1")?
        .execute([KEPT])
        .map(drop)
}

/// The turns after a number, the oldest first, so many at most.
///
/// # Errors
/// SQLite's.
pub(crate) fn after(connection: &Connection, number: i64, most: usize) -> rusqlite::Result<Vec<Kept>> {
    connection
        .prepare_cached("SELECT id, apart_ms, body FROM turn WHERE id > ?1 ORDER BY id LIMIT ?2")?
        .query_map(params![number, i64::try_from(most).unwrap_or(i64::MAX)], |row| {
            let body: String = row.get(2)?;
            Ok(Kept {
                number: row.get(0)?,
                apart: Timestamp(row.get(1)?),
                turned: serde_json::from_str(&body).ok(),
            })
        })?
        .collect()
}

/// How many turns after a number were let go before they were asked for.
///
/// # Errors
/// SQLite's.
pub(crate) fn let_go(connection: &Connection, number: i64) -> rusqlite::Result<u64> {
    let first: Option<i64> = connection
        .prepare_cached("SELECT min(id) FROM turn")?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten();
    // Numbers begin with 1.
    Ok(first.map_or(0, |first| (first - 1 - number).max(0).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::remembered;
    use crate::store::Layout;

    fn turned(facility: &str, is_raised: bool, at_ms: i64) -> Turned {
        Turned {
            rule: "pue".to_owned(),
            facility: facility.to_owned(),
            severity: "warning".to_owned(),
            raised_as: None,
            is_raised,
            at_ms,
            value: 1.4,
            limit: 1.35,
            coverage: 1.0,
            reason: "above".to_owned(),
        }
    }

    fn keep_all(connection: &Connection, all: &[Turned]) {
        let transaction = connection.unchecked_transaction().expect("a transaction");
        all.iter().for_each(|turned| keep(&transaction, turned).expect("kept"));
        transaction.commit().expect("committed");
    }

    #[test]
    fn turns_of_one_instant_are_told_apart_for_good() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = remembered::open(&Layout::new(folder.path())).expect("opens");
        let all = [
            turned("hall", true, 60_000),
            turned("hall", true, 60_001),
            turned("hall", true, 60_000),
            turned("hall", false, 60_000),
            turned("annex", true, 60_000),
        ];
        keep_all(&connection, &all);
        let kept = after(&connection, 0, 10).expect("read");
        let apart: Vec<i64> = kept.iter().map(|kept| kept.apart.0).collect();
        assert_eq!(apart, [60_000, 60_001, 60_002, 60_000, 60_000]);
        assert!(kept.iter().zip(&all).all(|(kept, all)| kept.turned.as_ref() == Some(all)), "{kept:?}");
        assert_eq!(after(&connection, 2, 2).expect("read"), kept[2..4], "from a number on, so many");
    }

    #[test]
    fn the_oldest_are_let_go_and_that_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = remembered::open(&Layout::new(folder.path())).expect("opens");
        assert_eq!(let_go(&connection, 0).expect("read"), 0);
        keep_all(&connection, &(0..KEPT + 5).map(|at| turned("hall", true, at)).collect::<Vec<_>>());
        assert_eq!(after(&connection, 0, usize::MAX).expect("read").len() as i64, KEPT);
        assert_eq!(let_go(&connection, 0).expect("read"), 5);
        assert_eq!(let_go(&connection, 3).expect("read"), 2);
        assert_eq!(let_go(&connection, 5).expect("read"), 0);
    }
}
