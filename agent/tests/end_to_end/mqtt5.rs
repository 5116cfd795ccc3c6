//! Sensors that publish by MQTT 5, with what only that version has, are read like all others.

use crate::stage::{Agent, Broker, Collector, Sensors, wait};
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A sensor of version 5, packet by packet. Source: OASIS MQTT 5.0, chapters 2 and 3.
struct Sensor {
    stream: TcpStream,
}

impl Sensor {
    async fn connect(broker: &Broker) -> Sensor {
        let stream = TcpStream::connect(("127.0.0.1", broker.port)).await.expect("the broker");
        let mut sensor = Sensor { stream };
        // Version 5, a clean start, a minute of keep-alive, no properties.
        let body = [&text("MQTT")[..], &[5, 2, 0, 60, 0], &text("sensor-5")].concat();
        sensor.say(0x10, &body).await;
        let answer = sensor.hear(0x20).await;
        assert_eq!(answer[1], 0, "the broker takes version 5");
        sensor
    }

    /// Publishes with QoS 1, under alias 1 of a topic that need not be said again, and with properties.
    async fn publish(&mut self, topic: &str, retained: bool, payload: &str) {
        let properties = [
            &[0x23, 0, 1][..],    // topic alias 1
            &[0x02, 0, 0, 0, 60], // message expiry: a minute
            &[0x01, 1],           // payload format: text
            &[0x26],
            &text("room"),
            &text("7"), // a user's property
        ]
        .concat();
        let length = u8::try_from(properties.len()).expect("one byte of length");
        let body = [&text(topic)[..], &[0, 9], &[length], &properties, payload.as_bytes()].concat();
        self.say(if retained { 0x33 } else { 0x32 }, &body).await;
        self.hear(0x40).await;
    }

    async fn say(&mut self, kind: u8, body: &[u8]) {
        let length =
            u8::try_from(body.len()).ok().filter(|length| *length < 128).expect("one byte of length");
        self.stream.write_all(&[&[kind, length], body].concat()).await.expect("connected");
    }

    /// The body of the next packet, which is of this kind.
    async fn hear(&mut self, kind: u8) -> Vec<u8> {
        wait(async {
            assert_eq!(self.stream.read_u8().await.expect("connected"), kind);
            let mut body = vec![0; usize::from(self.stream.read_u8().await.expect("connected"))];
            self.stream.read_exact(&mut body).await.expect("connected");
            body
        })
        .await
    }
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short");
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

#[tokio::test]
async fn sensors_of_both_versions_of_mqtt_are_read() {
    let broker = Broker::start();
    let mut collector = Collector::connect(&broker).await;
    let mut old = Sensors::connect(&broker).await;
    let mut new = Sensor::connect(&broker).await;
    new.publish("bare/kept", true, "1").await;
    let mut agent = Agent::start(&broker, crate::PLUGS);
    collector.until("the sensors' source to be connected", crate::sources_deliver).await;
    new.publish("bare/five", false, "12.50").await;
    new.publish("", false, "12.75").await;
    old.publish([("bare/three".to_owned(), b"1.5".to_vec())]).await;
    collector.until("three readings", |c| c.readings().len() >= 3).await;
    let read: BTreeSet<String> =
        collector.readings().iter().map(|(m, r)| format!("{m} {}", r.value)).collect();
    assert_eq!(read, ["five 12.50", "five 12.75", "three 1.5"].map(str::to_owned).into());
    assert_eq!(agent.stop().await, Some(0));
}
