//! Periods of reports, as people write them.

use super::{Tz, date_of, dates, day_start, first_date, next_day, next_first_date, year_before};
use crate::calendar::Window;
use crate::time::{Interval, MINUTE_MS, Minute, Timestamp};
use chrono::{Datelike, NaiveDate};
use std::fmt;

/// What a period is, which decides how its figures may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodKind {
    /// A calendar year.
    Year,
    /// A calendar quarter.
    Quarter,
    /// A calendar month.
    Month,
    /// One local date.
    Day,
    /// Twelve months that end with a local date.
    TwelveMonths,
    /// From one local date to another, or between two instants.
    Range,
}

/// A report's period in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Period {
    /// As it was written.
    pub text: String,
    /// What it is.
    pub kind: PeriodKind,
    /// The minutes it covers.
    pub interval: Interval,
}

/// Why a text is no [`Period`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// None of the forms that are understood.
    #[error(
        "`{0}` is not a period: write 2025, 2025-Q2, 2025-03, 2025-03-01, 12m-to-2025-10-31 for the twelve months \
         that end with that date, or FROM..TO with dates or RFC 3339 instants, where TO is the first date or instant \
         left out"
    )]
    Form(String),
    /// No such date in the calendar, or one outside 2000 to 2199.
    #[error("`{0}` is not a date from 2000-01-01 to 2199-12-31")]
    Date(String),
    /// An instant with seconds.
    #[error("`{0}` is not at a full minute, and energies are kept by minute")]
    Seconds(String),
    /// The end is not after the start.
    #[error("the period `{0}` ends before it begins; TO must be after FROM")]
    Empty(String),
}

/// Twelve months that end with the last date that is known whole.
const ROLLING: &str = "rolling-12m";
/// Before the last date of twelve months.
const TWELVE_MONTHS_TO: &str = "12m-to-";

impl Period {
    /// As [`Period::parse`]; besides, `rolling-12m` is the twelve months that end with the last local date before
    /// `horizon`, up to which everything is known. The text of such a period names that date, so that it means the
    /// same later.
    ///
    /// # Errors
    /// As [`Period::parse`].
    pub fn parse_at(text: &str, zone: Tz, horizon: Minute) -> Result<Period, PeriodError> {
        if text.trim() != ROLLING {
            return Period::parse(text, zone);
        }
        // The date that the horizon lies in is not over.
        let last = date_of(zone, horizon).pred_opt().unwrap_or_default();
        Period::parse(&format!("{TWELVE_MONTHS_TO}{last}"), zone)
    }

    /// Reads a period as the local calendar of `zone` understands it.
    ///
    /// # Errors
    /// A text in no known form, no such date, or an end that is not after the start.
    pub fn parse(text: &str, zone: Tz) -> Result<Period, PeriodError> {
        let text = text.trim();
        let shown = || text.chars().take(80).collect::<String>();
        let (kind, interval) = if let Some((from, to)) = text.split_once("..") {
            let interval = Interval::new(edge(from, zone)?, edge(to, zone)?);
            if interval.is_empty() {
                return Err(PeriodError::Empty(shown()));
            }
            (PeriodKind::Range, interval)
        } else if let Some(last) = text.strip_prefix(TWELVE_MONTHS_TO) {
            let Some((PeriodKind::Day, _, date)) = calendar_period(last) else {
                return Err(PeriodError::Form(shown()));
            };
            let last = date.filter(believable).ok_or_else(|| PeriodError::Date(shown()))?;
            let end = day_start(zone, next_day(last));
            (PeriodKind::TwelveMonths, Interval::new(year_before(zone, end), end))
        } else {
            let (kind, window, date) = calendar_period(text).ok_or_else(|| PeriodError::Form(shown()))?;
            let date = date.filter(believable).ok_or_else(|| PeriodError::Date(shown()))?;
            let first = first_date(window, date);
            (kind, dates(zone, first, next_first_date(window, first)))
        };
        Ok(Period { text: text.to_string(), kind, interval })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The window and a date in it; the date is `None` where the calendar has no such date.
fn calendar_period(text: &str) -> Option<(PeriodKind, Window, Option<NaiveDate>)> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)? as i32;
    let Some(second) = parts.next() else {
        return Some((PeriodKind::Year, Window::Year, NaiveDate::from_ymd_opt(year, 1, 1)));
    };
    let third = parts.next();
    if parts.next().is_some() {
        return None;
    }
    if let Some(quarter) = second.strip_prefix(['Q', 'q']) {
        let quarter = digits(quarter, 1).filter(|_| third.is_none())?;
        let date = (1..=4).contains(&quarter).then(|| NaiveDate::from_ymd_opt(year, quarter * 3, 1));
        return Some((PeriodKind::Quarter, Window::Quarter, date.flatten()));
    }
    let month = digits(second, 2)?;
    match third {
        None => Some((PeriodKind::Month, Window::Month, NaiveDate::from_ymd_opt(year, month, 1))),
        Some(day) => {
            Some((PeriodKind::Day, Window::Day, NaiveDate::from_ymd_opt(year, month, digits(day, 2)?)))
        }
    }
}

/// One end of a range: the first minute of a local date, or an instant.
fn edge(text: &str, zone: Tz) -> Result<Minute, PeriodError> {
    let text = text.trim();
    let shown = || text.chars().take(80).collect::<String>();
    if let Some((PeriodKind::Day, _, date)) = calendar_period(text) {
        let date = date.filter(believable).ok_or_else(|| PeriodError::Date(shown()))?;
        return Ok(day_start(zone, date));
    }
    let at = Timestamp::from_rfc3339(text).ok_or_else(|| PeriodError::Form(shown()))?;
    if !at.is_believable() {
        return Err(PeriodError::Date(shown()));
    }
    if at.0 % MINUTE_MS != 0 {
        return Err(PeriodError::Seconds(shown()));
    }
    Ok(at.minute())
}

fn believable(date: &NaiveDate) -> bool {
    (2000..2200).contains(&date.year())
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    let fits = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}
