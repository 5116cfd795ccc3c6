//! What a broker kept for us comes before its answer to our subscriptions, and may be much.

use crate::{Peer, config};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use wattledger_link::session::{SessionConfig, SessionEvent};

/// A broker that has so many messages for us, two a second, and only then answers.
async fn answer_late(mut socket: TcpStream, messages: u8) {
    let mut packet = [0; 512];
    assert!(socket.read(&mut packet).await.expect("CONNECT") > 0);
    socket.write_all(&[0x20, 2, 1, 0]).await.expect("CONNACK");
    assert!(socket.read(&mut packet).await.expect("SUBSCRIBE") > 0);
    let subscribed = [packet[2], packet[3]];
    for number in 1..=messages {
        sleep(Duration::from_millis(500)).await;
        let publish = [0x32, 6, 0, 1, b'a', 0, number, b'x'];
        socket.write_all(&publish).await.expect("the session has not given up");
    }
    socket.write_all(&[0x90, 3, subscribed[0], subscribed[1], 1]).await.expect("SUBACK");
    // Acknowledgements, up to the end.
    while socket.read(&mut packet).await.is_ok_and(|bytes| bytes > 0) {}
}

#[tokio::test]
async fn a_broker_that_still_sends_what_it_kept_has_not_fallen_silent() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // Longer than a silent broker is waited for.
    let broker = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("the session connects");
        answer_late(socket, 24).await;
    });
    // This broker answers no pings.
    let config = SessionConfig { keep_alive: Duration::from_secs(60), ..config(port, "late", &["a"]) };
    let mut peer = Peer::start(config);
    let mut taken = 0;
    loop {
        match peer.event().await {
            SessionEvent::Message(delivery) => {
                peer.session.acknowledge(&delivery);
                taken += 1;
            }
            SessionEvent::Connected { session_present } => break assert!(session_present),
            other => panic!("after {taken} messages: {other:?}"),
        }
    }
    assert_eq!(taken, 24);
    peer.close().await;
    broker.await.expect("it was spoken to as expected");
}
