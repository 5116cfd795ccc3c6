//! Local days, weeks, months, quarters and years as intervals of UTC minutes, and the windows and report
//! periods made of them. The only place that knows time zones.
//!
//! A local date starts at its first instant: where midnight does not exist, at the end of the gap. Days
//! last 21 to 27 hours, so nothing here counts days in hours. Every offset since 1973 is whole minutes.

mod period;
mod window;

#[cfg(test)]
mod tests;

pub use chrono_tz::Tz;
pub use period::{Period, PeriodError, PeriodKind};
pub use window::{Stamp, Window, full_interval, interval, stamps, touched};

use crate::time::{Interval, Minute, Timestamp};
use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

/// Minutes that the calendar is asked about: years 1970 to 2300. Others are taken for the nearest of these.
const KNOWN: std::ops::RangeInclusive<i64> = 0..=173_568_960;

/// The first minute of a local date.
pub fn day_start(zone: Tz, date: NaiveDate) -> Minute {
    first_at(zone, date.and_time(NaiveTime::MIN))
}

/// The first minute at which local clocks show this time, or the first one after it where they skip it.
fn first_at(zone: Tz, mut local: NaiveDateTime) -> Minute {
    // The longest gaps skip a whole date (Samoa, 2011-12-30): that date starts, and ends, with the next.
    for _ in 0..2 * 1_440 {
        if let Some(at) = zone.from_local_datetime(&local).earliest() {
            return Timestamp(at.timestamp_millis()).minute();
        }
        local = local.checked_add_signed(TimeDelta::minutes(1)).unwrap_or(local);
    }
    Timestamp(local.and_utc().timestamp_millis()).minute()
}

/// A local date.
pub fn day(zone: Tz, date: NaiveDate) -> Interval {
    dates(zone, date, next_day(date))
}

/// The ISO week, Monday to Sunday, that contains a date.
pub fn week(zone: Tz, date: NaiveDate) -> Interval {
    full_dates(zone, Window::Week, date)
}

/// The month that contains a date.
pub fn month(zone: Tz, date: NaiveDate) -> Interval {
    full_dates(zone, Window::Month, date)
}

/// The quarter that contains a date.
pub fn quarter(zone: Tz, date: NaiveDate) -> Interval {
    full_dates(zone, Window::Quarter, date)
}

/// The year that contains a date.
pub fn year(zone: Tz, date: NaiveDate) -> Interval {
    full_dates(zone, Window::Year, date)
}

/// From the first instant of one date to the first instant of another, which is left out.
pub fn dates(zone: Tz, from: NaiveDate, to: NaiveDate) -> Interval {
    Interval::new(day_start(zone, from), day_start(zone, to))
}

/// The local date and time at the start of a minute.
pub fn local(zone: Tz, minute: Minute) -> NaiveDateTime {
    zone.from_utc_datetime(&known(minute).start().to_utc().naive_utc()).naive_local()
}

fn known(minute: Minute) -> Minute {
    Minute(minute.0.clamp(*KNOWN.start(), *KNOWN.end()))
}

/// The local date whose interval contains the minute.
///
/// Not always the date the clock shows: where clocks go back over midnight, the evening that is repeated
/// belongs to the date that had begun.
pub fn date_of(zone: Tz, minute: Minute) -> NaiveDate {
    let shown = local(zone, minute).date();
    let next = next_day(shown);
    if minute >= day_start(zone, next) { next } else { shown }
}

fn full_dates(zone: Tz, window: Window, date: NaiveDate) -> Interval {
    let first = first_date(window, date);
    dates(zone, first, next_first_date(window, first))
}

/// The first date of the calendar window that contains a date.
fn first_date(window: Window, date: NaiveDate) -> NaiveDate {
    let first = match window {
        Window::Week => date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday()))),
        Window::Month => date.with_day(1),
        Window::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1),
        Window::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        _ => Some(date),
    };
    first.unwrap_or(date)
}

/// The first date after the calendar window that begins at `first`.
fn next_first_date(window: Window, first: NaiveDate) -> NaiveDate {
    let months = match window {
        Window::Week => return first.checked_add_days(Days::new(7)).unwrap_or(first),
        Window::Month => 1,
        Window::Quarter => 3,
        Window::Year => 12,
        _ => return next_day(first),
    };
    first.checked_add_months(Months::new(months)).unwrap_or(first)
}

fn next_day(date: NaiveDate) -> NaiveDate {
    date.checked_add_days(Days::new(1)).unwrap_or(date)
}

/// The instant twelve months before: the same local date and time, 29 February becoming the 28th. The start
/// of a date becomes the start of a date, also where midnight is missing in one of the two years.
fn year_before(zone: Tz, end: Minute) -> Minute {
    let date = date_of(zone, end);
    let earlier = date.checked_sub_months(Months::new(12)).unwrap_or(date);
    if end == day_start(zone, date) {
        return day_start(zone, earlier);
    }
    let shown = local(zone, end);
    first_at(zone, shown.checked_sub_months(Months::new(12)).unwrap_or(shown))
}
