//! Electronic mail as a channel.

use crate::config::access::{KeptSecret, read_user};
use lettre::message::Mailbox;
use std::net::IpAddr;
use std::path::PathBuf;
use wattledger_model::document::{self, Table, Value};

/// A mail server that takes messages, and who gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: MailSecurity,
    /// Who we are to it, where it asks.
    pub user: Option<MailUser>,
    /// Whom messages are from.
    pub from: Mailbox,
    /// Who gets them.
    pub to: Vec<Mailbox>,
    /// Certificates (PEM) of the authorities that may vouch for the server; `None` for those that this machine
    /// trusts.
    pub ca_file: Option<PathBuf>,
}

/// A user of a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailUser {
    /// The name.
    pub name: String,
    /// Where the password is kept.
    pub password: KeptSecret,
}

/// How the connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// It begins in the clear and is sent over TLS before anything is said (RFC 3207); a server that does not
    /// offer that gets nothing.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// In the clear.
    Plain,
}

impl MailSecurity {
    /// The port that is usual for it: submission (RFC 6409), submissions (RFC 8314), SMTP.
    const fn usual_port(self) -> u16 {
        match self {
            MailSecurity::StartTls => 587,
            MailSecurity::Tls => 465,
            MailSecurity::Plain => 25,
        }
    }
}

const SECURITIES: [(&str, MailSecurity); 3] =
    [("starttls", MailSecurity::StartTls), ("tls", MailSecurity::Tls), ("none", MailSecurity::Plain)];

impl Mail {
    pub(super) fn read(table: &mut Table<'_>) -> Option<Mail> {
        let host = table.required("host", host);
        let port = table.optional("port", |value| match document::integer::<u16>(value)? {
            0 => Err("is no port".to_owned()),
            port => Ok(port),
        });
        let security = table.optional("tls", document::choice(SECURITIES));
        let (username, password) = read_user(table);
        let from = table.required("from", mailbox);
        let to = table.values("to", mailbox);
        let has_recipients = table.has("to");
        let ca_file = table.optional("ca_file", document::string);
        let document = table.document();
        if !has_recipients {
            document.missing(table.place(), "`to` is missing: who gets the messages?");
        }
        let chosen = security.as_ref().map_or(MailSecurity::StartTls, |security| security.value);
        if let (Some(security), Some(host)) = (&security, &host)
            && chosen == MailSecurity::Plain
            && !is_of_this_machine(&host.value)
        {
            let what = if password.is_some() { "password and messages go" } else { "messages go" };
            let why = format!("{what} to {} in the clear", host.value);
            if password.is_some() {
                document.error(security.place, format!("{why}; use \"starttls\" or \"tls\""));
            } else {
                document.warning(security.place, why);
            }
        }
        if let Some(file) = ca_file.as_ref().filter(|_| chosen == MailSecurity::Plain) {
            document.error(file.place, "`ca_file` is for TLS, and `tls` is \"none\"");
        }
        if username.is_some() && password.is_none() {
            document.missing(table.place(), "`username` needs a `password_file` beside it");
        }
        let user = username.zip(password).map(|(name, password)| MailUser { name, password });
        let to: Vec<Mailbox> = to.into_iter().map(|to| to.value).collect();
        if let Some(twice) = twice(&to) {
            document.error(table.place(), format!("`to` names {} twice", twice.email));
        }
        if has_recipients && to.is_empty() {
            document.missing(table.place(), "`to` names nobody");
        }
        Some(Mail {
            host: host?.value,
            port: port.map_or(chosen.usual_port(), |port| port.value),
            security: chosen,
            user,
            from: from?.value,
            to: (!to.is_empty()).then_some(to)?,
            ca_file: ca_file.map(|file| file.value.into()),
        })
    }
}

fn twice(to: &[Mailbox]) -> Option<&Mailbox> {
    to.iter()
        .enumerate()
        .find(|(at, one)| to[..*at].iter().any(|other| other.email == one.email))
        .map(|(_, one)| one)
}

/// A name or an address of a machine.
fn host(value: &Value<'_>) -> Result<String, String> {
    let text = document::string(value)?;
    let fits = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | ':'));
    if fits && (!text.contains(':') || text.parse::<IpAddr>().is_ok()) {
        Ok(text)
    } else {
        Err(format!("`{text}` is not the name of a machine; the port has a key of its own"))
    }
}

/// `ops@example.org`, or `Operations <ops@example.org>`.
pub(in crate::config) fn mailbox(value: &Value<'_>) -> Result<Mailbox, String> {
    let text = document::string(value)?;
    text.parse().map_err(|_| format!("`{text}` is not an address such as \"Operations <ops@example.org>\""))
}

fn is_of_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
