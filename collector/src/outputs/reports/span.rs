//! Which minutes a report is over, and the months in them.

use super::error::ReportError;
use wattledger_model::calendar::{self, Period, Tz};
use wattledger_model::time::{DAY_MINUTES, Interval, Minute, Timestamp};

/// A period that ended this long ago is over, whatever is still to come: what has not arrived is missing.
/// Before that, readings may simply be on their way. As long as alerts wait (domain.md 5.8).
const PATIENCE_MINUTES: i64 = DAY_MINUTES;

/// The period as far as it can be reported, and whether that is all of it.
///
/// It is cut at the horizon while it runs, and for a day after its end while its last minutes are not known.
pub(crate) fn known_part(
    period: &Period,
    facility: &str,
    horizon: Minute,
    now: Timestamp,
) -> Result<(Interval, bool), ReportError> {
    let whole = period.interval;
    if horizon >= whole.to || now.minute().0 >= whole.to.0 + PATIENCE_MINUTES {
        return Ok((whole, true));
    }
    if horizon <= whole.from {
        return Err(ReportError::Ahead {
            period: period.text.clone(),
            begins: whole.from,
            facility: facility.to_owned(),
            known_to: horizon,
        });
    }
    Ok((Interval::new(whole.from, horizon), false))
}

/// The calendar months of an interval that is longer than a month, each cut at the interval's edges; none
/// for shorter ones.
pub(super) fn months(interval: Interval, zone: Tz) -> Vec<(String, Interval)> {
    let mut months = Vec::new();
    let mut at = interval.from;
    while at < interval.to {
        let date = calendar::date_of(zone, at);
        let month = calendar::month(zone, date);
        months.push((date.format("%Y-%m").to_string(), month.intersect(interval)));
        at = month.to;
    }
    let longest = months.iter().map(|(_, part)| part.minutes()).max().unwrap_or(0);
    // Parts of two months that come to less than one are not worth a table.
    let longer_than_a_month = months.len() > 2 || interval.minutes() > longest.max(31 * DAY_MINUTES);
    if months.len() > 1 && longer_than_a_month { months } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        Period::parse(text, Tz::UTC).expect("a period")
    }

    fn minute(text: &str) -> Minute {
        Timestamp::from_rfc3339(text).expect("a time").minute()
    }

    #[test]
    fn a_running_period_is_cut_at_the_horizon_and_one_long_past_is_not() {
        let october = period("2026-10");
        let known = |horizon: &str, now: &str| {
            let now = Timestamp::from_rfc3339(now).expect("a time");
            known_part(&october, "hall-1", minute(horizon), now)
                .map(|(interval, complete)| (interval.to, complete))
        };
        let end = october.interval.to;
        assert_eq!(
            known("2026-10-15T12:00:00Z", "2026-10-15T12:01:00Z").expect("half of it"),
            (minute("2026-10-15T12:00:00Z"), false)
        );
        assert_eq!(known("2026-11-01T00:00:00Z", "2026-11-01T00:00:02Z").expect("all of it"), (end, true));
        let late = minute("2026-10-31T23:40:00Z");
        assert_eq!(
            known("2026-10-31T23:40:00Z", "2026-11-01T23:59:00Z").expect("still awaited"),
            (late, false)
        );
        assert_eq!(known("2026-10-31T23:40:00Z", "2026-11-02T00:00:00Z").expect("over"), (end, true));
        let error = known("2026-09-30T00:00:00Z", "2026-09-30T00:01:00Z").expect_err("not begun").to_string();
        assert_eq!(
            error,
            "the period `2026-10` begins at 2026-10-01T00:00:00Z, and facility `hall-1` is known up to \
             2026-09-30T00:00:00Z; ask for an earlier period"
        );
    }

    #[test]
    fn months_are_listed_for_what_is_longer_than_one() {
        let names = |text: &str| {
            let months = months(period(text).interval, Tz::UTC);
            months
                .iter()
                .map(|(name, part)| format!("{name} {}", part.minutes() / DAY_MINUTES))
                .collect::<Vec<_>>()
        };
        assert_eq!(names("2026-10"), Vec::<String>::new());
        assert_eq!(names("2026-10-20..2026-11-10"), Vec::<String>::new());
        assert_eq!(names("2026-Q1"), ["2026-01 31", "2026-02 28", "2026-03 31"]);
        assert_eq!(names("2026-01-31..2026-03-04"), ["2026-01 1", "2026-02 28", "2026-03 3"]);
        assert_eq!(names("2025").len(), 12);
    }
}
