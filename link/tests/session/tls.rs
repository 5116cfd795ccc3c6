//! TLS against a real mosquitto that asks for a client certificate.

use crate::authority::Authority;
use crate::broker::{Mosquitto, free_port};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use wattledger_link::session::{Broker, Identity, Qos, Session, SessionConfig, SessionEvent, Tls};

const LONG: Duration = Duration::from_secs(40);

/// What a client of that name, if any, is to the authority's broker.
fn shown(authority: &Authority, client: Option<&str>) -> Tls {
    let identity = client.map(|name| Identity {
        certificate_file: authority.path(&format!("{name}.pem")),
        key_file: authority.path(&format!("{name}.key")),
    });
    Tls { ca_file: Some(authority.path("ca.pem")), identity }
}

/// A broker that lets in who shows a certificate of the authority, with its TLS port.
fn broker(authority: &Authority) -> Option<(Mosquitto, u16)> {
    authority.sign("broker", Some("localhost"));
    let (port, dir) = (free_port(), authority.dir.path().display());
    let lines = format!(
        "allow_anonymous true\nlistener {port} 127.0.0.1\ncafile {dir}/ca.pem\ncertfile {dir}/broker.pem\n\
         keyfile {dir}/broker.key\nrequire_certificate true"
    );
    // Started as root it becomes another user, who must read all this.
    open_to_all(authority.dir.path());
    Some((Mosquitto::start(&lines)?, port))
}

#[cfg(unix)]
fn open_to_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let entries = fs::read_dir(dir).expect("listed").map(|entry| entry.expect("an entry").path());
    for path in entries {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("its owner may");
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("its owner may");
}

fn start(port: u16, host: &str, tls: Tls) -> Receiver<SessionEvent> {
    let mut broker: Broker = format!("mqtts://{host}:{port}").parse().expect("a broker");
    broker.tls = Some(tls);
    let (_, events) = Session::start(SessionConfig {
        broker,
        client_id: "hall".into(),
        clean_session: false,
        keep_alive: Duration::from_secs(5),
        subscriptions: vec![("a/b".into(), Qos::AtLeastOnce)],
        will: None,
        inflight: 20,
        max_packet_bytes: 1 << 20,
        events_limit: 256,
        backoff_seed: 1,
    });
    events
}

async fn next(events: &mut Receiver<SessionEvent>) -> SessionEvent {
    timeout(LONG, events.recv()).await.expect("an event in time").expect("the session lives")
}

async fn refusal(port: u16, host: &str, tls: Tls) -> String {
    match next(&mut start(port, host, tls)).await {
        SessionEvent::Disconnected { reason } => reason,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

#[tokio::test]
async fn who_is_vouched_for_gets_in_and_nobody_else() {
    let authority = Authority::new();
    let Some((_broker, port)) = broker(&authority) else { return };
    authority.sign("hall", None);
    let mut events = start(port, "localhost", shown(&authority, Some("hall")));
    assert!(matches!(next(&mut events).await, SessionEvent::Connected { .. }));

    let stranger = Authority::new();
    stranger.sign("hall", None);
    let mixed = Tls { ca_file: Some(authority.path("ca.pem")), ..shown(&stranger, Some("hall")) };
    for (host, tls, mend) in [
        ("localhost", shown(&stranger, Some("hall")), "as `ca_file`"),
        ("127.0.0.1", shown(&authority, Some("hall")), "a name that its certificate has"),
        ("localhost", mixed, "does not trust the authority"),
        ("localhost", shown(&authority, None), "asks for a `certificate_file`"),
    ] {
        let reason = refusal(port, host, tls).await;
        assert!(reason.contains(mend), "{reason}");
    }
    let reason = refusal(port, "localhost", shown(&authority, Some("missing"))).await;
    assert!(reason.contains("missing.pem"), "{reason}");
}

#[tokio::test]
async fn replaced_certificates_are_used_without_a_restart() {
    let authority = Authority::new();
    let Some((_broker, port)) = broker(&authority) else { return };
    authority.sign("hall", None);
    let mut events = start(port, "localhost", shown(&authority, Some("hall")));
    assert!(matches!(next(&mut events).await, SessionEvent::Connected { .. }));
    authority.sign("hall", None);
    match next(&mut events).await {
        SessionEvent::Disconnected { reason } => assert!(reason.contains("were replaced"), "{reason}"),
        other => panic!("expected the end of the old connection, not {other:?}"),
    }
    assert!(matches!(next(&mut events).await, SessionEvent::Connected { session_present: true }));
}

#[tokio::test]
async fn a_connection_lost_while_files_are_half_replaced_is_made_anew_with_the_last_good_ones() {
    let authority = Authority::new();
    let Some((mut server, port)) = broker(&authority) else { return };
    authority.sign("hall", None);
    let mut events = start(port, "localhost", shown(&authority, Some("hall")));
    assert!(matches!(next(&mut events).await, SessionEvent::Connected { .. }));
    fs::write(authority.path("hall.key"), "half of a key\n").expect("written");
    server.kill();
    server.restart();
    loop {
        match next(&mut events).await {
            SessionEvent::Disconnected { reason } => assert!(!reason.contains("hall.key"), "{reason}"),
            SessionEvent::Connected { .. } => break,
            other => panic!("expected the next connection, not {other:?}"),
        }
    }
}
