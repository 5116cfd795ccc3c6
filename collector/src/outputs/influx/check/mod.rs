//! A database held against the ledger, and written again from it.
//!
//! What the ledger says is made by what makes the output's points, as the lines that would be written; what the
//! database says is read back over InfluxQL; both are compared point by point and field by field. A time is taken
//! slice by slice, so that a year takes no more memory than a day.
//!
//! Both work beside a running collector. What they see of the ledger is one state of it, and what the database
//! holds may be of an earlier or a later one: so a difference counts where it is still there, and the ledger still
//! says the same, when the output has caught up with that state. What is written again is looked at once more, until
//! it is what the ledger says after it was written: so nothing that the output writes meanwhile is undone.
//!
//! Series of meters, facilities and targets that the configuration has no more are history: they are told of, and
//! neither compared nor deleted.

mod asked;
mod backfill;
mod compare;
mod error;
mod expected;
mod finding;
mod looks;
pub(super) mod parsed;
mod read;
mod verify;

pub use asked::{Asked, USUAL_DAYS};
pub use backfill::{Backfilled, backfill};
pub use error::CheckError;
pub use finding::{Fault, Finding, OtherField};
pub use verify::{Counted, FormerSeries, Verified, verify};

use wattledger_model::time::Timestamp;

/// What happens on the way.
#[derive(Debug)]
pub enum Event<'e> {
    /// Something differs.
    Found(&'e Finding),
    /// Everything up to this time is done, of a time that ends then.
    Reached {
        /// Where the time began.
        from: Timestamp,
        /// Done up to here.
        at: Timestamp,
        /// Where it ends.
        to: Timestamp,
    },
}
