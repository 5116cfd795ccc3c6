//! Alerts as people look at them: what is up with what was said of it, and what was up before.

use super::Message;
use super::alarm::{self, Alarm};
use crate::desk::silence::{self, Ack, Silence};
use crate::outputs::remembered;
use crate::outputs::snapshot::{AlertView, rfc3339};
use crate::store::{Layout, StoreError};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::time::Duration;
use wattledger_model::time::Timestamp;

/// Alerts that are over, listed at most.
const MOST_PAST: usize = 1_000;

/// What there is to say of alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// When it was made.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// What is up: the gravest first, then what is up the longest.
    pub up: Vec<AlertView>,
    /// What was up and is over, the latest first; empty where it was not asked for.
    pub past: Vec<PastAlert>,
    /// Every silence that is remembered, ended ones among them.
    pub silences: Vec<Silence>,
}

/// An alert that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastAlert {
    /// Its identity.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// What kind of condition it watches.
    pub condition: String,
    /// The facility.
    pub facility: String,
    /// What in it.
    pub subject: String,
    /// `critical`, `warning` or `info`.
    pub severity: String,
    /// When it was raised.
    #[serde(with = "rfc3339")]
    pub raised_at: Timestamp,
    /// When it was cleared.
    #[serde(with = "rfc3339")]
    pub cleared_at: Timestamp,
    /// The value at which it was raised.
    pub value: f64,
    /// The limit that it passed.
    pub limit: f64,
    /// UCUM symbol of both.
    pub unit: String,
    /// Why it was raised.
    pub reason: String,
    /// The numbers behind it.
    pub cause: String,
    /// Who looked after it.
    pub acknowledged: Option<Ack>,
}

/// What there is to say of alerts, from the file of a collector that does not run.
///
/// # Errors
/// [`StoreError`] where there is none, or it cannot be read.
pub fn of_file(layout: &Layout, now: Timestamp, past: Option<Duration>) -> Result<Listing, StoreError> {
    let connection = remembered::open_existing(layout)?;
    read(&connection, now, past).map_err(|source| StoreError::Sqlite { path: layout.outputs(), source })
}

pub(crate) fn read(
    connection: &Connection,
    now: Timestamp,
    past: Option<Duration>,
) -> rusqlite::Result<Listing> {
    let (silences, acks) = (silence::silences(connection)?, silence::acks(connection)?);
    let mut up: Vec<AlertView> = alarm::open(connection)?.iter().map(|alarm| shown(&alarm.latest)).collect();
    up.iter_mut().for_each(|alert| mark(alert, &silences, &acks, now));
    sort(&mut up);
    let mut over = Vec::new();
    if let Some(past) = past {
        let from = now.0.saturating_sub(i64::try_from(past.as_millis()).unwrap_or(i64::MAX));
        let history = alarm::history(connection, from, i64::MAX)?;
        over = history.iter().filter_map(|alarm| past_alert(alarm, &acks)).collect();
        over.sort_by_key(|alert: &PastAlert| Reverse((alert.raised_at, alert.cleared_at)));
        over.truncate(MOST_PAST);
    }
    Ok(Listing { at: now, up, past: over, silences })
}

/// The gravest first, then what is up the longest.
pub(crate) fn sort(alerts: &mut [AlertView]) {
    let grave = |severity: &str| match severity {
        "critical" => 0,
        "warning" => 1,
        _ => 2,
    };
    alerts.sort_by(|a, b| (grave(&a.severity), a.since, &a.id).cmp(&(grave(&b.severity), b.since, &b.id)));
}

/// Says of an alert who silenced it and who looks after it.
pub(crate) fn mark(alert: &mut AlertView, silences: &[Silence], acks: &[Ack], now: Timestamp) {
    let covering = silences.iter().filter(|silence| silence.covers(&alert.labels, now));
    alert.silenced_by = covering.max_by_key(|silence| silence.over()).cloned();
    alert.acknowledged = acks.iter().find(|ack| ack.alarm == alert.id).cloned();
}

/// An alert that is up, as it was said last.
pub(super) fn shown(latest: &Message) -> AlertView {
    let instant = |text: &str| Timestamp::from_rfc3339(text);
    AlertView {
        id: latest.id.clone(),
        rule: latest.rule.clone(),
        condition: latest.condition.clone(),
        facility: latest.facility.clone(),
        subject: latest.subject.clone(),
        severity: latest.severity.clone(),
        since: instant(&latest.since).unwrap_or_default(),
        raised_at: instant(&latest.raised_at),
        what: latest.what.clone(),
        value: latest.value,
        limit: latest.limit,
        unit: latest.unit.clone(),
        window: latest.window.clone(),
        coverage: latest.coverage,
        reason: latest.reason.clone(),
        cause: latest.cause.clone(),
        changed: latest.changed.clone(),
        suppresses: latest.suppresses.clone(),
        look_at: latest.look_at.clone(),
        labels: latest.all_labels(),
        annotations: latest.annotations.clone(),
        silenced_by: None,
        acknowledged: None,
        as_of: instant(&latest.as_of),
    }
}

fn past_alert(alarm: &Alarm, acks: &[Ack]) -> Option<PastAlert> {
    let raised = &alarm.raised;
    Some(PastAlert {
        id: alarm.id.clone(),
        rule: alarm.rule.clone(),
        condition: raised.condition.clone(),
        facility: alarm.facility.clone(),
        subject: raised.subject.clone(),
        severity: raised.severity.clone(),
        raised_at: Timestamp(alarm.raised_ms),
        cleared_at: Timestamp(alarm.cleared_ms?),
        value: raised.value,
        limit: raised.limit,
        unit: raised.unit.clone(),
        reason: raised.reason.clone(),
        cause: raised.cause.clone(),
        acknowledged: acks.iter().find(|ack| ack.alarm == alarm.id).cloned(),
    })
}
