//! The real agent between a real broker, sensors and a collector.

#[path = "end_to_end/mqtt5.rs"]
mod mqtt5;
#[path = "end_to_end/operate.rs"]
mod operate;
#[path = "end_to_end/sparkplug.rs"]
mod sparkplug;
mod stage;

use stage::{Agent, Broker, Collector, Sensors, wait};
use std::collections::BTreeSet;
use tokio::sync::watch;
use wattledger_agent::AgentConfig;
use wattledger_agent::source::mqtt::MqttSource;
use wattledger_agent::source::{Intake, Mapped, Source};
use wattledger_model::reading::{Cause, Incarnation};

const PLUGS: &str = r#"
[[source.mqtt]]
name = "plugs"
[[source.mqtt.rule]]
topic = "tele/{plug}/SENSOR"
meter = "{plug}"
value = "/ENERGY/Total"
time = "/Time"
time_zone = "UTC"
unit = "kWh"
[[source.mqtt.rule]]
topic = "bare/{meter}"
meter = "{meter}"
"#;

#[derive(serde::Deserialize)]
struct Traced {
    topic: String,
    payload: String,
}

#[tokio::test]
async fn what_sensors_say_reaches_the_collector_and_bad_input_harms_only_itself() {
    let broker = Broker::start();
    let mut collector = Collector::connect(&broker).await;
    let mut sensors = Sensors::connect(&broker).await;
    // Said before the agent ever came: not fresh.
    sensors.publish_as(true, [("bare/stale".to_owned(), b"1".to_vec())]).await;
    let mut agent = Agent::start(&broker, PLUGS);
    collector.until("the sensors' source to be connected", sources_deliver).await;
    let traces = include_str!("recorded/tasmota_traces.jsonl").lines();
    let traces = traces.map(|line| serde_json::from_str::<Traced>(line).expect(line));
    sensors.publish(traces.map(|traced| (traced.topic, traced.payload.into_bytes()))).await;
    for (topic, payload) in [
        ("tele/p1/SENSOR", r#"{"Time":"2023-04-04T17:01:33","ENERGY":{"Total":14.68738}}"#),
        ("tele/p1/SENSOR", "this is not JSON"),
        ("tele/p1/SENSOR", r#"{"Time":"2023-04-04T17:01:34","ENERGY":{"Total":NaN}}"#),
        ("tele/p1/SENSOR", r#"{"Time":"later","ENERGY":{"Total":1}}"#),
        ("tele/P_1/SENSOR", r#"{"Time":"2023-04-04T17:01:35","ENERGY":{"Total":1}}"#),
        ("bare/m1", "12345678901234.5"),
    ] {
        sensors.publish([(topic.to_owned(), payload.as_bytes().to_vec())]).await;
    }
    collector.until("the last reading", |c| c.readings().iter().any(|(meter, _)| meter == "m1")).await;

    let read: BTreeSet<String> =
        collector.readings().iter().map(|(m, r)| format!("{m} {}", r.value)).collect();
    let expected = ["tasmota 14.68792", "tasmota 0.00512", "p1 14.68738", "m1 12345678901234.5"];
    assert_eq!(read, expected.map(str::to_owned).into());
    let causes: BTreeSet<Cause> = collector.refused().iter().map(|refused| refused.cause).collect();
    assert_eq!(causes, [Cause::Payload, Cause::NotFinite, Cause::Time, Cause::Name].into());

    assert_eq!(agent.stop().await, Some(0));
}

fn sources_deliver(collector: &Collector) -> bool {
    collector.status.as_ref().is_some_and(|status| status.sources.iter().all(|source| source.healthy))
}

/// A message for each second of a register.
fn register(seconds: std::ops::Range<u32>) -> impl Iterator<Item = (String, Vec<u8>)> {
    seconds.map(|second| {
        let (minute, second_of) = (second / 60, second % 60);
        let payload = format!(
            r#"{{"Time":"2026-03-02T{:02}:{:02}:{second_of:02}","ENERGY":{{"Total":{second}.5}}}}"#,
            minute / 60,
            minute % 60
        );
        ("tele/m/SENSOR".to_owned(), payload.into_bytes())
    })
}

fn values(collector: &Collector) -> BTreeSet<String> {
    collector.readings().iter().filter(|(m, _)| m == "m").map(|(_, r)| r.value.to_string()).collect()
}

#[tokio::test]
async fn killed_at_any_moment_the_agent_goes_on_where_it_was() {
    let broker = Broker::start();
    let mut collector = Collector::connect(&broker).await;
    let mut sensors = Sensors::connect(&broker).await;
    let mut agent = Agent::start(&broker, PLUGS);
    // Only for a session that exists does the broker keep messages.
    collector.until("the sensors' source to be connected", sources_deliver).await;
    for round in 0..5 {
        sensors.publish(register(round * 300..(round + 1) * 300)).await;
        // Somewhere in the middle of it.
        let some = collector.batches.len() + 3;
        collector.until("some batches", |c| c.batches.len() >= some).await;
        agent.restart();
    }
    collector.until("every reading", |c| values(c).len() == 1_500).await;
    let expected: BTreeSet<String> = (0..1_500).map(|second| format!("{second}.5")).collect();
    assert_eq!(values(&collector), expected);
    // A batch of readings that came again may still be on its way beside newer ones.
    collector
        .until("sequences without a gap from 0", |c| c.committed.floor() == c.batches.len() as u64)
        .await;
    let mut numbers: Vec<u64> = collector
        .readings()
        .iter()
        .filter_map(|(_, reading)| reading.intake.map(|intake| intake.number))
        .collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "no intake number is given twice");
    assert_eq!(agent.stop().await, Some(0));
    // The last word of an orderly stop was an acknowledgement; the next run has nothing left to send.
    let (statuses, batches) = (collector.statuses, collector.batches.len());
    agent.restart();
    collector.until("a status", |c| c.statuses > statuses).await;
    let status = collector.status.clone().expect("heard");
    assert_eq!((status.unacknowledged, collector.batches.len()), (0, batches));
    assert_eq!(status.next_sequence, batches as u64);
}

#[tokio::test]
async fn a_changed_configuration_is_taken_up_without_losing_a_reading() {
    let broker = Broker::start();
    let mut collector = Collector::connect(&broker).await;
    let mut sensors = Sensors::connect(&broker).await;
    let mut agent = Agent::start(&broker, PLUGS);
    collector.until("the sensors' source to be connected", sources_deliver).await;
    sensors.publish(register(0..200)).await;
    // What cannot be used changes nothing; what can is taken up, told or not.
    agent.reconfigure(|text| text.replace("unit = \"kWh\"", "unit = \"furlong\""), true);
    sensors.publish(register(200..400)).await;
    let more = "[[source.mqtt.rule]]\ntopic = \"other/{meter}\"\nmeter = \"other-{meter}\"\n";
    agent.reconfigure(|text| text.replace("furlong", "kWh") + more, true);
    sensors.publish(register(400..700)).await;
    let named = |name: &'static str| move |c: &Collector| c.readings().iter().any(|(meter, _)| meter == name);
    while !named("other-a")(&collector) {
        sensors.publish([("other/a".to_owned(), b"1".to_vec())]).await;
        let heard = collector.statuses;
        collector.until("the next status", |c| c.statuses > heard || named("other-a")(c)).await;
    }
    agent.reconfigure(|text| text.replace("other-{meter}", "another-{meter}"), false);
    sensors.publish(register(700..1_000)).await;
    while !named("another-a")(&collector) {
        sensors.publish([("other/a".to_owned(), b"2".to_vec())]).await;
        let heard = collector.batches.len();
        collector.until("the next batch", |c| c.batches.len() > heard || named("another-a")(c)).await;
    }
    collector.until("every reading", |c| values(c).len() == 1_000).await;
    assert_eq!(agent.stop().await, Some(0));
}

const REPLAY: &str = "\n[[source.replay]]\nname = 'pzem'\ntime_column = 'datetime'\n\
    time_format = '%Y-%m-%d %H:%M:%S'\n[[source.replay.column]]\ncolumn = 'energy_wh'\nmeter = 'pzem'\nunit = 'Wh'\n";

fn replay() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/pzem_usb1_2025-08-05_reset.csv");
    REPLAY.replace("name = 'pzem'", &format!("name = 'pzem'\nfile = '{file}'"))
}

#[tokio::test]
async fn nothing_is_sent_before_the_collector_answers_and_forged_words_free_nothing() {
    let broker = Broker::start();
    let mut collector = Collector::connect(&broker).await;
    collector.answers = false;
    let mut agent = Agent::start(&broker, &replay());
    // A second status is a second question: all that time there was no batch.
    collector.until("the question again", |c| c.statuses >= 2).await;
    assert!(collector.batches.is_empty());
    let unacknowledged = |c: &Collector| c.status.as_ref().map(|status| status.unacknowledged);
    assert_eq!(unacknowledged(&collector), Some(1));

    let genuine = collector.word();
    let mut forged = genuine.clone();
    forged.floor = 1;
    let mut other = forged.clone();
    other.collector = "other".parse().expect("name");
    // Another collector on its own topic, on ours, another incarnation, what was never sent.
    collector.say(&other);
    collector.say_on("wattledger/v1/agent/hall/a1/ack/campus", &other);
    let mut wrong = forged.clone();
    wrong.incarnation = Incarnation { id: 1, ..wrong.incarnation };
    collector.say(&wrong);
    let mut wrong = forged.clone();
    wrong.floor = 1_000;
    collector.say(&wrong);
    let before = collector.statuses;
    collector.until("still a question", |c| c.statuses > before).await;
    assert_eq!((unacknowledged(&collector), collector.batches.len()), (Some(1), 0));

    // The genuine word opens the way; a store the agent has not met frees nothing.
    collector.say(&genuine);
    collector.until("the batch", |c| c.batches.len() == 1).await;
    let mut wrong = forged.clone();
    wrong.store_id = 78;
    collector.say(&wrong);
    agent.kill();
    agent.restart();
    let before = collector.statuses;
    collector.until("its status", |c| c.statuses > before).await;
    assert!(unacknowledged(&collector) >= Some(1));
    // The replay starts anew with each run, so there are two batches now.
    collector.answers = true;
    collector.until("everything", |c| c.readings().len() == 94).await;
    let values: Vec<String> =
        collector.readings().iter().map(|(_, reading)| reading.value.to_string()).collect();
    assert_eq!(values[..47], values[47..]);
    assert_eq!((values[0].as_str(), values[46].as_str()), ("1.0", "0.0"));
    assert_eq!(agent.stop().await, Some(0));
}

#[tokio::test]
async fn the_broker_is_told_of_a_message_only_when_it_is_durable() {
    let broker = Broker::start();
    let mut sensors = Sensors::connect(&broker).await;
    let text = format!(
        "[agent]\nname='a1'\nsite='hall'\ncollector='campus'\ndata_dir='unused'\n\
         [link]\nbroker='mqtt://127.0.0.1:{}'\n{PLUGS}",
        broker.port
    );
    let config = AgentConfig::parse("agent.toml", &text).expect("valid");
    let run = || {
        let mqtt = config.mqtt[0].clone();
        let address = mqtt.broker.resolve().expect("no password");
        let source = Box::new(MqttSource::new(&config.agent, mqtt, address));
        let mut intake = Intake::new();
        let sender = intake.sender(&*source);
        let (stop, stopped) = watch::channel(false);
        (tokio::spawn(source.run(sender, stopped)), intake, stop)
    };
    let (source, mut intake, stop) = run();
    while !intake.statuses()[0].healthy {
        wait(intake.turned()).await;
    }
    sensors.publish(register(0..5)).await;
    let mut taken = Vec::new();
    while taken.len() < 5 {
        taken.push(wait(intake.next(true)).await.expect("running").mapped);
    }
    // Killed before anything was durable: the broker has all of it still.
    source.abort();
    drop((intake, stop));

    let (source, mut intake, stop) = run();
    let mut last = None;
    for before in &taken {
        let handed_in = wait(intake.next(true)).await.expect("running");
        assert_eq!(instants(&handed_in.mapped), instants(before));
        assert!(handed_in.awaited);
        last = Some(handed_in.ticket);
    }
    intake.made_durable(0, last.expect("five"));
    stop.send(true).expect("running");
    wait(source).await.expect("no panic").expect("no error");

    let (_source, mut intake, _stop) = run();
    sensors.publish(register(9..10)).await;
    let next = wait(intake.next(true)).await.expect("running");
    assert_eq!(instants(&next.mapped), ["2026-03-02T00:00:09Z"]);
}

fn instants(mapped: &[Mapped]) -> Vec<String> {
    let instant = |mapped: &Mapped| match mapped {
        Mapped::Reading { reading, .. } => reading.at.to_string(),
        Mapped::Refused(refused) => panic!("{refused:?}"),
    };
    mapped.iter().map(instant).collect()
}
