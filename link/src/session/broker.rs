//! Where a broker is, and who we are to it.

use super::tls::Tls;
use std::fmt;
use std::str::FromStr;

/// The port of MQTT without TLS.
const DEFAULT_PORT: u16 = 1883;
/// The port of MQTT with TLS.
const DEFAULT_TLS_PORT: u16 = 8883;

/// Where the broker is, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Name or address; an IPv6 address in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name, if the broker asks for one.
    pub username: Option<String>,
    /// Password, if the broker asks for one. Not sent without a user name.
    pub password: Option<Secret>,
    /// How it is reached over TLS (`mqtts://`); `None` for a connection in the clear.
    pub tls: Option<Tls>,
}

/// Why a text names no broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Not of the form `mqtt://HOST` or `mqtt://HOST:PORT`, nor of these with `mqtts`.
    #[error("`{0}` is not a broker; write mqtt://HOST or mqtt://HOST:PORT, or mqtts:// for TLS")]
    Form(String),
    /// TLS to a bare IPv6 address.
    #[error("`{0}` gives no name to check the broker's certificate against; write mqtts://NAME")]
    Nameless(String),
    /// The text holds a user name or password.
    #[error("a broker's address must not hold a user name or password; give them by their own keys")]
    Credentials,
    /// The port is none.
    #[error("`{0}` is not a port; use 1 to 65535")]
    Port(String),
}

impl FromStr for Broker {
    type Err = BrokerError;

    fn from_str(text: &str) -> Result<Broker, BrokerError> {
        let form = || BrokerError::Form(text.chars().take(80).collect());
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(form)?;
        if rest.contains('@') {
            // Not repeated in the message: it may hold a password.
            return Err(BrokerError::Credentials);
        }
        let tls = match scheme {
            "mqtt" | "tcp" => None,
            "mqtts" | "ssl" | "tls" => Some(Tls::default()),
            _ => return Err(form()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let after_address = rest.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match rest[after_address..].rfind(':') {
            Some(at) => {
                let (host, port) = rest.split_at(after_address + at);
                let port = &port[1..];
                let number = port.parse().ok().filter(|&number: &u16| number > 0);
                (host, number.ok_or_else(|| BrokerError::Port(port.chars().take(20).collect()))?)
            }
            None => (rest, if tls.is_some() { DEFAULT_TLS_PORT } else { DEFAULT_PORT }),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let valid = match bare {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(allowed),
        };
        if !valid {
            return Err(form());
        }
        if tls.is_some() && bare.is_some() {
            return Err(BrokerError::Nameless(text.chars().take(80).collect()));
        }
        Ok(Broker { host: host.to_owned(), port, username: None, password: None, tls })
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// A password. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one who must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, host, port) in [
            ("mqtt://127.0.0.1:1884", "127.0.0.1", 1884),
            ("mqtt://broker.hall.example", "broker.hall.example", 1883),
            (" tcp://broker/ ", "broker", 1883),
            ("mqtt://[::1]:1885", "[::1]", 1885),
            ("mqtt://[fe80::2]", "[fe80::2]", 1883),
            ("mqtts://broker.hall.example", "broker.hall.example", 8883),
            ("ssl://10.0.0.7:8884", "10.0.0.7", 8884),
        ] {
            let broker: Broker = text.parse().expect(text);
            assert_eq!((broker.host.as_str(), broker.port), (host, port), "{text}");
            assert_eq!(broker.to_string().parse::<Broker>(), Ok(broker));
        }
    }

    #[test]
    fn refuses_the_rest_with_the_mend() {
        for text in [
            "",
            "broker",
            "broker:1883",
            "http://broker",
            "mqtt://",
            "mqtt://a b",
            "mqtt://a/b",
            "mqtt://[x]",
        ] {
            assert!(matches!(text.parse::<Broker>(), Err(BrokerError::Form(_))), "{text}");
        }
        for text in ["mqtt://a:", "mqtt://a:0", "mqtt://a:99999", "mqtt://a:x"] {
            assert!(matches!(text.parse::<Broker>(), Err(BrokerError::Port(_))), "{text}");
        }
        assert!(matches!("mqtts://[::1]".parse::<Broker>(), Err(BrokerError::Nameless(_))));
        let error = "mqtt://me:geheim@a".parse::<Broker>().expect_err("no credentials in there");
        assert!(!error.to_string().contains("geheim"));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let mut broker: Broker = "mqtt://a".parse().expect("a broker");
        broker.password = Some(Secret::new("geheim"));
        assert!(!format!("{broker:?} {broker}").contains("geheim"));
    }
}
