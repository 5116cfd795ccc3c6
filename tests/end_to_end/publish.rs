//! Sensors: messages that are published with QoS 1, each until the broker has it.

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use std::time::Duration;
use tokio::time::timeout;

/// One message of a sensor.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    pub(crate) fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Message {
        Message { topic: topic.into(), payload: payload.into() }
    }
}

/// Publishes the messages in order and returns once the broker has acknowledged all of them.
pub(crate) async fn publish(port: u16, messages: Vec<Message>) {
    let mut options = MqttOptions::new(format!("sensors-{port}"), "127.0.0.1", port);
    options.set_inflight(100).set_max_packet_size(1 << 20, 1 << 20).set_keep_alive(Duration::from_secs(60));
    let (client, mut events) = AsyncClient::new(options, 1_000);
    let mut outstanding = messages.len();
    let feeding = tokio::spawn(async move {
        for message in messages {
            client
                .publish(message.topic, QoS::AtLeastOnce, false, message.payload)
                .await
                .expect("the event loop runs until all is acknowledged");
        }
        client
    });
    while outstanding > 0 {
        let event = timeout(Duration::from_secs(30), events.poll()).await.expect("the broker answers");
        if let Event::Incoming(Packet::PubAck(_)) = event.expect("the broker stays connected") {
            outstanding -= 1;
        }
    }
    let client = feeding.await.expect("feeding does not panic");
    client.disconnect().await.expect("the event loop runs");
    // Up to the end of the connection, so that the broker sees an orderly one.
    while timeout(Duration::from_secs(5), events.poll()).await.is_ok_and(|event| event.is_ok()) {}
}
