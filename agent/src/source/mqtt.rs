//! Sensors behind an MQTT broker. The session is persistent, and a message is acknowledged to the broker
//! only when what was made of it is durable in the spool: what the agent misses, the broker keeps.

use super::filters::Filters;
use super::skew::Skews;
use super::{IntakeSender, Mapped, Source, SourceError, SourceRun, Ticket};
use crate::clock;
use crate::config::MqttConfig;
use crate::map::{Claims, Message, Rule, Wrong, map_among};
use crate::sparkplug::{Request, Sparkplug, SparkplugConfig};
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use wattledger_link::session::{Broker, Delivery, Publish, Qos, Session, SessionConfig, SessionEvent};
use wattledger_model::batch::AgentKey;
use wattledger_model::reading::Cause;

/// The largest message a sensor may send.
const MAX_MESSAGE_BYTES: u32 = 1 << 20;
/// How long a stopping source waits for what it has taken to become durable.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Reads the sensors of one broker.
#[derive(Debug)]
pub struct MqttSource {
    name: String,
    rules: Vec<Rule>,
    sparkplug: Option<SparkplugConfig>,
    session: SessionConfig,
    /// What the broker may deliver for its session with us, where that is remembered.
    filters: Option<Filters>,
}

impl MqttSource {
    /// A source for this broker, whose password has been read. The client id names agent and source, and
    /// stays the same for good: the broker keeps messages under it.
    pub fn new(agent: &AgentKey, config: MqttConfig, broker: Broker) -> MqttSource {
        let births = config.sparkplug.iter().map(SparkplugConfig::filter);
        let filters: BTreeSet<String> =
            config.rules.iter().map(|rule| rule.topic.filter()).chain(births).collect();
        // One that another brings too would bring each message twice.
        let is_needed =
            |filter: &&String| !filters.iter().any(|other| other != *filter && covers(other, filter));
        let filters: Vec<String> = filters.iter().filter(is_needed).cloned().collect();
        let client_id = format!("wattledger-{}-{}-{}", agent.site, agent.agent, config.name);
        let session = SessionConfig {
            broker,
            backoff_seed: client_id
                .bytes()
                .fold(0, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte)),
            client_id,
            clean_session: false,
            keep_alive: Duration::from_secs(30),
            subscriptions: filters.into_iter().map(|filter| (filter, Qos::AtLeastOnce)).collect(),
            will: None,
            inflight: 16,
            max_packet_bytes: MAX_MESSAGE_BYTES,
            events_limit: 64,
        };
        let MqttConfig { name, rules, sparkplug, .. } = config;
        MqttSource { name: name.to_string(), rules, sparkplug, session, filters: None }
    }

    /// The same, which remembers in the directory what it subscribed to, and ends what an earlier configuration
    /// wanted and this one does not: the broker would go on delivering it.
    pub fn remembering(mut self, data_dir: &Path) -> MqttSource {
        let wanted = self.session.subscriptions.iter().map(|(filter, _)| filter.clone());
        self.filters = Some(Filters::load(&data_dir.join(format!("filters-{}", self.name)), wanted));
        self
    }
}

impl Source for MqttSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, intake: IntakeSender, stop: watch::Receiver<bool>) -> SourceRun {
        Box::pin(async move {
            let unwanted = self.filters.as_ref().map(Filters::unwanted).unwrap_or_default();
            self.filters.iter().for_each(Filters::note_all);
            let (session, events) = Session::start_without(self.session, unwanted);
            let reader = Reader {
                session,
                filters: self.filters,
                rules: self.rules,
                claims: Claims::default(),
                sparkplug: self.sparkplug.map(Sparkplug::new),
                intake,
                waiting: VecDeque::new(),
                health: Health::default(),
            };
            reader.run(events, stop).await
        })
    }
}

/// Whether a subscription brings every topic that another one brings.
fn covers(wide: &str, narrow: &str) -> bool {
    let mut narrow = narrow.split('/');
    for level in wide.split('/') {
        match (level, narrow.next()) {
            ("#", _) => return true,
            (_, None | Some("#")) => return false,
            ("+", Some(_)) => {}
            (level, Some(other)) if level == other => {}
            _ => return false,
        }
    }
    narrow.next().is_none()
}

struct Reader {
    session: Session,
    filters: Option<Filters>,
    rules: Vec<Rule>,
    claims: Claims,
    sparkplug: Option<Sparkplug>,
    intake: IntakeSender,
    /// Messages not yet acknowledged to the broker, by hand-in.
    waiting: VecDeque<(Ticket, Delivery)>,
    health: Health,
}

/// What the status says of the source.
#[derive(Debug, Default)]
struct Health {
    connected: bool,
    reason: String,
    refused: BTreeSet<String>,
    stale: u64,
    oversize: u64,
    skews: Skews,
    nodes: String,
    unasked: String,
}

impl Reader {
    async fn run(
        mut self,
        mut events: tokio::sync::mpsc::Receiver<SessionEvent>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), SourceError> {
        let ended = loop {
            tokio::select! {
                biased;
                _ = stop.changed() => break Ok(()),
                durable = self.intake.durable_moved() => match durable {
                    Ok(durable) => self.acknowledge(durable),
                    Err(error) => break Err(error),
                },
                event = events.recv() => match event {
                    Some(event) => self.event(event).await?,
                    None => break Err(SourceError::Failed("the session with the broker has ended".to_owned())),
                },
            }
        };
        // Nothing more is taken; what was, is acknowledged once it is durable.
        let last = tokio::time::sleep(LAST_WAIT);
        tokio::pin!(last);
        while !self.waiting.is_empty() {
            tokio::select! {
                Ok(durable) = self.intake.durable_moved() => self.acknowledge(durable),
                () = &mut last => break,
                else => break,
            }
        }
        self.session.close(Duration::from_millis(500)).await;
        ended
    }

    async fn event(&mut self, event: SessionEvent) -> Result<(), SourceError> {
        match event {
            SessionEvent::Message(delivery) => return self.message(delivery).await,
            SessionEvent::Oversize { topic, bytes } => {
                self.health.oversize += 1;
                let detail = format!("a message of {bytes} bytes is beyond the limit of {MAX_MESSAGE_BYTES}");
                let refused = Wrong::new(Cause::Payload, detail).refused(clock::now(), &topic, None, &[]);
                self.intake.hand_in(vec![refused]).await?;
            }
            SessionEvent::Connected { .. } => {
                self.health.connected = true;
                self.filters.iter_mut().for_each(Filters::note_wanted);
            }
            SessionEvent::Disconnected { reason } => {
                self.health.connected = false;
                self.health.reason = reason;
                self.health.refused.clear();
                // The broker delivers these again.
                self.waiting.clear();
                if let Some(sparkplug) = &mut self.sparkplug {
                    sparkplug.disconnected();
                }
            }
            SessionEvent::SubscriptionRefused { filter } => {
                self.health.refused.insert(filter);
            }
            SessionEvent::Published(_) => return Ok(()),
        }
        self.health.report(&self.intake);
        Ok(())
    }

    async fn message(&mut self, mut delivery: Delivery) -> Result<(), SourceError> {
        let message = Message {
            topic: &delivery.topic,
            payload: &delivery.payload,
            retained: delivery.retain,
            arrived: clock::now(),
        };
        let mapped = match &mut self.sparkplug {
            Some(sparkplug) if Sparkplug::takes(message.topic) => {
                let answer = sparkplug.take(&message);
                if answer.turned || !answer.requests.is_empty() {
                    self.health.nodes = sparkplug.told();
                    self.ask(answer.requests);
                }
                answer.mapped
            }
            _ => {
                let outcome = map_among(&self.rules, &mut self.claims, &message);
                if outcome.stale > 0 {
                    self.health.stale += outcome.stale;
                    self.health.report(&self.intake);
                }
                outcome.mapped
            }
        };
        if self.health.skews.see(&mapped) {
            self.health.report(&self.intake);
        }
        // Only its receipt is needed from here on.
        delivery.payload = Vec::new();
        let awaited = delivery.qos == Qos::AtLeastOnce;
        let ticket = self.hand_in(mapped, awaited).await?;
        if awaited {
            self.waiting.push_back((ticket, delivery));
        }
        Ok(())
    }

    /// Publishes what Sparkplug nodes are asked. What cannot be sent now is asked again later.
    fn ask(&mut self, requests: Vec<Request>) {
        for Request { topic, payload } in requests {
            let request = Publish { topic, payload, qos: Qos::AtMostOnce, retain: false };
            let sent = self.session.try_publish(request);
            self.health.unasked = sent.err().map(|error| error.to_string()).unwrap_or_default();
        }
        self.health.report(&self.intake);
    }

    async fn hand_in(&mut self, mapped: Vec<Mapped>, awaited: bool) -> Result<Ticket, SourceError> {
        if awaited { self.intake.hand_in_awaited(mapped).await } else { self.intake.hand_in(mapped).await }
    }

    fn acknowledge(&mut self, durable: Ticket) {
        while self.waiting.front().is_some_and(|(ticket, _)| *ticket <= durable) {
            if let Some((_, delivery)) = self.waiting.pop_front() {
                self.session.acknowledge(&delivery);
            }
        }
    }
}

impl Health {
    fn report(&self, intake: &IntakeSender) {
        let mut detail = if self.connected { "connected".to_owned() } else { "not connected".to_owned() };
        if !self.connected && !self.reason.is_empty() {
            detail.push_str(&format!(": {}", self.reason));
        }
        for filter in &self.refused {
            detail.push_str(&format!("; the broker refuses {filter}: grant it in its access list"));
        }
        if self.stale > 0 {
            detail.push_str(&format!("; {} retained values without a time passed over", self.stale));
        }
        if self.oversize > 0 {
            detail.push_str(&format!("; {} messages were too large", self.oversize));
        }
        if !self.skews.is_empty() {
            detail.push_str(&format!("; {}", self.skews));
        }
        if !self.nodes.is_empty() {
            detail.push_str(&format!("; {}", self.nodes));
        }
        if !self.unasked.is_empty() {
            detail.push_str(&format!("; a rebirth could not be asked for: {}", self.unasked));
        }
        intake.report(self.connected && self.refused.is_empty(), detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AgentConfig;

    #[test]
    fn a_filter_covers_what_it_brings_all_of() {
        for (wide, narrow, covered) in [
            ("#", "a/b", true),
            ("#", "+/#", true),
            ("a/#", "a", true),
            ("a/#", "a/+/c", true),
            ("a/+", "a/b", true),
            ("a/b", "a/+", false),
            ("a/+", "a/#", false),
            ("a/+", "a/b/c", false),
            ("a/+/c", "a/b", false),
            ("a", "b", false),
        ] {
            assert_eq!(covers(wide, narrow), covered, "{wide} over {narrow}");
        }
    }

    #[test]
    fn no_message_is_asked_for_twice_where_one_subscription_brings_it() {
        let rule = |topic: &str| format!("[[source.mqtt.rule]]\ntopic='{topic}'\nmeter='m'\n");
        let rules: String = ["a/#", "a/b/c", "a/{x}/c", "b/{x}", "b/{y}", "b/one", "c"].map(rule).concat();
        let head = "[agent]\nname='a'\nsite='s'\ncollector='c'\ndata_dir='d'\n[link]\nbroker='mqtt://h'\n";
        let text = format!("{head}[[source.mqtt]]\nname='m'\n{rules}");
        let config = AgentConfig::parse("agent.toml", &text).expect("valid");
        let source = config.mqtt[0].clone();
        let broker = source.broker.resolve().expect("no password");
        let filters = MqttSource::new(&config.agent, source, broker).session.subscriptions;
        let filters: Vec<&str> = filters.iter().map(|(filter, _)| filter.as_str()).collect();
        assert_eq!(filters, ["a/#", "b/+", "c"]);
    }
}
