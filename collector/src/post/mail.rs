//! Electronic mail: one conversation with the server for each recipient, so that what one of them refuses costs no
//! other anything and nobody gets a message twice for it.

use super::{Failure, described};
use crate::config::{Mail, MailSecurity};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MessageBuilder};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use std::time::Duration;
use tokio::time::timeout;

/// Servers may take their time: each step has this many times what an HTTP answer has.
const PATIENCE: u32 = 6;

/// Hands a message over for one recipient. `answer` is how long an HTTP server would have for its answer.
///
/// # Errors
/// [`Failure::Refused`] where the server refuses the recipient or the message for good (5xx); [`Failure::Later`]
/// for 4xx, and for whatever is wrong with the server, the connection or our access to it.
pub(crate) async fn send(
    mail: &Mail,
    to: &Mailbox,
    message: &Message,
    answer: Duration,
) -> Result<(), Failure> {
    let patience = answer.saturating_mul(PATIENCE);
    let talking = async {
        let mut server = connected(mail, patience).await?;
        let outcome = handed_over(&mut server, mail, to, message).await;
        match outcome {
            // It has the message; that it may not say goodbye does not matter.
            Ok(()) => drop(server.quit().await),
            Err(_) => server.abort().await,
        }
        outcome
    };
    match timeout(patience.saturating_mul(2), talking).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::later(format!("the mail server {} does not answer", mail.host))),
    }
}

/// The head of a message that a machine sends: from whom, to whom, about what, under which id.
pub(crate) fn addressed(mail: &Mail, to: &[Mailbox], subject: String, id: String) -> MessageBuilder {
    let mut builder = Message::builder()
        .from(mail.from.clone())
        .subject(subject)
        .message_id(Some(id))
        // Not to be answered by machines (RFC 3834, 5).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for to in to {
        builder = builder.to(to.clone());
    }
    builder
}

/// A `Message-ID` that is the same whenever it is made of the same parts.
pub(crate) fn id(mail: &Mail, parts: &[&str]) -> String {
    let left: Vec<String> = parts.iter().map(|part| atom(part)).collect();
    format!("<{}@{}>", left.join("."), mail.from.email.domain())
}

/// A text as a part of the left side of a `Message-ID`: an atom of RFC 5322, 3.2.3.
fn atom(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// Connects, and says who we are. Whatever goes wrong here is not the message's fault.
async fn connected(mail: &Mail, patience: Duration) -> Result<AsyncSmtpConnection, Failure> {
    let later = |what: &'static str| {
        move |error: Error| {
            Failure::later(format!("mail server {}: {what}: {}", mail.host, described(&error)))
        }
    };
    let hello = ClientId::default();
    let at_once = match mail.security {
        MailSecurity::Tls => Some(tls(mail)?),
        MailSecurity::StartTls | MailSecurity::Plain => None,
    };
    let server = (mail.host.as_str(), mail.port);
    let connecting = AsyncSmtpConnection::connect_tokio1(server, Some(patience), &hello, at_once, None);
    let mut server = connecting.await.map_err(later("cannot connect"))?;
    if mail.security == MailSecurity::StartTls {
        server.starttls(tls(mail)?, &hello).await.map_err(later("STARTTLS"))?;
    }
    if let Some(user) = &mail.user {
        let password = user.password.value.read().map_err(|error| Failure::later(error.to_string()))?;
        let credentials = Credentials::new(user.name.clone(), password.reveal().to_owned());
        server.auth(DEFAULT_MECHANISMS, &credentials).await.map_err(later("refuses the user"))?;
    }
    Ok(server)
}

/// What TLS needs, from the files as they are now.
fn tls(mail: &Mail) -> Result<TlsParameters, Failure> {
    // One provider for the whole process; that it is installed already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = TlsParametersBuilder::new(mail.host.clone());
    if let Some(path) = &mail.ca_file {
        let cannot = |why: String| Failure::later(format!("cannot use {}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
        let authority = Certificate::from_pem(&pem).map_err(|error| cannot(error.to_string()))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    builder.build().map_err(|error| Failure::later(format!("TLS cannot be set up: {}", described(&error))))
}

/// Hands a message over for one recipient.
async fn handed_over(
    server: &mut AsyncSmtpConnection,
    mail: &Mail,
    to: &Mailbox,
    message: &Message,
) -> Result<(), Failure> {
    let text = message.formatted();
    let from = Some(mail.from.email.clone());
    let mut parameters = Vec::new();
    let offers = |what: Extension| server.server_info().supports_feature(what);
    if [&mail.from, to].iter().any(|one| !one.email.to_string().is_ascii()) {
        if !offers(Extension::SmtpUtfEight) {
            let why = format!("the server takes no addresses such as {}", to.email);
            return Err(Failure::Refused(why));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !text.is_ascii() && offers(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let says = |error: &Error| format!("mail server {} to {}: {}", mail.host, to.email, described(error));
    // Who may send is a matter of the configuration.
    server.command(From::new(from, parameters)).await.map_err(|error| Failure::later(says(&error)))?;
    let judged = |error: Error| match error.is_permanent() {
        true => Failure::Refused(says(&error)),
        false => Failure::later(says(&error)),
    };
    server.command(Rcpt::new(to.email.clone(), Vec::new())).await.map_err(judged)?;
    server.command(Data).await.map_err(judged)?;
    server.message(&text).await.map(drop).map_err(judged)
}
