//! Brings what was made to those who get it by mail.

use super::folder::{self, media_type};
use super::keep::Keeper;
use super::record::{self, Entry, LetterState, RecordError, State};
use crate::config::{Channel, ChannelKind, Mail};
use crate::post::{Failure, mail};
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, Mailbox, Message, MultiPart, SinglePart};
use std::fmt::Write as _;
use wattledger_model::time::{DAY_MINUTES, MINUTE_MS, Timestamp};

/// A letter that no server took for this long is given up.
const GIVEN_UP_AFTER_MS: i64 = 7 * DAY_MINUTES * MINUTE_MS;
/// More than this much of files is not attached: servers take 10 to 25 MB, and encoding adds a third.
const MOST_ATTACHED: u64 = 7_000_000;

/// A letter that is due.
pub(super) struct Posting {
    report: String,
    period: String,
    at: usize,
    /// Whose server takes it, to whom it goes and what it is; or why it cannot be written.
    pub(super) letter: Result<Box<Written>, Failure>,
}

/// A letter that can be sent.
pub(super) struct Written {
    pub(super) mail: Mail,
    pub(super) to: Mailbox,
    pub(super) message: Message,
}

impl Keeper {
    /// The next letter that is due.
    pub(super) fn posting(
        &self,
        channels: &[Channel],
        page: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Posting>, RecordError> {
        for report in &self.reports {
            let entries = match record::entries(&self.connection, report.name.as_str()) {
                // The round says so, and its reports alone have to wait.
                Err(RecordError::Body { .. }) => continue,
                read => read?,
            };
            for (period, entry) in entries {
                let is_due = |letter: &record::Letter| {
                    letter.state == LetterState::Waiting && letter.again_ms <= now.0
                };
                let Some(at) = entry.letters.iter().position(is_due) else { continue };
                let by = report.mail.as_ref().map(|mailing| &mailing.channel);
                let found = channels.iter().find(|channel| Some(&channel.name) == by);
                let letter = match found.map(|channel| &channel.kind) {
                    Some(ChannelKind::Mail(mail)) => {
                        written(mail, report.name.as_str(), &period, &entry, at, page)
                    }
                    _ => Err(Failure::Refused("the report is not sent by mail any more".to_owned())),
                };
                return Ok(Some(Posting { report: report.name.to_string(), period, at, letter }));
            }
        }
        Ok(None)
    }

    /// Notes how a letter fared.
    pub(super) fn settle(
        &self,
        posting: &Posting,
        outcome: Result<(), Failure>,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let (name, period) = (posting.report.as_str(), posting.period.as_str());
        let Some(mut entry) = record::entry(&self.connection, name, period)? else { return Ok(()) };
        let made_ms = entry.made_ms.unwrap_or(now.0);
        let Some(letter) = entry.letters.get_mut(posting.at) else { return Ok(()) };
        let to = letter.to.clone();
        match outcome {
            Ok(()) => {
                tracing::info!(
                    report = name,
                    period,
                    to,
                    attempts = letter.attempts + 1,
                    "report sent by mail"
                );
                (letter.state, letter.problem) = (LetterState::Sent, None);
            }
            Err(Failure::Refused(reason)) => {
                tracing::error!(report = name, period, to, reason, "report not sent: it was refused");
                (letter.state, letter.problem) = (LetterState::GivenUp, Some(reason));
            }
            Err(Failure::Later { reason, .. }) if now.0 - made_ms > GIVEN_UP_AFTER_MS => {
                tracing::error!(
                    report = name,
                    period,
                    to,
                    reason,
                    "report not sent: nobody took it for a week"
                );
                (letter.state, letter.problem) = (LetterState::GivenUp, Some(reason));
            }
            Err(Failure::Later { reason, after }) => {
                if letter.problem.as_ref() != Some(&reason) {
                    tracing::warn!(
                        report = name,
                        period,
                        to,
                        reason,
                        "report not sent by mail; trying again"
                    );
                }
                letter.attempts = letter.attempts.saturating_add(1);
                let asked = i64::try_from(after.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
                letter.again_ms = self.waits.again(letter.attempts, now).max(now.0.saturating_add(asked));
                letter.problem = Some(reason);
            }
        }
        record::put(&self.connection, name, period, &entry)
    }
}

/// The letter to one recipient, with everything that was made.
fn written(
    mail: &Mail,
    report: &str,
    period: &str,
    entry: &Entry,
    at: usize,
    page: Option<&str>,
) -> Result<Box<Written>, Failure> {
    let recipient = |text: &str| {
        text.parse::<Mailbox>().map_err(|_| Failure::Refused(format!("`{text}` is not an address")))
    };
    let everybody: Vec<Mailbox> =
        entry.letters.iter().map(|letter| recipient(&letter.to)).collect::<Result<_, _>>()?;
    let to = everybody[at].clone();
    let id = mail::id(mail, &[report, period, &entry.made_ms.unwrap_or_default().to_string()]);
    let subject = format!("Report {report} for {period}: {}", entry.about);
    let attached = entry.files.iter().map(|file| file.bytes).sum::<u64>() <= MOST_ATTACHED;
    let mut parts = MultiPart::mixed().singlepart(SinglePart::plain(text(period, entry, attached, page)));
    for file in entry.files.iter().filter(|_| attached) {
        let bytes = folder::take(&entry.folder, file).map_err(|error| Failure::later(error.to_string()))?;
        let kind = ContentType::parse(media_type(&file.name)).unwrap_or(ContentType::TEXT_PLAIN);
        // Text as well, or its line ends would be changed on the way, and with them its hash.
        let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64);
        let body = body.map_err(|_| Failure::Refused(format!("{} cannot be encoded", file.name)))?;
        parts = parts.singlepart(Attachment::new(file.name.clone()).body(body, kind));
    }
    let built = mail::addressed(mail, &everybody, subject, id).multipart(parts);
    let message =
        built.map_err(|error| Failure::Refused(format!("the report cannot be written as mail: {error}")))?;
    Ok(Box::new(Written { mail: mail.clone(), to, message }))
}

/// What the letter says.
fn text(period: &str, entry: &Entry, attached: bool, page: Option<&str>) -> String {
    debug_assert_eq!(entry.state, State::Made, "only what was made is sent");
    let mut text = format!("Report of {} for {period}", entry.about);
    if let Some(form) = &entry.form {
        let _fits = write!(text, ", form {form}");
    }
    if let Some(issued) = &entry.issued {
        let _fits = write!(text, ".\nIssued as {issued}: late data never change it");
    }
    let made = Timestamp(entry.made_ms.unwrap_or_default());
    let where_to = if attached { "Attached" } else { "Too large to be attached" };
    let _fits = write!(text, ".\nMade at {made}.\n\n{where_to}, each with its SHA-256:\n");
    for file in &entry.files {
        let _fits = write!(text, "\n  {} ({} bytes)\n  {}\n", file.name, file.bytes, file.sha256);
    }
    if !attached {
        let _fits = write!(text, "\nThey are in {} on the collector's machine.\n", entry.folder.display());
    }
    if !entry.missing.is_empty() {
        let names: Vec<&str> = entry.missing.iter().map(|missing| missing.name.as_str()).collect();
        let _fits = write!(text, "\nNot printed: {}.", names.join(", "));
        text.push_str(if entry.waits_for_printer() {
            " It is tried again, and will then be where the others are.\n"
        } else {
            "\n"
        });
    }
    if let Some(page) = page {
        let _fits = write!(text, "\nAll reports: {page}/reports\n");
    }
    text
}
