//! Local days of single meters: which are over, and which must be written again.
//!
//! The meters of a site whose days begin at the same instants go together: those that are shown with a facility by the
//! site's clocks, others by UTC. A day of a meter is written once readings of any of them have come in for an hour after
//! its end, whether or not anything is known of it, if the meter said anything on it or before. What changes of a
//! day that was written writes it again in the same round, so the cursor of changed hours is the memory of that.

use super::cursor::{Cursor, holds, ranges};
use super::plan::dates;
use crate::store::{MeterId, StoreError};
use crate::topology::{KnownMeter, Topology};
use crate::view::{Changed, View};
use std::collections::{BTreeMap, HashMap};
use wattledger_model::calendar::Tz;
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, Minute};

/// How long after its end a day is waited for.
const WAITED: i64 = HOUR_MINUTES;
/// Days of meters that one round writes at most of those that are over.
const ROUND_DAYS: usize = 500;
/// A group that is written to within this time of its newest reading keeps up with it.
const KEEPS_UP_MINUTES: i64 = 2 * DAY_MINUTES;
/// Days of which it is remembered what of the ledger is in them.
const MOST_WRITTEN: usize = 100_000;

/// Meters whose days begin at the same instants.
struct Group {
    name: String,
    zone: Tz,
    meters: Vec<MeterId>,
    under_way: Option<UnderWay>,
}

/// A day that is being written.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    day: Interval,
    /// How many of the meters are.
    done: usize,
    /// Whether an earlier run may have written it.
    may_repeat: bool,
}

/// A day of a meter that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Over {
    pub(crate) meter: MeterId,
    pub(crate) day: Interval,
    /// Whether an earlier run may have written it.
    pub(crate) may_repeat: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct MeterDays {
    groups: Vec<Group>,
    group_of: HashMap<MeterId, usize>,
    /// The first hour of which a meter said anything.
    first: HashMap<MeterId, Option<i64>>,
    /// By meter and first minute, the change number of the ledger that a day was written from.
    written: HashMap<(MeterId, Minute), u64>,
}

/// The time zone that a meter's days are in, and the name of its group.
pub(crate) fn clock(topology: &Topology, known: &KnownMeter) -> (String, Tz) {
    let site = &known.declared.key.site;
    let zone = match topology.sites.get(site) {
        Some((zone, _)) if known.declared.facility.is_some() => *zone,
        _ => Tz::UTC,
    };
    (format!("{site} {zone}"), zone)
}

impl MeterDays {
    /// The groups of a topology; nothing is known of what was written.
    pub(crate) fn new(topology: &Topology) -> MeterDays {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for (id, known) in &topology.meters {
            let (name, zone) = clock(topology, known);
            let group = Group { name: name.clone(), zone, meters: Vec::new(), under_way: None };
            groups.entry(name).or_insert(group).meters.push(*id);
        }
        let mut days = MeterDays::default();
        for (at, mut group) in groups.into_values().enumerate() {
            group.meters.sort_unstable();
            days.group_of.extend(group.meters.iter().map(|meter| (*meter, at)));
            days.groups.push(group);
        }
        days
    }

    /// Forgets what was written, and takes the groups into a cursor. Gives the meters that came into a group of which
    /// days are written already.
    pub(crate) fn go_on_from(&mut self, cursor: &mut Cursor) -> Vec<MeterId> {
        self.first.clear();
        self.written.clear();
        cursor.days.retain(|name, _| self.groups.iter().any(|group| group.name == *name));
        let mut joined = Vec::new();
        for group in &mut self.groups {
            group.under_way = None;
            let known = cursor.days.entry(group.name.clone()).or_default();
            let new = group.meters.iter().filter(|meter| !holds(&known.meters, **meter));
            if known.until.is_some() {
                joined.extend(new.copied());
            }
            known.meters = ranges(group.meters.iter().copied());
        }
        joined
    }

    /// The days that a changed hour writes again, as far as they are published: those it lies in, and where nothing
    /// is known after one of them, those up to the next of which anything is. Each with whether there is such a day at
    /// all: before the meter's first there is none, and none any more where that moved on.
    pub(crate) fn touched(
        &mut self,
        changed: Changed,
        head: u64,
        cursor: &Cursor,
        view: &View,
    ) -> Result<Vec<(Interval, bool)>, StoreError> {
        let Some(group) = self.group_of.get(&changed.meter).map(|at| &self.groups[*at]) else {
            return Ok(Vec::new());
        };
        let Some(until) = group.edge(cursor) else { return Ok(Vec::new()) };
        let hour =
            Interval::new(Minute(changed.hour * HOUR_MINUTES), Minute((changed.hour + 1) * HOUR_MINUTES));
        if hour.from >= until {
            return Ok(Vec::new());
        }
        let zone = group.zone;
        let mut touched = Vec::new();
        for day in dates(zone, hour).filter(|day| day.to <= until) {
            if self.is_written(changed.meter, day, changed.change) {
                continue;
            }
            touched.push(day);
            let next = view.first_hour_of(changed.meter, day.to.hour())?;
            let next = next.map_or(until, |hour| Minute(hour * HOUR_MINUTES).max(day.to));
            let silent =
                dates(zone, Interval::new(day.to, until)).take_while(|day| day.to <= next.min(until));
            for day in silent {
                if !self.is_written(changed.meter, day, changed.change) {
                    touched.push(day);
                }
            }
        }
        if !touched.is_empty() {
            // It may be earlier than what was known.
            self.first.remove(&changed.meter);
        }
        let first = if touched.is_empty() { None } else { self.first_minute(changed.meter, view)? };
        touched.iter().for_each(|day| self.note(changed.meter, *day, head));
        Ok(touched.into_iter().map(|day| (day, first.is_some_and(|first| first < day.to))).collect())
    }

    /// The time zone of a meter's days, and the minute edge up to which they are over.
    pub(super) fn over_up_to(&self, meter: MeterId, view: &View) -> Option<(Tz, Minute)> {
        let group = &self.groups[*self.group_of.get(&meter)?];
        Some((group.zone, group.horizon(view)?))
    }

    /// The minute edge up to which a meter's days are written.
    pub(super) fn written_up_to(&self, meter: MeterId, cursor: &Cursor) -> Option<Minute> {
        self.groups[*self.group_of.get(&meter)?].edge(cursor)
    }

    fn is_written(&self, meter: MeterId, day: Interval, change: u64) -> bool {
        self.written.get(&(meter, day.from)).is_some_and(|head| *head >= change)
    }

    fn note(&mut self, meter: MeterId, day: Interval, head: u64) {
        if self.written.len() >= MOST_WRITTEN {
            self.written.clear();
        }
        self.written.insert((meter, day.from), head);
    }

    /// Days that are over by now, some of them; and whether they go further than any before. The cursor moves on with a
    /// day once all of its group are given.
    pub(crate) fn over(
        &mut self,
        head: u64,
        cursor: &mut Cursor,
        view: &View,
    ) -> Result<(Vec<Over>, bool), StoreError> {
        let caught_up = cursor.cursor == head && cursor.late.is_none();
        let (mut due, mut further, mut room) = (Vec::new(), false, ROUND_DAYS);
        for at in 0..self.groups.len() {
            while room > 0 {
                let Some(UnderWay { day, done, may_repeat }) = self.next_day(at, caught_up, cursor, view)?
                else {
                    break;
                };
                let known = cursor.days.entry(self.groups[at].name.clone()).or_default();
                further |= known.attempted.is_none_or(|attempted| attempted < day.to.0);
                known.attempted = known.attempted.max(Some(day.to.0));
                let meters: Vec<MeterId> =
                    self.groups[at].meters[done..].iter().copied().take(room).collect();
                room -= meters.len();
                let done = done + meters.len();
                if done == self.groups[at].meters.len() {
                    known.until = Some(day.to.0);
                    self.groups[at].under_way = None;
                } else {
                    self.groups[at].under_way = Some(UnderWay { day, done, may_repeat });
                }
                for meter in meters {
                    let has_begun = self.first_minute(meter, view)?.is_some_and(|first| first < day.to);
                    if has_begun && !self.is_written(meter, day, head) {
                        self.note(meter, day, head);
                        due.push(Over { meter, day, may_repeat });
                    }
                }
            }
        }
        Ok((due, further))
    }

    /// The day of a group that is to be written next.
    fn next_day(
        &mut self,
        at: usize,
        caught_up: bool,
        cursor: &Cursor,
        view: &View,
    ) -> Result<Option<UnderWay>, StoreError> {
        let group = &self.groups[at];
        if group.under_way.is_some() {
            return Ok(group.under_way);
        }
        let Some(horizon) = group.horizon(view) else { return Ok(None) };
        let known = cursor.days.get(&group.name);
        let (until, attempted) = known.map_or((None, None), |known| (known.until, known.attempted));
        let keeps_up = until.is_some_and(|until| horizon.0 - until <= KEEPS_UP_MINUTES);
        if !caught_up && !keeps_up {
            return Ok(None);
        }
        let zone = group.zone;
        let from = match until {
            Some(until) => Minute(until),
            None => {
                let mut first: Option<Minute> = None;
                for meter in group.meters.clone() {
                    first = first.into_iter().chain(self.first_minute(meter, view)?).min();
                }
                let Some(first) = first else { return Ok(None) };
                first
            }
        };
        let Some(day) = day_of(zone, from).filter(|day| day.to <= horizon) else { return Ok(None) };
        let may_repeat = attempted.is_some_and(|attempted| day.from.0 < attempted);
        Ok(Some(UnderWay { day, done: 0, may_repeat }))
    }

    fn first_minute(&mut self, meter: MeterId, view: &View) -> Result<Option<Minute>, StoreError> {
        let first = match self.first.get(&meter) {
            // What said nothing so far may have begun.
            Some(Some(first)) => Some(*first),
            Some(None) | None => view.first_hour_of(meter, i64::MIN)?,
        };
        self.first.insert(meter, first);
        Ok(first.map(|hour| Minute(hour * HOUR_MINUTES)))
    }

    /// Whether any day is over that is not written.
    pub(crate) fn is_behind(&self, cursor: &Cursor, view: &View) -> bool {
        self.groups.iter().any(|group| {
            let Some(horizon) = group.horizon(view) else { return false };
            let until = cursor.days.get(&group.name).and_then(|known| known.until);
            let next = until.and_then(|until| day_of(group.zone, Minute(until)));
            group.under_way.is_some() || next.is_some_and(|day| day.to <= horizon)
        })
    }
}

impl Group {
    /// An hour before the newest reading of any of the meters.
    fn horizon(&self, view: &View) -> Option<Minute> {
        let newest = self.meters.iter().filter_map(|meter| view.newest(*meter)).max()?;
        Some(Minute(newest.minute().0 - WAITED))
    }

    /// The end of the last day of which anything is written.
    fn edge(&self, cursor: &Cursor) -> Option<Minute> {
        let under_way = self.under_way.map(|under_way| under_way.day.to);
        under_way.or_else(|| cursor.days.get(&self.name)?.until.map(Minute))
    }
}

/// The local date that a minute is of.
fn day_of(zone: Tz, minute: Minute) -> Option<Interval> {
    dates(zone, Interval::new(minute, Minute(minute.0 + 1))).next()
}
