//! A mosquitto of our own, on a free loopback port, that a test may kill.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const PLACES: [&str; 3] = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];

pub(crate) struct Mosquitto {
    child: Child,
    dir: TempDir,
    program: &'static str,
    pub(crate) port: u16,
}

impl Mosquitto {
    /// Starts a broker with these lines of configuration beside its listener; `None`, said loudly, where
    /// mosquitto is not installed.
    pub(crate) fn start(more: &str) -> Option<Mosquitto> {
        let Some(program) = PLACES.into_iter().find(|place| Path::new(place).exists()) else {
            let text = "SKIPPED: mosquitto is not installed (Debian: apt-get install mosquitto)";
            assert!(std::env::var("CI").is_err(), "{text}; CI skips nothing");
            eprintln!("\n*** {text} ***\n");
            return None;
        };
        let dir = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let config = format!("listener {port} 127.0.0.1\npersistence false\n{more}\n");
        std::fs::write(dir.path().join("mosquitto.conf"), config).expect("the configuration");
        let child = run(program, dir.path());
        Some(Mosquitto { child, dir, program, port })
    }

    pub(crate) fn open() -> Option<Mosquitto> {
        Mosquitto::start("allow_anonymous true")
    }

    /// `kill -9`: sessions, retained and queued messages are gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        self.child = run(self.program, self.dir.path());
    }

    /// Stops it in its tracks, or lets it go on.
    pub(crate) fn freeze(&self, freeze: bool) {
        let signal = if freeze { "-STOP" } else { "-CONT" };
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Starts it and waits until it says that it runs.
fn run(program: &str, dir: &Path) -> Child {
    let mut child = Command::new(program)
        .arg("-c")
        .arg(dir.join("mosquitto.conf"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("mosquitto starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let said = lines.by_ref().map_while(Result::ok).find(|line| line.ends_with(" running"));
    assert!(said.is_some(), "mosquitto ended at its start");
    // Goes on reading, so that the broker never blocks on a full pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    child
}
