//! mosquitto with TLS, certificates on both sides, and the queue that it has by default: of what comes for a client
//! that is away it keeps 1,000 messages, drops the rest, and tells the one who publishes that all is well.

use crate::authority::Authority;
use crate::load::{FILTER, Load, RULES, meters};
use crate::mosquitto::{MOSQUITTO, Mosquitto, ROOMY};
use crate::pair::{Pair, Readings, Setting};
use crate::processes::{free_port, installed};
use crate::publish::{Message, publish};
use crate::wait::{SOON, turn, until};
use std::time::Duration;
use wattledger_model::time::Timestamp;

const LONG: Duration = Duration::from_secs(300);
/// More than the queue takes.
const BY_HAND: i64 = 1_100;

const BY_HAND_METER: &str = "[[meter]]\nname = \"by-hand\"\nsite = \"hall\"\nfacility = \"hall-1\"\n\
     role = \"lighting\"\nkind = \"register\"\nunit = \"kWh\"\n";

/// `broker` and what goes with it, for a client of that name.
fn link(authority: &Authority, port: u16, client: &str) -> String {
    let file = |name: &str| authority.path(name).display().to_string();
    format!(
        "broker = \"mqtts://localhost:{port}\"\nca_file = \"{}\"\ncertificate_file = \"{}\"\nkey_file = \"{}\"",
        file("ca.pem"),
        file(&format!("{client}.pem")),
        file(&format!("{client}.key"))
    )
}

/// Readings that nobody answers for: who publishes by hand has the broker's word and no other.
fn by_hand(begin_ms: i64) -> Vec<Message> {
    let message = |number: i64| {
        let at = Timestamp(begin_ms + number * 1_000);
        let reading = format!(r#"{{"meter":"by-hand","at":"{at}","value":"{number}","unit":"kWh"}}"#);
        Message::new("wattledger/v1/agent/hall/hand/readings-json", format!(r#"{{"readings":[{reading}]}}"#))
    };
    (0..BY_HAND).map(message).collect()
}

async fn wait_printed(pair: &mut Pair, words: &str) {
    until(&format!("the agent says `{words}`"), SOON, async || {
        pair.agent.expect_running()?;
        let printed = pair.agent.printed();
        if printed.contains(words) { Ok(()) } else { Err(printed) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_of_the_broker_that_overflows_costs_an_agent_nothing() {
    let Some([mosquitto]) = installed("full_queue", [MOSQUITTO]) else { return };
    let _turn = turn().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let authority = Authority::new();
    authority.sign("broker", Some("localhost"));
    authority.sign("hall-many", None);
    authority.sign("campus", None);
    let (port, at) = (free_port(), authority.dir.path().display());
    let settings = format!(
        "allow_anonymous true\nlistener {port} 127.0.0.1\ncafile {at}/ca.pem\ncertfile {at}/broker.pem\n\
         keyfile {at}/broker.key\nrequire_certificate true\nuse_identity_as_username true\n"
    );
    let mut broker = Mosquitto::new(&mosquitto, folder.path(), "broker", &settings);
    let mut sensors = Mosquitto::new(&mosquitto, folder.path(), "sensors", ROOMY);
    let setting = Setting {
        agent: "many",
        agent_link: link(&authority, port, "hall-many"),
        collector_link: link(&authority, port, "campus"),
        sensors: format!("broker = \"{}\"\n{RULES}", sensors.url()),
        // Each message is a batch of its own.
        limits: "[batch]\nmax_readings = 1\n",
        meters: format!("{}{BY_HAND_METER}", meters()),
    };
    let mut pair = Pair::new(folder.path(), "pair", &setting).await;
    sensors.start().await;
    broker.start().await;
    pair.collector.start();
    pair.agent.start();
    sensors.wait_subscribed("wattledger-hall-many-floor", FILTER).await;
    let mut load = Load::new();
    publish(sensors.port, load.messages(0..5)).await;
    wait_printed(&mut pair, "first word of the collector's store").await;

    pair.collector.kill();
    publish(broker.port, by_hand(load.begin_ms)).await;
    let dropped = "Outgoing messages are being dropped for client wattledger-collector-campus";
    assert!(broker.program.printed().contains(dropped), "{}", broker.program.printed());
    // The agent goes on, has the broker's word for a window of batches, and nothing from its collector.
    publish(sensors.port, load.messages(5..105)).await;
    wait_printed(&mut pair, "the collector does not acknowledge").await;
    pair.collector.start();
    let receipt = until("all is with the collector and the receipt adds up", LONG, async || {
        pair.settled(load.known.len())
    })
    .await;
    let gone = [receipt.thinned, receipt.lost, receipt.quarantined, receipt.missing_batches];
    assert_eq!((gone, receipt.unaccounted()), ([0; 4], 0), "{receipt:?}");
    assert!(receipt.committed > 1_200, "each reading was a batch: {receipt:?}");

    pair.stop().await;
    let mut readings = pair.readings();
    let by_hand: Readings = readings.extract_if(.., |(meter, _), _| meter == "by-hand").collect();
    assert_eq!(readings, load.known);
    // This is what it would have cost the agent.
    assert!((900..BY_HAND as usize).contains(&by_hand.len()), "{} by hand", by_hand.len());
}
