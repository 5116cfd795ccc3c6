//! Prometheus' Alertmanager as a channel.

use super::{HttpAccess, Telling};
use crate::config::access::{HttpUrl, http_url};
use crate::config::output::read_tls;
use std::time::Duration;
use wattledger_link::session::Tls;
use wattledger_model::document::{self, Table, Value};

/// Where Alertmanagers are. All of a cluster are told everything, since they share what they have sent, not what
/// they were told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alertmanager {
    /// Their addresses, without `/api/v2`.
    pub urls: Vec<HttpUrl>,
    /// What they are shown.
    pub access: HttpAccess,
    /// Certificates, where an address is one of TLS.
    pub tls: Option<Tls>,
}

/// What is told is the Alertmanager's business: it repeats and groups by rules of its own.
pub(super) fn telling(table: &mut Table<'_>) -> Telling {
    for key in ["repeat_interval", "send_resolved", "group_by", "group_wait"] {
        let theirs =
            |_: &Value<'_>| Err::<(), String>("is set in Alertmanager's own configuration".to_owned());
        table.optional(key, theirs);
    }
    Telling { repeat_interval: None, send_resolved: true, group_by: Vec::new(), group_wait: Duration::ZERO }
}

impl Alertmanager {
    pub(super) fn read(table: &mut Table<'_>) -> Option<Alertmanager> {
        let one = table.optional("url", http_url);
        let many = table.optional("urls", document::list(http_url));
        let is_said = (table.has("url"), table.has("urls"));
        let document = table.document();
        match is_said {
            (true, true) => {
                document.error(table.place(), "`url` and `urls` are answers to one question; keep one")
            }
            (false, false) => document.missing(table.place(), "`url` is missing"),
            _ => {}
        }
        let urls: Vec<HttpUrl> = match (one, many) {
            (Some(one), None) => vec![one.value],
            (None, Some(many)) if many.value.is_empty() => {
                document.error(many.place, "`urls` names no Alertmanager");
                Vec::new()
            }
            (None, Some(many)) => many.value,
            _ => Vec::new(),
        };
        let access = HttpAccess::read(table);
        let over_tls = urls.iter().find(|url| url.as_str().starts_with("https://"));
        let tls = read_tls(table, over_tls.or_else(|| urls.first()));
        (!urls.is_empty()).then_some(Alertmanager { urls, access, tls })
    }
}
