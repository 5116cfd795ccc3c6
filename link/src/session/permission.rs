//! Whether a broker lets us publish. MQTT 3.1.1 has one answer for what a broker delivers and for what it throws
//! away; MQTT 5 has a reason in it (MQTT 5.0, 3.4.2.1). So a connection of MQTT 5 asks, one for each question.

use super::Broker;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, Packet, PubAckReason};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{TlsConfiguration, Transport};
use std::time::Duration;
use tokio::time::timeout;

/// How long the broker may take to end the connection after our farewell.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a broker says to a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// It delivers it.
    Granted,
    /// It throws it away, for this reason.
    Denied(String),
    /// It does not say, because of this.
    Unsaid(String),
}

/// Publishes an empty message at least once, not retained, and gives what the broker says to it. Nothing of ours reads
/// an empty message. `client_id` must be nobody else's: a broker ends the connection of whoever has it.
pub async fn may_publish(broker: &Broker, client_id: &str, topic: &str, limit: Duration) -> Permission {
    let options = match options(broker, client_id) {
        Ok(options) => options,
        Err(reason) => return Permission::Unsaid(reason),
    };
    let (client, mut events) = AsyncClient::new(options, 4);
    if let Err(error) = client.try_publish(topic, QoS::AtLeastOnce, false, Vec::new()) {
        return Permission::Unsaid(error.to_string());
    }
    match timeout(limit, answer(&mut events)).await {
        Err(_) => Permission::Unsaid(format!("no answer to MQTT 5 within {} s", limit.as_secs())),
        // Another poll would connect anew, and publish once more.
        Ok(Err(permission)) => permission,
        Ok(Ok(permission)) => {
            if client.try_disconnect().is_ok() {
                // The connection may be gone already; there is nothing more to learn of it.
                let _ = timeout(FAREWELL, async { while events.poll().await.is_ok() {} }).await;
            }
            permission
        }
    }
}

fn options(broker: &Broker, client_id: &str) -> Result<MqttOptions, String> {
    let mut options = MqttOptions::new(client_id, &broker.host, broker.port);
    options.set_clean_start(true).set_keep_alive(Duration::from_secs(30));
    if let Some(username) = &broker.username {
        let password = broker.password.as_ref().map_or("", |password| password.reveal());
        options.set_credentials(username, password);
    }
    if let Some(tls) = &broker.tls {
        let config = tls.load().map_err(|error| error.to_string())?;
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    Ok(options)
}

/// What the broker says; an error where it ended the connection with that.
async fn answer(events: &mut EventLoop) -> Result<Permission, Permission> {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(answer))) => return Ok(meant(answer.reason)),
            Ok(_) => {}
            Err(error) => {
                // An answer that came together with the end of the connection was taken, and not told.
                let unread = events.state.events.iter().find_map(|event| match event {
                    Event::Incoming(Packet::PubAck(answer)) => Some(meant(answer.reason)),
                    _ => None,
                });
                return Err(unread.unwrap_or_else(|| ended(&error)));
            }
        }
    }
}

fn meant(reason: PubAckReason) -> Permission {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Permission::Granted,
        PubAckReason::NotAuthorized => Permission::Denied("not authorized".to_owned()),
        reason => Permission::Denied(format!("{reason:?}")),
    }
}

/// There are brokers that end the connection instead of an answer.
fn ended(error: &ConnectionError) -> Permission {
    match error {
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::NotAuthorized,
            ..
        }) => Permission::Denied("not authorized; the broker ends the connection".to_owned()),
        error => Permission::Unsaid(error.to_string()),
    }
}
