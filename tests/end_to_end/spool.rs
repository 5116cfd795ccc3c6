//! An agent that nobody answers keeps what it hears; a week later it arrives and is booked.

use crate::chain::{Chain, LISTENER, SITE, Setting, entry};
use crate::esif::LONG;
use crate::mosquitto::Mosquitto;
use crate::publish::{Message, publish};
use crate::servers::Servers;
use crate::wait::{SOON, until};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

const QUARTER_MS: i64 = 900_000;
/// A day of quarter-hours.
const READINGS: i64 = 97;
const METERS: i64 = 5;

fn setting() -> Setting {
    let meter = |number: i64| {
        let role = if number == 0 { "it-input" } else { "utility" };
        format!(
            "[[meter]]\nname = \"meter-{number}\"\nsite = \"{SITE}\"\nfacility = \"hall\"\nrole = \"{role}\"\n\
             kind = \"register\"\nunit = \"Wh\"\nnominal_interval = \"15m\"\n\n"
        )
    };
    Setting {
        rules: r#"
[[source.mqtt.rule]]
topic = "hall/{meter}/energy"
meter = "{meter}"
value = "/total"
time = "/time"
time_format = "epoch-ms"
unit = "Wh"
"#
        .to_owned(),
        places: format!(
            "[[site]]\nname = \"{SITE}\"\ntime_zone = \"America/Denver\"\n\n\
             [[facility]]\nname = \"hall\"\nsite = \"{SITE}\"\n\n{}",
            (0..METERS).map(meter).collect::<String>()
        ),
        retention: "400d",
    }
}

/// Makes the broker log every packet from its next start on, which [`wait_delivered`] reads.
fn trace(broker: &Mosquitto) {
    let config = OpenOptions::new().append(true).open(broker.home.join("mosquitto.conf"));
    config
        .expect("the configuration is there")
        .write_all(b"log_type debug\n")
        .expect("a file can be written");
}

/// Waits until subscribers have acknowledged this many deliveries.
async fn wait_delivered(broker: &Mosquitto, count: usize) {
    until(&format!("{count} messages are delivered"), SOON, async || {
        let delivered = broker.program.printed().matches("Received PUBACK from").count();
        if delivered >= count { Ok(()) } else { Err(format!("{delivered} are delivered")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spool_a_week_old() {
    let Some(servers) = Servers::find("spool_a_week_old") else { return };
    let mut chain = Chain::new(&servers, &setting()).await;
    trace(&chain.sensors);
    chain.sensors.start().await;
    chain.agent.start();
    chain.sensors.wait_subscribed(LISTENER, "hall/+/energy").await;

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let first = (now / QUARTER_MS - 8 * 96) * QUARTER_MS;
    let messages: Vec<Message> = (0..READINGS)
        .flat_map(|at| {
            (0..METERS).map(move |meter| {
                let payload = json!({ "time": first + at * QUARTER_MS, "total": at * (1_000 + meter) });
                Message::new(format!("hall/meter-{meter}/energy"), payload.to_string())
            })
        })
        .collect();
    let count = messages.len();
    publish(chain.sensors.port, messages).await;

    // The agent acknowledges a message once it is on disk; from then on the sensors' broker may forget it.
    wait_delivered(&chain.sensors, count).await;
    chain.agent.kill();
    chain.sensors.program.kill();

    chain.link.start().await;
    chain.influx.start().await;
    chain.start_collector().await;
    chain.agent.start();

    let last = first + (READINGS - 1) * QUARTER_MS;
    chain.wait_written("hall", last, LONG).await;
    for meter in 0..METERS {
        let query = format!("SELECT sum(\"amount\") FROM \"wl_meter\" WHERE \"meter\" = 'meter-{meter}'");
        let booked = chain.influx.number(&query, "sum").await.unwrap_or_else(|error| panic!("{error}"));
        let expected = ((READINGS - 1) * (1_000 + meter)) as f64 / 1_000.0;
        assert!((booked - expected).abs() < 1e-9, "meter-{meter}: {booked} kWh, expected {expected}");
    }
    until("the agent is heard", SOON, async || {
        let snapshot = chain.snapshot().await?;
        let agent = entry(&snapshot["agents"], "agent", "hall-agent");
        if agent["lost"] == 0 && agent["state"] == "live" { Ok(()) } else { Err(agent.to_string()) }
    })
    .await;
}
