//! Bad input of every kind among good readings: each harms only itself, and is shown with its cause.

use crate::chain::{Chain, SITE, Setting, entry};
use crate::esif::LONG;
use crate::publish::{Message, publish};
use crate::servers::Servers;
use crate::wait::{SOON, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

const MINUTE_MS: i64 = 60_000;
/// Good readings of each of the two good meters, a minute apart.
const GOOD: i64 = 40;

fn setting() -> Setting {
    let meter = |name: &str, role: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nsite = \"{SITE}\"\nfacility = \"hall\"\nrole = \"{role}\"\n\
             kind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"60s\"\n\n"
        )
    };
    let meters = meter("main", "utility")
        + &meter("it", "it-input")
        + &meter("falling", "other")
        + &meter("absurd", "other");
    Setting {
        rules: r#"
[[source.mqtt.rule]]
topic = "hall/{meter}/state"
meter = "{meter}"
value = "/value"
time = "/time"
time_zone = "America/Denver"
unit_path = "/unit"

[[source.mqtt.rule]]
topic = "bare/{meter}"
meter = "{meter}"
unit = "kWh"
"#
        .to_owned(),
        places: format!(
            "[[site]]\nname = \"{SITE}\"\ntime_zone = \"America/Denver\"\n\n\
             [[facility]]\nname = \"hall\"\nsite = \"{SITE}\"\n\n{meters}"
        ),
        retention: "400d",
    }
}

fn rfc3339(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).expect("an instant").to_rfc3339()
}

fn state(meter: &str, value: Value, time: &str, unit: &str) -> Message {
    Message::new(
        format!("hall/{meter}/state"),
        json!({ "value": value, "time": time, "unit": unit }).to_string(),
    )
}

/// Every kind of poison that sensors can send, with the cause it is quarantined under.
fn poison(now: i64) -> Vec<(Message, &'static str)> {
    let time = rfc3339(now - 5 * MINUTE_MS);
    let raw = |topic: &str, payload: &str| Message::new(topic, payload);
    vec![
        (raw("hall/main/state", r#"{"value": 12.5, "time":"#), "payload"),
        (raw("hall/main/state", ""), "payload"),
        (raw("hall/main/state", "\u{fffd}\u{0}"), "payload"),
        (raw("hall/main/state", r#"{"power": 12.5}"#), "payload"),
        (state("main", json!(true), &time, "kWh"), "payload"),
        (state("main", json!({ "a": 1 }), &time, "kWh"), "payload"),
        (raw("hall/main/state", &format!(r#"{{"value":NaN,"time":"{time}","unit":"kWh"}}"#)), "not-finite"),
        (raw("bare/main", "NaN"), "not-finite"),
        (raw("bare/main", "-inf"), "not-finite"),
        (state("main", json!(5), &time, "furlong"), "unit"),
        (state("main", json!(5), "yesterday", "kWh"), "time"),
        (state("main", json!(5), "2999-01-01T00:00:00Z", "kWh"), "time"),
        (state("main", json!(5), &rfc3339(now + 60 * MINUTE_MS), "kWh"), "clock-skew"),
        (state("main", json!(5), &rfc3339(now - 500 * 1_440 * MINUTE_MS), "kWh"), "too-late"),
        (state("main", json!(5), "2025-11-02T01:30:00", "kWh"), "ambiguous-time"),
        (state("Main Meter", json!(5), &time, "kWh"), "name"),
    ]
}

/// What strangers put on the link itself.
fn poison_on_the_link() -> Vec<(Message, &'static str)> {
    let topic = |last: &str| format!("wattledger/v1/agent/{SITE}/stranger/{last}");
    vec![
        (Message::new(topic("readings"), vec![0xff_u8, 0x00, 0x80, 0x7f]), "batch"),
        (Message::new(topic("readings"), vec![0_u8]), "batch"),
        (Message::new(topic("readings-json"), "{\"readings\": 7}"), "payload"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input() {
    let Some(servers) = Servers::find("bad_input") else { return };
    let mut chain = Chain::new(&servers, &setting()).await;
    chain.start("hall/+/state").await;

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let first = (now / MINUTE_MS - 60) * MINUTE_MS;
    let mut poisons = poison(now).into_iter();
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    let mut messages = Vec::new();
    for at in 0..GOOD {
        let time = rfc3339(first + at * MINUTE_MS);
        messages.push(state("main", json!(100_000 + at * 13), &time, "kWh"));
        if let Some((message, cause)) = poisons.next() {
            messages.push(message);
            *expected.entry(cause).or_default() += 1;
        }
        messages.push(state("it", json!(50_000 + at * 10), &time, "kWh"));
    }
    assert!(poisons.next().is_none(), "more poison than good readings");
    // A register that starts again, one with a value no meter can show, and one that nobody claims.
    for (at, (falling, absurd)) in
        [("100", "10"), ("110", "1e30"), ("5", "12"), ("15", "13")].iter().enumerate()
    {
        let time = rfc3339(first + at as i64 * MINUTE_MS);
        messages.push(state("falling", json!(falling), &time, "kWh"));
        messages.push(state("absurd", json!(absurd), &time, "kWh"));
        messages.push(state("nobody", json!(at), &time, "kWh"));
    }
    let on_the_link = poison_on_the_link();
    for (_, cause) in &on_the_link {
        *expected.entry(cause).or_default() += 1;
    }
    // What clears a retained message, or asks whether one may publish there, is nobody's batch: passed over.
    let nothing = Message::new(format!("wattledger/v1/agent/{SITE}/stranger/readings"), Vec::new());
    publish(chain.link.port, vec![nothing]).await;
    publish(chain.link.port, on_the_link.into_iter().map(|(message, _)| message).collect()).await;
    publish(chain.sensors.port, messages).await;
    // The horizon waits for the two meters that fell silent, so it says nothing here; the last readings do.
    everything_good_is_booked(&chain).await;
    causes_are_shown(&chain, &expected).await;

    until("the fall is a reset, and the meter that nobody claims is listed", SOON, async || {
        let snapshot = chain.snapshot().await?;
        let falling = entry(&snapshot["meters"], "meter", "falling");
        let nobody = entry(&snapshot["meters"], "meter", "nobody");
        if falling["resets"] == 1 && nobody["assigned"] == false && nobody["last_value"] == "3" {
            Ok(())
        } else {
            Err(format!("{falling} {nobody}"))
        }
    })
    .await;
    let negative = chain.influx.ask("SELECT \"amount\" FROM \"wl_meter\" WHERE \"amount\" < 0").await;
    assert!(negative.expect("the database answers").is_empty(), "negative energy");
}

async fn everything_good_is_booked(chain: &Chain) {
    for (meter, step) in [("main", 13), ("it", 10)] {
        let query = format!("SELECT sum(\"amount\") FROM \"wl_meter\" WHERE \"meter\" = '{meter}'");
        let expected = ((GOOD - 1) * step) as f64;
        until(&format!("{expected} kWh of `{meter}` are written"), LONG, async || {
            let booked = chain.influx.number(&query, "sum").await?;
            if (booked - expected).abs() < 1e-9 { Ok(()) } else { Err(format!("{booked} kWh")) }
        })
        .await;
    }
    until("the readings around an absurd one are booked", SOON, async || {
        let query = "SELECT sum(\"amount\") FROM \"wl_meter\" WHERE \"meter\" = 'absurd'";
        match chain.influx.number(query, "sum").await? {
            3.0 => Ok(()),
            sum => Err(format!("{sum} kWh")),
        }
    })
    .await;
}

async fn causes_are_shown(chain: &Chain, expected: &BTreeMap<&str, u64>) {
    until(&format!("the quarantine shows {expected:?}"), SOON, async || {
        let snapshot = chain.snapshot().await?;
        for (cause, count) in expected {
            let shown = entry(&snapshot["quarantine"], "cause", cause);
            if shown["count"] != json!(count) || shown["origin"] == "" || shown["detail"] == "" {
                return Err(snapshot["quarantine"].to_string());
            }
        }
        Ok(())
    })
    .await;
}
