//! A mail server on loopback that does as it is told, and keeps what came: SMTP with STARTTLS, or TLS from the first
//! byte, with users and with refusals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// How the server behaves.
#[derive(Default)]
pub(crate) struct Manners {
    /// Its certificate; it offers STARTTLS then.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// TLS is from the first byte.
    pub(crate) at_once: bool,
    /// The user and password that it asks for.
    pub(crate) user: Option<(&'static str, &'static str)>,
    /// What it says to the next recipients of a name, before it takes them.
    pub(crate) refusals: Mutex<BTreeMap<&'static str, VecDeque<&'static str>>>,
    /// So many messages it takes, and goes away before it says so.
    pub(crate) vanishes: Mutex<usize>,
}

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) over_tls: bool,
    pub(crate) user: bool,
    pub(crate) text: String,
}

impl Letter {
    /// The value of a header, unfolded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    got: mpsc::UnboundedReceiver<Letter>,
}

/// What TLS of a server needs.
pub(crate) fn tls(certificate: &Path, key: &Path) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth().with_single_cert(chain, key);
    Arc::new(config.expect("they are a pair"))
}

impl MailServer {
    pub(crate) fn start(manners: Manners) -> MailServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, got) = mpsc::unbounded_channel();
        let manners = Arc::new(manners);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (manners, sender) = (Arc::clone(&manners), sender.clone());
                let Ok(stream) = stream else { return };
                std::thread::spawn(move || drop(talk(stream, &manners, &sender)));
            }
        });
        MailServer { port, got }
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Letter {
        let next = tokio::time::timeout(Duration::from_secs(30), self.got.recv());
        next.await.expect("a message within 30 s").expect("the server runs")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.got.is_empty()
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn upgraded(self, config: &Arc<ServerConfig>) -> io::Result<Wire> {
        match self {
            Wire::Plain(stream) => {
                let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Ok(Wire::Tls(Box::new(StreamOwned::new(session, stream))))
            }
            tls => Ok(tls),
        }
    }

    fn say(&mut self, words: &str) -> io::Result<()> {
        let line = format!("{words}\r\n");
        match self {
            Wire::Plain(stream) => stream.write_all(line.as_bytes()),
            Wire::Tls(stream) => stream.write_all(line.as_bytes()).and_then(|()| stream.flush()),
        }
    }

    /// A line with its end; an error where there is none any more.
    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            match self {
                Wire::Plain(stream) => stream.read_exact(&mut byte)?,
                Wire::Tls(stream) => stream.read_exact(&mut byte)?,
            }
            line.push(byte[0]);
        }
        String::from_utf8(line).map_err(io::Error::other)
    }

    fn is_tls(&self) -> bool {
        matches!(self, Wire::Tls(_))
    }
}

fn talk(stream: TcpStream, manners: &Manners, got: &mpsc::UnboundedSender<Letter>) -> io::Result<()> {
    let mut wire = Wire::Plain(stream);
    if let Some(config) = manners.tls.as_ref().filter(|_| manners.at_once) {
        wire = wire.upgraded(config)?;
    }
    wire.say("220 mail.test ESMTP")?;
    let (mut user, mut to) = (false, String::new());
    loop {
        let line = wire.line()?;
        let line = line.trim_end();
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "EHLO" => {
                wire.say("250-mail.test")?;
                if manners.tls.is_some() && !wire.is_tls() {
                    wire.say("250-STARTTLS")?;
                }
                if manners.user.is_some() {
                    wire.say("250-AUTH PLAIN LOGIN")?;
                }
                wire.say("250 8BITMIME")?;
            }
            "STARTTLS" => {
                wire.say("220 go ahead")?;
                wire = wire.upgraded(manners.tls.as_ref().expect("it was offered"))?;
            }
            "AUTH" => {
                let (name, password) = manners.user.expect("it was offered");
                let right = format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{name}\0{password}")));
                user = line == right;
                wire.say(if user { "235 welcome" } else { "535 5.7.8 wrong user or password" })?;
            }
            "MAIL" if manners.user.is_some() && !user => wire.say("530 5.7.0 who are you?")?,
            "MAIL" => wire.say("250 ok")?,
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                let mut refusals = manners.refusals.lock().expect("no panic");
                let refusal = refusals.get_mut(to.as_str()).and_then(VecDeque::pop_front);
                wire.say(refusal.unwrap_or("250 ok"))?;
            }
            "DATA" => {
                wire.say("354 go ahead")?;
                let mut text = String::new();
                loop {
                    let line = wire.line()?;
                    if line == ".\r\n" {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                drop(got.send(Letter { to: to.clone(), over_tls: wire.is_tls(), user, text }));
                let mut vanishes = manners.vanishes.lock().expect("no panic");
                if *vanishes > 0 {
                    *vanishes -= 1;
                    return Ok(());
                }
                drop(vanishes);
                wire.say("250 taken")?;
            }
            "QUIT" => return wire.say("221 bye"),
            _ => wire.say("502 what?")?,
        }
    }
}
