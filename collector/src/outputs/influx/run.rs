//! The output's task: makes rounds on a thread for blocking work, and writes one while it makes the next.

use super::cursor::{self, Keeper};
use super::database::Database;
use super::refused::Refused;
use super::round::{Round, Rounds};
use super::write::{Halt, Pace, Writer};
use super::{InfluxStatus, lock};
use crate::config::{InfluxApi, InfluxOutput};
use crate::outputs::remembered;
use crate::outputs::snapshot::{OutputState, Snapshot};
use crate::store::{Layout, StoreError};
use crate::view::View;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Why the output cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum InfluxError {
    /// The file with the outputs' cursors cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address is none, or TLS cannot be used.
    #[error("{0}")]
    Address(String),
    /// A round ended in a panic, which is a fault of the program.
    #[error("the output stopped at a fault of the program; restart the collector, and please report it")]
    Fault,
}

/// Writes the ledger to a database, until it is told to stop.
///
/// `wake` carries the ledger's change number; any change of it makes the output look again. `snapshot`, where
/// given, is the source of the agents' health. The output ends when `stop` becomes true or its sender is gone.
///
/// # Errors
/// [`InfluxError`] where it cannot start. A database that fails is no error: it is waited for.
#[allow(clippy::too_many_arguments)] // One value for each thing the pipeline joins; a struct would only rename them.
pub async fn run(
    config: InfluxOutput,
    view: View,
    layout: Layout,
    store_id: u64,
    wake: watch::Receiver<u64>,
    snapshot: Option<watch::Receiver<Arc<Snapshot>>>,
    stop: watch::Receiver<bool>,
    status: watch::Sender<InfluxStatus>,
) -> Result<(), InfluxError> {
    let output = Output { config, layout, store_id, pace: Pace::USUAL };
    output.run(view, wake, snapshot, stop, status).await
}

/// What an output is told.
pub(crate) struct Output {
    pub(crate) config: InfluxOutput,
    pub(crate) layout: Layout,
    pub(crate) store_id: u64,
    pub(crate) pace: Pace,
}

impl Output {
    pub(crate) async fn run(
        self,
        view: View,
        mut wake: watch::Receiver<u64>,
        snapshot: Option<watch::Receiver<Arc<Snapshot>>>,
        stop: watch::Receiver<bool>,
        status: watch::Sender<InfluxStatus>,
    ) -> Result<(), InfluxError> {
        let name = self.config.name.to_string();
        let database = Database::new(&self.config).map_err(InfluxError::Address)?;
        let (layout, store) = (self.layout.clone(), self.store_id);
        let address = crc32fast::hash(address(&self.config).as_bytes());
        let opening = {
            let name = name.clone();
            tokio::task::spawn_blocking(move || {
                let cursor = cursor::load(&layout, &name, store, address)?;
                Ok::<_, StoreError>((cursor, Keeper::open(&layout, &name)?, remembered::open(&layout)?))
            })
        };
        let (cursor, keeper, turns) = opening.await.map_err(|_| InfluxError::Fault)??;
        status.send_modify(|status| status.cursor = cursor.cursor);
        let writer = Writer {
            refused: Mutex::new(Refused::new(&self.layout, &name)),
            output: name,
            database: Arc::new(database),
            pace: self.pace,
            keeper: Arc::new(Mutex::new(keeper)),
            status,
            stop,
            wake: wake.clone(),
            delivered: AtomicBool::new(cursor.begun),
            seeds: AtomicU64::new(self.store_id),
            told: AtomicBool::new(false),
            not_finite: AtomicU64::new(0),
            requests: self.config.sending.requests,
            limit: AtomicUsize::new(usize::MAX),
            trouble: tokio::sync::Mutex::new(()),
        };
        let rounds =
            Rounds::new(view, cursor).with_turns(turns).in_batches_of(self.config.sending.batch_bytes);
        let rounds = Arc::new(Mutex::new(rounds));
        let age = self.config.sending.batch_age;
        match follow(&writer, &rounds, &mut wake, snapshot.as_ref(), age).await {
            Ok(never) => match never {},
            Err(End::Stopped) => Ok(()),
            Err(End::Fault) => Err(InfluxError::Fault),
        }
    }
}

/// The text by which another database is noticed.
pub(super) fn address(config: &InfluxOutput) -> String {
    match &config.api {
        InfluxApi::V1 { database, .. } => format!("v1 {} {database}", config.url.as_str()),
        InfluxApi::V2 { org, bucket, .. } => format!("v2 {} {org} {bucket}", config.url.as_str()),
        InfluxApi::V3 { database, .. } => format!("v3 {} {database}", config.url.as_str()),
    }
}

enum End {
    Stopped,
    Fault,
}

impl From<Halt> for End {
    fn from(_: Halt) -> End {
        End::Stopped
    }
}

type Making = JoinHandle<Result<Round, StoreError>>;

fn make(rounds: &Arc<Mutex<Rounds>>, snapshot: Option<&watch::Receiver<Arc<Snapshot>>>) -> Making {
    let rounds = Arc::clone(rounds);
    let snapshot = snapshot.map(|snapshot| Arc::clone(&snapshot.borrow()));
    tokio::task::spawn_blocking(move || lock(&rounds).next(Instant::now(), snapshot.as_deref()))
}

async fn follow(
    writer: &Writer,
    rounds: &Arc<Mutex<Rounds>>,
    wake: &mut watch::Receiver<u64>,
    snapshot: Option<&watch::Receiver<Arc<Snapshot>>>,
    age: Duration,
) -> Result<std::convert::Infallible, End> {
    loop {
        let head = *wake.borrow_and_update();
        writer.status.send_modify(|status| status.head = status.head.max(head));
        let Some(reached) = catch_up(writer, rounds, snapshot).await? else {
            lock(rounds).start_over();
            continue;
        };
        let live = async {
            match reached.live_due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        let woken = writer.unless_stopped(async {
            tokio::select! {
                woken = wake.changed() => woken.is_ok(),
                () = live => true,
            }
        });
        if !woken.await? {
            // Nobody will wake it again: the engine has ended, and so will this.
            return Err(End::Stopped);
        }
        // A burst of flushes becomes one round.
        writer.pause(age).await?;
    }
}

/// All there was to write is written.
struct Reached {
    live_due: Option<Instant>,
}

/// Makes rounds and writes them until there is nothing more, making one while another is written; `None`
/// where everything must be written again.
async fn catch_up(
    writer: &Writer,
    rounds: &Arc<Mutex<Rounds>>,
    snapshot: Option<&watch::Receiver<Arc<Snapshot>>>,
) -> Result<Option<Reached>, End> {
    let mut making = make(rounds, snapshot);
    loop {
        let round = made(writer, rounds, making, snapshot).await?;
        let (caught_up, live_due) = (round.caught_up, round.live_due);
        let next = (!caught_up).then(|| make(rounds, snapshot));
        match (writer.deliver(round).await, next) {
            (Ok(()), Some(next)) => making = next,
            (Ok(()), None) => return Ok(Some(Reached { live_due })),
            (Err(Halt::Stopped), _) => return Err(End::Stopped),
            (Err(Halt::StartOver), next) => {
                // What was made meanwhile builds on what is to be written again.
                if let Some(next) = next {
                    drop(next.await);
                }
                return Ok(None);
            }
        }
    }
}

/// Waits for a round; where the ledger cannot be read, tries on.
async fn made(
    writer: &Writer,
    rounds: &Arc<Mutex<Rounds>>,
    mut making: Making,
    snapshot: Option<&watch::Receiver<Arc<Snapshot>>>,
) -> Result<Round, End> {
    loop {
        match making.await {
            Ok(Ok(round)) => return Ok(round),
            Ok(Err(error)) => {
                writer.failed(&format!("the ledger cannot be read: {error}"));
                lock(rounds).retry();
                writer.pause(writer.pace.first).await?;
                making = make(rounds, snapshot);
            }
            Err(_) => {
                writer.status.send_modify(|status| status.state = OutputState::Down);
                return Err(End::Fault);
            }
        }
    }
}
