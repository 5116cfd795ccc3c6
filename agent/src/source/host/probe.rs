//! One family of things that a host can be asked for, each on a thread of its own: a file or a driver that
//! takes its time, or never answers, holds up nobody else.

use crate::clock;
use crate::source::trouble::Trouble;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::Evidence;
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// How often what was missing is looked for again.
pub(super) const AGAIN: Duration = Duration::from_secs(60);

/// What asks.
pub(super) trait Probe: Send + 'static {
    /// The family's name in the log and the status.
    fn name(&self) -> &'static str;

    /// Reads all there is now. May take as long as it takes.
    fn look(&mut self) -> Look;
}

/// What one look came to.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) sensed: Vec<Sensed>,
    pub(super) garbled: Vec<Garbled>,
    /// All that cannot be read now.
    pub(super) troubles: Vec<Trouble>,
    /// What has been found since the last look and wants to be known: a zone, and what to know of it.
    pub(super) notes: Vec<(String, String)>,
    /// What is read, in a few words.
    pub(super) reads: String,
    /// The longest that the next look may be away, where that matters.
    pub(super) within: Option<Duration>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sensed {
    /// What it is of; the meter is named after it.
    pub(super) zone: String,
    pub(super) at: Timestamp,
    pub(super) value: Decimal,
    pub(super) unit: Unit,
    pub(super) evidence: Option<Evidence>,
}

impl Sensed {
    /// A value that was read just now.
    pub(super) fn now(zone: impl Into<String>, value: Decimal, unit: &str) -> Sensed {
        let unit = unit.parse().expect("a unit that the model has");
        Sensed { zone: zone.into(), at: clock::now(), value, unit, evidence: None }
    }
}

/// Something that is no value, as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Garbled {
    pub(super) zone: String,
    pub(super) detail: String,
    pub(super) said: Vec<u8>,
}

/// A running probe; dropped, it ends after the look that it is at.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: &'static str,
    /// When it last answered, and when it should next.
    pub(super) answered: Instant,
    pub(super) next: Duration,
    _ends: Sender<()>,
}

/// Starts to ask, at once and then each `interval`, or sooner where the probe must.
///
/// # Errors
/// If the system gives no thread.
pub(super) fn ask(
    probe: Box<dyn Probe>,
    position: usize,
    interval: Duration,
    answers: mpsc::Sender<(usize, Look)>,
) -> std::io::Result<Asked> {
    let (ends, ended) = channel();
    let name = probe.name();
    thread::Builder::new()
        .name(format!("host-{name}"))
        .spawn(move || keep_asking(probe, position, interval, &answers, &ended))?;
    Ok(Asked { name, answered: Instant::now(), next: interval, _ends: ends })
}

fn keep_asking(
    mut probe: Box<dyn Probe>,
    position: usize,
    interval: Duration,
    answers: &mpsc::Sender<(usize, Look)>,
    ended: &Receiver<()>,
) {
    let mut due = Instant::now();
    loop {
        let look = probe.look();
        let period = look.within.map_or(interval, |within| within.min(interval));
        if answers.blocking_send((position, look)).is_err() {
            return;
        }
        // What was missed while a look took long is not made up for.
        due = (due + period).max(Instant::now());
        match ended.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// When to look for what is missing: at once, and then now and again.
#[derive(Debug, Default)]
pub(super) struct Search {
    last: Option<Instant>,
}

impl Search {
    /// Whether it is time; it is not again for a while.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= AGAIN);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }

    /// Makes the next time the time.
    #[cfg(test)]
    pub(super) fn soon(&mut self) {
        self.last = None;
    }
}
