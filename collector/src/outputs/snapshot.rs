//! What the page shows at one moment, as one immutable value: `GET /api/snapshot` and the live stream carry
//! its JSON. The engine publishes a new one after each flush; readers share it behind an `Arc`.
//!
//! Numbers that are not known are `null`, never zero. Instants are RFC 3339 in UTC.

use crate::desk::silence::{Ack, Silence};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wattledger_model::time::Timestamp;

/// Everything the page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of the collector.
    pub version: String,
    /// Name of the collector.
    pub collector: String,
    /// When the snapshot was made, by the collector's clock.
    #[serde(with = "rfc3339")]
    pub generated_at: Timestamp,
    /// Seconds since the collector started.
    pub uptime_s: u64,
    /// Every configured facility, in the order of the configuration.
    pub facilities: Vec<FacilityView>,
    /// Every agent that is configured or was ever heard.
    pub agents: Vec<AgentView>,
    /// Every meter that is configured or was ever heard.
    pub meters: Vec<MeterView>,
    /// What was refused, by cause.
    pub quarantine: Vec<QuarantineView>,
    /// Every configured output.
    pub outputs: Vec<OutputView>,
    /// Alerts that are raised now.
    pub alerts: Vec<AlertView>,
    /// Every configured channel of alerts.
    #[serde(default)]
    pub channels: Vec<ChannelView>,
    /// What the collector has done since it started, and what it occupies.
    #[serde(default)]
    pub work: WorkView,
}

/// One facility: its live figures, its targets and its indicators by window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FacilityView {
    /// The facility's name, unique in the collector.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The site it is in.
    pub site: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// The horizon: live windows end here. `None` before the first complete minute.
    #[serde(with = "rfc3339_option")]
    pub as_of: Option<Timestamp>,
    /// Seconds from the horizon to the collector's clock.
    pub lag_s: Option<f64>,
    /// Where IT energy is measured; `None` while that is not known.
    pub category: Option<Category>,
    /// Why no PUE can be computed, such as `no IT energy meter`.
    pub problem: Option<String>,
    /// Mean power over the latest covered quarter of an hour up to the horizon.
    pub power: PowerView,
    /// Energy of the 24 hours up to the horizon.
    pub last_day: LastDayView,
    /// Targets that apply.
    pub targets: Vec<TargetView>,
    /// Indicators by window.
    pub windows: Vec<WindowView>,
}

/// Where IT energy is measured. Source: ISO/IEC 30134-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Category {
    /// At the UPS output.
    #[serde(rename = "PUE1")]
    Pue1,
    /// At the PDU output.
    #[serde(rename = "PUE2")]
    Pue2,
    /// At the input of the IT equipment.
    #[serde(rename = "PUE3")]
    Pue3,
}

/// Mean power of a facility.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PowerView {
    /// Power of the whole facility, W.
    pub total_w: Option<f64>,
    /// Power of its IT equipment, W.
    pub it_w: Option<f64>,
}

/// Energy of a facility over the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LastDayView {
    /// Energy of the whole facility, kWh.
    pub total_kwh: Option<f64>,
    /// Energy of its IT equipment, kWh.
    pub it_kwh: Option<f64>,
    /// Share of the day that is covered on both sides, 0 to 1.
    pub coverage: f64,
}

/// A target that applies to a facility's PUE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetView {
    /// Identity in the table of targets, such as `D130`.
    pub id: String,
    /// The limit.
    pub limit: f64,
    /// `<=` or `<`.
    pub operator: String,
}

/// The indicators of one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowView {
    /// `1m`, `15m`, `1h`, `24h`, `7d`, `30d`, `12mo`, `day`, `week`, `month`, `quarter` or `year`.
    pub window: String,
    /// The window in words.
    pub label: String,
    /// Whether the window ends at the horizon and moves with it; calendar windows start at a local date.
    pub rolling: bool,
    /// Start of the window.
    #[serde(with = "rfc3339")]
    pub from: Timestamp,
    /// End of the window, not inside it.
    #[serde(with = "rfc3339")]
    pub to: Timestamp,
    /// Total energy over IT energy; numerator and denominator in kWh.
    pub pue: Figure,
    /// Water over IT energy, L/kWh; numerator in litres, denominator in kWh. `None` without a water meter.
    pub wue: Option<Figure>,
    /// CO₂ over IT energy, kg/kWh; numerator in kg, denominator in kWh. `None` without an emission factor.
    pub cue: Option<Figure>,
    /// CO₂ of the facility's energy, kg, location-based. `None` without an emission factor.
    pub carbon_kg: Option<Figure>,
    /// Energy of the window with everything that was booked: measured, interpolated and estimated.
    pub energy: EnergyView,
}

/// Energy of a window.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct EnergyView {
    /// Energy of the whole facility, kWh.
    pub total_kwh: Option<f64>,
    /// Energy of its IT equipment, kWh.
    pub it_kwh: Option<f64>,
}

/// One figure with how well it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The value, unrounded.
    pub value: Option<f64>,
    /// The value's full name, such as `iPUE1 (2026-10-01:2026-10-31)`.
    pub notation: String,
    /// Whether the value may be relied on.
    pub status: FigureStatus,
    /// What was divided.
    pub numerator: Option<f64>,
    /// By what.
    pub denominator: Option<f64>,
    /// Expanded uncertainty (k = 2), in the unit of the value; `None` where it is not known.
    pub expanded: Option<f64>,
    /// Whether the uncertainty is at most 5 % of the value; `None` where that cannot be said.
    pub resolved: Option<bool>,
    /// Share of the window that numerator and denominator both cover, 0 to 1.
    pub coverage: f64,
    /// Share of the energy that was spread over long steps, 0 to 1.
    pub interpolated: f64,
    /// Share of the energy that was estimated, 0 to 1.
    pub estimated: f64,
    /// One verdict a target; empty for figures without targets.
    pub verdicts: Vec<VerdictView>,
}

/// Whether a figure may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureStatus {
    /// Covered well enough to be judged.
    Ok,
    /// Too little is covered; the value may still move.
    Provisional,
    /// The denominator is zero.
    Undefined,
    /// Below 1: a meter is missing or mislabelled. Shown as it is.
    Implausible,
    /// Nothing is covered.
    NoData,
}

/// What a figure says about a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictView {
    /// Identity of the target.
    pub target: String,
    /// Its limit.
    pub limit: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in words; always given for `not_assessable`.
    pub reasons: Vec<String>,
}

/// A verdict: guarded by the uncertainty of the meters, or unguarded where that is not known.
/// Source: domain.md 6.1, 6.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The value meets the limit with all of its uncertainty.
    Compliant,
    /// The value meets the limit, but not with all of its uncertainty.
    ConditionalPass,
    /// The value misses the limit, but not with all of its uncertainty.
    ConditionalFail,
    /// The value misses the limit with all of its uncertainty.
    NonCompliant,
    /// The value meets the limit; the uncertainty is not known or not looked at.
    PassUnguarded,
    /// The value does not meet the limit; the uncertainty is not known or not looked at.
    FailUnguarded,
    /// No verdict is due; the reasons say why.
    NotAssessable,
}

/// One agent's health, from its own status and from what arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentView {
    /// The agent's site.
    pub site: String,
    /// The agent's name.
    pub agent: String,
    /// Whether it is heard.
    pub state: AgentState,
    /// When it was last heard.
    #[serde(with = "rfc3339_option")]
    pub last_seen: Option<Timestamp>,
    /// Its version; empty while not known.
    pub version: String,
    /// Batches in its spool that the collector has not acknowledged.
    pub unacknowledged: u64,
    /// Bytes in its spool.
    pub spool_bytes: u64,
    /// Bytes its spool may hold.
    pub spool_limit_bytes: u64,
    /// Readings taken in since the spool was made.
    pub taken_in: u64,
    /// Payloads refused since the spool was made.
    pub refused: u64,
    /// Readings dropped because the spool was full, or damaged on the agent's disk.
    pub lost: u64,
    /// What became of the readings it took in.
    pub receipt: ReceiptView,
    /// Readings that wait in the agent's memory because its spool cannot be written.
    pub held_back: u64,
    /// Why it cannot be written; empty while it can.
    pub spool_trouble: String,
    /// How often the agent's clock was set since it started.
    pub clock_jumps: u64,
    /// By how much the last time, ms.
    pub clock_jumped_ms: i64,
    /// How far its clock is ahead of the collector's by its last statuses, ms; below zero where it is behind. `None` before
    /// one was heard.
    #[serde(default)]
    pub clock_skew_ms: Option<i64>,
    /// Its sources.
    pub sources: Vec<SourceView>,
}

/// What became of the readings that an agent took in since its spool was made, in readings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// Held by the agent without an acknowledgement, as it said last.
    pub waiting: u64,
    /// Thinned away by the agent.
    pub thinned: u64,
    /// Taken in here, each counted once.
    pub committed: u64,
    /// Came again.
    pub duplicated: u64,
    /// Of those committed, put in quarantine here.
    pub quarantined: u64,
    /// Taken in by the agent, and neither here, nor waiting, nor told of as thinned or lost. Below zero while
    /// acknowledgements are under way.
    pub unaccounted: i64,
    /// Batches that neither this store nor the agent has any more.
    pub missing_batches: u64,
    /// Batches that stood for others of which this store had some or all, since the collector started.
    #[serde(default)]
    pub overlapping_batches: u64,
}

/// Whether an agent is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentState {
    /// Heard within the last minutes.
    Live,
    /// Heard before, not now.
    Silent,
    /// Configured, never heard.
    Never,
}

/// One source of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceView {
    /// The source's name in the agent's configuration.
    pub name: String,
    /// Whether it is delivering.
    pub healthy: bool,
    /// What it says of itself.
    pub detail: String,
}

/// One meter's health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeterView {
    /// The meter's site.
    pub site: String,
    /// The meter's name in its site.
    pub meter: String,
    /// What people call it; empty where it has no title.
    pub title: String,
    /// The facility it belongs to.
    pub facility: Option<String>,
    /// Its role in the facility.
    pub role: Option<String>,
    /// Its kind of value; empty while not known.
    pub kind: String,
    /// The unit its readings are shown in.
    pub unit: String,
    /// Whether readings arrive.
    pub state: MeterState,
    /// Whether the configuration claims it.
    pub assigned: bool,
    /// Instant of the latest reading.
    #[serde(with = "rfc3339_option")]
    pub last_at: Option<Timestamp>,
    /// Seconds from the latest reading to the collector's clock.
    pub age_s: Option<f64>,
    /// The latest value as the device wrote it.
    pub last_value: Option<String>,
    /// Power over the latest covered minutes, W, where the meter gives energy or power.
    pub power_w: Option<f64>,
    /// Share of the last 24 hours that is covered, 0 to 1.
    pub coverage_24h: f64,
    /// Resets of the register that were booked.
    pub resets: u64,
    /// Falls and jumps of the register that readings to come may still decide otherwise: provisional.
    pub pending: u64,
    /// Readings that came again with the same value, since the store was made.
    pub duplicates: u64,
    /// Readings for an instant that had another value, since the store was made; the one with precedence counts.
    pub conflicts: u64,
    /// Readings refused.
    pub refused: u64,
}

/// Whether a meter's readings arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeterState {
    /// The latest reading is as recent as the nominal interval promises.
    Fresh,
    /// Readings came before, not now.
    Stale,
    /// Claimed by the configuration, never read.
    Never,
}

/// What was refused for one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuarantineView {
    /// The cause, as a word.
    pub cause: String,
    /// How many were refused since the store was made.
    pub count: u64,
    /// How many of them are kept and wait for somebody to decide.
    #[serde(default)]
    pub held: u64,
    /// When the latest was.
    #[serde(with = "rfc3339")]
    pub last_at: Timestamp,
    /// Where the latest came from: a topic, an agent or a meter.
    pub origin: String,
    /// What was wrong with the latest.
    pub detail: String,
}

/// One output: a durable cursor over change numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputView {
    /// The output's name.
    pub name: String,
    /// Its kind, such as `influx`.
    pub kind: String,
    /// Whether it keeps up.
    pub state: OutputState,
    /// The change number it has written.
    pub cursor: u64,
    /// The latest change number.
    pub head: u64,
    /// Points written since the collector started.
    pub points: u64,
    /// Points the database refused.
    pub refused_points: u64,
    /// The latest error, while it lasts.
    pub last_error: Option<String>,
}

/// Whether an output keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputState {
    /// It has written all there is.
    Ok,
    /// It writes, and has more to write.
    Behind,
    /// It cannot write.
    Down,
}

/// One channel of alerts, with what became of its messages since the collector started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// The channel's name.
    pub name: String,
    /// Its kind: `webhook`, `alertmanager`, `mail` or `mqtt`.
    pub kind: String,
    /// `down` from a delivery that failed until one that is taken.
    pub state: OutputState,
    /// Messages that were taken.
    pub delivered: u64,
    /// Deliveries that failed, each attempt counted.
    pub failed: u64,
    /// Messages given up, since they were refused or nobody took them for a week.
    pub given_up: u64,
    /// The latest error, while it lasts.
    pub last_error: Option<String>,
}

/// One raised alert.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertView {
    /// The alert's identity.
    pub id: String,
    /// The rule that raised it.
    pub rule: String,
    /// What kind of condition the rule watches, such as `pue-excursion` or `stale`.
    #[serde(default)]
    pub condition: String,
    /// The facility it is about.
    pub facility: String,
    /// What in the facility it is about, such as `hall-1` or `hall-1 meter chiller-1`.
    #[serde(default)]
    pub subject: String,
    /// How grave it is: `critical`, `warning` or `info`.
    pub severity: String,
    /// When its cause was first seen.
    #[serde(with = "rfc3339")]
    pub since: Timestamp,
    /// When it was raised.
    #[serde(with = "rfc3339_option", default)]
    pub raised_at: Option<Timestamp>,
    /// What the value is, such as `PUE over 1 h`.
    #[serde(default)]
    pub what: String,
    /// The value now.
    pub value: f64,
    /// The limit it passed.
    pub limit: f64,
    /// UCUM symbol of value and limit; `1` for a ratio.
    #[serde(default)]
    pub unit: String,
    /// The window the value is of; empty where the condition has none.
    pub window: String,
    /// Coverage of that value, 0 to 1.
    pub coverage: f64,
    /// Why it was raised, in words.
    pub reason: String,
    /// One sentence with the numbers behind it; may be empty.
    #[serde(default)]
    pub cause: String,
    /// What changed against the day or week before, the most first, a sentence each.
    #[serde(default)]
    pub changed: Vec<String>,
    /// What is not told apart because this explains it.
    #[serde(default)]
    pub suppresses: Vec<String>,
    /// A command that shows more.
    #[serde(default)]
    pub look_at: String,
    /// What silences match: rule, condition, facility, subject, severity, and the rule's own labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The rule's own words.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// The silence for which nobody is told of it; of several the one that lasts longest.
    #[serde(default)]
    pub silenced_by: Option<Silence>,
    /// Who looks after it.
    #[serde(default)]
    pub acknowledged: Option<Ack>,
    /// The end of the latest window that was judged: until then it is raised.
    #[serde(with = "rfc3339_option", default)]
    pub as_of: Option<Timestamp>,
}

/// What the collector has done since it started, and what it occupies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkView {
    /// When it started; `None` before the first snapshot, when nothing else here is known either.
    #[serde(with = "rfc3339_option")]
    pub started: Option<Timestamp>,
    /// Readings taken in, those that came again among them.
    pub readings: u64,
    /// Payloads that became durable or were refused: batches, and readings sent by hand.
    pub batches: u64,
    /// Batches that came again.
    pub duplicate_batches: u64,
    /// Flushes: commits to the ledger.
    pub commits: u64,
    /// How long all flushes took, s.
    pub flush_total_s: f64,
    /// How long the latest flush took, s; `None` before the first.
    pub flush_s: Option<f64>,
    /// How long all payloads waited from their arrival until they were durable, s.
    pub lag_total_s: f64,
    /// The longest of those waits in the last ten to twenty seconds, s; `None` where nothing came.
    pub lag_s: Option<f64>,
    /// The ledger's change number.
    pub change: u64,
    /// Bytes of the files in the data directory.
    pub store_bytes: Option<u64>,
    /// Resident memory of the process, bytes.
    pub memory_bytes: Option<u64>,
    /// Things that are wrong now, as `/healthz` tells them.
    pub problems: u64,
}

/// An instant as RFC 3339 text.
pub(crate) mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use wattledger_model::time::Timestamp;

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        Timestamp::from_rfc3339(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not an RFC 3339 time")))
    }
}

/// An instant as RFC 3339 text, or null.
pub(crate) mod rfc3339_option {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use wattledger_model::time::Timestamp;

    pub(crate) fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.collect_str(at),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let at = Timestamp::from_rfc3339(&text);
        at.map(Some).ok_or_else(|| D::Error::custom(format!("`{text}` is not an RFC 3339 time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_instants_are_those_of_the_published_json() {
        let figure = Figure {
            value: Some(f64::NAN),
            notation: "iPUE1".to_owned(),
            status: FigureStatus::NoData,
            numerator: None,
            denominator: Some(0.0),
            expanded: None,
            resolved: None,
            coverage: 0.0,
            interpolated: 0.0,
            estimated: 0.0,
            verdicts: vec![VerdictView {
                target: "D130".to_owned(),
                limit: 1.3,
                verdict: Verdict::NotAssessable,
                reasons: vec!["nothing is covered".to_owned()],
            }],
        };
        let json = serde_json::to_value(&figure).expect("a figure is plain data");
        assert_eq!(json["status"], "no-data");
        assert_eq!(json["value"], serde_json::Value::Null, "what is not finite is not a number");
        assert_eq!(json["verdicts"][0]["verdict"], "not_assessable");
        assert_eq!(serde_json::to_value(Category::Pue2).expect("a word"), "PUE2");

        let quarantine = QuarantineView {
            cause: "unit".to_owned(),
            count: 3,
            held: 2,
            last_at: Timestamp(1_500),
            origin: "topic".to_owned(),
            detail: String::new(),
        };
        let text = serde_json::to_string(&quarantine).expect("plain data");
        assert!(text.contains(r#""last_at":"1970-01-01T00:00:01.500Z""#), "{text}");
        assert_eq!(serde_json::from_str::<QuarantineView>(&text).expect("reads back"), quarantine);
    }
}
