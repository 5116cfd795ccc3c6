//! Silences, and acknowledgements of alerts: what people tell the notifier, kept over a restart.
//!
//! A silence names alerts by their labels for a time; it changes nothing in what is judged or shown, only whom it is
//! told to. An acknowledgement is of one alert, and holds until that is cleared. Both are bounded in number and
//! length, since anybody with the right to say them can say them in a loop.

use crate::outputs::snapshot::{rfc3339, rfc3339_option};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Once;
use std::time::Duration;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

/// Silences that may be in force or to come at the same time.
pub const MOST_STANDING: usize = 200;
/// Conditions of one silence at most.
const MOST_MATCHERS: usize = 10;
/// Letters of one matcher at most.
const LONGEST_MATCHER: usize = 200;
/// Letters of a reason or note at most.
const LONGEST_REASON: usize = 500;
/// The longest that a silence may last: what should be silent for good is a rule to take out.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// The shortest: below, it is over before the next message would have been sent.
const SHORTEST: Duration = Duration::from_secs(60);
const DAY_MS: i64 = DAY_MINUTES * MINUTE_MS;
/// How long a silence is remembered after its end.
const ENDED_KEPT_MS: i64 = 30 * DAY_MS;
/// Silences remembered at most, ended ones among them; beyond, those that ended first are forgotten.
const MOST_KEPT: usize = 1_000;
/// How long an acknowledgement is remembered: as long as the alert.
const ACK_KEPT_MS: i64 = 400 * DAY_MS;
/// Acknowledgements remembered at most.
const MOST_ACKS: i64 = 10_000;

/// Why a silence or acknowledgement is not kept.
#[derive(Debug, thiserror::Error)]
pub enum SilenceError {
    /// A matcher that cannot be understood.
    #[error("`{text}` does not say which alerts; write LABEL=VALUE, such as facility=hall-1 or rule=pue*")]
    Matcher {
        /// What was written.
        text: String,
    },
    /// No matcher, or more than make sense.
    #[error("{count} conditions were given; a silence has 1 to {MOST_MATCHERS}, such as facility=hall-1")]
    Matchers {
        /// How many there were.
        count: usize,
    },
    /// Nobody says why, or at too great length.
    #[error("the {what} has {length} letters; give 1 to {LONGEST_REASON}")]
    Reason {
        /// `reason` or `note`.
        what: &'static str,
        /// Its length.
        length: usize,
    },
    /// Too short or too long.
    #[error("a silence of {seconds} s was asked for; it lasts from 1 minute to 366 days")]
    Length {
        /// The time asked for.
        seconds: u64,
    },
    /// Too many stand.
    #[error("{MOST_STANDING} silences are in force already; end some of them first")]
    TooMany,
    /// There is no such silence in force.
    #[error("no silence `{id}` is in force")]
    NoSilence {
        /// What was asked for.
        id: String,
    },
    /// The outputs' file.
    #[error("the silences cannot be read or written")]
    Sqlite(#[from] rusqlite::Error),
}

/// Alerts that nobody is told of for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its identity, such as `s7`; empty before it is kept.
    pub id: String,
    /// What the labels of an alert must be; all of them.
    pub matchers: Vec<Matcher>,
    /// From then on.
    #[serde(with = "rfc3339")]
    pub from: Timestamp,
    /// Until then, not inside it.
    #[serde(with = "rfc3339")]
    pub until: Timestamp,
    /// Who said it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When somebody ended it before its time.
    #[serde(with = "rfc3339_option", default)]
    pub ended: Option<Timestamp>,
}

/// What one label of an alert must be. Written `facility=hall-1`, or `rule=pue*` for all that begin so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matcher {
    /// The label: `rule`, `condition`, `facility`, `subject`, `severity`, `alert`, or one of the rule's own.
    pub label: String,
    /// What it must be.
    pub is: Pattern,
}

/// What a label's value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Exactly this.
    Exact(String),
    /// Anything that begins so; everything where it is empty.
    Prefix(String),
}

impl Pattern {
    fn fits(&self, value: &str) -> bool {
        match self {
            Pattern::Exact(text) => value == text,
            Pattern::Prefix(begin) => value.starts_with(begin.as_str()),
        }
    }
}

impl Matcher {
    /// Whether an alert with these labels is meant. A label that the alert does not have is nothing.
    pub fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.get(&self.label).is_some_and(|value| self.is.fits(value))
    }
}

impl FromStr for Matcher {
    type Err = SilenceError;

    fn from_str(text: &str) -> Result<Matcher, SilenceError> {
        let wrong = || SilenceError::Matcher { text: text.chars().take(60).collect() };
        let (label, value) = text.split_once('=').ok_or_else(wrong)?;
        let (label, value) = (label.trim(), value.trim());
        let is_label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if label.is_empty() || !label.chars().all(is_label) || value.is_empty() {
            return Err(wrong());
        }
        if text.chars().count() > LONGEST_MATCHER || text.chars().any(char::is_control) {
            return Err(wrong());
        }
        let is = match value.strip_suffix('*') {
            Some(begin) if begin.contains('*') => return Err(wrong()),
            Some(begin) => Pattern::Prefix(begin.to_owned()),
            None if value.contains('*') => return Err(wrong()),
            None => Pattern::Exact(value.to_owned()),
        };
        Ok(Matcher { label: label.to_owned(), is })
    }
}

impl TryFrom<String> for Matcher {
    type Error = SilenceError;

    fn try_from(text: String) -> Result<Matcher, SilenceError> {
        text.parse()
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.is {
            Pattern::Exact(text) => write!(f, "{}={text}", self.label),
            Pattern::Prefix(begin) => write!(f, "{}={begin}*", self.label),
        }
    }
}

impl From<Matcher> for String {
    fn from(matcher: Matcher) -> String {
        matcher.to_string()
    }
}

impl Silence {
    /// A silence from now on, with the identity still to be given.
    ///
    /// # Errors
    /// [`SilenceError`] where it says nothing, too much, or lasts too short or too long.
    pub fn new(
        matchers: Vec<Matcher>,
        now: Timestamp,
        lasts: Duration,
        by: &str,
        reason: &str,
    ) -> Result<Silence, SilenceError> {
        if !(1..=MOST_MATCHERS).contains(&matchers.len()) {
            return Err(SilenceError::Matchers { count: matchers.len() });
        }
        if !(SHORTEST..=LONGEST).contains(&lasts) {
            return Err(SilenceError::Length { seconds: lasts.as_secs() });
        }
        let reason = said("reason", reason)?;
        let lasts_ms = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp(now.0.saturating_add(lasts_ms));
        Ok(Silence { id: String::new(), matchers, from: now, until, by: by.to_owned(), reason, ended: None })
    }

    /// When it is over.
    pub fn over(&self) -> Timestamp {
        self.ended.map_or(self.until, |ended| ended.min(self.until))
    }

    /// Whether it is in force then.
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.over()
    }

    /// Whether nobody is told then of an alert with these labels.
    pub fn covers(&self, labels: &BTreeMap<String, String>, at: Timestamp) -> bool {
        self.is_in_force(at) && self.matchers.iter().all(|matcher| matcher.fits(labels))
    }
}

/// Somebody has seen an alert and looks after it: it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The alert's identity.
    pub alarm: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// Who said it.
    pub by: String,
    /// What they said.
    pub note: String,
}

impl Ack {
    /// An acknowledgement of an alert now.
    ///
    /// # Errors
    /// [`SilenceError::Reason`] where the note says nothing or too much.
    pub fn new(alarm: &str, now: Timestamp, by: &str, note: &str) -> Result<Ack, SilenceError> {
        let note = said("note", note)?;
        Ok(Ack { alarm: alarm.to_owned(), at: now, by: by.to_owned(), note })
    }
}

/// One line of people's words, without what a terminal would obey.
fn said(what: &'static str, text: &str) -> Result<String, SilenceError> {
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let length = text.chars().count();
    if !(1..=LONGEST_REASON).contains(&length) {
        return Err(SilenceError::Reason { what, length });
    }
    Ok(text)
}

/// Everything that is remembered of silences, those first that were said first.
///
/// # Errors
/// SQLite's.
pub fn silences(connection: &Connection) -> rusqlite::Result<Vec<Silence>> {
    let mut all: Vec<Silence> = bodies(connection, "SELECT id, body FROM silence")?;
    all.sort_by_key(|silence| (silence.from, number(&silence.id)));
    Ok(all)
}

/// Every acknowledgement that is remembered, by alert.
///
/// # Errors
/// SQLite's.
pub fn acks(connection: &Connection) -> rusqlite::Result<Vec<Ack>> {
    bodies(connection, "SELECT alarm, body FROM ack ORDER BY alarm")
}

fn bodies<T: for<'de> Deserialize<'de>>(connection: &Connection, select: &str) -> rusqlite::Result<Vec<T>> {
    static TOLD: Once = Once::new();
    let mut statement = connection.prepare_cached(select)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut all = Vec::new();
    for row in rows {
        let (id, body) = row?;
        match serde_json::from_str(&body) {
            Ok(read) => all.push(read),
            // They are read at every turn: once is enough.
            Err(error) => TOLD.call_once(|| {
                tracing::error!(id, %error, "a silence or acknowledgement cannot be read; it has no effect");
            }),
        }
    }
    Ok(all)
}

/// Keeps a new silence, gives it its identity, and forgets those that ended long ago.
///
/// # Errors
/// [`SilenceError::TooMany`] where too many stand already; [`SilenceError::Sqlite`].
pub fn keep_silence(connection: &Connection, mut silence: Silence) -> Result<Silence, SilenceError> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let now = silence.from;
    let all = silences(&transaction)?;
    if all.iter().filter(|standing| now < standing.over()).count() >= MOST_STANDING {
        return Err(SilenceError::TooMany);
    }
    // The greatest number is never forgotten, so none is given twice.
    let newest = all.iter().map(|silence| number(&silence.id)).max().unwrap_or(0);
    silence.id = format!("s{}", newest + 1);
    let mut over: Vec<&Silence> = all.iter().filter(|silence| silence.over() <= now).collect();
    over.sort_by_key(|silence| silence.over());
    let surplus = (all.len() + 1).saturating_sub(MOST_KEPT);
    for (at, forgotten) in over.iter().enumerate() {
        if at < surplus || forgotten.over().0 + ENDED_KEPT_MS < now.0 {
            transaction.prepare_cached("DELETE FROM silence WHERE id = ?1")?.execute([&forgotten.id])?;
        }
    }
    write_silence(&transaction, &silence)?;
    transaction.commit()?;
    Ok(silence)
}

/// Ends a silence now. Gives it as it is then.
///
/// # Errors
/// [`SilenceError::NoSilence`] where it is not in force; [`SilenceError::Sqlite`].
pub fn end_silence(connection: &Connection, id: &str, now: Timestamp) -> Result<Silence, SilenceError> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let standing =
        silences(&transaction)?.into_iter().find(|silence| silence.id == id && now < silence.over());
    let Some(mut silence) = standing else {
        return Err(SilenceError::NoSilence { id: id.chars().take(60).collect() });
    };
    silence.ended = Some(now);
    write_silence(&transaction, &silence)?;
    transaction.commit()?;
    Ok(silence)
}

/// Keeps an acknowledgement; of an alert that was acknowledged before, the newer one counts.
///
/// # Errors
/// SQLite's.
pub fn keep_ack(connection: &Connection, ack: &Ack) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let body = serde_json::to_string(ack).expect("an acknowledgement is plain data");
    transaction
        .prepare_cached("INSERT INTO ack VALUES (?1, ?2) ON CONFLICT DO UPDATE SET body = excluded.body")?
        .execute(params![ack.alarm, body])?;
    let mut all = acks(&transaction)?;
    all.sort_by_key(|ack| std::cmp::Reverse(ack.at));
    for (at, old) in (0_i64..).zip(&all) {
        if at >= MOST_ACKS || old.at.0 + ACK_KEPT_MS < ack.at.0 {
            transaction.prepare_cached("DELETE FROM ack WHERE alarm = ?1")?.execute([&old.alarm])?;
        }
    }
    transaction.commit()
}

fn write_silence(within: &Connection, silence: &Silence) -> rusqlite::Result<()> {
    let body = serde_json::to_string(silence).expect("a silence is plain data");
    within
        .prepare_cached("INSERT INTO silence VALUES (?1, ?2) ON CONFLICT DO UPDATE SET body = excluded.body")?
        .execute(params![silence.id, body])
        .map(drop)
}

/// The number in an identity.
fn number(id: &str) -> u64 {
    id.strip_prefix('s').and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::remembered;
    use crate::store::Layout;

    const HOUR: Duration = Duration::from_secs(3_600);
    const NOW: Timestamp = Timestamp(1_780_000_000_000);

    fn matchers(texts: &[&str]) -> Vec<Matcher> {
        texts.iter().map(|text| text.parse().expect("a matcher")).collect()
    }

    fn silence(texts: &[&str], now: Timestamp) -> Silence {
        Silence::new(matchers(texts), now, HOUR, "ana", "chiller service").expect("a silence")
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
    }

    fn later(now: Timestamp, ms: i64) -> Timestamp {
        Timestamp(now.0 + ms)
    }

    fn opened(folder: &tempfile::TempDir) -> Connection {
        remembered::open(&Layout::new(folder.path())).expect("opens")
    }

    #[test]
    fn a_silence_covers_what_all_its_matchers_mean_and_nothing_else() {
        let hall = labels(&[("rule", "pue-hall"), ("facility", "hall-1"), ("team", "cooling")]);
        for (texts, covers) in [
            (&["facility=hall-1"][..], true),
            (&["facility=hall-10"], false),
            (&["facility=hall"], false),
            (&["facility=hall*"], true),
            (&["rule=pue*", "team=cooling"], true),
            (&["rule=pue*", "team=power"], false),
            (&["team=*"], true),
            (&["shift=*"], false),
        ] {
            assert_eq!(silence(texts, NOW).covers(&hall, NOW), covers, "{texts:?}");
        }
    }

    #[test]
    fn a_silence_begins_when_it_is_said_and_is_over_at_its_end_or_when_it_is_ended() {
        let hall = labels(&[("facility", "hall-1")]);
        let mut silence = silence(&["facility=hall-1"], NOW);
        assert!(!silence.covers(&hall, later(NOW, -1)));
        assert!(silence.covers(&hall, NOW));
        assert!(silence.covers(&hall, later(NOW, 3_599_999)));
        assert!(!silence.covers(&hall, later(NOW, 3_600_000)));
        silence.ended = Some(later(NOW, 60_000));
        assert!(silence.covers(&hall, later(NOW, 59_999)));
        assert!(!silence.covers(&hall, later(NOW, 60_000)));
        silence.ended = Some(later(NOW, 9_999_999));
        assert_eq!(silence.over(), silence.until, "ended later than its end it is not longer");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_mend() {
        for text in
            ["", "hall-1", "=hall-1", "facility=", "facility=*hall", "a b=c", "rule=a**", "rule=a\u{7}"]
        {
            let error = text.parse::<Matcher>().expect_err(text).to_string();
            assert!(error.contains("LABEL=VALUE"), "{error}");
        }
        let long = format!("rule={}", "x".repeat(LONGEST_MATCHER));
        assert!(long.parse::<Matcher>().is_err());
        let one = || matchers(&["rule=pue"]);
        let refused = |matchers, lasts, reason: &str| {
            Silence::new(matchers, NOW, lasts, "ana", reason).expect_err("refused").to_string()
        };
        assert!(refused(Vec::new(), HOUR, "why").contains("0 conditions"));
        let eleven = std::iter::repeat_n("rule=pue", MOST_MATCHERS + 1).collect::<Vec<_>>();
        assert!(refused(matchers(&eleven), HOUR, "why").contains("11 conditions"));
        assert!(refused(one(), HOUR, " ").contains("reason has 0"));
        assert!(refused(one(), HOUR, &"x".repeat(501)).contains("reason has 501"));
        assert!(refused(one(), Duration::from_secs(59), "why").contains("59 s"));
        assert!(refused(one(), LONGEST + Duration::from_secs(1), "why").contains("366 days"));
        assert!(Ack::new("a", NOW, "ana", "").expect_err("refused").to_string().contains("note has 0"));
        let said = Silence::new(one(), NOW, HOUR, "ana", "two\nlines\u{1b}[31m").expect("a silence");
        assert_eq!(said.reason, "two lines [31m", "nothing in it moves a terminal");
    }

    #[test]
    fn silences_and_acknowledgements_survive_a_restart_word_for_word() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = opened(&folder);
        let first = keep_silence(&connection, silence(&["facility=hall*", "rule=pue"], NOW)).expect("kept");
        let second = keep_silence(&connection, silence(&["severity=info"], later(NOW, 1))).expect("kept");
        assert_eq!((first.id.as_str(), second.id.as_str()), ("s1", "s2"));
        let ended = end_silence(&connection, "s1", later(NOW, 5)).expect("ended");
        let ack = Ack::new("pue-20260610t1200z", NOW, "ana", "looking").expect("an ack");
        keep_ack(&connection, &ack).expect("kept");
        let newer = Ack::new("pue-20260610t1200z", later(NOW, 9), "ben", "mine").expect("an ack");
        keep_ack(&connection, &newer).expect("kept");
        drop(connection);

        let connection = opened(&folder);
        assert_eq!(silences(&connection).expect("read"), [ended.clone(), second]);
        assert_eq!(ended.ended, Some(later(NOW, 5)));
        assert_eq!(acks(&connection).expect("read"), [newer]);
        for id in ["s1", "s3", ""] {
            let error = end_silence(&connection, id, later(NOW, 9)).expect_err("not in force").to_string();
            assert!(error.contains("is in force"), "{error}");
        }
    }

    #[test]
    fn only_so_many_stand_and_the_ended_ones_go_after_thirty_days() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = opened(&folder);
        for _ in 0..MOST_STANDING {
            keep_silence(&connection, silence(&["rule=pue"], NOW)).expect("kept");
        }
        let error = keep_silence(&connection, silence(&["rule=pue"], NOW)).expect_err("too many");
        assert!(matches!(error, SilenceError::TooMany), "{error}");

        let over = later(NOW, 3_600_000);
        let next = keep_silence(&connection, silence(&["rule=pue"], over)).expect("room again");
        assert_eq!(next.id, format!("s{}", MOST_STANDING + 1));
        assert_eq!(silences(&connection).expect("read").len(), MOST_STANDING + 1, "kept after their end");

        let month = later(over, ENDED_KEPT_MS + 1);
        let after = keep_silence(&connection, silence(&["rule=pue"], month)).expect("kept");
        let left: Vec<String> =
            silences(&connection).expect("read").into_iter().map(|silence| silence.id).collect();
        assert_eq!(left, [next.id, after.id], "those that ended a month ago are gone");
    }

    #[test]
    fn a_row_that_cannot_be_read_takes_no_other_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = opened(&folder);
        let kept = keep_silence(&connection, silence(&["rule=pue"], NOW)).expect("kept");
        connection.execute("INSERT INTO silence VALUES ('s0', '{\"id\": 7}')", []).expect("damaged");
        assert_eq!(silences(&connection).expect("read"), [kept]);
    }
}
