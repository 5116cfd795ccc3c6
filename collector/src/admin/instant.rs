//! Instants as operators write them.

use chrono::{LocalResult, NaiveDate, NaiveDateTime, TimeZone};
use wattledger_model::calendar::{self, Tz};
use wattledger_model::time::Timestamp;

/// Reads `2026-03-02T09:58:00Z`, or a local date and time such as `2026-03-02 09:58` or `2026-03-02` in the
/// zone of the site.
///
/// # Errors
/// What is wrong and how to write it.
pub fn parse(text: &str, zone: Option<Tz>) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Some(at) = Timestamp::from_rfc3339(text) {
        return Ok(at);
    }
    let shown: String = text.chars().take(40).collect();
    let wrong = || {
        format!("`{shown}` is not a time; write it like 2026-03-02T09:58:00Z, or local like 2026-03-02 09:58")
    };
    let date = text.parse::<NaiveDate>().ok();
    let local = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    if date.is_none() && local.is_none() {
        return Err(wrong());
    }
    let Some(zone) = zone else {
        return Err(format!(
            "`{shown}` has no offset, and the site has no time zone in the configuration; write it like \
             2026-03-02T09:58:00Z"
        ));
    };
    if let Some(date) = date {
        return Ok(calendar::day_start(zone, date).start());
    }
    match zone.from_local_datetime(&local.ok_or_else(wrong)?) {
        LocalResult::Single(at) => Ok(Timestamp(at.timestamp_millis())),
        LocalResult::Ambiguous(first, second) => Err(format!(
            "`{shown}` occurs twice in {zone}: write {} or {}",
            first.to_rfc3339(),
            second.to_rfc3339()
        )),
        LocalResult::None => Err(format!("`{shown}` does not exist in {zone}: the clocks skip it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_those_of_the_site_and_never_guessed() {
        let zone: Tz = "Europe/Berlin".parse().expect("zone");
        let read = |text: &str| parse(text, Some(zone)).map(|at| at.to_string());
        assert_eq!(read("2026-03-02T09:58:00Z").as_deref(), Ok("2026-03-02T09:58:00Z"));
        assert_eq!(read("2026-03-02 09:58").as_deref(), Ok("2026-03-02T08:58:00Z"));
        assert_eq!(read("2026-07-02T09:58:30").as_deref(), Ok("2026-07-02T07:58:30Z"));
        assert_eq!(read("2026-03-29").as_deref(), Ok("2026-03-28T23:00:00Z"));
        let twice = read("2026-10-25 02:30").expect_err("it occurs twice");
        assert!(twice.contains("2026-10-25T02:30:00+02:00"), "{twice}");
        assert!(twice.contains("2026-10-25T02:30:00+01:00"), "{twice}");
        assert!(read("2026-03-29 02:30").expect_err("skipped").contains("does not exist"));
        assert!(read("yesterday").expect_err("no time").contains("write it like"));
        assert!(parse("2026-03-02 09:58", None).expect_err("no zone").contains("no time zone"));
    }
}
