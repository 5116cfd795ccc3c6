//! What the ledger says that a database must hold: made by what makes the output's points, and no other way.

use super::asked::{Scope, SeriesFilter};
use super::error::CheckError;
use super::parsed::{Identity, Line};
use crate::config::CollectorConfig;
use crate::engine::reread;
use crate::outputs::influx::catalog::{self, Measurement};
use crate::outputs::influx::cursor::{Cursor, Published, Spans, holds};
use crate::outputs::influx::days::MeterDays;
use crate::outputs::influx::definition::{self, definition};
use crate::outputs::influx::line::Series;
use crate::outputs::influx::plan::{Plan, Task, dates};
use crate::outputs::influx::points::{Erasure, FacilityPoints, MeterPoints, Numbering, Points, Repeated};
use crate::outputs::influx::run::address;
use crate::outputs::remembered;
use crate::store::{self, Layout, MeterId, StoreError};
use crate::topology::{self, Topology};
use crate::view::{Changed, View};
use rusqlite::{Connection, OpenFlags, params};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Minute};

const HOUR_MS: i64 = HOUR_MINUTES * MINUTE_MS;
/// Points that are compared at a time, about: so that a year takes no more memory than a day.
const SLICE_POINTS: i64 = 150_000;
/// Points of a facility in an hour, about.
const FACILITY_POINTS: i64 = 2_000;
const LONGEST_SLICE_HOURS: i64 = 7 * 24;
/// Changed hours that are told apart; where there are more, the output is far behind.
const MOST_CHANGED: usize = 20_000;

/// Times of points, `[from, to)`, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

impl Slice {
    pub(super) fn contains(self, at_ms: i64) -> bool {
        (self.from_ms..self.to_ms).contains(&at_ms)
    }
}

/// One point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) at_ms: i64,
    /// Its fields as they are written.
    pub(super) fields: Box<str>,
    /// Whether the output has still to write it, or to write it again.
    pub(super) is_waiting: bool,
}

/// The points of a series, ascending.
#[derive(Debug)]
pub(super) struct OfSeries {
    pub(super) of: Arc<Identity>,
    /// Measurement and tags as they are written.
    pub(super) key: Box<str>,
    pub(super) points: Vec<Point>,
}

/// All points of a slice.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) series: Vec<OfSeries>,
    /// The place of each series.
    pub(super) places: HashMap<Arc<Identity>, usize>,
    /// What the output would delete first, if it knew nothing of what it has written.
    pub(super) erasures: Vec<Erasure>,
}

/// How far ledger and output are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct State {
    /// The ledger's change number.
    pub(super) head: u64,
    /// What the output remembers; `None` where it has not written to this database yet.
    pub(super) cursor: Option<Cursor>,
    /// Up to where each facility is known.
    pub(super) horizons: Vec<Option<Minute>>,
    /// Minutes of each facility that changed after what the output has written.
    changed: Arc<Vec<Spans>>,
}

/// The ledger, as the output looks at it.
pub(super) struct Ledger {
    view: View,
    topology: Arc<Topology>,
    meters: Vec<(MeterId, MeterPoints, bool)>,
    days: MeterDays,
    facilities: Vec<FacilityPoints>,
    definitions: Vec<u32>,
    /// The meters that points of each facility look at.
    looked_at: Vec<BTreeSet<MeterId>>,
    /// Every series that the configuration has.
    known: HashMap<Arc<Identity>, Arc<Series>>,
    layout: Layout,
    output: String,
    address: u32,
    /// What changed since which change number, up to which.
    changed: (u64, u64, Arc<Vec<Spans>>),
    /// Meters whose minutes were made by another configuration than this one.
    pub(super) read_otherwise: usize,
}

impl Ledger {
    /// Opens the store of a configuration to read, beside a running collector or without one.
    pub(super) fn open(config: &CollectorConfig, scope: &Scope) -> Result<Ledger, CheckError> {
        let layout = Layout::new(&config.data_dir);
        let connection = store::open_reader(&layout)?;
        let (meters, otherwise) = reread::meters(&connection, &topology::interpretations(config))?;
        let topology = Arc::new(Topology::compile(config, |key| meters.id(key)));
        let view = View::open(&layout, Arc::clone(&topology))?;
        let mut numbering = Numbering::default();
        let points = topology.meters.iter().map(|(id, known)| {
            let points = MeterPoints::new(known, &mut numbering);
            let key = &known.declared.key;
            (*id, points, scope.series.meter.as_ref().is_none_or(|meter| meter == key))
        });
        let mut points: Vec<_> = points.collect();
        points.sort_unstable_by_key(|(id, ..)| *id);
        let count = topology.facilities.len();
        let facilities = (0..count).map(|at| FacilityPoints::new(at, &view, &mut numbering)).collect();
        let known = numbering.series.iter().map(|series| (Arc::new(identity(series)), Arc::clone(series)));
        let definitions = topology.facilities.iter().map(|facility| definition(&topology, facility));
        Ok(Ledger {
            view,
            meters: points,
            days: MeterDays::new(&topology),
            facilities,
            definitions: definitions.collect(),
            looked_at: topology.facilities.iter().map(|of| definition::meters(&topology, of)).collect(),
            known: known.collect(),
            layout,
            output: scope.output.name.to_string(),
            changed: (0, 0, Arc::new(vec![Spans::default(); count])),
            address: crc32fast::hash(address(&scope.output).as_bytes()),
            read_otherwise: otherwise.iter().filter(|meter| topology.meters.contains_key(meter)).count(),
            topology,
        })
    }

    /// The series of an identity; `None` where the configuration has no such meter, facility or target.
    pub(super) fn series(&self, of: &Identity) -> Option<&Arc<Series>> {
        self.known.get(of)
    }

    /// Names of the facilities, in the order of [`State::horizons`].
    pub(super) fn facilities(&self) -> impl Iterator<Item = &str> {
        self.topology.facilities.iter().map(|facility| facility.name.as_str())
    }

    /// Whether a facility's points were written by the definition that it has here.
    pub(super) fn is_defined_as(&self, facility: usize, published: &Published) -> bool {
        self.definitions[facility] == published.definition
    }

    /// Cuts a time into slices of bounded content.
    pub(super) fn slices(&self, scope: &Scope, from_ms: i64, to_ms: i64) -> Vec<Slice> {
        let asks = |name: &str| scope.measurements.iter().any(|measurement| measurement.name == name);
        let meters = self.meters.iter().filter(|(.., is_asked)| *is_asked).count() as i64;
        let facilities = match &scope.series.facility {
            Some(_) => 1,
            None => self.facilities.len() as i64,
        };
        let minutes = if asks(catalog::METER.name) { meters * HOUR_MINUTES } else { meters };
        let an_hour = minutes + facilities * FACILITY_POINTS;
        let hours = (SLICE_POINTS / an_hour.max(1)).clamp(1, LONGEST_SLICE_HOURS);
        let length = hours * HOUR_MS;
        let mut slices = Vec::new();
        let mut at = from_ms;
        while at < to_ms {
            let end = ((at.div_euclid(length) + 1) * length).min(to_ms);
            slices.push(Slice { from_ms: at, to_ms: end });
            at = end;
        }
        slices
    }

    /// The time of the ledger's hours, ms; `None` where it has none.
    pub(super) fn span_ms(&mut self) -> Result<Option<(i64, i64)>, StoreError> {
        self.begin()?;
        let hours: Result<Vec<_>, StoreError> =
            self.meters.iter().map(|(meter, ..)| span(&self.view, *meter)).collect();
        self.view.end()?;
        let hours: Vec<(i64, i64)> = hours?.into_iter().flatten().collect();
        let first = hours.iter().map(|(first, _)| *first).min();
        let last = hours.iter().map(|(_, last)| *last).max();
        Ok(first.zip(last).map(|(first, last)| (first * HOUR_MS, (last + 1) * HOUR_MS)))
    }

    /// Whether the output has all of a state in the database, as far as it remembers.
    pub(super) fn is_written(&self, state: &State) -> bool {
        let Some(cursor) = &state.cursor else { return false };
        let is_published =
            |(name, horizon): (&str, &Option<Minute>)| match (horizon, cursor.facilities.get(name)) {
                (Some(horizon), Some(published)) => {
                    published.dirty.is_empty() && published.until.is_some_and(|until| until >= horizon.0)
                }
                (Some(_), None) => false,
                (None, _) => true,
            };
        cursor.cursor >= state.head
            && cursor.late.is_none()
            && self.facilities().zip(&state.horizons).all(is_published)
    }

    /// Begins to look at the latest state.
    pub(super) fn begin(&mut self) -> Result<State, StoreError> {
        let head = self.view.begin()?;
        let horizons = (0..self.facilities.len()).map(|facility| self.view.horizon(facility)).collect();
        let cursor = self.cursor()?;
        let changed = self.changed_since(cursor.as_ref().map_or(head, |cursor| cursor.cursor), head)?;
        Ok(State { head, cursor, horizons, changed })
    }

    /// Minutes of each facility that changed after a change number.
    fn changed_since(&mut self, since: u64, head: u64) -> Result<Arc<Vec<Spans>>, StoreError> {
        if (self.changed.0, self.changed.1) == (since, head) {
            return Ok(Arc::clone(&self.changed.2));
        }
        let mut spans = vec![Spans::default(); self.facilities.len()];
        let hours = if since < head { self.view.changed_since(since, MOST_CHANGED)? } else { Vec::new() };
        if hours.len() >= MOST_CHANGED {
            let everything = Interval::new(Minute(i64::MIN / 4), Minute(i64::MAX / 4));
            spans.iter_mut().for_each(|spans| spans.add(everything));
        }
        for Changed { meter, hour, .. } in hours.iter().take(MOST_CHANGED) {
            let hour = Interval::new(Minute(hour * HOUR_MINUTES), Minute((hour + 1) * HOUR_MINUTES));
            for (meters, spans) in self.looked_at.iter().zip(&mut spans) {
                if meters.contains(meter) {
                    spans.add(hour);
                }
            }
        }
        self.changed = (since, head, Arc::new(spans));
        Ok(Arc::clone(&self.changed.2))
    }

    /// Lets the state go.
    pub(super) fn end(&mut self) -> Result<(), StoreError> {
        self.view.end()
    }

    /// What the output remembers, if it is of this database. Nothing is changed.
    fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        let path = self.layout.outputs();
        if !path.exists() {
            return Ok(None);
        }
        let failed = |source| StoreError::Sqlite { path: path.clone(), source };
        // As for the ledger: reading a write-ahead log needs write access to its shared-memory file.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        store::schema::prepare(&connection).map_err(failed)?;
        connection.pragma_update(None, "query_only", true).map_err(failed)?;
        let text = remembered::cursor(&connection, &self.output).map_err(failed)?;
        let cursor = text.and_then(|text| serde_json::from_str::<Cursor>(&text).ok());
        Ok(cursor.filter(|cursor| cursor.database == self.address && cursor.version == catalog::VERSION))
    }

    /// The points of a slice in the state that was begun.
    pub(super) fn expected(
        &mut self,
        slice: Slice,
        scope: &Scope,
        state: &State,
    ) -> Result<Expected, StoreError> {
        let mut made = Made { slice, filter: &scope.series, expected: Expected::default() };
        let asks = |of: &[&Measurement]| {
            of.iter().any(|of| scope.measurements.iter().any(|asked| asked.name == of.name))
        };
        if asks(&[&catalog::METER]) {
            self.meter_minutes(slice, state, &mut made)?;
        }
        if asks(&[&catalog::METER_DAY]) {
            self.meter_days(slice, state, &mut made)?;
        }
        for at in 0..self.facilities.len() {
            let name = self.topology.facilities[at].name.as_str();
            if scope.series.facility.as_deref().is_none_or(|asked| asked == name) {
                self.facility(at, slice, state, &asks, &mut made)?;
            }
        }
        let measured = |of: &Identity| scope.measurements.iter().any(|asked| asked.name == of.measurement);
        made.expected.keep(|series| measured(&series.of));
        made.expected.erasures.retain(|erasure| measured(&identity(&erasure.series)));
        for series in &mut made.expected.series {
            series.points.sort_by_key(|point| point.at_ms);
        }
        Ok(made.expected)
    }

    fn meter_minutes(&mut self, slice: Slice, state: &State, made: &mut Made<'_>) -> Result<(), StoreError> {
        let (first, after) =
            (slice.from_ms.div_euclid(HOUR_MS), (slice.to_ms - 1).div_euclid(HOUR_MS).saturating_add(1));
        let everything = Repeated { possible: true, newest: Minute(i64::MAX) };
        let mut waiting = Points::default();
        let mut written = Points::default();
        for (meter, points, is_asked) in &self.meters {
            if !is_asked {
                continue;
            }
            for (hour, change) in hours(&self.view, *meter, first, after)? {
                let Some(minutes) = self.view.meter_hour(*meter, hour)? else { continue };
                let is_waiting = state.waits_for_hour(*meter, change);
                points.hour(hour, &minutes, everything, if is_waiting { &mut waiting } else { &mut written });
            }
        }
        made.take(waiting, true);
        made.take(written, false);
        Ok(())
    }

    fn meter_days(&mut self, slice: Slice, state: &State, made: &mut Made<'_>) -> Result<(), StoreError> {
        let from = Minute(slice.from_ms.div_euclid(MINUTE_MS));
        let (mut waiting, mut written) = (Points::default(), Points::default());
        for (meter, points, is_asked) in &self.meters {
            let Some((zone, over)) = self.days.over_up_to(*meter, &self.view).filter(|_| *is_asked) else {
                continue;
            };
            let Some(first) = self.view.first_hour_of(*meter, i64::MIN)? else { continue };
            let until = state.cursor.as_ref().and_then(|cursor| self.days.written_up_to(*meter, cursor));
            let to = over.min(Minute((slice.to_ms - 1).div_euclid(MINUTE_MS) + 1));
            for day in dates(zone, Interval::new(from, to)) {
                let has_begun = first * HOUR_MINUTES < day.to.0 && day.to <= over;
                if !has_begun || !slice.contains(day.from.start().0) {
                    continue;
                }
                let changed = hours(&self.view, *meter, day.from.hour(), day.to.hour() + 1)?;
                let is_waiting = until.is_none_or(|until| until < day.to)
                    || changed.iter().any(|(_, change)| state.waits_for_hour(*meter, *change));
                let to = if is_waiting { &mut waiting } else { &mut written };
                points.day(day, true, &mut self.view, to)?;
            }
        }
        made.take(waiting, true);
        made.take(written, false);
        Ok(())
    }

    fn facility(
        &mut self,
        at: usize,
        slice: Slice,
        state: &State,
        asks: &dyn Fn(&[&Measurement]) -> bool,
        made: &mut Made<'_>,
    ) -> Result<(), StoreError> {
        let facility = &self.topology.facilities[at];
        let published =
            state.cursor.as_ref().and_then(|cursor| cursor.facilities.get(facility.name.as_str()));
        let published = published.filter(|published| published.definition == self.definitions[at]);
        let Some(horizon) = state.horizons[at] else { return Ok(()) };
        let Some(first) = self.view.first_hour(at)?.map(|hour| hour * HOUR_MINUTES) else { return Ok(()) };
        // A life that once began earlier goes on having begun then.
        let first = published.and_then(|published| published.first).map_or(first, |known| known.min(first));
        let life = Interval::new(Minute(first), horizon);
        let tasks = tasks(life, slice, |changed| Plan::new(facility.zone, changed, horizon, None));
        let (waiting, written): (Vec<Task>, Vec<Task>) =
            tasks.into_iter().filter(|task| asks(measurements(*task))).partition(|task| {
                published.is_none_or(|published| waits_for_task(published, &state.changed[at], *task))
            });
        for (tasks, is_waiting) in [(waiting, true), (written, false)] {
            let mut points = Points::default();
            for task in tasks {
                self.facilities[at].write(task, true, &mut self.view, &mut points)?;
            }
            made.take(points, is_waiting);
        }
        Ok(())
    }
}

/// The tasks of a facility's life whose points bear times of the slice.
fn tasks<P: Iterator<Item = Task>>(
    life: Interval,
    slice: Slice,
    plan: impl FnOnce(Vec<Interval>) -> P,
) -> Vec<Task> {
    let (from, to) = (
        Minute(slice.from_ms.div_euclid(MINUTE_MS)),
        Minute((slice.to_ms - 1).div_euclid(MINUTE_MS).saturating_add(1)),
    );
    // What bears a time looks at the minute there or at the one before; but where a calendar window or a day
    // begins before the facility's life does, at its first minute.
    let begun = from.0.saturating_sub(1).max(life.from.0);
    let changed = Interval::new(Minute(begun), Minute(to.0.min(life.to.0).max(life.from.0 + 1)));
    let at = |task: &Task| task.reach().0.start().0;
    plan(vec![changed]).filter(|task| slice.contains(at(task))).collect()
}

/// What a task writes points of.
fn measurements(task: Task) -> &'static [&'static Measurement] {
    static MINUTE: [&Measurement; 1] = [&catalog::COMPONENT];
    static HOUR: [&Measurement; 2] = [&catalog::ENERGY_HOUR, &catalog::WEATHER];
    static DAY: [&Measurement; 2] = [&catalog::ENERGY_DAY, &catalog::BALANCE];
    static WINDOW: [&Measurement; 3] = [&catalog::INDICATOR, &catalog::TARGET, &catalog::ZONE];
    static BUDGET: [&Measurement; 1] = [&catalog::BUDGET];
    match task {
        Task::Minute(_) => &MINUTE,
        Task::Hour(_) => &HOUR,
        Task::Day(_) => &DAY,
        Task::Window(..) => &WINDOW,
        Task::Budget(_) => &BUDGET,
    }
}

/// Hours of a meter with the change number of each.
fn hours(view: &View, meter: MeterId, first: i64, after: i64) -> Result<Vec<(i64, u64)>, StoreError> {
    view.connection
        .prepare_cached("SELECT hour, change FROM hour WHERE meter = ?1 AND hour >= ?2 AND hour < ?3")
        .and_then(|mut s| {
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64));
            s.query_map(params![meter, first, after], row)?.collect()
        })
        .map_err(|source| StoreError::Sqlite { path: "ledger.sqlite".into(), source })
}

/// The first and the last hour of a meter.
fn span(view: &View, meter: MeterId) -> Result<Option<(i64, i64)>, StoreError> {
    let row = |row: &rusqlite::Row<'_>| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?));
    view.connection
        .prepare_cached("SELECT (SELECT min(hour) FROM hour WHERE meter = ?1), (SELECT max(hour) FROM hour WHERE meter = ?1)")
        .and_then(|mut s| s.query_row([meter], row))
        .map_err(|source| StoreError::Sqlite { path: "ledger.sqlite".into(), source })
}

fn waits_for_task(published: &Published, changed: &Spans, task: Task) -> bool {
    let (_, looks_at) = task.reach();
    let mut again = published.dirty.intervals().chain(changed.intervals());
    published.until.is_none_or(|until| until < looks_at.to.0)
        || again.any(|minutes| !minutes.intersect(looks_at).is_empty())
}

impl State {
    fn waits_for_hour(&self, meter: MeterId, change: u64) -> bool {
        let Some(cursor) = &self.cursor else { return true };
        let is_late =
            cursor.late.as_ref().is_some_and(|late| holds(&late.meters, meter) && change > late.cursor);
        change > cursor.cursor || !holds(&cursor.meters, meter) || is_late
    }
}

fn identity(series: &Series) -> Identity {
    let measurement = series.measurement;
    let tags = measurement.tags.iter().map(|tag| (*tag).to_owned()).zip(series.tags.iter().cloned());
    Identity { measurement: measurement.name.to_owned(), tags: tags.collect() }
}

/// Takes points as they are made for the database.
struct Made<'s> {
    slice: Slice,
    filter: &'s SeriesFilter,
    expected: Expected,
}

impl Made<'_> {
    fn take(&mut self, mut points: Points, is_waiting: bool) {
        let (slice, filter) = (self.slice, self.filter);
        let inside = |mut erasure: Erasure| {
            erasure.from_ms = erasure.from_ms.max(slice.from_ms);
            erasure.to_ms = erasure.to_ms.min(slice.to_ms - 1);
            (erasure.from_ms <= erasure.to_ms && filter.takes(&identity(&erasure.series))).then_some(erasure)
        };
        self.expected.erasures.extend(points.take_erasures().into_iter().filter_map(inside));
        let mut places: HashMap<String, Option<usize>> = HashMap::new();
        for batch in points.lines.take() {
            let text = String::from_utf8_lossy(&batch.text);
            for line in text.lines().filter_map(Line::of).filter(|line| slice.contains(line.at_ms)) {
                let place = places.get(line.key).copied().unwrap_or_else(|| {
                    let of = Identity::of(line.key);
                    let place = filter.takes(&of).then(|| self.expected.place(of, line.key));
                    places.insert(line.key.to_owned(), place);
                    place
                });
                if let Some(place) = place {
                    let point = Point { at_ms: line.at_ms, fields: line.fields.into(), is_waiting };
                    self.expected.series[place].points.push(point);
                }
            }
        }
    }
}

impl Expected {
    /// The place of a series, which is made where there is none yet.
    fn place(&mut self, of: Identity, key: &str) -> usize {
        if let Some(place) = self.places.get(&of) {
            return *place;
        }
        let of = Arc::new(of);
        self.places.insert(Arc::clone(&of), self.series.len());
        self.series.push(OfSeries { of, key: key.into(), points: Vec::new() });
        self.series.len() - 1
    }

    fn keep(&mut self, keeps: impl Fn(&OfSeries) -> bool) {
        self.series.retain(keeps);
        self.places =
            self.series.iter().enumerate().map(|(at, series)| (Arc::clone(&series.of), at)).collect();
    }

    /// The point of a series at a time.
    pub(super) fn point(&self, of: &Identity, at_ms: i64) -> Option<&Point> {
        let points = &self.series[*self.places.get(of)?].points;
        points.binary_search_by_key(&at_ms, |point| point.at_ms).ok().map(|at| &points[at])
    }
}
