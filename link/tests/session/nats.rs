//! The session against the MQTT of a real nats-server.

use crate::broker::free_port;
use crate::{Peer, config, message, text};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use wattledger_link::session::SessionEvent;
use wattledger_model::name::Name;

const PLACES: [&str; 3] = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];

struct Nats {
    child: Child,
    port: u16,
    // Removed when the server has ended.
    _dir: TempDir,
}

impl Nats {
    /// `None`, said loudly, where nats-server is not installed.
    fn start() -> Option<Nats> {
        let Some(program) = PLACES.into_iter().find(|place| Path::new(place).exists()) else {
            let text = "SKIPPED: NATS is not installed (Debian: apt-get install nats-server)";
            assert!(std::env::var("CI").is_err(), "{text}; CI skips nothing");
            eprintln!("\n*** {text} ***\n");
            return None;
        };
        let dir = tempfile::tempdir().expect("a directory");
        let (port, own) = (free_port(), free_port());
        let file = dir.path().join("nats.conf");
        let written = format!(
            "server_name: session\nlisten: \"127.0.0.1:{own}\"\njetstream {{ store_dir: \"{}\" }}\n\
             mqtt {{ listen: \"127.0.0.1:{port}\" }}\n",
            dir.path().display()
        );
        std::fs::write(&file, written).expect("the configuration");
        let mut child =
            Command::new(program).arg("-c").arg(&file).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let said = lines.by_ref().map_while(Result::ok).find(|line| line.ends_with("Server is ready"));
        assert!(said.is_some(), "nats-server ended at its start");
        // Goes on reading, so that the server never blocks on a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Nats { child, port, _dir: dir })
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_session_over_nats_keeps_what_comes_while_we_are_away() {
    let Some(nats) = Nats::start() else { return };
    let mut listener = Peer::connected(config(nats.port, "listener", &["hall/+/energy"])).await;
    let mut speaker = Peer::connected(config(nats.port, "speaker", &[])).await;
    let first = speaker.publish(message("hall/a/energy", "1")).await;
    assert_eq!(speaker.published().await, first);
    let delivery = listener.delivery().await;
    assert_eq!((delivery.topic.as_str(), text(&delivery).as_str()), ("hall/a/energy", "1"));
    listener.session.acknowledge(&delivery);
    listener.close().await;

    let second = speaker.publish(message("hall/b/energy", "2")).await;
    assert_eq!(speaker.published().await, second);
    let mut listener = Peer::start(config(nats.port, "listener", &["hall/+/energy"]));
    let delivery = listener.delivery().await;
    assert_eq!((delivery.topic.as_str(), text(&delivery).as_str()), ("hall/b/energy", "2"));
    listener.session.acknowledge(&delivery);
    listener.close().await;
    speaker.close().await;
}

#[tokio::test]
async fn a_filter_that_nats_does_not_take_is_told_and_the_others_are_served() {
    let Some(nats) = Nats::start() else { return };
    for filter in ["hall.1/+/energy", "hall/floor 1/energy"] {
        let mut peer = Peer::start(config(nats.port, "listener", &["hall/+/energy", filter]));
        let refused = loop {
            if let SessionEvent::SubscriptionRefused { filter } = peer.event().await {
                break filter;
            }
        };
        assert_eq!(refused, filter);
        peer.wait_connected().await;
        peer.publish(message("hall/a/energy", filter)).await;
        let delivery = peer.delivery().await;
        assert_eq!(text(&delivery), filter);
        peer.session.acknowledge(&delivery);
        peer.close().await;
    }
}

/// Which is why a name, of which our topics are made, has neither.
#[tokio::test]
async fn nats_ends_the_connection_of_who_publishes_with_a_dot_or_a_space() {
    let Some(nats) = Nats::start() else { return };
    for name in ["roof.floor", "roof floor"] {
        let mut peer = Peer::connected(config(nats.port, "speaker", &[])).await;
        peer.publish(message(&format!("wattledger/v1/agent/hall/{name}/readings"), "1")).await;
        peer.disconnected().await;
        assert!(name.parse::<Name>().is_err(), "`{name}` would be a name");
    }
}
