//! What is to be written of a facility, in which order: everything that looks at minutes that changed, and
//! everything that falls due as the horizon moves on.
//!
//! A window that falls due looks at minutes before its end, so the minutes that the horizon has passed are
//! minutes that changed: both are one question.

use wattledger_model::calendar::{self, Stamp, Tz, Window, touched};
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, Interval, Minute};

/// One step of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// All components in one minute.
    Minute(Minute),
    /// All components and outdoor gauges in one UTC hour.
    Hour(i64),
    /// All components and nodes on one local date.
    Day(Interval),
    /// The year's budgets as of a local date: at its start, with all that they look at.
    Budget(Stamp),
    /// All indicators and targets of one window.
    Window(Window, Stamp),
}

impl Task {
    /// The time that its points bear, and the minutes that they look at.
    pub(crate) fn reach(self) -> (Minute, Interval) {
        match self {
            Task::Minute(minute) => (minute, Interval::new(minute, Minute(minute.0 + 1))),
            Task::Hour(hour) => {
                let from = Minute(hour * HOUR_MINUTES);
                (from, Interval::new(from, Minute(from.0 + HOUR_MINUTES)))
            }
            Task::Day(day) => (day.from, day),
            Task::Window(_, stamp) | Task::Budget(stamp) => (stamp.at, stamp.interval),
        }
    }
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
        let budgets = budgets(zone, changed.clone(), until).map(Task::Budget);
        let tasks = Box::new(minutes.chain(hours).chain(days).chain(windows).chain(budgets));
        Plan { dirty: changed, until, attempted, tasks }
    }

    /// Whether a point may have been written by an earlier plan.
    pub(crate) fn may_repeat(&self, task: Task) -> bool {
        let Some(attempted) = self.attempted else { return false };
        match task {
            Task::Minute(minute) => minute < attempted,
            Task::Hour(hour) => (hour + 1) * HOUR_MINUTES <= attempted.0,
            Task::Day(day) => day.to <= attempted,
            Task::Budget(stamp) => stamp.at < attempted,
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

/// A plan looks at no more of the past than this for a budget, but to the start of the year.
const RECENT: i64 = 30 * DAY_MINUTES;

/// The local dates up to `until` whose budgets look at any of the changed minutes, each once: as of the date's end, or
/// while it lasts as of the last full UTC hour. They look back to the start of the year and for 30 days.
fn budgets(zone: Tz, changed: Vec<Interval>, until: Minute) -> impl Iterator<Item = Stamp> + Send {
    let stamp = move |day: Interval| {
        let full_hour = Minute(until.hour() * HOUR_MINUTES);
        let end = if day.to <= until { day.to } else { full_hour };
        let year = calendar::year(zone, calendar::date_of(zone, day.from));
        Stamp { at: day.from, interval: Interval::new(year.from.min(Minute(end.0 - RECENT)), end) }
    };
    let mut last = Minute(i64::MIN);
    let of_one = move |changed: Interval| {
        dates(zone, Interval::new(changed.from, until))
            .map(stamp)
            .take_while(move |stamp| stamp.interval.from < changed.to)
            .filter(move |stamp| stamp.interval.to > stamp.at && stamp.interval.to > changed.from)
    };
    changed.into_iter().flat_map(of_one).filter(move |stamp| {
        let new = stamp.interval.to > last;
        last = last.max(stamp.interval.to);
        new
    })
}

/// The local dates that have any minute in an interval, ascending.
pub(super) fn dates(zone: Tz, interval: Interval) -> impl Iterator<Item = Interval> + Send {
    let day_of = move |minute: Minute| calendar::day(zone, calendar::date_of(zone, minute));
    let first = (!interval.is_empty()).then(|| day_of(interval.from));
    std::iter::successors(first, move |day| (day.to < interval.to).then(|| day_of(day.to)))
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
                Task::Budget(stamp) => ("budget".to_owned(), stamp.at.0, stamp.interval),
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
    fn a_budget_is_as_of_its_date_s_end_and_looks_back_to_the_year_s_start_and_for_30_days() {
        let zone = Tz::Europe__Berlin;
        // From 2025-12-20 to 2026-03-05 at 13:20, Berlin.
        let from = calendar::day_start(zone, "2025-12-20".parse().expect("a date"));
        let end = Minute(calendar::day_start(zone, "2026-03-05".parse().expect("a date")).0 + 13 * 60 + 20);
        let mut points = Points::new();
        run(&mut points, Plan::new(zone, vec![Interval::new(from, end)], end, None));
        let of = |date: &str| {
            let start = calendar::day_start(zone, date.parse().expect("a date"));
            let interval = points[&("budget".to_owned(), start.0)];
            (interval.from, interval.to.0 - start.0)
        };
        let year = |date: &str| calendar::day_start(zone, date.parse().expect("a date"));
        assert_eq!(of("2025-12-31"), (year("2025-01-01"), 1_440));
        assert_eq!(of("2026-01-01"), (year("2025-12-03"), 1_440), "30 days up to its end");
        assert_eq!(of("2026-02-10"), (year("2026-01-01"), 1_440));
        assert_eq!(of("2026-03-05"), (year("2026-01-01"), 13 * 60), "as of the last full hour");
        assert_eq!(points.keys().filter(|(place, _)| place == "budget").count(), 12 + 31 + 28 + 5);
        // A minute of December is looked at until it is 30 days ago; one of January for the rest of the year.
        let touched = |at: Minute| {
            let mut touched = Points::new();
            run(&mut touched, Plan::new(zone, vec![span(at.0, at.0 + 1)], end, Some(end)));
            touched.keys().filter(|(place, _)| place == "budget").count()
        };
        assert_eq!(touched(year("2025-12-21")), 11 + 19);
        assert_eq!(touched(year("2026-01-02")), 30 + 28 + 5);
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
