//! `check --live` and `discover` as people call them, beside a real agent on a real mosquitto.

use crate::stage::{Agent, Broker, Collector, Sensors, wait};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wattledger_model::batch::CollectorStatus;
use wattledger_model::time::Timestamp;
use wattledger_model::wire;

const RULES: &str = r#"
[[source.mqtt]]
name = "plugs"
[[source.mqtt.rule]]
profile = "tasmota"
time_zone = "UTC"
[[source.mqtt.rule]]
topic = "bare/{meter}"
meter = "{meter}"
unit = "Wmin"
[[source.mqtt.rule]]
topic = "silent/x"
meter = "silent"
"#;

const TASMOTA: &str =
    r#"{"Time":"2023-04-04T17:01:33","ENERGY":{"Total":14.68792,"Power":32,"Voltage":238}}"#;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(since.as_millis()).expect("in range"))
}

fn said_by_the_collector() -> (String, Vec<u8>) {
    let status = CollectorStatus {
        collector: "campus".parse().expect("name"),
        store_id: 77,
        at: now(),
        started: now(),
        version: "0.1.0".to_owned(),
    };
    ("wattledger/v1/collector/campus/status".to_owned(), wire::encode_collector_status(&status))
}

/// Runs the binary while these messages are published again and again.
async fn call_while(sensors: &mut Sensors, messages: &[(&str, &str)], arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let binary = env!("CARGO_BIN_EXE_wattledger-agent");
    let mut called = tokio::task::spawn_blocking(move || {
        Command::new(binary).args(arguments).output().expect("the binary")
    });
    let mut often = tokio::time::interval(Duration::from_millis(200));
    wait(async {
        loop {
            tokio::select! {
                output = &mut called => return output.expect("no panic"),
                _ = often.tick() => {
                    let own = |(topic, payload): &(&str, &str)| ((*topic).to_owned(), payload.as_bytes().to_vec());
                    sensors.publish(messages.iter().map(own)).await;
                }
            }
        }
    })
    .await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn rows(report: &Value) -> Vec<String> {
    let rows = report["sources"][0]["rows"].as_array().expect("rows").iter();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    rows.map(|row| ["rule", "meter", "value", "converted", "status"].map(|key| text(row, key)).join(" "))
        .collect()
}

#[tokio::test]
async fn a_live_check_shows_what_each_rule_reads_and_disturbs_no_running_agent() {
    let broker = Broker::start();
    let mut collector = Collector::connect(&broker).await;
    let mut sensors = Sensors::connect(&broker).await;
    sensors.publish_as(true, [said_by_the_collector()]).await;
    let mut agent = Agent::start(&broker, RULES);
    collector
        .until("the source to be connected", |c| {
            c.status.as_ref().is_some_and(|status| status.sources.iter().all(|source| source.healthy))
        })
        .await;
    let file = agent.config.clone();
    let messages =
        [("tele/plug/SENSOR", TASMOTA), ("bare/m1", "60127"), ("bare/m2", "not a number"), ("other", "1")];
    let output =
        call_while(&mut sensors, &messages, &["check", path(&file), "--listen", "2s", "--json"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(1), "a rule was silent: {report}");
    let rows = rows(&report);
    for row in [
        "1 energy plug-energy 14.68792 14.68792 kWh old",
        "1 power plug-power 32 0.032 kW old",
        "1 - - - absent",
        "2 m1 60127 1.002116667 kWh ok",
        "2 m2 - - refused",
        "3 - - - silent",
    ] {
        assert!(rows.iter().any(|found| found == row), "{row}\n{rows:#?}");
    }
    let found = report["findings"].to_string();
    for says in [
        ": connected",
        "may publish wattledger/v1/agent/hall/a1/readings",
        "collector campus 0.1.0 runs",
        "can be written",
    ] {
        assert!(found.contains(says), "{says}\n{found}");
    }
    assert!(
        report["findings"].as_array().expect("findings").iter().all(|finding| finding["well"] == true),
        "{found}"
    );

    // The agent has its session still, and not one message was lost to the other listener.
    let before = collector.readings().len();
    sensors.publish((0..50).map(|n| (format!("bare/after{n}"), b"1".to_vec()))).await;
    collector
        .until("what came after the check", |c| {
            c.readings().iter().filter(|(meter, _)| meter.starts_with("after")).count() == 50
        })
        .await;
    assert!(collector.readings().len() >= before + 50);
    assert_eq!(agent.stop().await, Some(0));

    // For people: a table that fits the page, and the exit code of all well.
    let well =
        std::fs::read_to_string(&file).expect("disk").replace("topic = \"silent/x\"", "topic = \"bare/m1\"");
    std::fs::write(&file, well).expect("disk");
    let messages = [("tele/plug/SENSOR", TASMOTA), ("bare/m1", "60127")];
    let output = call_while(&mut sensors, &messages, &["check", path(&file), "--listen", "2s"]).await;
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("RULE")
            && told.contains("all well")
            && told.lines().all(|line| line.chars().count() <= 120),
        "{told}"
    );
}

#[tokio::test]
async fn what_the_brokers_access_list_forbids_is_told_by_mqtt_5() {
    let broker = Broker::start_with(
        "topic read #\ntopic write bare/#\ntopic write wattledger/v1/agent/hall/a1/readings\n",
    );
    let mut sensors = Sensors::connect(&broker).await;
    let mut agent = Agent::start(&broker, RULES);
    agent.kill();
    let file = agent.config.clone();
    let output =
        call_while(&mut sensors, &[("bare/m1", "1")], &["check", path(&file), "--listen", "1s"]).await;
    let told = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{told}");
    for says in [
        "link ok may publish wattledger/v1/agent/hall/a1/readings",
        "link WRONG may not publish wattledger/v1/agent/hall/a1/status: not authorized",
        "link WRONG collector campus was not heard",
    ] {
        assert!(told.contains(says), "{says}\n{told}");
    }
    // A broker that is not there, in a configuration with a password file that is not there either.
    let gone = std::fs::read_to_string(&file).expect("disk").replace(&broker.port.to_string(), "1");
    std::fs::write(&file, gone).expect("disk");
    let output = call_while(&mut sensors, &[], &["check", path(&file), "--live"]).await;
    let told = text(&output.stdout);
    assert!(output.status.code() == Some(1) && told.contains("cannot connect"), "{told}");
}

#[tokio::test]
async fn what_is_discovered_can_be_pasted_and_is_read() {
    let broker = Broker::start();
    let mut sensors = Sensors::connect(&broker).await;
    let address = format!("mqtt://127.0.0.1:{}", broker.port);
    let dir = tempfile::tempdir().expect("dir");
    let password = dir.path().join("password");
    std::fs::write(&password, "hunter2").expect("disk");

    let discover = ["discover", "--broker", &address, "--listen", "1s", "--topic", "nowhere/#"];
    let nothing = call_while(&mut sensors, &[("bare/m1", "1")], &discover).await;
    let told = text(&nothing.stderr);
    assert_eq!((nothing.status.code(), text(&nothing.stdout)), (Some(1), String::new()), "{told}");
    assert!(told.contains("nothing of a sensor was heard") && told.contains("access list"), "{told}");

    let messages = [
        ("tele/plug/SENSOR", TASMOTA),
        ("bms/ups/1/output_kw", "12.5"),
        ("bms/ups/2/output_kw", "11.5"),
        ("lab/box", r#"{"energy_total_kwh": 1.5, "psk": "hunter3", "n": 3}"#),
        ("lab/word", "hello"),
    ];
    let discover = [
        "discover",
        "--broker",
        &address,
        "--listen",
        "2s",
        "--username",
        "me",
        "--password-file",
        path(&password),
        "--time-zone",
        "UTC",
    ];
    let output = call_while(&mut sensors, &messages, &discover).await;
    let proposed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{proposed}{}", text(&output.stderr));
    assert!(!proposed.contains("hunter") && proposed.contains("lab/word"), "{proposed}");

    let file = dir.path().join("agent.toml");
    let head = format!(
        "[agent]\nname = 'a1'\nsite = 'hall'\ncollector = 'campus'\ndata_dir = '{}'\n[link]\nbroker = '{address}'\n",
        dir.path().join("data").display()
    );
    std::fs::write(&file, format!("{head}{proposed}")).expect("disk");
    let check = ["check", path(&file), "--listen", "2s", "--json"];
    let report = call_while(&mut sensors, &messages, &check).await.stdout;
    let report: Value = serde_json::from_slice(&report).unwrap_or_else(|error| panic!("{error}\n{proposed}"));
    let mut read = rows(&report);
    read.retain(|row| !row.contains("absent"));
    read.sort();
    assert_eq!(
        read,
        [
            "1 energy plug-energy 14.68792 14.68792 kWh old",
            "1 power plug-power 32 0.032 kW old",
            "2 1-output-kw 12.5 12.5 kW ok",
            "2 2-output-kw 11.5 11.5 kW ok",
            "3 lab-box-energy-total-kwh 1.5 1.5 kWh ok",
        ],
        "{proposed}"
    );
}
