//! Posts a message to a webhook: as JSON or as a template makes it, signed where there is a key.

use super::deliver::Failure;
use super::outbox::Waiting;
use super::post::{introduced, sent};
use super::sign::{self, SIGNATURE_HEADER, Stamp};
use super::template::{self, TemplateError};
use crate::config::{Body, Signing, Webhook};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use wattledger_model::time::Timestamp;

/// Header with the message's key, by which a receiver tells repetitions.
const KEY_HEADER: &str = "idempotency-key";

/// Delivers a message once.
///
/// # Errors
/// [`Failure`]. A template that does not work is no fault of the message: it may be mended meanwhile.
pub(super) async fn post(
    client: &Client,
    hook: &Webhook,
    waiting: &Waiting,
    page: Option<&str>,
    now: Timestamp,
) -> Result<(), Failure> {
    let later = |error: TemplateError| Failure::later(error.to_string());
    let mut body = match &hook.body {
        Body::Message => waiting.body.clone(),
        Body::Template(text) => {
            let parcel = waiting.parcel()?;
            let text = template::text_of(&text.value).map_err(later)?;
            template::render(hook, &text, &waiting.key, &parcel, page).map_err(later)?
        }
    };
    let mut url = reqwest::Url::parse(hook.url.as_str())
        .map_err(|error| Failure::later(format!("the address of {} is none: {error}", hook.url)))?;
    let mut signature = None;
    if let Some(kept) = &hook.key {
        let key = kept.value.read().map_err(|error| Failure::later(error.to_string()))?;
        match hook.signing {
            Signing::Header => signature = Some(sign::header(key.reveal(), body.as_bytes(), now)),
            Signing::DingTalk => {
                let Stamp { timestamp, sign } = sign::dingtalk(key.reveal(), now);
                url.query_pairs_mut().append_pair("timestamp", &timestamp).append_pair("sign", &sign);
            }
            Signing::Feishu => body = stamped(&body, &sign::feishu(key.reveal(), now))?,
        }
    }
    let mut request =
        client.post(url).header(CONTENT_TYPE, &hook.content_type).header(KEY_HEADER, &waiting.key).body(body);
    for (name, value) in &hook.headers {
        request = request.header(name, value);
    }
    if let Some(signature) = signature {
        request = request.header(SIGNATURE_HEADER, signature);
    }
    let answer = sent(introduced(request, &hook.access)?, hook.url.origin()).await?;
    match &hook.accept {
        None => Ok(()),
        Some(expression) => template::accepted(expression, &answer)
            .map_err(|reason| Failure::later(format!("{} did not take it: {reason}", hook.url))),
    }
}

/// A body with `timestamp` and `sign` in it.
fn stamped(body: &str, stamp: &Stamp) -> Result<String, Failure> {
    let body: serde_json::Value = serde_json::from_str(body)
        .map_err(|error| Failure::later(format!("the body to sign is no JSON: {error}")))?;
    let serde_json::Value::Object(mut fields) = body else {
        return Err(Failure::later("the body to sign is no object, so no `sign` fits in"));
    };
    fields.insert("timestamp".to_owned(), stamp.timestamp.clone().into());
    fields.insert("sign".to_owned(), stamp.sign.clone().into());
    Ok(serde_json::Value::Object(fields).to_string())
}
