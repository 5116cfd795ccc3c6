//! The shell: looks at the calendar now and then, makes what is due and sends what was made.

use super::keep::{Keeper, Waits};
use super::letter::Posting;
use super::maker::{Maker, Upcoming};
use super::record::RecordError;
use crate::config::{Channel, ScheduledReport};
use crate::outputs::remembered;
use crate::post::{Failure, mail};
use crate::stop::stopped;
use crate::store::Layout;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use wattledger_model::time::Timestamp;

/// Between two tries while the disk refuses.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What scheduled reports are made with; see [`Scheduling::run`].
pub struct Scheduling {
    /// The schedules.
    pub reports: Vec<ScheduledReport>,
    /// The channels, for the mail servers among them.
    pub channels: Vec<Channel>,
    /// Where files are put.
    pub folder: PathBuf,
    /// Who makes reports.
    pub maker: Arc<dyn Maker>,
    /// Where the outputs' file is.
    pub layout: Layout,
    /// The collector's clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Where people find the page, for letters that point to it.
    pub page: Option<String>,
    /// Where it is shown what comes next.
    pub upcoming: watch::Sender<Arc<Vec<Upcoming>>>,
    /// Becomes true to stop.
    pub stop: watch::Receiver<bool>,
}

impl Scheduling {
    /// Makes and sends reports until it is stopped. A report that is being made then is still finished; a letter on
    /// its way is left, and sent again under the same id by the next run.
    pub async fn run(self) {
        self.run_with(Waits::USUAL).await;
    }

    pub(super) async fn run_with(self, waits: Waits) {
        let mut stop = self.stop.clone();
        if self.reports.is_empty() {
            stopped(&mut stop).await;
            return;
        }
        let opening = self.opened(waits);
        let opened = tokio::select! {
            opened = opening => opened,
            () = stopped(&mut stop) => return,
        };
        let Some(mut keeper) = opened else {
            stopped(&mut stop).await;
            return;
        };
        loop {
            let (now, stopping) = ((self.now)(), self.stop.clone());
            let round = blocking(keeper, move |keeper| keeper.round(now, &|| *stopping.borrow())).await;
            let Some((back, upcoming)) = round else {
                stopped(&mut stop).await;
                return;
            };
            self.upcoming.send_replace(Arc::new(upcoming));
            let sending = self.send_all(back);
            let sent = tokio::select! {
                sent = sending => sent,
                () = stopped(&mut stop) => return,
            };
            let Some(back) = sent else {
                stopped(&mut stop).await;
                return;
            };
            keeper = back;
            tokio::select! {
                () = sleep(waits.look) => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    /// Opens what is remembered, trying again while the disk refuses.
    async fn opened(&self, waits: Waits) -> Option<Keeper> {
        let started = (self.now)();
        loop {
            let layout = self.layout.clone();
            match spawn_blocking(move || remembered::open(&layout)).await.ok()? {
                Ok(connection) => {
                    let (reports, folder) = (self.reports.clone(), self.folder.clone());
                    let maker = Arc::clone(&self.maker);
                    let new = move || Keeper::new(reports, folder, maker, connection, started, waits);
                    return spawn_blocking(new).await.ok();
                }
                Err(error) => {
                    tracing::warn!(%error, "what was made of scheduled reports cannot be opened; trying again");
                    sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// Sends every letter that is due, one after the other.
    async fn send_all(&self, mut keeper: Keeper) -> Option<Keeper> {
        loop {
            let (channels, page, now) = (self.channels.clone(), self.page.clone(), (self.now)());
            let next = move |keeper: &mut Keeper| keeper.posting(&channels, page.as_deref(), now);
            let (back, posting) = blocking(keeper, next).await?;
            keeper = back;
            let posting = match posting {
                Ok(Some(posting)) => posting,
                Ok(None) => return Some(keeper),
                Err(error) => return Some(unsettled(keeper, &error)),
            };
            let outcome = delivered(&posting, keeper.waits.answer).await;
            let now = (self.now)();
            let note = move |keeper: &mut Keeper| keeper.settle(&posting, outcome, now);
            let (back, settled) = blocking(keeper, note).await?;
            keeper = back;
            if let Err(error) = settled {
                // It is sent once more: its id tells the reader.
                return Some(unsettled(keeper, &error));
            }
        }
    }
}

async fn delivered(posting: &Posting, answer: Duration) -> Result<(), Failure> {
    match &posting.letter {
        Ok(letter) => mail::send(&letter.mail, &letter.to, &letter.message, answer).await,
        Err(failure) => Err(failure.clone()),
    }
}

fn unsettled(keeper: Keeper, error: &RecordError) -> Keeper {
    tracing::warn!(%error, "reports are not sent by mail now; trying again");
    keeper
}

/// Does something with the keeper, off the runtime's threads. `None` if it panicked, which ends the schedules and
/// nothing else.
async fn blocking<T: Send + 'static>(
    mut keeper: Keeper,
    job: impl FnOnce(&mut Keeper) -> T + Send + 'static,
) -> Option<(Keeper, T)> {
    let done = spawn_blocking(move || {
        let outcome = job(&mut keeper);
        (keeper, outcome)
    });
    match done.await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(%error, "scheduled reports failed; there are no more until the next start");
            None
        }
    }
}
