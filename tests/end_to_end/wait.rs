//! Waiting for something that can be asked for: no pause is longer than it has to be, and each has an end.

use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Asks until the answer is `Ok`; fails with the last answer once `limit` has passed.
pub(crate) async fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let started = Instant::now();
    let mut pace = interval(Duration::from_millis(100));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        match ask().await {
            Ok(answer) => return answer,
            Err(seen) if started.elapsed() >= limit => {
                panic!("waited {} s until {what}; last seen: {seen}", limit.as_secs())
            }
            Err(_) => {}
        }
    }
}

/// A limit for what takes no time on an idle machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Waits for the turn of a test that works for minutes: several at once would only be in each other's way.
pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}
