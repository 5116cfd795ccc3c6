//! Rounds: what to write next, read from one consistent state of the ledger.
//!
//! A round takes a bounded share of the hours that changed, and of what must be published of each facility
//! as a consequence, and gives it as batches of lines with the cursor that holds once they are written. The
//! state of the ledger is let go before anything is sent.
//!
//! What ends up in the database is a function of the ledger alone. A round reads the latest state, which may
//! be ahead of the cursor; whatever is ahead is among the changes of a later round, which writes again what
//! looks at it. First come changed hours, and the days of meters that they lie in; what follows from them for a
//! facility is remembered as `dirty` with the cursor. A facility is published in steps of a week, so that a crash costs
//! no more than that.

mod notice;

use super::cursor::{Cursor, Published, holds};
use super::days::MeterDays;
use super::definition::{self, definition};
use super::line::{Batch, Lines};
use super::live::Live;
use super::plan::Plan;
use super::points::{Erasure, FacilityPoints, MeterPoints, Numbering, Points, Repeated};
use crate::outputs::snapshot::Snapshot;
use crate::store::{MeterId, StoreError};
use crate::view::{Changed, View};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use wattledger_model::calendar::Tz;
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, Minute};

/// Hours of meters that one round writes at most.
const ROUND_HOURS: usize = 500;
/// Hours that are asked for at a time.
const CHANGES: usize = 5_000;
/// Tasks that one round does, shared among the facilities.
const ROUND_TASKS: usize = 3_000;
/// Tasks that one round does for each facility, however many there are.
const FEWEST_TASKS: usize = 100;
/// Minutes that one plan takes on: of the past, and of what the horizon has passed.
const PLAN_MINUTES: i64 = 7 * DAY_MINUTES;
/// A facility that is published to within this time of its horizon keeps up with it, whatever else waits.
const KEEPS_UP_MINUTES: i64 = DAY_MINUTES;

/// What one round comes to.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// A cursor to remember before anything is sent, where this round goes further than any before.
    pub(crate) intent: Option<String>,
    /// To be deleted before anything is written.
    pub(crate) erasures: Vec<Erasure>,
    /// To be written, in any order.
    pub(crate) batches: Vec<Batch>,
    /// The cursor to remember afterwards.
    pub(crate) cursor: Option<String>,
    /// The change number of that cursor.
    pub(crate) change: u64,
    /// The latest change number of the ledger.
    pub(crate) head: u64,
    /// Whether there is nothing more to do.
    pub(crate) caught_up: bool,
    /// When live points are due again.
    pub(crate) live_due: Option<Instant>,
    /// Values that were left out since they are no finite number, since the start.
    pub(crate) not_finite: u64,
}

/// Hours that changed and are not written yet.
#[derive(Default)]
struct Waiting {
    hours: VecDeque<Changed>,
    /// The change number that is reached when they are written.
    until: u64,
}

impl Waiting {
    fn take(&mut self) -> Vec<Changed> {
        let count = self.hours.len().min(ROUND_HOURS);
        self.hours.drain(..count).collect()
    }
}

/// Makes rounds.
pub(crate) struct Rounds {
    view: View,
    meters: HashMap<MeterId, MeterPoints>,
    /// The facilities with points that look at a meter.
    looked_at_by: HashMap<MeterId, Vec<usize>>,
    /// By facility, the meters whose resolution follows their readings.
    followers: Vec<Vec<MeterId>>,
    facilities: Vec<FacilityPoints>,
    definitions: Vec<u32>,
    days: MeterDays,
    points: Points,
    /// Bytes of a batch, if not the usual.
    batch_bytes: Option<usize>,
    live: Live,
    cursor: Cursor,
    /// The cursor as it is remembered once the last round is written.
    handed_out: Cursor,
    changes: Waiting,
    late_changes: Waiting,
    plans: Vec<Option<Plan>>,
    /// Whether everything in the database was written by this run and is remembered.
    knows_all: bool,
}

impl Rounds {
    /// Rounds that go on from a cursor.
    pub(crate) fn new(view: View, cursor: Cursor) -> Rounds {
        let topology = std::sync::Arc::clone(view.topology());
        let mut numbering = Numbering::default();
        let meters = topology.meters.iter().map(|(id, known)| (*id, MeterPoints::new(known, &mut numbering)));
        let meters: HashMap<_, _> = meters.collect();
        let mut looked_at_by: HashMap<MeterId, Vec<usize>> = HashMap::new();
        let mut followers = Vec::new();
        for (at, facility) in topology.facilities.iter().enumerate() {
            let of = definition::meters(&topology, facility);
            followers.push(of.iter().copied().filter(|meter| view.follows_readings(*meter)).collect());
            of.into_iter().for_each(|meter| looked_at_by.entry(meter).or_default().push(at));
        }
        let count = topology.facilities.len();
        let facilities = (0..count).map(|at| FacilityPoints::new(at, &view, &mut numbering)).collect();
        let mut rounds = Rounds {
            view,
            meters,
            looked_at_by,
            followers,
            facilities,
            days: MeterDays::new(&topology),
            definitions: topology.facilities.iter().map(|facility| definition(&topology, facility)).collect(),
            points: Points::default(),
            batch_bytes: None,
            live: Live::default(),
            cursor: Cursor::default(),
            handed_out: Cursor::default(),
            changes: Waiting::default(),
            late_changes: Waiting::default(),
            plans: (0..count).map(|_| None).collect(),
            knows_all: false,
        };
        rounds.go_on_from(cursor);
        rounds
    }

    /// Tells of the turns of alerts too, from where they are kept.
    pub(crate) fn with_turns(mut self, turns: rusqlite::Connection) -> Rounds {
        self.live.tell_turns(turns);
        self
    }

    /// Makes batches of about so many bytes.
    pub(crate) fn in_batches_of(mut self, bytes: usize) -> Rounds {
        self.batch_bytes = Some(bytes);
        self.points.lines = Lines::in_batches_of(bytes);
        self
    }

    /// Forgets what the database was thought to hold, and writes everything again.
    pub(crate) fn start_over(&mut self) {
        let fresh = Cursor::start(self.handed_out.store, self.handed_out.database);
        self.go_on_from(fresh);
    }

    /// Goes on from the last round that was handed out, after one that failed half-way.
    pub(crate) fn retry(&mut self) {
        if let Err(error) = self.view.end() {
            tracing::debug!(%error, "a round could not be ended");
        }
        self.go_on_from(self.handed_out.clone());
    }

    fn go_on_from(&mut self, cursor: Cursor) {
        self.knows_all = !cursor.begun;
        self.changes = Waiting::default();
        self.late_changes = Waiting::default();
        self.plans.iter_mut().for_each(|plan| *plan = None);
        self.points = Points::default();
        self.points.lines = self.batch_bytes.map_or_else(Lines::default, Lines::in_batches_of);
        self.live.begin_anew();
        self.handed_out = cursor.clone();
        self.cursor = cursor;
        self.notice_declarations();
    }

    /// Makes the next round.
    ///
    /// # Errors
    /// [`StoreError`] where the ledger cannot be read; then [`Rounds::retry`].
    pub(crate) fn next(&mut self, now: Instant, snapshot: Option<&Snapshot>) -> Result<Round, StoreError> {
        let head = self.view.begin()?;
        if self.cursor.cursor > head {
            tracing::warn!(
                cursor = self.cursor.cursor,
                head,
                "the output is ahead of the ledger, which was restored from an older copy; it starts over"
            );
            self.start_over();
        }
        let begins = !std::mem::replace(&mut self.cursor.begun, true);
        self.notice_resolutions()?;
        self.write_changes(head)?;
        self.write_late(head)?;
        let further = self.publish(head)? | self.write_days(head)?;
        let (told, lines) = (&mut self.cursor.told, &mut self.points.lines);
        let live_due = Some(self.live.write(&mut self.view, head, now, snapshot, told, lines)?);
        let caught_up = self.is_caught_up(head) && !self.live.has_more();
        self.view.end()?;
        let intent = (begins || further).then(|| {
            let mut intent = self.handed_out.clone();
            intent.begun = true;
            for (name, published) in &self.cursor.facilities {
                let known = intent.facilities.entry(name.clone()).or_default();
                known.attempted = published.attempted;
            }
            for (name, days) in &self.cursor.days {
                let known = intent.days.entry(name.clone()).or_default();
                known.attempted = days.attempted;
            }
            intent.to_text()
        });
        let kept = self.as_kept();
        let moved = kept != self.handed_out;
        self.handed_out = kept;
        Ok(Round {
            intent,
            erasures: self.points.take_erasures(),
            batches: self.points.lines.take(),
            cursor: moved.then(|| self.handed_out.to_text()),
            change: self.cursor.cursor,
            head,
            caught_up,
            live_due,
            not_finite: self.points.fields.not_finite,
        })
    }

    /// The cursor with what plans have taken out of it and not finished.
    fn as_kept(&self) -> Cursor {
        let mut cursor = self.cursor.clone();
        for (facility, plan) in self.view.topology().facilities.iter().zip(&self.plans) {
            if let (Some(plan), Some(published)) = (plan, cursor.facilities.get_mut(facility.name.as_str())) {
                put_back(published, plan);
            }
        }
        cursor
    }

    /// Writes the minutes of hours that changed.
    fn write_changes(&mut self, head: u64) -> Result<(), StoreError> {
        if self.changes.hours.is_empty() {
            let changed = self.view.changed_since(self.cursor.cursor, CHANGES)?;
            self.changes.until = changed.last().map_or(head, |changed| changed.change);
            self.changes.hours = changed.into();
        }
        for changed in self.changes.take() {
            self.write_hour(changed, head)?;
            self.mark_dirty(changed);
        }
        if self.changes.hours.is_empty() {
            self.cursor.cursor = self.changes.until;
        }
        Ok(())
    }

    fn write_hour(&mut self, changed: Changed, head: u64) -> Result<(), StoreError> {
        let Changed { meter, hour, .. } = changed;
        // Meters that nobody declares are not written: their unit and meaning are not known.
        let Some(of) = self.meters.get(&meter) else { return Ok(()) };
        let possible = !self.knows_all || self.points.written.has_forgotten();
        if let Some(minutes) = self.view.meter_hour(meter, hour)? {
            let newest = self.view.newest(meter).map_or(Minute(i64::MAX), |at| at.minute());
            of.hour(hour, &minutes, Repeated { possible, newest }, &mut self.points);
        }
        for (day, is_there) in self.days.touched(changed, head, &self.cursor, &self.view)? {
            if is_there {
                of.day(day, possible, &mut self.view, &mut self.points)?;
            } else {
                of.no_day(day, possible, &mut self.points);
            }
        }
        Ok(())
    }

    /// Writes days of meters that are over; tells whether they go further than before.
    fn write_days(&mut self, head: u64) -> Result<bool, StoreError> {
        let (over, further) = self.days.over(head, &mut self.cursor, &self.view)?;
        for of in over {
            if let Some(points) = self.meters.get(&of.meter) {
                points.day(of.day, of.may_repeat, &mut self.view, &mut self.points)?;
            }
        }
        Ok(further)
    }

    fn mark_dirty(&mut self, changed: Changed) {
        let Some(facilities) = self.looked_at_by.get(&changed.meter) else { return };
        let hour =
            Interval::new(Minute(changed.hour * HOUR_MINUTES), Minute((changed.hour + 1) * HOUR_MINUTES));
        for at in facilities.clone() {
            // What lies after the edge is written when the edge passes it.
            let Some(edge) = self.edge(at) else { continue };
            self.published(at).dirty.add(Interval::new(hour.from, hour.to.min(Minute(edge))));
        }
    }

    /// The minute edge up to which a facility is published. A plan under way is about to pass its own.
    fn edge(&mut self, facility: usize) -> Option<i64> {
        let planned = self.plans[facility].as_ref().map(|plan| plan.until.0);
        planned.or(self.published(facility).until)
    }

    /// Writes earlier hours of meters that were declared late.
    fn write_late(&mut self, head: u64) -> Result<(), StoreError> {
        let Some(mut late) = self.cursor.late.take() else { return Ok(()) };
        if self.late_changes.hours.is_empty() {
            let mut changed = self.view.changed_since(late.cursor, CHANGES)?;
            self.late_changes.until = changed.last().map_or(late.until, |changed| changed.change);
            changed.retain(|changed| changed.change <= late.until && holds(&late.meters, changed.meter));
            self.late_changes.hours = changed.into();
        }
        for changed in self.late_changes.take() {
            self.write_hour(changed, head)?;
        }
        if self.late_changes.hours.is_empty() {
            late.cursor = self.late_changes.until;
        }
        self.cursor.late = (late.cursor < late.until).then_some(late);
        Ok(())
    }

    /// Writes a share of what must be published of facilities; tells whether it goes further than before.
    fn publish(&mut self, head: u64) -> Result<bool, StoreError> {
        let mut intended = false;
        let share = (ROUND_TASKS / self.facilities.len().max(1)).max(FEWEST_TASKS);
        for at in 0..self.facilities.len() {
            if self.plans[at].is_none() {
                intended |= self.plan(at, head)?;
            }
            let redefined = self.published(at).redefined;
            let Some(plan) = &mut self.plans[at] else { continue };
            self.points.redefined = redefined;
            let mut done = false;
            for _ in 0..share {
                let Some(task) = plan.next() else {
                    done = true;
                    break;
                };
                let may_repeat = plan.may_repeat(task);
                self.facilities[at].write(task, may_repeat, &mut self.view, &mut self.points)?;
            }
            if done {
                let until = plan.until.0;
                self.plans[at] = None;
                let published = self.published(at);
                published.until = Some(published.until.map_or(until, |known| known.max(until)));
                published.redefined &= !published.dirty.is_empty();
            }
        }
        self.points.redefined = false;
        Ok(intended)
    }

    fn published(&mut self, facility: usize) -> &mut Published {
        let name = self.view.topology().facilities[facility].name.to_string();
        self.cursor.facilities.entry(name).or_default()
    }

    /// Makes a plan for a facility that has something to publish; tells whether it goes further than before.
    fn plan(&mut self, facility: usize, head: u64) -> Result<bool, StoreError> {
        let Some(horizon) = self.view.horizon(facility) else { return Ok(false) };
        let Some(first) = self.view.first_hour(facility)?.map(|hour| hour * HOUR_MINUTES) else {
            return Ok(false);
        };
        let caught_up = self.cursor.cursor == head;
        let zone: Tz = self.view.topology().facilities[facility].zone;
        let published = self.published(facility);
        let known = published.first.unwrap_or(first);
        if let Some(until) = published.until {
            // Earlier data: the time from there on is now in the facility's life, covered or not.
            published.dirty.add(Interval::new(Minute(first), Minute(known.min(until))));
        }
        published.first = Some(known.min(first));
        let from = published.until.unwrap_or(known.min(first));
        let keeps_up = published.until.is_some() && horizon.0 - from <= KEEPS_UP_MINUTES;
        if !caught_up && !keeps_up {
            return Ok(false);
        }
        let until = horizon.0.min(from + PLAN_MINUTES).max(from);
        let dirty = published.dirty.take_latest(PLAN_MINUTES);
        if dirty.is_empty() && until == from {
            return Ok(false);
        }
        let mut changed = dirty;
        changed.add(Interval::new(Minute(from), Minute(until)));
        let attempted = published.attempted.map(Minute);
        let further = attempted.is_none_or(|attempted| attempted.0 < until);
        if further {
            published.attempted = Some(until);
        }
        let changed = changed.intervals().collect();
        self.plans[facility] = Some(Plan::new(zone, changed, Minute(until), attempted));
        Ok(further)
    }

    /// Whether there is nothing more to do until the ledger or a horizon moves on.
    fn is_caught_up(&self, head: u64) -> bool {
        let waits = self.cursor.late.is_some() || self.plans.iter().any(Option::is_some);
        if self.cursor.cursor < head || waits || self.days.is_behind(&self.cursor, &self.view) {
            return false;
        }
        !self.view.topology().facilities.iter().enumerate().any(|(at, facility)| {
            let published = self.cursor.facilities.get(facility.name.as_str());
            match (self.view.horizon(at), published) {
                (Some(horizon), Some(published)) => {
                    published.until.is_some_and(|until| until < horizon.0) || !published.dirty.is_empty()
                }
                _ => false,
            }
        })
    }
}

/// Puts the minutes of an unfinished plan back, as far as they are before the published edge.
fn put_back(published: &mut Published, plan: &Plan) {
    // A facility of which nothing is published yet is published from its start.
    let Some(until) = published.until else { return };
    for span in &plan.dirty {
        published.dirty.add(Interval::new(span.from, span.to.min(Minute(until))));
    }
}
