//! A connection to upsd: one command at a time, each with a limit on its time and on what it may bring.

use super::protocol::{quoted, words};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wattledger_link::session::{Secret, SecretError};

/// For each command and its whole answer, and for connecting.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// A line is far shorter: upsd's own limit on a value is 256 characters.
const LINE_BYTES: usize = 8 << 10;
/// Lines of one list: a UPS with many outlets has some hundred variables.
const LINES: usize = 4_096;

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NutError {
    /// upsd said no; the connection is as good as before.
    #[error("{}", meaning(.0))]
    Refused(String),
    /// The system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// upsd does not answer in time.
    #[error("no answer within {PATIENCE:?}")]
    Silent,
    /// upsd has closed the connection.
    #[error("upsd has closed the connection; `MAXCONN` and `LISTEN` in its upsd.conf say whom it serves")]
    Closed,
    /// Something that is not the protocol.
    #[error("this is not upsd: {0}")]
    Garbled(String),
    /// The password cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A user name or password that cannot be sent.
    #[error("a user name or password with a control character cannot be sent")]
    Unsendable,
}

/// What upsd's words for a refusal mean. Source: RFC 9271.
fn meaning(code: &str) -> String {
    match code {
        "DATA-STALE" => "stale: the driver has not heard from the UPS for a while".to_owned(),
        "DRIVER-NOT-CONNECTED" => "its driver does not run".to_owned(),
        "UNKNOWN-UPS" => "upsd does not know this UPS".to_owned(),
        "ACCESS-DENIED" => "upsd denies access; see its upsd.users".to_owned(),
        code => format!("upsd says {}", code.chars().take(60).collect::<String>()),
    }
}

/// An open connection. One that an error other than a refusal came from is of no use any more.
#[derive(Debug)]
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects, and says who asks where there is a name. upsd checks a password only where it matters to
    /// it; for reading it does not.
    pub(super) async fn open(
        host: &str,
        port: u16,
        login: Option<(&str, Option<&Secret>)>,
    ) -> Result<Connection, NutError> {
        let stream =
            timeout(PATIENCE, TcpStream::connect((host, port))).await.map_err(|_| NutError::Silent)??;
        let mut connection = Connection { stream: BufReader::with_capacity(LINE_BYTES, stream) };
        if let Some((user, password)) = login {
            connection.say("USERNAME", user).await?;
            if let Some(password) = password {
                connection.say("PASSWORD", password.reveal()).await?;
            }
        }
        Ok(connection)
    }

    /// A command that is answered with `OK`.
    async fn say(&mut self, command: &str, said: &str) -> Result<(), NutError> {
        let word = quoted(said).ok_or(NutError::Unsendable)?;
        let answer = async {
            self.send(&format!("{command} {word}\n")).await?;
            self.line().await
        };
        let answer = timeout(PATIENCE, answer).await.map_err(|_| NutError::Silent)??;
        match answer.first().map(String::as_str) {
            Some("OK") => Ok(()),
            // What is told of the answer must not tell the password.
            _ if answer.join(" ").contains(said) => {
                Err(NutError::Garbled("it repeats what it is sent".to_owned()))
            }
            _ => Err(unexpected(&answer)),
        }
    }

    /// The rows of a list, without the words that each begins with: those of the list and of the UPS.
    pub(super) async fn list(&mut self, kind: &str, ups: Option<&str>) -> Result<Vec<Vec<String>>, NutError> {
        let asked = match ups {
            Some(ups) => {
                format!("{kind} {}", quoted(ups).ok_or_else(|| NutError::Garbled("a name".to_owned()))?)
            }
            None => kind.to_owned(),
        };
        timeout(PATIENCE, self.rows(&asked, kind, ups)).await.map_err(|_| NutError::Silent)?
    }

    async fn rows(
        &mut self,
        asked: &str,
        kind: &str,
        ups: Option<&str>,
    ) -> Result<Vec<Vec<String>>, NutError> {
        self.send(&format!("LIST {asked}\n")).await?;
        let head: Vec<&str> = std::iter::once(kind).chain(ups).collect();
        let frame = |word| [word, "LIST"].into_iter().chain(head.iter().copied()).collect::<Vec<&str>>();
        let begin = self.line().await?;
        if begin != frame("BEGIN") {
            return Err(unexpected(&begin));
        }
        let mut rows = Vec::new();
        while rows.len() < LINES {
            let line = self.line().await?;
            if line == frame("END") {
                return Ok(rows);
            }
            let Some(row) = line.strip_prefix(&head.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()[..])
            else {
                return Err(unexpected(&line));
            };
            rows.push(row.to_vec());
        }
        Err(NutError::Garbled(format!("a list of more than {LINES} lines")))
    }

    async fn send(&mut self, line: &str) -> Result<(), NutError> {
        Ok(self.stream.get_mut().write_all(line.as_bytes()).await?)
    }

    /// The words of the next line.
    async fn line(&mut self) -> Result<Vec<String>, NutError> {
        let mut line = Vec::new();
        loop {
            let buffer = self.stream.fill_buf().await?;
            if buffer.is_empty() {
                return Err(NutError::Closed);
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&buffer[..end.unwrap_or(buffer.len())]);
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.stream.consume(used);
            if line.len() > LINE_BYTES {
                return Err(NutError::Garbled(format!("a line of more than {LINE_BYTES} bytes")));
            }
            if end.is_some() {
                let text = String::from_utf8_lossy(&line);
                return words(&text).map_err(|why| NutError::Garbled(format!("a line {why}")));
            }
        }
    }
}

/// An answer that is a refusal, or none that the protocol has here.
fn unexpected(answer: &[String]) -> NutError {
    match answer {
        [err, code, ..] if err == "ERR" => NutError::Refused(code.clone()),
        _ => NutError::Garbled(format!("`{}`", answer.join(" ").chars().take(60).collect::<String>())),
    }
}
