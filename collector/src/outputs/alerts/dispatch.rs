//! From alerts that were decided to those who are told: the notifier, and whoever brings its messages.

use super::alertmanager::Teller;
use super::channels::Channels;
use super::deliver::{Courier, Waits};
use super::outbox::Outbox;
use super::tell::{self, Notifier, Signals};
use crate::config::{AlertRule, Channel, ChannelKind};
use crate::outputs::mqtt::Publisher;
use crate::outputs::remembered;
use crate::store::Layout;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use wattledger_model::time::Timestamp;

/// Between two tries while the disk refuses.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What telling is made of.
pub(super) struct Dispatch {
    pub(super) rules: Vec<AlertRule>,
    pub(super) channels: Vec<Channel>,
    pub(super) layout: Layout,
    pub(super) publisher: Option<Arc<dyn Publisher>>,
    pub(super) fares: Channels,
    /// Where people find the page.
    pub(super) page: Option<String>,
    pub(super) now: fn() -> Timestamp,
    pub(super) waits: Waits,
    /// Moves when alerts were judged.
    pub(super) judged: watch::Receiver<u64>,
    /// Moves when somebody silenced or acknowledged something.
    pub(super) said: watch::Receiver<u64>,
    /// Becomes true to stop.
    pub(super) stop: watch::Receiver<bool>,
}

impl Dispatch {
    /// Tells until it is stopped. What is under way then goes on with the next run.
    pub(super) async fn run(mut self) {
        let mut stop = self.stop.clone();
        let (more, deliveries) = watch::channel(0_u64);
        let mut bringing = JoinSet::new();
        let work = async {
            let Some((notifier, outbox)) = self.opened().await else { return };
            for channel in std::mem::take(&mut self.channels) {
                self.bring(channel, &outbox, &deliveries, &mut bringing);
            }
            let signals = Signals { judged: self.judged.clone(), said: self.said.clone(), more };
            tell::run(notifier, signals, self.now).await;
        };
        tokio::select! {
            () = work => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        // Those who bring messages hear the word to stop themselves.
        let _ = stop.wait_for(|stop| *stop).await;
        while bringing.join_next().await.is_some() {}
    }

    /// Opens what was told and what waits, trying again while the disk refuses.
    async fn opened(&self) -> Option<(Notifier, Outbox)> {
        loop {
            let (layout, rules, channels) = (self.layout.clone(), self.rules.clone(), self.channels.clone());
            let opening = spawn_blocking(move || {
                let opened = || remembered::open(&layout).map_err(|error| error.to_string());
                let notifier =
                    Notifier::open(opened()?, &rules, &channels).map_err(|error| error.to_string())?;
                Ok::<_, String>((notifier, Outbox::new(opened()?)))
            });
            match opening.await.ok()? {
                Ok(opened) => return Some(opened),
                Err(error) => {
                    tracing::warn!(error, "what was told of alerts cannot be opened; trying again");
                    sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// Starts whoever brings a channel its messages.
    fn bring(
        &self,
        channel: Channel,
        outbox: &Outbox,
        deliveries: &watch::Receiver<u64>,
        bringing: &mut JoinSet<()>,
    ) {
        if let ChannelKind::Alertmanager(to) = &channel.kind {
            let teller = Teller {
                channel: channel.name.clone(),
                to: (**to).clone(),
                outbox: outbox.clone(),
                channels: self.fares.clone(),
                page: self.page.clone(),
                now: self.now,
                waits: self.waits,
                more: deliveries.clone(),
                stop: self.stop.clone(),
            };
            bringing.spawn(teller.run());
            return;
        }
        for queue in channel.queues() {
            let courier = Courier {
                channel: channel.clone(),
                queue,
                page: self.page.clone(),
                outbox: outbox.clone(),
                publisher: self.publisher.clone(),
                channels: self.fares.clone(),
                now: self.now,
                waits: self.waits,
                more: deliveries.clone(),
                stop: self.stop.clone(),
            };
            bringing.spawn(courier.run());
        }
    }
}
