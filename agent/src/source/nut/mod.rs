//! UPSs behind an upsd of Network UPS Tools (NUT). What a UPS does not have is not read; a UPS whose data
//! are stale has no readings, and a daemon that is not there is asked again at each turn.

mod connection;
pub mod protocol;

use super::names::Meters;
use super::trouble::{Trouble, Troubles};
use super::{IntakeSender, Mapped, Source, SourceError, SourceRun};
use crate::clock;
use crate::config::NutConfig;
use crate::map::Wrong;
use connection::{Connection, NutError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Cause, Quality, Reading};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;

/// A daemon that cannot be reached is tried no more often than this.
const BETWEEN_TRIES: Duration = Duration::from_secs(5);
/// UPSs of one daemon that are read at most.
const UPSS: usize = 256;
/// The part of a name that a state's variable has.
const STATUS: &str = "ups.status";

/// Reads the UPSs of one upsd.
#[derive(Debug)]
pub struct NutSource {
    config: NutConfig,
}

impl NutSource {
    /// A source for this daemon.
    pub fn new(config: NutConfig) -> NutSource {
        NutSource { config }
    }
}

impl Source for NutSource {
    fn name(&self) -> &str {
        self.config.name.as_str()
    }

    fn run(self: Box<Self>, intake: IntakeSender, stop: watch::Receiver<bool>) -> SourceRun {
        Box::pin(async move { Reader::new(self.config).run(intake, stop).await })
    }
}

struct Reader {
    config: NutConfig,
    connection: Option<Connection>,
    meters: Meters,
    troubles: Troubles,
}

/// What one turn brought.
#[derive(Debug, Default)]
struct Turn {
    mapped: Vec<Mapped>,
    troubles: Vec<Trouble>,
    /// UPSs that answered.
    answered: usize,
}

impl Reader {
    fn new(config: NutConfig) -> Reader {
        let name = config.name.to_string();
        let troubles = Troubles::new(&name);
        let meters = Meters::new(config.meter.clone(), vec![("source", name)]);
        Reader { config, connection: None, meters, troubles }
    }

    async fn run(
        mut self,
        mut intake: IntakeSender,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), SourceError> {
        let mut ticks = interval(self.config.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tried: Option<tokio::time::Instant> = None;
        loop {
            tokio::select! {
                biased;
                _ = stop.changed() => return Ok(()),
                _ = ticks.tick() => {}
            }
            if self.connection.is_none() && tried.is_some_and(|tried| tried.elapsed() < BETWEEN_TRIES) {
                continue;
            }
            tried = Some(tokio::time::Instant::now());
            let turn = tokio::select! {
                biased;
                _ = stop.changed() => return Ok(()),
                turn = self.turn() => turn,
            };
            self.troubles.set("ups", turn.troubles);
            self.report(&intake, turn.answered);
            if !turn.mapped.is_empty() {
                intake.hand_in(turn.mapped).await?;
            }
        }
    }

    /// Asks for everything once. After an error that the connection does not outlive it is opened anew at
    /// the next turn.
    async fn turn(&mut self) -> Turn {
        let mut turn = Turn::default();
        if let Err(error) = self.ask_all(&mut turn).await {
            self.connection = None;
            let NutConfig { host, port, .. } = &self.config;
            turn.troubles.push(Trouble::new(format!("daemon {host}:{port}"), error.to_string()));
        }
        turn
    }

    async fn ask_all(&mut self, turn: &mut Turn) -> Result<(), NutError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let listed = connection.list("UPS", None).await?;
        let there: Vec<String> =
            listed.into_iter().filter_map(|row| row.into_iter().next()).take(UPSS).collect();
        for absent in self.config.ups.iter().filter(|ups| !there.contains(ups)) {
            let says = format!("upsd has no UPS of this name; it has {}", there.join(", "));
            turn.troubles.push(Trouble::new(absent, says));
        }
        let is_wanted = |ups: &&String| self.config.ups.is_empty() || self.config.ups.contains(ups);
        let wanted: Vec<&String> = there.iter().filter(is_wanted).collect();
        for ups in wanted {
            match connection.list("VAR", Some(ups)).await {
                Ok(variables) => {
                    turn.answered += 1;
                    self.take(ups, &variables, turn);
                }
                Err(NutError::Refused(code)) => {
                    turn.troubles.push(Trouble::new(ups, NutError::Refused(code).to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// The password is read now: one that was changed counts from the next connection on.
    async fn connect(&self) -> Result<Connection, NutError> {
        let NutConfig { host, port, .. } = &self.config;
        let password = self.config.password()?;
        let login = self.config.username.as_deref().map(|user| (user, password.as_ref()));
        Connection::open(host, *port, login).await
    }

    fn take(&mut self, ups: &str, variables: &[Vec<String>], turn: &mut Turn) {
        let now = clock::now();
        let meant = |variable: &str| {
            self.config.variables.iter().any(|pattern| protocol::is_meant(pattern, variable))
        };
        let pairs = variables.iter().filter_map(|row| Some((row.first()?.as_str(), row.get(1)?.as_str())));
        let mut found: Vec<(String, Decimal, &str)> = Vec::new();
        for (variable, value) in pairs.filter(|(variable, _)| meant(variable)) {
            if variable == STATUS {
                let states = protocol::states(value);
                found.extend(states.map(|(state, holds)| {
                    (format!("{STATUS}.{state}"), Decimal::new(i64::from(holds), 0), "1")
                }));
                continue;
            }
            let Some(unit) = protocol::unit_of(variable) else { continue };
            match value.trim().parse() {
                Ok(value) => found.push((variable.to_owned(), value, unit)),
                Err(error) => {
                    let meter = self.meters.of(&[("ups", ups), ("variable", variable)]).ok();
                    let origin = format!("{} {ups} {variable}", self.config.name);
                    let wrong = Wrong::new(Cause::Payload, error);
                    turn.mapped.push(wrong.refused(now, &origin, meter, value.as_bytes()));
                }
            }
        }
        for (variable, value, unit) in found {
            match self.meters.of(&[("ups", ups), ("variable", &variable)]) {
                Ok(meter) => turn.mapped.push(Mapped::Reading { meter, reading: reading(now, value, unit) }),
                Err(says) => turn.troubles.push(Trouble::new(format!("{ups} {variable}"), says)),
            }
        }
    }

    fn report(&self, intake: &IntakeSender, answered: usize) {
        let troubles = self.troubles.detail();
        let separator = if troubles.is_empty() { "" } else { "; " };
        let detail = format!("{answered} UPSs every {:?}{separator}{troubles}", self.config.interval);
        intake.report(answered > 0, detail);
    }
}

fn reading(at: Timestamp, value: Decimal, unit: &str) -> Reading {
    let unit: Unit = unit.parse().expect("a unit that the model has");
    Reading {
        at,
        arrived: at,
        value,
        unit: Some(unit),
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    }
}

#[cfg(test)]
mod tests;
