//! Brokers, addresses of other servers, and secrets kept in places of their own.

use std::fmt;
use wattledger_link::session::{Broker, SecretError, SecretKeys, SecretSource, Tls};
use wattledger_model::document::{self, Placed, Table, Value};

/// Where a password or a token is kept, as a configuration says it.
pub type KeptSecret = Placed<SecretSource>;

/// A broker, and where its password is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAccess {
    /// Host, port and user name; the password is not filled in.
    pub broker: Broker,
    /// Where the password is kept.
    pub password: Option<KeptSecret>,
}

impl BrokerAccess {
    /// The broker with its password, as it is kept now.
    ///
    /// # Errors
    /// Why the password cannot be used, with its place and without itself.
    pub fn with_password(&self) -> Result<Broker, SecretError> {
        let mut broker = self.broker.clone();
        broker.password = self.password.as_ref().map(|password| password.value.read()).transpose()?;
        Ok(broker)
    }
}

pub(super) fn read_broker(table: &mut Table<'_>) -> Option<BrokerAccess> {
    let broker = table.required("broker", without_credentials(document::parsed::<Broker>));
    let (username, password) = read_user(table);
    if broker.is_none() {
        table.allow(&["ca_file", "certificate_file", "key_file"]);
    }
    let mut broker = broker?.value;
    broker.username = username;
    Tls::read(table, &mut broker.tls);
    Some(BrokerAccess { broker, password })
}

/// `username`, and where its password is kept.
pub(super) fn read_user(table: &mut Table<'_>) -> (Option<String>, Option<KeptSecret>) {
    let username = table.optional("username", document::string);
    let password = SecretSource::of_table(table, SecretKeys::PASSWORD);
    if let (None, Some(password)) = (&username, &password) {
        let key = SecretKeys::PASSWORD.of(&password.value);
        table.document().error(password.place, format!("`{key}` needs a `username` beside it"));
    }
    (username.map(|username| username.value), password)
}

/// Refuses an address with a user name or a password in it, without repeating it.
fn without_credentials<T>(
    read: impl Fn(&Value<'_>) -> Result<T, String>,
) -> impl Fn(&Value<'_>) -> Result<T, String> {
    move |value| match value.as_str() {
        Some(text) if text.contains('@') => Err(
            "must not carry a user name or a password; give a user and a secret file as keys of their own"
                .to_string(),
        ),
        _ => read(value),
    }
}

/// The address of an HTTP server. Its path may be a secret (as that of many webhooks is), so that only
/// scheme and host are ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// The whole address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        let host = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0[host..].find(['/', '?']).map_or(self.0.len(), |at| host + at);
        &self.0[..end]
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/..", self.origin())
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin())
    }
}

/// An address that begins with `http://` or `https://`.
pub(super) fn http_url(value: &Value<'_>) -> Result<HttpUrl, String> {
    without_credentials(|value| {
        let text = document::string(value)?;
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let Some(rest) = rest else {
            return Err("is not an address; write http://HOST:PORT or https://HOST".to_string());
        };
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        if authority.is_empty() || authority.starts_with(':') {
            return Err("has no host; write http://HOST:PORT or https://HOST".to_string());
        }
        if port.is_some_and(|(_, port)| port.parse::<u16>().is_err()) {
            return Err("has no valid port; write http://HOST:PORT".to_string());
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '#') {
            return Err("must not contain spaces or #".to_string());
        }
        Ok(HttpUrl(text.trim_end_matches('/').to_string()))
    })(value)
}
