//! What a database's answer to a write means for the lines that were sent.

use reqwest::StatusCode;
use serde_json::Value;
use std::time::Duration;

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

/// No database is waited for longer than this at its own word.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Judges an answer.
pub(crate) fn judge(status: StatusCode, retry_after: Option<&str>, body: &str) -> Answer {
    let said = said(body);
    let with = |mend: &str| match said.as_str() {
        "" => format!("{status}; {mend}"),
        said => format!("{status}: {said}; {mend}"),
    };
    match status.as_u16() {
        200..=299 => Answer::Accepted { expired: 0 },
        400 | 422 => match expired(&said) {
            Some(expired) => Answer::Accepted { expired },
            None => Answer::Refused { why: if said.is_empty() { status.to_string() } else { said } },
        },
        401 => Answer::Denied { why: with("check user and password, or the token") },
        403 => Answer::Denied { why: with("let the user or token write to this database") },
        404 if said.contains("database not found") || said.contains("bucket") => Answer::Absent { why: said },
        404 => Answer::Denied { why: with("check `url`, `api` and the organisation") },
        413 => Answer::TooLarge,
        429 | 500..=599 => {
            let wait = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            let why = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
            Answer::Later { wait: wait.map(|wait| wait.min(LONGEST_WAIT)), why }
        }
        300..=399 => Answer::Denied { why: with("the address redirects; write the final one in `url`") },
        _ => Answer::Denied { why: with("check `url` and `api`") },
    }
}

/// The reason in an answer: the JSON's `error` or `message`, else its text, cut to a line.
pub(crate) fn said(body: &str) -> String {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let text = |key: &str| json.as_ref().and_then(|json| json.get(key)).and_then(Value::as_str);
    let said = text("error").or(text("message")).unwrap_or(body);
    let line: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    line.trim().to_owned()
}

/// How many lines were left out only because they are older than the database keeps data.
fn expired(said: &str) -> Option<u64> {
    if !said.contains("beyond retention policy") {
        return None;
    }
    let count = said.rsplit_once("dropped=")?.1;
    let digits = count.find(|c: char| !c.is_ascii_digit()).unwrap_or(count.len());
    count[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Answer {
        judge(StatusCode::from_u16(status).expect("a status"), Some("7"), body)
    }

    #[test]
    fn every_status_has_a_remedy() {
        assert_eq!(judged(204, ""), Answer::Accepted { expired: 0 });
        let conflict = r#"{"error":"partial write: field type conflict: dropped=1"}"#;
        let Answer::Refused { why } = judged(400, conflict) else { panic!("a bad line is refused") };
        assert_eq!(why, "partial write: field type conflict: dropped=1");
        assert!(matches!(judged(422, r#"{"code":"unprocessable","message":"no"}"#), Answer::Refused { .. }));
        let old = r#"{"error":"partial write: points beyond retention policy dropped=12"}"#;
        assert_eq!(judged(400, old), Answer::Accepted { expired: 12 });
        assert_eq!(judged(413, ""), Answer::TooLarge);
        for status in [429, 500, 503] {
            let Answer::Later { wait, .. } = judged(status, "busy") else { panic!("{status} passes") };
            assert_eq!(wait, Some(Duration::from_secs(7)));
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
    }
}
