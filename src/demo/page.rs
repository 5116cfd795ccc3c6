//! The page's address: a port that is free, and whether it answers.

use super::DemoError;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// `wanted` if nobody listens there, else the same interface with a free port.
///
/// # Errors
/// [`DemoError::Listen`] for an address that is not of this machine or not allowed.
pub(crate) async fn free_address(wanted: SocketAddr) -> Result<SocketAddr, DemoError> {
    let at = |address: SocketAddr| async move {
        // Dropped at once: the collector opens it again.
        TcpListener::bind(address).await.and_then(|listener| listener.local_addr())
    };
    let failed = |source| DemoError::Listen { address: wanted, source };
    match at(wanted).await {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            at(SocketAddr::new(wanted.ip(), 0)).await.map_err(failed)
        }
        outcome => outcome.map_err(failed),
    }
}

/// Whether the page is served at `address`.
pub(crate) async fn answers(address: SocketAddr) -> bool {
    matches!(tokio::time::timeout(PATIENCE, get_page(address)).await, Ok(Some(true)))
}

async fn get_page(address: SocketAddr) -> Option<bool> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let driving = tokio::spawn(connection);
    let request =
        hyper::Request::get("/").header("host", address.to_string()).body(Empty::<Bytes>::new()).ok()?;
    let answer = sender.send_request(request).await.ok().map(|response| response.status().is_success());
    driving.abort();
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_avoided_and_a_free_one_kept() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = taken.local_addr().expect("bound");
        let other = free_address(address).await.expect("there are free ports");
        assert!(other.ip() == address.ip() && other.port() != address.port());
        drop(taken);
        assert_eq!(free_address(address).await.expect("free again"), address);
        assert!(!answers(address).await);
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        let foreign = "192.0.2.1:8080".parse().expect("an address");
        assert!(matches!(free_address(foreign).await, Err(DemoError::Listen { .. })));
    }
}
