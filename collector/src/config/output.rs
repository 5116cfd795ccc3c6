//! The databases to write to.

use super::access::{self, HttpUrl, KeptSecret, http_url};
use super::all;
use super::declared::Declared;
use wattledger_link::session::{SecretKeys, SecretSource};
use wattledger_model::document::{self, Document, Place, Table};
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
    /// Where it is declared.
    pub place: Place,
}

/// The two ways of writing that databases offer.
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
    /// `/api/v2/write`: InfluxDB 2 and 3.
    V2 {
        /// The organisation.
        org: String,
        /// The bucket.
        bucket: String,
        /// The token, if it asks for one.
        token: Option<KeptSecret>,
    },
}

impl InfluxOutput {
    pub(super) fn secret(&self) -> Option<&KeptSecret> {
        match &self.api {
            InfluxApi::V1 { password, .. } => password.as_ref(),
            InfluxApi::V2 { token, .. } => token.as_ref(),
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
}

fn read_influx(table: &mut Table<'_>, names: &mut Declared<'_>) -> Option<InfluxOutput> {
    let name = table.required("name", document::name);
    name.iter().for_each(|name| names.declare(name));
    let url = table.required("url", http_url);
    let version = table.required("api", document::choice([("v1", Version::V1), ("v2", Version::V2)]));
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
    };
    Some(InfluxOutput { name: name?.value, url: url?.value, api: api?, place: table.place() })
}

fn read_v1(table: &mut Table<'_>) -> Option<InfluxApi> {
    belongs_elsewhere(table, "v2", &["org", "bucket"]);
    belongs_elsewhere(table, "v2", &SecretKeys::TOKEN.all());
    let database = table.required("database", document::string);
    let (username, password) = access::read_user(table);
    Some(InfluxApi::V1 { database: database?.value, username, password })
}

fn read_v2(table: &mut Table<'_>) -> Option<InfluxApi> {
    belongs_elsewhere(table, "v1", &["database", "username"]);
    belongs_elsewhere(table, "v1", &SecretKeys::PASSWORD.all());
    let org = table.required("org", document::string);
    let bucket = table.required("bucket", document::string);
    let token = SecretSource::of_table(table, SecretKeys::TOKEN);
    Some(InfluxApi::V2 { org: org?.value, bucket: bucket?.value, token })
}

fn belongs_elsewhere(table: &mut Table<'_>, api: &str, keys: &[&'static str]) {
    for key in keys {
        let read = |_: &document::Value<'_>| Err::<(), String>(format!("belongs to api = \"{api}\""));
        table.optional(key, read);
    }
}
