//! The real InfluxDB 1.x, and what it is asked through its query API.

use crate::processes::{Program, free_port};
use crate::servers::Servers;
use crate::wait::{SOON, until};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The database that collectors write to.
pub(crate) const DATABASE: &str = "wattledger";

/// Every measurement that follows from the ledger alone.
pub(crate) const DERIVED: &[&str] =
    &["wl_meter", "wl_component", "wl_indicator", "wl_target", "wl_energy_hour", "wl_energy_day"];

const WEEK_MS: i64 = 7 * 86_400_000;

pub(crate) struct Influx {
    pub(crate) port: u16,
    pub(crate) program: Program,
    http: reqwest::Client,
}

/// A client that talks to loopback only, past any proxy of the machine.
pub(crate) fn http_client() -> reqwest::Client {
    // reqwest asks for a provider even where no TLS is spoken; one that is installed already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().expect("a client can be made")
}

impl Influx {
    /// A database server with ports of its own that does not run yet; it keeps its data in `folder`.
    pub(crate) fn new(servers: &Servers, folder: &Path, name: &str) -> Influx {
        let port = free_port();
        let state = folder.join(name);
        fs::create_dir(&state).expect("a folder can be made");
        let config = folder.join(format!("{name}.conf"));
        let text = format!(
            r#"reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{state}/meta"
[data]
  dir = "{state}/data"
  wal-dir = "{state}/wal"
  index-version = "inmem"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  enabled = true
  bind-address = "127.0.0.1:{port}"
  auth-enabled = false
  log-enabled = false
  max-body-size = 0
[logging]
  level = "warn"
"#,
            rpc = free_port(),
            state = state.display()
        );
        fs::write(&config, text).expect("a file can be written");
        let config = config.to_str().expect("paths are UTF-8").to_owned();
        let program = Program::new(folder, name, &servers.influxd, &["run", "-config", &config]);
        Influx { port, program, http: http_client() }
    }

    /// Starts the server, again on what it has stored, and waits until it answers.
    pub(crate) async fn start(&mut self) {
        self.program.start();
        let ping = format!("{}/ping", self.url());
        let (program, http) = (&mut self.program, &self.http);
        until("InfluxDB answers", SOON, async || {
            program.expect_running()?;
            let answer = http.get(&ping).send().await.map_err(|error| error.to_string())?;
            if answer.status() == 204 { Ok(()) } else { Err(answer.status().to_string()) }
        })
        .await;
        self.ask(&format!("CREATE DATABASE {DATABASE}")).await.expect("a database can be made");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Asks in InfluxQL; the rows of all series, each as its series' tags and its values by column.
    pub(crate) async fn ask(&self, query: &str) -> Result<Vec<Row>, String> {
        let bytes = self.post(query, "application/json").await?;
        let mut rows = Vec::new();
        // A chunked answer is one document after the other.
        for document in serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>() {
            let document = document.map_err(|error| format!("{query}: {error}"))?;
            for result in array(&document["results"]) {
                if let Some(error) = result["error"].as_str() {
                    return Err(format!("{query}: {error}"));
                }
                for series in array(&result["series"]) {
                    let columns = array(&series["columns"]);
                    for values in array(&series["values"]) {
                        let named = columns.iter().zip(array(values));
                        let named = named
                            .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.clone())));
                        let tags = series["tags"].as_object().into_iter().flatten();
                        let tags = tags.map(|(name, value)| (name.clone(), value.clone()));
                        rows.push(Row(named.chain(tags).collect()));
                    }
                }
            }
        }
        Ok(rows)
    }

    /// One number: the column of the only row of the answer.
    pub(crate) async fn number(&self, query: &str, column: &str) -> Result<f64, String> {
        let rows = self.ask(query).await?;
        match rows.as_slice() {
            [row] => row.number(column).ok_or_else(|| format!("{query}: no `{column}` in {row:?}")),
            _ => Err(format!("{query}: {} rows", rows.len())),
        }
    }

    async fn post(&self, query: &str, accept: &str) -> Result<Vec<u8>, String> {
        let url = format!("{}/query?db={DATABASE}&epoch=ms&chunked=true&chunk_size=50000", self.url());
        let sent = self
            .http
            .post(&url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", accept)
            .body(format!("q={}", percent_encoded(query)));
        let answer = sent.send().await.map_err(|error| format!("{query}: {error}"))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| format!("{query}: {error}"))?;
        if status.is_success() {
            Ok(bytes.to_vec())
        } else {
            Err(format!("{query}: {status} {}", String::from_utf8_lossy(&bytes)))
        }
    }

    /// Writes lines of the line protocol, stamped in ms.
    pub(crate) async fn write(&self, lines: String) {
        let url = format!("{}/write?db={DATABASE}&precision=ms", self.url());
        let answer = self.http.post(&url).body(lines).send().await.expect("the database answers");
        assert_eq!(answer.status(), 204);
    }

    /// All rows of a measurement in a span of time, one a line, series by series in the order of their tags.
    async fn lines(&self, measurement: &str, span: &str) -> String {
        let query = format!("SELECT * FROM \"{measurement}\" WHERE {span} GROUP BY *");
        let bytes = self.post(&query, "application/csv").await.unwrap_or_else(|error| panic!("{error}"));
        String::from_utf8(bytes).expect("CSV is text")
    }
}

/// One row of an answer: columns and tags by name.
#[derive(Debug)]
pub(crate) struct Row(std::collections::BTreeMap<String, Value>);

impl Row {
    pub(crate) fn number(&self, column: &str) -> Option<f64> {
        self.0.get(column)?.as_f64()
    }

    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_str()
    }

    /// Whether it says anything beside its time.
    pub(crate) fn tells(&self) -> bool {
        self.0.iter().any(|(column, value)| column != "time" && !value.is_null())
    }

    /// Its values and tags by name.
    pub(crate) fn json(&self) -> Value {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Milliseconds since the epoch.
    pub(crate) fn time(&self) -> i64 {
        self.0.get("time").and_then(Value::as_i64).expect("answers carry times in ms")
    }
}

/// How many rows two databases have in common, of every measurement that derives from the ledger; fails at
/// the first row that only one of them has, or has otherwise.
pub(crate) async fn compare(one: &Influx, other: &Influx, from_ms: i64, to_ms: i64) -> usize {
    let mut compared = 0;
    for measurement in DERIVED {
        let mut spans = vec![format!("time < {from_ms}ms"), format!("time >= {to_ms}ms")];
        let mut start = from_ms;
        while start < to_ms {
            let end = (start + WEEK_MS).min(to_ms);
            spans.push(format!("time >= {start}ms AND time < {end}ms"));
            start = end;
        }
        for span in spans {
            let (ours, theirs) = tokio::join!(one.lines(measurement, &span), other.lines(measurement, &span));
            if ours != theirs {
                let (mut ours, mut theirs) = (ours.lines(), theirs.lines());
                loop {
                    let pair = (ours.next(), theirs.next());
                    assert_eq!(pair.0, pair.1, "{measurement} differs where {span}");
                }
            }
            // Each chunk repeats the line of column names.
            compared += ours.lines().filter(|line| line.starts_with(measurement)).count();
        }
    }
    compared
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_keeps_its_rows_and_a_changed_row_is_found() {
    let Some(servers) = Servers::find("a_killed_database_keeps_its_rows") else { return };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut one = Influx::new(&servers, folder.path(), "one");
    let mut other = Influx::new(&servers, folder.path(), "other");
    one.start().await;
    other.start().await;
    let lines = |value: &str| {
        let minutes = (0..300_000_i64).map(|minute| {
            format!("wl_meter,site=s,meter=m amount={minute}.5,coverage=1 {}\n", minute * 60_000)
        });
        minutes
            .chain([format!("wl_target,site=s,facility=f,target=t,window=1h limit={value} 1000\n")])
            .collect()
    };
    one.write(lines("1.3")).await;
    other.write(lines("1.3")).await;
    one.program.kill();
    one.start().await;
    assert_eq!(compare(&one, &other, 0, 40 * WEEK_MS).await, 300_001);
    assert_eq!(one.number("SELECT count(\"amount\") FROM \"wl_meter\"", "count").await, Ok(300_000.0));

    other
        .write("wl_target,site=s,facility=f,target=t,window=1h limit=1.3000000000000003 1000\n".to_owned())
        .await;
    let differing = tokio::spawn(async move { compare(&one, &other, 0, 40 * WEEK_MS).await }).await;
    assert!(differing.is_err(), "a changed row was not found");
}
