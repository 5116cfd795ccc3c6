//! Sensors behind MQTT brokers: what each rule would read of what is published now.

use super::report::{Finding, SourceReport, State};
use super::trial::Trial;
use crate::clock;
use crate::config::{AgentConfig, MqttConfig};
use crate::listen::{Ear, MAX_MESSAGE_BYTES};
use crate::map::Message;
use crate::sparkplug::SparkplugConfig;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use wattledger_link::session::SessionEvent;

/// Listens to all brokers at once.
pub(super) async fn ask(config: &AgentConfig, until: Instant, listen: Duration) -> Vec<SourceReport> {
    let mut asked = JoinSet::new();
    for (at, source) in config.mqtt.iter().cloned().enumerate() {
        asked.spawn(async move { (at, of(&source, until, listen).await) });
    }
    let mut told = asked.join_all().await;
    told.sort_by_key(|(at, _)| *at);
    told.into_iter().map(|(_, report)| report).collect()
}

async fn of(config: &MqttConfig, until: Instant, listen: Duration) -> SourceReport {
    let address = &config.broker.broker;
    let mut report = SourceReport {
        name: format!("{} at {address}", config.name),
        findings: Vec::new(),
        rows: Vec::new(),
    };
    let mut found = |state, says: String| report.findings.push(Finding::new("broker", state, says));
    let broker = match config.broker.resolve() {
        Ok(broker) => broker,
        Err(error) => {
            found(State::Wrong, error.to_string());
            return report;
        }
    };
    let births = config.sparkplug.iter().map(SparkplugConfig::filter);
    let filters: BTreeSet<String> =
        config.rules.iter().map(|rule| rule.topic.filter()).chain(births).collect();
    let mut ear = Ear::open(broker, "check", filters);
    let mut trial = Trial::new(config);
    let (mut messages, mut topics, mut is_connected) = (0_u64, BTreeSet::new(), false);
    while !(is_connected && trial.is_settled()) {
        match ear.next(until).await {
            None => break,
            Some(SessionEvent::Connected { .. }) => is_connected = true,
            Some(SessionEvent::Message(delivery)) => {
                messages += 1;
                let (topic, payload) = (delivery.topic.as_str(), delivery.payload.as_slice());
                trial.take(&Message { topic, payload, retained: delivery.retain, arrived: clock::now() });
                if topics.len() < 100_000 {
                    topics.insert(delivery.topic);
                }
            }
            Some(SessionEvent::Disconnected { reason }) if !is_connected => {
                found(State::Wrong, format!("cannot connect: {reason}"));
                ear.close().await;
                return report;
            }
            Some(SessionEvent::Disconnected { reason }) => {
                found(State::Wrong, format!("the connection broke: {reason}"))
            }
            Some(SessionEvent::SubscriptionRefused { filter }) => {
                found(State::Wrong, format!("the broker refuses {filter}: grant it in its access list"));
            }
            Some(SessionEvent::Oversize { topic, bytes }) => {
                let limit = MAX_MESSAGE_BYTES;
                found(
                    State::Wrong,
                    format!("a message of {bytes} bytes on {topic} is beyond the limit of {limit}"),
                );
            }
            Some(SessionEvent::Published(_)) => {}
        }
    }
    ear.close().await;
    let listened = format!("{listen:?}");
    if is_connected {
        let says = format!("connected; {messages} messages on {} topics within {listened}", topics.len());
        report.findings.insert(0, Finding::new("broker", State::Ok, says));
        report.rows = trial.rows(&listened);
    } else if report.findings.is_empty() {
        let says = format!("no answer within {listened}");
        report.findings.push(Finding::new("broker", State::Wrong, says));
    }
    report
}
