//! Alert messages as electronic mail.

use super::deliver::Failure;
use super::group::Parcel;
use super::outbox::Waiting;
use super::words;
use crate::config::Mail;
use crate::post::mail;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use std::time::Duration;

/// Raised messages that a clearing one refers to at most: a header line has its limits.
const MOST_REFERENCES: usize = 20;

/// Delivers a message to one recipient. `raised_as` are the keys under which what it clears or repeats was raised.
///
/// # Errors
/// As [`mail::send`].
pub(super) async fn send(
    mail: &Mail,
    to: &Mailbox,
    channel: &str,
    waiting: &Waiting,
    raised_as: &[String],
    page: Option<&str>,
    answer: Duration,
) -> Result<(), Failure> {
    let parcel = waiting.parcel()?;
    let message = message(mail, channel, &waiting.key, &parcel, raised_as, page)?;
    mail::send(mail, to, &message, answer).await
}

/// The message. Every repetition has the same `Message-ID`, so that a reader sees it once; what clears an alert
/// refers to what raised it, so that readers show them together (RFC 5322, 3.6.4).
fn message(
    mail: &Mail,
    channel: &str,
    key: &str,
    parcel: &Parcel,
    raised_as: &[String],
    page: Option<&str>,
) -> Result<Message, Failure> {
    let id = |key: &str| mail::id(mail, &[key, channel]);
    let mut builder =
        mail::addressed(mail, &mail.to, words::title(parcel), id(key)).header(ContentType::TEXT_PLAIN);
    let raised: Vec<String> =
        raised_as.iter().filter(|raised| *raised != key).take(MOST_REFERENCES).map(|key| id(key)).collect();
    if let Some(first) = raised.first() {
        builder = builder.in_reply_to(first.clone()).references(raised.join(" "));
    }
    let built = builder.body(words::text(parcel, page));
    built.map_err(|error| Failure::Refused(format!("the message cannot be written as mail: {error}")))
}
