//! Joins the stages: sources hand in, the spool makes durable, the sender sends, the collector's word
//! frees. One task owns all of it; each source and the session have a task of their own.
//!
//! Limits: hand-ins wait in two short channels while the disk is busy, full or broken; nothing is dropped
//! before the spool's own limit. Stopping goes the way of the data: sources, spool, link.

mod link;
mod stop;

use crate::clock;
use crate::config::AgentConfig;
use crate::post::Post;
use crate::send::Event;
use crate::source::host::HostSource;
use crate::source::mqtt::MqttSource;
use crate::source::nut::NutSource;
use crate::source::replay::ReplaySource;
use crate::source::{HandedIn, Intake, Source, SourceError};
use crate::spool::{Contents, SpoolError};
use link::Around;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;
use stop::Stopping;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use wattledger_link::disk::LocalDisk;
use wattledger_link::session::{SecretError, Session, SessionEvent};
use wattledger_model::reading::Incarnation;

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The spool cannot be opened.
    #[error("cannot open the spool")]
    Spool(#[from] SpoolError),
    /// A password cannot be had.
    #[error("there is no password for {whose}")]
    Password {
        /// The link, or the source.
        whose: String,
        /// Where it is kept, and why it cannot be used.
        source: SecretError,
    },
}

/// Runs an agent until `shutdown` completes, then stops it in order.
///
/// # Errors
/// [`AgentError`] if it cannot start. Once running, it goes on whatever happens around it.
pub async fn run(config: AgentConfig, shutdown: impl Future<Output = ()>) -> Result<(), AgentError> {
    run_with_sources(config, Vec::new(), shutdown).await
}

/// The same with further sources beside the configured ones.
///
/// # Errors
/// As [`run`].
pub async fn run_with_sources(
    config: AgentConfig,
    more: Vec<Box<dyn Source>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AgentError> {
    let changed = std::future::pending::<()>();
    run_until_changed(config, more, &mut Vec::new(), shutdown, changed).await.map(drop)
}

/// Runs an agent until `shutdown` completes, or `changed` does and what was taken in can be written; then stops it in
/// order, and gives what `changed` came to. `held_back` is what an agent before it could not write, and on return
/// what this one could not: none of it where nobody is to go on after it.
///
/// # Errors
/// [`AgentError`] if it cannot start; `held_back` is then as it was.
pub(crate) async fn run_until_changed<T>(
    config: AgentConfig,
    more: Vec<Box<dyn Source>>,
    held_back: &mut Vec<Contents>,
    shutdown: impl Future<Output = ()>,
    changed: impl Future<Output = T>,
) -> Result<Option<T>, AgentError> {
    let sources = configured_sources(&config)?.into_iter().chain(more).collect();
    let link = config.link.resolve().map_err(password("the link"))?;
    let mut agent = Agent::open(config)?;
    agent.post.take_over(agent.now(), std::mem::take(held_back));
    let seed = agent.post.spool().incarnation().id;
    let (session, link_events) = Session::start(agent.session(link, seed));
    let (outcome, left) = agent.run(sources, session, link_events, shutdown, changed).await;
    *held_back = left;
    Ok(outcome)
}

fn password(whose: &str) -> impl FnOnce(SecretError) -> AgentError {
    let whose = whose.to_owned();
    move |source| AgentError::Password { whose, source }
}

fn configured_sources(config: &AgentConfig) -> Result<Vec<Box<dyn Source>>, AgentError> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for mqtt in &config.mqtt {
        let broker = mqtt.broker.resolve().map_err(password(mqtt.name.as_str()))?;
        let source = MqttSource::new(&config.agent, mqtt.clone(), broker).remembering(&config.data_dir);
        sources.push(Box::new(source));
    }
    if let Some(host) = &config.host {
        sources.push(Box::new(HostSource::new(host.clone())));
    }
    for nut in &config.nut {
        sources.push(Box::new(NutSource::new(nut.clone())));
    }
    for replay in &config.replays {
        sources.push(Box::new(ReplaySource::new(replay.clone())));
    }
    Ok(sources)
}

/// A new spool's identity: the time, and a number that nobody can foresee.
fn fresh_incarnation() -> Incarnation {
    let started = clock::now();
    let id = std::collections::hash_map::RandomState::new().hash_one((started.0, std::process::id()));
    Incarnation { started, id }
}

struct Agent {
    config: AgentConfig,
    start: Instant,
    post: Post,
    intake: Intake,
}

impl Agent {
    fn open(config: AgentConfig) -> Result<Agent, SpoolError> {
        let post = Post::open(Arc::new(LocalDisk), &config, fresh_incarnation())?;
        Ok(Agent { start: Instant::now(), intake: Intake::new(), post, config })
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    async fn run<T>(
        mut self,
        sources: Vec<Box<dyn Source>>,
        session: Session,
        mut link_events: mpsc::Receiver<SessionEvent>,
        shutdown: impl Future<Output = ()>,
        changed: impl Future<Output = T>,
    ) -> (Option<T>, Vec<Contents>) {
        let (stop, stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        for (position, source) in sources.into_iter().enumerate() {
            let intake = self.intake.sender(&*source);
            let (name, stopped) = (source.name().to_owned(), stopped.clone());
            running.spawn(async move { (position, name, source.run(intake, stopped).await) });
        }
        self.intake.close();
        let mut intake_open = true;
        let mut stopping = Stopping::No;
        let mut shutdown = std::pin::pin!(shutdown);
        let mut changed = std::pin::pin!(changed);
        let mut change = None;
        loop {
            let roomy = self.post.spool().is_roomy();
            let turned = self.intake.turned();
            let look_at = self.start + self.look_at(stopping);
            tokio::select! {
                biased;
                () = &mut shutdown, if stopping == Stopping::No => {
                    change = None;
                    stopping = self.stop_sources(&stop);
                }
                found = &mut changed, if stopping == Stopping::No && change.is_none() => change = Some(found),
                event = link_events.recv() => match event {
                    Some(event) => self.link_event(&session, event),
                    None => break,
                },
                Some(ended) = running.join_next() => self.source_ended(ended),
                handed_in = self.intake.next(roomy), if intake_open && !self.post.is_stuck() => {
                    match handed_in {
                        Some(handed_in) => self.take(handed_in),
                        None => intake_open = false,
                    }
                }
                () = turned => self.step(&session, Event::SourceTurned),
                () = sleep_until(look_at) => {}
            }
            self.attend(&session);
            // While the spool cannot be written, an orderly stop would have nowhere to leave what was taken in.
            if stopping == Stopping::No && change.is_some() && !self.post.is_stuck() {
                stopping = self.stop_sources(&stop);
            }
            stopping = self.stop_further(&session, stopping, intake_open && !running.is_empty());
            if stopping == Stopping::Done {
                break;
            }
        }
        while let Some(handed_in) = self.intake.try_next(true) {
            self.post.take(self.now(), handed_in);
        }
        // First what was held back, then what came after it.
        self.write_all(&session);
        self.write_all(&session);
        self.post.save_standing(self.now());
        let unacknowledged = self.post.spool().unacknowledged();
        self.post.events().stopped(unacknowledged);
        if change.is_none() && self.post.is_stuck() {
            let readings = self.post.held_back();
            self.post.events().held_back_lost(readings);
        }
        session.close(stop::LINK).await;
        (change, self.post.into_held_back())
    }

    /// Begins to stop. A source that has ended already does not hear it.
    fn stop_sources(&self, stop: &watch::Sender<bool>) -> Stopping {
        stop.send_replace(true);
        Stopping::Sources { until: self.now() + stop::SOURCES }
    }

    /// When something is due although nothing happens.
    fn look_at(&self, stopping: Stopping) -> Duration {
        let due = self.post.look_at(self.now());
        stopping.until().map_or(due, |until| until.min(due))
    }

    fn take(&mut self, handed_in: HandedIn) {
        let mut next = Some(handed_in);
        while let Some(handed_in) = next {
            self.post.take(self.now(), handed_in);
            let roomy = self.post.spool().is_roomy();
            next = if self.post.is_full() { None } else { self.intake.try_next(roomy) };
        }
    }

    fn attend(&mut self, session: &Session) {
        let now = self.now();
        self.post.attend(now, &mut Around { session, intake: &self.intake });
    }

    fn write_all(&mut self, session: &Session) {
        let now = self.now();
        self.post.write(now, true, &mut Around { session, intake: &self.intake });
    }

    fn source_ended(&mut self, ended: Result<(usize, String, Result<(), SourceError>), JoinError>) {
        match ended {
            Ok((position, name, outcome)) => {
                self.post.events().source_ended(&name, &outcome);
                if let Err(error) = outcome {
                    self.intake.report(position, false, &error.to_string());
                }
            }
            // A panic is a fault of ours; the other sources go on all the same.
            Err(error) => {
                let outcome = Err(SourceError::Failed(error.to_string()));
                self.post.events().source_ended("unknown", &outcome);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_can_be_spawned_on_any_runtime() {
        fn spawned<T: Send + 'static>(_: T) {}
        let text = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n";
        let config = AgentConfig::parse("agent.toml", text).expect("valid");
        spawned(run(config, std::future::pending()));
    }

    #[test]
    fn two_spools_made_at_once_differ() {
        assert_ne!(fresh_incarnation().id, fresh_incarnation().id);
    }
}
