//! Who must be told of which alert now: pure. The same alerts, silences and acknowledgements, and what was told
//! before, give the same messages, in one run or with a restart at any point.

use super::alarm::Alarm;
use super::decide::Turn;
use super::group::Parcel;
use super::message::{self, Message};
use super::told::{Heard, Told};
use crate::config::{AlertRule, Channel};
use crate::desk::silence::{Ack, Silence};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

/// An alert that was over, or last judged, longer ago is recorded and not told. Source: domain.md 5.8.
const TOLD_WITHIN_MS: i64 = DAY_MINUTES * MINUTE_MS;

/// What a channel is told of, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelSettings {
    /// Its name.
    pub(crate) name: String,
    /// The rules that send to it.
    pub(crate) rules: BTreeSet<String>,
    /// What is up is told again after so long, ms; `None` never.
    pub(crate) repeat_ms: Option<i64>,
    /// Whether it is told of the end.
    pub(crate) send_resolved: bool,
    /// Labels by which alerts go into one message.
    pub(crate) group_by: Vec<String>,
    /// How long the first of a group waits, ms; 0 where each alert is a message of its own.
    pub(crate) group_wait_ms: i64,
}

impl ChannelSettings {
    /// The settings of every channel.
    pub(crate) fn of(channels: &[Channel], rules: &[AlertRule]) -> Vec<ChannelSettings> {
        let settings = |channel: &Channel| {
            let sends = |rule: &&AlertRule| rule.channels.contains(&channel.name);
            ChannelSettings {
                name: channel.name.to_string(),
                rules: rules.iter().filter(sends).map(|rule| rule.name.to_string()).collect(),
                repeat_ms: channel.telling.repeat_interval.map(milliseconds),
                send_resolved: channel.telling.send_resolved,
                group_by: channel.telling.group_by.clone(),
                group_wait_ms: milliseconds(channel.telling.group_wait),
            }
        };
        channels.iter().map(settings).collect()
    }
}

fn milliseconds(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// A message that is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notification {
    /// Who gets it.
    pub(crate) channel: String,
    /// Its key: a repetition of its delivery has the same.
    pub(crate) key: String,
    /// The turns that it tells: alert and which way.
    pub(crate) turns: Vec<(String, Turn)>,
    /// What it says.
    pub(crate) parcel: Parcel,
}

/// What has to be done now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Due {
    /// Messages to send, in this order.
    pub(crate) notifications: Vec<Notification>,
    /// Turns that begin to wait for others of their group: channel, alert, which way.
    pub(crate) noticed: Vec<(String, String, Turn)>,
    /// Ends that will not be told, since the channel wants none: channel, alert.
    pub(crate) settled: Vec<(String, String)>,
    /// When something may be due next, if nothing happens before.
    pub(crate) next: Option<Timestamp>,
}

/// What is due now. Every turn is told once to each channel of its rule; a clear to exactly those who were told of the
/// raise; what stays up is told again after the channel's interval, and when a silence over it ends. Under a
/// silence, or once it was acknowledged, nobody is told that an alert is up; who knew of it is told of its end.
pub(crate) fn due(
    alarms: &[Alarm],
    told: &Told,
    silences: &[Silence],
    acks: &[Ack],
    channels: &[ChannelSettings],
    now: Timestamp,
) -> Due {
    let mut due = Due::default();
    let judged: Vec<Judged<'_>> = alarms.iter().map(|alarm| Judged::of(alarm, silences, acks, now)).collect();
    for silence in silences {
        due.at_latest(silence.over(), now);
    }
    for channel in channels {
        let mut groups: BTreeMap<Vec<String>, Vec<Telling<'_>>> = BTreeMap::new();
        for judged in &judged {
            let nothing = Heard::default();
            let heard = told.of(&channel.name, &judged.alarm.id).unwrap_or(&nothing);
            let tellings = judged.tellings(channel, heard, now, &mut due);
            if channel.group_wait_ms > 0 {
                let group = channel.group_by.iter().map(|label| judged.label(label));
                groups.entry(group.collect()).or_default().extend(tellings);
            } else {
                due.notifications.extend(tellings.iter().map(|telling| telling.alone(channel, now)));
            }
        }
        for (values, tellings) in groups {
            due.group(channel, &values, &tellings, told, now);
        }
    }
    due
}

impl Due {
    fn at_latest(&mut self, at: Timestamp, now: Timestamp) {
        if at > now {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }

    /// What a group has to say: everything as soon as one of it has waited long enough.
    fn group(
        &mut self,
        channel: &ChannelSettings,
        values: &[String],
        tellings: &[Telling<'_>],
        told: &Told,
        now: Timestamp,
    ) {
        let mut ready: Option<Timestamp> = None;
        for telling in tellings {
            let (alarm, turn) = (&telling.alarm.id, telling.turn);
            let noticed = told.of(&channel.name, alarm).and_then(|heard| heard.noticed.get(turn.word()));
            let at = match noticed {
                _ if telling.repeated > 0 => now,
                // A clock that was set back keeps nobody waiting.
                Some(since) if *since <= now => Timestamp(since.0.saturating_add(channel.group_wait_ms)),
                Some(_) => now,
                None => {
                    self.noticed.push((channel.name.clone(), alarm.clone(), turn));
                    Timestamp(now.0.saturating_add(channel.group_wait_ms))
                }
            };
            ready = Some(ready.map_or(at, |ready| ready.min(at)));
        }
        match ready {
            Some(ready) if ready <= now => {
                let alike = |(_, alarm, _): &(String, String, Turn)| {
                    tellings.iter().any(|telling| telling.alarm.id == *alarm)
                };
                self.noticed.retain(|noticed| noticed.0 != channel.name || !alike(noticed));
                self.notifications.push(together(channel, values, tellings, now));
            }
            Some(ready) => self.at_latest(ready, now),
            None => {}
        }
    }
}

/// An alert with what people said of it.
struct Judged<'a> {
    alarm: &'a Alarm,
    labels: BTreeMap<String, String>,
    /// Whether nobody is told now that it is up.
    is_hidden: bool,
    /// Whether nobody was told when it was cleared.
    was_hidden: bool,
    /// When the last silence over it ended.
    silent_until: Option<Timestamp>,
}

impl<'a> Judged<'a> {
    fn of(alarm: &'a Alarm, silences: &[Silence], acks: &[Ack], now: Timestamp) -> Judged<'a> {
        let labels = alarm.latest.all_labels();
        let covered = |at: Timestamp| silences.iter().any(|silence| silence.covers(&labels, at));
        let is_acknowledged = acks.iter().any(|ack| ack.alarm == alarm.id);
        let ended = silences.iter().filter(|silence| {
            let over = silence.over();
            over <= now && silence.covers(&labels, Timestamp(over.0 - 1))
        });
        Judged {
            alarm,
            is_hidden: is_acknowledged || covered(now),
            was_hidden: is_acknowledged || alarm.cleared_ms.is_some_and(|at| covered(Timestamp(at))),
            silent_until: ended.map(Silence::over).max(),
            labels,
        }
    }

    fn label(&self, name: &str) -> String {
        self.labels.get(name).cloned().unwrap_or_default()
    }

    /// What a channel has to be told of it, in order.
    fn tellings(
        &self,
        channel: &ChannelSettings,
        heard: &Heard,
        now: Timestamp,
        due: &mut Due,
    ) -> Vec<Telling<'a>> {
        let alarm = self.alarm;
        let sends = channel.rules.contains(&alarm.rule);
        let of = |turn: Turn, repeated: u32| Telling { alarm, turn, repeated };
        if heard.cleared.is_some() {
            return Vec::new();
        }
        match (&heard.raised, alarm.cleared_ms) {
            (Some(_), Some(_)) if channel.send_resolved => vec![of(Turn::Cleared, 0)],
            (Some(_), Some(_)) => {
                due.settled.push((channel.name.clone(), alarm.id.clone()));
                Vec::new()
            }
            _ if !sends => Vec::new(),
            (None, Some(cleared)) => {
                if self.is_hidden || self.was_hidden || !is_recent(cleared, now) {
                    return Vec::new();
                }
                let end = channel.send_resolved.then(|| of(Turn::Cleared, 0));
                std::iter::once(of(Turn::Raised, 0)).chain(end).collect()
            }
            (_, None) if self.is_hidden || !is_recent(alarm.judged_ms, now) => Vec::new(),
            (None, None) => vec![of(Turn::Raised, 0)],
            (Some(raised), None) => {
                let again = channel.repeat_ms.map(|every| Timestamp(raised.at.0.saturating_add(every)));
                let was_silent = self.silent_until.is_some_and(|until| raised.at < until);
                if was_silent || again.is_some_and(|again| again <= now) {
                    return vec![of(Turn::Raised, raised.times)];
                }
                again.into_iter().for_each(|again| due.at_latest(again, now));
                Vec::new()
            }
        }
    }
}

fn is_recent(at_ms: i64, now: Timestamp) -> bool {
    now.0.saturating_sub(at_ms) <= TOLD_WITHIN_MS
}

/// One turn that has to be told.
struct Telling<'a> {
    alarm: &'a Alarm,
    turn: Turn,
    /// How often the channel was told before that it is raised.
    repeated: u32,
}

impl Telling<'_> {
    /// The message, under a key of its own.
    fn message(&self, now: Timestamp) -> Message {
        let alarm = self.alarm;
        let key = message::key(&alarm.id, self.turn);
        let (said, key) = match (self.turn, &alarm.cleared) {
            (Turn::Cleared, Some(cleared)) => (cleared, key),
            (Turn::Cleared, None) => (&alarm.latest, key),
            (Turn::Raised, _) if self.repeated > 0 => {
                (&alarm.latest, format!("{key}-{}", now.to_utc().format("%Y%m%dt%H%M%Sz")))
            }
            // What was raised days ago and is up today is told with the figures of today.
            (Turn::Raised, None) if !is_recent(alarm.raised_ms, now) => (&alarm.latest, key),
            (Turn::Raised, _) => (&alarm.raised, key),
        };
        Message { key, ..said.clone() }
    }

    fn alone(&self, channel: &ChannelSettings, now: Timestamp) -> Notification {
        let message = self.message(now);
        Notification {
            channel: channel.name.clone(),
            key: message.key.clone(),
            turns: vec![(self.alarm.id.clone(), self.turn)],
            parcel: Parcel { alerts: vec![message], group: None, repeated: self.repeated },
        }
    }
}

fn together(
    channel: &ChannelSettings,
    values: &[String],
    tellings: &[Telling<'_>],
    now: Timestamp,
) -> Notification {
    let alerts: Vec<Message> = tellings.iter().map(|telling| telling.message(now)).collect();
    let mut hash = Sha256::new();
    for part in std::iter::once(&channel.name).chain(alerts.iter().map(|alert| &alert.key)) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut key = "group-".to_owned();
    for byte in &hash.finalize()[..16] {
        let _ = write!(key, "{byte:02x}");
    }
    // News, where there is any.
    let repeated = tellings.iter().map(|telling| telling.repeated).min().unwrap_or(0);
    let group = channel.group_by.iter().cloned().zip(values.iter().cloned()).collect();
    Notification {
        channel: channel.name.clone(),
        key,
        turns: tellings.iter().map(|telling| (telling.alarm.id.clone(), telling.turn)).collect(),
        parcel: Parcel { alerts, group: Some(group), repeated },
    }
}
