//! Instants, minutes and half-open intervals. All UTC; durations are POSIX differences, so a leap
//! second adds nothing.

use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt;

/// Milliseconds in a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Minutes in an hour.
pub const HOUR_MINUTES: i64 = 60;
/// Minutes in a UTC day.
pub const DAY_MINUTES: i64 = 1_440;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// The minute `[60 000 n, 60 000 (n + 1))` ms after the epoch, by its number `n`. Also the edge at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Minute(pub i64);

/// `[from, to)` in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval {
    /// First minute inside.
    pub from: Minute,
    /// First minute outside.
    pub to: Minute,
}

/// The earliest and latest instant that is believed: 2000-01-01 to 2200-01-01.
const BELIEVABLE_MS: std::ops::Range<i64> = 946_684_800_000..7_258_118_400_000;

impl Timestamp {
    /// Reads an RFC 3339 text such as `2026-03-02T09:58:00Z`.
    pub fn from_rfc3339(text: &str) -> Option<Timestamp> {
        let at = DateTime::parse_from_rfc3339(text.trim()).ok()?;
        Some(Timestamp(at.timestamp_millis()))
    }

    /// Whether the instant lies in 2000 to 2199: outside, a clock is broken or a unit is wrong.
    pub fn is_believable(self) -> bool {
        BELIEVABLE_MS.contains(&self.0)
    }

    /// The minute that contains this instant.
    pub const fn minute(self) -> Minute {
        Minute(self.0.div_euclid(MINUTE_MS))
    }

    /// The first minute edge at or after this instant.
    pub const fn minute_ceil(self) -> Minute {
        Minute((self.0 + MINUTE_MS - 1).div_euclid(MINUTE_MS))
    }

    /// As chrono's UTC time; the epoch where chrono has no such year.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Timestamp {
        Timestamp(at.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Minute {
    /// The instant at which the minute starts.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 * MINUTE_MS)
    }

    /// The number of the UTC hour that contains the minute.
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(HOUR_MINUTES)
    }

    /// The number of the UTC day that contains the minute.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_MINUTES)
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start().fmt(f)
    }
}

impl Interval {
    /// `[from, to)`; empty where `to` is not after `from`.
    pub const fn new(from: Minute, to: Minute) -> Interval {
        Interval { from, to }
    }

    /// Number of minutes inside; 0 where empty.
    pub const fn minutes(self) -> i64 {
        if self.to.0 > self.from.0 { self.to.0.saturating_sub(self.from.0) } else { 0 }
    }

    /// Whether no minute is inside.
    pub const fn is_empty(self) -> bool {
        self.minutes() == 0
    }

    /// Whether the minute lies inside.
    pub const fn contains(self, minute: Minute) -> bool {
        self.from.0 <= minute.0 && minute.0 < self.to.0
    }

    /// What both have in common; empty where they do not meet.
    pub fn intersect(self, other: Interval) -> Interval {
        Interval::new(self.from.max(other.from), self.to.min(other.to))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_half_open_also_before_the_epoch() {
        assert_eq!(Timestamp(0).minute(), Minute(0));
        assert_eq!(Timestamp(59_999).minute(), Minute(0));
        assert_eq!(Timestamp(-1).minute(), Minute(-1));
        assert_eq!(Timestamp(60_000).minute_ceil(), Minute(1));
        assert_eq!(Timestamp(60_001).minute_ceil(), Minute(2));
    }

    #[test]
    fn prints_and_reads_rfc_3339() {
        let at = Timestamp::from_rfc3339("2026-03-02T09:58:00+01:00").expect("valid");
        assert_eq!(at.to_string(), "2026-03-02T08:58:00Z");
        assert_eq!(Timestamp(1_500).to_string(), "1970-01-01T00:00:01.500Z");
        assert_eq!(Timestamp::from_rfc3339("yesterday"), None);
        assert!(!Timestamp(1_700_000_000).is_believable(), "seconds taken for milliseconds");
    }
}
