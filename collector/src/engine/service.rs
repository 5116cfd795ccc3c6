//! The engine on its own thread: commands in, durable answers out, flushes by the clock.

use super::receipts::{Of, Receipt};
use super::tally::{Overlap, QuarantineCount, QuarantineKey};
use super::work::{Work, Workbook};
use super::{Answered, Arrival, Engine, EngineError, MeterTally, Rebuilt};
use crate::audit::Who;
use crate::clock;
use crate::health::HealthBoard;
use crate::store::{MeterId, digest};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use wattledger_model::batch::{AgentKey, AgentStatus};
use wattledger_model::meter::{Kind, MeterKey};
use wattledger_model::reading::{Cause, Incarnation};
use wattledger_model::time::{Interval, Timestamp};

/// Between two flushes: how long a reading waits for its minute at most.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// Between two moves of readings from the journal to the raw store.
const COMPACT_EVERY: Duration = Duration::from_secs(30);
/// Between two tries while the disk refuses.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Between two looks for raw readings that are older than they are kept.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
/// Between two times that digests of days are made, while some wait.
const DIGESTS_EVERY: Duration = Duration::from_millis(200);
/// Payloads made durable together at most.
const GROUP: usize = 512;
/// Commands that wait for the engine at most.
const COMMANDS: usize = 1_024;

/// What the engine is asked.
enum Command {
    Take { tag: u64, arrival: Arrival, at: std::time::Instant },
    Known { agent: AgentKey, incarnation: Incarnation },
    Heard { status: Box<AgentStatus> },
    Digest { interval: Option<Interval>, answer: oneshot::Sender<Result<digest::Digest, String>> },
    Rebuild { who: Who, answer: oneshot::Sender<Result<Checked, String>> },
    Act { act: Act },
}

/// Something to be done with the engine, at an instant of the collector's clock.
type Act = Box<dyn FnOnce(&mut Engine, Timestamp) + Send>;

/// A rebuild with the digests around it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What was done.
    pub rebuilt: Rebuilt,
    /// Digest before.
    pub before: digest::Digest,
    /// Digest after.
    pub after: digest::Digest,
    /// Readings in the store.
    pub readings: u64,
}

/// What became durable: these deliveries may be acknowledged, and this may be said.
#[derive(Debug, Default)]
pub struct Durable {
    /// Tags of the arrivals.
    pub tags: Vec<u64>,
    /// What to answer.
    pub answered: Answered,
}

/// What the engine counts, for the page and the metrics.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// Every meter that is known.
    pub meters: Vec<MeterTelemetry>,
    /// What was refused.
    pub quarantine: BTreeMap<QuarantineKey, QuarantineCount>,
    /// How many of that are kept and wait for a decision, by cause.
    pub held: BTreeMap<Cause, u64>,
    /// Readings taken in since the store was made.
    pub readings: u64,
    /// Readings that agents lost knowingly.
    pub lost_readings: u64,
    /// What became of each agent's readings.
    pub receipts: BTreeMap<Of, Receipt>,
    /// Batches that came for others of which some were here already, by agent and what was done with them.
    pub overlaps: BTreeMap<(AgentKey, Overlap), u64>,
    /// Change number.
    pub change: u64,
    /// What was done since the start.
    pub work: Work,
}

/// One meter's counts.
#[derive(Debug, Clone)]
pub struct MeterTelemetry {
    /// Its number in the store.
    pub id: MeterId,
    /// Site and name.
    pub key: MeterKey,
    /// Its kind.
    pub kind: Kind,
    /// How long it may be silent before it is stale, ms.
    pub stale_after_ms: i64,
    /// What is counted of it.
    pub tally: MeterTally,
    /// Until when each of its undecided steps is so at the longest.
    pub undecided: Vec<Timestamp>,
}

/// The way to the engine's thread; cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    commands: mpsc::Sender<Command>,
}

/// What the engine's thread tells.
pub struct EngineSignals {
    /// Arrivals that became durable.
    pub durable: mpsc::UnboundedReceiver<Durable>,
    /// The change number; also sent when only the horizon may have moved.
    pub wake: watch::Receiver<u64>,
    /// What is counted.
    pub telemetry: watch::Receiver<Arc<Telemetry>>,
    /// The thread, to be joined after the last handle is gone.
    pub thread: std::thread::JoinHandle<()>,
}

impl EngineHandle {
    /// Hands an arrival in; waits while the engine has enough to do. `false` once it has stopped.
    pub async fn take(&self, tag: u64, arrival: Arrival) -> bool {
        let at = std::time::Instant::now();
        self.commands.send(Command::Take { tag, arrival, at }).await.is_ok()
    }

    /// Takes note of an agent's status; answered with what is committed of its incarnation, like an arrival.
    pub async fn heard(&self, status: Box<AgentStatus>) -> bool {
        self.commands.send(Command::Heard { status }).await.is_ok()
    }

    /// Asks what is committed of an agent's incarnation; answered like an arrival.
    pub async fn known(&self, agent: AgentKey, incarnation: Incarnation) -> bool {
        self.commands.send(Command::Known { agent, incarnation }).await.is_ok()
    }

    /// The digest of the ledger.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn digest(&self, interval: Option<Interval>) -> Result<digest::Digest, String> {
        self.ask(|answer| Command::Digest { interval, answer }).await
    }

    /// Makes the ledger again from the raw readings.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn rebuild(&self, who: Who) -> Result<Checked, String> {
        self.ask(|answer| Command::Rebuild { who, answer }).await
    }

    /// Does something with the engine, after what has arrived is durable; outputs are woken afterwards.
    ///
    /// # Errors
    /// What went wrong, in words: the collector is stopping.
    pub async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Engine, Timestamp) -> T + Send + 'static,
    ) -> Result<T, String> {
        self.ask(|answer: oneshot::Sender<Result<T, String>>| Command::Act {
            act: Box::new(move |engine, now| {
                // Who asked may have gone; then nobody needs the answer.
                let _gone = answer.send(Ok(act(engine, now)));
            }),
        })
        .await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Command,
    ) -> Result<T, String> {
        let stopping = || "the collector is stopping".to_owned();
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }
}

/// Starts the engine's thread. It ends, with everything in the store, after the last handle is gone.
///
/// # Errors
/// Where the system gives no thread.
pub fn start(
    engine: Engine,
    health: HealthBoard,
    raw_kept_ms: i64,
) -> std::io::Result<(EngineHandle, EngineSignals)> {
    let (commands, receiver) = mpsc::channel(COMMANDS);
    let (durable_out, durable) = mpsc::unbounded_channel();
    let (wake_out, wake) = watch::channel(engine.change().unwrap_or(0));
    let (telemetry_out, telemetry) = watch::channel(Arc::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
        let work = Workbook::new(engine.tally().readings(), std::time::Instant::now());
        let mut service = Service {
            engine,
            health,
            raw_kept_ms,
            waiting: Vec::new(),
            tags: Vec::new(),
            arrived: Vec::new(),
            work,
            durable: durable_out,
            wake: wake_out,
            telemetry: telemetry_out,
            changed: true,
            digests_wait: true,
        };
        runtime.block_on(service.run(receiver));
    })?;
    Ok((EngineHandle { commands }, EngineSignals { durable, wake, telemetry, thread }))
}

struct Service {
    engine: Engine,
    health: HealthBoard,
    raw_kept_ms: i64,
    /// Arrivals that are not durable yet, with their tags in the same order.
    waiting: Vec<Arrival>,
    tags: Vec<u64>,
    /// When they arrived, in the same order.
    arrived: Vec<std::time::Instant>,
    work: Workbook,
    durable: mpsc::UnboundedSender<Durable>,
    wake: watch::Sender<u64>,
    telemetry: watch::Sender<Arc<Telemetry>>,
    /// Whether anything came since the last flush.
    changed: bool,
    /// Whether days may wait for their digest.
    digests_wait: bool,
}

impl Service {
    async fn run(&mut self, mut commands: mpsc::Receiver<Command>) {
        let mut flush_at = Instant::now();
        let mut compact_at = Instant::now() + COMPACT_EVERY;
        let mut forget_at = Instant::now();
        let mut digests_at = Instant::now() + DIGESTS_EVERY;
        self.publish();
        loop {
            let stuck = !self.waiting.is_empty() || self.engine.is_full();
            if stuck && commands.is_closed() {
                // Nobody is left to be answered; agents still hold what is not durable.
                break;
            }
            tokio::select! {
                biased;
                () = sleep_until(flush_at), if self.changed || stuck => {}
                () = sleep_until(forget_at) => {
                    self.forget();
                    forget_at = Instant::now() + FORGET_EVERY;
                    self.digests_wait = true;
                }
                () = sleep_until(digests_at), if self.digests_wait => {
                    self.keep_digests();
                    digests_at = Instant::now() + DIGESTS_EVERY;
                }
                command = commands.recv(), if !stuck => match command {
                    None => break,
                    Some(command) => self.answer(command, &mut commands),
                },
            }
            if stuck && Instant::now() >= flush_at {
                self.make_durable();
            }
            if self.changed && Instant::now() >= flush_at {
                let compact = Instant::now() >= compact_at || self.engine.wants_compaction();
                let worked = self.flush(compact);
                if compact {
                    compact_at = Instant::now() + COMPACT_EVERY;
                }
                flush_at = Instant::now() + if worked { FLUSH_EVERY } else { RETRY_AFTER };
            } else if !self.waiting.is_empty() {
                flush_at = flush_at.max(Instant::now() + RETRY_AFTER);
            }
        }
        self.make_durable();
        self.flush(true);
    }

    fn answer(&mut self, command: Command, commands: &mut mpsc::Receiver<Command>) {
        let mut next = Some(command);
        while let Some(command) = next.take() {
            match command {
                Command::Take { tag, arrival, at } => {
                    self.waiting.push(arrival);
                    self.tags.push(tag);
                    self.arrived.push(at);
                    // Whatever else has come is made durable with it.
                    if self.waiting.len() < GROUP {
                        next = commands.try_recv().ok();
                    }
                }
                Command::Known { agent, incarnation } => {
                    let of = (agent, incarnation);
                    let known = self.engine.committed_of(&of);
                    let mut answered = Answered::default();
                    answered.committed.insert(of, known);
                    self.send(Durable { tags: Vec::new(), answered });
                }
                Command::Heard { status } => {
                    self.engine.hear(&status);
                    // So that the receipt of the hour is written although nothing else comes.
                    self.changed = true;
                    let of = (status.agent, status.incarnation);
                    let known = self.engine.committed_of(&of);
                    let mut answered = Answered::default();
                    answered.committed.insert(of, known);
                    self.send(Durable { tags: Vec::new(), answered });
                }
                Command::Digest { interval, answer } => {
                    self.make_durable();
                    self.engine.tell_time(clock::now());
                    // Who asked may have gone; then nobody needs the answer.
                    let _gone =
                        answer.send(self.engine.digest_of(interval).map_err(|error| error.to_string()));
                }
                Command::Rebuild { who, answer } => {
                    self.make_durable();
                    let _gone = answer.send(self.rebuild(&who).map_err(|error| error.to_string()));
                    self.publish();
                }
                Command::Act { act } => {
                    self.make_durable();
                    act(&mut self.engine, clock::now());
                    self.publish();
                }
            }
        }
        self.make_durable();
    }

    fn make_durable(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        match self.engine.take(&self.waiting, clock::now()) {
            Ok(answered) => {
                self.waiting.clear();
                self.work.made_durable(&self.arrived, std::time::Instant::now());
                self.arrived.clear();
                self.changed = true;
                self.health.clear("journal");
                let tags = std::mem::take(&mut self.tags);
                self.send(Durable { tags, answered });
            }
            Err(error) => {
                self.trouble("journal", &error);
                if let Some(first) = self.arrived.first() {
                    self.work.waits(*first, std::time::Instant::now());
                    self.publish();
                }
            }
        }
    }

    fn send(&self, durable: Durable) {
        // At the stop nobody listens any more; agents will ask again.
        let _stopping = self.durable.send(durable);
    }

    fn flush(&mut self, compact: bool) -> bool {
        self.engine.tell_time(clock::now());
        let is_quiet = !self.engine.wants_compaction();
        let began = std::time::Instant::now();
        let flushed = if compact { self.engine.compact() } else { self.engine.flush_light() };
        match flushed {
            Ok(_) => {
                self.work.flushed(began.elapsed());
                self.changed = false;
                self.digests_wait |= compact && is_quiet;
                self.health.clear("ledger");
                self.publish();
                true
            }
            Err(error) => {
                self.trouble("ledger", &error);
                false
            }
        }
    }

    fn rebuild(&mut self, who: &Who) -> Result<Checked, EngineError> {
        self.engine.tell_time(clock::now());
        let before = self.engine.digest()?;
        let rebuilt = self.engine.rebuild_for(who)?;
        let after = self.engine.digest()?;
        Ok(Checked { rebuilt, before, after, readings: self.engine.tally().readings() })
    }

    fn forget(&mut self) {
        self.engine.tell_time(clock::now());
        let edge = Timestamp(clock::now().0.saturating_sub(self.raw_kept_ms).saturating_sub(2 * 86_400_000));
        match self.engine.forget_raw_before(edge) {
            Ok(0) => {}
            Ok(days) => {
                tracing::info!(days, before = %edge, "raw readings older than they are kept were removed")
            }
            Err(error) => self.trouble("ledger", &error),
        }
    }

    /// Makes digests of some days; where that fails, the next move to the raw store tries again.
    fn keep_digests(&mut self) {
        self.engine.tell_time(clock::now());
        match self.engine.keep_digests() {
            Ok(is_more) => {
                self.digests_wait = is_more;
                self.health.clear("digests");
            }
            Err(error) => {
                self.digests_wait = false;
                self.trouble("digests", &error);
            }
        }
    }

    fn trouble(&self, part: &str, error: &EngineError) {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        self.health.report(part, &text);
    }

    fn publish(&mut self) {
        let change = match self.engine.change() {
            Ok(change) => change,
            Err(error) => return self.trouble("ledger", &error),
        };
        let tally = self.engine.tally();
        let work = self.work.told(tally.readings(), tally.duplicate_batches(), std::time::Instant::now());
        let meters = self
            .engine
            .meters()
            .all()
            .map(|(id, key, interpretation, _)| MeterTelemetry {
                id,
                key: key.clone(),
                kind: interpretation.kind,
                stale_after_ms: interpretation.stale_after_ms(),
                tally: tally.meter(id).cloned().unwrap_or_default(),
                undecided: self.engine.undecided(id).to_vec(),
            })
            .collect();
        self.telemetry.send_replace(Arc::new(Telemetry {
            meters,
            quarantine: tally.quarantined().clone(),
            held: tally.held(),
            readings: tally.readings(),
            lost_readings: tally.lost_readings(),
            receipts: tally.receipts().all().clone(),
            overlaps: tally.overlaps().clone(),
            change,
            work,
        }));
        self.wake.send_replace(change);
    }
}
