//! The one place that asks the machine what time it is.

use std::time::{SystemTime, UNIX_EPOCH};
use wattledger_model::time::Timestamp;

/// Now, by the machine's clock.
pub fn now() -> Timestamp {
    // A clock before 1970 is refused downstream like any other unbelievable time.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
