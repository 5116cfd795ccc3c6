//! The real broker, with a queue that takes all that comes.

use crate::processes::{Program, Servers, free_port};
use crate::wait::{SOON, until};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use tokio::net::TcpStream;

pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    pub(crate) program: Program,
    config: PathBuf,
}

impl Mosquitto {
    /// A broker with a port of its own that does not run yet; it keeps its state in `folder`.
    pub(crate) fn new(servers: &Servers, folder: &Path, name: &str) -> Mosquitto {
        let port = free_port();
        let state = folder.join(name);
        fs::create_dir(&state).expect("a folder can be made");
        let config = folder.join(format!("{name}.conf"));
        // `user root` keeps a broker started by root from giving up the right to its own folder.
        let text = format!(
            "listener {port} 127.0.0.1\n\
             allow_anonymous true\n\
             user root\n\
             persistence true\n\
             persistence_location {}/\n\
             max_queued_messages 0\n\
             log_dest stderr\n\
             log_type error\n\
             log_type warning\n\
             log_type notice\n\
             log_type subscribe\n",
            state.display()
        );
        fs::write(&config, text).expect("a file can be written");
        let program = Program::new(
            folder,
            name,
            &servers.mosquitto,
            &["-c", config.to_str().expect("paths are UTF-8")],
        );
        Mosquitto { port, program, config }
    }

    /// Makes the broker log every packet from its next start on, which [`Mosquitto::wait_delivered`] reads.
    pub(crate) fn trace(&self) {
        let mut config =
            OpenOptions::new().append(true).open(&self.config).expect("the configuration is there");
        config.write_all(b"log_type debug\n").expect("a file can be written");
    }

    /// Waits until subscribers have acknowledged this many deliveries.
    pub(crate) async fn wait_delivered(&self, count: usize) {
        until(&format!("{count} messages are delivered"), SOON, async || {
            let delivered = self.program.printed().matches("Received PUBACK from").count();
            if delivered >= count { Ok(()) } else { Err(format!("{delivered} are delivered")) }
        })
        .await;
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

    /// Waits until somebody has subscribed to exactly this filter with QoS 1.
    pub(crate) async fn wait_subscribed(&self, filter: &str) {
        let subscribed = format!(" 1 {filter}");
        until(&format!("somebody subscribes to {filter}"), SOON, async || {
            let printed = self.program.printed();
            if printed.lines().any(|line| line.ends_with(&subscribed)) { Ok(()) } else { Err(printed) }
        })
        .await;
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}
