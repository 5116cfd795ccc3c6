//! A Sparkplug node whose birth the agent has missed is asked for another, and is read from then on.

use crate::stage::{Agent, Broker, Collector, wait};
use prost::Message;
use wattledger_link::session::{Publish, Qos, SessionEvent};

const NODES: &str = r#"
[[source.mqtt]]
name = "nodes"
[[source.mqtt.sparkplug.metric]]
group = "hall"
metric = "Meters/{circuit}/Energy"
meter = "{edge}-{circuit}"
unit = "kWh"
"#;

/// What a node sends, in as few fields as it can.
#[derive(Clone, PartialEq, Message)]
struct Payload {
    #[prost(uint64, optional, tag = "1")]
    timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
    #[prost(uint64, optional, tag = "3")]
    seq: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    alias: Option<u64>,
    #[prost(double, optional, tag = "13")]
    double: Option<f64>,
    #[prost(bool, optional, tag = "14")]
    boolean: Option<bool>,
}

fn energy(name: Option<&str>, double: f64, seq: u64) -> Payload {
    let name = name.map(str::to_owned);
    let metric = Metric { name, alias: Some(3), double: Some(double), boolean: None };
    Payload { timestamp: Some(1_772_445_480_000 + seq), metrics: vec![metric], seq: Some(seq) }
}

#[tokio::test]
async fn a_node_whose_birth_was_missed_is_asked_for_another() {
    let broker = Broker::start();
    let mut collector = Collector::connect(&broker).await;
    let (node, mut events) = broker.session("gw-1", &["spBv1.0/hall/NCMD/gw-1".to_owned()]);
    let say = |verb: &str, payload: &Payload| {
        let topic = format!("spBv1.0/hall/{verb}/gw-1");
        let message =
            Publish { topic, payload: payload.encode_to_vec(), qos: Qos::AtMostOnce, retain: false };
        node.try_publish(message).expect("connected");
    };
    wait(async { while !matches!(events.recv().await.expect("session"), SessionEvent::Connected { .. }) {} })
        .await;
    // Born before the agent ever came.
    say("NBIRTH", &energy(Some("Meters/main/Energy"), 100.25, 0));
    let mut agent = Agent::start(&broker, NODES);
    collector.until("the nodes' source to be connected", crate::sources_deliver).await;
    say("NDATA", &energy(None, 100.5, 1));
    let command = wait(async {
        loop {
            if let SessionEvent::Message(delivery) = events.recv().await.expect("session") {
                break delivery;
            }
        }
    })
    .await;
    let asked = Payload::decode(&command.payload[..]).expect("a payload");
    assert_eq!(asked.metrics[0].name.as_deref(), Some("Node Control/Rebirth"));
    assert_eq!((asked.metrics[0].boolean, command.retain), (Some(true), false));
    say("NBIRTH", &energy(Some("Meters/main/Energy"), 100.5, 0));
    say("NDATA", &energy(None, 100.75, 1));
    collector.until("both readings", |c| c.readings().len() == 2).await;
    let mut read: Vec<String> =
        collector.readings().iter().map(|(m, r)| format!("{m} {}", r.value)).collect();
    read.sort();
    assert_eq!(read, ["gw-1-main 100.5", "gw-1-main 100.75"]);
    collector.until("the refusal of what could not be told", |c| !c.refused().is_empty()).await;
    assert!(collector.refused()[0].detail.contains("its birth was not heard"));
    assert_eq!(agent.stop().await, Some(0));
}
