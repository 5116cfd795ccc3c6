//! The readings of each meter: those on disk by day, and those that are only in the journal so far.

use crate::store::{self, MeterId, StoreError};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};
use wattledger_model::reading::Reading;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

const DAY_MS: i64 = DAY_MINUTES * MINUTE_MS;

/// Readings that are in the journal and not yet in the raw store.
#[derive(Debug, Default)]
pub struct Pending {
    by_meter: HashMap<MeterId, BTreeMap<Timestamp, Reading>>,
    count: usize,
}

/// What became of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It may change the ledger.
    New,
    /// The same was there already.
    Duplicate,
    /// Another value was there for the same instant, and precedence decided.
    Conflict,
}

impl Pending {
    /// Takes a reading in; of two for one instant the one with precedence stays.
    pub fn insert(&mut self, meter: MeterId, reading: Reading) -> Taken {
        match self.by_meter.entry(meter).or_default().entry(reading.at) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(reading);
                self.count += 1;
                Taken::New
            }
            std::collections::btree_map::Entry::Occupied(mut there) => {
                let same = there.get().value.cmp_value(reading.value).is_eq();
                if reading.precedence(there.get()).is_gt() {
                    there.insert(reading);
                }
                if same { Taken::Duplicate } else { Taken::Conflict }
            }
        }
    }

    /// Number of readings waiting.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Forgets all: they are in the raw store now.
    pub fn clear(&mut self) {
        self.by_meter.clear();
        self.count = 0;
    }

    /// The waiting readings by meter and UTC day.
    pub fn by_day(&self) -> impl Iterator<Item = (MeterId, i64, Vec<Reading>)> + '_ {
        self.by_meter.iter().flat_map(|(meter, readings)| {
            let mut days: BTreeMap<i64, Vec<Reading>> = BTreeMap::new();
            for reading in readings.values() {
                days.entry(day_of(reading.at)).or_default().push(*reading);
            }
            days.into_iter().map(|(day, readings)| (*meter, day, readings))
        })
    }

    fn days(&self, meter: MeterId, from: i64, to: i64) -> Vec<Reading> {
        let Some(readings) = self.by_meter.get(&meter) else { return Vec::new() };
        let range = Timestamp(from.saturating_mul(DAY_MS))..Timestamp(to.saturating_mul(DAY_MS));
        readings.range(range).map(|(_, reading)| *reading).collect()
    }

    fn nearest_day(&self, meter: MeterId, beyond: i64, direction: Direction) -> Option<i64> {
        let readings = self.by_meter.get(&meter)?;
        let edge = Timestamp(beyond.saturating_mul(DAY_MS));
        let found = match direction {
            Direction::Earlier => readings.range(..edge).next_back(),
            Direction::Later => readings.range(edge..).next(),
        };
        found.map(|(at, _)| day_of(*at))
    }
}

/// Which way to look for more readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Before what is there.
    Earlier,
    /// After what is there.
    Later,
}

/// The UTC day of an instant.
pub fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY_MS)
}

/// Days with readings that are kept of each meter before those that are deleted with age: more than any
/// later reading's meaning can hang on.
const CONTEXT_DAYS: i64 = 16;

/// Deletes the raw readings of days before that of `edge`, without the last [`CONTEXT_DAYS`] of each meter; in
/// a transaction of the caller.
/// Gives how many days were deleted, and the instants before which readings of a meter are not all there.
pub(super) fn forget_before(
    transaction: &Connection,
    edge: Timestamp,
) -> rusqlite::Result<(usize, Vec<(MeterId, Timestamp)>)> {
    const OLD: &str = "FROM raw WHERE day < (SELECT day FROM raw AS kept WHERE kept.meter = raw.meter
        AND kept.day < ?1 ORDER BY day DESC LIMIT 1 OFFSET ?2)";
    let with = params![day_of(edge), CONTEXT_DAYS - 1];
    let meters: Vec<MeterId> = transaction
        .prepare(&format!("SELECT DISTINCT meter {OLD}"))?
        .query_map(with, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let day = Timestamp(day_of(edge) * DAY_MS);
    for meter in &meters {
        store::set_meta(transaction, &format!("{FORGOTTEN}{meter}"), &day.0.to_string())?;
    }
    let days = transaction.execute(&format!("DELETE {OLD}"), with)?;
    Ok((days, meters.into_iter().map(|meter| (meter, day)).collect()))
}

const FORGOTTEN: &str = "raw forgotten before, meter ";

/// What [`forget_before`] noted.
pub fn forgotten(connection: &Connection) -> rusqlite::Result<HashMap<MeterId, Timestamp>> {
    let all: Vec<(String, String)> = connection
        .prepare("SELECT substr(key, length(?1) + 1), value FROM meta WHERE substr(key, 1, length(?1)) = ?1")?
        .query_map([FORGOTTEN], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let noted = |(meter, at): (String, String)| Some((meter.parse().ok()?, Timestamp(at.parse().ok()?)));
    Ok(all.into_iter().filter_map(noted).collect())
}

/// Merges readings into a sorted list, keeping one for each instant by precedence.
pub fn merge(mut all: Vec<Reading>, more: impl IntoIterator<Item = Reading>) -> Vec<Reading> {
    all.extend(more);
    all.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| b.precedence(a)));
    all.dedup_by_key(|reading| reading.at);
    all
}

/// Some consecutive days of one meter's readings, which can be extended either way.
pub struct Loaded<'a> {
    connection: &'a Connection,
    pending: &'a Pending,
    meter: MeterId,
    /// Days `[from, to)` are loaded.
    from: i64,
    to: i64,
    /// Sorted by instant, one each.
    pub readings: Vec<Reading>,
    /// How many days the next extension takes: it doubles, for meters that are read rarely.
    stride: i64,
}

impl<'a> Loaded<'a> {
    /// Loads the days of `[from, to]`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn days(
        connection: &'a Connection,
        pending: &'a Pending,
        meter: MeterId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Loaded<'a>, StoreError> {
        let (from, to) = (day_of(from), day_of(to) + 1);
        let mut loaded = Loaded { connection, pending, meter, from, to, readings: Vec::new(), stride: 1 };
        loaded.readings = loaded.read(from, to)?;
        Ok(loaded)
    }

    fn read(&self, from: i64, to: i64) -> Result<Vec<Reading>, StoreError> {
        let failed = |source| StoreError::Sqlite { path: "ledger.sqlite".into(), source };
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT day, block FROM raw WHERE meter = ?1 AND day >= ?2 AND day < ?3 ORDER BY day",
            )
            .map_err(failed)?;
        let mut rows = statement.query(params![self.meter, from, to]).map_err(failed)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let day: i64 = row.get(0).map_err(failed)?;
            let block = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
            let readings = store::raw::decode(block).map_err(|source| StoreError::Block {
                what: format!("raw readings of meter {} on day {day}", self.meter),
                source,
            })?;
            all.extend(readings);
        }
        let waiting = self.pending.days(self.meter, from, to);
        Ok(if waiting.is_empty() { all } else { merge(all, waiting) })
    }

    /// Loads further days that way; `false` where there are none.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn extend(&mut self, direction: Direction) -> Result<bool, StoreError> {
        let stored = match direction {
            Direction::Earlier => "SELECT max(day) FROM raw WHERE meter = ?1 AND day < ?2",
            Direction::Later => "SELECT min(day) FROM raw WHERE meter = ?1 AND day >= ?2",
        };
        let edge = if direction == Direction::Earlier { self.from } else { self.to };
        let stored: Option<i64> = self
            .connection
            .prepare_cached(stored)
            .and_then(|mut statement| statement.query_row(params![self.meter, edge], |row| row.get(0)))
            .map_err(|source| StoreError::Sqlite { path: "ledger.sqlite".into(), source })?;
        let waiting = self.pending.nearest_day(self.meter, edge, direction);
        let all = [stored, waiting].into_iter().flatten();
        let nearest = if direction == Direction::Earlier { all.max() } else { all.min() };
        let Some(nearest) = nearest else { return Ok(false) };
        match direction {
            Direction::Earlier => {
                let from = nearest - self.stride + 1;
                let mut earlier = self.read(from, self.from)?;
                earlier.append(&mut self.readings);
                self.readings = earlier;
                self.from = from;
            }
            Direction::Later => {
                let to = nearest + self.stride;
                let later = self.read(self.to, to)?;
                self.readings.extend(later);
                self.to = to;
            }
        }
        self.stride *= 2;
        Ok(true)
    }
}
