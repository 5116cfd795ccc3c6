//! Reads a database back over InfluxQL, piece by piece, in bounded memory.

use super::asked::Scope;
use super::error::CheckError;
use super::expected::Slice;
use crate::outputs::influx::answer::{Answer, judge, said};
use crate::outputs::influx::catalog::Measurement;
use crate::outputs::influx::database::{Database, quoted};
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use wattledger_model::time::{DAY_MINUTES, HOUR_MINUTES, MINUTE_MS};

/// Pieces that are read ahead.
const AHEAD: usize = 4;
/// One piece of an answer is not longer than this.
const LONGEST_PIECE: usize = 256 << 20;

/// Rows of one series.
#[derive(Debug, Deserialize)]
pub(super) struct Rows {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, Option<String>>,
    pub(super) columns: Vec<String>,
    #[serde(default)]
    pub(super) values: Vec<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
struct Document {
    results: Option<Vec<Outcome>>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    #[serde(default)]
    series: Vec<Rows>,
    error: Option<String>,
    /// More is to come.
    #[serde(default)]
    partial: bool,
}

/// Why nothing is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unread {
    /// It speaks no InfluxQL, as some databases that take lines do not.
    Unable(String),
    /// Something that an operator can mend.
    Failed(String),
}

/// Asks one database.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) database: Arc<Database>,
    pub(super) mapped: Option<String>,
}

/// How long a database keeps points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retention {
    pub(super) policy: String,
    pub(super) ms: i64,
}

impl Reader {
    /// Reads the points of a slice, measurement after measurement. It is read ahead by a few pieces.
    pub(super) fn points(&self, slice: Slice, scope: &Scope) -> mpsc::Receiver<Result<Rows, Unread>> {
        let (to, pieces) = mpsc::channel(AHEAD);
        let (reader, scope) = (self.clone(), scope.clone());
        tokio::spawn(async move {
            for measurement in &scope.measurements {
                let query = query(measurement, slice, &scope);
                if let Err(why) = reader.ask(&query, Some(measurement.name), &to).await {
                    // Nobody listens any more where this fails.
                    drop(to.send(Err(why)).await);
                    return;
                }
            }
        });
        pieces
    }

    /// How long the database keeps points; `None` where it does for ever, or says nothing of it.
    ///
    /// # Errors
    /// [`Unread`] where it cannot be asked at all.
    pub(super) async fn retention(&self) -> Result<Option<Retention>, Unread> {
        let (name, policy) = self.database.read_as(self.mapped.as_deref());
        let query = format!("SHOW RETENTION POLICIES ON {}", quoted(name, '"'));
        // The answer is shorter than what may wait in the channel.
        let (to, mut rows) = mpsc::channel(1_000);
        match self.ask(&query, None, &to).await {
            // It has another way of saying that.
            Err(Unread::Unable(_)) => return Ok(None),
            asked => asked?,
        }
        drop(to);
        let mut all = Vec::new();
        while let Some(Ok(more)) = rows.recv().await {
            all.push(more);
        }
        Ok(all.iter().find_map(|rows| retention(rows, policy)))
    }

    /// Asks, and hands the rows on, which must be of one measurement where that is said. Ends early where nobody takes them.
    async fn ask(
        &self,
        query: &str,
        of: Option<&str>,
        to: &mpsc::Sender<Result<Rows, Unread>>,
    ) -> Result<(), Unread> {
        let mut pieces = Pieces { request: Some(self.request(query)?), response: None, rest: Vec::new() };
        let mut is_partial = false;
        while let Some(documents) = pieces.next().await? {
            for document in documents {
                let results = match (document.results, document.error) {
                    (_, Some(error)) => return Err(refused(&error)),
                    (Some(results), None) => results,
                    (None, None) => return Err(no_rows("no results")),
                };
                for outcome in results {
                    if let Some(error) = outcome.error {
                        return Err(refused(&error));
                    }
                    is_partial = outcome.partial;
                    for rows in outcome.series {
                        if of.is_some_and(|name| name != rows.name) {
                            return Err(no_rows(&format!(
                                "`{}` of `{}`",
                                rows.columns.join(", "),
                                rows.name
                            )));
                        }
                        if to.send(Ok(rows)).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            }
        }
        if is_partial {
            let why = "it cuts its answer short; raise `max-row-limit` of its [http] section, or set it to 0";
            return Err(Unread::Failed(why.to_owned()));
        }
        Ok(())
    }

    fn request(&self, query: &str) -> Result<RequestBuilder, Unread> {
        self.database.select(self.mapped.as_deref(), query).map_err(Unread::Failed)
    }
}

/// An answer, document by document.
struct Pieces {
    request: Option<RequestBuilder>,
    response: Option<reqwest::Response>,
    rest: Vec<u8>,
}

impl Pieces {
    async fn next(&mut self) -> Result<Option<Vec<Document>>, Unread> {
        if let Some(request) = self.request.take() {
            self.response = Some(answered(request.send().await.map_err(unreachable)?).await?);
        }
        loop {
            let Some(response) = &mut self.response else { return Ok(None) };
            let Some(bytes) = response.chunk().await.map_err(unreachable)? else { break };
            self.rest.extend_from_slice(&bytes);
            if self.rest.len() > LONGEST_PIECE {
                let why =
                    "its answer is too long for one piece; ask for a shorter time, or one --measurement";
                return Err(Unread::Failed(why.to_owned()));
            }
            // A document holds no line break, and a database that sends several parts them by one.
            if bytes.contains(&b'\n') {
                let documents = self.documents()?;
                if !documents.is_empty() {
                    return Ok(Some(documents));
                }
            }
        }
        self.response = None;
        let documents = self.documents()?;
        if !self.rest.iter().all(u8::is_ascii_whitespace) {
            return Err(Unread::Failed("its answer breaks off".to_owned()));
        }
        Ok(Some(documents))
    }

    /// The whole documents so far; what comes after them stays.
    fn documents(&mut self) -> Result<Vec<Document>, Unread> {
        let mut stream = serde_json::Deserializer::from_slice(&self.rest).into_iter::<Document>();
        let mut documents = Vec::new();
        let mut end = 0;
        loop {
            match stream.next() {
                Some(Ok(document)) => documents.push(document),
                Some(Err(error)) if error.is_eof() => break,
                Some(Err(_)) => {
                    return Err(no_rows(&said(&String::from_utf8_lossy(&self.rest))));
                }
                None => {
                    end = self.rest.len();
                    break;
                }
            }
            end = stream.byte_offset();
        }
        self.rest.drain(..end);
        Ok(documents)
    }
}

/// Some databases answer any query, with something.
fn no_rows(said: &str) -> Unread {
    Unread::Unable(format!("it answers something else than rows of the measurement: {said}"))
}

fn unreachable(error: reqwest::Error) -> Unread {
    // Addresses may carry secrets, so errors are told without them.
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        why = format!("{why}: {deeper}");
        cause = deeper.source();
    }
    Unread::Failed(format!("{why}; start it, or check `url` of the output"))
}

/// An answer that holds rows, or why there is none.
async fn answered(response: reqwest::Response) -> Result<reqwest::Response, Unread> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.map_err(unreachable)?;
    if [400, 404, 405, 422, 501].contains(&status.as_u16()) {
        let words = said(&body);
        return Err(match refused(&words) {
            Unread::Failed(why) if why != words => Unread::Failed(why),
            _ => Unread::Unable(format!("{status}: {words}; it has no /query of InfluxDB 1")),
        });
    }
    Err(Unread::Failed(match judge(status, None, &body) {
        // What judges answers to writes speaks of writing.
        Answer::Denied { .. } if status == 403 => {
            format!("{status}: {}; let the user or token read this database", said(&body))
        }
        Answer::Later { why, .. } | Answer::Denied { why } | Answer::Absent { why } => why,
        Answer::Refused { why, .. } => why,
        Answer::TooLarge | Answer::Accepted { .. } => status.to_string(),
    }))
}

/// What a database says instead of rows, with the mend where that is known.
fn refused(error: &str) -> Unread {
    let lower = error.to_lowercase();
    let mend = if lower.contains("dbrp") || lower.contains("mapping") {
        "; map the bucket for clients of version 1 (`influx v1 dbrp create`), and name it with --database if it is \
         called otherwise"
    } else if lower.contains("database not found") || lower.contains("bucket") {
        "; the collector makes it when it writes; check the database's name"
    } else if lower.contains("max-select") {
        "; raise that limit of the database, or ask for a shorter time"
    } else if lower.contains("not authorized") || lower.contains("not allowed") {
        "; let the user read this database"
    } else {
        ""
    };
    Unread::Failed(format!("{error}{mend}"))
}

fn query(measurement: &Measurement, slice: Slice, scope: &Scope) -> String {
    format!(
        "SELECT * FROM {} WHERE time >= {}ms AND time < {}ms{} GROUP BY *",
        quoted(measurement.name, '"'),
        slice.from_ms,
        slice.to_ms,
        scope.series.condition(measurement)
    )
}

/// The duration of the policy of a name, or of the default one.
fn retention(rows: &Rows, policy: Option<&str>) -> Option<Retention> {
    let column = |name: &str| rows.columns.iter().position(|column| column == name);
    let (name, duration, default) = (column("name")?, column("duration")?, column("default"));
    let row = rows.values.iter().find(|row| match policy {
        Some(policy) => row.get(name).and_then(Value::as_str) == Some(policy),
        None => default.and_then(|at| row.get(at)).and_then(Value::as_bool) == Some(true),
    })?;
    let ms = duration_ms(row.get(duration)?.as_str()?)?;
    let policy = row.get(name)?.as_str()?.to_owned();
    (ms > 0).then_some(Retention { policy, ms })
}

/// A duration such as `168h0m0s`.
fn duration_ms(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => MINUTE_MS,
            "h" => HOUR_MINUTES * MINUTE_MS,
            "d" => DAY_MINUTES * MINUTE_MS,
            "w" => 7 * DAY_MINUTES * MINUTE_MS,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[letters..];
    }
    Some(total)
}

impl Unread {
    pub(super) fn why(&self) -> &str {
        match self {
            Unread::Unable(why) | Unread::Failed(why) => why,
        }
    }

    pub(super) fn of(self, scope: &Scope) -> CheckError {
        let output = scope.output.name.to_string();
        CheckError::Database { output, why: self.why().to_owned() }
    }
}
