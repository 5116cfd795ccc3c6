//! Instants and lengths of time as people read them.

use crate::indicators::account::ALWAYS;
use crate::ledger::explain::duration;
use chrono::TimeZone;
use wattledger_model::calendar::Tz;
use wattledger_model::time::{Interval, Minute, Timestamp};

/// Local date and time with the name of the offset, such as `2026-10-25 02:30:00 CEST`; instants without end are
/// said in words.
pub(super) fn shown(at: Timestamp, zone: Tz) -> String {
    let utc = at.to_utc().naive_utc();
    zone.from_utc_datetime(&utc).format("%Y-%m-%d %H:%M:%S%.f %Z").to_string()
}

/// The same of a minute's begin, without seconds.
pub(super) fn minute(at: Minute, zone: Tz) -> String {
    let utc = at.start().to_utc().naive_utc();
    zone.from_utc_datetime(&utc).format("%Y-%m-%d %H:%M %Z").to_string()
}

/// A time in its two largest units: `31 d 2 h`, `4 min 10 s`.
pub(super) fn length(ms: i64) -> String {
    const SIZES: [(i64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let Some(first) = SIZES.iter().position(|(size, _)| ms >= *size) else { return duration(ms) };
    let (size, unit) = SIZES[first];
    let rest = ms % size;
    match SIZES.get(first + 1) {
        Some((smaller, name)) if rest >= *smaller => {
            format!("{} {unit} {} {name}", ms / size, rest / smaller)
        }
        _ => format!("{} {unit}", ms / size),
    }
}

/// An upper bound in whole seconds, where that is no great change.
pub(super) fn at_most(ms: i64) -> String {
    let seconds = (ms + 999).div_euclid(1_000) * 1_000;
    duration(if ms > 10_000 { seconds } else { ms })
}

/// When something holds, to follow what it is: `, from 2026-10-15 00:00 CEST`; nothing where it always does.
pub(super) fn during(interval: Interval, zone: Tz) -> String {
    let from = (interval.from > ALWAYS.from).then(|| format!(", from {}", minute(interval.from, zone)));
    let to = (interval.to < ALWAYS.to).then(|| format!(", until {}", minute(interval.to, zone)));
    from.into_iter().chain(to).collect()
}

/// A count with the thousands apart, and what is counted.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_that_occurs_twice_is_told_apart() {
        let zone: Tz = "Europe/Berlin".parse().expect("a zone");
        let at = |text| shown(Timestamp::from_rfc3339(text).expect("a time"), zone);
        assert_eq!(at("2026-10-25T00:30:00Z"), "2026-10-25 02:30:00 CEST");
        assert_eq!(at("2026-10-25T01:30:00.250Z"), "2026-10-25 02:30:00.250 CET");
    }

    #[test]
    fn lengths_and_counts_are_short() {
        assert_eq!(length(86_400_000 * 31 + 7_200_000), "31 d 2 h");
        assert_eq!(length(250_000), "4 min 10 s");
        assert_eq!(length(3_600_500), "1 h");
        assert_eq!(length(0), "0 ms");
        assert_eq!((at_most(60_001).as_str(), at_most(1_500).as_str()), ("61 s", "1500 ms"));
        assert_eq!(count(1_438, "reading", "readings"), "1,438 readings");
        assert_eq!(count(1, "reading", "readings"), "1 reading");
    }
}
