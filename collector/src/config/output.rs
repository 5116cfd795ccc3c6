//! The databases to write to.

use super::access::{self, HttpUrl, KeptSecret, http_url};
use super::all;
use super::declared::Declared;
use std::net::IpAddr;
use std::time::Duration;
use wattledger_link::session::{SecretKeys, SecretSource, Tls};
use wattledger_model::document::{self, Document, Place, Table, Value};
use wattledger_model::name::Name;

/// A database that takes line protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfluxOutput {
    /// Its name: the durable cursor is kept under it.
    pub name: Name,
    /// Where it is.
    pub url: HttpUrl,
    /// How it is spoken to.
    pub api: InfluxApi,
    /// Files of certificates, where the address is one of TLS.
    pub tls: Option<Tls>,
    /// How lines are sent.
    pub sending: Sending,
    /// Where it is declared.
    pub place: Place,
}

/// How lines are gathered into requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// Requests that are under way at a time. InfluxDB 3 answers when it has synced, about once a second.
    pub requests: usize,
    /// A request holds no more than about so many bytes of lines, before compression.
    pub batch_bytes: usize,
    /// What is new waits so long for more that is sent with it.
    pub batch_age: Duration,
    /// Whether requests are compressed. On one machine that only takes the processor's time, from both.
    pub gzip: bool,
}

impl Default for Sending {
    fn default() -> Sending {
        Sending { requests: 4, batch_bytes: 1 << 20, batch_age: Duration::from_millis(200), gzip: true }
    }
}

/// The ways of writing that databases offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InfluxApi {
    /// `/write`: InfluxDB 1, and many others.
    V1 {
        /// The database.
        database: String,
        /// The user, if it asks for one.
        username: Option<String>,
        /// The user's password.
        password: Option<KeptSecret>,
    },
    /// `/api/v2/write`: InfluxDB 2, VictoriaMetrics and others.
    V2 {
        /// The organisation.
        org: String,
        /// The bucket.
        bucket: String,
        /// The token, if it asks for one.
        token: Option<KeptSecret>,
    },
    /// `/api/v3/write_lp`: InfluxDB 3.
    V3 {
        /// The database.
        database: String,
        /// The token, if it asks for one.
        token: Option<KeptSecret>,
    },
}

impl InfluxOutput {
    pub(super) fn secret(&self) -> Option<&KeptSecret> {
        match &self.api {
            InfluxApi::V1 { password, .. } => password.as_ref(),
            InfluxApi::V2 { token, .. } | InfluxApi::V3 { token, .. } => token.as_ref(),
        }
    }
}

pub(super) fn read_outputs<'d>(table: &mut Table<'d>, document: &'d Document<'d>) -> Vec<InfluxOutput> {
    let mut names = Declared::new(document, "output");
    all(table.tables("influx"), |table| read_influx(table, &mut names))
}

#[derive(Clone, Copy, PartialEq)]
enum Version {
    V1,
    V2,
    V3,
}

const VERSIONS: [(&str, Version); 3] = [("v1", Version::V1), ("v2", Version::V2), ("v3", Version::V3)];

fn read_influx(table: &mut Table<'_>, names: &mut Declared<'_>) -> Option<InfluxOutput> {
    let name = table.required("name", document::name);
    name.iter().for_each(|name| names.declare(name));
    let url = table.required("url", http_url);
    let tls = read_tls(table, url.as_ref().map(|url| &url.value));
    let sending = read_sending(table, url.as_ref().is_some_and(|url| is_of_this_machine(&url.value)));
    let version = table.required("api", document::choice(VERSIONS));
    let Some(version) = version else {
        // Which keys belong cannot be told.
        table.allow(&["database", "username", "org", "bucket"]);
        table.allow(&SecretKeys::PASSWORD.all());
        table.allow(&SecretKeys::TOKEN.all());
        return None;
    };
    let api = match version.value {
        Version::V1 => read_v1(table),
        Version::V2 => read_v2(table),
        Version::V3 => read_v3(table),
    };
    Some(InfluxOutput { name: name?.value, url: url?.value, api: api?, tls, sending, place: table.place() })
}

/// Certificates, where the address is one of TLS.
pub(super) fn read_tls(table: &mut Table<'_>, url: Option<&HttpUrl>) -> Option<Tls> {
    if url.is_none_or(|url| url.as_str().starts_with("https://")) {
        let mut tls = Some(Tls::default());
        Tls::read(table, &mut tls);
        return tls;
    }
    for key in ["ca_file", "certificate_file", "key_file"] {
        let plain = |_: &Value<'_>| Err::<(), String>("is for TLS; write `url` as https://HOST".to_owned());
        table.optional(key, plain);
    }
    None
}

fn read_sending(table: &mut Table<'_>, is_of_this_machine: bool) -> Sending {
    let usual = Sending::default();
    let requests = table.optional("requests", |value| within(document::integer(value)?, 1, 64));
    let batch_bytes =
        table.optional("batch_size", |value| within(document::bytes(value)?, 4 << 10, 64 << 20));
    let batch_age = table.optional("batch_age", |value| match document::duration(value)? {
        age if age > LONGEST_AGE => Err("is longer than 10 minutes".to_owned()),
        age => Ok(age),
    });
    let gzip = table.optional("gzip", document::boolean);
    Sending {
        gzip: gzip.map_or(!is_of_this_machine, |gzip| gzip.value),
        requests: requests.map_or(usual.requests, |requests| requests.value as usize),
        batch_bytes: batch_bytes.map_or(usual.batch_bytes, |bytes| bytes.value as usize),
        batch_age: batch_age.map_or(usual.batch_age, |age| age.value),
    }
}

/// Whether an address is a plain one of loopback.
fn is_of_this_machine(url: &HttpUrl) -> bool {
    let Some(rest) = url.origin().strip_prefix("http://") else { return false };
    let host = rest.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(rest, |(host, _)| host);
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What is new is not kept from the database longer than this.
const LONGEST_AGE: Duration = Duration::from_secs(600);

fn within(number: u64, least: u64, most: u64) -> Result<u64, String> {
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("is not between {least} and {most}"))
    }
}

fn read_v1(table: &mut Table<'_>) -> Option<InfluxApi> {
    belongs_elsewhere(table, "v2", &["org", "bucket"]);
    belongs_elsewhere(table, "v2\" or \"v3", &SecretKeys::TOKEN.all());
    let database = table.required("database", document::string);
    let (username, password) = access::read_user(table);
    Some(InfluxApi::V1 { database: database?.value, username, password })
}

fn read_v2(table: &mut Table<'_>) -> Option<InfluxApi> {
    belongs_elsewhere(table, "v1\" or \"v3", &["database"]);
    belongs_elsewhere(table, "v1", &["username"]);
    belongs_elsewhere(table, "v1", &SecretKeys::PASSWORD.all());
    let org = table.required("org", document::string);
    let bucket = table.required("bucket", document::string);
    let token = SecretSource::of_table(table, SecretKeys::TOKEN);
    Some(InfluxApi::V2 { org: org?.value, bucket: bucket?.value, token })
}

fn read_v3(table: &mut Table<'_>) -> Option<InfluxApi> {
    belongs_elsewhere(table, "v1", &["username"]);
    belongs_elsewhere(table, "v1", &SecretKeys::PASSWORD.all());
    belongs_elsewhere(table, "v2", &["org", "bucket"]);
    let database = table.required("database", document::string);
    let token = SecretSource::of_table(table, SecretKeys::TOKEN);
    Some(InfluxApi::V3 { database: database?.value, token })
}

fn belongs_elsewhere(table: &mut Table<'_>, api: &str, keys: &[&'static str]) {
    for key in keys {
        let read = |_: &document::Value<'_>| Err::<(), String>(format!("belongs to api = \"{api}\""));
        table.optional(key, read);
    }
}
