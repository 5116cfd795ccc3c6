//! Channels: where alerts are sent.

mod alertmanager;
mod mail;
mod webhook;

pub use alertmanager::Alertmanager;
pub(super) use mail::mailbox;
pub use mail::{Mail, MailSecurity, MailUser};
pub use webhook::{Body, Recipe, Signing, TemplateText, Webhook};

use super::access::{KeptSecret, read_user};
use super::all;
use super::declared::Declared;
use std::time::Duration;
use wattledger_link::session::{SecretKeys, SecretSource};
use wattledger_model::document::{self, Place, Table, Value};
use wattledger_model::name::Name;

/// An alert that is up is told of again after this where the file does not say. Source: domain.md 7.1.
const DEFAULT_REPEAT: Duration = Duration::from_secs(4 * 3_600);
/// Told of more often than this, nobody listens.
const SHORTEST_REPEAT: Duration = Duration::from_secs(60);
/// Nobody is kept waiting longer for what else may belong to an alert.
const LONGEST_GROUP_WAIT: Duration = Duration::from_secs(3_600);

/// Where alerts are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: Name,
    /// How it is reached.
    pub kind: ChannelKind,
    /// What it is told, and how often.
    pub telling: Telling,
    /// Where it is declared.
    pub place: Place,
}

/// How a channel is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// A POST to an address, with a body of JSON or from a template.
    Webhook(Box<Webhook>),
    /// The API of Prometheus' Alertmanager, which is told again and again what is raised.
    Alertmanager(Box<Alertmanager>),
    /// Electronic mail.
    Mail(Box<Mail>),
    /// A message on the link's broker, under the facility's alert topic.
    Mqtt,
}

/// What a channel is told of, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// An alert that is up, not silenced and not acknowledged is told of again after so long; `None` never.
    pub repeat_interval: Option<Duration>,
    /// Whether the end of an alert is told.
    pub send_resolved: bool,
    /// Alerts with the same values of these labels go into one message.
    pub group_by: Vec<String>,
    /// The first of a group waits so long for the others; zero where each alert is a message of its own.
    pub group_wait: Duration,
}

/// What we show a server that asks who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpAccess {
    /// Nothing.
    Open,
    /// A token, sent as `Authorization: Bearer`.
    Bearer(KeptSecret),
    /// User and password, sent as `Authorization: Basic`.
    Basic {
        /// The user.
        username: String,
        /// The password, if there is one.
        password: Option<KeptSecret>,
    },
}

impl ChannelKind {
    /// The word used in configuration and outputs.
    pub const fn word(&self) -> &'static str {
        match self {
            ChannelKind::Webhook(_) => "webhook",
            ChannelKind::Alertmanager(_) => "alertmanager",
            ChannelKind::Mail(_) => "mail",
            ChannelKind::Mqtt => "mqtt",
        }
    }
}

impl Channel {
    /// The queues in which messages for it wait: one for each recipient of mail, so that none holds up another.
    pub fn queues(&self) -> Vec<String> {
        match &self.kind {
            ChannelKind::Mail(mail) => {
                mail.to.iter().map(|to| format!("{} {}", self.name, to.email)).collect()
            }
            _ => vec![self.name.to_string()],
        }
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &KeptSecret> {
        let (access, own) = match &self.kind {
            ChannelKind::Webhook(hook) => (hook.access.secret(), hook.key.as_ref()),
            ChannelKind::Alertmanager(to) => (to.access.secret(), None),
            ChannelKind::Mail(mail) => (mail.user.as_ref().map(|user| &user.password), None),
            ChannelKind::Mqtt => (None, None),
        };
        access.into_iter().chain(own)
    }
}

impl HttpAccess {
    fn read(table: &mut Table<'_>) -> HttpAccess {
        let token = SecretSource::of_table(table, SecretKeys::TOKEN);
        let (username, password) = read_user(table);
        match (token, username) {
            (Some(token), Some(_)) => {
                let key = SecretKeys::TOKEN.of(&token.value);
                let why =
                    format!("`{key}` and `username` exclude each other: one server asks for one of them");
                table.document().error(token.place, why);
                HttpAccess::Open
            }
            (Some(token), None) => HttpAccess::Bearer(token),
            (None, Some(username)) => HttpAccess::Basic { username, password },
            (None, None) => HttpAccess::Open,
        }
    }

    fn secret(&self) -> Option<&KeptSecret> {
        match self {
            HttpAccess::Open => None,
            HttpAccess::Bearer(token) => Some(token),
            HttpAccess::Basic { password, .. } => password.as_ref(),
        }
    }
}

impl Telling {
    /// Reads what every channel may say. `repeats` is whether one of its kind is told again without being asked,
    /// `groups` whether it takes several alerts in one message.
    fn read(table: &mut Table<'_>, repeats: bool, groups: bool) -> Telling {
        let repeat = table.optional("repeat_interval", |value| match document::duration(value)? {
            length if length.is_zero() => Ok(None),
            length if length < SHORTEST_REPEAT => {
                Err("is shorter than a minute; write \"0s\" to be told once".to_owned())
            }
            length => Ok(Some(length)),
        });
        let send_resolved = table.optional("send_resolved", document::boolean);
        let group_by = table.has("group_by").then(|| table.values("group_by", label));
        let group_wait = table.optional("group_wait", |value| match document::duration(value)? {
            length if length > LONGEST_GROUP_WAIT => Err("is longer than an hour".to_owned()),
            length => Ok(length),
        });
        if let Some(wait) = group_wait.as_ref().filter(|wait| !groups && !wait.value.is_zero()) {
            let why = "`group_wait` is for webhooks and mail: here each alert stands by itself";
            table.document().error(wait.place, why);
        }
        let group_by = group_by.map_or_else(
            || vec!["facility".to_owned()],
            |labels| labels.into_iter().map(|label| label.value).collect(),
        );
        Telling {
            repeat_interval: repeat.map_or(repeats.then_some(DEFAULT_REPEAT), |repeat| repeat.value),
            send_resolved: send_resolved.is_none_or(|send| send.value),
            group_by,
            group_wait: group_wait.map_or(Duration::ZERO, |wait| wait.value),
        }
    }
}

/// The name of a label.
fn label(value: &Value<'_>) -> Result<String, String> {
    let text = document::string(value)?;
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if fits { Ok(text) } else { Err(format!("`{text}` is not the name of a label")) }
}

pub(super) fn read_channels(table: &mut Table<'_>, names: &mut Declared<'_>) -> Vec<Channel> {
    let mut channels = all(table.tables("webhook"), |table| {
        let name = declared(table, names);
        let telling = Telling::read(table, true, true);
        let kind = Webhook::read(table).map(|hook| ChannelKind::Webhook(Box::new(hook)));
        Some(Channel { name: name?, kind: kind?, telling, place: table.place() })
    });
    channels.extend(all(table.tables("alertmanager"), |table| {
        let name = declared(table, names);
        let telling = alertmanager::telling(table);
        let kind = Alertmanager::read(table).map(|to| ChannelKind::Alertmanager(Box::new(to)));
        Some(Channel { name: name?, kind: kind?, telling, place: table.place() })
    }));
    channels.extend(all(table.tables("mail"), |table| {
        let name = declared(table, names);
        let telling = Telling::read(table, true, true);
        let kind = Mail::read(table).map(|mail| ChannelKind::Mail(Box::new(mail)));
        Some(Channel { name: name?, kind: kind?, telling, place: table.place() })
    }));
    channels.extend(all(table.tables("mqtt"), |table| {
        let name = declared(table, names);
        // The broker retains what is up.
        let telling = Telling::read(table, false, false);
        Some(Channel { name: name?, kind: ChannelKind::Mqtt, telling, place: table.place() })
    }));
    channels
}

fn declared(table: &mut Table<'_>, names: &mut Declared<'_>) -> Option<Name> {
    let name = table.required("name", document::name)?;
    names.declare(&name);
    Some(name.value)
}
