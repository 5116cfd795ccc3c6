//! Every log line of the page with its counter. A refusal is logged when it is the first of its cause, and then at
//! each power of ten, so that nobody can fill the log from outside.

use serde_json::{Map, Value};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::{debug, info, warn};

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The name in `Host` is not one of ours.
    Host,
    /// Another web page asked.
    Origin,
    /// Neither GET nor HEAD.
    Method,
    /// The request has a body.
    Body,
    /// Too many live streams.
    Streams,
    /// Too many connections.
    Connections,
    /// Somebody without the operators' token wanted to change something.
    Token,
}

impl Cause {
    const ALL: [Cause; 7] = [
        Cause::Host,
        Cause::Origin,
        Cause::Method,
        Cause::Body,
        Cause::Streams,
        Cause::Connections,
        Cause::Token,
    ];

    /// The cause as one word, in logs and in `/healthz`.
    pub const fn word(self) -> &'static str {
        match self {
            Cause::Host => "host",
            Cause::Origin => "origin",
            Cause::Method => "method",
            Cause::Body => "body",
            Cause::Streams => "streams",
            Cause::Connections => "connections",
            Cause::Token => "token",
        }
    }
}

/// How many requests were refused, by cause.
#[derive(Debug, Default)]
pub(super) struct Refusals([AtomicU64; Cause::ALL.len()]);

impl Refusals {
    /// Counts a refusal; `what` names the offending value.
    pub(super) fn refused(&self, cause: Cause, peer: Option<SocketAddr>, what: &str) {
        let count = self.0[cause as usize].fetch_add(1, Ordering::Relaxed) + 1;
        if is_power_of_ten(count) {
            let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
            let what: String = what.chars().take(200).collect();
            warn!(cause = cause.word(), count, peer, what, "request to the page refused");
        }
    }

    /// The counts by cause.
    pub(super) fn counts(&self) -> Map<String, Value> {
        let count = |cause: Cause| self.0[cause as usize].load(Ordering::Relaxed);
        Cause::ALL.iter().map(|&cause| (cause.word().to_owned(), count(cause).into())).collect()
    }
}

/// The page is there.
pub(super) fn serving(address: SocketAddr) {
    info!(%address, "serving the page");
}

/// The page is gone.
pub(super) fn stopped(address: SocketAddr) {
    info!(%address, "the page is closed");
}

/// The system gave no connection, mostly for want of file descriptors. Nothing is lost: it is tried again.
pub(super) fn accept_failed(error: &std::io::Error) {
    warn!(%error, "cannot accept a connection to the page; trying again");
}

/// A connection ended in the middle; the other side went away or sent what is not HTTP.
pub(super) fn connection_broken(peer: SocketAddr, error: &hyper::Error) {
    debug!(%peer, %error, "connection to the page ended early");
}

fn is_power_of_ten(count: u64) -> bool {
    10u64.checked_pow(count.ilog10()) == Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_logged_at_powers_of_ten_only() {
        let logged: Vec<u64> = (1..2_000).filter(|&count| is_power_of_ten(count)).collect();
        assert_eq!(logged, [1, 10, 100, 1_000]);
    }

    #[test]
    fn each_cause_has_its_own_counter() {
        let refusals = Refusals::default();
        for cause in Cause::ALL {
            refusals.refused(cause, None, "x");
        }
        refusals.refused(Cause::Host, None, "evil.example");
        let counts = refusals.counts();
        assert_eq!(counts["host"], 2);
        assert!(counts.iter().all(|(word, count)| word == "host" || *count == 1), "{counts:?}");
    }
}
