//! The whole way against a database that answers as InfluxDB 1 does, kept in memory.

use super::super::check::parsed::{Identity, Line, Told, fields};
use super::super::check::{Asked, Backfilled, CheckError, Event, Fault, Finding, Verified, backfill, verify};
use super::super::cursor::{Cursor, Keeper};
use super::super::round::Rounds;
use super::super::run::address;
use super::memory::Memory;
use super::plant::{DAYS, Plant, QUARTER_MS, START_MS, config, reading, readings};
use super::server::{Asked as Request, Reply, Server};
use crate::config::CollectorConfig;
use crate::outputs::remembered;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::watch;
use wattledger_model::time::Timestamp;

/// Later than everything in the plant.
const NOW: Timestamp = Timestamp(START_MS + (DAYS + 1) * 86_400_000);

/// A database: points by key and time.
type Points = Arc<Mutex<Memory>>;

/// Answers as InfluxDB 1 does, as far as it is asked.
fn answer(points: &Points, retention: &str, asked: &Request) -> Reply {
    let mut memory = points.lock().expect("no script panics");
    if asked.uri.starts_with("/write") {
        memory.take_lines(&asked.body);
        return (204, None, String::new());
    }
    let query: String = url_decoded(asked.body.strip_prefix("q=").unwrap_or_default());
    if query.starts_with("SHOW RETENTION POLICIES") {
        let row = json!(["autogen", retention, "168h0m0s", 1, true]);
        let columns = ["name", "duration", "shardGroupDuration", "replicaN", "default"];
        let series = json!([{ "columns": columns, "values": [row] }]);
        return (200, None, json!({ "results": [{ "series": series }] }).to_string());
    }
    if query.starts_with("DELETE") {
        query.split(';').for_each(|statement| memory.delete(statement));
        return (200, None, json!({ "results": [{ "statement_id": 0 }] }).to_string());
    }
    (200, None, select(&memory, &query))
}

/// `SELECT * FROM "m" WHERE time >= Ams AND time < Bms [AND (...)] GROUP BY *`, two documents an answer.
fn select(memory: &Memory, query: &str) -> String {
    let measurement = query.split('"').nth(1).expect("a measurement");
    let bound = |mark: &str| {
        let text = query.split(mark).nth(1).expect("a bound").split("ms").next().expect("in ms");
        text.parse::<i64>().expect("a number")
    };
    let (from, to) = (bound("time >= "), bound("time < "));
    type Points<'a> = Vec<(i64, &'a BTreeMap<String, String>)>;
    let mut of: BTreeMap<&str, Points<'_>> = BTreeMap::new();
    for ((key, at), point) in &memory.points {
        let identity = Identity::of(key);
        let asked = identity.tags.iter().all(|(tag, value)| {
            let named = format!("\"{tag}\" = ");
            !query.contains(&named) || query.contains(&format!("{named}'{value}'"))
        });
        if identity.measurement == measurement && (from..to).contains(at) && asked {
            of.entry(key).or_default().push((*at, point));
        }
    }
    let mut columns: Vec<&str> =
        of.values().flatten().flat_map(|(_, point)| point.keys().map(String::as_str)).collect();
    columns.sort_unstable();
    columns.dedup();
    let series = of.iter().map(|(key, rows)| {
        let tags: serde_json::Map<String, Value> =
            Identity::of(key).tags.into_iter().map(|(tag, value)| (tag, json!(value))).collect();
        let values = rows.iter().map(|(at, point)| {
            let values =
                columns.iter().map(|column| point.get(*column).map_or(Value::Null, |text| value(text)));
            std::iter::once(json!(at)).chain(values).collect::<Vec<_>>()
        });
        let columns: Vec<&str> = std::iter::once("time").chain(columns.iter().copied()).collect();
        json!({ "name": measurement, "tags": tags, "columns": columns, "values": values.collect::<Vec<_>>() })
    });
    let series: Vec<Value> = series.collect();
    let (first, second) = series.split_at(series.len() / 2);
    let document = |series: &[Value], partial: bool| {
        json!({ "results": [{ "statement_id": 0, "series": series, "partial": partial }] }).to_string()
    };
    format!("{}\n{}\n", document(first, true), document(second, false))
}

fn value(text: &str) -> Value {
    match text.trim_end_matches('i').parse::<serde_json::Number>() {
        Ok(number) => Value::Number(number),
        Err(_) => json!(text.trim_matches('"')),
    }
}

fn url_decoded(text: &str) -> String {
    let url = reqwest::Url::parse(&format!("http://h/?q={text}")).expect("a query");
    url.query_pairs().next().expect("one").1.into_owned()
}

impl Memory {
    fn take_lines(&mut self, text: &str) {
        for line in text.lines() {
            let line = Line::of(line).expect(line);
            let point = self.points.entry((line.key.to_owned(), line.at_ms)).or_default();
            for (name, told) in fields(line.fields) {
                let text = match told {
                    Told::Float(text) => text.to_owned(),
                    Told::Integer(text) => format!("{text}i"),
                    Told::Text(text) => format!("\"{text}\""),
                };
                point.insert(name.to_owned(), text);
            }
        }
    }

    /// `DELETE FROM "m" WHERE "tag" = 'value' AND ... time >= Ams AND time <= Bms`.
    fn delete(&mut self, statement: &str) {
        let measurement = statement.split('"').nth(1).expect("a measurement").to_owned();
        let bound = |mark: &str| {
            statement
                .split(mark)
                .nth(1)
                .and_then(|rest| rest.split("ms").next()?.parse::<i64>().ok())
                .expect(mark)
        };
        let (from, to) = (bound("time >= "), bound("time <= "));
        self.points.retain(|(key, at), _| {
            let of = Identity::of(key);
            let named =
                of.tags.iter().all(|(tag, value)| statement.contains(&format!("\"{tag}\" = '{value}'")));
            !(of.measurement == measurement && named && (from..=to).contains(at))
        });
    }
}

struct Stage {
    plant: Plant,
    config: CollectorConfig,
    points: Points,
    _folder: tempfile::TempDir,
}

/// A plant with readings, and a database that has what the output writes.
async fn stage(readings: &[String], retention: &'static str, more: &str) -> Stage {
    let folder = tempfile::tempdir().expect("a folder");
    let points = Points::default();
    let kept = Arc::clone(&points);
    let server = Server::start(move |asked| answer(&kept, retention, asked)).await;
    let text = format!(
        "[[output.influx]]\nname = \"main\"\nurl = \"{}\"\napi = \"v1\"\ndatabase = \"wl\"\n{more}",
        server.url
    );
    let mut config = config(&text);
    config.data_dir = folder.path().to_path_buf();
    let mut plant = Plant::open(folder.path(), config.clone());
    plant.book(readings);
    let stage = Stage { plant, config, points, _folder: folder };
    stage.write_all();
    stage
}

impl Stage {
    /// Brings the database up to the ledger as the output does, and remembers that.
    fn write_all(&self) {
        let mut memory = Memory::default();
        let cursor = Cursor::start(1, crc32fast::hash(address(&self.config.influx[0]).as_bytes()));
        let mut rounds = Rounds::new(self.plant.view(&self.config), cursor);
        let mut kept = None;
        loop {
            let round = rounds.next(Instant::now(), None).expect("the ledger is read");
            for erasure in &round.erasures {
                memory.erase(erasure);
            }
            round.batches.iter().for_each(|batch| memory.write(batch));
            kept = round.cursor.or(kept);
            if round.caught_up {
                break;
            }
        }
        let keeper = Keeper::open(&self.plant.layout, "main").expect("opens");
        keeper.keep(&kept.expect("a cursor")).expect("is kept");
        *self.points.lock().expect("not poisoned") = memory;
    }

    fn tamper(&self, key: &str, at_ms: i64, how: impl FnOnce(&mut BTreeMap<String, String>)) {
        let mut memory = self.points.lock().expect("not poisoned");
        let at = (key.to_owned(), at_ms);
        how(memory.points.entry(at.clone()).or_default());
        if memory.points[&at].is_empty() {
            memory.points.remove(&at);
        }
    }

    async fn verify(&self, asked: Asked) -> Result<(Verified, Vec<Finding>), CheckError> {
        let config = self.config.clone();
        let verifying = tokio::task::spawn_blocking(move || {
            let mut findings = Vec::new();
            let mut told = |event: Event<'_>| {
                if let Event::Found(finding) = event {
                    findings.push(finding.clone());
                }
                ControlFlow::Continue(())
            };
            let verified = verify(&config, &asked, false, NOW, &Handle::current(), &mut told)?;
            Ok((verified, findings))
        });
        verifying.await.expect("no panic")
    }

    async fn backfill(&self, asked: Asked) -> Backfilled {
        let config = self.config.clone();
        let (_running, stop) = watch::channel(false);
        let writing = tokio::task::spawn_blocking(move || {
            let told = &mut |_: Event<'_>| ControlFlow::Continue(());
            backfill(&config, &asked, NOW, &Handle::current(), stop, told)
        });
        writing.await.expect("no panic").expect("it is written")
    }
}

fn since_ever() -> Asked {
    Asked { from: Some("2026-03-01T00:00:00Z".to_owned()), ..Asked::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_output_has_written_is_what_the_ledger_says_however_time_is_cut() {
    let stage = stage(&readings(DAYS), "0s", "").await;
    let (verified, findings) = stage.verify(since_ever()).await.expect("it is compared");
    assert_eq!((findings, verified.differences()), (Vec::new(), 0), "{:?}", verified.notes);
    let held = stage.points.lock().expect("not poisoned").derived();
    let from = Timestamp::from_rfc3339("2026-03-01T00:00:00Z").expect("a time").0;
    let inside = held.keys().filter(|(_, at)| *at >= from).count();
    assert_eq!(verified.points(), inside as u64);
    assert!(held.len() > inside, "figures of the year and the quarter bear earlier times");
    assert!(inside > 30_000, "only {inside} points");
    let mut cut = 0;
    for (from, to) in
        [("2026-01-01", "2026-03-28 13:07"), ("2026-03-28 13:07", "2026-03-29"), ("2026-03-29", "2027-01-01")]
    {
        let asked = Asked { from: Some(from.to_owned()), to: Some(to.to_owned()), ..Asked::default() };
        let (part, findings) = stage.verify(asked).await.expect("it is compared");
        assert_eq!(findings, Vec::new(), "{from} to {to}");
        cut += part.points();
    }
    assert_eq!(cut as usize, held.len());
}

const MAIN: &str = "wl_meter,meter=main,site=site-a";
const PUE: &str = "wl_indicator,facility=hall,indicator=pue,site=site-a,window=1h";
const IT: &str = "wl_component,component=it,facility=hall,site=site-a";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_tampered_with_is_found_and_mended() {
    let stage = stage(&readings(DAYS), "0s", "").await;
    let at = |quarter: i64| START_MS + quarter * QUARTER_MS;
    let set = |name: &'static str, value: &'static str| {
        move |point: &mut BTreeMap<String, String>| drop(point.insert(name.to_owned(), value.to_owned()))
    };
    stage.tamper(MAIN, at(1), set("amount", "2.5"));
    stage.tamper(MAIN, at(2), BTreeMap::clear);
    stage.tamper(MAIN, at(3) + 30_000, set("amount", "1"));
    stage.tamper(IT, at(4), set("watts", "7"));
    // A minute that nothing covers has no value.
    let uncovered = START_MS + 34 * QUARTER_MS;
    stage.tamper(PUE, uncovered + 86_400_000 * 90, set("value", "1.2"));
    stage.tamper("wl_meter,host=x,meter=main,site=site-a", at(5), set("amount", "1"));
    stage.tamper("wl_meter,meter=former,site=site-a", at(6), set("amount", "1"));

    let (verified, findings) = stage.verify(since_ever()).await.expect("it is compared");
    let told: Vec<(String, i64, &str)> =
        findings.iter().map(|one| (one.measurement.clone(), one.first.0, one.fault.word())).collect();
    let expected = [
        ("wl_component", at(4), "stale"),
        ("wl_meter", at(5), "extra"),
        ("wl_meter", at(1), "different"),
        ("wl_meter", at(2), "missing"),
        ("wl_meter", at(3) + 30_000, "extra"),
        ("wl_indicator", uncovered + 86_400_000 * 90, "extra"),
    ];
    let mut sorted = told.clone();
    sorted.sort();
    let mut wanted: Vec<_> = expected.map(|(name, at, word)| (name.to_owned(), at, word)).into();
    wanted.sort();
    assert_eq!(sorted, wanted);
    let different = findings.iter().find(|one| matches!(one.fault, Fault::Different(_))).expect("one");
    assert_eq!(
        different.to_string(),
        "wl_meter meter=main site=site-a at 2026-03-27T06:35:00Z: amount is 2.5, by the ledger 1"
    );
    let foreign: Vec<bool> = findings.iter().map(|one| one.is_foreign).collect();
    assert_eq!(foreign.iter().filter(|foreign| **foreign).count(), 1);
    assert_eq!(verified.former_series.len(), 1);
    assert_eq!(verified.former_series[0].series, "wl_meter meter=former site=site-a");

    let one = Asked { measurements: vec!["wl_component".to_owned()], ..since_ever() };
    assert_eq!(stage.verify(one).await.expect("compared").0.differences(), 1, "of one measurement");

    let cursor = || {
        let connection = remembered::open(&stage.plant.layout).expect("opens");
        remembered::cursor(&connection, "main").expect("is read").expect("there is one")
    };
    let before = cursor();
    let written = stage.backfill(since_ever()).await;
    assert_eq!((written.refused, written.deleted, written.is_stopped), (0, 3, false));
    assert_eq!(written.points, verified.points());
    assert_eq!(cursor(), before, "the output's cursor stays");
    let (_, findings) = stage.verify(since_ever()).await.expect("it is compared");
    let left: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert_eq!(
        left,
        [
            "wl_meter host=x meter=main site=site-a at 2026-03-27T07:35:00Z: of a series that Wattledger does not write"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_output_has_still_to_write_is_told_apart() {
    let all = readings(DAYS);
    let mut stage = stage(&all[..all.len() - 200], "0s", "").await;
    stage.plant.book(&all[all.len() - 200..]);
    let (verified, findings) = stage.verify(since_ever()).await.expect("it is compared");
    assert!(verified.differences() > 1_000, "{} differences", verified.differences());
    assert_eq!(verified.still_to_be_written(), verified.differences());
    assert!(findings.iter().all(|finding| finding.is_waiting), "{findings:?}");
    let notes = verified.notes.join("\n");
    assert!(
        notes.contains("the output is behind") && notes.contains("facility `hall` is written up to"),
        "{notes}"
    );

    stage.write_all();
    assert_eq!(stage.verify(since_ever()).await.expect("compared").0.differences(), 0);
    std::fs::remove_file(stage.plant.layout.outputs()).expect("it was there");
    let notes = stage.verify(since_ever()).await.expect("compared").0.notes.join("\n");
    assert!(notes.contains("has not written to this database yet"), "{notes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_asked_for_is_looked_at() {
    let stage = stage(&readings(1), "0s", "").await;
    let asked = Asked { meter: Some("site-a/water".to_owned()), ..since_ever() };
    let (of_meter, findings) = stage.verify(asked.clone()).await.expect("it is compared");
    assert_eq!((findings, of_meter.points() > 1_000), (Vec::new(), true));
    stage.tamper(MAIN, START_MS, |point| drop(point.insert("amount".to_owned(), "9".to_owned())));
    assert_eq!(stage.verify(asked.clone()).await.expect("compared").0.differences(), 0, "another meter");
    assert_eq!(stage.backfill(asked).await.points, of_meter.points());
    let asked = Asked { facility: Some("hall".to_owned()), ..since_ever() };
    let (of_facility, _) = stage.verify(asked).await.expect("it is compared");
    assert_eq!(of_facility.differences(), 0);
    assert!(of_facility.measurements.iter().all(|counted| counted.measurement != "wl_meter"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_retention_dropped_is_told_and_is_no_difference() {
    // By the clock, the plant's days are long past.
    let stage = stage(&readings(1), "24h0m0s", "").await;
    stage.points.lock().expect("not poisoned").points.clear();
    let (verified, findings) = stage.verify(since_ever()).await.expect("it is compared");
    assert_eq!((verified.points(), findings), (0, Vec::new()));
    assert!(
        verified.notes[0].contains("keeps 24 hours (retention policy `autogen`)"),
        "{:?}",
        verified.notes
    );
    let written = stage.backfill(since_ever()).await;
    assert_eq!(written.points, 0);
    assert!(written.notes[0].contains("keeps 24 hours"), "{:?}", written.notes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_facility_without_readings_says_so() {
    let annex = "[[facility]]\nname = \"annex\"\nsite = \"site-a\"\n\
                 [[meter]]\nname = \"annex-in\"\nfacility = \"annex\"\nrole = \"utility\"\nkind = \"register\"\nunit = \"kWh\"\n";
    let stage = stage(&readings(1), "0s", annex).await;
    let (verified, _) = stage.verify(since_ever()).await.expect("it is compared");
    assert_eq!(verified.differences(), 0);
    assert!(
        verified.notes.iter().any(|note| note.contains("facility `annex` has no readings")),
        "{:?}",
        verified.notes
    );
    let written = stage.backfill(Asked { facility: Some("annex".to_owned()), ..since_ever() }).await;
    assert_eq!(written.points, 0);
    assert!(written.notes[0].contains("facility `annex` has no readings"), "{:?}", written.notes);
}

/// What `verify` says of a database that answers so.
async fn error_of(script: impl FnMut(&Request) -> Reply + Send + 'static) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(script).await;
    let text = format!(
        "[[output.influx]]\nname = \"main\"\nurl = \"{}\"\napi = \"v1\"\ndatabase = \"wl\"\n",
        server.url
    );
    error_with(folder.path(), &text).await
}

async fn error_with(folder: &Path, text: &str) -> String {
    let mut config = config(text);
    config.data_dir = folder.to_path_buf();
    let mut plant = Plant::open(folder, config.clone());
    plant.book(&[reading("main", START_MS, 1.0, "kWh")]);
    let verifying = tokio::task::spawn_blocking(move || {
        let told = &mut |_: Event<'_>| ControlFlow::Continue(());
        verify(&config, &since_ever(), false, NOW, &Handle::current(), told)
    });
    verifying.await.expect("no panic").expect_err("it cannot be read").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_read_says_the_mend() {
    let denied = error_of(|_| (401, None, r#"{"error":"authorization failed"}"#.to_owned())).await;
    assert!(denied.contains("output `main`") && denied.contains("check user and password"), "{denied}");
    let forbidden = error_of(|_| (403, None, r#"{"error":"no read"}"#.to_owned())).await;
    assert!(forbidden.contains("let the user or token read this database"), "{forbidden}");
    let absent =
        error_of(|_| (200, None, r#"{"results":[{"error":"database not found: wl"}]}"#.to_owned())).await;
    assert!(absent.contains("database not found: wl; the collector makes it"), "{absent}");
    let unmapped =
        error_of(|_| (404, None, r#"{"code":"not found","message":"unable to find DBRP"}"#.to_owned())).await;
    assert!(unmapped.contains("map the bucket"), "{unmapped}");
    let no_query = error_of(|_| (404, None, "404 page not found".to_owned())).await;
    assert!(no_query.contains("no /query of InfluxDB 1"), "{no_query}");
    // VictoriaMetrics answers every query with the name of a database.
    let any = r#"{"results":[{"name":"databases","series":[{"columns":["name"],"values":[["db"]]}]}]}"#;
    let other = error_of(move |_| (200, None, any.to_owned())).await;
    assert!(other.contains("something else than rows"), "{other}");
    let cut = error_of(|asked| {
        let of = if asked.body.contains("SHOW") { "false" } else { "true" };
        (200, None, format!(r#"{{"results":[{{"series":[],"partial":{of}}}]}}"#))
    });
    assert!(cut.await.contains("max-row-limit"));
    let folder = tempfile::tempdir().expect("a folder");
    let nobody =
        "[[output.influx]]\nname = \"main\"\nurl = \"http://127.0.0.1:9\"\napi = \"v1\"\ndatabase = \"wl\"\n";
    let nobody = error_with(folder.path(), nobody).await;
    assert!(nobody.contains("start it, or check `url`"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_can_be_read_all_is_written_all_the_same() {
    let stage = stage(&readings(1), "0s", "").await;
    let points = Arc::clone(&stage.points);
    let blind = Server::start(move |asked| match asked.body.contains("SELECT") {
        true => (405, None, String::new()),
        false => answer(&points, "0s", asked),
    })
    .await;
    let held = stage.points.lock().expect("not poisoned").derived();
    stage.points.lock().expect("not poisoned").points.clear();
    let mut stage = stage;
    let text = format!(
        "[[output.influx]]\nname = \"main\"\nurl = \"{}\"\napi = \"v1\"\ndatabase = \"wl\"\n",
        blind.url
    );
    stage.config.influx = config(&text).influx;
    let asked = Asked { from: Some("2026-01-01".to_owned()), ..Asked::default() };
    let written = stage.backfill(asked).await;
    assert_eq!((written.points, written.deleted), (held.len() as u64, 0));
    assert!(written.notes[0].contains("cannot be read"), "{:?}", written.notes);
    assert_eq!(stage.points.lock().expect("not poisoned").derived(), held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_read_by_its_name_or_by_what_it_is_mapped_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = Points::default();
    let server = Server::start(move |asked| answer(&points, "0s", asked)).await;
    let text = format!(
        "[[output.influx]]\nname = \"main\"\nurl = \"{}\"\napi = \"v2\"\norg = \"o\"\nbucket = \"wl/year\"\n",
        server.url
    );
    let mut config = config(&text);
    config.data_dir = folder.path().to_path_buf();
    let mut plant = Plant::open(folder.path(), config.clone());
    plant.book(&[reading("main", START_MS, 1.0, "kWh")]);
    for database in [None, Some("mapped".to_owned())] {
        let (config, asked) = (config.clone(), Asked { database, ..since_ever() });
        let verifying = tokio::task::spawn_blocking(move || {
            let told = &mut |_: Event<'_>| ControlFlow::Continue(());
            verify(&config, &asked, false, NOW, &Handle::current(), told)
        });
        verifying.await.expect("no panic").expect("it is read");
    }
    let asked = server.asked();
    let uri = |database: &str| format!("/query?db={database}&epoch=ms&chunked=true&chunk_size=5000");
    assert_eq!(asked[0].uri, uri("wl") + "&rp=year");
    assert_eq!(asked.last().expect("asked").uri, uri("mapped"));
}
