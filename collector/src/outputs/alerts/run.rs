//! The alerts' shell: rounds when the engine wakes it, a courier for each channel.

use super::channels::Channels;
use super::deliver::{Courier, Waits};
use super::outbox::{self, Outbox};
use super::watch::{Round, Watch};
use crate::config::{AlertRule, Channel};
use crate::outputs::mqtt::Publisher;
use crate::outputs::remembered;
use crate::outputs::snapshot::{AlertView, Snapshot};
use crate::store::{Layout, StoreError};
use crate::view::View;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use wattledger_model::time::{MINUTE_MS, Timestamp};

/// Between two tries while the store or the disk refuses.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What alerts are made of; see [`Alerting::run`].
pub struct Alerting {
    /// The rules.
    pub rules: Vec<AlertRule>,
    /// Where alerts are sent.
    pub channels: Vec<Channel>,
    /// A view of their own.
    pub view: View,
    /// Where the outputs' file is.
    pub layout: Layout,
    /// The engine's progress.
    pub wake: watch::Receiver<u64>,
    /// What is known now, for conditions that are judged by the collector's clock.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// The collector's clock.
    pub now: fn() -> Timestamp,
    /// The session with the broker, for channels on MQTT.
    pub publisher: Option<Arc<dyn Publisher>>,
    /// Where raised alerts are shown.
    pub active: watch::Sender<Vec<AlertView>>,
    /// Where it is counted how messages fare.
    pub fares: Channels,
    /// Becomes true to stop.
    pub stop: watch::Receiver<bool>,
}

impl Alerting {
    /// Judges and delivers until it is stopped. What is under way then goes on with the next run.
    pub async fn run(self) {
        self.run_with(Waits::USUAL).await;
    }

    pub(super) async fn run_with(self, waits: Waits) {
        let Alerting {
            rules,
            channels,
            view,
            layout,
            mut wake,
            snapshot,
            now,
            publisher,
            active,
            fares,
            stop,
        } = self;
        let mut stopped = stop.clone();
        let (more, deliveries) = watch::channel(0_u64);
        let mut couriers = JoinSet::new();
        let work = async {
            let Some((mut watch, outbox)) = opened(view, &layout, rules, &channels, now).await else {
                return;
            };
            for channel in channels {
                let courier = Courier {
                    channel,
                    outbox: outbox.clone(),
                    publisher: publisher.clone(),
                    channels: fares.clone(),
                    now,
                    waits,
                    more: deliveries.clone(),
                    stop: stop.clone(),
                };
                couriers.spawn(courier.run());
            }
            loop {
                wake.borrow_and_update();
                let live = live(&snapshot);
                let (back, outcome) = match judged(watch, now, live).await {
                    Some(judged) => judged,
                    None => return,
                };
                watch = back;
                match outcome {
                    Ok(round) => {
                        if round.turned > 0 {
                            more.send_modify(|count| *count += 1);
                        }
                        show(&active, round.active);
                        if round.more {
                            continue;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "alerts cannot be judged; trying again");
                        sleep(RETRY_AFTER).await;
                        continue;
                    }
                }
                let minute = sleep(until_next_minute(now()));
                tokio::select! {
                    progress = wake.changed() => if progress.is_err() { return },
                    () = minute => {}
                }
            }
        };
        tokio::select! {
            () = work => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
        // The engine may have gone before the word to stop; couriers hear that word themselves.
        let _ = stopped.wait_for(|stop| *stop).await;
        while couriers.join_next().await.is_some() {}
    }
}

/// Opens what alerts remember, trying again while the disk refuses.
async fn opened(
    view: View,
    layout: &Layout,
    rules: Vec<AlertRule>,
    channels: &[Channel],
    now: fn() -> Timestamp,
) -> Option<(Watch, Outbox)> {
    let (own, couriers) = loop {
        let at = layout.clone();
        let opening = spawn_blocking(move || Ok((remembered::open(&at)?, remembered::open(&at)?)));
        let connections: Result<_, StoreError> = opening.await.ok()?;
        match connections {
            Ok(connections) => break connections,
            Err(error) => {
                tracing::warn!(%error, "what alerts remember cannot be opened; trying again");
                sleep(RETRY_AFTER).await;
            }
        }
    };
    let (at, channels) = (layout.clone(), channels.to_vec());
    let taking_up = spawn_blocking(move || {
        let failed = |source| StoreError::Sqlite { path: at.outputs(), source };
        outbox::drop_gone(&own, &channels).map_err(failed)?;
        Watch::open(view, own, &at, &rules, now())
    });
    match taking_up.await.ok()? {
        Ok(watch) => Some((watch, Outbox::new(couriers))),
        Err(error) => {
            tracing::error!(%error, "what alerts remember cannot be read; there are no alerts until the next start");
            None
        }
    }
}

/// One round, off the runtime's threads. `None` if it panicked, which ends the alerts and nothing else.
async fn judged(
    mut watch: Watch,
    now: fn() -> Timestamp,
    live: Option<Arc<Snapshot>>,
) -> Option<(Watch, Result<Round, StoreError>)> {
    let round = spawn_blocking(move || {
        let outcome = watch.round(now(), live.as_deref());
        (watch, outcome)
    });
    match round.await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(%error, "judging failed; there are no more alerts until the next start");
            None
        }
    }
}

/// What is known now; `None` before the first snapshot was made of anything.
fn live(snapshot: &watch::Receiver<Arc<Snapshot>>) -> Option<Arc<Snapshot>> {
    let snapshot = Arc::clone(&snapshot.borrow());
    (!snapshot.facilities.is_empty()).then_some(snapshot)
}

/// Until the clock shows another minute.
fn until_next_minute(now: Timestamp) -> Duration {
    let ms = MINUTE_MS - now.0.rem_euclid(MINUTE_MS);
    Duration::from_millis(ms.unsigned_abs())
}

fn show(active: &watch::Sender<Vec<AlertView>>, raised: Vec<AlertView>) {
    active.send_if_modified(|shown| {
        let changed = *shown != raised;
        *shown = raised;
        changed
    });
}
