//! Where readings come from: one family of devices a file, all behind [`Source`].
//!
//! A source hands in what it has mapped and, where somebody waits for it, learns when that is durable
//! in the spool. The channel is bounded: a source that is faster than the disk waits in
//! [`IntakeSender::hand_in`]; nothing is dropped here.

mod filters;
pub mod host;
pub mod mqtt;
pub mod names;
pub mod nut;
pub mod replay;
pub mod simulated;
mod skew;
mod trouble;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc, watch};
use wattledger_model::batch::SourceStatus;
use wattledger_model::name::Name;
use wattledger_model::reading::{Reading, Refused};

/// Hand-ins that may wait between all sources of one urgency and the spool.
const WAITING_LIMIT: usize = 64;

/// One thing a source has made of what it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped {
    /// A reading of a meter. Its `intake` is given by the spool; what a source puts there is ignored.
    Reading {
        /// The meter, unique in the agent's site.
        meter: Name,
        /// What was read.
        reading: Reading,
    },
    /// Something that is no reading, with its reason.
    Refused(Refused),
}

/// What a source's run comes to: nothing, or why it could not go on.
pub type SourceRun = Pin<Box<dyn Future<Output = Result<(), SourceError>> + Send>>;

/// The code that reads one family of devices.
pub trait Source: Send {
    /// The name it has in the configuration and in the agent's status.
    fn name(&self) -> &str;

    /// Whether its readings can wait without growing stale or being lost: a file, a simulation.
    /// A patient source is held back while the spool is more than half full of unacknowledged batches.
    fn is_patient(&self) -> bool {
        false
    }

    /// Reads until `stop` turns true, the input ends, or nothing more can be done. A source that ends
    /// with an error is reported as unhealthy and not started again; the others go on.
    fn run(self: Box<Self>, intake: IntakeSender, stop: watch::Receiver<bool>) -> SourceRun;
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The agent has stopped taking in.
    #[error("the agent has stopped taking in readings")]
    IntakeClosed,
    /// The source's own reason, in words.
    #[error("{0}")]
    Failed(String),
}

/// Stands for one hand-in of one source: hand-ins are numbered from 1 in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A source's way into the spool.
#[derive(Debug)]
pub struct IntakeSender {
    source: usize,
    sender: mpsc::Sender<HandedIn>,
    durable: watch::Receiver<u64>,
    handed_in: u64,
    health: Health,
}

/// What travels from a source to the pipeline.
#[derive(Debug)]
pub struct HandedIn {
    /// The position of the source, in the order of [`Intake::sender`].
    pub source: usize,
    /// Its hand-in.
    pub ticket: Ticket,
    /// Whether somebody outside waits until it is durable.
    pub awaited: bool,
    /// What was mapped.
    pub mapped: Vec<Mapped>,
}

/// The receiving end: what all sources hand in, and what is told back to each.
#[derive(Debug)]
pub struct Intake {
    prompt: Lane,
    patient: Lane,
    sources: Vec<Desk>,
    turned: Arc<Notify>,
}

/// Sources of one urgency share a channel, so that the patient ones can be held back alone.
#[derive(Debug)]
struct Lane {
    sender: Option<mpsc::Sender<HandedIn>>,
    receiver: mpsc::Receiver<HandedIn>,
    is_done: bool,
}

#[derive(Debug)]
struct Desk {
    durable: watch::Sender<u64>,
    health: Health,
}

/// How a source is, shared by the source and the pipeline.
#[derive(Debug, Clone)]
struct Health {
    status: Arc<Mutex<SourceStatus>>,
    /// Woken when a source begins or ceases to deliver.
    turned: Arc<Notify>,
}

impl Health {
    fn report(&self, healthy: bool, detail: String) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if status.healthy != healthy {
            self.turned.notify_one();
        }
        status.healthy = healthy;
        status.detail = detail;
    }

    fn status(&self) -> SourceStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Lane {
    fn new() -> Lane {
        let (sender, receiver) = mpsc::channel(WAITING_LIMIT);
        Lane { sender: Some(sender), receiver, is_done: false }
    }
}

impl Default for Intake {
    fn default() -> Intake {
        Intake::new()
    }
}

impl Intake {
    /// An intake without sources.
    pub fn new() -> Intake {
        let (prompt, patient) = (Lane::new(), Lane::new());
        Intake { prompt, patient, sources: Vec::new(), turned: Arc::new(Notify::new()) }
    }

    /// The way in for one more source.
    pub fn sender(&mut self, source: &dyn Source) -> IntakeSender {
        let (durable, durable_seen) = watch::channel(0);
        let name = source.name().to_owned();
        let status = SourceStatus { name, healthy: false, detail: "starting".to_owned() };
        let health = Health { status: Arc::new(Mutex::new(status)), turned: Arc::clone(&self.turned) };
        let lane = if source.is_patient() { &self.patient } else { &self.prompt };
        // After `close` nobody listens; a sender into a closed channel says so at its first hand-in.
        let sender = lane.sender.clone().unwrap_or_else(|| mpsc::channel(1).0);
        self.sources.push(Desk { durable, health: health.clone() });
        IntakeSender { source: self.sources.len() - 1, sender, durable: durable_seen, handed_in: 0, health }
    }

    /// No further sources: from here on `next` ends with the last of them.
    pub fn close(&mut self) {
        self.prompt.sender = None;
        self.patient.sender = None;
    }

    /// The next hand-in; those of patient sources only if `patient_too`. `None` once every source has
    /// ended. Safe to cancel.
    pub async fn next(&mut self, patient_too: bool) -> Option<HandedIn> {
        while !(self.prompt.is_done && self.patient.is_done) {
            tokio::select! {
                biased;
                handed_in = self.prompt.receiver.recv(), if !self.prompt.is_done => {
                    self.prompt.is_done = handed_in.is_none();
                    if handed_in.is_some() {
                        return handed_in;
                    }
                }
                handed_in = self.patient.receiver.recv(), if patient_too && !self.patient.is_done => {
                    self.patient.is_done = handed_in.is_none();
                    if handed_in.is_some() {
                        return handed_in;
                    }
                }
                // Only patient sources are left, and they are held back.
                else => std::future::pending::<()>().await,
            }
        }
        None
    }

    /// A hand-in that already waits.
    pub fn try_next(&mut self, patient_too: bool) -> Option<HandedIn> {
        let prompt = self.prompt.receiver.try_recv().ok();
        prompt.or_else(|| if patient_too { self.patient.receiver.try_recv().ok() } else { None })
    }

    /// Tells a source that this hand-in, and with it every earlier one, is durable.
    pub fn made_durable(&self, source: usize, ticket: Ticket) {
        if let Some(desk) = self.sources.get(source) {
            desk.durable.send_if_modified(|durable| {
                let moved = *durable < ticket.0;
                *durable = (*durable).max(ticket.0);
                moved
            });
        }
    }

    /// Says how a source is, in its place.
    pub(crate) fn report(&self, source: usize, healthy: bool, detail: &str) {
        if let Some(desk) = self.sources.get(source) {
            desk.health.report(healthy, detail.to_owned());
        }
    }

    /// Waits until a source has begun or ceased to deliver.
    pub fn turned(&self) -> impl Future<Output = ()> + use<> {
        let turned = Arc::clone(&self.turned);
        async move { turned.notified().await }
    }

    /// What each source says of itself.
    pub fn statuses(&self) -> Vec<SourceStatus> {
        self.sources.iter().map(|desk| desk.health.status()).collect()
    }
}

impl IntakeSender {
    /// Hands in readings and refusals. Waits while the channel is full.
    ///
    /// # Errors
    /// [`SourceError::IntakeClosed`] when the agent stops: end the run.
    pub async fn hand_in(&mut self, mapped: Vec<Mapped>) -> Result<Ticket, SourceError> {
        self.send(mapped, false).await
    }

    /// The same, and somebody outside (a broker) waits until it is durable: the spool is written soon.
    ///
    /// # Errors
    /// [`SourceError::IntakeClosed`] when the agent stops: end the run.
    pub async fn hand_in_awaited(&mut self, mapped: Vec<Mapped>) -> Result<Ticket, SourceError> {
        self.send(mapped, true).await
    }

    async fn send(&mut self, mapped: Vec<Mapped>, awaited: bool) -> Result<Ticket, SourceError> {
        let ticket = Ticket(self.handed_in + 1);
        let handed_in = HandedIn { source: self.source, ticket, awaited, mapped };
        self.sender.send(handed_in).await.map_err(|_| SourceError::IntakeClosed)?;
        self.handed_in = ticket.0;
        Ok(ticket)
    }

    /// The latest hand-in that is durable, and with it every earlier one.
    pub fn durable(&self) -> Ticket {
        Ticket(*self.durable.borrow())
    }

    /// Waits until [`durable`](IntakeSender::durable) may have moved. Safe to cancel.
    ///
    /// # Errors
    /// [`SourceError::IntakeClosed`] when nothing more can become durable.
    pub async fn durable_moved(&mut self) -> Result<Ticket, SourceError> {
        self.durable.changed().await.map_err(|_| SourceError::IntakeClosed)?;
        Ok(Ticket(*self.durable.borrow_and_update()))
    }

    /// Says how the source is; shown in the agent's status.
    pub fn report(&self, healthy: bool, detail: impl Into<String>) {
        self.health.report(healthy, detail.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;

    struct Named(&'static str, bool);

    impl Source for Named {
        fn name(&self) -> &str {
            self.0
        }
        fn is_patient(&self) -> bool {
            self.1
        }
        fn run(self: Box<Self>, _: IntakeSender, _: watch::Receiver<bool>) -> SourceRun {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn patient_sources_are_held_back_alone() {
        let mut intake = Intake::new();
        let mut file = intake.sender(&Named("file", true));
        let mut bus = intake.sender(&Named("bus", false));
        file.hand_in(Vec::new()).await.expect("open");
        assert!(intake.try_next(false).is_none());
        bus.hand_in_awaited(Vec::new()).await.expect("open");
        assert_eq!(intake.next(false).await.map(|h| (h.source, h.awaited)), Some((1, true)));
        assert_eq!(intake.next(true).await.map(|h| (h.source, h.awaited)), Some((0, false)));
        intake.close();
        drop(bus);
        {
            let mut held_back = std::pin::pin!(intake.next(false));
            assert!(poll_fn(|cx| Poll::Ready(held_back.as_mut().poll(cx).is_pending())).await);
        }
        drop(file);
        assert!(intake.next(true).await.is_none());
    }

    #[tokio::test]
    async fn durable_never_goes_back_and_an_ended_intake_says_so() {
        let mut intake = Intake::new();
        let mut bus = intake.sender(&Named("bus", false));
        bus.hand_in(Vec::new()).await.expect("open");
        intake.made_durable(0, Ticket(3));
        intake.made_durable(0, Ticket(2));
        assert_eq!(bus.durable_moved().await.expect("open"), Ticket(3));
        bus.report(false, "no broker");
        assert_eq!(intake.statuses()[0].detail, "no broker");
        drop(intake);
        assert!(matches!(bus.hand_in(Vec::new()).await, Err(SourceError::IntakeClosed)));
        assert!(bus.durable_moved().await.is_err());
    }
}
