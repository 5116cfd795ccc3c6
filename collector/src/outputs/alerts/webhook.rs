//! Posts a message to a webhook.

use super::deliver::Failure;
use super::outbox::Waiting;
use crate::config::{HttpUrl, KeptSecret};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, StatusCode, redirect};
use std::error::Error as _;
use std::time::Duration;

/// Header with the message's key, by which a receiver tells repetitions.
const KEY_HEADER: &str = "idempotency-key";

/// Makes the client of one channel. Redirects are not followed: they would turn the POST into a GET.
pub(super) fn client(patience: Duration) -> Result<Client, String> {
    // One provider for the whole process; that it is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .timeout(patience)
        .connect_timeout(patience)
        .redirect(redirect::Policy::none())
        .build()
        .map_err(|error| described(&error))
}

/// Delivers a message once.
pub(super) async fn post(
    client: &Client,
    url: &HttpUrl,
    token: Option<&KeptSecret>,
    waiting: &Waiting,
) -> Result<(), Failure> {
    let mut request = client
        .post(url.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("wattledger/", env!("CARGO_PKG_VERSION")))
        .header(KEY_HEADER, &waiting.key)
        .body(waiting.body.clone());
    if let Some(kept) = token {
        // Read for each delivery, so that it can be changed while the collector runs.
        let token = kept.value.read().map_err(|error| Failure::later(error.to_string()))?;
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
            .map_err(|_| Failure::later(format!("the token of {url} does not fit a header")))?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    // The address may be a secret.
    let response = request.send().await.map_err(|error| Failure::later(described(&error.without_url())))?;
    let status = response.status();
    let reason = format!("{url} answered {status}");
    match status {
        _ if status.is_success() => Ok(()),
        // It will say the same of the same message for ever.
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(Failure::Refused(reason))
        }
        _ => {
            let after =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Err(Failure::Later { reason, after: after.map(Duration::from_secs) })
        }
    }
}

/// An error with its causes: reqwest's own words leave out which.
fn described(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
