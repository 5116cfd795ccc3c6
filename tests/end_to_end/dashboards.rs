//! Every query of the Grafana dashboards, asked of a database that a collector has filled.
//!
//! `WATTLEDGER_ANSWERS=FILE` keeps the answers, of which tests/dashboards/pictures draws the panels, and
//! `WATTLEDGER_DAYS` says how many days there are.

use crate::chain::{Chain, SITE};
use crate::esif::LONG;
use crate::fill::{Chosen, is_filled};
use crate::influx::Influx;
use crate::plant::{QUARTER_MS, messages, setting};
use crate::publish::publish;
use crate::read::{POINTS, Question, dashboards, list, questions, text};
use crate::servers::Servers;
use crate::wait::{SOON, turn, until};
use chrono::Datelike;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A day and some hours, so that a local date is over; of more days there is more to see.
const DAYS: i64 = 2;
/// What is written once a minute is there by then.
const WRITTEN: Duration = Duration::from_secs(150);

/// The values of a variable, as the database gives them.
async fn options(influx: &Influx, variable: &Value, chosen: &Chosen) -> Vec<String> {
    let query = chosen.fill(text(variable, "query"), "", POINTS);
    let rows = until(&query, WRITTEN, async || {
        let rows = influx.ask(&query).await?;
        if rows.is_empty() { Err("no values".to_owned()) } else { Ok(rows) }
    })
    .await;
    rows.iter().filter_map(|row| row.text("value")).map(str::to_owned).collect()
}

/// What a reader finds chosen who opens a dashboard: All, or of single variables the hall and its gauge.
async fn opened(influx: &Influx, dashboard: &Value, range: (i64, i64)) -> Chosen {
    let mut chosen = Chosen { range, variables: BTreeMap::new() };
    for name in ["site", "facility", "gauge", "meter", "target", "collector", "agent"] {
        let variables = list(&dashboard["templating"], "list");
        let Some(variable) = variables.iter().find(|variable| text(variable, "name") == name) else {
            continue;
        };
        let options = options(influx, variable, &chosen).await;
        let single = options.iter().find(|option| ["hall", "outdoor"].contains(&option.as_str()));
        let values = if variable["multi"] == true {
            Vec::new()
        } else {
            vec![single.or(options.first()).expect("there are options").clone()]
        };
        chosen.variables.insert(name, values);
    }
    chosen
}

/// The same with several values chosen where that can be.
fn several(chosen: &Chosen) -> Chosen {
    let mut chosen = chosen.clone();
    for (name, values) in &mut chosen.variables {
        let some: &[&str] = match *name {
            "site" => &[SITE],
            "facility" => &["hall", "annex"],
            "meter" => &["main", "pdu", "outdoor"],
            "target" => &["D130", "D125"],
            _ => &[],
        };
        if values.is_empty() {
            *values = some.iter().map(|&value| value.to_owned()).collect();
        }
    }
    chosen
}

/// One question as it is sent.
struct Asked {
    file: String,
    place: String,
    query: String,
    /// Whether its answer is kept.
    kept: bool,
}

fn asked(file: &str, question: &Question, chosen: &Chosen, kept: bool) -> Asked {
    let Question { place, query, interval, points } = question;
    let query = chosen.fill(query, interval, *points);
    assert!(is_filled(&query), "{place}: a variable is left in {query}");
    Asked { file: file.to_owned(), place: place.clone(), query, kept }
}

/// The rows that tell anything; a question of no value at all is answered by rows of nothing.
async fn rows(influx: &Influx, query: &str) -> Result<Vec<Value>, String> {
    let rows = influx.ask(query).await?;
    let told = rows.iter().any(|row| row.tells());
    Ok(if told { rows.iter().map(|row| row.json()).collect() } else { Vec::new() })
}

/// Every question's rows, by dashboard and place; waits for what is written once a minute.
async fn answers(influx: &Influx, mut open: Vec<Asked>) -> Map<String, Value> {
    let mut answers = Map::new();
    until("every question has rows", WRITTEN, async || {
        let mut still = Vec::new();
        for asked in open.drain(..) {
            let rows =
                rows(influx, &asked.query).await.unwrap_or_else(|error| panic!("{}: {error}", asked.place));
            if rows.is_empty() {
                still.push(asked);
            } else if asked.kept {
                answers.entry(&asked.file).or_insert_with(|| json!({}))[&asked.place] = Value::Array(rows);
            }
        }
        open = still;
        let lacking: Vec<String> =
            open.iter().map(|asked| format!("\n{}: {}", asked.place, asked.query)).collect();
        if lacking.is_empty() { Ok(()) } else { Err(format!("no rows for{}", lacking.concat())) }
    })
    .await;
    answers
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_is_answered() {
    let Some(servers) = Servers::find("every_panel_is_answered") else { return };
    let _turn = turn().await;
    let mut chain = Chain::new(&servers, &setting()).await;
    chain.start("hall/+").await;
    let days = std::env::var("WATTLEDGER_DAYS").ok().and_then(|days| days.parse().ok()).unwrap_or(DAYS);
    let last = (now_ms() / QUARTER_MS) * QUARTER_MS;
    let first = last - days * 86_400_000;
    // Twice, the first time not all of it: an alert is raised by what is still so after a while.
    for until in [last - 8 * QUARTER_MS, last] {
        publish(chain.sensors.port, messages(first, until)).await;
        chain.wait_written("hall", until, LONG).await;
    }
    let (from, to) = (rfc3339(first - 7_200_000), rfc3339(first - 3_600_000));
    for meter in ["annex-cooling", "chillers"] {
        let correction = ["correct", "entry", meter, "--amount", "0.5 kWh", "--reason", "of the test"];
        chain.command(&[&correction[..], &["--from", &from, "--to", &to]].concat()).await;
    }

    // What is live is of now, however long this takes.
    let range = (first - 86_400_000, now_ms() + WRITTEN.as_millis() as i64);
    let mut open = Vec::new();
    for (file, dashboard) in dashboards() {
        let own = (begin(&dashboard, range.0, last), range.1);
        let shown = opened(&chain.influx, &dashboard, own).await;
        for question in questions(&file, &dashboard) {
            // What is marked happened at any time of the data.
            let is_mark = question.place.contains(": annotation");
            let chosen = Chosen { range: if is_mark { range } else { own }, ..shown.clone() };
            open.push(asked(&file, &question, &chosen, true));
            open.push(asked(&file, &question, &several(&chosen), false));
        }
    }
    assert!(open.len() > 200, "only {} queries", open.len());
    let portfolio = open.iter().find(|asked| asked.kept && asked.place == PORTFOLIO);
    let portfolio = portfolio.expect("the portfolio has that panel").query.clone();
    let answers = answers(&chain.influx, open).await;
    portfolio_is_a_quotient_of_sums(&chain.influx, &portfolio).await;
    if let Ok(file) = std::env::var("WATTLEDGER_ANSWERS") {
        let kept = json!({ "range": [first, last], "answers": answers });
        fs::write(file, kept.to_string()).expect("answers can be kept");
    }
}

/// Where a dashboard's time range begins. Figures of a month or year bear its first instant, and what asks for them is
/// opened on the year; what shows the collector itself is opened on hours, and its intervals are short.
fn begin(dashboard: &Value, usual: i64, last: i64) -> i64 {
    match text(&dashboard["time"], "from") {
        "now/y" => {
            let year = chrono::DateTime::from_timestamp_millis(last).expect("an instant").year();
            let first = chrono::NaiveDate::from_ymd_opt(year, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
            // In UTC, a year's first instant is anywhere within a day of that.
            first.expect("a date").and_utc().timestamp_millis() - 86_400_000
        }
        "now-6h" => last - 6 * 3_600_000,
        _ => usual,
    }
}

fn rfc3339(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).expect("an instant").to_rfc3339()
}

/// The question whose answer is a PUE of all facilities together.
const PORTFOLIO: &str = "portfolio.json: panel `PUE of the portfolio`, query A";

/// What the portfolio shows is the quotient of the facilities' sums, both of one moment: the collector goes on writing.
async fn portfolio_is_a_quotient_of_sums(influx: &Influx, query: &str) {
    let (shown, sums) = until("the portfolio and its sums are of one moment", SOON, async || {
        let before = portfolio_sums(influx).await?;
        let rows = rows(influx, query).await?;
        let row = rows.first().and_then(Value::as_object).ok_or("the panel has no row")?;
        let shown = row.iter().find(|(column, _)| *column != "time").and_then(|(_, value)| value.as_f64());
        let after = portfolio_sums(influx).await?;
        if before == after { Ok((shown, after)) } else { Err(format!("{before:?} became {after:?}")) }
    })
    .await;
    let shown = shown.expect("a PUE of 24 hours");
    assert!((shown - sums[0] / sums[1]).abs() < 1e-12, "{shown}, and {} / {}", sums[0], sums[1]);
}

/// Energies of all facilities over the latest 24 hours: what enters them, and what the IT takes.
async fn portfolio_sums(influx: &Influx) -> Result<[f64; 2], String> {
    let mut sums = [0.0, 0.0];
    for facility in ["hall", "annex"] {
        for (sum, field) in sums.iter_mut().zip(["numerator", "denominator"]) {
            let query = format!(
                "SELECT last(\"{field}\") FROM \"wl_indicator\" WHERE \"indicator\" = 'pue' AND \
                 \"window\" = '24h' AND \"facility\" = '{facility}'"
            );
            *sum += influx.number(&query, "last").await?;
        }
    }
    Ok(sums)
}
