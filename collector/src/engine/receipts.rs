//! Receipts: what each agent took in, and what became of it, counted on both ends so that it can be seen to
//! add up. Telemetry, not content: the ledger does not depend on it.
//!
//! The numbers count since the agent's spool was made. The last ones of each hour, by the collector's clock,
//! stay in the store. Which were written last is told by a count of the writings: a clock may have been ahead.

use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::batch::{AgentKey, AgentStatus, Loss, LossCause};
use wattledger_model::meter::MeterKey;
use wattledger_model::name::Name;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::{Interval, Timestamp};

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
    /// The count of writings in the store.
    written: i64,
}

/// Made where they are not there: they were added within a version of the schema. So was the column `written`.
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

const COLUMNS: &str = "site, name, started_ms, incarnation, hour, numbers";
/// Of each spool the row that was written last. Rows from before the writings were counted come in the order of
/// their hours, before all others.
const LAST_ONES: &str = "FROM (SELECT *, row_number() OVER (PARTITION BY site, name, started_ms, incarnation
    ORDER BY written DESC, hour DESC) AS place FROM receipt) WHERE place = 1";

impl Receipts {
    /// What the store remembers: the last receipt of each spool.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Receipts> {
        connection.execute_batch(TABLES)?;
        if !is_order_known(connection)? {
            connection.execute_batch("ALTER TABLE receipt ADD COLUMN written INTEGER NOT NULL DEFAULT 0")?;
        }
        let rows = rows_of(&mut connection.prepare(&format!("SELECT {COLUMNS} {LAST_ONES}"))?, [])?;
        let all = rows.into_iter().map(|row| (row.of, row.receipt)).collect();
        let written =
            connection.query_row("SELECT coalesce(max(written), 0) FROM receipt", [], |row| row.get(0))?;
        Ok(Receipts { all, written, ..Receipts::default() })
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
                .prepare_cached(&format!(
                    "INSERT OR REPLACE INTO receipt ({COLUMNS}, written) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                ))?
                .execute(params![
                    agent.site.as_str(),
                    agent.agent.as_str(),
                    incarnation.started.0,
                    format!("{:016x}", incarnation.id),
                    hour,
                    numbers,
                    self.written + 1
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
        self.written += i64::from(!self.changed.is_empty());
        self.changed.clear();
        self.losses.clear();
    }
}

fn is_there(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.query_row(count, [table], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

/// Whether the order of writing is in the table.
fn is_order_known(connection: &Connection) -> rusqlite::Result<bool> {
    let count = "SELECT count(*) FROM pragma_table_info('receipt') WHERE name = 'written'";
    connection.query_row(count, [], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

fn key_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<AgentKey>> {
    let (site, agent) = (row.get::<_, String>(0)?.parse(), row.get::<_, String>(1)?.parse());
    Ok(site.ok().zip(agent.ok()).map(|(site, agent)| AgentKey { site, agent }))
}

/// The receipts in the store of hours that end after an instant (ms since the epoch), by spool and in the order in
/// which they were written last: that of the hours, unless the collector's clock was set back.
///
/// # Errors
/// What SQLite says.
pub fn read(connection: &Connection, since_ms: i64) -> rusqlite::Result<Vec<HourlyReceipt>> {
    if !is_there(connection, "receipt")? {
        return Ok(Vec::new());
    }
    // A store that no collector of this version has opened yet has the hours alone.
    let written = if is_order_known(connection)? { "written, " } else { "" };
    let since = format!(
        "SELECT {COLUMNS} FROM receipt WHERE hour >= ?1
         ORDER BY site, name, started_ms, incarnation, {written}hour"
    );
    rows_of(&mut connection.prepare(&since)?, [since_ms.div_euclid(HOUR_MS)])
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
        &format!(
            "DELETE FROM receipt WHERE hour < ?1 AND (site, name, started_ms, incarnation, hour) NOT IN
             (SELECT site, name, started_ms, incarnation, hour {LAST_ONES})"
        ),
        [edge.0.div_euclid(HOUR_MS)],
    )?;
    connection.execute("DELETE FROM meter_loss WHERE day < ?1", [edge.0.div_euclid(DAY_MS)]).map(drop)
}

/// The losses in the store, by agent, meter, cause and day.
///
/// # Errors
/// What SQLite says.
pub fn read_losses(connection: &Connection) -> rusqlite::Result<Vec<MeterLoss>> {
    losses_where(connection, "ORDER BY site, name, meter, cause, day", [])
}

/// The losses in the store that meet a time and are of a meter, or of no meter that is known of its site; by day, agent
/// and cause.
///
/// # Errors
/// What SQLite says.
pub fn read_losses_of(
    connection: &Connection,
    meter: &MeterKey,
    interval: Interval,
) -> rusqlite::Result<Vec<MeterLoss>> {
    let of = "WHERE site = ?1 AND meter IN (?2, '') AND from_ms < ?3 AND to_ms >= ?4
              ORDER BY meter = '', day, name, cause";
    let (from, to) = (interval.from.start().0, interval.to.start().0);
    losses_where(connection, of, params![meter.site.as_str(), meter.meter.as_str(), to, from])
}

fn losses_where(
    connection: &Connection,
    clause: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<MeterLoss>> {
    if !is_there(connection, "meter_loss")? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(&format!(
        "SELECT site, name, meter, cause, from_ms, to_ms, readings FROM meter_loss {clause}"
    ))?;
    let mut rows = statement.query(parameters)?;
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
    fn what_was_written_last_counts_though_the_clock_was_ahead_before() {
        let connection = Connection::open_in_memory().expect("a store");
        let mut receipts = Receipts::load(&connection).expect("empty");
        for (hour, committed) in [(10, 100), (500, 120), (11, 150), (12, 190)] {
            receipts.of(&of(1)).committed = committed;
            receipts.save(&connection, Timestamp(hour * HOUR_MS)).expect("written");
            receipts.saved();
        }
        let last = |connection: &Connection| {
            Receipts::load(connection)
                .expect("readable")
                .all()
                .values()
                .map(|r| r.committed)
                .collect::<Vec<_>>()
        };
        assert_eq!(last(&connection), [190], "after a restart");
        let rows = read(&connection, 0).expect("readable");
        let told: Vec<_> = rows.iter().map(|row| (row.hour.0 / HOUR_MS, row.receipt.committed)).collect();
        assert_eq!(told, [(10, 100), (500, 120), (11, 150), (12, 190)], "in the order of what was counted");
        forget_before(&connection, Timestamp(600 * HOUR_MS)).expect("deleted");
        assert_eq!(last(&connection), [190], "the last stays");
    }

    #[test]
    fn receipts_from_before_the_writings_were_counted_go_on() {
        let connection = Connection::open_in_memory().expect("a store");
        connection.execute_batch(TABLES).expect("tables");
        let numbers = |committed: u64| {
            let receipt = Receipt { committed, ..Receipt::default() };
            receipt.numbers().map(|number| number.to_string()).join(" ")
        };
        for (hour, committed) in [(10, 100), (11, 130)] {
            connection
                .execute(
                    "INSERT INTO receipt VALUES ('hall', 'a', 7, '0000000000000001', ?1, ?2)",
                    params![hour, numbers(committed)],
                )
                .expect("as an earlier version wrote it");
        }
        assert_eq!(read(&connection, 0).expect("readable before any collector opened it").len(), 2);
        let mut receipts = Receipts::load(&connection).expect("brought up to date");
        assert_eq!(receipts.all()[&of(1)].committed, 130);
        receipts.of(&of(1)).committed = 140;
        receipts.save(&connection, Timestamp(9 * HOUR_MS)).expect("written");
        assert_eq!(Receipts::load(&connection).expect("readable").all()[&of(1)].committed, 140);
    }

    #[test]
    fn losses_of_a_meter_and_time_are_those_that_meet_it_and_those_that_name_no_meter() {
        let connection = Connection::open_in_memory().expect("a store");
        let mut receipts = Receipts::load(&connection).expect("empty");
        // 5 ms each, from these instants on.
        for (meter, from) in [("m", 59_995), ("m", DAY_MS), ("m", 3 * DAY_MS), ("n", DAY_MS)] {
            receipts.lose(&of(1), loss(meter, from, 3, LossCause::Thinned));
        }
        receipts.lose(&of(1), Loss { meter: None, ..loss("m", DAY_MS + 9, 2, LossCause::Damaged) });
        receipts.save(&connection, Timestamp(0)).expect("written");
        let key =
            |site: &str| MeterKey { site: site.parse().expect("name"), meter: "m".parse().expect("name") };
        let minute = |ms: i64| Timestamp(ms).minute();
        let of_time = |site: &str, from: i64, to: i64| {
            let all = read_losses_of(&connection, &key(site), Interval::new(minute(from), minute(to)));
            let told = |of: MeterLoss| (of.loss.from.0, of.loss.meter.is_some(), of.loss.readings);
            all.expect("readable").into_iter().map(told).collect::<Vec<_>>()
        };
        let second_day = [(DAY_MS, true, 3), (DAY_MS + 9, false, 2)];
        assert_eq!(of_time("hall", DAY_MS, DAY_MS + 60_000), second_day);
        assert_eq!(of_time("hall", 60_000, DAY_MS), [(59_995, true, 3)], "its last instant is in the time");
        assert_eq!(of_time("hall", 120_000, DAY_MS), []);
        assert_eq!(of_time("other", 0, 9 * DAY_MS), []);
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
