//! A recorded year, from the sensors' messages to the figures that people read: first as hourly mean power,
//! then once more as registers.

use crate::chain::{Chain, SITE, Setting};
use crate::chance::Chance;
use crate::influx::Influx;
use crate::publish::{Message, publish};
use crate::servers::Servers;
use crate::wait::turn;
use crate::year::{HOUR_MS, MEAN_OF_MONTHS, Month, PUE, Year};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const FACILITY: &str = "esif";
/// A year of two meters passes through in a small part of this.
pub(crate) const LONG: Duration = Duration::from_secs(900);

/// What the two ways of metering the year have in common.
fn places(meters: &str) -> String {
    format!(
        r#"[[site]]
name = "{SITE}"
time_zone = "America/Denver"

[[facility]]
name = "{FACILITY}"
site = "{SITE}"

{meters}"#
    )
}

fn meter(name: &str, role: &str, more: &str) -> String {
    format!(
        "[[meter]]\nname = \"{name}\"\nsite = \"{SITE}\"\nfacility = \"{FACILITY}\"\nrole = \"{role}\"\nnominal_interval = \"1h\"\n{more}\n"
    )
}

pub(crate) fn means() -> Setting {
    let form = "kind = \"power\"\nunit = \"uW\"\nform = \"interval-mean\"\n";
    Setting {
        rules: r#"
[[source.mqtt.rule]]
topic = "esif/{meter}/power"
meter = "{meter}"
value = "/power"
time = "/time"
unit = "uW"
interval = "1h"
"#
        .to_owned(),
        places: places(&(meter("main", "utility", form) + &meter("it", "it-input", form))),
        retention: "6000d",
    }
}

fn registers() -> Setting {
    let more = |unit: &str| format!("kind = \"register\"\nunit = \"{unit}\"\ngap_limit = \"1h\"\n");
    Setting {
        rules: r#"
[[source.mqtt.rule]]
topic = "esif/{meter}/register"
meter = "{meter}"
value = "/total"
time = "/time"
unit_path = "/unit"
"#
        .to_owned(),
        places: places(&(meter("main", "utility", &more("kWh")) + &meter("it", "it-input", &more("uWh")))),
        retention: "6000d",
    }
}

fn rfc3339(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).expect("an instant").to_rfc3339()
}

fn message(meter: &str, what: &str, payload: &serde_json::Value) -> Message {
    Message::new(format!("esif/{meter}/{what}"), payload.to_string())
}

/// Mean power of each covered hour, stamped at the hour's end. The first hour of the next year follows, so
/// that the horizon passes the year's end even where its last hours are absent.
pub(crate) fn as_means(year: &Year) -> Vec<Message> {
    let december = &year.months[11];
    let hours = year.hours().filter(|(_, _, present)| *present).map(|(start, month, _)| (start, month));
    hours
        .chain([(year.end_ms(), december)])
        .flat_map(|(start, month)| {
            let time = rfc3339(start + HOUR_MS);
            [("main", month.facility_uw), ("it", month.it_uw)].map(|(meter, power)| {
                message(meter, "power", &json!({ "time": time.as_str(), "power": power }))
            })
        })
        .collect()
}

/// Registers at the edges of every covered hour and at both edges of the year. They stand still while hours
/// are absent, so that the year's energy is the same.
fn as_registers(year: &Year) -> Vec<Message> {
    let mut readings: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let (mut main, mut it) = (1_234_567_890_i64, 0_i64);
    readings.insert(year.start_ms(), (main, it));
    for (start, month, present) in year.hours() {
        if present {
            readings.insert(start, (main, it));
            main += month.facility_uw;
            it += month.it_uw;
            readings.insert(start + HOUR_MS, (main, it));
        }
    }
    readings.insert(year.end_ms(), (main, it));
    readings
        .into_iter()
        .flat_map(|(at, (main, it))| {
            // One as a JSON number of kWh with more digits than a binary float holds, one as text.
            let kwh = format!("{}.{:09}", main / 1_000_000_000, main % 1_000_000_000);
            let kwh: serde_json::Number = kwh.parse().expect("a number");
            [
                message("main", "register", &json!({ "time": rfc3339(at), "total": kwh, "unit": "kWh" })),
                message(
                    "it",
                    "register",
                    &json!({ "time": rfc3339(at), "total": it.to_string(), "unit": "uWh" }),
                ),
            ]
        })
        .collect()
}

fn assert_near(seen: f64, expected: f64, what: &str) {
    assert!((seen - expected).abs() < 1e-9, "{what}: {seen}, expected {expected}");
}

/// The PUE of one calendar window, read back from the database.
async fn figure(influx: &Influx, window: &str, start_ms: i64) -> Figure {
    let query = format!(
        "SELECT \"value\", \"numerator\", \"denominator\", \"coverage\" FROM \"wl_indicator\" WHERE \
         \"indicator\" = 'pue' AND \"site\" = '{SITE}' AND \"facility\" = '{FACILITY}' AND \
         \"window\" = '{window}' AND time = {start_ms}ms"
    );
    let rows = influx.ask(&query).await.unwrap_or_else(|error| panic!("{error}"));
    let [row] = rows.as_slice() else { panic!("{query}: {} rows", rows.len()) };
    let number = |column: &str| row.number(column).unwrap_or_else(|| panic!("{query}: {row:?}"));
    Figure {
        value: number("value"),
        numerator: number("numerator"),
        denominator: number("denominator"),
        coverage: number("coverage"),
    }
}

#[derive(Debug)]
struct Figure {
    value: f64,
    numerator: f64,
    denominator: f64,
    coverage: f64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn esif_as_hourly_means() {
    let Some(servers) = Servers::find("esif_as_hourly_means") else { return };
    let _turn = turn().await;
    let year = Year::recorded(&mut Chance::seeded("esif_as_hourly_means"));
    let mut chain = Chain::new(&servers, &means()).await;
    chain.start("esif/+/power").await;
    publish(chain.sensors.port, as_means(&year)).await;
    chain.wait_written(FACILITY, year.end_ms() + HOUR_MS, LONG).await;

    let (facility_kwh, it_kwh) = year.energy_kwh();
    let whole = figure(&chain.influx, "year", year.start_ms()).await;
    assert_near(whole.value, PUE, "the year's PUE");
    assert!((whole.value - MEAN_OF_MONTHS).abs() > 1e-4, "the year's PUE is the mean of its months");
    assert_near(whole.coverage, 7_550.0 / 8_760.0, "the year's coverage");
    assert_near(whole.numerator / facility_kwh, 1.0, "the year's facility energy");
    assert_near(whole.denominator / it_kwh, 1.0, "the year's IT energy");

    for month in &year.months {
        let seen = figure(&chain.influx, "month", month.from_ms).await;
        assert_near(seen.value, month.pue, &month.name);
        // The local month is the yardstick: 721 hours in November, 743 in March.
        assert_near(seen.coverage, month.valid_hours as f64 / month.hours() as f64, &month.name);
        measured_minutes_are_the_covered_ones(&chain.influx, month).await;
    }
    minutes_add_up_to_the_year(&chain.influx, &year).await;
    reports_say_the_same(&mut chain, 100.0 * 7550.0 / 8760.0).await;
}

/// Every covered minute of the month is in the database as measured, and no other.
async fn measured_minutes_are_the_covered_ones(influx: &Influx, month: &Month) {
    for meter in ["main", "it"] {
        let query = format!(
            "SELECT sum(\"measured\") FROM \"wl_meter\" WHERE \"meter\" = '{meter}' AND time >= {}ms AND time < {}ms",
            month.from_ms, month.to_ms
        );
        let minutes = influx.number(&query, "sum").await.unwrap_or_else(|error| panic!("{error}"));
        assert_near(minutes, month.valid_hours as f64 * 60.0, &format!("{meter} in {}", month.name));
    }
}

/// What a dashboard does over any interval: sums of minutes, then one division.
async fn minutes_add_up_to_the_year(influx: &Influx, year: &Year) {
    let query = format!(
        "SELECT sum(\"numerator\") / sum(\"denominator\") AS \"pue\" FROM \"wl_indicator\" WHERE \
         \"indicator\" = 'pue' AND \"window\" = '1m' AND \"facility\" = '{FACILITY}' AND time >= {}ms AND time < {}ms",
        year.start_ms(),
        year.end_ms() + 60_000
    );
    let pue = influx.number(&query, "pue").await.unwrap_or_else(|error| panic!("{error}"));
    // One minute of the next year may be inside, since rolling windows are stamped at their end.
    assert!((pue - PUE).abs() < 1e-8, "sum of minutes: {pue}");
}

/// The report of the year while the collector runs and from its store when it has stopped.
async fn reports_say_the_same(chain: &mut Chain, coverage_percent: f64) {
    let mut running = Vec::new();
    for format in ["json", "text", "csv"] {
        running.push((format, chain.report(FACILITY, "2017", format).await));
    }
    let json: serde_json::Value = serde_json::from_str(&running[0].1).expect("the report is JSON");
    let value = json["pue"]["value"].as_f64().unwrap_or_else(|| panic!("no pue.value in {json:#}"));
    assert_near(value, PUE, "the report");
    for (format, printed) in &running[1..] {
        assert!(printed.contains("1.0357"), "{format}: {printed}");
        // The text rounds to two places, the CSV to four.
        let places = if *format == "csv" { 4 } else { 2 };
        let coverage = format!("{coverage_percent:.places$}");
        assert!(printed.contains(&coverage), "{format}: no {coverage} in {printed}");
    }
    let ended = chain.collector.stop().await;
    assert!(ended.success(), "the collector ended with {ended}");
    for (format, printed) in running {
        let stored = chain.report(FACILITY, "2017", format).await;
        let differs: Vec<(&str, &str)> = printed
            .lines()
            .zip(stored.lines())
            .filter(|(running, stored)| running != stored && !tells_when_it_was_made(running))
            .collect();
        assert!(differs.is_empty(), "{format} from the store differs: {differs:?}");
        assert_eq!(printed.lines().count(), stored.lines().count(), "{format} from the store");
    }
}

/// The one line of a report that is not made from the ledger.
fn tells_when_it_was_made(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("\"generated_at\":") || line.starts_with("at 20")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn esif_as_registers() {
    let Some(servers) = Servers::find("esif_as_registers") else { return };
    let _turn = turn().await;
    let year = Year::recorded(&mut Chance::seeded("esif_as_registers"));
    let mut chain = Chain::new(&servers, &registers()).await;
    chain.start("esif/+/register").await;
    publish(chain.sensors.port, as_registers(&year)).await;
    chain.wait_written(FACILITY, year.end_ms(), LONG).await;

    let whole = figure(&chain.influx, "year", year.start_ms()).await;
    assert_near(whole.value, PUE, "the year's PUE");
    assert_near(whole.coverage, 1.0, "the year's coverage");
    for month in &year.months {
        let seen = figure(&chain.influx, "month", month.from_ms).await;
        // A long step across a month's edge is left out of both sides, and books nothing here.
        assert_near(seen.value, month.pue, &month.name);
    }
    for meter in ["main", "it"] {
        long_steps_are_interpolated(&chain.influx, &year, meter).await;
    }
    reports_say_the_same(&mut chain, 100.0).await;
}

/// Absent hours in a row make a step longer than the limit of one hour; a single one does not.
async fn long_steps_are_interpolated(influx: &Influx, year: &Year, meter: &str) {
    let query = format!(
        "SELECT sum(\"interpolated\") AS \"long\", sum(\"measured\") AS \"short\" FROM \"wl_meter\" WHERE \
         \"meter\" = '{meter}' AND time >= {}ms AND time < {}ms GROUP BY time(1h) fill(0)",
        year.start_ms(),
        year.end_ms()
    );
    let rows = influx.ask(&query).await.unwrap_or_else(|error| panic!("{error}"));
    let seen: BTreeMap<i64, (f64, f64)> = rows
        .iter()
        .map(|row| (row.time(), (row.number("long").unwrap_or(0.0), row.number("short").unwrap_or(0.0))))
        .collect();
    let hours: Vec<(i64, bool)> = year.hours().map(|(start, _, present)| (start, present)).collect();
    let absent = |at: usize| hours.get(at).is_some_and(|(_, present)| !present);
    for (at, (start, present)) in hours.iter().enumerate() {
        let alone = !absent(at + 1) && (at == 0 || !absent(at - 1));
        let expected = if *present || alone { (0.0, 60.0) } else { (60.0, 0.0) };
        assert_eq!(seen.get(start), Some(&expected), "{meter}, hour from {}", rfc3339(*start));
    }
}
