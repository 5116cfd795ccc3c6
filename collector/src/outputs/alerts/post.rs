//! POST requests, as webhooks and Alertmanagers take them.

use super::deliver::Failure;
use crate::config::HttpAccess;
use crate::post::described;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use std::time::Duration;
use wattledger_link::session::Tls;

/// More of an answer is not read: what a receiver has to say of a message is short.
const LONGEST_ANSWER: usize = 64 << 10;

/// The client of one channel, made when it is needed and, where certificates may have been replaced, made anew
/// after a failure.
#[derive(Default)]
pub(super) struct Poster {
    client: Option<Client>,
}

impl Poster {
    /// The client.
    ///
    /// # Errors
    /// Why there is none yet: certificates that cannot be used may be there at the next attempt.
    pub(super) fn client(&mut self, tls: Option<&Tls>, patience: Duration) -> Result<Client, Failure> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let made = client(tls.filter(|tls| **tls != Tls::default()), patience).map_err(Failure::later)?;
        Ok(self.client.insert(made).clone())
    }

    /// Notes how a delivery ended.
    pub(super) fn ended(&mut self, tls: Option<&Tls>, is_taken: bool) {
        if !is_taken && tls.is_some_and(|tls| *tls != Tls::default()) {
            self.client = None;
        }
    }
}

/// Redirects are not followed: they would turn the POST into a GET.
fn client(tls: Option<&Tls>, patience: Duration) -> Result<Client, String> {
    // One provider for the whole process; that it is installed already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder =
        Client::builder().timeout(patience).connect_timeout(patience).redirect(redirect::Policy::none());
    let builder = match tls.map(Tls::load).transpose().map_err(|error| error.to_string())? {
        Some(tls) => builder.tls_backend_preconfigured((*tls).clone()),
        None => builder,
    };
    builder.build().map_err(|error| described(&error))
}

/// Who asks, and what it shows. Secrets are read for each delivery, so that they can be changed while the collector
/// runs.
///
/// # Errors
/// [`Failure::Later`] where a secret cannot be used.
pub(super) fn introduced(request: RequestBuilder, access: &HttpAccess) -> Result<RequestBuilder, Failure> {
    let request = request.header(USER_AGENT, concat!("wattledger/", env!("CARGO_PKG_VERSION")));
    Ok(match access {
        HttpAccess::Open => request,
        HttpAccess::Bearer(kept) => {
            let token = kept.value.read().map_err(|error| Failure::later(error.to_string()))?;
            let value = HeaderValue::try_from(format!("Bearer {}", token.reveal()));
            let mut value =
                value.map_err(|_| Failure::later("the token has letters that do not fit a header"))?;
            value.set_sensitive(true);
            request.header(AUTHORIZATION, value)
        }
        HttpAccess::Basic { username, password } => {
            let password = password.as_ref().map(|kept| kept.value.read()).transpose();
            let password = password.map_err(|error| Failure::later(error.to_string()))?;
            request.basic_auth(username, password.as_ref().map(|password| password.reveal()))
        }
    })
}

/// Sends a request; the beginning of its answer, where that is a success.
///
/// # Errors
/// [`Failure::Refused`] where it would be answered the same for ever, else [`Failure::Later`].
pub(super) async fn sent(request: RequestBuilder, to: &str) -> Result<Vec<u8>, Failure> {
    // The address may be a secret.
    let lost = |error: reqwest::Error| Failure::later(described(&error.without_url()));
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    if status.is_success() {
        return answer(&mut response).await.map_err(lost);
    }
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let said = answer(&mut response).await.unwrap_or_default();
    let said: String = String::from_utf8_lossy(&said).chars().filter(|c| !c.is_control()).take(200).collect();
    let mut reason = format!("{to} answered {status}");
    if !said.is_empty() {
        reason = format!("{reason}: {said}");
    }
    match status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(Failure::Refused(reason))
        }
        _ => Err(Failure::Later { reason, after: after.map(Duration::from_secs) }),
    }
}

async fn answer(response: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut answer = Vec::new();
    while answer.len() < LONGEST_ANSWER {
        let Some(chunk) = response.chunk().await? else { break };
        answer.extend_from_slice(&chunk[..chunk.len().min(LONGEST_ANSWER - answer.len())]);
    }
    Ok(answer)
}
