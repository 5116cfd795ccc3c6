//! One rule at one facility, minute by minute: what its condition sees goes into the state of each subject, and what
//! turns comes out. The same for what happens now and for a replay; nothing is written here.

use super::causes::Causes;
use super::changed;
use super::conditions::{self, About, Around, Recall, Sighting, Subject};
use super::decide::{Event, State, Turn};
use super::kept::{Kept, Open, Source};
use super::message::{self, Message, Said};
use crate::config::{AlertRule, Clock, Condition, Indicator, Side};
use crate::outputs::snapshot::Snapshot;
use crate::store::StoreError;
use crate::view::View;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::name::Name;
use wattledger_model::time::{DAY_MINUTES, Interval, Minute};

/// A subject that its condition has not told of for this long is none any more.
const GONE_AFTER: i64 = DAY_MINUTES;
/// Between two looks by the collector's clock, longer than this is time that it did not run.
const LONGEST_LOOK: i64 = 3;

/// A rule at a facility with what it has seen there.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) rule: Arc<AlertRule>,
    pub(super) facility: usize,
    /// The facility's name, its site and its clocks.
    pub(super) name: Name,
    pub(super) site: Name,
    zone: Tz,
    /// The last minute that was judged; `None` before the first.
    pub(super) last: Option<i64>,
    pub(super) recall: Recall,
    pub(super) kept: BTreeMap<Subject, Kept>,
    /// Whether it was judged since the last time that it was kept.
    pub(super) changed: bool,
    /// Subjects whose row must be written.
    pub(super) touched: BTreeSet<Subject>,
    /// What turned since.
    pub(super) turned: Vec<Turning>,
}

/// A turn with what is said of it.
#[derive(Debug, Clone)]
pub(super) struct Turning {
    pub(super) message: Message,
    /// What was said when the alarm was raised; the same at the raise itself.
    pub(super) raised: Message,
}

/// What a cause explains: its subject, and rule and subject of what is not told of beside it.
pub(super) type Suppressed = (Source, String);

impl Watched {
    /// A rule at each of the facilities that it watches, with nothing seen.
    pub(super) fn all(rules: &[AlertRule], view: &View) -> Vec<Watched> {
        let mut all = Vec::new();
        for rule in rules {
            let rule = Arc::new(rule.clone());
            for (facility, of) in view.topology().facilities.iter().enumerate() {
                if rule.facility.as_ref().is_some_and(|name| *name != of.name) {
                    continue;
                }
                all.push(Watched {
                    rule: Arc::clone(&rule),
                    facility,
                    name: of.name.clone(),
                    site: of.site.clone(),
                    zone: of.zone,
                    last: None,
                    recall: Recall::new(),
                    kept: BTreeMap::new(),
                    changed: false,
                    touched: BTreeSet::new(),
                    turned: Vec::new(),
                });
            }
        }
        all
    }

    pub(super) fn clock(&self) -> Clock {
        self.rule.condition.clock()
    }

    /// Begins at a minute: what was before is not the rule's business.
    pub(super) fn begin(&mut self, at: Minute) {
        self.last = Some(at.0);
        self.changed = true;
    }

    /// Goes on after time in which nobody looked, or with a clock that was set back: that time is held against nothing.
    pub(super) fn resume(&mut self, at: Minute) {
        self.last = Some(at.0);
        self.each_state(|state| state.resume(at));
    }

    /// Changes all states alike, and notes whose row that touches.
    fn each_state(&mut self, change: impl Fn(&mut State)) {
        for (subject, kept) in &mut self.kept {
            let was = kept.state.clone();
            change(&mut kept.state);
            if !kept.state.is_as(&was) {
                self.touched.insert(subject.clone());
            }
        }
    }

    /// Judges a minute by the collector's clock. What lies between the last look and this one counts if it is short.
    pub(super) fn judge_now(
        &mut self,
        view: &mut View,
        at: Minute,
        live: &Snapshot,
        causes: &Causes,
        suppressed: &mut Vec<Suppressed>,
    ) -> Result<(), StoreError> {
        match self.last {
            Some(last) if at.0 - LONGEST_LOOK <= last && last < at.0 => {}
            // Judged already, perhaps by a clock that was set back a little.
            Some(last) if at.0 <= last && last <= at.0 + LONGEST_LOOK => return Ok(()),
            _ => self.resume(Minute(at.0 - 1)),
        }
        self.judge(view, at, Some(live), causes, suppressed)
    }

    /// Judges one minute, later than those judged before.
    pub(super) fn judge(
        &mut self,
        view: &mut View,
        at: Minute,
        live: Option<&Snapshot>,
        causes: &Causes,
        suppressed: &mut Vec<Suppressed>,
    ) -> Result<(), StoreError> {
        let before = self.last;
        self.changed = true;
        if !self.is_open(at) {
            self.last = Some(at.0);
            self.each_state(|state| state.pass(at));
            return Ok(());
        }
        let mut around = Around { view, facility: self.facility, at, live, recall: &mut self.recall };
        let sightings = conditions::look(&self.rule, &mut around)?;
        self.last = Some(at.0);
        let mut seen = BTreeSet::new();
        // An agent that falls silent takes its meters with it in the same minute.
        let mut own = Causes::default();
        for sighting in sightings {
            seen.insert(sighting.subject.clone());
            let is_agent = matches!(sighting.subject.about, About::Agent(_));
            self.see(view, sighting, (at, before), [causes, &own], suppressed)?;
            if is_agent {
                own = Causes::of([&*self]);
            }
        }
        let gone: Vec<Subject> =
            self.kept.keys().filter(|subject| !seen.contains(*subject)).cloned().collect();
        for subject in gone {
            self.miss(&subject, at);
        }
        Ok(())
    }

    /// Whether the rule may turn anything at the minute, by its schedule.
    fn is_open(&self, at: Minute) -> bool {
        // The minute that ends at `at`.
        let local = || calendar::local(self.zone, Minute(at.0 - 1));
        self.rule.schedule.is_empty() || self.rule.schedule.iter().any(|opening| opening.contains(local()))
    }

    fn see(
        &mut self,
        view: &mut View,
        sighting: Sighting,
        (at, before): (Minute, Option<i64>),
        causes: [&Causes; 2],
        suppressed: &mut Vec<Suppressed>,
    ) -> Result<(), StoreError> {
        let subject = sighting.subject.clone();
        let window = self.rule.condition.window_minutes();
        let thresholds = sighting.thresholds;
        let is_known =
            sighting.value.is_some_and(f64::is_finite) && sighting.coverage >= thresholds.min_coverage;
        let is_beyond = sighting
            .value
            .is_some_and(|value| is_known && thresholds.side.is_beyond(value, thresholds.raise));
        let behind = |causes: &Causes| causes.behind(self.site.as_str(), &sighting, at, window).cloned();
        let cause = causes.into_iter().find_map(behind);
        let in_maintenance = self.is_in_maintenance(&sighting, at, window);
        if !self.kept.contains_key(&subject) {
            self.touched.insert(subject.clone());
        }
        let kept = self
            .kept
            .entry(subject.clone())
            .or_insert_with(|| Kept::new(&self.rule, subject.clone(), before));
        let was = kept.state.clone();
        let value = match &cause {
            Some(_) => None,
            None if in_maintenance && kept.open.is_none() => None,
            None => sighting.value,
        };
        if let (Some(cause), true) = (&cause, is_beyond) {
            suppressed.push((cause.clone(), format!("{} {subject}", self.rule.name)));
        }
        let event = kept.state.step(at, value, sighting.coverage, &thresholds);
        kept.sighted = at.0;
        if matches!(self.rule.condition, Condition::Stale) {
            let silent = silence(kept, &sighting, at, cause.filter(|_| is_beyond));
            if kept.note_silence(at.0, silent) {
                self.touched.insert(subject.clone());
            }
        }
        if !kept.state.is_as(&was) {
            self.touched.insert(subject.clone());
        }
        match event {
            Some(event) => self.turn(view, &subject, sighting, event)?,
            None if kept.open.is_some() => kept.seen = Some(Box::new(sighting)),
            None => {}
        }
        Ok(())
    }

    /// Whether so much of a value's time lies in maintenance that it says nothing: that time counts as not covered.
    fn is_in_maintenance(&self, sighting: &Sighting, at: Minute, window: i64) -> bool {
        let needed = sighting.thresholds.min_coverage;
        self.rule.maintenance.iter().any(|one| {
            let touches = |meter: &Name| {
                let is_own = match &sighting.subject.about {
                    About::Meter(name) | About::Node(name) | About::Happening { meter: name, .. } => {
                        name == meter.as_str()
                    }
                    _ => false,
                };
                is_own || sighting.derives_from.iter().any(|name| name == meter.as_str())
            };
            let concerns =
                one.facility == self.name && (one.meters.is_empty() || one.meters.iter().any(touches));
            let share = one.share(at, window);
            concerns && (share >= 1.0 || share > 0.0 && 1.0 - share < needed)
        })
    }

    fn turn(
        &mut self,
        view: &mut View,
        subject: &Subject,
        sighting: Sighting,
        event: Event,
    ) -> Result<(), StoreError> {
        let changed = match event.turn {
            Turn::Raised => self.what_changed(view, &sighting, event.at)?,
            Turn::Cleared => Vec::new(),
        };
        let Some(kept) = self.kept.get_mut(subject) else { return Ok(()) };
        let site = (self.site.as_str(), self.zone);
        let said = |id: &str, raised_at: Minute, changed: &[String], suppresses: Vec<String>| {
            let (rule, sighting) = (&self.rule, &sighting);
            Message::about(Said { id, event, rule, sighting, raised_at, changed, suppresses, site })
        };
        let (message, raised) = match event.turn {
            Turn::Raised => {
                let id = message::identity(&self.rule, subject, event.at);
                let message = said(&id, event.at, &changed, Vec::new());
                kept.open = Some(Open {
                    id,
                    severity: message.severity.clone(),
                    limit: sighting.thresholds.clear,
                    raised: Some(Box::new(message.clone())),
                    suppresses: BTreeSet::new(),
                });
                kept.seen = Some(Box::new(sighting));
                (message.clone(), message)
            }
            Turn::Cleared => {
                let Some(open) = kept.open.take() else { return Ok(()) };
                kept.seen = None;
                let raised_at = raised_at(&open, event);
                let changed = open.raised.as_ref().map_or_else(Vec::new, |raised| raised.changed.clone());
                let message = said(&open.id, raised_at, &changed, open.suppresses.into_iter().collect());
                let raised = open.raised.map_or_else(|| message.clone(), |raised| *raised);
                (message, raised)
            }
        };
        self.touched.insert(subject.clone());
        self.turned.push(Turning { message, raised });
        Ok(())
    }

    /// What moved the PUE, where the alert is about one that is too high.
    fn what_changed(
        &self,
        view: &mut View,
        sighting: &Sighting,
        at: Minute,
    ) -> Result<Vec<String>, StoreError> {
        let window = match &self.rule.condition {
            Condition::PueExcursion { .. } => {
                Interval::new(Minute(at.0 - self.rule.condition.window_minutes()), at)
            }
            Condition::Indicator { indicator: Indicator::Pue, window }
                if window.is_rolling() && sighting.thresholds.side == Side::Above =>
            {
                calendar::interval(*window, self.zone, at)
            }
            _ => return Ok(Vec::new()),
        };
        changed::since_before(view, self.facility, window)
    }

    /// A subject that its condition did not tell of: nothing is known of it, and after a day it is none any more.
    fn miss(&mut self, subject: &Subject, at: Minute) {
        let Some(kept) = self.kept.get_mut(subject) else { return };
        let was = kept.state.clone();
        kept.state.pass(at);
        if !kept.state.is_as(&was) {
            self.touched.insert(subject.clone());
        }
        if at.0 - kept.sighted < GONE_AFTER {
            return;
        }
        if let Some(turning) = end(self.rule.name.as_str(), kept, at, "it is not looked at any more") {
            self.turned.push(turning);
        }
        self.touched.insert(subject.clone());
        kept.note_silence(at.0, None);
        if kept.open.is_none() && kept.spells.back().is_none_or(|spell| at.0 - spell.from > 31 * DAY_MINUTES)
        {
            self.kept.remove(subject);
        }
    }

    /// Notes what a cause of this rule explains. Gives whether that is new.
    pub(super) fn suppresses(&mut self, subject: &Subject, what: &str) -> bool {
        let Some(kept) = self.kept.get_mut(subject) else { return false };
        let is_new = kept.open.as_mut().is_some_and(|open| open.suppresses.insert(what.to_owned()));
        if is_new {
            self.touched.insert(subject.clone());
        }
        is_new
    }

    /// What is to be said of an open alarm now: the same with the figures of the last minute.
    pub(super) fn latest(&self, kept: &Kept) -> Option<Message> {
        let open = kept.open.as_ref()?;
        let (at, since) = (kept.state.last()?, kept.state.raised_since()?);
        let (value, coverage) = kept.state.seen()?;
        let event = Event { turn: Turn::Raised, at, since, value, coverage };
        let suppresses: Vec<String> = open.suppresses.iter().cloned().collect();
        let Some(sighting) = kept.seen.as_deref() else {
            // Since the restart nothing was seen; what was said last stays, with what is known.
            let raised = open.raised.as_deref()?.clone();
            return Some(Message { value, coverage, as_of: at.to_string(), suppresses, ..raised });
        };
        let changed = open.raised.as_ref().map_or_else(Vec::new, |raised| raised.changed.clone());
        let mut message = Message::about(Said {
            id: &open.id,
            event,
            rule: &self.rule,
            sighting,
            raised_at: raised_at(open, event),
            changed: &changed,
            suppresses,
            site: (self.site.as_str(), self.zone),
        });
        message.reason = message::lasting(&self.rule.condition, sighting, value);
        Some(message)
    }
}

/// When an alarm was raised; when its cause was seen, where only that is known.
fn raised_at(open: &Open, event: Event) -> Minute {
    let told = open
        .raised
        .as_ref()
        .and_then(|raised| wattledger_model::time::Timestamp::from_rfc3339(&raised.raised_at));
    told.map_or(event.since, |at| at.minute())
}

/// Since when a source is silent, and what explains it; `None` while it speaks.
fn silence(
    kept: &Kept,
    sighting: &Sighting,
    at: Minute,
    cause: Option<Source>,
) -> Option<(i64, Option<Source>)> {
    let minutes = |seconds: f64| (seconds / 60.0).ceil() as i64;
    let noticed = kept.state.raised_since().or(kept.state.on_its_way_since());
    match (noticed, cause) {
        (Some(since), _) => Some((since.0 - minutes(sighting.thresholds.raise), None)),
        (None, Some(cause)) => Some((at.0 - minutes(sighting.value?), Some(cause))),
        (None, None) => None,
    }
}

/// Clears a subject's alarm because nobody looks at it any more, with the reason. `None` where none is up.
pub(super) fn end(rule: &str, kept: &mut Kept, at: Minute, reason: &str) -> Option<Turning> {
    let open = kept.open.take()?;
    kept.seen = None;
    let subject = kept.subject.clone()?;
    let event = kept.state.end(at)?;
    let (indicator, window) = kept.watches.split_once(' ').unwrap_or((&kept.watches, ""));
    let raised = open.raised.map(|raised| *raised).unwrap_or_else(|| Message {
        version: 1,
        id: open.id.clone(),
        key: message::key(&open.id, Turn::Raised),
        rule: rule.to_owned(),
        indicator: indicator.to_owned(),
        window: window.to_owned(),
        facility: subject.facility.clone(),
        subject: subject.to_string(),
        severity: open.severity.clone(),
        value: event.value,
        limit: open.limit,
        coverage: event.coverage,
        since: event.since.to_string(),
        as_of: event.since.to_string(),
        raised_at: event.since.to_string(),
        ..Message::default()
    });
    let message = Message {
        key: message::key(&open.id, Turn::Cleared),
        event: Turn::Cleared,
        state: Turn::Cleared,
        value: event.value,
        limit: open.limit,
        coverage: event.coverage,
        as_of: event.at.to_string(),
        reason: reason.to_owned(),
        suppresses: open.suppresses.into_iter().collect(),
        ..raised.clone()
    };
    Some(Turning { message, raised })
}
