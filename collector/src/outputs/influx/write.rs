//! Brings rounds into a database: several requests at a time, again and again until every line is taken or
//! refused for good. What is written twice is the same point.
//!
//! While one request waits for a database that fails, the others wait with it: it is asked again by one alone.

use super::answer::{Answer, Faults};
use super::cursor::Keeper;
use super::database::Database;
use super::line::Batch;
use super::points::Erasure;
use super::refused::Refused;
use super::round::Round;
use super::search::Search;
use super::{InfluxStatus, lock};
use crate::outputs::snapshot::OutputState;
use futures_util::future::try_join_all;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use wattledger_link::backoff::Backoff;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// After the first failure.
    pub(crate) first: Duration,
    /// After many failures.
    pub(crate) longest: Duration,
    /// Until somebody has mended something.
    pub(crate) mended: Duration,
}

impl Pace {
    pub(crate) const USUAL: Pace = Pace {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
        mended: Duration::from_secs(30),
    };
}

/// Requests are not made smaller than this, bytes of lines, because a larger one was too large.
const LEAST_LIMIT: usize = 4 << 10;

/// Why a round was not brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The output is to end.
    Stopped,
    /// The database is another one than before: everything must be written again.
    StartOver,
}

/// What became of lines that were sent.
enum Sent {
    Accepted { expired: u64 },
    TooLarge,
    Refused { why: String, faults: Faults },
}

/// Writes rounds.
pub(crate) struct Writer {
    pub(crate) output: String,
    pub(crate) database: Arc<Database>,
    pub(crate) pace: Pace,
    pub(crate) keeper: Arc<Mutex<Keeper>>,
    pub(crate) refused: Mutex<Refused>,
    pub(crate) status: watch::Sender<InfluxStatus>,
    pub(crate) stop: watch::Receiver<bool>,
    /// The ledger's change number.
    pub(crate) wake: watch::Receiver<u64>,
    /// Whether the database must be there, since it has taken something.
    pub(crate) delivered: AtomicBool,
    pub(crate) seeds: AtomicU64,
    pub(crate) told: AtomicBool,
    pub(crate) not_finite: AtomicU64,
    /// Requests that are under way at a time.
    pub(crate) requests: usize,
    /// The database takes no request with more bytes of lines than this, as far as is known.
    pub(crate) limit: AtomicUsize,
    /// Held by the request that waits for a database that fails.
    pub(crate) trouble: tokio::sync::Mutex<()>,
}

impl Writer {
    /// Writes a round, and remembers its cursor.
    pub(crate) async fn deliver(&self, round: Round) -> Result<(), Halt> {
        if let Some(intent) = round.intent {
            self.keep(intent).await?;
        }
        for erasures in round.erasures.chunks(self.database.erasures_at_once()) {
            self.erase(erasures).await?;
        }
        let queue = Mutex::new(VecDeque::from(round.batches));
        let requests = self.requests.min(lock(&queue).len());
        try_join_all((0..requests).map(|_| self.lane(&queue))).await?;
        if let Some(cursor) = round.cursor {
            self.keep(cursor).await?;
        }
        if round.not_finite > self.not_finite.swap(round.not_finite, Ordering::Relaxed) {
            let count = round.not_finite;
            tracing::warn!(output = %self.output, count, "values that are no finite number were left out");
        }
        self.succeeded();
        // The ledger may have gone on meanwhile: "ok" is said of its latest state only.
        let head = round.head.max(*self.wake.borrow());
        self.status.send_modify(|status| {
            status.cursor = round.change;
            status.head = head;
            let ok = round.caught_up && round.change >= head;
            status.state = if ok { OutputState::Ok } else { OutputState::Behind };
        });
        Ok(())
    }

    async fn lane(&self, queue: &Mutex<VecDeque<Batch>>) -> Result<(), Halt> {
        loop {
            let next = lock(queue).pop_front();
            match next {
                Some(batch) => self.batch(batch).await?,
                None => return Ok(()),
            }
        }
    }

    /// Remembers a cursor; the disk may be full for a while.
    async fn keep(&self, cursor: String) -> Result<(), Halt> {
        let mut backoff = self.backoff();
        let cursor: Arc<str> = cursor.into();
        loop {
            let (keeper, cursor) = (Arc::clone(&self.keeper), Arc::clone(&cursor));
            let kept = tokio::task::spawn_blocking(move || lock(&keeper).keep(&cursor)).await;
            match kept {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => self.failed(&format!("the cursor cannot be kept: {error}")),
                Err(error) => self.failed(&format!("the cursor cannot be kept: {error}")),
            }
            self.pause(backoff.next_wait()).await?;
        }
    }

    async fn erase(&self, erasures: &[Erasure]) -> Result<(), Halt> {
        let mut backoff = self.backoff();
        loop {
            let answer = self.unless_stopped(self.database.erase(erasures)).await?;
            match answer {
                Answer::Accepted { .. } => {
                    self.succeeded();
                    return Ok(());
                }
                Answer::Later { wait, why } => {
                    self.failed(&why);
                    self.pause(self.wait(wait, &mut backoff)).await?;
                }
                // Nothing is there to be deleted; the write that follows makes the database.
                Answer::Absent { .. } => return Ok(()),
                Answer::Refused { why, .. } if why.contains("database not found") => return Ok(()),
                Answer::Refused { why, .. } | Answer::Denied { why } => {
                    return self.not_erased(erasures, &why);
                }
                Answer::TooLarge => return self.not_erased(erasures, "the request is too long"),
            }
        }
    }

    /// Some databases cannot delete. The point that is written next says by its coverage that the old value
    /// is none.
    fn not_erased(&self, erasures: &[Erasure], why: &str) -> Result<(), Halt> {
        let first = self.status.borrow().not_erased == 0;
        self.status.send_modify(|status| status.not_erased += erasures.len() as u64);
        if first {
            tracing::warn!(
                output = %self.output,
                why,
                "the database deletes nothing, so values that are withdrawn stay beside a coverage of 0"
            );
        }
        Ok(())
    }

    /// Writes a batch; lines that are refused for good are looked for.
    async fn batch(&self, batch: Batch) -> Result<(), Halt> {
        let mut search = Search::new(batch);
        while let Some(part) = search.next(self.limit.load(Ordering::Relaxed)) {
            let (part, sent) = self.send(part).await?;
            match sent {
                Sent::Accepted { expired } => {
                    search.taken();
                    self.count((part.lines as u64).saturating_sub(expired), expired);
                }
                Sent::TooLarge => {
                    if part.lines > 1 {
                        self.shrink(part.text.len());
                    }
                    if let Some(line) = search.too_large(part) {
                        self.condemn(&line, "the database takes no request of this size");
                    }
                }
                Sent::Refused { why, faults } => {
                    for (lines, why) in search.refused(part, why, &faults) {
                        self.condemn(&lines, &why);
                    }
                }
            }
        }
        Ok(())
    }

    /// Remembers that the database took no request with so many bytes of lines.
    fn shrink(&self, bytes: usize) {
        // Halves of lines are not halves of bytes.
        let smaller = (bytes / 5 * 3).max(LEAST_LIMIT);
        if self.limit.fetch_min(smaller, Ordering::Relaxed) > smaller {
            tracing::info!(
                output = %self.output,
                bytes = smaller,
                "the database takes no requests of that size; they are made smaller from now on"
            );
        }
    }

    fn condemn(&self, lines: &Batch, why: &str) {
        self.count(0, lines.lines as u64);
        lock(&self.refused).note(lines, why);
    }

    fn count(&self, points: u64, refused: u64) {
        self.status.send_modify(|status| {
            status.points += points;
            status.refused_points += refused;
        });
    }

    /// Sends lines until the database has said something definite of them.
    async fn send(&self, part: Batch) -> Result<(Batch, Sent), Halt> {
        let database = Arc::clone(&self.database);
        let compressing = tokio::task::spawn_blocking(move || (database.body(&part.text), part));
        let (body, part) = compressing.await.map_err(|_| Halt::Stopped)?;
        let mut backoff = self.backoff();
        let mut alone = None;
        loop {
            if alone.is_none() {
                // Another request may be waiting for the database.
                drop(self.unless_stopped(self.trouble.lock()).await?);
            }
            let answer = self.unless_stopped(self.database.write(body.clone())).await?;
            let trouble = match answer {
                Answer::Accepted { expired } => {
                    self.delivered.store(true, Ordering::Relaxed);
                    return Ok((part, self.definite(Sent::Accepted { expired })));
                }
                Answer::TooLarge => return Ok((part, self.definite(Sent::TooLarge))),
                Answer::Refused { why, faults } => {
                    return Ok((part, self.definite(Sent::Refused { why, faults })));
                }
                trouble => trouble,
            };
            if alone.is_none() {
                match self.trouble.try_lock() {
                    Ok(first) => alone = Some(first),
                    // Its turn comes when the other has seen the end of it.
                    Err(_) => continue,
                }
            }
            match trouble {
                Answer::Later { wait, why } => {
                    self.failed(&why);
                    self.pause(self.wait(wait, &mut backoff)).await?;
                }
                Answer::Denied { why } => {
                    self.failed(&why);
                    self.pause(self.pace.mended).await?;
                }
                Answer::Absent { why } => self.make_database(&why).await?,
                Answer::Accepted { .. } | Answer::TooLarge | Answer::Refused { .. } => {}
            }
        }
    }

    /// The database has answered: it is there.
    fn definite(&self, sent: Sent) -> Sent {
        self.succeeded();
        sent
    }

    /// As long as the database asks, but never in a hurry; else longer with each failure.
    fn wait(&self, asked: Option<Duration>, backoff: &mut Backoff) -> Duration {
        asked.map_or_else(|| backoff.next_wait(), |wait| wait.max(self.pace.first))
    }

    /// Makes the database that is not there. One that was there before and is gone took its points along.
    async fn make_database(&self, said: &str) -> Result<(), Halt> {
        match self.unless_stopped(self.database.create()).await? {
            Ok(()) => {
                tracing::info!(output = %self.output, "made the database, which was not there");
                if self.delivered.swap(false, Ordering::Relaxed) {
                    return Err(Halt::StartOver);
                }
                Ok(())
            }
            Err(why) => {
                self.failed(&format!("{said}; it cannot be made ({why}): make it, or give a user who may"));
                self.pause(self.pace.mended).await
            }
        }
    }

    fn backoff(&self) -> Backoff {
        let seed = self.seeds.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        Backoff::new(seed, self.pace.first, self.pace.longest)
    }

    pub(crate) fn failed(&self, why: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(output = %self.output, why, "cannot write to the database; trying on");
        }
        self.status.send_modify(|status| {
            status.state = OutputState::Down;
            status.last_error = Some(why.to_owned());
        });
    }

    pub(crate) fn succeeded(&self) {
        if self.told.swap(false, Ordering::Relaxed) {
            tracing::info!(output = %self.output, "the database takes points again");
            self.status.send_modify(|status| {
                status.state = OutputState::Behind;
                status.last_error = None;
            });
        }
    }

    pub(crate) async fn pause(&self, wait: Duration) -> Result<(), Halt> {
        self.unless_stopped(tokio::time::sleep(wait)).await
    }

    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Halt> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            // A sender that is gone stops as well.
            _ = stop.wait_for(|stop| *stop) => Err(Halt::Stopped),
            done = work => Ok(done),
        }
    }
}
