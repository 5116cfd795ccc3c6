//! What every output that sends to people needs: why something was not taken, and mail.

pub(crate) mod mail;
#[cfg(test)]
pub(crate) mod mail_server;

use std::time::Duration;

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It may be taken another time, perhaps not before the time that the receiver asks for.
    Later { reason: String, after: Option<Duration> },
    /// It never will be.
    Refused(String),
}

impl Failure {
    pub(crate) fn later(reason: impl Into<String>) -> Failure {
        Failure::Later { reason: reason.into(), after: None }
    }
}

/// An error with its causes: the words of many libraries leave out which.
pub(crate) fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
