//! Alerts from the decision to the receiver.

mod decisions;
mod deliveries;
mod receiver;
mod rounds;

use crate::config::{AlertRule, Channel, CollectorConfig};
use crate::outputs::hall::Hall;
use wattledger_model::time::{Minute, Timestamp};

/// One hall with a power meter on each side, both in means over a minute.
const TABLES: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1m"
[[meter]]
name = "ups"
facility = "hall-1"
role = "ups-output"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1m"
"#;

/// PUE of one minute, raised above 1.35 for 3 minutes, cleared below 1.32 for 2.
const RULE: &str = r#"
[[alert]]
name = "hall-1-pue"
facility = "hall-1"
indicator = "pue"
window = "1m"
raise_above = 1.35
raise_after = "3m"
clear_below = 1.32
clear_after = "2m"
channels = ["ops"]
"#;

const OPS: &str = "[[channel.webhook]]\nname = \"ops\"\nurl = \"http://127.0.0.1:9/hook\"\n";

/// The first minute of these stories.
const START: Minute = Minute(29_700_000);

fn hall(tables: &str) -> Hall {
    Hall::new(&format!("{TABLES}{tables}"))
}

fn rules_and_channels(config: &CollectorConfig) -> (Vec<AlertRule>, Vec<Channel>) {
    (config.alerts.clone(), config.channels.clone())
}

/// Takes in one minute after another from `from`, each with the PUE it comes to; `None` is a minute without IT
/// reading.
fn take_minutes(hall: &mut Hall, from: Minute, pue: &[Option<f64>]) {
    let mut readings = Vec::new();
    for (minute, pue) in (from.0 + 1..).map(Minute).zip(pue) {
        readings.push(("main", minute.start(), 60.0 * pue.unwrap_or(1.2), "kW", Some(60)));
        if pue.is_some() {
            readings.push(("ups", minute.start(), 60.0, "kW", Some(60)));
        }
    }
    hall.take(&readings);
}

/// So many minutes after the start.
fn after(minutes: i64) -> Timestamp {
    Minute(START.0 + minutes).start()
}
