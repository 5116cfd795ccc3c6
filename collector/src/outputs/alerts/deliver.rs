//! Brings the messages of one queue to its channel, in order, until it has taken each.

use super::channels::Channels;
use super::mail;
use super::message::Message;
use super::outbox::{Outbox, Waiting};
use super::post::Poster;
use super::told;
use super::webhook;
use crate::config::{Channel, ChannelKind};
use crate::outputs::mqtt::Publisher;
pub(super) use crate::post::Failure;
use lettre::message::Mailbox;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wattledger_link::backoff::Backoff;
use wattledger_link::session::{Publish, Qos};
use wattledger_model::name::Name;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};
use wattledger_model::topic::Topic;

/// A message that nobody took for this long is given up: what it tells is long past.
const GIVEN_UP_AFTER_MS: i64 = 7 * DAY_MINUTES * MINUTE_MS;
/// A receiver may ask for this much at most.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// How long a courier waits for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// After the first failure.
    pub(super) first: Duration,
    /// Between two attempts at most.
    pub(super) cap: Duration,
    /// For the answer to one delivery.
    pub(super) answer: Duration,
    /// Between two requests to an Alertmanager.
    pub(super) repeat: Duration,
}

impl Waits {
    pub(super) const USUAL: Waits = Waits {
        first: Duration::from_secs(1),
        cap: Duration::from_secs(300),
        answer: Duration::from_secs(10),
        repeat: Duration::from_secs(60),
    };
}

/// The courier of one queue.
pub(super) struct Courier {
    pub(super) channel: Channel,
    /// The queue, one of [`Channel::queues`].
    pub(super) queue: String,
    /// Where people find the page.
    pub(super) page: Option<String>,
    pub(super) outbox: Outbox,
    pub(super) publisher: Option<Arc<dyn Publisher>>,
    pub(super) channels: Channels,
    pub(super) now: fn() -> Timestamp,
    pub(super) waits: Waits,
    /// Bumped when there may be more to deliver.
    pub(super) more: watch::Receiver<u64>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Courier {
    /// Delivers until it is stopped. A delivery under way is left then; the message stays in the outbox.
    pub(super) async fn run(mut self) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = self.deliver_all() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn deliver_all(&mut self) {
        let queue = self.queue.clone();
        let mut backoff = Backoff::new(seed(&queue), self.waits.first, self.waits.cap);
        let mut poster = Poster::default();
        loop {
            self.more.borrow_and_update();
            let head = match self.outbox.head(queue.clone()).await {
                Ok(head) => head,
                Err(error) => {
                    tracing::warn!(queue, %error, "the outbox cannot be read; trying again");
                    sleep(backoff.next_wait()).await;
                    continue;
                }
            };
            let Some(waiting) = head else {
                if self.more.changed().await.is_err() {
                    // Nobody is left who could decide anything; only the end of the process can come.
                    std::future::pending::<()>().await;
                }
                continue;
            };
            sleep(self.until_due(&waiting)).await;
            let outcome = self.deliver(&mut poster, &waiting).await;
            if let Err(error) = self.settle(&waiting, outcome, &mut backoff).await {
                // It stays at the head and is delivered once more: its key tells the receiver.
                tracing::warn!(queue, %error, "the outbox cannot be written; trying again");
                sleep(backoff.next_wait()).await;
            }
        }
    }

    /// Time until a message is due; a clock that was set does not hold it up for longer than any wait would.
    fn until_due(&self, waiting: &Waiting) -> Duration {
        let ms = u64::try_from(waiting.due.0 - (self.now)().0).unwrap_or(0);
        Duration::from_millis(ms).min(self.waits.cap.max(LONGEST_RETRY_AFTER))
    }

    async fn deliver(&self, poster: &mut Poster, waiting: &Waiting) -> Result<(), Failure> {
        let page = self.page.as_deref();
        match &self.channel.kind {
            ChannelKind::Webhook(hook) => {
                let client = poster.client(hook.tls.as_ref(), self.waits.answer)?;
                let outcome = webhook::post(&client, hook, waiting, page, (self.now)()).await;
                poster.ended(hook.tls.as_ref(), outcome.is_ok());
                outcome
            }
            ChannelKind::Mail(mail) => {
                let to = self.recipient(&mail.to)?;
                let raised_as = self.raised_as(waiting).await?;
                let channel = self.channel.name.as_str();
                mail::send(mail, to, channel, waiting, &raised_as, page, self.waits.answer).await
            }
            ChannelKind::Mqtt => self.publish(waiting).await,
            // It has a teller of its own.
            ChannelKind::Alertmanager(_) => Err(Failure::later("no courier goes to an Alertmanager")),
        }
    }

    /// Whose queue this is.
    fn recipient<'m>(&self, to: &'m [Mailbox]) -> Result<&'m Mailbox, Failure> {
        let mut queues = self.channel.queues().into_iter().zip(to);
        let mine = queues.find(|(queue, _)| *queue == self.queue).map(|(_, to)| to);
        mine.ok_or_else(|| Failure::Refused(format!("nobody has the queue `{}`", self.queue)))
    }

    /// The keys under which was raised what a message clears or repeats.
    async fn raised_as(&self, waiting: &Waiting) -> Result<Vec<String>, Failure> {
        let channel = self.channel.name.to_string();
        let alarms: Vec<String> = waiting.parcel()?.alerts.into_iter().map(|alert| alert.id).collect();
        let read = move |connection: &rusqlite::Connection| {
            told::raised_as(connection, &channel, alarms.iter().map(String::as_str))
        };
        let keys = self.outbox.with(read).await;
        keys.map_err(|error| Failure::later(format!("what was told before cannot be read: {error}")))
    }

    /// Publishes a message, retained under its rule and subject: so a later subscriber learns what is raised, and the
    /// broker keeps one message for each of them, not one an alert.
    async fn publish(&self, waiting: &Waiting) -> Result<(), Failure> {
        let publisher =
            self.publisher.as_ref().ok_or_else(|| Failure::later("there is no session with a broker"))?;
        let parcel = waiting.parcel()?;
        let message = parcel.alerts.first().ok_or_else(|| Failure::Refused("it says nothing".to_owned()))?;
        let name = |text: &str| text.parse::<Name>().map_err(|error| Failure::Refused(error.to_string()));
        let topic = Topic::Alert { facility: name(&message.facility)?, id: name(&topic_id(message))? };
        let publish = Publish {
            topic: topic.to_string(),
            payload: waiting.body.clone().into_bytes(),
            qos: Qos::AtLeastOnce,
            retain: true,
        };
        let confirmed = publisher.publish(publish).map_err(|error| Failure::later(error.to_string()))?;
        match timeout(self.waits.answer, confirmed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Failure::later("the connection to the broker was lost")),
            Err(_) => Err(Failure::later("the broker does not answer")),
        }
    }

    /// Takes a message out of the outbox, or notes when to try again.
    async fn settle(
        &self,
        waiting: &Waiting,
        outcome: Result<(), Failure>,
        backoff: &mut Backoff,
    ) -> rusqlite::Result<()> {
        let (channel, key) = (&self.channel.name, &waiting.key);
        match outcome {
            Ok(()) => {
                backoff.succeeded();
                self.channels.delivered(channel, 1);
                tracing::info!(%channel, key, attempts = waiting.attempts + 1, "alert message delivered");
                self.outbox.remove(waiting.id).await
            }
            Err(Failure::Refused(reason)) => {
                tracing::error!(%channel, key, reason, "alert message given up: its channel refused it");
                self.channels.failed(channel, &reason, 1);
                self.outbox.remove(waiting.id).await
            }
            Err(Failure::Later { reason, .. }) if self.is_too_old(waiting) => {
                tracing::error!(%channel, key, reason, "alert message given up: nobody took it for a week");
                self.channels.failed(channel, &reason, 1);
                self.outbox.remove(waiting.id).await
            }
            Err(Failure::Later { reason, after }) => {
                let asked = after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
                let wait = backoff.next_wait().max(asked);
                self.channels.failed(channel, &reason, 0);
                if waiting.attempts == 0 {
                    tracing::warn!(%channel, key, reason, "alert message not delivered; trying again");
                }
                let ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                let due = Timestamp((self.now)().0.saturating_add(ms));
                self.outbox.postpone(waiting.id, waiting.attempts.saturating_add(1), due).await
            }
        }
    }

    fn is_too_old(&self, waiting: &Waiting) -> bool {
        let Ok(parcel) = waiting.parcel() else { return false };
        let as_of = parcel.alerts.iter().filter_map(|alert| Timestamp::from_rfc3339(&alert.as_of)).max();
        as_of.is_some_and(|as_of| (self.now)().0 - as_of.0 > GIVEN_UP_AFTER_MS)
    }
}

/// The end of an alert's topic: its rule, and whom it is about where that is not the facility.
fn topic_id(message: &Message) -> String {
    let about = message.subject.strip_prefix(&message.facility).unwrap_or(&message.subject);
    let about: Vec<&str> = about.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit())).collect();
    let words =
        std::iter::once(message.rule.as_str()).chain(about.into_iter().filter(|word| !word.is_empty()));
    let mut id = words.collect::<Vec<_>>().join("-");
    // Names have 64 letters; two subjects that agree in so many share a topic.
    id.truncate(64);
    id.trim_end_matches('-').to_owned()
}

/// Channels must not wait in step.
pub(super) fn seed(queue: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (queue, std::process::id()).hash(&mut hasher);
    hasher.finish()
}
