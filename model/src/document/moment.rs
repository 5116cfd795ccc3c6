//! Instants as people write them: with an offset, or as the local date and time of a place.

use super::{Value, abridged};
use crate::calendar::{self, Tz};
use crate::time::Timestamp;
use chrono::{Datelike, LocalResult, NaiveDate, NaiveDateTime, TimeZone};
use std::str::FromStr;

/// An instant as it was written; a local one becomes an instant once the place is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// With an offset: `2026-03-02T09:58:00Z`.
    Instant(Timestamp),
    /// A local date, that is its first instant: `2026-03-02`.
    Date(NaiveDate),
    /// A local date and time: `2026-03-02 09:58`.
    Local(NaiveDateTime),
}

/// The years that an instant of a configuration may be in.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2199;

impl Moment {
    /// The instant, for clocks of this zone.
    ///
    /// # Errors
    /// Where the clocks of the zone show the time twice or never, or the year is not 2000 to 2199.
    pub fn at(self, zone: Tz) -> Result<Timestamp, String> {
        let instant = match self {
            Moment::Date(date) if !YEARS.contains(&date.year()) => {
                return Err(format!("{date} is not in 2000 to 2199"));
            }
            Moment::Local(local) if !YEARS.contains(&local.year()) => {
                return Err(format!("{local} is not in 2000 to 2199"));
            }
            Moment::Instant(instant) => instant,
            Moment::Date(date) => calendar::day_start(zone, date).start(),
            Moment::Local(local) => match zone.from_local_datetime(&local) {
                LocalResult::Single(at) => Timestamp(at.timestamp_millis()),
                LocalResult::Ambiguous(..) => {
                    return Err(format!("clocks of {zone} show {local} twice; write it with its offset"));
                }
                LocalResult::None => {
                    return Err(format!("clocks of {zone} never show {local}; write it with an offset"));
                }
            },
        };
        if instant.is_believable() { Ok(instant) } else { Err(format!("{instant} is not in 2000 to 2199")) }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Moment, String> {
        let text = text.trim();
        if let Some(instant) = Timestamp::from_rfc3339(text) {
            return Ok(Moment::Instant(instant));
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Moment::Date(date));
        }
        let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        local.map(Moment::Local).ok_or_else(|| {
            let example = "such as \"2026-03-02T09:58:00Z\", \"2026-03-02 09:58\" or \"2026-03-02\"";
            format!("needs an instant {example}, not `{}`", abridged(text))
        })
    }
}

/// A [`Moment`], as a text or as a date of TOML.
///
/// # Errors
/// What is wrong.
pub fn moment(value: &Value<'_>) -> Result<Moment, String> {
    match value.date_text() {
        Some(text) => text.parse(),
        None => Err(format!("needs an instant such as \"2026-03-02T09:58:00Z\", not {}", value.described())),
    }
}

/// A date such as `2026-03-02`, as a text or as a date of TOML.
///
/// # Errors
/// What is wrong.
pub fn date(value: &Value<'_>) -> Result<NaiveDate, String> {
    let wrong = || format!("needs a date such as \"2026-03-02\", not {}", value.described());
    let date = value.date_text().and_then(|text| text.trim().parse::<NaiveDate>().ok());
    date.filter(|date| (1900..=*YEARS.end()).contains(&date.year())).ok_or_else(wrong)
}

/// A share of the whole in percent, above zero: `"0.5 %"`.
///
/// # Errors
/// What is wrong.
pub fn percent(value: &Value<'_>) -> Result<f64, String> {
    let wrong = || format!("needs a percentage such as \"0.5 %\", not {}", value.described());
    let text = value.as_str().and_then(|text| text.trim().strip_suffix('%')).ok_or_else(wrong)?;
    let number: crate::decimal::Decimal = text.trim().parse().map_err(|_| wrong())?;
    match number.to_f64() {
        number if number > 0.0 && number <= 100.0 => Ok(number),
        _ => Err(format!("{} is not between 0 % and 100 %", abridged(text.trim()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn read(text: &str) -> Result<String, String> {
        let written = format!("at = {text}\n");
        let document = Document::parse("m.toml", &written);
        let zone: Tz = "Europe/Berlin".parse().expect("a zone");
        let found = document.root().optional("at", |value| moment(value)?.at(zone));
        let found = found.map(|at| at.value.to_string());
        document.conclude(Some(found)).map_err(|problems| problems.to_string())?.0.ok_or(String::new())
    }

    #[test]
    fn instants_and_local_times_are_read_as_text_and_as_toml_dates() {
        for text in [
            "\"2026-03-02T09:58:00+01:00\"",
            "2026-03-02T08:58:00Z",
            "\"2026-03-02 09:58\"",
            "2026-03-02T09:58:00",
        ] {
            assert_eq!(read(text), Ok("2026-03-02T08:58:00Z".to_string()), "{text}");
        }
        assert_eq!(
            read("2026-07-01"),
            Ok("2026-06-30T22:00:00Z".to_string()),
            "the first instant of the date"
        );
        assert_eq!(read("\"2026-07-01\""), read("2026-07-01"));
    }

    #[test]
    fn times_that_clocks_show_twice_or_never_need_an_offset() {
        assert!(read("\"2026-10-25 02:30\"").expect_err("twice").contains("twice; write it with its offset"));
        assert!(read("\"2026-03-29 02:30\"").expect_err("never").contains("never show"));
        assert!(
            read("\"1970-01-01T00:00:01Z\"").expect_err("a broken clock").contains("not in 2000 to 2199")
        );
        assert!(read("\"+262142-12-31\"").expect_err("far off").contains("not in 2000 to 2199"));
        assert!(read("\"spring\"").expect_err("no time").contains("needs an instant such as"));
        assert!(read("10:30:00").expect_err("no date").contains("needs an instant such as"));
    }

    #[test]
    fn percentages_have_their_sign() {
        let read = |text: &str| {
            let written = format!("limit = \"{text}\"");
            let document = Document::parse("p.toml", &written);
            let mut root = document.root();
            root.optional("limit", percent).map(|found| found.value)
        };
        assert_eq!(read("0.5 %"), Some(0.5));
        assert_eq!(read("2%"), Some(2.0));
        assert_eq!([read("0.5"), read("0 %"), read("120 %"), read("-1 %")], [None; 4]);
    }
}
