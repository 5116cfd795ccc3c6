//! The real broker.

use crate::processes::{Program, free_port};
use crate::wait::{SOON, until};
use std::fs;
use std::path::{Path, PathBuf};
use tokio::net::TcpStream;

/// The program, and what it is called in words.
pub(crate) const MOSQUITTO: (&str, &str) = ("mosquitto", "mosquitto (Debian: mosquitto)");

/// Settings of a broker that everybody may use, with a queue that takes all that comes.
pub(crate) const ROOMY: &str = "allow_anonymous true\nmax_queued_messages 0\n";

pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    pub(crate) program: Program,
    /// Where its configuration and its state are.
    pub(crate) home: PathBuf,
}

impl Mosquitto {
    /// A broker with a port of its own that does not run yet, with these settings; it keeps its state in a folder
    /// below `folder`.
    pub(crate) fn new(program: &Path, folder: &Path, name: &str, settings: &str) -> Mosquitto {
        let port = free_port();
        let home = folder.join(name);
        fs::create_dir(&home).expect("a folder can be made");
        let config = home.join("mosquitto.conf");
        // `user root` keeps a broker started by root from giving up the right to its own folder.
        let text = format!(
            "listener {port} 127.0.0.1\n\
             user root\n\
             persistence true\n\
             persistence_location {}/\n\
             log_dest stderr\n\
             log_type error\n\
             log_type warning\n\
             log_type notice\n\
             log_type subscribe\n\
             {settings}",
            home.display()
        );
        fs::write(&config, text).expect("a file can be written");
        let program = Program::new(folder, name, program, &["-c", config.to_str().expect("paths are UTF-8")]);
        Mosquitto { port, program, home }
    }

    /// Starts the broker and waits until it listens.
    pub(crate) async fn start(&mut self) {
        self.program.start();
        let port = self.port;
        let program = &mut self.program;
        until("mosquitto listens", SOON, async || {
            program.expect_running()?;
            TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())
        })
        .await;
    }

    /// Waits until this client has subscribed to exactly this filter with QoS 1.
    pub(crate) async fn wait_subscribed(&self, client: &str, filter: &str) {
        let subscribed = format!(" {client} 1 {filter}");
        until(&format!("{client} subscribes to {filter}"), SOON, async || {
            let printed = self.program.printed();
            if printed.lines().any(|line| line.ends_with(&subscribed)) { Ok(()) } else { Err(printed) }
        })
        .await;
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}
