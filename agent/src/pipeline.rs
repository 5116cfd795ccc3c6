//! Joins the stages: sources hand in, the spool makes durable, the sender sends, the collector's word
//! frees. One task owns all of it; each source and the session have a task of their own.
//!
//! Limits: hand-ins wait in two short channels while the disk is busy, full or broken; nothing is dropped
//! before the spool's own limit. Stopping goes the way of the data: sources, spool, link.

mod link;
mod stop;

use crate::clock;
use crate::config::AgentConfig;
use crate::events::Events;
use crate::making::Making;
use crate::send::{Event, Sender};
use crate::source::host::HostSource;
use crate::source::mqtt::MqttSource;
use crate::source::replay::ReplaySource;
use crate::source::{HandedIn, Intake, Source, SourceError, Ticket};
use crate::spool::{Contents, Spool, SpoolConfig, SpoolError};
use crate::standing::Standing;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::path::PathBuf;
use std::time::Duration;
use stop::Stopping;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use wattledger_link::session::{Session, SessionEvent};
use wattledger_model::reading::Incarnation;

/// How long after a failed write the spool is tried again.
const WRITE_AGAIN: Duration = Duration::from_secs(1);
/// How often what the collector holds is written down. Until then a crash costs some sending again.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Nothing is waited for longer than this.
const IDLE: Duration = Duration::from_secs(60);

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The spool cannot be opened.
    #[error("cannot open the spool")]
    Spool(#[from] SpoolError),
    /// A password file cannot be read.
    #[error("cannot read the password file of {whose}")]
    Password {
        /// The link, or the source.
        whose: String,
        /// What the system says.
        source: std::io::Error,
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
    let sources = configured_sources(&config)?.into_iter().chain(more).collect();
    let link = config.link.resolve().map_err(password("the link"))?;
    let (mut agent, found) = Agent::open(config)?;
    agent.events.spool_recovered(&found);
    agent.answer_for_damage();
    let seed = agent.spool.incarnation().id;
    let (session, link_events) = Session::start(agent.session(link, seed));
    agent.run(sources, session, link_events, shutdown).await;
    Ok(())
}

fn password(whose: &str) -> impl FnOnce(std::io::Error) -> AgentError {
    let whose = whose.to_owned();
    move |source| AgentError::Password { whose, source }
}

fn configured_sources(config: &AgentConfig) -> Result<Vec<Box<dyn Source>>, AgentError> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for mqtt in &config.mqtt {
        let broker = mqtt.broker.resolve().map_err(password(mqtt.name.as_str()))?;
        sources.push(Box::new(MqttSource::new(&config.agent, mqtt.clone(), broker)));
    }
    if let Some(host) = &config.host {
        sources.push(Box::new(HostSource::new(host.clone())));
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

/// Batches that could not be written yet, and the hand-ins that wait for them.
#[derive(Debug)]
struct Stuck {
    batches: Vec<Contents>,
    tickets: BTreeMap<usize, Ticket>,
    again_at: Duration,
}

struct Agent {
    config: AgentConfig,
    start: Instant,
    spool: Spool,
    sender: Sender,
    making: Making,
    intake: Intake,
    events: Events,
    stuck: Option<Stuck>,
    standing_path: PathBuf,
    saved: Option<Standing>,
    save_at: Duration,
}

impl Agent {
    fn open(config: AgentConfig) -> Result<(Agent, wattledger_link::segment::Recovered), AgentError> {
        let spool_config = SpoolConfig {
            dir: config.spool_dir(),
            agent: config.agent.clone(),
            limit_bytes: config.spool_limit_bytes,
        };
        let (mut spool, found) = Spool::open(spool_config, fresh_incarnation())?;
        let standing_path = config.data_dir.join("standing");
        let saved = Standing::load(&standing_path);
        let (who, incarnation) = (config.agent.clone(), spool.incarnation());
        let next = spool.next_sequence();
        let sender =
            Sender::new(who, config.collector.clone(), incarnation, saved.as_ref(), next, incarnation.id);
        spool.acknowledge(sender.acknowledged());
        let agent = Agent {
            making: Making::new(config.batch),
            start: Instant::now(),
            intake: Intake::new(),
            events: Events::default(),
            stuck: None,
            save_at: Duration::ZERO,
            config,
            spool,
            sender,
            standing_path,
            saved,
        };
        Ok((agent, found))
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    async fn run(
        mut self,
        sources: Vec<Box<dyn Source>>,
        session: Session,
        mut link_events: mpsc::Receiver<SessionEvent>,
        shutdown: impl Future<Output = ()>,
    ) {
        let (stop, stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        for (position, source) in sources.into_iter().enumerate() {
            let intake = self.intake.sender(&*source);
            let (name, stopped) = (source.name().to_owned(), stopped.clone());
            running.spawn(async move { (position, name, source.run(intake, stopped).await) });
        }
        self.intake.close();
        self.events.started(&self.config.agent, self.spool.incarnation(), self.spool.unacknowledged());
        let mut intake_open = true;
        let mut stopping = Stopping::No;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let roomy = self.spool.is_roomy();
            let turned = self.intake.turned();
            let look_at = self.start + self.look_at(stopping);
            tokio::select! {
                biased;
                () = &mut shutdown, if stopping == Stopping::No => {
                    // A source that has ended already does not hear it.
                    stop.send_replace(true);
                    stopping = Stopping::Sources { until: self.now() + stop::SOURCES };
                }
                event = link_events.recv() => match event {
                    Some(event) => self.link_event(&session, event),
                    None => break,
                },
                Some(ended) = running.join_next() => self.source_ended(ended),
                handed_in = self.intake.next(roomy), if intake_open && self.stuck.is_none() => {
                    match handed_in {
                        Some(handed_in) => self.take(handed_in),
                        None => intake_open = false,
                    }
                }
                () = turned => self.step(&session, Event::SourceTurned),
                () = sleep_until(look_at) => {}
            }
            self.attend(&session);
            stopping = self.stop_further(stopping, intake_open && !running.is_empty());
            if stopping == Stopping::Done {
                break;
            }
        }
        self.write(true);
        self.save_standing();
        self.events.stopped(self.spool.unacknowledged());
        session.close(stop::LINK).await;
    }

    /// When something is due although nothing happens.
    fn look_at(&self, stopping: Stopping) -> Duration {
        let again_at = self.stuck.as_ref().map(|stuck| stuck.again_at);
        let due = if self.stuck.is_none() { self.making.due_at() } else { None };
        let times = [again_at, due, self.sender.look_at(), stopping.until()];
        times.into_iter().flatten().min().unwrap_or(Duration::MAX).min(self.now() + IDLE)
    }

    fn take(&mut self, handed_in: HandedIn) {
        let mut next = Some(handed_in);
        while let Some(handed_in) = next {
            for mapped in &handed_in.mapped {
                if let crate::source::Mapped::Refused(refused) = mapped {
                    self.events.refused(refused);
                }
            }
            self.making.take(self.now(), handed_in);
            next = if self.making.is_full() { None } else { self.intake.try_next(self.spool.is_roomy()) };
        }
    }

    /// Everything that time or a change has made due.
    fn attend(&mut self, session: &Session) {
        self.write(false);
        self.step(session, Event::Look);
        if self.save_at <= self.now() {
            self.save_standing();
        }
    }

    /// Writes what is due, or was before and failed; `all`: also what is not due yet.
    fn write(&mut self, all: bool) {
        let now = self.now();
        let stuck = match self.stuck.take() {
            Some(stuck) if stuck.again_at <= now || all => stuck,
            Some(stuck) => {
                self.stuck = Some(stuck);
                return;
            }
            None if self.making.is_due(now) || all => {
                let (batches, tickets) = self.making.finish();
                Stuck { batches, tickets, again_at: now }
            }
            None => return,
        };
        self.stuck = self.try_write(stuck);
    }

    /// Appends everything, and tells the sources; or gives back what could not be appended.
    fn try_write(&mut self, mut stuck: Stuck) -> Option<Stuck> {
        while !stuck.batches.is_empty() {
            let appended = self.spool.append(&stuck.batches);
            if let Some(lost) = self.spool.newly_lost() {
                self.events.lost(&lost, "the spool is full");
            }
            match appended {
                Ok(count) => drop(stuck.batches.drain(..count)),
                Err(error) => {
                    self.events.spool_failed(&error);
                    return Some(Stuck { again_at: self.now() + WRITE_AGAIN, ..stuck });
                }
            }
        }
        self.events.spool_mended();
        for (source, ticket) in stuck.tickets {
            self.intake.made_durable(source, ticket);
        }
        None
    }

    /// Tells of batches that were found unreadable.
    fn answer_for_damage(&mut self) {
        match self.spool.answer_for_damage() {
            Ok(Some(loss)) => self.events.lost(&loss, "the spool's files are damaged"),
            Ok(None) => {}
            Err(error) => self.events.spool_failed(&error),
        }
    }

    /// Writes down what the collector holds, if that is something new.
    fn save_standing(&mut self) {
        self.save_at = self.now() + SAVE_EVERY;
        let standing = self.sender.standing();
        if standing == self.saved {
            return;
        }
        let Some(new) = &standing else { return };
        match new.save(&self.standing_path) {
            Ok(()) => self.saved = standing,
            Err(error) => self.events.standing_not_saved(&error),
        }
    }

    fn source_ended(&mut self, ended: Result<(usize, String, Result<(), SourceError>), JoinError>) {
        match ended {
            Ok((position, name, outcome)) => {
                self.events.source_ended(&name, &outcome);
                if let Err(error) = outcome {
                    self.intake.report(position, false, &error.to_string());
                }
            }
            // A panic is a fault of ours; the other sources go on all the same.
            Err(error) => {
                let outcome = Err(SourceError::Failed(error.to_string()));
                self.events.source_ended("unknown", &outcome);
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
