//! Tells Prometheus' Alertmanager what is raised, again and again, since it forgets what nobody repeats; and what is
//! cleared, once, with its end.
//!
//! What was decided while it was down waits in the outbox; what is up then is in every request anyway. So after an
//! outage of any length the first request says all there is to say. Source: prometheus.io, alerts API.

use super::alarm;
use super::channels::Channels;
use super::decide::Turn;
use super::deliver::{Failure, Waits, seed};
use super::message::Message;
use super::outbox::{self, Outbox, Waiting};
use super::post::{Poster, introduced, sent};
use crate::config::Alertmanager;
use reqwest::header::CONTENT_TYPE;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use wattledger_link::backoff::Backoff;
use wattledger_model::name::Name;
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// What is up is said to end so long after it was repeated last: three repetitions may be lost, and an alert of a
/// collector that died ends by itself.
const ENDS_AHEAD_MS: i64 = 4 * MINUTE_MS;
/// Raised and cleared again are told in one request at most so many.
const MOST_AT_ONCE: usize = 2_000;

/// Tells the Alertmanagers of one channel.
pub(super) struct Teller {
    pub(super) channel: Name,
    pub(super) to: Alertmanager,
    pub(super) outbox: Outbox,
    pub(super) channels: Channels,
    pub(super) page: Option<String>,
    pub(super) now: fn() -> Timestamp,
    pub(super) waits: Waits,
    /// Bumped when there may be more to deliver.
    pub(super) more: watch::Receiver<u64>,
    pub(super) stop: watch::Receiver<bool>,
}

/// One alert as the API wants it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) starts_at: String,
    pub(super) ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    pub(super) generator_url: Option<String>,
}

/// What there is to say.
#[derive(Debug, Default)]
struct Round {
    alerts: Vec<Alert>,
    /// What waits, and is said with it.
    waiting: Vec<Waiting>,
}

impl Teller {
    /// Tells until it is stopped.
    pub(super) async fn run(mut self) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = self.tell_all() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn tell_all(&mut self) {
        // What is up is repeated no less often for a failure.
        let cap = self.waits.cap.min(self.waits.repeat);
        let mut backoff = Backoff::new(seed(self.channel.as_str()), self.waits.first, cap);
        let mut posters: Vec<Poster> = self.to.urls.iter().map(|_| Poster::default()).collect();
        loop {
            let begun = Instant::now();
            self.more.borrow_and_update();
            let round = match self.gather().await {
                Ok(round) => round,
                Err(error) => {
                    tracing::warn!(channel = %self.channel, %error, "what to tell cannot be read; trying again");
                    sleep(backoff.next_wait()).await;
                    continue;
                }
            };
            if !round.alerts.is_empty() {
                let outcome = self.tell(&round.alerts, &mut posters).await;
                let wait = match self.settle(round.waiting, outcome, &mut backoff).await {
                    Ok(wait) => wait,
                    Err(error) => {
                        tracing::warn!(channel = %self.channel, %error, "the outbox cannot be written; trying again");
                        Some(backoff.next_wait())
                    }
                };
                if let Some(wait) = wait {
                    sleep(wait).await;
                    continue;
                }
            }
            // Whoever decides may be gone: then only the end of the process can come, and what is up is repeated.
            let until = begun + self.waits.repeat;
            if let Ok(Err(_)) = timeout_at(until, self.more.changed()).await {
                sleep(until.saturating_duration_since(Instant::now())).await;
            }
        }
    }

    async fn gather(&self) -> rusqlite::Result<Round> {
        let (channel, page, now) = (self.channel.to_string(), self.page.clone(), (self.now)());
        self.outbox.with(move |connection| gather(connection, &channel, page.as_deref(), now)).await
    }

    /// Tells all of a cluster; one of them is enough, since each repetition reaches the others.
    async fn tell(&self, alerts: &[Alert], posters: &mut [Poster]) -> Result<(), Failure> {
        let body = serde_json::to_string(alerts).expect("alerts are plain data");
        let mut outcome: Option<Result<(), Failure>> = None;
        for (url, poster) in self.to.urls.iter().zip(posters) {
            let one = self.tell_one(url.as_str(), url.origin(), &body, poster).await;
            poster.ended(self.to.tls.as_ref(), one.is_ok());
            if let (Err(Failure::Later { reason, .. } | Failure::Refused(reason)), true) =
                (&one, self.to.urls.len() > 1)
            {
                tracing::debug!(channel = %self.channel, %url, reason, "one Alertmanager of several was not told");
            }
            outcome = Some(match (outcome, one) {
                (Some(Ok(())), _) | (_, Ok(())) => Ok(()),
                // One that may take it later is worth the waiting.
                (Some(Err(later @ Failure::Later { .. })), Err(_)) => Err(later),
                (_, Err(failure)) => Err(failure),
            });
        }
        outcome.unwrap_or(Ok(()))
    }

    async fn tell_one(
        &self,
        url: &str,
        origin: &str,
        body: &str,
        poster: &mut Poster,
    ) -> Result<(), Failure> {
        let client = poster.client(self.to.tls.as_ref(), self.waits.answer)?;
        let request = client
            .post(format!("{url}/api/v2/alerts"))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_owned());
        sent(introduced(request, &self.to.access)?, origin).await.map(drop)
    }

    /// Takes out what was told. Gives how long to wait before the next attempt, where it was not.
    async fn settle(
        &self,
        waiting: Vec<Waiting>,
        outcome: Result<(), Failure>,
        backoff: &mut Backoff,
    ) -> rusqlite::Result<Option<Duration>> {
        let channel = &self.channel;
        match outcome {
            Ok(()) => {
                backoff.succeeded();
                self.channels.delivered(channel, waiting.len() as u64);
                for one in &waiting {
                    tracing::info!(%channel, key = one.key, "alert message delivered");
                }
                self.remove(waiting).await?;
                Ok(None)
            }
            Err(Failure::Refused(reason)) => {
                // What it understood of the request it has taken all the same.
                if !waiting.is_empty() || self.channels.is_up(channel) {
                    tracing::error!(%channel, reason, messages = waiting.len(), "alert messages given up: refused");
                }
                self.channels.failed(channel, &reason, waiting.len() as u64);
                self.remove(waiting).await?;
                Ok(None)
            }
            Err(Failure::Later { reason, after }) => {
                if self.channels.is_up(channel) {
                    tracing::warn!(%channel, reason, "Alertmanager was not told; trying again");
                }
                self.channels.failed(channel, &reason, 0);
                let asked = after.unwrap_or_default().min(self.waits.cap);
                Ok(Some(backoff.next_wait().max(asked)))
            }
        }
    }

    async fn remove(&self, waiting: Vec<Waiting>) -> rusqlite::Result<()> {
        for one in waiting {
            self.outbox.remove(one.id).await?;
        }
        Ok(())
    }
}

/// Everything that the channel was told is up, and what waits for it; of an alert that turned twice, how it is now.
fn gather(
    connection: &Connection,
    channel: &str,
    page: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<Round> {
    let mut alerts: BTreeMap<String, Alert> = BTreeMap::new();
    let mut knows = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM told WHERE channel = ?1 AND alarm = ?2 AND turn = 'raised')",
    )?;
    for alarm in alarm::open(connection)? {
        if knows.query_row([channel, alarm.id.as_str()], |row| row.get(0))? {
            alerts.insert(alarm.id, alert(&alarm.latest, page, now));
        }
    }
    let mut waiting = outbox::all(connection, channel)?;
    waiting.truncate(MOST_AT_ONCE);
    for one in &waiting {
        // What cannot be read is taken out with the rest: it never will be.
        let Ok(parcel) = one.parcel() else { continue };
        for message in parcel.alerts {
            let said = alert(&message, page, now);
            if message.state == Turn::Cleared {
                alerts.insert(message.id, said);
            } else {
                alerts.entry(message.id).or_insert(said);
            }
        }
    }
    Ok(Round { alerts: alerts.into_values().collect(), waiting })
}

/// An alert for the API. Its labels are the same as long as it is up, since they are its identity.
pub(super) fn alert(message: &Message, page: Option<&str>, now: Timestamp) -> Alert {
    let mut labels: BTreeMap<String, String> =
        message.all_labels().into_iter().map(|(name, value)| (label(&name), value)).collect();
    labels.insert("alertname".to_owned(), message.rule.clone());
    labels.retain(|_, value| !value.is_empty());
    let mut annotations: BTreeMap<String, String> = [
        ("summary", message.reason.clone()),
        ("cause", message.cause.clone()),
        ("changed", message.changed.join("; ")),
        ("suppresses", message.suppresses.join("; ")),
        ("look_at", message.look_at.clone()),
        ("value", message.value.to_string()),
        ("limit", message.limit.to_string()),
        ("unit", message.unit.clone()),
        ("window", message.window.clone()),
        ("coverage", message.coverage.to_string()),
        ("since", message.since.clone()),
        ("as_of", message.as_of.clone()),
        ("id", message.id.clone()),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text))
    .collect();
    // The author's own words go first.
    annotations.extend(message.annotations.iter().map(|(name, text)| (label(name), text.clone())));
    annotations.retain(|_, text| !text.is_empty());
    let time = |text: &str| Timestamp::from_rfc3339(text);
    let as_of = time(&message.as_of).unwrap_or(now);
    let starts = time(&message.raised_at).or_else(|| time(&message.since)).unwrap_or(as_of).min(as_of);
    let ends = match message.state {
        Turn::Raised => Timestamp(now.0.saturating_add(ENDS_AHEAD_MS)),
        Turn::Cleared => as_of,
    };
    Alert {
        labels,
        annotations,
        starts_at: starts.to_string(),
        ends_at: ends.max(starts).to_string(),
        generator_url: page.map(str::to_owned),
    }
}

/// A name as every version of Prometheus takes it.
fn label(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = name.chars().map(fits).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}
