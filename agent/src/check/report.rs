//! What a check has found, before it is text or JSON.

use super::amount::converted;
use crate::config::AgentConfig;
use serde_json::{Value, json};
use std::time::Duration;
use wattledger_model::name::Name;
use wattledger_model::reading::{Reading, Refused};
use wattledger_model::time::Timestamp;

/// A reading further ahead of this machine's clock is refused by the collector. Source: domain.md 5.1.
const MOST_AHEAD_MS: i64 = 300_000;
/// A reading older than this is worth a word: a clock, a zone, or a message that was kept.
const OLD_MS: i64 = 86_400_000;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Worth knowing, and not wrong.
    Note,
    /// Not as it should be.
    Wrong,
}

impl State {
    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Wrong => "WRONG",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What it is of: `link`, `spool`, a source.
    pub(super) part: &'static str,
    pub(super) state: State,
    pub(super) says: String,
}

impl Finding {
    pub(super) fn new(part: &'static str, state: State, says: impl Into<String>) -> Finding {
        Finding { part, state, says: says.into() }
    }
}

/// What a rule or a device reads now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The rule's number in its source, and the profile's name for the reading.
    pub(super) rule: String,
    /// The topic or the device; for what was not heard, the topics that would be.
    pub(super) from: String,
    pub(super) meter: Option<Name>,
    pub(super) kind: Option<&'static str>,
    /// The number as the device wrote it.
    pub(super) value: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) converted: Option<String>,
    /// The time it carries; `None` where the arrival is its time.
    pub(super) at: Option<Timestamp>,
    pub(super) state: State,
    /// A word for the status.
    pub(super) status: &'static str,
    /// The rest, where there is more to say.
    pub(super) why: String,
}

impl Row {
    /// A row of something that gave no reading.
    pub(super) fn without(rule: &str, from: &str, state: State, status: &'static str, why: String) -> Row {
        let (rule, from) = (rule.to_owned(), from.to_owned());
        let (meter, kind, value, unit) = (None, None, None, None);
        Row { rule, from, meter, kind, value, unit, converted: None, at: None, state, status, why }
    }

    /// The row of a refusal.
    pub(super) fn refused(rule: &str, from: &str, refused: &Refused) -> Row {
        let why = format!("{}: {}", refused.cause.word(), refused.detail);
        let row = Row::without(rule, from, State::Wrong, "refused", why);
        Row { meter: refused.meter.clone(), ..row }
    }

    /// The row of a reading.
    pub(super) fn read(rule: &str, from: &str, meter: Name, reading: &Reading, is_state: bool) -> Row {
        let ahead = reading.skew_ms();
        let (state, status, why) = if ahead > MOST_AHEAD_MS {
            let why = format!(
                "its time is {} ahead of this machine's clock: the collector puts it in quarantine; set one of the clocks, \
                 or mend the time zone of the rule",
                span(ahead)
            );
            (State::Wrong, "ahead", why)
        } else if ahead < -OLD_MS {
            let why = format!("its time is {} ago: kept by somebody, or a wrong clock or zone", span(-ahead));
            (State::Note, "old", why)
        } else {
            (State::Ok, "ok", String::new())
        };
        let kind = if is_state { Some("state") } else { reading.unit.map(|unit| unit.kind().word()) };
        Row {
            rule: rule.to_owned(),
            from: from.to_owned(),
            meter: Some(meter),
            kind,
            value: Some(reading.value.to_string()),
            unit: reading.unit.map(|unit| unit.to_string()),
            converted: reading.unit.and_then(|unit| converted(reading.value, unit)),
            at: (reading.at != reading.arrived).then_some(reading.at),
            state,
            status,
            why,
        }
    }

    fn json(&self) -> Value {
        json!({
            "rule": self.rule, "from": self.from, "meter": self.meter.as_ref().map(Name::as_str), "kind": self.kind,
            "value": self.value, "unit": self.unit, "converted": self.converted,
            "time": self.at.map(|at| at.to_string()), "well": self.state != State::Wrong, "status": self.status,
            "why": self.why,
        })
    }
}

/// A length of time in its largest whole unit.
pub(super) fn span(ms: i64) -> String {
    let s = ms / 1_000;
    match s {
        ..120 => format!("{s} s"),
        120..7_200 => format!("{} min", s / 60),
        7_200..172_800 => format!("{} h", s / 3_600),
        _ => format!("{} days", s / 86_400),
    }
}

/// One source, and all that it would read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceReport {
    /// Its name, and where it is.
    pub(super) name: String,
    pub(super) findings: Vec<Finding>,
    pub(super) rows: Vec<Row>,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    /// The configuration's file.
    pub(super) file: String,
    /// What certificates there are.
    pub(super) certificates: Vec<String>,
    warnings: Vec<String>,
    /// How long was listened; `None` where only the file was looked at.
    pub(super) listened: Option<Duration>,
    pub(super) findings: Vec<Finding>,
    pub(super) sources: Vec<SourceReport>,
}

impl Report {
    /// The report on a configuration that can be used.
    pub(super) fn of_file(config: &AgentConfig, file: String) -> Report {
        let certificates = config.certificates();
        let warnings = config.warnings.all().iter().map(ToString::to_string).collect();
        Report { file, certificates, warnings, listened: None, findings: Vec::new(), sources: Vec::new() }
    }

    /// How many things are wrong.
    pub(super) fn wrongs(&self) -> usize {
        let findings = self.findings.iter().chain(self.sources.iter().flat_map(|source| &source.findings));
        let rows = self.sources.iter().flat_map(|source| &source.rows);
        let states = findings.map(|finding| finding.state).chain(rows.map(|row| row.state));
        states.filter(|state| *state == State::Wrong).count()
    }

    /// Whether nothing is wrong.
    pub(super) fn is_well(&self) -> bool {
        self.wrongs() == 0
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let finding = |finding: &Finding| {
            let well = finding.state != State::Wrong;
            json!({"part": finding.part, "well": well, "status": finding.state.word(), "says": finding.says})
        };
        let findings = |all: &[Finding]| all.iter().map(finding).collect::<Vec<_>>();
        let source = |source: &SourceReport| {
            let rows: Vec<Value> = source.rows.iter().map(Row::json).collect();
            json!({"name": source.name, "findings": findings(&source.findings), "rows": rows})
        };
        json!({
            "file": self.file, "well": self.is_well(), "warnings": self.warnings, "certificates": self.certificates,
            "listened_s": self.listened.map(|listened| listened.as_secs_f64()),
            "findings": findings(&self.findings),
            "sources": self.sources.iter().map(source).collect::<Vec<_>>(),
        })
    }
}
