//! When a meter spoke and since when its register stands still, around any instant: from the raw readings.
//!
//! Of readings that are in the journal alone only each meter's newest is seen; a running collector moves them to the
//! raw store every half minute. Days are kept as they were read until somebody writes to the store, so that a year can
//! be gone through minute by minute.

use super::{View, failed};
use crate::engine::reread;
use crate::store::{self, MeterId, StoreError};
use rusqlite::{OptionalExtension, params};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use wattledger_model::batch::AgentKey;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Incarnation, Reading};
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, MINUTE_MS, Minute, Timestamp};
use wattledger_model::unit::Unit;

const DAY_MS: i64 = DAY_MINUTES * MINUTE_MS;
/// Readings of the days that are kept: a day of a thousand meters that are read every ten seconds.
const MOST_READINGS: usize = 8_640_000;

/// The newest readings of a meter at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LastWords {
    /// Of the newest; `None` where it had not spoken.
    pub(crate) newest: Option<Timestamp>,
    /// Of the one before it.
    pub(crate) second: Option<Timestamp>,
    /// The spool that the newest one in the raw store came by; `None` where an agent is not known to have brought it.
    pub(crate) incarnation: Option<Incarnation>,
}

/// A time in which all readings of a register show the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The first of these readings.
    pub(crate) since: Timestamp,
    /// The last of them.
    pub(crate) until: Timestamp,
    /// The power of ten of the finest place in which they were written.
    pub(crate) finest: i8,
    /// About what they show: what the register showed last on the last of their days.
    pub(crate) about: Decimal,
    /// The unit they were sent in.
    pub(crate) unit: Option<Unit>,
}

/// The readings of one meter and UTC day.
#[derive(Debug, Default)]
struct Day {
    /// Milliseconds into the day, ascending.
    instants: Box<[u32]>,
    /// Positions of the readings that show something else than the one before, which is in this day as well.
    moves: Box<[u32]>,
    /// Positions from which on readings came by another spool.
    origins: Box<[(u32, Option<Incarnation>)]>,
    /// What the first and the last one show.
    ends: Option<[(Decimal, Option<Unit>); 2]>,
    /// The power of ten of the finest place in which one was written.
    finest: i8,
    /// The last day before this one with readings.
    previous: Option<i64>,
}

impl Day {
    fn of(readings: &[Reading], previous: Option<i64>) -> Day {
        let shown = |reading: &Reading| (reading.value, reading.unit);
        let mut origins: Vec<(u32, Option<Incarnation>)> = Vec::new();
        for (position, reading) in (0..).zip(readings) {
            let by = reading.intake.map(|intake| intake.incarnation);
            if origins.last().is_none_or(|(_, last)| *last != by) {
                origins.push((position, by));
            }
        }
        let moves = (1..).zip(readings.windows(2));
        Day {
            // A day has fewer milliseconds than u32 counts.
            instants: readings.iter().map(|reading| reading.at.0.rem_euclid(DAY_MS) as u32).collect(),
            moves: moves
                .filter(|(_, pair)| !is_same(shown(&pair[0]), shown(&pair[1])))
                .map(|(position, _)| position)
                .collect(),
            origins: origins.into(),
            ends: readings.first().zip(readings.last()).map(|(first, last)| [shown(first), shown(last)]),
            finest: readings.iter().map(|reading| reading.value.normalized().exponent).min().unwrap_or(0),
            previous,
        }
    }

    /// How many readings there are up to an instant, in milliseconds from the begin of the day.
    fn count_to(&self, ms: i64) -> usize {
        self.instants.partition_point(|at| i64::from(*at) <= ms)
    }

    fn incarnation(&self, position: usize) -> Option<Incarnation> {
        let after = self.origins.partition_point(|(from, _)| *from as usize <= position);
        self.origins[..after].last().and_then(|(_, by)| *by)
    }
}

fn is_same(one: (Decimal, Option<Unit>), other: (Decimal, Option<Unit>)) -> bool {
    one.0.cmp_value(other.0) == Ordering::Equal && one.1 == other.1
}

/// What was read of raw readings.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// SQLite's count of what others wrote, as of the last look.
    version: Option<i64>,
    days: HashMap<(MeterId, i64), Arc<Day>>,
    /// Readings in `days`.
    held: usize,
    deleted: HashMap<MeterId, Option<Timestamp>>,
    first: HashMap<MeterId, Option<Timestamp>>,
    agents: Option<HashMap<Incarnation, AgentKey>>,
}

impl View {
    /// At the begin of a round: forgets what was read if anybody wrote since.
    pub(super) fn renew_readings(&mut self) -> Result<(), StoreError> {
        let version: i64 =
            self.connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(failed)?;
        if self.readings.version != Some(version) {
            self.readings = Readings { version: Some(version), ..Readings::default() };
        }
        Ok(())
    }

    /// The newest readings of a meter with a time at or before an instant; `None` where raw readings of then were
    /// deleted with age, so that it cannot be said.
    pub(crate) fn last_words(
        &mut self,
        meter: MeterId,
        at: Timestamp,
    ) -> Result<Option<LastWords>, StoreError> {
        if self.deleted_before(meter)?.is_some_and(|edge| at < edge) {
            return Ok(None);
        }
        let mut found: Vec<Timestamp> = Vec::with_capacity(3);
        let mut incarnation = None;
        let mut next = Some(at.0.div_euclid(DAY_MS));
        while let Some(day) = next.filter(|_| found.len() < 2) {
            let held = self.day_of_readings(meter, day)?;
            let end = held.count_to(at.0 - day * DAY_MS);
            for position in (end.saturating_sub(2 - found.len())..end).rev() {
                if found.is_empty() {
                    incarnation = held.incarnation(position);
                }
                found.push(Timestamp(day * DAY_MS + i64::from(held.instants[position])));
            }
            next = held.previous;
        }
        let heard = self.newest(meter).filter(|newest| *newest <= at);
        if let Some(newest) = heard.filter(|newest| found.first().is_none_or(|first| first < newest)) {
            found.insert(0, newest);
        }
        Ok(Some(LastWords { newest: found.first().copied(), second: found.get(1).copied(), incarnation }))
    }

    /// Since when a register had shown what it showed at an instant, looked back for at most about `reach_ms`; `None`
    /// where no reading of then is there.
    pub(crate) fn standing(
        &mut self,
        meter: MeterId,
        at: Timestamp,
        reach_ms: i64,
    ) -> Result<Option<Standing>, StoreError> {
        if self.deleted_before(meter)?.is_some_and(|edge| at < edge) {
            return Ok(None);
        }
        let mut next = Some(at.0.div_euclid(DAY_MS));
        let mut found: Option<(Standing, (Decimal, Option<Unit>))> = None;
        while let Some(day) = next {
            let held = self.day_of_readings(meter, day)?;
            next = held.previous;
            let end = held.count_to(at.0 - day * DAY_MS);
            let Some([first, last]) = held.ends.filter(|_| end > 0) else { continue };
            let instant = |position: usize| Timestamp(day * DAY_MS + i64::from(held.instants[position]));
            // Only whole days come after the first one that is looked at.
            if found.as_ref().is_some_and(|(_, shown)| !is_same(*shown, last)) {
                break;
            }
            let moved = held.moves.partition_point(|position| (*position as usize) < end);
            let since = held.moves[..moved].last().map_or(0, |position| *position as usize);
            let until = found.as_ref().map_or(instant(end - 1), |(standing, _)| standing.until);
            let finest = found.as_ref().map_or(held.finest, |(standing, _)| standing.finest.min(held.finest));
            let about = found.as_ref().map_or(last.0, |(standing, _)| standing.about);
            let standing = Standing { since: instant(since), until, finest, about, unit: last.1 };
            found = Some((standing, first));
            if moved > 0 || until.0 - standing.since.0 >= reach_ms {
                break;
            }
        }
        Ok(found.map(|(standing, _)| standing))
    }

    /// The first instant of which anything is known of a meter, as far as readings or the ledger go back.
    pub(crate) fn first_word(&mut self, meter: MeterId) -> Result<Option<Timestamp>, StoreError> {
        if let Some(known) = self.readings.first.get(&meter) {
            return Ok(*known);
        }
        let day: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(day) FROM raw WHERE meter = ?1")
            .and_then(|mut s| s.query_row([meter], |row| row.get(0)))
            .map_err(failed)?;
        let mut first = self.first_hour_of(meter, i64::MIN)?.map(|hour| Minute(hour * HOUR_MINUTES).start());
        if let Some(day) = day {
            let held = self.day_of_readings(meter, day)?;
            let said = held.instants.first().map(|ms| Timestamp(day * DAY_MS + i64::from(*ms)));
            // A step's hour begins before the reading that ends it.
            let deleted = self.deleted_before(meter)?.is_some();
            first = if deleted { first.into_iter().chain(said).min() } else { said };
        }
        self.readings.first.insert(meter, first);
        Ok(first)
    }

    /// The agent whose spool this is.
    pub(crate) fn agent_of(&mut self, incarnation: Incarnation) -> Result<Option<AgentKey>, StoreError> {
        if self.readings.agents.is_none() {
            self.readings.agents = Some(self.spools()?);
        }
        Ok(self.readings.agents.as_ref().and_then(|agents| agents.get(&incarnation)).cloned())
    }

    fn spools(&self) -> Result<HashMap<Incarnation, AgentKey>, StoreError> {
        let rows: Vec<(String, String, i64, String)> = self
            .connection
            .prepare_cached("SELECT site, name, started_ms, incarnation FROM agent")
            .and_then(|mut s| {
                s.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?.collect()
            })
            .map_err(failed)?;
        let known = |(site, agent, started, id): (String, String, i64, String)| {
            let key = AgentKey { site: site.parse().ok()?, agent: agent.parse().ok()? };
            Some((Incarnation { started: Timestamp(started), id: u64::from_str_radix(&id, 16).ok()? }, key))
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }

    fn deleted_before(&mut self, meter: MeterId) -> Result<Option<Timestamp>, StoreError> {
        if let Some(known) = self.readings.deleted.get(&meter) {
            return Ok(*known);
        }
        let edge = reread::deleted_before(&self.connection, meter)?;
        self.readings.deleted.insert(meter, edge);
        Ok(edge)
    }

    fn day_of_readings(&mut self, meter: MeterId, day: i64) -> Result<Arc<Day>, StoreError> {
        if let Some(known) = self.readings.days.get(&(meter, day)) {
            return Ok(Arc::clone(known));
        }
        let previous: Option<i64> = self
            .connection
            .prepare_cached("SELECT day FROM raw WHERE meter = ?1 AND day < ?2 ORDER BY day DESC LIMIT 1")
            .and_then(|mut s| s.query_row(params![meter, day], |row| row.get(0)).optional())
            .map_err(failed)?;
        let block = store::raw_block(&self.connection, meter, day).map_err(failed)?;
        let readings = block.map_or(Ok(Vec::new()), |block| {
            store::raw::decode(&block).map_err(|source| StoreError::Block {
                what: format!("raw readings of meter {meter} on day {day}"),
                source,
            })
        })?;
        let held = Arc::new(Day::of(&readings, previous));
        if self.readings.held + readings.len() > MOST_READINGS {
            // Whoever goes through time needs the days at hand again, and those long past no more.
            self.readings.days.retain(|(_, of), _| (day - 1..=day + 1).contains(of));
            self.readings.held = self.readings.days.values().map(|held| held.instants.len()).sum();
        }
        self.readings.held += readings.len();
        self.readings.days.insert((meter, day), Arc::clone(&held));
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::hall::{Hall, at};

    const TABLES: &str = "
[[meter]]
name = \"register\"
kind = \"register\"
unit = \"kWh\"
rated_power = \"1 MW\"
[[meter]]
name = \"silent\"
kind = \"gauge\"
";

    /// The register, read at these times.
    fn hall(readings: &[(&str, f64)]) -> Hall {
        let mut hall = Hall::new(TABLES);
        for (time, value) in readings {
            hall.take(&[("register", at(time), *value, "kWh", None)]);
        }
        hall
    }

    fn opened(hall: &Hall) -> (View, MeterId, MeterId) {
        let mut view = hall.view();
        view.begin().expect("a round");
        let id = |name: &str| {
            let known =
                view.topology().meters.values().find(|known| known.declared.key.meter.as_str() == name);
            known.expect("declared").id
        };
        let (register, silent) = (id("register"), id("silent"));
        (view, register, silent)
    }

    #[test]
    fn the_newest_two_readings_are_found_on_whatever_day_they_lie() {
        let times = ["2026-06-01T10:00:00Z", "2026-06-04T23:59:59.999Z", "2026-06-05T00:00:00Z"];
        let hall = hall(&times.map(|time| (time, 5.0)));
        let (mut view, register, silent) = opened(&hall);
        let mut words = |meter, time: &str| {
            let words = view.last_words(meter, at(time)).expect("readable").expect("not deleted");
            (words.newest, words.second)
        };
        let [first, second, third] = times.map(at);
        assert_eq!(words(register, "2026-06-01T09:59:59.999Z"), (None, None));
        assert_eq!(words(register, "2026-06-01T10:00:00Z"), (Some(first), None));
        assert_eq!(words(register, "2026-06-04T12:00:00Z"), (Some(first), None));
        assert_eq!(words(register, "2026-06-04T23:59:59.999Z"), (Some(second), Some(first)));
        assert_eq!(words(register, "2026-06-05T00:00:00Z"), (Some(third), Some(second)));
        assert_eq!(words(register, "2026-07-01T00:00:00Z"), (Some(third), Some(second)));
        assert_eq!(words(silent, "2026-07-01T00:00:00Z"), (None, None));
        assert_eq!(view.first_word(register).expect("readable"), Some(first));
        assert_eq!(view.first_word(silent).expect("readable"), None);
    }

    #[test]
    fn a_reading_that_comes_is_seen_in_the_next_round() {
        let mut hall = hall(&[("2026-06-01T10:00:00Z", 5.0)]);
        let (mut view, register, _) = opened(&hall);
        let noon = at("2026-06-01T12:00:00Z");
        let newest = |view: &mut View| {
            view.last_words(register, noon).expect("readable").and_then(|words| words.newest)
        };
        assert_eq!(newest(&mut view), Some(at("2026-06-01T10:00:00Z")));
        view.end().expect("ended");
        // Later than one that is there already, and earlier than the newest of all.
        hall.take(&[("register", at("2026-06-01T13:00:00Z"), 7.0, "kWh", None)]);
        hall.take(&[("register", at("2026-06-01T11:00:00Z"), 6.0, "kWh", None)]);
        view.begin().expect("a round");
        assert_eq!(newest(&mut view), Some(at("2026-06-01T11:00:00Z")));
    }

    #[test]
    fn a_register_stands_from_the_first_reading_that_shows_what_the_last_one_does() {
        let hall = hall(&[
            ("2026-06-01T10:00:00Z", 5.0),
            ("2026-06-01T23:00:00Z", 5.25),
            ("2026-06-01T23:30:00Z", 5.25),
            ("2026-06-02T00:10:00Z", 5.25),
            ("2026-06-02T01:00:00Z", 5.25),
            ("2026-06-02T01:10:00Z", 6.0),
            ("2026-06-03T01:10:00Z", 7.0),
        ]);
        let (mut view, register, silent) = opened(&hall);
        let reach = 40 * 3_600_000;
        let mut standing = |time: &str| view.standing(register, at(time), reach).expect("readable");
        let of = |found: Option<Standing>| found.map(|found| (found.since, found.until));
        let pair = |since: &str, until: &str| Some((at(since), at(until)));
        assert_eq!(of(standing("2026-06-01T09:00:00Z")), None);
        let at_one = standing("2026-06-02T01:09:00Z");
        assert_eq!(of(at_one), pair("2026-06-01T23:00:00Z", "2026-06-02T01:00:00Z"));
        assert_eq!(at_one.map(|found| (found.finest, found.unit)), Some((-2, "kWh".parse().ok())));
        assert_eq!(
            of(standing("2026-06-02T00:00:00Z")),
            pair("2026-06-01T23:00:00Z", "2026-06-01T23:30:00Z")
        );
        assert_eq!(
            of(standing("2026-06-02T01:10:00Z")),
            pair("2026-06-02T01:10:00Z", "2026-06-02T01:10:00Z")
        );
        assert_eq!(
            of(standing("2026-06-03T00:00:00Z")),
            pair("2026-06-02T01:10:00Z", "2026-06-02T01:10:00Z")
        );
        assert_eq!(
            of(standing("2026-06-03T02:00:00Z")),
            pair("2026-06-03T01:10:00Z", "2026-06-03T01:10:00Z")
        );
        assert_eq!(view.standing(silent, at("2026-06-03T02:00:00Z"), reach).expect("readable"), None);
    }
}
