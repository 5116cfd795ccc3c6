//! What a database's answer to a write means for the lines that were sent.

use chrono::{DateTime, NaiveDateTime};
use reqwest::StatusCode;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use wattledger_model::time::Timestamp;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The lines are there, but for so many that the database keeps no longer.
    Accepted {
        /// Lines that are older than its retention.
        expired: u64,
    },
    /// The same again, after a while.
    Later {
        /// How long the database asks to wait.
        wait: Option<Duration>,
        /// What happened.
        why: String,
    },
    /// Fewer lines at a time.
    TooLarge,
    /// There is a line among them that it will never take.
    Refused {
        /// What it says of it.
        why: String,
        /// Which lines it means, as far as it says that.
        faults: Faults,
    },
    /// Nothing will be taken until somebody mends something.
    Denied {
        /// What happened, and what mends it.
        why: String,
    },
    /// There is no such database or bucket.
    Absent {
        /// What it says.
        why: String,
    },
}

/// Which lines of a request a database refuses, as far as it says that. Each database says something else, and
/// some say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// By number, from 1: InfluxDB 3 and its relatives.
    pub(crate) numbered: BTreeMap<usize, String>,
    /// By their text: what InfluxDB 1 and 2 cannot parse.
    pub(crate) quoted: Vec<(String, String)>,
    /// How many were dropped, where the others are stored: InfluxDB 1 and 2. Where a request touches several
    /// shards, those of one shard.
    pub(crate) dropped: Option<u64>,
}

/// No database is waited for longer than this at its own word.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Words of a full disk or a store that is just closing: nothing is wrong with the lines, whatever the status.
const PASSING: &[&str] = &[
    "no space left on device",
    "enospc",
    "disk full",
    "disk quota exceeded",
    "read-only file system",
    "insufficient storage",
    "engine is closed",
    "cache-max-memory-size exceeded",
];

/// Judges an answer.
pub(crate) fn judge(status: StatusCode, wait: Option<Duration>, body: &str) -> Answer {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let whole = reason(json.as_ref(), body);
    let said = one_line(whole);
    let with = |mend: &str| match said.as_str() {
        "" => format!("{status}; {mend}"),
        said => format!("{status}: {said}; {mend}"),
    };
    let later = || {
        let why = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
        Answer::Later { wait: wait.map(|wait| wait.min(LONGEST_WAIT)), why }
    };
    let lower = whole.to_ascii_lowercase();
    let passes = PASSING.iter().any(|words| lower.contains(words));
    // Some versions of InfluxDB 2 tell of single lines with status 500.
    let is_partial = lower.contains("partial write:") && lower.contains("dropped=");
    match status.as_u16() {
        200..=299 => Answer::Accepted { expired: 0 },
        400 | 422 if passes => later(),
        400 | 422 | 500 if is_partial && !passes => partial(whole, json.as_ref(), said),
        400 | 422 => {
            let why = if said.is_empty() { status.to_string() } else { said };
            Answer::Refused { why, faults: faults(json.as_ref(), whole) }
        }
        401 => Answer::Denied { why: with("check user and password, or the token") },
        403 => Answer::Denied { why: with("let the user or token write to this database") },
        404 if said.contains("database not found") || said.contains("bucket") => Answer::Absent { why: said },
        404 => Answer::Denied { why: with("check `url`, `api` and the organisation") },
        408 | 429 | 500..=599 => later(),
        413 => Answer::TooLarge,
        300..=399 => Answer::Denied { why: with("the address redirects; write the final one in `url`") },
        _ => Answer::Denied { why: with("check `url` and `api`") },
    }
}

/// What a partial write leaves: lines that are too old are nobody's fault, others are looked for.
fn partial(whole: &str, json: Option<&Value>, said: String) -> Answer {
    let faults = faults(json, whole);
    // The words of InfluxDB 1 to 1.8 and 2 to 2.6, and those of later versions.
    let is_old = whole.contains("beyond retention policy") || whole.contains("outside retention policy");
    match faults.dropped {
        Some(expired) if is_old => Answer::Accepted { expired },
        _ => Answer::Refused { why: said, faults },
    }
}

/// How long to wait, by `Retry-After` (RFC 9110, 10.2.3): a number of seconds or a date. A date is held against
/// the answer's own `Date`, so that no clock of ours matters, or else against `now`.
pub(crate) fn retry_after(text: &str, date: Option<&str>, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = date.and_then(http_date).unwrap_or(now.0);
    let wait = http_date(text)?.saturating_sub(now);
    Some(Duration::from_millis(wait.max(0) as u64))
}

/// An HTTP date in one of its three forms (RFC 9110, 5.6.7), in ms since the epoch.
fn http_date(text: &str) -> Option<i64> {
    if let Ok(date) = DateTime::parse_from_rfc2822(text) {
        return Some(date.timestamp_millis());
    }
    let old = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let found = old.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(found.and_utc().timestamp_millis())
}

/// The reason in an answer: the JSON's `error` or `message`, else its text, cut to a line.
pub(crate) fn said(body: &str) -> String {
    let json: Option<Value> = serde_json::from_str(body).ok();
    one_line(reason(json.as_ref(), body))
}

fn reason<'a>(json: Option<&'a Value>, body: &'a str) -> &'a str {
    let text = |key: &str| json.and_then(|json| json.get(key)).and_then(Value::as_str);
    text("error").or(text("message")).unwrap_or(body)
}

fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    line.trim().to_owned()
}

/// Which lines are meant.
fn faults(json: Option<&Value>, whole: &str) -> Faults {
    let mut faults = Faults { quoted: quoted(whole), dropped: dropped(whole), ..Faults::default() };
    let data = json.and_then(|json| json.get("data"));
    // One object or a list of them.
    let listed = data.map(|data| data.as_array().map_or(std::slice::from_ref(data), Vec::as_slice));
    for fault in listed.unwrap_or_default() {
        let why = fault.get("error_message").and_then(Value::as_str).unwrap_or(whole);
        if let Some(number) = number(fault.get("line_number")) {
            faults.numbered.insert(number, one_line(why));
        }
    }
    for line in whole.lines() {
        let Some((number, why)) =
            line.trim_start().strip_prefix("line ").and_then(|rest| rest.split_once(':'))
        else {
            continue;
        };
        if let Some(number) = number.parse().ok().filter(|number| *number > 0) {
            faults.numbered.entry(number).or_insert_with(|| one_line(why));
        }
    }
    if let Some(number) = number(json.and_then(|json| json.get("line"))) {
        faults.numbered.entry(number).or_insert_with(|| one_line(whole));
    }
    faults
}

fn number(value: Option<&Value>) -> Option<usize> {
    value.and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0)
}

/// Lines that a parser repeats, with what is wrong with each.
fn quoted(whole: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for rest in whole.split("unable to parse '").skip(1) {
        if let Some((line, why)) = rest.split_once("': ") {
            let why = why.lines().next().unwrap_or_default();
            found.push((line.to_owned(), format!("unable to parse: {}", one_line(why))));
        }
    }
    found
}

/// The number in `dropped=`. What cannot be parsed is not counted there.
fn dropped(whole: &str) -> Option<u64> {
    let count = whole.rsplit_once("dropped=")?.1;
    let digits = count.find(|c: char| !c.is_ascii_digit()).unwrap_or(count.len());
    count[..digits].parse().ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: Duration = Duration::from_secs(7);

    fn judged(status: u16, body: &str) -> Answer {
        judge(StatusCode::from_u16(status).expect("a status"), Some(SEVEN), body)
    }

    fn refused(status: u16, body: &str) -> (String, Faults) {
        match judged(status, body) {
            Answer::Refused { why, faults } => (why, faults),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_status_has_a_remedy() {
        assert_eq!(judged(204, ""), Answer::Accepted { expired: 0 });
        assert_eq!(judged(413, ""), Answer::TooLarge);
        for status in [408, 429, 500, 503, 507] {
            let Answer::Later { wait, .. } = judged(status, "busy") else { panic!("{status} passes") };
            assert_eq!(wait, Some(SEVEN));
        }
        let Answer::Denied { why } = judged(401, r#"{"error":"authorization failed"}"#) else {
            panic!("denied")
        };
        assert_eq!(why, "401 Unauthorized: authorization failed; check user and password, or the token");
        assert!(matches!(judged(403, ""), Answer::Denied { .. }));
        assert!(matches!(judged(404, "404 page not found"), Answer::Denied { .. }));
        assert!(matches!(judged(404, r#"{"error":"database not found: \"wl\""}"#), Answer::Absent { .. }));
        assert!(matches!(
            judged(404, r#"{"code":"not found","message":"bucket \"b\" not found"}"#),
            Answer::Absent { .. }
        ));
        assert!(matches!(judged(302, ""), Answer::Denied { .. }));
        assert!(matches!(judged(422, r#"{"code":"unprocessable","message":"no"}"#), Answer::Refused { .. }));
    }

    #[test]
    fn what_is_too_old_is_taken_as_done_in_the_words_of_every_version() {
        let old = r#"{"error":"partial write: points beyond retention policy dropped=12"}"#;
        assert_eq!(judged(400, old), Answer::Accepted { expired: 12 });
        let early_two = r#"{"code":"internal error","message":"unexpected error writing points to database: partial write: points beyond retention policy dropped=1"}"#;
        assert_eq!(judged(500, early_two), Answer::Accepted { expired: 1 });
        let long = "home,room=Living\\\\ Room".repeat(20);
        let late_two = format!(
            "{{\"code\":\"unprocessable entity\",\"message\":\"failure writing points to database: partial write: \
             dropped 4 points outside retention policy of duration 24h0m0s - oldest point {long} at \
             1970-01-01T00:00:01.541Z dropped because it violates a Retention Policy Lower Bound at \
             2025-05-20T19:06:17.612973Z dropped=4 for database: 9f282d63c7d3a5c0 for retention policy: autogen\"}}"
        );
        assert_eq!(judged(422, &late_two), Answer::Accepted { expired: 4 }, "the number is far behind");
        let unclear = r#"{"error":"points beyond retention policy"}"#;
        assert!(matches!(judged(400, unclear), Answer::Refused { .. }), "how many is looked for");
    }

    #[test]
    fn a_full_disk_passes_whatever_the_status() {
        for (status, text) in [
            (
                500,
                r#"{"error":"engine: error writing WAL entry: write /wal/_1.wal: no space left on device"}"#,
            ),
            (507, "Insufficient Storage"),
            (400, r#"{"error":"partial write: write failed: no space left on device dropped=7"}"#),
            (422, r#"{"code":"x","message":"ENOSPC: cannot append"}"#),
            (500, r#"{"error":"partial write: engine: cache-max-memory-size exceeded: (9/8) dropped=3"}"#),
        ] {
            assert!(matches!(judged(status, text), Answer::Later { .. }), "{status} {text}");
        }
    }

    #[test]
    fn what_a_database_says_of_its_refusal_is_understood() {
        let (why, faults) = refused(
            400,
            r#"{"error":"partial write: field type conflict: input field \"amount\" on measurement \"wl_meter\" is type float, already exists as type integer dropped=1"}"#,
        );
        assert!(why.starts_with("partial write: field type conflict: input field \"amount\""), "{why}");
        assert_eq!(faults, Faults { dropped: Some(1), ..Faults::default() });
        let (_, faults) = refused(
            500,
            r#"{"code":"internal error","message":"partial write: field type conflict: dropped=2"}"#,
        );
        assert_eq!(faults.dropped, Some(2));
        let (_, faults) = refused(
            400,
            r#"{"error":"partial write of line protocol occurred","data":[{"original_line":"a b=hi 1","line_number":2,"error_message":"invalid column type for column 'b'"},{"original_line":"c","line_number":7,"error_message":"No fields were provided"}]}"#,
        );
        let three =
            [(2, "invalid column type for column 'b'".to_owned()), (7, "No fields were provided".to_owned())];
        assert_eq!(faults.numbered, BTreeMap::from(three));
        let (_, faults) = refused(
            400,
            r#"{"error":"parsing failed for write_lp endpoint","data":{"original_line":"a","line_number":3,"error_message":"No fields were provided"}}"#,
        );
        assert_eq!(faults.numbered.keys().copied().collect::<Vec<_>>(), [3]);
        let (_, faults) = refused(
            400,
            "{\"code\":\"invalid\",\"line\":123,\"message\":\"errors on line(s):\\n line 123: bad\\n line 125: worse\"}",
        );
        assert_eq!(faults.numbered, BTreeMap::from([(123, "bad".to_owned()), (125, "worse".to_owned())]));
        let (_, faults) = refused(
            400,
            r#"{"error":"partial write: unable to parse 'a,t=1 v=2i3': invalid number\nunable to parse 'b v=': missing field value dropped=0"}"#,
        );
        let lines: Vec<&str> = faults.quoted.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!((lines, faults.dropped), (vec!["a,t=1 v=2i3", "b v="], None));
        assert_eq!(refused(400, "").1, Faults::default());
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date() {
        let now = Timestamp(784_111_777_000);
        let wait = |text: &str| retry_after(text, None, now).map(|wait| wait.as_secs());
        assert_eq!(wait(" 120 "), Some(120));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(wait("Sunday, 06-Nov-94 08:49:47 GMT"), Some(10));
        assert_eq!(wait("Sun Nov  6 08:49:38 1994"), Some(1));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "it is over");
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-5"), None);
        let date = Some("Sun, 06 Nov 1994 08:50:00 GMT");
        let held = retry_after("Sun, 06 Nov 1994 08:50:30 GMT", date, Timestamp(0));
        assert_eq!(held, Some(Duration::from_secs(30)), "by the clock of the database");
        let busy = judge(StatusCode::SERVICE_UNAVAILABLE, Some(Duration::from_secs(86_400)), "");
        assert!(matches!(busy, Answer::Later { wait: Some(LONGEST_WAIT), .. }), "{busy:?}");
    }
}
