//! Where a broker is, and who we are to it.

use std::fmt;
use std::str::FromStr;

/// The port of MQTT without TLS.
const DEFAULT_PORT: u16 = 1883;

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
}

/// Why a text names no broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Not of the form `mqtt://HOST` or `mqtt://HOST:PORT`.
    #[error("`{0}` is not a broker; write mqtt://HOST or mqtt://HOST:PORT")]
    Form(String),
    /// An encrypted connection is asked for.
    #[error("`{0}` asks for TLS, which is not supported; write mqtt:// and protect the network path")]
    Tls(String),
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
        match scheme {
            "mqtt" | "tcp" => {}
            "mqtts" | "ssl" | "tls" => return Err(BrokerError::Tls(text.chars().take(80).collect())),
            _ => return Err(form()),
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let after_address = rest.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match rest[after_address..].rfind(':') {
            Some(at) => {
                let (host, port) = rest.split_at(after_address + at);
                let port = &port[1..];
                let number = port.parse().ok().filter(|&number: &u16| number > 0);
                (host, number.ok_or_else(|| BrokerError::Port(port.chars().take(20).collect()))?)
            }
            None => (rest, DEFAULT_PORT),
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
        Ok(Broker { host: host.to_owned(), port, username: None, password: None })
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mqtt://{}:{}", self.host, self.port)
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
        assert!(matches!("mqtts://a".parse::<Broker>(), Err(BrokerError::Tls(_))));
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
