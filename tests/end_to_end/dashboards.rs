//! Every query of the Grafana dashboards, asked of a database that a collector has filled.

use crate::chain::{Chain, SITE, Setting};
use crate::esif::LONG;
use crate::publish::{Message, publish};
use crate::servers::Servers;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const QUARTER_MS: i64 = 900_000;
/// A day and two hours.
const READINGS: i64 = 105;

fn setting() -> Setting {
    let meter = |name: &str, role: &str, unit: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nsite = \"{SITE}\"\nfacility = \"hall\"\nrole = \"{role}\"\n\
             kind = \"register\"\nunit = \"{unit}\"\nnominal_interval = \"15m\"\n\n"
        )
    };
    Setting {
        rules: r#"
[[source.mqtt.rule]]
topic = "hall/{meter}"
meter = "{meter}"
value = "/total"
time = "/time"
time_format = "epoch-ms"
unit_path = "/unit"
"#
        .to_owned(),
        places: format!(
            "[[site]]\nname = \"{SITE}\"\ntime_zone = \"America/Denver\"\n\n\
             [[facility]]\nname = \"hall\"\nsite = \"{SITE}\"\nemission_factor = \"0.4 kg/kWh\"\n\n{}{}{}",
            meter("main", "utility", "kWh"),
            meter("it", "it-input", "kWh"),
            meter("water", "water", "m3")
        ),
        retention: "400d",
    }
}

/// `(place, query)` of every panel and variable of every dashboard.
fn queries() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/grafana");
    let mut found = Vec::new();
    for file in fs::read_dir(folder).expect("dashboards can be listed") {
        let path = file.expect("dashboards can be listed").path();
        let dashboard = fs::read_to_string(&path).expect("a dashboard is text");
        let dashboard: Value = serde_json::from_str(&dashboard).expect("a dashboard is JSON");
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let panels = list(&dashboard["panels"]);
        let targets = panels.iter().flat_map(|panel| {
            list(&panel["targets"])
                .into_iter()
                .map(|target| (panel["title"].to_string(), target["query"].clone()))
        });
        let variables = list(&dashboard["templating"]["list"]).into_iter();
        let variables = variables
            .filter(|variable| variable["type"] == "query")
            .map(|variable| (variable["name"].to_string(), variable["query"].clone()));
        found.extend(
            targets
                .chain(variables)
                .map(|(place, query)| (place, query.as_str().expect("a query is text").to_owned())),
        );
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_is_answered() {
    let Some(servers) = Servers::find("every_panel_is_answered") else { return };
    let mut chain = Chain::new(&servers, &setting()).await;
    chain.start("hall/+").await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    let last = (now / QUARTER_MS) * QUARTER_MS;
    let first = last - (READINGS - 1) * QUARTER_MS;
    let messages = (0..READINGS).flat_map(|at| {
        [("main", 130, "kWh"), ("it", 100, "kWh"), ("water", 1, "m3")].map(|(meter, step, unit)| {
            let payload =
                json!({ "time": first + at * QUARTER_MS, "total": 1_000 + at * step, "unit": unit });
            Message::new(format!("hall/{meter}"), payload.to_string())
        })
    });
    publish(chain.sensors.port, messages.collect()).await;
    chain.wait_written("hall", last, LONG).await;

    let queries = queries();
    assert!(queries.len() > 10, "only {} queries", queries.len());
    for (place, query) in queries {
        let asked = query
            .replace("$timeFilter", &format!("time >= {}ms AND time <= {last}ms", first - 86_400_000))
            .replace("$__interval_ms", &QUARTER_MS.to_string())
            .replace("$__interval", "15m")
            .replace("$site", SITE)
            .replace("$facility", "hall");
        assert!(!asked.contains('$') || asked.contains("$/"), "{place}: a variable is left in {asked}");
        let rows = chain.influx.ask(&asked).await.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(!rows.is_empty(), "{place}: no rows for {asked}");
    }
    // What the main panel computes is the PUE of the readings.
    let pue = "SELECT sum(\"numerator\") / sum(\"denominator\") AS \"pue\" FROM \"wl_indicator\" \
               WHERE \"indicator\" = 'pue' AND \"window\" = '1m' AND \"facility\" = 'hall'";
    let seen = chain.influx.number(pue, "pue").await.unwrap_or_else(|error| panic!("{error}"));
    assert!((seen - 1.3).abs() < 1e-9, "{seen}");
}
