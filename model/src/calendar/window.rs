//! The windows that indicators look at, and when each is published.

use super::{Tz, date_of, dates, day_start, first_date, known, next_day, next_first_date, year_before};
use crate::time::{Interval, Minute};
use std::fmt;
use std::str::FromStr;

/// What an indicator looks at: so much time before an instant (rolling), or a calendar period to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Window {
    /// One minute.
    Minute,
    /// Fifteen minutes.
    QuarterHour,
    /// One hour.
    Hour,
    /// 24 hours of elapsed time, whatever the clocks do.
    Hours24,
    /// Seven times 24 hours.
    Days7,
    /// Thirty times 24 hours.
    Days30,
    /// From the same local date a year earlier.
    Months12,
    /// The local date.
    Day,
    /// The ISO week, from Monday.
    Week,
    /// The calendar month.
    Month,
    /// The calendar quarter.
    Quarter,
    /// The calendar year.
    Year,
}

impl Window {
    /// Every window, the shortest first, rolling before calendar.
    pub const ALL: &'static [Window] = &[
        Window::Minute,
        Window::QuarterHour,
        Window::Hour,
        Window::Hours24,
        Window::Days7,
        Window::Days30,
        Window::Months12,
        Window::Day,
        Window::Week,
        Window::Month,
        Window::Quarter,
        Window::Year,
    ];

    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Window::Minute => "1m",
            Window::QuarterHour => "15m",
            Window::Hour => "1h",
            Window::Hours24 => "24h",
            Window::Days7 => "7d",
            Window::Days30 => "30d",
            Window::Months12 => "12mo",
            Window::Day => "day",
            Window::Week => "week",
            Window::Month => "month",
            Window::Quarter => "quarter",
            Window::Year => "year",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Window::Minute => "1 minute",
            Window::QuarterHour => "15 minutes",
            Window::Hour => "1 hour",
            Window::Hours24 => "24 hours",
            Window::Days7 => "7 days",
            Window::Days30 => "30 days",
            Window::Months12 => "12 months",
            Window::Day => "day to date",
            Window::Week => "week to date",
            Window::Month => "month to date",
            Window::Quarter => "quarter to date",
            Window::Year => "year to date",
        }
    }

    /// Whether it ends at the instant that is asked about, instead of following the calendar.
    pub const fn is_rolling(self) -> bool {
        self.elapsed_minutes().is_some() || matches!(self, Window::Months12)
    }

    /// Its length, where that is a fixed time.
    pub const fn elapsed_minutes(self) -> Option<i64> {
        match self {
            Window::Minute => Some(1),
            Window::QuarterHour => Some(15),
            Window::Hour => Some(60),
            Window::Hours24 => Some(1_440),
            Window::Days7 => Some(7 * 1_440),
            Window::Days30 => Some(30 * 1_440),
            _ => None,
        }
    }

    /// Minutes between publications; `None` for once a day, at local midnight.
    const fn cadence_minutes(self) -> Option<i64> {
        match self {
            Window::Minute | Window::QuarterHour | Window::Hour => Some(1),
            Window::Hours24 => Some(15),
            Window::Days7 | Window::Days30 => Some(60),
            _ => None,
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Window, String> {
        let found = Window::ALL.iter().copied().find(|window| window.word() == text);
        found.ok_or_else(|| format!("`{text}` is not a window"))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a window covers when it is looked at with `end` as the first minute that is not known yet.
///
/// Rolling windows are `[end − length, end)`. Twelve months start at the same local date and time a year
/// earlier, so at a local midnight at a local midnight. Calendar windows are those that contain the last
/// minute before `end`, cut there: the figure to date.
pub fn interval(window: Window, zone: Tz, end: Minute) -> Interval {
    if let Some(minutes) = window.elapsed_minutes() {
        return Interval::new(Minute(end.0.saturating_sub(minutes)), end);
    }
    match window {
        Window::Months12 => Interval::new(year_before(zone, end), end),
        _ => Interval::new(full_interval(window, zone, end).from, end),
    }
}

/// Like [`interval`], with calendar windows whole instead of cut at `end`.
pub fn full_interval(window: Window, zone: Tz, end: Minute) -> Interval {
    if window.is_rolling() {
        return interval(window, zone, end);
    }
    let first = first_date(window, date_of(zone, Minute(end.0.saturating_sub(1))));
    dates(zone, first, next_first_date(window, first))
}

/// One publication of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The time that the published figure bears: the end of a rolling window, the start of a calendar one.
    pub at: Minute,
    /// What the figure covers.
    pub interval: Interval,
}

/// The publications that fall due once minutes are known up to `range.to` and were known up to
/// `range.from`: those that end after `range.from`, and not after `range.to`.
///
/// Windows up to an hour every minute, 24 hours every quarter of an hour, 7 and 30 days hourly (all on
/// UTC marks), 12 months and calendar windows at each local midnight. A calendar window bears the same
/// time at each publication, so that a later one overwrites the earlier.
pub fn stamps(window: Window, zone: Tz, range: Interval) -> impl Iterator<Item = Stamp> {
    ends(window, zone, range).map(move |end| stamp(window, zone, end))
}

/// The publications up to `horizon` that change when the minutes of `changed` do; of a calendar window only
/// the latest, which is the one that stays.
pub fn touched(window: Window, zone: Tz, changed: Interval, horizon: Minute) -> impl Iterator<Item = Stamp> {
    let due = Interval::new(changed.from, horizon);
    let mut all = stamps(window, zone, due)
        .take_while(move |stamp| !changed.is_empty() && stamp.interval.from < changed.to)
        .peekable();
    std::iter::from_fn(move || {
        let mut stamp = all.next()?;
        while let Some(later) = all.next_if(|later| later.at == stamp.at) {
            stamp = later;
        }
        Some(stamp)
    })
}

fn stamp(window: Window, zone: Tz, end: Minute) -> Stamp {
    let interval = interval(window, zone, end);
    Stamp { at: if window.is_rolling() { end } else { interval.from }, interval }
}

fn ends(window: Window, zone: Tz, range: Interval) -> impl Iterator<Item = Minute> {
    let range = Interval::new(known(range.from), known(range.to));
    let first = match window.cadence_minutes() {
        Some(every) => Minute((range.from.0.div_euclid(every) + 1) * every),
        None => midnight_after(zone, range.from),
    };
    let next = move |end: &Minute| match window.cadence_minutes() {
        Some(every) => Minute(end.0 + every),
        None => midnight_after(zone, *end),
    };
    std::iter::successors(Some(first), move |end| Some(next(end))).take_while(move |end| *end <= range.to)
}

/// The start of the local date after the one that contains the minute. A date that local clocks skip
/// altogether takes no time, and has no publication of its own.
fn midnight_after(zone: Tz, minute: Minute) -> Minute {
    let minute = known(minute);
    let mut date = next_day(date_of(zone, minute));
    while day_start(zone, date) <= minute {
        date = next_day(date);
    }
    day_start(zone, date)
}
