//! What is to be written of a facility, in which order: everything that looks at minutes that changed, and
//! everything that falls due as the horizon moves on.
//!
//! A window that falls due looks at minutes before its end, so the minutes that the horizon has passed are
//! minutes that changed: both are one question.

use wattledger_model::calendar::{Stamp, Tz, Window, touched};
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute};

/// One step of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// All components in one minute.
    Minute(Minute),
    /// All components in one UTC hour.
    Hour(i64),
    /// All components on one local date.
    Day(Interval),
    /// All indicators and targets of one window.
    Window(Window, Stamp),
}

/// The work that follows from changed minutes, for points that are due up to `until`.
pub(crate) struct Plan {
    /// Minutes that the plan takes care of.
    pub(crate) dirty: Vec<Interval>,
    /// The facility is published up to here when the plan is done.
    pub(crate) until: Minute,
    /// Points after this minute edge were never sent before.
    pub(crate) attempted: Option<Minute>,
    tasks: Box<dyn Iterator<Item = Task> + Send>,
}

impl Plan {
    /// A plan; `changed` ascends.
    pub(crate) fn new(zone: Tz, changed: Vec<Interval>, until: Minute, attempted: Option<Minute>) -> Plan {
        let minutes = stamps(Window::Minute, zone, changed.clone(), until);
        let minutes = minutes.map(|stamp| Task::Minute(stamp.interval.from));
        let hours = hours(changed.clone(), until).map(Task::Hour);
        let days = stamps(Window::Day, zone, changed.clone(), until);
        let days = days.map(|stamp| Task::Day(stamp.interval));
        let of = changed.clone();
        let windows = Window::ALL.iter().flat_map(move |window| {
            stamps(*window, zone, of.clone(), until).map(|stamp| Task::Window(*window, stamp))
        });
        let tasks = Box::new(minutes.chain(hours).chain(days).chain(windows));
        Plan { dirty: changed, until, attempted, tasks }
    }

    /// Whether a point may have been written by an earlier plan.
    pub(crate) fn may_repeat(&self, task: Task) -> bool {
        let Some(attempted) = self.attempted else { return false };
        match task {
            Task::Minute(minute) => minute < attempted,
            Task::Hour(hour) => (hour + 1) * HOUR_MINUTES <= attempted.0,
            Task::Day(day) => day.to <= attempted,
            // A calendar window keeps its time while its end moves on.
            Task::Window(window, stamp) if window.is_rolling() => stamp.at <= attempted,
            Task::Window(_, stamp) => stamp.at < attempted,
        }
    }
}

impl Iterator for Plan {
    type Item = Task;

    fn next(&mut self) -> Option<Task> {
        self.tasks.next()
    }
}

/// The publications of a window up to `until` that look at any of the changed minutes, each once.
fn stamps(
    window: Window,
    zone: Tz,
    changed: Vec<Interval>,
    until: Minute,
) -> impl Iterator<Item = Stamp> + Send {
    let mut last = Minute(i64::MIN);
    changed.into_iter().flat_map(move |changed| touched(window, zone, changed, until)).filter(move |stamp| {
        // Ends ascend within an interval, and those of the next that were there already lie before `last`.
        let new = stamp.interval.to > last;
        last = last.max(stamp.interval.to);
        new
    })
}

/// The hours that end up to `until` and contain changed minutes, each once.
fn hours(changed: Vec<Interval>, until: Minute) -> impl Iterator<Item = i64> + Send {
    let mut last = i64::MIN;
    let due = until.hour();
    let all = changed.into_iter().flat_map(move |changed| {
        let after = Minute(changed.to.0 - 1).hour() + 1;
        changed.from.hour()..after.min(due)
    });
    all.filter(move |hour| {
        let new = *hour > last;
        last = last.max(*hour);
        new
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use wattledger_model::calendar;

    fn span(from: i64, to: i64) -> Interval {
        Interval::new(Minute(from), Minute(to))
    }

    /// Where each point ends up: its place, and what it looked at when it was written last.
    type Points = BTreeMap<(String, i64), Interval>;

    fn run(points: &mut Points, plan: Plan) {
        let mut seen = BTreeSet::new();
        for task in plan {
            let (place, at, interval) = match task {
                Task::Minute(minute) => ("minute".to_owned(), minute.0, span(minute.0, minute.0 + 1)),
                Task::Hour(hour) => ("hour".to_owned(), hour, span(hour * 60, hour * 60 + 60)),
                Task::Day(day) => ("energy-day".to_owned(), day.from.0, day),
                Task::Window(window, stamp) => (window.word().to_owned(), stamp.at.0, stamp.interval),
            };
            assert!(seen.insert((place.clone(), at)), "{place} at {at} stands twice");
            points.insert((place, at), interval);
        }
    }

    /// 2026-03-27, two days before a local date of 23 hours in Berlin, at 06:20.
    const START: i64 = 29_575_700;

    #[test]
    fn the_points_are_the_same_however_the_horizon_moves() {
        for zone in [Tz::Europe__Berlin, Tz::Asia__Kathmandu] {
            let end = START + 40 * 1_440 + 77;
            let mut at_once = Points::new();
            run(&mut at_once, Plan::new(zone, vec![span(START, end)], Minute(end), None));
            let mut bit_by_bit = Points::new();
            let (mut at, mut step) = (START, 1);
            while at < end {
                let to = (at + step).min(end);
                run(&mut bit_by_bit, Plan::new(zone, vec![span(at, to)], Minute(to), None));
                (at, step) = (to, step * 7 % 4_001 + 1);
            }
            assert_eq!(at_once, bit_by_bit, "{zone}");
            let minutes = at_once.keys().filter(|(place, _)| place == "minute").count() as i64;
            assert_eq!(minutes, end - START);
            let days: Vec<i64> = at_once
                .iter()
                .filter(|((place, _), _)| place == "energy-day")
                .map(|(_, d)| d.minutes())
                .collect();
            assert_eq!(days.len(), 40, "{zone}");
            assert_eq!(days.contains(&1_380), zone == Tz::Europe__Berlin, "the day the clocks go forward");
        }
    }

    #[test]
    fn changed_minutes_touch_every_point_that_looks_at_them() {
        let zone = Tz::Europe__Berlin;
        let end = START + 60 * 1_440;
        let mut all = Points::new();
        run(&mut all, Plan::new(zone, vec![span(START, end)], Minute(end), None));
        let changed =
            vec![span(START + 700, START + 760), span(START + 9_000, START + 9_060), span(end - 60, end)];
        let mut touched = Points::new();
        run(&mut touched, Plan::new(zone, changed.clone(), Minute(end), Some(Minute(end))));
        let expected: Points = all
            .into_iter()
            .filter(|(_, interval)| changed.iter().any(|changed| !changed.intersect(*interval).is_empty()))
            .collect();
        assert_eq!(touched, expected);
    }

    #[test]
    fn only_what_was_sent_before_may_repeat() {
        let zone = calendar::Tz::UTC;
        let plan = Plan::new(zone, Vec::new(), Minute(3_000), Some(Minute(2_880)));
        let window = |window, end| {
            let interval = calendar::interval(window, zone, Minute(end));
            let at = if window.is_rolling() { interval.to } else { interval.from };
            Task::Window(window, Stamp { at, interval })
        };
        assert!(
            plan.may_repeat(Task::Minute(Minute(2_879))) && !plan.may_repeat(Task::Minute(Minute(2_880)))
        );
        assert!(plan.may_repeat(Task::Hour(47)) && !plan.may_repeat(Task::Hour(48)));
        assert!(
            plan.may_repeat(window(Window::Hour, 2_880)) && !plan.may_repeat(window(Window::Hour, 2_881))
        );
        assert!(plan.may_repeat(window(Window::Month, 4_320)), "the month was there, to an earlier date");
        assert!(!plan.may_repeat(window(Window::Day, 4_320)), "a new day");
        let first = Plan::new(zone, Vec::new(), Minute(3_000), None);
        assert!(!first.may_repeat(Task::Minute(Minute(0))));
    }
}
