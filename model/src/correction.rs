//! What an operator entered because no reading says it. Each stands in the audit chain with who and why.

use crate::decimal::Decimal;
use crate::time::Timestamp;

/// A correction of one meter's ledger. Amounts are in the quantity's base unit (µWh, mL, mg).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// Readings in `[from, to)` do not count.
    Exclude {
        /// First instant that does not count.
        from: Timestamp,
        /// First instant after it that counts again.
        to: Timestamp,
    },
    /// What passed in the time of `[from, to)` of which nothing is known: booked as estimated, spread evenly
    /// over the missing time in it. It never touches what is known.
    Entry {
        /// Begin.
        from: Timestamp,
        /// End.
        to: Timestamp,
        /// What passed.
        amount: i128,
    },
    /// What passed in the steps between readings that lie wholly in `[from, to]` and could not be measured
    /// (reset, jump, undecidable): booked as estimated, instead of what was estimated or missing.
    Settle {
        /// At or before the step's earlier reading.
        from: Timestamp,
        /// At or after the step's later reading.
        to: Timestamp,
        /// What passed.
        amount: i128,
    },
    /// The instrument was exchanged, with the signed-off registers of the old and the new one in raw units.
    Exchange {
        /// When.
        at: Timestamp,
        /// The old register at its removal.
        last: Decimal,
        /// The new register at its installation.
        first: Decimal,
    },
}
