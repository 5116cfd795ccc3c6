//! The machine the agent runs on: utilisation, energy of its processors (RAPL), power and temperature
//! sensors (hwmon), NVIDIA GPUs. What a machine does not have is said once and skipped, and found when it
//! appears. Utilisation is never turned into energy.

mod hwmon;
#[cfg(feature = "nvidia")]
mod nvidia;
mod probe;
mod rapl;
pub mod sysfs;
mod utilisation;

use super::names::{Meters, part};
use super::trouble::{Trouble, Troubles};
use super::{IntakeSender, Mapped, Source, SourceError, SourceRun};
use crate::clock;
use crate::config::HostConfig;
use crate::map::Wrong;
use hwmon::Hwmon;
use probe::{Asked, Garbled, Look, Probe, Sensed, ask};
use rapl::Rapl;
use std::collections::BTreeMap;
use std::time::Duration;
use sysinfo::System;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;
use utilisation::Utilisation;
use wattledger_model::reading::{Cause, Quality, Reading};

pub use rapl::RaplZone;
pub use sysfs::Roots;

/// The name of the source in the configuration and the status.
pub(crate) const NAME: &str = "host";
/// A probe that has not answered for so long beyond its turn is said to be held up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Looks that may wait for the spool; the probes wait with them.
const WAITING: usize = 4;

/// Reads this machine.
#[derive(Debug)]
pub struct HostSource {
    config: HostConfig,
}

impl HostSource {
    /// A source for this machine.
    pub fn new(config: HostConfig) -> HostSource {
        HostSource { config }
    }
}

impl Source for HostSource {
    fn name(&self) -> &str {
        NAME
    }

    fn run(self: Box<Self>, intake: IntakeSender, stop: watch::Receiver<bool>) -> SourceRun {
        let probes = probes(&self.config);
        Box::pin(
            async move { Reader::new(&self.config, intake).run(probes, self.config.interval, stop).await },
        )
    }
}

/// What the configuration asks for.
fn probes(config: &HostConfig) -> Vec<Box<dyn Probe>> {
    let mut probes: Vec<Box<dyn Probe>> = vec![Box::new(Utilisation::new())];
    if !config.rapl.is_empty() {
        probes.push(Box::new(Rapl::new(
            config.roots.clone(),
            config.rapl.clone(),
            config.rapl_max_watts,
            config.interval,
        )));
    }
    if config.hwmon {
        probes.push(Box::new(Hwmon::new(config.roots.clone(), config.hwmon_chips.clone())));
    }
    #[cfg(feature = "nvidia")]
    if config.nvidia {
        probes.push(Box::new(nvidia::Nvidia::new(config.roots.clone(), config.nvidia_library.clone())));
    }
    probes
}

struct Reader {
    intake: IntakeSender,
    meters: Meters,
    troubles: Troubles,
    /// What each probe reads, for the status.
    reads: BTreeMap<&'static str, String>,
}

impl Reader {
    fn new(config: &HostConfig, intake: IntakeSender) -> Reader {
        let meters = Meters::new(config.meter.clone(), vec![("hostname", host_name())]);
        Reader { intake, meters, troubles: Troubles::new(NAME), reads: BTreeMap::new() }
    }

    async fn run(
        mut self,
        probes: Vec<Box<dyn Probe>>,
        every: Duration,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), SourceError> {
        let (answers, mut answered) = mpsc::channel(WAITING);
        let mut asked = Vec::new();
        for (position, probe) in probes.into_iter().enumerate() {
            let name = probe.name();
            let begun = ask(probe, position, every, answers.clone());
            asked.push(begun.map_err(|error| SourceError::Failed(format!("no thread for {name}: {error}")))?);
        }
        drop(answers);
        let mut check = interval(every.max(PATIENCE / 2));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stop.changed() => return Ok(()),
                answer = answered.recv() => match answer {
                    Some((position, look)) => self.take(&mut asked[position], look, every).await?,
                    None => return Err(SourceError::Failed("every probe of the host has ended".to_owned())),
                },
                _ = check.tick() => self.check(&asked, every),
            }
        }
    }

    async fn take(&mut self, asked: &mut Asked, look: Look, every: Duration) -> Result<(), SourceError> {
        let Look { sensed, garbled, mut troubles, notes, reads, within } = look;
        asked.answered = std::time::Instant::now();
        asked.next = within.map_or(every, |within| within.min(every));
        let mut mapped = Vec::with_capacity(sensed.len() + garbled.len());
        for sensed in sensed {
            match self.meters.of(&[("zone", &sensed.zone)]) {
                Ok(meter) => mapped.push(Mapped::Reading { meter, reading: reading(&sensed) }),
                Err(says) => troubles.push(Trouble::new(sensed.zone, says)),
            }
        }
        for Garbled { zone, detail, said } in garbled {
            let meter = self.meters.of(&[("zone", &zone)]).ok();
            let origin = format!("{NAME} {} {zone}", asked.name);
            mapped.push(Wrong::new(Cause::Payload, detail).refused(clock::now(), &origin, meter, &said));
        }
        for (zone, note) in notes {
            if let Ok(meter) = self.meters.of(&[("zone", &zone)]) {
                info!(source = NAME, part = asked.name, %meter, %note, "found");
            }
        }
        self.reads.insert(asked.name, reads);
        self.troubles.set(asked.name, troubles);
        self.report(every);
        if !mapped.is_empty() {
            self.intake.hand_in(mapped).await?;
        }
        Ok(())
    }

    /// Says which probes do not answer. A look that is held up by the spool is no fault of the probe.
    fn check(&mut self, asked: &[Asked], every: Duration) {
        let is_overdue = |asked: &&Asked| asked.answered.elapsed() > asked.next + PATIENCE;
        let overdue: Vec<&Asked> = asked.iter().filter(is_overdue).collect();
        for asked in overdue {
            let says = "does not answer; the kernel or a driver holds it up, the others go on";
            self.troubles.set(asked.name, vec![Trouble::new("", says)]);
            self.reads.remove(asked.name);
            self.report(every);
        }
    }

    fn report(&self, every: Duration) {
        let reads = self.reads.values().filter(|reads| !reads.is_empty()).cloned();
        let mut detail = format!("every {every:?}: {}", reads.collect::<Vec<_>>().join(", "));
        let troubles = self.troubles.detail();
        if !troubles.is_empty() {
            detail.push_str(&format!("; {troubles}"));
        }
        self.intake.report(self.reads.values().any(|reads| !reads.is_empty()), detail);
    }
}

fn reading(sensed: &Sensed) -> Reading {
    Reading {
        at: sensed.at,
        arrived: sensed.at,
        value: sensed.value,
        unit: Some(sensed.unit),
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: sensed.evidence,
    }
}

/// The machine's name up to its first dot, as a part of a meter's name.
fn host_name() -> String {
    part(System::host_name().unwrap_or_default().split('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests;
