//! Channels: where alerts are sent.

use super::access::{HttpUrl, KeptSecret, http_url};
use super::all;
use super::declared::Declared;
use wattledger_link::session::{SecretKeys, SecretSource};
use wattledger_model::document::{self, Place, Table};
use wattledger_model::name::Name;

/// Where alerts are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: Name,
    /// How it is reached.
    pub kind: ChannelKind,
    /// Where it is declared.
    pub place: Place,
}

/// How a channel is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// A POST with a JSON body.
    Webhook {
        /// Where to.
        url: HttpUrl,
        /// A token sent as `Authorization: Bearer`.
        token: Option<KeptSecret>,
    },
    /// A message on the link's broker, under the facility's alert topic.
    Mqtt,
}

impl Channel {
    pub(super) fn secret(&self) -> Option<&KeptSecret> {
        match &self.kind {
            ChannelKind::Webhook { token, .. } => token.as_ref(),
            ChannelKind::Mqtt => None,
        }
    }
}

pub(super) fn read_channels(table: &mut Table<'_>, names: &mut Declared<'_>) -> Vec<Channel> {
    let mut channels = all(table.tables("webhook"), |table| {
        let name = table.required("name", document::name);
        name.iter().for_each(|name| names.declare(name));
        let url = table.required("url", http_url);
        let token = SecretSource::of_table(table, SecretKeys::TOKEN);
        let kind = ChannelKind::Webhook { url: url?.value, token };
        Some(Channel { name: name?.value, kind, place: table.place() })
    });
    channels.extend(all(table.tables("mqtt"), |table| {
        let name = table.required("name", document::name)?;
        names.declare(&name);
        Some(Channel { name: name.value, kind: ChannelKind::Mqtt, place: table.place() })
    }));
    channels
}
