//! The signal on which every task of the collector ends.

use tokio::sync::watch;

/// Completes once the collector stops; a sender that is gone is a stop too.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _gone = stop.wait_for(|stop| *stop).await;
}
