//! Receipts: what each agent took in, and what became of it, counted on both ends so that it can be seen to
//! add up. Telemetry, not content: the ledger does not depend on it.
//!
//! The numbers count since the agent's spool was made. The last ones of each hour, by the collector's clock,
//! stay in the store.

use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::batch::{AgentKey, AgentStatus, Loss, LossCause};
use wattledger_model::name::Name;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// Different meters with losses kept apart until they are written; beyond, they are told together.
const MOST_LOSSES: usize = 100_000;
/// Spools that are only heard of, kept at most.
const MOST_SPOOLS: usize = 10_000;

/// An agent's spool.
pub type Of = (AgentKey, Incarnation);

/// What one spool's readings came to, in readings unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Taken in by the agent, as it said last.
    pub taken_in: u64,
    /// Held by the agent without an acknowledgement, as it said last.
    pub waiting: u64,
    /// Thinned away, as the agent said last.
    pub thinned: u64,
    /// Dropped or damaged, as the agent said last; what it had sent without an answer may be here all the same,
    /// and is not told of then.
    pub lost: u64,
    /// Handed to the link since the agent's last start, as it said last, those sent again among them.
    pub sent: u64,
    /// In batches that this store holds, each counted once; those in quarantine among them.
    pub committed: u64,
    /// In batches that came again.
    pub duplicated: u64,
    /// Of those committed, put in quarantine here.
    pub quarantined: u64,
    /// Told of as thinned, in batches that this store holds.
    pub told_thinned: u64,
    /// Told of as dropped or damaged, in batches that this store holds.
    pub told_lost: u64,
    /// Batches (not readings) that the agent has let go and this store has not: it was restored from a backup
    /// that is older than what the agent still had, or files of the spool were damaged.
    pub missing_batches: u64,
}

impl Receipt {
    /// Readings that were taken in and are neither here, nor waiting, nor told of. Zero when nothing is under
    /// way; below zero while acknowledgements are.
    pub fn unaccounted(&self) -> i128 {
        let known = [self.committed, self.waiting, self.thinned, self.lost];
        i128::from(self.taken_in) - known.into_iter().map(i128::from).sum::<i128>()
    }

    fn numbers(&self) -> [u64; 11] {
        [
            self.taken_in,
            self.waiting,
            self.thinned,
            self.lost,
            self.sent,
            self.committed,
            self.duplicated,
            self.quarantined,
            self.told_thinned,
            self.told_lost,
            self.missing_batches,
        ]
    }

    fn of_numbers(numbers: [u64; 11]) -> Receipt {
        let [taken_in, waiting, thinned, lost, sent, committed, duplicated, quarantined, ..] = numbers;
        let [.., told_thinned, told_lost, missing_batches] = numbers;
        Receipt {
            taken_in,
            waiting,
            thinned,
            lost,
            sent,
            committed,
            duplicated,
            quarantined,
            told_thinned,
            told_lost,
            missing_batches,
        }
    }
}

/// One spool's receipt at the end of an hour, or so far in the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourlyReceipt {
    /// Whose.
    pub of: Of,
    /// Begin of the hour.
    pub hour: Timestamp,
    /// Counted since the spool was made.
    pub receipt: Receipt,
}

/// Losses of one agent, meter and cause, within one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterLoss {
    /// Whose.
    pub agent: AgentKey,
    /// How, when and how many; added up over what was told.
    pub loss: Loss,
}

/// `(agent, meter, cause, UTC day of the first instant)`.
type LossKey = (AgentKey, Option<Name>, LossCause, i64);

/// Every receipt, and the losses that are not in the store yet.
#[derive(Debug, Clone, Default)]
pub struct Receipts {
    all: BTreeMap<Of, Receipt>,
    changed: BTreeSet<Of>,
    losses: BTreeMap<LossKey, Loss>,
}

/// Made where they are not there: they were added within a version of the schema.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS receipt (
    site TEXT NOT NULL, name TEXT NOT NULL, started_ms INTEGER NOT NULL, incarnation TEXT NOT NULL,
    hour INTEGER NOT NULL, numbers TEXT NOT NULL,
    PRIMARY KEY (site, name, started_ms, incarnation, hour)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meter_loss (
    site TEXT NOT NULL, name TEXT NOT NULL, meter TEXT NOT NULL, cause TEXT NOT NULL, day INTEGER NOT NULL,
    from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, readings INTEGER NOT NULL,
    PRIMARY KEY (site, name, meter, cause, day)) STRICT, WITHOUT ROWID;
";

impl Receipts {
    /// What the store remembers: the last receipt of each spool.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Receipts> {
        connection.execute_batch(TABLES)?;
        // Of each group the row with the highest hour: what SQLite promises for columns beside one max().
        let last = "SELECT site, name, started_ms, incarnation, max(hour), numbers FROM receipt
                    GROUP BY site, name, started_ms, incarnation";
        let rows = rows_of(&mut connection.prepare(last)?, [])?;
        let all = rows.into_iter().map(|row| (row.of, row.receipt)).collect();
        Ok(Receipts { all, ..Receipts::default() })
    }

    /// The receipt of a spool, to be counted in.
    pub(super) fn of(&mut self, of: &Of) -> &mut Receipt {
        if !self.changed.contains(of) {
            self.changed.insert(of.clone());
        }
        self.all.entry(of.clone()).or_default()
    }

    /// What an agent says of itself.
    pub(super) fn hear(&mut self, status: &AgentStatus) {
        let of = (status.agent.clone(), status.incarnation);
        if self.all.len() >= MOST_SPOOLS && !self.all.contains_key(&of) {
            return;
        }
        let receipt = self.of(&of);
        receipt.taken_in = status.taken_in;
        receipt.waiting = status.waiting;
        receipt.thinned = status.thinned;
        receipt.lost = status.lost;
        receipt.sent = status.sent;
    }

    /// What a batch tells of as lost.
    pub(super) fn lose(&mut self, of: &Of, loss: Loss) {
        let receipt = self.of(of);
        let told = match loss.cause {
            LossCause::Thinned => &mut receipt.told_thinned,
            LossCause::Dropped | LossCause::Damaged => &mut receipt.told_lost,
        };
        *told = told.saturating_add(loss.readings);
        let meter = loss.meter.clone().filter(|_| self.losses.len() < MOST_LOSSES);
        let key = (of.0.clone(), meter.clone(), loss.cause, loss.from.0.div_euclid(DAY_MS));
        match self.losses.get_mut(&key) {
            Some(there) => {
                there.from = there.from.min(loss.from);
                there.to = there.to.max(loss.to);
                there.readings = there.readings.saturating_add(loss.readings);
            }
            None => drop(self.losses.insert(key, Loss { meter, ..loss })),
        }
    }

    /// Every spool's receipt.
    pub fn all(&self) -> &BTreeMap<Of, Receipt> {
        &self.all
    }

    /// Writes what has changed, as of an instant.
    pub(super) fn save(&self, connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
        let hour = now.0.div_euclid(HOUR_MS);
        for of in &self.changed {
            let Some(receipt) = self.all.get(of) else { continue };
            let (agent, incarnation) = of;
            let numbers = receipt.numbers().map(|number| number.to_string()).join(" ");
            connection
                .prepare_cached("INSERT OR REPLACE INTO receipt VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![
                    agent.site.as_str(),
                    agent.agent.as_str(),
                    incarnation.started.0,
                    format!("{:016x}", incarnation.id),
                    hour,
                    numbers
                ])?;
        }
        for ((agent, meter, cause, day), loss) in &self.losses {
            // A sum beyond what SQLite counts to would become a float, which the column does not take.
            connection
                .prepare_cached(
                    "INSERT INTO meter_loss VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET
                     from_ms = min(from_ms, excluded.from_ms), to_ms = max(to_ms, excluded.to_ms),
                     readings = iif(readings > 9223372036854775807 - excluded.readings, 9223372036854775807,
                                    readings + excluded.readings)",
                )?
                .execute(params![
                    agent.site.as_str(),
                    agent.agent.as_str(),
                    meter.as_ref().map_or("", |meter| meter.as_str()),
                    cause.word(),
                    day,
                    loss.from.0,
                    loss.to.0,
                    i64::try_from(loss.readings).unwrap_or(i64::MAX)
                ])?;
        }
        Ok(())
    }

    pub(super) fn saved(&mut self) {
        self.changed.clear();
        self.losses.clear();
    }
}

fn is_there(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.query_row(count, [table], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

fn key_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<AgentKey>> {
    let (site, agent) = (row.get::<_, String>(0)?.parse(), row.get::<_, String>(1)?.parse());
    Ok(site.ok().zip(agent.ok()).map(|(site, agent)| AgentKey { site, agent }))
}

/// The receipts in the store of hours that end after an instant (ms since the epoch), by spool and hour.
///
/// # Errors
/// What SQLite says.
pub fn read(connection: &Connection, since_ms: i64) -> rusqlite::Result<Vec<HourlyReceipt>> {
    if !is_there(connection, "receipt")? {
        return Ok(Vec::new());
    }
    let since = "SELECT site, name, started_ms, incarnation, hour, numbers FROM receipt WHERE hour >= ?1
                 ORDER BY site, name, started_ms, incarnation, hour";
    rows_of(&mut connection.prepare(since)?, [since_ms.div_euclid(HOUR_MS)])
}

fn rows_of(
    statement: &mut rusqlite::Statement<'_>,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<HourlyReceipt>> {
    let mut rows = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let id = u64::from_str_radix(&row.get::<_, String>(3)?, 16);
        let numbers: String = row.get(5)?;
        let numbers: Vec<u64> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
        let (Some(agent), Ok(id), Ok(numbers)) = (key_of(row)?, id, numbers.try_into()) else { continue };
        let incarnation = Incarnation { started: Timestamp(row.get(2)?), id };
        let hour = Timestamp(row.get::<_, i64>(4)?.saturating_mul(HOUR_MS));
        all.push(HourlyReceipt { of: (agent, incarnation), hour, receipt: Receipt::of_numbers(numbers) });
    }
    Ok(all)
}

/// Forgets the receipts of hours, and the losses of days, before an instant; the last receipt of each spool
/// stays.
pub(super) fn forget_before(connection: &Connection, edge: Timestamp) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM receipt AS old WHERE hour < ?1 AND EXISTS (SELECT 1 FROM receipt AS new WHERE
         new.site = old.site AND new.name = old.name AND new.started_ms = old.started_ms
         AND new.incarnation = old.incarnation AND new.hour > old.hour)",
        [edge.0.div_euclid(HOUR_MS)],
    )?;
    connection.execute("DELETE FROM meter_loss WHERE day < ?1", [edge.0.div_euclid(DAY_MS)]).map(drop)
}

/// The losses in the store, by agent, meter, cause and day.
///
/// # Errors
/// What SQLite says.
pub fn read_losses(connection: &Connection) -> rusqlite::Result<Vec<MeterLoss>> {
    if !is_there(connection, "meter_loss")? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(
        "SELECT site, name, meter, cause, from_ms, to_ms, readings FROM meter_loss ORDER BY 1, 2, 3, 4, day",
    )?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let cause = LossCause::from_word(&row.get::<_, String>(3)?);
        let (Some(agent), Some(cause)) = (key_of(row)?, cause) else { continue };
        let loss = Loss {
            from: Timestamp(row.get(4)?),
            to: Timestamp(row.get(5)?),
            readings: row.get::<_, i64>(6)?.cast_unsigned(),
            meter: row.get::<_, String>(2)?.parse().ok(),
            cause,
        };
        all.push(MeterLoss { agent, loss });
    }
    Ok(all)
}

/// Readings dropped or damaged, of all losses in the store.
pub(super) fn lost(connection: &Connection) -> rusqlite::Result<f64> {
    // `total` and not `sum`, which fails where numbers that cannot be overflow it.
    let told = "SELECT total(readings) FROM meter_loss WHERE cause != 'thinned'";
    connection.query_row(told, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: u64) -> Of {
        let agent = AgentKey { site: "hall".parse().expect("name"), agent: "a".parse().expect("name") };
        (agent, Incarnation { started: Timestamp(7), id })
    }

    fn loss(meter: &str, from: i64, readings: u64, cause: LossCause) -> Loss {
        Loss { from: Timestamp(from), to: Timestamp(from + 5), readings, meter: meter.parse().ok(), cause }
    }

    #[test]
    fn receipts_of_each_hour_and_losses_of_each_day_stay_in_the_store() {
        let connection = Connection::open_in_memory().expect("a store");
        let mut receipts = Receipts::load(&connection).expect("empty");
        let hour = |hour: i64| Timestamp(hour * HOUR_MS + 17);
        for (at, committed) in [(10, 100), (10, 150), (11, 240)] {
            receipts.of(&of(u64::MAX)).committed = committed;
            receipts.of(&of(1)).taken_in = 9;
            receipts.lose(&of(1), loss("m", at * HOUR_MS, 3, LossCause::Thinned));
            receipts.lose(&of(1), loss("m", at * HOUR_MS, u64::MAX, LossCause::Dropped));
            receipts.save(&connection, hour(at)).expect("written");
            receipts.saved();
        }
        let rows = read(&connection, hour(10).0).expect("readable");
        let told: Vec<_> =
            rows.iter().map(|row| (row.of.1.id, row.hour.0 / HOUR_MS, row.receipt.committed)).collect();
        assert_eq!(told, [(1, 10, 0), (1, 11, 0), (u64::MAX, 10, 150), (u64::MAX, 11, 240)]);
        let again = Receipts::load(&connection).expect("readable");
        assert_eq!(again.all(), receipts.all());
        let losses = read_losses(&connection).expect("readable");
        let told: Vec<_> = losses.iter().map(|of| (of.loss.cause, of.loss.readings)).collect();
        assert_eq!(told, [(LossCause::Dropped, i64::MAX as u64), (LossCause::Thinned, 9)]);
        assert!(lost(&connection).expect("readable") > 9e18);
        forget_before(&connection, hour(500)).expect("deleted");
        let left = read(&connection, i64::MIN).expect("readable");
        assert_eq!(
            left.iter().map(|row| row.hour.0 / HOUR_MS).collect::<Vec<_>>(),
            [11, 11],
            "the last of each"
        );
        assert_eq!(read_losses(&connection).expect("readable"), []);
    }

    #[test]
    fn what_is_not_accounted_for_shows() {
        let receipt =
            Receipt { taken_in: 100, waiting: 5, thinned: 20, lost: 10, committed: 60, ..Receipt::default() };
        assert_eq!(receipt.unaccounted(), 5);
        assert_eq!(Receipt { committed: 70, ..receipt }.unaccounted(), -5);
        assert_eq!(Receipt::of_numbers(receipt.numbers()), receipt);
    }
}
