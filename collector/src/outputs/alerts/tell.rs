//! Decides again and again who must be told, and commits it: what was told and what waits to be brought, in one
//! transaction, so that a crash neither loses nor repeats any of it.

use super::alarm::{self, Alarm};
use super::notify::{ChannelSettings, Due, due};
use super::outbox;
use super::told::{self, Told};
use crate::config::{AlertRule, Channel};
use crate::desk::silence;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

/// It is decided at least so often, whatever the clock does meanwhile.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Between two tries while the disk refuses.
const RETRY_AFTER: Duration = Duration::from_secs(2);
const DAY_MS: i64 = DAY_MINUTES * MINUTE_MS;

/// Decides who is told, on a connection of its own.
pub(super) struct Notifier {
    connection: Connection,
    channels: Vec<ChannelSettings>,
    /// The queues of each channel.
    queues: BTreeMap<String, Vec<String>>,
    /// When what is long over was forgotten last.
    tidied: Option<Timestamp>,
}

/// What a round came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Messages that were put into queues.
    pub(super) messages: usize,
    /// When something may be due next, if nothing happens before.
    pub(super) next: Option<Timestamp>,
}

impl Notifier {
    /// Takes up the queues as they were left; what waits in those that nobody reads any more is dropped.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn open(
        connection: Connection,
        rules: &[AlertRule],
        channels: &[Channel],
    ) -> rusqlite::Result<Notifier> {
        let queues: BTreeMap<String, Vec<String>> =
            channels.iter().map(|channel| (channel.name.to_string(), channel.queues())).collect();
        let known: BTreeSet<&str> = queues.values().flatten().map(String::as_str).collect();
        outbox::drop_gone(&connection, &known)?;
        let settings = ChannelSettings::of(channels, rules);
        Ok(Notifier { connection, channels: settings, queues, tidied: None })
    }

    /// Decides, and commits what comes of it.
    ///
    /// # Errors
    /// SQLite's: nothing was decided then.
    pub(super) fn round(&mut self, now: Timestamp) -> rusqlite::Result<Round> {
        // From reading on nobody else writes: nothing changes under the decision.
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let alarms = to_look_at(&transaction, now)?;
        let told = Told::load(&transaction, alarms.iter().map(|alarm| alarm.id.as_str()))?;
        let (silences, acks) = (silence::silences(&transaction)?, silence::acks(&transaction)?);
        let due = due(&alarms, &told, &silences, &acks, &self.channels, now);
        let mut messages = 0;
        for notification in &due.notifications {
            let queues = self.queues.get(&notification.channel).map_or(&[][..], Vec::as_slice);
            let body = notification.parcel.body(&notification.key);
            for queue in queues {
                let given_up = outbox::put(&transaction, queue, &notification.key, &body, now)?;
                if given_up > 0 {
                    tracing::error!(
                        queue,
                        given_up,
                        "alert messages given up: too many wait for the channel"
                    );
                }
                messages += 1;
            }
            for (alarm, turn) in &notification.turns {
                told::keep(&transaction, &notification.channel, alarm, *turn, &notification.key, now)?;
            }
        }
        for (channel, alarm, turn) in &due.noticed {
            told::keep_noticed(&transaction, channel, alarm, *turn, now)?;
        }
        for (channel, alarm) in &due.settled {
            told::keep(&transaction, channel, alarm, super::Turn::Cleared, "", now)?;
        }
        if self.tidied.is_none_or(|tidied| (now.0 - tidied.0).abs() > DAY_MS) {
            told::forget_old(&transaction, now)?;
            self.tidied = Some(now);
        }
        transaction.commit()?;
        let Due { next, .. } = due;
        Ok(Round { messages, next })
    }
}

/// The alerts of which anybody might have to be told: those that are up, those that were a day ago, and those whose
/// end somebody waits for.
fn to_look_at(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Alarm>> {
    let mut alarms = alarm::open(connection)?;
    alarms.extend(
        alarm::history(connection, now.0.saturating_sub(DAY_MS), i64::MAX)?
            .into_iter()
            .filter(|alarm| alarm.cleared_ms.is_some()),
    );
    let known: BTreeSet<String> = alarms.iter().map(|alarm| alarm.id.clone()).collect();
    for id in told::unfinished(connection)? {
        if !known.contains(&id) {
            alarms.extend(alarm::find(connection, &id)?);
        }
    }
    // In the order in which they happened.
    alarms.sort_by(|a, b| (a.raised_ms, &a.id).cmp(&(b.raised_ms, &b.id)));
    Ok(alarms)
}

/// What wakes the notifier, and whom it wakes.
pub(super) struct Signals {
    /// Moves when alerts were judged.
    pub(super) judged: watch::Receiver<u64>,
    /// Moves when somebody silenced or acknowledged something.
    pub(super) said: watch::Receiver<u64>,
    /// Is moved when there is more to deliver.
    pub(super) more: watch::Sender<u64>,
}

/// Decides whenever something may have changed, until the runtime ends.
pub(super) async fn run(mut notifier: Notifier, mut signals: Signals, now: fn() -> Timestamp) {
    loop {
        signals.judged.borrow_and_update();
        signals.said.borrow_and_update();
        let round = spawn_blocking(move || {
            let outcome = notifier.round(now());
            (notifier, outcome)
        });
        let outcome = match round.await {
            Ok((back, outcome)) => {
                notifier = back;
                outcome
            }
            Err(error) => {
                tracing::error!(%error, "telling of alerts failed; nobody is told until the next start");
                return;
            }
        };
        let rest = match outcome {
            Ok(round) => {
                if round.messages > 0 {
                    signals.more.send_modify(|count| *count += 1);
                }
                rest(round.next, now())
            }
            Err(error) => {
                tracing::warn!(%error, "who must be told of alerts cannot be read or written; trying again");
                sleep(RETRY_AFTER).await;
                continue;
            }
        };
        tokio::select! {
            () = moved(&mut signals.judged) => {}
            () = moved(&mut signals.said) => {}
            () = sleep(rest) => {}
        }
    }
}

/// Until something may be due.
fn rest(next: Option<Timestamp>, now: Timestamp) -> Duration {
    let ms = next.map(|next| u64::try_from(next.0 - now.0).unwrap_or(0));
    ms.map_or(LONGEST_REST, Duration::from_millis).min(LONGEST_REST)
}

/// Until a counter moves; for ever where nobody is left to move it.
async fn moved(counter: &mut watch::Receiver<u64>) {
    if counter.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
