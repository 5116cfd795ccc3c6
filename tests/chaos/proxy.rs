//! A TCP proxy on loopback that harms what goes through it: it cuts, refuses, delays, throttles, stalls and
//! half-closes. What it passes on, it passes on whole and in order, as a network does.

use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Bytes that are passed on at a time.
const PIECE: usize = 2_048;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToBroker,
    FromBroker,
}

/// What becomes of connections and bytes while it lasts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// New connections are closed at once.
    pub(crate) refuses: bool,
    /// Each piece waits for so long.
    pub(crate) delay: Duration,
    /// Bytes a second, each way.
    pub(crate) rate: Option<u32>,
    /// Nothing goes this way; what is sent is kept.
    pub(crate) stalled: Option<Way>,
}

/// How connections are cut; counts, so that a change is seen.
#[derive(Debug, Clone, Copy, Default)]
struct Cuts {
    count: u64,
    /// By a reset, as where a machine or a table of connections vanished, in place of an orderly end.
    by_reset: bool,
}

#[derive(Debug)]
struct Gate {
    weather: watch::Sender<Weather>,
    cuts: watch::Sender<Cuts>,
    /// The direction that was closed last, and how many were so far.
    halves: watch::Sender<(u64, Way)>,
}

/// A proxy before one broker.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    gate: Arc<Gate>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy with a port of its own before the broker at a port, whether that listens or not.
    pub(crate) async fn before(broker: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let gate = Arc::new(Gate {
            weather: watch::Sender::default(),
            cuts: watch::Sender::default(),
            halves: watch::Sender::new((0, Way::ToBroker)),
        });
        let accepting = tokio::spawn(accept(listener, broker, Arc::clone(&gate)));
        Proxy { port, gate, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Ends every connection that there is.
    pub(crate) fn cut(&self, by_reset: bool) {
        self.gate.cuts.send_modify(|cuts| *cuts = Cuts { count: cuts.count + 1, by_reset });
    }

    /// Closes one direction of every connection that there is; the other goes on until an end has had enough.
    pub(crate) fn close_half(&self, way: Way) {
        self.gate.halves.send_modify(|halves| *halves = (halves.0 + 1, way));
    }

    /// Changes the weather now, and changes it back after a while.
    pub(crate) fn brew(&self, lasts: Duration, worse: impl Fn(&mut Weather), better: fn(&mut Weather)) {
        self.gate.weather.send_modify(worse);
        let gate = Arc::clone(&self.gate);
        tokio::spawn(async move {
            sleep(lasts).await;
            gate.weather.send_modify(better);
        });
    }

    /// Refuses connections and cuts those there are, or takes them again.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.gate.weather.send_modify(|weather| weather.refuses = refuses);
        if refuses {
            self.cut(false);
        }
    }

    /// Everything passes from now on.
    pub(crate) fn calm(&self) {
        self.gate.weather.send_replace(Weather::default());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, broker: u16, gate: Arc<Gate>) {
    loop {
        // Too many open files, say: the next attempt may do.
        let Ok((client, _)) = listener.accept().await else { continue };
        tokio::spawn(connect(client, broker, Arc::clone(&gate)));
    }
}

/// One connection, from its making to its end.
async fn connect(mut client: TcpStream, broker: u16, gate: Arc<Gate>) {
    let mut cuts = gate.cuts.subscribe();
    if gate.weather.borrow().refuses {
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", broker)).await else { return };
    let reset = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::join!(
                pass_on(from_client, to_server, Way::ToBroker, &gate),
                pass_on(from_server, to_client, Way::FromBroker, &gate)
            )
        };
        tokio::select! {
            _ = both => false,
            changed = cuts.changed() => changed.is_ok() && cuts.borrow().by_reset,
        }
    };
    if reset {
        // A socket that is gone already needs no reset.
        for socket in [&client, &server] {
            drop(socket.set_zero_linger());
        }
    }
}

/// Waits until a direction is closed that is not closed yet.
async fn closed(halves: &mut watch::Receiver<(u64, Way)>, way: Way) {
    while halves.changed().await.is_ok() {
        if halves.borrow_and_update().1 == way {
            return;
        }
    }
    // The gate outlives its connections.
    std::future::pending().await
}

/// Passes one direction on, to its end.
async fn pass_on(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, way: Way, gate: &Gate) {
    let mut weather = gate.weather.subscribe();
    let mut halves = gate.halves.subscribe();
    let mut piece = [0; PIECE];
    loop {
        let length = tokio::select! {
            read = from.read(&mut piece) => read.unwrap_or_default(),
            () = closed(&mut halves, way) => break,
        };
        if length == 0 {
            break;
        }
        drop(weather.wait_for(|weather| weather.stalled != Some(way)).await);
        let Weather { delay, rate, .. } = *weather.borrow_and_update();
        let paced =
            rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(length as f64 / f64::from(rate)));
        sleep(delay + paced).await;
        if to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    // The other end may have gone first.
    drop(to.shutdown().await);
    // What is still said is heard by nobody, up to the end of it.
    while from.read(&mut piece).await.is_ok_and(|length| length > 0) {}
}
