//! One report in its three formats, compared with files beside this one. `WATTLEDGER_BLESS=1` writes them anew.

use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::document::Lang;
use crate::outputs::reports::{Options, csv, document, json, make, text};
use std::path::Path;
use wattledger_model::time::Timestamp;

const TABLES: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
title = "Hall 1"
targets = ["D130", "D125"]
grid = "cn-beijing"
[[meter]]
name = "utility-a"
title = "Feed A"
facility = "hall-1"
role = "utility"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1h"
rated_power = "2 MW"
[[meter]]
name = "ups"
facility = "hall-1"
role = "ups-output"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1h"
[[meter]]
name = "chiller"
facility = "hall-1"
role = "cooling"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "water"
facility = "hall-1"
role = "water"
kind = "register"
unit = "m3"
gap_limit = "1h"
[[meter]]
name = "outdoor"
facility = "hall-1"
role = "outdoor"
kind = "gauge"
unit = "°C"
"#;

const HOUR_MS: i64 = 3_600_000;

/// October 2026: hourly means of facility and IT power, without four hours of IT power; daily registers.
pub(super) fn october() -> Hall {
    let mut hall = Hall::new(TABLES);
    let from = at("2026-09-30T22:00:00Z").0;
    let mut readings = Vec::new();
    for hour in 0..745 {
        let end = Timestamp(from + (hour + 1) * HOUR_MS);
        readings.push(("utility-a", end, if hour % 24 > 12 { 132.0 } else { 126.0 }, "kW", Some(3_600)));
        if ![100, 101, 102, 500].contains(&hour) {
            readings.push(("ups", end, 102.0, "kW", Some(3_600)));
        }
    }
    for day in 0..=31 {
        let edge = Timestamp(from + (day * 24 + i64::from(day > 24)) * HOUR_MS);
        readings.push(("chiller", edge, 5_000.0 + 500.25 * day as f64, "kWh", None));
        readings.push(("water", edge, 70.0 + 1.5 * day as f64, "m3", None));
    }
    hall.take(&readings);
    hall
}

fn is_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/outputs/reports/tests").join(name);
    // A new version of the program alone is no change of the format.
    let actual = actual
        .replace(&format!("wattledger {}", env!("CARGO_PKG_VERSION")), "wattledger VERSION")
        .replace(&format!("\"engine\": \"{}\"", env!("CARGO_PKG_VERSION")), "\"engine\": \"VERSION\"");
    if std::env::var_os("WATTLEDGER_BLESS").is_some() {
        std::fs::write(&path, &actual).expect("the golden file is written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden, actual, "{name}; WATTLEDGER_BLESS=1 accepts what is printed now");
}

#[test]
fn a_month_is_printed_as_it_always_was() {
    let hall = october();
    let options = Options { generated_at: at("2026-11-02T08:00:00Z"), configuration: &hall.config };
    let report = make(&mut hall.view(), "hall-1", "2026-10", options).expect("a report");
    is_golden("october.txt", &text(&report));
    is_golden("october.json", &json(&report));
    is_golden("october.csv", &csv(&report));
    for lang in Lang::ALL {
        let laid_out = serde_json::to_string_pretty(&document(&report, lang)).expect("plain data");
        is_golden(&format!("october.{}.document.json", lang.word()), &format!("{laid_out}\n"));
    }
}
