//! What is under way between broker, engine and agents. Pure: messages, durable answers and time come in;
//! what to take in, what to acknowledge and what to say go out.

use super::{Agents, HeardAgent, Skew};
use crate::engine::Arrival;
use crate::engine::service::Durable;
use crate::journal::PayloadForm;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::PoisonError;
use wattledger_link::session::{Publish, PublishError, Qos};
use wattledger_model::batch::{Acknowledgement, AgentKey, AgentStatus, CollectorStatus};
use wattledger_model::name::Name;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;
use wattledger_model::topic::Topic;
use wattledger_model::wire;

/// Answers that wait for the broker; the oldest go first, since agents ask again.
const UNSENT_LIMIT: usize = 10_000;

/// In whose name the desk speaks.
#[derive(Debug, Clone)]
pub struct Speaker {
    /// The collector's name.
    pub collector: Name,
    /// The identity of its store.
    pub store_id: u64,
    /// When it started.
    pub started: Timestamp,
}

/// What a message asks for.
#[derive(Debug)]
pub enum Asked {
    /// To be taken in, under this tag. It is acknowledged to the broker once it is durable.
    Take(u64, Arrival),
    /// To take note of what an agent says of itself, and to tell it what is committed of its incarnation;
    /// nothing is left to do for the delivery itself.
    Heard(Box<AgentStatus>),
    /// Nothing; the delivery is done.
    Nothing,
}

/// See the module. `D` is what the broker's delivery is acknowledged by.
#[derive(Debug)]
pub struct Desk<D> {
    speaker: Speaker,
    agents: Agents,
    tag: u64,
    /// Deliveries that are not durable yet.
    unanswered: HashMap<u64, D>,
    /// Answers the session has not taken yet: the latest for each topic and incarnation.
    unsent: VecDeque<(Option<Incarnation>, Publish)>,
}

impl<D> Desk<D> {
    /// A desk with nothing on it.
    pub fn new(speaker: Speaker, agents: Agents) -> Desk<D> {
        Desk { speaker, agents, tag: 0, unanswered: HashMap::new(), unsent: VecDeque::new() }
    }

    /// Deliveries that are not durable yet.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// The link is up: says the status, and gives what every agent heard so far is to be told about.
    pub fn connected(&mut self, now: Timestamp) -> Vec<(AgentKey, Incarnation)> {
        self.say_status(now);
        let statuses: Vec<_> = self.heard().values().filter_map(|heard| heard.status.clone()).collect();
        statuses.into_iter().map(|status| (status.agent, status.incarnation)).collect()
    }

    /// The link is down: the broker delivers again what was not acknowledged.
    pub fn disconnected(&mut self) {
        self.unanswered.clear();
    }

    /// Sorts a message by its topic. The delivery comes back where it can be acknowledged at once.
    pub fn sort(
        &mut self,
        topic: &str,
        payload: &mut Vec<u8>,
        retain: bool,
        delivery: D,
        now: Timestamp,
    ) -> (Asked, Option<D>) {
        match topic.parse() {
            // Says nothing: it clears what a broker has kept, or asks the broker whether it may be published.
            Ok(Topic::Readings(_) | Topic::AgentStatus(_)) if payload.is_empty() => {
                (Asked::Nothing, Some(delivery))
            }
            Ok(Topic::Readings(agent)) => {
                (self.take(agent, PayloadForm::Batch, payload, delivery, now), None)
            }
            Ok(Topic::ReadingsJson(agent)) if retain => {
                // Kept by the broker from some other day: it may have been taken in already.
                tracing::warn!(%agent, "a retained message of readings is not taken in; publish without retain");
                (Asked::Nothing, Some(delivery))
            }
            Ok(Topic::ReadingsJson(agent)) => {
                (self.take(agent, PayloadForm::Json, payload, delivery, now), None)
            }
            Ok(Topic::AgentStatus(agent)) => (self.hear_status(agent, payload, retain, now), Some(delivery)),
            _ => (Asked::Nothing, Some(delivery)),
        }
    }

    fn take(
        &mut self,
        agent: AgentKey,
        form: PayloadForm,
        payload: &mut Vec<u8>,
        delivery: D,
        now: Timestamp,
    ) -> Asked {
        if form == PayloadForm::Batch {
            let silent = HeardAgent { last_seen: now, status: None, skew: Skew::default() };
            self.heard().entry(agent.clone()).or_insert(silent).last_seen = now;
        }
        self.tag += 1;
        self.unanswered.insert(self.tag, delivery);
        Asked::Take(self.tag, Arrival { agent, form, payload: std::mem::take(payload) })
    }

    fn hear_status(&mut self, agent: AgentKey, payload: &[u8], retain: bool, now: Timestamp) -> Asked {
        match wire::decode_agent_status(payload) {
            Ok(status) if status.agent == agent => {
                // A retained status is the agent's last word, of whatever day.
                let last_seen = if retain { status.at.min(now) } else { now };
                let unheard = HeardAgent { last_seen, status: None, skew: Skew::default() };
                let mut heard = self.heard();
                let of_agent = heard.entry(agent).or_insert(unheard);
                if !retain {
                    of_agent.skew.note(&status, now);
                }
                of_agent.last_seen = last_seen;
                of_agent.status = Some(status.clone());
                return Asked::Heard(Box::new(status));
            }
            Ok(status) => {
                tracing::warn!(topic_of = %agent, agent = %status.agent, "a status on another agent's topic was ignored");
            }
            Err(error) => tracing::warn!(%agent, %error, "a status cannot be read"),
        }
        Asked::Nothing
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, BTreeMap<AgentKey, HeardAgent>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says to each agent what is durable, and gives the deliveries to acknowledge to the broker.
    pub fn answer(&mut self, durable: Durable) -> Vec<D> {
        for ((agent, incarnation), known) in durable.answered.committed {
            let acknowledgement = Acknowledgement {
                collector: self.speaker.collector.clone(),
                store_id: self.speaker.store_id,
                incarnation,
                floor: known.floor(),
                ranges: known.ranges().collect(),
            };
            let topic = Topic::Acknowledgement { agent, collector: self.speaker.collector.clone() };
            self.post(Some(incarnation), topic.to_string(), wire::encode_acknowledgement(&acknowledgement));
        }
        durable.tags.iter().filter_map(|tag| self.unanswered.remove(tag)).collect()
    }

    /// Says that the collector is there.
    pub fn say_status(&mut self, now: Timestamp) {
        let status = CollectorStatus {
            collector: self.speaker.collector.clone(),
            store_id: self.speaker.store_id,
            at: now,
            started: self.speaker.started,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let topic = Topic::CollectorStatus(self.speaker.collector.clone()).to_string();
        self.post(None, topic, wire::encode_collector_status(&status));
    }

    /// An acknowledgement about an incarnation, or the collector's own status, which is retained.
    fn post(&mut self, about: Option<Incarnation>, topic: String, payload: Vec<u8>) {
        // A later answer says all that an earlier one said.
        self.unsent.retain(|(of, waiting)| *of != about || waiting.topic != topic);
        if self.unsent.len() >= UNSENT_LIMIT {
            self.unsent.pop_front();
        }
        let publish = Publish { topic, payload, qos: Qos::AtLeastOnce, retain: about.is_none() };
        self.unsent.push_back((about, publish));
    }

    /// Hands what waits to the link, as far as it takes it.
    pub fn send(&mut self, mut publish: impl FnMut(Publish) -> Result<(), PublishError>) {
        while let Some((_, message)) = self.unsent.front() {
            match publish(message.clone()) {
                Ok(()) => {}
                // What cannot be said now is said again when the agent asks.
                Err(PublishError::Disconnected) => return self.unsent.clear(),
                Err(PublishError::Full) => return,
                Err(error) => tracing::error!(%error, topic = %message.topic, "an answer cannot be sent"),
            }
            self.unsent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_message_says_nothing() {
        let speaker =
            Speaker { collector: "campus".parse().expect("name"), store_id: 1, started: Timestamp(0) };
        let mut desk = Desk::new(speaker, Agents::default());
        for topic in ["wattledger/v1/agent/hall/a/readings", "wattledger/v1/agent/hall/a/status"] {
            let (asked, done) = desk.sort(topic, &mut Vec::new(), false, 7, Timestamp(1));
            assert!(matches!(asked, Asked::Nothing), "{topic}");
            assert_eq!((done, desk.unanswered(), desk.heard().len()), (Some(7), 0, 0), "{topic}");
        }
    }
}
