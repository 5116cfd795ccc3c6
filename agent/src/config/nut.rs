//! The `[[source.nut]]` part of the configuration.

use super::sources::read_name;
use super::{NutConfig, read_user};
use crate::source::names::NameTemplate;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use wattledger_model::document::{self, Placed, Table, Value};

/// upsd's own port, given to it by IANA.
const PORT: u16 = 3493;
const DEFAULT_METER: &str = "{source}-{ups}-{variable}";
/// What tells of energy, of the load and of the state.
const DEFAULT_VARIABLES: [&str; 6] =
    ["ups.realpower", "ups.power", "ups.load", "output.*", "battery.charge", "ups.status"];

/// Reads one table. One that has a problem is left out; the problem is in the document.
pub(super) fn read(table: &mut Table<'_>, names: &mut BTreeSet<String>) -> Option<NutConfig> {
    let name = read_name(table, names);
    let address = table.optional("address", address);
    let ups: Vec<String> = plain(table.values("ups", word));
    let variables: Vec<String> = plain(table.values("variables", word));
    let interval = table.optional("interval", document::positive_duration);
    let meter = table.optional("meter", meter);
    let (username, password) = read_user(table);
    let document = table.document();
    if let Some(meter) = meter.as_ref().filter(|meter| !meter.value.has("ups") && ups.len() != 1) {
        document.error(
            meter.place,
            "`meter` needs {ups}, or `ups` the one that is read: no two may have one meter",
        );
    }
    let (host, port) = address.map_or_else(|| ("127.0.0.1".to_owned(), PORT), |address| address.value);
    if let Some(password) = password.as_ref().filter(|_| !is_loopback(&host)) {
        document.warning(
            password.place,
            format!("the password goes to {host} as plain text: upsd is asked without TLS"),
        );
    }
    let parsed = || parse(DEFAULT_METER).expect("a template that gives names");
    Some(NutConfig {
        name: name?,
        host,
        port,
        ups,
        variables: if variables.is_empty() {
            DEFAULT_VARIABLES.map(str::to_owned).to_vec()
        } else {
            variables
        },
        interval: interval.map_or(Duration::from_secs(10), |interval| interval.value),
        meter: meter.map_or_else(parsed, |meter| meter.value),
        username,
        password,
    })
}

fn plain(placed: Vec<Placed<String>>) -> Vec<String> {
    placed.into_iter().map(|placed| placed.value).collect()
}

/// A name as it stands in upsd's lines.
fn word(value: &Value<'_>) -> Result<String, String> {
    let word = document::string(value)?;
    if word.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("`{word}` has white space in it, which no name of upsd has"));
    }
    Ok(word)
}

fn parse(text: &str) -> Result<NameTemplate, String> {
    NameTemplate::parse(text, &["source", "ups", "variable"], "variable")
}

fn meter(value: &Value<'_>) -> Result<NameTemplate, String> {
    parse(&document::string(value)?)
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn address(value: &Value<'_>) -> Result<(String, u16), String> {
    let text = document::string(value)?;
    let wrong = || format!("`{text}` is not an address such as 127.0.0.1:{PORT}");
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']').ok_or_else(wrong)) {
        Some(split) => {
            let (host, rest) = split?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(wrong)?) })
        }
        None => text.split_once(':').map_or((text.as_str(), None), |(host, port)| (host, Some(port))),
    };
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    if host.is_empty() || host.contains(is_odd) {
        return Err(wrong());
    }
    let port = port.map_or(Ok(PORT), |port| port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong))?;
    Ok((host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
