//! The simulated site as a source: first the past at quarter-hours, oldest first, then live.

use super::totals::QUARTER_MS;
use super::{Shown, Simulation};
use crate::source::{IntakeSender, Mapped, Source, SourceError, SourceRun, Ticket};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use wattledger_model::reading::{Quality, Reading};
use wattledger_model::time::Timestamp;

/// Time between two live readings of a meter.
const LIVE_MS: i64 = 2_000;
/// Weather and water, which change slowly, are live this often.
const SLOW_LIVE_MS: i64 = 10_000;
/// A pause longer than this is filled at quarter-hours instead of jumped.
const PAUSE_MS: i64 = 60_000;
/// Readings of one hand-in while the past is filled: large enough to be cheap, small enough to stop soon.
const HAND_IN_READINGS: usize = 500;

/// How far a simulated source has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The last instant whose readings are durable in the spool; the next run starts after it.
    pub durable_to: Timestamp,
    /// Where live readings began; `None` while the past is still being filled.
    pub live_from: Option<Timestamp>,
    /// Readings handed in by this run.
    pub readings: u64,
    /// Whether the source no longer runs.
    pub ended: bool,
}

/// A [`Simulation`] that hands in its readings, from just after a given instant on.
#[derive(Debug)]
pub struct SimulatedSource {
    name: String,
    simulation: Simulation,
    last: Timestamp,
    progress: watch::Sender<Progress>,
}

impl SimulatedSource {
    /// Readings of all instants after `after`. The watch tells how far they are durable.
    pub fn new(
        name: impl Into<String>,
        simulation: Simulation,
        after: Timestamp,
    ) -> (SimulatedSource, watch::Receiver<Progress>) {
        let start = Progress { durable_to: after, live_from: None, readings: 0, ended: false };
        let (progress, seen) = watch::channel(start);
        (SimulatedSource { name: name.into(), simulation, last: after, progress }, seen)
    }
}

impl Source for SimulatedSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_patient(&self) -> bool {
        true
    }

    fn run(self: Box<Self>, intake: IntakeSender, stop: watch::Receiver<bool>) -> SourceRun {
        Box::pin(async move {
            let mut run = Run { source: *self, intake, pending: VecDeque::new() };
            let outcome = run.until(stop).await;
            run.source.progress.send_modify(|progress| progress.ended = true);
            outcome
        })
    }
}

struct Run {
    source: SimulatedSource,
    intake: IntakeSender,
    /// Hand-ins that are not durable yet, with the last instant in each.
    pending: VecDeque<(Ticket, Timestamp)>,
}

impl Run {
    async fn until(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), SourceError> {
        self.intake.report(true, "filling the past");
        loop {
            if *stop.borrow() {
                return Ok(());
            }
            let now = now();
            let handed_in = match due(self.source.last, now) {
                Due::Past(_) => self.past(now).await?,
                Due::Live(at) => self.live(at).await?,
                Due::Nothing => false,
            };
            self.settle(self.intake.durable());
            if !handed_in {
                self.rest(&mut stop).await?;
            }
        }
    }

    /// Hands in the next stretch of quarter-hours.
    async fn past(&mut self, now: Timestamp) -> Result<bool, SourceError> {
        let mut mapped = Vec::with_capacity(HAND_IN_READINGS + 32);
        let mut last = self.source.last;
        while let Due::Past(at) = due(last, now) {
            let shown = self.source.simulation.shown(at, last, true);
            mapped.extend(shown.into_iter().map(|shown| as_mapped(shown, at, now)));
            last = at;
            if mapped.len() >= HAND_IN_READINGS {
                break;
            }
        }
        self.hand_in(mapped, last).await?;
        Ok(true)
    }

    async fn live(&mut self, at: Timestamp) -> Result<bool, SourceError> {
        let slow_too = at.0 % SLOW_LIVE_MS == 0 || self.source.progress.borrow().live_from.is_none();
        let shown = self.source.simulation.shown(at, self.source.last, slow_too);
        let arrived = now();
        let mapped = shown.into_iter().map(|shown| as_mapped(shown, at, arrived)).collect();
        self.hand_in(mapped, at).await?;
        if self.source.progress.borrow().live_from.is_none() {
            self.intake.report(true, "live, every 2 s");
            self.source.progress.send_modify(|progress| progress.live_from = Some(at));
        }
        Ok(true)
    }

    async fn hand_in(&mut self, mapped: Vec<Mapped>, last: Timestamp) -> Result<(), SourceError> {
        let count = mapped.len() as u64;
        let ticket = self.intake.hand_in(mapped).await?;
        self.source.last = last;
        self.pending.push_back((ticket, last));
        self.source.progress.send_modify(|progress| progress.readings += count);
        Ok(())
    }

    /// Waits for the next live instant, for news of what is durable, or for the end.
    async fn rest(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), SourceError> {
        let wait = LIVE_MS - now().0.rem_euclid(LIVE_MS);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())) => Ok(()),
            durable = self.intake.durable_moved() => {
                self.settle(durable?);
                Ok(())
            }
            // A dropped sender means the end, as `true` does.
            changed = stop.changed() => {
                if changed.is_err() { Err(SourceError::IntakeClosed) } else { Ok(()) }
            }
        }
    }

    fn settle(&mut self, durable: Ticket) {
        let mut to = None;
        while self.pending.front().is_some_and(|(ticket, _)| *ticket <= durable) {
            to = self.pending.pop_front().map(|(_, last)| last);
        }
        if let Some(to) = to {
            self.source.progress.send_modify(|progress| progress.durable_to = to);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Due {
    Past(Timestamp),
    Live(Timestamp),
    Nothing,
}

/// What comes after `last`: a quarter-hour that has been missed, the present instant, or nothing yet.
fn due(last: Timestamp, now: Timestamp) -> Due {
    let quarter = (last.0.div_euclid(QUARTER_MS) + 1) * QUARTER_MS;
    let live = now.0.div_euclid(LIVE_MS) * LIVE_MS;
    if quarter <= now.0 && now.0 - last.0 > PAUSE_MS {
        Due::Past(Timestamp(quarter))
    } else if live > last.0 {
        Due::Live(Timestamp(live))
    } else {
        Due::Nothing
    }
}

fn as_mapped(shown: Shown, at: Timestamp, arrived: Timestamp) -> Mapped {
    let reading = Reading {
        at,
        arrived,
        value: shown.value,
        unit: Some(shown.unit),
        interval_ms: shown.interval_ms,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    Mapped::Reading { meter: shown.meter, reading }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Intake;
    use crate::source::simulated::sites;

    #[test]
    fn missed_quarters_come_before_the_present() {
        let quarter = 1_000 * QUARTER_MS;
        let far = Timestamp(quarter + 3 * QUARTER_MS + 5_001);
        assert_eq!(due(Timestamp(quarter), far), Due::Past(Timestamp(quarter + QUARTER_MS)));
        assert_eq!(due(Timestamp(quarter + 3 * QUARTER_MS), far), Due::Live(Timestamp(far.0 - 1_001)));
        // A short pause across a quarter-hour is no reason to go back.
        assert_eq!(due(Timestamp(quarter - 2_000), Timestamp(quarter + 999)), Due::Live(Timestamp(quarter)));
        assert_eq!(due(Timestamp(quarter), Timestamp(quarter + 1_999)), Due::Nothing);
        assert_eq!(due(Timestamp(quarter), Timestamp(quarter - 60_000)), Due::Nothing);
    }

    #[tokio::test]
    async fn it_fills_the_past_goes_live_and_tells_what_is_durable() {
        let start = Timestamp(now().0 - 2 * 86_400_000);
        let simulation = || Simulation::new(&sites()[1], 6, start).expect("the tables are valid");
        let (source, mut progress) = SimulatedSource::new("sim", simulation(), start);
        let mut intake = Intake::new();
        let sender = intake.sender(&source);
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(Box::new(source).run(sender, stopped));
        let mut instants = Vec::new();
        while instants.is_empty() || instants.last() != progress.borrow().live_from.as_ref() {
            let Some(handed_in) = intake.next(true).await else { panic!("the source ended") };
            for mapped in &handed_in.mapped {
                let Mapped::Reading { reading, .. } = mapped else { panic!("refused") };
                instants.push(reading.at);
            }
            intake.made_durable(handed_in.source, handed_in.ticket);
        }
        instants.dedup();
        assert!(instants.is_sorted());
        assert!((190..=194).contains(&instants.len()), "{}", instants.len());
        let live = progress.borrow().live_from.expect("it is live");
        progress.wait_for(|progress| progress.durable_to == live).await.expect("the source runs");
        stop.send_replace(true);
        running.await.expect("no panic").expect("a clean end");
        assert!(progress.borrow().ended);
    }
}
