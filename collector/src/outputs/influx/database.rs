//! The one place that speaks HTTP with a database: writing, deleting and creating, in the dialects of
//! InfluxDB 1, 2 and 3.

use super::answer::{Answer, Faults, judge, retry_after, said};
use super::lock;
use super::points::Erasure;
use crate::clock;
use crate::config::{InfluxApi, InfluxOutput, KeptSecret};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use rustls::ClientConfig;
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;
use wattledger_link::session::{Secret, Tls};
use wattledger_model::time::Timestamp;

/// A database.
#[derive(Debug)]
pub(crate) struct Database {
    /// `None` where certificates are to be read again.
    client: Mutex<Option<Client>>,
    /// Certificates of the operator's own.
    tls: Option<Tls>,
    base: Url,
    api: InfluxApi,
    gzip: bool,
}

const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);
/// An answer that is read may take longer altogether: it is as long as what is asked for.
const READING: Duration = Duration::from_secs(600);
/// Rows in one piece of such an answer.
const PIECE_ROWS: &str = "5000";
/// Statements in one request that deletes.
const STATEMENTS: usize = 100;
/// More of an answer to a write is not read: whatever it is, it is no word on lines.
const ANSWER_BYTES: usize = 16 << 20;

impl Database {
    /// The database of an output; nothing is sent yet.
    ///
    /// # Errors
    /// What is wrong with the address, or with TLS.
    pub(crate) fn new(output: &InfluxOutput) -> Result<Database, String> {
        // The whole workspace uses one provider of TLS. Another caller may have installed it already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let base = Url::parse(output.url.as_str())
            .map_err(|error| format!("`url` of output `{}`: {error}", output.name))?;
        let tls = output.tls.clone().filter(|tls| *tls != Tls::default());
        // Files that cannot be read today may be there tomorrow, so they are read at the first request.
        let client = match tls {
            Some(_) => None,
            None => Some(
                client(None).map_err(|error| format!("output `{}` cannot use HTTP: {error}", output.name))?,
            ),
        };
        let gzip = output.sending.gzip;
        Ok(Database { client: Mutex::new(client), tls, base, api: output.api.clone(), gzip })
    }

    /// What requests are sent with.
    ///
    /// # Errors
    /// Why the certificates cannot be used.
    pub(crate) fn client(&self) -> Result<Client, String> {
        let mut kept = lock(&self.client);
        if let Some(client) = &*kept {
            return Ok(client.clone());
        }
        let tls = self.tls.as_ref().map(Tls::load).transpose().map_err(|error| error.to_string())?;
        let made = client(tls.map(|tls| (*tls).clone())).map_err(|error| error.to_string())?;
        Ok(kept.insert(made).clone())
    }

    /// Certificates may have been replaced: the next request reads them again.
    fn read_certificates_again(&self) {
        if self.tls.is_some() {
            *lock(&self.client) = None;
        }
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Adds user or token.
    fn with_access(&self, request: RequestBuilder) -> Result<RequestBuilder, String> {
        Ok(match &self.api {
            InfluxApi::V1 { username: None, .. }
            | InfluxApi::V2 { token: None, .. }
            | InfluxApi::V3 { token: None, .. } => request,
            InfluxApi::V1 { username: Some(user), password, .. } => {
                request.basic_auth(user, read(password)?.as_ref().map(Secret::reveal))
            }
            InfluxApi::V2 { token, .. } => {
                let token = read(token)?.map(|token| format!("Token {}", token.reveal()));
                request.header("Authorization", token.unwrap_or_default())
            }
            InfluxApi::V3 { token, .. } => {
                let token = read(token)?.map(|token| format!("Bearer {}", token.reveal()));
                request.header("Authorization", token.unwrap_or_default())
            }
        })
    }

    /// A request that is not sent yet, with user or token.
    ///
    /// # Errors
    /// Why a secret or a certificate cannot be used.
    pub(crate) fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, String> {
        self.with_access(self.client()?.request(method, url))
    }

    /// Sends a request; gives its answer, and what was said.
    async fn ask(&self, request: Result<RequestBuilder, String>) -> (Answer, String) {
        let request = match request {
            Ok(request) => request,
            Err(why) => return (Answer::Denied { why }, String::new()),
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                self.read_certificates_again();
                return (later(error), String::new());
            }
        };
        let (status, wait) = (response.status(), wait_of(&response));
        match text(response).await {
            Ok(body) => (judge(status, wait, &body), body),
            // What was to be said of an accepted write changes nothing.
            Err(_) if status == StatusCode::NO_CONTENT => (judge(status, wait, ""), String::new()),
            Err(error) => (later(error), String::new()),
        }
    }

    /// Lines as the body of a request.
    pub(crate) fn body(&self, text: &[u8]) -> Vec<u8> {
        if self.gzip { compressed(text) } else { text.to_vec() }
    }

    /// Sends lines that were made with [`Database::body`].
    pub(crate) async fn write(&self, body: Vec<u8>) -> Answer {
        let url = match &self.api {
            InfluxApi::V1 { database, .. } => self.url("/write", &[("db", database), ("precision", "ms")]),
            InfluxApi::V2 { org, bucket, .. } => {
                self.url("/api/v2/write", &[("org", org), ("bucket", bucket), ("precision", "ms")])
            }
            InfluxApi::V3 { database, .. } => {
                let precision = [("precision", "millisecond"), ("accept_partial", "true")];
                self.url("/api/v3/write_lp", &[("db", database.as_str()), precision[0], precision[1]])
            }
        };
        let request = self.request(Method::POST, url).map(|request| {
            let request = if self.gzip { request.header(CONTENT_ENCODING, "gzip") } else { request };
            request.header(CONTENT_TYPE, "text/plain; charset=utf-8").body(body)
        });
        self.ask(request).await.0
    }

    /// How many of these erasures go into one request.
    pub(crate) fn erasures_at_once(&self) -> usize {
        match &self.api {
            InfluxApi::V1 { .. } | InfluxApi::V3 { .. } => STATEMENTS,
            InfluxApi::V2 { .. } => 1,
        }
    }

    /// Deletes points.
    pub(crate) async fn erase(&self, erasures: &[Erasure]) -> Answer {
        match &self.api {
            InfluxApi::V1 { database, .. } => {
                let statements: Vec<String> = erasures.iter().map(delete_statement).collect();
                self.query(database, &statements.join(";")).await
            }
            InfluxApi::V2 { org, bucket, .. } => {
                for erasure in erasures {
                    let url = self.url("/api/v2/delete", &[("org", org), ("bucket", bucket)]);
                    let answer = self.post_json(url, delete_request(erasure)).await;
                    if !matches!(answer, Answer::Accepted { .. }) {
                        return answer;
                    }
                }
                Answer::Accepted { expired: 0 }
            }
            InfluxApi::V3 { .. } => {
                let why = "InfluxDB 3 deletes no points".to_owned();
                Answer::Refused { why, faults: Faults::default() }
            }
        }
    }

    /// Makes the database or bucket, if that is allowed.
    ///
    /// # Errors
    /// Why it could not be made.
    pub(crate) async fn create(&self) -> Result<(), String> {
        match &self.api {
            InfluxApi::V1 { database, .. } => {
                // Nothing is known of a database that does not exist, so the query names none.
                made(self.query("", &format!("CREATE DATABASE {}", quoted(database, '"'))).await)
            }
            InfluxApi::V2 { org, bucket, token } => {
                let token = read(token)?;
                let token = token.as_ref().map_or("", Secret::reveal);
                create_bucket(self.base.as_str().trim_end_matches('/'), org, bucket, token).await
            }
            InfluxApi::V3 { database, .. } => {
                let url = self.url("/api/v3/configure/database", &[]);
                made(self.post_json(url, serde_json::json!({ "db": database }).to_string()).await)
            }
        }
    }

    async fn post_json(&self, url: Url, body: String) -> Answer {
        let request = self.request(Method::POST, url);
        let request = request.map(|request| request.header(CONTENT_TYPE, "application/json").body(body));
        self.ask(request).await.0
    }

    /// A request in InfluxQL whose answer comes in pieces, each a JSON document, with times in ms; not sent yet.
    ///
    /// `mapped` is what a bucket is called towards clients of version 1, where that is not its name.
    ///
    /// # Errors
    /// Why a secret or a certificate cannot be used.
    pub(crate) fn select(&self, mapped: Option<&str>, query: &str) -> Result<RequestBuilder, String> {
        let (database, policy) = self.read_as(mapped);
        let mut scope =
            vec![("db", database), ("epoch", "ms"), ("chunked", "true"), ("chunk_size", PIECE_ROWS)];
        scope.extend(policy.map(|policy| ("rp", policy)));
        let mut form = Url::parse("form:").expect("a constant address");
        form.query_pairs_mut().append_pair("q", query);
        let request = self.request(Method::POST, self.url("/query", &scope))?.timeout(READING);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        Ok(request.body(form.query().unwrap_or_default().to_owned()))
    }

    /// Database and retention policy as clients of version 1 name them.
    pub(crate) fn read_as<'a>(&'a self, mapped: Option<&'a str>) -> (&'a str, Option<&'a str>) {
        match (&self.api, mapped) {
            (_, Some(mapped)) => split_policy(mapped),
            (InfluxApi::V1 { database, .. } | InfluxApi::V3 { database, .. }, None) => (database, None),
            // A bucket DATABASE/POLICY is mapped by its name.
            (InfluxApi::V2 { bucket, .. }, None) => split_policy(bucket),
        }
    }

    async fn query(&self, database: &str, statements: &str) -> Answer {
        let mut form = Url::parse("form:").expect("a constant address");
        form.query_pairs_mut().append_pair("q", statements);
        let body = form.query().unwrap_or_default().to_owned();
        let scope: &[_] = if database.is_empty() { &[] } else { &[("db", database)] };
        let request = self
            .request(Method::POST, self.url("/query", scope))
            .map(|request| request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body));
        let (answer, body) = self.ask(request).await;
        // Single statements fail inside an answer that is well otherwise.
        match answer {
            Answer::Accepted { .. } if body.contains("\"error\"") => {
                let why = body.split("\"error\":").nth(1).map_or_else(String::new, said);
                let why = why.trim_matches(|c| "\"{}[] ".contains(c)).to_owned();
                Answer::Refused { why, faults: Faults::default() }
            }
            answer => answer,
        }
    }
}

fn split_policy(name: &str) -> (&str, Option<&str>) {
    name.split_once('/').map_or((name, None), |(database, policy)| (database, Some(policy)))
}

fn client(tls: Option<ClientConfig>) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .user_agent(concat!("wattledger/", env!("CARGO_PKG_VERSION")));
    match tls {
        Some(tls) => builder.tls_backend_preconfigured(tls).build(),
        None => builder.build(),
    }
}

/// A request without an answer. Addresses may carry secrets, so errors are told without them.
fn later(error: reqwest::Error) -> Answer {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        why = format!("{why}: {deeper}");
        cause = deeper.source();
    }
    Answer::Later { wait: None, why }
}

/// How long the database asks to wait.
fn wait_of(response: &Response) -> Option<Duration> {
    let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    retry_after(header(RETRY_AFTER)?, header(DATE), clock::now())
}

/// The text of an answer, of which no more is read than is of use.
async fn text(mut response: Response) -> reqwest::Result<String> {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES
        && let Some(chunk) = response.chunk().await?
    {
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a database or bucket was made.
fn made(answer: Answer) -> Result<(), String> {
    match answer {
        Answer::Accepted { .. } => Ok(()),
        Answer::Refused { why, .. } | Answer::Denied { why } | Answer::Absent { why } => Err(why),
        Answer::Later { why, .. } => Err(why),
        Answer::TooLarge => Err("the request is too long".to_owned()),
    }
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 6), Compression::fast());
    let written = encoder.write_all(text).and_then(|()| encoder.finish());
    written.expect("memory takes every byte")
}

/// Read for each request, so that it can be changed while the collector runs.
fn read(kept: &Option<KeptSecret>) -> Result<Option<Secret>, String> {
    kept.as_ref().map(|kept| kept.value.read().map_err(|error| error.to_string())).transpose()
}

pub(crate) fn quoted(text: &str, quote: char) -> String {
    let mut out = String::from(quote);
    for c in text.chars() {
        if c == quote || c == '\\' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push(quote);
    out
}

fn tags(erasure: &Erasure) -> impl Iterator<Item = (&'static str, &str)> {
    let series = &erasure.series;
    series.measurement.tags.iter().copied().zip(series.tags.iter().map(String::as_str))
}

fn delete_statement(erasure: &Erasure) -> String {
    let tags = tags(erasure).map(|(tag, value)| format!("\"{tag}\" = {} AND ", quoted(value, '\'')));
    let (from, to) = (erasure.from_ms, erasure.to_ms);
    format!(
        "DELETE FROM \"{}\" WHERE {}time >= {from}ms AND time <= {to}ms",
        erasure.series.measurement.name,
        tags.collect::<String>()
    )
}

fn delete_request(erasure: &Erasure) -> String {
    let mut predicate = format!("_measurement=\"{}\"", erasure.series.measurement.name);
    for (tag, value) in tags(erasure) {
        predicate.push_str(&format!(" AND {tag}={}", quoted(value, '"')));
    }
    // The end may or may not be inside; there is no point in the millisecond after it.
    let (start, stop) = (Timestamp(erasure.from_ms), Timestamp(erasure.to_ms + 1));
    serde_json::json!({ "start": start.to_string(), "stop": stop.to_string(), "predicate": predicate })
        .to_string()
}

/// Makes a bucket by way of the `influxdb2` crate, which speaks plain HTTP only.
async fn create_bucket(url: &str, org: &str, bucket: &str, token: &str) -> Result<(), String> {
    use influxdb2::api::organization::ListOrganizationRequest;
    use influxdb2::models::PostBucketRequest;
    if !url.starts_with("http://") {
        return Err(format!("make the bucket `{bucket}` by hand; that is done over plain HTTP only"));
    }
    let client = influxdb2::Client::new(url, org, token);
    let failed = |error: influxdb2::RequestError| match error {
        influxdb2::RequestError::Http { status, text } => format!("{status}: {}", said(&text)),
        other => other.to_string(),
    };
    let ask = ListOrganizationRequest { org: Some(org.to_owned()), ..ListOrganizationRequest::default() };
    let known = client.list_organizations(ask).await.map_err(failed)?;
    let id = known.orgs.into_iter().find(|known| known.name == org).and_then(|known| known.id);
    let id = id.ok_or_else(|| format!("there is no organisation `{org}`"))?;
    client.create_bucket(Some(PostBucketRequest::new(id, bucket.to_owned()))).await.map_err(failed)
}
