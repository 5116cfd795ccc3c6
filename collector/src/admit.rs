//! Whether a reading may enter the ledger, decided from what the reading itself carries.

use wattledger_model::reading::{Cause, Reading};
use wattledger_model::time::Timestamp;

/// A reading further than this ahead of its own arrival at the agent comes from a wrong clock.
/// Source: domain.md 5.1.
pub const MOST_AHEAD_MS: i64 = 5 * 60_000;

/// A reading this far ahead of the collector's clock is no reading of our time, whatever its agent's clock
/// says: booked, it would stretch a register's step over all the years between. Far beyond any skew, so
/// that the verdict does not hang on when a reading came.
pub(crate) const NOT_OUR_TIME_MS: i64 = 366 * 86_400_000;

/// Admits a reading, or says why it goes to quarantine.
///
/// `received` is when the collector took the batch in, and `raw_kept_ms` how long raw readings are kept:
/// an older reading could not be joined with its neighbours any more.
///
/// # Errors
/// The cause and what is wrong, in words.
pub fn admit(reading: &Reading, received: Timestamp, raw_kept_ms: i64) -> Result<(), (Cause, String)> {
    if !reading.at.is_believable() {
        let detail =
            format!("the time {} is not between 2000 and 2199; check the unit of the time", reading.at.0);
        return Err((Cause::Time, detail));
    }
    if reading.at.0 - received.0 > NOT_OUR_TIME_MS {
        let detail = format!("the time {} is more than a year ahead; set the agent's clock", reading.at);
        return Err((Cause::Time, detail));
    }
    if reading.skew_ms() > MOST_AHEAD_MS {
        let ahead = reading.skew_ms() / 1_000;
        let detail =
            format!("the reading's time is {ahead} s ahead of the agent's clock; set the sensor's clock");
        return Err((Cause::ClockSkew, detail));
    }
    if received.0 - reading.at.0 > raw_kept_ms {
        let detail = format!(
            "the reading of {} is older than raw readings are kept; raise `retention.raw` to load older history",
            reading.at
        );
        return Err((Cause::TooLate, detail));
    }
    Ok(())
}

/// Whether a reading's neighbours are still there: `forgotten` is the instant before which raw readings of
/// its meter were deleted.
///
/// # Errors
/// As [`admit`].
pub fn joins(reading: &Reading, forgotten: Option<Timestamp>) -> Result<(), (Cause, String)> {
    match forgotten {
        Some(edge) if reading.at < edge => {
            let detail = format!("raw readings of this meter before {edge} were deleted with age");
            Err((Cause::TooLate, detail))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::decimal::Decimal;
    use wattledger_model::reading::Quality;

    fn verdict(at: &str, arrived: &str, received: &str) -> Option<&'static str> {
        let time = |text| Timestamp::from_rfc3339(text).expect("time");
        let reading = Reading {
            at: time(at),
            arrived: time(arrived),
            value: Decimal::ZERO,
            unit: None,
            interval_ms: None,
            quality: Quality::Good,
            intake: None,
            evidence: None,
        };
        admit(&reading, time(received), 400 * 86_400_000).err().map(|(cause, _)| cause.word())
    }

    #[test]
    fn the_verdict_is_about_the_reading_not_about_its_journey() {
        let noon = "2026-06-01T12:00:00Z";
        assert_eq!(verdict(noon, noon, noon), None);
        assert_eq!(verdict("2026-06-01T12:05:00Z", noon, noon), None);
        assert_eq!(verdict("2026-06-01T12:05:01Z", noon, noon), Some("clock-skew"));
        // Still skewed when it is received an hour later.
        assert_eq!(verdict("2026-06-01T12:05:01Z", noon, "2026-06-01T13:00:00Z"), Some("clock-skew"));
        assert_eq!(verdict("2026-05-25T12:00:00Z", noon, noon), None, "a week late is booked");
        assert_eq!(verdict("2025-04-01T12:00:00Z", noon, noon), Some("too-late"));
        assert_eq!(verdict("1999-12-31T12:00:00Z", "1999-12-31T12:00:00Z", noon), Some("time"));
    }
}
