//! Judges new minutes by the rules and commits what comes of it: synchronous, on one thread.

use super::decide::{Event, State, Turn};
use super::kept::{self, Kept, Open};
use super::message::{self, Message};
use super::outbox;
use crate::config::{self, AlertRule, Channel};
use crate::indicators::Indicator;
use crate::outputs::snapshot::AlertView;
use crate::outputs::turns::{self, Turned};
use crate::store::{Layout, StoreError};
use crate::view::View;
use rusqlite::{Connection, Transaction};
use std::collections::BTreeSet;
use wattledger_model::calendar;
use wattledger_model::time::{DAY_MINUTES, Minute, Timestamp};

/// Figures that are judged in one round at most, so that rounds stay short while months are read in.
const JUDGED_A_ROUND: i64 = 4_000;
/// A turn further behind the collector's clock is recorded, not sent. Source: domain.md 5.8.
const SENT_WITHIN_MINUTES: i64 = DAY_MINUTES;

/// The rules over one view, with what they have seen.
pub(super) struct Watch {
    view: View,
    connection: Connection,
    path: std::path::PathBuf,
    rules: Vec<Watched>,
}

#[derive(Clone)]
struct Watched {
    rule: AlertRule,
    facility: usize,
    kept: Kept,
    changed: bool,
    outgoing: Vec<(Vec<String>, Message)>,
    turned: Vec<Turned>,
}

/// What a round came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Round {
    /// Whether there is more to judge already.
    pub(super) more: bool,
    /// Messages that were put into the outbox.
    pub(super) messages: usize,
    /// Alerts that are raised after it.
    pub(super) active: Vec<AlertView>,
}

impl Watch {
    /// Takes up the rules where they were left. Alerts of rules that are gone, or that now watch something else,
    /// are cleared; messages for channels that are gone are dropped.
    ///
    /// # Errors
    /// [`StoreError`] where what was kept cannot be read or written.
    pub(super) fn open(
        view: View,
        connection: Connection,
        layout: &Layout,
        rules: &[AlertRule],
        channels: &[Channel],
        now: Timestamp,
    ) -> Result<Watch, StoreError> {
        let path = layout.outputs();
        let rules = rules.iter().filter_map(|rule| {
            let Some(facility) = view.facility(rule.facility.as_str()) else {
                tracing::error!(rule = %rule.name, facility = %rule.facility, "the alert's facility is not there");
                return None;
            };
            let kept = Kept::new(rule);
            let (outgoing, turned) = (Vec::new(), Vec::new());
            Some(Watched { rule: rule.clone(), facility, kept, changed: false, outgoing, turned })
        });
        let rules = rules.collect();
        let mut watch = Watch { view, connection, path, rules };
        watch.take_up(channels, now).map_err(|source| watch.failed(source))?;
        Ok(watch)
    }

    fn failed(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { path: self.path.clone(), source }
    }

    fn take_up(&mut self, channels: &[Channel], now: Timestamp) -> rusqlite::Result<()> {
        let known: BTreeSet<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
        let rows = kept::load(&self.connection)?;
        let transaction = self.connection.unchecked_transaction()?;
        for (channel, messages) in outbox::waiting(&transaction)? {
            if !known.contains(channel.as_str()) {
                tracing::error!(
                    channel,
                    messages,
                    "alert messages dropped: their channel is not configured any more"
                );
                outbox::drop_channel(&transaction, &channel)?;
            }
        }
        for (rule, facility, row) in rows {
            let mine = self.rules.iter_mut().find(|watched| {
                watched.rule.name.as_str() == rule && watched.rule.facility.as_str() == facility
            });
            match (row, mine) {
                (Some(row), Some(watched)) if row.watches == watched.kept.watches => watched.kept = row,
                (row, _) => {
                    if let Some(row) = row {
                        clear_orphan(&transaction, &rule, &facility, &row, &known, now)?;
                    } else {
                        tracing::error!(rule, facility, "the alert's state cannot be read; it begins anew");
                    }
                    kept::forget(&transaction, &rule, &facility)?;
                }
            }
        }
        for watched in &mut self.rules {
            if let Some(Open { told: Some(told), .. }) = &mut watched.kept.open {
                told.retain(|channel| known.contains(channel.as_str()));
            }
        }
        transaction.commit()
    }

    /// Judges what became known since the last round, and commits states and messages together.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was decided then, and the next round judges the same minutes.
    pub(super) fn round(&mut self, now: Timestamp) -> Result<Round, StoreError> {
        self.view.begin()?;
        let judged = self.judge_all(now);
        self.view.end()?;
        let (rules, more) = judged?;
        let messages = self.commit(&rules, now).map_err(|source| self.failed(source))?;
        self.rules = rules;
        for watched in &mut self.rules {
            (watched.changed, watched.outgoing, watched.turned) = (false, Vec::new(), Vec::new());
        }
        Ok(Round { more, messages, active: self.rules.iter().filter_map(Watched::active).collect() })
    }

    fn judge_all(&mut self, now: Timestamp) -> Result<(Vec<Watched>, bool), StoreError> {
        let mut rules = self.rules.clone();
        let share = (JUDGED_A_ROUND / i64::try_from(rules.len()).unwrap_or(i64::MAX).max(1)).max(1);
        let mut more = false;
        for watched in &mut rules {
            let Some(horizon) = self.view.horizon(watched.facility) else { continue };
            more |= watched.judge(&mut self.view, horizon, share, now)?;
        }
        Ok((rules, more))
    }

    fn commit(&self, rules: &[Watched], now: Timestamp) -> rusqlite::Result<usize> {
        let mut messages = 0;
        if rules.iter().all(|watched| !watched.changed) {
            return Ok(messages);
        }
        let transaction = self.connection.unchecked_transaction()?;
        for watched in rules.iter().filter(|watched| watched.changed) {
            let (rule, facility) = (watched.rule.name.as_str(), watched.rule.facility.as_str());
            kept::save(&transaction, rule, facility, &watched.kept)?;
            for (channels, message) in &watched.outgoing {
                send(&transaction, channels, message, now)?;
                messages += channels.len();
            }
            for turned in &watched.turned {
                turns::keep(&transaction, turned)?;
            }
        }
        transaction.commit()?;
        Ok(messages)
    }
}

fn send(
    within: &Transaction<'_>,
    channels: &[String],
    message: &Message,
    now: Timestamp,
) -> rusqlite::Result<()> {
    for channel in channels {
        let given_up = outbox::put(within, channel, message, now)?;
        if given_up > 0 {
            tracing::error!(channel, given_up, "alert messages given up: too many wait for the channel");
        }
    }
    Ok(())
}

/// Keeps that an alert is cleared because nobody watches it any more, and tells those who were told of it.
fn clear_orphan(
    within: &Transaction<'_>,
    rule: &str,
    facility: &str,
    row: &Kept,
    known: &BTreeSet<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Some(Open { id, told, severity, limit }) = &row.open else { return Ok(()) };
    let reason = "the rule was changed or taken out of the configuration";
    let (indicator, window) = row.watches.split_once(' ').unwrap_or((&row.watches, ""));
    let (value, coverage) = row.state.seen().unwrap_or_default();
    // What it was last seen at is still that of a raised alert.
    let after_all = row.state.last().map_or(now.0, |last| now.0.max(last.start().0 + 1));
    let turned = Turned {
        rule: rule.to_owned(),
        facility: facility.to_owned(),
        severity: severity.clone(),
        raised_as: None,
        is_raised: false,
        at_ms: after_all,
        value,
        limit: *limit,
        coverage,
        reason: reason.to_owned(),
    };
    turns::keep(within, &turned)?;
    let Some(told) = told else { return Ok(()) };
    let text = |minute: Option<Minute>| minute.map_or(String::new(), |minute| minute.to_string());
    let message = Message {
        version: 1,
        id: id.clone(),
        key: message::key(id, Turn::Cleared),
        event: Turn::Cleared,
        state: Turn::Cleared,
        rule: rule.to_owned(),
        facility: facility.to_owned(),
        severity: severity.clone(),
        indicator: indicator.to_owned(),
        value,
        limit: *limit,
        window: window.to_owned(),
        coverage,
        since: text(row.state.raised_since()),
        as_of: text(row.state.last()),
        reason: reason.to_owned(),
    };
    let told: Vec<String> = told.iter().filter(|channel| known.contains(channel.as_str())).cloned().collect();
    tracing::info!(rule, facility, id, "alert cleared: its rule was changed or taken out");
    send(within, &told, &message, now)
}

impl Watched {
    /// Judges minutes up to the horizon, at most `share` of them. Gives whether there are more.
    fn judge(
        &mut self,
        view: &mut View,
        horizon: Minute,
        share: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(last) = self.kept.state.last() else {
            // What was before the rule is not its business.
            self.kept.state = State::from(horizon);
            self.changed = true;
            return Ok(false);
        };
        if horizon <= last {
            return Ok(false);
        }
        let zone = view.topology().facilities[self.facility].zone;
        let end = Minute(horizon.0.min(last.0 + share));
        for at in (last.0 + 1..=end.0).map(Minute) {
            let interval = calendar::interval(self.rule.window, zone, at);
            let figure = view.figure(self.facility, self.indicator(), interval)?;
            let (value, coverage) = figure.map_or((None, 0.0), |figure| (figure.value, figure.coverage));
            if let Some(event) = self.kept.state.step(at, value, coverage, &self.rule) {
                self.turn(event, now);
            }
        }
        self.changed = true;
        self.tell_what_lasts(now);
        Ok(end < horizon)
    }

    fn indicator(&self) -> Indicator {
        match self.rule.indicator {
            config::Indicator::Pue => Indicator::Pue,
            config::Indicator::Wue => Indicator::Wue,
            config::Indicator::Cue => Indicator::Cue,
        }
    }

    fn turn(&mut self, event: Event, now: Timestamp) {
        let is_recent = is_recent(event.at, now);
        let raised_as = self.kept.open.as_ref().map(|open| open.severity.clone());
        let (id, told) = match event.turn {
            Turn::Raised => {
                let id = message::identity(&self.rule, event.at);
                let told = is_recent.then(|| self.channels());
                let (severity, limit) = (self.rule.severity.word().to_owned(), self.rule.clear);
                self.kept.open = Some(Open { id: id.clone(), told: told.clone(), severity, limit });
                (id, told)
            }
            // Whoever knows that it was raised has to know that it is cleared, however late.
            Turn::Cleared => match self.kept.open.take() {
                Some(open) => (open.id, open.told),
                None => return,
            },
        };
        let sent = told.is_some();
        tracing::info!(rule = %self.rule.name, facility = %self.rule.facility, id, turn = event.turn.word(),
            at = %event.at, value = event.value, sent, "alert");
        self.kept.record(&id, event, now, sent);
        let message = Message::about(&id, event, &self.rule);
        self.turned.push(Turned {
            rule: message.rule.clone(),
            facility: message.facility.clone(),
            raised_as: raised_as.filter(|severity| *severity != message.severity),
            severity: message.severity.clone(),
            is_raised: event.turn == Turn::Raised,
            at_ms: event.at.start().0,
            value: event.value,
            limit: message.limit,
            coverage: event.coverage,
            reason: message.reason.clone(),
        });
        if let Some(channels) = told {
            self.outgoing.push((channels, message));
        }
    }

    /// An alert that was raised too long ago to be sent, and still is raised today, is today's alert.
    fn tell_what_lasts(&mut self, now: Timestamp) {
        let channels = self.channels();
        let state = &self.kept.state;
        let (Some(open), Some(at)) = (&mut self.kept.open, state.last()) else { return };
        let (Some(since), Some((value, coverage))) = (state.raised_since(), state.seen()) else { return };
        if open.told.is_some() || !is_recent(at, now) {
            return;
        }
        open.told = Some(channels.clone());
        let event = Event { turn: Turn::Raised, at, since, value, coverage };
        let message = Message::about(&open.id, event, &self.rule);
        let id = open.id.clone();
        self.kept.record(&id, event, now, true);
        self.outgoing.push((channels, message));
    }

    fn channels(&self) -> Vec<String> {
        self.rule.channels.iter().map(ToString::to_string).collect()
    }

    fn active(&self) -> Option<AlertView> {
        let open = self.kept.open.as_ref()?;
        let since = self.kept.state.raised_since()?;
        let (value, coverage) = self.kept.state.seen()?;
        Some(AlertView {
            id: open.id.clone(),
            rule: self.rule.name.to_string(),
            facility: self.rule.facility.to_string(),
            severity: self.rule.severity.word().to_owned(),
            since: since.start(),
            value,
            limit: self.rule.raise,
            window: self.rule.window.word().to_owned(),
            coverage,
            reason: lasting_reason(&self.rule),
            as_of: self.kept.state.last().map(Minute::start),
        })
    }
}

/// Why the alert is up: the threshold it went through, not the figure of the moment, which stands beside it.
fn lasting_reason(rule: &AlertRule) -> String {
    let raised = message::reason(rule, Turn::Raised, 0.0);
    raised.rsplit_once(':').map_or(raised.clone(), |(words, _)| words.replacen(" is ", " was ", 1))
}

fn is_recent(at: Minute, now: Timestamp) -> bool {
    now.minute().0 - at.0 <= SENT_WITHIN_MINUTES
}
