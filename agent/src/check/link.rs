//! The link: whether the collector's broker takes us, lets us publish, and whether the collector is there.

use super::report::{Finding, State, span};
use crate::clock;
use crate::config::AgentConfig;
use crate::listen::{Ear, own_client_id};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;
use wattledger_link::session::{Broker, Delivery, Permission, SessionEvent, may_publish};
use wattledger_model::topic::Topic;
use wattledger_model::wire;

const PART: &str = "link";
/// For each question whether we may publish.
const PERMISSION_LIMIT: Duration = Duration::from_secs(5);
/// A collector says each minute that it is there; what is older is the broker's memory of it.
const QUIET_MS: i64 = 180_000;

/// Asks the broker, and listens for the collector until it has spoken.
pub(super) async fn ask(config: &AgentConfig, until: Instant) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(certificates(&config.link.broker));
    let broker = match config.link.resolve() {
        Ok(broker) => broker,
        Err(error) => {
            findings.push(wrong(error.to_string()));
            return findings;
        }
    };
    let acknowledgement =
        Topic::Acknowledgement { agent: config.agent.clone(), collector: config.collector.clone() };
    let status = Topic::CollectorStatus(config.collector.clone());
    let mut ear = Ear::open(broker.clone(), "check", [acknowledgement.to_string(), status.to_string()]);
    if let Err(why) = connected(&mut ear, until, &mut findings).await {
        findings.push(wrong(format!("{broker}: {why}")));
        ear.close().await;
        return findings;
    }
    let user = broker.username.as_ref().map(|user| format!(" as {user}")).unwrap_or_default();
    findings.push(Finding::new(PART, State::Ok, format!("{broker}: connected{user}")));
    let (permissions, collector) =
        tokio::join!(permissions(config, &broker), hear_collector(config, &mut ear, until));
    findings.extend(permissions);
    findings.extend(collector);
    ear.close().await;
    findings
}

fn wrong(says: impl Into<String>) -> Finding {
    Finding::new(PART, State::Wrong, says)
}

fn certificates(broker: &Broker) -> Option<Finding> {
    let tls = broker.tls.as_ref()?;
    let expiry = match tls.load().and_then(|_| tls.expiry()) {
        Ok(expiry) => expiry,
        Err(error) => return Some(wrong(format!("TLS: {error}"))),
    };
    let ended = |until: SystemTime| until < SystemTime::now();
    Some(match expiry.as_ref().and_then(|expiry| Some((expiry, expiry.warning(SystemTime::now())?))) {
        Some((expiry, warning)) if ended(expiry.until) => wrong(format!("TLS: {warning}")),
        Some((_, warning)) => Finding::new(PART, State::Note, format!("TLS: {warning}")),
        None => Finding::new(PART, State::Ok, format!("TLS: {}", tls.standing())),
    })
}

async fn connected(ear: &mut Ear, until: Instant, findings: &mut Vec<Finding>) -> Result<(), String> {
    loop {
        match ear.next(until).await {
            Some(SessionEvent::Connected { .. }) => return Ok(()),
            Some(SessionEvent::Disconnected { reason }) => return Err(format!("cannot connect: {reason}")),
            Some(SessionEvent::SubscriptionRefused { filter }) => {
                findings.push(wrong(format!("the broker refuses {filter}: grant it in its access list")));
            }
            Some(_) => {}
            None => return Err("no answer in time".to_owned()),
        }
    }
}

/// Whether the broker takes what the agent publishes.
async fn permissions(config: &AgentConfig, broker: &Broker) -> Vec<Finding> {
    let agent = || config.agent.clone();
    let mut findings = Vec::new();
    for topic in [Topic::Readings(agent()), Topic::AgentStatus(agent())] {
        let topic = topic.to_string();
        let finding = match may_publish(broker, &own_client_id("check"), &topic, PERMISSION_LIMIT).await {
            Permission::Granted => Finding::new(PART, State::Ok, format!("may publish {topic}")),
            Permission::Denied(reason) => wrong(format!(
                "may not publish {topic}: {reason}. Let the user write it in the broker's access list, as \
                 config/mosquitto.acl shows"
            )),
            Permission::Unsaid(reason) => Finding::new(
                PART,
                State::Note,
                format!(
                    "whether it may publish {topic} is not known: the broker does not say it by MQTT 5 ({reason}), and \
                     MQTT 3.1.1 has no word for it; look into its access list"
                ),
            ),
        };
        findings.push(finding);
    }
    findings
}

/// What the collector says of itself, and to an agent that runs beside this check.
async fn hear_collector(config: &AgentConfig, ear: &mut Ear, until: Instant) -> Vec<Finding> {
    let name = &config.collector;
    let mut acknowledged = false;
    while let Some(event) = ear.next(until).await {
        match event {
            SessionEvent::Message(delivery) => match delivery.topic.parse() {
                Ok(Topic::Acknowledgement { .. }) if !delivery.retain => acknowledged = true,
                Ok(Topic::CollectorStatus(_)) => {
                    let mut findings = vec![collector(config, &delivery)];
                    if acknowledged {
                        let says = format!("collector {name} has answered the running agent just now");
                        findings.push(Finding::new(PART, State::Ok, says));
                    }
                    return findings;
                }
                _ => {}
            },
            SessionEvent::Disconnected { reason } => {
                return vec![wrong(format!("the connection broke: {reason}"))];
            }
            _ => {}
        }
    }
    if acknowledged {
        return vec![Finding::new(
            PART,
            State::Ok,
            format!("collector {name} has answered the running agent"),
        )];
    }
    vec![wrong(format!(
        "collector {name} was not heard: does it run, is it on this broker and called `{name}`, and may this user read {}?",
        Topic::CollectorStatus(name.clone())
    ))]
}

fn collector(config: &AgentConfig, delivery: &Delivery) -> Finding {
    let name = &config.collector;
    match wire::decode_collector_status(&delivery.payload) {
        Ok(status) if status.collector == *name => {
            let age = clock::now().0.saturating_sub(status.at.0);
            let version = status.version;
            if age > QUIET_MS {
                let ago = span(age);
                return wrong(format!(
                    "collector {name} {version} last said {ago} ago that it runs, and says so each minute"
                ));
            }
            Finding::new(
                PART,
                State::Ok,
                format!("collector {name} {version} runs, since {}", status.started),
            )
        }
        Ok(status) => wrong(format!("on the topic of collector {name} speaks another, {}", status.collector)),
        Err(error) => wrong(format!("what collector {name} says of itself cannot be read: {error}")),
    }
}
