//! The InfluxDB output: a durable cursor over the ledger's change numbers.
//!
//! It holds nobody back: it reads the ledger on a connection of its own, in rounds of bounded size, and a
//! database that is down for a week costs no more than catching up. After catching up, what the database
//! holds is a function of the ledger: the order in which readings came, crashes and restarts leave no trace.
//!
//! - A round's cursor is remembered once the database has taken the round's lines; what was sent and not
//!   remembered is sent again, and overwrites itself.
//! - Databases cannot take a field back. Where a point may have had a field that it has no more (a value that
//!   became undefined, a minute that is missing after all), the point is deleted before it is written.
//!   Dialects without deletion keep the old value beside a coverage of 0.
//! - A facility's points begin with the hour of its first data and end at its horizon; between them, where
//!   nothing is covered, a point says so by its coverage of 0 and has no value.
//! - A change of a facility's definition writes its points again. Series of what is no more (a renamed
//!   facility, the component of a role without meters) stay: history is not deleted.
//! - Local days of single meters go by the readings that came in, not by a facility's horizon.
//! - A new store, another database, a database that lost its data, or another version of the [catalogue](catalog) starts
//!   over; nothing is deleted then.

mod answer;
mod cardinality;
pub mod catalog;
pub mod check;
mod cursor;
mod database;
mod days;
mod decimal;
mod definition;
mod line;
mod live;
mod plan;
mod points;
mod refused;
mod round;
mod run;
mod search;
mod write;
mod written;

#[cfg(test)]
mod tests;

pub use cardinality::most_series;
pub use run::{InfluxError, run};

use super::snapshot::OutputState;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the output does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfluxStatus {
    /// Whether it keeps up.
    pub state: OutputState,
    /// The last change number that is written and remembered.
    pub cursor: u64,
    /// The latest change number that it has seen.
    pub head: u64,
    /// Points written since the collector started.
    pub points: u64,
    /// Points that the database refused for good, or keeps no longer.
    pub refused_points: u64,
    /// Points that should have been deleted, and the database would not.
    pub not_erased: u64,
    /// The latest error, while it lasts.
    pub last_error: Option<String>,
}

impl Default for InfluxStatus {
    fn default() -> InfluxStatus {
        InfluxStatus {
            state: OutputState::Behind,
            cursor: 0,
            head: 0,
            points: 0,
            refused_points: 0,
            not_erased: 0,
            last_error: None,
        }
    }
}

/// Nothing here panics while it holds a lock; if it did, what is behind the lock would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
