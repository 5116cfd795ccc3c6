//! Utilisation of the machine the agent runs on: processor and memory in percent, as gauges. They tell
//! how busy IT is; they are never turned into its energy.

use super::{IntakeSender, Mapped, Source, SourceError, SourceRun};
use crate::clock;
use crate::config::HostConfig;
use sysinfo::System;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use wattledger_model::decimal::Decimal;
use wattledger_model::name::Name;
use wattledger_model::reading::{Quality, Reading};
use wattledger_model::unit::Unit;

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
        "host"
    }

    fn run(self: Box<Self>, intake: IntakeSender, stop: watch::Receiver<bool>) -> SourceRun {
        Box::pin(read_until_stopped(self.config, intake, stop))
    }
}

async fn read_until_stopped(
    config: HostConfig,
    mut intake: IntakeSender,
    mut stop: watch::Receiver<bool>,
) -> Result<(), SourceError> {
    let failed = |error: &dyn std::fmt::Display| SourceError::Failed(error.to_string());
    let prefix = config.meter.replace("{hostname}", &host_name());
    let meter = |what: &str| format!("{prefix}-{what}").parse::<Name>().map_err(|error| failed(&error));
    let (cpu, memory) = (meter("cpu")?, meter("memory")?);
    let percent: Unit = "%".parse().map_err(SourceError::Failed)?;
    let mut system = System::new().map_err(|error| failed(&error))?;
    // Processor time is a difference: the first look only sets its beginning.
    system.refresh_cpu_usage();
    let mut ticks = interval(config.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    intake.report(true, format!("every {:?} as {cpu} and {memory}", config.interval));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return Ok(()),
        }
        system.refresh_cpu_usage();
        system.refresh_memory();
        let used = system.total_memory().saturating_sub(system.available_memory());
        let share = used as f64 / system.total_memory() as f64 * 100.0;
        let both = [(&cpu, f64::from(system.global_cpu_usage())), (&memory, share)];
        let readings = both.into_iter().filter_map(|(meter, value)| reading(meter, value, percent)).collect();
        intake.hand_in(readings).await?;
    }
}

/// A tenth of a percent is as fine as it means anything. `None` for what is no number.
fn reading(meter: &Name, percent: f64, unit: Unit) -> Option<Mapped> {
    let now = clock::now();
    let value = Decimal::new(percent.is_finite().then(|| (percent * 10.0).round() as i64)?, -1);
    let reading = Reading {
        at: now,
        arrived: now,
        value,
        unit: Some(unit),
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    Some(Mapped::Reading { meter: meter.clone(), reading })
}

/// The machine's name as a part of a meter's: up to the first dot, lower case, `-` for all else.
fn host_name() -> String {
    meter_part(&System::host_name().unwrap_or_default())
}

fn meter_part(host: &str) -> String {
    let host = host.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let part: String =
        host.chars().take(40).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let part = part.trim_matches('-');
    if part.is_empty() { "unnamed".to_owned() } else { part.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Intake;
    use std::time::Duration;

    #[test]
    fn any_host_name_makes_a_meter_name() {
        assert_eq!(meter_part("Rack12_Node3.example.org"), "rack12-node3");
        for host in ["", ".", "_", "-a-", "ünï", &"x".repeat(300)] {
            let meter = format!("host-{}-memory", meter_part(host));
            assert!(meter.parse::<Name>().is_ok(), "{meter}");
        }
    }

    #[tokio::test]
    async fn this_machine_is_read_in_percent() {
        let config = HostConfig { interval: Duration::from_millis(250), meter: "host-{hostname}".to_owned() };
        let source = Box::new(HostSource::new(config));
        let mut intake = Intake::new();
        let sender = intake.sender(&*source);
        intake.close();
        let (stop, stopped) = watch::channel(false);
        let run = tokio::spawn(source.run(sender, stopped));
        let handed_in = intake.next(true).await.expect("running");
        let [Mapped::Reading { meter: cpu, reading: busy }, Mapped::Reading { meter: memory, reading: used }] =
            &handed_in.mapped[..]
        else {
            panic!("{handed_in:?}");
        };
        assert!(cpu.as_str().ends_with("-cpu") && memory.as_str().ends_with("-memory"));
        assert!((0.0..=100.0).contains(&busy.value.to_f64()), "{}", busy.value);
        assert!((0.1..=100.0).contains(&used.value.to_f64()), "{}", used.value);
        assert_eq!(used.unit.map(Unit::symbol), Some("%"));
        stop.send(true).expect("running");
        while intake.next(true).await.is_some() {}
        run.await.expect("no panic").expect("no error");
    }
}
