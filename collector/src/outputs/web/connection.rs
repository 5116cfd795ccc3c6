//! Connections: accepting, limits, and the end of them all at `stop`.

use super::events::{self, Cause};
use super::{Shared, stopped};
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Both ends of the connection a request came by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
}

/// Wait after a failed accept: mostly no file descriptors are left, and asking at once again would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves connections until `stop`, then waits for open ones, but not longer than the drain time.
pub(super) async fn accept_until_stopped(
    listener: TcpListener,
    app: Router,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let http = protocol(&shared);
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = open.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((_, peer)) if open.len() >= shared.options.connections => {
                shared.refusals.refused(Cause::Connections, Some(peer), "too many connections");
            }
            Ok((stream, peer)) => {
                if let Ok(local) = stream.local_addr() {
                    let ends = Ends { local, peer };
                    open.spawn(run(http.clone(), stream, ends, app.clone(), shared.stop.clone()));
                }
            }
            Err(error) => {
                events::accept_failed(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ =
        tokio::time::timeout(shared.options.drain, async { while open.join_next().await.is_some() {} }).await;
    open.shutdown().await;
}

fn protocol(shared: &Shared) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(shared.options.header_timeout)
        .max_header_size(shared.options.header_bytes)
        // The buffer must hold the largest header and never be below what hyper asks for.
        .max_buf_size((2 * shared.options.header_bytes).max(16 * 1024));
    http
}

async fn run(
    http: http1::Builder,
    stream: TcpStream,
    ends: Ends,
    app: Router,
    mut stop: watch::Receiver<bool>,
) {
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ends);
        app.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        events::connection_broken(ends.peer, &error);
    }
}
