//! How a device writes its instants, and what they are in UTC.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;
use std::str::FromStr;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::Cause;
use wattledger_model::time::Timestamp;

/// No reading is believed that is further ahead of its arrival than this. Source: domain.md 5.1.
const MOST_AHEAD_MS: i64 = 300_000;

/// How instants are written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// `2026-03-02T09:58:00Z`. Without an offset the rule's time zone is needed.
    #[default]
    Rfc3339,
    /// Seconds since the epoch, with or without decimals.
    EpochSeconds,
    /// Milliseconds since the epoch.
    EpochMillis,
    /// Nanoseconds since the epoch.
    EpochNanos,
    /// A pattern such as `%Y-%m-%d %H:%M:%S`.
    Pattern(String),
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<TimeFormat, String> {
        match text {
            "rfc3339" => Ok(TimeFormat::Rfc3339),
            "epoch-s" => Ok(TimeFormat::EpochSeconds),
            "epoch-ms" => Ok(TimeFormat::EpochMillis),
            "epoch-ns" => Ok(TimeFormat::EpochNanos),
            pattern if pattern.contains('%') => {
                if StrftimeItems::new(pattern).any(|item| item == Item::Error) {
                    return Err(format!("`{pattern}` is not a time pattern such as %Y-%m-%d %H:%M:%S"));
                }
                Ok(TimeFormat::Pattern(pattern.to_owned()))
            }
            other => Err(format!(
                "`{other}` is not a time format: use rfc3339, epoch-s, epoch-ms, epoch-ns or a pattern such as %Y-%m-%d %H:%M:%S"
            )),
        }
    }
}

/// How to read instants: their format, and the zone of those that carry none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimeRule {
    /// How they are written.
    pub format: TimeFormat,
    /// The zone of a time without offset; without it such a time is refused.
    pub zone: Option<Tz>,
}

/// Why a text gives no instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoInstant {
    /// [`Cause::Time`] or [`Cause::AmbiguousTime`].
    pub cause: Cause,
    /// What is wrong, in words.
    pub detail: String,
}

fn refuse(detail: String) -> NoInstant {
    NoInstant { cause: Cause::Time, detail }
}

impl TimeRule {
    /// The instant a text means. `arrived` settles which of two is meant where the clock was put back.
    ///
    /// # Errors
    /// [`NoInstant`] with the cause to quarantine it under.
    pub fn read(&self, text: &str, arrived: Timestamp) -> Result<Timestamp, NoInstant> {
        let text = text.trim();
        let at = match &self.format {
            TimeFormat::Rfc3339 => match Timestamp::from_rfc3339(text) {
                Some(at) => at,
                None => self.local(rfc3339_without_offset(text), text, arrived)?,
            },
            TimeFormat::EpochSeconds => since_epoch(text, 3)?,
            TimeFormat::EpochMillis => since_epoch(text, 0)?,
            TimeFormat::EpochNanos => since_epoch(text, -6)?,
            TimeFormat::Pattern(pattern) => match DateTime::parse_from_str(text, pattern) {
                Ok(at) => Timestamp(at.timestamp_millis()),
                Err(_) => self.local(by_pattern(text, pattern), text, arrived)?,
            },
        };
        if !at.is_believable() {
            return Err(refuse(format!("`{}` is {at}: outside 2000 to 2199", abridged(text))));
        }
        Ok(at)
    }

    /// The instant a text means in a message that somebody has kept for who knows how long, so that its
    /// arrival says nothing of it.
    ///
    /// # Errors
    /// [`NoInstant`] with the cause to quarantine it under.
    pub fn read_kept(&self, text: &str) -> Result<Timestamp, NoInstant> {
        self.read(text, Timestamp(i64::MAX))
    }

    fn local(
        &self,
        written: Option<NaiveDateTime>,
        text: &str,
        arrived: Timestamp,
    ) -> Result<Timestamp, NoInstant> {
        let Some(written) = written else {
            return Err(refuse(format!("`{}` is not a time of the format expected", abridged(text))));
        };
        let Some(zone) = self.zone else {
            return Err(refuse(format!("`{}` has no offset from UTC; add time_zone", abridged(text))));
        };
        match zone.from_local_datetime(&written) {
            LocalResult::Single(at) => Ok(Timestamp(at.timestamp_millis())),
            LocalResult::None => Err(refuse(format!(
                "`{}` was skipped when the clock was put forward in {zone}",
                abridged(text)
            ))),
            LocalResult::Ambiguous(first, second) => {
                let (first, second) = (first.timestamp_millis(), second.timestamp_millis());
                // What came before the second can be can only be the first. After that an arrival decides where
                // it is nearer to one of the two than they are apart by half.
                let can_be = |at: i64| at.saturating_sub(arrived.0) <= MOST_AHEAD_MS;
                let near = |at: i64| arrived.0.abs_diff(at).saturating_mul(2) < second.abs_diff(first);
                let meant = match (can_be(first), can_be(second)) {
                    (true, false) => Some(first),
                    _ => [first, second].into_iter().find(|at| near(*at)),
                };
                meant.map(Timestamp).ok_or_else(|| NoInstant {
                    cause: Cause::AmbiguousTime,
                    detail: format!(
                        "`{}` occurs twice in {zone} and the arrival does not settle it",
                        abridged(text)
                    ),
                })
            }
        }
    }
}

fn rfc3339_without_offset(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok())
}

/// A pattern without a time of day means midnight.
fn by_pattern(text: &str, pattern: &str) -> Option<NaiveDateTime> {
    let day = || NaiveDate::parse_from_str(text, pattern).ok().map(|day| day.and_time(NaiveTime::MIN));
    NaiveDateTime::parse_from_str(text, pattern).ok().or_else(day)
}

/// The instant of a number of units of 10^`power` milliseconds, to the millisecond at or before it.
fn since_epoch(text: &str, power: i32) -> Result<Timestamp, NoInstant> {
    let wrong = || refuse(format!("`{}` is not a number of seconds, ms or ns since 1970", abridged(text)));
    let number: Decimal = text.parse().map_err(|_| wrong())?;
    let number = number.normalized();
    let shift = i32::from(number.exponent) + power;
    let factor = 10_i128.checked_pow(shift.unsigned_abs());
    let ms = match (factor, shift >= 0) {
        (Some(factor), true) => i128::from(number.mantissa).checked_mul(factor),
        (Some(factor), false) => Some(i128::from(number.mantissa).div_euclid(factor)),
        (None, true) => None,
        (None, false) => Some(0),
    };
    ms.and_then(|ms| i64::try_from(ms).ok()).map(Timestamp).ok_or_else(wrong)
}

fn abridged(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(format: &str, zone: Option<Tz>) -> TimeRule {
        TimeRule { format: format.parse().expect("format"), zone }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from_rfc3339(text).expect(text)
    }

    #[test]
    fn every_format_gives_the_same_instant() {
        let now = Timestamp(0);
        let expected = at("2023-11-14T22:13:20.250Z");
        for (format, zone, text) in [
            ("rfc3339", None, "2023-11-14T23:13:20.25+01:00"),
            ("rfc3339", Some(Tz::Europe__Berlin), "2023-11-14T23:13:20.250"),
            ("rfc3339", Some(Tz::UTC), "2023-11-14 22:13:20.250"),
            ("epoch-s", None, "1700000000.25"),
            ("epoch-s", None, "1.70000000025e9"),
            ("epoch-ms", None, "1700000000250"),
            ("epoch-ns", None, "1700000000250999999"),
            ("%d.%m.%Y %H:%M:%S%.f", Some(Tz::Asia__Shanghai), "15.11.2023 06:13:20.250"),
            ("%Y%m%d %H%M%S%.f %z", None, "20231114 231320.250 +0100"),
        ] {
            assert_eq!(rule(format, zone).read(text, now), Ok(expected), "{format} {text}");
        }
        let midnight = rule("%Y-%m-%d", Some(Tz::UTC)).read("2023-11-14", now);
        assert_eq!(midnight, Ok(at("2023-11-14T00:00:00Z")));
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_reason() {
        for (format, zone, text, says) in [
            ("rfc3339", None, "yesterday", "not a time"),
            ("rfc3339", None, "2023-04-04T17:01:33", "add time_zone"),
            ("rfc3339", Some(Tz::Europe__Berlin), "2026-03-29T02:30:00", "put forward"),
            ("epoch-s", None, "1700000000250", "outside 2000"),
            ("epoch-ms", None, "1700000000", "outside 2000"),
            ("epoch-s", None, "1e90", "since 1970"),
            ("epoch-ns", None, "1e-90", "outside 2000"),
            ("epoch-ms", None, "noon", "since 1970"),
            ("%Y-%m-%d %H:%M:%S", Some(Tz::UTC), "2025-13-01 00:00:00", "not a time"),
        ] {
            let refused = rule(format, zone).read(text, Timestamp(0)).expect_err(text);
            assert_eq!(refused.cause, Cause::Time, "{text}");
            assert!(refused.detail.contains(says), "{text}: {}", refused.detail);
        }
        assert!("yesterday".parse::<TimeFormat>().is_err());
        assert!("%Q".parse::<TimeFormat>().is_err());
    }

    #[test]
    fn in_the_repeated_hour_the_arrival_decides_or_nothing_does() {
        let berlin = rule("rfc3339", Some(Tz::Europe__Berlin));
        let text = "2026-10-25T02:30:00";
        let (summer, winter) = (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(berlin.read(text, at("2026-10-25T00:30:04Z")), Ok(summer));
        assert_eq!(berlin.read(text, at("2026-10-25T01:29:50Z")), Ok(winter));
        // Late, for it cannot be early: the second is 30 and 20 minutes ahead.
        assert_eq!(berlin.read(text, at("2026-10-25T01:00:00Z")), Ok(summer));
        assert_eq!(berlin.read(text, at("2026-10-25T01:10:00Z")), Ok(summer));
        assert_eq!(berlin.read(text, at("2026-10-25T01:59:00Z")), Ok(winter));
        for arrived in ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-26T00:00:00Z"] {
            let refused = berlin.read(text, at(arrived)).expect_err(arrived);
            assert_eq!(refused.cause, Cause::AmbiguousTime);
        }
    }
}
